//! The tables of a role and of what it allows.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::OneOrMany;

/// A statement of a policy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Whether the actions are allowed or denied.
    #[serde(default)]
    pub effect: Effect,
    /// Actions, such as `s3:GetObject`.
    #[schemars(length(min = 1))]
    pub actions: Vec<String>,
    /// ARNs of the resources.
    #[schemars(length(min = 1))]
    pub resources: Vec<String>,
    /// Conditions, as in the policy language: operator, key, values.
    #[serde(default)]
    pub condition: BTreeMap<String, BTreeMap<String, OneOrMany<String>>>,
}

/// Whether actions are allowed or denied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Effect {
    /// Allowed.
    #[default]
    Allow,
    /// Denied, whatever else allows it.
    Deny,
}

/// An IAM role.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleTable {
    /// The role's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// The AWS service that may assume the role; `ecs-tasks.amazonaws.com` by default.
    pub service: Option<String>,
    /// What the role is for.
    #[serde(default)]
    pub description: String,
    /// ARNs of managed policies, or the names of AWS's own.
    #[serde(default)]
    pub managed_policies: Vec<String>,
    /// Statements of an inline policy.
    #[serde(default)]
    pub statement: Vec<Statement>,
    /// The longest session in seconds.
    #[serde(default = "hour")]
    #[schemars(range(min = 3600, max = 43_200))]
    pub max_session: u32,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

const fn hour() -> u32 {
    3600
}
