//! Buckets, all of the account's in this region, and what is in those of the stack.

use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Seen, StackScope, Stored, Thing};
use neap_engine::cloud::{CallError, ErrorKind};

use super::{Part, bytes, each, tags};
use crate::client::Aws;
use crate::error::failed;

/// Looks at every bucket's tags: nothing lists buckets by them.
pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let names = part.take(list(aws).await);
    for (name, answer) in names.iter().zip(each(&names, async |name| tags_of(aws, name).await).await) {
        let tags = part.take(answer);
        part.seen.push(Seen { tags, ..Seen::new(Thing::Bucket, name, name) });
    }
    let own = part.candidates(scope, Thing::Bucket);
    for (name, answer) in own.iter().zip(each(&own, async |name| objects(aws, name).await).await) {
        let stored = part.take(answer);
        if let Some(seen) = part.find(name) {
            seen.stored = stored;
            seen.usage = vec![Usage::bytes(Charge::Objects, stored.bytes)];
        }
    }
    part
}

/// The names of the account's buckets in this region.
async fn list(aws: &Aws) -> Result<Vec<String>, CallError> {
    let pages = aws.s3.list_buckets().max_buckets(1000).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.map_err(failed("s3:ListAllMyBuckets"))?;
    let buckets = pages.into_iter().flat_map(|page| page.buckets.unwrap_or_default());
    let here = buckets.filter(|bucket| bucket.bucket_region().is_none_or(|region| region == aws.region));
    Ok(here.filter_map(|bucket| bucket.name).collect())
}

/// A bucket without tags has no such facet.
async fn tags_of(aws: &Aws, name: &str) -> Result<std::collections::BTreeMap<String, String>, CallError> {
    let answer = aws.s3.get_bucket_tagging().bucket(name).send().await;
    match answer.map_err(failed("s3:GetBucketTagging")) {
        Ok(answer) => Ok(tags(answer.tag_set().iter().map(|tag| (tag.key(), tag.value())))),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(std::collections::BTreeMap::new()),
        Err(error) => Err(error),
    }
}

/// How many versions of objects there are, and their size.
async fn objects(aws: &Aws, name: &str) -> Result<Stored, CallError> {
    let mut stored = Stored::default();
    let (mut key, mut version) = (None, None);
    loop {
        let call = aws.s3.list_object_versions().bucket(name);
        let call = call.set_key_marker(key).set_version_id_marker(version);
        let page = call.send().await.map_err(failed("s3:ListBucketVersions"))?;
        stored.items += u64::try_from(page.versions().len()).unwrap_or(u64::MAX);
        stored.bytes += page.versions().iter().map(|version| bytes(version.size())).sum::<u64>();
        if page.is_truncated() != Some(true) {
            return Ok(stored);
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
    }
}
