//! What goes on serving while something else takes its place: another service, another load balancer.
//!
//! Decides what waits until users are served elsewhere. AWS enforces none of it, so all of it gives way. Must not know what AWS itself
//! asks for, nor where users are led from: see `fronts`.

use std::collections::{BTreeMap, BTreeSet};

use super::waits::balancer_address;
use super::{Builder, Decision, Strength};
use crate::address::{Address, Kind};
use crate::kinds::{Resource, Service};
use crate::plan::world::Node;
use crate::plan::{Action, Need, StepId};

impl Builder<'_> {
    /// Tasks move behind another load balancer when it takes traffic, and the one that goes stays until they have.
    pub(super) fn moves_behind(&mut self, index: usize) {
        let service = &self.decisions[index];
        let moves = service.kind() == Kind::Service && service.action == Action::Update;
        let Some(node) = service.node.filter(|_| moves) else { return };
        let wishes = self.wishes;
        let comes = |balancer: &usize| {
            matches!(self.decisions[*balancer].action, Action::Create | Action::CreateThenDelete)
        };
        let fronts = wishes.awaited(&service.address).into_iter().filter(|found| found.kind().routes());
        let fronts = fronts.filter_map(balancer_address).filter_map(|front| self.at.get(&front).copied());
        let new: BTreeSet<usize> = fronts.filter(comes).collect();
        let goes = |balancer: &Node| {
            let decision = self.about.get(balancer).map(|of| &self.decisions[*of]);
            decision.is_some_and(|of| matches!(of.action, Action::Delete | Action::CreateThenDelete))
        };
        let old: BTreeSet<Node> = self.in_front(node).into_iter().filter(goes).collect();
        if new.is_empty() || old.is_empty() {
            return;
        }
        for balancer in new {
            self.edge(self.making[balancer], self.making[index], Need::Ready, Strength::Steady);
        }
        for leaving in 0..self.decisions.len() {
            let Some(live) = self.decisions[leaving].node else { continue };
            if old.contains(&self.world.load_balancer(live).unwrap_or(live)) {
                self.edge(self.making[index], self.deleting[leaving], Need::Ready, Strength::Steady);
            }
        }
    }

    /// The live load balancers that send requests to the tasks of the live service `node`.
    fn in_front(&self, node: Node) -> BTreeSet<Node> {
        let is_group = |used: &&Node| self.world.nodes[**used].kind() == Kind::TargetGroup;
        let groups = self.world.links(node).iter().filter(is_group);
        let users = groups.flat_map(|group| self.users.get(group).into_iter().flatten());
        users.filter_map(|user| self.world.load_balancer(self.decisions[*user].node?)).collect()
    }

    /// The decisions about services that come into a target group of the route `index`: until their tasks answer, nobody does there.
    /// ECS itself leads users to one that it deploys blue/green.
    pub(super) fn coming(&self, index: usize) -> BTreeSet<usize> {
        let route = &self.decisions[index];
        if !route.kind().routes() {
            return BTreeSet::new();
        }
        let groups = self.wishes.of(&route.address).filter(|used| used.kind() == Kind::TargetGroup);
        let groups: Vec<&Address> = groups.collect();
        let comes_to = |service: &Decision<'_>, group: &Address| {
            let of_group = self.at.get(group).map(|at| &self.decisions[*at]);
            let stays = of_group.filter(|of| matches!(of.action, Action::NoOp | Action::Update));
            let is_there = stays.and_then(|of| of.node).zip(service.node);
            self.wishes.depends(&service.address, group)
                && !is_there.is_some_and(|(group, service)| self.world.links(service).contains(&group))
        };
        let comes = |other: &usize| {
            let decision = &self.decisions[*other];
            let wanted = decision.filled.as_ref().map(|filled| &filled.resource);
            matches!(wanted, Some(Resource::Service(service)) if service.deployment.is_none())
                && groups.iter().any(|group| comes_to(decision, group))
        };
        (0..self.decisions.len()).filter(comes).collect()
    }

    /// A service goes when one of another table that takes its place, in its target group or in another one to which users are turned, is
    /// ready. Fargate alone has room for both: instances may be as many as they may become, or both want the same port of theirs, and each
    /// would wait for the other.
    pub(super) fn hands_on(&mut self, index: usize) {
        let old = &self.decisions[index];
        let Some(node) = old.node.filter(|_| old.action == Action::Delete) else { return };
        let Resource::Service(live) = &self.world.nodes[node].resource else { return };
        let hands_over_to = |new: &Decision<'_>| {
            let wanted = new.filled.as_ref().map(|filled| &filled.resource);
            new.action == Action::Create
                && matches!(wanted, Some(Resource::Service(wanted)) if wanted.is_on_fargate() && !share_a_name(live, wanted))
        };
        let used = self.world.links(node);
        let groups = used.iter().filter_map(|used| self.about.get(used));
        let groups = groups.map(|of| &self.decisions[*of].address);
        let groups: BTreeSet<&Address> = groups.filter(|found| found.kind() == Kind::TargetGroup).collect();
        let takes_over = |new: &Decision<'_>| {
            hands_over_to(new) && groups.iter().any(|group| self.wishes.depends(&new.address, group))
        };
        let mut before: Vec<Option<StepId>> = Vec::new();
        for (other, new) in self.decisions.iter().enumerate() {
            before.extend(takes_over(new).then_some(self.making[other]));
        }
        for way in used.iter().filter_map(|used| self.users.get(used)).flatten() {
            let turns = self.narrowing[*way].is_some() && self.decisions[*way].kind().routes();
            let coming = if turns { self.coming(*way) } else { BTreeSet::new() };
            let all = coming.iter().all(|other| hands_over_to(&self.decisions[*other]));
            before.extend((all && !coming.is_empty()).then_some(self.narrowing[*way]));
        }
        for step in before {
            self.edge(step, self.deleting[index], Need::Ready, Strength::Steady);
        }
    }

    /// A service to which users were led by a listener or rule that goes with it stays until they are led elsewhere, as that does. Not where
    /// one that comes, for which they may wait, has to wait for its room or its name.
    pub(super) fn stays_behind(&mut self, index: usize) {
        let service = &self.decisions[index];
        let Some(node) = service.node.filter(|_| service.action == Action::Delete) else { return };
        let Resource::Service(live) = &self.world.nodes[node].resource else { return };
        let stands_beside = |other: usize| {
            let new = &self.decisions[other];
            let wanted = new.filled.as_ref().map(|filled| &filled.resource);
            let Some(Resource::Service(wanted)) = wanted.filter(|_| new.node.is_none()) else { return true };
            self.has_room(index, other) && !share_a_name(live, wanted)
        };
        if !(0..self.decisions.len()).all(stands_beside) {
            return;
        }
        let used = self.world.links(node).iter().filter_map(|used| self.users.get(used)).flatten();
        let goes = |way: &&usize| {
            let way = &self.decisions[**way];
            way.kind().routes() && way.action == Action::Delete
        };
        let fronts: BTreeSet<usize> = used.filter(goes).flat_map(|way| self.turning(*way)).collect();
        for front in fronts {
            self.edge(self.making[front], self.deleting[index], Need::Ready, Strength::Steady);
        }
    }

    /// A service that is deleted before its successor is made stays until all is there that the successor waits for, directly or through
    /// others: minutes, where that is a load balancer or instances.
    pub(super) fn stays_until(&mut self, index: usize) {
        let service = &self.decisions[index];
        if service.kind() != Kind::Service || service.action != Action::DeleteThenCreate {
            return;
        }
        let mut found = BTreeMap::new();
        self.is_steady(index, index, &mut found);
        // ECS takes a provider out of a cluster when no service uses it, so that may wait for this very delete.
        let lets_go = |other: usize| {
            let decision = &self.decisions[other];
            decision.kind() == Kind::Cluster && decision.action == Action::Update
        };
        let before =
            |(other, steady): (usize, bool)| (steady && other != index && !lets_go(other)).then_some(other);
        let before: Vec<usize> = found.into_iter().filter_map(before).collect();
        for other in before {
            if self.narrowing[other].is_none() && self.turns_away(other, index) {
                self.edge(self.deleting[index], self.making[other], Need::Gone, Strength::Steady);
            } else {
                self.edge(self.making[other], self.deleting[index], Need::Ready, Strength::Steady);
            }
        }
    }

    /// Whether the decision `at`, which the successor of `root` waits for, cuts nothing off that `root` serves: then it comes before.
    /// What is itself deleted first is away already, with all on it. Notes the same of all that `at` waits for.
    fn is_steady(&self, root: usize, at: usize, found: &mut BTreeMap<usize, bool>) -> bool {
        if let Some(known) = found.get(&at) {
            return *known;
        }
        let decision = &self.decisions[at];
        if at != root && decision.kind() == Kind::Service {
            // Its own successor waits for the rest.
            let steady = self.has_room(root, at);
            found.insert(at, steady);
            return steady;
        }
        found.insert(at, true);
        let mut steady = at == root || decision.action != Action::DeleteThenCreate;
        for used in self.wishes.awaited(&decision.address) {
            if let Some(other) = self.at.get(used) {
                steady &= self.is_steady(root, *other, found);
            }
        }
        found.insert(at, steady);
        steady
    }

    /// Whether the service that the stack asks for at `comes` has room while that of `stays` is live: not for sure where both are on
    /// instances.
    fn has_room(&self, stays: usize, comes: usize) -> bool {
        let live = self.decisions[stays].node.map(|node| &self.world.nodes[node].resource);
        let wanted = self.decisions[comes].filled.as_ref().map(|filled| &filled.resource);
        let on_fargate = |found: Option<&Resource>| matches!(found, Some(Resource::Service(service)) if service.is_on_fargate());
        on_fargate(live) || on_fargate(wanted)
    }

    /// Whether the update of `route` turns users to a target group in which only the successor of `service` answers.
    fn turns_away(&self, route: usize, service: usize) -> bool {
        let (of, service) = (&self.decisions[route], &self.decisions[service].address);
        let Some(node) = of.node.filter(|_| of.kind().routes() && of.action == Action::Update) else {
            return false;
        };
        let leads_there = |group: &&Address| {
            let decision = self.at.get(group).map(|at| &self.decisions[*at]);
            let live = decision.filter(|of| matches!(of.action, Action::NoOp | Action::Update));
            live.and_then(|of| of.node).is_some_and(|group| self.world.links(node).contains(&group))
        };
        let groups = self.wishes.of(&of.address).filter(|used| used.kind() == Kind::TargetGroup);
        let mut groups = groups.filter(|group| self.wishes.depends(service, group));
        groups.any(|group| !leads_there(&group))
    }
}

/// Whether both serve by Service Connect under one name, which is unique within its namespace (`discoveryName` of
/// "ServiceConnectService" in ECS's API reference): then the new one can be made only when the old one is gone.
fn share_a_name(one: &Service, other: &Service) -> bool {
    let (Some(one), Some(other)) = (&one.connect, &other.connect) else { return false };
    one.serves.keys().any(|name| other.serves.contains_key(name))
}
