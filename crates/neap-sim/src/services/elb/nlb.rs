//! Network load balancers (reference section 3.4).

use std::collections::BTreeSet;

use neap_core::kinds::Nlb;
use neap_engine::cloud::CallError;

use super::alb::{self, NOT_FOUND};
use super::{INVALID, TAGS};
use crate::arn;
use crate::clock::NLB_PROVISIONS;
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::services::Request;
use crate::services::request::gone_is_done;
use crate::world::World;

pub(crate) async fn create(request: &Request<'_>, desired: &Nlb) -> Result<String, CallError> {
    let existing = |world: &World| alb::find(world, &desired.name);
    let create = |world: &mut World| create_load_balancer(world, request, desired);
    let arn = request.create("elasticloadbalancing:CreateLoadBalancer", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Nlb) -> Result<(), CallError> {
    let current = request.current::<Nlb>(arn)?;
    if with_attributes(&current, desired) != current {
        let set = |world: &mut World| {
            let nlb = world.change::<Nlb>(arn, NOT_FOUND)?;
            *nlb = with_attributes(nlb, desired);
            Ok(())
        };
        request.call("elasticloadbalancing:ModifyLoadBalancerAttributes", set).await?;
    }
    if current.security_groups != desired.security_groups {
        let set = |world: &mut World| set_security_groups(world, arn, desired);
        request.call("elasticloadbalancing:SetSecurityGroups", set).await?;
    }
    if current.subnets != desired.subnets {
        let set = |world: &mut World| set_subnets(world, arn, &desired.subnets);
        request.call("elasticloadbalancing:SetSubnets", set).await?;
    }
    if current.ip_address_type != desired.ip_address_type {
        let set = |world: &mut World| {
            alb::ip_address_type(&desired.ip_address_type)?;
            let nlb = world.change::<Nlb>(arn, NOT_FOUND)?;
            nlb.ip_address_type.clone_from(&desired.ip_address_type);
            Ok(())
        };
        request.call("elasticloadbalancing:SetIpAddressType", set).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Deletes the load balancer with its listeners, and turns its deletion protection off before.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    if request.current::<Nlb>(arn).is_ok_and(|nlb| nlb.deletion_protection) {
        let unprotect = |world: &mut World| {
            world.change::<Nlb>(arn, NOT_FOUND)?.deletion_protection = false;
            Ok(())
        };
        gone_is_done(request.call("elasticloadbalancing:ModifyLoadBalancerAttributes", unprotect).await)?;
    }
    alb::delete_call(request, arn).await
}

/// The load balancer with the attributes of another: what a create leaves at AWS's defaults.
fn with_attributes(nlb: &Nlb, attributes: &Nlb) -> Nlb {
    Nlb {
        cross_zone: attributes.cross_zone,
        deletion_protection: attributes.deletion_protection,
        ..nlb.clone()
    }
}

fn create_load_balancer(world: &mut World, request: &Request<'_>, desired: &Nlb) -> Answer<String> {
    let name = &desired.name;
    alb::names(name, &desired.scheme)?;
    alb::ip_address_type(&desired.ip_address_type)?;
    alb::subnets(world, &desired.subnets, 1)?;
    alb::reachable(world, &desired.subnets, &desired.scheme)?;
    addresses(desired)?;
    alb::security_groups(world, &desired.security_groups, &desired.subnets)?;
    rules::tags(INVALID, &request.tags)?;
    let defaults = Nlb { cross_zone: false, deletion_protection: false, ..desired.clone() };
    if let Some(existing) = alb::find(world, name) {
        let same =
            world.get::<Nlb>(&existing).is_some_and(|(_, nlb)| with_attributes(nlb, &defaults) == defaults);
        return if same { Ok(existing) } else { Err(alb::taken(name)) };
    }
    let id = arn::hex(&world.seed(name), 16);
    let place = world.place();
    let arn = place.arn("elasticloadbalancing", &format!("loadbalancer/net/{name}/{id}"));
    let dns_name = format!("{name}-{id}.elb.{}.{}", place.region, place.domain());
    let zone_id = format!("Z{}", arn::letters(&format!("{}/nlb", place.region), 13, arn::CAPITALS));
    let full_name = format!("net/{name}/{id}");
    let outputs =
        [("dns_name", dns_name.as_str()), ("arn", &arn), ("zone_id", &zone_id), ("full_name", &full_name)];
    let record = Record::new(arn.clone(), defaults, &request.tags, &outputs)
        .within(&place.region)
        .settling("provisioning", world.now + NLB_PROVISIONS);
    world.insert(record);
    Ok(arn)
}

/// Static addresses are given for every subnet or for none, elastic ones to a load balancer that the internet reaches.
fn addresses(desired: &Nlb) -> Answer<()> {
    if desired.addresses.is_empty() {
        return Ok(());
    }
    let placed: BTreeSet<String> = desired.addresses.keys().cloned().collect();
    rules::require(placed == desired.subnets, "InvalidConfigurationRequest", || {
        "Addresses must be specified for all subnets or for none".to_owned()
    })?;
    for address in desired.addresses.values() {
        let elastic = address.starts_with("eipalloc-");
        rules::require(
            elastic == (desired.scheme == "internet-facing"),
            "InvalidConfigurationRequest",
            || format!("The address '{address}' is not valid for the scheme '{}'", desired.scheme),
        )?;
    }
    Ok(())
}

fn set_security_groups(world: &mut World, arn: &str, desired: &Nlb) -> Answer<()> {
    alb::security_groups(world, &desired.security_groups, &desired.subnets)?;
    let current = world.change::<Nlb>(arn, NOT_FOUND)?;
    rules::require(!current.security_groups.is_empty(), "InvalidConfigurationRequest", || {
        "You cannot associate security groups with a Network Load Balancer that was created without them"
            .to_owned()
    })?;
    rules::require(!desired.security_groups.is_empty(), "InvalidConfigurationRequest", || {
        "You cannot remove all security groups of a Network Load Balancer".to_owned()
    })?;
    current.security_groups.clone_from(&desired.security_groups);
    Ok(())
}

fn set_subnets(world: &mut World, arn: &str, wanted: &BTreeSet<String>) -> Answer<()> {
    alb::subnets(world, wanted, 1)?;
    let current = world.change::<Nlb>(arn, NOT_FOUND)?;
    if let Some(missing) = current.subnets.difference(wanted).next() {
        let message = format!("You must specify the enabled subnet '{missing}': subnets cannot be removed");
        return Err(Rejection::invalid("InvalidConfigurationRequest", message));
    }
    current.subnets.clone_from(wanted);
    Ok(())
}
