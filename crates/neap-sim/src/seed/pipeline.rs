//! A pipeline that deploys a new image by itself: it registers a revision and moves the service to it.
//!
//! Decides what is live afterwards. Must not know that a stack leaves the image to it.

use std::collections::BTreeMap;

use neap_core::kinds::{Service, Task};

use super::{Deploys, place, tagged};
use crate::error::SimError;
use crate::record::Fields;
use crate::world::World;

/// Registers a revision of what the service runs with another image, and lets the service run it unless that fails.
pub(super) fn deploy(world: &mut World, deploys: &Deploys) -> Result<(), SimError> {
    let fault = |what: &str| SimError::Script(format!("{}: {what}", deploys.service));
    let service =
        tagged(world, &deploys.service)?.into_iter().find_map(|record| Service::of(&record.resource));
    let runs = service.ok_or_else(|| fault("it is no service"))?.task.clone();
    let (record, task) = world.get::<Task>(&runs).ok_or_else(|| fault("it runs no task definition"))?;
    let tags = if deploys.copies_tags { record.tags.clone() } else { BTreeMap::new() };
    let mut task = task.clone();
    if let Some(family) = &deploys.family {
        task.family.clone_from(family);
    }
    let container = task.containers.get_mut(&deploys.container);
    container.ok_or_else(|| fault("its task has no such container"))?.image.clone_from(&deploys.image);
    let revision = place(world, task.into(), &tags);
    let arn = revision.arn.clone();
    world.insert(revision);
    if deploys.fails {
        return Ok(());
    }
    for record in tagged(world, &deploys.service)? {
        if let Some(deployment) = &mut record.deployment {
            deployment.task.clone_from(&arn);
        }
        if let Some(service) = Service::of(&record.resource) {
            record.resource = Service { task: arn.clone(), ..service.clone() }.into();
        }
    }
    Ok(())
}
