//! Application Auto Scaling of ECS services: targets and their policies (reference section 3.18). Nothing here scales by itself.

use std::collections::BTreeMap;

use neap_core::kinds::{
    Alb, ScalableTarget, ScheduledAction, Service, StepAlarm, StepScaling, TargetGroup, TargetTracking,
};
use neap_core::when;
use neap_engine::cloud::CallError;

use super::Request;
use super::ecs::service;
use super::request::{TagCalls, gone_is_done};
use crate::arn;
use crate::error::{Answer, Rejection};
use crate::record::{Alarm, Record};
use crate::rules;
use crate::world::World;

const INVALID: &str = "ValidationException";
const NOT_FOUND: &str = "ObjectNotFoundException";
const TAGS: TagCalls = TagCalls {
    add: "application-autoscaling:TagResource",
    remove: "application-autoscaling:UntagResource",
    invalid: INVALID,
};
const REGISTER: &str = "application-autoscaling:RegisterScalableTarget";
/// The most policies of a target ("Quotas for Application Auto Scaling").
const MOST_POLICIES: usize = 50;
/// The most steps of a policy (the same).
const MOST_STEPS: usize = 20;
/// The most scheduled actions of a target (the same).
const MOST_SCHEDULES: usize = 200;

/// The ARN of the target that scales the service of this ARN.
pub(crate) fn of_service(world: &World, service: &str) -> Option<String> {
    let mut targets = world.all::<ScalableTarget>();
    targets.find(|(_, target)| target.service == service).map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(request: &Request<'_>, desired: &ScalableTarget) -> Result<String, CallError> {
    let existing = |world: &World| of_service(world, &desired.service);
    let create = |world: &mut World| register_new(world, request, desired);
    let arn = request.create(REGISTER, create, existing).await?;
    facets(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(
    request: &Request<'_>,
    arn: &str,
    desired: &ScalableTarget,
) -> Result<(), CallError> {
    facets(request, arn, desired).await
}

/// Brings limits, policies and tags in line, each with the calls that its difference needs.
async fn facets(request: &Request<'_>, arn: &str, desired: &ScalableTarget) -> Result<(), CallError> {
    let current = request.current::<ScalableTarget>(arn)?;
    let same_limits = (current.min, current.max) == (desired.min, desired.max);
    if !same_limits || current.suspended != desired.suspended {
        request.call(REGISTER, |world| register(world, arn, desired)).await?;
    }
    let gone = |name: &&String| !desired.target_tracking.contains_key(*name);
    for name in current.target_tracking.keys().filter(gone) {
        let delete = |world: &mut World| delete_policy(world, arn, name);
        gone_is_done(request.call("application-autoscaling:DeleteScalingPolicy", delete).await)?;
    }
    let differs =
        |(name, policy): &(&String, &TargetTracking)| current.target_tracking.get(*name) != Some(*policy);
    for (name, policy) in desired.target_tracking.iter().filter(differs) {
        let put = |world: &mut World| put_policy(world, arn, name, policy);
        request.call("application-autoscaling:PutScalingPolicy", put).await?;
    }
    steps(request, arn, &current, desired).await?;
    schedules(request, arn, &current, desired).await?;
    request.retag(arn, &TAGS).await
}

/// The alarm of a policy goes before it, and comes after it.
async fn steps(
    request: &Request<'_>,
    arn: &str,
    current: &ScalableTarget,
    desired: &ScalableTarget,
) -> Result<(), CallError> {
    for (name, policy) in &current.step_scaling {
        let kept = desired.step_scaling.get(name);
        let alarm = policy.alarm.as_ref().map(|alarm| &alarm.name);
        if let Some(alarm) = alarm.filter(|alarm| kept.is_none_or(|kept| !kept.rings_by(alarm))) {
            delete_alarm(request, arn, alarm).await?;
        }
        if kept.is_none() {
            let delete = |world: &mut World| delete_policy(world, arn, name);
            gone_is_done(request.call("application-autoscaling:DeleteScalingPolicy", delete).await)?;
        }
    }
    for (name, policy) in &desired.step_scaling {
        let before = current.step_scaling.get(name);
        if before == Some(policy) {
            continue;
        }
        let put = |world: &mut World| put_step(world, arn, name, policy);
        request.call("application-autoscaling:PutScalingPolicy", put).await?;
        let Some(alarm) = &policy.alarm else { continue };
        if before.and_then(|before| before.alarm.as_ref()) != Some(alarm) {
            let put = |world: &mut World| put_alarm(world, arn, name, alarm);
            request.call("cloudwatch:PutMetricAlarm", put).await?;
        }
    }
    Ok(())
}

async fn delete_alarm(request: &Request<'_>, arn: &str, name: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| {
        if !world.alarms.iter().any(|alarm| alarm.name == name) {
            return Err(Rejection::not_found("ResourceNotFound", format!("there is no alarm {name}")));
        }
        world.alarms.retain(|alarm| alarm.name != name);
        let policies = &mut world.change::<ScalableTarget>(arn, NOT_FOUND)?.step_scaling;
        policies.values_mut().filter(|policy| policy.rings_by(name)).for_each(|policy| policy.alarm = None);
        Ok(())
    };
    gone_is_done(request.call("cloudwatch:DeleteAlarms", delete).await)
}

async fn schedules(
    request: &Request<'_>,
    arn: &str,
    current: &ScalableTarget,
    desired: &ScalableTarget,
) -> Result<(), CallError> {
    for (name, action) in &current.scheduled_actions {
        let loses = |after: &ScheduledAction| {
            (action.min.is_some() && after.min.is_none()) || (action.max.is_some() && after.max.is_none())
        };
        if desired.scheduled_actions.get(name).is_none_or(loses) {
            let delete = |world: &mut World| {
                find(world, arn)?;
                let actions = &mut world.change::<ScalableTarget>(arn, NOT_FOUND)?.scheduled_actions;
                let gone = actions.remove(name).map(drop);
                gone.ok_or_else(|| {
                    Rejection::not_found(NOT_FOUND, format!("No scheduled action found named {name}"))
                })
            };
            gone_is_done(request.call("application-autoscaling:DeleteScheduledAction", delete).await)?;
        }
    }
    let differs =
        |(name, action): &(&String, &ScheduledAction)| current.scheduled_actions.get(*name) != Some(*action);
    for (name, action) in desired.scheduled_actions.iter().filter(differs) {
        let put = |world: &mut World| put_schedule(world, arn, name, action);
        request.call("application-autoscaling:PutScheduledAction", put).await?;
    }
    Ok(())
}

/// Takes the target away, with its policies and the alarms of target tracking; those of step scaling go before.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let steps =
        request.described::<ScalableTarget>(arn).map(|target| target.step_scaling).unwrap_or_default();
    for alarm in steps.into_values().filter_map(|policy| policy.alarm) {
        delete_alarm(request, arn, &alarm.name).await?;
    }
    let delete = |world: &mut World| {
        let target = find(world, arn)?;
        let policies = target.target_tracking.keys().chain(target.step_scaling.keys());
        let policies: Vec<String> = policies.cloned().collect();
        for policy in policies {
            delete_policy(world, arn, &policy)?;
        }
        world.remove(arn).map(drop).ok_or_else(missing)
    };
    gone_is_done(request.call("application-autoscaling:DeregisterScalableTarget", delete).await)
}

fn missing() -> Rejection {
    Rejection::not_found(NOT_FOUND, "No scalable target found for this service")
}

fn find<'world>(world: &'world World, arn: &str) -> Answer<&'world ScalableTarget> {
    if world.record(arn).is_some() && !world.knows(arn) {
        return Err(Rejection::not_yet(NOT_FOUND, "No scalable target found for this service"));
    }
    world.get::<ScalableTarget>(arn).map(|(_, target)| target).ok_or_else(missing)
}

/// Registers a target that is new. One that is there takes no tags from this call.
fn register_new(world: &mut World, request: &Request<'_>, desired: &ScalableTarget) -> Answer<String> {
    rules::tags(INVALID, &request.tags)?;
    if of_service(world, &desired.service).is_some() {
        let message = "a scalable target exists already, whose tags only TagResource changes";
        return Err(Rejection::conflict(INVALID, message));
    }
    let id = ScalableTarget::resource_id(&desired.service);
    let path = format!("scalable-target/{}", arn::hex(&world.seed(&id), 12));
    let arn = world.place().arn("application-autoscaling", &path);
    check(world, desired)?;
    let fields = ScalableTarget {
        target_tracking: BTreeMap::new(),
        step_scaling: BTreeMap::new(),
        scheduled_actions: BTreeMap::new(),
        ..desired.clone()
    };
    let outputs = [("arn", arn.as_str())];
    let record = Record::new(arn.clone(), fields, &request.tags, &outputs).called(id);
    let record = record.within(&world.place);
    world.insert(record);
    clamp(world, desired)?;
    Ok(arn)
}

fn register(world: &mut World, arn: &str, desired: &ScalableTarget) -> Answer<()> {
    find(world, arn)?;
    check(world, desired)?;
    let target = world.change::<ScalableTarget>(arn, NOT_FOUND)?;
    (target.min, target.max) = (desired.min, desired.max);
    target.suspended.clone_from(&desired.suspended);
    clamp(world, desired)
}

fn check(world: &World, desired: &ScalableTarget) -> Answer<()> {
    let id = ScalableTarget::resource_id(&desired.service);
    let message = format!("ECS service doesn't exist: {id}");
    let (record, service) = world
        .get::<Service>(&desired.service)
        .filter(|_| world.knows(&desired.service))
        .ok_or_else(|| Rejection::not_yet(INVALID, message.clone()))?;
    rules::require(!record.is_deleting(), INVALID, || message.clone())?;
    rules::require(!service.is_daemon(), INVALID, || {
        format!("the service {id} has no desired count that could be scaled")
    })?;
    rules::require(desired.min <= desired.max, INVALID, || {
        format!(
            "Maximum capacity cannot be less than minimum capacity: {} is less than {}",
            desired.max, desired.min
        )
    })?;
    rules::in_range(INVALID, "maxCapacity", desired.max, 0..=5000)
}

/// Moves the number of tasks into the limits at once.
fn clamp(world: &mut World, desired: &ScalableTarget) -> Answer<()> {
    let count = world.get::<Service>(&desired.service).and_then(|(_, service)| service.count);
    let Some(count) = count else { return Ok(()) };
    let wanted = count.clamp(desired.min, desired.max);
    if wanted == count { Ok(()) } else { service::scale(world, &desired.service, wanted) }
}

fn put_policy(world: &mut World, arn: &str, name: &str, policy: &TargetTracking) -> Answer<()> {
    let target = find(world, arn)?;
    has_room(target, name)?;
    rules::require(!target.step_scaling.contains_key(name), INVALID, || {
        format!("the type of the scaling policy {name} cannot be changed")
    })?;
    check_policy(world, policy)?;
    world.change::<ScalableTarget>(arn, NOT_FOUND)?.target_tracking.insert(name.to_owned(), policy.clone());
    let service = ScalableTarget::resource_id(&find(world, arn)?.service);
    for alarm in alarms(arn, &service, name) {
        if !world.alarms.contains(&alarm) {
            world.alarms.push(alarm);
        }
    }
    Ok(())
}

fn has_room(target: &ScalableTarget, name: &str) -> Answer<()> {
    let is_there = target.target_tracking.contains_key(name) || target.step_scaling.contains_key(name);
    if !is_there && target.target_tracking.len() + target.step_scaling.len() >= MOST_POLICIES {
        return Err(Rejection::quota("LimitExceededException", "too many scaling policies on the target"));
    }
    Ok(())
}

/// Puts a policy of step scaling, whose alarm is a call of its own.
fn put_step(world: &mut World, arn: &str, name: &str, policy: &StepScaling) -> Answer<()> {
    let target = find(world, arn)?;
    has_room(target, name)?;
    rules::require(!target.target_tracking.contains_key(name), INVALID, || {
        format!("the type of the scaling policy {name} cannot be changed")
    })?;
    check_step(policy)?;
    let alarm = target.step_scaling.get(name).and_then(|before| before.alarm.clone());
    let put = StepScaling { alarm, ..policy.clone() };
    world.change::<ScalableTarget>(arn, NOT_FOUND)?.step_scaling.insert(name.to_owned(), put);
    Ok(())
}

fn check_step(policy: &StepScaling) -> Answer<()> {
    let kinds = ["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"];
    rules::one_of(INVALID, "adjustmentType", &policy.adjustment_type, &kinds)?;
    rules::one_of(INVALID, "metricAggregationType", &policy.aggregation, &["Average", "Minimum", "Maximum"])?;
    rules::require((1..=MOST_STEPS).contains(&policy.steps.len()), INVALID, || {
        format!("{} step adjustments", policy.steps.len())
    })?;
    let met = policy.steps.windows(2).all(|pair| pair[0].upper.is_some() && pair[0].upper == pair[1].lower);
    let rising = policy.steps.iter().all(|step| match (step.lower, step.upper) {
        (Some(lower), Some(upper)) => lower < upper,
        (lower, upper) => lower.is_some() || upper.is_some(),
    });
    rules::require(met && rising, INVALID, || {
        "StepAdjustment intervals can't overlap, have a gap or be empty".to_owned()
    })?;
    let is_percent = policy.adjustment_type == "PercentChangeInCapacity";
    rules::require(is_percent || policy.min_adjustment.is_none(), INVALID, || {
        "MinAdjustmentMagnitude is only supported with PercentChangeInCapacity".to_owned()
    })
}

/// Puts an alarm, which overwrites any other of its name.
fn put_alarm(world: &mut World, arn: &str, policy: &str, alarm: &StepAlarm) -> Answer<()> {
    const CODE: &str = "ValidationError";
    let target = find(world, arn)?;
    let service = ScalableTarget::resource_id(&target.service).trim_start_matches("service/").to_owned();
    let another = world.alarms.iter().any(|other| other.name == alarm.name && other.service != service);
    if another {
        return Err(Rejection::conflict(
            CODE,
            format!("an alarm named {} scales something else", alarm.name),
        ));
    }
    let period = alarm.period_seconds;
    rules::require(
        matches!(period, 10 | 20 | 30) || (period > 0 && period.is_multiple_of(60)),
        CODE,
        || format!("Invalid period: {period}"),
    )?;
    let most = if period < 3600 { 86_400 } else { 604_800 };
    rules::require(period.saturating_mul(alarm.evaluation_periods) <= most, CODE, || {
        "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400), or seven days with \
         periods of an hour or longer"
            .to_owned()
    })?;
    rules::require((1..=alarm.evaluation_periods).contains(&alarm.datapoints_to_alarm), CODE, || {
        "DatapointsToAlarm must be between 1 and EvaluationPeriods".to_owned()
    })?;
    rules::one_of(CODE, "ComparisonOperator", &alarm.comparison, &[StepAlarm::ABOVE, StepAlarm::BELOW])?;
    rules::one_of(
        CODE,
        "TreatMissingData",
        &alarm.missing_data,
        &["missing", "notBreaching", "breaching", "ignore"],
    )?;
    rules::require(!alarm.namespace.is_empty() && !alarm.metric.is_empty(), CODE, || {
        "an alarm needs a namespace and a metric".to_owned()
    })?;
    world.alarms.retain(|other| other.name != alarm.name);
    world.alarms.push(Alarm { name: alarm.name.clone(), service, group: None });
    let policies = &mut world.change::<ScalableTarget>(arn, NOT_FOUND)?.step_scaling;
    let missing = || Rejection::not_found(NOT_FOUND, format!("No scaling policy found named {policy}"));
    policies.get_mut(policy).ok_or_else(missing)?.alarm = Some(alarm.clone());
    Ok(())
}

fn check_policy(world: &World, policy: &TargetTracking) -> Answer<()> {
    let TargetTracking { metric, resource_label, target, .. } = policy;
    let known = [ScalableTarget::CPU, ScalableTarget::MEMORY, ScalableTarget::REQUESTS];
    rules::one_of(INVALID, "predefinedMetricType", metric, &known)?;
    rules::require(*target > 0.0, INVALID, || format!("the target value {target} is not above zero"))?;
    rules::require((metric == ScalableTarget::REQUESTS) == resource_label.is_some(), INVALID, || {
        format!("ResourceLabel is required for {} and for no other metric", ScalableTarget::REQUESTS)
    })?;
    let Some(label) = resource_label else { return Ok(()) };
    let ends = |arn: &str, mark: &str| arn.split_once(mark).map(|(_, name)| name.to_owned());
    let balancers = world.all::<Alb>().filter_map(|(record, _)| ends(&record.arn, ":loadbalancer/"));
    let balancer = balancers.filter(|name| label.starts_with(&format!("{name}/"))).max_by_key(String::len);
    let group = balancer.and_then(|balancer| label.strip_prefix(&format!("{balancer}/")).map(str::to_owned));
    let is_it =
        |record: &Record| group.as_deref().is_some_and(|group| record.arn.ends_with(&format!(":{group}")));
    let exists = world.all::<TargetGroup>().any(|(record, _)| is_it(record));
    rules::require(exists, INVALID, || {
        format!("the resource label {label} names no target group that a load balancer sends requests to")
    })
}

/// Puts an action. A limit that is left out keeps the value that it had.
fn put_schedule(world: &mut World, arn: &str, name: &str, action: &ScheduledAction) -> Answer<()> {
    let target = find(world, arn)?;
    let before = target.scheduled_actions.get(name).cloned();
    if before.is_none() && target.scheduled_actions.len() >= MOST_SCHEDULES {
        return Err(Rejection::quota("LimitExceededException", "too many scheduled actions on the target"));
    }
    rules::require(when::refusal(&action.schedule).is_none(), INVALID, || {
        format!("Schedule expression {} is not valid", action.schedule)
    })?;
    rules::require(when::is_time_zone(&action.timezone), INVALID, || {
        format!("Timezone {} is not valid", action.timezone)
    })?;
    let (min, max) = (action.min, action.max);
    rules::require(min.is_some() || max.is_some(), INVALID, || {
        "Scheduled action must specify minimum or maximum capacity".to_owned()
    })?;
    rules::require(min.zip(max).is_none_or(|(min, max)| min <= max), INVALID, || {
        "Maximum capacity cannot be less than minimum capacity".to_owned()
    })?;
    let kept = ScheduledAction {
        min: min.or(before.as_ref().and_then(|before| before.min)),
        max: max.or(before.as_ref().and_then(|before| before.max)),
        ..action.clone()
    };
    world.change::<ScalableTarget>(arn, NOT_FOUND)?.scheduled_actions.insert(name.to_owned(), kept);
    Ok(())
}

fn delete_policy(world: &mut World, arn: &str, name: &str) -> Answer<()> {
    let service = ScalableTarget::resource_id(&find(world, arn)?.service);
    let target = world.change::<ScalableTarget>(arn, NOT_FOUND)?;
    let gone = target.target_tracking.remove(name).map(drop).or(target.step_scaling.remove(name).map(drop));
    gone.ok_or_else(|| Rejection::not_found(NOT_FOUND, format!("No scaling policy found named {name}")))?;
    let alarms = alarms(arn, &service, name);
    world.alarms.retain(|alarm| !alarms.contains(alarm));
    Ok(())
}

/// The alarms that target tracking keeps for a policy, under names of AWS's own.
fn alarms(target: &str, id: &str, policy: &str) -> [Alarm; 2] {
    ["AlarmHigh", "AlarmLow"].map(|side| Alarm {
        name: format!("TargetTracking-{id}-{side}-{}", arn::hex(&format!("{target}/{policy}/{side}"), 12)),
        service: id.trim_start_matches("service/").to_owned(),
        group: None,
    })
}
