//! What of a service others change: a pipeline its image, an autoscaler its count, ECS the group that has its traffic and the ports in it.
//!
//! Decides where the live value is found, and how a stack takes it over into what it asks for. Must not know how it is
//! read, nor what a plan makes of it. Why it is so is in `docs/decisions`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{Address, Kind};
use crate::desired::{Desired, DesiredResource, TAG_ADDRESS, TAG_SPEC, TAG_STACK};
use crate::kinds::{Resource, Service};
use crate::live::{Live, LiveResource, Reading};
use crate::reference::{self, Reference};

mod traffic;

pub(crate) use traffic::{abandoned, listener_of, misled};

/// A field that others may own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Owned {
    /// How many tasks or instances run.
    Count,
    /// The images of the task's containers.
    Image,
    /// The port of a target group. Nobody gives it away: ECS registers each task with the port that its service says, so that the group's own is
    /// never used, and AWS cannot change it.
    #[schemars(skip)]
    Port,
    /// How much traffic each of two target groups gets from a listener or rule. Nobody gives it away: it is ECS's with a blue/green
    /// deployment.
    #[schemars(skip)]
    Weights,
}

/// `resource` without the values that are `owned` elsewhere: what the stack says of it, whatever others do.
pub(crate) fn without<'a>(resource: &'a Resource, owned: &BTreeSet<Owned>) -> Cow<'a, Resource> {
    if owned.is_empty() {
        return Cow::Borrowed(resource);
    }
    let mut resource = resource.clone();
    match &mut resource {
        Resource::Service(service) => {
            if owned.contains(&Owned::Count) {
                service.count = None;
            }
            if owned.contains(&Owned::Weights) {
                traffic::without_turn(service);
            }
        }
        Resource::Task(task) if owned.contains(&Owned::Image) => {
            task.containers.values_mut().for_each(|container| container.image.clear());
        }
        Resource::TargetGroup(group) if owned.contains(&Owned::Port) => group.port = 0,
        Resource::Listener(listener) if owned.contains(&Owned::Weights) => {
            traffic::without_weights(&mut listener.default_action);
        }
        Resource::Rule(rule) if owned.contains(&Owned::Weights) => traffic::without_weights(&mut rule.action),
        _ => {}
    }
    Cow::Owned(resource)
}

/// `desired` with the live value of everything that is owned elsewhere. What is not live keeps the stack's own value,
/// which is the first one.
pub fn carried<'a>(desired: &'a Desired, live: &Live) -> Cow<'a, Desired> {
    let owned = |(_, wanted): &(&Address, &DesiredResource)| !wanted.owned_elsewhere.is_empty();
    if !desired.resources.iter().any(|resource| owned(&resource)) {
        return Cow::Borrowed(desired);
    }
    let mut carried = desired.clone();
    for (address, wanted) in &mut carried.resources {
        if let Some(found) = own(live, address) {
            carry(wanted, &found.resource);
        }
    }
    traffic::carry(&mut carried, live);
    Cow::Owned(carried)
}

/// The stack's own resource at `address`, or what a change of its name has left there.
fn own<'a>(live: &'a Live, address: &Address) -> Option<&'a LiveResource> {
    live.present(address).or_else(|| live.orphans.iter().find(|orphan| orphan.address == *address))
}

fn carry(wanted: &mut DesiredResource, live: &Resource) {
    match (&mut wanted.resource, live) {
        (Resource::Service(wanted_fields), Resource::Service(live))
            if wanted.owned_elsewhere.contains(&Owned::Count) =>
        {
            // A daemon has none, and what takes its place begins with the stack's.
            wanted_fields.count = live.count.or(wanted_fields.count);
        }
        (Resource::Task(wanted_fields), Resource::Task(live))
            if wanted.owned_elsewhere.contains(&Owned::Image) =>
        {
            for (name, container) in &mut wanted_fields.containers {
                if let Some(running) = live.containers.get(name) {
                    container.image.clone_from(&running.image);
                }
            }
        }
        (Resource::TargetGroup(wanted_fields), Resource::TargetGroup(live))
            if wanted.owned_elsewhere.contains(&Owned::Port) =>
        {
            wanted_fields.port = live.port;
        }
        _ => {}
    }
}

/// The service that runs the task at `task`, whose images others own; none for a task whose images the stack owns.
pub fn runner<'a>(desired: &'a Desired, task: &Address) -> Option<(&'a Address, &'a Service)> {
    desired.resources.iter().find_map(|(address, wanted)| match &wanted.resource {
        Resource::Service(service)
            if wanted.owned_elsewhere.contains(&Owned::Image) && task_of(service).as_ref() == Some(task) =>
        {
            Some((address, service))
        }
        _ => None,
    })
}

/// The task of the stack that a service runs.
fn task_of(service: &Service) -> Option<Address> {
    reference::in_text(&service.task).into_iter().find_map(|reference| match reference {
        Reference::Output(address, _) if address.kind() == Kind::Task => Some(address),
        _ => None,
    })
}

/// The tasks whose images others own, with the family of each, the ARN of the revision that its service runs, and whether
/// that service is the stack's own. A revision of another family is left out.
pub fn running<'a>(
    desired: &'a Desired,
    readings: &'a BTreeMap<Address, Reading>,
) -> BTreeMap<&'a Address, Running<'a>> {
    let of_task = |(address, wanted): (&'a Address, &'a DesiredResource)| {
        let Resource::Task(task) = &wanted.resource else { return None };
        let (service, _) = runner(desired, address)?;
        let (live, is_own) = match readings.get(service) {
            Some(Reading::Present(live)) => (Some(live), true),
            Some(Reading::Foreign(live)) => (Some(live), false),
            Some(Reading::Absent | Reading::Unreadable(_)) | None => (None, false),
        };
        let arn = live.and_then(|live| match &live.resource {
            Resource::Service(service) => Some(service.task.as_str()),
            _ => None,
        });
        let arn = arn.filter(|arn| family(arn) == Some(&task.family));
        Some((address, Running { family: &task.family, arn, is_own, address }))
    };
    desired.resources.iter().filter_map(of_task).collect()
}

/// What runs of a task whose images others own.
#[derive(Debug, Clone, Copy)]
pub struct Running<'a> {
    /// The task's family.
    pub family: &'a str,
    /// The ARN of the revision that its service runs; none without a service.
    pub arn: Option<&'a str>,
    /// Whether that service is the stack's own.
    pub is_own: bool,
    /// The task's address.
    pub address: &'a Address,
}

impl Running<'_> {
    /// `revision` as the stack's own, if its own service runs it: whoever registers a revision chooses its tags, and one
    /// without marks is the stack's by its service.
    pub fn granted(&self, stack: &str, mut revision: LiveResource) -> LiveResource {
        if self.is_own && !revision.tags.contains_key(TAG_STACK) {
            revision.tags.insert(TAG_STACK.to_owned(), stack.to_owned());
            revision.tags.insert(TAG_ADDRESS.to_owned(), self.address.to_string());
            revision.tags.remove(TAG_SPEC);
            revision.address = self.address.clone();
        }
        revision
    }
}

/// Whether `live` is a revision that others have registered for a task of which they own the image: its tags are theirs.
pub(crate) fn is_of_others(wanted: &DesiredResource, live: &LiveResource) -> bool {
    live.kind() == Kind::Task && wanted.owned_elsewhere.contains(&Owned::Image) && live.spec().is_none()
}

/// The services whose pipeline has moved them to another family than the stack's task has or had, with the ARN of what each
/// runs: what it runs can neither be kept nor be carried forward.
pub fn strayed(desired: &Desired, live: &Live) -> Vec<(Address, String)> {
    let mut strayed = Vec::new();
    for (address, wanted) in &desired.resources {
        let (Resource::Service(service), true) =
            (&wanted.resource, wanted.owned_elsewhere.contains(&Owned::Image))
        else {
            continue;
        };
        let Some(task) = task_of(service) else { continue };
        let Some(Resource::Service(found)) = live.present(address).map(|live| &live.resource) else {
            continue;
        };
        let ours = live.ours().filter(|ours| ours.address == task);
        let known: Vec<&str> = ours.map(|ours| ours.resource.aws_name()).collect();
        let wanted_family = desired.resources.get(&task).map(|task| task.resource.aws_name());
        let is_known = family(&found.task)
            .is_some_and(|family| known.contains(&family) || wanted_family == Some(family));
        if !is_known {
            strayed.push((address.clone(), found.task.clone()));
        }
    }
    strayed
}

/// The family in the ARN of a revision.
fn family(arn: &str) -> Option<&str> {
    let (_, revision) = arn.split_once(":task-definition/")?;
    revision.rsplit_once(':').map(|(family, _)| family)
}
