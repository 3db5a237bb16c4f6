//! Scalable targets of ECS services.
//!
//! Decides which of them are asked for their tags: those whose cluster or service has a name of the stack's.

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ScalableTarget, ServiceNamespace};
use neap_core::zero::{Owner, Seen, StackScope, Thing};
use neap_engine::cloud::CallError;

use super::{Part, each, tags};
use crate::client::Aws;
use crate::error::failed;

pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    for target in part.take(list(aws).await) {
        if let Some((cluster, service)) = scaled(target.resource_id()) {
            let mut seen = Seen::new(
                Thing::ScalableTarget,
                target.scalable_target_arn().unwrap_or_else(|| target.resource_id()),
                target.resource_id(),
            );
            seen.owner = Some(Owner { thing: Thing::Service, name: format!("{cluster}/{service}") });
            part.seen.push(seen);
        }
    }
    let concerns = |seen: &&Seen| scaled(&seen.name).is_some_and(|names| may_be_own(scope, names));
    let arns: Vec<String> = part.seen.iter().filter(concerns).map(|seen| seen.id.clone()).collect();
    for (arn, answer) in arns.iter().zip(each(&arns, async |arn| tags_of(aws, arn).await).await) {
        let found = part.take(answer);
        if let Some(seen) = part.find(arn) {
            seen.tags = found;
        }
    }
    part
}

/// The cluster and the service in `service/CLUSTER/SERVICE`.
fn scaled(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix("service/")?.split_once('/')
}

fn may_be_own(scope: &StackScope, (cluster, service): (&str, &str)) -> bool {
    let prefix = scope.prefix();
    cluster.starts_with(&prefix)
        || service.starts_with(&prefix)
        || scope.clusters.contains(cluster)
        || scope.has_name(Thing::Cluster, cluster)
        || scope.has_name(Thing::Service, service)
}

async fn list(aws: &Aws) -> Result<Vec<ScalableTarget>, CallError> {
    let request = aws.services_scaling.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
    let request = request.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
    let pages = request.into_paginator().items().send();
    let targets = pages.collect::<Result<_, _>>().await;
    targets.map_err(failed("application-autoscaling:DescribeScalableTargets"))
}

async fn tags_of(aws: &Aws, arn: &str) -> Result<std::collections::BTreeMap<String, String>, CallError> {
    let answer = aws.services_scaling.list_tags_for_resource().resource_arn(arn).send().await;
    let answer = answer.map_err(failed("application-autoscaling:ListTagsForResource"))?;
    let pairs = answer.tags().into_iter().flatten();
    Ok(tags(pairs.map(|(key, value)| (key.as_str(), value.as_str()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_the_cluster_and_the_service_that_it_scales() {
        assert_eq!(scaled("service/shop-main/shop-api"), Some(("shop-main", "shop-api")));
        assert_eq!(scaled("table/orders"), None);
    }
}
