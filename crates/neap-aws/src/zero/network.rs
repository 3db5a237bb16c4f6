//! VPCs, what is in them and what leads out of them.

use aws_sdk_ec2::types as sdk;
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Seen, Thing};
use tokio::join;

use super::{Part, tags};
use crate::client::Aws;
use crate::error::failed;

/// Looks at every VPC, gateway, address, route table, subnet and endpoint of the region.
pub(super) async fn look(aws: &Aws) -> Part {
    let (vpcs, gateways, tables, subnets) = join!(
        aws.ec2.describe_vpcs().into_paginator().items().send().try_collect(),
        aws.ec2.describe_internet_gateways().into_paginator().items().send().try_collect(),
        aws.ec2.describe_route_tables().into_paginator().items().send().try_collect(),
        aws.ec2.describe_subnets().into_paginator().items().send().try_collect(),
    );
    let mut part = Box::pin(ways_out(aws)).await;
    let vpcs: Vec<sdk::Vpc> = part.take(vpcs.map_err(failed("ec2:DescribeVpcs")));
    let gateways: Vec<sdk::InternetGateway> =
        part.take(gateways.map_err(failed("ec2:DescribeInternetGateways")));
    let tables: Vec<sdk::RouteTable> = part.take(tables.map_err(failed("ec2:DescribeRouteTables")));
    let subnets: Vec<sdk::Subnet> = part.take(subnets.map_err(failed("ec2:DescribeSubnets")));
    part.seen.extend(vpcs.iter().map(|vpc| seen(Thing::Vpc, vpc.vpc_id(), vpc.tags(), None)));
    part.seen.extend(gateways.iter().map(|gateway| {
        let vpc = gateway.attachments().iter().find_map(|it| it.vpc_id());
        seen(Thing::InternetGateway, gateway.internet_gateway_id(), gateway.tags(), vpc)
    }));
    // The main table of a VPC goes with it.
    let is_main = |table: &&sdk::RouteTable| table.associations().iter().any(|it| it.main() == Some(true));
    part.seen.extend(
        tables
            .iter()
            .filter(|table| !is_main(table))
            .map(|table| seen(Thing::RouteTable, table.route_table_id(), table.tags(), table.vpc_id())),
    );
    part.seen.extend(
        subnets.iter().map(|subnet| seen(Thing::Subnet, subnet.subnet_id(), subnet.tags(), subnet.vpc_id())),
    );
    part
}

/// What leads out of VPCs. A NAT gateway and an endpoint that are gone are shown for a while.
async fn ways_out(aws: &Aws) -> Part {
    let (addresses, gateways, endpoints) = join!(
        aws.ec2.describe_addresses().send(),
        aws.ec2.describe_nat_gateways().into_paginator().items().send().try_collect(),
        aws.ec2.describe_vpc_endpoints().into_paginator().items().send().try_collect(),
    );
    let mut part = Part::default();
    let addresses = addresses.map(|answer| answer.addresses.unwrap_or_default());
    let addresses: Vec<sdk::Address> = part.take(addresses.map_err(failed("ec2:DescribeAddresses")));
    let gateways: Vec<sdk::NatGateway> = part.take(gateways.map_err(failed("ec2:DescribeNatGateways")));
    let endpoints: Vec<sdk::VpcEndpoint> = part.take(endpoints.map_err(failed("ec2:DescribeVpcEndpoints")));
    part.seen.extend(addresses.iter().map(address));
    part.seen.extend(gateways.iter().filter_map(gateway));
    part.seen.extend(endpoints.iter().filter_map(endpoint));
    part
}

/// It bills whether anything uses it or not.
fn address(shown: &sdk::Address) -> Seen {
    let usage = vec![Usage::of(Charge::PublicIpv4, 1.0)];
    Seen { usage, ..seen(Thing::ElasticIp, shown.allocation_id(), shown.tags(), None) }
}

fn gateway(shown: &sdk::NatGateway) -> Option<Seen> {
    let word = shown.state().map_or("", |state| state.as_str());
    let addresses = shown.nat_gateway_addresses().iter().filter_map(|it| it.allocation_id.clone());
    let bills = f64::from(u8::from(word != "failed"));
    (word != "deleted").then(|| Seen {
        uses: addresses.chain(shown.subnet_id.clone()).collect(),
        going: (word == "deleting").then(|| word.to_owned()),
        usage: vec![Usage::of(Charge::NatGateway, bills)],
        ..seen(Thing::NatGateway, shown.nat_gateway_id(), shown.tags(), shown.vpc_id())
    })
}

fn endpoint(shown: &sdk::VpcEndpoint) -> Option<Seen> {
    let word = shown.state().map_or_else(String::new, |state| state.as_str().to_ascii_lowercase());
    let groups = shown.groups().iter().filter_map(|it| it.group_id.clone());
    let interfaces = u32::try_from(shown.subnet_ids().len()).unwrap_or(u32::MAX);
    (word != "deleted").then(|| Seen {
        uses: groups.chain(shown.subnet_ids().iter().cloned()).collect(),
        going: (word == "deleting").then_some(word),
        usage: vec![Usage::of(Charge::InterfaceEndpoint, f64::from(interfaces))],
        ..seen(Thing::VpcEndpoint, shown.vpc_endpoint_id(), shown.tags(), shown.vpc_id())
    })
}

/// Something by its id, called by its `Name` tag.
fn seen(thing: Thing, id: Option<&str>, list: &[sdk::Tag], vpc: Option<&str>) -> Seen {
    let pairs = list.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()));
    let tags = tags(pairs);
    let name = tags.get("Name").cloned().unwrap_or_default();
    Seen { tags, within: vpc.map(str::to_owned), ..Seen::new(thing, id.unwrap_or_default(), name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bills_by_the_hour_is_seen_until_it_is_gone() {
        let nat = sdk::NatGateway::builder().nat_gateway_id("nat-1").subnet_id("subnet-1");
        let with = |state: sdk::NatGatewayState| gateway(&nat.clone().state(state).build());
        let seen = with(sdk::NatGatewayState::Deleting).expect("it is there");
        assert_eq!(seen.going.as_deref(), Some("deleting"));
        assert_eq!(seen.usage, [Usage::of(Charge::NatGateway, 1.0)]);
        assert!(seen.uses.contains("subnet-1"));
        assert_eq!(with(sdk::NatGatewayState::Deleted), None);
        let shown = sdk::VpcEndpoint::builder()
            .vpc_endpoint_id("vpce-1")
            .subnet_ids("subnet-1")
            .subnet_ids("subnet-2");
        let available = endpoint(&shown.clone().state("available".into()).build()).expect("it is there");
        assert_eq!(available.usage, [Usage::of(Charge::InterfaceEndpoint, 2.0)]);
        assert_eq!(endpoint(&shown.state("deleted".into()).build()), None);
        let eip = sdk::Address::builder().allocation_id("eipalloc-1").build();
        assert_eq!(address(&eip).usage, [Usage::of(Charge::PublicIpv4, 1.0)]);
    }
}
