//! Rollouts as ECS shows them, and what they are judged to be.

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
    check_since(None, service, expected);
}

/// Judges after an update whose answer showed a newest deployment that began at second `since`.
fn check_since(since: Option<i64>, service: ServiceBuilder, expected: &Progress) {
    let wanted = Service { task: NEW.into(), count: Some(2), ..Service::example() };
    let since = since.map(DateTime::from_secs);
    assert_eq!(&judge(&service.build(), &wanted, since), expected);
}

/// The same, begun at second `begun`, when ECS also said this about it.
fn begun(begun: i64, said: Option<&str>, deployment: &Deployment) -> Deployment {
    Deployment::builder()
        .id(format!("ecs-svc/{begun}"))
        .set_status(deployment.status.clone())
        .set_task_definition(deployment.task_definition.clone())
        .set_rollout_state(deployment.rollout_state.clone())
        .set_rollout_state_reason(said.map(str::to_owned))
        .created_at(DateTime::from_secs(begun))
        .updated_at(DateTime::from_secs(begun + 60))
        .build()
}

fn event_at(moment: i64, message: &str) -> ServiceEvent {
    ServiceEvent::builder().created_at(DateTime::from_secs(moment)).message(message).build()
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
fn what_an_earlier_deployment_of_the_same_task_came_to_says_nothing() {
    let failed = begun(100, Some("tasks failed to start"), &deployment("PRIMARY", NEW, Some("FAILED")));
    let not_started = pending("the deployment has not started");
    check_since(Some(200), service(0, std::slice::from_ref(&failed)), &not_started);
    let drains = begun(100, None, &deployment("ACTIVE", NEW, Some("FAILED")));
    let again = |state| begun(200, None, &deployment("PRIMARY", NEW, Some(state)));
    let starting = pending("0 of 2 tasks running");
    check_since(Some(200), service(0, &[again("IN_PROGRESS"), drains.clone()]), &starting);
    check_since(Some(200), service(2, &[again("COMPLETED")]), &Progress::Done);
    let lost = Progress::Failed("the deployment failed".into());
    check_since(Some(200), service(0, &[again("FAILED"), drains]), &lost);
    // An update that started none is told of the one that failed, which then counts.
    check_since(Some(100), service(0, &[failed]), &Progress::Failed("tasks failed to start".into()));
}

#[test]
fn a_run_that_only_waits_tells_the_newer_deployment_from_the_failed_one() {
    let drains = begun(100, None, &deployment("ACTIVE", NEW, Some("FAILED")));
    let again = begun(200, None, &deployment("PRIMARY", NEW, Some("IN_PROGRESS")));
    check(service(0, &[again.clone(), drains.clone()]), &pending("0 of 2 tasks running"));
    let lost = Progress::Failed("the deployment failed".into());
    let newer = begun(300, None, &drains);
    check(service(0, &[again.clone(), newer]), &lost);
    let back = begun(200, Some("rolling back to deploymentId ecs-svc/50"), &again);
    check(service(0, &[back, drains]), &lost);
}

#[test]
fn a_rollback_from_before_the_update_says_nothing() {
    let back =
        |task| begun(50, Some("rolling back to deploymentId ecs-svc/50"), &deployment("PRIMARY", task, None));
    let stale = service(2, &[back(OLD)])
        .task_definition(OLD)
        .events(event_at(150, "rolling back to deployment ecs-svc/50."));
    check_since(Some(200), stale, &pending("the deployment has not started"));
    check_since(Some(200), service(2, &[back(NEW)]), &pending("the deployment has not started"));
    // A change of the number alone starts no deployment and leaves the one that was gone back to.
    check_since(Some(50), service(2, &[back(NEW)]), &Progress::Done);
}

#[test]
fn a_rollback_after_the_update_is_a_failure_even_to_the_same_task() {
    let told = |said: &str| Progress::Failed(format!("the deployment failed and was rolled back to {said}"));
    let event = || event_at(260, "rolling back to deployment ecs-svc/50.");
    let back = |task| begun(50, None, &deployment("PRIMARY", task, Some("COMPLETED")));
    let last = "; last event: rolling back to deployment ecs-svc/50.";
    let to_old = service(2, &[back(OLD)]).events(event());
    check_since(Some(200), to_old, &told(&format!("course-api:1{last}")));
    let to_same = service(2, &[back(NEW)]).events(event());
    check_since(Some(200), to_same, &told(&format!("course-api:2{last}")));
    let fresh =
        begun(250, Some("rolling back to deploymentId ecs-svc/50"), &deployment("PRIMARY", NEW, None));
    check_since(Some(200), service(2, &[fresh]), &told("course-api:2"));
}

#[test]
fn the_answer_to_an_update_tells_its_newest_deployment() {
    let old = begun(100, None, &deployment("ACTIVE", OLD, Some("COMPLETED")));
    let new = begun(200, None, &deployment("PRIMARY", NEW, Some("IN_PROGRESS")));
    let updated = service(2, &[old, new]).service_arn("arn:api").build();
    assert_eq!(newest(&updated), Some(("arn:api", DateTime::from_secs(200))));
    assert_eq!(newest(&service(0, &[]).service_arn("arn:api").build()), None);
}

#[test]
fn a_service_that_is_deleted_meanwhile_is_lost() {
    check(service(2, &[]).status("DRAINING"), &Progress::Failed("it is being deleted".into()));
}

#[test]
fn a_reading_tells_settling_from_failed() {
    let phase = |running, state| phase(&service(running, &[deployment("PRIMARY", NEW, Some(state))]).build());
    assert_eq!(phase(2, "COMPLETED"), Phase::Ready);
    assert_eq!(phase(1, "IN_PROGRESS"), Phase::Settling("1 of 2 tasks running".into()));
    assert_eq!(phase(0, "FAILED"), Phase::Failed("the deployment failed".into()));
}

#[test]
fn a_daemon_waits_for_as_many_tasks_as_its_deployment_has_instances() {
    let daemon = |running| {
        let primary = Deployment::builder()
            .status("PRIMARY")
            .task_definition(NEW)
            .rollout_state(DeploymentRolloutState::Completed)
            .desired_count(3)
            .running_count(running)
            .build();
        service(3, &[primary]).scheduling_strategy(SchedulingStrategy::Daemon)
    };
    check(daemon(2), &Progress::Pending("2 of 3 tasks running".to_owned()));
    check(daemon(3), &Progress::Done);
}
