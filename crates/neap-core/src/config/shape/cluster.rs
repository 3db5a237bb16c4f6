//! The tables of a cluster and of its capacity.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::InstancesTable;

/// An ECS cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterTable {
    /// The cluster's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// Where the tasks of services that name no capacity of their own run.
    #[serde(default)]
    pub capacity: ClusterCapacity,
    /// Container Insights, which cost money; without it the account's setting holds.
    pub container_insights: Option<ContainerInsights>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// How much Container Insights collects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContainerInsights {
    /// Nothing.
    Disabled,
    /// Clusters and services.
    Enabled,
    /// Tasks and containers too.
    Enhanced,
}

/// Where the tasks of a cluster run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClusterCapacity {
    /// On one of Fargate's providers.
    One(Provider),
    /// On several of them, by weight: `{ fargate = { base = 1, weight = 1 }, fargate_spot = 3 }`.
    Weighted(WeightedCapacity),
    /// On EC2 instances of its own: `{ instance_type = "t3.micro", max = 2 }`.
    Instances(Box<InstancesTable>),
}

impl Default for ClusterCapacity {
    fn default() -> Self {
        Self::One(Provider::Fargate)
    }
}

/// Where tasks run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Capacity {
    /// On one provider.
    One(Provider),
    /// On several, by weight: `{ fargate = { base = 1, weight = 1 }, fargate_spot = 3 }`.
    Weighted(WeightedCapacity),
}

/// A capacity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Fargate at its list price.
    Fargate,
    /// Fargate on spare capacity: cheaper, and interrupted with two minutes' notice.
    FargateSpot,
}

/// Shares of capacity providers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightedCapacity {
    /// Fargate at its list price.
    pub fargate: Option<Share>,
    /// Fargate on spare capacity.
    pub fargate_spot: Option<Share>,
}

/// The share of one capacity provider.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Share {
    /// A weight alone.
    Weight(#[schemars(range(min = 0, max = 1000))] u32),
    /// A weight with a base.
    Full(FullShare),
}

/// A weight and a base.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullShare {
    /// The share among the providers.
    #[schemars(range(min = 0, max = 1000))]
    pub weight: u32,
    /// How many tasks at least run here; only one provider may have a base.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100_000))]
    pub base: u32,
}
