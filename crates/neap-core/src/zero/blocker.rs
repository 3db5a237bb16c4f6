//! What stands in the way of a destroy, and what is done about each.
//!
//! Decides which of them ends a destroy before anything is deleted: whatever would touch what is somebody else's, or fail
//! half-way for certain. Must not know how it is told.

use serde::{Deserialize, Serialize};

use super::claim::{Scene, goes_with_vpc, is_own, tagged_address};
use super::judge::interface;
use super::scope::StackScope;
use super::seen::{Owner, Remains, Seen, Stored, Thing};
use crate::address::Address;

/// What is done about something in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It is dealt with.
    Goes,
    /// It is waited for, since AWS or somebody else may take it away.
    Waits,
    /// Nothing is deleted.
    Refuses,
}

/// Something in the way of a destroy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// The resource that cannot simply go.
    pub address: Option<Address>,
    /// What AWS knows it by.
    pub id: String,
    /// What is in its way, as a fragment that follows its name: `holds 3 images (1.2 GB)`.
    pub what: String,
    /// What is done about it.
    pub way: Way,
    /// The same in words: `they are deleted with it`.
    pub plan: String,
}

/// Everything that stands in the way of the stack's end, in the order of addresses.
pub fn blockers(scope: &StackScope, remains: &Remains) -> Vec<Blocker> {
    let scene = Scene::new(scope, remains);
    let mut found: Vec<Blocker> = Vec::new();
    for own in remains.seen.iter().filter(|seen| is_own(&scope.stack, seen)) {
        let mut block = |what: String, way: Way, plan: &str| {
            let (address, id) = (tagged_address(own), own.id.clone());
            found.push(Blocker { address, id, what, way, plan: plan.to_owned() });
        };
        match own.thing {
            Thing::Repository => images(own.stored, &mut block),
            Thing::LoadBalancer => {
                if own.protected {
                    block("has deletion protection".into(), Way::Goes, "it is turned off first");
                }
                scene.inside(own, &[Thing::Listener], &mut block);
            }
            Thing::Listener => scene.inside(own, &[Thing::ListenerRule], &mut block),
            Thing::Cluster => scene.running(own, &mut block),
            Thing::TargetGroup => scene.users(own, &mut block),
            Thing::SecurityGroup | Thing::Subnet => scene.members(own, &mut block),
            Thing::Vpc => scene.within(own, &mut block),
            _ => {}
        }
    }
    found.sort_by(|one, other| {
        (&one.address, &one.id, &one.what).cmp(&(&other.address, &other.id, &other.what))
    });
    found
}

type Block<'a> = dyn FnMut(String, Way, &str) + 'a;

const FOREIGN: &str = "it is not the stack's, so nothing is deleted";

fn images(stored: Stored, block: &mut Block<'_>) {
    if stored.items > 0 {
        let plural = if stored.items == 1 { "" } else { "s" };
        let what = format!("holds {} image{plural} ({})", stored.items, size(stored.bytes));
        let plan = if stored.items == 1 { "it is deleted with it" } else { "they are deleted with it" };
        block(what, Way::Goes, plan);
    }
}

impl Scene<'_> {
    fn is_own(&self, seen: &Seen) -> bool {
        is_own(&self.scope.stack, seen)
    }

    /// Listeners and rules go with what they are in. One that somebody marked as theirs is a reason to stop; one without
    /// any tag was added by hand to what is the stack's, and is part of it.
    fn inside(&self, own: &Seen, things: &[Thing], block: &mut Block<'_>) {
        let within = |seen: &&Seen| things.contains(&seen.thing) && seen.within.as_deref() == Some(&own.id);
        for seen in self.remains.seen.iter().filter(within).filter(|seen| !self.is_own(seen)) {
            let what = format!("has {}, which the stack did not make", seen.title());
            if seen.tags.is_empty() {
                block(what, Way::Goes, "it has no tags and is deleted with it");
            } else {
                block(what, Way::Refuses, FOREIGN);
            }
        }
    }

    /// A cluster cannot go while anything runs in it.
    fn running(&self, own: &Seen, block: &mut Block<'_>) {
        let within = |seen: &&Seen| seen.within.as_deref() == Some(&own.id) && seen.going.is_none();
        for seen in self.remains.seen.iter().filter(within).filter(|seen| !self.is_own(seen)) {
            if !self.goes_along(seen) {
                block(format!("runs {}", seen.title()), Way::Refuses, FOREIGN);
            }
        }
        self.instances(own, block);
    }

    /// Container instances keep a cluster. Those of the stack's own groups go with them; any others are somebody's.
    fn instances(&self, cluster: &Seen, block: &mut Block<'_>) {
        let is_own_group = |seen: &&Seen| seen.thing == Thing::AutoScalingGroup && self.is_own(seen);
        let own: u64 = self.remains.seen.iter().filter(is_own_group).map(|group| group.stored.items).sum();
        let others = cluster.stored.items.saturating_sub(own);
        if others > 0 {
            let plural = if others == 1 { "" } else { "s" };
            let more = if own > 0 { " that no group of the stack made" } else { "" };
            let what = format!("has {others} container instance{plural}{more}");
            block(what, Way::Refuses, "they are not the stack's, so nothing is deleted");
        }
    }

    /// A target group cannot go while a load balancer that stays sends anything to it.
    fn users(&self, own: &Seen, block: &mut Block<'_>) {
        let users = self.remains.seen.iter().filter(|seen| seen.uses.contains(&own.id));
        for user in users.filter(|user| user.thing == Thing::LoadBalancer && !self.is_own(user)) {
            block(format!("is used by {}", user.title()), Way::Refuses, FOREIGN);
        }
    }

    /// A VPC cannot go while anything is in it that AWS does not delete with it.
    fn within(&self, own: &Seen, block: &mut Block<'_>) {
        let within = self.remains.seen.iter().filter(|seen| seen.within.as_deref() == Some(&own.id));
        for seen in within.filter(|seen| !self.is_own(seen) && !goes_with_vpc(seen)) {
            block(format!("has {} in it", seen.title()), Way::Refuses, FOREIGN);
        }
    }

    /// A security group or a subnet cannot go while anything is in it, or another group's rule names the group.
    fn members(&self, own: &Seen, block: &mut Block<'_>) {
        let users = self.remains.seen.iter().filter(|seen| seen.uses.contains(&own.id));
        // What is for somebody else's is in the way, by itself or, where a load balancer has no group, by its interface.
        let is_theirs = |owner: &Owner| {
            let is_it = |seen: &&Seen| seen.thing == owner.thing && seen.name == owner.name;
            let mut all = self.remains.seen.iter().filter(is_it);
            all.any(|seen| !self.is_own(seen) && !seen.uses.contains(&own.id))
        };
        for user in users.filter(|user| !self.is_own(user)) {
            match user.thing {
                // Those that AWS made go with what they are for.
                Thing::NetworkInterface if user.owner.as_ref().is_some_and(|owner| !is_theirs(owner)) => {}
                Thing::NetworkInterface => block(
                    format!("has {} in it", interface(user)),
                    Way::Waits,
                    if own.thing == Thing::Subnet {
                        "it is waited for, at most 20 minutes, and then named as what keeps the subnet"
                    } else {
                        "it is waited for, at most 15 minutes, and then named as what keeps the group"
                    },
                ),
                Thing::SecurityGroup => {
                    block(format!("is named by a rule of {}", user.title()), Way::Refuses, FOREIGN);
                }
                _ => block(format!("is used by {}", user.title()), Way::Refuses, FOREIGN),
            }
        }
    }
}

/// A size as people say it, in powers of ten.
pub fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let unit = units.into_iter().find(|(unit, _)| bytes >= *unit);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(unit, word)| {
            let tenths = bytes / (unit / 10);
            format!("{}.{} {word}", tenths / 10, tenths % 10)
        },
    )
}
