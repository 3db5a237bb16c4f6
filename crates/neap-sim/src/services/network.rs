//! EC2: VPCs with their internet gateways, route tables and subnets (reference section 3.2); what leads out of them has files of
//! its own.
//!
//! Each is made by one call, which AWS does not tell from its repetition (a subnet excepted), and is brought into its form by
//! others: those are made while it is waited for.

use std::collections::BTreeSet;

use neap_core::cidr::Block;
use neap_core::kinds::{
    Alb, AutoScalingGroup, Clb, InternetGateway, LaunchTemplate, Nlb, Resource, RouteTable, SecurityGroup,
    Service, Subnet, Vpc,
};
use neap_engine::cloud::CallError;

use super::request::{TagCalls, gone_is_done};
use super::{Request, auto_scaling, vpc_endpoint, way_out};
use crate::arn;
use crate::clock::VPC_SETTLES;
use crate::error::{Answer, Rejection};
use crate::record::{Fields, Record};
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidParameterValue";
const TAGS: TagCalls = TagCalls { add: "ec2:CreateTags", remove: "ec2:DeleteTags", invalid: INVALID };
const NO_VPC: &str = "InvalidVpcID.NotFound";
const NO_GATEWAY: &str = "InvalidInternetGatewayID.NotFound";
const NO_TABLE: &str = "InvalidRouteTableID.NotFound";
const NO_SUBNET: &str = "InvalidSubnetID.NotFound";
/// How many availability zones a region has here.
const ZONES: [&str; 3] = ["a", "b", "c"];

/// The availability zones of the region.
pub(crate) fn zones(world: &World) -> Vec<String> {
    ZONES.iter().map(|zone| format!("{}{zone}", world.place)).collect()
}

pub(crate) async fn create_vpc(request: &Request<'_>, desired: &Vpc) -> Result<String, CallError> {
    request.call("ec2:CreateVpc", |world| make_vpc(world, request, desired)).await
}

pub(crate) async fn create_gateway(
    request: &Request<'_>,
    desired: &InternetGateway,
) -> Result<String, CallError> {
    request.call("ec2:CreateInternetGateway", |world| make_gateway(world, request, desired)).await
}

pub(crate) async fn create_table(request: &Request<'_>, desired: &RouteTable) -> Result<String, CallError> {
    request.call("ec2:CreateRouteTable", |world| make_table(world, request, desired)).await
}

pub(crate) async fn create_subnet(request: &Request<'_>, desired: &Subnet) -> Result<String, CallError> {
    let existing = |world: &World| {
        let same = |subnet: &Subnet| subnet.vpc == desired.vpc && subnet.cidr == desired.cidr;
        world.all::<Subnet>().find(|(_, subnet)| same(subnet)).map(|(record, _)| record.arn.clone())
    };
    request.create("ec2:CreateSubnet", |world| make_subnet(world, request, desired), existing).await
}

/// Changes fields and tags.
pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Resource) -> Result<(), CallError> {
    bring(request, arn, desired).await?;
    request.retag(arn, &TAGS).await
}

/// Makes the calls that bring a part of a network into the desired form.
pub(crate) async fn bring(request: &Request<'_>, arn: &str, desired: &Resource) -> Result<(), CallError> {
    match desired {
        Resource::Vpc(desired) => bring_vpc(request, arn, desired).await,
        Resource::InternetGateway(desired) => attach(request, arn, desired).await,
        Resource::RouteTable(desired) => route(request, arn, desired).await,
        Resource::Subnet(desired) => bring_subnet(request, arn, desired).await,
        Resource::VpcEndpoint(desired) => vpc_endpoint::bring(request, arn, desired).await,
        _ => Ok(()),
    }
}

async fn bring_vpc(request: &Request<'_>, arn: &str, desired: &Vpc) -> Result<(), CallError> {
    let current = request.current::<Vpc>(arn)?;
    if current.dns_support != desired.dns_support {
        let modify = |world: &mut World| {
            world.change::<Vpc>(arn, NO_VPC)?.dns_support = desired.dns_support;
            Ok(())
        };
        request.call("ec2:ModifyVpcAttribute", modify).await?;
    }
    if current.dns_hostnames != desired.dns_hostnames {
        let modify = |world: &mut World| {
            world.change::<Vpc>(arn, NO_VPC)?.dns_hostnames = desired.dns_hostnames;
            Ok(())
        };
        request.call("ec2:ModifyVpcAttribute", modify).await?;
    }
    Ok(())
}

async fn attach(request: &Request<'_>, arn: &str, desired: &InternetGateway) -> Result<(), CallError> {
    if request.current::<InternetGateway>(arn)?.attached {
        return Ok(());
    }
    let attach = |world: &mut World| {
        world.refer_vpc(&desired.vpc)?;
        let attached = |gateway: &InternetGateway| gateway.attached && gateway.vpc == desired.vpc;
        let other = world.all::<InternetGateway>().any(|(record, it)| record.arn != arn && attached(it));
        rules::require(!other, INVALID, || {
            format!("Network {} already has an internet gateway attached", desired.vpc)
        })?;
        let gateway = world.change::<InternetGateway>(arn, NO_GATEWAY)?;
        if gateway.attached {
            let message = format!("resource is already attached to network {}", gateway.vpc);
            return Err(Rejection::conflict("Resource.AlreadyAssociated", message));
        }
        *gateway = desired.clone();
        Ok(())
    };
    request.call("ec2:AttachInternetGateway", attach).await
}

async fn route(request: &Request<'_>, arn: &str, desired: &RouteTable) -> Result<(), CallError> {
    let current = request.current::<RouteTable>(arn)?;
    for (destination, target) in &desired.routes {
        let set = |world: &mut World, replaces: bool| {
            let table = world.change::<RouteTable>(arn, NO_TABLE)?.clone();
            check_target(world, arn, &table, target)?;
            let routes = &mut world.change::<RouteTable>(arn, NO_TABLE)?.routes;
            if !replaces && routes.contains_key(destination) {
                let message = format!("The route identified by {destination} already exists.");
                return Err(Rejection::conflict("RouteAlreadyExists", message));
            }
            routes.insert(destination.clone(), target.clone());
            Ok(())
        };
        match current.routes.get(destination) {
            None => request.call("ec2:CreateRoute", |world| set(world, false)).await?,
            Some(live) if live != target => {
                request.call("ec2:ReplaceRoute", |world| set(world, true)).await?;
            }
            Some(_) => {}
        }
    }
    for destination in current.routes.keys().filter(|it| !desired.routes.contains_key(*it)) {
        let remove = |world: &mut World| {
            let gone = world.change::<RouteTable>(arn, NO_TABLE)?.routes.remove(destination);
            let message = || format!("no route with destination-cidr-block {destination} in route table");
            gone.map(drop).ok_or_else(|| Rejection::not_found("InvalidRoute.NotFound", message()))
        };
        gone_is_done(request.call("ec2:DeleteRoute", remove).await)?;
    }
    Ok(())
}

/// A route leads to a gateway that is attached to the table's own VPC, or to a NAT gateway in it.
fn check_target(world: &World, arn: &str, table: &RouteTable, target: &str) -> Answer<()> {
    if target.starts_with("nat-") {
        return way_out::check_route(world, table, target);
    }
    let (vpc, table) = (&table.vpc, arn);
    let arn = world.place().arn("ec2", &format!("internet-gateway/{target}"));
    let message = format!("The gateway ID '{target}' does not exist");
    let (_, gateway) = world.referred::<InternetGateway>(&arn, "InvalidGatewayID.NotFound", &message)?;
    rules::require(gateway.attached && gateway.vpc == *vpc, INVALID, || {
        format!("route table {table} and network gateway {target} belong to different networks")
    })
}

async fn bring_subnet(request: &Request<'_>, arn: &str, desired: &Subnet) -> Result<(), CallError> {
    let current = request.current::<Subnet>(arn)?;
    if current.public_ip != desired.public_ip {
        let modify = |world: &mut World| {
            world.change::<Subnet>(arn, NO_SUBNET)?.public_ip = desired.public_ip;
            Ok(())
        };
        request.call("ec2:ModifySubnetAttribute", modify).await?;
    }
    let Some(table) = desired.route_table.as_ref().filter(|_| current.route_table != desired.route_table)
    else {
        return Ok(());
    };
    let associate = |world: &mut World, replaces: bool| {
        let message = format!("The routeTable ID '{table}' does not exist");
        let table_arn = world.place().arn("ec2", &format!("route-table/{table}"));
        let vpc = world.referred::<RouteTable>(&table_arn, NO_TABLE, &message)?.1.vpc.clone();
        let subnet = world.change::<Subnet>(arn, NO_SUBNET)?;
        rules::require(subnet.vpc == vpc, INVALID, || {
            format!("Route table {table} and the subnet belong to different networks")
        })?;
        if !replaces && subnet.route_table.is_some() {
            let message = format!(
                "the specified association for route table {table} conflicts with an existing association"
            );
            return Err(Rejection::conflict("Resource.AlreadyAssociated", message));
        }
        subnet.route_table = Some(table.clone());
        Ok(())
    };
    if current.route_table.is_none() {
        request.call("ec2:AssociateRouteTable", |world| associate(world, false)).await
    } else {
        request.call("ec2:ReplaceRouteTableAssociation", |world| associate(world, true)).await
    }
}

pub(super) fn made(
    world: &mut World,
    request: &Request<'_>,
    prefix: &str,
    kind: &str,
    fields: Resource,
) -> Record {
    let id = format!("{prefix}-0{}", arn::hex(&world.seed(&request.address.to_string()), 16));
    let arn = world.place().arn("ec2", &format!("{kind}/{id}"));
    Record::new(arn, fields, &request.tags, &[("id", &id)]).called(id.as_str()).within(&world.place)
}

pub(super) fn put(world: &mut World, record: Record) -> String {
    let arn = record.arn.clone();
    world.insert(record);
    arn
}

/// A block that may be a VPC's or a subnet's.
fn block(text: &str, code: &str) -> Answer<Block> {
    let fits = |block: &Block| (16..=28).contains(&block.length());
    text.parse::<Block>()
        .ok()
        .filter(fits)
        .ok_or_else(|| Rejection::invalid(code, format!("The CIDR '{text}' is invalid.")))
}

fn make_vpc(world: &mut World, request: &Request<'_>, desired: &Vpc) -> Answer<String> {
    rules::tags(INVALID, &request.tags)?;
    let whole = block(&desired.cidr, "InvalidVpc.Range")?;
    rules::require(!whole.is_reserved(), "InvalidVpc.Range", || {
        format!("The CIDR '{}' is invalid.", desired.cidr)
    })?;
    let fields = Vpc { dns_support: true, dns_hostnames: false, ..desired.clone() };
    let record =
        made(world, request, "vpc", "vpc", fields.into()).settling("pending", world.now + VPC_SETTLES);
    Ok(put(world, record))
}

/// The gateway's VPC is only remembered here: a reader takes one that is not attached for its own VPC's.
fn make_gateway(world: &mut World, request: &Request<'_>, desired: &InternetGateway) -> Answer<String> {
    rules::tags(INVALID, &request.tags)?;
    let fields = InternetGateway { attached: false, ..desired.clone() };
    let record = made(world, request, "igw", "internet-gateway", fields.into());
    Ok(put(world, record))
}

fn make_table(world: &mut World, request: &Request<'_>, desired: &RouteTable) -> Answer<String> {
    rules::tags(INVALID, &request.tags)?;
    world.refer_vpc(&desired.vpc)?;
    let fields = RouteTable { vpc: desired.vpc.clone(), routes: [].into() };
    let record = made(world, request, "rtb", "route-table", fields.into());
    Ok(put(world, record))
}

fn make_subnet(world: &mut World, request: &Request<'_>, desired: &Subnet) -> Answer<String> {
    rules::tags(INVALID, &request.tags)?;
    world.refer_vpc(&desired.vpc)?;
    let block = block(&desired.cidr, "InvalidSubnet.Range")?;
    let vpc = world.all::<Vpc>().find(|(record, _)| record.id == desired.vpc);
    let whole = vpc.and_then(|(_, vpc)| vpc.cidr.parse::<Block>().ok());
    rules::require(whole.is_some_and(|whole| whole.contains(block)), "InvalidSubnet.Range", || {
        format!("The CIDR '{}' is invalid.", desired.cidr)
    })?;
    rules::require(zones(world).contains(&desired.zone), INVALID, || {
        format!("Value ({}) for parameter availabilityZone is invalid.", desired.zone)
    })?;
    let overlaps = |other: &Subnet| other.cidr.parse().is_ok_and(|other: Block| other.overlaps(block));
    if world.all::<Subnet>().any(|(_, other)| other.vpc == desired.vpc && overlaps(other)) {
        let message = format!("The CIDR '{}' conflicts with another subnet", desired.cidr);
        return Err(Rejection::conflict("InvalidSubnet.Conflict", message));
    }
    let fields = Subnet { public_ip: false, route_table: None, ..desired.clone() };
    let record = made(world, request, "subnet", "subnet", fields.into());
    Ok(put(world, record))
}

/// Deletes a part of a network. A gateway is detached first.
pub(crate) async fn delete(request: &Request<'_>, arn: &str, live: &Resource) -> Result<(), CallError> {
    let answer = match live {
        Resource::Vpc(_) => request.call("ec2:DeleteVpc", |world| delete_vpc(world, arn)).await,
        Resource::RouteTable(_) => {
            request.call("ec2:DeleteRouteTable", |world| delete_table(world, arn)).await
        }
        Resource::Subnet(_) => request.call("ec2:DeleteSubnet", |world| delete_subnet(world, arn)).await,
        Resource::ElasticIp(_) => way_out::release(request, arn).await,
        Resource::NatGateway(_) => way_out::delete_nat(request, arn).await,
        Resource::VpcEndpoint(_) => vpc_endpoint::delete(request, arn).await,
        _ => {
            if request.current::<InternetGateway>(arn)?.attached {
                gone_is_done(request.call("ec2:DetachInternetGateway", |world| detach(world, arn)).await)?;
            }
            request.call("ec2:DeleteInternetGateway", |world| delete_gateway(world, arn)).await
        }
    };
    gone_is_done(answer)
}

pub(super) fn id_of<T: Fields + Clone>(world: &World, arn: &str, code: &str) -> Answer<(String, T)> {
    let missing = || Rejection::not_found(code, format!("`{arn}` does not exist"));
    world.get::<T>(arn).map(|(record, fields)| (record.id.clone(), fields.clone())).ok_or_else(missing)
}

fn refuse_if(user: Option<String>, what: &str, id: &str) -> Answer<()> {
    match user {
        None => Ok(()),
        Some(user) => {
            let message = format!("The {what} '{id}' has dependencies and cannot be deleted. ({user})");
            Err(Rejection::in_use("DependencyViolation", message))
        }
    }
}

fn delete_vpc(world: &mut World, arn: &str) -> Answer<()> {
    let (id, _) = id_of::<Vpc>(world, arn, NO_VPC)?;
    let within = |record: &&Record| match &record.resource {
        Resource::InternetGateway(gateway) => gateway.attached && gateway.vpc == id,
        Resource::RouteTable(RouteTable { vpc, .. })
        | Resource::Subnet(Subnet { vpc, .. })
        | Resource::SecurityGroup(SecurityGroup { vpc, .. }) => *vpc == id,
        _ => false,
    };
    let user = world.records().find(within).map(|record| record.id.clone());
    refuse_if(user.or_else(|| vpc_endpoint::user_of(world, &id, None)), "vpc", &id)?;
    world.remove(arn);
    Ok(())
}

fn delete_table(world: &mut World, arn: &str) -> Answer<()> {
    let (id, table) = id_of::<RouteTable>(world, arn, NO_TABLE)?;
    let uses = |subnet: &Subnet| subnet.route_table.as_ref() == Some(&id);
    let user = world.all::<Subnet>().find(|(_, subnet)| uses(subnet)).map(|(record, _)| record.id.clone());
    refuse_if(user.or_else(|| vpc_endpoint::user_of(world, &table.vpc, Some(&id))), "routeTable", &id)?;
    world.remove(arn);
    Ok(())
}

fn delete_subnet(world: &mut World, arn: &str) -> Answer<()> {
    let (id, _) = id_of::<Subnet>(world, arn, NO_SUBNET)?;
    refuse_if(user_of_subnets(world, &[id.clone()].into()), "subnet", &id)?;
    world.remove(arn);
    Ok(())
}

/// What has a network interface in one of these subnets.
fn user_of_subnets(world: &World, subnets: &BTreeSet<String>) -> Option<String> {
    let alb = world.all::<Alb>().find(|(_, alb)| !alb.subnets.is_disjoint(subnets));
    let service = world.all::<Service>().find(|(_, service)| !service.subnets.is_disjoint(subnets));
    let mut groups = world.all::<AutoScalingGroup>();
    let group = groups.find(|(_, group)| group.desired > 0 && !group.subnets.is_disjoint(subnets));
    let interface = world.interfaces.iter().find(|interface| !interface.subnets.is_disjoint(subnets));
    let nlb = world.all::<Nlb>().find(|(_, nlb)| !nlb.subnets.is_disjoint(subnets));
    let clb = world.all::<Clb>().find(|(_, clb)| !clb.subnets.is_disjoint(subnets));
    alb.map(|(_, alb)| format!("ELB app/{}", alb.name))
        .or_else(|| clb.map(|(_, clb)| format!("ELB {}", clb.name)))
        .or_else(|| nlb.map(|(_, nlb)| format!("ELB net/{}", nlb.name)))
        .or_else(|| service.map(|(_, service)| format!("tasks of {}", service.name)))
        .or_else(|| group.map(|(_, group)| format!("instances of {}", group.name)))
        .or_else(|| auto_scaling::astray_in(world, subnets).map(|name| format!("instances of {name}")))
        .or_else(|| interface.map(|interface| interface.description.clone()))
        .or_else(|| way_out::in_subnets(world, subnets))
        .or_else(|| vpc_endpoint::in_subnets(world, subnets))
}

/// What has a public address in the VPC. Of interfaces that linger nobody knows whether theirs is released.
fn public_user(world: &World, vpc: &str) -> Option<String> {
    let subnets: BTreeSet<String> = world
        .all::<Subnet>()
        .filter(|(_, subnet)| subnet.vpc == vpc)
        .map(|(record, _)| record.id.clone())
        .collect();
    let here = |used: &BTreeSet<String>| !used.is_disjoint(&subnets);
    let alb = world.all::<Alb>().find(|(_, alb)| alb.scheme == "internet-facing" && here(&alb.subnets));
    let service = world.all::<Service>().find(|(_, service)| service.public_ip && here(&service.subnets));
    let public: BTreeSet<&str> = world
        .all::<LaunchTemplate>()
        .filter(|(_, template)| template.public_ip)
        .map(|(record, _)| record.id.as_str())
        .collect();
    let mut groups = world.all::<AutoScalingGroup>();
    let group = groups.find(|(_, group)| {
        group.desired > 0 && public.contains(group.launch_template.as_str()) && here(&group.subnets)
    });
    let interface = world.interfaces.iter().find(|interface| here(&interface.subnets));
    let nlb = world.all::<Nlb>().find(|(_, nlb)| nlb.scheme == "internet-facing" && here(&nlb.subnets));
    let clb = world.all::<Clb>().find(|(_, clb)| clb.scheme == "internet-facing" && here(&clb.subnets));
    alb.map(|(_, alb)| alb.name.clone())
        .or_else(|| clb.map(|(_, clb)| clb.name.clone()))
        .or_else(|| nlb.map(|(_, nlb)| nlb.name.clone()))
        .or_else(|| service.map(|(_, service)| service.name.clone()))
        .or_else(|| group.map(|(_, group)| group.name.clone()))
        .or_else(|| interface.map(|interface| interface.description.clone()))
        .or_else(|| way_out::in_subnets(world, &subnets))
}

fn detach(world: &mut World, arn: &str) -> Answer<()> {
    let (id, gateway) = id_of::<InternetGateway>(world, arn, NO_GATEWAY)?;
    if !gateway.attached {
        let message = format!("resource {id} is not attached to network {}", gateway.vpc);
        return Err(Rejection::not_found("Gateway.NotAttached", message));
    }
    if let Some(user) = public_user(world, &gateway.vpc) {
        let message = format!(
            "Network {} has some mapped public address(es). Please unmap those public address(es) before detaching the \
             gateway. ({user})",
            gateway.vpc
        );
        return Err(Rejection::in_use("DependencyViolation", message));
    }
    let missing = || Rejection::not_found(NO_GATEWAY, format!("`{arn}` does not exist"));
    let record = world.record_mut(arn).ok_or_else(missing)?;
    record.resource = InternetGateway { attached: false, ..gateway }.into();
    Ok(())
}

fn delete_gateway(world: &mut World, arn: &str) -> Answer<()> {
    let (id, gateway) = id_of::<InternetGateway>(world, arn, NO_GATEWAY)?;
    refuse_if(gateway.attached.then(|| gateway.vpc.clone()), "internetGateway", &id)?;
    world.remove(arn);
    Ok(())
}
