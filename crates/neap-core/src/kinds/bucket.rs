//! An S3 bucket: who may see it, what it keeps and for how long.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// The four ways in which S3 keeps the public out, as its API names them; a new bucket has them all.
pub const PUBLIC_ACCESS_BLOCKS: [&str; 4] =
    ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];

/// After how many days S3 removes what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleRule {
    /// The rule's name.
    pub id: String,
    /// What keys begin with; empty for all.
    pub prefix: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// Days after which an object goes.
    pub expire_days: Option<u32>,
    /// Days after which a version goes that is no longer the newest.
    pub expire_old_versions_days: Option<u32>,
    /// Days after which an upload goes that nobody finished.
    pub abort_uploads_days: Option<u32>,
    /// What the rule does besides, in S3's words, where somebody else added it; a rule of a stack does no more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub more: BTreeSet<String>,
}

/// What pages from elsewhere may ask of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsRule {
    /// Where those pages come from.
    pub origins: BTreeSet<String>,
    /// The methods that they may use.
    pub methods: BTreeSet<String>,
    /// The headers that they may send.
    pub headers: BTreeSet<String>,
    /// The headers of answers that they may see.
    pub expose: BTreeSet<String>,
    /// Seconds for which browsers remember the answer.
    pub max_age: Option<u32>,
}

/// An S3 bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The bucket's name, 3 to 63 characters, unique among the buckets of all accounts.
    pub name: String,
    /// How the public is kept out: some of [`PUBLIC_ACCESS_BLOCKS`].
    pub public_access_block: BTreeSet<String>,
    /// `BucketOwnerEnforced` unless access lists count.
    pub ownership: String,
    /// `AES256` or `aws:kms`.
    pub encryption: String,
    /// The KMS key, where the encryption is `aws:kms` and the key is not AWS's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Whether old versions of objects are kept. S3 can only suspend it once it was on, which is the same as off for what
    /// comes after.
    pub versioning: bool,
    /// What is removed by itself.
    pub lifecycle: Vec<LifecycleRule>,
    /// What pages from elsewhere may ask.
    pub cors: Vec<CorsRule>,
}

impl KindOf for Bucket {
    const KIND: Kind = Kind::Bucket;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name"],
        // Without a key S3 shows none: AWS's own is not named (hashicorp/terraform#32495).
        ignore_unset: &[],
        unordered: &["lifecycle"],
        documents: &["lifecycle", "cors"],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        let set = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Self {
            name: "course-web-123456789012".into(),
            public_access_block: set(&PUBLIC_ACCESS_BLOCKS),
            ownership: "BucketOwnerEnforced".into(),
            encryption: "aws:kms".into(),
            kms_key: Some("arn:aws:kms:eu-west-1:123456789012:key/1".into()),
            versioning: true,
            lifecycle: vec![LifecycleRule {
                id: "old".into(),
                prefix: "logs/".into(),
                enabled: true,
                expire_days: Some(30),
                expire_old_versions_days: Some(7),
                abort_uploads_days: Some(1),
                more: BTreeSet::new(),
            }],
            cors: vec![CorsRule {
                origins: set(&["https://example.com"]),
                methods: set(&["GET", "HEAD"]),
                headers: set(&["*"]),
                expose: set(&["ETag"]),
                max_age: Some(600),
            }],
        }
    }
}
