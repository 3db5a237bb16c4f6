//! An IAM role with its trust, managed and inline policies.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// An IAM role.
///
/// Policy documents stand in the canonical form of [`crate::policy::normalise`], on both sides of a diff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// The role's name, at most 64 characters, unique in the account whatever its case.
    pub name: String,
    /// The path, `/neap/<stack>/`: it shows whose role it is, since listings omit tags.
    pub path: String,
    /// What the role is for.
    pub description: String,
    /// Who may assume the role.
    pub trust: Value,
    /// ARNs of the attached managed policies.
    pub managed_policies: BTreeSet<String>,
    /// Inline policy documents by name.
    pub inline_policies: BTreeMap<String, Value>,
    /// The longest session, 3600 to 43200 seconds.
    pub max_session_seconds: u32,
}

impl KindOf for Role {
    const KIND: Kind = Kind::Role;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "path"],
        ignore_unset: &[],
        unordered: &["managed_policies"],
        documents: &["trust", "inline_policies"],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        let statement = |action: &str| json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": [action], "Resource": ["*"] }] });
        Self {
            name: "course-api-task".into(),
            path: "/neap/course/".into(),
            description: "tasks of task.api".into(),
            trust: statement("sts:AssumeRole"),
            managed_policies: ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".into()].into(),
            inline_policies: [("neap".into(), statement("s3:GetObject"))].into(),
            max_session_seconds: 3600,
        }
    }
}
