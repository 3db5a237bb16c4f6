//! IAM: instance profiles, each with at most one role (reference section 3.11).

use neap_core::kinds::{InstanceProfile, Role};
use neap_engine::cloud::CallError;

use super::Request;
use super::request::{TagCalls, gone_is_done};
use crate::clock::ROLE_SETTLES;
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::world::World;

const INVALID: &str = "ValidationError";
const NOT_FOUND: &str = "NoSuchEntity";
const TAGS: TagCalls =
    TagCalls { add: "iam:TagInstanceProfile", remove: "iam:UntagInstanceProfile", invalid: INVALID };

fn find(world: &World, name: &str) -> Option<String> {
    let mut profiles = world.all::<InstanceProfile>();
    let found = profiles.find(|(_, profile)| profile.name.eq_ignore_ascii_case(name));
    found.map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(request: &Request<'_>, desired: &InstanceProfile) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.name);
    let create = |world: &mut World| create_profile(world, request, desired);
    let arn = request.create("iam:CreateInstanceProfile", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(
    request: &Request<'_>,
    arn: &str,
    desired: &InstanceProfile,
) -> Result<(), CallError> {
    let current = request.current::<InstanceProfile>(arn)?;
    if current.role != desired.role {
        if current.role.is_some() {
            request.call("iam:RemoveRoleFromInstanceProfile", |world| remove_role(world, arn)).await?;
        }
        if let Some(role) = &desired.role {
            request.call("iam:AddRoleToInstanceProfile", |world| add_role(world, arn, role)).await?;
        }
    }
    request.retag(arn, &TAGS).await
}

/// Deletes the profile after it has let go of its role, whichever that is.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    if request.described::<InstanceProfile>(arn).is_some_and(|profile| profile.role.is_some()) {
        let removed = request.call("iam:RemoveRoleFromInstanceProfile", |world| remove_role(world, arn));
        gone_is_done(removed.await)?;
    }
    gone_is_done(request.call("iam:DeleteInstanceProfile", |world| delete_profile(world, arn)).await)
}

fn create_profile(world: &mut World, request: &Request<'_>, desired: &InstanceProfile) -> Answer<String> {
    rules::name(INVALID, &desired.name, 128, "_+=,.@-")?;
    rules::tags(INVALID, &request.tags)?;
    if find(world, &desired.name).is_some() {
        let message = format!("Instance Profile {} already exists.", desired.name);
        return Err(Rejection::conflict("EntityAlreadyExists", message));
    }
    let path = &desired.path;
    let arn = world.place().global_arn("iam", &format!("instance-profile{path}{}", desired.name));
    let fields = InstanceProfile { role: None, ..desired.clone() };
    let outputs = [("arn", arn.as_str()), ("name", &desired.name)];
    let record = Record::new(arn.clone(), fields, &request.tags, &outputs)
        .called(&desired.name)
        .settling("propagating", world.now + ROLE_SETTLES);
    world.insert(record);
    Ok(arn)
}

fn add_role(world: &mut World, arn: &str, role: &str) -> Answer<()> {
    let (_, name) = role.rsplit_once('/').unwrap_or(("", role));
    let message = format!("The role with name {name} cannot be found.");
    world.referred::<Role>(role, NOT_FOUND, &message)?;
    let profile = world.change::<InstanceProfile>(arn, NOT_FOUND)?;
    if profile.role.is_some() {
        let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
        return Err(Rejection::quota("LimitExceeded", message));
    }
    profile.role = Some(role.to_owned());
    Ok(())
}

fn remove_role(world: &mut World, arn: &str) -> Answer<()> {
    let profile = world.change::<InstanceProfile>(arn, NOT_FOUND)?;
    let missing = || Rejection::not_found(NOT_FOUND, "The instance profile has no such role.");
    profile.role.take().map(drop).ok_or_else(missing)
}

fn delete_profile(world: &mut World, arn: &str) -> Answer<()> {
    if world.change::<InstanceProfile>(arn, NOT_FOUND)?.role.is_some() {
        let message = "Cannot delete entity, must remove roles from instance profile first.";
        return Err(Rejection::in_use("DeleteConflict", message));
    }
    world.remove(arn);
    Ok(())
}
