//! The tables of listeners and their rules.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{HttpProtocol, OneOrMany};

/// A listener of a load balancer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerTable {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The protocol: HTTPS where there is a certificate, otherwise HTTP.
    pub protocol: Option<HttpProtocol>,
    /// The certificate, for HTTPS: the name of a `[certificate.NAME]`, or the ARN of one of the stack's region and account.
    pub certificate: Option<String>,
    /// Certificates for other names, each the name of a `[certificate.NAME]` or an ARN: a client is shown the one for the
    /// name that it asks for, and `certificate` where none is.
    #[serde(default)]
    pub extra_certificates: Vec<String>,
    /// The security policy, for HTTPS; without it AWS chooses.
    pub ssl_policy: Option<String>,
    /// What happens to requests that no rule takes.
    pub default: ActionTable,
    /// Rules, each with a priority of its own.
    #[serde(default)]
    pub rule: Vec<RuleTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What happens to a request: exactly one of the keys.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionTable {
    /// Hands the request to a target group.
    pub forward: Option<Forward>,
    /// Answers with another place.
    pub redirect: Option<Redirect>,
    /// Answers by itself.
    pub fixed_response: Option<FixedResponse>,
}

/// A rule of a listener: which requests it takes, and exactly one of `forward`, `redirect`, `fixed_response`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleTable {
    /// The rule's place: the lowest number that fits a request takes it.
    #[schemars(range(min = 1, max = 50_000))]
    pub priority: u32,
    /// Which requests the rule takes.
    pub when: When,
    /// Hands the request to a target group.
    pub forward: Option<Forward>,
    /// Answers with another place.
    pub redirect: Option<Redirect>,
    /// Answers by itself.
    pub fixed_response: Option<FixedResponse>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Which requests a rule takes: all that are given must hold, and at least one must be given.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Paths, with `*` and `?` as wildcards.
    #[serde(default)]
    pub path: Vec<String>,
    /// Host names, with wildcards.
    #[serde(default)]
    pub host: Vec<String>,
    /// Values by header name.
    #[serde(default)]
    pub header: BTreeMap<String, OneOrMany<String>>,
    /// Request methods.
    #[serde(default)]
    pub method: Vec<String>,
    /// Query parameters: values by name.
    #[serde(default)]
    pub query: BTreeMap<String, OneOrMany<String>>,
    /// CIDRs of the client.
    #[serde(default)]
    pub source_ip: Vec<String>,
}

/// The target groups that a request is handed to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Forward {
    /// The name of a `[target_group.x]`.
    One(String),
    /// Several with their weights.
    Weighted(WeightedForward),
}

/// Several target groups with their weights.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightedForward {
    /// Weights by the name of a `[target_group.x]`, 0 to 999.
    pub weights: BTreeMap<String, u32>,
    /// Seconds for which a client stays with its group.
    #[schemars(range(min = 1, max = 604_800))]
    pub stickiness: Option<u32>,
}

/// Another place. What is not given stays as in the request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// The protocol.
    pub protocol: Option<HttpProtocol>,
    /// The host.
    pub host: Option<String>,
    /// The port; with `protocol` its own, 80 or 443, by default.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The path, with a leading slash.
    pub path: Option<String>,
    /// The query, without the question mark.
    pub query: Option<String>,
    /// 301 for ever, 302 for now.
    #[serde(default = "moved")]
    #[schemars(extend("enum" = [301, 302]))]
    pub status: u16,
}

/// An answer by the load balancer itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedResponse {
    /// The status code: 2xx, 4xx or 5xx.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// The content type.
    #[serde(default)]
    pub content_type: ContentType,
    /// The body.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub body: String,
}

/// A content type that a load balancer can answer with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ContentType {
    /// Text.
    #[default]
    #[serde(rename = "text/plain")]
    Plain,
    /// HTML.
    #[serde(rename = "text/html")]
    Html,
    /// CSS.
    #[serde(rename = "text/css")]
    Css,
    /// JavaScript.
    #[serde(rename = "application/javascript")]
    JavaScript,
    /// JSON.
    #[serde(rename = "application/json")]
    Json,
}

const fn moved() -> u16 {
    301
}
