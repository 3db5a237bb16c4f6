//! Deployments as ECS tells of them, and what they are judged to be.

use super::*;
use aws_sdk_ecs::types::{Rollback, ServiceDeploymentLifecycleStage, ServiceRevisionSummary};
use neap_core::kinds::KindOf;

const OLD: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/course-api:1";
const NEW: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/course-api:2";

fn revision(number: u32) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:service-revision/main/course-api/{number}")
}

fn service() -> AwsService {
    let shown = |number: u32, task: &str| {
        Deployment::builder().id(format!("ecs-svc/{number}")).task_definition(task).build()
    };
    AwsService::builder().deployments(shown(1, OLD)).deployments(shown(2, NEW)).build()
}

fn deployment(status: ServiceDeploymentStatus) -> ServiceDeployment {
    let target =
        ServiceRevisionSummary::builder().arn(revision(2)).requested_task_count(2).running_task_count(1);
    ServiceDeployment::builder()
        .status(status)
        .created_at(DateTime::from_secs(200))
        .target_service_revision(target.build())
        .lifecycle_stage(ServiceDeploymentLifecycleStage::BakeTime)
        .build()
}

fn judged(deployment: &ServiceDeployment, since: Option<i64>) -> Option<Progress> {
    let wanted = Service { task: NEW.into(), ..Service::example() };
    judge(deployment, &service(), &wanted, since.map(DateTime::from_secs))
}

#[test]
fn a_deployment_under_way_tells_its_tasks_and_its_stage() {
    let bakes = judged(&deployment(ServiceDeploymentStatus::InProgress), Some(200));
    let expected =
        "1 of 2 tasks running, the new tasks have the traffic, the old ones stay for the bake time";
    assert_eq!(bakes, Some(Progress::Pending(expected.to_owned())));
    let bare = ServiceDeployment::builder().status(ServiceDeploymentStatus::StopRequested).build();
    assert_eq!(judged(&bare, None), Some(Progress::Pending("stop requested".to_owned())));
}

#[test]
fn only_success_of_our_own_task_is_success() {
    let done = deployment(ServiceDeploymentStatus::Successful);
    assert_eq!(judged(&done, Some(200)), Some(Progress::Done));
    let target = ServiceRevisionSummary::builder().arn(revision(1)).build();
    let mut earlier = done.clone();
    earlier.target_service_revision = Some(target);
    assert_eq!(judged(&earlier, None), None);
    assert_eq!(judged(&done, Some(261)), None, "it is from before the update");
    assert_eq!(judged(&done, Some(230)), Some(Progress::Done), "written down just before");
}

#[test]
fn a_rollback_is_a_failure_that_says_why_and_to_what() {
    let back = Rollback::builder().reason("tasks failed to start.").service_revision_arn(revision(1)).build();
    let failed = |status| {
        let mut failed = deployment(status);
        failed.rollback = Some(back.clone());
        failed
    };
    for (status, expected) in [
        (
            ServiceDeploymentStatus::RollbackInProgress,
            Progress::Pending("rolling back: tasks failed to start".into()),
        ),
        (
            ServiceDeploymentStatus::RollbackSuccessful,
            Progress::Failed("tasks failed to start; rolled back to course-api:1".into()),
        ),
        (
            ServiceDeploymentStatus::RollbackFailed,
            Progress::Failed("tasks failed to start, and the rollback failed".into()),
        ),
    ] {
        assert_eq!(judged(&failed(status), Some(200)), Some(expected));
    }
    let mut stopped = deployment(ServiceDeploymentStatus::Stopped);
    stopped.status_reason = Some("by hand".into());
    assert_eq!(judged(&stopped, None), Some(Progress::Failed("stopped: by hand".into())));
}

#[test]
fn the_newest_deployment_counts_unless_it_is_from_before_the_update() {
    let brief = |arn: &str, created: i64| {
        ServiceDeploymentBrief::builder()
            .service_deployment_arn(arn)
            .created_at(DateTime::from_secs(created))
            .build()
    };
    let all = [brief("a", 100), brief("c", 300), brief("b", 200)];
    let found = |since: Option<i64>| newest(&all, since.map(DateTime::from_secs));
    assert_eq!(found(None).as_deref(), Some("c"));
    assert_eq!(found(Some(300)).as_deref(), Some("c"));
    assert_eq!(found(Some(400)), None);
    assert_eq!(newest(&[], None), None);
}
