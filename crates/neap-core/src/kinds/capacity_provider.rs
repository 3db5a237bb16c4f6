//! An ECS capacity provider on an auto scaling group (reference section 3.16).

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A capacity provider of the stack's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityProvider {
    /// The provider's name, at most 255 characters, beginning with none of `aws`, `ecs` and `fargate`.
    pub name: String,
    /// The auto scaling group's ARN. AWS takes one provider for a group.
    pub auto_scaling_group: String,
    /// Whether ECS scales the group.
    pub managed_scaling: bool,
    /// How full the instances shall be, in percent: below 100 some room is kept free.
    pub target_capacity: u32,
    /// Whether ECS protects instances that run tasks from scale-in.
    pub managed_termination_protection: bool,
    /// Whether ECS moves the tasks away before an instance goes.
    pub managed_draining: bool,
}

impl KindOf for CapacityProvider {
    const KIND: Kind = Kind::CapacityProvider;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "auto_scaling_group"],
        ignore_unset: &[],
        unordered: &[],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "neap-course-cluster-main".into(),
            auto_scaling_group: "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:0b1c:\
                                 autoScalingGroupName/course-cluster-main"
                .into(),
            managed_scaling: true,
            target_capacity: 100,
            managed_termination_protection: true,
            managed_draining: true,
        }
    }
}
