//! A VPC of the stack's own: its blocks of addresses, its zones, and its way to the internet.
//!
//! Decides which subnets there are, and puts them where everything else asks for the network. Must not know which zones the
//! account can use.

use std::collections::BTreeMap;

use super::context::{Common, Lowering};
use super::place::{Place, quoted};
use super::stack::is_region;
use crate::address::{Address, Kind};
use crate::cidr::{Block, NoBlock};
use crate::config::shape::Zones;
use crate::kinds::{InternetGateway, Resource, RouteTable, Subnet, Vpc};
use crate::network::{self, MAIN, PUBLIC};
use crate::reference::{self, Fact, Reference, Resolved};

/// What a block of a VPC or of a subnet may be long ("VPC CIDR blocks" of the VPC guide).
const LENGTHS: std::ops::RangeInclusive<u8> = 16..=28;
/// The smallest subnet in which AWS puts a load balancer ("Subnets for your load balancer").
const BALANCED: u8 = 27;
/// In how many zones a network is that does not say.
const ZONES: usize = 2;
/// Everywhere.
const ANYWHERE: &str = "0.0.0.0/0";

/// The place of a key of `[network]`.
fn at(key: &str) -> Place {
    Place::of("network", key)
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
    let zones = zones(lowering);
    check_balancers(lowering, &zones);
    let Some(whole) = block(lowering, &at("cidr"), cidr) else { return };
    let Some(blocks) = blocks(lowering, whole, zones.len()) else { return };
    let vpc = Address::new(Kind::Vpc, MAIN);
    let common = Common { tags: &table.tags, protect: table.protect, name: None };
    let fields = Vpc { cidr: whole.to_string(), dns_support: true, dns_hostnames: true };
    lowering.declare(vpc.clone(), &Place::table("network"), &common, fields);
    let id = reference::output(&vpc, "id");
    let gateway = Address::new(Kind::InternetGateway, MAIN);
    let fields = InternetGateway { vpc: id.clone(), attached: true };
    lowering.imply(gateway.clone(), &vpc, "leads to the internet", fields);
    let routes = [(ANYWHERE.to_owned(), reference::output(&gateway, "id"))].into();
    let routing = Address::new(Kind::RouteTable, PUBLIC);
    let fields = RouteTable { vpc: id.clone(), routes };
    lowering.imply(routing.clone(), &vpc, "sends what leaves the VPC to its internet gateway", fields);
    for (number, (zone, block)) in (1..).zip(zones.into_iter().zip(blocks)) {
        let fields = Subnet {
            vpc: id.clone(),
            cidr: block.to_string(),
            zone,
            public_ip: true,
            route_table: Some(reference::output(&routing, "id")),
        };
        let address = network::subnet(PUBLIC, number);
        lowering.imply(address, &vpc, "has what the internet reaches, in one availability zone", fields);
    }
}

/// Without a VPC of the stack's own, nothing says what it should be like.
fn check_none(lowering: &mut Lowering<'_>) {
    let table = &lowering.file.network;
    let given = [
        ("zones", table.zones.is_some()),
        ("public", !table.public.is_empty()),
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
        None if table.public.is_empty() => numbered(ZONES),
        None => numbered(table.public.len()),
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
    let is_region = lowering.region.map_or_else(|| is_region(prefix), |region| prefix == region);
    if !is_region || !letter.bytes().all(|byte| byte.is_ascii_lowercase()) {
        let of = lowering.region.map(|region| format!(" of {region}")).unwrap_or_default();
        lowering
            .report(place, format!("`{name}` is not an availability zone{of}"))
            .help("zones are a region and a letter: `ap-northeast-2a`");
    } else if before.iter().any(|other| other == name) {
        lowering.report(place, format!("`{name}` is there twice"));
    }
}

/// A load balancer is in two zones at least.
fn check_balancers(lowering: &mut Lowering<'_>, zones: &[String]) {
    let file = lowering.file;
    let inside = file.alb.iter().filter(|(_, table)| table.subnets.is_empty());
    let names: Vec<String> = inside.map(|(name, _)| format!("alb.{name}")).collect();
    if zones.len() == 1 && !names.is_empty() {
        let place = if file.network.zones.is_some() { at("zones") } else { at("public") };
        lowering
            .report(&place, format!("one availability zone, and {} needs two at least", quoted(&names)))
            .help("AWS puts a load balancer into two zones or more");
    }
    if !names.is_empty() {
        for (index, text) in file.network.public.iter().enumerate() {
            if text.parse::<Block>().is_ok_and(|block| block.length() > BALANCED) {
                let message = format!("too small for {}: AWS wants a `/{BALANCED}` at least", quoted(&names));
                lowering.report(&at("public").item(index), message);
            }
        }
    }
}

/// The block that a text means.
fn block(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> Option<Block> {
    match text.parse::<Block>() {
        Ok(block) if LENGTHS.contains(&block.length()) => Some(block),
        Ok(_) => {
            lowering
                .report(place, format!("`{text}` is too large or too small"))
                .help("AWS takes blocks of `/16` to `/28`");
            None
        }
        Err(NoBlock::Unmasked(block)) => {
            lowering
                .report(place, format!("`{text}` has bits outside its mask"))
                .help(format!("the block that holds it is `{block}`"));
            None
        }
        Err(NoBlock::Malformed) => {
            lowering
                .report(place, format!("`{text}` is not a block of IPv4 addresses"))
                .help("blocks read like `10.0.0.0/16`");
            None
        }
    }
}

/// The blocks of the subnets in so many zones, as they are named or as parts of the VPC's.
fn blocks(lowering: &mut Lowering<'_>, whole: Block, zones: usize) -> Option<Vec<Block>> {
    let texts = &lowering.file.network.public;
    if texts.is_empty() {
        return computed(lowering, whole, zones);
    }
    if texts.len() != zones {
        lowering.report(
            &at("public"),
            format!("{} subnets in {zones} availability zones; there is one in each", texts.len()),
        );
    }
    let mut blocks: Vec<Block> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let place = at("public").item(index);
        let block = block(lowering, &place, text)?;
        if !whole.contains(block) {
            lowering.report(&place, format!("`{text}` is outside of the VPC, `{whole}`"));
        } else if let Some(other) = blocks.iter().find(|other| other.overlaps(block)) {
            lowering.report(&place, format!("`{text}` overlaps with `{other}`"));
        }
        blocks.push(block);
    }
    Some(blocks)
}

/// A sixteenth of the VPC for each, as long as that is enough for a load balancer.
fn computed(lowering: &mut Lowering<'_>, whole: Block, zones: usize) -> Option<Vec<Block>> {
    let length = (whole.length() + 4).min(BALANCED).max(whole.length());
    let parts: Option<Vec<Block>> =
        (0..zones).map(|zone| whole.part(length, u32::try_from(zone).ok()?)).collect();
    if parts.is_none() {
        lowering
            .report(&at("cidr"), format!("`{whole}` has no room for {zones} subnets of `/{length}`"))
            .help("take a larger block, or name those of the subnets: `public = […]`");
    }
    parts
}

/// Puts the stack's own network wherever something asks for the VPC that the stack lives in, or for its subnets.
pub(super) fn settle(lowering: &mut Lowering<'_>, outputs: &mut BTreeMap<String, String>) {
    if lowering.file.network.cidr.is_none() {
        return;
    }
    let id = |address: &Address| reference::output(address, "id");
    let vpc = id(&Address::new(Kind::Vpc, MAIN));
    let subnets = lowering.resources.keys().filter(|address| address.kind() == Kind::Subnet);
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
