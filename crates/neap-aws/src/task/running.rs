//! Task definitions whose images others own: what their service runs, whoever has registered it.
//!
//! Decides which revision of such a family is meant. Must not know what a plan carries forward.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::TaskDefinitionStatus;
use futures_util::future::join_all;
use neap_core::address::Address;
use neap_core::desired::{Desired, TAG_STACK};
use neap_core::live::{LiveResource, Reading};
use neap_core::ownership::{self, Running};
use neap_engine::cloud::CallError;

use super::{describe, list, live, number};
use crate::client::Aws;
use crate::found::Outcome;

/// Reads the tasks whose images others own once more: what their service runs, whoever has registered it.
pub(crate) async fn read_running(
    aws: &Aws,
    desired: &Desired,
    readings: &BTreeMap<Address, Reading>,
) -> Vec<Outcome> {
    let running = ownership::running(desired, readings);
    let known = running
        .values()
        .filter(|running| !matches!(readings.get(running.address), Some(Reading::Unreadable(_))));
    let outcomes = join_all(known.map(|running| run(aws, &desired.stack, running, readings))).await;
    outcomes.into_iter().flatten().collect()
}

async fn run(
    aws: &Aws,
    stack: &str,
    running: &Running<'_>,
    readings: &BTreeMap<Address, Reading>,
) -> Option<Outcome> {
    let address = running.address;
    let outcome = match running.arn {
        Some(arn) => {
            let revision = describe(aws, arn).await;
            let live = revision.map(|it| it.and_then(|it| live(&it, Some(address))));
            live.map(|live| live.map(|live| running.granted(stack, live)))
        }
        // Revisions of nobody in particular are those of a pipeline, which overwrite nothing and are not overwritten.
        None if is_unmarked(readings.get(address)) => newest_of(aws, running.family, stack, address).await,
        None => return None,
    };
    Some((Some(address.clone()), outcome))
}

fn is_unmarked(reading: Option<&Reading>) -> bool {
    matches!(reading, Some(Reading::Foreign(live)) if !live.tags.contains_key(TAG_STACK))
}

/// The newest active revision of a family that carries the marks of `stack`. A pipeline's may be newer.
async fn newest_of(
    aws: &Aws,
    family: &str,
    stack: &str,
    address: &Address,
) -> Result<Option<LiveResource>, CallError> {
    let mut arns = list(aws, family, TaskDefinitionStatus::Active).await?;
    arns.sort_by_key(|arn| std::cmp::Reverse(number(arn)));
    for arn in arns {
        let live = describe(aws, &arn).await?.and_then(|revision| live(&revision, Some(address)));
        if let Some(live) = live.filter(|live| live.is_of(stack)) {
            return Ok(Some(live));
        }
    }
    Ok(None)
}
