//! Target groups that go from one load balancer to another.
//!
//! Decides which do, since AWS has a group in one load balancer at a time ("TargetGroupAssociationLimit"): the old one lets go before the
//! new one takes it, and whoever still asks the old one is answered by nobody. Must not know in which order steps come.

use std::collections::BTreeSet;

use super::Action;
use super::decide::Decision;
use super::order::balancer_address;
use super::wishes::Wishes;
use super::world::World;
use crate::address::Kind;

/// What whoever reads the plan must know of each.
pub(super) fn warnings(decisions: &[Decision<'_>], world: &World<'_>, wishes: &Wishes<'_>) -> Vec<String> {
    let warning = |group: &Decision<'_>| {
        let node = group.node.filter(|_| group.kind() == Kind::TargetGroup && stays(group))?;
        let routes = (0..world.nodes.len()).filter(|route| world.links(*route).contains(&node));
        let from = routes.filter_map(|route| world.load_balancer(route)).next()?;
        let to = wishes.forwarding_to(&group.address).find_map(balancer_address)?;
        let is_there = |decision: &&Decision<'_>| {
            decision.address == to && stays(decision) && decision.node == Some(from)
        };
        if decisions.iter().any(|decision| is_there(&decision)) {
            return None;
        }
        let (group, from) = (&group.address, &world.nodes[from].address);
        Some(format!(
            "`{group}` goes from {from} to {to}, and AWS lets it be in one load balancer at a time: whoever asks {from} until names \
             and distributions lead to {to} is answered by nobody; to spare them, give {to} a group of its own, list both in \
             the service's `target`, and take {from} away in a later apply"
        ))
    };
    let warnings: BTreeSet<String> = decisions.iter().filter_map(warning).collect();
    warnings.into_iter().collect()
}

const fn stays(decision: &Decision<'_>) -> bool {
    matches!(decision.action, Action::NoOp | Action::Update)
}
