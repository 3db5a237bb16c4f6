//! Why there can be no plan.
//!
//! Decides what stops a plan, all reasons at once. Must not decide what would happen otherwise.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::decide::Decision;
use super::world::World;
use super::{Mode, Reason, Refusal};
use crate::address::{Address, Kind};
use crate::adopt;
use crate::config::Secrets;
use crate::desired::{Desired, DesiredResource, Network, TAG_PROTECT, TAG_REGION};
use crate::diff;
use crate::instances;
use crate::kinds::{Resource, Task};
use crate::live::{Live, LiveResource, Reading};
use crate::named::{Named, named};
use crate::ownership;
use crate::reference::{Fact, Processor, Reference};

/// The reasons that can be seen before anything is decided.
pub(super) fn before(desired: &Desired, live: &Live, mode: Mode) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let actual = &live.environment.account;
    if let Some(expected) = desired.account.as_ref().filter(|expected| *expected != actual) {
        refusals.push(Refusal::WrongAccount { expected: expected.clone(), actual: actual.clone() });
    }
    if let Some(expected) = elsewhere(live) {
        refusals.push(Refusal::OtherRegion { expected, actual: live.environment.region.clone() });
    }
    for (address, reading) in &live.readings {
        if let Reading::Unreadable(failure) = reading {
            refusals.push(Refusal::Unreadable { address: Some(address.clone()), failure: failure.clone() });
        }
    }
    let listing = |failure: &_| Refusal::Unreadable { address: None, failure: Clone::clone(failure) };
    refusals.extend(live.failures.iter().map(listing));
    if mode == Mode::Apply {
        refusals.extend(no_network(desired, live));
        refusals.extend(too_few_zones(desired, live));
        refusals.extend(no_image(desired, live));
        refusals.extend(not_there(desired, live));
        refusals.extend(taken(desired, live));
        refusals
            .extend(desired.resources.iter().filter_map(|(address, wanted)| unfit(address, wanted, live)));
        let origins =
            desired.refers_to(Fact::CloudfrontOrigins) && live.environment.cloudfront_origins.is_none();
        refusals.extend(origins.then_some(Refusal::NoCloudfrontOrigins));
        let zones = desired.zones().into_iter();
        let zones = zones.filter(|zone| !live.environment.zones.contains_key(&zone.to_string()));
        refusals.extend(zones.map(|zone| Refusal::NoZone { zone }));
        refusals
            .extend(desired.resources.iter().filter_map(|(address, wanted)| unseen(address, wanted, live)));
        let certificates = live.environment.certificates.clone().into_iter();
        refusals.extend(certificates.map(|(arn, state)| Refusal::BadCertificate { arn, state }));
        let missing = |name: &String| !live.environment.secrets.contains_key(name);
        let secrets = desired.secrets().into_iter().filter(missing);
        refusals.extend(secrets.map(|name| Refusal::NoSecret { name }));
        let strayed = ownership::strayed(desired, live).into_iter();
        refusals.extend(strayed.map(|(address, runs)| Refusal::AnotherFamily { address, runs }));
        let abandoned = ownership::abandoned(desired, live).into_iter();
        refusals.extend(abandoned.map(|(address, group, wanted)| Refusal::TrafficElsewhere {
            address,
            group,
            wanted,
        }));
        refusals.extend(ownership::misled(desired, live).into_iter().map(|misled| Refusal::UsersElsewhere {
            address: misled.way,
            service: misled.service,
            group: misled.serving,
            empty: misled.empty,
        }));
    }
    refusals
}

/// The other region that the stack is in, if it is in one. Roles and distributions are seen from everywhere, and what was made before they had
/// a mark counts as of this region. A name that leads to a load balancer of another region tells as much where the stack has none
/// here; otherwise somebody has led it there by hand.
fn elsewhere(live: &Live) -> Option<String> {
    let here = &live.environment.region;
    let marked = live.ours().filter_map(|own| own.tags.get(TAG_REGION).cloned());
    let is_balanced = live.ours().any(|own| own.kind().is_balancer() || own.kind() == Kind::Clb);
    let led = live.ours().filter(|_| !is_balanced).filter_map(|own| match &own.resource {
        Resource::Domain(domain) => balancer_region(&domain.target).map(str::to_owned),
        _ => None,
    });
    marked.chain(led).find(|region| region != here)
}

/// The region in the host name of a load balancer: `NAME.REGION.elb.amazonaws.com`, and `NAME.elb.REGION.amazonaws.com` of network load
/// balancers.
fn balancer_region(host: &str) -> Option<&str> {
    let (rest, _) = host.split_once(".amazonaws.com")?;
    let (rest, last) = rest.rsplit_once('.')?;
    let (_, before) = rest.rsplit_once('.')?;
    match (before, last) {
        (region, "elb") | ("elb", region) => Some(region),
        _ => None,
    }
}

/// Whether records of a certificate would stand in a private zone: ACM asks public DNS for them, and would wait for three days.
fn unseen(address: &Address, wanted: &DesiredResource, live: &Live) -> Option<Refusal> {
    let Resource::Certificate(_) = &wanted.resource else { return None };
    wanted.references().into_iter().find_map(|(_, reference)| match reference {
        Reference::Zone(zone) if live.environment.private_zones.contains(&zone.to_string()) => {
            Some(Refusal::PrivateZone { address: address.clone(), zone })
        }
        _ => None,
    })
}

/// The buckets and repositories that go, or make room for another, with what neap has not put there. A destroy is meant to take it away.
pub(super) fn held(decisions: &[Decision<'_>], world: &World<'_>, live: &Live, mode: Mode) -> Vec<Refusal> {
    let going = decisions.iter().filter(|decision| mode == Mode::Apply && decision.action.deletes());
    let held = going.filter_map(|decision| {
        let (name, found) = match &world.nodes[decision.node?].resource {
            Resource::Bucket(bucket) => (&bucket.name, &live.holdings),
            Resource::Ecr(repository) => (&repository.name, &live.images),
            _ => return None,
        };
        Some(Refusal::Holds {
            address: decision.address.clone(),
            name: name.clone(),
            holding: *found.get(name)?,
            action: decision.action,
            reason: decision.reason.clone(),
        })
    });
    held.collect()
}

/// Ports that services go on serving by Service Connect, and whose protocol changes: "Updating this field requires a service deletion and
/// redeployment" (`appProtocol` and `protocol` of "PortMapping" in the ECS API reference).
pub(super) fn fixed(decisions: &[Decision<'_>], world: &World<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for decision in decisions.iter().filter(|decision| !decision.action.deletes()) {
        let (Some(node), Some(wanted)) = (decision.node, decision.wanted) else { continue };
        let (Resource::Service(live), Resource::Service(service)) =
            (&world.nodes[node].resource, &wanted.resource)
        else {
            continue;
        };
        let linked = world.links(node).iter().map(|used| world.nodes[*used]);
        let before = linked
            .filter(|used| used.outputs.get("arn") == Some(&live.task))
            .find_map(|used| task(&used.resource));
        let named = wanted.references().into_iter().find_map(|(path, reference)| match reference {
            Reference::Output(address, _) if path == "task" => Some(address),
            _ => None,
        });
        let after =
            decisions.iter().find(|other| Some(&other.address) == named.as_ref() && other.wanted.is_some());
        let after = after.and_then(|other| task(&other.wanted?.resource));
        let (Some(before), Some(after)) = (before, after) else { continue };
        let before_served = live.served_ports();
        for port in service.served_ports().intersection(&before_served) {
            let (Some(before), Some(after)) = (before.spoken(port), after.spoken(port)) else { continue };
            if before != after {
                refusals.push(Refusal::FixedProtocol {
                    address: decision.address.clone(),
                    port: (*port).to_owned(),
                    before: before.to_owned(),
                    after: after.to_owned(),
                });
            }
        }
    }
    refusals
}

const fn task(resource: &Resource) -> Option<&Task> {
    match resource {
        Resource::Task(task) => Some(task),
        _ => None,
    }
}

/// The reasons that the decisions are.
pub(super) fn of(
    decisions: &[Decision<'_>],
    world: &World<'_>,
    stack: &str,
    secrets: &Secrets,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for decision in decisions {
        if let (Some(foreign), Some(filled)) = (decision.foreign, &decision.filled) {
            let live = shown(foreign, Some(filled), secrets);
            refusals.push(Refusal::NameTaken {
                address: decision.address.clone(),
                obstacle: adopt::obstacle(&live, stack, filled).map(Box::new),
                live: Box::new(live),
                fields: decision.fields.clone(),
            });
        }
        // The stack file says so, or said so to the last.
        let declared = decision.wanted.map(|wanted| wanted.protect);
        let is_marked = || {
            let live = decision.node.map(|node| world.nodes[node]);
            live.is_some_and(|live| live.tags.get(TAG_PROTECT).is_some_and(|value| value == "true"))
        };
        let is_left = decision.reason != Reason::Superseded;
        if decision.action.deletes() && declared.unwrap_or_else(|| is_left && is_marked()) {
            refusals.push(Refusal::Protected {
                address: decision.address.clone(),
                declared: declared.is_some(),
                action: decision.action,
                reason: decision.reason.clone(),
            });
        }
        // AWS would refuse (`OperationNotPermitted`). A destroy turns it off, and says so.
        let is_guarded = || decision.node.is_some_and(|node| is_guarded(&world.nodes[node].resource));
        if decision.action.deletes() && is_left && decision.reason != Reason::Destroyed && is_guarded() {
            refusals.push(Refusal::DeletionProtected {
                address: decision.address.clone(),
                action: decision.action,
                reason: decision.reason.clone(),
            });
        }
    }
    refusals
}

/// Whether it has deletion protection.
const fn is_guarded(resource: &Resource) -> bool {
    match resource {
        Resource::Alb(alb) => alb.deletion_protection,
        Resource::Nlb(nlb) => nlb.deletion_protection,
        _ => false,
    }
}

/// `live` without what must not be seen, beside what the stack asks for there.
pub(super) fn shown(
    live: &LiveResource,
    wanted: Option<&DesiredResource>,
    secrets: &Secrets,
) -> LiveResource {
    let desired = wanted.map_or(Value::Null, |wanted| wanted.resource.fields());
    let fields = diff::mask(&desired, &live.resource.fields(), secrets);
    let text = |tags: &BTreeMap<String, String>| {
        Value::Object(tags.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect())
    };
    let tags =
        diff::mask(&wanted.map_or(Value::Null, |wanted| text(&wanted.tags)), &text(&live.tags), secrets);
    LiveResource {
        resource: Resource::from_fields(live.kind(), fields)
            .expect("strings stay strings when they are masked"),
        address: live.address.clone(),
        id: live.id.clone(),
        tags: serde_json::from_value(tags).expect("strings stay strings when they are masked"),
        outputs: live.outputs.clone(),
        phase: live.phase.clone(),
    }
}

/// The processors of instances for which AWS recommends no image here.
fn no_image(desired: &Desired, live: &Live) -> Vec<Refusal> {
    let references = desired.resources.values().flat_map(DesiredResource::references);
    let processor = |(_, reference)| match reference {
        Reference::Fact(Fact::EcsImage(processor) | Fact::NewestEcsImage(processor)) => Some(processor),
        _ => None,
    };
    let needed: BTreeSet<Processor> = references.filter_map(processor).collect();
    let missing = needed.into_iter().filter(|it| !live.environment.images.contains_key(it.as_str()));
    missing.map(|it| Refusal::NoImage { processor: it.as_str().to_owned() }).collect()
}

/// More availability zones than the region has.
fn too_few_zones(desired: &Desired, live: &Live) -> Option<Refusal> {
    let references = desired.resources.values().flat_map(DesiredResource::references);
    let number = |(_, reference)| match reference {
        Reference::Fact(Fact::Zone(number)) => Some(number),
        _ => None,
    };
    let needed = references.filter_map(number).max()?;
    let found = live.environment.availability_zones.clone();
    (found.len() < usize::from(needed)).then_some(Refusal::FewZones { needed, found })
}

/// Buckets whose names somebody else has: names are unique in all of S3.
fn taken(desired: &Desired, live: &Live) -> Vec<Refusal> {
    let name = |(address, wanted): (&Address, &DesiredResource)| {
        let Resource::Bucket(_) = wanted.resource else { return None };
        let name = desired.name_in(&wanted.resource, &live.environment.account);
        let is_taken = live.environment.taken_buckets.contains(&name);
        is_taken.then(|| Refusal::BucketTaken { address: address.clone(), name })
    };
    desired.resources.iter().filter_map(name).collect()
}

/// What the stack names and nobody has.
fn not_there(desired: &Desired, live: &Live) -> Vec<Refusal> {
    let found = &live.environment.named;
    let missing =
        named(desired).into_iter().filter(|(named, _)| found.get(&named.to_string()) == Some(&None));
    missing.map(|(named, by)| Refusal::NotThere { named, by }).collect()
}

/// Why what `wanted` names does not fit, though it is there.
fn unfit(address: &Address, wanted: &DesiredResource, live: &Live) -> Option<Refusal> {
    let known = |named: &Named| live.environment.named.get(&named.to_string()).cloned().flatten();
    let (subnets, least) = match &wanted.resource {
        Resource::LaunchTemplate(template) => {
            let built_for = known(&Named::Image(template.image.clone())).filter(|it| !it.is_empty())?;
            let processor = instances::processor(&template.instance_type)?;
            let by = wanted.implied.as_ref().map_or(address, |implied| &implied.by);
            return (built_for != processor.as_str()).then(|| Refusal::OtherProcessor {
                address: by.clone(),
                image: template.image.clone(),
                built_for,
                instance_type: template.instance_type.clone(),
            });
        }
        // An application load balancer is in two zones at least ("Subnets for your load balancer").
        Resource::Alb(alb) => (&alb.subnets, 2),
        Resource::Nlb(nlb) => (&nlb.subnets, 1),
        Resource::Clb(clb) => (&clb.subnets, 1),
        _ => return None,
    };
    // Of those that are not named nothing is known here, and one that is not there is told as that.
    let zones: Option<BTreeMap<String, String>> =
        subnets.iter().map(|id| Some((id.clone(), known(&Named::Subnet(id.clone()))?))).collect();
    let zones = zones?;
    let different: BTreeSet<&String> = zones.values().collect();
    let fits = different.len() == zones.len() && different.len() >= least;
    (!fits).then(|| Refusal::WrongZones { address: address.clone(), zones })
}

/// What the stack needs of a network that there is not.
fn no_network(desired: &Desired, live: &Live) -> Vec<Refusal> {
    let asks = |kind: Option<Kind>, wanted: Fact| {
        let resources =
            desired.resources.iter().filter(|(address, _)| kind.is_none_or(|kind| address.kind() == kind));
        let mut references = resources.flat_map(|(_, resource)| resource.references());
        references.any(|(_, reference)| reference == Reference::Fact(wanted))
    };
    let environment = &live.environment;
    let region = &environment.region;
    let vpc = match &desired.network {
        Network::Default => format!("a default VPC in {region}"),
        Network::Id(id) => format!("the VPC `{id}` in {region}"),
        Network::Name(name) => format!("one VPC named `{name}` in {region}"),
        // Nothing is looked up, so nothing is missed.
        Network::Own(_) => return Vec::new(),
    };
    let found = format!("the VPC `{}` in {region}", environment.vpc.as_deref().unwrap_or_default());
    let message = if asks(None, Fact::Vpc) && environment.vpc.is_none() {
        format!("the stack needs {vpc}, and there is none")
    } else if asks(None, Fact::Subnets) && environment.subnets.is_empty() {
        format!("the stack needs a subnet in {vpc}, and there is none")
    } else if let Some(address) = faces_the_internet(desired).filter(|_| environment.subnets_private) {
        format!(
            "the internet would not reach `{address}`: it needs public subnets, and {found} has private ones alone; set `scheme = \
             \"internal\"`, or name `subnets` by their ids"
        )
    } else if asks(Some(Kind::Alb), Fact::Subnets) && environment.subnets.len() < 2 {
        let public = if environment.subnets_private { "them" } else { "public ones" };
        format!("a load balancer needs subnets in two availability zones, and {found} has {public} in one")
    } else {
        return Vec::new();
    };
    vec![Refusal::NoNetwork { message }]
}

/// A load balancer that the internet is to reach in whatever subnets the stack gets.
fn faces_the_internet(desired: &Desired) -> Option<&Address> {
    let scheme = |resource: &Resource| match resource {
        Resource::Alb(alb) => alb.scheme.clone(),
        Resource::Nlb(nlb) => nlb.scheme.clone(),
        Resource::Clb(clb) => clb.scheme.clone(),
        _ => String::new(),
    };
    let takes_any = |wanted: &DesiredResource| {
        wanted.references().iter().any(|(_, reference)| *reference == Reference::Fact(Fact::Subnets))
    };
    let mut all = desired.resources.iter();
    let found = all.find(|(_, wanted)| scheme(&wanted.resource) == "internet-facing" && takes_any(wanted));
    found.map(|(address, _)| address)
}
