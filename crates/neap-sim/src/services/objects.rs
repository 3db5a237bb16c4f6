//! S3: the objects in buckets that neap uploads (reference section 3.19).
//!
//! S3 is consistent: whoever lists sees at once what was put or deleted.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream;
use neap_core::files::{Changes, File, Files, WHOLE, part_size, sha256};
use neap_core::kinds::{Bucket, BucketFiles};
use neap_core::live::{Holding, Outputs};
use neap_engine::cloud::CallError;
use neap_engine::files::{Listed, Seen};
use serde::{Deserialize, Serialize};

use super::{Request, invalidation, s3};
use crate::clock::Millis;
use crate::error::Answer;
use crate::rules;
use crate::sim::Sim;
use crate::world::World;

/// How many objects one call lists or deletes.
const PAGE: usize = 1000;
/// How many uploads are under way at one time.
const AT_ONCE: usize = 64;
/// The most bytes that are put in one request.
const LARGEST: u64 = 5 * 1024 * 1024 * 1024;
const NOT_FOUND: &str = "NoSuchBucket";
const PUT: &str = "s3:PutObject";

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Content and headers; without a hash where neap has not uploaded it.
    pub(crate) file: File,
    pub(crate) etag: String,
    /// When it was put.
    pub(crate) modified: Millis,
}

/// The objects of one bucket, by key.
pub(crate) type Objects = BTreeMap<String, Object>;

pub(crate) async fn create(request: &Request<'_>, desired: &BucketFiles) -> Result<Outputs, CallError> {
    sync(request, None, desired).await
}

pub(crate) async fn update(
    request: &Request<'_>,
    before: &BucketFiles,
    desired: &BucketFiles,
) -> Result<Outputs, CallError> {
    sync(request, Some(before), desired).await
}

/// Deletes what neap has uploaded.
pub(crate) async fn delete(request: &Request<'_>, live: &BucketFiles) -> Result<(), CallError> {
    let marked = live.files.iter().filter(|(_, file)| file.is_marked());
    let keys: Vec<String> = marked.map(|(key, _)| key.clone()).collect();
    super::request::gone_is_done(remove(request, &live.bucket, &keys).await)
}

/// Whether nothing of what a reading showed is left.
pub(crate) fn is_gone(world: &World, live: &BucketFiles) -> bool {
    let Some(objects) = world.objects.get(&s3::arn(world, &live.bucket)) else { return true };
    live.files.iter().all(|(key, file)| !file.is_marked() || !objects.contains_key(key))
}

/// Every object of a bucket, with what each is: known from a look before, or looked at now.
pub(crate) async fn all(
    sim: &Sim,
    address: &neap_core::address::Address,
    bucket: &str,
) -> Result<Files, CallError> {
    let mut seen = Seen::load(sim.folders.base(), bucket);
    let objects = |world: &World| world.objects.get(&s3::arn(world, bucket)).cloned().unwrap_or_default();
    let objects = sim.look(objects);
    for _ in 0..objects.len().div_ceil(PAGE).max(1) {
        crate::read::attempt(sim, "s3:ListBucket", Some(address)).await?;
    }
    sim.wave().await;
    let mut files = Files::new();
    let mut listed = Vec::with_capacity(objects.len());
    let mut looks = 0;
    for (key, object) in objects {
        let shown = Listed {
            key: key.clone(),
            etag: object.etag,
            modified: object.modified.to_string(),
            size: object.file.size,
        };
        let file = match seen.known(&shown) {
            Some(file) => file.clone(),
            None => {
                crate::read::attempt(sim, "s3:GetObject", Some(address)).await?;
                looks += 1;
                seen.learn(shown.clone(), object.file.clone());
                object.file
            }
        };
        files.insert(key, file);
        listed.push(shown);
    }
    if looks > 0 {
        sim.wave().await;
    }
    seen.keep(&listed);
    seen.save();
    Ok(files)
}

/// What is in a bucket besides what neap has uploaded, which can be there only if it `has_files`: as far as the first page that shows
/// any. What was put by a script has no names, and is listed first.
pub(crate) async fn holding(
    sim: &Sim,
    address: &neap_core::address::Address,
    bucket: &str,
    has_files: bool,
) -> Result<Option<Holding>, CallError> {
    let mut seen = Seen::load(sim.folders.base(), bucket);
    let (nameless, objects) = sim.look(|world| {
        let arn = s3::arn(world, bucket);
        let objects = world.objects.get(&arn).cloned().unwrap_or_default();
        (world.stored.get(&arn).map_or(0, |stored| stored.items), objects)
    });
    let nameless = std::iter::repeat_n(None, usize::try_from(nameless).unwrap_or(usize::MAX));
    let mut all = nameless.chain(objects.into_iter().map(Some)).peekable();
    loop {
        crate::read::attempt(sim, "s3:ListBucketVersions", Some(address)).await?;
        let mut others = 0;
        for object in all.by_ref().take(PAGE) {
            let Some((key, object)) = object.filter(|_| has_files) else {
                others += 1;
                continue;
            };
            let modified = object.modified.to_string();
            let shown = Listed { key, etag: object.etag, modified, size: object.file.size };
            if seen.known(&shown).is_none() {
                crate::read::attempt(sim, "s3:GetObject", Some(address)).await?;
            }
            others += u64::from(!object.file.is_marked());
        }
        sim.wave().await;
        let more = all.peek().is_some();
        if others > 0 || !more {
            return Ok((others > 0).then_some(Holding { items: others, more }));
        }
    }
}

/// Brings the bucket into line: what is new or other is uploaded, pages last, what is left over is deleted, and caches forget.
async fn sync(
    request: &Request<'_>,
    before: Option<&BucketFiles>,
    desired: &BucketFiles,
) -> Result<Outputs, CallError> {
    let (sim, bucket) = (request.sim, desired.bucket.as_str());
    let there = all(sim, &request.address, bucket).await?;
    let changes = Changes::between(&there, &desired.files);
    let waves = changes.waves();
    let total = waves.iter().flatten().map(|key| desired.files[*key].size).sum();
    sim.transfers.begin(&request.address, total);
    let mut seen = Seen::load(sim.folders.base(), bucket);
    let mut result = Ok(());
    for wave in &waves {
        let uploads = wave.iter().map(|key| async move { (*key, upload(request, desired, key).await) });
        let mut uploads = stream::iter(uploads).buffer_unordered(AT_ONCE);
        while let Some((key, outcome)) = uploads.next().await {
            match outcome {
                Ok(etag) => seen.put(key, &etag, desired.files[key].clone()),
                Err(error) if result.is_ok() => result = Err(error),
                Err(_) => {}
            }
            if result.is_err() {
                break;
            }
        }
        if result.is_err() {
            break;
        }
    }
    seen.save();
    sim.transfers.end(&request.address);
    result?;
    let removed: Vec<String> = changes.removed.into_iter().collect();
    remove(request, bucket, &removed).await?;
    // What was there before neap first put something was nobody's to be remembered.
    let nothing = BucketFiles { files: there.clone(), sites: BTreeMap::new(), ..desired.clone() };
    let met = before.or_else(|| (!there.is_empty()).then_some(&nothing));
    invalidation::sites(request, met, desired).await?;
    Ok(Outputs::from([("bucket".to_owned(), bucket.to_owned())]))
}

async fn upload(request: &Request<'_>, desired: &BucketFiles, key: &str) -> Result<String, CallError> {
    let file = &desired.files[key];
    let (sim, address) = (request.sim, &request.address);
    if file.size > WHOLE {
        return upload_in_parts(request, desired, key, file).await;
    }
    if sim.folders.base().is_some() {
        sim.folders.whole(&desired.folder, key, file)?;
    }
    let etag = request.call(PUT, |world| put(world, &desired.bucket, key, file)).await?;
    sim.transfers.arrived(address, file.size);
    Ok(etag)
}

/// Begins an upload, sends the parts, and ends it. One that fails is broken off, so that S3 does not keep its parts.
async fn upload_in_parts(
    request: &Request<'_>,
    desired: &BucketFiles,
    key: &str,
    file: &File,
) -> Result<String, CallError> {
    let there = |world: &mut World| bucket(world, &desired.bucket).map(drop);
    request.call(PUT, there).await?;
    let sent = async {
        let sim = request.sim;
        let mut parts = match sim.folders.base() {
            Some(_) => Some(sim.folders.parts(&desired.folder, key, file)?),
            None => None,
        };
        let size = part_size(file.size);
        for number in 0..file.size.div_ceil(size) {
            if let Some(parts) = &mut parts {
                parts.next_part()?;
            }
            request.call(PUT, there).await?;
            sim.transfers.arrived(&request.address, size.min(file.size - number * size));
        }
        // Only the end tells whether it was the planned file.
        parts.map_or(Ok(None), |mut parts| parts.next_part())?;
        request.call(PUT, |world| complete(world, &desired.bucket, key, file)).await
    };
    let outcome = sent.await;
    if outcome.is_err() {
        let _left_to_the_lifecycle = request.call("s3:AbortMultipartUpload", there).await.is_err();
    }
    outcome
}

async fn remove(request: &Request<'_>, name: &str, keys: &[String]) -> Result<(), CallError> {
    for page in keys.chunks(PAGE) {
        let delete = |world: &mut World| {
            let (arn, is_versioned) = bucket(world, name)?;
            for key in page {
                let gone = world.objects.get_mut(&arn).and_then(|objects| objects.remove(key));
                if let Some(object) = gone.filter(|_| is_versioned) {
                    // Its version stays, and so does the mark that it was deleted.
                    let stored = world.stored.entry(arn.clone()).or_default();
                    stored.items += 2;
                    stored.bytes += object.file.size;
                }
            }
            Ok(())
        };
        request.call("s3:DeleteObject", delete).await?;
    }
    Ok(())
}

/// The ARN of a bucket, and whether it keeps old versions.
fn bucket(world: &World, name: &str) -> Answer<(String, bool)> {
    let arn = s3::arn(world, name);
    let (_, bucket) = world.referred::<Bucket>(&arn, NOT_FOUND, "The specified bucket does not exist")?;
    Ok((arn, bucket.versioning))
}

fn put(world: &mut World, name: &str, key: &str, file: &File) -> Answer<String> {
    rules::require(file.size <= LARGEST, "EntityTooLarge", || {
        "Your proposed upload exceeds the maximum allowed size".to_owned()
    })?;
    complete(world, name, key, file)
}

fn complete(world: &mut World, name: &str, key: &str, file: &File) -> Answer<String> {
    rules::require((1..=1024).contains(&key.len()), "KeyTooLongError", || "Your key is too long".to_owned())?;
    let is_header = |text: &str| text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    let headers = is_header(&file.content_type) && file.cache_control.as_deref().is_none_or(is_header);
    rules::require(headers, "InvalidArgument", || "a header holds what no header can".to_owned())?;
    let (arn, is_versioned) = bucket(world, name)?;
    let etag = sha256(format!("{}{}", file.sha256, file.size).as_bytes())[..32].to_owned();
    let object = Object { file: file.clone(), etag: etag.clone(), modified: world.now };
    let before = world.objects.entry(arn.clone()).or_default().insert(key.to_owned(), object);
    if let Some(old) = before.filter(|_| is_versioned) {
        let stored = world.stored.entry(arn).or_default();
        stored.items += 1;
        stored.bytes += old.file.size;
    }
    world.was_upload = true;
    Ok(etag)
}

/// Puts an object as whoever does not mark it: nobody knows its hash.
pub(crate) fn put_by_others(world: &mut World, bucket: &str, key: &str, size: Option<u64>) {
    let content_type = "binary/octet-stream".to_owned();
    let Some(size) = size else {
        let arn = s3::arn(world, bucket);
        world.objects.entry(arn).or_default().remove(key);
        return;
    };
    let file = File { size, sha256: String::new(), content_type, cache_control: None };
    let etag = sha256(format!("{key}{size}{}", world.now).as_bytes())[..32].to_owned();
    let arn = s3::arn(world, bucket);
    let object = Object { file, etag, modified: world.now };
    world.objects.entry(arn).or_default().insert(key.to_owned(), object);
}
