//! Revisions of task definitions, whatever their state: inactive ones stay for ever unless somebody deletes them.

use std::collections::BTreeSet;

use aws_sdk_ecs::types as sdk;
use neap_core::zero::{Seen, StackScope, Thing};
use neap_engine::cloud::CallError;

use super::{Part, each, tags};
use crate::client::Aws;
use crate::error::failed;

/// Looks at the families that the stack names, and at those whose name begins like the stack's.
pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let listed = part.take(families(aws, &scope.prefix()).await);
    let named = scope.names_of(Thing::TaskDefinition).map(str::to_owned);
    let families: BTreeSet<String> = listed.into_iter().chain(named).collect();
    for family in families {
        part.merge(family_revisions(aws, &family).await);
    }
    part
}

async fn families(aws: &Aws, prefix: &str) -> Result<Vec<String>, CallError> {
    let call = aws.ecs.list_task_definition_families().family_prefix(prefix);
    let call = call.status(sdk::TaskDefinitionFamilyStatus::All).max_results(100);
    let pages = call.into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("ecs:ListTaskDefinitionFamilies"))
}

/// Every revision of a family.
pub(super) async fn family_revisions(aws: &Aws, family: &str) -> Part {
    use sdk::TaskDefinitionStatus::{Active, DeleteInProgress, Inactive};
    let mut part = Part::default();
    let mut arns = BTreeSet::new();
    for status in [Active, Inactive, DeleteInProgress] {
        let call = aws.ecs.list_task_definitions().family_prefix(family).status(status);
        let pages = call.into_paginator().items().send();
        let listed: Result<Vec<String>, CallError> =
            pages.collect::<Result<_, _>>().await.map_err(failed("ecs:ListTaskDefinitions"));
        arns.extend(part.take(listed));
    }
    let arns: Vec<String> = arns.into_iter().filter(|arn| family_of(arn) == Some(family)).collect();
    for answer in each(&arns, async |arn| revision(aws, arn).await).await {
        let found = part.take(answer);
        part.seen.extend(found);
    }
    part
}

async fn revision(aws: &Aws, arn: &str) -> Result<Option<Seen>, CallError> {
    let call = aws.ecs.describe_task_definition().task_definition(arn);
    let answer = call.include(sdk::TaskDefinitionField::Tags).send().await;
    let answer = answer.map_err(failed("ecs:DescribeTaskDefinition"))?;
    let Some(definition) = answer.task_definition() else { return Ok(None) };
    let family = definition.family().unwrap_or_default();
    let mut seen = Seen::new(Thing::TaskDefinition, definition.task_definition_arn().unwrap_or(arn), family);
    let pairs =
        answer.tags().iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()));
    seen.tags = tags(pairs);
    let is_going = definition.status() == Some(&sdk::TaskDefinitionStatus::DeleteInProgress);
    seen.going = is_going.then(|| "delete in progress".to_owned());
    Ok(Some(seen))
}

/// The family in the ARN of a revision.
pub(super) fn family_of(arn: &str) -> Option<&str> {
    let (_, revision) = arn.split_once(":task-definition/")?;
    revision.rsplit_once(':').map(|(family, _)| family)
}
