//! An ECR repository: its settings, lifecycle policy and encryption.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// An ECR repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ecr {
    /// The repository's name, 2 to 256 characters.
    pub name: String,
    /// Whether a pushed tag stays (`IMMUTABLE`) or may move (`MUTABLE`).
    pub tag_mutability: String,
    /// Whether each pushed image is scanned.
    pub scan_on_push: bool,
    /// The lifecycle policy document; null where there is none.
    pub lifecycle_policy: Value,
    /// `AES256` or `KMS`.
    pub encryption: String,
    /// The KMS key, where the encryption is `KMS` and the key is not AWS's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

impl Ecr {
    /// The lifecycle policy that keeps the last `count` images, as ECR stores it.
    pub fn keep_images(count: u32) -> Value {
        json!({ "rules": [{
            "rulePriority": 1,
            "description": format!("keep the last {count} images"),
            "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count },
            "action": { "type": "expire" },
        }] })
    }
}

impl KindOf for Ecr {
    const KIND: Kind = Kind::Ecr;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "encryption", "kms_key"],
        ignore_unset: &["kms_key"],
        unordered: &["lifecycle_policy.rules"],
        documents: &["lifecycle_policy"],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "course-api".into(),
            tag_mutability: "MUTABLE".into(),
            scan_on_push: true,
            lifecycle_policy: Self::keep_images(5),
            encryption: "KMS".into(),
            kms_key: Some("arn:aws:kms:eu-west-1:123456789012:key/1".into()),
        }
    }
}
