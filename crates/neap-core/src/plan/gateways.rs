//! NAT gateways that stay where they are, and those that cannot.
//!
//! Decides which subnet the only gateway of a network stands in, and which addresses are exchanged along with their gateways: an
//! address is in one gateway at a time, and private subnets would be without a way out between two with the same. Must not
//! know steps.

use std::collections::BTreeMap;

use super::Action;
use super::decide::Decision;
use super::wishes::Wishes;
use super::world::World;
use crate::address::{Address, Kind};
use crate::desired::Desired;
use crate::kinds::Resource;
use crate::network::{PUBLIC, is_subnet_of};

/// The only gateway of a network serves all private subnets from whichever public one it is in: it stays there as long as that
/// does, by `stays` the id of what is live at an address and stays.
pub(super) fn stay<'w>(
    filled: &mut Resource,
    live: &Resource,
    desired: &Desired,
    stays: impl Fn(&Address) -> Option<&'w str>,
) {
    let (Resource::NatGateway(filled), Resource::NatGateway(live)) = (filled, live) else { return };
    let gateways = desired.resources.keys().filter(|address| address.kind() == Kind::NatGateway);
    let mut public = desired.resources.keys().filter(|address| is_subnet_of(address, PUBLIC));
    if gateways.count() == 1 && public.any(|address| stays(address) == Some(live.subnet.as_str())) {
        filled.subnet.clone_from(&live.subnet);
    }
}

/// The addresses of gateways that are made beside their predecessors, each with its gateway.
pub(super) fn moved(decisions: &[Decision<'_>], wishes: &Wishes<'_>) -> BTreeMap<Address, Address> {
    let beside = decisions
        .iter()
        .filter(|it| it.kind() == Kind::NatGateway && it.action == Action::CreateThenDelete)
        .map(|it| &it.address);
    let with = |gateway: &Address| {
        let addresses = wishes.of(gateway).filter(|used| used.kind() == Kind::ElasticIp);
        addresses.map(|address| (address.clone(), gateway.clone())).collect::<Vec<_>>()
    };
    beside.flat_map(with).collect()
}

/// What whoever reads the plan must know: others may have the address on their lists.
pub(super) fn warnings(decisions: &[Decision<'_>], world: &World<'_>) -> Vec<String> {
    let exchanged =
        decisions.iter().filter(|it| it.kind() == Kind::ElasticIp && it.action == Action::CreateThenDelete);
    let warning = |decision: &Decision<'_>| {
        let ip = world.nodes[decision.node?].outputs.get("public_ip")?;
        let address = &decision.address;
        Some(format!(
            "private subnets leave {ip} (`{address}`) for a new address, since its NAT gateway's subnet does not stay: whoever lets \
             in {ip} alone must let in `${{{address}.public_ip}}` too, which is known after apply"
        ))
    };
    exchanged.filter_map(warning).collect()
}
