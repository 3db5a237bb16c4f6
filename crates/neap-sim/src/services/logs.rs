//! CloudWatch Logs: log groups (reference section 3.9).

use neap_core::kinds::{LogGroup, RETENTION_DAYS};
use neap_engine::cloud::CallError;

use super::Request;
use super::request::{TagCalls, gone_is_done};
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidParameterException";
const NOT_FOUND: &str = "ResourceNotFoundException";
const TAGS: TagCalls = TagCalls { add: "logs:TagResource", remove: "logs:UntagResource", invalid: INVALID };

fn arn(world: &World, name: &str) -> String {
    world.place().arn("logs", &format!("log-group:{name}"))
}

pub(crate) async fn create(request: &Request<'_>, desired: &LogGroup) -> Result<String, CallError> {
    let existing = |world: &World| Some(arn(world, &desired.name));
    let create = |world: &mut World| create_log_group(world, request, desired);
    let arn = request.create("logs:CreateLogGroup", create, existing).await?;
    facets(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &LogGroup) -> Result<(), CallError> {
    facets(request, arn, desired).await
}

async fn facets(request: &Request<'_>, arn: &str, desired: &LogGroup) -> Result<(), CallError> {
    let current = request.current::<LogGroup>(arn)?;
    if current.kms_key != desired.kms_key {
        let operation =
            if desired.kms_key.is_some() { "logs:AssociateKmsKey" } else { "logs:DisassociateKmsKey" };
        let set = |world: &mut World| {
            world.change::<LogGroup>(arn, NOT_FOUND)?.kms_key.clone_from(&desired.kms_key);
            Ok(())
        };
        request.call(operation, set).await?;
    }
    if current.retention_days != desired.retention_days {
        let operation = match desired.retention_days {
            Some(_) => "logs:PutRetentionPolicy",
            None => "logs:DeleteRetentionPolicy",
        };
        request.call(operation, |world| put_retention(world, arn, desired.retention_days)).await?;
    }
    request.retag(arn, &TAGS).await
}

pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| {
        let missing = || Rejection::not_found(NOT_FOUND, "The specified log group does not exist.");
        world.remove(arn).map(drop).ok_or_else(missing)
    };
    gone_is_done(request.call("logs:DeleteLogGroup", delete).await)
}

fn create_log_group(world: &mut World, request: &Request<'_>, desired: &LogGroup) -> Answer<String> {
    rules::name(INVALID, &desired.name, 512, "._-/#")?;
    rules::require(!desired.name.starts_with("aws/"), INVALID, || {
        "log group names beginning with `aws/` are reserved".to_owned()
    })?;
    rules::one_of(INVALID, "the log group class", &desired.class, &["STANDARD", "INFREQUENT_ACCESS"])?;
    rules::tags(INVALID, &request.tags)?;
    let arn = arn(world, &desired.name);
    if world.record(&arn).is_some() {
        let message = "The specified log group already exists";
        return Err(Rejection::conflict("ResourceAlreadyExistsException", message));
    }
    let fields = LogGroup { retention_days: None, ..desired.clone() };
    let outputs = [("name", desired.name.as_str()), ("arn", &arn)];
    let record = Record::new(arn.clone(), fields, &request.tags, &outputs).called(&desired.name);
    let record = record.within(&world.place);
    world.insert(record);
    Ok(arn)
}

fn put_retention(world: &mut World, arn: &str, days: Option<u32>) -> Answer<()> {
    rules::require(days.is_none_or(|days| RETENTION_DAYS.contains(&days)), INVALID, || {
        format!("events cannot be kept for {} days", days.unwrap_or_default())
    })?;
    world.change::<LogGroup>(arn, NOT_FOUND)?.retention_days = days;
    Ok(())
}
