//! Load balancers, what is inside those of the stack, and target groups.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types as sdk;
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Seen, StackScope, Thing};
use neap_engine::cloud::{CallError, ErrorKind};

use super::{Part, each, tags};
use crate::client::Aws;
use crate::error::failed;

/// The most entries that a page holds.
const PAGE: i32 = 400;
/// The most ARNs whose tags one call tells.
const TAGGED: usize = 20;

type TagsByArn = BTreeMap<String, BTreeMap<String, String>>;

pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let (balancers, groups) = tokio::join!(balancers(aws), groups(aws));
    let (balancers, groups) = (part.take(balancers), part.take(groups));
    part.seen.extend(balancers.iter().map(balancer));
    for group in &groups {
        let arn = group.target_group_arn().unwrap_or_default();
        part.seen.push(Seen::new(Thing::TargetGroup, arn, group.target_group_name().unwrap_or_default()));
        for balancer in group.load_balancer_arns() {
            if let Some(seen) = part.find(balancer) {
                seen.uses.insert(arn.to_owned());
            }
        }
    }
    tag(aws, &mut part, 0).await;
    inside(aws, scope, &mut part).await;
    part
}

async fn balancers(aws: &Aws) -> Result<Vec<sdk::LoadBalancer>, CallError> {
    let pages = aws.elb.describe_load_balancers().page_size(PAGE).into_paginator().items().send();
    pages.try_collect().await.map_err(failed("elasticloadbalancing:DescribeLoadBalancers"))
}

async fn groups(aws: &Aws) -> Result<Vec<sdk::TargetGroup>, CallError> {
    let pages = aws.elb.describe_target_groups().page_size(PAGE).into_paginator().items().send();
    pages.try_collect().await.map_err(failed("elasticloadbalancing:DescribeTargetGroups"))
}

fn balancer(balancer: &sdk::LoadBalancer) -> Seen {
    let arn = balancer.load_balancer_arn().unwrap_or_default();
    let mut seen = Seen::new(Thing::LoadBalancer, arn, balancer.load_balancer_name().unwrap_or_default());
    seen.uses = balancer.security_groups().iter().cloned().collect();
    // What goes through it comes on top, and nothing here knows how much that is.
    seen.usage = match balancer.r#type() {
        Some(sdk::LoadBalancerTypeEnum::Application) => vec![Usage::of(Charge::Alb, 1.0)],
        Some(sdk::LoadBalancerTypeEnum::Network) => vec![Usage::of(Charge::Nlb, 1.0)],
        _ => Vec::new(),
    };
    seen
}

/// Puts the tags on everything from `first` on.
async fn tag(aws: &Aws, part: &mut Part, first: usize) {
    let arns: Vec<String> = part.seen[first..].iter().map(|seen| seen.id.clone()).collect();
    let batches: Vec<&[String]> = arns.chunks(TAGGED).collect();
    let mut all = TagsByArn::new();
    for answer in each(&batches, async |batch| tags_of(aws, batch).await).await {
        all.extend(part.take(answer));
    }
    for seen in &mut part.seen[first..] {
        seen.tags = all.remove(&seen.id).unwrap_or_default();
    }
}

/// The tags of a batch. One that has just gone fails the call for all of them, so then each is asked for alone.
async fn tags_of(aws: &Aws, arns: &[String]) -> Result<TagsByArn, CallError> {
    match describe_tags(aws, arns).await {
        Err(error) if error.kind == ErrorKind::NotFound && arns.len() > 1 => {
            let mut all = TagsByArn::new();
            for arn in arns {
                match describe_tags(aws, std::slice::from_ref(arn)).await {
                    Ok(tags) => all.extend(tags),
                    Err(error) if error.kind == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(all)
        }
        answer => answer,
    }
}

async fn describe_tags(aws: &Aws, arns: &[String]) -> Result<TagsByArn, CallError> {
    let answer = aws.elb.describe_tags().set_resource_arns(Some(arns.to_vec())).send().await;
    let answer = answer.map_err(failed("elasticloadbalancing:DescribeTags"))?;
    let described = answer.tag_descriptions().iter().map(|it| {
        let pairs =
            it.tags().iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()));
        (it.resource_arn().unwrap_or_default().to_owned(), tags(pairs))
    });
    Ok(described.collect())
}

/// The listeners and rules of what may be the stack's, and whether it is protected.
async fn inside(aws: &Aws, scope: &StackScope, part: &mut Part) {
    let own = part.candidates(scope, Thing::LoadBalancer);
    let first = part.seen.len();
    for (arn, answer) in own.iter().zip(each(&own, async |arn| protection(aws, arn).await).await) {
        let is_protected = part.take(answer);
        if let Some(seen) = part.find(arn) {
            seen.protected = is_protected;
        }
    }
    let mut listeners = Vec::new();
    for (arn, answer) in own.iter().zip(each(&own, async |arn| listeners_of(aws, arn).await).await) {
        for listener in part.take(answer) {
            listeners.push(listener.clone());
            part.seen.push(Seen { within: Some(arn.clone()), ..Seen::new(Thing::Listener, listener, "") });
        }
    }
    // Those of network load balancers have no rules.
    listeners.retain(|arn| !arn.contains(":listener/net/"));
    for (arn, answer) in listeners.iter().zip(each(&listeners, async |arn| rules_of(aws, arn).await).await) {
        for rule in part.take(answer) {
            part.seen.push(Seen { within: Some(arn.clone()), ..Seen::new(Thing::ListenerRule, rule, "") });
        }
    }
    tag(aws, part, first).await;
}

async fn protection(aws: &Aws, arn: &str) -> Result<bool, CallError> {
    let answer = aws.elb.describe_load_balancer_attributes().load_balancer_arn(arn).send().await;
    let answer = answer.map_err(failed("elasticloadbalancing:DescribeLoadBalancerAttributes"))?;
    let on = |it: &sdk::LoadBalancerAttribute| {
        it.key() == Some("deletion_protection.enabled") && it.value() == Some("true")
    };
    Ok(answer.attributes().iter().any(on))
}

async fn listeners_of(aws: &Aws, arn: &str) -> Result<Vec<String>, CallError> {
    let call = aws.elb.describe_listeners().load_balancer_arn(arn).page_size(PAGE);
    let listeners: Vec<sdk::Listener> = call
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failed("elasticloadbalancing:DescribeListeners"))?;
    Ok(listeners.into_iter().filter_map(|listener| listener.listener_arn).collect())
}

/// The rules of a listener; its default one is a part of it.
async fn rules_of(aws: &Aws, arn: &str) -> Result<Vec<String>, CallError> {
    let pages = aws.elb.describe_rules().listener_arn(arn).page_size(PAGE).into_paginator().items().send();
    let rules: Vec<sdk::Rule> =
        pages.try_collect().await.map_err(failed("elasticloadbalancing:DescribeRules"))?;
    let added = rules
        .into_iter()
        .filter(|rule| rule.is_default != Some(true) && rule.priority.as_deref() != Some("default"));
    Ok(added.filter_map(|rule| rule.rule_arn).collect())
}
