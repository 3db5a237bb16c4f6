//! What is live and the stack's own, and who refers to whom among it.
//!
//! Live fields hold no references, only the ids, ARNs and host names that AWS assigned; links are found by them.
//! Must not look at what is desired, except for which address stands for which live resource.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::address::{Address, Kind};
use crate::desired::Desired;
use crate::kinds::Resource;
use crate::live::{Live, LiveResource, Outputs, Phase, Reading};
use crate::outputs;
use crate::ownership::listener_of;

/// The number of a live resource in [`World`].
pub(super) type Node = usize;

/// Everything of the stack's own that is live.
pub(super) struct World<'a> {
    /// The resources: those at desired addresses, then orphans.
    pub(super) nodes: Vec<&'a LiveResource>,
    /// What each refers to.
    links: Vec<BTreeSet<Node>>,
    /// What stands at each desired address.
    standings: BTreeMap<&'a Address, Standing<'a>>,
}

/// What stands at a desired address.
#[derive(Clone, Copy)]
pub(super) enum Standing<'a> {
    /// Nothing.
    Absent,
    /// It could not be read.
    Unknown,
    /// The stack's own resource.
    Present(Node),
    /// Nothing, but something with another physical identity was made for this address.
    Predecessor(Node),
    /// Something that is not the stack's own.
    Foreign(&'a LiveResource),
}

impl<'a> World<'a> {
    /// The world that `live` shows to a plan for `desired`.
    pub(super) fn new(desired: &'a Desired, live: &'a Live) -> Self {
        let mut nodes = Vec::new();
        let mut standings = BTreeMap::new();
        for address in desired.resources.keys() {
            let standing = match live.readings.get(address) {
                None | Some(Reading::Absent) => Standing::Absent,
                Some(Reading::Unreadable(_)) => Standing::Unknown,
                Some(Reading::Foreign(found)) => Standing::Foreign(found.as_ref()),
                Some(Reading::Present(found)) => {
                    nodes.push(found.as_ref());
                    Standing::Present(nodes.len() - 1)
                }
            };
            standings.insert(address, standing);
        }
        for orphan in sorted_orphans(live, &nodes) {
            nodes.push(orphan);
            let standing = standings.get_mut(&orphan.address);
            let leaving = matches!(orphan.phase, Phase::Deleting(_));
            if let Some(standing @ Standing::Absent) = standing
                && !leaving
                && orphan.address.kind() == orphan.kind()
            {
                *standing = Standing::Predecessor(nodes.len() - 1);
            }
        }
        let links = links(&nodes, live);
        Self { nodes, links, standings }
    }

    /// What stands at the desired address `address`.
    pub(super) fn standing(&self, address: &Address) -> Standing<'a> {
        self.standings.get(address).copied().unwrap_or(Standing::Absent)
    }

    /// The nodes that stand at no desired address, neither as themselves nor as a predecessor.
    pub(super) fn unwanted(&self) -> Vec<Node> {
        let wanted = |standing: &Standing<'_>| match standing {
            Standing::Present(node) | Standing::Predecessor(node) => Some(*node),
            Standing::Absent | Standing::Unknown | Standing::Foreign(_) => None,
        };
        let wanted: BTreeSet<Node> = self.standings.values().filter_map(wanted).collect();
        (0..self.nodes.len()).filter(|node| !wanted.contains(node)).collect()
    }

    /// What `node` refers to; for a service, also what its task definition refers to, and for a group of instances what
    /// its launch template does.
    pub(super) fn links(&self, node: Node) -> &BTreeSet<Node> {
        &self.links[node]
    }

    /// The load balancer that a listener or rule lives on.
    pub(super) fn load_balancer(&self, node: Node) -> Option<Node> {
        let linked = |node: Node, wanted: fn(Kind) -> bool| {
            self.links[node].iter().copied().find(|found| wanted(self.nodes[*found].kind()))
        };
        match self.nodes[node].kind() {
            Kind::Listener => linked(node, Kind::is_balancer),
            Kind::Rule => linked(linked(node, |kind| kind == Kind::Listener)?, Kind::is_balancer),
            Kind::LogGroup
            | Kind::Role
            | Kind::InstanceProfile
            | Kind::Ecr
            | Kind::Cluster
            | Kind::Vpc
            | Kind::InternetGateway
            | Kind::ElasticIp
            | Kind::NatGateway
            | Kind::RouteTable
            | Kind::Subnet
            | Kind::VpcEndpoint
            | Kind::SecurityGroup
            | Kind::LaunchTemplate
            | Kind::AutoScalingGroup
            | Kind::CapacityProvider
            | Kind::ClusterCapacity
            | Kind::TargetGroup
            | Kind::Alb
            | Kind::Nlb
            | Kind::Clb
            | Kind::Task
            | Kind::Service
            | Kind::ScalableTarget
            | Kind::Cloudfront
            | Kind::Bucket
            | Kind::BucketPolicy
            | Kind::BucketFiles
            | Kind::OriginAccessControl
            | Kind::Certificate
            | Kind::Function
            | Kind::Domain
            | Kind::Namespace
            | Kind::DiscoveryService => None,
        }
    }
}

impl Kind {
    /// Whether resources of this kind send requests to target groups.
    pub(super) const fn routes(self) -> bool {
        matches!(self, Self::Listener | Self::Rule)
    }
}

/// The orphans in a steady order, those that are also at an address left out.
fn sorted_orphans<'a>(live: &'a Live, present: &[&'a LiveResource]) -> Vec<&'a LiveResource> {
    let seen: BTreeSet<(Kind, &str)> =
        present.iter().map(|found| (found.kind(), found.id.as_str())).collect();
    let new = live.orphans.iter().filter(|orphan| !seen.contains(&(orphan.kind(), orphan.id.as_str())));
    let by_id: BTreeMap<(&Address, Kind, &str), &LiveResource> =
        new.map(|orphan| ((&orphan.address, orphan.kind(), orphan.id.as_str()), orphan)).collect();
    by_id.into_values().collect()
}

fn links(nodes: &[&LiveResource], live: &Live) -> Vec<BTreeSet<Node>> {
    let mut names: BTreeMap<String, BTreeSet<Node>> = BTreeMap::new();
    for (node, found) in nodes.iter().enumerate() {
        let mut known = outputs::computed(&found.resource, &live.environment);
        known.extend(found.outputs.clone());
        for name in identities(found, &known) {
            names.entry(name.to_owned()).or_default().insert(node);
        }
    }
    let mut links: Vec<BTreeSet<Node>> = Vec::with_capacity(nodes.len());
    for (node, found) in nodes.iter().enumerate() {
        let mut targets = BTreeSet::new();
        strings(&found.resource.fields(), &mut |text| {
            // A rule that is none of the stack's is what a listener does by default.
            let named = names.get(family(text)).or_else(|| names.get(&listener_of(text)?));
            targets.extend(named.into_iter().flatten().copied());
        });
        targets.remove(&node);
        links.push(targets);
    }
    let links = on_instances(nodes, through_associations(nodes, through_templates(nodes, links)));
    through_buckets(nodes, through_network(nodes, links))
}

/// A distribution uses the policy of its bucket, which lets it read, and the files there, though only those name it.
fn through_buckets(nodes: &[&LiveResource], mut links: Vec<BTreeSet<Node>>) -> Vec<BTreeSet<Node>> {
    let is = |node: Node, kind: Kind| nodes[node].kind() == kind;
    for site in (0..nodes.len()).filter(|node| is(*node, Kind::Cloudfront)) {
        let buckets: BTreeSet<Node> =
            links[site].iter().copied().filter(|node| is(*node, Kind::Bucket)).collect();
        let of_bucket = |node: &Node| is(*node, Kind::BucketPolicy) || is(*node, Kind::BucketFiles);
        let used: Vec<Node> =
            (0..nodes.len()).filter(of_bucket).filter(|node| !links[*node].is_disjoint(&buckets)).collect();
        links[site].extend(used);
    }
    links
}

/// A service uses what its task definition names, and a group of instances what its launch template names, though only
/// those name it.
fn through_templates(nodes: &[&LiveResource], mut links: Vec<BTreeSet<Node>>) -> Vec<BTreeSet<Node>> {
    for node in 0..nodes.len() {
        let template = match nodes[node].kind() {
            Kind::Service => Kind::Task,
            Kind::AutoScalingGroup => Kind::LaunchTemplate,
            _ => continue,
        };
        let templates = links[node].iter().filter(|found| nodes[**found].kind() == template);
        let used: BTreeSet<Node> = templates.flat_map(|template| links[*template].iter().copied()).collect();
        links[node].extend(used.into_iter().filter(|used| *used != node));
    }
    links
}

/// A service uses the association of the providers that its strategy names, though nothing names an association.
fn through_associations(nodes: &[&LiveResource], mut links: Vec<BTreeSet<Node>>) -> Vec<BTreeSet<Node>> {
    let of = |kind: Kind| (0..nodes.len()).filter(move |node| nodes[*node].kind() == kind);
    for service in of(Kind::Service) {
        let provides = |used: &Node| nodes[*used].kind() == Kind::CapacityProvider;
        let providers: BTreeSet<Node> = links[service].iter().copied().filter(provides).collect();
        let used: Vec<Node> =
            of(Kind::ClusterCapacity).filter(|it| !links[*it].is_disjoint(&providers)).collect();
        links[service].extend(used);
    }
    links
}

/// A daemon runs on the instances that join its cluster, though it has no strategy that would name them.
fn on_instances(nodes: &[&LiveResource], mut links: Vec<BTreeSet<Node>>) -> Vec<BTreeSet<Node>> {
    let is_daemon =
        |node: &Node| matches!(&nodes[*node].resource, Resource::Service(service) if service.is_daemon());
    for daemon in (0..nodes.len()).filter(is_daemon) {
        let clusters: BTreeSet<Node> =
            links[daemon].iter().copied().filter(|used| nodes[*used].kind() == Kind::Cluster).collect();
        let joins = |node: &Node| {
            nodes[*node].kind() == Kind::AutoScalingGroup && !links[*node].is_disjoint(&clusters)
        };
        let groups: Vec<Node> = (0..nodes.len()).filter(joins).collect();
        links[daemon].extend(groups);
    }
    links
}

/// What runs in a subnet uses the NAT gateway that its route table leads to, and the endpoints of its VPC, though only those
/// name each other.
fn through_network(nodes: &[&LiveResource], mut links: Vec<BTreeSet<Node>>) -> Vec<BTreeSet<Node>> {
    let endpoints: Vec<Node> =
        (0..nodes.len()).filter(|node| nodes[*node].kind() == Kind::VpcEndpoint).collect();
    for node in 0..nodes.len() {
        if !matches!(nodes[node].kind(), Kind::Service | Kind::AutoScalingGroup) {
            continue;
        }
        let linked = |from: Node, kind: Kind| {
            links[from].iter().copied().filter(move |found| nodes[*found].kind() == kind)
        };
        let mut used = BTreeSet::new();
        for subnet in linked(node, Kind::Subnet) {
            used.extend(linked(subnet, Kind::RouteTable).flat_map(|table| linked(table, Kind::NatGateway)));
            let vpcs: BTreeSet<Node> = linked(subnet, Kind::Vpc).collect();
            let within = |endpoint: &Node| linked(*endpoint, Kind::Vpc).any(|vpc| vpcs.contains(&vpc));
            used.extend(endpoints.iter().copied().filter(within));
        }
        links[node].extend(used);
    }
    links
}

/// The values by which other resources name `found`.
fn identities<'b>(found: &'b LiveResource, known: &'b Outputs) -> Vec<&'b str> {
    let keys: &[&str] = match found.kind() {
        Kind::LogGroup => &["name", "arn"],
        Kind::Ecr => &["uri", "arn"],
        Kind::Vpc
        | Kind::InternetGateway
        | Kind::ElasticIp
        | Kind::NatGateway
        | Kind::RouteTable
        | Kind::Subnet
        | Kind::VpcEndpoint
        | Kind::SecurityGroup
        | Kind::LaunchTemplate
        | Kind::OriginAccessControl => &["id"],
        // Strategies name providers, and only neap's own names begin so.
        Kind::CapacityProvider => &["arn", "name"],
        Kind::ClusterCapacity => &[],
        Kind::Alb | Kind::Nlb => &["arn", "dns_name"],
        Kind::Clb => &["name", "dns_name"],
        Kind::Cloudfront => &["arn", "domain_name"],
        Kind::Role
        | Kind::InstanceProfile
        | Kind::AutoScalingGroup
        | Kind::Cluster
        | Kind::TargetGroup
        | Kind::Listener
        | Kind::Rule
        | Kind::Task
        | Kind::Service
        | Kind::Certificate
        | Kind::Function => &["arn"],
        Kind::Namespace | Kind::DiscoveryService => &["arn", "id"],
        Kind::Bucket => &["name", "arn", "domain_name"],
        Kind::BucketPolicy | Kind::BucketFiles | Kind::ScalableTarget | Kind::Domain => &[],
    };
    keys.iter().filter_map(|key| known.get(*key)).map(|value| family(value)).collect()
}

/// A task definition's ARN without its revision: a service may still run an older one. Other text as it is.
fn family(text: &str) -> &str {
    let revision = text.contains(":task-definition/").then(|| text.rsplit_once(':')).flatten();
    match revision {
        Some((family, revision)) if revision.parse::<u64>().is_ok() => family,
        _ => text,
    }
}

fn strings(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => {
            for (key, member) in members {
                // A strategy names its providers by its keys.
                found(key);
                strings(member, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
