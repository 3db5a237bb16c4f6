//! The files in buckets: listed once it is known which buckets hold any.

use neap_core::address::Kind;
use neap_core::desired::Desired;
use neap_core::files::live::{leaving, shelves, without_objects};
use neap_core::live::{Live, Reading};

use super::failure;
use crate::services::objects;
use crate::sim::Sim;

/// Adds what the stack's buckets hold to what was read.
pub(super) async fn read(sim: &Sim, desired: &Desired, live: &mut Live) {
    let wanted = desired.resources.keys().filter(|address| address.kind() == Kind::BucketFiles);
    let absent: Vec<_> =
        wanted.map(|address| (address.clone(), without_objects(address, &live.readings))).collect();
    live.readings.extend(absent);
    let mut found = Vec::new();
    for shelf in shelves(desired, &live.readings) {
        let objects = objects::all(sim, &shelf.address, shelf.bucket.resource.aws_name()).await;
        let outcome =
            objects.map(|objects| shelf.live(&desired.stack, objects, &live.readings)).map_err(failure);
        found.push((shelf.address.clone(), shelf.wanted.is_some(), outcome));
    }
    for (address, is_wanted, outcome) in found {
        match outcome {
            Ok(None) => {}
            Ok(Some(files)) if is_wanted => {
                drop(live.readings.insert(address, Reading::Present(Box::new(files))));
            }
            Ok(Some(files)) => live.orphans.push(files),
            Err(failure) if is_wanted => drop(live.readings.insert(address, Reading::Unreadable(failure))),
            Err(failure) => live.failures.push(failure),
        }
    }
}

/// Adds what neap has not uploaded and an apply would delete.
pub(super) async fn holdings(sim: &Sim, live: &mut Live) {
    let mut found = Vec::new();
    for (bucket, has_files) in leaving(&live.orphans) {
        let name = bucket.resource.aws_name();
        let outcome = objects::holding(sim, &bucket.address, name, has_files).await;
        found.push((name.to_owned(), outcome.map_err(failure)));
    }
    for (name, outcome) in found {
        match outcome {
            Ok(holding) => live.holdings.extend(holding.map(|holding| (name, holding))),
            Err(failure) => live.failures.push(failure),
        }
    }
}
