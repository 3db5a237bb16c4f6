//! Reading scalable targets: one listing of all in the region, and a closer look at those that may be the stack's.
//!
//! Decides which of them that are. Must not know how they change.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_applicationautoscaling::types::{ScalableTarget as AwsTarget, ScalingPolicy, ScheduledAction};
use futures_util::future::{join_all, try_join_all};
use neap_core::address::Address;
use neap_core::desired::{Desired, TAG_STACK};
use neap_core::kinds::{Cluster, ScalableTarget, Service, StepAlarm};
use neap_core::live::{LiveResource, Phase};
use neap_core::reference::{self, Reference};
use neap_engine::cloud::CallError;
use tokio::try_join;

use super::{DIMENSION, NAMESPACE, alarm, convert};
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::{Found, Outcome, address_of, if_there};
use crate::remote::{Fields, declared, outputs};
use crate::service::cluster_name;
use crate::tags::{Tags, visible};

const DESCRIBE: &str = "application-autoscaling:DescribeScalableTargets";

/// Reads what scales the stack's services, and what scaled those that it no longer declares.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let targets = match list(aws).await {
        Ok(targets) => targets,
        Err(error) => {
            found.unlistable::<ScalableTarget>(desired, &error);
            return found;
        }
    };
    let wanted: BTreeMap<String, &Address> = declared::<ScalableTarget>(desired)
        .filter_map(|(address, target)| Some((wanted_id(desired, target)?, address)))
        .collect();
    let clusters: BTreeSet<&str> = declared::<Cluster>(desired).map(|(_, it)| it.name.as_str()).collect();
    let prefix = format!("{}-", desired.stack);
    let concerns = |target: &&AwsTarget| {
        let id = target.resource_id();
        let (cluster, service) = id.trim_start_matches("service/").split_once('/').unwrap_or_default();
        let named = [cluster, service].iter().any(|name| name.starts_with(&prefix));
        wanted.contains_key(id) || clusters.contains(cluster) || named
    };
    let candidates = targets.iter().filter(concerns);
    let candidates =
        candidates.map(|target| candidate(aws, target, wanted.get(target.resource_id()).copied()));
    found.collect(join_all(candidates).await);
    found.rest_absent::<ScalableTarget>(desired);
    found
}

/// What Application Auto Scaling calls the service of a desired target.
fn wanted_id(desired: &Desired, target: &ScalableTarget) -> Option<String> {
    let service = reference::in_text(&target.service).into_iter().find_map(|reference| match reference {
        Reference::Output(address, _) => desired.resources.get(&address),
        Reference::Fact(_) | Reference::Variable(_) | Reference::Secret(_) | Reference::Zone(_) => None,
    });
    let Some(service) = service.and_then(|wanted| Service::of(&wanted.resource)) else {
        return Some(ScalableTarget::resource_id(&target.service)).filter(|id| !id.is_empty());
    };
    Some(format!("service/{}/{}", cluster_name(desired, &service.cluster), service.name))
}

async fn list(aws: &Aws) -> Result<Vec<AwsTarget>, CallError> {
    let request = aws.services_scaling.describe_scalable_targets().service_namespace(NAMESPACE);
    let pages = request.scalable_dimension(DIMENSION).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed(DESCRIBE))
}

/// The target of this service, if it has one.
pub(super) async fn describe(aws: &Aws, id: &str) -> Result<Option<AwsTarget>, CallError> {
    let request = aws.services_scaling.describe_scalable_targets().service_namespace(NAMESPACE);
    let answer = request.scalable_dimension(DIMENSION).resource_ids(id).send().await;
    let answer = if_there(answer.map_err(failed(DESCRIBE)))?;
    Ok(answer.and_then(|answer| answer.scalable_targets.unwrap_or_default().into_iter().next()))
}

/// The target of this service as a reading, if it has one, whoever owns it.
pub(super) async fn find(aws: &Aws, id: &str) -> Result<Option<LiveResource>, CallError> {
    let Some(target) = describe(aws, id).await? else { return Ok(None) };
    let nobodys = Address::new(neap_core::address::Kind::ScalableTarget, "unknown");
    candidate(aws, &target, Some(&nobodys)).await.1
}

async fn candidate(aws: &Aws, target: &AwsTarget, named: Option<&Address>) -> Outcome {
    let outcome = async {
        let arn = target.scalable_target_arn().ok_or_else(|| incomplete(DESCRIBE, "ScalableTargetARN"))?;
        let id = target.resource_id();
        let (tags, policies, schedules) = try_join!(tags(aws, arn), policies(aws, id), schedules(aws, id))?;
        let alarms =
            alarms(aws, &policies, &format!("{}-", tags.get(TAG_STACK).map_or("", String::as_str))).await?;
        let fields = convert::from_aws(target, &policies, &alarms, &schedules);
        Ok(address_of(&tags, named).map(|address| LiveResource {
            address,
            id: target.resource_id().to_owned(),
            outputs: outputs([("arn", arn)]),
            resource: fields.into(),
            tags,
            phase: Phase::Ready,
        }))
    };
    (named.cloned(), if_there(outcome.await).map(Option::flatten))
}

async fn tags(aws: &Aws, arn: &str) -> Result<Tags, CallError> {
    let answer = aws.services_scaling.list_tags_for_resource().resource_arn(arn).send().await;
    let answer = answer.map_err(failed("application-autoscaling:ListTagsForResource"))?;
    Ok(visible(answer.tags.unwrap_or_default()))
}

async fn policies(aws: &Aws, id: &str) -> Result<Vec<ScalingPolicy>, CallError> {
    let request = aws.services_scaling.describe_scaling_policies().service_namespace(NAMESPACE);
    let pages = request.scalable_dimension(DIMENSION).resource_id(id).into_paginator().items().send();
    let policies = pages.collect::<Result<_, _>>().await;
    policies.map_err(failed("application-autoscaling:DescribeScalingPolicies"))
}

/// The alarms that set off policies of step scaling, by policy.
async fn alarms(
    aws: &Aws,
    policies: &[ScalingPolicy],
    prefix: &str,
) -> Result<BTreeMap<String, StepAlarm>, CallError> {
    let steps = policies.iter().filter(|policy| policy.step_scaling_policy_configuration().is_some());
    let found = steps.map(async |policy| {
        let alarm = alarm::of_policy(aws, policy.policy_arn(), prefix).await?;
        Ok(alarm.map(|alarm| (policy.policy_name().to_owned(), alarm)))
    });
    Ok(try_join_all(found).await?.into_iter().flatten().collect())
}

async fn schedules(aws: &Aws, id: &str) -> Result<Vec<ScheduledAction>, CallError> {
    let request = aws.services_scaling.describe_scheduled_actions().service_namespace(NAMESPACE);
    let pages = request.scalable_dimension(DIMENSION).resource_id(id).into_paginator().items().send();
    let actions = pages.collect::<Result<_, _>>().await;
    actions.map_err(failed("application-autoscaling:DescribeScheduledActions"))
}
