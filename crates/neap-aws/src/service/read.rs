//! Reading services, cluster by cluster.
//!
//! Decides which services are asked for by name and which are found by listing. Must not know how they change.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{Service as AwsService, ServiceField};
use futures_util::future::{join_all, try_join_all};
use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::kinds::{Cluster, Service};
use neap_core::live::{LiveResource, Phase};
use neap_core::reference::{self, Piece, Reference};
use neap_engine::cloud::CallError;
use tokio::join;

use super::{convert, rollout};
use crate::client::Aws;
use crate::ecs::name_in;
use crate::error::failed;
use crate::found::{Found, address_of, if_there};
use crate::remote::{Fields, declared};
use crate::tags::from_ecs;

/// The desired services of one cluster.
#[derive(Default)]
struct InCluster<'a> {
    /// Whether the stack declares the cluster; in others only services named like the stack can be its own.
    is_declared: bool,
    services: BTreeMap<&'a str, (&'a Address, &'a Service)>,
}

/// Reads the services of the stack's clusters and of those that its services name.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut clusters: BTreeMap<String, InCluster<'_>> = BTreeMap::new();
    for (_, cluster) in declared::<Cluster>(desired) {
        clusters.entry(cluster.name.clone()).or_default().is_declared = true;
    }
    for (address, service) in declared::<Service>(desired) {
        let cluster = clusters.entry(cluster_name(desired, &service.cluster)).or_default();
        cluster.services.insert(&service.name, (address, service));
    }
    let mut found = Found::new(&desired.stack);
    for part in join_all(clusters.iter().map(|(name, cluster)| in_cluster(aws, desired, name, cluster))).await
    {
        found.merge(part);
    }
    found
}

/// Reads all services of clusters that the stack no longer declares.
pub(crate) async fn read_orphaned(aws: &Aws, desired: &Desired, clusters: &[String]) -> Found {
    let whole = InCluster { is_declared: true, services: BTreeMap::new() };
    let mut found = Found::new(&desired.stack);
    for part in join_all(clusters.iter().map(|name| in_cluster(aws, desired, name, &whole))).await {
        found.merge(part);
    }
    found
}

/// The name of the cluster that a service's field means: a reference into the stack, an ARN or a name.
pub(crate) fn cluster_name(desired: &Desired, text: &str) -> String {
    if let [Piece::Reference(Reference::Output(address, _))] = reference::pieces(text).as_slice()
        && let Some(cluster) = desired.resources.get(address).and_then(|wanted| Cluster::of(&wanted.resource))
    {
        return cluster.name.clone();
    }
    name_in(text).to_owned()
}

async fn in_cluster(aws: &Aws, desired: &Desired, cluster: &str, wanted: &InCluster<'_>) -> Found {
    let mut found = Found::new(&desired.stack);
    let names: BTreeSet<String> = wanted.services.keys().map(ToString::to_string).collect();
    let strays = async {
        let prefix = if wanted.is_declared { String::new() } else { format!("{}-", desired.stack) };
        let listed = list(aws, cluster).await?;
        let strays = listed.into_iter().filter(|name| name.starts_with(&prefix) && !names.contains(name));
        describe(aws, cluster, &strays.collect()).await
    };
    let (services, strays) = join!(describe(aws, cluster, &names), strays);
    match services {
        Ok(services) => {
            for (name, (address, fields)) in &wanted.services {
                let service = services.iter().find(|service| service.service_name() == Some(name));
                found.record(
                    address,
                    Ok(service.and_then(|service| live(service, Some(address), Some(fields)))),
                );
            }
        }
        Err(error) => wanted.services.values().for_each(|(address, _)| found.unreadable(address, &error)),
    }
    match strays {
        Ok(services) => {
            services
                .iter()
                .filter_map(|service| live(service, None, None))
                .for_each(|live| found.stray(live));
        }
        Err(error) => found.failed(&error),
    }
    found
}

/// Names of a cluster's services; none if there is no such cluster.
async fn list(aws: &Aws, cluster: &str) -> Result<Vec<String>, CallError> {
    let pages = aws.ecs.list_services().cluster(cluster).max_results(100).into_paginator().items().send();
    let arns = pages.collect::<Result<Vec<String>, _>>().await.map_err(failed("ecs:ListServices"));
    Ok(if_there(arns)?.unwrap_or_default().iter().map(|arn| name_in(arn).to_owned()).collect())
}

/// The services of these names that exist, ten to a call. Deleted ones stay visible as inactive for a while.
async fn describe(aws: &Aws, cluster: &str, names: &BTreeSet<String>) -> Result<Vec<AwsService>, CallError> {
    let names: Vec<String> = names.iter().cloned().collect();
    let answers = names.chunks(10).map(async |names| {
        let request = aws.ecs.describe_services().cluster(cluster).set_services(Some(names.to_vec()));
        let answer = request.include(ServiceField::Tags).send().await.map_err(failed("ecs:DescribeServices"));
        Ok(if_there(answer)?.and_then(|answer| answer.services).unwrap_or_default())
    });
    let services = try_join_all(answers).await?.into_iter().flatten();
    Ok(services.filter(|service| service.status() != Some("INACTIVE")).collect())
}

/// The service of this name, if it exists.
pub(super) async fn find(aws: &Aws, cluster: &str, name: &str) -> Result<Option<AwsService>, CallError> {
    let found = describe(aws, cluster, &BTreeSet::from([name.to_owned()])).await?;
    Ok(found.into_iter().next())
}

/// A service as a reading, if it has an address.
pub(super) fn live(
    service: &AwsService,
    named: Option<&Address>,
    wanted: Option<&Service>,
) -> Option<LiveResource> {
    let tags = from_ecs(service.tags());
    let address = address_of(&tags, named)?;
    Some(LiveResource {
        address,
        id: service.service_arn().unwrap_or_default().to_owned(),
        outputs: convert::service_outputs(service),
        resource: convert::from_aws(service, wanted).into(),
        tags,
        phase: phase(service),
    })
}

fn phase(service: &AwsService) -> Phase {
    if service.status() == Some("DRAINING") {
        return Phase::Deleting("draining".to_owned());
    }
    rollout::phase(service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use neap_core::address::Kind;
    use neap_core::desired::DesiredResource;
    use neap_core::kinds::KindOf;

    #[test]
    fn a_cluster_is_named_by_reference_arn_or_name() {
        let wanted = DesiredResource {
            resource: Cluster::example().into(),
            tags: BTreeMap::new(),
            implied: None,
            protect: false,
            delete_first: false,
            owned_elsewhere: [].into(),
            after: BTreeSet::new(),
        };
        let resources = BTreeMap::from([(Address::new(Kind::Cluster, "main"), wanted)]);
        let desired = Desired { resources, ..Desired::default() };
        for (text, expected) in [
            ("${cluster.main.arn}", "course-main"),
            ("${cluster.main.name}", "course-main"),
            ("arn:aws:ecs:${aws.region}:${aws.account}:cluster/shared", "shared"),
            ("shared", "shared"),
        ] {
            assert_eq!(cluster_name(&desired, text), expected, "{text}");
        }
    }

    #[test]
    fn a_draining_service_is_being_deleted() {
        let service = AwsService::builder().status("DRAINING").build();
        assert_eq!(phase(&service), Phase::Deleting("draining".into()));
    }
}
