//! Records and network interfaces as AWS's listings show them.
//!
//! Decides what of a record a listing tells. Must not know which stack anybody looks for.

use std::collections::{BTreeMap, BTreeSet};

use neap_core::address::Kind;
use neap_core::kinds::{
    LaunchTemplate, Listener, Resource, RouteTable, Rule, SecurityGroup, Service, Subnet, Task, VpcEndpoint,
};
use neap_core::network;
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Owner, Seen, Thing};

use crate::arn;
use crate::record::{Alarm, Interface, Record, State, is_of_aws};
use crate::services::auto_scaling;
use crate::services::elb::groups;
use crate::world::World;

/// Everything in the region, and what has no region.
pub(super) fn everything(world: &World) -> Vec<Seen> {
    // Of the records only those that carry a marker are looked at.
    let marked = |record: &&Record| record.kind() != Kind::Domain || !record.tags.is_empty();
    let here = world.everything().filter(|record| record.kind() != Kind::ClusterCapacity).filter(marked);
    let here = here.filter(|record| record.region.as_ref().is_none_or(|it| *it == world.place));
    let records: Vec<&Record> = here.filter(|record| !is_tombstone(record)).collect();
    let balanced = balanced(&records);
    let mut all: Vec<Seen> = records.iter().map(|record| seen(world, record, &balanced)).collect();
    all.extend(records.iter().flat_map(|record| tasks(world, record)));
    all.extend(records.iter().flat_map(|record| instances(world, record)));
    all.extend(world.interfaces.iter().map(interface));
    all.extend(world.alarms.iter().map(|it| alarm(world, it)));
    all
}

/// Whether it is gone and only still shown. A task definition that is inactive is there.
fn is_tombstone(record: &Record) -> bool {
    record.state == State::Inactive && !matches!(record.resource, Resource::Task(_))
}

/// The target groups that the listeners and rules of each load balancer forward to.
fn balanced(records: &[&Record]) -> BTreeMap<String, BTreeSet<String>> {
    let listeners: BTreeMap<&str, &Listener> = records
        .iter()
        .filter_map(|record| match &record.resource {
            Resource::Listener(listener) => Some((record.arn.as_str(), listener)),
            _ => None,
        })
        .collect();
    let mut balanced: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in records {
        let (alb, action) = match &record.resource {
            Resource::Listener(listener) => (Some(&listener.load_balancer), &listener.default_action),
            Resource::Rule(rule) => {
                (listeners.get(rule.listener.as_str()).map(|listener| &listener.load_balancer), &rule.action)
            }
            _ => continue,
        };
        let Some(alb) = alb else { continue };
        let targets = groups(action).iter().map(|group| group.target_group.clone());
        balanced.entry(alb.clone()).or_default().extend(targets);
    }
    balanced
}

fn seen(world: &World, record: &Record, balanced: &BTreeMap<String, BTreeSet<String>>) -> Seen {
    let thing = Thing::of(record.kind());
    let stored = world.held(&record.arn);
    // Roles are told apart by their path, which only the ARN has, tags are on the ARN of a target, and functions are used
    // under theirs.
    let by_arn =
        matches!(thing, Thing::Role | Thing::InstanceProfile | Thing::ScalableTarget | Thing::Function);
    let id = if by_arn { &record.arn } else { &record.id };
    let mut seen = Seen::new(thing, id.clone(), record.resource.aws_name());
    seen.tags = record
        .tags
        .iter()
        .filter(|(key, _)| !is_of_aws(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if network::is_part(record.kind()) {
        seen.name = record.tags.get("Name").cloned().unwrap_or_default();
    }
    seen.stored = stored;
    if let State::Deleting { word, .. } = &record.state {
        seen.going = Some(word.to_ascii_lowercase().replace('_', " "));
    }
    match &record.resource {
        Resource::Alb(alb) => {
            seen.uses = alb.security_groups.clone();
            seen.uses.extend(balanced.get(&record.arn).into_iter().flatten().cloned());
            seen.protected = alb.deletion_protection;
            seen.usage = vec![Usage::of(Charge::Alb, 1.0), public(&alb.scheme, alb.subnets.len())];
        }
        Resource::Nlb(nlb) => {
            seen.uses = nlb.security_groups.clone();
            seen.uses.extend(balanced.get(&record.arn).into_iter().flatten().cloned());
            seen.protected = nlb.deletion_protection;
            // Elastic addresses of its own are billed by themselves.
            let given = nlb.subnets.len().saturating_sub(nlb.addresses.len());
            seen.usage = vec![Usage::of(Charge::Nlb, 1.0), public(&nlb.scheme, given)];
        }
        Resource::Clb(clb) => {
            let certificates = clb.listeners.values().filter_map(|listener| listener.certificate.clone());
            seen.uses = clb.security_groups.iter().cloned().chain(certificates).collect();
            seen.usage = vec![Usage::of(Charge::Clb, 1.0), public(&clb.scheme, clb.subnets.len())];
        }
        Resource::AutoScalingGroup(group) => seen.stored.items = u64::from(group.desired),
        Resource::Cluster(_) => {
            let groups = auto_scaling::of_cluster(world, &record.arn);
            seen.stored.items = groups.iter().map(|(_, group, _)| u64::from(group.desired)).sum();
        }
        Resource::CapacityProvider(provider) => {
            // Groups are known by their names.
            let group = provider.auto_scaling_group.rsplit_once('/');
            seen.uses = group.map(|(_, name)| name.to_owned()).into_iter().collect();
        }
        Resource::InstanceProfile(profile) => seen.uses = profile.role.iter().cloned().collect(),
        Resource::Listener(listener) => {
            seen.within = Some(listener.load_balancer.clone());
            seen.uses = listener.certificate.iter().chain(&listener.extra_certificates).cloned().collect();
        }
        Resource::Certificate(certificate) => seen.name.clone_from(&certificate.domain),
        Resource::Rule(Rule { listener, .. }) => seen.within = Some(listener.clone()),
        Resource::Service(service) => {
            seen.within = Some(service.cluster.clone());
            seen.uses = service.security_groups.clone();
        }
        Resource::Namespace(namespace) if namespace.has_dns() => {
            seen.usage = vec![Usage::of(Charge::HostedZone, 1.0)];
        }
        Resource::DiscoveryService(service) => seen.within = Some(service.namespace.clone()),
        Resource::ScalableTarget(_) => {
            seen.name.clone_from(&record.id);
            let scaled = record.id.trim_start_matches("service/").to_owned();
            seen.owner = Some(Owner { thing: Thing::Service, name: scaled });
        }
        Resource::SecurityGroup(group) => {
            seen.uses = peers(group, &record.id);
            seen.within = Some(group.vpc.clone());
        }
        Resource::Subnet(Subnet { vpc, .. }) | Resource::RouteTable(RouteTable { vpc, .. }) => {
            seen.within = Some(vpc.clone());
        }
        Resource::ElasticIp(_) => seen.usage = vec![Usage::of(Charge::PublicIpv4, 1.0)],
        Resource::NatGateway(gateway) => {
            seen.within = Some(gateway.vpc.clone());
            seen.uses = gateway.address.iter().chain([&gateway.subnet]).cloned().collect();
            let bills = !matches!(record.state, State::Failed { .. });
            seen.usage = vec![Usage::of(Charge::NatGateway, f64::from(u8::from(bills)))];
        }
        Resource::VpcEndpoint(endpoint) => {
            seen.within = Some(endpoint.vpc.clone());
            seen.uses = endpoint.subnets.union(&endpoint.security_groups).cloned().collect();
            seen.usage = vec![interfaces(endpoint)];
        }
        Resource::InternetGateway(gateway) => {
            seen.within = gateway.attached.then(|| gateway.vpc.clone());
        }
        Resource::Cloudfront(distribution) => {
            seen.name.clone_from(&distribution.comment);
            let controls = distribution.origins.values().filter_map(|origin| origin.access_control.clone());
            let behaviors = distribution.behaviors.iter().chain([&distribution.default_behavior]);
            let functions = behaviors.flat_map(|behavior| behavior.functions.values().cloned());
            seen.uses = controls
                .chain(functions)
                .chain(distribution.certificate.iter().map(|it| it.arn.clone()))
                .collect();
        }
        Resource::OriginAccessControl(control) => {
            seen.name.clone_from(&control.description);
            seen.tags.clear();
        }
        Resource::Bucket(_) => seen.usage = vec![Usage::bytes(Charge::Objects, stored.bytes)],
        Resource::Ecr(_) => seen.usage = vec![Usage::bytes(Charge::Images, stored.bytes)],
        Resource::LogGroup(_) => seen.usage = vec![Usage::bytes(Charge::Logs, stored.bytes)],
        _ => {}
    }
    seen
}

/// The public addresses that AWS gives a load balancer, one in each subnet. AWS bills them as its interfaces', which nothing shows here.
fn public(scheme: &str, subnets: usize) -> Usage {
    let addresses = if scheme == "internet-facing" { u32::try_from(subnets).unwrap_or(u32::MAX) } else { 0 };
    Usage::of(Charge::PublicIpv4, f64::from(addresses))
}

/// What an endpoint costs: nothing where it is one by routes.
fn interfaces(endpoint: &VpcEndpoint) -> Usage {
    let zones = u32::try_from(endpoint.subnets.len()).unwrap_or(u32::MAX);
    Usage::of(Charge::InterfaceEndpoint, f64::from(zones))
}

/// The other groups that a group's rules name.
fn peers(group: &SecurityGroup, own: &str) -> BTreeSet<String> {
    let rules = group.ingress.iter().chain(&group.egress);
    rules.map(|rule| &rule.peer).filter(|peer| peer.starts_with("sg-") && *peer != own).cloned().collect()
}

/// The tasks of a service that run.
fn tasks(world: &World, record: &Record) -> Vec<Seen> {
    let Resource::Service(service) = &record.resource else { return Vec::new() };
    let definition = world.get::<Task>(&service.task).map(|(_, task)| task);
    (0..record.running(world.now))
        .map(|number| {
            let id = arn::hex(&format!("{}/task/{number}", record.arn), 32);
            let id = format!("{}/{id}", service.cluster.replacen(":cluster/", ":task/", 1));
            let mut seen = Seen::new(Thing::Task, id, "");
            if service.propagate_tags == "SERVICE" {
                seen.tags = record.tags.clone();
            }
            seen.within = Some(service.cluster.clone());
            seen.owner = Some(Owner { thing: Thing::Service, name: service.name.clone() });
            seen.going = record.is_deleting().then(|| "stopping".to_owned());
            seen.usage = definition.map(|task| usage(service, task)).unwrap_or_default();
            seen
        })
        .collect()
}

/// The instances of a group, with its tags.
fn instances(world: &World, record: &Record) -> Vec<Seen> {
    let Resource::AutoScalingGroup(group) = &record.resource else { return Vec::new() };
    let mut templates = world.all::<LaunchTemplate>();
    let template =
        templates.find(|(template, _)| template.id == group.launch_template).map(|(_, fields)| fields);
    (0..auto_scaling::n_instances(world, &record.arn))
        .map(|number| {
            let id = format!("i-0{}", arn::hex(&format!("{}/instance/{number}", record.arn), 16));
            let mut seen = Seen::new(Thing::Instance, id, "");
            seen.tags = record.tags.clone();
            seen.owner = Some(Owner { thing: Thing::AutoScalingGroup, name: group.name.clone() });
            seen.going = record.is_deleting().then(|| "shutting down".to_owned());
            if let Some(template) = template {
                seen.uses = template.security_groups.clone();
                let price = Usage::of(Charge::Instance(template.instance_type.clone()), 1.0);
                let address = Usage::of(Charge::PublicIpv4, f64::from(u8::from(template.public_ip)));
                seen.usage = vec![price, address];
            }
            seen
        })
        .collect()
}

/// What a task of a service costs: nothing of its own on instances, which bill themselves.
fn usage(service: &Service, task: &Task) -> Vec<Usage> {
    let on_instances = service.capacity.keys().any(|provider| !provider.starts_with("FARGATE"));
    match (task.cpu, task.memory) {
        (Some(cpu), Some(memory)) if !on_instances => {
            let mut usage = Usage::fargate(cpu, memory, task.architecture == "ARM64").to_vec();
            usage.push(Usage::of(Charge::PublicIpv4, f64::from(u8::from(service.public_ip))));
            usage
        }
        _ => Vec::new(),
    }
}

/// A network interface, with what its description says that it is for.
fn interface(interface: &Interface) -> Seen {
    let Interface { description, security_groups, subnets, addresses: _, until: _ } = interface;
    // Not of the moment when it goes, which is never the same twice.
    let id = format!("eni-0{}", arn::hex(&format!("{description}/{security_groups:?}"), 16));
    let owner = |thing, name: &str| Some(Owner { thing, name: name.to_owned() });
    let mut seen = Seen::new(Thing::NetworkInterface, id, description.clone());
    seen.uses = security_groups.union(subnets).cloned().collect();
    let balancer = ["ELB app/", "ELB net/"].into_iter().find_map(|words| description.strip_prefix(words));
    seen.owner = match (balancer, description.strip_prefix("tasks of ")) {
        (Some(name), _) => owner(Thing::LoadBalancer, name),
        (_, Some(name)) => owner(Thing::Service, name),
        // Those of a classic load balancer say its name alone.
        (None, None) => description
            .strip_prefix("ELB ")
            .filter(|name| !name.contains('/'))
            .and_then(|name| owner(Thing::ClassicLoadBalancer, name)),
    };
    seen
}

/// An alarm, with what its action scales.
fn alarm(world: &World, alarm: &Alarm) -> Seen {
    let Alarm { name, service, group } = alarm;
    let (thing, scaled) =
        group.as_ref().map_or((Thing::Service, service), |it| (Thing::AutoScalingGroup, it));
    let arn = world.place().arn("cloudwatch", &format!("alarm:{name}"));
    Seen {
        owner: Some(Owner { thing, name: scaled.clone() }),
        usage: vec![Usage::of(Charge::Alarm, 1.0)],
        ..Seen::new(Thing::Alarm, arn, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_its_load_balancers_of_whatever_sort() {
        let owner = |description: &str| {
            let left = Interface {
                description: description.to_owned(),
                security_groups: BTreeSet::new(),
                subnets: BTreeSet::new(),
                addresses: BTreeSet::new(),
                until: 0,
            };
            interface(&left).owner.map(|owner| (owner.thing, owner.name))
        };
        for (description, thing) in [
            ("ELB app/shop", Thing::LoadBalancer),
            ("ELB net/shop", Thing::LoadBalancer),
            ("ELB shop", Thing::ClassicLoadBalancer),
            ("tasks of shop", Thing::Service),
        ] {
            assert_eq!(owner(description), Some((thing, "shop".to_owned())), "{description}");
        }
        assert_eq!(owner("made by hand"), None);
    }

    #[test]
    fn only_a_load_balancer_that_the_internet_reaches_has_public_addresses() {
        assert_eq!(public("internet-facing", 3), Usage::of(Charge::PublicIpv4, 3.0));
        assert_eq!(public("internal", 3), Usage::of(Charge::PublicIpv4, 0.0));
    }
}
