//! The tables of a cluster and of its capacity.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{InstancesTable, NAME, names};

/// An ECS cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterTable {
    /// The cluster's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// Where the tasks of services that name no capacity of their own run: on Fargate unless said otherwise, or on the
    /// cluster's instances, if it has one block of them.
    pub capacity: Option<ClusterCapacity>,
    /// Blocks of EC2 instances that `capacity` names, each a group with a capacity provider of its own.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub instances: IndexMap<String, InstancesTable>,
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
    /// `fargate`, `fargate_spot`, or the name of a block of `instances`.
    One(String),
    /// On several of them, by weight: `{ fargate = { base = 1, weight = 1 }, fargate_spot = 3 }`. Fargate and instances do not mix.
    Weighted(IndexMap<String, Share>),
    /// On EC2 instances of its own: `{ instance_type = "t3.micro", max = 2 }`.
    Instances(Box<InstancesTable>),
}

/// Where tasks run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Capacity {
    /// `fargate`, `fargate_spot`, or the name of a block of the cluster's `instances`.
    One(String),
    /// On several of them, by weight: `{ fargate = { base = 1, weight = 1 }, fargate_spot = 3 }`. Fargate and instances do not mix.
    Weighted(IndexMap<String, Share>),
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

impl Capacity {
    /// What is named, each with its share.
    pub(crate) fn shares(&self) -> Vec<(&str, FullShare)> {
        match self {
            Self::One(name) => vec![(name, FullShare { weight: 1, base: 0 })],
            Self::Weighted(shares) => {
                shares.iter().map(|(name, share)| (name.as_str(), share.full())).collect()
            }
        }
    }
}

impl Share {
    /// The weight and the base.
    const fn full(self) -> FullShare {
        match self {
            Self::Weight(weight) => FullShare { weight, base: 0 },
            Self::Full(full) => full,
        }
    }
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
