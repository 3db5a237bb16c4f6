//! ECR: repositories (reference section 3.8).

use neap_core::kinds::Ecr;
use neap_engine::cloud::CallError;
use serde_json::Value;

use super::Request;
use super::request::{TagCalls, gone_is_done};
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidParameterException";
const NOT_FOUND: &str = "RepositoryNotFoundException";
const TAGS: TagCalls =
    TagCalls { add: "ecr:TagResource", remove: "ecr:UntagResource", invalid: "InvalidTagParameterException" };

fn arn(world: &World, name: &str) -> String {
    world.place().arn("ecr", &format!("repository/{name}"))
}

pub(crate) async fn create(request: &Request<'_>, desired: &Ecr) -> Result<String, CallError> {
    let existing = |world: &World| Some(arn(world, &desired.name));
    let create = |world: &mut World| create_repository(world, request, desired);
    let arn = request.create("ecr:CreateRepository", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Ecr) -> Result<(), CallError> {
    let current = request.current::<Ecr>(arn)?;
    if current.tag_mutability != desired.tag_mutability {
        let set = |world: &mut World| {
            mutability(&desired.tag_mutability)?;
            world.change::<Ecr>(arn, NOT_FOUND)?.tag_mutability.clone_from(&desired.tag_mutability);
            Ok(())
        };
        request.call("ecr:PutImageTagMutability", set).await?;
    }
    if current.scan_on_push != desired.scan_on_push {
        let set = |world: &mut World| {
            world.change::<Ecr>(arn, NOT_FOUND)?.scan_on_push = desired.scan_on_push;
            Ok(())
        };
        request.call("ecr:PutImageScanningConfiguration", set).await?;
    }
    if current.lifecycle_policy != desired.lifecycle_policy {
        let set = |world: &mut World| put_lifecycle_policy(world, arn, &desired.lifecycle_policy);
        let operation = match desired.lifecycle_policy {
            Value::Null => "ecr:DeleteLifecyclePolicy",
            _ => "ecr:PutLifecyclePolicy",
        };
        request.call(operation, set).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Deletes the repository with its images.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| {
        let missing = || Rejection::not_found(NOT_FOUND, "the repository does not exist in the registry");
        world.remove(arn).map(drop).ok_or_else(missing)
    };
    gone_is_done(request.call("ecr:DeleteRepository", delete).await)
}

fn create_repository(world: &mut World, request: &Request<'_>, desired: &Ecr) -> Answer<String> {
    repository_name(&desired.name)?;
    mutability(&desired.tag_mutability)?;
    rules::one_of(INVALID, "the encryption type", &desired.encryption, &["AES256", "KMS", "KMS_DSSE"])?;
    rules::require(desired.kms_key.is_none() || desired.encryption != "AES256", INVALID, || {
        "a KMS key needs the encryption type `KMS`".to_owned()
    })?;
    rules::tags("InvalidTagParameterException", &request.tags)?;
    let arn = arn(world, &desired.name);
    let name = &desired.name;
    let place = world.place();
    if world.record(&arn).is_some() {
        let message = format!(
            "The repository with name '{name}' already exists in the registry with id '{}'",
            place.account
        );
        return Err(Rejection::conflict("RepositoryAlreadyExistsException", message));
    }
    let uri = format!("{}.dkr.ecr.{}.{}/{name}", place.account, place.region, place.domain());
    let fields = Ecr { lifecycle_policy: Value::Null, ..desired.clone() };
    let outputs = [("uri", uri.as_str()), ("arn", &arn), ("name", name)];
    let record = Record::new(arn.clone(), fields, &request.tags, &outputs).called(name);
    let record = record.within(&world.place);
    world.insert(record);
    Ok(arn)
}

/// Refuses names that are not `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/…)*` of 2 to 256 characters.
fn repository_name(name: &str) -> Answer<()> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separated = |part: &str| {
        part.starts_with(word)
            && part.ends_with(word)
            && part
                .split(word)
                .all(|between| matches!(between, "" | "." | "_" | "__") || between.chars().all(|c| c == '-'))
    };
    let fits = (2..=256).contains(&name.len()) && name.split('/').all(separated);
    rules::require(fits, INVALID, || {
        format!(
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: '{name}' must satisfy regular \
             expression '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*'"
        )
    })
}

fn mutability(value: &str) -> Answer<()> {
    rules::one_of(INVALID, "the tag mutability", value, &["MUTABLE", "IMMUTABLE"])
}

fn put_lifecycle_policy(world: &mut World, arn: &str, policy: &Value) -> Answer<()> {
    if !policy.is_null() {
        let rules = policy.get("rules").and_then(Value::as_array);
        let mut priorities: Vec<&Value> = rules
            .into_iter()
            .flatten()
            .filter_map(|rule| rule.get("rulePriority").filter(|priority| priority.is_u64()))
            .collect();
        let complete = rules.is_some_and(|rules| !rules.is_empty() && priorities.len() == rules.len());
        rules::require(complete, INVALID, || {
            "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation \
             failure: rules with a rulePriority are required'"
                .to_owned()
        })?;
        let all = priorities.len();
        priorities.sort_by_key(|priority| priority.as_u64());
        priorities.dedup();
        rules::require(priorities.len() == all, INVALID, || {
            "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation \
             failure: rulePriority must be unique'"
                .to_owned()
        })?;
    }
    world.change::<Ecr>(arn, NOT_FOUND)?.lifecycle_policy = policy.clone();
    Ok(())
}
