//! Internet gateways, which are attached by a call of their own.

use aws_sdk_ec2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::InternetGateway;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::{GATEWAYS, being_set_up, id_outputs, set_tags, tagged};
use crate::adopt::live_resource;
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted};
use crate::tags::from_ec2;

const CREATE: &str = "ec2:CreateInternetGateway";

/// What a gateway's description says. AWS's word for an attached one is `available`, which is not among those of its model.
fn from_aws(gateway: &sdk::InternetGateway) -> InternetGateway {
    let is_attached = |it: &&sdk::InternetGatewayAttachment| {
        it.state().is_some_and(|state| matches!(state.as_str(), "available" | "attached" | "attaching"))
    };
    let attachment = gateway.attachments().iter().find(is_attached);
    InternetGateway {
        vpc: attachment.and_then(|it| it.vpc_id()).unwrap_or_default().to_owned(),
        attached: attachment.is_some(),
    }
}

/// A live gateway, at the address in its tags or else at `address`.
pub(super) fn live(address: &Address, gateway: &sdk::InternetGateway) -> LiveResource {
    let id = gateway.internet_gateway_id().unwrap_or_default();
    live_resource(address, id, from_aws(gateway), from_ec2(gateway.tags()), id_outputs(id), Phase::Ready)
}

/// Attaches the gateway. One that is attached already is looked at again.
async fn attach(aws: &Aws, id: &str, vpc: &str) -> Result<(), CallError> {
    let call = aws.ec2.attach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
    match call.send().await.map_err(failed("ec2:AttachInternetGateway")) {
        Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
        answer => answer.map(|_| ()),
    }
}

impl Remote for InternetGateway {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let tags = tagged(sdk::ResourceType::InternetGateway, &wanted.all_tags());
        let answer = aws.ec2_once.create_internet_gateway().tag_specifications(tags).send().await;
        let answer = answer.map_err(failed(CREATE))?;
        let id = answer.internet_gateway().and_then(sdk::InternetGateway::internet_gateway_id);
        Ok(id_outputs(id.ok_or_else(|| incomplete(CREATE, "InternetGatewayId"))?))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        if !held.fields.attached {
            attach(aws, &held.live.id, &wanted.fields.vpc).await?;
        }
        set_tags(aws, &held.live.id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    /// AWS refuses to detach it while anything in the VPC has a public address.
    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let id = held.live.id.as_str();
        if held.fields.attached {
            let call = aws.ec2.detach_internet_gateway().internet_gateway_id(id).vpc_id(&held.fields.vpc);
            if_gone(call.send().await.map_err(failed("ec2:DetachInternetGateway")))?;
        }
        let call = aws.ec2.delete_internet_gateway().internet_gateway_id(id);
        if_gone(call.send().await.map_err(failed("ec2:DeleteInternetGateway")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let id = outputs.get("id").ok_or_else(|| incomplete(CREATE, "InternetGatewayId"))?;
        let answer = aws.ec2.describe_internet_gateways().internet_gateway_ids(id).send().await;
        let answer = answer.map_err(failed(GATEWAYS))?;
        let gateway = answer.internet_gateways().first();
        if from_aws(gateway.ok_or_else(|| incomplete(GATEWAYS, "InternetGateways"))?) == *wanted.fields {
            return Ok(Progress::Done);
        }
        attach(aws, id, &wanted.fields.vpc).await?;
        Ok(being_set_up())
    }

    async fn gone(_: &Aws, _: &Held<'_, Self>) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_attached_by_the_word_that_aws_uses() {
        let attachment = |state: &str| {
            let attachment = sdk::InternetGatewayAttachment::builder().vpc_id("vpc-1").state(state.into());
            sdk::InternetGateway::builder().attachments(attachment.build()).build()
        };
        let vpc = |gateway: &sdk::InternetGateway| {
            let fields = from_aws(gateway);
            fields.attached.then_some(fields.vpc)
        };
        assert_eq!(vpc(&attachment("available")).as_deref(), Some("vpc-1"));
        assert_eq!(vpc(&attachment("attached")).as_deref(), Some("vpc-1"));
        assert_eq!(vpc(&attachment("detached")), None);
        assert_eq!(vpc(&sdk::InternetGateway::builder().build()), None);
    }
}
