//! Orphans with names of the user's own, which no listing by the stack's prefix shows.
//!
//! Decides which names the index of tags adds to those listings. Must not know how a kind is read.

use std::collections::BTreeSet;

use aws_sdk_resourcegroupstagging::types::TagFilter;
use futures_util::future::join_all;
use neap_core::address::Kind;
use neap_core::desired::{Desired, TAG_STACK};
use neap_engine::cloud::CallError;

use crate::client::Aws;
use crate::error::failed;
use crate::found::{Found, Outcome, if_there};
use crate::{bucket, ecr, log_group, task};

const OPERATION: &str = "tag:GetResources";

/// The kinds that are listed by prefix, and whose name the user can choose.
const TYPES: [&str; 4] = ["ecr:repository", "logs:log-group", "ecs:task-definition", "s3:bucket"];

/// Reads what carries the stack's tag under a name that nothing else looks at. The index shows what is long deleted
/// and learns late of what is new, so it only says where to look, and a plan does without it if it must.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    match tagged(aws, &desired.stack).await {
        Ok(arns) => {
            let names = unknown(&arns, desired);
            found.collect(join_all(names.into_iter().map(|(kind, name)| named(aws, kind, name))).await);
        }
        Err(error) => found.warnings.push(format!(
            "{OPERATION} failed ({}): resources with names of your own that are no longer declared may be missed",
            error.code.as_deref().unwrap_or(&error.message)
        )),
    }
    found
}

/// The ARNs of what is tagged as the stack's, or was.
async fn tagged(aws: &Aws, stack: &str) -> Result<Vec<String>, CallError> {
    let request = aws
        .tagging
        .get_resources()
        .tag_filters(TagFilter::builder().key(TAG_STACK).values(stack).build())
        .set_resource_type_filters(Some(TYPES.map(ToOwned::to_owned).into()))
        .resources_per_page(100);
    let pages = request.into_paginator().items().send();
    let mappings = pages.collect::<Result<Vec<_>, _>>().await.map_err(failed(OPERATION))?;
    Ok(mappings.into_iter().filter_map(|mapping| mapping.resource_arn).collect())
}

/// What the kind's own service says of a name. Most that is hinted at and not there was deleted a while ago.
async fn named(aws: &Aws, kind: Kind, name: &str) -> Outcome {
    let outcome = match kind {
        Kind::Ecr => ecr::named(aws, name).await,
        Kind::LogGroup => log_group::named(aws, name).await,
        Kind::Task => task::named(aws, name).await,
        Kind::Bucket => bucket::named(aws, name).await,
        _ => Ok(None),
    };
    (None, if_there(outcome).map(Option::flatten))
}

/// The names that neither the stack declares nor a listing by its prefix shows, each once.
fn unknown<'a>(arns: &'a [String], desired: &Desired) -> BTreeSet<(Kind, &'a str)> {
    let declared: BTreeSet<(Kind, &str)> = desired
        .resources
        .values()
        .map(|wanted| (wanted.resource.kind(), wanted.resource.aws_name()))
        .collect();
    let buckets = bucket::prefix(&desired.stack);
    let is_listed = |(kind, name): &(Kind, &str)| match kind {
        Kind::Ecr => name.starts_with(&ecr::prefix(&desired.stack)),
        Kind::LogGroup => name.starts_with(&log_group::prefix(&desired.stack)),
        Kind::Bucket => name.starts_with(&buckets),
        _ => name.starts_with(&task::prefix(&desired.stack)),
    };
    let names = arns.iter().filter_map(|arn| kind_and_name(arn));
    names.filter(|name| !declared.contains(name) && !is_listed(name)).collect()
}

/// The kind and name in an ARN. A task definition's revision is no part of its family's name.
fn kind_and_name(arn: &str) -> Option<(Kind, &str)> {
    let mut parts = arn.splitn(6, ':');
    let service = parts.nth(2)?;
    let resource = parts.nth(2)?;
    let (kind, name) = match service {
        "ecr" => (Kind::Ecr, resource.strip_prefix("repository/")?),
        "logs" => (Kind::LogGroup, resource.strip_prefix("log-group:")?.trim_end_matches(":*")),
        "ecs" => (Kind::Task, resource.strip_prefix("task-definition/")?.rsplit_once(':')?.0),
        "s3" => (Kind::Bucket, resource),
        _ => return None,
    };
    (!name.is_empty()).then_some((kind, name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use neap_core::address::Address;
    use neap_core::desired::DesiredResource;
    use neap_core::kinds::{KindOf, LogGroup};

    fn check(arn: &str, expected: Option<(Kind, &str)>) {
        assert_eq!(kind_and_name(arn), expected, "{arn}");
    }

    #[test]
    fn a_repositorys_name_keeps_its_slashes() {
        check("arn:aws:ecr:eu-west-1:123456789012:repository/api", Some((Kind::Ecr, "api")));
        check("arn:aws:ecr:eu-west-1:123456789012:repository/team/api", Some((Kind::Ecr, "team/api")));
    }

    #[test]
    fn a_log_groups_name_ends_before_its_streams() {
        check("arn:aws:logs:eu-west-1:123456789012:log-group:/my/own", Some((Kind::LogGroup, "/my/own")));
        check("arn:aws-cn:logs:cn-north-1:123456789012:log-group:own:*", Some((Kind::LogGroup, "own")));
    }

    #[test]
    fn a_task_definition_is_known_by_its_family() {
        check("arn:aws:ecs:eu-west-1:123456789012:task-definition/worker:12", Some((Kind::Task, "worker")));
    }

    #[test]
    fn the_arn_of_a_bucket_is_its_name() {
        check("arn:aws:s3:::course-web", Some((Kind::Bucket, "course-web")));
    }

    #[test]
    fn an_arn_of_anything_else_has_no_name() {
        check("arn:aws:ecs:eu-west-1:123456789012:cluster/main", None);
        check("arn:aws:ecr:eu-west-1:123456789012:repository/", None);
        check("worker:12", None);
    }

    #[test]
    fn only_names_that_nothing_else_looks_at_are_unknown() {
        let fields = LogGroup { name: "/declared".into(), ..LogGroup::example() };
        let declared = DesiredResource {
            resource: fields.into(),
            tags: BTreeMap::new(),
            implied: None,
            protect: false,
            delete_first: true,
            owned_elsewhere: [].into(),
            after: BTreeSet::new(),
        };
        let resources = [(Address::new(Kind::LogGroup, "own"), declared)].into();
        let desired = Desired { stack: "course".into(), resources, ..Desired::default() };
        let arns = [
            "logs:eu-west-1:123456789012:log-group:/declared",
            "logs:eu-west-1:123456789012:log-group:/neap/course/api",
            "logs:eu-west-1:123456789012:log-group:course-api",
            "ecr:eu-west-1:123456789012:repository/course-api",
            "ecr:eu-west-1:123456789012:repository//declared",
            "ecs:eu-west-1:123456789012:task-definition/course-api:1",
            "ecs:eu-west-1:123456789012:task-definition/worker:1",
            "ecs:eu-west-1:123456789012:task-definition/worker:2",
        ];
        let arns = arns.map(|rest| format!("arn:aws:{rest}"));
        let expected =
            [(Kind::LogGroup, "course-api"), (Kind::Ecr, "/declared"), (Kind::Task, "worker")].into();
        assert_eq!(unknown(&arns, &desired), expected);
    }
}
