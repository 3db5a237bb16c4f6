//! NAT gateways, which take minutes to come and to go, and are shown for an hour when they are gone.

use aws_sdk_ec2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::NatGateway;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, Progress};

use super::{NATS, id_outputs, set_tags, tagged};
use crate::adopt::{live_resource, not_visible_yet};
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::{if_gone, if_there};
use crate::remote::{Held, Remote, Wanted};
use crate::tags::from_ec2;

const CREATE: &str = "ec2:CreateNatGateway";

fn from_aws(gateway: &sdk::NatGateway) -> NatGateway {
    let addresses = gateway.nat_gateway_addresses();
    // Only the first one is its own; others are added for more traffic.
    let primary = addresses.iter().find(|it| it.is_primary() == Some(true)).or(addresses.first());
    NatGateway {
        vpc: gateway.vpc_id().unwrap_or_default().to_owned(),
        subnet: gateway.subnet_id().unwrap_or_default().to_owned(),
        address: primary.and_then(|it| it.allocation_id()).map(ToOwned::to_owned),
    }
}

/// Why AWS gave it up.
fn failure(gateway: &sdk::NatGateway) -> String {
    let code = gateway.failure_code().unwrap_or("failed");
    NatGateway::failure(code, gateway.failure_message().unwrap_or("AWS says no more"))
}

/// Whether it is there. One that is gone is shown for an hour.
pub(super) fn is_there(gateway: &sdk::NatGateway) -> bool {
    gateway.state() != Some(&sdk::NatGatewayState::Deleted)
}

/// Whether it is there and not on its way out.
pub(super) fn stays(gateway: &sdk::NatGateway) -> bool {
    is_there(gateway) && gateway.state() != Some(&sdk::NatGatewayState::Deleting)
}

/// A live gateway, at the address in its tags or else at `address`.
pub(super) fn live(address: &Address, gateway: &sdk::NatGateway) -> LiveResource {
    let id = gateway.nat_gateway_id().unwrap_or_default();
    let phase = match gateway.state() {
        Some(sdk::NatGatewayState::Pending) => Phase::Settling("pending".to_owned()),
        Some(sdk::NatGatewayState::Deleting) => Phase::Deleting("deleting".to_owned()),
        Some(sdk::NatGatewayState::Failed) => Phase::Failed(failure(gateway)),
        _ => Phase::Ready,
    };
    live_resource(address, id, from_aws(gateway), from_ec2(gateway.tags()), id_outputs(id), phase)
}

async fn describe(aws: &Aws, id: &str) -> Result<Option<sdk::NatGateway>, CallError> {
    let answer = aws.ec2.describe_nat_gateways().nat_gateway_ids(id).send().await;
    Ok(answer.map_err(failed(NATS))?.nat_gateways.unwrap_or_default().into_iter().next())
}

async fn delete(aws: &Aws, id: &str) -> Result<(), CallError> {
    let answer = aws.ec2.delete_nat_gateway().nat_gateway_id(id).send().await;
    if_gone(answer.map_err(failed("ec2:DeleteNatGateway")))
}

impl Remote for NatGateway {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let call = aws
            .ec2_once
            .create_nat_gateway()
            .subnet_id(&wanted.fields.subnet)
            .set_allocation_id(wanted.fields.address.clone())
            .connectivity_type(sdk::ConnectivityType::Public)
            .tag_specifications(tagged(sdk::ResourceType::Natgateway, &wanted.all_tags()));
        let answer = call.send().await.map_err(failed(CREATE)).map_err(not_visible_yet)?;
        let id = answer.nat_gateway().and_then(sdk::NatGateway::nat_gateway_id);
        Ok(id_outputs(id.ok_or_else(|| incomplete(CREATE, "NatGatewayId"))?))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        set_tags(aws, &held.live.id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        delete(aws, &held.live.id).await
    }

    async fn ready(aws: &Aws, _: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let id = outputs.get("id").ok_or_else(|| incomplete(CREATE, "NatGatewayId"))?;
        let gateway = describe(aws, id).await?.ok_or_else(|| incomplete(NATS, "NatGateways"))?;
        Ok(match gateway.state() {
            Some(sdk::NatGatewayState::Available) => Progress::Done,
            Some(sdk::NatGatewayState::Failed) => Progress::Failed(failure(&gateway)),
            Some(sdk::NatGatewayState::Deleting | sdk::NatGatewayState::Deleted) => {
                Progress::Failed("somebody deleted it".to_owned())
            }
            _ => Progress::Pending("pending".to_owned()),
        })
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let id = held.live.id.as_str();
        match if_there(describe(aws, id).await)?.flatten() {
            Some(gateway) if stays(&gateway) => delete(aws, id).await?,
            Some(gateway) if is_there(&gateway) => {}
            _ => return Ok(Progress::Done),
        }
        Ok(Progress::Pending("deleting".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    #[test]
    fn a_gateway_is_read_with_its_first_address_and_why_it_failed() {
        let example = NatGateway::example();
        let address = |id: &str, primary: bool| {
            sdk::NatGatewayAddress::builder().allocation_id(id).is_primary(primary).build()
        };
        let shown = sdk::NatGateway::builder()
            .nat_gateway_id("nat-1")
            .vpc_id(&example.vpc)
            .subnet_id(&example.subnet)
            .nat_gateway_addresses(address("eipalloc-2", false))
            .nat_gateway_addresses(address(example.address.as_deref().expect("one"), true))
            .state(sdk::NatGatewayState::Failed)
            .failure_code("Gateway.NotAttached")
            .failure_message("Network vpc-1 has no Internet gateway attached")
            .build();
        assert_eq!(from_aws(&shown), example);
        let at = "nat_gateway.nat-1".parse().expect("an address");
        let reason = "Gateway.NotAttached: Network vpc-1 has no Internet gateway attached";
        assert_eq!(live(&at, &shown).phase, Phase::Failed(reason.to_owned()));
    }
}
