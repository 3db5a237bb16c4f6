//! An EC2 auto scaling group (reference section 3.13).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::scalable_target::number;
use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// An auto scaling group of the instances of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AutoScalingGroup {
    /// The group's name, at most 255 characters, unique in account and region.
    pub name: String,
    /// The id of the launch template.
    pub launch_template: String,
    /// The version of it that new instances start from. Another one replaces the instances that are there.
    pub launch_template_version: String,
    /// The fewest instances.
    pub min: u32,
    /// The most instances.
    pub max: u32,
    /// How many there are; at first, where ECS's managed scaling or a policy owns the number.
    pub desired: u32,
    /// Ids of the subnets.
    pub subnets: BTreeSet<String>,
    /// Whether new instances are protected from scale-in, so that ECS alone says which one may go.
    pub scale_in_protection: bool,
    /// The policies that keep a metric at a value, by name. That of ECS's managed scaling is ECS's own and none of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub target_tracking: BTreeMap<String, GroupTracking>,
}

/// A policy that keeps what the instances of a group use at a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupTracking {
    /// The predefined metric, in AWS's words. A policy that neap cannot write has one that AWS does not know.
    pub metric: String,
    /// The value: percent, or bytes.
    #[serde(serialize_with = "number")]
    pub target: f64,
    /// Seconds until what a new instance uses counts.
    pub warmup_seconds: u32,
    /// Whether the policy only ever adds instances.
    pub disable_scale_in: bool,
}

impl AutoScalingGroup {
    /// The predefined metric of the CPU that instances use, in percent.
    pub const CPU: &str = "ASGAverageCPUUtilization";
    /// The predefined metric of the bytes that an instance receives.
    pub const NETWORK_IN: &str = "ASGAverageNetworkIn";
    /// The predefined metric of the bytes that an instance sends.
    pub const NETWORK_OUT: &str = "ASGAverageNetworkOut";
    /// Seconds of warm-up where neither the policy nor the group says any: the cooldown that groups have by default.
    pub const WARMUP: u32 = 300;
}

impl KindOf for AutoScalingGroup {
    const KIND: Kind = Kind::AutoScalingGroup;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name"],
        ignore_unset: &[],
        unordered: &["subnets"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "course-cluster-main".into(),
            launch_template: "lt-0123456789abcdef0".into(),
            launch_template_version: "1".into(),
            min: 1,
            max: 2,
            desired: 1,
            subnets: ["subnet-1".into()].into(),
            scale_in_protection: true,
            target_tracking: [
                (
                    "cpu".into(),
                    GroupTracking {
                        metric: Self::CPU.into(),
                        target: 62.5,
                        warmup_seconds: 120,
                        disable_scale_in: true,
                    },
                ),
                (
                    "network_in".into(),
                    GroupTracking {
                        metric: Self::NETWORK_IN.into(),
                        target: 100_000_000.0,
                        warmup_seconds: Self::WARMUP,
                        disable_scale_in: false,
                    },
                ),
            ]
            .into(),
        }
    }
}
