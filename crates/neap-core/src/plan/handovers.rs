//! Target groups that go from one load balancer to another, or from one service to another, with a time in which nobody answers.
//!
//! Decides which do. AWS has a group in one load balancer at a time ("TargetGroupAssociationLimit"), so the old one lets go before the new
//! one takes it. Instances may have no room for two services, so the old one goes at once. Must not know in which order steps come.

use std::collections::BTreeSet;

use super::Action;
use super::decide::Decision;
use super::order::balancer_address;
use super::wishes::Wishes;
use super::world::World;
use crate::address::{Address, Kind};
use crate::kinds::Resource;

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
        let (old, new, other) = if *from == to {
            let other = "make the new one under another table, with".to_owned();
            (format!("the old {from}"), format!("the new {to}"), other)
        } else {
            (from.to_string(), to.to_string(), format!("give {to}"))
        };
        Some(format!(
            "`{group}` goes from {old} to {new}, and AWS lets it be in one load balancer at a time: whoever asks {old} until names and \
             distributions lead to {new} is answered by nobody; to spare them, {other} a group of its own, list both in the service's \
             `target`, and take {old} away in a later apply"
        ))
    };
    let of_balancers: BTreeSet<String> = decisions.iter().filter_map(warning).collect();
    of_balancers.into_iter().chain(services(decisions, world, wishes)).collect()
}

/// The same of services that go while others start in their place.
fn services(decisions: &[Decision<'_>], world: &World<'_>, wishes: &Wishes<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let goes = decisions.iter().filter(|it| it.kind() == Kind::Service && it.action == Action::Delete);
    for (old, node) in goes.filter_map(|old| Some((old, old.node?))) {
        let in_it =
            |group: &&Decision<'_>| group.node.is_some_and(|group| world.links(node).contains(&group));
        let groups = decisions.iter().filter(|it| it.kind() == Kind::TargetGroup && stays(it)).filter(in_it);
        let groups: Vec<&Address> = groups.map(|group| &group.address).collect();
        for new in decisions.iter().filter(|it| it.action == Action::Create) {
            let Some(Resource::Service(service)) = new.filled.as_ref().map(|filled| &filled.resource) else {
                continue;
            };
            let group = groups.iter().find(|group| wishes.depends(&new.address, group));
            let Some(group) = group.filter(|_| !service.is_on_fargate()) else { continue };
            let (old, new) = (&old.address, &new.address);
            warnings.push(format!(
                "{old} goes while {new} starts in its place, since instances may have no room for both: `{group}` has nobody who                  answers until {new} is ready; to spare users, keep {old} beside it for one apply"
            ));
        }
    }
    warnings
}

const fn stays(decision: &Decision<'_>) -> bool {
    matches!(decision.action, Action::NoOp | Action::Update)
}
