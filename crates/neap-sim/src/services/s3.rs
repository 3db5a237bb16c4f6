//! S3: buckets and their policies (reference section 3.19).

use std::collections::BTreeSet;

use neap_core::address::Kind;
use neap_core::kinds::{Bucket, BucketPolicy, PUBLIC_ACCESS_BLOCKS};
use neap_core::naming;
use neap_core::zero::Stored;
use neap_engine::cloud::{CallError, ErrorKind};
use serde_json::Value;

use super::Request;
use super::request::{TagCalls, gone_is_done};
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::world::World;

const NOT_FOUND: &str = "NoSuchBucket";
const TAGS: TagCalls =
    TagCalls { add: "s3:PutBucketTagging", remove: "s3:PutBucketTagging", invalid: "InvalidTag" };
/// The one region in which a repeated create is answered as if it had been the first.
const FORGIVING: &str = "us-east-1";

pub(crate) fn arn(world: &World, name: &str) -> String {
    format!("arn:{}:s3:::{name}", world.place().partition())
}

pub(crate) async fn create(request: &Request<'_>, desired: &Bucket) -> Result<String, CallError> {
    let existing = |world: &World| Some(arn(world, &desired.name));
    let create = |world: &mut World| create_bucket(world, request, desired);
    let arn = request.create("s3:CreateBucket", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

/// Changes one facet after the other: S3 refuses two changes of one bucket at a time.
pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Bucket) -> Result<(), CallError> {
    let current = request.current::<Bucket>(arn)?;
    if current.public_access_block != desired.public_access_block {
        let put = |world: &mut World| {
            let known =
                desired.public_access_block.iter().all(|it| PUBLIC_ACCESS_BLOCKS.contains(&it.as_str()));
            rules::require(known, "MalformedXML", || "The XML you provided was not well-formed".to_owned())?;
            change(world, arn, |bucket| bucket.public_access_block.clone_from(&desired.public_access_block))
        };
        request.call("s3:PutBucketPublicAccessBlock", put).await?;
    }
    if current.ownership != desired.ownership {
        let put = |world: &mut World| {
            let known = ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"];
            rules::one_of("MalformedXML", "ObjectOwnership", &desired.ownership, &known)?;
            change(world, arn, |bucket| bucket.ownership.clone_from(&desired.ownership))
        };
        request.call("s3:PutBucketOwnershipControls", put).await?;
    }
    if current.encryption != desired.encryption || current.kms_key != desired.kms_key {
        let put = |world: &mut World| put_encryption(world, arn, desired);
        request.call("s3:PutEncryptionConfiguration", put).await?;
    }
    if current.versioning != desired.versioning {
        let put = |world: &mut World| change(world, arn, |bucket| bucket.versioning = desired.versioning);
        request.call("s3:PutBucketVersioning", put).await?;
    }
    if current.lifecycle != desired.lifecycle {
        let put = |world: &mut World| put_lifecycle(world, arn, desired);
        request.call("s3:PutLifecycleConfiguration", put).await?;
    }
    if current.cors != desired.cors {
        let put = |world: &mut World| put_cors(world, arn, desired);
        request.call("s3:PutBucketCORS", put).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Empties the bucket and deletes it.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    request.sim.poll("s3:ListBucketVersions", &request.address).await?;
    let holds = |world: &World| world.held(arn).items > 0;
    if request.sim.look_as_shown(holds) {
        let empty = |world: &mut World| {
            world.stored.insert(arn.to_owned(), Stored::default());
            world.objects.remove(arn);
            Ok(())
        };
        gone_is_done(request.call("s3:DeleteObjectVersion", empty).await)?;
    }
    gone_is_done(request.call("s3:DeleteBucket", |world| delete_bucket(world, arn)).await)
}

pub(crate) async fn create_policy(
    request: &Request<'_>,
    desired: &BucketPolicy,
) -> Result<String, CallError> {
    // S3 would put it over whatever is there.
    request.sim.poll("s3:GetBucketPolicy", &request.address).await?;
    let is_foreign = request.sim.look_as_shown(|world| {
        let found = world.record(&policy_arn(&arn(world, &desired.bucket)));
        found.is_some_and(|record| !request.is_about(record))
    });
    if is_foreign {
        return Err(CallError {
            kind: ErrorKind::Conflict,
            operation: "s3:GetBucketPolicy".to_owned(),
            code: None,
            message: format!("the bucket `{}` has a policy that is not the stack's", desired.bucket),
            request_id: None,
        });
    }
    request.call("s3:PutBucketPolicy", |world| put_policy(world, request, desired)).await
}

pub(crate) async fn update_policy(
    request: &Request<'_>,
    arn: &str,
    desired: &BucketPolicy,
) -> Result<(), CallError> {
    if request.current::<BucketPolicy>(arn)? != *desired {
        request.call("s3:PutBucketPolicy", |world| put_policy(world, request, desired)).await?;
    }
    Ok(())
}

pub(crate) async fn delete_policy(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| {
        let missing = || Rejection::not_found(NOT_FOUND, "The specified bucket does not exist");
        world.remove(arn).map(drop).ok_or_else(missing)
    };
    gone_is_done(request.call("s3:DeleteBucketPolicy", delete).await)
}

fn change(world: &mut World, arn: &str, change: impl FnOnce(&mut Bucket)) -> Answer<()> {
    change(world.change::<Bucket>(arn, NOT_FOUND)?);
    Ok(())
}

fn create_bucket(world: &mut World, request: &Request<'_>, desired: &Bucket) -> Answer<String> {
    let name = &desired.name;
    if let Some(refusal) = naming::refusal(Kind::Bucket, name) {
        return Err(Rejection::invalid(
            "InvalidBucketName",
            format!("The specified bucket is not valid: `{name}` {refusal}"),
        ));
    }
    rules::tags("InvalidTag", &request.tags)?;
    if world.others_buckets.contains(name) {
        let message = "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                       system. Please select a different name and try again.";
        return Err(Rejection::conflict("BucketAlreadyExists", message));
    }
    let arn = arn(world, name);
    if world.record(&arn).is_some() {
        if world.place == FORGIVING {
            return Ok(arn);
        }
        let message = "Your previous request to create the named bucket succeeded and you already own it.";
        return Err(Rejection::conflict("BucketAlreadyOwnedByYou", message));
    }
    let place = world.place();
    let host = format!("{name}.s3.{}.{}", place.region, place.domain());
    let outputs = [("name", name.as_str()), ("arn", &arn), ("domain_name", &host)];
    // As S3 makes every bucket since 2023.
    let fields = Bucket {
        name: name.clone(),
        public_access_block: PUBLIC_ACCESS_BLOCKS.map(str::to_owned).into(),
        ownership: "BucketOwnerEnforced".to_owned(),
        encryption: "AES256".to_owned(),
        kms_key: None,
        versioning: false,
        lifecycle: Vec::new(),
        cors: Vec::new(),
    };
    let record = Record::new(arn.clone(), fields, &request.tags, &outputs).called(name);
    let record = record.within(&world.place);
    world.insert(record);
    Ok(arn)
}

fn put_encryption(world: &mut World, arn: &str, desired: &Bucket) -> Answer<()> {
    let known = ["AES256", "aws:kms", "aws:kms:dsse"];
    rules::one_of("MalformedXML", "SSEAlgorithm", &desired.encryption, &known)?;
    rules::require(desired.kms_key.is_none() || desired.encryption != "AES256", "InvalidArgument", || {
        "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms".to_owned()
    })?;
    change(world, arn, |bucket| {
        bucket.encryption.clone_from(&desired.encryption);
        bucket.kms_key.clone_from(&desired.kms_key);
    })
}

fn put_lifecycle(world: &mut World, arn: &str, desired: &Bucket) -> Answer<()> {
    let mut ids = BTreeSet::new();
    for rule in &desired.lifecycle {
        rules::require(rule.id.chars().count() <= 255, "InvalidArgument", || {
            "ID length should not exceed 255".into()
        })?;
        rules::require(ids.insert(&rule.id), "InvalidArgument", || "Rule ID must be unique".into())?;
        let days = [rule.expire_days, rule.expire_old_versions_days, rule.abort_uploads_days];
        rules::require(days.iter().any(Option::is_some), "InvalidRequest", || {
            "At least one action needs to be specified in a rule".into()
        })?;
        rules::require(!days.contains(&Some(0)), "InvalidArgument", || {
            "'Days' for Expiration action must be a positive integer".into()
        })?;
    }
    change(world, arn, |bucket| bucket.lifecycle.clone_from(&desired.lifecycle))
}

fn put_cors(world: &mut World, arn: &str, desired: &Bucket) -> Answer<()> {
    for rule in &desired.cors {
        let filled = !rule.origins.is_empty() && !rule.methods.is_empty();
        rules::require(filled, "MalformedXML", || "a CORS rule needs an origin and a method".to_owned())?;
        let stars = rule.origins.iter().all(|origin| origin.matches('*').count() <= 1);
        rules::require(stars, "InvalidRequest", || {
            "AllowedOrigin can not have more than one wildcard.".to_owned()
        })?;
        let stars = rule.headers.iter().all(|header| header.matches('*').count() <= 1);
        rules::require(stars, "InvalidRequest", || {
            "AllowedHeader can not have more than one wildcard.".to_owned()
        })?;
    }
    change(world, arn, |bucket| bucket.cors.clone_from(&desired.cors))
}

fn delete_bucket(world: &mut World, arn: &str) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, "The specified bucket does not exist");
    let (_, bucket) = world.get::<Bucket>(arn).ok_or_else(missing)?;
    let policy = policy_arn(arn);
    if world.held(arn).items > 0 {
        let message = format!("The bucket you tried to delete is not empty: {}", bucket.name);
        return Err(Rejection::in_use("BucketNotEmpty", message));
    }
    world.remove(&policy);
    world.remove(arn);
    Ok(())
}

/// A policy is no resource of AWS's own; here it stands beside its bucket.
pub(crate) fn policy_arn(bucket_arn: &str) -> String {
    format!("{bucket_arn}?policy")
}

fn put_policy(world: &mut World, request: &Request<'_>, desired: &BucketPolicy) -> Answer<String> {
    let bucket = arn(world, &desired.bucket);
    let name = &desired.bucket;
    let (_, fields) = world.referred::<Bucket>(&bucket, NOT_FOUND, "The specified bucket does not exist")?;
    let statements = desired.policy["Statement"].as_array().cloned().unwrap_or_default();
    let whole = desired.policy["Version"].is_string() && !statements.is_empty();
    rules::require(whole, "MalformedPolicy", || "Missing required field Statement".to_owned())?;
    rules::require(desired.policy.to_string().len() <= 20_480, "MalformedPolicy", || {
        "Policies must be at most 20480 bytes".to_owned()
    })?;
    for statement in &statements {
        rules::require(is_inside(&statement["Resource"], &bucket), "MalformedPolicy", || {
            "Policy has invalid resource".to_owned()
        })?;
        let is_public = statement["Principal"] == "*" && statement["Condition"].is_null();
        if is_public && fields.public_access_block.contains("BlockPublicPolicy") {
            let message = format!("public policies are blocked by the BlockPublicPolicy setting of {name}");
            return Err(Rejection::new(ErrorKind::Denied, "AccessDenied", message));
        }
    }
    let region = world.place.clone();
    let arn = policy_arn(&bucket);
    let outputs = [("bucket", name.as_str()), ("arn", arn.as_str())];
    let record = Record::new(arn.clone(), desired.clone(), &request.tags, &outputs).called(name.as_str());
    world.insert(record.within(&region).without_spec());
    Ok(arn)
}

fn is_inside(resource: &Value, bucket: &str) -> bool {
    let inside =
        |text: &str| text == bucket || text.strip_prefix(bucket).is_some_and(|rest| rest.starts_with('/'));
    match resource {
        Value::String(text) => inside(text),
        Value::Array(items) => items.iter().all(|item| item.as_str().is_some_and(inside)),
        _ => false,
    }
}
