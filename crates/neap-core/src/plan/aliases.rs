//! Names of their own that distributions take over from each other.
//!
//! Decides which move from where to where. CloudFront lets one distribution alone have a name (`CNAMEAlreadyExists`), a disabled one
//! too, and another may have it only once that change is deployed ("resolve CNAMEAlreadyExists" of AWS's knowledge center). Must
//! not know in which order steps come.

use super::Action;
use super::decide::Decision;
use super::world::World;
use crate::address::Address;
use crate::kinds::{Cloudfront, Resource};

/// A name that moves.
pub(super) struct Move<'d> {
    pub(super) alias: &'d str,
    /// The decision about the distribution that has it, and whether that goes.
    pub(super) from: usize,
    pub(super) goes: bool,
    /// The decision about the one that is to have it.
    pub(super) to: usize,
}

impl Move<'_> {
    /// What whoever reads the plan must know of it.
    pub(super) fn warning(&self, addresses: impl Fn(usize) -> Address) -> String {
        let (from, to) = (addresses(self.from), addresses(self.to));
        let first = if self.goes { "is deleted" } else { "has let go of it" };
        format!(
            "`{}` moves from {from} to {to}, which CloudFront takes only after {from} {first}: for some ten minutes nobody \
             answers for it",
            self.alias
        )
    }
}

/// All that move.
pub(super) fn moves<'d>(decisions: &'d [Decision<'_>], world: &World<'d>) -> Vec<Move<'d>> {
    let wanted = |decision: &'d Decision<'_>| match decision.filled.as_ref().map(|filled| &filled.resource) {
        Some(Resource::Cloudfront(wanted)) => Some(wanted),
        _ => None,
    };
    let live = |decision: &Decision<'_>| -> Option<&'d Cloudfront> {
        match &world.nodes[decision.node?].resource {
            Resource::Cloudfront(live) => Some(live),
            _ => None,
        }
    };
    let mut moves = Vec::new();
    for (from, holder) in decisions.iter().enumerate() {
        let goes = holder.action.deletes();
        let Some(has) = live(holder).filter(|_| goes || holder.action == Action::Update) else { continue };
        let keeps =
            |alias: &str| !goes && wanted(holder).is_some_and(|wanted| wanted.aliases.contains(alias));
        for (to, taker) in decisions.iter().enumerate().filter(|(to, _)| *to != from) {
            let takes = wanted(taker).into_iter().flat_map(|wanted| &wanted.aliases);
            let moved = takes.filter(|alias| has.aliases.contains(*alias) && !keeps(alias));
            moves.extend(moved.map(|alias| Move { alias, from, goes, to }));
        }
    }
    moves
}
