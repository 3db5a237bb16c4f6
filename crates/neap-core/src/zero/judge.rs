//! What of everything that was seen is left of the stack, what blocks each, and what it costs.
//!
//! Decides what counts against a destroy. Must not know how it is told.

use serde::{Deserialize, Serialize};

use super::by_hand;
use super::claim::{self, Claim, Scene};
use super::scope::StackScope;
use super::seen::{Remains, Seen, Thing, title};
use crate::address::Address;
use crate::desired::TAG_REGION;
use crate::live::ReadFailure;
use crate::pricing::{self, Cost};

/// How something was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    /// It is tagged as the stack's.
    Tag,
    /// It is in a place that only the stack puts things in: a path, or the end of a comment.
    Place,
    /// It has exactly the name of something that the stack declares, and nothing says that it is somebody else's.
    Name {
        /// What the stack declares.
        of: Address,
    },
    /// It was made by AWS for something of the stack's.
    LeftBehind {
        /// For what.
        by: String,
    },
}

/// One thing that is left, or looks as if it were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub thing: Thing,
    /// What AWS knows it by.
    pub id: String,
    /// What it is and what it is called: `repository shop-api`.
    pub title: String,
    /// The address that it was made for, where that is known.
    pub address: Option<Address>,
    /// How it was found; none for what only has a name like the stack's.
    pub found: Option<Found>,
    /// AWS's word for it while AWS is deleting it.
    pub going: Option<String>,
    /// What keeps it from going.
    pub blocked_by: Vec<String>,
    /// What it costs; none if nothing that is known of.
    pub cost: Option<Cost>,
    /// Whether `neap destroy` deletes it, or something with which it goes.
    pub goes: bool,
    /// The command that removes it, where `neap destroy` does not.
    pub by_hand: Option<String>,
}

/// What is left of a stack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The account that was looked at.
    pub account: String,
    /// The region.
    pub region: String,
    /// The other region that the stack is in, if what has no region of its own says so: what was looked at proves nothing then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
    /// What is left.
    pub left: Vec<Finding>,
    /// What AWS has taken on to delete, does not charge for, and may take long with. It does not count.
    pub vanishing: Vec<Finding>,
    /// What the stack says is to stay. It does not count.
    pub kept: Vec<Finding>,
    /// What begins like the stack's names and is not known to be anybody's. It does not count.
    pub namesakes: Vec<Finding>,
    /// What the index of tags names and no service was asked about. It does not count.
    pub unknown: Vec<String>,
    /// Listings that failed, because of which there may be more.
    pub unread: Vec<ReadFailure>,
}

impl Verdict {
    /// Whether it is proven that nothing is left.
    pub const fn is_zero(&self) -> bool {
        self.left.is_empty() && self.unread.is_empty()
    }

    /// Whether nothing but time is needed: all that is left is what AWS is deleting already.
    pub fn needs_only_time(&self) -> bool {
        self.unread.is_empty() && !self.left.is_empty() && self.left.iter().all(|left| left.going.is_some())
    }

    /// What all that is left costs; none if nothing that is known of.
    pub fn cost(&self) -> Option<Cost> {
        self.left.iter().filter_map(|finding| finding.cost).reduce(Cost::and)
    }
}

/// Judges what was seen.
pub fn judge(scope: &StackScope, remains: &Remains) -> Verdict {
    let scope = scope.in_account(&remains.account);
    let scene = Scene::new(&scope, remains);
    let mut verdict = Verdict {
        account: remains.account.clone(),
        region: remains.region.clone(),
        unread: remains.unread.clone(),
        ..Verdict::default()
    };
    for seen in &remains.seen {
        match scene.claim(seen) {
            Claim::Ours(found) => {
                let region = seen.tags.get(TAG_REGION).filter(|region| **region != remains.region);
                verdict.elsewhere = verdict.elsewhere.or_else(|| region.cloned());
                let finding = scene.finding(seen, Some(found));
                // Nothing waits for these, and AWS keeps them for as long as it likes.
                let is_free = seen.thing == Thing::TaskDefinition && finding.going.is_some();
                let list = if is_free { &mut verdict.vanishing } else { &mut verdict.left };
                list.push(finding);
            }
            Claim::Kept => verdict.kept.push(scene.finding(seen, Some(Found::Tag))),
            Claim::Namesake => verdict.namesakes.push(scene.finding(seen, None)),
            Claim::Foreign => {}
        }
    }
    let unknown = remains.hints.iter().filter(|hint| !hint.is_ghost);
    verdict.unknown = unknown.map(|hint| hint.arn.clone()).collect();
    for list in [&mut verdict.left, &mut verdict.vanishing, &mut verdict.kept, &mut verdict.namesakes] {
        list.sort_by(|one, other| (one.thing, &one.id).cmp(&(other.thing, &other.id)));
    }
    verdict
}

impl Scene<'_> {
    fn finding(&self, seen: &Seen, found: Option<Found>) -> Finding {
        let named = || self.scope.address(seen.thing, &seen.name).cloned();
        let marked = || claim::marked_address(&self.scope.stack, &seen.name);
        let address = claim::tagged_address(seen).or_else(named).or_else(marked).filter(|_| found.is_some());
        // Tasks go with their service, and instances with their group, or by hand.
        let is_part = matches!(seen.thing, Thing::Task | Thing::Instance);
        let is_planned = match seen.thing {
            // They take no tags: what their description ends in is what plans go by, too.
            Thing::OriginAccessControl => found == Some(Found::Place),
            _ => claim::is_own(&self.scope.stack, seen) && !is_part,
        };
        let goes = found.is_some() && (is_planned || self.goes_along(seen));
        let lingers = seen.thing == Thing::NetworkInterface && found.is_some();
        let going = seen.going.clone().or_else(|| lingers.then(|| "not released yet".to_owned()));
        Finding {
            thing: seen.thing,
            id: seen.id.clone(),
            title: title(seen.thing, &seen.id, &seen.name),
            address,
            going,
            blocked_by: self.blocked_by(seen),
            cost: pricing::cost(&seen.usage, &self.remains.region),
            by_hand: by_hand::command(self.scope, &self.remains.region, seen)
                .filter(|_| !goes && found.is_some()),
            goes,
            found,
        }
    }

    /// What keeps something from going, as far as it was seen.
    fn blocked_by(&self, seen: &Seen) -> Vec<String> {
        let mut blocked = Vec::new();
        if seen.protected {
            blocked.push("deletion protection is on".to_owned());
        }
        let users = self.remains.seen.iter().filter(|other| other.uses.contains(&seen.id));
        blocked.extend(users.map(|user| match user.thing {
            Thing::SecurityGroup => format!("a rule of {} names it", user.title()),
            Thing::NetworkInterface => format!("{} is in it", interface(user)),
            _ => format!("{} uses it", user.title()),
        }));
        let verb = match seen.thing {
            Thing::Cluster => "runs",
            Thing::Vpc => "is",
            _ => return blocked,
        };
        let inside = self.remains.seen.iter().filter(|other| other.within.as_deref() == Some(&seen.id));
        let inside = inside.filter(|inside| !claim::goes_with_vpc(inside));
        blocked.extend(inside.map(|inside| format!("{} {verb} in it", inside.title())));
        blocked
    }
}

/// A network interface with what AWS says that it is for.
pub(super) fn interface(seen: &Seen) -> String {
    match &seen.owner {
        Some(owner) => format!("{} of {} {}", seen.title(), owner.thing, owner.name),
        None if seen.name.is_empty() => seen.title(),
        None => format!("{} ({})", seen.title(), seen.name),
    }
}
