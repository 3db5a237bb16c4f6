//! The record of a lock that lies in a bucket.

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use neap_core::zero::{ObjectPlace, Seen, StackScope, Thing};
use neap_engine::cloud::CallError;

use super::Part;
use crate::client::Aws;
use crate::error::call_error;

pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let Some(place) = &scope.lock_object else { return part };
    if part.take(is_there(aws, place).await) {
        part.seen.push(Seen::new(Thing::Object, place.url(), place.url()));
    }
    part
}

/// Whether the object is listed. Keys come in the order of their bytes, so the exact one is the first that begins like it.
async fn is_there(aws: &Aws, place: &ObjectPlace) -> Result<bool, CallError> {
    let call = aws.s3.list_objects_v2().bucket(&place.bucket).prefix(&place.key).max_keys(1);
    match call.send().await {
        Ok(answer) => Ok(answer.contents().iter().any(|object| object.key() == Some(&place.key))),
        Err(error) if error.code() == Some("NoSuchBucket") => Ok(false),
        Err(error) => Err(call_error("s3:ListBucket", &error)),
    }
}
