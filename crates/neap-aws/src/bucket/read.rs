//! Reading buckets: one listing, then every facet of those that may be the stack's, all at once.
//!
//! Decides which bucket and which policy stand at which address. The listing shows this account's buckets alone, so another
//! account's of the same name is never looked at.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::types as sdk;
use futures_util::future::join_all;
use neap_core::address::{Address, Kind};
use neap_core::desired::Desired;
use neap_core::kinds::{Bucket, BucketPolicy, Resource};
use neap_core::live::{LiveResource, Outputs, Phase, Reading};
use neap_core::naming;
use neap_engine::cloud::{CallError, ErrorKind};
use serde_json::Value;
use tokio::try_join;

use super::convert::{blocks, cors, encryption, lifecycle, ownership};
use super::policy;
use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::found::{Found, address_of, if_there};
use crate::remote::declared;
use crate::tags::{Tags, from_s3};

/// What the names of the stack's buckets begin with, unless the user chose another.
pub(crate) fn prefix(stack: &str) -> String {
    naming::prefix(Kind::Bucket, stack)
}

/// Reads the stack's buckets and their policies.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let (account, listed) = match try_join!(account(aws), list(aws)) {
        Ok(both) => both,
        Err(error) => {
            found.unlistable::<Bucket>(desired, &error);
            found.unlistable::<BucketPolicy>(desired, &error);
            return found;
        }
    };
    let named = |resource: &Resource| desired.name_in(resource, &account);
    let of_kind = |kind: Kind| {
        let resources = desired.resources.iter().filter(move |(address, _)| address.kind() == kind);
        resources.map(|(address, wanted)| (named(&wanted.resource), address)).collect::<BTreeMap<_, _>>()
    };
    let (buckets, policies) = (of_kind(Kind::Bucket), of_kind(Kind::BucketPolicy));
    let prefix = prefix(&desired.stack);
    let candidates = listed.iter().filter_map(|bucket| {
        let name = bucket.name()?;
        let address = buckets.get(name).copied();
        (address.is_some() || name.starts_with(&prefix)).then_some((bucket, address))
    });
    let looks = candidates.map(|(bucket, address)| look(aws, &desired.stack, bucket, address));
    for look in join_all(looks).await {
        policy::claim(&mut found, &look, policies.get(&look.name).copied(), &desired.stack);
        found.collect([(look.address, look.bucket)]);
    }
    found.rest_absent::<Bucket>(desired);
    for (address, _) in declared::<BucketPolicy>(desired) {
        if !found.readings.contains_key(address) {
            found.absent(address);
        }
    }
    found
}

/// The bucket of a name that no listing by prefix shows.
pub(crate) async fn named(aws: &Aws, name: &str) -> Result<Option<LiveResource>, CallError> {
    let tags = tags(aws, name).await?;
    let Some(address) = address_of(&tags, None) else { return Ok(None) };
    Ok(Some(live(aws, name, address, tags).await?))
}

async fn account(aws: &Aws) -> Result<String, CallError> {
    Ok(aws.identity().await?.account.clone())
}

/// Every bucket of the account.
async fn list(aws: &Aws) -> Result<Vec<sdk::Bucket>, CallError> {
    let pages = aws.s3.list_buckets().max_buckets(1000).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.map_err(failed("s3:ListAllMyBuckets"))?;
    Ok(pages.into_iter().flat_map(|page| page.buckets.unwrap_or_default()).collect())
}

/// What a closer look at a bucket showed.
pub(super) struct Look {
    pub(super) name: String,
    /// The desired address that has its name.
    pub(super) address: Option<Address>,
    pub(super) bucket: Result<Option<LiveResource>, CallError>,
    /// Its policy document.
    pub(super) policy: Result<Option<Value>, CallError>,
}

/// Looks at a bucket that may be the stack's. One that only has a name like the stack's is asked for its tags first.
async fn look(aws: &Aws, stack: &str, bucket: &sdk::Bucket, address: Option<&Address>) -> Look {
    let name = bucket.name().unwrap_or_default();
    let nothing =
        |bucket| Look { name: name.to_owned(), address: address.cloned(), bucket, policy: Ok(None) };
    if let Some(region) = bucket.bucket_region().filter(|region| *region != aws.region) {
        // Whatever it is, it is not what this stack would make here.
        return nothing(address.map_or(Ok(None), |_| Err(elsewhere(name, region, &aws.region))));
    }
    let is_candidate = match address {
        Some(_) => Ok(true),
        None => tags(aws, name).await.map(|tags| neap_core::live::is_marked(Kind::Bucket, &tags, stack)),
    };
    match is_candidate {
        Ok(true) => {
            let (bucket, policy) = tokio::join!(whole(aws, name, address), policy::get(aws, name));
            Look { policy, ..nothing(bucket) }
        }
        Ok(false) => nothing(Ok(None)),
        Err(error) if error.kind == ErrorKind::NotFound => nothing(Ok(None)),
        Err(error) => nothing(Err(error)),
    }
}

fn elsewhere(name: &str, region: &str, own: &str) -> CallError {
    let message =
        format!("the bucket `{name}` is in {region}, and the stack is in {own}; give it another `name`");
    refused(ErrorKind::Conflict, "s3:ListAllMyBuckets", message)
}

async fn whole(aws: &Aws, name: &str, address: Option<&Address>) -> Result<Option<LiveResource>, CallError> {
    let both = try_join!(tags(aws, name), facets(aws, name));
    let Some((tags, fields)) = if_there(both)? else { return Ok(None) };
    Ok(address_of(&tags, address).map(|address| assemble(aws, address, fields, tags)))
}

/// The bucket of this name, with all its facets.
pub(super) async fn live(
    aws: &Aws,
    name: &str,
    address: Address,
    tags: Tags,
) -> Result<LiveResource, CallError> {
    Ok(assemble(aws, address, facets(aws, name).await?, tags))
}

fn assemble(aws: &Aws, address: Address, fields: Bucket, tags: Tags) -> LiveResource {
    LiveResource {
        address,
        id: fields.name.clone(),
        outputs: outputs_of(aws, &fields),
        resource: fields.into(),
        tags,
        phase: Phase::Ready,
    }
}

/// All outputs of a bucket follow from its name.
pub(super) fn outputs_of(aws: &Aws, bucket: &Bucket) -> Outputs {
    neap_core::outputs::computed(&bucket.clone().into(), &aws.place())
}

/// The tags; none where there is no such facet.
pub(super) async fn tags(aws: &Aws, name: &str) -> Result<Tags, CallError> {
    let answer = aws.s3.get_bucket_tagging().bucket(name).send().await;
    let answer = if_facet(answer.map_err(failed("s3:GetBucketTagging")))?;
    Ok(answer.map(|answer| from_s3(answer.tag_set())).unwrap_or_default())
}

/// Asks for every facet at once.
async fn facets(aws: &Aws, name: &str) -> Result<Bucket, CallError> {
    let s3 = &aws.s3;
    let blocked = async {
        let answer = s3.get_public_access_block().bucket(name).send().await;
        let answer = if_facet(answer.map_err(failed("s3:GetBucketPublicAccessBlock")))?;
        Ok(blocks(answer.as_ref().and_then(|answer| answer.public_access_block_configuration())))
    };
    let owned = async {
        let answer = s3.get_bucket_ownership_controls().bucket(name).send().await;
        let answer = if_facet(answer.map_err(failed("s3:GetBucketOwnershipControls")))?;
        Ok(ownership(answer.as_ref().and_then(|answer| answer.ownership_controls())))
    };
    let encrypted = async {
        let answer = s3.get_bucket_encryption().bucket(name).send().await;
        let answer = if_facet(answer.map_err(failed("s3:GetEncryptionConfiguration")))?;
        Ok(encryption(answer.as_ref().and_then(|answer| answer.server_side_encryption_configuration())))
    };
    let versioned = async {
        let answer = s3.get_bucket_versioning().bucket(name).send().await;
        let answer = answer.map_err(failed("s3:GetBucketVersioning"))?;
        Ok(answer.status() == Some(&sdk::BucketVersioningStatus::Enabled))
    };
    let kept = async {
        let answer = s3.get_bucket_lifecycle_configuration().bucket(name).send().await;
        let answer = if_facet(answer.map_err(failed("s3:GetLifecycleConfiguration")))?;
        Ok(answer.map(|answer| answer.rules().iter().map(lifecycle).collect()).unwrap_or_default())
    };
    let shared = async {
        let answer = s3.get_bucket_cors().bucket(name).send().await;
        let answer = if_facet(answer.map_err(failed("s3:GetBucketCORS")))?;
        Ok(answer.map(|answer| answer.cors_rules().iter().map(cors).collect()).unwrap_or_default())
    };
    let (public_access_block, ownership, (encryption, kms_key), versioning, lifecycle, cors) =
        try_join!(blocked, owned, encrypted, versioned, kept, shared)?;
    Ok(Bucket {
        name: name.to_owned(),
        public_access_block,
        ownership,
        encryption,
        kms_key,
        versioning,
        lifecycle,
        cors,
    })
}

/// A facet that a bucket has not; without the bucket there is an error, not an absence.
pub(super) fn if_facet<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Err(error) if error.kind == ErrorKind::NotFound && error.code.as_deref() != Some("NoSuchBucket") => {
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

/// Whether a name is free, as a look at it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// Nobody has it.
    Free,
    /// This account has it, in this region.
    Own,
    /// Somebody else has it, or this account in another region.
    Taken,
}

/// Who has a name. S3 answers 403 for another account's bucket and 301 for one in another region: neither is ours to use.
pub(super) async fn who_has(aws: &Aws, name: &str) -> Result<Name, CallError> {
    const OPERATION: &str = "s3:ListBucket";
    let account = account(aws).await?;
    let answer = aws.s3.head_bucket().bucket(name).expected_bucket_owner(account).send().await;
    let Err(error) = answer else { return Ok(Name::Own) };
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    match status {
        Some(404) => Ok(Name::Free),
        Some(301 | 400 | 403) => Ok(Name::Taken),
        _ => Err(failed(OPERATION)(error)),
    }
}

/// The names of the stack's buckets that are not there, by `readings`, and that somebody else has; and the looks that failed.
pub(crate) async fn taken_names(
    aws: &Aws,
    desired: &Desired,
    account: &str,
    readings: &BTreeMap<Address, Reading>,
) -> (BTreeSet<String>, Vec<CallError>) {
    let absent = |address: &Address| matches!(readings.get(address), Some(Reading::Absent));
    let buckets = declared::<Bucket>(desired).filter(|(address, _)| absent(address));
    let names = buckets.map(|(_, bucket)| desired.name_in(&Resource::Bucket(bucket.clone()), account));
    let looks = names.map(|name| async move { who_has(aws, &name).await.map(|whose| (name, whose)) });
    let (mut taken, mut errors) = (BTreeSet::new(), Vec::new());
    for look in join_all(looks).await {
        match look {
            Ok((name, Name::Taken)) => drop(taken.insert(name)),
            Ok((_, Name::Free | Name::Own)) => {}
            Err(error) => errors.push(error),
        }
    }
    (taken, errors)
}

/// The failure of a create whose name somebody else has.
pub(super) fn taken(name: &str) -> CallError {
    let message = format!(
        "the bucket name `{name}` is taken, by another account or in another region; names are unique in all of S3, so give \
         the bucket another `name`"
    );
    let code = Some("BucketAlreadyExists".to_owned());
    CallError { code, ..refused(ErrorKind::Conflict, "s3:CreateBucket", message) }
}

/// A document that S3 keeps as text.
pub(super) fn document(operation: &'static str, text: &str) -> Result<Value, CallError> {
    serde_json::from_str(text).map_err(|_| incomplete(operation, "Policy"))
}
