//! VPCs and the two attributes that are read and changed one by one.

use aws_sdk_ec2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::Vpc;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, Progress};
use tokio::try_join;

use super::{VPCS, being_set_up, id_outputs, set_tags, tagged};
use crate::adopt::live_resource;
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted};
use crate::tags::from_ec2;

const CREATE: &str = "ec2:CreateVpc";
const ATTRIBUTE: &str = "ec2:DescribeVpcAttribute";
const MODIFY: &str = "ec2:ModifyVpcAttribute";

/// A live VPC with its attributes, at the address in its tags or else at `address`.
pub(super) async fn live(aws: &Aws, address: &Address, vpc: &sdk::Vpc) -> Result<LiveResource, CallError> {
    let id = vpc.vpc_id().unwrap_or_default();
    let fields = with_attributes(aws, vpc).await?;
    let phase = match vpc.state() {
        Some(sdk::VpcState::Pending) => Phase::Settling("pending".to_owned()),
        _ => Phase::Ready,
    };
    Ok(live_resource(address, id, fields, from_ec2(vpc.tags()), id_outputs(id), phase))
}

async fn with_attributes(aws: &Aws, vpc: &sdk::Vpc) -> Result<Vpc, CallError> {
    let id = vpc.vpc_id().unwrap_or_default();
    let ask = async |attribute: sdk::VpcAttributeName| {
        let call = aws.ec2.describe_vpc_attribute().vpc_id(id).attribute(attribute);
        call.send().await.map_err(failed(ATTRIBUTE))
    };
    let (support, hostnames) = try_join!(
        ask(sdk::VpcAttributeName::EnableDnsSupport),
        ask(sdk::VpcAttributeName::EnableDnsHostnames)
    )?;
    let value =
        |value: Option<&sdk::AttributeBooleanValue>| value.and_then(sdk::AttributeBooleanValue::value);
    Ok(Vpc {
        cidr: vpc.cidr_block().unwrap_or_default().to_owned(),
        dns_support: value(support.enable_dns_support()).unwrap_or(true),
        dns_hostnames: value(hostnames.enable_dns_hostnames()).unwrap_or(false),
    })
}

/// Changes the attributes that differ, one in each call.
async fn bring(aws: &Aws, id: &str, live: &Vpc, wanted: &Vpc) -> Result<(), CallError> {
    let value = |value: bool| sdk::AttributeBooleanValue::builder().value(value).build();
    if live.dns_support != wanted.dns_support {
        let call = aws.ec2.modify_vpc_attribute().vpc_id(id).enable_dns_support(value(wanted.dns_support));
        call.send().await.map_err(failed(MODIFY))?;
    }
    if live.dns_hostnames != wanted.dns_hostnames {
        let call =
            aws.ec2.modify_vpc_attribute().vpc_id(id).enable_dns_hostnames(value(wanted.dns_hostnames));
        call.send().await.map_err(failed(MODIFY))?;
    }
    Ok(())
}

impl Remote for Vpc {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let tags = tagged(sdk::ResourceType::Vpc, &wanted.all_tags());
        let call = aws.ec2_once.create_vpc().cidr_block(&wanted.fields.cidr).tag_specifications(tags);
        let answer = call.send().await.map_err(failed(CREATE))?;
        let id = answer.vpc().and_then(sdk::Vpc::vpc_id).ok_or_else(|| incomplete(CREATE, "VpcId"))?;
        Ok(id_outputs(id))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        bring(aws, &held.live.id, held.fields, wanted.fields).await?;
        set_tags(aws, &held.live.id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    /// Its group named `default`, its main route table and its network ACL go with it.
    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        if_gone(aws.ec2.delete_vpc().vpc_id(&held.live.id).send().await.map_err(failed("ec2:DeleteVpc")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let id = outputs.get("id").ok_or_else(|| incomplete(CREATE, "VpcId"))?;
        let answer = aws.ec2.describe_vpcs().vpc_ids(id).send().await.map_err(failed(VPCS))?;
        let vpc = answer.vpcs().first().ok_or_else(|| incomplete(VPCS, "Vpcs"))?;
        if let Some(sdk::VpcState::Pending) = vpc.state() {
            return Ok(Progress::Pending("pending".to_owned()));
        }
        let live = with_attributes(aws, vpc).await?;
        if live == *wanted.fields {
            return Ok(Progress::Done);
        }
        bring(aws, id, &live, wanted.fields).await?;
        Ok(being_set_up())
    }

    async fn gone(_: &Aws, _: &Held<'_, Self>) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}
