//! Listeners and rules of one load balancer, among each other.
//!
//! Decides which of them waits for which, so that each request is answered by one of them at any time. AWS enforces none of it, so all
//! of it gives way. Must not know where users come from: see `fronts`.

use std::collections::BTreeSet;

use super::waits::balancer_address;
use super::{Builder, Strength};
use crate::address::{Address, Kind};
use crate::kinds::{self, Resource, Rule};
use crate::plan::world::Node;
use crate::plan::{Action, Need};

impl<'b> Builder<'b> {
    /// A live listener or rule that comes to lead users to another port of its load balancer does so when they are answered there: by the
    /// listener of that port with its rules, and by the tasks that come behind them. The groups of the load balancer let them in before.
    pub(super) fn redirects(&mut self, index: usize) {
        let Some((balancer, port)) = self.comes_to_redirect(index) else { return };
        for other in self.answering_at(&balancer, port) {
            self.edge(self.making[other], self.making[index], Need::Ready, Strength::Steady);
        }
    }

    /// The decisions about that by which users are let in and answered at a port of the desired load balancer `balancer`; none where
    /// nothing listens there.
    pub(super) fn answering_at(&self, balancer: &Address, port: u16) -> BTreeSet<usize> {
        let opens = |(address, other): (&&Address, &usize)| {
            let wanted = self.decisions[*other].filled.as_ref().map(|filled| &filled.resource);
            let is_there = address.parent().as_ref() == Some(balancer);
            is_there && matches!(wanted, Some(Resource::Listener(listener)) if listener.port == port)
        };
        let Some((listener, _)) = self.at.iter().find(|entry| opens(*entry)) else { return BTreeSet::new() };
        let is_of_it =
            |address: &&Address| address == listener || address.parent().as_ref() == Some(*listener);
        let routes = self.at.iter().filter(|(address, _)| is_of_it(address));
        let mut found: BTreeSet<usize> = routes.map(|(_, route)| *route).collect();
        let tasks: Vec<usize> = found.iter().flat_map(|route| self.coming(*route)).collect();
        found.extend(tasks);
        let groups = self.wishes.of(balancer).filter(|used| used.kind() == Kind::SecurityGroup);
        found.extend(groups.chain([balancer]).filter_map(|of| self.at.get(of)));
        found
    }

    /// The load balancer of the route `index`, and the other port to which an update comes to lead users.
    fn comes_to_redirect(&self, index: usize) -> Option<(Address, u16)> {
        let route = &self.decisions[index];
        let node = route.node.filter(|_| route.kind().routes() && route.action == Action::Update)?;
        let before = action(&self.world.nodes[node].resource)?;
        let kinds::Action::Redirect { port, .. } = action(&route.filled.as_ref()?.resource)? else {
            return None;
        };
        if matches!(before, kinds::Action::Redirect { port: before, .. } if before == port) {
            return None;
        }
        // `#{port}` is the listener's own.
        let port: u16 = port.parse().ok()?;
        let balancer = balancer_address(&route.address)?;
        let own = route.address.parent().filter(|parent| *parent != balancer);
        let own = self.at.get(own.as_ref().unwrap_or(&route.address))?;
        match &self.decisions[*own].filled.as_ref()?.resource {
            Resource::Listener(listener) if listener.port != port => Some((balancer, port)),
            _ => None,
        }
    }

    /// A rule goes when those are there that come on its listener, or the default would answer in between: one of another priority
    /// is another rule. Not where the load balancer has no room for both.
    pub(super) fn stays_ruled(&mut self, index: usize) {
        if self.decisions[index].action != Action::Delete {
            return;
        }
        for other in self.beside(index) {
            if self.decisions[other].action == Action::Create {
                self.edge(self.making[other], self.deleting[index], Need::Ready, Strength::Steady);
            }
        }
    }

    /// A rule that goes, or takes other requests, does so when those of its listener are there that come to take what it took, as where
    /// rules are numbered anew. Two that take the same do no harm. Two that change places do so at once.
    pub(super) fn hands_requests_on(&mut self, index: usize) {
        let rule = &self.decisions[index];
        let step = match rule.action {
            Action::Update => self.last(index),
            Action::Delete => self.deleting[index],
            Action::NoOp | Action::Create | Action::CreateThenDelete | Action::DeleteThenCreate => return,
        };
        let (Some(live), after) = self.rules(index) else { return };
        let takes = |other: &usize| {
            let (before, heir) = self.rules(*other);
            heir.is_some_and(|heir| live.hands_on(after, before, heir))
        };
        let heirs: Vec<usize> = self.beside(index).into_iter().filter(takes).collect();
        for heir in heirs {
            self.edge(self.making[heir], step, Need::Ready, Strength::Steady);
        }
    }

    /// The live and the desired rule of a decision.
    fn rules(&self, index: usize) -> (Option<&'b Rule>, Option<&'b Rule>) {
        let decision = &self.decisions[index];
        let rule = |resource: &'b Resource| match resource {
            Resource::Rule(rule) => Some(rule),
            _ => None,
        };
        let live = decision.node.and_then(|node| rule(&self.world.nodes[node].resource));
        (live, decision.filled.as_ref().and_then(|filled| rule(&filled.resource)))
    }

    /// The decisions about the other rules that the stack asks for on the listener of the live rule of `index`: none where that listener
    /// goes, or its load balancer has no room for those that come beside those that are there.
    fn beside(&self, index: usize) -> Vec<usize> {
        /// "Rules per Application Load Balancer" of ELB's quotas.
        const RULES: usize = 100;
        let rule = &self.decisions[index];
        let Some(node) = rule.node.filter(|_| rule.kind() == Kind::Rule) else { return Vec::new() };
        let is_listener = |used: &Node| self.world.nodes[*used].kind() == Kind::Listener;
        let listener = self.world.links(node).iter().copied().find(is_listener);
        let listener = listener.and_then(|listener| self.about.get(&listener).copied());
        let stays = |of: &usize| matches!(self.decisions[*of].action, Action::NoOp | Action::Update);
        let (Some(listener), Some(balancer)) = (listener.filter(stays), self.world.load_balancer(node))
        else {
            return Vec::new();
        };
        let on_it = &self.decisions[listener].address;
        let wanted = |other: &usize| {
            let other = &self.decisions[*other];
            other.kind() == Kind::Rule
                && other.action != Action::Delete
                && balancer_address(&other.address) == balancer_address(on_it)
        };
        let mut found: Vec<usize> = (0..self.decisions.len()).filter(wanted).collect();
        let new = found.iter().filter(|other| self.decisions[**other].action == Action::Create).count();
        let is_rule = |node: &Node| self.world.nodes[*node].kind() == Kind::Rule;
        let rules = (0..self.world.nodes.len()).filter(is_rule);
        let live = rules.filter(|node| self.world.load_balancer(*node) == Some(balancer)).count();
        if live + new > RULES {
            return Vec::new();
        }
        found.retain(|other| {
            *other != index && self.decisions[*other].address.parent().as_ref() == Some(on_it)
        });
        found
    }
}

/// What a listener does by default, or a rule with what it takes.
const fn action(resource: &Resource) -> Option<&kinds::Action> {
    match resource {
        Resource::Listener(listener) => Some(&listener.default_action),
        Resource::Rule(rule) => Some(&rule.action),
        _ => None,
    }
}
