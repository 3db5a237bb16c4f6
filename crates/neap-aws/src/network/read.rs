//! Reading networks: one listing of each kind of part, and none where nothing is the stack's.
//!
//! Decides what is looked at. Which of it stands at which address is [`neap_core::network`]'s to say.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as sdk;
use futures_util::future::try_join_all;
use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, TAG_STACK};
use neap_core::kinds::{ElasticIp, InternetGateway, NatGateway, RouteTable, Subnet, Vpc, VpcEndpoint};
use neap_core::live::LiveResource;
use neap_core::network::{self, is_declared};
use neap_engine::cloud::CallError;
use tokio::try_join;

use super::{
    ADDRESSES, ENDPOINTS, GATEWAYS, NATS, SUBNETS, TABLES, VPCS, elastic_ip, filter, internet_gateway,
    nat_gateway, route_table, subnet, vpc, vpc_endpoint,
};
use crate::client::Aws;
use crate::error::failed;
use crate::found::Found;
use crate::tags::from_ec2;

/// The most entries that a page holds.
const PAGE: i32 = 1000;

/// Reads the parts of the stack's own network.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    match listed(aws, desired).await {
        Ok(parts) => claim(&mut found, desired, parts),
        Err(error) => {
            found.unlistable::<Vpc>(desired, &error);
            found.unlistable::<InternetGateway>(desired, &error);
            found.unlistable::<ElasticIp>(desired, &error);
            found.unlistable::<NatGateway>(desired, &error);
            found.unlistable::<VpcEndpoint>(desired, &error);
            found.unlistable::<RouteTable>(desired, &error);
            found.unlistable::<Subnet>(desired, &error);
        }
    }
    found
}

fn claim(found: &mut Found, desired: &Desired, mut parts: Vec<LiveResource>) {
    let claimed = network::claim(desired, &mut parts);
    let taken: BTreeSet<usize> = claimed.values().copied().collect();
    for (address, index) in &claimed {
        found.claim(address, LiveResource { address: address.clone(), ..parts[*index].clone() });
    }
    found.rest_absent::<Vpc>(desired);
    found.rest_absent::<InternetGateway>(desired);
    found.rest_absent::<ElasticIp>(desired);
    found.rest_absent::<NatGateway>(desired);
    found.rest_absent::<VpcEndpoint>(desired);
    found.rest_absent::<RouteTable>(desired);
    found.rest_absent::<Subnet>(desired);
    let rest = parts.into_iter().enumerate().filter(|(index, _)| !taken.contains(index));
    rest.for_each(|(_, live)| found.stray(live));
}

/// The parts of networks that may concern the stack.
async fn listed(aws: &Aws, desired: &Desired) -> Result<Vec<LiveResource>, CallError> {
    if !is_declared(desired) && !is_left(aws, &desired.stack).await? {
        return Ok(Vec::new());
    }
    let vpcs = async {
        let pages = aws.ec2.describe_vpcs().into_paginator().page_size(PAGE).items().send();
        let vpcs: Vec<sdk::Vpc> = pages.try_collect().await.map_err(failed(VPCS))?;
        let ours = vpcs.into_iter().filter(|vpc| concerns(vpc, desired));
        try_join_all(ours.map(async |shown| vpc::live(aws, &nobody(Kind::Vpc), &shown).await)).await
    };
    let gateways = async {
        let pages = aws.ec2.describe_internet_gateways().into_paginator().page_size(PAGE).items().send();
        pages.try_collect().await.map_err(failed(GATEWAYS))
    };
    let tables = async {
        // AWS lists a hundred tables at a time at most.
        let pages = aws.ec2.describe_route_tables().into_paginator().page_size(100).items().send();
        pages.try_collect().await.map_err(failed(TABLES))
    };
    let subnets = async {
        let pages = aws.ec2.describe_subnets().into_paginator().page_size(PAGE).items().send();
        pages.try_collect().await.map_err(failed(SUBNETS))
    };
    let (mut parts, gateways, tables, subnets, ways) =
        try_join!(vpcs, gateways, tables, subnets, Box::pin(ways_out(aws)))?;
    parts.extend(ways);
    parts.extend(gateways.iter().map(|it| internet_gateway::live(&nobody(Kind::InternetGateway), it)));
    parts.extend(tables.iter().map(|it| route_table::live(&nobody(Kind::RouteTable), it)));
    parts.extend(subnets.iter().map(|it| subnet::live(&nobody(Kind::Subnet), it, &tables)));
    Ok(parts)
}

/// NAT gateways, addresses and endpoints, those that are gone left out.
async fn ways_out(aws: &Aws) -> Result<Vec<LiveResource>, CallError> {
    let addresses = async {
        // AWS lists all of them at once.
        let answer = aws.ec2.describe_addresses().send().await.map_err(failed(ADDRESSES))?;
        Ok(answer.addresses.unwrap_or_default())
    };
    let gateways = async {
        let pages = aws.ec2.describe_nat_gateways().into_paginator().page_size(PAGE).items().send();
        pages.try_collect().await.map_err(failed(NATS))
    };
    let endpoints = async {
        let pages = aws.ec2.describe_vpc_endpoints().into_paginator().page_size(PAGE).items().send();
        pages.try_collect().await.map_err(failed(ENDPOINTS))
    };
    let (addresses, gateways, endpoints): (Vec<sdk::Address>, Vec<sdk::NatGateway>, Vec<sdk::VpcEndpoint>) =
        try_join!(addresses, gateways, endpoints)?;
    let addresses = addresses.iter().map(|it| elastic_ip::live(&nobody(Kind::ElasticIp), it));
    let gateways = gateways.iter().filter(|it| nat_gateway::is_there(it));
    let gateways = gateways.map(|it| nat_gateway::live(&nobody(Kind::NatGateway), it));
    let endpoints = endpoints.iter().filter(|it| vpc_endpoint::is_there(it));
    let endpoints = endpoints.map(|it| vpc_endpoint::live(&nobody(Kind::VpcEndpoint), it));
    Ok(addresses.chain(gateways).chain(endpoints).collect())
}

/// What stands for an address where no tag says one.
fn nobody(kind: Kind) -> Address {
    Address::new(kind, "")
}

/// Whether a VPC is looked at more closely.
fn concerns(vpc: &sdk::Vpc, desired: &Desired) -> bool {
    let is_own = from_ec2(vpc.tags()).get(TAG_STACK).is_some_and(|owner| *owner == desired.stack);
    is_own || desired.known_as.values().any(|id| vpc.vpc_id() == Some(id))
}

/// Whether any part of a network is tagged as the stack's. EC2 lists its own tags, without the delay of the index.
async fn is_left(aws: &Aws, stack: &str) -> Result<bool, CallError> {
    let kinds =
        ["vpc", "internet-gateway", "elastic-ip", "natgateway", "route-table", "subnet", "vpc-endpoint"];
    let call =
        aws.ec2.describe_tags().filters(filter("key", &[TAG_STACK])).filters(filter("value", &[stack]));
    let answer = call.filters(filter("resource-type", &kinds)).send().await;
    Ok(!answer.map_err(failed("ec2:DescribeTags"))?.tags().is_empty())
}
