//! An ECS cluster together with Fargate's capacity providers in it; those of the stack's own are apart
//! ([`super::ClusterCapacity`]).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// How much of a service runs on one capacity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyItem {
    /// The share among the providers, 0 to 1000.
    pub weight: u32,
    /// How many tasks at least run on this provider.
    pub base: u32,
}

/// An ECS cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// The cluster's name, at most 255 characters.
    pub name: String,
    /// `enabled`, `enhanced` or `disabled`; unset leaves the account's own setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_insights: Option<String>,
    /// The associated capacity providers, Fargate's alone.
    pub capacity_providers: BTreeSet<String>,
    /// The strategy of services that name none, if it is of Fargate's providers.
    pub default_strategy: BTreeMap<String, StrategyItem>,
}

impl KindOf for Cluster {
    const KIND: Kind = Kind::Cluster;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name"],
        ignore_unset: &["container_insights"],
        unordered: &["capacity_providers"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "course-main".into(),
            container_insights: Some("enabled".into()),
            capacity_providers: ["FARGATE", "FARGATE_SPOT"].map(String::from).into(),
            default_strategy: [("FARGATE".into(), StrategyItem { weight: 1, base: 1 })].into(),
        }
    }
}
