//! An EC2 auto scaling group (reference section 3.13).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

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
    /// How many there are at first; ECS's managed scaling owns the number from then on.
    pub desired: u32,
    /// Ids of the subnets.
    pub subnets: BTreeSet<String>,
    /// Whether new instances are protected from scale-in, so that ECS alone says which one may go.
    pub scale_in_protection: bool,
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
        }
    }
}
