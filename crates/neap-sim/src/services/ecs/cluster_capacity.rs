//! The capacity providers of somebody's own in a cluster (reference section 3.15). AWS keeps them in the cluster, in one list
//! with Fargate's and with one default strategy; here they are a record of their own, which comes and goes with that part.

use std::collections::BTreeSet;

use neap_core::desired::TAG_SPEC;
use neap_core::kinds::{CapacityProvider, Cluster, ClusterCapacity, Service};
use neap_engine::cloud::{CallError, ErrorKind};

use super::{INVALID, cluster};
use crate::clock::CLUSTER_SETTLES;
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::services::Request;
use crate::services::request::gone_is_done;
use crate::world::World;

const PUT: &str = "ecs:PutClusterCapacityProviders";
const NOT_FOUND: &str = "ClusterNotFoundException";

/// The ARN of the record that stands for the providers of a cluster.
pub(crate) fn arn(cluster: &str) -> String {
    format!("{cluster}/capacity")
}

pub(crate) async fn create(request: &Request<'_>, desired: &ClusterCapacity) -> Result<String, CallError> {
    request.call(PUT, |world| put(world, request, desired)).await
}

/// Makes the association what is desired. A provider that a service still uses cannot leave it; it goes with the provider.
pub(crate) async fn update(
    request: &Request<'_>,
    arn: &str,
    desired: &ClusterCapacity,
) -> Result<(), CallError> {
    let current = request.current::<ClusterCapacity>(arn)?;
    let answer = request.call(PUT, |world| put(world, request, desired)).await;
    match answer {
        Err(error) if error.kind == ErrorKind::InUse => {
            let mut both = desired.clone();
            both.capacity_providers.extend(current.capacity_providers);
            request.call(PUT, |world| put(world, request, &both)).await.map(drop)
        }
        answer => answer.map(drop),
    }
}

/// Takes all of the stack's own out of the cluster. Fargate's stay.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    gone_is_done(request.call(PUT, |world| retain(world, arn, |_| false)).await)
}

/// Takes the provider with this ARN out of every cluster that the stack owns.
pub(super) async fn take_out(request: &Request<'_>, provider: &str) -> Result<(), CallError> {
    let holding = request.sim.look_as_shown(|world| {
        let name = world.get::<CapacityProvider>(provider).map(|(_, fields)| fields.name.clone());
        let holds = |capacity: &ClusterCapacity| {
            name.as_ref().is_some_and(|name| capacity.capacity_providers.contains(name))
        };
        let associations = world.all::<ClusterCapacity>().filter(|(_, capacity)| holds(capacity));
        let arns: Vec<String> = associations.map(|(record, _)| record.arn.clone()).collect();
        (name.unwrap_or_default(), arns)
    });
    let (name, arns) = holding;
    for arn in arns {
        request.call(PUT, |world| retain(world, &arn, |other| other != name)).await?;
    }
    Ok(())
}

fn put(world: &mut World, request: &Request<'_>, desired: &ClusterCapacity) -> Answer<String> {
    let fargate = cluster::active(world, &desired.cluster)?.capacity_providers.clone();
    for name in &desired.capacity_providers {
        let provider = world.place().arn("ecs", &format!("capacity-provider/{name}"));
        let message = format!("The specified capacity provider {name} was not found.");
        let (record, _) = world.referred::<CapacityProvider>(&provider, INVALID, &message)?;
        rules::require(record.state == State::Ready, INVALID, || message.clone())?;
    }
    let all: BTreeSet<String> = fargate.union(&desired.capacity_providers).cloned().collect();
    cluster::strategy(&desired.default_strategy, &all)?;
    let arn = arn(&desired.cluster);
    let current = world.get::<ClusterCapacity>(&arn).map(|(_, current)| current.capacity_providers.clone());
    let leaving = current.unwrap_or_default();
    let leaving: Vec<&String> = leaving.difference(&desired.capacity_providers).collect();
    in_use(world, &desired.cluster, &leaving)?;
    let mut tags = request.tags.clone();
    // AWS keeps no tags on it: whose it is follows from its cluster.
    tags.remove(TAG_SPEC);
    let outputs = [("cluster", desired.cluster.as_str())];
    let record = Record::new(arn.clone(), desired.clone(), &tags, &outputs);
    let until = world.now + CLUSTER_SETTLES;
    world.insert(record.within(&world.place.clone()).settling("updating", until));
    if !desired.default_strategy.is_empty() {
        world.change::<Cluster>(&desired.cluster, NOT_FOUND)?.default_strategy.clear();
    }
    settle(world, &desired.cluster);
    Ok(arn)
}

fn retain(world: &mut World, arn: &str, keep: impl Fn(&str) -> bool) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, "Cluster not found.");
    let capacity = world.get::<ClusterCapacity>(arn).ok_or_else(missing)?.1.clone();
    cluster::active(world, &capacity.cluster)?;
    let leaving: Vec<&String> = capacity.capacity_providers.iter().filter(|name| !keep(name)).collect();
    in_use(world, &capacity.cluster, &leaving)?;
    let mut left = capacity.clone();
    left.capacity_providers.retain(|name| keep(name));
    left.default_strategy.retain(|name, _| keep(name));
    if left.capacity_providers.is_empty() {
        world.remove(arn);
    } else {
        *world.change::<ClusterCapacity>(arn, NOT_FOUND)? = left;
    }
    settle(world, &capacity.cluster);
    Ok(())
}

/// Refuses to take providers out of a cluster that a service of it uses.
fn in_use(world: &World, cluster: &str, leaving: &[&String]) -> Answer<()> {
    let uses = |service: &Service| leaving.iter().any(|name| service.capacity.contains_key(*name));
    if world.all::<Service>().any(|(_, service)| service.cluster == cluster && uses(service)) {
        let message = "The specified capacity provider is in use and cannot be removed.";
        return Err(Rejection::in_use("ResourceInUseException", message));
    }
    Ok(())
}

fn settle(world: &mut World, cluster: &str) {
    let until = world.now + CLUSTER_SETTLES;
    if let Some(record) = world.record_mut(cluster) {
        record.state = State::Settling { word: "updating".to_owned(), until };
    }
}
