//! The table of the instances that a cluster has of its own.
//!
//! Decides its keys, types, ranges and allowed values. Must not know which types of instances there are.

use schemars::JsonSchema;
use serde::Deserialize;

use super::scaling::five_minutes;
use super::{Architecture, Subnets, yes};

/// EC2 instances that the cluster has of its own: an auto scaling group that ECS scales.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstancesTable {
    /// The type of the instances, such as `t3.micro`.
    pub instance_type: String,
    /// The fewest instances.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 500))]
    pub min: u32,
    /// The most instances; as many as the fewest unless said otherwise, at least one.
    #[schemars(range(min = 1, max = 500))]
    pub max: Option<u32>,
    /// How many there are at first; ECS or `scaling` owns the number from then on. The fewest unless said otherwise.
    #[schemars(range(min = 0, max = 500))]
    pub desired: Option<u32>,
    /// The processor of a type that neap does not know.
    pub architecture: Option<Architecture>,
    /// The id of the image (`ami-…`). Without it the instances get the one that AWS recommends for ECS on Amazon Linux 2023
    /// when they are first made, and keep what they have; `newest` follows what AWS recommends.
    pub image: Option<String>,
    /// The size of the disk in GiB; that of the image unless said otherwise.
    #[schemars(range(min = 30, max = 16384))]
    pub disk: Option<u32>,
    /// The name of the key pair that opens the instances to SSH; a security group must let it in as well.
    pub key_pair: Option<String>,
    /// Names of `[security_group.x]` or ids, beside the implied group.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Ids of subnets, or `public` or `private` for those of the stack's own VPC, where instances are in the private ones if
    /// there is a NAT gateway.
    #[serde(default)]
    pub subnets: Subnets,
    /// Whether the instances get a public address: without a NAT gateway they need one to reach ECS, so they get one unless they
    /// are in private subnets of the stack's own VPC. Of subnets that are named nobody knows what they are.
    pub public_ip: Option<bool>,
    /// Whether they run on spare capacity: cheaper, and interrupted with two minutes' notice.
    #[serde(default)]
    pub spot: bool,
    /// Whether ECS scales the group by what its tasks need.
    #[serde(default = "yes")]
    pub managed_scaling: bool,
    /// How full ECS keeps the instances, in percent: below 100 some room is kept free.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 100))]
    pub target_capacity: u32,
    /// What moves the number of instances where ECS does not: only without managed scaling.
    pub scaling: Option<InstanceScalingTable>,
    /// Whether ECS protects instances that run tasks from scale-in: only with managed scaling, and there unless said otherwise.
    pub termination_protection: Option<bool>,
    /// Whether ECS moves the tasks away before an instance goes.
    #[serde(default = "yes")]
    pub draining: bool,
    /// What instances run at their first start, after they are told their cluster: lines for bash.
    #[serde(default)]
    pub user_data: String,
}

/// What moves the number of instances.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceScalingTable {
    /// How much of their CPU the instances should use on average, in percent.
    pub cpu: Option<InstanceTracking>,
    /// How many bytes an instance should receive on average, as CloudWatch counts them.
    pub network_in: Option<InstanceTracking>,
    /// How many bytes an instance should send on average, as CloudWatch counts them.
    pub network_out: Option<InstanceTracking>,
}

/// The value at which target tracking keeps a metric of instances.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum InstanceTracking {
    /// The value alone.
    Target(#[schemars(range(min = 1))] i64),
    /// The value, and how it is kept: `{ target = 60, warmup = 120 }`.
    Full(FullInstanceTracking),
}

/// The value at which target tracking keeps a metric of instances, and how.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullInstanceTracking {
    /// The value.
    #[schemars(range(min = 1))]
    pub target: i64,
    /// Seconds until what a new instance uses counts.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 0, max = 86_400))]
    pub warmup: u32,
    /// Whether instances are only ever added.
    #[serde(default)]
    pub disable_scale_in: bool,
}

impl InstanceTracking {
    /// The value, and how it is kept.
    pub(crate) fn full(&self) -> FullInstanceTracking {
        match self {
            Self::Target(target) => {
                FullInstanceTracking { target: *target, warmup: five_minutes(), disable_scale_in: false }
            }
            Self::Full(full) => full.clone(),
        }
    }
}

const fn one() -> u32 {
    1
}

const fn hundred() -> u32 {
    100
}
