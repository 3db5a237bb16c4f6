//! Whose something is.
//!
//! Decides by tag first, then by places that only the stack puts things in, then by what left it behind, then by its exact
//! name; a name that only begins like the stack's never claims anything. Must not know what blocks it or what it costs.

use std::collections::BTreeMap;

use super::judge::Found;
use super::scope::StackScope;
use super::seen::{Remains, Seen, Thing};
use crate::address::{Address, Kind};
use crate::desired::{TAG_ADDRESS, TAG_STACK, is_kept};

/// What all of neap's tags begin with.
const TAG_PREFIX: &str = "neap:";
/// Where the log group of a cluster's container insights is.
const INSIGHTS: (&str, &str) = ("/aws/ecs/containerinsights/", "/performance");

/// Whose something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// The stack's, and how that is known.
    Ours(Found),
    /// Nobody's that is known; it has a name like the stack's.
    Namesake,
    /// The stack's, which says that it stays.
    Kept,
    /// Somebody else's, or nothing that counts as left.
    Foreign,
}

/// Whether it is tagged as the stack's.
pub(super) fn is_tagged(stack: &str, seen: &Seen) -> bool {
    seen.tags.get(TAG_STACK).is_some_and(|owner| owner == stack)
}

/// The address in its tags.
pub(super) fn tagged_address(seen: &Seen) -> Option<Address> {
    seen.tags.get(TAG_ADDRESS)?.parse().ok()
}

/// Whether it carries the marks of something that neap made for the stack: what plans delete, and the tasks of a service,
/// which have its tags.
pub(super) fn is_own(stack: &str, seen: &Seen) -> bool {
    let fits = |address: Address| match seen.thing {
        Thing::Task => address.kind() == Kind::Service,
        // Instances have the tags of their group.
        Thing::Instance => address.kind() == Kind::AutoScalingGroup,
        thing => Thing::of(address.kind()) == thing,
    };
    is_tagged(stack, seen) && tagged_address(seen).is_some_and(fits)
}

/// Everything that was seen, by id, for a judge that goes from one to the other.
pub(super) struct Scene<'a> {
    pub(super) scope: &'a StackScope,
    pub(super) remains: &'a Remains,
    by_id: BTreeMap<&'a str, &'a Seen>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(scope: &'a StackScope, remains: &'a Remains) -> Self {
        let by_id = remains.seen.iter().map(|seen| (seen.id.as_str(), seen)).collect();
        Self { scope, remains, by_id }
    }

    /// What was seen under this id.
    pub(super) fn get(&self, id: &str) -> Option<&'a Seen> {
        self.by_id.get(id).copied()
    }

    /// Whether what was seen under this id is tagged as the stack's.
    pub(super) fn owns(&self, id: &str) -> bool {
        self.get(id).is_some_and(|seen| is_tagged(&self.scope.stack, seen))
    }

    /// What it is within, if that is tagged as the stack's.
    pub(super) fn own_parent(&self, seen: &Seen) -> Option<&'a Seen> {
        let parent = self.get(seen.within.as_deref()?)?;
        is_tagged(&self.scope.stack, parent).then_some(parent)
    }

    /// Whether it goes with something that plans delete: a task with its service, an instance with its group, and an alarm of scaling
    /// with the group or with the target whose policy it drives.
    pub(super) fn goes_along(&self, seen: &Seen) -> bool {
        let Some(owner) = &seen.owner else { return false };
        let is_it = |other: &Seen| match (seen.thing, other.thing) {
            (Thing::Task, Thing::Service) => other.name == owner.name && other.within == seen.within,
            (Thing::Instance | Thing::Alarm, Thing::AutoScalingGroup) => {
                owner.thing == other.thing && other.name == owner.name
            }
            (Thing::Alarm, Thing::ScalableTarget) => other.owner == seen.owner,
            _ => false,
        };
        self.remains.seen.iter().any(|other| is_it(other) && is_own(&self.scope.stack, other))
    }

    /// Whose it is.
    pub(super) fn claim(&self, seen: &Seen) -> Claim {
        if self.scope.holds_lock && self.scope.is_lock(seen) {
            return Claim::Foreign;
        }
        match seen.tags.get(TAG_STACK) {
            Some(owner) if *owner == self.scope.stack => {
                let by_file =
                    || tagged_address(seen).is_some_and(|address| self.scope.kept.contains(&address));
                let stays = seen.thing == Thing::Bucket && (is_kept(&seen.tags) || by_file());
                return if stays { Claim::Kept } else { Claim::Ours(Found::Tag) };
            }
            Some(_) => return Claim::Foreign,
            None => {}
        }
        if self.is_in_place(seen) {
            return Claim::Ours(Found::Place);
        }
        if let Some(by) = self.left_by(seen) {
            return Claim::Ours(Found::LeftBehind { by });
        }
        if let Some(address) = self.named(seen) {
            let ours = seen.tags.is_empty() || seen.tags.keys().any(|key| key.starts_with(TAG_PREFIX));
            return if ours { Claim::Ours(Found::Name { of: address.clone() }) } else { Claim::Namesake };
        }
        if seen.name.starts_with(&self.scope.prefix()) { Claim::Namesake } else { Claim::Foreign }
    }

    /// Whether it is in a place that only the stack puts things in.
    fn is_in_place(&self, seen: &Seen) -> bool {
        let StackScope { stack, .. } = self.scope;
        match seen.thing {
            Thing::Role => seen.id.contains(&format!(":role{}", self.scope.path())),
            Thing::InstanceProfile => seen.id.contains(&format!(":instance-profile{}", self.scope.path())),
            Thing::LogGroup | Thing::Parameter => seen.name.starts_with(&self.scope.path()),
            Thing::Object => self.scope.is_lock(seen),
            Thing::Distribution | Thing::OriginAccessControl => marked_address(stack, &seen.name).is_some(),
            _ => false,
        }
    }

    /// What left it behind, if that is the stack's.
    fn left_by(&self, seen: &Seen) -> Option<String> {
        match seen.thing {
            Thing::LogGroup => {
                let cluster = seen.name.strip_prefix(INSIGHTS.0)?.strip_suffix(INSIGHTS.1)?;
                let known = self.scope.has_name(Thing::Cluster, cluster);
                known.then(|| format!("the container insights of cluster {cluster}"))
            }
            Thing::NetworkInterface => {
                let owner = seen.owner.as_ref()?;
                let in_own_group = seen.uses.iter().any(|group| self.owns(group));
                let known = in_own_group || self.scope.has_name(owner.thing, &owner.name);
                known.then(|| format!("{} {}", owner.thing, owner.name))
            }
            Thing::Instance => {
                let group = seen.owner.as_ref()?;
                let known = self.scope.has_name(group.thing, &group.name);
                known.then(|| format!("{} {}", group.thing, group.name))
            }
            Thing::Task => {
                let service = seen.owner.as_ref()?;
                let known = self.is_own_cluster(seen) && self.scope.has_name(service.thing, &service.name);
                known.then(|| format!("{} {}", service.thing, service.name))
            }
            // ECS makes one for each name that Service Connect knows, and gives it none of the stack's tags.
            Thing::DiscoveryService => {
                let namespace = self.own_parent(seen)?;
                Some(format!("{} {}", namespace.thing, namespace.name))
            }
            Thing::Alarm | Thing::ScalableTarget => {
                let service = seen.owner.as_ref()?;
                if service.thing == Thing::AutoScalingGroup {
                    let known = self.scope.has_name(service.thing, &service.name);
                    return known.then(|| format!("the scaling of {} {}", service.thing, service.name));
                }
                let (cluster, name) = service.name.split_once('/')?;
                let known = self.names_cluster(cluster) && self.scope.has_name(service.thing, name);
                known.then(|| format!("the scaling of {} {name}", service.thing))
            }
            _ => None,
        }
    }

    /// The address whose name it has exactly. A service's name means something only in the stack's clusters, and that of a
    /// discovery service in its namespaces.
    fn named(&self, seen: &Seen) -> Option<&'a Address> {
        let address = self.scope.address(seen.thing, &seen.name)?;
        let means = match seen.thing {
            Thing::Service => self.is_own_cluster(seen),
            // Of those in the stack's own namespaces all are known already.
            Thing::DiscoveryService => false,
            // Two VPCs may each have one of the same name.
            Thing::Namespace => false,
            _ => true,
        };
        means.then_some(address)
    }

    /// Whether it is within a cluster that the stack's services run in, or that is the stack's.
    fn is_own_cluster(&self, seen: &Seen) -> bool {
        let name = seen.within.as_deref().and_then(|arn| arn.rsplit_once('/')).map(|(_, name)| name);
        self.own_parent(seen).is_some() || name.is_some_and(|name| self.names_cluster(name))
    }

    /// Whether the stack's services run in a cluster of this name, or the stack has one.
    fn names_cluster(&self, name: &str) -> bool {
        self.scope.clusters.contains(name) || self.scope.has_name(Thing::Cluster, name)
    }
}

/// Whether it is a part of a VPC that AWS makes and deletes with it: the group named `default`. (The main route table is
/// listed by nobody who looks for what is left.)
pub(super) fn goes_with_vpc(seen: &Seen) -> bool {
    seen.thing == Thing::SecurityGroup && seen.name == "default"
}

/// The address that the comment of a distribution, or the description of an access control, ends in, if it names the
/// stack: `… (shop/cloudfront.site)`.
pub(super) fn marked_address(stack: &str, comment: &str) -> Option<Address> {
    let (_, mark) = comment.strip_suffix(')')?.rsplit_once('(')?;
    mark.strip_prefix(stack)?.strip_prefix('/')?.parse().ok()
}
