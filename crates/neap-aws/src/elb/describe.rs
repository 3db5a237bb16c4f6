//! Looking at load balancers and what belongs to them: the calls, page by page.
//!
//! Decides which calls are made and how full. Must not know what is the stack's own.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types as sdk;
use futures_util::future::try_join_all;
use neap_engine::cloud::{CallError, ErrorKind};

use crate::client::Aws;
use crate::error::failed;
use crate::found::if_there;
use crate::tags::{Tags, from_elb};

/// Attributes by key.
pub(super) type Attributes = BTreeMap<String, String>;

/// The most entries that a page holds.
const PAGE: i32 = 400;

/// The most ARNs whose tags one call tells.
const TAGGED_AT_ONCE: usize = 20;

/// Every load balancer.
pub(super) async fn load_balancers(aws: &Aws) -> Result<Vec<sdk::LoadBalancer>, CallError> {
    let pages = aws.elb.describe_load_balancers().page_size(PAGE).into_paginator().items().send();
    pages.try_collect().await.map_err(failed("elasticloadbalancing:DescribeLoadBalancers"))
}

/// The load balancer called `name`.
async fn load_balancer_named(aws: &Aws, name: &str) -> Result<Option<sdk::LoadBalancer>, CallError> {
    let answer = aws.elb.describe_load_balancers().names(name).send().await;
    let answer = if_there(answer.map_err(failed("elasticloadbalancing:DescribeLoadBalancers")))?;
    Ok(answer.and_then(|answer| answer.load_balancers.unwrap_or_default().pop()))
}

/// The load balancer called `name`, of either kind, with its attributes and tags.
pub(super) async fn load_balancer_in_full(
    aws: &Aws,
    name: &str,
) -> Result<Option<(sdk::LoadBalancer, Attributes, Tags)>, CallError> {
    let Some(balancer) = load_balancer_named(aws, name).await? else { return Ok(None) };
    let arn = balancer.load_balancer_arn().unwrap_or_default();
    let attributes = load_balancer_attributes(aws, arn).await?;
    let tags = tags_of(aws, &[arn.to_owned()]).await?.remove(arn).unwrap_or_default();
    Ok(Some((balancer, attributes, tags)))
}

/// The load balancer `arn`.
pub(super) async fn load_balancer(aws: &Aws, arn: &str) -> Result<Option<sdk::LoadBalancer>, CallError> {
    let answer = aws.elb.describe_load_balancers().load_balancer_arns(arn).send().await;
    let answer = if_there(answer.map_err(failed("elasticloadbalancing:DescribeLoadBalancers")))?;
    Ok(answer.and_then(|answer| answer.load_balancers.unwrap_or_default().pop()))
}

/// The attributes of the load balancer `arn`.
pub(super) async fn load_balancer_attributes(aws: &Aws, arn: &str) -> Result<Attributes, CallError> {
    let answer = aws.elb.describe_load_balancer_attributes().load_balancer_arn(arn).send().await;
    let answer = answer.map_err(failed("elasticloadbalancing:DescribeLoadBalancerAttributes"))?;
    let pair = |attribute: &sdk::LoadBalancerAttribute| {
        Some((attribute.key()?.to_owned(), attribute.value().unwrap_or_default().to_owned()))
    };
    Ok(answer.attributes().iter().filter_map(pair).collect())
}

/// Every target group.
pub(super) async fn target_groups(aws: &Aws) -> Result<Vec<sdk::TargetGroup>, CallError> {
    let pages = aws.elb.describe_target_groups().page_size(PAGE).into_paginator().items().send();
    pages.try_collect().await.map_err(failed("elasticloadbalancing:DescribeTargetGroups"))
}

/// The target group called `name`.
pub(super) async fn target_group_named(aws: &Aws, name: &str) -> Result<Option<sdk::TargetGroup>, CallError> {
    let answer = aws.elb.describe_target_groups().names(name).send().await;
    let answer = if_there(answer.map_err(failed("elasticloadbalancing:DescribeTargetGroups")))?;
    Ok(answer.and_then(|answer| answer.target_groups.unwrap_or_default().pop()))
}

/// The attributes of the target group `arn`.
pub(super) async fn target_group_attributes(aws: &Aws, arn: &str) -> Result<Attributes, CallError> {
    let answer = aws.elb.describe_target_group_attributes().target_group_arn(arn).send().await;
    let answer = answer.map_err(failed("elasticloadbalancing:DescribeTargetGroupAttributes"))?;
    let pair = |attribute: &sdk::TargetGroupAttribute| {
        Some((attribute.key()?.to_owned(), attribute.value().unwrap_or_default().to_owned()))
    };
    Ok(answer.attributes().iter().filter_map(pair).collect())
}

/// The listeners of the load balancer `arn`.
pub(super) async fn listeners(aws: &Aws, arn: &str) -> Result<Vec<sdk::Listener>, CallError> {
    let call = aws.elb.describe_listeners().load_balancer_arn(arn);
    let pages = call.page_size(PAGE).into_paginator().items().send();
    pages.try_collect().await.map_err(failed("elasticloadbalancing:DescribeListeners"))
}

/// The certificates of the listener `arn` beside its default one. AWS lists the default one too, and
/// once more where somebody added it to the others.
pub(super) async fn extra_certificates(aws: &Aws, arn: &str) -> Result<BTreeSet<String>, CallError> {
    let pages = aws.elb.describe_listener_certificates().listener_arn(arn).page_size(PAGE);
    let certificates: Vec<sdk::Certificate> = pages
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failed("elasticloadbalancing:DescribeListenerCertificates"))?;
    let others = certificates.into_iter().filter(|certificate| certificate.is_default != Some(true));
    Ok(others.filter_map(|certificate| certificate.certificate_arn).collect())
}

/// The attributes of the listener `arn`.
pub(super) async fn listener_attributes(aws: &Aws, arn: &str) -> Result<Attributes, CallError> {
    let answer = aws.elb.describe_listener_attributes().listener_arn(arn).send().await;
    let answer = answer.map_err(failed("elasticloadbalancing:DescribeListenerAttributes"))?;
    let pair = |attribute: &sdk::ListenerAttribute| {
        Some((attribute.key()?.to_owned(), attribute.value().unwrap_or_default().to_owned()))
    };
    Ok(answer.attributes().iter().filter_map(pair).collect())
}

/// The rules of the listener `arn`, its default rule among them.
pub(super) async fn rules(aws: &Aws, arn: &str) -> Result<Vec<sdk::Rule>, CallError> {
    let pages = aws.elb.describe_rules().listener_arn(arn).page_size(PAGE).into_paginator().items().send();
    pages.try_collect().await.map_err(failed("elasticloadbalancing:DescribeRules"))
}

/// Whether it is a listener's default rule, which is a part of the listener.
pub(super) fn is_default(rule: &sdk::Rule) -> bool {
    rule.is_default() == Some(true) || rule.priority() == Some("default")
}

/// The tags of each of `arns` that is still there.
pub(super) async fn tags_of(aws: &Aws, arns: &[String]) -> Result<BTreeMap<String, Tags>, CallError> {
    let batches = try_join_all(arns.chunks(TAGGED_AT_ONCE).map(|batch| tags_of_batch(aws, batch))).await?;
    Ok(batches.into_iter().flatten().collect())
}

/// One missing ARN fails the whole call, so then each is asked for alone.
async fn tags_of_batch(aws: &Aws, arns: &[String]) -> Result<BTreeMap<String, Tags>, CallError> {
    let error = match describe_tags(aws, arns).await {
        Ok(tags) => return Ok(tags),
        Err(error) => error,
    };
    if error.kind != ErrorKind::NotFound {
        return Err(error);
    }
    let mut found = BTreeMap::new();
    if arns.len() > 1 {
        for arn in arns {
            let alone = if_there(describe_tags(aws, std::slice::from_ref(arn)).await)?;
            found.extend(alone.unwrap_or_default());
        }
    }
    Ok(found)
}

async fn describe_tags(aws: &Aws, arns: &[String]) -> Result<BTreeMap<String, Tags>, CallError> {
    let answer = aws.elb.describe_tags().set_resource_arns(Some(arns.to_vec())).send().await;
    let answer = answer.map_err(failed("elasticloadbalancing:DescribeTags"))?;
    let described = |description: &sdk::TagDescription| {
        Some((description.resource_arn()?.to_owned(), from_elb(description.tags())))
    };
    Ok(answer.tag_descriptions().iter().filter_map(described).collect())
}
