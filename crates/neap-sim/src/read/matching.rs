//! Which record is meant by which address.
//!
//! Names decide where AWS has them; listeners and rules are found under their load balancer, distributions by the end
//! of their comment.

use std::collections::BTreeMap;

use neap_core::address::{Address, Kind};
use neap_core::desired::Desired;
use neap_core::kinds::{Certificate, Cloudfront, Listener, Resource, Rule, SecurityGroup, Service};
use neap_core::network;
use neap_core::reference::{self, Fact, Reference, Resolved};

use super::facts;
use crate::record::{Fields, Record, State};
use crate::services::application_auto_scaling;
use crate::services::ecs::{cluster_capacity, task};
use crate::world::{ACCOUNT, World};

/// The records that reads show: of a task definition's family, the latest active revision alone.
pub(super) fn readable(world: &World) -> impl Iterator<Item = &Record> {
    let latest = task::latest_of_all(world);
    let shown = move |record: &&Record| record.kind() != Kind::Task || latest.contains(record.arn.as_str());
    let gone = |record: &&Record| record.kind() != Kind::Task && record.state == State::Inactive;
    world.records().filter(move |record| !gone(record)).filter(shown)
}

/// What a reading looks at more closely, by ARN: what an address means, and what is the stack's own.
pub(super) fn subjects(world: &World, desired: &Desired) -> BTreeMap<String, Address> {
    let found = find(world, desired);
    let mut subjects: BTreeMap<String, Address> =
        found.into_iter().map(|(address, arn)| (arn, address)).collect();
    for record in readable(world).filter(|record| record.is_of(&desired.stack)) {
        if let Some(address) = record.address() {
            subjects.entry(record.arn.clone()).or_insert(address);
        }
    }
    subjects
}

/// The ARN of the record that each address means.
pub(super) fn find(world: &World, desired: &Desired) -> BTreeMap<Address, String> {
    let mut found = networks(world, desired);
    let named = names(world);
    for (address, resource) in &desired.resources {
        let arn = match &resource.resource {
            Resource::Listener(_) | Resource::Rule(_) | Resource::BucketFiles(_) => continue,
            part if network::is_part(part.kind()) => continue,
            _ if desired.known_as.contains_key(address) => known(world, desired, address),
            Resource::Certificate(fields) => {
                let sought = desired.sought(address, fields, &world.place);
                certificate(world, &desired.stack, address, &sought)
            }
            Resource::Cloudfront(_) => distribution(world, &desired.stack, address),
            Resource::Bucket(_) | Resource::BucketPolicy(_) => {
                let kind = resource.resource.kind();
                named.get(&(kind, String::new(), desired.name_in(&resource.resource, ACCOUNT))).cloned()
            }
            Resource::ClusterCapacity(capacity) => {
                let cluster = resolved(world, desired, &found, &capacity.cluster);
                Some(cluster_capacity::arn(&cluster)).filter(|arn| world.record(arn).is_some())
            }
            Resource::ScalableTarget(target) => {
                application_auto_scaling::of_service(world, &service_arn(world, desired, &target.service))
            }
            fields => named.get(&name(world, desired, &found, fields)).cloned(),
        };
        found.extend(arn.map(|arn| (address.clone(), arn)));
    }
    listeners(world, desired, &mut found);
    rules(world, desired, &mut found);
    found
}

/// ARNs by the address that means each.
type Arns = BTreeMap<Address, String>;

/// The parts of networks that each address means.
fn networks(world: &World, desired: &Desired) -> Arns {
    let parts = readable(world).filter(|record| network::is_part(record.kind()));
    let parts: Vec<&Record> = parts.collect();
    let live = |record: &&Record| record.to_live(&Address::new(record.kind(), ""), world.now);
    let claimed = network::claim(desired, &mut parts.iter().map(live).collect::<Vec<_>>());
    claimed.into_iter().map(|(address, index)| (address, parts[index].arn.clone())).collect()
}

/// What is unique about a resource that AWS finds by name: its kind, where the name is unique, and the name.
type Name = (Kind, String, String);

/// The records by name. Names of roles and security groups are the same whatever their case.
fn names(world: &World) -> BTreeMap<Name, String> {
    let named = |record: &Record| (own_name(&record.resource), record.arn.clone());
    readable(world).filter(|record| !record.resource.aws_name().is_empty()).map(named).collect()
}

fn own_name(resource: &Resource) -> Name {
    let scope = match resource {
        Resource::SecurityGroup(SecurityGroup { vpc, .. }) => vpc.clone(),
        Resource::Service(Service { cluster, .. }) => cluster.clone(),
        Resource::Domain(domain) => domain.zone.clone(),
        Resource::Namespace(namespace) => namespace.vpc.clone().unwrap_or_default(),
        Resource::DiscoveryService(service) => service.namespace.clone(),
        _ => String::new(),
    };
    let name = resource.aws_name();
    let name = match resource.kind() {
        Kind::Role | Kind::InstanceProfile | Kind::SecurityGroup => name.to_ascii_lowercase(),
        _ => name.to_owned(),
    };
    (resource.kind(), scope, name)
}

/// The name of a desired resource, whose scope may still be a reference.
fn name(world: &World, desired: &Desired, found: &Arns, resource: &Resource) -> Name {
    let (kind, scope, name) = own_name(resource);
    let mut scope = resolved(world, desired, found, &scope);
    if kind == Kind::Service && !scope.starts_with("arn:") {
        scope = world.place().arn("ecs", &format!("cluster/{scope}"));
    }
    (kind, scope, name)
}

/// A text that names a network or a cluster, with what it refers to filled in.
fn resolved(world: &World, desired: &Desired, found: &Arns, text: &str) -> String {
    let resolve = |reference: &Reference| match reference {
        Reference::Zone(zone) => world.zone(zone),
        Reference::Fact(Fact::Vpc) => facts::vpc(world, desired).map(|vpc| vpc.id.clone()),
        Reference::Output(address, _) if matches!(address.kind(), Kind::Vpc | Kind::Namespace) => {
            found.get(address).and_then(|arn| world.record(arn)).map(|record| record.id.clone())
        }
        Reference::Output(address, _) => desired
            .resources
            .get(address)
            .map(|resource| world.place().arn("ecs", &format!("cluster/{}", resource.resource.aws_name()))),
        Reference::Fact(_) | Reference::Variable(_) | Reference::Secret(_) => None,
    };
    let resolved = |reference: &Reference| resolve(reference).map_or(Resolved::Unknown, Resolved::One);
    reference::substitute_text(text, &resolved)
}

/// The ARN of the service that a text names.
fn service_arn(world: &World, desired: &Desired, text: &str) -> String {
    let referred = reference::in_text(text).into_iter().find_map(|reference| match reference {
        Reference::Output(address, _) => desired.resources.get(&address),
        Reference::Fact(_) | Reference::Variable(_) | Reference::Secret(_) | Reference::Zone(_) => None,
    });
    let Some(Resource::Service(service)) = referred.map(|wanted| &wanted.resource) else {
        return text.to_owned();
    };
    let cluster = resolved(world, desired, &Arns::new(), &service.cluster);
    let (_, cluster) = cluster.rsplit_once('/').unwrap_or(("", &cluster));
    world.place().arn("ecs", &format!("service/{cluster}/{}", service.name))
}

/// What AWS calls by the id under which an address is to be looked for.
fn known(world: &World, desired: &Desired, address: &Address) -> Option<String> {
    let id = desired.known_as.get(address)?;
    let mut records = readable(world).filter(|record| record.kind() == address.kind());
    records.find(|record| record.id == *id).map(|record| record.arn.clone())
}

/// The distribution that the stack owns at the address, whatever its comment; else one whose comment ends in the stack
/// and the address.
fn distribution(world: &World, stack: &str, address: &Address) -> Option<String> {
    let ending = format!("({stack}/{address})");
    let distributions = readable(world).filter_map(|record| match &record.resource {
        Resource::Cloudfront(fields @ Cloudfront { .. }) => {
            let is_own = record.is_of(stack) && record.address().as_ref() == Some(address);
            Some((is_own, fields.comment.ends_with(&ending), record))
        }
        _ => None,
    });
    let candidates = distributions.filter(|(is_own, is_named, _)| *is_own || *is_named);
    let found = candidates.min_by_key(|(is_own, is_named, _)| (!is_own, !is_named));
    found.map(|(_, _, record)| record.arn.clone())
}

/// The certificate that the stack owns at the address and that is for what is desired, as long as it can be used. Of several
/// the one that has come farthest, and of those one in the stack's region.
fn certificate(world: &World, stack: &str, address: &Address, wanted: &Certificate) -> Option<String> {
    let candidates = readable(world).filter(|record| match &record.resource {
        Resource::Certificate(fields) => {
            let is_own = record.is_of(stack) && record.address().as_ref() == Some(address);
            is_own && fields.is_same(wanted) && !matches!(record.state, State::Failed { .. })
        }
        _ => false,
    });
    let is_away = |record: &Record| !record.arn.contains(&format!(":{}:", world.place));
    let found = candidates.min_by_key(|record| (record.state != State::Ready, is_away(record), &record.arn));
    found.map(|record| record.arn.clone())
}

/// Finds listeners under the load balancer that is the stack's own, by their port, unless it is another one's of the stack.
fn listeners(world: &World, desired: &Desired, found: &mut BTreeMap<Address, String>) {
    let live: Vec<(&Record, &Listener)> = visible::<Listener>(world);
    for (address, balancer) in children(desired, Kind::Listener, found, world) {
        let Some(Resource::Listener(listener)) = desired.resources.get(&address).map(|it| &it.resource)
        else {
            continue;
        };
        let is_free = |record: &Record| {
            let owner = record.address().filter(|_| record.is_of(&desired.stack));
            owner.is_none_or(|owner| owner == address || !desired.resources.contains_key(&owner))
        };
        let by_port = live.iter().find(|(record, other)| {
            other.load_balancer == balancer && other.port == listener.port && is_free(record)
        });
        if let Some((record, _)) = by_port {
            found.insert(address, record.arn.clone());
        }
    }
}

/// Finds rules under their listener, by priority.
fn rules(world: &World, desired: &Desired, found: &mut BTreeMap<Address, String>) {
    let live: Vec<(&Record, &Rule)> = visible::<Rule>(world);
    for (address, listener) in children(desired, Kind::Rule, found, world) {
        let Some(Resource::Rule(rule)) = desired.resources.get(&address).map(|it| &it.resource) else {
            continue;
        };
        let by_priority =
            live.iter().find(|(_, other)| other.listener == listener && other.priority == rule.priority);
        if let Some((record, _)) = by_priority {
            found.insert(address, record.arn.clone());
        }
    }
}

fn visible<T: Fields + 'static>(world: &World) -> Vec<(&Record, &T)> {
    world.all::<T>().collect()
}

/// The desired resources of a kind whose parent is live and the stack's own, with the parent's ARN.
fn children(
    desired: &Desired,
    kind: Kind,
    found: &BTreeMap<Address, String>,
    world: &World,
) -> Vec<(Address, String)> {
    let own = |arn: &&String| world.record(arn).is_some_and(|record| record.is_of(&desired.stack));
    desired
        .resources
        .keys()
        .filter(|address| address.kind() == kind)
        .filter_map(|address| {
            let parent = found.get(&address.parent()?).filter(own)?;
            Some((address.clone(), parent.clone()))
        })
        .collect()
}
