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

/// The number, from 1, of the part at `address` if it is one of those called `group`.
fn number_in(address: &Address, group: &str) -> Option<usize> {
    let (name, number) = address.name().rsplit_once('-')?;
    number.parse().ok().filter(|number| name == group && *number > 0)
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
        let looks =
            [Self::known, Self::of_block, Self::of_subnet, Self::of_gateway, Self::own, Self::in_place];
        for look in looks {
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

    /// The stack's own gateway in the public subnet of the same number, or the table of the private one. Those stay with their
    /// subnet, whichever number it gets: what runs there goes on asking the internet, from the same address.
    fn of_subnet(&self, address: &Address) -> Option<usize> {
        self.wanted(address)?;
        let (group, subnets) = match address.kind() {
            Kind::NatGateway => (NAT, PUBLIC),
            Kind::RouteTable => (PRIVATE, PRIVATE),
            _ => return None,
        };
        let number = number_in(address, group)?;
        let subnet = &self.found[*self.claimed.get(&numbered(Kind::Subnet, subnets, number))?];
        let is_its = |live: &LiveResource| match (&live.resource, &subnet.resource) {
            (Resource::NatGateway(gateway), _) => gateway.subnet == subnet.id,
            (_, Resource::Subnet(subnet)) => subnet.route_table.as_ref() == Some(&live.id),
            _ => false,
        };
        let is_meant = |live: &LiveResource| {
            let same = self.is_own(live) && number_in(&live.address, group).is_some();
            same && self.is_within(live) && is_its(live)
        };
        let meant = self.free(address.kind()).filter(|(_, live)| is_meant(live));
        let best = meant.min_by_key(|(_, live)| (goes(live), live.address != *address, &live.id));
        best.map(|(index, _)| index)
    }

    /// The stack's own address that the gateway of the same number has.
    fn of_gateway(&self, address: &Address) -> Option<usize> {
        self.wanted(address).filter(|_| address.kind() == Kind::ElasticIp)?;
        let gateway = self.claimed.get(&Address::new(Kind::NatGateway, address.name()))?;
        let Resource::NatGateway(gateway) = &self.found[*gateway].resource else { return None };
        let has = |live: &LiveResource| self.is_own(live) && gateway.address.as_ref() == Some(&live.id);
        self.free(address.kind()).find(|(_, live)| has(live)).map(|(index, _)| index)
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
            (
                within != self.vpc,
                detached,
                goes(live),
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

/// Whether it is on its way out, or of no use.
const fn goes(live: &LiveResource) -> bool {
    !matches!(live.phase, Phase::Ready | Phase::Settling(_))
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
mod tests;
