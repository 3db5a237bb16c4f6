//! Making the caches of a distribution forget: what is asked, and that a change of its origins asks for it.
//!
//! Decides how that outlives a run which ends early: by a tag, from before the change until CloudFront has been asked. Must not know
//! which paths files have.

use aws_sdk_cloudfront::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use neap_core::files::{self, TAG_FORGET};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::calls::set_tags;
use super::read::tags_of;
use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::tags::{TagChanges, Tags};

const CREATE: &str = "cloudfront:CreateInvalidation";

/// Notes that the caches of the distribution `arn` must forget everything once it is deployed; `version` is that of its
/// configuration from before.
pub(super) async fn note(aws: &Aws, arn: &str, version: &str) -> Result<(), CallError> {
    let set = Tags::from([(TAG_FORGET.to_owned(), version.to_owned())]);
    set_tags(aws, arn, &TagChanges { set, remove: Vec::new() }).await
}

/// Makes the caches of the deployed distribution `arn` forget everything if that was noted, and takes the note away. It is done once
/// there is no note to be seen.
pub(super) async fn make_up(aws: &Aws, arn: &str) -> Result<Progress, CallError> {
    let tags = tags_of(aws, arn).await?;
    let Some(version) = tags.get(TAG_FORGET) else { return Ok(Progress::Done) };
    let paths = vec![files::ALL.to_owned()];
    let reference = files::caller_reference(arn, version, "", &paths);
    invalidate(aws, arn, &reference, paths).await?;
    set_tags(aws, arn, &TagChanges { set: Tags::new(), remove: vec![TAG_FORGET.to_owned()] }).await?;
    Ok(Progress::Pending("its caches forget".to_owned()))
}

/// Asks the distribution `arn` to forget these paths, and returns the id of that.
pub(crate) async fn invalidate(
    aws: &Aws,
    arn: &str,
    reference: &str,
    paths: Vec<String>,
) -> Result<String, CallError> {
    let unfinished = |error: BuildError| refused(ErrorKind::Invalid, CREATE, error.to_string());
    let quantity = i32::try_from(paths.len()).unwrap_or(i32::MAX);
    let paths =
        sdk::Paths::builder().quantity(quantity).set_items(Some(paths)).build().map_err(unfinished)?;
    let batch = sdk::InvalidationBatch::builder().caller_reference(reference).paths(paths);
    let batch = batch.build().map_err(unfinished)?;
    let id = arn.rsplit('/').next().unwrap_or_default();
    let call = aws.cloudfront.create_invalidation().distribution_id(id).invalidation_batch(batch);
    let answer = call.send().await.map_err(failed(CREATE))?;
    answer.invalidation.map(|made| made.id).ok_or_else(|| incomplete(CREATE, "Invalidation"))
}
