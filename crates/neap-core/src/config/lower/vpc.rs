//! A VPC of the stack's own: its blocks of addresses, its zones, and its way to the internet.
//!
//! Decides which subnets there are, and puts them where everything else asks for the network. Must not know which zones the
//! account can use.

use std::collections::BTreeMap;

use super::context::{Common, Lowering};
use super::place::Place;
use super::vpc_blocks::{self, Blocks};
use super::vpc_endpoint;
use crate::address::{Address, Kind};
use crate::config::regions;
use crate::config::shape::{Nat, Zones};
use crate::kinds::{ElasticIp, InternetGateway, NatGateway, Resource, RouteTable, Subnet, Vpc};
use crate::network::{MAIN, NAT, PRIVATE, PUBLIC, is_subnet_of, numbered};
use crate::reference::{self, Fact, Reference, Resolved};

/// In how many zones a network is that does not say.
const ZONES: usize = 2;
/// Everywhere.
const ANYWHERE: &str = "0.0.0.0/0";

/// The place of a key of `[network]`.
pub(super) fn at(key: &str) -> Place {
    Place::of("network", key)
}

/// The reference to the id of a part of the network.
pub(super) fn id(address: &Address) -> String {
    reference::output(address, "id")
}

/// Lowers the stack's own network, if it has one.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let table = &lowering.file.network;
    let Some(cidr) = &table.cidr else { return check_none(lowering) };
    if table.vpc.is_some() {
        lowering
            .report(&at("vpc"), "`cidr` makes a VPC of the stack's own, so none is looked up")
            .help("leave one of the two out");
    }
    if table.nat.is_some() && !table.private.is_wanted() {
        lowering.report(&at("nat"), "a NAT gateway without private subnets").help(
            "only what the internet does not reach needs one: set `private = true`, or leave `nat` out",
        );
    }
    let zones = zones(lowering);
    vpc_blocks::check_balancers(lowering, zones.len());
    vpc_endpoint::check(lowering);
    let Some(whole) = vpc_blocks::whole(lowering, &at("cidr"), cidr) else { return };
    let Some(blocks) = vpc_blocks::of_subnets(lowering, whole, zones.len()) else { return };
    let vpc = Address::new(Kind::Vpc, MAIN);
    let common = Common { tags: &table.tags, protect: table.protect, name: None };
    let fields = Vpc { cidr: whole.to_string(), dns_support: true, dns_hostnames: true };
    lowering.declare(vpc.clone(), &Place::table("network"), &common, fields);
    let gateway = Address::new(Kind::InternetGateway, MAIN);
    let fields = InternetGateway { vpc: id(&vpc), attached: true };
    lowering.imply(gateway.clone(), &vpc, "leads to the internet", fields);
    public(lowering, &vpc, &gateway, &zones, &blocks);
    private(lowering, &vpc, &zones, &blocks);
    vpc_endpoint::lower(lowering, &vpc, whole);
}

/// The subnets that the internet reaches, with their route table.
fn public(lowering: &mut Lowering<'_>, vpc: &Address, gateway: &Address, zones: &[String], blocks: &Blocks) {
    let routing = Address::new(Kind::RouteTable, PUBLIC);
    let fields = RouteTable { vpc: id(vpc), routes: [(ANYWHERE.to_owned(), id(gateway))].into() };
    lowering.imply(routing.clone(), vpc, "sends what leaves the VPC to its internet gateway", fields);
    for (number, (zone, block)) in (1..).zip(zones.iter().zip(&blocks.public)) {
        let fields = Subnet {
            vpc: id(vpc),
            cidr: block.to_string(),
            zone: zone.clone(),
            public_ip: true,
            route_table: Some(id(&routing)),
        };
        let address = numbered(Kind::Subnet, PUBLIC, number);
        lowering.imply(address, vpc, "has what the internet reaches, in one availability zone", fields);
    }
}

/// The subnets that the internet does not reach, with their route tables and their way out, if they have one.
fn private(lowering: &mut Lowering<'_>, vpc: &Address, zones: &[String], blocks: &Blocks) {
    let nat = lowering.file.network.nat;
    for (number, (zone, block)) in (1..).zip(zones.iter().zip(&blocks.private)) {
        let routing = match nat {
            Some(Nat::PerZone) => numbered(Kind::RouteTable, PRIVATE, number),
            Some(Nat::One) | None => Address::new(Kind::RouteTable, PRIVATE),
        };
        if number == 1 || nat == Some(Nat::PerZone) {
            private_table(lowering, vpc, &routing, number);
        }
        let fields = Subnet {
            vpc: id(vpc),
            cidr: block.to_string(),
            zone: zone.clone(),
            public_ip: false,
            route_table: Some(id(&routing)),
        };
        let address = numbered(Kind::Subnet, PRIVATE, number);
        let reason = "has what the internet does not reach, in one availability zone";
        lowering.imply(address, vpc, reason, fields);
    }
}

/// The route table of private subnets, and what it leads to in the zone number `number`.
fn private_table(lowering: &mut Lowering<'_>, vpc: &Address, routing: &Address, number: usize) {
    let Some(nat) = lowering.file.network.nat else {
        let fields = RouteTable { vpc: id(vpc), routes: BTreeMap::new() };
        let reason = "keeps what is in private subnets within the VPC";
        lowering.imply(routing.clone(), vpc, reason, fields);
        return;
    };
    let address = numbered(Kind::ElasticIp, NAT, number);
    let fields = ElasticIp { pool: ElasticIp::AMAZON.to_owned() };
    let reason = "is the public address of a NAT gateway, billed by the hour";
    lowering.imply(address.clone(), vpc, reason, fields);
    let gateway = numbered(Kind::NatGateway, NAT, number);
    let fields = NatGateway {
        vpc: id(vpc),
        subnet: id(&numbered(Kind::Subnet, PUBLIC, number)),
        address: Some(id(&address)),
    };
    let reason = match nat {
        Nat::One => "lets private subnets reach the internet, billed by the hour and by traffic",
        Nat::PerZone => {
            "lets the private subnet of its zone reach the internet, billed by the hour and by traffic"
        }
    };
    lowering.imply(gateway.clone(), vpc, reason, fields);
    let fields = RouteTable { vpc: id(vpc), routes: [(ANYWHERE.to_owned(), id(&gateway))].into() };
    lowering.imply(routing.clone(), vpc, "sends what leaves private subnets to a NAT gateway", fields);
}

/// Without a VPC of the stack's own, nothing says what it should be like.
fn check_none(lowering: &mut Lowering<'_>) {
    let table = &lowering.file.network;
    let given = [
        ("zones", table.zones.is_some()),
        ("public", !table.public.is_empty()),
        ("private", table.private.is_wanted()),
        ("nat", table.nat.is_some()),
        ("endpoints", !table.endpoints.is_empty()),
        ("tags", !table.tags.is_empty()),
        ("protect", table.protect),
    ];
    for (key, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
        lowering
            .report(&at(key), format!("`{key}` without a VPC of the stack's own"))
            .on_key()
            .help("`cidr = \"10.0.0.0/16\"` makes one");
    }
}

/// The zones, by name or as references to those that are chosen when the account is read.
fn zones(lowering: &mut Lowering<'_>) -> Vec<String> {
    let table = &lowering.file.network;
    let numbered = |count: usize| (1..=count).map(|number| format!("${{network.zone.{number}}}")).collect();
    match &table.zones {
        None => match (table.public.len(), table.private.blocks().len()) {
            (0, 0) => numbered(ZONES),
            (0, blocks) | (blocks, _) => numbered(blocks),
        },
        Some(Zones::Count(count)) => numbered(usize::try_from(*count).unwrap_or(ZONES)),
        Some(Zones::Names(names)) => {
            if names.is_empty() {
                lowering
                    .report(&at("zones"), "no availability zone")
                    .help("leave `zones` out for two of them");
            }
            for (index, name) in names.iter().enumerate() {
                check_zone(lowering, &at("zones").item(index), name, &names[..index]);
            }
            names.clone()
        }
    }
}

fn check_zone(lowering: &mut Lowering<'_>, place: &Place, name: &str, before: &[String]) {
    let (prefix, letter) = name.split_at_checked(name.len().saturating_sub(1)).unwrap_or_default();
    let is_region = lowering.region.map_or_else(|| regions::has_form(prefix), |region| prefix == region);
    if !is_region || !letter.bytes().all(|byte| byte.is_ascii_lowercase()) {
        let of = lowering.region.map(|region| format!(" of {region}")).unwrap_or_default();
        lowering
            .report(place, format!("`{name}` is not an availability zone{of}"))
            .help("zones are a region and a letter: `ap-northeast-2a`");
    } else if before.iter().any(|other| other == name) {
        lowering.report(place, format!("`{name}` is there twice"));
    }
}

/// Puts the stack's own network wherever something asks for the VPC that the stack lives in, or for its subnets: the public
/// ones, unless something lives in private ones.
pub(super) fn settle(lowering: &mut Lowering<'_>, outputs: &mut BTreeMap<String, String>) {
    if lowering.file.network.cidr.is_none() {
        return;
    }
    let vpc = id(&Address::new(Kind::Vpc, MAIN));
    let subnets = lowering.resources.keys().filter(|address| is_subnet_of(address, PUBLIC));
    let subnets: Vec<String> = subnets.map(id).collect();
    let resolve = |reference: &Reference| match reference {
        Reference::Fact(Fact::Vpc) => Resolved::One(vpc.clone()),
        Reference::Fact(Fact::Subnets) => Resolved::Many(subnets.clone()),
        _ => Resolved::Unknown,
    };
    for wanted in lowering.resources.values_mut() {
        // References are filled in once more, when they are known.
        let fields = reference::escaped_in(&wanted.resource.fields());
        let fields = reference::substitute(&fields, &resolve);
        wanted.resource = Resource::from_fields(wanted.resource.kind(), fields)
            .expect("strings stay strings, and lists lists, when references are filled in");
    }
    for text in outputs.values_mut() {
        *text = reference::substitute_text(&reference::escaped(text), &resolve);
    }
}
