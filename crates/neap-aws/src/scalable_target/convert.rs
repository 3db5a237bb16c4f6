//! A scalable target's fields to and from the SDK's types.
//!
//! Decides which members a target sends and what absent ones mean. Must not make calls.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_applicationautoscaling::types as sdk;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use neap_core::kinds::{ScalableTarget, ScheduledAction, Step, StepAlarm, StepScaling, TargetTracking};
use neap_engine::cloud::{CallError, ErrorKind};

use crate::ecs::{count, uncount};
use crate::error::{incomplete, refused};

const PUT: &str = "application-autoscaling:PutScalingPolicy";
const PUT_SCHEDULE: &str = "application-autoscaling:PutScheduledAction";
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

/// A policy of step scaling.
pub(super) fn to_steps(policy: &StepScaling) -> Result<sdk::StepScalingPolicyConfiguration, CallError> {
    let step = |step: &Step| {
        sdk::StepAdjustment::builder()
            .set_metric_interval_lower_bound(step.lower)
            .set_metric_interval_upper_bound(step.upper)
            .scaling_adjustment(step.adjustment)
            .build()
    };
    let steps: Vec<sdk::StepAdjustment> = policy
        .steps
        .iter()
        .map(step)
        .collect::<Result<_, _>>()
        .map_err(|_| incomplete(PUT, "ScalingAdjustment"))?;
    Ok(sdk::StepScalingPolicyConfiguration::builder()
        .adjustment_type(sdk::AdjustmentType::from(policy.adjustment_type.as_str()))
        .set_step_adjustments(Some(steps))
        .cooldown(count(policy.cooldown))
        .metric_aggregation_type(sdk::MetricAggregationType::from(policy.aggregation.as_str()))
        .set_min_adjustment_magnitude(policy.min_adjustment.map(count))
        .build())
}

/// A live policy of step scaling. Steps have no order of their own; a bound that AWS leaves out at the threshold is zero.
fn from_steps(configuration: &sdk::StepScalingPolicyConfiguration, alarm: Option<StepAlarm>) -> StepScaling {
    let step = |step: &sdk::StepAdjustment| Step {
        lower: step.metric_interval_lower_bound(),
        upper: step.metric_interval_upper_bound(),
        adjustment: step.scaling_adjustment(),
    };
    let mut steps: Vec<Step> = configuration.step_adjustments().iter().map(step).collect();
    let from = |step: &Step| step.lower.unwrap_or(f64::NEG_INFINITY);
    steps.sort_by(|one, other| from(one).total_cmp(&from(other)));
    StepScaling {
        adjustment_type: configuration.adjustment_type().map_or("", sdk::AdjustmentType::as_str).to_owned(),
        steps,
        cooldown: configuration.cooldown().map_or(COOLDOWN, uncount),
        aggregation: configuration
            .metric_aggregation_type()
            .map_or("Average", sdk::MetricAggregationType::as_str)
            .to_owned(),
        min_adjustment: configuration.min_adjustment_magnitude().filter(|least| *least > 0).map(uncount),
        alarm,
    }
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

/// A moment in UTC.
pub(super) fn to_moment(text: Option<&str>) -> Result<Option<DateTime>, CallError> {
    let moment = |text: &str| {
        DateTime::from_str(text, Format::DateTime)
            .map_err(|_| refused(ErrorKind::Invalid, PUT_SCHEDULE, format!("`{text}` is no moment in UTC")))
    };
    text.map(moment).transpose()
}

/// Moments that the SDK cannot write are none that it has read.
fn from_moment(moment: Option<&DateTime>) -> Option<String> {
    moment.and_then(|moment| moment.fmt(Format::DateTime).ok())
}

/// The limits that an action sets.
pub(super) fn to_limits(action: &ScheduledAction) -> sdk::ScalableTargetAction {
    sdk::ScalableTargetAction::builder()
        .set_min_capacity(action.min.map(count))
        .set_max_capacity(action.max.map(count))
        .build()
}

fn from_schedule(action: &sdk::ScheduledAction) -> ScheduledAction {
    let limits = action.scalable_target_action();
    ScheduledAction {
        schedule: action.schedule().to_owned(),
        timezone: action.timezone().unwrap_or(ScheduledAction::UTC).to_owned(),
        start: from_moment(action.start_time()),
        end: from_moment(action.end_time()),
        min: limits.and_then(sdk::ScalableTargetAction::min_capacity).map(uncount),
        max: limits.and_then(sdk::ScalableTargetAction::max_capacity).map(uncount),
    }
}

/// The ARN of the service that a target scales: its resource id, in the account and region of its own ARN.
fn service(target: &sdk::ScalableTarget) -> String {
    let parts: Vec<&str> = target.scalable_target_arn().unwrap_or_default().split(':').collect();
    let [_, partition, _, region, account, ..] = parts.as_slice() else { return String::new() };
    format!("arn:{partition}:ecs:{region}:{account}:{}", target.resource_id())
}

/// A live target's fields; `alarms` are those that set off its policies of step scaling, by policy.
pub(super) fn from_aws(
    target: &sdk::ScalableTarget,
    policies: &[sdk::ScalingPolicy],
    alarms: &BTreeMap<String, StepAlarm>,
    schedules: &[sdk::ScheduledAction],
) -> ScalableTarget {
    let name = |policy: &sdk::ScalingPolicy| policy.policy_name().to_owned();
    let steps = policies.iter().filter_map(|policy| {
        let configuration = policy.step_scaling_policy_configuration()?;
        Some((name(policy), from_steps(configuration, alarms.get(policy.policy_name()).cloned())))
    });
    let others = policies.iter().filter(|policy| policy.step_scaling_policy_configuration().is_none());
    ScalableTarget {
        service: service(target),
        min: uncount(target.min_capacity()),
        max: uncount(target.max_capacity()),
        suspended: from_suspended(target.suspended_state()),
        target_tracking: others.map(|policy| (name(policy), from_policy(policy))).collect(),
        step_scaling: steps.collect(),
        scheduled_actions: schedules
            .iter()
            .map(|action| (action.scheduled_action_name().to_owned(), from_schedule(action)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
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
        let tracking = example.target_tracking.iter().map(put);
        let policies: Vec<sdk::ScalingPolicy> =
            tracking.chain(example.step_scaling.iter().map(put_steps)).collect();
        let alarm = |(name, policy): (&String, &StepScaling)| Some((name.clone(), policy.alarm.clone()?));
        let alarms = example.step_scaling.iter().filter_map(alarm).collect();
        let schedules: Vec<sdk::ScheduledAction> = example.scheduled_actions.iter().map(scheduled).collect();
        assert_eq!(from_aws(&live(&example), &policies, &alarms, &schedules), example);
        let free = ScalableTarget {
            suspended: [].into(),
            target_tracking: [].into(),
            step_scaling: [].into(),
            scheduled_actions: [].into(),
            ..example
        };
        assert_eq!(from_aws(&live(&free), &[], &BTreeMap::new(), &[]), free);
    }

    fn put_steps((name, fields): (&String, &StepScaling)) -> sdk::ScalingPolicy {
        let configuration = to_steps(fields).expect("a configuration");
        let policy = policy(name).policy_type(sdk::PolicyType::StepScaling);
        policy.step_scaling_policy_configuration(configuration).build().expect("a policy")
    }

    fn scheduled((name, fields): (&String, &ScheduledAction)) -> sdk::ScheduledAction {
        action(name, fields).build().expect("an action")
    }

    fn action(name: &str, fields: &ScheduledAction) -> sdk::builders::ScheduledActionBuilder {
        sdk::ScheduledAction::builder()
            .scheduled_action_name(name)
            .scheduled_action_arn("arn:action")
            .service_namespace(NAMESPACE)
            .scalable_dimension(DIMENSION)
            .resource_id("service/course-main/course-api")
            .schedule(&fields.schedule)
            .timezone(&fields.timezone)
            .set_start_time(to_moment(fields.start.as_deref()).expect("a moment"))
            .set_end_time(to_moment(fields.end.as_deref()).expect("a moment"))
            .scalable_target_action(to_limits(fields))
            .creation_time(DateTime::from_secs(0))
    }

    #[test]
    fn a_schedule_without_a_time_zone_is_in_utc() {
        let fields = ScalableTarget::example().scheduled_actions["night"].clone();
        let bare = action("night", &fields).set_timezone(None).set_start_time(None);
        let expected = ScheduledAction { timezone: "UTC".into(), start: None, ..fields };
        assert_eq!(from_schedule(&bare.build().expect("an action")), expected);
    }

    #[test]
    fn what_is_no_moment_is_not_sent() {
        assert!(to_moment(Some("tomorrow")).is_err());
        assert_eq!(to_moment(None).expect("nothing"), None);
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
        let other = policy("out").policy_type(sdk::PolicyType::PredictiveScaling).build().expect("a policy");
        assert!(is_of_other_type(&from_policy(&other)));
    }
}
