//! The table of a name in DNS.
//!
//! Decides its keys. Must not know defaults that depend on other tables (see `lower`).

use schemars::JsonSchema;
use serde::Deserialize;

/// A name that leads to a distribution or a load balancer of the stack: an alias record in Route 53.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainTable {
    /// The name, such as `app.example.com`.
    pub name: String,
    /// The address of what it leads to: `cloudfront.site` or `alb.public`.
    pub target: String,
    /// The Route 53 hosted zone: its name or id. By default the account's public zone that fits the name best; a
    /// private one is named by its id.
    pub zone: Option<String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}
