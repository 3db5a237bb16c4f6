//! Endpoints of VPCs. What differs is changed by one call, unless subnets take the places of others.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::VpcEndpoint;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, Progress};

use super::{ENDPOINTS, being_set_up, id_outputs, set_tags, tagged};
use crate::adopt::{live_resource, not_visible_yet};
use crate::client::Aws;
use crate::error::{failed, incomplete, refused_item};
use crate::found::{if_gone, if_there};
use crate::remote::{Held, Remote, Wanted};
use crate::tags::from_ec2;

const CREATE: &str = "ec2:CreateVpcEndpoint";
const MODIFY: &str = "ec2:ModifyVpcEndpoint";
const DELETE: &str = "ec2:DeleteVpcEndpoints";

fn from_aws(endpoint: &sdk::VpcEndpoint) -> VpcEndpoint {
    let groups = endpoint.groups().iter().filter_map(|group| group.group_id.clone());
    // One by routes has no host name that could lead to it.
    let is_interface = endpoint.vpc_endpoint_type() == Some(&sdk::VpcEndpointType::Interface);
    VpcEndpoint {
        vpc: endpoint.vpc_id().unwrap_or_default().to_owned(),
        service: endpoint.service_name().unwrap_or_default().to_owned(),
        endpoint_type: endpoint.vpc_endpoint_type().map_or(VpcEndpoint::GATEWAY, |it| it.as_str()).to_owned(),
        route_tables: endpoint.route_table_ids().iter().cloned().collect(),
        subnets: endpoint.subnet_ids().iter().cloned().collect(),
        security_groups: groups.collect(),
        private_dns: is_interface && endpoint.private_dns_enabled().unwrap_or(false),
        policy: VpcEndpoint::shown_policy(endpoint.policy_document()),
    }
}

/// AWS's word for its state, which is in lower case although its model says otherwise.
fn state(endpoint: &sdk::VpcEndpoint) -> String {
    endpoint.state().map(|state| state.as_str().to_ascii_lowercase()).unwrap_or_default()
}

/// Whether it is there.
pub(super) fn is_there(endpoint: &sdk::VpcEndpoint) -> bool {
    state(endpoint) != "deleted"
}

/// Whether it is there and not on its way out.
pub(super) fn stays(endpoint: &sdk::VpcEndpoint) -> bool {
    !matches!(state(endpoint).as_str(), "deleted" | "deleting")
}

/// Why AWS gave it up, or nobody can use it.
fn failure(endpoint: &sdk::VpcEndpoint) -> Option<String> {
    let word = state(endpoint);
    let gave_up = matches!(word.as_str(), "failed" | "rejected" | "expired");
    let said = endpoint.last_error().and_then(|error| error.message()).or(endpoint.failure_reason());
    gave_up.then(|| said.map_or_else(|| word.clone(), |said| format!("{word}: {said}")))
}

/// A live endpoint, at the address in its tags or else at `address`.
pub(super) fn live(address: &Address, endpoint: &sdk::VpcEndpoint) -> LiveResource {
    let id = endpoint.vpc_endpoint_id().unwrap_or_default();
    let phase = match (state(endpoint).as_str(), failure(endpoint)) {
        (_, Some(reason)) => Phase::Failed(reason),
        ("deleting", _) => Phase::Deleting("deleting".to_owned()),
        ("pending" | "pendingacceptance" | "partial", _) => Phase::Settling("pending".to_owned()),
        _ => Phase::Ready,
    };
    live_resource(address, id, from_aws(endpoint), from_ec2(endpoint.tags()), id_outputs(id), phase)
}

async fn describe(aws: &Aws, id: &str) -> Result<Option<sdk::VpcEndpoint>, CallError> {
    let answer = aws.ec2.describe_vpc_endpoints().vpc_endpoint_ids(id).send().await;
    Ok(answer.map_err(failed(ENDPOINTS))?.vpc_endpoints.unwrap_or_default().into_iter().next())
}

/// What is in one set and not in the other.
fn beyond(one: &BTreeSet<String>, other: &BTreeSet<String>) -> Vec<String> {
    one.difference(other).cloned().collect()
}

/// Nothing where there is nothing: AWS takes no empty lists.
fn some(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}

/// Changes what differs. AWS takes no second subnet of a zone, not even where the call lets the first one go (the operator of
/// OpenShift's endpoints, openshift/aws-vpce-operator, removes those first for that reason). So where some take the places of
/// others, what there is room for comes first, and one subnet makes room for the next: one call in each round, after which the
/// endpoint is waited for. All the while it is in a zone, if it is in two.
async fn bring(aws: &Aws, id: &str, live: &VpcEndpoint, wanted: &VpcEndpoint) -> Result<(), CallError> {
    if live == wanted {
        return Ok(());
    }
    let more = beyond(&wanted.subnets, &live.subnets);
    let mut less = beyond(&live.subnets, &wanted.subnets);
    if more.is_empty() || less.is_empty() {
        return modify(aws, id, live, wanted, more, less).await;
    }
    for subnet in more {
        match modify(aws, id, live, wanted, vec![subnet], Vec::new()).await {
            Err(error) if error.code.as_deref() == Some("DuplicateSubnetsInSameZone") => {}
            answer => return answer,
        }
    }
    less.truncate(1);
    modify(aws, id, live, wanted, Vec::new(), less).await
}

/// Changes what differs but for the subnets: those in `more` come and those in `less` go.
async fn modify(
    aws: &Aws,
    id: &str,
    live: &VpcEndpoint,
    wanted: &VpcEndpoint,
    more: Vec<String>,
    less: Vec<String>,
) -> Result<(), CallError> {
    let policy = (live.policy != wanted.policy).then(|| wanted.policy.to_string());
    let call = aws
        .ec2
        .modify_vpc_endpoint()
        .vpc_endpoint_id(id)
        .set_add_route_table_ids(some(beyond(&wanted.route_tables, &live.route_tables)))
        .set_remove_route_table_ids(some(beyond(&live.route_tables, &wanted.route_tables)))
        .set_add_subnet_ids(some(more))
        .set_remove_subnet_ids(some(less))
        .set_add_security_group_ids(some(beyond(&wanted.security_groups, &live.security_groups)))
        .set_remove_security_group_ids(some(beyond(&live.security_groups, &wanted.security_groups)))
        .set_private_dns_enabled((live.private_dns != wanted.private_dns).then_some(wanted.private_dns))
        .set_policy_document(policy);
    call.send().await.map(|_| ()).map_err(failed(MODIFY)).map_err(not_visible_yet)
}

/// Deletes it. AWS answers with what it would not delete.
async fn delete(aws: &Aws, id: &str) -> Result<(), CallError> {
    let answer = aws.ec2.delete_vpc_endpoints().vpc_endpoint_ids(id).send().await.map_err(failed(DELETE));
    let refused = answer.map(|answer| answer.unsuccessful.unwrap_or_default().into_iter().next());
    let answer = match refused {
        Ok(Some(item)) => {
            let error = item.error;
            let code = error.as_ref().and_then(|error| error.code.clone()).unwrap_or_default();
            let message = error.and_then(|error| error.message).unwrap_or_default();
            Err(refused_item(DELETE, &code, &message))
        }
        answer => answer.map(|_| ()),
    };
    if_gone(answer)
}

impl Remote for VpcEndpoint {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let is_interface = fields.endpoint_type == Self::INTERFACE;
        let policy = (fields.policy != Self::full_access()).then(|| fields.policy.to_string());
        let list = |set: &BTreeSet<String>| some(set.iter().cloned().collect());
        let call = aws
            .ec2_once
            .create_vpc_endpoint()
            .vpc_id(&fields.vpc)
            .service_name(&fields.service)
            .vpc_endpoint_type(fields.endpoint_type.as_str().into())
            .set_route_table_ids(list(&fields.route_tables))
            .set_subnet_ids(list(&fields.subnets))
            .set_security_group_ids(list(&fields.security_groups))
            .set_private_dns_enabled(is_interface.then_some(fields.private_dns))
            .set_policy_document(policy)
            .tag_specifications(tagged(sdk::ResourceType::VpcEndpoint, &wanted.all_tags()));
        let answer = call.send().await.map_err(failed(CREATE)).map_err(not_visible_yet)?;
        let id = answer.vpc_endpoint().and_then(sdk::VpcEndpoint::vpc_endpoint_id);
        Ok(id_outputs(id.ok_or_else(|| incomplete(CREATE, "VpcEndpointId"))?))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let id = held.live.id.as_str();
        bring(aws, id, held.fields, wanted.fields).await?;
        set_tags(aws, id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        delete(aws, &held.live.id).await
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let id = outputs.get("id").ok_or_else(|| incomplete(CREATE, "VpcEndpointId"))?;
        let endpoint = describe(aws, id).await?.ok_or_else(|| incomplete(ENDPOINTS, "VpcEndpoints"))?;
        if let Some(reason) = failure(&endpoint) {
            return Ok(Progress::Failed(reason));
        }
        match state(&endpoint).as_str() {
            "available" => {}
            "deleting" | "deleted" => return Ok(Progress::Failed("somebody deleted it".to_owned())),
            _ => return Ok(Progress::Pending("pending".to_owned())),
        }
        let live = from_aws(&endpoint);
        if live == *wanted.fields {
            return Ok(Progress::Done);
        }
        bring(aws, id, &live, wanted.fields).await?;
        Ok(being_set_up())
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let id = held.live.id.as_str();
        match if_there(describe(aws, id).await)?.flatten() {
            Some(endpoint) if stays(&endpoint) => delete(aws, id).await?,
            Some(endpoint) if is_there(&endpoint) => {}
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
    fn an_endpoint_is_read_as_it_was_made() {
        let example = VpcEndpoint::example();
        let group = sdk::SecurityGroupIdentifier::builder();
        let group = group.set_group_id(example.security_groups.first().cloned()).build();
        let shown = sdk::VpcEndpoint::builder()
            .vpc_endpoint_id("vpce-1")
            .vpc_id(&example.vpc)
            .service_name(&example.service)
            .vpc_endpoint_type(sdk::VpcEndpointType::Interface)
            .set_subnet_ids(Some(example.subnets.iter().cloned().collect()))
            .groups(group)
            .private_dns_enabled(true)
            .policy_document(example.policy.to_string());
        assert_eq!(from_aws(&shown.clone().build()), example);
        let at = "vpc_endpoint.logs".parse().expect("an address");
        let phase = |word: &str| live(&at, &shown.clone().state(word.into()).build()).phase;
        assert_eq!(phase("available"), Phase::Ready);
        assert_eq!(phase("pending"), Phase::Settling("pending".to_owned()));
        assert_eq!(phase("Deleting"), Phase::Deleting("deleting".to_owned()));
        assert_eq!(phase("failed"), Phase::Failed("failed".to_owned()));
    }
}
