//! The files in buckets and the images in repositories: listed once it is known which of those are to be looked into.

use neap_core::address::Kind;
use neap_core::desired::Desired;
use neap_core::files::live::{shelves, without_objects};
use neap_core::leaving;
use neap_core::live::{Holding, Live, Reading};

use super::{attempt, failure};
use crate::services::objects;
use crate::sim::Sim;

/// The most images on a page.
const PAGE: u64 = 1000;

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
    for (bucket, has_files) in leaving::buckets(&live.orphans) {
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

/// Adds the images in the repositories that an apply would delete, as far as a page shows them.
pub(super) async fn images(sim: &Sim, desired: &Desired, live: &mut Live) {
    let mut found = Vec::new();
    for repository in leaving::repositories(desired, &live.readings, &live.orphans) {
        let outcome = attempt(sim, "ecr:DescribeImages", Some(&repository.address)).await;
        let items = sim.look(|world| world.held(&repository.outputs["arn"]).items);
        found.push((repository.resource.aws_name().to_owned(), outcome.map(|()| items).map_err(failure)));
    }
    for (name, outcome) in found {
        match outcome {
            Ok(0) => {}
            Ok(items) => {
                let holding = Holding { items: items.min(PAGE), more: items > PAGE };
                live.images.insert(name, holding);
            }
            Err(failure) => live.failures.push(failure),
        }
    }
}
