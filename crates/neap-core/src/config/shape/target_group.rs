//! The tables of a target group.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::thirty;

/// A target group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetGroupTable {
    /// The group's name instead of `<stack>-<name>-<hash>`. A change that AWS cannot make in place then deletes first.
    pub name: Option<String>,
    /// The port of its targets.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The protocol of its targets.
    #[serde(default)]
    pub protocol: HttpProtocol,
    /// The version of HTTP that targets speak.
    #[serde(default)]
    pub protocol_version: ProtocolVersion,
    /// How healthy targets are told.
    #[serde(default)]
    pub health_check: HealthCheckTable,
    /// Seconds that a leaving target has to finish. AWS's default of 300 makes each deployment slow.
    #[serde(default = "thirty")]
    #[schemars(range(min = 0, max = 3600))]
    pub deregistration_delay: u32,
    /// Seconds in which a new target's share grows to the full one.
    #[serde(default)]
    #[schemars(range(min = 0, max = 900))]
    pub slow_start: u32,
    /// How a target is chosen.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Whether a client keeps its target.
    pub stickiness: Option<StickinessTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// HTTP with or without TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpProtocol {
    /// HTTP.
    #[default]
    Http,
    /// HTTPS.
    Https,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProtocolVersion {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2.
    Http2,
    /// gRPC.
    Grpc,
}

/// How a target is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest open requests.
    LeastOutstandingRequests,
    /// At random, by weight.
    WeightedRandom,
}

/// How healthy targets are told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheckTable {
    /// The path that is asked for; `/` by default.
    pub path: Option<String>,
    /// The status codes of a healthy answer, such as `200-399`; `200` by default.
    pub matcher: Option<String>,
    /// A port other than the targets' own.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The protocol; the group's own by default.
    pub protocol: Option<HttpProtocol>,
    /// Seconds between two checks; 30 by default.
    #[schemars(range(min = 5, max = 300))]
    pub interval: Option<u32>,
    /// Seconds that a target has to answer; 6 by default, and always less than the interval.
    #[schemars(range(min = 2, max = 120))]
    pub timeout: Option<u32>,
    /// Good checks in a row that make a target healthy; 5 by default.
    #[schemars(range(min = 2, max = 10))]
    pub healthy_threshold: Option<u32>,
    /// Bad checks in a row that make a target unhealthy; 2 by default.
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy_threshold: Option<u32>,
}

/// Whether a client keeps its target.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StickinessTable {
    /// Seconds for which a client keeps its target.
    #[schemars(range(min = 1, max = 604_800))]
    pub duration: u32,
    /// The application's cookie; without it the load balancer sets one of its own.
    pub cookie: Option<String>,
}
