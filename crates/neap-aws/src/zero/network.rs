//! VPCs and what is in them.

use aws_sdk_ec2::types as sdk;
use neap_core::zero::{Seen, Thing};
use tokio::join;

use super::{Part, tags};
use crate::client::Aws;
use crate::error::failed;

/// Looks at every VPC, gateway, route table and subnet of the region.
pub(super) async fn look(aws: &Aws) -> Part {
    let (vpcs, gateways, tables, subnets) = join!(
        aws.ec2.describe_vpcs().into_paginator().items().send().try_collect(),
        aws.ec2.describe_internet_gateways().into_paginator().items().send().try_collect(),
        aws.ec2.describe_route_tables().into_paginator().items().send().try_collect(),
        aws.ec2.describe_subnets().into_paginator().items().send().try_collect(),
    );
    let mut part = Part::default();
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

/// Something by its id, called by its `Name` tag.
fn seen(thing: Thing, id: Option<&str>, list: &[sdk::Tag], vpc: Option<&str>) -> Seen {
    let pairs = list.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()));
    let tags = tags(pairs);
    let name = tags.get("Name").cloned().unwrap_or_default();
    Seen { tags, within: vpc.map(str::to_owned), ..Seen::new(thing, id.unwrap_or_default(), name) }
}
