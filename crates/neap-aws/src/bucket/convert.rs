//! A bucket's facets as S3 tells and takes them.
//!
//! Decides what a facet that is not there means, and how rules look that a stack file cannot ask for.

use std::collections::BTreeSet;

use aws_sdk_s3::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use neap_core::kinds::{Bucket, CorsRule, LifecycleRule};

/// How a bucket has its access lists where nothing is said: as all had them before 2023.
pub(super) const LISTED: &str = "ObjectWriter";
/// How objects are encrypted where nothing is said.
pub(super) const OWN_KEYS: &str = "AES256";

fn number(number: Option<i32>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

fn days(days: Option<u32>) -> Option<i32> {
    days.and_then(|days| i32::try_from(days).ok())
}

/// The blocks that are on.
pub(super) fn blocks(config: Option<&sdk::PublicAccessBlockConfiguration>) -> BTreeSet<String> {
    let Some(config) = config else { return BTreeSet::new() };
    let all = [
        ("BlockPublicAcls", config.block_public_acls()),
        ("BlockPublicPolicy", config.block_public_policy()),
        ("IgnorePublicAcls", config.ignore_public_acls()),
        ("RestrictPublicBuckets", config.restrict_public_buckets()),
    ];
    all.into_iter().filter(|(_, on)| *on == Some(true)).map(|(name, _)| name.to_owned()).collect()
}

pub(super) fn to_blocks(blocks: &BTreeSet<String>) -> sdk::PublicAccessBlockConfiguration {
    let on = |name: &str| blocks.contains(name);
    sdk::PublicAccessBlockConfiguration::builder()
        .block_public_acls(on("BlockPublicAcls"))
        .block_public_policy(on("BlockPublicPolicy"))
        .ignore_public_acls(on("IgnorePublicAcls"))
        .restrict_public_buckets(on("RestrictPublicBuckets"))
        .build()
}

pub(super) fn ownership(controls: Option<&sdk::OwnershipControls>) -> String {
    let rule = controls.and_then(|controls| controls.rules().first());
    rule.map_or(LISTED, |rule| rule.object_ownership().as_str()).to_owned()
}

pub(super) fn to_ownership(ownership: &str) -> Result<sdk::OwnershipControls, BuildError> {
    let rule = sdk::OwnershipControlsRule::builder().object_ownership(ownership.into()).build()?;
    sdk::OwnershipControls::builder().rules(rule).build()
}

/// The algorithm and the key.
pub(super) fn encryption(
    config: Option<&sdk::ServerSideEncryptionConfiguration>,
) -> (String, Option<String>) {
    let rule = config.and_then(|config| config.rules().first());
    let told = rule.and_then(|rule| rule.apply_server_side_encryption_by_default());
    let algorithm = told.map_or(OWN_KEYS, |told| told.sse_algorithm().as_str());
    let key = told.and_then(|told| told.kms_master_key_id()).map(ToOwned::to_owned);
    (algorithm.to_owned(), key)
}

pub(super) fn to_encryption(bucket: &Bucket) -> Result<sdk::ServerSideEncryptionConfiguration, BuildError> {
    let by_default = sdk::ServerSideEncryptionByDefault::builder()
        .sse_algorithm(bucket.encryption.as_str().into())
        .set_kms_master_key_id(bucket.kms_key.clone())
        .build()?;
    // Without a key for the bucket KMS is asked, and paid, for each object.
    let keyed = bucket.encryption != OWN_KEYS;
    let rule = sdk::ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by_default)
        .bucket_key_enabled(keyed)
        .build();
    sdk::ServerSideEncryptionConfiguration::builder().rules(rule).build()
}

/// A rule with what it does besides what a stack file can say.
pub(super) fn lifecycle(rule: &sdk::LifecycleRule) -> LifecycleRule {
    let filter = rule.filter();
    let and = filter.and_then(sdk::LifecycleRuleFilter::and);
    #[expect(deprecated, reason = "rules from long ago have their prefix here")]
    let old = rule.prefix();
    let prefix =
        filter.and_then(|filter| filter.prefix()).or_else(|| and.and_then(|and| and.prefix())).or(old);
    let expiration = rule.expiration();
    let noncurrent = rule.noncurrent_version_expiration();
    let by_tag =
        filter.is_some_and(|filter| filter.tag().is_some()) || and.is_some_and(|and| !and.tags().is_empty());
    let by_size = |filter: &sdk::LifecycleRuleFilter| {
        filter.object_size_greater_than().is_some() || filter.object_size_less_than().is_some()
    };
    let by_size = filter.is_some_and(by_size)
        || and.is_some_and(|and| and.object_size_greater_than().or(and.object_size_less_than()).is_some());
    let more = [
        ("Tag", by_tag),
        ("ObjectSize", by_size),
        ("Transition", !rule.transitions().is_empty()),
        ("NoncurrentVersionTransition", !rule.noncurrent_version_transitions().is_empty()),
        ("Date", expiration.is_some_and(|it| it.date().is_some())),
        (
            "ExpiredObjectDeleteMarker",
            expiration.and_then(|it| it.expired_object_delete_marker()) == Some(true),
        ),
        ("NewerNoncurrentVersions", noncurrent.is_some_and(|it| it.newer_noncurrent_versions().is_some())),
    ];
    LifecycleRule {
        id: rule.id().unwrap_or_default().to_owned(),
        prefix: prefix.unwrap_or_default().to_owned(),
        enabled: *rule.status() == sdk::ExpirationStatus::Enabled,
        expire_days: number(expiration.and_then(sdk::LifecycleExpiration::days)).filter(|days| *days > 0),
        expire_old_versions_days: number(noncurrent.and_then(|it| it.noncurrent_days())),
        abort_uploads_days: number(
            rule.abort_incomplete_multipart_upload().and_then(|it| it.days_after_initiation()),
        ),
        more: more.into_iter().filter(|(_, has)| *has).map(|(name, _)| name.to_owned()).collect(),
    }
}

pub(super) fn to_lifecycle(rules: &[LifecycleRule]) -> Result<sdk::BucketLifecycleConfiguration, BuildError> {
    let rule = |rule: &LifecycleRule| {
        let expiration =
            days(rule.expire_days).map(|days| sdk::LifecycleExpiration::builder().days(days).build());
        let noncurrent = days(rule.expire_old_versions_days)
            .map(|days| sdk::NoncurrentVersionExpiration::builder().noncurrent_days(days).build());
        let abort = days(rule.abort_uploads_days)
            .map(|days| sdk::AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build());
        let status =
            if rule.enabled { sdk::ExpirationStatus::Enabled } else { sdk::ExpirationStatus::Disabled };
        sdk::LifecycleRule::builder()
            .id(&rule.id)
            .filter(sdk::LifecycleRuleFilter::builder().prefix(&rule.prefix).build())
            .status(status)
            .set_expiration(expiration)
            .set_noncurrent_version_expiration(noncurrent)
            .set_abort_incomplete_multipart_upload(abort)
            .build()
    };
    let rules = rules.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    sdk::BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build()
}

pub(super) fn cors(rule: &sdk::CorsRule) -> CorsRule {
    let set = |items: &[String]| items.iter().cloned().collect();
    CorsRule {
        origins: set(rule.allowed_origins()),
        methods: set(rule.allowed_methods()),
        headers: set(rule.allowed_headers()),
        expose: set(rule.expose_headers()),
        max_age: number(rule.max_age_seconds()),
    }
}

pub(super) fn to_cors(rules: &[CorsRule]) -> Result<sdk::CorsConfiguration, BuildError> {
    let list = |items: &BTreeSet<String>| {
        Some(items.iter().cloned().collect()).filter(|list: &Vec<_>| !list.is_empty())
    };
    let rule = |rule: &CorsRule| {
        sdk::CorsRule::builder()
            .set_allowed_origins(list(&rule.origins))
            .set_allowed_methods(list(&rule.methods))
            .set_allowed_headers(list(&rule.headers))
            .set_expose_headers(list(&rule.expose))
            .set_max_age_seconds(days(rule.max_age))
            .build()
    };
    let rules = rules.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    sdk::CorsConfiguration::builder().set_cors_rules(Some(rules)).build()
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::{KindOf, PUBLIC_ACCESS_BLOCKS};

    use super::*;

    #[test]
    fn a_bucket_reads_back_as_it_was_asked_for() {
        let bucket = Bucket::example();
        assert_eq!(blocks(Some(&to_blocks(&bucket.public_access_block))), bucket.public_access_block);
        let controls = to_ownership(&bucket.ownership).expect("complete");
        assert_eq!(ownership(Some(&controls)), bucket.ownership);
        let config = to_encryption(&bucket).expect("complete");
        assert_eq!(encryption(Some(&config)), (bucket.encryption.clone(), bucket.kms_key.clone()));
        let config = to_lifecycle(&bucket.lifecycle).expect("complete");
        assert_eq!(config.rules().iter().map(lifecycle).collect::<Vec<_>>(), bucket.lifecycle);
        let config = to_cors(&bucket.cors).expect("complete");
        assert_eq!(config.cors_rules().iter().map(cors).collect::<Vec<_>>(), bucket.cors);
    }

    #[test]
    fn what_is_not_there_is_as_it_was_before_there_was_such_a_thing() {
        assert_eq!(blocks(None), BTreeSet::new());
        assert_eq!(ownership(None), LISTED);
        assert_eq!(encryption(None), (OWN_KEYS.to_owned(), None));
    }

    #[test]
    fn a_block_that_is_off_is_seen() {
        let mut some: BTreeSet<String> = PUBLIC_ACCESS_BLOCKS.map(str::to_owned).into();
        some.remove("BlockPublicPolicy");
        assert_eq!(blocks(Some(&to_blocks(&some))), some);
    }

    #[test]
    fn what_a_rule_does_besides_is_a_difference() {
        let days = sdk::LifecycleExpiration::builder().days(3).build();
        let rule = sdk::LifecycleRule::builder()
            .id("x")
            .status(sdk::ExpirationStatus::Enabled)
            .filter(sdk::LifecycleRuleFilter::builder().prefix("a/").object_size_greater_than(1).build())
            .expiration(days)
            .transitions(sdk::Transition::builder().days(1).build())
            .build()
            .expect("complete");
        let read = lifecycle(&rule);
        assert_eq!((read.prefix.as_str(), read.expire_days), ("a/", Some(3)));
        assert_eq!(read.more, ["ObjectSize".to_owned(), "Transition".to_owned()].into());
    }
}
