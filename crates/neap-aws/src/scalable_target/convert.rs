//! A scalable target's fields to and from the SDK's types.
//!
//! Decides which members a target sends and what absent ones mean. Must not make calls.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_applicationautoscaling::types as sdk;
use neap_core::kinds::{ScalableTarget, TargetTracking};
use neap_engine::cloud::CallError;

use crate::ecs::{count, uncount};
use crate::error::incomplete;

const PUT: &str = "application-autoscaling:PutScalingPolicy";
/// The cooldown of ECS services, in seconds, where a policy names none.
const COOLDOWN: u32 = 300;
/// The metric of a policy that is none of target tracking by a predefined metric.
const OTHER: &str = "other";

/// What scaling leaves alone. All three members are sent, since an omitted one keeps its value.
pub(super) fn to_suspended(words: &BTreeSet<String>) -> sdk::SuspendedState {
    sdk::SuspendedState::builder()
        .dynamic_scaling_in_suspended(words.contains("scale_in"))
        .dynamic_scaling_out_suspended(words.contains("scale_out"))
        .scheduled_scaling_suspended(words.contains("schedule"))
        .build()
}

fn from_suspended(state: Option<&sdk::SuspendedState>) -> BTreeSet<String> {
    let Some(state) = state else { return BTreeSet::new() };
    let words = [
        ("scale_in", state.dynamic_scaling_in_suspended()),
        ("scale_out", state.dynamic_scaling_out_suspended()),
        ("schedule", state.scheduled_scaling_suspended()),
    ];
    words.into_iter().filter(|(_, is)| *is == Some(true)).map(|(word, _)| word.to_owned()).collect()
}

/// A policy of target tracking.
pub(super) fn to_tracking(
    policy: &TargetTracking,
) -> Result<sdk::TargetTrackingScalingPolicyConfiguration, CallError> {
    let metric = sdk::PredefinedMetricSpecification::builder()
        .predefined_metric_type(sdk::MetricType::from(policy.metric.as_str()))
        .set_resource_label(policy.resource_label.clone())
        .build()
        .map_err(|_| incomplete(PUT, "PredefinedMetricType"))?;
    sdk::TargetTrackingScalingPolicyConfiguration::builder()
        .target_value(policy.target)
        .predefined_metric_specification(metric)
        .scale_in_cooldown(count(policy.scale_in_cooldown))
        .scale_out_cooldown(count(policy.scale_out_cooldown))
        .disable_scale_in(policy.disable_scale_in)
        .build()
        .map_err(|_| incomplete(PUT, "TargetValue"))
}

/// A policy that somebody else has put on the target differs from any that neap writes.
fn from_policy(policy: &sdk::ScalingPolicy) -> TargetTracking {
    let tracking = policy.target_tracking_scaling_policy_configuration();
    let metric = tracking.and_then(|it| it.predefined_metric_specification());
    let cooldown = |seconds: Option<i32>| seconds.map_or(COOLDOWN, uncount);
    TargetTracking {
        metric: metric.map_or(OTHER, |it| it.predefined_metric_type().as_str()).to_owned(),
        resource_label: metric.and_then(|it| it.resource_label()).map(ToOwned::to_owned),
        target: tracking.map_or(0.0, sdk::TargetTrackingScalingPolicyConfiguration::target_value),
        scale_in_cooldown: cooldown(tracking.and_then(|it| it.scale_in_cooldown())),
        scale_out_cooldown: cooldown(tracking.and_then(|it| it.scale_out_cooldown())),
        disable_scale_in: tracking.and_then(|it| it.disable_scale_in()).unwrap_or(false),
    }
}

/// Whether a live policy may be of another type, so that no policy of target tracking can be put in its place.
pub(super) fn is_of_other_type(policy: &TargetTracking) -> bool {
    policy.metric == OTHER
}

/// The ARN of the service that a target scales: its resource id, in the account and region of its own ARN.
fn service(target: &sdk::ScalableTarget) -> String {
    let parts: Vec<&str> = target.scalable_target_arn().unwrap_or_default().split(':').collect();
    let [_, partition, _, region, account, ..] = parts.as_slice() else { return String::new() };
    format!("arn:{partition}:ecs:{region}:{account}:{}", target.resource_id())
}

/// A live target's fields.
pub(super) fn from_aws(target: &sdk::ScalableTarget, policies: &[sdk::ScalingPolicy]) -> ScalableTarget {
    let policies: BTreeMap<String, TargetTracking> =
        policies.iter().map(|policy| (policy.policy_name().to_owned(), from_policy(policy))).collect();
    ScalableTarget {
        service: service(target),
        min: uncount(target.min_capacity()),
        max: uncount(target.max_capacity()),
        suspended: from_suspended(target.suspended_state()),
        target_tracking: policies,
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;
    use neap_core::kinds::KindOf;

    use super::super::{DIMENSION, NAMESPACE};
    use super::*;

    fn live(fields: &ScalableTarget) -> sdk::ScalableTarget {
        let builder = sdk::ScalableTarget::builder()
            .service_namespace(NAMESPACE)
            .scalable_dimension(DIMENSION)
            .resource_id(ScalableTarget::resource_id(&fields.service))
            .min_capacity(count(fields.min))
            .max_capacity(count(fields.max))
            .role_arn(
                "arn:aws:iam::123456789012:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/x",
            )
            .creation_time(DateTime::from_secs(0))
            .suspended_state(to_suspended(&fields.suspended))
            .scalable_target_arn(
                "arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/0ec5",
            );
        builder.build().expect("a target")
    }

    fn policy(name: &str) -> sdk::builders::ScalingPolicyBuilder {
        sdk::ScalingPolicy::builder()
            .policy_arn("arn:policy")
            .policy_name(name)
            .service_namespace(NAMESPACE)
            .scalable_dimension(DIMENSION)
            .resource_id("service/course-main/course-api")
            .policy_type(sdk::PolicyType::TargetTrackingScaling)
            .creation_time(DateTime::from_secs(0))
    }

    fn put((name, fields): (&String, &TargetTracking)) -> sdk::ScalingPolicy {
        let configuration = to_tracking(fields).expect("a configuration");
        let policy = policy(name).target_tracking_scaling_policy_configuration(configuration);
        policy.build().expect("a policy")
    }

    #[test]
    fn a_target_reads_back_as_it_was_registered() {
        let example = ScalableTarget::example();
        let policies: Vec<sdk::ScalingPolicy> = example.target_tracking.iter().map(put).collect();
        assert_eq!(from_aws(&live(&example), &policies), example);
        let free = ScalableTarget { suspended: [].into(), target_tracking: [].into(), ..example };
        assert_eq!(from_aws(&live(&free), &[]), free);
    }

    #[test]
    fn a_policy_without_cooldowns_has_those_of_ecs() {
        let metric = sdk::PredefinedMetricSpecification::builder()
            .predefined_metric_type(sdk::MetricType::EcsServiceAverageCpuUtilization);
        let configuration = sdk::TargetTrackingScalingPolicyConfiguration::builder()
            .target_value(50.0)
            .predefined_metric_specification(metric.build().expect("a metric"))
            .build()
            .expect("a configuration");
        let bare = policy("cpu").target_tracking_scaling_policy_configuration(configuration);
        let fields = from_policy(&bare.build().expect("a policy"));
        assert_eq!((fields.metric.as_str(), fields.target), (ScalableTarget::CPU, 50.0));
        assert_eq!((fields.scale_in_cooldown, fields.scale_out_cooldown), (300, 300));
        assert!(!fields.disable_scale_in && !is_of_other_type(&fields));
    }

    #[test]
    fn a_policy_of_another_type_differs_from_any_that_neap_writes() {
        let step = policy("out").policy_type(sdk::PolicyType::StepScaling).build().expect("a policy");
        assert!(is_of_other_type(&from_policy(&step)));
    }
}
