//! Application load balancers (reference section 3.4).

use std::collections::BTreeSet;

use neap_core::kinds::{Alb, InternetGateway, Listener, Nlb, Rule, SecurityGroup, Vpc};
use neap_engine::cloud::{CallError, ErrorKind};

use super::{INVALID, TAGS};
use crate::arn;
use crate::clock::ALB_PROVISIONS;
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::services::Request;
use crate::services::request::gone_is_done;
use crate::world::World;

pub(super) const NOT_FOUND: &str = "LoadBalancerNotFound";

/// The load balancer called `name`. One name is one load balancer, of whatever kind.
pub(super) fn find(world: &World, name: &str) -> Option<String> {
    let albs = world.all::<Alb>().map(|(record, alb)| (record, &alb.name));
    let nlbs = world.all::<Nlb>().map(|(record, nlb)| (record, &nlb.name));
    albs.chain(nlbs).find(|(_, taken)| *taken == name).map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(request: &Request<'_>, desired: &Alb) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.name);
    let create = |world: &mut World| create_load_balancer(world, request, desired);
    let arn = request.create("elasticloadbalancing:CreateLoadBalancer", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Alb) -> Result<(), CallError> {
    let current = request.current::<Alb>(arn)?;
    if with_attributes(&current, desired) != current {
        let set = |world: &mut World| {
            rules::in_range(INVALID, "idle_timeout.timeout_seconds", desired.idle_timeout_seconds, 1..=4000)?;
            let alb = world.change::<Alb>(arn, NOT_FOUND)?;
            *alb = with_attributes(alb, desired);
            Ok(())
        };
        request.call("elasticloadbalancing:ModifyLoadBalancerAttributes", set).await?;
    }
    if current.security_groups != desired.security_groups {
        let set = |world: &mut World| {
            groups(world, desired)?;
            world.change::<Alb>(arn, NOT_FOUND)?.security_groups = desired.security_groups.clone();
            Ok(())
        };
        request.call("elasticloadbalancing:SetSecurityGroups", set).await?;
    }
    if current.subnets != desired.subnets {
        let set = |world: &mut World| {
            subnets(world, &desired.subnets, LEAST_ZONES)?;
            let current = world.change::<Alb>(arn, NOT_FOUND)?.subnets.clone();
            stays_in_vpc(world, &current, &desired.subnets)?;
            world.change::<Alb>(arn, NOT_FOUND)?.subnets = desired.subnets.clone();
            Ok(())
        };
        request.call("elasticloadbalancing:SetSubnets", set).await?;
    }
    if current.ip_address_type != desired.ip_address_type {
        let set = |world: &mut World| {
            addresses(world, &desired.ip_address_type, &desired.subnets)?;
            let alb = world.change::<Alb>(arn, NOT_FOUND)?;
            alb.ip_address_type.clone_from(&desired.ip_address_type);
            Ok(())
        };
        request.call("elasticloadbalancing:SetIpAddressType", set).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Deletes the load balancer with its listeners and their rules, and turns its deletion protection off before.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    if request.current::<Alb>(arn).is_ok_and(|alb| alb.deletion_protection) {
        let unprotect = |world: &mut World| {
            world.change::<Alb>(arn, NOT_FOUND)?.deletion_protection = false;
            Ok(())
        };
        gone_is_done(request.call("elasticloadbalancing:ModifyLoadBalancerAttributes", unprotect).await)?;
    }
    delete_call(request, arn).await
}

/// The call that deletes a load balancer of either kind.
pub(super) async fn delete_call(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| delete_load_balancer(world, arn);
    gone_is_done(request.call("elasticloadbalancing:DeleteLoadBalancer", delete).await)
}

/// The load balancer with the attributes of another: what a create leaves at AWS's defaults.
fn with_attributes(alb: &Alb, attributes: &Alb) -> Alb {
    Alb {
        idle_timeout_seconds: attributes.idle_timeout_seconds,
        deletion_protection: attributes.deletion_protection,
        http2: attributes.http2,
        drop_invalid_header_fields: attributes.drop_invalid_header_fields,
        ..alb.clone()
    }
}

/// In how many zones an application load balancer has to be.
const LEAST_ZONES: usize = 2;

fn create_load_balancer(world: &mut World, request: &Request<'_>, desired: &Alb) -> Answer<String> {
    let name = &desired.name;
    names(name, &desired.scheme)?;
    subnets(world, &desired.subnets, LEAST_ZONES)?;
    addresses(world, &desired.ip_address_type, &desired.subnets)?;
    reachable(world, &desired.subnets, &desired.scheme)?;
    groups(world, desired)?;
    rules::tags(INVALID, &request.tags)?;
    let defaults = Alb {
        idle_timeout_seconds: 60,
        deletion_protection: false,
        http2: true,
        drop_invalid_header_fields: false,
        ..desired.clone()
    };
    if let Some(existing) = find(world, name) {
        let same =
            world.get::<Alb>(&existing).is_some_and(|(_, alb)| with_attributes(alb, &defaults) == defaults);
        return if same { Ok(existing) } else { Err(taken(name)) };
    }
    let seed = world.seed(name);
    let place = world.place();
    let arn = place.arn("elasticloadbalancing", &format!("loadbalancer/app/{name}/{}", arn::hex(&seed, 16)));
    let internal = if desired.scheme == "internal" { "internal-" } else { "" };
    let number = arn::letters(&format!("{seed}/dns"), 10, arn::DIGITS);
    let dns_name = format!("{internal}{name}-{number}.{}.elb.{}", place.region, place.domain());
    let zone_id = format!("Z{}", arn::letters(&format!("{}/elb", place.region), 13, arn::CAPITALS));
    let (_, full_name) = arn.split_once(":loadbalancer/").unwrap_or_default();
    let outputs =
        [("dns_name", dns_name.as_str()), ("arn", &arn), ("zone_id", &zone_id), ("full_name", full_name)];
    let record = Record::new(arn.clone(), defaults, &request.tags, &outputs)
        .within(&place.region)
        .settling("provisioning", world.now + ALB_PROVISIONS);
    world.insert(record);
    Ok(arn)
}

/// Refuses a name that AWS refuses for load balancers, and a scheme that there is not.
pub(super) fn names(name: &str, scheme: &str) -> Answer<()> {
    rules::balancer_name(name)?;
    rules::require(!name.starts_with("internal-"), INVALID, || {
        format!("The load balancer name '{name}' cannot begin with 'internal-'")
    })?;
    rules::one_of(INVALID, "the scheme", scheme, &["internet-facing", "internal"])
}

pub(super) fn taken(name: &str) -> Rejection {
    let message = format!("A load balancer with the same name '{name}' exists, but with different settings");
    Rejection::conflict("DuplicateLoadBalancerName", message)
}

/// Refuses a type of addresses that there is not, and a dual stack in subnets without a block of IPv6
/// (kubernetes-sigs/aws-load-balancer-controller#4852). Those that a stack made have none; of others nobody knows.
pub(super) fn addresses(world: &World, ip_address_type: &str, subnets: &BTreeSet<String>) -> Answer<()> {
    rules::one_of(INVALID, "the IP address type", ip_address_type, &["ipv4", "dualstack"])?;
    let fits = ip_address_type != "dualstack" || !subnets.iter().any(|subnet| world.made_subnet(subnet));
    rules::require(fits, INVALID, || {
        "You must specify subnets with an associated IPv6 CIDR block.".to_owned()
    })
}

/// Refuses subnets that do not exist, are not in one VPC, or are not one for each of at least so many zones.
pub(super) fn subnets(world: &World, subnets: &BTreeSet<String>, least: usize) -> Answer<()> {
    let mut zones = BTreeSet::new();
    let mut vpcs = BTreeSet::new();
    for subnet in subnets {
        let message = || format!("The subnet ID '{subnet}' does not exist");
        let missing = || {
            let made = world.made_subnet(subnet);
            let kind = if made { ErrorKind::NotYet } else { ErrorKind::NotFound };
            Rejection::new(kind, "SubnetNotFound", message())
        };
        let (vpc, zone) = world.subnet(subnet).ok_or_else(missing)?;
        rules::require(zones.insert(zone), "InvalidConfigurationRequest", || {
            format!(
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone: {zone}"
            )
        })?;
        vpcs.insert(vpc);
    }
    rules::require(zones.len() >= least, INVALID, || match least {
        1 => "At least one subnet must be specified".to_owned(),
        _ => "At least two subnets in two different Availability Zones must be specified".to_owned(),
    })?;
    rules::require(vpcs.len() == 1, "InvalidSubnet", || "All subnets must belong to the same VPC".to_owned())
}

/// A load balancer stays in the VPC that it was made in.
pub(super) fn stays_in_vpc(
    world: &World,
    current: &BTreeSet<String>,
    desired: &BTreeSet<String>,
) -> Answer<()> {
    let vpc = |subnets: &BTreeSet<String>| world.subnet(subnets.first()?).map(|(vpc, _)| vpc.to_owned());
    rules::require(vpc(current) == vpc(desired), "InvalidSubnet", || {
        "The subnets are not in the VPC of the load balancer".to_owned()
    })
}

/// A load balancer that faces the internet needs a gateway in its VPC. Those that nobody here made have one.
pub(super) fn reachable(world: &World, subnets: &BTreeSet<String>, scheme: &str) -> Answer<()> {
    let vpc = subnets.first().and_then(|subnet| world.subnet(subnet)).map(|(vpc, _)| vpc);
    let Some(vpc) = vpc.filter(|vpc| world.all::<Vpc>().any(|(record, _)| record.id == *vpc)) else {
        return Ok(());
    };
    let attached = |gateway: &InternetGateway| gateway.attached && gateway.vpc == vpc;
    let has_way = world.all::<InternetGateway>().any(|(_, gateway)| attached(gateway));
    rules::require(has_way || scheme != "internet-facing", "InvalidSubnet", || {
        format!("VPC {vpc} has no internet gateway")
    })
}

fn groups(world: &World, desired: &Alb) -> Answer<()> {
    rules::require(!desired.security_groups.is_empty(), INVALID, || {
        "an application load balancer needs a security group".to_owned()
    })?;
    security_groups(world, &desired.security_groups, &desired.subnets)
}

/// Refuses groups that do not exist or are in another VPC than the subnets.
pub(super) fn security_groups(
    world: &World,
    groups: &BTreeSet<String>,
    subnets: &BTreeSet<String>,
) -> Answer<()> {
    let subnet = subnets.first().and_then(|subnet| world.subnet(subnet));
    for id in groups {
        let arn = world.place().arn("ec2", &format!("security-group/{id}"));
        let message = format!("Security group '{id}' not found");
        let (_, group) = world.referred::<SecurityGroup>(&arn, "InvalidSecurityGroup", &message)?;
        let same_vpc = subnet.is_none_or(|(vpc, _)| vpc == group.vpc);
        rules::require(same_vpc, "InvalidConfigurationRequest", || {
            format!("The security group '{id}' does not belong to the load balancer's VPC")
        })?;
    }
    Ok(())
}

fn delete_load_balancer(world: &mut World, arn: &str) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, "One or more load balancers not found");
    let of_alb = world.get::<Alb>(arn).map(|(_, alb)| alb.deletion_protection);
    let of_nlb = || world.get::<Nlb>(arn).map(|(_, nlb)| nlb.deletion_protection);
    let protected = of_alb.or_else(of_nlb).ok_or_else(missing)?;
    rules::require(!protected, "OperationNotPermitted", || {
        format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled")
    })?;
    let listeners = world.all::<Listener>().filter(|(_, listener)| listener.load_balancer == arn);
    let listeners: BTreeSet<String> = listeners.map(|(record, _)| record.arn.clone()).collect();
    let rules = world.all::<Rule>().filter(|(_, rule)| listeners.contains(&rule.listener));
    let rules: Vec<String> = rules.map(|(record, _)| record.arn.clone()).collect();
    for gone in listeners.iter().chain(&rules) {
        world.remove(gone);
    }
    world.remove(arn);
    Ok(())
}
