//! Scalable targets of ECS services, with the policies and schedules that scale them.
//!
//! Decides how a target is found, registered, changed and deregistered. Registering and putting are upserts in which an omitted
//! member keeps its value, so every member is sent. Must not know what scales when.

mod alarm;
mod convert;
mod read;

use aws_sdk_applicationautoscaling::types::{PolicyType, ScalableDimension, ServiceNamespace};
use neap_core::kinds::{ScalableTarget, ScheduledAction, StepScaling, TargetTracking};
use neap_core::live::Outputs;
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use crate::client::Aws;
use crate::ecs::count;
use crate::error::{failed, if_made, incomplete, refused};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::tags::{TagChanges, Tags};

pub(crate) use read::read;

const REGISTER: &str = "application-autoscaling:RegisterScalableTarget";
const PUT_POLICY: &str = "application-autoscaling:PutScalingPolicy";
const PUT_SCHEDULE: &str = "application-autoscaling:PutScheduledAction";
const NAMESPACE: ServiceNamespace = ServiceNamespace::Ecs;
const DIMENSION: ScalableDimension = ScalableDimension::EcsServiceDesiredCount;

/// Registers the target. Tags are for a new one: those of another are changed by calls of their own.
async fn register(
    aws: &Aws,
    fields: &ScalableTarget,
    tags: Option<Tags>,
) -> Result<Option<String>, CallError> {
    let request = aws
        .services_scaling
        .register_scalable_target()
        .service_namespace(NAMESPACE)
        .scalable_dimension(DIMENSION)
        .resource_id(ScalableTarget::resource_id(&fields.service))
        .min_capacity(count(fields.min))
        .max_capacity(count(fields.max))
        .suspended_state(convert::to_suspended(&fields.suspended))
        .set_tags(tags.map(|tags| tags.into_iter().collect()));
    let answer = request.send().await.map_err(failed(REGISTER)).map_err(if_made)?;
    Ok(answer.scalable_target_arn().map(ToOwned::to_owned))
}

/// Puts the policies of `after` that differ from those of `before`, when those that are in neither are gone.
async fn put_policies(
    aws: &Aws,
    before: Option<&ScalableTarget>,
    after: &ScalableTarget,
) -> Result<(), CallError> {
    let id = ScalableTarget::resource_id(&after.service);
    let known = |name: &String| before.and_then(|before| before.target_tracking.get(name));
    for name in before.into_iter().flat_map(|before| before.target_tracking.keys()) {
        if !after.target_tracking.contains_key(name) {
            delete_policy(aws, &id, name).await?;
        }
    }
    for (name, policy) in after.target_tracking.iter().filter(|(name, policy)| known(name) != Some(*policy)) {
        // A policy cannot become one of another type.
        if known(name).is_some_and(convert::is_of_other_type) {
            delete_policy(aws, &id, name).await?;
        }
        put_tracking(aws, &id, name, policy).await?;
    }
    Ok(())
}

async fn put_tracking(aws: &Aws, id: &str, name: &str, policy: &TargetTracking) -> Result<(), CallError> {
    let request = aws
        .services_scaling
        .put_scaling_policy()
        .service_namespace(NAMESPACE)
        .scalable_dimension(DIMENSION)
        .resource_id(id)
        .policy_name(name)
        .policy_type(PolicyType::TargetTrackingScaling)
        .target_tracking_scaling_policy_configuration(convert::to_tracking(policy)?);
    let answer = request.send().await;
    answer.map(|_| ()).map_err(failed(PUT_POLICY)).map_err(if_made)
}

/// Puts the policies of step scaling of `after` that differ from those of `before`, each with its alarm, when those that are in
/// neither are gone. An alarm goes before its policy, which is how it is found.
async fn put_steps(
    aws: &Aws,
    before: Option<&ScalableTarget>,
    after: &ScalableTarget,
) -> Result<(), CallError> {
    let id = ScalableTarget::resource_id(&after.service);
    let known = |name: &String| before.and_then(|before| before.step_scaling.get(name));
    for (name, policy) in before.into_iter().flat_map(|before| &before.step_scaling) {
        let kept = after.step_scaling.get(name);
        let alarm = policy.alarm.as_ref().map(|alarm| &alarm.name);
        if let Some(alarm) = alarm.filter(|alarm| kept.is_none_or(|kept| !kept.rings_by(alarm))) {
            alarm::delete(aws, alarm).await?;
        }
        if kept.is_none() {
            delete_policy(aws, &id, name).await?;
        }
    }
    for (name, policy) in after.step_scaling.iter().filter(|(name, policy)| known(name) != Some(*policy)) {
        put_step(aws, &id, name, known(name), policy).await?;
    }
    Ok(())
}

/// The policy is put in any case: its ARN, which the alarm names, is in the answer.
async fn put_step(
    aws: &Aws,
    id: &str,
    name: &str,
    before: Option<&StepScaling>,
    policy: &StepScaling,
) -> Result<(), CallError> {
    let request = aws
        .services_scaling
        .put_scaling_policy()
        .service_namespace(NAMESPACE)
        .scalable_dimension(DIMENSION)
        .resource_id(id)
        .policy_name(name)
        .policy_type(PolicyType::StepScaling)
        .step_scaling_policy_configuration(convert::to_steps(policy)?);
    let answer = request.send().await.map_err(failed(PUT_POLICY)).map_err(if_made)?;
    let Some(alarm) = &policy.alarm else { return Ok(()) };
    if before.is_some_and(|before| before.alarm.as_ref() == Some(alarm)) {
        return Ok(());
    }
    let is_own = before.is_some_and(|before| before.rings_by(&alarm.name));
    if !is_own {
        alarm::refuse_another(aws, &alarm.name, id).await?;
    }
    alarm::put(aws, alarm, answer.policy_arn()).await
}

async fn delete_policy(aws: &Aws, id: &str, name: &str) -> Result<(), CallError> {
    let request = aws
        .services_scaling
        .delete_scaling_policy()
        .service_namespace(NAMESPACE)
        .scalable_dimension(DIMENSION)
        .resource_id(id)
        .policy_name(name);
    if_gone(request.send().await.map_err(failed("application-autoscaling:DeleteScalingPolicy")))
}

/// Puts the scheduled actions of `after` that differ from those of `before`, when those that are in neither are gone.
async fn put_schedules(
    aws: &Aws,
    before: Option<&ScalableTarget>,
    after: &ScalableTarget,
) -> Result<(), CallError> {
    let id = ScalableTarget::resource_id(&after.service);
    let known = |name: &String| before.and_then(|before| before.scheduled_actions.get(name));
    for (name, action) in before.into_iter().flat_map(|before| &before.scheduled_actions) {
        // What is left out of an action that is put again may keep its value.
        let loses = |after: &ScheduledAction| {
            (action.min.is_some() && after.min.is_none()) || (action.max.is_some() && after.max.is_none())
        };
        if after.scheduled_actions.get(name).is_none_or(loses) {
            delete_schedule(aws, &id, name).await?;
        }
    }
    for (name, action) in after.scheduled_actions.iter().filter(|(name, it)| known(name) != Some(*it)) {
        let request = aws
            .services_scaling
            .put_scheduled_action()
            .service_namespace(NAMESPACE)
            .scalable_dimension(DIMENSION)
            .resource_id(&id)
            .scheduled_action_name(name)
            .schedule(&action.schedule)
            .timezone(&action.timezone)
            .set_start_time(convert::to_moment(action.start.as_deref())?)
            .set_end_time(convert::to_moment(action.end.as_deref())?)
            .scalable_target_action(convert::to_limits(action));
        let answer = request.send().await.map_err(failed(PUT_SCHEDULE));
        answer.map_err(if_made)?;
    }
    Ok(())
}

async fn delete_schedule(aws: &Aws, id: &str, name: &str) -> Result<(), CallError> {
    let request = aws
        .services_scaling
        .delete_scheduled_action()
        .service_namespace(NAMESPACE)
        .scalable_dimension(DIMENSION)
        .resource_id(id)
        .scheduled_action_name(name);
    if_gone(request.send().await.map_err(failed("application-autoscaling:DeleteScheduledAction")))
}

async fn retag(aws: &Aws, arn: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let tags = changes.set.clone().into_iter().collect();
        let request = aws.services_scaling.tag_resource().resource_arn(arn).set_tags(Some(tags));
        request.send().await.map_err(failed("application-autoscaling:TagResource"))?;
    }
    if !changes.remove.is_empty() {
        let keys = Some(changes.remove.clone());
        let request = aws.services_scaling.untag_resource().resource_arn(arn).set_tag_keys(keys);
        request.send().await.map_err(failed("application-autoscaling:UntagResource"))?;
    }
    Ok(())
}

/// Whether anything of the target itself differs.
fn differs(before: &ScalableTarget, after: &ScalableTarget) -> bool {
    (before.min, before.max, &before.suspended) != (after.min, after.max, &after.suspended)
}

impl Remote for ScalableTarget {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        // Registering would take over whatever scales the service already.
        if let Some(live) = read::find(aws, &Self::resource_id(&wanted.fields.service)).await? {
            return if wanted.is_marked(&live.tags) {
                Self::update(aws, &Held::of(&live)?, wanted).await
            } else {
                let message = format!("`{}` is scaled already, and not by this stack", live.id);
                Err(refused(ErrorKind::Conflict, REGISTER, message))
            };
        }
        let arn = register(aws, wanted.fields, Some(wanted.all_tags())).await?;
        let arn = arn.ok_or_else(|| incomplete(REGISTER, "ScalableTargetARN"))?;
        put_policies(aws, None, wanted.fields).await?;
        put_steps(aws, None, wanted.fields).await?;
        put_schedules(aws, None, wanted.fields).await?;
        Ok(outputs([("arn", &arn)]))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        if differs(held.fields, wanted.fields) {
            register(aws, wanted.fields, None).await?;
        }
        put_policies(aws, Some(held.fields), wanted.fields).await?;
        put_steps(aws, Some(held.fields), wanted.fields).await?;
        put_schedules(aws, Some(held.fields), wanted.fields).await?;
        let arn = held.live.outputs.get("arn").map_or("", String::as_str);
        retag(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        // Its policies, the alarms of target tracking and its schedules go with it. Alarms of step scaling do not.
        for alarm in held.fields.step_scaling.values().filter_map(|policy| policy.alarm.as_ref()) {
            alarm::delete(aws, &alarm.name).await?;
        }
        let request = aws
            .services_scaling
            .deregister_scalable_target()
            .service_namespace(NAMESPACE)
            .scalable_dimension(DIMENSION)
            .resource_id(&held.live.id);
        if_gone(request.send().await.map_err(failed("application-autoscaling:DeregisterScalableTarget")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let found = read::describe(aws, &Self::resource_id(&wanted.fields.service)).await?;
        Ok(found.map_or_else(|| Progress::Pending("not visible yet".to_owned()), |_| Progress::Done))
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        if read::describe(aws, &held.live.id).await?.is_none() {
            return Ok(Progress::Done);
        }
        Self::delete(aws, held).await?;
        Ok(Progress::Pending("deregistering".to_owned()))
    }
}
