//! The index of tags, which names things that listings do not look for by name; each is confirmed by its own service.
//!
//! Decides what it adds and what is a ghost: the index shows for hours what is deleted, and late what is new, so it proves
//! nothing either way.

use std::collections::BTreeSet;

use aws_sdk_resourcegroupstagging::types::TagFilter;
use neap_core::desired::TAG_STACK;
use neap_core::zero::{Hint, StackScope, Thing};
use neap_engine::cloud::CallError;

use super::{Part, each, logs, task_definitions};
use crate::client::Aws;
use crate::error::failed;

/// The ARNs of what is tagged as the stack's, or was.
pub(super) async fn arns(aws: &Aws, scope: &StackScope) -> Result<Vec<String>, CallError> {
    let filter = TagFilter::builder().key(TAG_STACK).values(&scope.stack).build();
    let pages = aws.tagging.get_resources().tag_filters(filter).resources_per_page(100);
    let pages = pages.into_paginator().items().send();
    let mappings = pages.collect::<Result<Vec<_>, _>>().await.map_err(failed("tag:GetResources"))?;
    Ok(mappings.into_iter().filter_map(|mapping| mapping.resource_arn).collect())
}

/// Asks the service of each that was not seen, and says which are ghosts and which nobody can be asked about.
pub(super) async fn confirm(aws: &Aws, scope: &StackScope, arns: &[String], all: &mut Part) -> Vec<Hint> {
    let path = scope.path();
    let mut groups = BTreeSet::new();
    let mut families = BTreeSet::new();
    let mut hints = Vec::new();
    for arn in arns {
        match place(arn) {
            Place::LogGroup(name) if !name.starts_with(&path) && !scope.has_name(Thing::LogGroup, name) => {
                groups.insert(name);
            }
            Place::TaskDefinition(family) if !is_listed(scope, family) => {
                families.insert(family);
            }
            Place::Elsewhere => hints.push(Hint { arn: arn.clone(), is_ghost: false }),
            // All of these were listed, so what was not seen is gone.
            Place::LogGroup(_) | Place::TaskDefinition(_) | Place::Listed => {
                let is_seen = all.seen.iter().any(|seen| arn.ends_with(&seen.id));
                if !is_seen {
                    hints.push(Hint { arn: arn.clone(), is_ghost: true });
                }
            }
        }
    }
    let groups: Vec<&str> = groups.into_iter().collect();
    let families: Vec<&str> = families.into_iter().collect();
    for part in each(&groups, async |name| logs::look_at(aws, name).await).await {
        all.merge(part);
    }
    for part in each(&families, async |family| task_definitions::family_revisions(aws, family).await).await {
        all.merge(part);
    }
    hints
}

fn is_listed(scope: &StackScope, family: &str) -> bool {
    family.starts_with(&scope.prefix()) || scope.has_name(Thing::TaskDefinition, family)
}

/// Where an ARN leads.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    /// To a log group, of which only some are listed.
    LogGroup(&'a str),
    /// To a revision of this family, of which only some are listed.
    TaskDefinition(&'a str),
    /// To something that is listed with all others of its sort, or with what it is inside.
    Listed,
    /// To something that neap never makes.
    Elsewhere,
}

fn place(arn: &str) -> Place<'_> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    let kind = resource.split(['/', ':']).next().unwrap_or_default();
    match (service, kind) {
        ("logs", "log-group") => {
            let name = resource.strip_prefix("log-group:").unwrap_or_default();
            Place::LogGroup(name.trim_end_matches(":*"))
        }
        ("ecs", "task-definition") => {
            task_definitions::family_of(arn).map_or(Place::Listed, Place::TaskDefinition)
        }
        ("s3", _)
        | ("autoscaling", "autoScalingGroup")
        | ("ec2", "launch-template" | "instance")
        | ("iam", "instance-profile")
        | ("ecs", "cluster" | "service" | "task" | "capacity-provider" | "container-instance")
        | ("ec2", "security-group" | "security-group-rule" | "network-interface")
        | (
            "ec2",
            "vpc" | "subnet" | "internet-gateway" | "route-table" | "elastic-ip" | "natgateway"
            | "vpc-endpoint",
        )
        | ("elasticloadbalancing", "loadbalancer" | "targetgroup" | "listener" | "listener-rule")
        | ("ecr", "repository")
        | ("cloudfront", "distribution" | "function")
        | ("cloudwatch", "alarm")
        | ("application-autoscaling", "scalable-target")
        | ("ssm", "parameter")
        | ("iam", "role")
        | ("acm", "certificate")
        | ("servicediscovery", "namespace" | "service") => Place::Listed,
        _ => Place::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rest: &str, expected: &Place<'_>) {
        assert_eq!(place(&format!("arn:aws:{rest}")), *expected, "{rest}");
    }

    #[test]
    fn an_arn_leads_to_where_its_service_lists_it() {
        check("logs:eu-west-1:1:log-group:/my/own:*", &Place::LogGroup("/my/own"));
        check("logs:eu-west-1:1:log-group:own", &Place::LogGroup("own"));
        check("ecs:eu-west-1:1:task-definition/worker:12", &Place::TaskDefinition("worker"));
        check("ecs:eu-west-1:1:service/main/api", &Place::Listed);
        check("elasticloadbalancing:eu-west-1:1:listener-rule/app/a/1/2/3", &Place::Listed);
        check("ecr:eu-west-1:1:repository/team/api", &Place::Listed);
        check("iam::1:role/neap/shop/x", &Place::Listed);
        check("s3:::shop-web", &Place::Listed);
        check("ec2:eu-west-1:1:subnet/subnet-1", &Place::Listed);
        check("servicediscovery:eu-west-1:1:service/srv-1", &Place::Listed);
        check("cloudfront::1:function/shop-spa", &Place::Listed);
    }

    #[test]
    fn what_neap_never_makes_is_elsewhere() {
        check("ec2:eu-west-1:1:volume/vol-1", &Place::Elsewhere);
        check("secretsmanager:eu-west-1:1:secret:db-AbCdEf", &Place::Elsewhere);
    }
}
