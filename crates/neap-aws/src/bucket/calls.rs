//! Creating, changing and deleting buckets.
//!
//! Decides which calls a difference takes, one after the other: S3 refuses two changes of one bucket at a time.

use aws_sdk_s3::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use neap_core::kinds::Bucket;
use neap_core::live::Outputs;
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::convert::{to_blocks, to_cors, to_encryption, to_lifecycle, to_ownership};
use super::empty::empty;
use super::read::{Name, live, outputs_of, tags, taken, who_has};
use crate::adopt::wanted_address;
use crate::client::Aws;
use crate::error::{failed, if_made, refused};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted};
use crate::tags::to_s3;

const CREATE: &str = "s3:CreateBucket";
/// The one region that is nobody's location, and that answers a repeated create as if it had been the first.
const NO_LOCATION: &str = "us-east-1";

fn unfinished(operation: &'static str) -> impl Fn(BuildError) -> CallError {
    move |error| refused(ErrorKind::Invalid, operation, error.to_string())
}

async fn make(aws: &Aws, wanted: &Wanted<'_, Bucket>) -> Result<(), CallError> {
    let location = (aws.region != NO_LOCATION).then(|| aws.region.as_str().into());
    let config = sdk::CreateBucketConfiguration::builder()
        .set_location_constraint(location)
        .set_tags(Some(to_s3(&wanted.all_tags())?))
        .build();
    let call = aws.s3.create_bucket().bucket(&wanted.fields.name).create_bucket_configuration(config);
    call.send().await.map(|_| ()).map_err(failed(CREATE))
}

/// Brings what a create made, or met, into shape. `is_new` says that nobody else can have made it.
async fn finish(aws: &Aws, wanted: &Wanted<'_, Bucket>, is_new: bool) -> Result<Outputs, CallError> {
    let name = wanted.fields.name.as_str();
    let tags = tags(aws, name).await.map_err(if_made)?;
    // Where the tags of a create are not taken, nothing has any.
    let is_own = wanted.is_marked(&tags) || is_new && tags.is_empty();
    if !is_own {
        let message =
            format!("this account has a bucket `{name}` that is not tagged as {}", wanted.address());
        return Err(refused(ErrorKind::Conflict, CREATE, message));
    }
    let live = live(aws, name, wanted_address(wanted)?, tags).await.map_err(if_made)?;
    Bucket::update(aws, &Held::of(&live)?, wanted).await.map_err(if_made)
}

impl Remote for Bucket {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let name = wanted.fields.name.as_str();
        match who_has(aws, name).await? {
            Name::Taken => return Err(taken(name)),
            Name::Own => return finish(aws, wanted, false).await,
            Name::Free => {}
        }
        match make(aws, wanted).await {
            Ok(()) => finish(aws, wanted, true).await,
            Err(error) => match error.code.as_deref() {
                Some("BucketAlreadyOwnedByYou") => finish(aws, wanted, false).await,
                Some("BucketAlreadyExists") => Err(taken(name)),
                _ => Err(error),
            },
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let (before, after) = (held.fields, wanted.fields);
        let name = after.name.as_str();
        let (s3, account) = (&aws.s3, aws.identity().await?.account.as_str());
        if before.public_access_block != after.public_access_block {
            let call = s3.put_public_access_block().bucket(name).expected_bucket_owner(account);
            let call = call.public_access_block_configuration(to_blocks(&after.public_access_block));
            call.send().await.map_err(failed("s3:PutBucketPublicAccessBlock"))?;
        }
        if before.ownership != after.ownership {
            const OPERATION: &str = "s3:PutBucketOwnershipControls";
            let controls = to_ownership(&after.ownership).map_err(unfinished(OPERATION))?;
            let call = s3.put_bucket_ownership_controls().bucket(name).expected_bucket_owner(account);
            call.ownership_controls(controls).send().await.map_err(failed(OPERATION))?;
        }
        if before.encryption != after.encryption || before.kms_key != after.kms_key {
            const OPERATION: &str = "s3:PutEncryptionConfiguration";
            let config = to_encryption(after).map_err(unfinished(OPERATION))?;
            let call = s3.put_bucket_encryption().bucket(name).expected_bucket_owner(account);
            let call = call.server_side_encryption_configuration(config);
            call.send().await.map_err(failed(OPERATION))?;
        }
        if before.versioning != after.versioning {
            let status = match after.versioning {
                true => sdk::BucketVersioningStatus::Enabled,
                // Once on, it is never off again.
                false => sdk::BucketVersioningStatus::Suspended,
            };
            let config = sdk::VersioningConfiguration::builder().status(status).build();
            let call = s3.put_bucket_versioning().bucket(name).expected_bucket_owner(account);
            let answer = call.versioning_configuration(config).send().await;
            answer.map_err(failed("s3:PutBucketVersioning"))?;
        }
        if before.lifecycle != after.lifecycle {
            set_lifecycle(aws, after, account).await?;
        }
        if before.cors != after.cors {
            set_cors(aws, after, account).await?;
        }
        if !wanted.tag_changes(&held.live.tags).is_empty() {
            const OPERATION: &str = "s3:PutBucketTagging";
            let tags = sdk::Tagging::builder().set_tag_set(Some(to_s3(&wanted.all_tags())?));
            let tags = tags.build().map_err(unfinished(OPERATION))?;
            let call = s3.put_bucket_tagging().bucket(name).expected_bucket_owner(account);
            call.tagging(tags).send().await.map_err(failed(OPERATION))?;
        }
        Ok(outputs_of(aws, after))
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let name = held.fields.name.as_str();
        let account = aws.identity().await?.account.as_str();
        if let Err(error) = empty(aws, name, account).await {
            return if_gone(Err::<(), _>(error));
        }
        let call = aws.s3.delete_bucket().bucket(name).expected_bucket_owner(account);
        if_gone(call.send().await.map_err(failed("s3:DeleteBucket")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let has = who_has(aws, &wanted.fields.name).await?;
        let waits = || Progress::Pending("not visible yet".to_owned());
        Ok(if has == Name::Own { Progress::Done } else { waits() })
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let has = who_has(aws, &held.fields.name).await?;
        let waits = || Progress::Pending("deleting".to_owned());
        // A name that was free for a moment may be another account's now.
        Ok(if has == Name::Own { waits() } else { Progress::Done })
    }
}

async fn set_lifecycle(aws: &Aws, bucket: &Bucket, account: &str) -> Result<(), CallError> {
    const OPERATION: &str = "s3:PutLifecycleConfiguration";
    let name = bucket.name.as_str();
    if bucket.lifecycle.is_empty() {
        let call = aws.s3.delete_bucket_lifecycle().bucket(name).expected_bucket_owner(account);
        return call.send().await.map(|_| ()).map_err(failed(OPERATION));
    }
    let config = to_lifecycle(&bucket.lifecycle).map_err(unfinished(OPERATION))?;
    let call = aws.s3.put_bucket_lifecycle_configuration().bucket(name).expected_bucket_owner(account);
    call.lifecycle_configuration(config).send().await.map(|_| ()).map_err(failed(OPERATION))
}

async fn set_cors(aws: &Aws, bucket: &Bucket, account: &str) -> Result<(), CallError> {
    const OPERATION: &str = "s3:PutBucketCORS";
    let name = bucket.name.as_str();
    if bucket.cors.is_empty() {
        let call = aws.s3.delete_bucket_cors().bucket(name).expected_bucket_owner(account);
        return call.send().await.map(|_| ()).map_err(failed(OPERATION));
    }
    let config = to_cors(&bucket.cors).map_err(unfinished(OPERATION))?;
    let call = aws.s3.put_bucket_cors().bucket(name).expected_bucket_owner(account);
    call.cors_configuration(config).send().await.map(|_| ()).map_err(failed(OPERATION))
}
