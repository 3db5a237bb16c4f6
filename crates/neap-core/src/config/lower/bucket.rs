//! Buckets, and the policies that let distributions read them.
//!
//! Decides their defaults: closed to everybody but the distributions that have one for an origin. Must not know what is in
//! a bucket.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Common, Lowering};
use super::place::Place;
use crate::address::{Address, Kind};
use crate::config::shape::{BucketEncryption, BucketTable, CorsMethod, CorsTable, LifecycleTable};
use crate::desired::{TAG_FILES, TAG_KEEP};
use crate::kinds::{Bucket, BucketPolicy, CorsRule, LifecycleRule, PUBLIC_ACCESS_BLOCKS, Resource};
use crate::naming;
use crate::reference;

/// Lowers every bucket.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.bucket {
        bucket(lowering, name, table);
    }
}

fn bucket(lowering: &mut Lowering<'_>, name: &str, table: &BucketTable) {
    let (place, address) = lowering.begin(Kind::Bucket, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    if table.kms_key.is_some() && table.encryption != BucketEncryption::Kms {
        lowering
            .report(&place.at("kms_key"), "a key without `encryption = \"KMS\"`")
            .help("set `encryption = \"KMS\"`, or leave the key out");
    }
    let bucket = Bucket {
        name: bucket_name(lowering, &place, name, common.name),
        public_access_block: PUBLIC_ACCESS_BLOCKS.map(str::to_owned).into(),
        ownership: "BucketOwnerEnforced".to_owned(),
        encryption: match table.encryption {
            BucketEncryption::Aes256 => "AES256",
            BucketEncryption::Kms => "aws:kms",
        }
        .to_owned(),
        kms_key: lowering.kms_key(&place, table.kms_key.as_deref()),
        versioning: table.versioning,
        lifecycle: lifecycle(lowering, &place.at("lifecycle"), table),
        cors: cors(lowering, &place.at("cors"), &table.cors),
    };
    lowering.declare(address.clone(), &place, &common, bucket);
    if let Some(desired) = lowering.resources.get_mut(&address) {
        let marks = [(TAG_KEEP, table.keep), (TAG_FILES, table.files.is_some())];
        let marks = marks.into_iter().filter(|(_, holds)| *holds);
        desired.tags.extend(marks.map(|(key, _)| (key.to_owned(), "true".to_owned())));
    }
}

/// The account in a name is not known yet, so such a name is checked with another one in its place.
fn bucket_name(lowering: &mut Lowering<'_>, place: &Place, name: &str, chosen: Option<&str>) -> String {
    if chosen.is_some() {
        return lowering.plain_name(Kind::Bucket, place, name, chosen);
    }
    let made = naming::bucket(lowering.stack, name);
    let told = made.replace("${aws.account}", "<account>");
    if let Some(refusal) = naming::refusal(Kind::Bucket, &made.replace("${aws.account}", "000000000000")) {
        lowering
            .report(place, format!("its name would be `{told}`, which {refusal}"))
            .on_key()
            .help("rename it, or give it a `name` of its own");
    }
    made
}

fn lifecycle(lowering: &mut Lowering<'_>, place: &Place, bucket: &BucketTable) -> Vec<LifecycleRule> {
    let mut rules = Vec::with_capacity(bucket.lifecycle.len() + 1);
    for (index, table) in bucket.lifecycle.iter().enumerate() {
        let place = place.item(index);
        let LifecycleTable { prefix, expire_days, expire_old_versions_days, abort_uploads_days } = table;
        if [expire_days, expire_old_versions_days, abort_uploads_days].iter().all(|days| days.is_none()) {
            lowering
                .report(&place, "the rule removes nothing")
                .help("give it `expire_days`, `expire_old_versions_days` or `abort_uploads_days`");
        }
        lowering.plain(&place.at("prefix"), prefix);
        rules.push(LifecycleRule {
            id: format!("neap-{}", index + 1),
            prefix: prefix.clone(),
            enabled: true,
            expire_days: *expire_days,
            expire_old_versions_days: *expire_old_versions_days,
            abort_uploads_days: *abort_uploads_days,
            more: BTreeSet::new(),
        });
    }
    let ends_uploads = |rule: &LifecycleRule| rule.prefix.is_empty() && rule.abort_uploads_days.is_some();
    if bucket.files.is_some() && !rules.iter().any(ends_uploads) {
        rules.push(unfinished_uploads());
    }
    rules
}

/// Ends what a run that was killed has begun to upload in parts: nothing lists it, and it bills. S3 does so by itself, so no run
/// has to look for it.
fn unfinished_uploads() -> LifecycleRule {
    LifecycleRule {
        id: "neap-uploads".to_owned(),
        prefix: String::new(),
        enabled: true,
        expire_days: None,
        expire_old_versions_days: None,
        abort_uploads_days: Some(1),
        more: BTreeSet::new(),
    }
}

fn cors(lowering: &mut Lowering<'_>, place: &Place, tables: &[CorsTable]) -> Vec<CorsRule> {
    let mut rules = Vec::with_capacity(tables.len());
    for (index, table) in tables.iter().enumerate() {
        let place = place.item(index);
        for (key, texts) in [("origins", &table.origins), ("headers", &table.headers)] {
            check_stars(lowering, &place.at(key), texts);
        }
        let mut set =
            |key: &str, texts: &[String]| lowering.list(&place.at(key), texts).into_iter().collect();
        let method = |method: &CorsMethod| match method {
            CorsMethod::Get => "GET".to_owned(),
            CorsMethod::Head => "HEAD".to_owned(),
            CorsMethod::Put => "PUT".to_owned(),
            CorsMethod::Post => "POST".to_owned(),
            CorsMethod::Delete => "DELETE".to_owned(),
        };
        rules.push(CorsRule {
            origins: set("origins", &table.origins),
            methods: table.methods.iter().map(method).collect(),
            headers: set("headers", &table.headers),
            expose: set("expose", &table.expose),
            max_age: table.max_age,
        });
    }
    rules
}

/// S3 takes one `*` in an origin or a header ("Elements of a CORS configuration").
fn check_stars(lowering: &mut Lowering<'_>, place: &Place, texts: &[String]) {
    for (index, text) in texts.iter().enumerate().filter(|(_, text)| text.matches('*').count() > 1) {
        lowering
            .report(&place.item(index), format!("`{text}` has more than one `*`"))
            .help("S3 takes one, which stands for anything");
    }
}

/// The distributions that have a bucket for an origin, by bucket.
pub(super) fn readers(lowering: &Lowering<'_>) -> BTreeMap<Address, Vec<Address>> {
    let mut readers: BTreeMap<Address, Vec<Address>> = BTreeMap::new();
    for (site, desired) in &lowering.resources {
        let Resource::Cloudfront(distribution) = &desired.resource else { continue };
        let buckets = distribution.origins.iter().filter(|(_, origin)| origin.access_control.is_some());
        for bucket in buckets.filter_map(|(id, _)| id.parse().ok()) {
            readers.entry(bucket).or_default().push(site.clone());
        }
    }
    readers
}

/// Lets each bucket be read by the distributions that have it for an origin, and by nobody else.
pub(super) fn imply_policies(lowering: &mut Lowering<'_>) {
    for (bucket, sites) in readers(lowering) {
        let address = Address::new(Kind::BucketPolicy, bucket.name());
        let arns: Vec<String> = sites.iter().map(|site| reference::output(site, "arn")).collect();
        let id = naming::policy_id(lowering.stack, &address);
        let policy = BucketPolicy {
            bucket: reference::output(&bucket, "name"),
            policy: BucketPolicy::readable_by(&id, &reference::output(&bucket, "arn"), &arns),
        };
        let sites = sites.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        check_key(lowering, &bucket, &sites);
        lowering.imply(address, &bucket, format!("lets {sites} alone read it"), policy);
    }
}

/// A key's policy must let CloudFront use it ("Restrict access to an Amazon S3 origin", SSE-KMS), and nobody can change that of the
/// key which AWS keeps for S3.
fn check_key(lowering: &mut Lowering<'_>, bucket: &Address, sites: &str) {
    let Some(table) = lowering.file.bucket.get(bucket.name()) else { return };
    if table.encryption == BucketEncryption::Kms && table.kms_key.is_none() {
        let place = Place::of(Kind::Bucket.as_str(), bucket.name()).at("encryption");
        lowering
            .report(&place, format!("`{sites}` could read nothing: AWS's own key for S3 lets no CloudFront use it"))
            .help("name a `kms_key` whose policy lets `cloudfront.amazonaws.com` decrypt, or leave `encryption` out");
    }
}
