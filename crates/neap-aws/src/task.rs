//! ECS task definitions: a family whose latest active revision is the resource.
//!
//! Decides how revisions are registered and removed. How their fields convert is in the files beside. Must not
//! know which services run them.

mod from_aws;
mod running;
mod to_aws;

pub(crate) use from_aws::log_configuration as from_logs;
pub(crate) use to_aws::log_configuration as to_logs;

pub(crate) use running::read_running;

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    TaskDefinition, TaskDefinitionFamilyStatus, TaskDefinitionField, TaskDefinitionStatus,
};
use futures_util::future::join_all;
use neap_core::address::Address;
use neap_core::desired::{Desired, TAG_ADDRESS, TAG_STACK};
use neap_core::diff;
use neap_core::kinds::Task;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use tokio::join;

use crate::client::Aws;
use crate::ecs::retag;
use crate::error::{failed, incomplete, refused};
use crate::found::{Found, Outcome, address_of, if_there};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::tags::{Tags, from_ecs, to_ecs};

const REGISTER: &str = "ecs:RegisterTaskDefinition";

/// What the names of the stack's families begin with, unless the user chose another.
pub(crate) fn prefix(stack: &str) -> String {
    format!("{stack}-")
}

/// Reads the stack's families: the desired ones by name, and others whose name begins with the stack's.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let names: BTreeMap<&str, &Address> =
        declared::<Task>(desired).map(|(address, task)| (task.family.as_str(), address)).collect();
    let wanted = join_all(names.iter().map(|(family, address)| candidates(aws, family, Some(address))));
    let strays = async {
        let listed = list_families(aws, &prefix(&desired.stack)).await?;
        let strays = listed.iter().filter(|family| !names.contains_key(family.as_str()));
        Ok(join_all(strays.map(|family| candidates(aws, family, None))).await)
    };
    let (wanted, strays) = join!(wanted, strays);
    found.collect(wanted.into_iter().flatten());
    match strays {
        Ok(strays) => found.collect(strays.into_iter().flatten()),
        Err(error) => found.failed(&error),
    }
    found
}

async fn list_families(aws: &Aws, prefix: &str) -> Result<Vec<String>, CallError> {
    let request = aws.ecs.list_task_definition_families().family_prefix(prefix);
    // Also those with no active revision: a removal may have been broken off half-way.
    let request = request.status(TaskDefinitionFamilyStatus::All).max_results(100);
    let pages = request.into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("ecs:ListTaskDefinitionFamilies"))
}

/// The family of a name that no listing by prefix shows.
pub(crate) async fn named(aws: &Aws, family: &str) -> Result<Option<LiveResource>, CallError> {
    candidate(aws, family, None).await.1
}

/// What there is of a family: its latest active revision, or else what a removal that was broken off has left of it.
async fn candidates(aws: &Aws, family: &str, address: Option<&Address>) -> Vec<Outcome> {
    let active = candidate(aws, family, address).await;
    if !matches!(active, (_, Ok(None))) {
        return vec![active];
    }
    let half_removed = half_removed(aws, family).await;
    vec![active, (None, half_removed)]
}

async fn candidate(aws: &Aws, family: &str, address: Option<&Address>) -> Outcome {
    let revision = latest(aws, family).await;
    let live = revision.map(|revision| revision.and_then(|revision| live(&revision, address)));
    (address.cloned(), live)
}

/// The newest revision that is deregistered and not deleted, of a family that has no active one. It stays for ever
/// unless somebody deletes it. A family that others have left so is not gone through to its end.
async fn half_removed(aws: &Aws, family: &str) -> Result<Option<LiveResource>, CallError> {
    let inactive = list(aws, family, TaskDefinitionStatus::Inactive).await?;
    let Some(newest) = inactive.iter().max_by_key(|arn| number(arn)) else { return Ok(None) };
    let live = describe(aws, newest).await?.and_then(|revision| live(&revision, None));
    Ok(live.map(|live| LiveResource { phase: Phase::Deleting("deregistered".to_owned()), ..live }))
}

/// One revision with its tags.
struct Revision {
    definition: TaskDefinition,
    tags: Tags,
}

/// A revision by ARN, or the latest active one by family.
async fn describe(aws: &Aws, reference: &str) -> Result<Option<Revision>, CallError> {
    let request = aws.ecs.describe_task_definition().task_definition(reference);
    let answer = request.include(TaskDefinitionField::Tags).send().await;
    let Some(answer) = if_there(answer.map_err(failed("ecs:DescribeTaskDefinition")))? else {
        return Ok(None);
    };
    let tags = from_ecs(answer.tags());
    Ok(answer.task_definition.map(|definition| Revision { definition, tags }))
}

/// The latest active revision of a family. Deregistered ones stay visible, and count as absent.
async fn latest(aws: &Aws, family: &str) -> Result<Option<Revision>, CallError> {
    let is_active = |revision: &Revision| {
        revision.definition.status().is_none_or(|status| *status == TaskDefinitionStatus::Active)
    };
    Ok(describe(aws, family).await?.filter(is_active))
}

fn live(revision: &Revision, named: Option<&Address>) -> Option<LiveResource> {
    Some(LiveResource {
        address: address_of(&revision.tags, named)?,
        id: revision.definition.task_definition_arn().unwrap_or_default().to_owned(),
        outputs: revision_outputs(&revision.definition),
        resource: from_aws::task(&revision.definition).into(),
        tags: revision.tags.clone(),
        phase: Phase::Ready,
    })
}

fn revision_outputs(definition: &TaskDefinition) -> Outputs {
    let arn = definition.task_definition_arn().unwrap_or_default();
    outputs([("arn", arn), ("family", definition.family().unwrap_or_default())])
}

/// Registers a new revision, unless an earlier attempt whose answer was lost has done so: registering knows no token,
/// so each repetition would leave one revision more.
async fn register(aws: &Aws, wanted: &Wanted<'_, Task>) -> Result<Outputs, CallError> {
    if let Some(latest) = latest(aws, &wanted.fields.family).await?
        && latest.tags == wanted.all_tags()
        && from_aws::task(&latest.definition) == *wanted.fields
    {
        return Ok(revision_outputs(&latest.definition));
    }
    let input = to_aws::registration(wanted.fields)?.set_tags(Some(to_ecs(&wanted.all_tags())));
    let answer = input.send_with(&aws.ecs_once).await.map_err(failed(REGISTER))?;
    answer.task_definition().map(revision_outputs).ok_or_else(|| incomplete(REGISTER, "taskDefinition"))
}

/// What an earlier registration of exactly this made: the latest active revision, if it carries all its tags, the spec
/// hash included.
pub(crate) async fn registered(aws: &Aws, wanted: &Wanted<'_, Task>) -> Result<Option<Outputs>, CallError> {
    let latest = latest(aws, &wanted.fields.family).await?;
    let made = latest.filter(|latest| latest.tags == wanted.all_tags());
    Ok(made.map(|latest| revision_outputs(&latest.definition)))
}

async fn list(aws: &Aws, family: &str, status: TaskDefinitionStatus) -> Result<Vec<String>, CallError> {
    // The prefix is the whole name of the family.
    let pages =
        aws.ecs.list_task_definitions().family_prefix(family).status(status).into_paginator().items().send();
    let arns: Vec<String> =
        pages.collect::<Result<_, _>>().await.map_err(failed("ecs:ListTaskDefinitions"))?;
    Ok(arns.into_iter().filter(|arn| is_of_family(arn, family)).collect())
}

/// The number of a revision, from its ARN.
fn number(arn: &str) -> Option<u32> {
    arn.rsplit_once(':')?.1.parse().ok()
}

fn is_of_family(arn: &str, family: &str) -> bool {
    crate::ecs::name_in(arn).rsplit_once(':').is_some_and(|(name, _)| name == family)
}

/// The revisions of the family in this status that carry the same marks as `held`, and those that carry no tag: in a family
/// of the stack's own, a pipeline has registered them for the stack's service. Foreign ones are left alone.
async fn ours(
    aws: &Aws,
    held: &Held<'_, Task>,
    status: TaskDefinitionStatus,
) -> Result<Vec<String>, CallError> {
    let mut ours = Vec::new();
    for arn in list(aws, &held.fields.family, status).await? {
        let revision = describe(aws, &arn).await?;
        let is_ours = |tags: &Tags| tags.is_empty() || is_marked_like(tags, &held.live.tags);
        if revision.is_some_and(|revision| is_ours(&revision.tags)) {
            ours.push(arn);
        }
    }
    Ok(ours)
}

/// Deregisters every active revision of the stack's own, and then asks for the deletion of all inactive ones:
/// ECS deletes nothing that is still active. Where a removal is only brought to its end, active revisions are newer
/// than it.
async fn remove(aws: &Aws, held: &Held<'_, Task>) -> Result<(), CallError> {
    let mut inactive = ours(aws, held, TaskDefinitionStatus::Inactive).await?;
    let active = match held.live.phase {
        Phase::Deleting(_) => Vec::new(),
        _ => ours(aws, held, TaskDefinitionStatus::Active).await?,
    };
    for arn in active {
        let request = aws.ecs.deregister_task_definition().task_definition(&arn);
        request.send().await.map_err(failed("ecs:DeregisterTaskDefinition"))?;
        inactive.push(arn);
    }
    for batch in inactive.chunks(10) {
        delete_batch(aws, batch).await?;
    }
    Ok(())
}

fn is_marked_like(tags: &Tags, held: &Tags) -> bool {
    [TAG_STACK, TAG_ADDRESS]
        .iter()
        .all(|key| tags.get(*key).is_some_and(|value| held.get(*key) == Some(value)))
}

/// Whether the reason of a failure is that the revision is gone, as the API names it or tells it.
fn says_gone(reason: &str) -> bool {
    reason == "TASK_DEFINITION_NOT_FOUND"
        || reason.starts_with("The specified task definition does not exist")
}

async fn delete_batch(aws: &Aws, arns: &[String]) -> Result<(), CallError> {
    const OPERATION: &str = "ecs:DeleteTaskDefinitions";
    let request = aws.ecs.delete_task_definitions().set_task_definitions(Some(arns.to_vec()));
    let answer = request.send().await.map_err(failed(OPERATION))?;
    match answer.failures().iter().find(|failure| !failure.reason().is_some_and(says_gone)) {
        None => Ok(()),
        Some(failure) => {
            let of = failure.arn().unwrap_or("a revision");
            let reason = failure.detail().or(failure.reason()).unwrap_or("no reason given");
            Err(refused(ErrorKind::Unknown, OPERATION, format!("{of}: {reason}")))
        }
    }
}

impl Remote for Task {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        register(aws, wanted).await
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        // As a plan compares them, which has said whether there is another revision.
        if !diff::are_alike(wanted.fields, held.fields) {
            return register(aws, wanted).await;
        }
        // Tags alone can change in place, and services need not move to another revision.
        retag(aws, &held.live.id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        remove(aws, held).await
    }

    /// A revision is ready once it is the one that a look at its family shows: the next run must find it.
    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let made = outputs.get("arn").ok_or_else(|| incomplete(REGISTER, "taskDefinitionArn"))?;
        let latest = latest(aws, &wanted.fields.family).await?;
        let shown = latest.and_then(|latest| latest.definition.task_definition_arn);
        Ok(if shown.is_some_and(|shown| number(&shown) >= number(made)) {
            Progress::Done
        } else {
            Progress::Pending("not visible yet".to_owned())
        })
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let status = match held.live.phase {
            Phase::Deleting(_) => TaskDefinitionStatus::Inactive,
            _ => TaskDefinitionStatus::Active,
        };
        if ours(aws, held, status).await?.is_empty() {
            return Ok(Progress::Done);
        }
        remove(aws, held).await?;
        Ok(Progress::Pending("deregistering revisions".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_that_is_gone_needs_no_deleting() {
        assert!(says_gone("TASK_DEFINITION_NOT_FOUND"));
        assert!(says_gone(
            "The specified task definition does not exist. Specify a valid account, family, revision and try again."
        ));
        assert!(!says_gone("The specified task definition is still in use"));
    }
    use neap_core::kinds::KindOf;

    fn described(task: &Task) -> TaskDefinition {
        let input = to_aws::registration(task).expect("a task").build().expect("an input");
        TaskDefinition::builder()
            .task_definition_arn("arn:aws:ecs:eu-west-1:123456789012:task-definition/course-api:7")
            .set_family(input.family)
            .set_container_definitions(input.container_definitions)
            .set_volumes(input.volumes)
            .set_network_mode(input.network_mode)
            .set_cpu(input.cpu)
            .set_memory(input.memory)
            .set_requires_compatibilities(input.requires_compatibilities)
            .set_runtime_platform(input.runtime_platform)
            .set_ephemeral_storage(input.ephemeral_storage)
            .set_execution_role_arn(input.execution_role_arn)
            .set_task_role_arn(input.task_role_arn)
            .build()
    }

    #[test]
    fn a_task_reads_back_as_it_was_registered() {
        let example = Task::example();
        assert_eq!(from_aws::task(&described(&example)), example);
        let plain = Task {
            launch_types: ["EC2".to_owned()].into(),
            network_mode: "bridge".into(),
            cpu: None,
            memory: None,
            architecture: "ARM64".into(),
            ephemeral_storage_gib: None,
            execution_role: None,
            task_role: None,
            volumes: BTreeMap::new(),
            ..example
        };
        assert_eq!(from_aws::task(&described(&plain)), plain);
    }

    #[test]
    fn a_tasks_outputs_are_the_revision_and_the_family() {
        let outputs = revision_outputs(&described(&Task::example()));
        assert_eq!(outputs["arn"], "arn:aws:ecs:eu-west-1:123456789012:task-definition/course-api:7");
        assert_eq!(outputs["family"], "course-api");
    }

    #[test]
    fn a_family_is_not_another_that_begins_like_it() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/course-api-2:7";
        assert!(is_of_family(arn, "course-api-2") && !is_of_family(arn, "course-api"));
    }

    #[test]
    fn revisions_are_told_by_their_number() {
        let arn = |revision: &str| {
            format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/course-api:{revision}")
        };
        assert_eq!(number(&arn("7")), Some(7));
        assert!(number(&arn("10")) > number(&arn("9")));
        assert_eq!(number("course-api"), None);
    }

    #[test]
    fn only_revisions_with_the_same_marks_are_removed() {
        let tags = |stack: &str, address: &str| {
            Tags::from([
                (TAG_STACK.to_owned(), stack.to_owned()),
                (TAG_ADDRESS.to_owned(), address.to_owned()),
            ])
        };
        let held = tags("course", "task.api");
        assert!(is_marked_like(&tags("course", "task.api"), &held));
        assert!(!is_marked_like(&tags("course", "task.web"), &held));
        assert!(!is_marked_like(&Tags::new(), &held) && !is_marked_like(&Tags::new(), &Tags::new()));
    }
}
