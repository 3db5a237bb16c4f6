//! Whether a service runs what was asked for.
//!
//! Decides from one look at a service whether its rollout is done, under way or lost. AWS's own waiter takes a
//! rollback for success (reference section 3.17); here the PRIMARY deployment must run our task definition. What an
//! earlier deployment of the same came to says nothing: all times that are compared for that are ECS's own.
//! Must not make calls.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, SchedulingStrategy, Service as AwsService};
use aws_smithy_types::DateTime;
use neap_core::kinds::Service;
use neap_core::live::Phase;
use neap_engine::cloud::Progress;

#[cfg(test)]
mod tests;

/// The newest deployment that the answer to an update shows: the ARN of its service and when it began. It is the one that
/// the update has started, or the one that it has left alone.
pub(super) fn newest(updated: &AwsService) -> Option<(&str, DateTime)> {
    let begun = updated.deployments().iter().filter_map(Deployment::created_at).max()?;
    Some((updated.service_arn()?, *begun))
}

/// Judges the rollout of `wanted`. Deployments that began before `since` are those of earlier updates.
pub(super) fn judge(service: &AwsService, wanted: &Service, since: Option<DateTime>) -> Progress {
    if service.status() == Some("DRAINING") {
        return Progress::Failed("it is being deleted".to_owned());
    }
    let Some(primary) = primary(service) else {
        return Progress::Pending("no deployment yet".to_owned());
    };
    if let Some(reason) = lost(service, primary, &wanted.task, since) {
        return Progress::Failed(with_last_event(reason, service));
    }
    if primary.task_definition() != Some(&wanted.task) || !is_since(primary.created_at(), since) {
        return Progress::Pending("the deployment has not started".to_owned());
    }
    match waiting_for(service, primary) {
        Some(detail) => Progress::Pending(with_trouble(detail, service)),
        None => Progress::Done,
    }
}

/// How far a service has come, whatever it runs.
pub(super) fn phase(service: &AwsService) -> Phase {
    let Some(primary) = primary(service) else { return Phase::Ready };
    if primary.rollout_state() == Some(&DeploymentRolloutState::Failed) {
        return Phase::Failed(reason(primary));
    }
    waiting_for(service, primary).map_or(Phase::Ready, Phase::Settling)
}

fn primary(service: &AwsService) -> Option<&Deployment> {
    service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"))
}

/// Why the deployment of `task` will never succeed, if that is so: it failed, or it was rolled back.
fn lost(service: &AwsService, primary: &Deployment, task: &str, since: Option<DateTime>) -> Option<String> {
    let runs_another = primary.task_definition() != Some(task);
    // A run that starts with the waiting knows no update: then a PRIMARY of our task is newer than what failed before it.
    let tried_again = || primary.created_at().copied().filter(|_| !runs_another && !says_rollback(primary));
    let counts_since = since.or_else(tried_again);
    let failed = service.deployments().iter().find(|deployment| {
        deployment.rollout_state() == Some(&DeploymentRolloutState::Failed)
            && deployment.task_definition() == Some(task)
            && is_since(deployment.created_at(), counts_since)
    });
    if let Some(failed) = failed {
        return Some(reason(failed));
    }
    // What ECS goes back to can run the same: then it is told by not being the deployment that the update left.
    let is_another = runs_another
        || since.zip(primary.created_at().copied()).is_some_and(|(since, created)| since != created);
    (is_another && is_rollback(service, primary, since)).then(|| {
        let back_to = crate::ecs::name_in(primary.task_definition().unwrap_or("the previous one"));
        format!("the deployment failed and was rolled back to {back_to}")
    })
}

/// Whether ECS went back to `primary`, and did so after the update.
fn is_rollback(service: &AwsService, primary: &Deployment, since: Option<DateTime>) -> bool {
    let back_to_it = format!("rolling back to deployment {}", primary.id().unwrap_or_default());
    let is_told = service.events().iter().any(|event| {
        is_since(event.created_at(), since) && event.message().is_some_and(|said| said.contains(&back_to_it))
    });
    is_told || (says_rollback(primary) && is_since(primary.updated_at(), since))
}

fn says_rollback(deployment: &Deployment) -> bool {
    deployment.rollout_state_reason().is_some_and(|reason| reason.contains("rolling back"))
}

/// Whether something at `moment` is not from before `since`; ECS tells the moments of all that matters here.
fn is_since(moment: Option<&DateTime>, since: Option<DateTime>) -> bool {
    moment.copied().zip(since).is_none_or(|(moment, since)| moment >= since)
}

fn reason(deployment: &Deployment) -> String {
    deployment.rollout_state_reason().unwrap_or("the deployment failed").to_owned()
}

/// What a rollout still waits for: its tasks, the old ones' leaving, or ECS's own word.
fn waiting_for(service: &AwsService, primary: &Deployment) -> Option<String> {
    // How many tasks a daemon has is decided anew by each deployment, from the instances that there are.
    let (running, desired) = match service.scheduling_strategy() {
        Some(SchedulingStrategy::Daemon) => (primary.running_count(), primary.desired_count()),
        _ => (service.running_count(), service.desired_count()),
    };
    if running < desired {
        return Some(format!("{running} of {desired} tasks running"));
    }
    if service.deployments().len() > 1 {
        return Some(format!("{running} of {desired} tasks running, old ones stop"));
    }
    let is_moving = primary.rollout_state() == Some(&DeploymentRolloutState::InProgress);
    is_moving.then(|| format!("{running} of {desired} tasks running, becoming steady"))
}

/// What is waited for, and why it may never come: ECS tells of what keeps tasks from running in events alone.
fn with_trouble(detail: String, service: &AwsService) -> String {
    const TROUBLE: [&str; 4] = ["unable to", "unhealthy", "failed", "unavailable"];
    let last = service.events().first().and_then(|event| event.message());
    match last.filter(|event| TROUBLE.iter().any(|word| event.contains(word))) {
        Some(event) => format!("{detail}; last event: {event}"),
        None => detail,
    }
}

fn with_last_event(reason: String, service: &AwsService) -> String {
    match service.events().first().and_then(|event| event.message()) {
        Some(event) => format!("{reason}; last event: {event}"),
        None => reason,
    }
}
