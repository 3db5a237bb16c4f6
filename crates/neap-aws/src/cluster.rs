//! ECS clusters with Fargate's capacity providers.
//!
//! Decides how a cluster is read, created, changed and deleted. Must not know what runs on it.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, Cluster as AwsCluster, ClusterField, ClusterSetting, ClusterSettingName,
};
use futures_util::future::try_join_all;
use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::kinds::{Cluster, ClusterCapacity, StrategyItem};
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use tokio::join;

use crate::client::Aws;
use crate::cluster_capacity::{self, Share};
use crate::ecs::{count, name_in, retag, uncount};
use crate::error::{failed, incomplete, refused};
use crate::found::{Found, address_of, if_gone};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::tags::{from_ecs, to_ecs};

const CREATE: &str = "ecs:CreateCluster";

/// Reads the stack's clusters: the desired ones by name, and then all others, since a hundred fit in one call.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let names: BTreeMap<&str, &Address> =
        declared::<Cluster>(desired).map(|(address, cluster)| (cluster.name.as_str(), address)).collect();
    let wanted: Vec<String> = names.keys().map(ToString::to_string).collect();
    let strays = async {
        let listed = list(aws).await?;
        let is_stray = |name: &String| !names.contains_key(name.as_str());
        describe(aws, &listed.into_iter().filter(is_stray).collect::<Vec<_>>()).await
    };
    let (wanted, strays) = join!(describe(aws, &wanted), strays);
    match wanted {
        Ok(clusters) => {
            for cluster in &clusters {
                let address = cluster.cluster_name().and_then(|name| names.get(name).copied());
                if let (Some(address), Some(live)) = (address, live(cluster, address)) {
                    cluster_capacity::claim(&mut found, desired, cluster, &live);
                    found.claim(address, live);
                }
            }
            found.rest_absent::<Cluster>(desired);
            found.rest_absent::<ClusterCapacity>(desired);
        }
        Err(error) => {
            found.unlistable::<Cluster>(desired, &error);
            found.unlistable::<ClusterCapacity>(desired, &error);
        }
    }
    match strays {
        Ok(clusters) => {
            for (cluster, live) in clusters.iter().filter_map(|cluster| Some((cluster, live(cluster, None)?)))
            {
                cluster_capacity::claim(&mut found, desired, cluster, &live);
                found.stray(live);
            }
        }
        Err(error) => found.failed(&error),
    }
    found
}

pub(crate) async fn list(aws: &Aws) -> Result<Vec<String>, CallError> {
    let pages = aws.ecs.list_clusters().max_results(100).into_paginator().items().send();
    let arns: Vec<String> = pages.collect::<Result<_, _>>().await.map_err(failed("ecs:ListClusters"))?;
    Ok(arns.iter().map(|arn| name_in(arn).to_owned()).collect())
}

/// The clusters of these names that exist. A deleted one stays visible as inactive for a while.
pub(crate) async fn describe(aws: &Aws, names: &[String]) -> Result<Vec<AwsCluster>, CallError> {
    let answers = names.chunks(100).map(async |names| {
        let request = aws.ecs.describe_clusters().set_clusters(Some(names.to_vec()));
        let request = request.include(ClusterField::Tags).include(ClusterField::Settings);
        let answer = request.include(ClusterField::Configurations).send().await;
        Ok(answer.map_err(failed("ecs:DescribeClusters"))?.clusters.unwrap_or_default())
    });
    let clusters = try_join_all(answers).await?.into_iter().flatten();
    Ok(clusters.filter(|cluster| cluster.status() != Some("INACTIVE")).collect())
}

pub(crate) async fn find(aws: &Aws, name: &str) -> Result<Option<AwsCluster>, CallError> {
    Ok(describe(aws, &[name.to_owned()]).await?.into_iter().next())
}

fn live(cluster: &AwsCluster, named: Option<&Address>) -> Option<LiveResource> {
    let tags = from_ecs(cluster.tags());
    let address = address_of(&tags, named)?;
    let fields = from_aws(cluster);
    Some(LiveResource {
        address,
        id: cluster.cluster_arn().unwrap_or_default().to_owned(),
        outputs: cluster_outputs(cluster),
        resource: fields.into(),
        tags,
        phase: phase(cluster),
    })
}

/// How far a cluster is, its capacity included.
pub(crate) fn phase(cluster: &AwsCluster) -> Phase {
    let attachments = cluster.attachments_status().unwrap_or_default();
    match cluster.status().unwrap_or("ACTIVE") {
        "ACTIVE" if attachments == "UPDATE_IN_PROGRESS" => Phase::Settling("attaching capacity".to_owned()),
        "ACTIVE" if attachments == "UPDATE_FAILED" => {
            Phase::Failed("its capacity could not be attached".to_owned())
        }
        "ACTIVE" => Phase::Ready,
        "DEPROVISIONING" => Phase::Deleting("deprovisioning".to_owned()),
        "FAILED" => Phase::Failed("its capacity could not be provisioned".to_owned()),
        other => Phase::Settling(other.to_ascii_lowercase()),
    }
}

/// How far a cluster has come to what was wanted.
pub(crate) fn progress(cluster: &AwsCluster) -> Progress {
    match phase(cluster) {
        Phase::Ready => Progress::Done,
        Phase::Settling(detail) => Progress::Pending(detail),
        Phase::Deleting(detail) | Phase::Failed(detail) => Progress::Failed(detail),
    }
}

fn cluster_outputs(cluster: &AwsCluster) -> Outputs {
    let arn = cluster.cluster_arn().unwrap_or_default();
    outputs([("arn", arn), ("name", cluster.cluster_name().unwrap_or_default())])
}

fn from_aws(cluster: &AwsCluster) -> Cluster {
    let (fargate, _) = cluster_capacity::shares(cluster);
    let insights = cluster
        .settings()
        .iter()
        .find(|setting| setting.name() == Some(&ClusterSettingName::ContainerInsights));
    Cluster {
        name: cluster.cluster_name().unwrap_or_default().to_owned(),
        container_insights: insights.and_then(|setting| setting.value()).map(ToOwned::to_owned),
        capacity_providers: fargate.providers,
        default_strategy: fargate.strategy,
    }
}

/// A strategy by capacity provider.
pub(crate) fn from_strategy(items: &[CapacityProviderStrategyItem]) -> BTreeMap<String, StrategyItem> {
    let item = |item: &CapacityProviderStrategyItem| {
        let share = StrategyItem { weight: uncount(item.weight()), base: uncount(item.base()) };
        (item.capacity_provider().to_owned(), share)
    };
    items.iter().map(item).collect()
}

/// A strategy as ECS takes it.
pub(crate) fn to_strategy(
    strategy: &BTreeMap<String, StrategyItem>,
) -> Result<Vec<CapacityProviderStrategyItem>, CallError> {
    let item = |(provider, item): (&String, &StrategyItem)| {
        CapacityProviderStrategyItem::builder()
            .capacity_provider(provider)
            .weight(count(item.weight))
            .base(count(item.base))
            .build()
    };
    let items = strategy.iter().map(item).collect::<Result<_, _>>();
    items.map_err(|_| incomplete("ecs:capacityProviderStrategy", "capacityProvider"))
}

fn settings(cluster: &Cluster) -> Option<Vec<ClusterSetting>> {
    let value = cluster.container_insights.as_ref()?;
    Some(vec![ClusterSetting::builder().name(ClusterSettingName::ContainerInsights).value(value).build()])
}

impl Remote for Cluster {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let request = aws
            .ecs
            .create_cluster()
            .cluster_name(&fields.name)
            .set_settings(settings(fields))
            .set_capacity_providers(Some(fields.capacity_providers.iter().cloned().collect()))
            .set_default_capacity_provider_strategy(Some(to_strategy(&fields.default_strategy)?))
            .set_tags(Some(to_ecs(&wanted.all_tags())));
        let answer = request.send().await.map_err(failed(CREATE))?;
        let cluster = answer.cluster().ok_or_else(|| incomplete(CREATE, "cluster"))?;
        // Where a cluster of this name exists, ECS answers with that one and changes nothing.
        if from_ecs(cluster.tags()) == wanted.all_tags() {
            return Ok(cluster_outputs(cluster));
        }
        let live = find(aws, &fields.name).await?.and_then(|cluster| live(&cluster, None));
        match live {
            Some(live) if wanted.is_marked(&live.tags) => Self::update(aws, &Held::of(&live)?, wanted).await,
            _ => Err(refused(
                ErrorKind::Conflict,
                CREATE,
                format!("a cluster named `{}` exists and is not the stack's own", fields.name),
            )),
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let (before, after) = (held.fields, wanted.fields);
        if after.container_insights.is_some() && before.container_insights != after.container_insights {
            let request = aws.ecs.update_cluster().cluster(&after.name).set_settings(settings(after));
            request.send().await.map_err(failed("ecs:UpdateCluster"))?;
        }
        if before.capacity_providers != after.capacity_providers
            || before.default_strategy != after.default_strategy
        {
            let fargate = Share {
                providers: after.capacity_providers.clone(),
                strategy: after.default_strategy.clone(),
            };
            let cluster = find(aws, &after.name).await?;
            let own = cluster.map(|cluster| cluster_capacity::shares(&cluster).1).unwrap_or_default();
            cluster_capacity::put(aws, &after.name, &fargate, &own).await?;
        }
        retag(aws, &held.live.id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let request = aws.ecs.delete_cluster().cluster(&held.fields.name);
        if_gone(request.send().await.map_err(failed("ecs:DeleteCluster")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let Some(cluster) = find(aws, &wanted.fields.name).await? else {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        };
        Ok(progress(&cluster))
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let cluster = find(aws, &held.fields.name).await?;
        let status = |cluster: AwsCluster| cluster.status().unwrap_or("deleting").to_ascii_lowercase();
        Ok(cluster.map_or(Progress::Done, |cluster| Progress::Pending(status(cluster))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neap_core::kinds::KindOf;

    fn to_cluster(fields: &Cluster) -> AwsCluster {
        AwsCluster::builder()
            .cluster_name(&fields.name)
            .cluster_arn("arn:aws:ecs:eu-west-1:123456789012:cluster/course-main")
            .set_settings(settings(fields))
            .set_capacity_providers(Some(fields.capacity_providers.iter().cloned().collect()))
            .set_default_capacity_provider_strategy(to_strategy(&fields.default_strategy).ok())
            .build()
    }

    #[test]
    fn a_cluster_reads_back_as_it_was_created() {
        let example = Cluster::example();
        assert_eq!(from_aws(&to_cluster(&example)), example);
        let plain = Cluster { container_insights: None, ..example };
        assert_eq!(from_aws(&to_cluster(&plain)), plain);
    }

    #[test]
    fn a_clusters_status_tells_how_far_it_is() {
        let check = |status: &str, attachments: &str, expected: Phase| {
            let cluster = AwsCluster::builder().status(status).attachments_status(attachments).build();
            assert_eq!(phase(&cluster), expected, "{status} {attachments}");
        };
        check("ACTIVE", "UPDATE_COMPLETE", Phase::Ready);
        check("ACTIVE", "UPDATE_IN_PROGRESS", Phase::Settling("attaching capacity".into()));
        check("ACTIVE", "UPDATE_FAILED", Phase::Failed("its capacity could not be attached".into()));
        check("PROVISIONING", "", Phase::Settling("provisioning".into()));
        check("DEPROVISIONING", "", Phase::Deleting("deprovisioning".into()));
        check("FAILED", "", Phase::Failed("its capacity could not be provisioned".into()));
    }

    #[test]
    fn a_cluster_is_known_by_its_arn_and_name() {
        let live = live(
            &to_cluster(&Cluster::example()),
            Some(&Address::new(neap_core::address::Kind::Cluster, "main")),
        );
        let live = live.expect("an address");
        assert_eq!(live.id, "arn:aws:ecs:eu-west-1:123456789012:cluster/course-main");
        assert_eq!(live.outputs["name"], "course-main");
    }
}
