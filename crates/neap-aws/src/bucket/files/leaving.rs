//! What is in the buckets that an apply would delete, and neap has not uploaded.
//!
//! Decides how far is looked: to the first page that shows any of that. Must not decide what is done about it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use neap_core::files::File;
use neap_core::leaving;
use neap_core::live::Holding;
use neap_engine::cloud::CallError;
use neap_engine::files::Seen;

use super::{AT_ONCE, listed, look};
use crate::client::Aws;
use crate::error::failed;
use crate::found::{Found, if_there};

/// What `ListObjectVersions` asks for.
const LIST: &str = "s3:ListBucketVersions";

/// Looks into the orphaned buckets among what was found: what is in them, by their names.
pub(crate) async fn leaving(aws: &Aws, found: &mut Found) -> BTreeMap<String, Holding> {
    let looks = leaving::buckets(&found.orphans).map(|(bucket, has_files)| async move {
        let name = bucket.resource.aws_name();
        (name.to_owned(), holding(aws, name, has_files).await)
    });
    let mut holdings = BTreeMap::new();
    for (name, outcome) in join_all(looks).await {
        match if_there(outcome) {
            Ok(holding) => holdings.extend(holding.flatten().map(|holding| (name, holding))),
            Err(error) => found.failed(&error),
        }
    }
    holdings
}

/// What is in a bucket besides what neap has uploaded, which can be there only if it `has_files`. Marks of what was deleted are nothing
/// that could be lost.
async fn holding(aws: &Aws, bucket: &str, has_files: bool) -> Result<Option<Holding>, CallError> {
    let account = aws.identity().await?.account.as_str();
    let mut seen = Seen::load(aws.folders.base(), bucket);
    let (mut key, mut version) = (None, None);
    loop {
        let call = aws.s3.list_object_versions().bucket(bucket).expected_bucket_owner(account);
        let call = call.set_key_marker(key).set_version_id_marker(version);
        let page = call.send().await.map_err(failed(LIST))?;
        let more = page.is_truncated() == Some(true);
        let mut others = BTreeSet::new();
        let mut unknown = Vec::new();
        for found in page.versions.unwrap_or_default() {
            let older = found.version_id.filter(|_| found.is_latest != Some(true));
            let object = listed(LIST, found.key, found.e_tag, found.last_modified, found.size)?;
            if !has_files {
                others.insert(object.key);
                continue;
            }
            let known = if older.is_none() { seen.known(&object) } else { None };
            match known.map(File::is_marked) {
                Some(true) => {}
                Some(false) => {
                    others.insert(object.key);
                }
                None => unknown.push((object, older)),
            }
        }
        let looks = unknown.into_iter().map(|(object, older)| async move {
            let outcome = look(aws, bucket, &object, older.as_deref()).await;
            (object, older.is_none(), outcome)
        });
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some((object, is_latest, outcome)) = looks.next().await {
            // What is gone again is no object.
            let Some(file) = outcome? else { continue };
            if !file.is_marked() {
                others.insert(object.key.clone());
            }
            if is_latest {
                seen.learn(object, file);
            }
        }
        drop(looks);
        if !others.is_empty() || !more {
            seen.save();
            let items = u64::try_from(others.len()).unwrap_or(u64::MAX);
            return Ok((items > 0).then_some(Holding { items, more }));
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
    }
}
