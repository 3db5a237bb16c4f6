//! The tables of a service.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Capacity, OneOrMany, yes};
use crate::ownership::Owned;

/// An ECS service.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceTable {
    /// The service's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// The name of a `[cluster.x]`.
    pub cluster: String,
    /// The name of a `[task.x]`.
    pub task: String,
    /// How many tasks should run.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 5000))]
    pub count: u32,
    /// The target group that tasks register with, or a list of them.
    pub target: Option<OneOrMany<TargetTable>>,
    /// Where tasks run, instead of the cluster's own capacity.
    pub capacity: Option<Capacity>,
    /// Ids of subnets, instead of the VPC's own.
    #[serde(default)]
    pub subnets: Vec<String>,
    /// Names of `[security_group.x]` or ids, instead of the implied group.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Whether tasks get a public address: without a NAT gateway they need one to pull their image.
    #[serde(default = "yes")]
    pub public_ip: bool,
    /// The share of tasks that must stay healthy in a deployment, in percent.
    #[serde(default = "hundred")]
    #[schemars(range(min = 0, max = 100))]
    pub minimum_healthy_percent: u32,
    /// The share of tasks that may run in a deployment, in percent.
    #[serde(default = "two_hundred")]
    #[schemars(range(min = 100, max = 200))]
    pub maximum_percent: u32,
    /// Whether a deployment that cannot become healthy is stopped.
    #[serde(default = "yes")]
    pub circuit_breaker: bool,
    /// Whether a stopped deployment goes back to the one before.
    #[serde(default = "yes")]
    pub rollback: bool,
    /// Seconds in which failed health checks of a new task do not count; only with a target.
    #[schemars(range(min = 0, max = 2_147_483_647_u32))]
    pub health_check_grace: Option<u32>,
    /// Whether a shell may be opened in a container.
    #[serde(default)]
    pub exec: bool,
    /// The Fargate platform version.
    pub platform_version: Option<String>,
    /// What others change: `count` an autoscaler, `image` a pipeline. The stack gives the first value, and from then on the
    /// live one is carried forward.
    #[serde(default)]
    pub owned_elsewhere: Vec<Owned>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// A target group that tasks register with.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetTable {
    /// The name of a `[target_group.x]`.
    pub group: String,
    /// The container that answers; the only one that opens a port by default.
    pub container: Option<String>,
    /// The port that it listens on; the container's only one by default.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
}

const fn hundred() -> u32 {
    100
}

const fn one() -> u32 {
    1
}

const fn two_hundred() -> u32 {
    200
}
