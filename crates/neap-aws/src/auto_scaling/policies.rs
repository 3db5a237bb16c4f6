//! The scaling policies of a group of instances.
//!
//! Decides which of them are the stack's business, and what each means. Putting one is an upsert in which every member is
//! sent. Must not know when they act.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types as sdk;
use neap_core::kinds::{AutoScalingGroup, GroupTracking};
use neap_engine::cloud::CallError;

use crate::client::Aws;
use crate::ecs::{count, uncount};
use crate::error::failed;
use crate::found::if_gone;

const DESCRIBE: &str = "autoscaling:DescribePolicies";
const TRACKING: &str = "TargetTrackingScaling";
/// The most policies that a page holds.
const PAGE: i32 = 100;
/// What the metric is in by which ECS's managed scaling works ("Amazon ECS cluster auto scaling"), and what its policies begin with.
const MANAGED: (&str, &str) = ("AWS/ECS/ManagedScaling", "ECSManaged");
/// The metric of a policy that is none of target tracking by a predefined metric.
const OTHER: &str = "other";

/// The policies of all groups in the region, or of one.
pub(super) async fn list(aws: &Aws, group: Option<&str>) -> Result<Vec<sdk::ScalingPolicy>, CallError> {
    let call = aws.scaling.describe_policies().set_auto_scaling_group_name(group.map(str::to_owned));
    let pages = call.into_paginator().page_size(PAGE).items().send();
    pages.try_collect().await.map_err(failed(DESCRIBE))
}

/// Those of the group of this name, as fields.
pub(super) fn of_group(policies: &[sdk::ScalingPolicy], group: &str) -> BTreeMap<String, GroupTracking> {
    let own = policies.iter().filter(|policy| policy.auto_scaling_group_name() == Some(group));
    let own = own.filter(|policy| !is_managed(policy));
    own.map(|policy| (policy.policy_name().unwrap_or_default().to_owned(), from_aws(policy))).collect()
}

/// Whether ECS's managed scaling works by it.
fn is_managed(policy: &sdk::ScalingPolicy) -> bool {
    let metric = policy.target_tracking_configuration().and_then(|it| it.customized_metric_specification());
    let named = policy.policy_name().is_some_and(|name| name.starts_with(MANAGED.1));
    named || metric.and_then(|metric| metric.namespace()) == Some(MANAGED.0)
}

fn from_aws(policy: &sdk::ScalingPolicy) -> GroupTracking {
    let tracking = policy.target_tracking_configuration();
    let metric = tracking.and_then(|it| it.predefined_metric_specification());
    let metric = metric.and_then(|metric| metric.predefined_metric_type());
    // One that somebody switched off scales nothing: it is put anew, as what it is not now.
    let metric = metric.filter(|_| policy.enabled() != Some(false));
    GroupTracking {
        metric: metric.map_or(OTHER, sdk::MetricType::as_str).to_owned(),
        target: tracking.and_then(|it| it.target_value()).unwrap_or(0.0),
        warmup_seconds: policy.estimated_instance_warmup().map_or(AutoScalingGroup::WARMUP, uncount),
        disable_scale_in: tracking.and_then(|it| it.disable_scale_in()).unwrap_or(false),
    }
}

fn to_aws(policy: &GroupTracking) -> sdk::TargetTrackingConfiguration {
    let metric = sdk::PredefinedMetricSpecification::builder();
    let metric = metric.predefined_metric_type(policy.metric.as_str().into()).build();
    sdk::TargetTrackingConfiguration::builder()
        .target_value(policy.target)
        .predefined_metric_specification(metric)
        .disable_scale_in(policy.disable_scale_in)
        .build()
}

/// Puts the policies of `after` that differ from those of `before`, when those that are in neither are gone.
pub(super) async fn put(
    aws: &Aws,
    group: &str,
    before: &BTreeMap<String, GroupTracking>,
    after: &BTreeMap<String, GroupTracking>,
) -> Result<(), CallError> {
    for (name, policy) in before {
        // A policy cannot become one of another type.
        if after.get(name).is_none_or(|after| policy.metric == OTHER && policy != after) {
            let call = aws.scaling.delete_policy().auto_scaling_group_name(group).policy_name(name);
            if_gone(call.send().await.map_err(failed("autoscaling:DeletePolicy")))?;
        }
    }
    for (name, policy) in after.iter().filter(|(name, policy)| before.get(*name) != Some(*policy)) {
        let call = aws
            .scaling
            .put_scaling_policy()
            .auto_scaling_group_name(group)
            .policy_name(name)
            .policy_type(TRACKING)
            .estimated_instance_warmup(count(policy.warmup_seconds))
            .target_tracking_configuration(to_aws(policy));
        call.send().await.map_err(failed("autoscaling:PutScalingPolicy"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    fn policy(name: &str) -> sdk::builders::ScalingPolicyBuilder {
        sdk::ScalingPolicy::builder().auto_scaling_group_name("workers").policy_name(name)
    }

    #[test]
    fn policies_read_back_as_they_were_put() {
        let example = AutoScalingGroup::example().target_tracking;
        let put = |(name, fields): (&String, &GroupTracking)| {
            let policy = policy(name).target_tracking_configuration(to_aws(fields));
            policy.estimated_instance_warmup(count(fields.warmup_seconds)).build()
        };
        let policies: Vec<sdk::ScalingPolicy> = example.iter().map(put).collect();
        assert_eq!(of_group(&policies, "workers"), example);
        assert!(of_group(&policies, "others").is_empty());
    }

    #[test]
    fn what_managed_scaling_works_by_is_ecs_own() {
        let metric = sdk::CustomizedMetricSpecification::builder().namespace("AWS/ECS/ManagedScaling");
        let tracking =
            sdk::TargetTrackingConfiguration::builder().customized_metric_specification(metric.build());
        let by_metric = policy("any").target_tracking_configuration(tracking.build()).build();
        let by_name = policy("ECSManagedAutoScalingPolicy-0b1c").build();
        assert!(of_group(&[by_metric, by_name], "workers").is_empty());
    }

    #[test]
    fn a_policy_of_others_has_a_metric_that_aws_does_not_know() {
        let simple = of_group(&[policy("out").policy_type("SimpleScaling").build()], "workers");
        assert_eq!((simple["out"].metric.as_str(), simple["out"].warmup_seconds), (OTHER, 300));
    }

    #[test]
    fn a_policy_that_is_switched_off_differs_from_what_was_put() {
        let example = AutoScalingGroup::example().target_tracking;
        let (name, fields) = example.first_key_value().expect("a policy");
        let off = policy(name).target_tracking_configuration(to_aws(fields)).enabled(false).build();
        assert_eq!(of_group(&[off], "workers")[name].metric, OTHER);
    }
}
