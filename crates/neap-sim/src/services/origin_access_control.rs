//! CloudFront: origin access controls (reference section 3.20).

use neap_core::kinds::{Cloudfront, OriginAccessControl};
use neap_engine::cloud::CallError;

use super::Request;
use super::request::gone_is_done;
use crate::arn;
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidArgument";
const NOT_FOUND: &str = "NoSuchOriginAccessControl";

fn find(world: &World, name: &str) -> Option<String> {
    let mut controls = world.all::<OriginAccessControl>();
    controls.find(|(_, control)| control.name == name).map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(
    request: &Request<'_>,
    desired: &OriginAccessControl,
) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.name);
    let create = |world: &mut World| create_control(world, request, desired);
    let arn = request.create("cloudfront:CreateOriginAccessControl", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(
    request: &Request<'_>,
    arn: &str,
    desired: &OriginAccessControl,
) -> Result<(), CallError> {
    if request.current::<OriginAccessControl>(arn)? == *desired {
        return Ok(());
    }
    let update = |world: &mut World| {
        check(desired)?;
        world.change::<OriginAccessControl>(arn, NOT_FOUND)?.clone_from(desired);
        Ok(())
    };
    request.call("cloudfront:UpdateOriginAccessControl", update).await
}

pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| delete_control(world, arn);
    gone_is_done(request.call("cloudfront:DeleteOriginAccessControl", delete).await)
}

fn check(desired: &OriginAccessControl) -> Answer<()> {
    rules::name(INVALID, &desired.name, 64, "-_")?;
    rules::require(desired.description.chars().count() <= 256, INVALID, || {
        "The parameter Description is too long: 256 characters are allowed.".to_owned()
    })?;
    let types = ["s3", "mediastore", "mediapackagev2", "lambda"];
    rules::one_of(INVALID, "OriginAccessControlOriginType", &desired.origin_type, &types)?;
    rules::one_of(INVALID, "SigningBehavior", &desired.signing, &["always", "never", "no-override"])
}

fn create_control(world: &mut World, request: &Request<'_>, desired: &OriginAccessControl) -> Answer<String> {
    check(desired)?;
    if find(world, &desired.name).is_some() {
        let message = "An origin access control with the same name already exists.";
        return Err(Rejection::conflict("OriginAccessControlAlreadyExists", message));
    }
    let seed = world.seed(&desired.name);
    let id = format!("E{}", arn::letters(&seed, 13, arn::CAPITALS));
    let arn = world.place().global_arn("cloudfront", &format!("origin-access-control/{id}"));
    let record = Record::new(arn.clone(), desired.clone(), &request.tags, &[("id", &id)]).called(id.as_str());
    world.insert(record.without_spec());
    Ok(arn)
}

fn delete_control(world: &mut World, arn: &str) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, "The specified origin access control does not exist.");
    let (record, _) = world.get::<OriginAccessControl>(arn).ok_or_else(missing)?;
    let names = |distribution: &Cloudfront| {
        distribution.origins.values().any(|origin| origin.access_control.as_ref() == Some(&record.id))
    };
    if world.all::<Cloudfront>().any(|(_, distribution)| names(distribution)) {
        let message = "Cannot delete the origin access control because it is associated with one or more distributions.";
        return Err(Rejection::in_use("OriginAccessControlInUse", message));
    }
    world.remove(arn);
    Ok(())
}
