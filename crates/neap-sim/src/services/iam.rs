//! IAM: roles with their managed and inline policies (reference section 3.10).

use neap_core::kinds::{InstanceProfile, Role};
use neap_engine::cloud::CallError;
use serde_json::Value;

use super::Request;
use super::request::{TagCalls, gone_is_done};
use crate::clock::ROLE_SETTLES;
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::world::World;

const INVALID: &str = "ValidationError";
const NOT_FOUND: &str = "NoSuchEntity";
const PROPAGATING: &str = "propagating";
const TAGS: TagCalls = TagCalls { add: "iam:TagRole", remove: "iam:UntagRole", invalid: INVALID };
/// How many managed policies a role can have.
const MANAGED_POLICIES: usize = 10;
/// How many characters the inline policies of a role can have together, white space not counted.
const INLINE_CHARACTERS: usize = 10_240;

/// The role with this name, whatever its case.
fn find(world: &World, name: &str) -> Option<String> {
    let mut roles = world.all::<Role>();
    roles.find(|(_, role)| role.name.eq_ignore_ascii_case(name)).map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(request: &Request<'_>, desired: &Role) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.name);
    let create = |world: &mut World| create_role(world, request, desired);
    let arn = request.create("iam:CreateRole", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Role) -> Result<(), CallError> {
    let current = request.current::<Role>(arn)?;
    if current.trust != desired.trust {
        let set = |world: &mut World| {
            document(&desired.trust)?;
            world.change::<Role>(arn, NOT_FOUND)?.trust = desired.trust.clone();
            settle(world, arn);
            Ok(())
        };
        request.call("iam:UpdateAssumeRolePolicy", set).await?;
    }
    let basics = |role: &Role| (role.description.clone(), role.max_session_seconds);
    if basics(&current) != basics(desired) {
        let set = |world: &mut World| {
            let role = world.change::<Role>(arn, NOT_FOUND)?;
            max_session(desired)?;
            role.description.clone_from(&desired.description);
            role.max_session_seconds = desired.max_session_seconds;
            Ok(())
        };
        request.call("iam:UpdateRole", set).await?;
    }
    policies(request, arn, &current, desired).await?;
    request.retag(arn, &TAGS).await
}

/// Adds what is missing before taking away what is too much, so that nobody loses a permission on the way.
async fn policies(request: &Request<'_>, arn: &str, current: &Role, desired: &Role) -> Result<(), CallError> {
    for policy in desired.managed_policies.difference(&current.managed_policies) {
        request.call("iam:AttachRolePolicy", |world| attach(world, arn, policy)).await?;
    }
    for (name, text) in &desired.inline_policies {
        if current.inline_policies.get(name) != Some(text) {
            request.call("iam:PutRolePolicy", |world| put_inline(world, arn, name, text)).await?;
        }
    }
    for policy in current.managed_policies.difference(&desired.managed_policies) {
        request.call("iam:DetachRolePolicy", |world| detach(world, arn, policy)).await?;
    }
    for name in current.inline_policies.keys() {
        if !desired.inline_policies.contains_key(name) {
            request.call("iam:DeleteRolePolicy", |world| delete_inline(world, arn, name)).await?;
        }
    }
    Ok(())
}

/// Deletes the role after everything that hangs on it, as it is live: others may have attached policies.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let current = request.described::<Role>(arn);
    for policy in current.iter().flat_map(|role| &role.managed_policies) {
        gone_is_done(request.call("iam:DetachRolePolicy", |world| detach(world, arn, policy)).await)?;
    }
    for name in current.iter().flat_map(|role| role.inline_policies.keys()) {
        gone_is_done(request.call("iam:DeleteRolePolicy", |world| delete_inline(world, arn, name)).await)?;
    }
    gone_is_done(request.call("iam:DeleteRole", |world| delete_role(world, arn)).await)
}

fn create_role(world: &mut World, request: &Request<'_>, desired: &Role) -> Answer<String> {
    rules::name(INVALID, &desired.name, 64, "_+=,.@-")?;
    let path = &desired.path;
    rules::require(path.starts_with('/') && path.ends_with('/') && path.len() <= 512, INVALID, || {
        format!("the path `{path}` must begin and end with a slash")
    })?;
    rules::require(desired.description.chars().count() <= 1000, INVALID, || {
        "a description can have 1000 characters".to_owned()
    })?;
    document(&desired.trust)?;
    max_session(desired)?;
    rules::tags(INVALID, &request.tags)?;
    if find(world, &desired.name).is_some() {
        let message = format!("Role with name {} already exists.", desired.name);
        return Err(Rejection::conflict("EntityAlreadyExists", message));
    }
    let arn = world.place().global_arn("iam", &format!("role{path}{}", desired.name));
    let fields = Role { managed_policies: [].into(), inline_policies: [].into(), ..desired.clone() };
    let outputs = [("arn", arn.as_str()), ("name", &desired.name)];
    let record = Record::new(arn.clone(), fields, &request.tags, &outputs)
        .called(&desired.name)
        .settling(PROPAGATING, world.now + ROLE_SETTLES);
    world.insert(record);
    Ok(arn)
}

/// Other services learn of a role's new trust policy as late as they do of a new role.
fn settle(world: &mut World, arn: &str) {
    let until = world.now + ROLE_SETTLES;
    if let Some(record) = world.record_mut(arn) {
        record.state = State::Settling { word: PROPAGATING.to_owned(), until };
    }
}

fn max_session(desired: &Role) -> Answer<()> {
    rules::in_range(INVALID, "the longest session", desired.max_session_seconds, 3600..=43_200)
}

/// Refuses what is no policy document.
fn document(policy: &Value) -> Answer<()> {
    let statement = policy.get("Statement");
    let complete = |statement: &Value| {
        let has = |key: &str| statement.get(key).is_some();
        has("Effect") && (has("Action") || has("NotAction"))
    };
    let fits = match statement {
        Some(Value::Array(statements)) => !statements.is_empty() && statements.iter().all(complete),
        Some(statement @ Value::Object(_)) => complete(statement),
        _ => false,
    };
    rules::require(fits, "MalformedPolicyDocument", || {
        "the policy has no statement with an effect and an action".to_owned()
    })
}

fn attach(world: &mut World, arn: &str, policy: &str) -> Answer<()> {
    let is_arn = policy.starts_with("arn:") && policy.contains(":policy/");
    rules::require(is_arn, INVALID, || format!("ARN {policy} is not valid."))?;
    let role = world.change::<Role>(arn, NOT_FOUND)?;
    if !role.managed_policies.contains(policy) && role.managed_policies.len() == MANAGED_POLICIES {
        let message = format!("Cannot exceed quota for PoliciesPerRole: {MANAGED_POLICIES}");
        return Err(Rejection::quota("LimitExceeded", message));
    }
    role.managed_policies.insert(policy.to_owned());
    Ok(())
}

fn detach(world: &mut World, arn: &str, policy: &str) -> Answer<()> {
    let role = world.change::<Role>(arn, NOT_FOUND)?;
    let missing = || Rejection::not_found(NOT_FOUND, format!("Policy {policy} was not found."));
    if role.managed_policies.remove(policy) { Ok(()) } else { Err(missing()) }
}

fn put_inline(world: &mut World, arn: &str, name: &str, text: &Value) -> Answer<()> {
    rules::name(INVALID, name, 128, "_+=,.@-")?;
    document(text)?;
    let role = world.change::<Role>(arn, NOT_FOUND)?;
    let others = role.inline_policies.iter().filter(|(other, _)| *other != name).map(|(_, text)| text);
    let characters: usize = others.chain([text]).map(|text| text.to_string().len()).sum();
    if characters > INLINE_CHARACTERS {
        let message =
            format!("Maximum policy size of {INLINE_CHARACTERS} bytes exceeded for role {}", role.name);
        return Err(Rejection::quota("LimitExceeded", message));
    }
    role.inline_policies.insert(name.to_owned(), text.clone());
    Ok(())
}

fn delete_inline(world: &mut World, arn: &str, name: &str) -> Answer<()> {
    let role = world.change::<Role>(arn, NOT_FOUND)?;
    let missing =
        || Rejection::not_found(NOT_FOUND, format!("The role policy with name {name} cannot be found."));
    role.inline_policies.remove(name).map(drop).ok_or_else(missing)
}

fn delete_role(world: &mut World, arn: &str) -> Answer<()> {
    let role = world.change::<Role>(arn, NOT_FOUND)?;
    if !role.managed_policies.is_empty() || !role.inline_policies.is_empty() {
        let message = "Cannot delete entity, must detach all policies first.";
        return Err(Rejection::in_use("DeleteConflict", message));
    }
    let mut profiles = world.all::<InstanceProfile>();
    if profiles.any(|(_, profile)| profile.role.as_deref() == Some(arn)) {
        let message = "Cannot delete entity, must remove roles from instance profile first.";
        return Err(Rejection::in_use("DeleteConflict", message));
    }
    drop(profiles);
    world.remove(arn);
    Ok(())
}
