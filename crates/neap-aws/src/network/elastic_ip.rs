//! Elastic IP addresses, which are held until they are given back.

use aws_sdk_ec2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::ElasticIp;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::{ADDRESSES, set_tags, tagged};
use crate::adopt::live_resource;
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::tags::from_ec2;

const CREATE: &str = "ec2:AllocateAddress";
const RELEASE: &str = "ec2:ReleaseAddress";

fn from_aws(address: &sdk::Address) -> ElasticIp {
    ElasticIp { pool: address.public_ipv4_pool().unwrap_or(ElasticIp::AMAZON).to_owned() }
}

/// What AWS assigns.
pub(super) fn assigned(address: &sdk::Address) -> Outputs {
    let id = address.allocation_id().unwrap_or_default();
    outputs([("id", id), ("public_ip", address.public_ip().unwrap_or_default())])
}

/// A live address, at the address in its tags or else at `address`.
pub(super) fn live(address: &Address, shown: &sdk::Address) -> LiveResource {
    let id = shown.allocation_id().unwrap_or_default();
    live_resource(address, id, from_aws(shown), from_ec2(shown.tags()), assigned(shown), Phase::Ready)
}

/// What a refused release means. While a NAT gateway that has the address is going, AWS says that it is not the account's to
/// release, and a moment later that the gateway's interface is not there: neither says that the address is gone.
fn still_held(error: CallError) -> CallError {
    let held = match error.code.as_deref() {
        Some("AuthFailure") => error.message.contains("permission to access the specified resource"),
        Some("InvalidNetworkInterfaceID.NotFound" | "InvalidIPAddress.InUse") => true,
        _ => false,
    };
    if held { CallError { kind: ErrorKind::InUse, ..error } } else { error }
}

impl Remote for ElasticIp {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let tags = tagged(sdk::ResourceType::ElasticIp, &wanted.all_tags());
        let call = aws.ec2_once.allocate_address().domain(sdk::DomainType::Vpc).tag_specifications(tags);
        let pool = Some(&wanted.fields.pool).filter(|pool| *pool != Self::AMAZON);
        let answer = call.set_public_ipv4_pool(pool.cloned()).send().await.map_err(failed(CREATE))?;
        let id = answer.allocation_id().ok_or_else(|| incomplete(CREATE, "AllocationId"))?;
        Ok(outputs([("id", id), ("public_ip", answer.public_ip().unwrap_or_default())]))
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
        let call = aws.ec2.release_address().allocation_id(&held.live.id);
        if_gone(call.send().await.map_err(failed(RELEASE)).map_err(still_held))
    }

    async fn ready(aws: &Aws, _: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let id = outputs.get("id").ok_or_else(|| incomplete(CREATE, "AllocationId"))?;
        let call = aws.ec2.describe_addresses().allocation_ids(id);
        call.send().await.map(|_| Progress::Done).map_err(failed(ADDRESSES))
    }

    async fn gone(_: &Aws, _: &Held<'_, Self>) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_gone_only_when_aws_says_so_of_the_address() {
        let check = |code: &str, message: &str, expected: ErrorKind| {
            let error = CallError {
                kind: ErrorKind::NotFound,
                operation: RELEASE.to_owned(),
                code: Some(code.to_owned()),
                message: message.to_owned(),
                request_id: None,
            };
            assert_eq!(still_held(error).kind, expected, "{code}");
        };
        check(
            "AuthFailure",
            "You do not have permission to access the specified resource.",
            ErrorKind::InUse,
        );
        check(
            "InvalidNetworkInterfaceID.NotFound",
            "The networkInterface ID 'eni-1' does not exist",
            ErrorKind::InUse,
        );
        check(
            "InvalidAllocationID.NotFound",
            "The allocation ID 'eipalloc-1' does not exist",
            ErrorKind::NotFound,
        );
        check(
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
            ErrorKind::NotFound,
        );
    }
}
