//! In which order things happen: the steps of the decisions, and the edges between them.
//!
//! Decides edges from what the stack refers to (creates and updates) and from what live resources refer to
//! (deletes), by the table in [`crate::edges`]. Must not change a decision.

mod knots;

use std::collections::{BTreeMap, BTreeSet};

use knots::Tight;

use super::decide::Decision;
use super::wishes::Wishes;
use super::world::{Node, World};
use super::{Action, Edge, Need, Reason, StepId, Verb};
use crate::address::{Address, Kind};
use crate::edges;
use crate::kinds::Resource;

/// How bad it would be to do without an edge. Where edges would make a cycle the weakest give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// Traffic would be interrupted.
    Smooth,
    /// The step that comes first would have to make its resource anew, after the old one is deleted.
    Successor,
    /// AWS would refuse the call until something else has happened, and a repeat would succeed.
    Enforced,
    /// The call could not be made.
    Needed,
}

/// A step, and which decision it carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) verb: Verb,
    pub(super) decision: usize,
}

/// Steps in an order in which they can happen, and what they wait for.
pub(super) struct Order {
    pub(super) tasks: Vec<Task>,
    pub(super) edges: Vec<Edge>,
}

/// Why there is no order.
pub(super) enum Knot {
    /// Steps wait for each other; the addresses of each path, the first repeated at the end.
    Cycles(Vec<Vec<Address>>),
    /// There is one if these are deleted before their successors are created.
    DeleteFirst(BTreeSet<Address>),
}

/// The steps of `decisions` in order.
///
/// # Errors
///
/// Fails where there is none, unless something is decided otherwise.
pub(super) fn order(
    decisions: &[Decision<'_>],
    world: &World<'_>,
    wishes: &Wishes<'_>,
) -> Result<Order, Knot> {
    let mut builder = Builder::new(decisions, world, wishes);
    for decision in 0..decisions.len() {
        builder.within(decision);
        builder.makes(decision);
        builder.switches(decision);
        builder.takes_over(decision);
        builder.deletes(decision);
    }
    match knots::untie(&mut builder.edges, builder.tasks.len()) {
        Ok(()) => Ok(builder.finish()),
        Err(Tight::Cycles(cycles)) => {
            Err(Knot::Cycles(cycles.into_iter().map(|cycle| builder.named(cycle)).collect()))
        }
        Err(Tight::DeleteFirst(steps)) => Err(Knot::DeleteFirst(builder.named(steps).into_iter().collect())),
    }
}

struct Builder<'b> {
    decisions: &'b [Decision<'b>],
    world: &'b World<'b>,
    wishes: &'b Wishes<'b>,
    tasks: Vec<Task>,
    /// The step that creates, updates or waits for the resource of each decision.
    making: Vec<Option<StepId>>,
    /// The step that deletes its live resource.
    deleting: Vec<Option<StepId>>,
    /// The decision about each desired address.
    at: BTreeMap<&'b Address, usize>,
    /// The decision about each live resource.
    about: BTreeMap<Node, usize>,
    /// The decisions about live resources that refer to each live resource.
    users: BTreeMap<Node, BTreeSet<usize>>,
    /// The deletes that leave each place free.
    leaving: BTreeMap<String, BTreeSet<StepId>>,
    edges: BTreeMap<(StepId, StepId), (Need, Strength)>,
}

impl<'b> Builder<'b> {
    fn new(decisions: &'b [Decision<'b>], world: &'b World<'b>, wishes: &'b Wishes<'b>) -> Self {
        let mut tasks = Vec::new();
        let mut making = Vec::with_capacity(decisions.len());
        let mut deleting = Vec::with_capacity(decisions.len());
        let mut at = BTreeMap::new();
        let mut about = BTreeMap::new();
        let mut users: BTreeMap<Node, BTreeSet<usize>> = BTreeMap::new();
        let mut leaving: BTreeMap<String, BTreeSet<StepId>> = BTreeMap::new();
        for (index, decision) in decisions.iter().enumerate() {
            let (make, delete) = verbs(decision);
            let mut task = |verb: Verb| {
                tasks.push(Task { verb, decision: index });
                tasks.len() - 1
            };
            making.push(make.map(&mut task));
            deleting.push(delete.map(&mut task));
            if decision.action != Action::Delete {
                at.insert(&decision.address, index);
            }
            if let Some(node) = decision.node {
                about.insert(node, index);
                for used in world.links(node) {
                    users.entry(*used).or_default().insert(index);
                }
                let place = place(&world.nodes[node].resource);
                if let (Action::Delete, Some(delete), Some(place)) = (decision.action, deleting[index], place)
                {
                    leaving.entry(place).or_default().insert(delete);
                }
            }
        }
        let edges = BTreeMap::new();
        Self { decisions, world, wishes, tasks, making, deleting, at, about, users, leaving, edges }
    }

    /// Puts `before` before `after`, where both exist. Of two needs the later one holds.
    fn edge(&mut self, before: Option<StepId>, after: Option<StepId>, need: Need, strength: Strength) {
        let (Some(before), Some(after)) = (before, after) else { return };
        if before == after {
            return;
        }
        let edge = self.edges.entry((before, after)).or_insert((need, strength));
        *edge = (edge.0.max(need), edge.1.max(strength));
    }

    /// The order of the two steps of a replacement.
    fn within(&mut self, index: usize) {
        let (make, delete) = (self.making[index], self.deleting[index]);
        match self.decisions[index].action {
            Action::CreateThenDelete => self.edge(make, delete, Need::Ready, Strength::Successor),
            Action::DeleteThenCreate => self.edge(delete, make, Need::Gone, Strength::Needed),
            Action::NoOp | Action::Create | Action::Update | Action::Delete => {}
        }
    }

    /// What a create or an update waits for.
    fn makes(&mut self, index: usize) {
        let decision = &self.decisions[index];
        if self.making[index].is_none() || decision.action == Action::NoOp {
            return;
        }
        let wishes = self.wishes;
        for dependency in wishes.awaited(&decision.address) {
            let Some(&other) = self.at.get(dependency) else { continue };
            let rule = edges::between(decision.kind(), dependency.kind());
            let action = self.decisions[other].action;
            // Traffic moves to a successor only when it can take it.
            let moves = action == Action::CreateThenDelete && decision.node.is_some();
            let need = if moves { Need::Ready } else { rule.create };
            if action != Action::NoOp || need == Need::Ready {
                self.edge(self.making[other], self.making[index], need, Strength::Needed);
            }
        }
    }

    /// What sends traffic to a load balancer moves to its successor when that has its listeners and rules.
    fn switches(&mut self, index: usize) {
        let decision = &self.decisions[index];
        if decision.node.is_none() || decision.kind().routes() || self.making[index].is_none() {
            return;
        }
        let wishes = self.wishes;
        let replaced = |address: &&Address| {
            let action = self.at.get(address).map(|other| self.decisions[*other].action);
            address.kind() == Kind::Alb
                && matches!(action, Some(Action::CreateThenDelete | Action::DeleteThenCreate))
        };
        let balancers: Vec<&Address> = wishes.of(&decision.address).filter(replaced).collect();
        if balancers.is_empty() {
            return;
        }
        for (other, route) in self.decisions.iter().enumerate() {
            let parent = route.address.parent();
            let grandparent = parent.as_ref().and_then(Address::parent);
            let inside =
                |address: &Option<Address>| address.as_ref().is_some_and(|found| balancers.contains(&found));
            if inside(&parent) || inside(&grandparent) {
                self.edge(self.making[other], self.making[index], Need::Ready, Strength::Smooth);
            }
        }
    }

    /// What a create or an update takes over from something that goes: a place that only one can have, or a target
    /// group, which serves one load balancer only.
    fn takes_over(&mut self, index: usize) {
        let decision = &self.decisions[index];
        let (Some(filled), Some(make)) = (&decision.filled, self.making[index]) else { return };
        if decision.action == Action::NoOp {
            return;
        }
        let place = place(&filled.resource);
        for delete in place.and_then(|place| self.leaving.get(&place)).cloned().unwrap_or_default() {
            self.edge(Some(delete), Some(make), Need::Gone, Strength::Enforced);
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
            }
        }
    }

    /// The live load balancer on which the listener or rule at `address` will stand, if it stays.
    fn balancer_of(&self, address: &Address) -> Option<Node> {
        let parent = address.parent()?;
        let balancer = parent.parent().unwrap_or(parent);
        let decision = &self.decisions[*self.at.get(&balancer)?];
        decision.node.filter(|_| matches!(decision.action, Action::NoOp | Action::Update))
    }

    /// What a delete waits for.
    fn deletes(&mut self, index: usize) {
        let decision = &self.decisions[index];
        let (Some(node), Some(delete)) = (decision.node, self.deleting[index]) else { return };
        for user in self.users.get(&node).cloned().unwrap_or_default() {
            self.deletes_after(user, index, delete);
        }
        if decision.kind().routes() && decision.action != Action::DeleteThenCreate {
            self.deletes_after_traffic(node, index, delete);
        }
        if decision.kind() == Kind::Alb && !self.has_routes(node) {
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
        let rule = edges::between(dependent.kind(), dependency.kind());
        // Then the dependent's own step waits for the successor, which waits for this delete.
        let rebuilt = dependency.action == Action::DeleteThenCreate
            && self.wishes.awaited(&dependent.address).contains(&dependency.address);
        let moves = matches!(dependent.action, Action::Update | Action::CreateThenDelete) && !rebuilt;
        if moves {
            // AWS refuses the delete until the update has let go; then only a new resource can wait for it.
            let held = rule.holds && dependent.action == Action::Update;
            let strength = if held { Strength::Successor } else { Strength::Smooth };
            self.edge(self.making[user], Some(delete), Need::Ready, strength);
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
        if !leaves || self.is_taken_over(node) {
            return;
        }
        for user in self.users.get(&balancer).cloned().unwrap_or_default() {
            if !self.decisions[user].kind().routes() {
                self.deletes_after(user, index, delete);
            }
        }
    }

    /// Whether the listener or rule `node` forwards to a target group that stays: then others may wait for it.
    fn is_taken_over(&self, node: Node) -> bool {
        self.world.links(node).iter().any(|used| {
            let of = self.about.get(used).map(|of| &self.decisions[*of]);
            of.is_some_and(|of| of.kind() == Kind::TargetGroup && !of.action.deletes())
        })
    }

    fn has_routes(&self, balancer: Node) -> bool {
        let users = self.users.get(&balancer);
        users.is_some_and(|users| users.iter().any(|user| self.decisions[*user].kind().routes()))
    }

    fn named(&self, steps: impl IntoIterator<Item = StepId>) -> Vec<Address> {
        let mut path: Vec<Address> =
            steps.into_iter().map(|step| self.decisions[self.tasks[step].decision].address.clone()).collect();
        path.dedup();
        path
    }

    /// Numbers the steps so that each comes after what it waits for, and like comes with like.
    fn finish(self) -> Order {
        let ranks = knots::ranks(&self.edges, self.tasks.len());
        let mut steps: Vec<StepId> = (0..self.tasks.len()).collect();
        steps.sort_by_key(|step| {
            let task = self.tasks[*step];
            (ranks[*step], &self.decisions[task.decision].address, task.verb, *step)
        });
        let mut numbers = vec![0; steps.len()];
        for (number, step) in steps.iter().enumerate() {
            numbers[*step] = number;
        }
        let edge = |((before, after), (need, _)): (&(StepId, StepId), &(Need, Strength))| Edge {
            before: numbers[*before],
            after: numbers[*after],
            need: *need,
        };
        let mut edges: Vec<Edge> = self.edges.iter().map(edge).collect();
        edges.sort_by_key(|edge| (edge.after, edge.before));
        Order { tasks: steps.into_iter().map(|step| self.tasks[step]).collect(), edges }
    }
}

/// The verb that makes, and the one that deletes.
const fn verbs(decision: &Decision<'_>) -> (Option<Verb>, Option<Verb>) {
    match decision.action {
        Action::NoOp if matches!(decision.reason, Reason::Settling { .. }) => (Some(Verb::Wait), None),
        Action::NoOp => (None, None),
        Action::Create => (Some(Verb::Create), None),
        Action::Update => (Some(Verb::Update), None),
        Action::CreateThenDelete | Action::DeleteThenCreate => (Some(Verb::Create), Some(Verb::Delete)),
        Action::Delete => (None, Some(Verb::Delete)),
    }
}

/// What only one resource of a kind can have.
fn place(resource: &Resource) -> Option<String> {
    let name = resource.aws_name();
    match resource {
        Resource::Listener(listener) => Some(format!("{} {}", listener.alb, listener.port)),
        Resource::Rule(rule) => Some(format!("{} {}", rule.listener, rule.priority)),
        Resource::Service(service) => Some(format!("{} {name}", service.cluster)),
        Resource::SecurityGroup(group) => Some(format!("{} {}", group.vpc, name.to_lowercase())),
        Resource::Role(_) => Some(name.to_lowercase()),
        Resource::LogGroup(_)
        | Resource::Ecr(_)
        | Resource::Cluster(_)
        | Resource::TargetGroup(_)
        | Resource::Alb(_)
        | Resource::Task(_) => Some(name.to_owned()),
        Resource::Cloudfront(_) => None,
    }
    .map(|place| format!("{} {place}", resource.kind()))
}
