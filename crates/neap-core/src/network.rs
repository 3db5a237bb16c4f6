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

/// The place in `found` of what stands at each desired address; nothing stands at two. `found` holds the parts of all networks
/// of the region, or those that are tagged as the stack's at least. A gateway that is attached to nothing is taken for one of
/// the VPC that is found, and `found` says so afterwards.
pub fn claim(desired: &Desired, found: &mut [LiveResource]) -> BTreeMap<Address, usize> {
    let main = Address::new(Kind::Vpc, MAIN);
    let claimed = Claims { desired, found, vpc: "", claimed: BTreeMap::new() }.make(&[&main]);
    let vpc = claimed.get(&main).map(|index| found[*index].id.clone()).unwrap_or_default();
    for live in &mut *found {
        if let Resource::InternetGateway(gateway) = &mut live.resource
            && !gateway.attached
        {
            gateway.vpc.clone_from(&vpc);
        }
    }
    let within: Vec<&Address> =
        desired.resources.keys().filter(|it| is_part(it.kind()) && **it != main).collect();
    Claims { desired, found, vpc: &vpc, claimed }.make(&within)
}

/// What stands at which address, as far as it is known.
struct Claims<'a> {
    desired: &'a Desired,
    found: &'a [LiveResource],
    /// The id of the network's VPC; empty where there is none.
    vpc: &'a str,
    claimed: BTreeMap<Address, usize>,
}

impl Claims<'_> {
    /// Claims what stands at `addresses`: what is surest comes first for all of them, so that none takes what is another's.
    fn make(mut self, addresses: &[&Address]) -> BTreeMap<Address, usize> {
        for look in [Self::known, Self::of_block, Self::own, Self::in_place] {
            for address in addresses {
                if !self.claimed.contains_key(*address)
                    && let Some(index) = look(&self, address)
                {
                    self.claimed.insert((*address).clone(), index);
                }
            }
        }
        self.claimed
    }

    /// What is of a kind and stands at no address yet.
    fn free(&self, kind: Kind) -> impl Iterator<Item = (usize, &LiveResource)> {
        let is_free = |index: &usize| !self.claimed.values().any(|taken| taken == index);
        let found = self.found.iter().enumerate().filter(move |(_, live)| live.kind() == kind);
        found.filter(move |(index, _)| is_free(index))
    }

    /// What the stack asks for at `address`; nothing where an id says what is to be found there.
    fn wanted(&self, address: &Address) -> Option<&Resource> {
        let is_known = self.desired.known_as.contains_key(address);
        self.desired.resources.get(address).map(|wanted| &wanted.resource).filter(|_| !is_known)
    }

    fn is_own(&self, live: &LiveResource) -> bool {
        live.is_of(&self.desired.stack)
    }

    fn is_within(&self, live: &LiveResource) -> bool {
        !self.vpc.is_empty() && placed(&live.resource) == (self.vpc, false)
    }

    /// What has the id that is looked for.
    fn known(&self, address: &Address) -> Option<usize> {
        let id = self.desired.known_as.get(address)?;
        self.free(address.kind()).find(|(_, live)| live.id == *id).map(|(index, _)| index)
    }

    /// The stack's own subnet of the same sort that has the desired block, whichever number it had: where one is named before
    /// the others, or no longer, those that stay are only counted anew.
    fn of_block(&self, address: &Address) -> Option<usize> {
        let wanted = block(self.wanted(address)?);
        let (group, _) = address.name().rsplit_once('-').filter(|_| address.kind() == Kind::Subnet)?;
        let is_meant = |live: &LiveResource| {
            let same = self.is_own(live) && is_subnet_of(&live.address, group);
            same && self.is_within(live) && block(&live.resource) == wanted
        };
        let mut subnets = self.free(Kind::Subnet).filter(|(_, live)| is_meant(live));
        subnets.next().map(|(index, _)| index)
    }

    /// Of what the stack's tags say stands at `address`, the one that is most like what is desired.
    fn own(&self, address: &Address) -> Option<usize> {
        let wanted = self.wanted(address)?;
        let own = self.free(address.kind()).filter(|(_, live)| self.is_own(live) && live.address == *address);
        // Of two addresses the one that a gateway has is meant: a request whose answer was lost may have got another.
        let is_idle = |live: &LiveResource| {
            let gateways = self.found.iter().filter_map(|it| match &it.resource {
                Resource::NatGateway(gateway) => gateway.address.as_deref(),
                _ => None,
            });
            live.kind() == Kind::ElasticIp && !gateways.into_iter().any(|address| address == live.id)
        };
        let best = own.min_by_key(|(_, live)| {
            let (within, detached) = placed(&live.resource);
            let goes = !matches!(live.phase, Phase::Ready | Phase::Settling(_));
            (
                within != self.vpc,
                detached,
                goes,
                block(&live.resource) != block(wanted),
                is_idle(live),
                &live.id,
            )
        });
        best.map(|(index, _)| index)
    }

    /// What has the place of what is desired and is not the stack's own at another desired address: a block is one subnet's,
    /// and a VPC has one gateway.
    fn in_place(&self, address: &Address) -> Option<usize> {
        let wanted = self.wanted(address)?;
        let is_elsewhere =
            |live: &LiveResource| self.is_own(live) && self.desired.resources.contains_key(&live.address);
        let has_place = |live: &LiveResource| {
            self.is_within(live) && !is_elsewhere(live) && block(&live.resource) == block(wanted)
        };
        let has_places = matches!(address.kind(), Kind::Subnet | Kind::InternetGateway);
        self.free(address.kind()).find(|(_, live)| has_places && has_place(live)).map(|(index, _)| index)
    }
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

    /// What stands at each address, where the network is live with a public subnet of each of these blocks, and `wanted` has
    /// subnets with these.
    #[track_caller]
    fn check_blocks(live_with: &[&str], wanted: &[(&str, &str)], expected: &[(&str, &str)]) {
        let mut desired = desired();
        let main = desired.resources[&"subnet.public-1".parse().expect("an address")].clone();
        desired.resources.retain(|address, _| address.kind() == Kind::Vpc);
        for (address, cidr) in wanted {
            let resource = in_vpc("${vpc.main.id}", cidr).into();
            let wanted = DesiredResource { resource, ..main.clone() };
            desired.resources.insert(address.parse().expect("an address"), wanted);
        }
        let mut found = vec![live("vpc-1", "vpc.main", "shop", vpc("10.0.0.0/16"))];
        for (number, cidr) in (1..).zip(live_with) {
            let at = format!("subnet.public-{number}");
            found.push(live(&format!("subnet-{number}"), &at, "shop", in_vpc("vpc-1", cidr)));
        }
        let claimed = claim(&desired, &mut found);
        let shown: BTreeMap<String, &str> =
            claimed.iter().map(|(address, index)| (address.to_string(), found[*index].id.as_str())).collect();
        let expected: BTreeMap<String, &str> =
            [("vpc.main", "vpc-1")].iter().chain(expected).map(|(at, id)| ((*at).to_owned(), *id)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_subnet_stands_at_one_address_alone() {
        let moved = [
            ("subnet.private-1", "10.0.0.0/24"),
            ("subnet.private-2", "10.0.1.0/24"),
            ("subnet.public-1", "10.0.8.0/24"),
            ("subnet.public-2", "10.0.9.0/24"),
        ];
        let expected = [("subnet.public-1", "subnet-1"), ("subnet.public-2", "subnet-2")];
        check_blocks(&["10.0.0.0/24", "10.0.1.0/24"], &moved, &expected);
        // One that is at no desired address any more may become another sort.
        check_blocks(&["10.0.0.0/24"], &moved[..1], &[("subnet.private-1", "subnet-1")]);
    }

    #[test]
    fn subnets_of_a_sort_keep_their_blocks_whichever_number_they_get() {
        let [zero, one, two] = ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"];
        let [first, second, third] = ["subnet.public-1", "subnet.public-2", "subnet.public-3"];
        let swapped = [(first, one), (second, zero)];
        check_blocks(&[zero, one], &swapped, &[(first, "subnet-2"), (second, "subnet-1")]);
        let fewer = [(first, one), (second, two)];
        check_blocks(&[zero, one, two], &fewer, &[(first, "subnet-2"), (second, "subnet-3")]);
        let more = [(first, zero), (second, one), (third, two)];
        check_blocks(&[one, two], &more, &[(second, "subnet-1"), (third, "subnet-2")]);
        let other = [(first, one), (second, two)];
        check_blocks(&[zero, one], &other, &[(first, "subnet-2")]);
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
