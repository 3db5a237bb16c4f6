//! Task definitions whose images others own: what their service runs, whoever has registered it.
//!
//! Decides which revision of such a family is meant. Must not know what a plan carries forward.

use std::collections::BTreeMap;

use neap_core::address::Address;
use neap_core::desired::{Desired, TAG_STACK};
use neap_core::live::Reading;
use neap_core::ownership;

use crate::record::Record;
use crate::services::ecs::task;
use crate::world::World;

/// Puts the revision that runs in the place of the latest one, as `ecs:DescribeTaskDefinition` shows it by its ARN.
pub(super) fn read(world: &World, desired: &Desired, readings: &mut BTreeMap<Address, Reading>) {
    let mut found = Vec::new();
    for (address, running) in ownership::running(desired, readings) {
        if matches!(readings.get(address), Some(Reading::Unreadable(_))) {
            continue;
        }
        let live = |record: &Record| Box::new(record.to_live(address, world.now));
        let reading = match running.arn.and_then(|arn| world.record(arn)) {
            Some(record) => {
                let live = Box::new(running.granted(&desired.stack, *live(record)));
                if live.is_of(&desired.stack) { Reading::Present(live) } else { Reading::Foreign(live) }
            }
            // Revisions of nobody in particular are those of a pipeline, which overwrite nothing and are not overwritten.
            None if is_unmarked(readings.get(address)) => {
                let newest = task::newest_of(world, running.family, &desired.stack);
                newest.map_or(Reading::Absent, |record| Reading::Present(live(record)))
            }
            None => continue,
        };
        found.push((address.clone(), reading));
    }
    readings.extend(found);
}

fn is_unmarked(reading: Option<&Reading>) -> bool {
    matches!(reading, Some(Reading::Foreign(live)) if !live.tags.contains_key(TAG_STACK))
}
