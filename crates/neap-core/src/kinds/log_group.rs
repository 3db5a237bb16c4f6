//! A CloudWatch Logs log group.

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// The days for which CloudWatch Logs can keep events (reference section 3.9).
pub const RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// A CloudWatch Logs log group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    /// The group's name, at most 512 characters.
    pub name: String,
    /// Days after which events are deleted; null keeps them for ever.
    pub retention_days: Option<u32>,
    /// `STANDARD` or `INFREQUENT_ACCESS`.
    pub class: String,
    /// The KMS key that encrypts the group; null for AWS's own.
    pub kms_key: Option<String>,
}

impl KindOf for LogGroup {
    const KIND: Kind = Kind::LogGroup;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "class"],
        ignore_unset: &[],
        unordered: &[],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "/neap/course/api".into(),
            retention_days: Some(14),
            class: "STANDARD".into(),
            kms_key: Some("arn:aws:kms:eu-west-1:123456789012:key/1".into()),
        }
    }
}
