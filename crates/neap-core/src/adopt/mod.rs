//! Taking over something live that is not the stack's own: whether it may be, and what the next apply does to it.
//!
//! Decides everything about an adoption except the answer to its question. Adopting only changes tags; what differs
//! from the stack file is the next apply's business, so it is told and not done. Must not know how tags are set.

mod identity;
mod judge;

use std::collections::BTreeMap;

use judge::Standing;

pub use identity::{Identity, name_field};

use crate::address::Address;
use crate::config::Secrets;
use crate::desired::{Desired, DesiredResource, TAG_ADDRESS, TAG_REGION, TAG_SPEC, TAG_STACK};
use crate::live::{Live, LiveResource, ReadFailure, Reading};
use crate::plan::{Action, Change, Mode, Reason, Refusal, planner};

/// The spec hash of what was adopted and is not yet as the stack says: no stack file has it, so the next plan does not
/// take the difference for drift.
pub const ADOPTED: &str = "adopted";

/// What an adoption does, and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Adoption {
    /// The resource that it becomes.
    pub address: Address,
    /// What is adopted, as it is.
    pub live: LiveResource,
    /// The same with the tags that make it the stack's own: what an update is asked for.
    pub tagged: DesiredResource,
    /// The spec hash that goes with them.
    pub spec: String,
    /// What the next apply does to it; nothing where something else has the stack's name for it, and there can be no plan.
    pub next: Option<Change>,
    /// What the next apply does once the stack file has the name of what is adopted, if it has another now.
    pub renamed: Option<Renamed>,
}

/// The other name of what is adopted.
#[derive(Debug, Clone, PartialEq)]
pub struct Renamed {
    /// The name.
    pub name: String,
    /// What the next apply does if the stack file says so.
    pub next: Change,
}

impl Adoption {
    /// The tags that are added or changed, the spec hash included.
    pub fn marks(&self) -> BTreeMap<String, String> {
        let mut tags = self.tagged.tags.clone();
        tags.insert(TAG_SPEC.to_owned(), self.spec.clone());
        tags.retain(|key, value| self.live.tags.get(key) != Some(value));
        tags
    }

    /// Whether the next apply, as the stack file is now, deletes what is adopted.
    pub fn is_replaced(&self) -> bool {
        self.next.as_ref().is_some_and(|next| next.action.deletes())
    }
}

/// What came of the wish to adopt.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is the stack's own at this address already.
    Already(Box<LiveResource>),
    /// It can be adopted.
    Adopt(Box<Adoption>),
}

/// Why something is not adopted.
#[derive(Debug, Clone, PartialEq)]
pub enum NoAdoption {
    /// Nothing is there.
    Nothing,
    /// It could not be read.
    Unreadable(ReadFailure),
    /// What stands at the address is another than was named.
    Another(Box<LiveResource>),
    /// Something else is the stack's own at this address: two cannot be.
    Occupied(Box<LiveResource>),
    /// It is the stack's own at another address.
    OwnElsewhere(Box<LiveResource>),
    /// It is tagged as another stack's.
    OtherStack {
        /// That stack.
        stack: String,
        /// What stands there.
        live: Box<LiveResource>,
    },
    /// It lives inside something that is not the stack's own.
    ParentFirst(Address),
    /// AWS is deleting it.
    Leaving(Box<LiveResource>),
    /// A role outside of the path where a stack's roles are looked for.
    RoleOutside {
        /// Where it is.
        path: String,
        /// Where it should be.
        wanted: String,
    },
    /// AWS does not tag it.
    Untaggable(Box<LiveResource>),
    /// AWS does not let anyone delete it, so no stack could end with it.
    Permanent(Box<LiveResource>),
    /// There would be no plan afterwards, so nobody could tell what the next apply does.
    NoPlan(Vec<Refusal>),
}

/// What keeps `found` from being adopted as what `stack` wants there, if anything does; what a plan would make of it aside.
pub fn obstacle(found: &LiveResource, stack: &str, wanted: &DesiredResource) -> Option<NoAdoption> {
    judge::check(found, stack, wanted).err()
}

/// Someone's wish to adopt something.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// What the stack asks for.
    pub desired: &'a Desired,
    /// What was read for it.
    pub live: &'a Live,
    /// The address that the resource shall have; it must be one that the stack declares.
    pub address: &'a Address,
    /// The values of sensitive variables.
    pub secrets: &'a Secrets,
}

/// What to read to find what has this identity, in place of what the stack means by `address`.
pub fn sought(desired: &Desired, address: &Address, identity: &Identity) -> Desired {
    identity.sought(desired, address)
}

impl Wish<'_> {
    /// Whether what stands where the stack wants its resource can be adopted.
    ///
    /// # Errors
    ///
    /// Fails with the reason why not.
    pub fn judge(&self) -> Result<Verdict, NoAdoption> {
        match judge::standing(self.live, self.address)? {
            Standing::Absent => Err(NoAdoption::Nothing),
            Standing::Own(live) if live.address == *self.address => {
                Ok(Verdict::Already(Box::new(live.clone())))
            }
            Standing::Own(live) => Err(NoAdoption::OwnElsewhere(Box::new(live.clone()))),
            Standing::Foreign(live) => self.adopt(live, self.live, true),
        }
    }

    /// Whether what has this identity can be adopted; `elsewhere` was read for what [`sought`] says.
    ///
    /// # Errors
    ///
    /// Fails with the reason why not.
    pub fn judge_identified(&self, identity: &Identity, elsewhere: &Live) -> Result<Verdict, NoAdoption> {
        let is_free = match judge::standing(self.live, self.address)? {
            Standing::Own(live) if !identity.is_of(live) => {
                return Err(NoAdoption::Occupied(Box::new(live.clone())));
            }
            Standing::Foreign(live) => identity.is_of(live),
            Standing::Absent | Standing::Own(_) => true,
        };
        match judge::standing(elsewhere, self.address)? {
            Standing::Absent => Err(NoAdoption::Nothing),
            Standing::Own(live) | Standing::Foreign(live) if !identity.is_of(live) => {
                Err(NoAdoption::Another(Box::new(live.clone())))
            }
            Standing::Own(live) if live.address == *self.address => {
                Ok(Verdict::Already(Box::new(live.clone())))
            }
            Standing::Own(live) => Err(NoAdoption::OwnElsewhere(Box::new(live.clone()))),
            Standing::Foreign(live) => self.adopt(live, elsewhere, is_free),
        }
    }

    /// The adoption of `found`, which `read` shows at the address. The stack's own name for the resource `is_free`
    /// unless something else has it.
    fn adopt(&self, found: &LiveResource, read: &Live, is_free: bool) -> Result<Verdict, NoAdoption> {
        let wanted = &self.desired.resources[self.address];
        judge::check(found, &self.desired.stack, wanted)?;
        let name = found.resource.aws_name();
        let own = self.marked(found, self.address);
        let own_name = self.desired.name_in(&wanted.resource, &self.live.environment.account);
        let (next, renamed) = if judge::same_name(self.address.kind(), name, &own_name) {
            (Some(self.next(self.desired, with(read, own))?), None)
        } else {
            let desired = identity::renamed(self.desired, self.address, name);
            let renamed =
                Renamed { name: name.to_owned(), next: self.next(&desired, with(read, own.clone()))? };
            let as_it_is = || self.next(self.desired, beside(self.live, own));
            (is_free.then(as_it_is).transpose()?, Some((renamed, desired)))
        };
        let (settled, wishes) = match &renamed {
            Some((renamed, desired)) => (Some(&renamed.next), desired),
            None => (next.as_ref(), self.desired),
        };
        let is_settled = settled.is_some_and(|next| next.action == Action::NoOp);
        let spec = if is_settled { wishes.resources[self.address].spec() } else { ADOPTED.to_owned() };
        let mut tags = found.tags.clone();
        tags.extend(self.ownership(self.address));
        Ok(Verdict::Adopt(Box::new(Adoption {
            address: self.address.clone(),
            tagged: judge::tagged(found, tags),
            live: found.clone(),
            spec,
            next,
            renamed: renamed.map(|(renamed, _)| renamed),
        })))
    }

    /// The tags by which the resource at `address` is the stack's own.
    fn ownership(&self, address: &Address) -> BTreeMap<String, String> {
        // Where the stack's own tags leave no room for it, there is none.
        let wanted = self.desired.resources.get(address);
        let is_marked = wanted.is_some_and(|wanted| wanted.tags.contains_key(TAG_REGION));
        let region = is_marked.then(|| self.live.environment.region.clone());
        let pairs = [(TAG_STACK, self.desired.stack.clone()), (TAG_ADDRESS, address.to_string())].into_iter();
        let pairs = pairs.chain(region.map(|region| (TAG_REGION, region)));
        pairs.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// `found` once it is adopted as the resource at `address`.
    fn marked(&self, found: &LiveResource, address: &Address) -> LiveResource {
        let mut own = LiveResource { address: address.clone(), ..found.clone() };
        own.tags.extend(self.ownership(address));
        own.tags.insert(TAG_SPEC.to_owned(), ADOPTED.to_owned());
        own
    }

    /// What the next apply does at the address, in a world in which everything that is in the way is adopted too: a plan
    /// that others refuse would tell nothing.
    fn next(&self, desired: &Desired, mut live: Live) -> Result<Change, NoAdoption> {
        for (address, reading) in &mut live.readings {
            if let Reading::Foreign(found) = reading {
                *reading = Reading::Present(Box::new(self.marked(found, address)));
            }
        }
        let mut desired = desired.clone();
        // What is protected is told to be replaced; the plan itself will refuse that.
        desired.resources.values_mut().for_each(|wanted| wanted.protect = false);
        let plan = planner::plan(&desired, &live, Mode::Apply, self.secrets).map_err(NoAdoption::NoPlan)?;
        let mut changes = plan.changes.into_iter();
        let next = changes.find(|change| change.address == *self.address && change.desired.is_some());
        let mut next = next.ok_or_else(|| NoAdoption::NoPlan(Vec::new()))?;
        if next.reason == Reason::Unrecorded {
            // Nothing but the mark differs, and then it gets the right one.
            (next.action, next.reason) = (Action::NoOp, Reason::UpToDate);
        }
        Ok(next)
    }
}

/// `live` with `own` at its address.
fn with(live: &Live, own: LiveResource) -> Live {
    let mut after = live.clone();
    after.readings.insert(own.address.clone(), Reading::Present(Box::new(own)));
    after
}

/// `live` with `own` beside what stands at its address.
fn beside(live: &Live, own: LiveResource) -> Live {
    let mut after = live.clone();
    after.orphans.push(own);
    after
}
