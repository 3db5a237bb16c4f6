//! A network of the stack's own: which of the live parts of networks are its, and which availability zones it is in.
//!
//! Nothing but tags tells whose a VPC, a gateway, a table or a subnet is, and several may carry the same ones: while one takes
//! another's place, or after a create whose answer was lost. Decides which of them is meant. Must not know how they are read.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::{Address, Kind};
use crate::desired::{Desired, DesiredResource};
use crate::kinds::Resource;
use crate::live::{LiveResource, Phase, Reading};
use crate::reference::{Fact, Reference};

/// The name of the VPC and of its internet gateway.
pub const MAIN: &str = "main";
/// What the public subnets are called, and their route table.
pub const PUBLIC: &str = "public";
/// What the private subnets are called, and their route tables.
pub const PRIVATE: &str = "private";
/// What NAT gateways are called, and their addresses.
pub const NAT: &str = "nat";

/// Whether resources of `kind` are parts of a network.
pub const fn is_part(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Vpc
            | Kind::InternetGateway
            | Kind::ElasticIp
            | Kind::NatGateway
            | Kind::RouteTable
            | Kind::Subnet
            | Kind::VpcEndpoint
    )
}

/// The address of the part number `number`, from 1, of those of `kind` called `group`: each number is one availability zone.
pub fn numbered(kind: Kind, group: &str, number: usize) -> Address {
    Address::new(kind, &format!("{group}-{number}"))
}

/// Whether the subnet at `address` is one of those called `group`.
pub fn is_subnet_of(address: &Address, group: &str) -> bool {
    let name = address.name().rsplit_once('-').map(|(name, _)| name);
    address.kind() == Kind::Subnet && name == Some(group)
}

/// The number of the zone of the subnet at `address`.
fn number(address: &Address) -> Option<usize> {
    let (_, number) = address.name().rsplit_once('-').filter(|_| address.kind() == Kind::Subnet)?;
    number.parse().ok().filter(|number| *number > 0)
}

/// Whether `desired` has a network of its own.
pub fn is_declared(desired: &Desired) -> bool {
    desired.resources.keys().any(|address| is_part(address.kind()))
}

/// Whether `desired` leaves the choice of availability zones to neap.
pub fn needs_zones(desired: &Desired) -> bool {
    let mut references = desired.resources.values().flat_map(DesiredResource::references);
    references.any(|(_, reference)| matches!(reference, Reference::Fact(Fact::Zone(_))))
}

/// The place in `found` of what stands at each desired address. `found` holds the parts of all networks of the region, or
/// those that are tagged as the stack's at least. A gateway that is attached to nothing is taken for one of the VPC that is
/// found, and `found` says so afterwards.
pub fn claim(desired: &Desired, found: &mut [LiveResource]) -> BTreeMap<Address, usize> {
    let main = Address::new(Kind::Vpc, MAIN);
    let vpc = choose(desired, found, &main, "");
    let vpc_id = vpc.map(|index| found[index].id.clone()).unwrap_or_default();
    for live in &mut *found {
        if let Resource::InternetGateway(gateway) = &mut live.resource
            && !gateway.attached
        {
            gateway.vpc.clone_from(&vpc_id);
        }
    }
    let addresses = desired.resources.keys().filter(|address| is_part(address.kind()));
    addresses
        .filter_map(|address| {
            let index = if *address == main { vpc } else { choose(desired, found, address, &vpc_id) };
            Some((address.clone(), index?))
        })
        .collect()
}

/// What stands at `address`: of the stack's own the one that is most like what is desired, else whatever has its place.
fn choose(desired: &Desired, found: &[LiveResource], address: &Address, vpc: &str) -> Option<usize> {
    let wanted = &desired.resources.get(address)?.resource;
    let of_kind = || found.iter().enumerate().filter(|(_, live)| live.kind() == address.kind());
    if let Some(id) = desired.known_as.get(address) {
        return of_kind().find(|(_, live)| live.id == *id).map(|(index, _)| index);
    }
    let is_own = |live: &LiveResource| live.is_of(&desired.stack) && live.address == *address;
    let own = of_kind().filter(|(_, live)| is_own(live));
    // Of two addresses the one that a gateway has is meant: a request whose answer was lost may have got another.
    let is_idle = |live: &LiveResource| {
        let gateways = found.iter().filter_map(|it| match &it.resource {
            Resource::NatGateway(gateway) => gateway.address.as_deref(),
            _ => None,
        });
        live.kind() == Kind::ElasticIp && !gateways.into_iter().any(|address| address == live.id)
    };
    let best = own.min_by_key(|(_, live)| {
        let (within, detached) = placed(&live.resource);
        let goes = !matches!(live.phase, Phase::Ready | Phase::Settling(_));
        (within != vpc, detached, goes, block(&live.resource) != block(wanted), is_idle(live), &live.id)
    });
    // A block is one subnet's, and a VPC has one gateway.
    let in_place = || {
        let has_place = |live: &LiveResource| {
            let (within, detached) = placed(&live.resource);
            within == vpc && !detached && block(&live.resource) == block(wanted)
        };
        let has_places = matches!(address.kind(), Kind::Subnet | Kind::InternetGateway) && !vpc.is_empty();
        of_kind().filter(|_| has_places).find(|(_, live)| has_place(live))
    };
    best.or_else(in_place).map(|(index, _)| index)
}

/// The id of the VPC that it is in, and whether it is in none yet.
pub(crate) fn placed(resource: &Resource) -> (&str, bool) {
    match resource {
        Resource::InternetGateway(gateway) => (&gateway.vpc, !gateway.attached),
        Resource::RouteTable(table) => (&table.vpc, false),
        Resource::Subnet(subnet) => (&subnet.vpc, false),
        Resource::NatGateway(gateway) => (&gateway.vpc, false),
        Resource::VpcEndpoint(endpoint) => (&endpoint.vpc, false),
        _ => ("", false),
    }
}

/// Its block of addresses.
fn block(resource: &Resource) -> &str {
    match resource {
        Resource::Vpc(vpc) => &vpc.cidr,
        Resource::Subnet(subnet) => &subnet.cidr,
        _ => "",
    }
}

/// The availability zones of the network, by number: those that its live subnets are in, and for the others the first of
/// `available` that are not taken. So nothing moves when AWS opens or closes a zone.
pub fn zones(available: &[String], readings: &BTreeMap<Address, Reading>) -> Vec<String> {
    let mut kept: BTreeMap<usize, String> = BTreeMap::new();
    for (address, reading) in readings {
        if let (Some(number), Reading::Present(live)) = (number(address), reading)
            && let Resource::Subnet(subnet) = &live.resource
        {
            kept.entry(number).or_insert_with(|| subnet.zone.clone());
        }
    }
    let taken: BTreeSet<&String> = kept.values().collect();
    let mut free = available.iter().filter(|zone| !taken.contains(zone));
    let last = kept.last_key_value().map_or(0, |(number, _)| *number);
    let mut zones = Vec::new();
    // A gap that nothing is left for ends the list: there are not so many zones.
    while let Some(zone) = kept.get(&(zones.len() + 1)).or_else(|| free.next()) {
        zones.push(zone.clone());
        if zones.len() >= last && zones.len() >= available.len() {
            break;
        }
    }
    zones
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{TAG_ADDRESS, TAG_STACK};
    use crate::kinds::{ElasticIp, InternetGateway, KindOf, NatGateway, Subnet, Vpc};
    use crate::live::Outputs;

    fn live(id: &str, address: &str, stack: &str, resource: impl Into<Resource>) -> LiveResource {
        let tags = [(TAG_STACK, stack), (TAG_ADDRESS, address)];
        LiveResource {
            address: address.parse().expect("an address"),
            id: id.to_owned(),
            resource: resource.into(),
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            outputs: Outputs::new(),
            phase: Phase::Ready,
        }
    }

    fn vpc(cidr: &str) -> Vpc {
        Vpc { cidr: cidr.into(), ..Vpc::example() }
    }

    fn in_vpc(vpc: &str, cidr: &str) -> Subnet {
        Subnet { vpc: vpc.into(), cidr: cidr.into(), ..Subnet::example() }
    }

    fn gateway(vpc: &str) -> InternetGateway {
        InternetGateway { vpc: vpc.into(), attached: !vpc.is_empty() }
    }

    fn desired() -> Desired {
        let wanted = |resource: Resource| DesiredResource {
            resource,
            tags: BTreeMap::new(),
            implied: None,
            protect: false,
            delete_first: false,
            owned_elsewhere: [].into(),
            after: [].into(),
        };
        let main = "${vpc.main.id}";
        let resources = [
            ("vpc.main", wanted(vpc("10.0.0.0/16").into())),
            ("internet_gateway.main", wanted(gateway(main).into())),
            ("subnet.public-1", wanted(in_vpc(main, "10.0.0.0/20").into())),
            ("elastic_ip.nat-1", wanted(ElasticIp::example().into())),
        ];
        let resources = resources.map(|(address, it)| (address.parse().expect("an address"), it));
        Desired { stack: "shop".into(), resources: resources.into(), ..Desired::default() }
    }

    /// What stands at each address: its id.
    #[track_caller]
    fn check(mut found: Vec<LiveResource>, expected: &[(&str, &str)]) {
        let claimed = claim(&desired(), &mut found);
        let shown: Vec<(String, &str)> =
            claimed.iter().map(|(address, index)| (address.to_string(), found[*index].id.as_str())).collect();
        let shown: Vec<(&str, &str)> = shown.iter().map(|(address, id)| (address.as_str(), *id)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn tags_tell_whose_the_parts_of_a_network_are() {
        let others = live("vpc-9", "vpc.main", "blog", vpc("10.0.0.0/16"));
        check(vec![others.clone()], &[]);
        let own = live("vpc-1", "vpc.main", "shop", vpc("10.9.0.0/16"));
        check(vec![others, own], &[("vpc.main", "vpc-1")]);
    }

    #[test]
    fn of_two_addresses_the_one_that_a_gateway_has_is_meant() {
        let used = NatGateway { vpc: "vpc-1".into(), address: Some("eip-2".into()), ..NatGateway::example() };
        let found = vec![
            live("eip-1", "elastic_ip.nat-1", "shop", ElasticIp::example()),
            live("eip-2", "elastic_ip.nat-1", "shop", ElasticIp::example()),
            live("nat-1", "nat_gateway.nat-1", "shop", used),
        ];
        check(found, &[("elastic_ip.nat-1", "eip-2")]);
    }

    #[test]
    fn of_two_networks_the_one_with_the_desired_block_is_meant_with_all_that_is_in_it() {
        let found = vec![
            live("igw-1", "internet_gateway.main", "shop", gateway("vpc-1")),
            live("igw-2", "internet_gateway.main", "shop", gateway("vpc-2")),
            live("subnet-1", "subnet.public-1", "shop", in_vpc("vpc-1", "10.9.0.0/20")),
            live("subnet-2", "subnet.public-1", "shop", in_vpc("vpc-2", "10.0.0.0/20")),
            live("vpc-1", "vpc.main", "shop", vpc("10.9.0.0/16")),
            live("vpc-2", "vpc.main", "shop", vpc("10.0.0.0/16")),
        ];
        check(
            found,
            &[("vpc.main", "vpc-2"), ("internet_gateway.main", "igw-2"), ("subnet.public-1", "subnet-2")],
        );
    }

    #[test]
    fn a_gateway_that_is_attached_to_nothing_is_the_vpcs_own_unless_another_is_attached() {
        let vpc = live("vpc-1", "vpc.main", "shop", vpc("10.0.0.0/16"));
        let attached = live("igw-2", "internet_gateway.main", "shop", gateway("vpc-1"));
        let mut found = vec![live("igw-1", "internet_gateway.main", "shop", gateway("")), vpc];
        let claimed = claim(&desired(), &mut found);
        let address = "internet_gateway.main".parse().expect("an address");
        let expected = InternetGateway { vpc: "vpc-1".into(), attached: false };
        assert_eq!(found[claimed[&address]].resource, expected.into());
        found.push(attached);
        check(found, &[("vpc.main", "vpc-1"), ("internet_gateway.main", "igw-2")]);
    }

    #[test]
    fn somebody_elses_subnet_with_the_same_block_is_in_the_way_and_so_is_a_gateway() {
        let own = live("vpc-1", "vpc.main", "shop", vpc("10.0.0.0/16"));
        let other = live("subnet-9", "subnet.public-1", "blog", in_vpc("vpc-1", "10.0.0.0/20"));
        check(vec![own.clone(), other], &[("vpc.main", "vpc-1"), ("subnet.public-1", "subnet-9")]);
        let other = live("igw-9", "internet_gateway.main", "blog", gateway("vpc-1"));
        check(vec![own, other], &[("vpc.main", "vpc-1"), ("internet_gateway.main", "igw-9")]);
    }

    /// The zones by number, where `live` subnets are in these.
    #[track_caller]
    fn check_zones(available: &[&str], live_in: &[(&str, &str)], expected: &[&str]) {
        let available: Vec<String> = available.iter().map(|zone| (*zone).to_owned()).collect();
        let reading = |(address, zone): &(&str, &str)| {
            let subnet = Subnet { zone: (*zone).to_owned(), ..Subnet::example() };
            let live = live("subnet-1", address, "shop", subnet);
            (live.address.clone(), Reading::Present(Box::new(live)))
        };
        let readings = live_in.iter().map(reading).collect();
        assert_eq!(zones(&available, &readings), expected);
    }

    #[test]
    fn new_subnets_get_the_first_zones_and_live_ones_keep_theirs() {
        check_zones(&["a", "b", "c"], &[], &["a", "b", "c"]);
        check_zones(&["a", "b", "c"], &[("subnet.public-1", "b")], &["b", "a", "c"]);
        check_zones(&["a", "b", "c"], &[("subnet.public-2", "a")], &["b", "a", "c"]);
        check_zones(&["a", "b"], &[("subnet.public-1", "z"), ("subnet.private-2", "a")], &["z", "a"]);
        check_zones(&["a"], &[], &["a"]);
        check_zones(&[], &[], &[]);
    }
}
