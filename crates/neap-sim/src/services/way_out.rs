//! EC2: NAT gateways and their Elastic IP addresses (reference section 3.2).
//!
//! AWS tells no repeated create of either from the first one. A gateway that cannot work is made all the same, and fails soon
//! after.

use std::collections::BTreeSet;

use neap_core::kinds::{ElasticIp, InternetGateway, NatGateway, RouteTable, Subnet};
use neap_engine::cloud::CallError;

use super::Request;
use super::network::{id_of, made, put};
use super::request::gone_is_done;
use crate::arn;
use crate::clock::{NAT_GOES, NAT_STARTS};
use crate::error::{Answer, Rejection};
use crate::record::State;
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidParameterValue";
const NO_ADDRESS: &str = "InvalidAllocationID.NotFound";
const NO_NAT: &str = "NatGatewayNotFound";

pub(crate) async fn allocate(request: &Request<'_>, desired: &ElasticIp) -> Result<String, CallError> {
    request.call("ec2:AllocateAddress", |world| make_address(world, request, desired)).await
}

pub(crate) async fn create_nat(request: &Request<'_>, desired: &NatGateway) -> Result<String, CallError> {
    request.call("ec2:CreateNatGateway", |world| make_nat(world, request, desired)).await
}

pub(super) async fn release(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    gone_is_done(request.call("ec2:ReleaseAddress", |world| release_address(world, arn)).await)
}

pub(super) async fn delete_nat(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    gone_is_done(request.call("ec2:DeleteNatGateway", |world| end_nat(world, arn)).await)
}

fn make_address(world: &mut World, request: &Request<'_>, desired: &ElasticIp) -> Answer<String> {
    rules::tags(INVALID, &request.tags)?;
    rules::require(desired.pool == ElasticIp::AMAZON, "InvalidParameterValue", || {
        format!("The pool '{}' does not exist", desired.pool)
    })?;
    let mut record = made(world, request, "eipalloc", "elastic-ip", desired.clone().into());
    // One of the addresses that are set aside for documentation (RFC 5737).
    let last = arn::hex(&record.id, 2);
    let last = u8::from_str_radix(&last, 16).unwrap_or_default();
    record.outputs.insert("public_ip".to_owned(), format!("203.0.113.{last}"));
    Ok(put(world, record))
}

fn make_nat(world: &mut World, request: &Request<'_>, desired: &NatGateway) -> Answer<String> {
    rules::tags(INVALID, &request.tags)?;
    let arn = |world: &World, id: &str, kind: &str| world.place().arn("ec2", &format!("{kind}/{id}"));
    let message = format!("The subnet ID '{}' does not exist", desired.subnet);
    let subnet = arn(world, &desired.subnet, "subnet");
    let vpc = world.referred::<Subnet>(&subnet, "InvalidSubnetID.NotFound", &message)?.1.vpc.clone();
    let Some(address) = &desired.address else {
        return Err(Rejection::invalid("MissingParameter", "The request must include the AllocationId"));
    };
    let message = format!("The allocation ID '{address}' does not exist");
    let elastic = arn(world, address, "elastic-ip");
    world.referred::<ElasticIp>(&elastic, NO_ADDRESS, &message)?;
    let failure = failure(world, &vpc, address);
    let fields = NatGateway { vpc, ..desired.clone() };
    let mut record = made(world, request, "nat", "natgateway", fields.into());
    record = record.settling("pending", world.now + NAT_STARTS);
    if let Some((code, message)) = failure {
        record.state = State::Failed { reason: NatGateway::failure(code, &message) };
    }
    Ok(put(world, record))
}

/// Why a gateway in this VPC with this address will fail, if it will.
fn failure(world: &World, vpc: &str, address: &str) -> Option<(&'static str, String)> {
    let attached = |gateway: &InternetGateway| gateway.attached && gateway.vpc == vpc;
    if !world.all::<InternetGateway>().any(|(_, gateway)| attached(gateway)) {
        return Some(("Gateway.NotAttached", format!("Network {vpc} has no Internet gateway attached")));
    }
    let holds = |gateway: &NatGateway| gateway.address.as_deref() == Some(address);
    let taken = world
        .all::<NatGateway>()
        .any(|(record, gateway)| holds(gateway) && !matches!(record.state, State::Failed { .. }));
    taken.then(|| {
        ("Resource.AlreadyAssociated", format!("Elastic IP address {address} is already associated"))
    })
}

/// AWS tells nobody what an address is in use for.
fn release_address(world: &mut World, arn: &str) -> Answer<()> {
    let (id, _) = id_of::<ElasticIp>(world, arn, NO_ADDRESS)?;
    let holds = |gateway: &NatGateway| gateway.address.as_ref() == Some(&id);
    let taken = world
        .all::<NatGateway>()
        .any(|(record, gateway)| holds(gateway) && !matches!(record.state, State::Failed { .. }));
    if taken {
        let message = "You do not have permission to access the specified resource.";
        return Err(Rejection::in_use("AuthFailure", message));
    }
    world.remove(arn);
    Ok(())
}

/// It goes in a while, with routes to it or without.
fn end_nat(world: &mut World, arn: &str) -> Answer<()> {
    id_of::<NatGateway>(world, arn, NO_NAT)?;
    let until = world.now + NAT_GOES;
    let Some(record) = world.record_mut(arn) else { return Ok(()) };
    match record.state {
        State::Deleting { .. } => {}
        // It has no interface any more.
        State::Failed { .. } => {
            world.remove(arn);
        }
        _ => record.state = State::Deleting { word: "deleting".to_owned(), until },
    }
    Ok(())
}

/// The NAT gateways that have an interface in one of these subnets.
pub(super) fn in_subnets(world: &World, subnets: &BTreeSet<String>) -> Option<String> {
    let mut gateways =
        world.all::<NatGateway>().filter(|(record, _)| !matches!(record.state, State::Failed { .. }));
    gateways.find(|(_, gateway)| subnets.contains(&gateway.subnet)).map(|(record, _)| record.id.clone())
}

/// A route leads to a gateway of the table's own VPC that is there.
pub(super) fn check_route(world: &World, table: &RouteTable, target: &str) -> Answer<()> {
    let arn = world.place().arn("ec2", &format!("natgateway/{target}"));
    let message = format!("The natGateway ID '{target}' does not exist");
    let (record, gateway) = world.referred::<NatGateway>(&arn, "InvalidNatGatewayID.NotFound", &message)?;
    if record.is_deleting() || matches!(record.state, State::Failed { .. }) {
        return Err(Rejection::not_found("InvalidNatGatewayID.NotFound", message));
    }
    rules::require(gateway.vpc == table.vpc, INVALID, || {
        format!("route table and network gateway {target} belong to different networks")
    })
}
