//! Which subnets something lives in.
//!
//! Decides that by what the internet must reach and what must reach the internet, unless the stack says otherwise. Must not know
//! how subnets are made.

use std::collections::BTreeSet;

use super::context::Lowering;
use super::place::Place;
use super::stack::is_id;
use super::vpc::id;
use crate::address::{Address, Kind};
use crate::config::shape::{Scheme, StackFile, SubnetGroup, Subnets};
use crate::network::{PRIVATE, is_subnet_of};

/// The subnets of a load balancer: those that are named, or of the VPC's own the ones that its clients are near.
pub(super) fn of_balancer(
    lowering: &mut Lowering<'_>,
    place: &Place,
    subnets: &Subnets,
    scheme: Scheme,
) -> BTreeSet<String> {
    let group = group_of_balancer(lowering.file, subnets, scheme);
    if subnets.group() == Some(SubnetGroup::Private) && scheme == Scheme::InternetFacing {
        lowering
            .report(place, "the internet reaches nothing in private subnets")
            .help("set `scheme = \"internal\"`, or leave `subnets` out for the public ones");
    }
    chosen(lowering, place, subnets, group)
}

/// The sort of subnets in which a load balancer is whose subnets nobody names: an internal one is in the private ones, if
/// there are any.
pub(super) fn group_of_balancer(file: &StackFile, subnets: &Subnets, scheme: Scheme) -> SubnetGroup {
    let private = scheme == Scheme::Internal && file.network.private.is_wanted();
    subnets.group().unwrap_or(if private { SubnetGroup::Private } else { SubnetGroup::Public })
}

/// The subnets of tasks or instances: those that are named, or of the VPC's own the private ones, if they have a NAT gateway.
pub(super) fn of_tasks(lowering: &mut Lowering<'_>, place: &Place, subnets: &Subnets) -> BTreeSet<String> {
    let group = group_of_tasks(lowering.file, subnets);
    chosen(lowering, place, subnets, group)
}

/// The sort of subnets in which tasks or instances are whose subnets nobody names. Without a NAT gateway they reach the internet,
/// and most of them their image, from public ones alone.
pub(super) fn group_of_tasks(file: &StackFile, subnets: &Subnets) -> SubnetGroup {
    let has_way = file.network.private.is_wanted() && file.network.nat.is_some();
    subnets.group().unwrap_or(if has_way { SubnetGroup::Private } else { SubnetGroup::Public })
}

/// The sort of subnets of the stack's own VPC in which tasks or instances are; none in subnets of which nobody here knows the routes.
pub(super) fn own_group(file: &StackFile, subnets: &Subnets) -> Option<SubnetGroup> {
    let own = file.network.cidr.is_some() && subnets.ids().is_empty();
    own.then(|| group_of_tasks(file, subnets))
}

/// Whether tasks or instances are in private subnets of the stack's own VPC.
fn are_private(file: &StackFile, subnets: &Subnets) -> bool {
    own_group(file, subnets) == Some(SubnetGroup::Private)
}

/// Whether tasks or instances get a public address: as the stack says, or else where they cannot do without.
pub(super) fn public_ip(
    lowering: &mut Lowering<'_>,
    place: &Place,
    subnets: &Subnets,
    wanted: Option<bool>,
) -> bool {
    let private = are_private(lowering.file, subnets);
    if private && wanted == Some(true) {
        lowering
            .report(place, "a public address leads nowhere in private subnets")
            .help("leave `public_ip` out, or set `subnets = \"public\"`");
    }
    wanted.unwrap_or(!private)
}

/// What must be there before tasks or instances in private subnets can start: their way out with its routes, or the endpoints in
/// its place.
pub(super) fn ways_out(lowering: &Lowering<'_>, subnets: &Subnets) -> BTreeSet<Address> {
    if !are_private(lowering.file, subnets) {
        return BTreeSet::new();
    }
    let resources = lowering.resources.keys();
    let is_way = |kind: Kind| matches!(kind, Kind::NatGateway | Kind::RouteTable | Kind::VpcEndpoint);
    resources.filter(|address| is_way(address.kind())).cloned().collect()
}

fn chosen(
    lowering: &mut Lowering<'_>,
    place: &Place,
    subnets: &Subnets,
    group: SubnetGroup,
) -> BTreeSet<String> {
    check_group(lowering, place, subnets);
    let own = lowering.resources.keys().filter(|address| is_subnet_of(address, PRIVATE));
    let own: BTreeSet<String> = own.map(id).collect();
    match (subnets.ids(), group) {
        ([], SubnetGroup::Private) if !own.is_empty() => own,
        ([], _) => ["${network.subnets}".to_owned()].into(),
        (ids, _) => named(lowering, place, ids),
    }
}

fn check_group(lowering: &mut Lowering<'_>, place: &Place, subnets: &Subnets) {
    let Some(group) = subnets.group() else { return };
    let (network, word) = (&lowering.file.network, group.as_str());
    if network.cidr.is_none() {
        lowering
            .report(place, format!("`{word}` without a VPC of the stack's own"))
            .help("name the subnets by their ids, or leave `subnets` out");
    } else if group == SubnetGroup::Private && !network.private.is_wanted() {
        lowering
            .report(place, "the VPC has no private subnets")
            .help("`[network] private = true` makes them");
    }
}

fn named(lowering: &mut Lowering<'_>, place: &Place, ids: &[String]) -> BTreeSet<String> {
    for (index, id) in ids.iter().enumerate() {
        if !is_id(id, "subnet-") && !id.starts_with("${") {
            lowering
                .report(&place.item(index), format!("`{id}` is not the id of a subnet"))
                .help("ids read like `subnet-0abc123`");
        }
    }
    lowering.list(place, ids).into_iter().collect()
}
