//! The table of an application load balancer.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{ListenerTable, NAME, Subnets, names, yes};

/// An application load balancer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlbTable {
    /// The load balancer's name instead of `<stack>-<name>-<hash>`.
    pub name: Option<String>,
    /// Whether the internet reaches it.
    #[serde(default)]
    pub scheme: Scheme,
    /// IPv4 alone, or IPv6 too.
    #[serde(default)]
    pub ip_address_type: IpAddressType,
    /// Ids of subnets in at least two availability zones, or `public` or `private` for those of the stack's own VPC, where an
    /// internal load balancer is in the private ones if there are any.
    #[serde(default)]
    pub subnets: Subnets,
    /// Names of `[security_group.x]` or ids, instead of the implied group.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Who reaches it, instead of everybody: `cloudfront` alone, by the implied group.
    pub reachable_from: Option<ReachableFrom>,
    /// Seconds after which an idle connection is closed.
    #[serde(default = "sixty")]
    #[schemars(range(min = 1, max = 4000))]
    pub idle_timeout: u32,
    /// Whether AWS refuses to delete it.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Whether clients may speak HTTP/2.
    #[serde(default = "yes")]
    pub http2: bool,
    /// Whether header fields with invalid names are dropped.
    #[serde(default)]
    pub drop_invalid_header_fields: bool,
    /// The ports that it listens on.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub listener: IndexMap<String, ListenerTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// Who reaches a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReachableFrom {
    /// The addresses from which CloudFront asks origins, which AWS keeps in a prefix list. Other people's distributions
    /// have the same: only a header that is a shared secret tells them apart.
    Cloudfront,
}

/// Whether the internet reaches a load balancer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// It does.
    #[default]
    InternetFacing,
    /// Only the VPC does.
    Internal,
}

/// The addresses of a load balancer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IpAddressType {
    /// IPv4 alone.
    #[default]
    Ipv4,
    /// IPv4 and IPv6, in subnets that have both: those of the stack's own VPC do not. A network load balancer then has no listener
    /// of UDP.
    Dualstack,
}

const fn sixty() -> u32 {
    60
}
