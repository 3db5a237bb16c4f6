//! Clusters with their capacity providers (reference section 3.15).

use std::collections::{BTreeMap, BTreeSet};

use neap_core::kinds::{Cluster, ClusterCapacity, Service, StrategyItem};
use neap_engine::cloud::CallError;

use super::{INVALID, NAME, TAGS, cluster_capacity};
use crate::clock::{CLUSTER_DEPROVISIONS, CLUSTER_SETTLES};
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::services::request::gone_is_done;
use crate::services::{Request, auto_scaling};
use crate::world::World;

const NOT_FOUND: &str = "ClusterNotFoundException";
/// The capacity providers that every account has.
const PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];
/// The most providers of a strategy ("CapacityProviderStrategyItem" of ECS's API reference).
const MOST_PROVIDERS: usize = 20;
/// What a cluster has whose stack says nothing: the account's own setting.
const CONTAINER_INSIGHTS: &str = "disabled";

fn arn(world: &World, name: &str) -> String {
    world.place().arn("ecs", &format!("cluster/{name}"))
}

pub(crate) async fn create(request: &Request<'_>, desired: &Cluster) -> Result<String, CallError> {
    let existing = |world: &World| Some(arn(world, &desired.name));
    let create = |world: &mut World| create_cluster(world, request, desired);
    let arn = request.create("ecs:CreateCluster", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Cluster) -> Result<(), CallError> {
    let current = request.current::<Cluster>(arn)?;
    if desired.container_insights.is_some() && current.container_insights != desired.container_insights {
        let set = |world: &mut World| {
            container_insights(desired)?;
            let cluster = world.change::<Cluster>(arn, NOT_FOUND)?;
            cluster.container_insights.clone_from(&desired.container_insights);
            Ok(())
        };
        request.call("ecs:UpdateCluster", set).await?;
    }
    let capacity = |cluster: &Cluster| (cluster.capacity_providers.clone(), cluster.default_strategy.clone());
    if capacity(&current) != capacity(desired) {
        let put = |world: &mut World| put_capacity_providers(world, arn, desired);
        request.call("ecs:PutClusterCapacityProviders", put).await?;
    }
    request.retag(arn, &TAGS).await
}

pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    gone_is_done(request.call("ecs:DeleteCluster", |world| delete_cluster(world, arn)).await)
}

/// Creates a cluster. One that is there already is returned as it is: AWS neither complains nor changes it.
fn create_cluster(world: &mut World, request: &Request<'_>, desired: &Cluster) -> Answer<String> {
    rules::name(INVALID, &desired.name, 255, NAME)?;
    container_insights(desired)?;
    providers(&desired.capacity_providers)?;
    strategy(&desired.default_strategy, &desired.capacity_providers)?;
    rules::tags(INVALID, &request.tags)?;
    let arn = arn(world, &desired.name);
    match world.record(&arn) {
        Some(record) if record.is_deleting() => {
            let message = format!("The cluster {} is being deleted.", desired.name);
            return Err(Rejection::not_yet("ClientException", message));
        }
        Some(_) => return Ok(arn),
        None => {}
    }
    let insights = desired.container_insights.clone().unwrap_or_else(|| CONTAINER_INSIGHTS.to_owned());
    let fields = Cluster { container_insights: Some(insights), ..desired.clone() };
    let outputs = [("arn", arn.as_str()), ("name", &desired.name)];
    let record = Record::new(arn.clone(), fields, &request.tags, &outputs)
        .within(&world.place)
        .settling("provisioning", world.now + CLUSTER_SETTLES);
    world.insert(record);
    Ok(arn)
}

fn container_insights(desired: &Cluster) -> Answer<()> {
    let value = desired.container_insights.as_deref().unwrap_or(CONTAINER_INSIGHTS);
    rules::one_of(INVALID, "containerInsights", value, &["enabled", "enhanced", "disabled"])
}

fn providers(names: &BTreeSet<String>) -> Answer<()> {
    let unknown = names.iter().find(|name| !PROVIDERS.contains(&name.as_str()));
    rules::require(unknown.is_none(), INVALID, || {
        format!("The specified capacity provider {} was not found.", unknown.map_or("", String::as_str))
    })
}

/// Refuses a strategy that AWS cannot follow with these associated providers.
pub(super) fn strategy(
    strategy: &BTreeMap<String, StrategyItem>,
    associated: &BTreeSet<String>,
) -> Answer<()> {
    if strategy.is_empty() {
        return Ok(());
    }
    rules::require(strategy.len() <= MOST_PROVIDERS, INVALID, || {
        format!("A capacity provider strategy may contain a maximum of {MOST_PROVIDERS} capacity providers.")
    })?;
    let stranger = strategy.keys().find(|name| !associated.contains(*name));
    rules::require(stranger.is_none(), INVALID, || {
        format!(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated \
             with the cluster: {}",
            stranger.map_or("", String::as_str)
        )
    })?;
    let n_fargate = strategy.keys().filter(|name| name.starts_with("FARGATE")).count();
    rules::require(n_fargate == 0 || n_fargate == strategy.len(), INVALID, || {
        "A capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups and \
         Fargate providers."
            .to_owned()
    })?;
    for item in strategy.values() {
        rules::in_range(INVALID, "a capacity provider's weight", item.weight, 0..=1000)?;
        rules::in_range(INVALID, "a capacity provider's base", item.base, 0..=100_000)?;
    }
    rules::require(strategy.values().any(|item| item.weight > 0), INVALID, || {
        "a capacity provider strategy needs a weight greater than 0".to_owned()
    })?;
    let bases = strategy.values().filter(|item| item.base > 0).count();
    rules::require(bases <= 1, INVALID, || {
        "only one capacity provider in a strategy can have a base".to_owned()
    })
}

fn put_capacity_providers(world: &mut World, arn: &str, desired: &Cluster) -> Answer<()> {
    providers(&desired.capacity_providers)?;
    strategy(&desired.default_strategy, &desired.capacity_providers)?;
    let now = world.now;
    active(world, arn)?;
    let dropped = |service: &Service| {
        let mut fargate = service.capacity.keys().filter(|provider| provider.starts_with("FARGATE"));
        fargate.any(|provider| !desired.capacity_providers.contains(provider))
    };
    if world.all::<Service>().any(|(_, service)| service.cluster == arn && dropped(service)) {
        let message = "The specified capacity provider is in use and cannot be removed.";
        return Err(Rejection::in_use("ResourceInUseException", message));
    }
    // There is one strategy; Fargate's takes the place of that of instances.
    let own = cluster_capacity::arn(arn);
    if !desired.default_strategy.is_empty() && world.record(&own).is_some() {
        world.change::<ClusterCapacity>(&own, NOT_FOUND)?.default_strategy.clear();
    }
    let cluster = world.change::<Cluster>(arn, NOT_FOUND)?;
    cluster.capacity_providers.clone_from(&desired.capacity_providers);
    cluster.default_strategy.clone_from(&desired.default_strategy);
    if let Some(record) = world.record_mut(arn) {
        record.state = State::Settling { word: "updating".to_owned(), until: now + CLUSTER_SETTLES };
    }
    Ok(())
}

/// The cluster, if it is settled and can be used.
pub(super) fn active<'world>(world: &'world World, arn: &str) -> Answer<&'world Cluster> {
    let (record, cluster) = world.referred::<Cluster>(arn, NOT_FOUND, "Cluster not found.")?;
    match record.state {
        State::Ready => Ok(cluster),
        State::Settling { .. } => Err(Rejection::not_yet(NOT_FOUND, "Cluster was not ACTIVE.")),
        State::Deleting { .. } | State::Inactive | State::Failed { .. } => {
            Err(Rejection::not_found(NOT_FOUND, "The referenced cluster was inactive."))
        }
    }
}

fn delete_cluster(world: &mut World, arn: &str) -> Answer<()> {
    if world.all::<Service>().any(|(_, service)| service.cluster == arn) {
        let message = "The Cluster cannot be deleted while Services are active.";
        return Err(Rejection::in_use("ClusterContainsServicesException", message));
    }
    let groups = auto_scaling::of_cluster(world, arn);
    if groups.iter().any(|(record, ..)| auto_scaling::n_instances(world, &record.arn) > 0) {
        let message = "The Cluster cannot be deleted while Container Instances are active or draining.";
        return Err(Rejection::in_use("ClusterContainsContainerInstancesException", message));
    }
    let until = world.now + CLUSTER_DEPROVISIONS;
    let missing = || Rejection::not_found(NOT_FOUND, "Cluster not found.");
    let record = world.record_mut(arn).ok_or_else(missing)?;
    if !record.is_deleting() {
        record.state = State::Deleting { word: "deprovisioning".to_owned(), until };
    }
    Ok(())
}
