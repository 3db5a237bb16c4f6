//! What one verb of the cloud does for one resource: the calls that it makes, and what they have in common.
//!
//! Decides how a create that was made before is told from a name that is taken, and how tags are brought in line. Must
//! not know the rules of any service.

use std::cell::Cell;
use std::collections::BTreeMap;

use neap_core::address::{Address, Kind};
use neap_core::desired::{DesiredResource, TAG_ADDRESS, TAG_SPEC, TAG_STACK};
use neap_core::files::is_note;
use neap_core::live::LiveResource;
use neap_engine::cloud::{CallError, ErrorKind};

use crate::error::{Answer, Rejection};
use crate::record::{Fields, Record, State, is_of_aws};
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
    /// What a read has shown of the resource, for a change of it.
    live: Option<LiveResource>,
    /// Whether this request has met what an earlier one created.
    met: Cell<bool>,
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
        Self { sim, address: tagged.unwrap_or_else(unnamed), tags, live: None, met: Cell::new(false) }
    }

    /// A request to make a live resource as desired. What is to be done follows from what was read of it.
    pub(crate) fn change(sim: &'sim Sim, live: &LiveResource, desired: &DesiredResource, spec: &str) -> Self {
        Self { live: Some(live.clone()), ..Self::desired(sim, desired, spec) }
    }

    /// A request to delete a resource.
    pub(crate) fn deletion(sim: &'sim Sim, live: &LiveResource) -> Self {
        let address = live.address.clone();
        Self { sim, address, tags: BTreeMap::new(), live: None, met: Cell::new(false) }
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
            // Another account's bucket will not turn out to be this one's.
            Err(error) if error.code.as_deref() == Some("BucketAlreadyExists") => Err(error),
            // A name that leads elsewhere, unless it was an earlier create of this very resource that took it.
            Err(error) if error.code.as_deref() == Some("CNAMEAlreadyExists") => {
                self.resume(error.clone(), existing).map_err(|_| error)
            }
            Err(error) if error.kind == ErrorKind::Conflict => self.resume(error, existing),
            Err(error) => Err(error),
        }
    }

    /// A create met something: what an earlier create of the same resource made, or else a conflict.
    fn resume(
        &self,
        conflict: CallError,
        existing: impl FnOnce(&World) -> Option<String>,
    ) -> Result<String, CallError> {
        self.met.set(true);
        self.sim.look_as_shown(|world| {
            let found = existing(world).and_then(|arn| world.record(&arn));
            match found.filter(|record| record.state != State::Inactive) {
                Some(record) if self.is_about(record) => Ok(record.arn.clone()),
                Some(_) => Err(conflict),
                // It exists, and is not visible yet.
                None => Err(CallError { kind: ErrorKind::NotYet, ..conflict }),
            }
        })
    }

    /// What an earlier request has created, if it did and it is visible.
    pub(crate) fn met_earlier(&self, find: impl FnOnce(&World) -> Option<String>) -> Option<String> {
        let found = self.sim.look_as_shown(find);
        self.met.set(found.is_some());
        found
    }

    /// Whether a resource that a call has answered with is the one that this request is about.
    fn owns(&self, arn: &str) -> bool {
        self.sim.look(|world| world.record(arn).is_some_and(|record| self.is_about(record)))
    }

    pub(crate) fn is_about(&self, record: &Record) -> bool {
        [TAG_STACK, TAG_ADDRESS].into_iter().all(|key| record.tags.get(key) == self.tags.get(key))
    }

    /// The fields of a resource as this request knows them: as they were read, or as it has just created them.
    pub(crate) fn current<T: Fields + Clone>(&self, arn: &str) -> Result<T, CallError> {
        let read = self.live.as_ref().and_then(|live| T::of(&live.resource));
        let fields = |world: &World| world.get::<T>(arn).map(|(_, fields)| fields.clone());
        let known = read.cloned().or_else(|| self.look(fields));
        known.ok_or_else(|| CallError {
            kind: ErrorKind::NotYet,
            operation: crate::read::describe(self.address.kind()).to_owned(),
            code: None,
            message: format!("`{arn}` is not visible yet"),
            request_id: None,
        })
    }

    /// The fields of a resource as a call that describes it shows them.
    pub(crate) fn described<T: Fields + Clone>(&self, arn: &str) -> Option<T> {
        self.sim.look_as_shown(|world| world.get::<T>(arn).map(|(_, fields)| fields.clone()))
    }

    /// Whether the resource is there with another value of this tag than it shall have.
    pub(crate) fn changes_tag(&self, key: &str) -> bool {
        let live = self.live.as_ref();
        self.tags.contains_key(key) && live.is_some_and(|live| live.tags.get(key) != self.tags.get(key))
    }

    /// Looks at the world: what this request has created it knows, all else it is shown.
    fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        if self.met.get() { self.sim.look_as_shown(look) } else { self.sim.look(look) }
    }

    /// Brings the tags in line, adding before removing. Does nothing where they are.
    pub(crate) async fn retag(&self, arn: &str, calls: &TagCalls) -> Result<(), CallError> {
        let live = self.live.as_ref().filter(|live| live.kind() != Kind::Task);
        let current = live.map(|live| live.tags.clone());
        let tags = |world: &World| world.record(arn).map(|record| record.tags.clone());
        let current = current.or_else(|| self.look(tags)).unwrap_or_default();
        let added: BTreeMap<String, String> = self
            .tags
            .iter()
            .filter(|(key, value)| current.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let removed: Vec<String> = current
            .into_keys()
            .filter(|key| !self.tags.contains_key(key) && !is_of_aws(key) && !is_note(key))
            .collect();
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

pub(super) fn change_tags(
    world: &mut World,
    arn: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>),
) -> Answer<()> {
    const CODE: &str = "ResourceNotFoundException";
    if !world.knows(arn) {
        return Err(Rejection::not_yet(CODE, format!("`{arn}` does not exist")));
    }
    let missing = || Rejection::not_found(CODE, format!("`{arn}` is gone"));
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
