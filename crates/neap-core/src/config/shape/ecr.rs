//! The table of an ECR repository.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// An ECR repository.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EcrTable {
    /// The repository's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// How many images the lifecycle policy keeps; without it all stay.
    #[schemars(range(min = 1, max = 1000))]
    pub keep_images: Option<u32>,
    /// Whether a pushed tag may be pushed again.
    #[serde(default)]
    pub tag_mutability: TagMutability,
    /// Whether each pushed image is scanned for known flaws.
    #[serde(default)]
    pub scan_on_push: bool,
    /// How images are encrypted.
    #[serde(default)]
    pub encryption: EcrEncryption,
    /// The ARN of the KMS key, with `encryption = "KMS"`; without it AWS's own key.
    pub kms_key: Option<String>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// Whether a pushed tag may be pushed again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TagMutability {
    /// A tag may move to another image.
    #[default]
    Mutable,
    /// A tag stays with its image.
    Immutable,
}

/// How ECR encrypts images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum EcrEncryption {
    /// With keys that ECR manages.
    #[default]
    #[serde(rename = "AES256")]
    Aes256,
    /// With a KMS key.
    #[serde(rename = "KMS")]
    Kms,
}
