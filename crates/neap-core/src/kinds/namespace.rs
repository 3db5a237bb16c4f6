//! A namespace of AWS Cloud Map: of HTTP alone, or with a private zone of DNS in a VPC.

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A namespace of Cloud Map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// The namespace's name; that of the hosted zone, too, which AWS makes for one with DNS.
    pub name: String,
    /// `HTTP` or `DNS_PRIVATE`.
    #[serde(rename = "type")]
    pub sort: String,
    /// The id of the VPC in which its names are known; null without DNS.
    pub vpc: Option<String>,
    /// What it is for; may be empty.
    pub description: String,
    /// Seconds for which resolvers remember that a name is not there; unset leaves AWS's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soa_ttl: Option<u32>,
}

impl Namespace {
    /// A namespace without DNS, as Service Connect needs it.
    pub const HTTP: &str = "HTTP";
    /// A namespace whose names are known to DNS in one VPC.
    pub const PRIVATE_DNS: &str = "DNS_PRIVATE";

    /// Whether its names are known to DNS.
    #[must_use]
    pub fn has_dns(&self) -> bool {
        self.sort == Self::PRIVATE_DNS
    }
}

impl KindOf for Namespace {
    const KIND: Kind = Kind::Namespace;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "type", "vpc"],
        ignore_unset: &["soa_ttl"],
        unordered: &[],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "shop.internal".into(),
            sort: Self::PRIVATE_DNS.into(),
            vpc: Some("vpc-1".into()),
            description: "the shop's services".into(),
            soa_ttl: Some(15),
        }
    }
}
