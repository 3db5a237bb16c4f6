//! In which order things happen: the steps of the decisions, and the edges between them.
//!
//! Decides edges from what the stack refers to (creates and updates) and from what live resources refer to
//! (deletes), by the table in [`crate::edges`]. Must not change a decision.

mod doors;
mod fronts;
mod knots;
mod moves;
mod routes;
mod waits;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use knots::Tight;
pub(super) use waits::balancer_address;

use super::aliases;
use super::decide::Decision;
use super::wishes::Wishes;
use super::world::{Node, World};
use super::{Action, Edge, Need, Reason, StepId, Verb};
use crate::address::{Address, Kind};
use crate::cidr;
use crate::kinds::{KindOf as _, Resource};

/// How bad it would be to do without an edge. Where edges would make a cycle the weakest give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// Users would be served by nobody until what takes the place of something is up.
    Steady,
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
pub(super) struct Act {
    pub(super) verb: Verb,
    pub(super) decision: usize,
}

/// Steps in an order in which they can happen, and what they wait for.
pub(super) struct Order {
    pub(super) acts: Vec<Act>,
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
    (0..decisions.len()).for_each(|decision| builder.split(decision));
    for decision in 0..decisions.len() {
        builder.within(decision);
        builder.scales_on(decision);
        builder.narrows(decision);
        builder.makes(decision);
        builder.switches(decision);
        builder.moves_behind(decision);
        builder.hands_on(decision);
        builder.stays_behind(decision);
        builder.stays_until(decision);
        builder.stays_ruled(decision);
        builder.hands_requests_on(decision);
        builder.redirects(decision);
        builder.is_let_in(decision);
        builder.turns(decision);
        builder.asks_another_port(decision);
        builder.shuts(decision);
        builder.asks_for_headers(decision);
        builder.stays_open(decision);
        builder.released(decision);
        builder.leads_out(decision);
        builder.stays_connected(decision);
        builder.takes_over(decision);
        builder.outlives(decision);
        builder.deletes(decision);
    }
    builder.hands_over();
    match knots::untie(&mut builder.edges, builder.acts.len()) {
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
    acts: Vec<Act>,
    /// The step that creates, updates or waits for the resource of each decision.
    making: Vec<Option<StepId>>,
    /// The step that takes away what its update drops, where that is one of its own.
    narrowing: Vec<Option<StepId>>,
    /// The step that deletes its live resource.
    deleting: Vec<Option<StepId>>,
    /// The decision about each desired address.
    at: BTreeMap<&'b Address, usize>,
    /// The decision about each live resource.
    about: BTreeMap<Node, usize>,
    /// The decisions about live resources that refer to each live resource.
    users: BTreeMap<Node, BTreeSet<usize>>,
    /// The decisions whose deletes leave each place free.
    leaving: BTreeMap<String, BTreeSet<usize>>,
    edges: BTreeMap<(StepId, StepId), (Need, Strength)>,
}

impl<'b> Builder<'b> {
    fn new(decisions: &'b [Decision<'b>], world: &'b World<'b>, wishes: &'b Wishes<'b>) -> Self {
        let mut acts = Vec::new();
        let mut making = Vec::with_capacity(decisions.len());
        let mut deleting = Vec::with_capacity(decisions.len());
        let mut at = BTreeMap::new();
        let mut about = BTreeMap::new();
        let mut users: BTreeMap<Node, BTreeSet<usize>> = BTreeMap::new();
        let mut leaving: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (index, decision) in decisions.iter().enumerate() {
            let (make, delete) = verbs(decision);
            let mut act = |verb: Verb| {
                acts.push(Act { verb, decision: index });
                acts.len() - 1
            };
            making.push(make.map(&mut act));
            deleting.push(delete.map(&mut act));
            if decision.action != Action::Delete {
                at.insert(&decision.address, index);
            }
            if let Some(node) = decision.node {
                about.insert(node, index);
                for used in world.links(node) {
                    users.entry(*used).or_default().insert(index);
                }
                for place in places(&world.nodes[node].resource).filter(|_| deleting[index].is_some()) {
                    leaving.entry(place).or_default().insert(index);
                }
            }
        }
        let narrowing = vec![None; decisions.len()];
        let edges = BTreeMap::new();
        Self { decisions, world, wishes, acts, making, narrowing, deleting, at, about, users, leaving, edges }
    }

    /// An update drops what goes last, in a step of its own, where anything changes that may still rely on it.
    fn split(&mut self, index: usize) {
        let decision = &self.decisions[index];
        let (Action::Update, Some(node)) = (decision.action, decision.node) else { return };
        let live = &self.world.nodes[node].resource;
        let widened = decision.filled.as_ref().and_then(|filled| live.widened(&filled.resource));
        let (Some(widened), Some(make)) = (widened, self.making[index]) else { return };
        let changes = |other: &usize| self.making[*other].or(self.deleting[*other]).is_some();
        let comes = self.coming(index);
        if !self.relying(index, node).iter().chain(&comes).any(changes) {
            return;
        }
        if widened == *live {
            // Nothing comes, so there is nothing that others would wait for.
            self.acts[make].verb = Verb::Narrow;
            self.narrowing[index] = self.making[index].take();
        } else {
            self.acts[make].verb = Verb::Widen;
            self.acts.push(Act { verb: Verb::Narrow, decision: index });
            self.narrowing[index] = Some(self.acts.len() - 1);
        }
    }

    /// The decisions about what relies on that which the update `index` of the live resource `node` takes away: what refers to it, and
    /// whoever comes by a rule of a group that goes, such as a load balancer that asks the tasks until it is gone. Behind a rule of a
    /// listener are the distributions that send it requests, and before a group what asks for the health of the tasks in it.
    fn relying(&self, index: usize, node: Node) -> BTreeSet<usize> {
        let mut found = self.behind(node);
        let wanted = self.decisions[index].filled.as_ref().map(|filled| &filled.resource);
        if let (Resource::SecurityGroup(live), Some(Resource::SecurityGroup(wanted))) =
            (&self.world.nodes[node].resource, wanted)
            && let Some(widened) = live.widened(wanted)
        {
            let gone: BTreeSet<&String> =
                widened.ingress.difference(&wanted.ingress).map(|rule| &rule.peer).collect();
            let is_gone =
                |peer: &&Node| self.world.nodes[**peer].outputs.get("id").is_some_and(|id| gone.contains(id));
            for peer in self.world.links(node).iter().filter(is_gone) {
                found.extend(self.behind(*peer));
            }
        }
        match self.decisions[index].kind() {
            Kind::Rule => found.extend(self.asking(index)),
            Kind::SecurityGroup => found.extend(self.asking_elsewhere(&found)),
            _ => {}
        }
        found
    }

    /// The decisions about what refers to the live resource `node`, directly or through others. What a group lets in does not
    /// rely on the rules of that group's peers.
    fn behind(&self, node: Node) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut next = vec![node];
        while let Some(node) = next.pop() {
            for user in self.users.get(&node).into_iter().flatten().copied() {
                let decision = &self.decisions[user];
                if decision.kind() != Kind::SecurityGroup && found.insert(user) {
                    next.extend(decision.node);
                }
            }
        }
        found
    }

    /// The step after which what is live is as the stack says.
    fn last(&self, index: usize) -> Option<StepId> {
        self.narrowing[index].or(self.making[index])
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

    fn named(&self, steps: impl IntoIterator<Item = StepId>) -> Vec<Address> {
        let mut path: Vec<Address> =
            steps.into_iter().map(|step| self.decisions[self.acts[step].decision].address.clone()).collect();
        path.dedup();
        path
    }

    /// Numbers the steps so that each comes after what it waits for, and like comes with like.
    fn finish(self) -> Order {
        let ranks = knots::ranks(&self.edges, self.acts.len());
        let mut steps: Vec<StepId> = (0..self.acts.len()).collect();
        steps.sort_by_key(|step| {
            let act = self.acts[*step];
            (ranks[*step], &self.decisions[act.decision].address, act.verb, *step)
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
        Order { acts: steps.into_iter().map(|step| self.acts[step]).collect(), edges }
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

/// All that only one resource can have.
fn places(resource: &Resource) -> impl Iterator<Item = String> {
    let steps = match resource {
        Resource::ScalableTarget(target) => Some(target.step_scaling.values()),
        _ => None,
    };
    let alarms = steps.into_iter().flatten().filter_map(|policy| policy.alarm.as_ref());
    place(resource).into_iter().chain(alarms.map(|alarm| format!("alarm {}", alarm.name)))
}

/// What only one resource of a kind can have.
fn place(resource: &Resource) -> Option<String> {
    let name = resource.aws_name();
    match resource {
        Resource::Listener(listener) => Some(format!("{} {}", listener.load_balancer, listener.port)),
        Resource::Rule(rule) => Some(format!("{} {}", rule.listener, rule.priority)),
        Resource::Service(service) => Some(format!("{} {name}", service.cluster)),
        Resource::SecurityGroup(group) => Some(format!("{} {}", group.vpc, name.to_lowercase())),
        Resource::Domain(domain) => Some(format!("{} {name}", domain.zone)),
        Resource::Namespace(namespace) => Some(format!("{:?} {name}", namespace.vpc)),
        Resource::DiscoveryService(service) => Some(format!("{} {name}", service.namespace)),
        Resource::Role(_) | Resource::InstanceProfile(_) => Some(name.to_lowercase()),
        Resource::ClusterCapacity(capacity) => Some(capacity.cluster.clone()),
        Resource::ScalableTarget(target) => Some(target.service.clone()),
        // One name is one load balancer, of either kind ("CreateLoadBalancer" of ELB's API reference).
        Resource::Alb(_) | Resource::Nlb(_) => return Some(format!("load balancer {name}")),
        // Those of a VPC are told apart by their blocks, see `collide`.
        Resource::Subnet(subnet) => Some(subnet.vpc.clone()),
        Resource::LogGroup(_)
        | Resource::Ecr(_)
        | Resource::Cluster(_)
        | Resource::LaunchTemplate(_)
        | Resource::AutoScalingGroup(_)
        | Resource::CapacityProvider(_)
        | Resource::TargetGroup(_)
        | Resource::Clb(_)
        | Resource::Task(_)
        | Resource::Bucket(_)
        | Resource::BucketPolicy(_)
        | Resource::BucketFiles(_)
        | Resource::OriginAccessControl(_)
        | Resource::Function(_) => Some(name.to_owned()),
        Resource::Cloudfront(_)
        | Resource::Certificate(_)
        | Resource::Vpc(_)
        | Resource::InternetGateway(_)
        | Resource::ElasticIp(_)
        | Resource::NatGateway(_)
        | Resource::RouteTable(_)
        | Resource::VpcEndpoint(_) => None,
    }
    .map(|place| format!("{} {place}", resource.kind()))
}

/// Whether two resources cannot both have a place.
fn collide(one: &Resource, other: &Resource) -> bool {
    match (one, other) {
        (Resource::Subnet(one), Resource::Subnet(other)) => cidr::overlap(&one.cidr, &other.cidr),
        _ => true,
    }
}
