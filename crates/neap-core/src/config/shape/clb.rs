//! The tables of a classic load balancer.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{NAME, Scheme, Subnets, names, thirty};

/// A classic load balancer, for services on instances alone.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClbTable {
    /// The load balancer's name instead of `<stack>-<name>-<hash>`.
    pub name: Option<String>,
    /// Whether the internet reaches it.
    #[serde(default)]
    pub scheme: Scheme,
    /// Ids of subnets, one in each availability zone, or `public` or `private` for those of the stack's own VPC, where an
    /// internal load balancer is in the private ones if there are any.
    #[serde(default)]
    pub subnets: Subnets,
    /// Names of `[security_group.x]` or ids, instead of the implied group.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Whether each of its addresses reaches instances in all zones.
    #[serde(default)]
    pub cross_zone: bool,
    /// Seconds after which an idle connection is closed.
    #[serde(default = "sixty")]
    #[schemars(range(min = 1, max = 4000))]
    pub idle_timeout: u32,
    /// Seconds for which requests go on to an instance that leaves; without it they are broken off.
    #[schemars(range(min = 1, max = 3600))]
    pub connection_draining: Option<u32>,
    /// How it tells whether an instance is well.
    #[serde(default)]
    pub health_check: ClbHealthCheckTable,
    /// The ports that it listens on, at least one.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub listener: IndexMap<String, ClbListenerTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// A listener of a classic load balancer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClbListenerTable {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The protocol: HTTPS where there is a certificate, otherwise HTTP.
    pub protocol: Option<ClbProtocol>,
    /// The port on the instances: the fixed host port of the container that answers.
    #[schemars(range(min = 1, max = 65535))]
    pub instance_port: u16,
    /// How the instances are asked: by default HTTP behind HTTP and HTTPS, and TCP behind TCP and SSL.
    pub instance_protocol: Option<ClbProtocol>,
    /// The name of a `[certificate.x]`, or the ARN of one of the stack's region and account, for HTTPS and SSL.
    pub certificate: Option<String>,
    /// The predefined security policy, for HTTPS and SSL; without it AWS chooses.
    pub ssl_policy: Option<String>,
    /// Whether a client keeps its instance, for HTTP and HTTPS: `{}` for as long as its browser is open.
    pub stickiness: Option<ClbStickinessTable>,
}

/// By which cookie a client keeps its instance, and for how long.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClbStickinessTable {
    /// Seconds for which the load balancer's own cookie counts.
    #[schemars(range(min = 1))]
    pub duration: Option<u32>,
    /// The application's cookie, which it is to last as long as; without it the load balancer sets one of its own.
    pub cookie: Option<String>,
}

/// A protocol of a classic load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ClbProtocol {
    /// HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// TCP.
    Tcp,
    /// TLS over TCP, with anything inside.
    Ssl,
}

/// How a classic load balancer tells whether an instance is well.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClbHealthCheckTable {
    /// How it asks: with a `path` by HTTP, or HTTPS where the instances speak that; otherwise by connecting over TCP.
    pub protocol: Option<ClbProtocol>,
    /// The port on the instances, by default that of the listener with the lowest port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The path that it asks for, which answers with 200.
    pub path: Option<String>,
    /// Seconds from one check to the next.
    #[serde(default = "thirty")]
    #[schemars(range(min = 5, max = 300))]
    pub interval: u32,
    /// Seconds after which an answer counts as none, by default 5; less than the interval.
    #[schemars(range(min = 2, max = 60))]
    pub timeout: Option<u32>,
    /// How many checks in a row make an instance healthy.
    #[serde(default = "ten")]
    #[schemars(range(min = 2, max = 10))]
    pub healthy_threshold: u32,
    /// How many make it unhealthy.
    #[serde(default = "two")]
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy_threshold: u32,
}

impl Default for ClbHealthCheckTable {
    fn default() -> Self {
        Self {
            protocol: None,
            port: None,
            path: None,
            interval: thirty(),
            timeout: None,
            healthy_threshold: ten(),
            unhealthy_threshold: two(),
        }
    }
}

const fn two() -> u32 {
    2
}

const fn ten() -> u32 {
    10
}

const fn sixty() -> u32 {
    60
}
