//! What keeps something live from being adopted.
//!
//! Decides by what it is and by its tags. Must not decide what a plan would make of it.

use std::collections::{BTreeMap, BTreeSet};

use super::NoAdoption;
use crate::address::{Address, Kind};
use crate::desired::{DesiredResource, TAG_STACK};
use crate::kinds::Resource;
use crate::live::{Live, LiveResource, Phase, Reading};

/// What a read shows at an address.
#[derive(Debug, Clone, Copy)]
pub(super) enum Standing<'a> {
    Absent,
    Own(&'a LiveResource),
    Foreign(&'a LiveResource),
}

/// What `live` shows at `address`.
pub(super) fn standing<'a>(live: &'a Live, address: &Address) -> Result<Standing<'a>, NoAdoption> {
    match live.readings.get(address) {
        Some(Reading::Present(found)) => Ok(Standing::Own(found)),
        Some(Reading::Foreign(found)) => Ok(Standing::Foreign(found)),
        Some(Reading::Unreadable(failure)) => Err(NoAdoption::Unreadable(failure.clone())),
        None | Some(Reading::Absent) => match address.parent() {
            // Nobody looks inside what is not the stack's own.
            Some(parent) if live.present(&parent).is_none() => Err(NoAdoption::ParentFirst(parent)),
            _ => Ok(Standing::Absent),
        },
    }
}

/// Refuses `found` if it cannot become what `stack` wants.
pub(super) fn check(found: &LiveResource, stack: &str, wanted: &DesiredResource) -> Result<(), NoAdoption> {
    // Some services take keys that differ in case alone for the same.
    let is_owner = |(key, owner): &(&String, &String)| key.eq_ignore_ascii_case(TAG_STACK) && *owner != stack;
    if let Some((_, owner)) = found.tags.iter().find(is_owner) {
        return Err(NoAdoption::OtherStack { stack: owner.clone(), live: Box::new(found.clone()) });
    }
    if let Phase::Deleting(_) = found.phase {
        return Err(NoAdoption::Leaving(Box::new(found.clone())));
    }
    if !found.kind().takes_tags() {
        return Err(NoAdoption::Untaggable(Box::new(found.clone())));
    }
    match (&found.resource, &wanted.resource) {
        (Resource::Role(live), Resource::Role(wanted)) if live.path != wanted.path => {
            Err(NoAdoption::RoleOutside { path: live.path.clone(), wanted: wanted.path.clone() })
        }
        // Services from before 2018 have ARNs without their cluster, and no tags.
        (Resource::Service(_), _) if found.id.starts_with("arn:") && found.id.matches('/').count() < 2 => {
            Err(NoAdoption::Untaggable(Box::new(found.clone())))
        }
        (Resource::SecurityGroup(group), _) if group.name == "default" => {
            Err(NoAdoption::Permanent(Box::new(found.clone())))
        }
        _ => Ok(()),
    }
}

/// Whether AWS takes `name` for `wanted`, the name of a resource of `kind`.
pub(super) fn same_name(kind: Kind, name: &str, wanted: &str) -> bool {
    match kind {
        Kind::Role | Kind::SecurityGroup => name.eq_ignore_ascii_case(wanted),
        _ => name == wanted,
    }
}

/// `found` as a wish with other tags: nothing but its tags differs.
pub(super) fn tagged(found: &LiveResource, tags: BTreeMap<String, String>) -> DesiredResource {
    DesiredResource {
        resource: found.resource.clone(),
        tags,
        implied: None,
        protect: false,
        delete_first: false,
        owned_elsewhere: [].into(),
        after: BTreeSet::new(),
    }
}
