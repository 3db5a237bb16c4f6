//! EC2 networks: VPCs with their gateways, addresses, route tables, subnets and endpoints (reference section 3.2).
//!
//! Decides how they are listed, and how one that a create may have made is found. AWS does not tell a repeated create of most
//! of them, so that call is made by a client that never retries, and what it leaves to be done is done while it is waited for.
//! Must not know what uses a network.

mod elastic_ip;
mod internet_gateway;
mod nat_gateway;
mod read;
mod route_table;
mod subnet;
mod vpc;
mod vpc_endpoint;

use aws_sdk_ec2::types as sdk;
use neap_core::address::Kind;
use neap_core::desired::{DesiredResource, TAG_ADDRESS, TAG_SPEC, TAG_STACK};
use neap_core::live::Outputs;
use neap_engine::cloud::{CallError, Progress};

pub(crate) use self::read::read;
use crate::client::Aws;
use crate::error::failed;
use crate::remote::outputs;
use crate::tags::{TagChanges, Tags, to_ec2};

const VPCS: &str = "ec2:DescribeVpcs";
const GATEWAYS: &str = "ec2:DescribeInternetGateways";
const TABLES: &str = "ec2:DescribeRouteTables";
const SUBNETS: &str = "ec2:DescribeSubnets";
const ADDRESSES: &str = "ec2:DescribeAddresses";
const NATS: &str = "ec2:DescribeNatGateways";
const ENDPOINTS: &str = "ec2:DescribeVpcEndpoints";

fn filter(name: impl Into<String>, values: &[&str]) -> sdk::Filter {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    sdk::Filter::builder().name(name).set_values(Some(values)).build()
}

/// The tags of a create, for the kind of thing that it makes.
fn tagged(kind: sdk::ResourceType, tags: &Tags) -> sdk::TagSpecification {
    sdk::TagSpecification::builder().resource_type(kind).set_tags(Some(to_ec2(tags))).build()
}

async fn set_tags(aws: &Aws, id: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let call = aws.ec2.create_tags().resources(id).set_tags(Some(to_ec2(&changes.set)));
        call.send().await.map_err(failed("ec2:CreateTags"))?;
    }
    if !changes.remove.is_empty() {
        let keys = changes.remove.iter().map(|key| sdk::Tag::builder().key(key).build()).collect();
        let call = aws.ec2.delete_tags().resources(id).set_tags(Some(keys));
        call.send().await.map_err(failed("ec2:DeleteTags"))?;
    }
    Ok(())
}

fn id_outputs(id: &str) -> Outputs {
    outputs([("id", id)])
}

/// What is told while a part of a network gets what its create could not give it.
fn being_set_up() -> Progress {
    Progress::Pending("being set up".to_owned())
}

/// Looks for the part of a network that an earlier create of exactly this made: by the tags that go with the call.
pub(crate) async fn made(
    aws: &Aws,
    desired: &DesiredResource,
    spec: &str,
) -> Result<Option<Outputs>, CallError> {
    let tag = |key: &str| desired.tags.get(key).map_or("", String::as_str);
    let filters = [(TAG_STACK, tag(TAG_STACK)), (TAG_ADDRESS, tag(TAG_ADDRESS)), (TAG_SPEC, spec)];
    let filters = Some(filters.map(|(key, value)| filter(format!("tag:{key}"), &[value])).to_vec());
    let id = match desired.resource.kind() {
        Kind::Vpc => {
            let answer = aws.ec2.describe_vpcs().set_filters(filters).send().await.map_err(failed(VPCS))?;
            answer.vpcs().first().and_then(|vpc| vpc.vpc_id.clone())
        }
        Kind::InternetGateway => {
            let answer = aws.ec2.describe_internet_gateways().set_filters(filters).send().await;
            let answer = answer.map_err(failed(GATEWAYS))?;
            answer.internet_gateways().first().and_then(|gateway| gateway.internet_gateway_id.clone())
        }
        Kind::ElasticIp => {
            let answer = aws.ec2.describe_addresses().set_filters(filters).send().await;
            let answer = answer.map_err(failed(ADDRESSES))?;
            return Ok(answer.addresses().first().map(elastic_ip::assigned));
        }
        Kind::NatGateway => {
            let answer = aws.ec2.describe_nat_gateways().set_filter(filters).send().await;
            let answer = answer.map_err(failed(NATS))?;
            let mut gateways = answer.nat_gateways().iter().filter(|gateway| nat_gateway::stays(gateway));
            gateways.find_map(|gateway| gateway.nat_gateway_id.clone())
        }
        Kind::VpcEndpoint => {
            let answer = aws.ec2.describe_vpc_endpoints().set_filters(filters).send().await;
            let answer = answer.map_err(failed(ENDPOINTS))?;
            let mut endpoints =
                answer.vpc_endpoints().iter().filter(|endpoint| vpc_endpoint::stays(endpoint));
            endpoints.find_map(|endpoint| endpoint.vpc_endpoint_id.clone())
        }
        _ => {
            let answer = aws.ec2.describe_route_tables().set_filters(filters).send().await;
            let answer = answer.map_err(failed(TABLES))?;
            answer.route_tables().first().and_then(|table| table.route_table_id.clone())
        }
    };
    Ok(id.map(|id| id_outputs(&id)))
}
