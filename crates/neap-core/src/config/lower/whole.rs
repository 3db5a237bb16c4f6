//! What can be wrong with a stack as a whole: references to nothing, circles, names that two resources have.
//!
//! Decides whether the resources fit together. Must not know any kind's own fields.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{Graph, NodeIndex};

use super::context::Lowering;
use super::place::Place;
use super::references;
use crate::address::{Address, Kind};
use crate::desired::DesiredResource;
use crate::kinds::Resource;
use crate::naming;
use crate::reference::Reference;

/// Checks everything that has been lowered.
pub(super) fn check(lowering: &mut Lowering<'_>) {
    references::check(lowering);
    check_circles(lowering);
    check_names(lowering);
    check_implied_groups(lowering);
}

/// What stands at the ends of edges, by what they start from.
pub(super) type Edges = BTreeMap<String, BTreeSet<String>>;

/// A circle for each part of the graph that has one: its nodes in order, the first at both ends.
pub(super) fn circles(edges: &Edges) -> Vec<Vec<String>> {
    let mut graph = Graph::<&str, ()>::new();
    let nodes: BTreeMap<&str, NodeIndex> =
        edges.keys().map(|node| (node.as_str(), graph.add_node(node))).collect();
    for (from, targets) in edges {
        for to in targets.iter().filter_map(|to| nodes.get(to.as_str())) {
            graph.add_edge(nodes[from.as_str()], *to, ());
        }
    }
    let mut circles: Vec<Vec<String>> = Vec::new();
    for component in tarjan_scc(&graph) {
        let members: BTreeSet<NodeIndex> = component.iter().copied().collect();
        let Some(start) = component.iter().copied().min_by_key(|node| graph[*node]) else { continue };
        if let Some(path) = way_back(&graph, start, &members) {
            circles.push(path.iter().map(|node| graph[*node].to_owned()).collect());
        }
    }
    circles.sort();
    circles
}

/// The shortest way from `start` through `members` back to it.
fn way_back(
    graph: &Graph<&str, ()>,
    start: NodeIndex,
    members: &BTreeSet<NodeIndex>,
) -> Option<Vec<NodeIndex>> {
    let mut came_from = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in graph.neighbors(node).filter(|next| members.contains(next)) {
            if next == start {
                let before = std::iter::successors(Some(node), |node| came_from.get(node).copied());
                let mut path: Vec<NodeIndex> = std::iter::once(start).chain(before).collect();
                path.reverse();
                return Some(path);
            }
            if let Entry::Vacant(vacant) = came_from.entry(next) {
                vacant.insert(node);
                queue.push_back(next);
            }
        }
    }
    None
}

fn check_circles(lowering: &mut Lowering<'_>) {
    let edges: Edges = lowering
        .resources
        .iter()
        .map(|(address, resource)| (address.to_string(), dependencies(resource)))
        .collect();
    for circle in circles(&edges) {
        if lowering.is_hopeless() {
            break;
        }
        let (circle, place) = told_from(lowering, circle);
        let path = circle.iter().map(|address| format!("`{address}`")).collect::<Vec<_>>().join(" → ");
        let services = circle.iter().all(|address| address.starts_with("service."));
        let report = lowering.report(&place, format!("these refer to each other in a circle: {path}"));
        report.help(if services {
            "only what is deployed last knows the others' names: take `reaches` out, and name one `[security_group.x]` for all of \
             them, with a rule whose peer is `self`"
        } else {
            "each would have to exist before the other; take one of the references out"
        });
    }
}

/// The addresses that must come before a resource.
fn dependencies(resource: &DesiredResource) -> BTreeSet<String> {
    let referred = resource.references().into_iter().filter_map(|(_, reference)| match reference {
        Reference::Output(address, _) => Some(address.to_string()),
        Reference::Variable(_) | Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => None,
    });
    referred.chain(resource.after.iter().map(ToString::to_string)).collect()
}

/// A circle turned so that it begins with a reference that the user wrote, and where that stands. One in a string is
/// the likelier mistake, since bare names stand where they must.
fn told_from(lowering: &Lowering<'_>, mut circle: Vec<String>) -> (Vec<String>, Place) {
    let addresses: Vec<Address> = circle.iter().filter_map(|address| address.parse().ok()).collect();
    let written = |in_string: bool| {
        addresses.windows(2).enumerate().find_map(|(index, pair)| {
            let from = root(lowering, &pair[0]);
            let is_it = |used: &&references::Use| {
                used.address == pair[1]
                    && used.output.is_some() == in_string
                    && used.place.path().starts_with(from.path())
            };
            lowering.uses.iter().find(is_it).map(|used| (index, used.place.clone()))
        })
    };
    let found = written(true).or_else(|| written(false));
    let (start, place) = found.unwrap_or_else(|| (0, root(lowering, &addresses[0])));
    circle.pop();
    circle.rotate_left(start);
    circle.extend(circle.first().cloned());
    (circle, place)
}

/// The table that a resource comes from.
fn root(lowering: &Lowering<'_>, address: &Address) -> Place {
    let implied = lowering.resources.get(address).and_then(|resource| resource.implied.as_ref());
    let address = implied.map_or(address, |implied| &implied.by);
    if address.kind() == Kind::Vpc {
        return Place::of("network", "cidr");
    }
    Place::of(address.table().as_str(), address.names().first().map_or("", String::as_str))
}

/// Two resources of one kind cannot have one name; services only within a cluster or a namespace.
fn check_names(lowering: &mut Lowering<'_>) {
    let mut seen = BTreeMap::new();
    let mut twice = Vec::new();
    for (address, resource) in &lowering.resources {
        let name = resource.resource.aws_name();
        if name.is_empty() {
            continue;
        }
        // IAM and EC2 do not tell the case of names.
        let name = match address.kind() {
            Kind::Role | Kind::SecurityGroup => name.to_lowercase(),
            _ => name.to_owned(),
        };
        let within = match &resource.resource {
            Resource::Service(service) => service.cluster.clone(),
            Resource::DiscoveryService(service) => service.namespace.clone(),
            Resource::Namespace(namespace) => namespace.sort.clone(),
            _ => String::new(),
        };
        let first = seen.entry((address.kind(), within, name)).or_insert(address);
        if *first != address {
            // The one whose name the user chose is the one to change.
            let (other, at_fault) = if resource.delete_first { (*first, address) } else { (address, *first) };
            twice.push((at_fault.clone(), other.clone(), resource.resource.aws_name().to_owned()));
        }
    }
    for (address, other, name) in twice {
        let place = root(lowering, &address).at("name");
        lowering.report(&place, format!("`{address}` and `{other}` would both be called `{name}`"));
    }
}

/// Names of implied security groups begin with that of the stack, and AWS keeps a beginning for itself ("CreateSecurityGroup"). One of
/// them stands for all.
fn check_implied_groups(lowering: &mut Lowering<'_>) {
    let groups = lowering.resources.iter().filter(|(address, _)| address.kind() == Kind::SecurityGroup);
    let refused = groups.filter(|(_, group)| group.implied.is_some()).find_map(|(address, group)| {
        let name = group.resource.aws_name();
        let refusal = naming::refusal(Kind::SecurityGroup, name)?;
        Some(format!("`{address}` would be called `{name}`, which {refusal}"))
    });
    if let Some(message) = refused {
        lowering
            .report(&Place::of("stack", "name"), message)
            .help("call the stack otherwise: its name is the first part of those of all that it implies");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(edges: &[(&str, &[&str])], expected: &[&str]) {
        let targets = |targets: &[&str]| targets.iter().map(|target| (*target).to_owned()).collect();
        let edges = edges.iter().map(|(from, to)| ((*from).to_owned(), targets(to))).collect();
        let found: Vec<String> = circles(&edges).iter().map(|circle| circle.join(" ")).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn circles_are_told_with_their_whole_way() {
        check(&[("a", &["b"]), ("b", &["c"]), ("c", &[])], &[]);
        check(&[("a", &["a"])], &["a a"]);
        check(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])], &["a b c a"]);
        check(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &["a"])], &["a c a"]);
        check(&[("a", &["b"]), ("b", &["a"]), ("x", &["y"]), ("y", &["x", "a"])], &["a b a", "x y x"]);
        check(&[("a", &["nothing"])], &[]);
    }
}
