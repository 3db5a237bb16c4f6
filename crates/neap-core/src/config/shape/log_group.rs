//! The table of a log group.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A CloudWatch log group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogGroupTable {
    /// The group's name instead of `/neap/<stack>/<name>`.
    pub name: Option<String>,
    /// Days for which events are kept, or `never-expire`.
    #[serde(default)]
    pub retention: Retention,
    /// How events are stored: infrequent access costs half and cannot be tailed.
    #[serde(default)]
    pub class: LogClass,
    /// The ARN of a KMS key.
    pub kms_key: Option<String>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// How long events are kept.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Retention {
    /// Days, of those that CloudWatch Logs offers.
    Days(#[schemars(extend("enum" = crate::kinds::RETENTION_DAYS))] u32),
    /// For ever.
    Forever(Forever),
}

impl Default for Retention {
    fn default() -> Self {
        Self::Days(14)
    }
}

/// The word for keeping events for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Forever {
    /// Events are never deleted.
    #[serde(rename = "never-expire")]
    NeverExpire,
}

/// How events are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LogClass {
    /// The full set of features.
    #[default]
    Standard,
    /// Half the price, fewer features.
    InfrequentAccess,
}
