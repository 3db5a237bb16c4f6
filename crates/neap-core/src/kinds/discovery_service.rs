//! A service of AWS Cloud Map: the name under which ECS registers the tasks of a service.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A service of Cloud Map in a namespace with DNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveryService {
    /// Its name, unique in its namespace: `api` is found as `api.shop.internal`.
    pub name: String,
    /// The id of its namespace.
    pub namespace: String,
    /// What it is for; may be empty.
    pub description: String,
    /// The records of each task, `A` or `SRV`, with the seconds for which resolvers keep them. Which there are cannot be
    /// changed.
    pub records: BTreeMap<String, u32>,
    /// How many of the tasks an answer names: `MULTIVALUE`, up to eight, or `WEIGHTED`, one.
    pub routing_policy: String,
    /// Whether ECS says which of the tasks are healthy.
    pub custom_health_check: bool,
}

impl KindOf for DiscoveryService {
    const KIND: Kind = Kind::DiscoveryService;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "namespace", "routing_policy", "custom_health_check"],
        ignore_unset: &[],
        unordered: &[],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    /// UpdateService changes how long records are kept, and neither adds nor removes any ("ServiceChange" of Cloud Map's API
    /// reference).
    fn cannot_become(&self, wanted: &Self) -> Vec<&'static str> {
        if self.records.keys().eq(wanted.records.keys()) { Vec::new() } else { vec!["records"] }
    }

    fn example() -> Self {
        Self {
            name: "api".into(),
            namespace: "ns-1".into(),
            description: "tasks of service.api".into(),
            records: [("A".into(), 15)].into(),
            routing_policy: "MULTIVALUE".into(),
            custom_health_check: true,
        }
    }
}
