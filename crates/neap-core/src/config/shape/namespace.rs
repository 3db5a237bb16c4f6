//! The tables of namespaces, and of how services are found in them.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Logs, OneOrMany};

/// A namespace of Cloud Map, in which services are found by name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamespaceTable {
    /// The namespace's name: with DNS the domain that its names end in, such as `shop.internal`, and otherwise by default
    /// `<stack>-<name>`.
    pub name: Option<String>,
    /// Whether its names are known to DNS.
    #[serde(default, rename = "type")]
    pub sort: NamespaceType,
    /// What it is for.
    pub description: Option<String>,
    /// Seconds for which resolvers remember that a name is not there; with DNS alone.
    #[schemars(range(min = 0, max = 2_147_483_647_u32))]
    pub soa_ttl: Option<u32>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// How the names of a namespace are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamespaceType {
    /// By AWS's interface alone, which is enough for Service Connect.
    #[default]
    Http,
    /// By DNS in the stack's VPC, too. It has a hosted zone, which AWS bills by the month.
    PrivateDns,
}

/// The name by which other tasks find a service's in DNS.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoveryTable {
    /// The name of a `[namespace.x]` with DNS; the only one by default.
    pub namespace: Option<String>,
    /// The name in the namespace; the service's own by default.
    pub name: Option<String>,
    /// The records of each task: its address, or with `SRV` its port too. By default `A` where tasks have addresses of their
    /// own, and otherwise `SRV`, since they share those of their instances.
    pub record: Option<RecordType>,
    /// Seconds for which resolvers keep them.
    #[serde(default = "fifteen")]
    #[schemars(range(min = 0, max = 2_147_483_647_u32))]
    pub ttl: u32,
    /// The container whose port is registered with `SRV`; the only one that opens a port by default.
    pub container: Option<String>,
    /// The port that is registered with `SRV`; the container's only one by default.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
}

/// What DNS answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// Addresses.
    A,
    /// Addresses with ports.
    Srv,
}

/// Service Connect: the tasks ask others through a proxy beside them, and can be asked through it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectTable {
    /// The name of a `[namespace.x]`; the only one by default.
    pub namespace: Option<String>,
    /// The port that others reach by name, or a list of them; without it the tasks only ask.
    pub serve: Option<OneOrMany<ServeTable>>,
    /// Where the proxy's output goes: `true` for the log group of its task, or a log driver with its options. By default
    /// nowhere.
    pub logs: Option<Logs>,
}

/// A port that other tasks reach by name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServeTable {
    /// The name that the task gives to the port; its only named one by default.
    pub port: Option<String>,
    /// The name that others ask; the service's own by default.
    #[serde(rename = "as")]
    pub alias: Option<String>,
    /// The port that others ask; the container's by default.
    #[schemars(range(min = 1, max = 65535))]
    pub alias_port: Option<u16>,
    /// The name in the namespace, if it shall be another than the one that others ask.
    pub discovery_name: Option<String>,
    /// The port on which the proxy listens; with network mode `awsvpc` the container's by default.
    #[schemars(range(min = 1, max = 65535))]
    pub ingress_port: Option<u16>,
    /// Seconds after which an idle connection is closed, 0 for never.
    #[schemars(range(min = 0, max = 2_592_000))]
    pub idle_timeout: Option<u32>,
    /// Seconds that an answer may take, 0 for any; only where the port has an `app_protocol`.
    #[schemars(range(min = 0, max = 2_592_000))]
    pub request_timeout: Option<u32>,
    /// How what goes between the proxies is encrypted.
    pub tls: Option<ConnectTlsTable>,
}

/// The certificates of the proxies.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectTlsTable {
    /// The ARN of the private certificate authority of ACM.
    pub authority: String,
    /// The ARN of the KMS key that keeps the private keys.
    pub kms_key: Option<String>,
    /// The name of a `[role.x]`, or the ARN of the role by which ECS asks for certificates.
    pub role: Option<String>,
}

const fn fifteen() -> u32 {
    15
}
