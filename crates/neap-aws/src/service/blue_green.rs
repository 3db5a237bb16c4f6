//! Deployments that shift traffic: which one is ours, and how far it has come.
//!
//! Decides from a service's deployment, as ECS tells of it apart from the service, whether it is done, under way or lost. All
//! moments that are compared are ECS's own. Must not know which traffic is shifted.

use std::time::Duration;

use aws_sdk_ecs::types::{
    Deployment, Service as AwsService, ServiceDeployment, ServiceDeploymentBrief, ServiceDeploymentStatus,
};
use aws_smithy_types::DateTime;
use neap_core::kinds::Service;
use neap_engine::cloud::{CallError, Progress};

use crate::client::Aws;
use crate::ecs::name_in;
use crate::error::failed;

#[cfg(test)]
mod tests;

/// How much earlier than what it starts a deployment may have been written down.
const JUST_BEFORE: Duration = Duration::from_secs(60);

/// Looks at the deployment of `service` that an update at `since` has started, and judges it; nothing where ECS knows of none.
pub(super) async fn look(
    aws: &Aws,
    service: &AwsService,
    wanted: &Service,
    since: Option<DateTime>,
) -> Result<Option<Progress>, CallError> {
    let arn = match service.current_service_deployment() {
        Some(current) => Some(current.to_owned()),
        None => newest(&list(aws, wanted).await?, since),
    };
    let Some(arn) = arn else { return Ok(None) };
    let answer = aws.ecs.describe_service_deployments().service_deployment_arns(arn).send().await;
    let answer = answer.map_err(failed("ecs:DescribeServiceDeployments"))?;
    let found = answer.service_deployments().first();
    Ok(found.and_then(|deployment| judge(deployment, service, wanted, since)))
}

async fn list(aws: &Aws, wanted: &Service) -> Result<Vec<ServiceDeploymentBrief>, CallError> {
    let Service { name, cluster, .. } = wanted;
    let answer =
        aws.ecs.list_service_deployments().cluster(cluster).service(name).max_results(100).send().await;
    let answer = answer.map_err(failed("ecs:ListServiceDeployments"))?;
    Ok(answer.service_deployments.unwrap_or_default())
}

/// The ARN of the newest deployment, unless it is from before the update at `since`.
fn newest(deployments: &[ServiceDeploymentBrief], since: Option<DateTime>) -> Option<String> {
    let newest = deployments.iter().max_by_key(|deployment| deployment.created_at().map(moment))?;
    let is_ours = is_since(newest.created_at(), since);
    newest.service_deployment_arn().filter(|_| is_ours).map(ToOwned::to_owned)
}

/// What a deployment has come to; nothing if it is that of an earlier update.
fn judge(
    deployment: &ServiceDeployment,
    service: &AwsService,
    wanted: &Service,
    since: Option<DateTime>,
) -> Option<Progress> {
    if !is_since(deployment.created_at(), since) {
        return None;
    }
    let stage = deployment.lifecycle_stage().map(|stage| Service::stage(stage.as_str()).to_owned());
    Some(match deployment.status()? {
        // Of an earlier task it says nothing.
        ServiceDeploymentStatus::Successful => match runs(deployment, service) {
            Some(task) if task != wanted.task => return None,
            _ => Progress::Done,
        },
        ServiceDeploymentStatus::RollbackRequested | ServiceDeploymentStatus::RollbackInProgress => {
            Progress::Pending(format!("rolling back: {}", why(deployment)))
        }
        ServiceDeploymentStatus::RollbackSuccessful => {
            Progress::Failed(format!("{}; rolled back{}", why(deployment), back_to(deployment, service)))
        }
        ServiceDeploymentStatus::RollbackFailed => {
            Progress::Failed(format!("{}, and the rollback failed", why(deployment)))
        }
        ServiceDeploymentStatus::Stopped => Progress::Failed(format!("stopped: {}", why(deployment))),
        status => Progress::Pending(match (tasks(deployment), stage) {
            (Some(tasks), Some(stage)) => format!("{tasks}, {stage}"),
            (Some(tasks), None) => tasks,
            (None, Some(stage)) => stage,
            (None, None) => status.as_str().to_lowercase().replace('_', " "),
        }),
    })
}

/// How many of the new tasks run.
fn tasks(deployment: &ServiceDeployment) -> Option<String> {
    let revision = deployment.target_service_revision()?;
    Some(format!("{} of {} tasks running", revision.running_task_count(), revision.requested_task_count()))
}

/// The task definition that a deployment brings about: what a service shows has the number of its revision.
fn runs<'a>(deployment: &ServiceDeployment, service: &'a AwsService) -> Option<&'a str> {
    task_of(deployment.target_service_revision()?.arn()?, service)
}

fn task_of<'a>(revision: &str, service: &'a AwsService) -> Option<&'a str> {
    let number = name_in(revision);
    let is_it = |shown: &&Deployment| shown.id().is_some_and(|id| name_in(id) == number);
    service.deployments().iter().find(is_it)?.task_definition()
}

/// Why ECS gives up, in its own words.
fn why(deployment: &ServiceDeployment) -> String {
    let rollback = deployment.rollback().and_then(|rollback| rollback.reason());
    let reason = rollback.or(deployment.status_reason()).unwrap_or("the deployment failed");
    reason.trim_end_matches('.').to_owned()
}

fn back_to(deployment: &ServiceDeployment, service: &AwsService) -> String {
    let revision = deployment.rollback().and_then(|rollback| rollback.service_revision_arn());
    let task = revision.and_then(|revision| task_of(revision, service));
    task.map(|task| format!(" to {}", name_in(task))).unwrap_or_default()
}

fn is_since(created: Option<&DateTime>, since: Option<DateTime>) -> bool {
    let just_before = JUST_BEFORE.as_secs_f64();
    created
        .zip(since)
        .is_none_or(|(created, since)| created.as_secs_f64() >= since.as_secs_f64() - just_before)
}

/// A moment as a number that can be put in order.
fn moment(time: &DateTime) -> (i64, u32) {
    (time.secs(), time.subsec_nanos())
}
