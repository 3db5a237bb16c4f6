//! Capacity providers on auto scaling groups (reference section 3.16).

use neap_core::kinds::{AutoScalingGroup, CapacityProvider, ClusterCapacity};
use neap_engine::cloud::{CallError, ErrorKind};

use super::{CLIENT, NAME, TAGS, cluster_capacity};
use crate::clock::CAPACITY_PROVIDER_GOES;
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::services::Request;
use crate::services::request::gone_is_done;
use crate::world::World;

pub(crate) async fn create(request: &Request<'_>, desired: &CapacityProvider) -> Result<String, CallError> {
    let existing = |world: &World| Some(arn(world, &desired.name));
    let create = |world: &mut World| create_provider(world, request, desired);
    let arn = request.create("ecs:CreateCapacityProvider", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(
    request: &Request<'_>,
    arn: &str,
    desired: &CapacityProvider,
) -> Result<(), CallError> {
    if request.current::<CapacityProvider>(arn)? != *desired {
        let update = |world: &mut World| {
            protection(world, desired)?;
            *world.change::<CapacityProvider>(arn, CLIENT)? = desired.clone();
            Ok(())
        };
        request.call("ecs:UpdateCapacityProvider", update).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Deletes a provider. One that a cluster of the stack's still has is taken out of it first: no service uses it any more.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| delete_provider(world, arn);
    match request.call("ecs:DeleteCapacityProvider", delete).await {
        Err(error) if error.kind == ErrorKind::InUse => {
            cluster_capacity::take_out(request, arn).await?;
            Err(error)
        }
        answer => gone_is_done(answer),
    }
}

fn arn(world: &World, name: &str) -> String {
    world.place().arn("ecs", &format!("capacity-provider/{name}"))
}

fn create_provider(world: &mut World, request: &Request<'_>, desired: &CapacityProvider) -> Answer<String> {
    let name = &desired.name;
    rules::name(CLIENT, name, 255, NAME)?;
    let lower = name.to_ascii_lowercase();
    let reserved = ["aws", "ecs", "fargate"].iter().any(|prefix| lower.starts_with(prefix));
    rules::require(!reserved, CLIENT, || {
        format!("The specified capacity provider name is invalid: {name} begins with a reserved prefix.")
    })?;
    rules::tags(CLIENT, &request.tags)?;
    let arn = arn(world, name);
    if let Some(record) = world.record(&arn) {
        let message = "The specified capacity provider already exists.";
        return Err(if record.is_deleting() {
            Rejection::not_yet("UpdateInProgressException", "The capacity provider is being deleted.")
        } else {
            Rejection::conflict(CLIENT, message)
        });
    }
    let message = "The specified Auto Scaling group ARN is invalid.";
    world.referred::<AutoScalingGroup>(&desired.auto_scaling_group, CLIENT, message)?;
    let mut others = world.all::<CapacityProvider>();
    rules::require(
        !others.any(|(_, other)| other.auto_scaling_group == desired.auto_scaling_group),
        CLIENT,
        || "The specified Auto Scaling group is already in use by another capacity provider.".to_owned(),
    )?;
    drop(others);
    protection(world, desired)?;
    let outputs = [("arn", arn.as_str()), ("name", name)];
    let record = Record::new(arn.clone(), desired.clone(), &request.tags, &outputs).within(&world.place);
    world.insert(record);
    Ok(arn)
}

fn protection(world: &World, desired: &CapacityProvider) -> Answer<()> {
    rules::in_range(CLIENT, "targetCapacity", desired.target_capacity, 1..=100)?;
    if !desired.managed_termination_protection {
        return Ok(());
    }
    rules::require(desired.managed_scaling, CLIENT, || {
        "The managed termination protection setting for the capacity provider is invalid. Managed scaling must be \
         enabled."
            .to_owned()
    })?;
    let group = world.get::<AutoScalingGroup>(&desired.auto_scaling_group);
    rules::require(group.is_some_and(|(_, group)| group.scale_in_protection), CLIENT, || {
        "The managed termination protection setting for the capacity provider is invalid. To enable managed \
         termination protection for a capacity provider, the Auto Scaling group must have instance protection from \
         scale in enabled."
            .to_owned()
    })
}

fn delete_provider(world: &mut World, arn: &str) -> Answer<()> {
    let missing = || Rejection::not_found(CLIENT, "The specified capacity provider does not exist.");
    let name = world.get::<CapacityProvider>(arn).ok_or_else(missing)?.1.name.clone();
    let mut associations = world.all::<ClusterCapacity>();
    if associations.any(|(_, capacity)| capacity.capacity_providers.contains(&name)) {
        let message = "The capacity provider cannot be deleted because it is associated with a cluster.";
        return Err(Rejection::in_use("ResourceInUseException", message));
    }
    drop(associations);
    let until = world.now + CAPACITY_PROVIDER_GOES;
    let record = world.record_mut(arn).ok_or_else(missing)?;
    if !record.is_deleting() {
        record.state = State::Deleting { word: "DELETE_IN_PROGRESS".to_owned(), until };
    }
    Ok(())
}
