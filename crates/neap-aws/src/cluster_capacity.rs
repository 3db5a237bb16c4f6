//! The capacity providers of somebody's own in a cluster.
//!
//! Decides which part of a cluster's one association is Fargate's and which is not, so that each side sends the other's
//! along. Must not know how a provider is made.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::Cluster as AwsCluster;
use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, TAG_ADDRESS, TAG_STACK};
use neap_core::kinds::{CapacityProvider, ClusterCapacity, StrategyItem};
use neap_core::live::LiveResource;
use neap_core::live::Outputs;
use neap_core::reference::{self, Reference};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use crate::client::Aws;
use crate::cluster::{self, from_strategy, to_strategy};
use crate::ecs::name_in;
use crate::error::{failed, refused};
use crate::found::{Found, if_there};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::tags::from_ecs;

const PUT: &str = "ecs:PutClusterCapacityProviders";

/// What every one of Fargate's providers begins with.
const FARGATE: &str = "FARGATE";

/// Providers with the default strategy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) providers: BTreeSet<String>,
    pub(crate) strategy: BTreeMap<String, StrategyItem>,
}

/// The part of a cluster's association that is Fargate's, and the one that is not.
pub(crate) fn shares(cluster: &AwsCluster) -> (Share, Share) {
    let part = |fargate: bool| Share {
        providers: cluster
            .capacity_providers()
            .iter()
            .filter(|name| name.starts_with(FARGATE) == fargate)
            .cloned()
            .collect(),
        strategy: from_strategy(cluster.default_capacity_provider_strategy())
            .into_iter()
            .filter(|(name, _)| name.starts_with(FARGATE) == fargate)
            .collect(),
    };
    (part(true), part(false))
}

/// Associates both parts with a cluster. There is one default strategy, of which `first` decides.
pub(crate) async fn put(aws: &Aws, cluster: &str, first: &Share, second: &Share) -> Result<(), CallError> {
    let strategy = if first.strategy.is_empty() { &second.strategy } else { &first.strategy };
    let call = aws
        .ecs
        .put_cluster_capacity_providers()
        .cluster(cluster)
        .set_capacity_providers(Some(first.providers.union(&second.providers).cloned().collect()))
        .set_default_capacity_provider_strategy(Some(to_strategy(strategy)?));
    call.send().await.map(|_| ()).map_err(failed(PUT))
}

/// Records what stands for the associations of `cluster`, which is live as `live`.
pub(crate) fn claim(found: &mut Found, desired: &Desired, cluster: &AwsCluster, live: &LiveResource) {
    let capacity = of_cluster(desired, cluster, live);
    let Some(capacity) = capacity.filter(|_| live.is_of(&desired.stack)) else { return };
    if desired.resources.contains_key(&capacity.address) {
        found.claim(&capacity.address.clone(), capacity);
    } else {
        found.stray(capacity);
    }
}

/// What a cluster has beside Fargate's providers. AWS takes no tags on it, so it is whose the cluster is.
fn of_cluster(desired: &Desired, cluster: &AwsCluster, live: &LiveResource) -> Option<LiveResource> {
    let (_, own) = shares(cluster);
    if own.providers.is_empty() {
        return None;
    }
    let is_for = |capacity: &ClusterCapacity| {
        let mut named = reference::in_text(&capacity.cluster).into_iter();
        capacity.cluster == live.id
            || named.any(|it| matches!(it, Reference::Output(address, _) if address == live.address))
    };
    let wanted = declared::<ClusterCapacity>(desired).find(|(_, capacity)| is_for(capacity));
    let address = wanted.map(|(address, _)| address.clone());
    let address = address.unwrap_or_else(|| Address::new(Kind::ClusterCapacity, live.address.name()));
    let stack = live.tags.get(TAG_STACK).cloned().unwrap_or_default();
    let tags = [(TAG_STACK.to_owned(), stack), (TAG_ADDRESS.to_owned(), address.to_string())].into();
    let fields = ClusterCapacity {
        cluster: live.id.clone(),
        capacity_providers: own.providers,
        default_strategy: own.strategy,
    };
    let outputs = outputs([("cluster", live.id.as_str())]);
    let (id, phase) = (live.id.clone(), cluster::phase(cluster));
    Some(LiveResource { address, id, outputs, resource: fields.into(), tags, phase })
}

fn share(fields: &ClusterCapacity) -> Share {
    Share { providers: fields.capacity_providers.clone(), strategy: fields.default_strategy.clone() }
}

/// Takes the provider out of every cluster of the stack that has it.
pub(crate) async fn take_out(aws: &Aws, provider: &Held<'_, CapacityProvider>) -> Result<(), CallError> {
    let name = &provider.fields.name;
    let names = cluster::list(aws).await?;
    for cluster in cluster::describe(aws, &names).await? {
        let is_own = from_ecs(cluster.tags()).get(TAG_STACK) == provider.live.tags.get(TAG_STACK);
        let (fargate, mut own) = shares(&cluster);
        if is_own && own.providers.remove(name) {
            own.strategy.remove(name);
            put(aws, cluster.cluster_name().unwrap_or_default(), &own, &fargate).await?;
        }
    }
    Ok(())
}

async fn find(aws: &Aws, arn: &str) -> Result<AwsCluster, CallError> {
    let found = cluster::find(aws, name_in(arn)).await?;
    found.ok_or_else(|| {
        refused(ErrorKind::NotFound, "ecs:DescribeClusters", format!("there is no cluster `{arn}`"))
    })
}

impl Remote for ClusterCapacity {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let arn = &wanted.fields.cluster;
        let (fargate, _) = shares(&find(aws, arn).await?);
        put(aws, name_in(arn), &share(wanted.fields), &fargate).await?;
        Ok(outputs([("cluster", arn)]))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let arn = &wanted.fields.cluster;
        let (fargate, _) = shares(&find(aws, arn).await?);
        let mut first = share(wanted.fields);
        match put(aws, name_in(arn), &first, &fargate).await {
            Err(error) if error.kind == ErrorKind::InUse => {
                // What a service still uses goes when its provider is deleted, after the services have moved.
                first.providers.extend(held.fields.capacity_providers.clone());
                put(aws, name_in(arn), &first, &fargate).await?;
            }
            outcome => outcome?,
        }
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let arn = &held.fields.cluster;
        let Some(cluster) = if_there(find(aws, arn).await)? else { return Ok(()) };
        let (fargate, own) = shares(&cluster);
        if own.providers.is_empty() {
            return Ok(());
        }
        put(aws, name_in(arn), &Share::default(), &fargate).await
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let cluster = find(aws, &wanted.fields.cluster).await?;
        let (_, own) = shares(&cluster);
        if !wanted.fields.capacity_providers.is_subset(&own.providers) {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        }
        Ok(cluster::progress(&cluster))
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let Some(cluster) = if_there(find(aws, &held.fields.cluster).await)? else {
            return Ok(Progress::Done);
        };
        let (_, own) = shares(&cluster);
        Ok(match cluster::progress(&cluster) {
            Progress::Pending(detail) => Progress::Pending(detail),
            _ if own.providers.is_empty() => Progress::Done,
            _ => Progress::Pending("still associated".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    fn aws(share: &Share) -> AwsCluster {
        AwsCluster::builder()
            .cluster_name("course-main")
            .set_capacity_providers(Some(share.providers.iter().cloned().collect()))
            .set_default_capacity_provider_strategy(to_strategy(&share.strategy).ok())
            .build()
    }

    fn live() -> LiveResource {
        let example = ClusterCapacity::example();
        LiveResource {
            address: Address::new(Kind::Cluster, "main"),
            id: example.cluster,
            resource: neap_core::kinds::Cluster::example().into(),
            tags: [(TAG_STACK.to_owned(), "course".to_owned())].into(),
            outputs: Outputs::new(),
            phase: neap_core::live::Phase::Ready,
        }
    }

    #[test]
    fn what_is_fargates_is_told_from_what_is_not() {
        let own = share(&ClusterCapacity::example());
        let mut both = own.clone();
        both.providers.extend(["FARGATE", "FARGATE_SPOT"].map(String::from));
        let (fargate, rest) = shares(&aws(&both));
        assert_eq!(rest, own);
        assert_eq!(fargate.providers, ["FARGATE", "FARGATE_SPOT"].map(String::from).into());
        assert!(fargate.strategy.is_empty());
    }

    #[test]
    fn an_association_reads_back_as_it_was_put_and_is_whose_the_cluster_is() {
        let example = ClusterCapacity::example();
        let found = of_cluster(&Desired::default(), &aws(&share(&example)), &live()).expect("an association");
        assert_eq!(found.resource, example.into());
        assert_eq!(found.address, Address::new(Kind::ClusterCapacity, "main"));
        assert!(found.is_of("course"));
    }

    #[test]
    fn a_cluster_with_fargate_alone_has_none() {
        let fargate = Share { providers: ["FARGATE".to_owned()].into(), ..Share::default() };
        assert_eq!(of_cluster(&Desired::default(), &aws(&fargate), &live()), None);
    }
}
