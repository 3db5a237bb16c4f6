//! The shape of `[bucket.NAME]`.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// An S3 bucket, closed to the public.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BucketTable {
    /// The bucket's name instead of `<stack>-<name>-<account>`; no other account may have a bucket of that name.
    pub name: Option<String>,
    /// A folder beside the stack file whose files are in the bucket: on each apply what has changed is uploaded, and what is gone
    /// is removed. Names that begin with a dot are left out, apart from `.well-known`.
    pub files: Option<String>,
    /// For how long browsers and distributions keep files, as their `Cache-Control` header says it, by patterns of their paths:
    /// `*` stands for anything and `?` for one character, and the first pattern that fits counts.
    #[serde(default)]
    pub cache_control: IndexMap<String, String>,
    /// The `Content-Type` of files whose names do not say it, by patterns of their paths, the first that fits.
    #[serde(default)]
    pub content_type: IndexMap<String, String>,
    /// Whether old versions of objects are kept.
    #[serde(default)]
    pub versioning: bool,
    /// How objects are encrypted.
    #[serde(default)]
    pub encryption: BucketEncryption,
    /// The ARN of the KMS key, with `encryption = "KMS"`; without it AWS's own key.
    pub kms_key: Option<String>,
    /// What is removed by itself, and after how many days.
    #[serde(default)]
    pub lifecycle: Vec<LifecycleTable>,
    /// What pages from elsewhere may ask of the bucket.
    #[serde(default)]
    pub cors: Vec<CorsTable>,
    /// Whether bucket and objects stay when the stack goes, or when this table does. Without it a destroy deletes all that is in the
    /// bucket, and an apply that would delete or replace it while it holds what neap has not uploaded is refused.
    #[serde(default)]
    pub keep: bool,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// How S3 encrypts objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum BucketEncryption {
    /// With keys that S3 manages.
    #[default]
    #[serde(rename = "AES256")]
    Aes256,
    /// With a KMS key.
    #[serde(rename = "KMS")]
    Kms,
}

/// What is removed by itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LifecycleTable {
    /// What keys begin with; all by default.
    #[serde(default)]
    pub prefix: String,
    /// Days after which an object goes.
    #[schemars(range(min = 1, max = 36500))]
    pub expire_days: Option<u32>,
    /// Days after which a version goes that is no longer the newest.
    #[schemars(range(min = 1, max = 36500))]
    pub expire_old_versions_days: Option<u32>,
    /// Days after which an upload goes that nobody finished.
    #[schemars(range(min = 1, max = 36500))]
    pub abort_uploads_days: Option<u32>,
}

/// What pages from elsewhere may ask.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorsTable {
    /// Where those pages come from, such as `https://example.com`.
    #[schemars(length(min = 1))]
    pub origins: Vec<String>,
    /// The methods that they may use.
    #[serde(default = "reading")]
    #[schemars(length(min = 1))]
    pub methods: Vec<CorsMethod>,
    /// The headers that they may send.
    #[serde(default)]
    pub headers: Vec<String>,
    /// The headers of answers that they may see.
    #[serde(default)]
    pub expose: Vec<String>,
    /// Seconds for which browsers remember the answer.
    pub max_age: Option<u32>,
}

/// A method that pages from elsewhere may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CorsMethod {
    /// Read.
    Get,
    /// Read the headers alone.
    Head,
    /// Write.
    Put,
    /// Write from a form.
    Post,
    /// Delete.
    Delete,
}

fn reading() -> Vec<CorsMethod> {
    vec![CorsMethod::Get, CorsMethod::Head]
}
