//! CloudWatch Logs log groups.
//!
//! Decides how a log group is read, created, changed and deleted. Must not know what writes to it.

use std::collections::BTreeMap;

use aws_sdk_cloudwatchlogs::types::{LogGroup as AwsLogGroup, LogGroupClass};
use futures_util::future::join_all;
use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::kinds::LogGroup;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use tokio::join;

use crate::client::Aws;
use crate::error::{failed, if_made, incomplete, not_yet};
use crate::found::{Found, Outcome, address_of, if_gone};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::tags::{TagChanges, Tags, visible};

const DESCRIBE: &str = "logs:DescribeLogGroups";

/// What the names of the stack's log groups begin with, unless the user chose another.
pub(crate) fn prefix(stack: &str) -> String {
    format!("/neap/{stack}/")
}

/// Reads the stack's log groups: those under its prefix in one listing, those with names of their own one by one.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let prefix = prefix(&desired.stack);
    let wanted: BTreeMap<&str, (&Address, &LogGroup)> = declared::<LogGroup>(desired)
        .map(|(address, group)| (group.name.as_str(), (address, group)))
        .collect();
    let elsewhere = wanted.iter().filter(|(name, _)| !name.starts_with(&prefix));
    let elsewhere = join_all(elsewhere.map(async |(name, (address, _))| (*address, find(aws, name).await)));
    let (under_prefix, elsewhere) = join!(list(aws, &prefix), elsewhere);

    let mut groups = under_prefix.unwrap_or_else(|error| {
        found.unlistable::<LogGroup>(desired, &error);
        Vec::new()
    });
    for (address, outcome) in elsewhere {
        match outcome {
            Ok(group) => groups.extend(group),
            Err(error) => found.unreadable(address, &error),
        }
    }
    let candidates = groups.iter().map(|group| {
        let wanted = group.log_group_name().and_then(|name| wanted.get(name).copied());
        candidate(aws, group, wanted)
    });
    found.collect(join_all(candidates).await);
    for group in groups.iter().filter(|group| group.retention_policy_name().is_some()) {
        if let Some(name) = group.log_group_name().filter(|name| wanted.contains_key(name)) {
            found
                .warnings
                .push(format!("the account's own policy decides the retention of log group `{name}`"));
        }
    }
    found.rest_absent::<LogGroup>(desired);
    found
}

async fn list(aws: &Aws, prefix: &str) -> Result<Vec<AwsLogGroup>, CallError> {
    let pages = aws.logs.describe_log_groups().log_group_name_prefix(prefix).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed(DESCRIBE))
}

/// The log group of exactly this name. Listings are sorted, so it is the first with its name as prefix.
async fn find(aws: &Aws, name: &str) -> Result<Option<AwsLogGroup>, CallError> {
    let answer = aws.logs.describe_log_groups().log_group_name_prefix(name).send().await;
    let groups = answer.map_err(failed(DESCRIBE))?.log_groups.unwrap_or_default();
    Ok(groups.into_iter().find(|group| group.log_group_name() == Some(name)))
}

/// The log group of a name that no listing by prefix shows.
pub(crate) async fn named(aws: &Aws, name: &str) -> Result<Option<LiveResource>, CallError> {
    let Some(group) = find(aws, name).await? else { return Ok(None) };
    candidate(aws, &group, None).await.1
}

async fn candidate(aws: &Aws, group: &AwsLogGroup, wanted: Option<(&Address, &LogGroup)>) -> Outcome {
    let address = wanted.map(|(address, _)| address);
    let outcome = async {
        let arn = bare_arn(group).ok_or_else(|| incomplete(DESCRIBE, "arn"))?;
        let tags = tags(aws, arn).await?;
        let fields = from_aws(group, wanted.map(|(_, fields)| fields));
        Ok(address_of(&tags, address).map(|address| live(address, fields, arn, tags)))
    };
    (address.cloned(), outcome.await)
}

async fn tags(aws: &Aws, arn: &str) -> Result<Tags, CallError> {
    let answer = aws.logs.list_tags_for_resource().resource_arn(arn).send().await;
    let answer = answer.map_err(failed("logs:ListTagsForResource"))?;
    Ok(visible(answer.tags.unwrap_or_default()))
}

/// The ARN without the `:*` with which listings end it, as tagging calls and policies want it.
fn bare_arn(group: &AwsLogGroup) -> Option<&str> {
    group.log_group_arn().or(group.arn()).map(|arn| arn.trim_end_matches(":*"))
}

fn live(address: Address, fields: LogGroup, arn: &str, tags: Tags) -> LiveResource {
    LiveResource {
        address,
        id: fields.name.clone(),
        outputs: outputs([("name", &fields.name), ("arn", arn)]),
        resource: fields.into(),
        tags,
        phase: Phase::Ready,
    }
}

/// A group's fields. Where a policy of the account decides the retention, no setting of the group's own can be
/// read or would help, so it counts as what is wanted.
fn from_aws(group: &AwsLogGroup, wanted: Option<&LogGroup>) -> LogGroup {
    let own = group.retention_in_days().and_then(|days| u32::try_from(days).ok());
    let overridden = group.retention_policy_name().and(wanted);
    LogGroup {
        name: group.log_group_name().unwrap_or_default().to_owned(),
        retention_days: overridden.map_or(own, |wanted| wanted.retention_days),
        class: group.log_group_class().map_or("STANDARD", LogGroupClass::as_str).to_owned(),
        kms_key: group.kms_key_id().map(ToOwned::to_owned),
    }
}

async fn set_retention(aws: &Aws, group: &LogGroup) -> Result<(), CallError> {
    let days = group.retention_days.and_then(|days| i32::try_from(days).ok());
    match days {
        Some(days) => {
            let request = aws.logs.put_retention_policy().log_group_name(&group.name).retention_in_days(days);
            request.send().await.map(|_| ()).map_err(failed("logs:PutRetentionPolicy"))
        }
        None => {
            let request = aws.logs.delete_retention_policy().log_group_name(&group.name);
            request.send().await.map(|_| ()).map_err(failed("logs:DeleteRetentionPolicy"))
        }
    }
}

async fn set_key(aws: &Aws, group: &LogGroup) -> Result<(), CallError> {
    match &group.kms_key {
        Some(key) => {
            let request = aws.logs.associate_kms_key().log_group_name(&group.name).kms_key_id(key);
            request.send().await.map(|_| ()).map_err(failed("logs:AssociateKmsKey"))
        }
        None => {
            let request = aws.logs.disassociate_kms_key().log_group_name(&group.name);
            request.send().await.map(|_| ()).map_err(failed("logs:DisassociateKmsKey"))
        }
    }
}

async fn retag(aws: &Aws, arn: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let tags = changes.set.clone().into_iter().collect();
        let request = aws.logs.tag_resource().resource_arn(arn).set_tags(Some(tags));
        request.send().await.map_err(failed("logs:TagResource"))?;
    }
    if !changes.remove.is_empty() {
        let request = aws.logs.untag_resource().resource_arn(arn).set_tag_keys(Some(changes.remove.clone()));
        request.send().await.map_err(failed("logs:UntagResource"))?;
    }
    Ok(())
}

/// A create met something of its name: its own earlier creation is brought into shape, anything else is a conflict.
async fn resume(aws: &Aws, wanted: &Wanted<'_, LogGroup>, conflict: CallError) -> Result<Outputs, CallError> {
    let Some(group) = find(aws, &wanted.fields.name).await? else { return Err(not_yet(conflict)) };
    let (_, outcome) = candidate(aws, &group, None).await;
    match outcome? {
        Some(live) if wanted.is_marked(&live.tags) => LogGroup::update(aws, &Held::of(&live)?, wanted).await,
        _ => Err(conflict),
    }
}

impl Remote for LogGroup {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let request = aws
            .logs
            .create_log_group()
            .log_group_name(&fields.name)
            .set_kms_key_id(fields.kms_key.clone())
            .log_group_class(LogGroupClass::from(fields.class.as_str()))
            .set_tags(Some(wanted.all_tags().into_iter().collect()));
        match request.send().await.map_err(failed("logs:CreateLogGroup")) {
            Err(error) if error.kind == ErrorKind::Conflict => return resume(aws, wanted, error).await,
            other => other?,
        };
        if fields.retention_days.is_some() {
            set_retention(aws, fields).await.map_err(if_made)?;
        }
        // The answer is empty, but the ARN is a function of account, region and name.
        let identity = aws.identity().await?;
        let (partition, account) = (&identity.partition, &identity.account);
        let arn = format!("arn:{partition}:logs:{}:{account}:log-group:{}", aws.region, fields.name);
        Ok(outputs([("name", &fields.name), ("arn", &arn)]))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        if held.fields.retention_days != wanted.fields.retention_days {
            set_retention(aws, wanted.fields).await?;
        }
        if held.fields.kms_key != wanted.fields.kms_key {
            set_key(aws, wanted.fields).await?;
        }
        let arn = held.live.outputs.get("arn").map_or("", String::as_str);
        retag(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let request = aws.logs.delete_log_group().log_group_name(&held.fields.name);
        if_gone(request.send().await.map_err(failed("logs:DeleteLogGroup")))
    }

    async fn ready(_: &Aws, _: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let found = find(aws, &held.fields.name).await?;
        Ok(found.map_or(Progress::Done, |_| Progress::Pending("deleting".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neap_core::kinds::KindOf;

    fn group(fields: &LogGroup) -> aws_sdk_cloudwatchlogs::types::builders::LogGroupBuilder {
        AwsLogGroup::builder()
            .log_group_name(&fields.name)
            .arn("arn:aws:logs:eu-west-1:123456789012:log-group:/neap/course/api:*")
            .set_retention_in_days(fields.retention_days.and_then(|days| i32::try_from(days).ok()))
            .log_group_class(LogGroupClass::from(fields.class.as_str()))
            .set_kms_key_id(fields.kms_key.clone())
    }

    #[test]
    fn a_log_group_reads_back_as_it_was_created() {
        let example = LogGroup::example();
        assert_eq!(from_aws(&group(&example).build(), None), example);
    }

    #[test]
    fn both_forms_of_the_arn_lose_their_star() {
        let listed = group(&LogGroup::example());
        let expected = "arn:aws:logs:eu-west-1:123456789012:log-group:/neap/course/api";
        assert_eq!(bare_arn(&listed.clone().build()), Some(expected));
        assert_eq!(bare_arn(&listed.log_group_arn(expected).build()), Some(expected));
    }

    #[test]
    fn retention_that_the_account_decides_is_no_difference() {
        let wanted = LogGroup { retention_days: Some(7), ..LogGroup::example() };
        let overridden = group(&LogGroup::example()).retention_policy_name("central").build();
        assert_eq!(from_aws(&overridden, Some(&wanted)).retention_days, Some(7));
        assert_eq!(from_aws(&overridden, None).retention_days, Some(14));
    }
}
