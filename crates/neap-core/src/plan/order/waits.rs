//! What each step waits for.
//!
//! Decides the edges of one decision at a time. Must not know how cycles among them are resolved.

use std::collections::BTreeSet;

use super::{Builder, Strength, collide, places};
use crate::address::{Address, Kind};
use crate::edges;
use crate::plan::world::Node;
use crate::plan::{Action, Need, StepId};

impl Builder<'_> {
    /// The order of the two steps of a replacement.
    pub(super) fn within(&mut self, index: usize) {
        let (make, delete) = (self.making[index], self.deleting[index]);
        match self.decisions[index].action {
            Action::CreateThenDelete => self.edge(make, delete, Need::Ready, Strength::Successor),
            Action::DeleteThenCreate => self.edge(delete, make, Need::Gone, Strength::Needed),
            Action::NoOp | Action::Create | Action::Update | Action::Delete => {}
        }
    }

    /// What scales a service goes on until the successor of that can be scaled, even where it must be deleted before its own is made.
    pub(super) fn scales_on(&mut self, index: usize) {
        let decision = &self.decisions[index];
        if decision.kind() != Kind::ScalableTarget || decision.action != Action::DeleteThenCreate {
            return;
        }
        let wishes = self.wishes;
        for used in wishes.awaited(&decision.address) {
            let Some(&service) = self.at.get(used) else { continue };
            if self.decisions[service].action == Action::CreateThenDelete {
                self.edge(self.making[service], self.deleting[index], Need::Ready, Strength::Steady);
            }
        }
    }

    /// What an update drops goes when all that relies on it has changed: old tasks serve, and are asked for their health, until
    /// new ones do.
    pub(super) fn narrows(&mut self, index: usize) {
        let narrow = self.narrowing[index];
        let Some(node) = self.decisions[index].node.filter(|_| narrow.is_some()) else { return };
        self.edge(self.making[index], narrow, Need::Ready, Strength::Needed);
        let behind = self.behind(node);
        for other in self.relying(index, node) {
            let strength = if behind.contains(&other) { Strength::Smooth } else { Strength::Steady };
            for change in [self.making[other], self.narrowing[other]] {
                self.edge(change, narrow, Need::Ready, strength);
            }
            self.edge(self.deleting[other], narrow, Need::Gone, strength);
        }
        for other in self.coming(index) {
            self.edge(self.making[other], narrow, Need::Ready, Strength::Steady);
        }
    }

    /// What a create or an update waits for.
    pub(super) fn makes(&mut self, index: usize) {
        let decision = &self.decisions[index];
        if self.making[index].is_none() || decision.action == Action::NoOp {
            return;
        }
        let wishes = self.wishes;
        for dependency in wishes.awaited(&decision.address) {
            let Some(&other) = self.at.get(dependency) else { continue };
            let rule = edges::between(decision.kind(), dependency.kind());
            let action = self.decisions[other].action;
            // An endpoint is in its tables and subnets whatever their routes, some of which may have to wait for it.
            let is_route = matches!(dependency.kind(), Kind::RouteTable | Kind::Subnet);
            if decision.kind() == Kind::VpcEndpoint && is_route && action == Action::Update {
                continue;
            }
            if self.comes_before(index, other) {
                continue;
            }
            // Traffic moves to a successor only when it can take it; what lives inside a successor moves no traffic.
            let inside = decision.address.parent().as_ref() == Some(dependency);
            let replaced = action == Action::CreateThenDelete && decision.node.is_some() && !inside;
            let need = if replaced || self.turns_to(index, other) { Need::Ready } else { rule.create };
            if action != Action::NoOp || need == Need::Ready {
                self.edge(self.making[other], self.making[index], need, Strength::Needed);
            }
        }
    }

    /// What sends traffic to a load balancer moves to its successor when that has its listeners and rules.
    pub(super) fn switches(&mut self, index: usize) {
        let decision = &self.decisions[index];
        if decision.node.is_none() || decision.kind().routes() || self.making[index].is_none() {
            return;
        }
        let wishes = self.wishes;
        let replaced = |address: &&Address| {
            let action = self.at.get(address).map(|other| self.decisions[*other].action);
            address.kind().is_balancer()
                && matches!(action, Some(Action::CreateThenDelete | Action::DeleteThenCreate))
        };
        let balancers: Vec<&Address> = wishes.of(&decision.address).filter(replaced).collect();
        if balancers.is_empty() {
            return;
        }
        for (other, route) in self.decisions.iter().enumerate() {
            if balancer_address(&route.address).is_some_and(|found| balancers.contains(&&found)) {
                self.edge(self.making[other], self.making[index], Need::Ready, Strength::Smooth);
            }
        }
    }

    /// A service whose number of tasks is the stack's again waits until nothing scales it, or the number would move back.
    pub(super) fn released(&mut self, index: usize) {
        let decision = &self.decisions[index];
        let changes = decision.kind() == Kind::Service && decision.action == Action::Update;
        let Some(node) = decision.node.filter(|_| changes) else { return };
        for user in self.users.get(&node).cloned().unwrap_or_default() {
            let scaling = &self.decisions[user];
            if scaling.kind() == Kind::ScalableTarget && scaling.action == Action::Delete {
                self.edge(self.deleting[user], self.making[index], Need::Gone, Strength::Smooth);
            }
        }
    }

    /// What a create or an update takes over from something that goes: a place that only one can have, or a target
    /// group, which serves one load balancer only.
    pub(super) fn takes_over(&mut self, index: usize) {
        let decision = &self.decisions[index];
        let (Some(filled), Some(make)) = (&decision.filled, self.making[index]) else { return };
        if decision.action == Action::NoOp {
            return;
        }
        let leaving = places(&filled.resource).filter_map(|place| self.leaving.get(&place)).flatten();
        for other in leaving.copied().collect::<BTreeSet<_>>() {
            let live = self.decisions[other].node.map(|node| &self.world.nodes[node].resource);
            if other != index && live.is_some_and(|live| collide(live, &filled.resource)) {
                self.edge(self.deleting[other], Some(make), Need::Gone, Strength::Enforced);
            }
        }
        if decision.kind().routes() {
            self.takes_target_groups(index, make);
        }
    }

    fn takes_target_groups(&mut self, index: usize, make: StepId) {
        let address = &self.decisions[index].address;
        let wishes = self.wishes;
        let balancer = self.balancer_of(address);
        for group in wishes.of(address).filter(|found| found.kind() == Kind::TargetGroup) {
            let Some(&of_group) = self.at.get(group) else { continue };
            let decision = &self.decisions[of_group];
            let stays = matches!(decision.action, Action::NoOp | Action::Update);
            let Some(node) = decision.node.filter(|_| stays) else { continue };
            for user in self.users.get(&node).cloned().unwrap_or_default() {
                let route = &self.decisions[user];
                let Some(live) = route.node.filter(|_| route.kind().routes()) else { continue };
                if balancer.is_some() && self.world.load_balancer(live) == balancer {
                    continue;
                }
                let drops = route.action == Action::Update && !wishes.depends(&route.address, group);
                let dropping = if drops { self.making[user] } else { self.deleting[user] };
                let need = if drops { Need::Exists } else { Need::Gone };
                self.edge(dropping, Some(make), need, Strength::Enforced);
                self.stays_in_front(address, live, dropping);
            }
        }
    }

    /// The live route `live` lets go, in the step `dropping`, of a group that the one at `address` takes over: when the load balancer
    /// of that can take its traffic.
    fn stays_in_front(&mut self, address: &Address, live: Node, dropping: Option<StepId>) {
        let new = balancer_address(address).and_then(|balancer| self.at.get(&balancer).copied());
        let comes =
            |new: &usize| matches!(self.decisions[*new].action, Action::Create | Action::CreateThenDelete);
        let Some(new) = new.filter(comes) else { return };
        let old = self.world.load_balancer(live).and_then(|old| self.about.get(&old).copied());
        for step in [dropping, old.and_then(|old| self.deleting[old])] {
            self.edge(self.making[new], step, Need::Ready, Strength::Steady);
        }
    }

    /// The live load balancer on which the listener or rule at `address` will stand, if it stays.
    fn balancer_of(&self, address: &Address) -> Option<Node> {
        let decision = &self.decisions[*self.at.get(&balancer_address(address)?)?];
        decision.node.filter(|_| matches!(decision.action, Action::NoOp | Action::Update))
    }

    /// What lives on an old load balancer stays until the new one can take its traffic.
    pub(super) fn outlives(&mut self, index: usize) {
        let balancer = self.decisions[index].node.and_then(|node| self.world.load_balancer(node));
        let other = balancer.and_then(|balancer| self.about.get(&balancer).copied());
        let replaced = |other: &usize| self.decisions[*other].action == Action::CreateThenDelete;
        if let Some(other) = other.filter(replaced) {
            self.edge(self.making[other], self.deleting[index], Need::Ready, Strength::Smooth);
        }
    }

    /// What a delete waits for.
    pub(super) fn deletes(&mut self, index: usize) {
        let decision = &self.decisions[index];
        let (Some(node), Some(delete)) = (decision.node, self.deleting[index]) else { return };
        for user in self.users.get(&node).cloned().unwrap_or_default() {
            self.deletes_after(user, index, delete);
        }
        if decision.kind().routes() && decision.action != Action::DeleteThenCreate {
            self.deletes_after_traffic(node, index, delete);
        }
        if decision.kind() == Kind::BucketFiles {
            // The mark on the bucket, by which the files are found, goes when they are gone.
            for bucket in self.world.links(node).clone() {
                let changed = self.about.get(&bucket).copied().filter(|of| {
                    let of = &self.decisions[*of];
                    of.kind() == Kind::Bucket && of.action == Action::Update
                });
                let making = changed.and_then(|of| self.making[of]);
                self.edge(Some(delete), making, Need::Gone, Strength::Enforced);
            }
        }
        if decision.kind().is_balancer() {
            self.deletes_after_shifts(node, delete);
        }
        if decision.kind().is_balancer() && !self.has_routes(node) {
            // Its listeners are not listed one by one, so what they forward to is free only when it is gone.
            for (other, group) in self.decisions.iter().enumerate() {
                if group.kind() == Kind::TargetGroup {
                    self.edge(Some(delete), self.deleting[other], Need::Gone, Strength::Enforced);
                }
            }
        }
    }

    /// The delete of what decision `index` is about, whose live resource that of `user` refers to.
    fn deletes_after(&mut self, user: usize, index: usize, delete: StepId) {
        let (dependent, dependency) = (&self.decisions[user], &self.decisions[index]);
        if edges::only_names(dependent.kind(), dependency.kind()) {
            return;
        }
        let rule = edges::between(dependent.kind(), dependency.kind());
        // Then the dependent's own step waits for the successor, which waits for this delete.
        let rebuilt = dependency.action == Action::DeleteThenCreate
            && self.wishes.awaited(&dependent.address).contains(&dependency.address);
        let moves = matches!(dependent.action, Action::Update | Action::CreateThenDelete) && !rebuilt;
        if moves {
            // AWS refuses the delete until the update has let go; then only a new resource can wait for it.
            let held = rule.holds && dependent.action == Action::Update;
            let strength = if held { Strength::Successor } else { Strength::Smooth };
            self.edge(self.last(user), Some(delete), Need::Ready, strength);
        }
        let goes = match dependent.action {
            Action::Delete | Action::DeleteThenCreate => true,
            Action::CreateThenDelete => moves,
            Action::NoOp | Action::Create | Action::Update => false,
        };
        if goes && rule.delete {
            self.edge(self.deleting[user], Some(delete), Need::Gone, Strength::Enforced);
        }
    }

    /// A listener or rule serves whoever sends traffic to its load balancer, until that has moved.
    fn deletes_after_traffic(&mut self, node: Node, index: usize, delete: StepId) {
        let Some(balancer) = self.world.load_balancer(node) else { return };
        let leaves = self.about.get(&balancer).is_some_and(|of| self.deleting[*of].is_some());
        if !leaves {
            return;
        }
        for user in self.users.get(&balancer).cloned().unwrap_or_default() {
            if !self.decisions[user].kind().routes() {
                self.deletes_after(user, index, delete);
            }
        }
    }

    /// A load balancer takes its listeners and rules along, so it goes after the services that ECS shifts traffic for.
    fn deletes_after_shifts(&mut self, balancer: Node, delete: StepId) {
        let is_of_it = |route: &Node| self.world.load_balancer(*route) == Some(balancer);
        let shifts = |service: &usize| {
            let service = &self.decisions[*service];
            let live = service.node.filter(|_| service.kind() == Kind::Service);
            live.is_some_and(|live| self.world.links(live).iter().any(is_of_it))
        };
        let services: Vec<usize> = (0..self.decisions.len()).filter(shifts).collect();
        for service in services {
            self.edge(self.deleting[service], Some(delete), Need::Gone, Strength::Smooth);
            if self.decisions[service].action == Action::Update {
                self.edge(self.making[service], Some(delete), Need::Ready, Strength::Smooth);
            }
        }
    }

    fn has_routes(&self, balancer: Node) -> bool {
        let users = self.users.get(&balancer);
        users.is_some_and(|users| users.iter().any(|user| self.decisions[*user].kind().routes()))
    }
}

/// The load balancer in which the listener or rule at `address` lives.
pub(in crate::plan) fn balancer_address(address: &Address) -> Option<Address> {
    let parent = address.parent()?;
    Some(parent.parent().unwrap_or(parent))
}
