//! What one verb of the cloud does for one resource: the calls that it makes, and what they have in common.
//!
//! Decides how a create that was made before is told from a name that is taken, and how tags are brought in line. Must
//! not know the rules of any service.

use std::collections::BTreeMap;

use neap_core::address::Address;
use neap_core::desired::{DesiredResource, TAG_ADDRESS, TAG_SPEC, TAG_STACK};
use neap_core::live::LiveResource;
use neap_engine::cloud::{CallError, ErrorKind};

use crate::error::{Answer, Rejection};
use crate::record::{Fields, Record, is_of_aws};
use crate::rules;
use crate::sim::Sim;
use crate::world::World;

/// One verb for one resource.
pub(crate) struct Request<'sim> {
    pub(crate) sim: &'sim Sim,
    /// The resource's address, for the log and for faults.
    pub(crate) address: Address,
    /// The tags that it shall have, the spec hash included.
    pub(crate) tags: BTreeMap<String, String>,
}

/// The calls that change tags.
pub(crate) struct TagCalls {
    pub(crate) add: &'static str,
    pub(crate) remove: &'static str,
    /// The error code of tags that are not allowed.
    pub(crate) invalid: &'static str,
}

impl<'sim> Request<'sim> {
    /// A request to make a resource as desired.
    pub(crate) fn desired(sim: &'sim Sim, desired: &DesiredResource, spec: &str) -> Self {
        let tagged = desired.tags.get(TAG_ADDRESS).and_then(|address| address.parse().ok());
        let unnamed = || Address::new(desired.resource.kind(), desired.resource.aws_name());
        let mut tags = desired.tags.clone();
        tags.insert(TAG_SPEC.to_owned(), spec.to_owned());
        Self { sim, address: tagged.unwrap_or_else(unnamed), tags }
    }

    /// A request to delete a resource.
    pub(crate) fn deletion(sim: &'sim Sim, live: &LiveResource) -> Self {
        Self { sim, address: live.address.clone(), tags: BTreeMap::new() }
    }

    /// One call that changes something.
    pub(crate) async fn call<T>(
        &self,
        operation: &str,
        change: impl FnOnce(&mut World) -> Answer<T>,
    ) -> Result<T, CallError> {
        self.sim.call(operation, &self.address, change).await
    }

    /// A create, which answers with the ARN. One that meets what an earlier create of the same resource made succeeds
    /// with that; `existing` finds it.
    pub(crate) async fn create(
        &self,
        operation: &str,
        change: impl FnOnce(&mut World) -> Answer<String>,
        existing: impl FnOnce(&World) -> Option<String>,
    ) -> Result<String, CallError> {
        match self.call(operation, change).await {
            Ok(arn) if self.owns(&arn) => Ok(arn),
            Ok(arn) => Err(CallError {
                kind: ErrorKind::Conflict,
                operation: operation.to_owned(),
                code: None,
                message: format!("`{arn}` exists already and is not tagged as {}", self.address),
                request_id: None,
            }),
            Err(error) if error.kind == ErrorKind::Conflict => {
                let found = self.sim.look(existing);
                found.filter(|arn| self.owns(arn)).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a resource is the one that this request is about.
    fn owns(&self, arn: &str) -> bool {
        let owned = |record: &Record| {
            [TAG_STACK, TAG_ADDRESS].into_iter().all(|key| record.tags.get(key) == self.tags.get(key))
        };
        self.sim.look(|world| world.record(arn).is_some_and(owned))
    }

    /// The fields of a resource as they are now.
    pub(crate) fn current<T: Fields + Clone>(&self, arn: &str) -> Option<T> {
        self.sim.look(|world| world.get::<T>(arn).map(|(_, fields)| fields.clone()))
    }

    /// Brings the tags in line, adding before removing. Does nothing where they are.
    pub(crate) async fn retag(&self, arn: &str, calls: &TagCalls) -> Result<(), CallError> {
        let current = self.sim.look(|world| world.record(arn).map(|record| record.tags.clone()));
        let current = current.unwrap_or_default();
        let added: BTreeMap<String, String> = self
            .tags
            .iter()
            .filter(|(key, value)| current.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let removed: Vec<String> =
            current.into_keys().filter(|key| !self.tags.contains_key(key) && !is_of_aws(key)).collect();
        if !added.is_empty() {
            self.call(calls.add, |world| {
                rules::tags(calls.invalid, &added)?;
                change_tags(world, arn, |tags| tags.extend(added))
            })
            .await?;
        }
        if !removed.is_empty() {
            let remove = |tags: &mut BTreeMap<String, String>| tags.retain(|key, _| !removed.contains(key));
            self.call(calls.remove, |world| change_tags(world, arn, remove)).await?;
        }
        Ok(())
    }
}

fn change_tags(
    world: &mut World,
    arn: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>),
) -> Answer<()> {
    let missing = || Rejection::not_found("ResourceNotFoundException", format!("`{arn}` is gone"));
    change(&mut world.record_mut(arn).ok_or_else(missing)?.tags);
    Ok(())
}

/// Takes a call's not-found answer for success: what shall be gone is gone.
pub(crate) fn gone_is_done(answer: Result<(), CallError>) -> Result<(), CallError> {
    match answer {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}
