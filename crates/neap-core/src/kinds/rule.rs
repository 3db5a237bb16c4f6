//! A rule of a listener: which requests it takes and what it does with them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Action, FieldPolicy, KindOf};
use crate::address::Kind;

/// A query parameter that a request must have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueryMatch {
    /// The parameter's name; null matches the value of any.
    pub key: Option<String>,
    /// The value, with `*` and `?` as wildcards.
    pub value: String,
}

/// What a request must look like. All that are given must hold; within one, any value will do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Paths, with `*` and `?` as wildcards.
    pub path: BTreeSet<String>,
    /// Host names, lower case, with wildcards.
    pub host: BTreeSet<String>,
    /// Values by header name.
    pub headers: BTreeMap<String, BTreeSet<String>>,
    /// Request methods.
    pub methods: BTreeSet<String>,
    /// Query parameters.
    pub query: BTreeSet<QueryMatch>,
    /// CIDRs of the client.
    pub source_ips: BTreeSet<String>,
}

/// A rule of a listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The listener's ARN.
    pub listener: String,
    /// The rule's place among the listener's rules, 1 to 50000: it is the rule's identity.
    pub priority: u32,
    /// Which requests the rule takes.
    pub conditions: Conditions,
    /// What it does with them.
    pub action: Action,
}

impl KindOf for Rule {
    const KIND: Kind = Kind::Rule;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["listener", "priority"],
        ignore_unset: &[],
        unordered: &["action.target_groups", "conditions.query"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        ""
    }

    fn example() -> Self {
        Self {
            listener: "arn:listener".into(),
            priority: 10,
            conditions: Conditions {
                path: ["/api/*".into()].into(),
                host: ["example.com".into()].into(),
                headers: [("X-Version".into(), ["2".into()].into())].into(),
                methods: ["GET".into()].into(),
                query: [QueryMatch { key: Some("v".into()), value: "2".into() }].into(),
                source_ips: ["10.0.0.0/8".into()].into(),
            },
            action: Action::Forward {
                target_groups: vec![super::WeightedGroup { target_group: "arn:tg".into(), weight: 1 }],
                stickiness_seconds: None,
            },
        }
    }
}
