//! Reading classic load balancers: one listing, the tags of all, and the rest of those that may be the stack's.
//!
//! Decides what is looked at in which wave. Must not know how they change.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancing::types as sdk;
use futures_util::future::{join_all, try_join_all};
use neap_core::address::Address;
use neap_core::desired::{Desired, TAG_STACK};
use neap_core::kinds::Clb;
use neap_core::live::{LiveResource, Phase};
use neap_engine::cloud::{CallError, ErrorKind};

use super::convert::{self, Policies};
use crate::adopt::live_resource;
use crate::client::Aws;
use crate::error::{failed, refused};
use crate::found::{Found, address_of, if_there};
use crate::remote::{declared, outputs};
use crate::tags::{Tags, from_clb};

const LIST: &str = "elasticloadbalancing:DescribeLoadBalancers";
const TAGS: &str = "elasticloadbalancing:DescribeTags";
/// The most entries that a page holds.
const PAGE: i32 = 400;
/// The most names whose tags one call tells.
const TAGGED_AT_ONCE: usize = 20;

/// Reads the stack's classic load balancers. All of the region's are listed, since their names may be of the user's own.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let (balancers, mut tags) = match everything(aws).await {
        Ok(everything) => everything,
        Err(error) => {
            found.unlistable::<Clb>(desired, &error);
            return found;
        }
    };
    let wanted: BTreeMap<&str, &Address> =
        declared::<Clb>(desired).map(|(address, clb)| (clb.name.as_str(), address)).collect();
    let looks = balancers.iter().filter_map(|balancer| {
        let name = balancer.load_balancer_name().unwrap_or_default();
        let (tags, at) = (tags.remove(name), wanted.get(name).copied());
        let is_own = tags.as_ref().is_some_and(|tags| tags.get(TAG_STACK) == Some(&desired.stack));
        (is_own || at.is_some()).then_some((balancer, tags, at))
    });
    let looks = looks.map(|(balancer, tags, at)| async move { (at, live(aws, at, balancer, tags).await) });
    for (at, outcome) in join_all(looks).await {
        match (at, outcome) {
            (Some(address), outcome) => found.record(address, outcome),
            (None, Ok(stray)) => stray.into_iter().for_each(|stray| found.stray(stray)),
            (None, Err(error)) => found.failed(&error),
        }
    }
    found.rest_absent::<Clb>(desired);
    found
}

/// Every classic load balancer, and the tags of each that is still there, by name.
async fn everything(
    aws: &Aws,
) -> Result<(Vec<sdk::LoadBalancerDescription>, BTreeMap<String, Tags>), CallError> {
    let pages = aws.clb.describe_load_balancers().page_size(PAGE).into_paginator().items().send();
    let balancers: Vec<sdk::LoadBalancerDescription> = pages.try_collect().await.map_err(failed(LIST))?;
    let names = balancers.iter().filter_map(|balancer| balancer.load_balancer_name.clone());
    let names: Vec<String> = names.collect();
    let tags = try_join_all(names.chunks(TAGGED_AT_ONCE).map(|batch| tags_of(aws, batch))).await?;
    Ok((balancers, tags.into_iter().flatten().collect()))
}

/// One missing name fails the whole call, so then each is asked for alone.
async fn tags_of(aws: &Aws, names: &[String]) -> Result<BTreeMap<String, Tags>, CallError> {
    match describe_tags(aws, names).await {
        Err(error) if error.kind == ErrorKind::NotFound => {}
        answer => return answer,
    }
    let mut found = BTreeMap::new();
    if names.len() > 1 {
        for name in names {
            let alone = if_there(describe_tags(aws, std::slice::from_ref(name)).await)?;
            found.extend(alone.unwrap_or_default());
        }
    }
    Ok(found)
}

async fn describe_tags(aws: &Aws, names: &[String]) -> Result<BTreeMap<String, Tags>, CallError> {
    let answer = aws.clb.describe_tags().set_load_balancer_names(Some(names.to_vec())).send().await;
    let answer = answer.map_err(failed(TAGS))?;
    let described = |description: &sdk::TagDescription| {
        Some((description.load_balancer_name()?.to_owned(), from_clb(description.tags())))
    };
    Ok(answer.tag_descriptions().iter().filter_map(described).collect())
}

/// The classic load balancer called `name`, as it is listed.
pub(super) async fn described(
    aws: &Aws,
    name: &str,
) -> Result<Option<sdk::LoadBalancerDescription>, CallError> {
    let answer = aws.clb.describe_load_balancers().load_balancer_names(name).send().await;
    let answer = if_there(answer.map_err(failed(LIST)))?;
    Ok(answer.and_then(|answer| answer.load_balancer_descriptions.unwrap_or_default().pop()))
}

/// The classic load balancer called `name`, which was made before.
pub(super) async fn visible(aws: &Aws, name: &str) -> Result<sdk::LoadBalancerDescription, CallError> {
    let found = described(aws, name).await?;
    found.ok_or_else(|| refused(ErrorKind::NotYet, LIST, format!("`{name}` is not visible yet")))
}

/// The security policies of the load balancer `name`.
pub(super) async fn policies(aws: &Aws, name: &str) -> Result<Policies, CallError> {
    let answer = aws.clb.describe_load_balancer_policies().load_balancer_name(name).send().await;
    let answer = answer.map_err(failed("elasticloadbalancing:DescribeLoadBalancerPolicies"))?;
    let of_tls = answer.policy_descriptions().iter();
    let of_tls = of_tls.filter(|policy| policy.policy_type_name() == Some(convert::SSL_POLICY));
    let stands_for = |policy: &sdk::PolicyDescription| {
        let name = policy.policy_name()?;
        let mut attributes = policy.policy_attribute_descriptions().iter();
        let reference = attributes.find(|attribute| attribute.attribute_name() == Some(convert::REFERENCE));
        // One with its own list of ciphers stands for itself.
        let reference = reference.and_then(|attribute| attribute.attribute_value()).unwrap_or(name);
        Some((name.to_owned(), reference.to_owned()))
    };
    Ok(of_tls.filter_map(stands_for).collect())
}

/// The ARN of the load balancer `name`, which the API does not tell.
pub(super) async fn arn(aws: &Aws, name: &str) -> Result<String, CallError> {
    let identity = aws.identity().await?;
    let (partition, account, region) = (&identity.partition, &identity.account, &aws.region);
    Ok(format!("arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{name}"))
}

/// A live load balancer at the address in its tags, or else at `at`.
async fn live(
    aws: &Aws,
    at: Option<&Address>,
    balancer: &sdk::LoadBalancerDescription,
    tags: Option<Tags>,
) -> Result<Option<LiveResource>, CallError> {
    let name = balancer.load_balancer_name().unwrap_or_default();
    let unsettled = || format!("`{name}` came or went while it was read; try again");
    let tags = tags.ok_or_else(|| refused(ErrorKind::NotYet, TAGS, unsettled()))?;
    let Some(address) = address_of(&tags, at) else { return Ok(None) };
    let (attributes, policies) = tokio::try_join!(attributes(aws, name), policies_if_any(aws, balancer))?;
    let fields = convert::from_aws(balancer, &attributes, &policies);
    let arn = arn(aws, name).await?;
    let outputs = outputs([
        ("dns_name", balancer.dns_name().unwrap_or_default()),
        ("name", name),
        ("arn", &arn),
        ("zone_id", balancer.canonical_hosted_zone_name_id().unwrap_or_default()),
    ]);
    Ok(Some(live_resource(&address, name, fields, tags, outputs, Phase::Ready)))
}

async fn attributes(aws: &Aws, name: &str) -> Result<sdk::LoadBalancerAttributes, CallError> {
    let answer = aws.clb.describe_load_balancer_attributes().load_balancer_name(name).send().await;
    let answer = answer.map_err(failed("elasticloadbalancing:DescribeLoadBalancerAttributes"))?;
    let none = || sdk::LoadBalancerAttributes::builder().build();
    Ok(answer.load_balancer_attributes.unwrap_or_else(none))
}

/// Only listeners that end TLS have security policies.
async fn policies_if_any(aws: &Aws, balancer: &sdk::LoadBalancerDescription) -> Result<Policies, CallError> {
    let ends_tls = |shown: &sdk::ListenerDescription| {
        let protocol = shown.listener().map_or("", sdk::Listener::protocol);
        protocol.eq_ignore_ascii_case("HTTPS") || protocol.eq_ignore_ascii_case("SSL")
    };
    if !balancer.listener_descriptions().iter().any(ends_tls) {
        return Ok(Policies::new());
    }
    policies(aws, balancer.load_balancer_name().unwrap_or_default()).await
}

/// Reads the load balancer called `name`, for `address`.
pub(super) async fn find(
    aws: &Aws,
    address: &Address,
    name: &str,
) -> Result<Option<LiveResource>, CallError> {
    let Some(balancer) = described(aws, name).await? else { return Ok(None) };
    let tags = tags_of(aws, &[name.to_owned()]).await?.remove(name);
    live(aws, Some(address), &balancer, tags).await
}
