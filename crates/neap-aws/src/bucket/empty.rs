//! Removing everything that is in a bucket: every version of every object, and the marks of those that were deleted.

use aws_sdk_s3::types as sdk;
use neap_engine::cloud::{CallError, ErrorKind};

use crate::client::Aws;
use crate::error::{failed, incomplete, refused};

const DELETE: &str = "s3:DeleteObjectVersion";

/// Empties a bucket, a thousand versions at a time, which is as many as S3 lists and deletes in one call.
pub(super) async fn empty(aws: &Aws, bucket: &str, account: &str) -> Result<(), CallError> {
    loop {
        let call = aws.s3.list_object_versions().bucket(bucket).expected_bucket_owner(account);
        let page = call.send().await.map_err(failed("s3:ListBucketVersions"))?;
        let versions = page.versions().iter().map(|version| (version.key(), version.version_id()));
        let marks = page.delete_markers().iter().map(|mark| (mark.key(), mark.version_id()));
        let objects = versions.chain(marks).filter_map(|(key, version)| Some((key?, version)));
        let objects = objects.map(|(key, version)| {
            let object = sdk::ObjectIdentifier::builder().key(key);
            object.set_version_id(version.map(ToOwned::to_owned)).build()
        });
        let objects: Vec<_> = objects.collect::<Result<_, _>>().map_err(|_| incomplete(DELETE, "Key"))?;
        if objects.is_empty() {
            return Ok(());
        }
        delete(aws, bucket, account, objects, DELETE).await?;
    }
}

/// Deletes at most a thousand objects or versions of them, which is what `operation` allows. What could not be deleted is the
/// failure.
pub(super) async fn delete(
    aws: &Aws,
    bucket: &str,
    account: &str,
    objects: Vec<sdk::ObjectIdentifier>,
    operation: &'static str,
) -> Result<(), CallError> {
    let objects = sdk::Delete::builder().quiet(true).set_objects(Some(objects)).build();
    let objects = objects.map_err(|_| incomplete(operation, "Objects"))?;
    let call = aws.s3.delete_objects().bucket(bucket).expected_bucket_owner(account).delete(objects);
    let answer = call.send().await.map_err(failed(operation))?;
    let Some(error) = answer.errors().first() else { return Ok(()) };
    let code = error.code().unwrap_or_default();
    let kind = if code == "AccessDenied" { ErrorKind::Denied } else { ErrorKind::Unavailable };
    let message = format!(
        "`{}` cannot be deleted: {}",
        error.key().unwrap_or_default(),
        error.message().unwrap_or(code)
    );
    Err(CallError { code: Some(code.to_owned()), ..refused(kind, operation, message) })
}
