//! Network load balancers (reference section 3.4).

use std::collections::BTreeSet;

use neap_core::cidr::Block;
use neap_core::kinds::{Listener, NatGateway, Nlb, Subnet};
use neap_engine::cloud::CallError;

use super::alb::{self, NOT_FOUND};
use super::{INVALID, TAGS};
use crate::arn;
use crate::clock::{NLB_LEAVES, NLB_PROVISIONS};
use crate::error::{Answer, Rejection};
use crate::record::{Interface, Record};
use crate::rules;
use crate::services::Request;
use crate::services::request::gone_is_done;
use crate::world::World;

const MISFIT: &str = "InvalidConfigurationRequest";
/// Why a dual stack has no listener of UDP: nobody here asks for the prefixes (`EnablePrefixForIpv6SourceNat`). AWS's words for it
/// are not known.
pub(super) const NO_PREFIX: &str =
    "UDP listeners on dual-stack Network Load Balancers need prefixes for IPv6 source NAT, which are off";

/// Whether a listener of `protocol` takes datagrams.
pub(super) fn is_of_datagrams(protocol: &str) -> bool {
    matches!(protocol, "UDP" | "TCP_UDP")
}

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
    if current.next(desired, |_| None).is_some() {
        while request
            .call("elasticloadbalancing:SetSubnets", |world| set_subnets(world, arn, desired))
            .await?
        {}
    }
    if current.ip_address_type != desired.ip_address_type {
        let set = |world: &mut World| {
            alb::addresses(world, &desired.ip_address_type, &desired.subnets)?;
            let datagrams = world
                .all::<Listener>()
                .any(|(_, it)| it.load_balancer == arn && is_of_datagrams(&it.protocol));
            rules::require(desired.ip_address_type != "dualstack" || !datagrams, MISFIT, || {
                NO_PREFIX.to_owned()
            })?;
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
    alb::subnets(world, &desired.subnets, 1)?;
    alb::addresses(world, &desired.ip_address_type, &desired.subnets)?;
    alb::reachable(world, &desired.subnets, &desired.scheme)?;
    let existing = alb::find(world, name);
    addresses(world, existing.as_deref(), desired)?;
    alb::security_groups(world, &desired.security_groups, &desired.subnets)?;
    rules::tags(INVALID, &request.tags)?;
    let defaults = Nlb { cross_zone: false, deletion_protection: false, ..desired.clone() };
    if let Some(existing) = existing {
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

/// Static addresses are given for every subnet or for none, elastic ones to a load balancer that the internet reaches. They exist,
/// and nothing but the load balancer `own` has them.
fn addresses(world: &World, own: Option<&str>, desired: &Nlb) -> Answer<()> {
    if desired.addresses.is_empty() {
        return Ok(());
    }
    let placed: BTreeSet<String> = desired.addresses.values().cloned().collect();
    rules::require(placed == desired.subnets, MISFIT, || {
        "Addresses must be specified for all subnets or for none".to_owned()
    })?;
    for (address, subnet) in &desired.addresses {
        let elastic = address.starts_with("eipalloc-");
        rules::require(elastic == (desired.scheme == "internet-facing"), MISFIT, || {
            format!("The address '{address}' is not valid for the scheme '{}'", desired.scheme)
        })?;
        if world.missing_addresses.contains(address) {
            let message = format!("The allocation IDs '{address}' do not exist");
            return Err(Rejection::not_found("AllocationIdNotFound", message));
        }
        let block = world.all::<Subnet>().find(|(record, _)| record.id == *subnet);
        let block = block.and_then(|(_, subnet)| subnet.cidr.parse::<Block>().ok());
        let lies = |block: Block| address.parse().is_ok_and(|address| block.gives(address));
        rules::require(elastic || block.is_none_or(lies), MISFIT, || {
            format!("The private IPv4 address '{address}' is not valid for the subnet '{subnet}'")
        })?;
        // Two VPCs may have the same private one.
        let here = |of: Option<&String>| of.is_some_and(|of| elastic || of == subnet);
        let nlbs = world.all::<Nlb>().filter(|(record, _)| Some(record.arn.as_str()) != own);
        let mut holders = nlbs.map(|(_, nlb)| nlb.addresses.get(address));
        let mut gateways = world.all::<NatGateway>();
        let lingers =
            |left: &Interface| left.addresses.contains(address) && (elastic || left.subnets.contains(subnet));
        let taken = holders.any(here)
            || gateways.any(|(_, gateway)| gateway.address.as_ref() == Some(address))
            || world.interfaces.iter().any(lingers);
        if taken {
            let message = "The allocation IDs are not available for use";
            return Err(Rejection::in_use("ResourceInUse", message));
        }
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

/// One call on the way to the subnets of `desired`; whether there is more to do.
fn set_subnets(world: &mut World, arn: &str, desired: &Nlb) -> Answer<bool> {
    let current = world.change::<Nlb>(arn, NOT_FOUND)?.clone();
    let zone = |world: &World, subnet: &str| world.subnet(subnet).map(|(_, zone)| zone.to_owned());
    let Some(next) = current.next(desired, |subnet| zone(world, subnet)) else { return Ok(false) };
    alb::subnets(world, &next.subnets, 1)?;
    for subnet in current.subnets.intersection(&next.subnets) {
        rules::require(current.address_in(subnet) == next.address_in(subnet), MISFIT, || {
            format!("The address of the enabled subnet '{subnet}' cannot be changed")
        })?;
    }
    let description = format!("ELB net/{}", current.name);
    let leaving = world.interfaces.iter().filter(|left| left.description == description);
    let leaving: BTreeSet<String> = leaving.flat_map(|left| left.subnets.iter().cloned()).collect();
    for subnet in next.subnets.difference(&current.subnets) {
        let of = zone(world, subnet);
        let occupied = |others: &BTreeSet<String>| others.iter().any(|other| zone(world, other) == of);
        let message = format!(
            "You cannot specify an additional subnet from an Availability Zone that is already associated with the load \
             balancer. The Availability Zone '{}' corresponding to the new subnet '{subnet}' is already associated with the \
             load balancer.",
            of.as_deref().unwrap_or_default()
        );
        rules::require(!occupied(&current.subnets), MISFIT, || message.clone())?;
        if occupied(&leaving) {
            return Err(Rejection::not_yet(MISFIT, message));
        }
    }
    addresses(world, Some(arn), &next)?;
    let left: BTreeSet<String> = current.subnets.difference(&next.subnets).cloned().collect();
    if !left.is_empty() {
        world.leave_balancer(&current, left, world.now + NLB_LEAVES);
    }
    let more = next.next(desired, |_| None).is_some();
    *world.change::<Nlb>(arn, NOT_FOUND)? = next;
    Ok(more)
}
