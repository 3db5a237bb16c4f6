//! Log groups: those under the stack's path, those that it names, and those of container insights.

use std::collections::BTreeSet;

use aws_sdk_cloudwatchlogs::types as sdk;
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Seen, StackScope, Stored, Thing};
use neap_engine::cloud::CallError;

use super::{Part, bytes, each, tags};
use crate::client::Aws;
use crate::error::failed;

pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let path = scope.path();
    let own = scope.names_of(Thing::LogGroup).filter(|name| !name.starts_with(&path)).map(str::to_owned);
    let insights = scope.names_of(Thing::Cluster);
    let insights = insights.map(|cluster| format!("/aws/ecs/containerinsights/{cluster}/performance"));
    let names: Vec<String> = own.chain(insights).collect::<BTreeSet<_>>().into_iter().collect();
    let mut part = look_under(aws, &path).await;
    for named in each(&names, async |name| look_at(aws, name).await).await {
        part.merge(named);
    }
    part
}

/// The log group of exactly this name.
pub(super) async fn look_at(aws: &Aws, name: &str) -> Part {
    let mut part = look_under(aws, name).await;
    part.seen.retain(|seen| seen.name == name);
    part
}

/// The log groups whose names begin like this.
async fn look_under(aws: &Aws, prefix: &str) -> Part {
    let mut part = Part::default();
    let pages = aws.logs.describe_log_groups().log_group_name_prefix(prefix).into_paginator().items().send();
    let listed: Result<Vec<sdk::LogGroup>, CallError> =
        pages.collect::<Result<_, _>>().await.map_err(failed("logs:DescribeLogGroups"));
    let groups = part.take(listed);
    for (group, answer) in groups.iter().zip(each(&groups, async |group| tags_of(aws, group).await).await) {
        let name = group.log_group_name().unwrap_or_default();
        let stored = Stored { items: 0, bytes: bytes(group.stored_bytes()) };
        let usage = vec![Usage::bytes(Charge::Logs, stored.bytes)];
        let tags = part.take(answer);
        part.seen.push(Seen { tags, stored, usage, ..Seen::new(Thing::LogGroup, name, name) });
    }
    part
}

async fn tags_of(
    aws: &Aws,
    group: &sdk::LogGroup,
) -> Result<std::collections::BTreeMap<String, String>, CallError> {
    // Listings end the ARN in `:*`, and tags are asked for without that.
    let arn = group.log_group_arn().or(group.arn()).unwrap_or_default().trim_end_matches(":*");
    let answer = aws.logs.list_tags_for_resource().resource_arn(arn).send().await;
    let answer = answer.map_err(failed("logs:ListTagsForResource"))?;
    let pairs = answer.tags().into_iter().flatten();
    Ok(tags(pairs.map(|(key, value)| (key.as_str(), value.as_str()))))
}
