//! An IAM instance profile: what hands a role to EC2 instances (reference section 3.11).

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// An instance profile with its role. AWS links the two in a call of its own, so a profile can be without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// The profile's name, at most 128 characters, unique in the account.
    pub name: String,
    /// The path, `/neap/<stack>/`.
    pub path: String,
    /// The role's ARN; AWS takes one role for a profile.
    pub role: Option<String>,
}

impl KindOf for InstanceProfile {
    const KIND: Kind = Kind::InstanceProfile;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "path"],
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
            name: "course-cluster-main".into(),
            path: "/neap/course/".into(),
            role: Some("arn:aws:iam::123456789012:role/neap/course/course-cluster-main".into()),
        }
    }
}
