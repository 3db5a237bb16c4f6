//! Whether a service runs what was asked for.
//!
//! Decides from one look at a service whether its rollout is done, under way or lost. AWS's own waiter takes a
//! rollback for success (reference section 3.17); here the PRIMARY deployment must run our task definition.
//! Must not make calls.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service as AwsService};
use neap_core::kinds::Service;
use neap_core::live::Phase;
use neap_engine::cloud::Progress;

/// Judges the rollout of `wanted`.
pub(super) fn judge(service: &AwsService, wanted: &Service) -> Progress {
    if service.status() == Some("DRAINING") {
        return Progress::Failed("it is being deleted".to_owned());
    }
    let Some(primary) = primary(service) else {
        return Progress::Pending("no deployment yet".to_owned());
    };
    if let Some(reason) = lost(service, primary, &wanted.task) {
        return Progress::Failed(with_last_event(reason, service));
    }
    if primary.task_definition() != Some(&wanted.task) {
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
fn lost(service: &AwsService, primary: &Deployment, task: &str) -> Option<String> {
    let failed = service.deployments().iter().find(|deployment| {
        deployment.rollout_state() == Some(&DeploymentRolloutState::Failed)
            && deployment.task_definition() == Some(task)
    });
    if let Some(failed) = failed {
        return Some(reason(failed));
    }
    let runs_another = primary.task_definition() != Some(task);
    let rolled_back = format!("rolling back to deployment {}", primary.id().unwrap_or_default());
    let said = |text: &str| text.contains(&rolled_back);
    let is_rollback = primary.rollout_state_reason().is_some_and(|reason| reason.contains("rolling back"))
        || service.events().iter().any(|event| event.message().is_some_and(said));
    (runs_another && is_rollback).then(|| {
        let back_to = crate::ecs::name_in(primary.task_definition().unwrap_or("the previous one"));
        format!("the deployment failed and was rolled back to {back_to}")
    })
}

fn reason(deployment: &Deployment) -> String {
    deployment.rollout_state_reason().unwrap_or("the deployment failed").to_owned()
}

/// What a rollout still waits for: its tasks, the old ones' leaving, or ECS's own word.
fn waiting_for(service: &AwsService, primary: &Deployment) -> Option<String> {
    let (running, desired) = (service.running_count(), service.desired_count());
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

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::ServiceEvent;
    use aws_sdk_ecs::types::builders::ServiceBuilder;
    use neap_core::kinds::KindOf;

    const OLD: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/course-api:1";
    const NEW: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/course-api:2";

    fn deployment(status: &str, task: &str, state: Option<&str>) -> Deployment {
        Deployment::builder()
            .id("ecs-svc/1")
            .status(status)
            .task_definition(task)
            .set_rollout_state(state.map(DeploymentRolloutState::from))
            .build()
    }

    fn service(running: i32, deployments: &[Deployment]) -> ServiceBuilder {
        AwsService::builder()
            .status("ACTIVE")
            .task_definition(NEW)
            .desired_count(2)
            .running_count(running)
            .set_deployments(Some(deployments.to_vec()))
    }

    fn event(message: &str) -> ServiceEvent {
        ServiceEvent::builder().message(message).build()
    }

    fn check(service: ServiceBuilder, expected: &Progress) {
        let wanted = Service { task: NEW.into(), count: 2, ..Service::example() };
        assert_eq!(&judge(&service.build(), &wanted), expected);
    }

    fn pending(detail: &str) -> Progress {
        Progress::Pending(detail.to_owned())
    }

    #[test]
    fn a_completed_rollout_of_our_task_is_done() {
        check(service(2, &[deployment("PRIMARY", NEW, Some("COMPLETED"))]), &Progress::Done);
        check(service(2, &[deployment("PRIMARY", NEW, None)]), &Progress::Done);
    }

    #[test]
    fn a_rollout_that_cannot_go_on_says_why() {
        let new = [deployment("PRIMARY", NEW, Some("IN_PROGRESS"))];
        let trouble = "(service a) was unable to place a task. Reason: Capacity is unavailable at this time.";
        let expected = pending(&format!("0 of 2 tasks running; last event: {trouble}"));
        check(
            service(0, &new).events(event(trouble)).events(event("(service a) has started 1 tasks")),
            &expected,
        );
        let over = [event("(service a) has started 1 tasks"), event(trouble)];
        check(service(0, &new).set_events(Some(over.into())), &pending("0 of 2 tasks running"));
    }

    #[test]
    fn a_rollout_waits_for_its_tasks_and_for_the_old_ones_to_leave() {
        let new = |state| deployment("PRIMARY", NEW, Some(state));
        check(service(1, &[new("IN_PROGRESS")]), &pending("1 of 2 tasks running"));
        check(service(1, &[new("COMPLETED")]), &pending("1 of 2 tasks running"));
        let both = [new("IN_PROGRESS"), deployment("ACTIVE", OLD, Some("COMPLETED"))];
        check(service(2, &both), &pending("2 of 2 tasks running, old ones stop"));
        check(service(2, &[new("IN_PROGRESS")]), &pending("2 of 2 tasks running, becoming steady"));
        check(service(0, &[]), &pending("no deployment yet"));
    }

    #[test]
    fn a_failed_rollout_says_why_and_what_happened_last() {
        let failed = Deployment::builder()
            .status("PRIMARY")
            .task_definition(NEW)
            .rollout_state(DeploymentRolloutState::Failed)
            .rollout_state_reason("tasks failed to start")
            .build();
        let service = service(0, &[failed]).events(event("task stopped")).events(event("earlier"));
        check(service, &Progress::Failed("tasks failed to start; last event: task stopped".into()));
    }

    #[test]
    fn a_rollback_is_a_failure_although_the_service_is_steady() {
        let rolled_back = service(2, &[deployment("PRIMARY", OLD, Some("COMPLETED"))])
            .task_definition(OLD)
            .events(event("rolling back to deployment ecs-svc/1."));
        let expected = "the deployment failed and was rolled back to course-api:1; last event: rolling back to deployment ecs-svc/1.";
        check(rolled_back, &Progress::Failed(expected.into()));
    }

    #[test]
    fn an_answer_from_before_the_update_is_no_rollback() {
        let stale = service(2, &[deployment("PRIMARY", OLD, Some("COMPLETED"))])
            .task_definition(OLD)
            .events(event("has reached a steady state."));
        check(stale, &pending("the deployment has not started"));
    }

    #[test]
    fn the_services_own_task_definition_proves_nothing() {
        let another = service(2, &[deployment("PRIMARY", OLD, Some("COMPLETED"))]);
        check(another, &pending("the deployment has not started"));
    }

    #[test]
    fn a_service_that_is_deleted_meanwhile_is_lost() {
        check(service(2, &[]).status("DRAINING"), &Progress::Failed("it is being deleted".into()));
    }

    #[test]
    fn a_reading_tells_settling_from_failed() {
        let phase =
            |running, state| phase(&service(running, &[deployment("PRIMARY", NEW, Some(state))]).build());
        assert_eq!(phase(2, "COMPLETED"), Phase::Ready);
        assert_eq!(phase(1, "IN_PROGRESS"), Phase::Settling("1 of 2 tasks running".into()));
        assert_eq!(phase(0, "FAILED"), Phase::Failed("the deployment failed".into()));
    }
}
