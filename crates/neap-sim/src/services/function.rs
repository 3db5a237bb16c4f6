//! CloudFront: functions with their two stages (reference section 3.21).

use neap_core::kinds::{Behavior, Cloudfront, Function};
use neap_engine::cloud::CallError;

use super::Request;
use super::request::{TagCalls, gone_is_done};
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidArgument";
const NOT_FOUND: &str = "NoSuchFunctionExists";
const TAGS: TagCalls =
    TagCalls { add: "cloudfront:TagResource", remove: "cloudfront:UntagResource", invalid: "InvalidTagging" };
/// The most bytes of a function's code.
const LARGEST_CODE: usize = 10_240;

fn find(world: &World, name: &str) -> Option<String> {
    let mut functions = world.all::<Function>();
    functions.find(|(_, function)| function.name == name).map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(request: &Request<'_>, desired: &Function) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.name);
    let create = |world: &mut World| create_function(world, request, desired);
    let arn = request.create("cloudfront:CreateFunction", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

/// Changes what is being worked on, and then makes that run.
pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Function) -> Result<(), CallError> {
    let current = request.current::<Function>(arn)?;
    let unpublished = |function: &Function| Function { published: false, ..function.clone() };
    if unpublished(&current) != unpublished(desired) {
        let update = |world: &mut World| {
            check(desired)?;
            *world.change::<Function>(arn, NOT_FOUND)? = unpublished(desired);
            Ok(())
        };
        request.call("cloudfront:UpdateFunction", update).await?;
    } else if current.published {
        return request.retag(arn, &TAGS).await;
    }
    let publish = |world: &mut World| {
        world.change::<Function>(arn, NOT_FOUND)?.published = true;
        world.runs.insert(arn.to_owned());
        Ok(())
    };
    request.call("cloudfront:PublishFunction", publish).await?;
    request.retag(arn, &TAGS).await
}

pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| delete_function(world, arn);
    gone_is_done(request.call("cloudfront:DeleteFunction", delete).await)
}

fn check(desired: &Function) -> Answer<()> {
    rules::name(INVALID, &desired.name, 64, "-_")?;
    let runtimes = ["cloudfront-js-1.0", "cloudfront-js-2.0"];
    rules::one_of(INVALID, "Runtime", &desired.runtime, &runtimes)?;
    rules::require(desired.comment.chars().count() <= 128, INVALID, || {
        "The parameter Comment is too long: 128 characters are allowed.".to_owned()
    })?;
    rules::require(!desired.code.0.is_empty(), INVALID, || "The function has no code.".to_owned())?;
    rules::require(desired.code.0.len() <= LARGEST_CODE, "FunctionSizeLimitExceeded", || {
        "The function is too large: 10 KB are allowed.".to_owned()
    })?;
    let reads = desired.key_value_store.is_some();
    rules::require(!reads || desired.runtime == runtimes[1], INVALID, || {
        "Key value stores need the runtime cloudfront-js-2.0.".to_owned()
    })
}

fn create_function(world: &mut World, request: &Request<'_>, desired: &Function) -> Answer<String> {
    check(desired)?;
    rules::tags("InvalidTagging", &request.tags)?;
    if find(world, &desired.name).is_some() {
        let message = "A function with the same name already exists in this account.";
        return Err(Rejection::conflict("FunctionAlreadyExists", message));
    }
    let arn = world.place().global_arn("cloudfront", &format!("function/{}", desired.name));
    let fields = Function { published: false, ..desired.clone() };
    let outputs = [("arn", arn.as_str()), ("name", &desired.name)];
    world.insert(Record::new(arn.clone(), fields, &request.tags, &outputs).called(desired.name.as_str()));
    Ok(arn)
}

fn delete_function(world: &mut World, arn: &str) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, "The specified function does not exist.");
    world.get::<Function>(arn).ok_or_else(missing)?;
    let names = |behavior: &Behavior| behavior.functions.values().any(|name| name == arn);
    let uses = |distribution: &Cloudfront| {
        names(&distribution.default_behavior) || distribution.behaviors.iter().any(names)
    };
    if world.all::<Cloudfront>().any(|(_, distribution)| uses(distribution)) {
        let message = "Cannot delete the function, it is in use by at least one distribution.";
        return Err(Rejection::in_use("FunctionInUse", message));
    }
    world.runs.remove(arn);
    world.remove(arn);
    Ok(())
}

/// Refuses a behaviour whose functions are not there, or were never published.
pub(crate) fn check_behavior(world: &World, behavior: &Behavior) -> Answer<()> {
    const CODE: &str = "InvalidFunctionAssociation";
    for (event, arn) in &behavior.functions {
        rules::one_of(CODE, "EventType", event, &["viewer-request", "viewer-response"])?;
        let message = format!("The function {arn} of {} does not exist or is not published.", behavior.path);
        let (_, function) = world.referred::<Function>(arn, CODE, &message)?;
        rules::require(function.published || world.runs.contains(arn), CODE, || message)?;
    }
    Ok(())
}
