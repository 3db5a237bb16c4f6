//! Who lets whom in: security groups, and the load balancers that stand before them.
//!
//! Decides what waits where a load balancer comes to ask tasks in another way, so that they let it in before. AWS enforces none of it, so
//! all of it gives way. What a group lets in no longer is a step of its own, see [`Builder::narrows`].

use std::collections::BTreeSet;

use super::{Builder, Strength};
use crate::address::{Address, Kind};
use crate::kinds::{Resource, Service};
use crate::plan::{Action, Need};

impl Builder<'_> {
    /// A load balancer takes other groups, or comes to ask another port, when those behind it let it in so.
    pub(super) fn is_let_in(&mut self, index: usize) {
        let decision = &self.decisions[index];
        let filled = decision.filled.as_ref().map(|filled| &filled.resource);
        let (Action::Update, Some(node), Some(wanted)) = (decision.action, decision.node, filled) else {
            return;
        };
        let live = &self.world.nodes[node].resource;
        let mut doors = BTreeSet::new();
        if groups(live) != groups(wanted) {
            doors.extend(self.knowing(&decision.address));
        }
        if asks_elsewhere(live, wanted) {
            doors.extend(self.behind_which(&decision.address));
        }
        let doors: Vec<usize> = doors.into_iter().filter_map(|group| self.at.get(group).copied()).collect();
        for door in doors {
            self.edge(self.making[door], self.making[index], Need::Ready, Strength::Steady);
        }
    }

    /// The decisions about what asks tasks of the live services among `users` by a port until it comes to ask them by another.
    pub(super) fn asking_elsewhere(&self, users: &BTreeSet<usize>) -> BTreeSet<usize> {
        let services = users.iter().map(|user| &self.decisions[*user]);
        let services = services.filter(|user| user.kind() == Kind::Service).filter_map(|user| user.node);
        let used = services.flat_map(|service| self.world.links(service));
        let turns = |asking: &&usize| {
            let decision = &self.decisions[**asking];
            let wanted = decision.filled.as_ref().map(|filled| &filled.resource);
            let live = decision.node.map(|node| &self.world.nodes[node].resource);
            decision.action == Action::Update
                && live.zip(wanted).is_some_and(|(live, wanted)| asks_elsewhere(live, wanted))
        };
        used.filter_map(|used| self.about.get(used)).filter(turns).copied().collect()
    }

    /// The groups that have rules for one of those of the load balancer `address`.
    fn knowing(&self, address: &Address) -> BTreeSet<&Address> {
        let own: Vec<&Address> = of_kind(self.wishes.of(address), Kind::SecurityGroup).collect();
        let all = of_kind(self.at.keys().copied(), Kind::SecurityGroup);
        all.filter(|group| own.iter().any(|own| self.wishes.depends(group, own))).collect()
    }

    /// The groups of the tasks that the target group or load balancer `address` asks, or of the instances of their cluster.
    fn behind_which(&self, address: &Address) -> BTreeSet<&Address> {
        let mut found = BTreeSet::new();
        for service in of_kind(self.at.keys().copied(), Kind::Service) {
            let wanted = self.decisions[self.at[service]].filled.as_ref().map(|filled| &filled.resource);
            let Some(Resource::Service(Service { own_interfaces, .. })) = wanted else { continue };
            if !self.wishes.depends(service, address) {
                continue;
            }
            found.extend(of_kind(self.wishes.of(service), Kind::SecurityGroup));
            if *own_interfaces {
                continue;
            }
            let clusters: Vec<&Address> = of_kind(self.wishes.of(service), Kind::Cluster).collect();
            let joins = |group: &&Address| clusters.iter().any(|cluster| self.wishes.depends(group, cluster));
            for instances in of_kind(self.at.keys().copied(), Kind::AutoScalingGroup).filter(joins) {
                found.extend(of_kind(self.wishes.of(instances), Kind::SecurityGroup));
            }
        }
        found
    }
}

fn of_kind<'a>(found: impl Iterator<Item = &'a Address>, kind: Kind) -> impl Iterator<Item = &'a Address> {
    found.filter(move |address| address.kind() == kind)
}

/// The groups that a load balancer is in.
const fn groups(resource: &Resource) -> Option<&BTreeSet<String>> {
    match resource {
        Resource::Alb(balancer) => Some(&balancer.security_groups),
        Resource::Nlb(balancer) => Some(&balancer.security_groups),
        Resource::Clb(balancer) => Some(&balancer.security_groups),
        _ => None,
    }
}

/// Whether tasks are asked by a port that they are not asked by yet. Those of a target group register with a port of their own.
fn asks_elsewhere(live: &Resource, wanted: &Resource) -> bool {
    match (live, wanted) {
        (Resource::TargetGroup(live), Resource::TargetGroup(wanted)) => {
            live.health_check.port != wanted.health_check.port
        }
        (Resource::Clb(live), Resource::Clb(wanted)) => {
            !wanted.instance_ports().is_subset(&live.instance_ports())
        }
        _ => false,
    }
}
