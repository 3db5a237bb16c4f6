//! What users ask first: names and distributions, and what they lead to.
//!
//! Decides what waits where one of them turns to something else: users go there at once, so all of it must answer before. AWS
//! enforces none of it, so all of it gives way; only for the names of distributions it does. Must not know how those that are new come to be.

use std::collections::BTreeSet;

use super::waits::balancer_address;
use super::{Builder, Decision, Strength, aliases};
use crate::address::{Address, Kind};
use crate::kinds::{self, Origin, Resource};
use crate::plan::{Action, Need};

impl Builder<'_> {
    /// Whether the update of `index`, a name or a distribution, turns it to the resource of `other`.
    pub(super) fn turns_to(&self, index: usize, other: usize) -> bool {
        let (front, behind) = (&self.decisions[index], &self.decisions[other]);
        let Some(node) = front.node.filter(|_| front.action == Action::Update) else { return false };
        let fronts = matches!(front.kind(), Kind::Domain | Kind::Cloudfront);
        let stays = behind.node.filter(|_| matches!(behind.action, Action::NoOp | Action::Update));
        let led_there = stays.is_some_and(|behind| self.world.links(node).contains(&behind));
        fronts && answers(behind.kind()) && !led_there
    }

    /// A name or a distribution turns to something else when that can answer.
    pub(super) fn turns(&mut self, index: usize) {
        let turned: Vec<usize> =
            self.leads_to(index).into_iter().filter(|other| self.turns_to(index, *other)).collect();
        for other in turned {
            for part in self.parts(other) {
                self.edge(self.making[part], self.making[index], Need::Ready, Strength::Smooth);
            }
        }
    }

    /// A distribution asks another port of a load balancer when it is answered there.
    pub(super) fn asks_another_port(&mut self, index: usize) {
        let site = &self.decisions[index];
        let Some(node) = site.node.filter(|_| site.action == Action::Update) else { return };
        let wanted = site.filled.as_ref().map(|filled| &filled.resource);
        let (Resource::Cloudfront(live), Some(Resource::Cloudfront(wanted))) =
            (&self.world.nodes[node].resource, wanted)
        else {
            return;
        };
        let asked = |origin: &Origin, port: u16| {
            live.origins
                .values()
                .any(|live| live.domain == origin.domain && live.ports().any(|it| it == port))
        };
        let ports = wanted.origins.values().flat_map(|origin| origin.ports().map(move |port| (origin, port)));
        let new: BTreeSet<u16> =
            ports.filter(|(origin, port)| !asked(origin, *port)).map(|(_, port)| port).collect();
        let listens = |other: &usize| {
            let wanted = self.decisions[*other].filled.as_ref().map(|filled| &filled.resource);
            match wanted {
                Some(Resource::Listener(listener)) if new.contains(&listener.port) => Some(listener.port),
                _ => None,
            }
        };
        let mut before = BTreeSet::new();
        for other in 0..self.decisions.len() {
            let Some(port) = listens(&other).filter(|_| self.asking(other).contains(&index)) else {
                continue;
            };
            let balancer = balancer_address(&self.decisions[other].address);
            before.extend(balancer.into_iter().flat_map(|balancer| self.answering_at(&balancer, port)));
        }
        // What is there and changes may have to wait for the distribution, see `asks_for_headers`.
        before.retain(|other| {
            let of = &self.decisions[*other];
            !of.kind().routes() || of.action != Action::Update
        });
        for other in before {
            self.edge(self.making[other], self.making[index], Need::Ready, Strength::Steady);
        }
    }

    /// Whether the policy or the files of `index` come before the update of the distribution of `other`, which turns to their
    /// bucket. Its ARN, which they name, is known.
    pub(super) fn comes_before(&self, index: usize, other: usize) -> bool {
        let of_bucket = &self.decisions[index].address;
        is_of_bucket(of_bucket.kind())
            && self.decisions[other].kind() == Kind::Cloudfront
            && self.leads_to(other).into_iter().any(|bucket| {
                self.wishes.depends(of_bucket, &self.decisions[bucket].address)
                    && self.turns_to(other, bucket)
            })
    }

    /// A policy that no longer lets a distribution read the bucket waits until that has turned elsewhere.
    pub(super) fn shuts(&mut self, index: usize) {
        let policy = &self.decisions[index];
        let shuts = policy.kind() == Kind::BucketPolicy && policy.action == Action::Update;
        let Some(node) = policy.node.filter(|_| shuts) else { return };
        for reader in self.world.links(node).clone() {
            let Some(&other) = self.about.get(&reader) else { continue };
            let reader = &self.decisions[other];
            let turns = reader.kind() == Kind::Cloudfront && reader.action == Action::Update;
            if turns && !self.wishes.depends(&policy.address, &reader.address) {
                self.edge(self.making[other], self.making[index], Need::Ready, Strength::Smooth);
            }
        }
    }

    /// The decisions about distributions that ask the load balancer of the route `index`, now or in the end, by its host name or by a
    /// name in DNS that leads to it.
    pub(super) fn asking(&self, index: usize) -> BTreeSet<usize> {
        let leads_there = |decision: &Decision<'_>| self.leads_there(decision, index);
        let names = self.decisions.iter().filter(|of| of.kind() == Kind::Domain && leads_there(of));
        let names: BTreeSet<&str> = names.flat_map(|of| self.sides(of)).map(Resource::aws_name).collect();
        let by_name = |decision: &Decision<'_>| {
            self.sides(decision).any(|resource| match resource {
                Resource::Cloudfront(site) => {
                    site.origins.values().any(|origin| names.contains(origin.domain.as_str()))
                }
                _ => false,
            })
        };
        let asks = |other: &usize| {
            let decision = &self.decisions[*other];
            decision.kind() == Kind::Cloudfront && (leads_there(decision) || by_name(decision))
        };
        (0..self.decisions.len()).filter(asks).collect()
    }

    /// Whether a name or a distribution leads to the load balancer of the route `index`, now or in the end.
    fn leads_there(&self, decision: &Decision<'_>, index: usize) -> bool {
        let route = &self.decisions[index];
        let wanted = balancer_address(&route.address);
        let live = route.node.and_then(|node| self.world.load_balancer(node));
        wanted.is_some_and(|balancer| self.wishes.depends(&decision.address, &balancer))
            || live.zip(decision.node).is_some_and(|(live, node)| self.world.links(node).contains(&live))
    }

    /// A listener or a rule that goes is there until the names and distributions that lead to its load balancer have changed: they may be
    /// what asks it.
    pub(super) fn stays_open(&mut self, index: usize) {
        let route = &self.decisions[index];
        if !route.kind().routes() || !matches!(route.action, Action::Delete | Action::CreateThenDelete) {
            return;
        }
        for front in self.turning(index) {
            self.edge(self.making[front], self.deleting[index], Need::Ready, Strength::Steady);
        }
    }

    /// The decisions about names and distributions that lead to the load balancer of the route `index`, now or in the end, and change.
    pub(super) fn turning(&self, index: usize) -> BTreeSet<usize> {
        let mut fronts = self.asking(index);
        let is_name = |other: &usize| {
            let decision = &self.decisions[*other];
            decision.kind() == Kind::Domain && self.leads_there(decision, index)
        };
        fronts.extend((0..self.decisions.len()).filter(is_name));
        fronts.retain(|front| self.decisions[*front].action == Action::Update);
        fronts
    }

    /// What is live of a decision, and what the stack asks for.
    fn sides<'a>(&'a self, decision: &'a Decision<'_>) -> impl Iterator<Item = &'a Resource> {
        let live = decision.node.map(|node| &self.world.nodes[node].resource);
        let wanted = decision.filled.as_ref().map(|filled| &filled.resource);
        live.into_iter().chain(wanted)
    }

    /// A rule asks for a header, or a listener for a rule that does, when the distributions in front send it; a rule takes what
    /// they will send before they do. What a rule no longer takes is another step of it, see [`Builder::relying`].
    pub(super) fn asks_for_headers(&mut self, index: usize) {
        let route = &self.decisions[index];
        let filled = route.filled.as_ref().map(|filled| &filled.resource);
        let Some(node) = route.node.filter(|_| route.action == Action::Update) else { return };
        let opens = match (&self.world.nodes[node].resource, filled) {
            (Resource::Rule(live), Some(Resource::Rule(wanted))) => {
                if live.conditions.headers == wanted.conditions.headers {
                    return;
                }
                let Some(opens) = live.opens(wanted) else { return };
                opens
            }
            (Resource::Listener(live), Some(Resource::Listener(wanted))) => {
                let forwards = |action: &kinds::Action| matches!(action, kinds::Action::Forward { .. });
                if !forwards(&live.default_action) || forwards(&wanted.default_action) {
                    return;
                }
                false
            }
            _ => return,
        };
        for site in self.asking(index) {
            if self.decisions[site].action != Action::Update {
                continue;
            }
            let (site, route) = (self.making[site], self.making[index]);
            let (before, after) = if opens { (route, site) } else { (site, route) };
            self.edge(before, after, Need::Ready, Strength::Steady);
        }
    }

    /// A distribution takes a name of its own from another one when that has let go of it. Two that exchange names never could.
    pub(super) fn hands_over(&mut self) {
        for moved in aliases::moves(self.decisions, self.world) {
            let make = self.making[moved.to];
            if moved.goes {
                self.edge(self.deleting[moved.from], make, Need::Gone, Strength::Enforced);
            } else {
                self.edge(self.making[moved.from], make, Need::Ready, Strength::Needed);
            }
        }
    }

    /// The decisions about what the stack has the name or the distribution of `index` lead to.
    fn leads_to(&self, index: usize) -> Vec<usize> {
        let found = self.wishes.of(&self.decisions[index].address).filter(|found| answers(found.kind()));
        found.filter_map(|found| self.at.get(found).copied()).collect()
    }

    /// The decisions about that by which the resource of `index` answers.
    fn parts(&self, index: usize) -> Vec<usize> {
        let decision = &self.decisions[index];
        let at = |fits: &dyn Fn(&Address) -> bool| -> Vec<usize> {
            self.at.iter().filter(|(address, _)| fits(address)).map(|(_, found)| *found).collect()
        };
        match decision.kind() {
            Kind::Bucket => {
                at(&|found| is_of_bucket(found.kind()) && self.wishes.depends(found, &decision.address))
            }
            // One that is there waits for its own.
            Kind::Cloudfront if decision.node.is_none() => {
                let behind = self.leads_to(index);
                behind.iter().flat_map(|other| self.parts(*other)).chain(behind.iter().copied()).collect()
            }
            Kind::Alb | Kind::Nlb | Kind::Clb => {
                let routes = at(&|found| balancer_address(found).as_ref() == Some(&decision.address));
                let of_route = |route: &usize| self.wishes.of(&self.decisions[*route].address);
                let mut ways: Vec<&Address> = routes
                    .iter()
                    .flat_map(of_route)
                    .filter(|found| found.kind() == Kind::TargetGroup)
                    .collect();
                ways.push(&decision.address);
                // One that moves here leaves another one, which the same users still ask.
                let serves = |found: &Address| {
                    let is_new = self.at.get(found).is_some_and(|at| self.decisions[*at].node.is_none());
                    found.kind() == Kind::Service
                        && is_new
                        && ways.iter().any(|way| self.wishes.depends(found, way))
                };
                let services = at(&serves);
                routes.into_iter().chain(services).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Whether users are led to resources of this kind.
const fn answers(kind: Kind) -> bool {
    matches!(kind, Kind::Alb | Kind::Nlb | Kind::Clb | Kind::Cloudfront | Kind::Bucket)
}

/// Whether a bucket answers by resources of this kind.
const fn is_of_bucket(kind: Kind) -> bool {
    matches!(kind, Kind::BucketPolicy | Kind::BucketFiles)
}
