//! Who depends on whom among the resources that a stack asks for.
//!
//! Decides the order in which resources are judged, and finds cycles. Must not look at what is live.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::address::{Address, Kind};
use crate::desired::{Desired, DesiredResource};
use crate::reference::Reference;

/// What each desired resource depends on.
pub(super) struct Wishes<'a> {
    direct: BTreeMap<&'a Address, BTreeSet<Address>>,
    /// The listeners and rules that forward to each target group.
    forwarders: BTreeMap<Address, BTreeSet<&'a Address>>,
}

impl<'a> Wishes<'a> {
    /// The dependencies in `desired`: references, parents, and what the stack puts after each other.
    pub(super) fn new(desired: &'a Desired) -> Self {
        let direct = |(address, wanted): (&'a Address, &'a DesiredResource)| {
            let mut found = references(wanted);
            found.extend(wanted.after.iter().cloned());
            found.extend(address.parent());
            found.retain(|dependency| desired.resources.contains_key(dependency));
            (address, found)
        };
        let direct: BTreeMap<&'a Address, BTreeSet<Address>> = desired.resources.iter().map(direct).collect();
        let mut forwarders: BTreeMap<Address, BTreeSet<&'a Address>> = BTreeMap::new();
        for (address, found) in &direct {
            let groups = found.iter().filter(|found| found.kind() == Kind::TargetGroup);
            for group in groups.filter(|_| address.kind().routes()) {
                forwarders.entry(group.clone()).or_default().insert(address);
            }
        }
        Self { direct, forwarders }
    }

    /// What `address` refers to, lives in, or was put after.
    pub(super) fn of(&self, address: &Address) -> impl Iterator<Item = &Address> {
        self.direct.get(address).into_iter().flatten()
    }

    /// Whether `address` refers to `dependency`, lives in it, or was put after it.
    pub(super) fn depends(&self, address: &Address, dependency: &Address) -> bool {
        self.direct.get(address).is_some_and(|found| found.contains(dependency))
    }

    /// All that a step for `address` waits for. A service also waits for what its tasks use, which nobody checks
    /// before they start, and for the listeners and rules that lead to its target groups, which AWS asks for
    /// although no field names them.
    pub(super) fn awaited(&self, address: &Address) -> BTreeSet<&Address> {
        let mut awaited: BTreeSet<&Address> = self.of(address).collect();
        if address.kind() != Kind::Service {
            return awaited;
        }
        let of_tasks = self.of(address).filter(|found| found.kind() == Kind::Task);
        awaited.extend(of_tasks.flat_map(|task| self.of(task)));
        for group in self.of(address).filter(|found| found.kind() == Kind::TargetGroup) {
            awaited.extend(self.forwarding_to(group));
        }
        awaited.remove(address);
        awaited
    }

    /// The listeners and rules that forward to the target group `group`.
    pub(super) fn forwarding_to(&self, group: &Address) -> impl Iterator<Item = &'a Address> {
        self.forwarders.get(group).into_iter().flatten().copied()
    }

    /// The addresses, each after everything that it depends on.
    ///
    /// # Errors
    ///
    /// Fails with a cycle, its first address repeated at the end.
    pub(super) fn ordered(&self) -> Result<Vec<&'a Address>, Vec<Vec<Address>>> {
        let addresses: Vec<&'a Address> = self.direct.keys().copied().collect();
        let index: BTreeMap<&Address, usize> =
            addresses.iter().enumerate().map(|(index, address)| (*address, index)).collect();
        let edges = self.direct.iter().flat_map(|(address, found)| {
            let index = &index;
            found.iter().map(move |dependency| (index[*address], index[dependency]))
        });
        let edges: BTreeSet<(usize, usize)> = edges.collect();
        let (order, cycles) = strong_order(addresses.len(), &edges);
        let named = |cycle: Vec<usize>| cycle.into_iter().map(|at| addresses[at].clone()).collect();
        if cycles.is_empty() {
            Ok(order.into_iter().map(|at| addresses[at]).collect())
        } else {
            Err(cycles.into_iter().map(named).collect())
        }
    }
}

/// The resources of the stack whose outputs the fields of `wanted` name.
pub(super) fn references(wanted: &DesiredResource) -> BTreeSet<Address> {
    let output = |(_, reference)| match reference {
        Reference::Output(address, _) => Some(address),
        Reference::Variable(_) | Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => None,
    };
    wanted.references().into_iter().filter_map(output).collect()
}

/// The nodes so that each stands after those that its edges lead to, and a cycle for each knot among them.
pub(super) fn strong_order(nodes: usize, edges: &BTreeSet<(usize, usize)>) -> (Vec<usize>, Vec<Vec<usize>>) {
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(nodes, edges.len());
    for _ in 0..nodes {
        graph.add_node(());
    }
    for (from, to) in edges {
        graph.add_edge(NodeIndex::new(*from), NodeIndex::new(*to), ());
    }
    let knots = tarjan_scc(&graph);
    let mut order = Vec::with_capacity(nodes);
    let mut cycles = Vec::new();
    for knot in knots {
        let knot: BTreeSet<usize> = knot.into_iter().map(NodeIndex::index).collect();
        cycles.extend(cycle(&knot, edges));
        order.extend(knot);
    }
    (order, cycles)
}

/// A way through `knot` back to where it began, if there is one.
fn cycle(knot: &BTreeSet<usize>, edges: &BTreeSet<(usize, usize)>) -> Option<Vec<usize>> {
    let next = |from: usize| {
        let edges = edges.range((from, 0)..=(from, usize::MAX));
        edges.map(|(_, to)| *to).find(|to| knot.contains(to))
    };
    let mut path = vec![*knot.first()?];
    loop {
        let to = next(*path.last()?)?;
        if let Some(start) = path.iter().position(|at| *at == to) {
            path.push(to);
            path.drain(..start);
            return Some(path);
        }
        path.push(to);
    }
}
