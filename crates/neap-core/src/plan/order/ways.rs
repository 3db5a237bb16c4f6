//! Ways out of private subnets: NAT gateways with the routes to them, and endpoints.
//!
//! Decides what waits where a way is taken away, so that whatever runs there is never without one. AWS enforces none of it, so all
//! of it gives way. Must not know how a stack chooses its ways.

use super::{Builder, Strength};
use crate::address::{Address, Kind};
use crate::network;
use crate::plan::world::Node;
use crate::plan::{Action, Need, StepId};

impl<'b> Builder<'b> {
    /// Taking a way out away waits for those that take its place in the same VPC, and for what leaves the subnets behind it.
    pub(super) fn stays_connected(&mut self, index: usize) {
        let decision = &self.decisions[index];
        let Some(node) = decision.node else { return };
        let cut = match (decision.kind(), decision.action) {
            (Kind::NatGateway | Kind::VpcEndpoint, Action::Delete) => self.deleting[index],
            // It may leave tables that subnets still use.
            (Kind::VpcEndpoint, Action::Update) => self.making[index],
            (Kind::RouteTable | Kind::Subnet, Action::Update)
                if self.led_to_nat(node) && !self.leads_to_nat(&decision.address) =>
            {
                self.making[index]
            }
            _ => return,
        };
        let within = |other: &usize| {
            let filled = self.decisions[*other].filled.as_ref();
            let vpc = network::placed(&self.world.nodes[node].resource).0;
            filled.is_some_and(|filled| network::placed(&filled.resource).0 == vpc)
        };
        let takes_its_place = |other: &usize| {
            let address = &self.decisions[*other].address;
            match (decision.kind(), address.kind()) {
                (Kind::VpcEndpoint, Kind::RouteTable | Kind::Subnet) => self.leads_to_nat(address),
                (Kind::NatGateway, Kind::RouteTable | Kind::Subnet)
                | (Kind::NatGateway | Kind::RouteTable | Kind::Subnet, Kind::VpcEndpoint) => true,
                _ => false,
            }
        };
        let ways: Vec<usize> = (0..self.decisions.len()).filter(takes_its_place).filter(within).collect();
        for way in ways {
            self.edge(self.making[way], cut, Need::Ready, Strength::Smooth);
        }
        if matches!(decision.kind(), Kind::RouteTable | Kind::Subnet) {
            self.leaves(node, cut);
        }
    }

    /// A NAT gateway is made when what leads out of its subnet is there again, although the subnet is as it should be: AWS asks for it
    /// (`Gateway.NotAttached`).
    pub(super) fn leads_out(&mut self, index: usize) {
        let gateway = &self.decisions[index];
        if gateway.kind() != Kind::NatGateway {
            return;
        }
        let of_kind = |address: &'b Address, kind: Kind| -> Vec<&'b Address> {
            self.wishes.of(address).filter(|used| used.kind() == kind).collect()
        };
        let subnets = self.wishes.of(&gateway.address).filter(|used| used.kind() == Kind::Subnet);
        let tables: Vec<&Address> = subnets.flat_map(|subnet| of_kind(subnet, Kind::RouteTable)).collect();
        let attached = tables.iter().flat_map(|table| of_kind(table, Kind::InternetGateway));
        for way in tables.iter().copied().chain(attached).collect::<Vec<_>>() {
            let way = self.at.get(way).and_then(|at| self.making[*at]);
            self.edge(way, self.making[index], Need::Ready, Strength::Enforced);
        }
    }

    /// What runs in the subnets of the live `node`, a subnet or the table of some, leaves before `cut`.
    fn leaves(&mut self, node: Node, cut: Option<StepId>) {
        for user in self.users.get(&node).cloned().unwrap_or_default() {
            let user_of = &self.decisions[user];
            match (user_of.kind(), user_of.node) {
                (Kind::Subnet, Some(subnet)) => self.leaves(subnet, cut),
                (Kind::Service | Kind::AutoScalingGroup, _) => {
                    self.edge(self.deleting[user], cut, Need::Gone, Strength::Smooth);
                    if user_of.action == Action::Update {
                        self.edge(self.making[user], cut, Need::Ready, Strength::Smooth);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether routes of the live `node`, a subnet or a table, lead to a NAT gateway.
    fn led_to_nat(&self, node: Node) -> bool {
        self.world.links(node).iter().any(|used| match self.world.nodes[*used].kind() {
            Kind::NatGateway => true,
            Kind::RouteTable => self.led_to_nat(*used),
            _ => false,
        })
    }

    /// Whether routes of the desired subnet or table at `address` lead to a NAT gateway.
    fn leads_to_nat(&self, address: &Address) -> bool {
        self.wishes.of(address).any(|used| match used.kind() {
            Kind::NatGateway => true,
            Kind::RouteTable => self.leads_to_nat(used),
            _ => false,
        })
    }
}
