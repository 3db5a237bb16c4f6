//! The files that a stack keeps in its buckets: listed, uploaded and deleted.
//!
//! Decides which calls a difference takes and in which order: what pages name, then pages, then what is left over, then the caches of
//! distributions. A removed file that a cache forgot before it is gone might come back from the bucket, so caches come last.

mod invalidation;
mod leaving;
mod upload;

use std::collections::BTreeMap;

use aws_sdk_s3::types as sdk;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use neap_core::address::{Address, Kind};
use neap_core::desired::Desired;
use neap_core::files::live::{shelves, without_objects};
use neap_core::files::{Changes, File, Files, MARK};
use neap_core::kinds::BucketFiles;
use neap_core::live::{Outputs, Reading};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use neap_engine::files::{Listed, Seen};

pub(crate) use self::leaving::leaving;
use super::empty::delete;
use crate::adopt::wanted_address;
use crate::client::Aws;
use crate::error::{failed, if_made, incomplete};
use crate::found::{Found, if_gone, read_failure};
use crate::remote::{Held, Remote, Wanted, outputs};

/// What `ListObjectsV2` asks for.
const LIST: &str = "s3:ListBucket";
/// What `HeadObject` asks for.
const LOOK: &str = "s3:GetObject";
/// The same of a version that is not the newest.
const LOOK_BACK: &str = "s3:GetObjectVersion";
const DELETE: &str = "s3:DeleteObject";
/// How many objects are looked at or uploaded at one time.
const AT_ONCE: usize = 64;
/// How many objects one call lists or deletes.
const PAGE: usize = 1000;

/// Adds what the stack's buckets hold to what was found of buckets and distributions.
pub(crate) async fn read(aws: &Aws, desired: &Desired, found: &mut Found) {
    let wanted = desired.resources.keys().filter(|address| address.kind() == Kind::BucketFiles);
    let absent: Vec<_> =
        wanted.map(|address| (address.clone(), without_objects(address, &found.readings))).collect();
    found.readings.extend(absent);
    let mut outcomes = Vec::new();
    for shelf in shelves(desired, &found.readings) {
        let objects = all(aws, shelf.bucket.resource.aws_name()).await;
        let outcome = objects.map(|objects| shelf.live(&desired.stack, objects, &found.readings));
        outcomes.push((shelf.address.clone(), shelf.wanted.is_some(), outcome));
    }
    for (address, is_wanted, outcome) in outcomes {
        match outcome {
            Ok(None) => {}
            Ok(Some(live)) if is_wanted => {
                found.readings.insert(address, Reading::Present(Box::new(live)));
            }
            Ok(Some(live)) => found.orphans.push(live),
            Err(error) if is_wanted => {
                found.readings.insert(address, Reading::Unreadable(read_failure(&error)));
            }
            Err(error) => found.failed(&error),
        }
    }
}

/// Every object of a bucket, with what each is: known from a look before, or looked at now.
async fn all(aws: &Aws, bucket: &str) -> Result<Files, CallError> {
    let mut seen = Seen::load(aws.folders.base(), bucket);
    let listed = list(aws, bucket, seen.marks(PAGE)).await?;
    let mut files = Files::new();
    let mut unknown = Vec::new();
    for object in &listed {
        match seen.known(object) {
            Some(file) => drop(files.insert(object.key.clone(), file.clone())),
            None => unknown.push(object),
        }
    }
    let looks =
        unknown.into_iter().map(|object| async move { (object, look(aws, bucket, object, None).await) });
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    while let Some((object, outcome)) = looks.next().await {
        // What is gone again is no object.
        if let Some(file) = outcome? {
            seen.learn(object.clone(), file.clone());
            files.insert(object.key.clone(), file);
        }
    }
    drop(looks);
    seen.keep(&listed);
    seen.save();
    Ok(files)
}

/// The objects of a bucket. The parts between `marks` are listed at one time, since each page would have to wait for the one before.
async fn list(aws: &Aws, bucket: &str, marks: Vec<String>) -> Result<Vec<Listed>, CallError> {
    let afters = std::iter::once(None).chain(marks.iter().cloned().map(Some));
    let throughs = marks.iter().cloned().map(Some).chain(std::iter::once(None));
    let parts = afters.zip(throughs).map(|(after, through)| list_part(aws, bucket, after, through));
    let parts: Vec<Vec<Listed>> = stream::iter(parts).buffered(AT_ONCE).try_collect().await?;
    Ok(parts.concat())
}

/// The objects whose keys come after `after`, up to and with `through`. S3 lists them in the order of their UTF-8 bytes
/// ("ListObjectsV2" of its API reference), as strings are compared here.
async fn list_part(
    aws: &Aws,
    bucket: &str,
    after: Option<String>,
    through: Option<String>,
) -> Result<Vec<Listed>, CallError> {
    let account = aws.identity().await?.account.as_str();
    let call = aws.s3.list_objects_v2().bucket(bucket).expected_bucket_owner(account).set_start_after(after);
    let mut pages = call.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        for object in page.map_err(failed(LIST))?.contents.unwrap_or_default() {
            let object = listed(LIST, object.key, object.e_tag, object.last_modified, object.size)?;
            if through.as_ref().is_some_and(|through| object.key > *through) {
                return Ok(found);
            }
            let is_last = through.as_ref() == Some(&object.key);
            found.push(object);
            if is_last {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// An object as `operation` lists it.
fn listed(
    operation: &'static str,
    key: Option<String>,
    etag: Option<String>,
    modified: Option<DateTime>,
    size: Option<i64>,
) -> Result<Listed, CallError> {
    let modified = modified.and_then(|time| time.fmt(Format::DateTime).ok());
    Ok(Listed {
        key: key.ok_or_else(|| incomplete(operation, "Key"))?,
        etag: etag.ok_or_else(|| incomplete(operation, "ETag"))?,
        modified: modified.ok_or_else(|| incomplete(operation, "LastModified"))?,
        size: size.and_then(|size| u64::try_from(size).ok()).ok_or_else(|| incomplete(operation, "Size"))?,
    })
}

/// What a listed object is, or an older version of it; nothing if it is gone meanwhile.
async fn look(
    aws: &Aws,
    bucket: &str,
    object: &Listed,
    older: Option<&str>,
) -> Result<Option<File>, CallError> {
    let account = aws.identity().await?.account.as_str();
    let call = aws.s3.head_object().bucket(bucket).key(&object.key).expected_bucket_owner(account);
    let call = call.set_version_id(older.map(str::to_owned));
    let answer = match call.send().await {
        Ok(answer) => answer,
        // An answer to `HEAD` has no body that could name an error.
        Err(error) if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 404) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(if older.is_some() { LOOK_BACK } else { LOOK })(error)),
    };
    let mark = answer.metadata().and_then(|metadata| metadata.get(MARK));
    Ok(Some(File {
        size: object.size,
        sha256: mark.cloned().unwrap_or_default(),
        content_type: answer.content_type().unwrap_or_default().to_owned(),
        cache_control: answer.cache_control().map(str::to_owned),
    }))
}

/// Brings a bucket into line. `before` is what a reading has shown, nothing where there was none: uploads go by a fresh look, since
/// an earlier attempt may have done a part, and caches by what they have been told since.
async fn sync(
    aws: &Aws,
    before: Option<&BucketFiles>,
    wanted: &Wanted<'_, BucketFiles>,
) -> Result<Outputs, CallError> {
    let files = wanted.fields;
    let bucket = files.bucket.as_str();
    let address = wanted_address(wanted)?;
    let there = all(aws, bucket).await.map_err(if_made)?;
    let changes = Changes::between(&there, &files.files);
    let mut seen = Seen::load(aws.folders.base(), bucket);
    let outcome = upload(aws, &address, files, &changes, &mut seen).await;
    seen.save();
    aws.transfers.end(&address);
    outcome?;
    remove(aws, bucket, changes.removed.iter().map(String::as_str)).await?;
    let met = BucketFiles { files: there, sites: BTreeMap::new(), ..files.clone() };
    let before = before.or_else(|| (!met.files.is_empty()).then_some(&met));
    invalidation::sites(aws, address.name(), before, files).await?;
    Ok(outputs([("bucket", bucket)]))
}

/// Uploads what is new or other, many files at once. The first failure ends it.
async fn upload(
    aws: &Aws,
    address: &Address,
    files: &BucketFiles,
    changes: &Changes,
    seen: &mut Seen,
) -> Result<(), CallError> {
    let waves = changes.waves();
    let total = waves.iter().flatten().filter_map(|key| files.files.get(*key)).map(|file| file.size).sum();
    aws.transfers.begin(address, total);
    let uploader = upload::Uploader::new(aws, address, files).await?;
    let uploader = &uploader;
    for wave in waves {
        let sent = wave.into_iter().filter_map(|key| {
            let file = files.files.get(key)?;
            seen.forget(key);
            Some(async move { uploader.send(key, file).await.map(|etag| (key, etag, file)) })
        });
        let sent: Vec<_> = sent.collect();
        let mut sent = stream::iter(sent).buffer_unordered(AT_ONCE);
        while let Some(outcome) = sent.next().await {
            let (key, etag, file) = outcome?;
            seen.put(key, &etag, file.clone());
        }
    }
    Ok(())
}

async fn remove<'a>(aws: &Aws, bucket: &str, keys: impl Iterator<Item = &'a str>) -> Result<(), CallError> {
    let account = aws.identity().await?.account.as_str();
    let objects = keys.map(|key| sdk::ObjectIdentifier::builder().key(key).build());
    let objects: Vec<_> = objects.collect::<Result<_, _>>().map_err(|_| incomplete(DELETE, "Key"))?;
    for page in objects.chunks(PAGE) {
        delete(aws, bucket, account, page.to_vec(), DELETE).await?;
    }
    Ok(())
}

impl Remote for BucketFiles {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        sync(aws, None, wanted).await
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        sync(aws, Some(held.fields), wanted).await
    }

    /// Deletes what neap has uploaded, and nothing else.
    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let marked = held.fields.files.iter().filter(|(_, file)| file.is_marked());
        if_gone(remove(aws, &held.fields.bucket, marked.map(|(key, _)| key.as_str())).await)
    }

    async fn ready(_: &Aws, _: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        // S3 shows at once what was put.
        Ok(Progress::Done)
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let is_held = |object: &Listed| held.fields.files.get(&object.key).is_some_and(File::is_marked);
        match list(aws, &held.fields.bucket, Vec::new()).await {
            Ok(objects) if objects.iter().any(is_held) => Ok(Progress::Pending("deleting".to_owned())),
            Ok(_) => Ok(Progress::Done),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Progress::Done),
            Err(error) => Err(error),
        }
    }
}
