//! The tables of a network load balancer and its listeners.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Forward, IpAddressType, NAME, Scheme, Subnets, names};

/// A network load balancer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NlbTable {
    /// The load balancer's name instead of `<stack>-<name>-<hash>`.
    pub name: Option<String>,
    /// Whether the internet reaches it.
    #[serde(default)]
    pub scheme: Scheme,
    /// IPv4 alone, or IPv6 too.
    #[serde(default)]
    pub ip_address_type: IpAddressType,
    /// Ids of subnets, one in each availability zone, or `public` or `private` for those of the stack's own VPC, where an
    /// internal load balancer is in the private ones if there are any.
    #[serde(default)]
    pub subnets: Subnets,
    /// Its static address in each subnet, by the subnet's id or `${subnet.public-1}` of the stack's own VPC: the allocation id of an
    /// elastic IP address (`eipalloc-…`), or a private IPv4 address of an internal load balancer. All of them or none; `subnets` is
    /// left out.
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
    /// Names of `[security_group.x]` or ids, instead of the implied group.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Whether each of its addresses reaches targets in all zones. What crosses zones is billed.
    #[serde(default)]
    pub cross_zone: bool,
    /// Whether AWS refuses to delete it.
    #[serde(default)]
    pub deletion_protection: bool,
    /// The ports that it listens on.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub listener: IndexMap<String, NlbListenerTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// A listener of a network load balancer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NlbListenerTable {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The protocol: TLS where there is a certificate, otherwise that of the target group.
    pub protocol: Option<TransportProtocol>,
    /// The name of a `[certificate.x]`, or the ARN of one of the stack's region and account, for TLS.
    pub certificate: Option<String>,
    /// Certificates for other names, each the name of a `[certificate.x]` or an ARN: a client is shown the one for the name
    /// that it asks for, and `certificate` where none is.
    #[serde(default)]
    pub extra_certificates: Vec<String>,
    /// The security policy, for TLS; without it AWS chooses.
    pub ssl_policy: Option<String>,
    /// Which protocols it offers inside TLS.
    pub alpn_policy: Option<AlpnPolicy>,
    /// Seconds without traffic after which it forgets a connection, for TCP; 350 unless it is set.
    #[schemars(range(min = 60, max = 6000))]
    pub idle_timeout: Option<u32>,
    /// The target group that all traffic is handed to.
    pub forward: Forward,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A protocol below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransportProtocol {
    /// TCP.
    Tcp,
    /// TLS over TCP, ended by the load balancer.
    Tls,
    /// UDP.
    Udp,
    /// TCP and UDP on one port.
    TcpUdp,
}

/// Which protocols a listener offers inside TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum AlpnPolicy {
    /// HTTP/1.1 and 1.0.
    #[serde(rename = "HTTP1Only")]
    Http1Only,
    /// HTTP/2.
    #[serde(rename = "HTTP2Only")]
    Http2Only,
    /// HTTP/1.1 rather than HTTP/2.
    #[serde(rename = "HTTP2Optional")]
    Http2Optional,
    /// HTTP/2 rather than HTTP/1.1.
    #[serde(rename = "HTTP2Preferred")]
    Http2Preferred,
}
