//! What scales a block of instances where ECS does not: policies of its group.
//!
//! Decides which values make sense. Must not know how many instances there are.

use std::collections::BTreeMap;

use super::context::Lowering;
use super::place::Place;
use crate::config::shape::{InstanceTracking, InstancesTable};
use crate::kinds::{AutoScalingGroup, GroupTracking};

/// The policies of the block at `place`, by the words for what they keep.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &InstancesTable,
) -> BTreeMap<String, GroupTracking> {
    let Some(scaling) = &table.scaling else { return BTreeMap::new() };
    let place = place.at("scaling");
    if table.managed_scaling {
        lowering
            .report(&place, "ECS scales these instances already, by what its tasks need")
            .help("set `managed_scaling = false`, or leave `scaling` out: AWS advises against both at once");
    }
    let metrics = [
        ("cpu", AutoScalingGroup::CPU, &scaling.cpu),
        ("network_in", AutoScalingGroup::NETWORK_IN, &scaling.network_in),
        ("network_out", AutoScalingGroup::NETWORK_OUT, &scaling.network_out),
    ];
    let mut policies = BTreeMap::new();
    for (word, metric, tracking) in metrics {
        let Some(tracking) = tracking else { continue };
        let full = tracking.full();
        if word == "cpu" && full.target > 100 {
            let place = place.at(word);
            let place =
                if matches!(tracking, InstanceTracking::Full(_)) { place.at("target") } else { place };
            lowering
                .report(&place, format!("{} percent of the cpu", full.target))
                .help("instances have 100 at most, so none would ever be added");
        }
        let policy = GroupTracking {
            metric: metric.to_owned(),
            #[expect(clippy::cast_precision_loss, reason = "such numbers mean nothing here")]
            target: full.target as f64,
            warmup_seconds: full.warmup,
            disable_scale_in: full.disable_scale_in,
        };
        policies.insert(word.to_owned(), policy);
    }
    if policies.is_empty() {
        lowering
            .report(&place, "nothing says when instances come and go")
            .help("add `cpu`, `network_in` or `network_out`, such as `cpu = 60`");
    }
    policies
}
