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
    /// The port of its targets. A service registers its tasks with their own port, and the group keeps the one that it was made with.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The protocol of its targets: HTTP or HTTPS behind an application load balancer, another behind a network load balancer.
    #[serde(default)]
    pub protocol: TargetProtocol,
    /// The version of HTTP that targets speak; HTTP1 by default.
    pub protocol_version: Option<ProtocolVersion>,
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
    /// How a target is chosen, behind an application load balancer; one after the other by default.
    pub algorithm: Option<Algorithm>,
    /// Whether a client keeps its target: for so many seconds behind an application load balancer, by its address (`"source_ip"`)
    /// behind a network load balancer.
    pub stickiness: Option<StickinessTable>,
    /// Behind a network load balancer: whether targets see the client's address. AWS's default: not where targets register with an
    /// address of their own and speak TCP or TLS.
    pub preserve_client_ip: Option<bool>,
    /// Behind a network load balancer: whether each connection begins with a header of proxy protocol version 2.
    #[serde(default)]
    pub proxy_protocol: bool,
    /// Behind a network load balancer: whether open connections end when a leaving target's time is over. AWS's default: where targets
    /// speak UDP.
    pub connection_termination: Option<bool>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// A protocol that targets speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TargetProtocol {
    /// HTTP.
    #[default]
    Http,
    /// HTTPS.
    Https,
    /// TCP.
    Tcp,
    /// TLS over TCP, which the load balancer opens anew.
    Tls,
    /// UDP.
    Udp,
    /// TCP and UDP on one port.
    TcpUdp,
}

/// A protocol of health checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HealthCheckProtocol {
    /// An answer to a request.
    Http,
    /// The same, over TLS.
    Https,
    /// A connection, behind a network load balancer.
    Tcp,
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
    /// The status codes of a healthy answer, such as `200-399`; `200` by default, `200-399` behind a network load balancer.
    pub matcher: Option<String>,
    /// A port other than the targets' own.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The protocol; the group's own by default, TCP for those below HTTP.
    pub protocol: Option<HealthCheckProtocol>,
    /// Seconds between two checks; 30 by default.
    #[schemars(range(min = 5, max = 300))]
    pub interval: Option<u32>,
    /// Seconds that a target has to answer; 6 by default, 10 for TCP and for HTTPS behind a network load balancer, and always less
    /// than the interval.
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
#[serde(untagged)]
pub enum StickinessTable {
    /// By the client's address.
    Source(SourceIp),
    /// By a cookie.
    Cookie(CookieTable),
}

/// The word for a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceIp {
    /// The client's address.
    SourceIp,
}

/// The cookie by which a client keeps its target.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CookieTable {
    /// Seconds for which a client keeps its target.
    #[schemars(range(min = 1, max = 604_800))]
    pub duration: u32,
    /// The application's cookie; without it the load balancer sets one of its own.
    pub cookie: Option<String>,
}
