//! An ECS service.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf, StrategyItem};
use crate::address::Kind;

/// A target group that a service's tasks register with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceTarget {
    /// The target group's ARN.
    pub target_group: String,
    /// The container that answers.
    pub container: String,
    /// The port that it listens on.
    pub port: u16,
}

/// A classic load balancer that the instances of a service's tasks register with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassicTarget {
    /// The load balancer's name.
    pub load_balancer: String,
    /// The container that answers.
    pub container: String,
    /// The port that it listens on, behind a fixed port of its instance.
    pub port: u16,
}

/// An ECS service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// The service's name, at most 255 characters, unique in its cluster.
    pub name: String,
    /// The cluster's ARN.
    pub cluster: String,
    /// The task definition's ARN, with its revision.
    pub task: String,
    /// How many tasks run, and where: `REPLICA`, as many as `count` says, or `DAEMON`, one on each instance.
    pub scheduling_strategy: String,
    /// How many tasks should run; none for a daemon, whose number is that of the instances.
    pub count: Option<u32>,
    /// Where tasks run, by capacity provider.
    pub capacity: BTreeMap<String, StrategyItem>,
    /// Whether each task has a network interface of its own, as with network mode awsvpc.
    pub own_interfaces: bool,
    /// The target groups that tasks register with.
    pub targets: Vec<ServiceTarget>,
    /// The classic load balancer that their instances register with, instead of target groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classic: Option<ClassicTarget>,
    /// Ids of the subnets, with network mode awsvpc.
    pub subnets: BTreeSet<String>,
    /// Ids of the security groups, with network mode awsvpc.
    pub security_groups: BTreeSet<String>,
    /// Whether tasks get a public address, which they need to pull images where there is no NAT.
    pub public_ip: bool,
    /// The Fargate platform version.
    pub platform_version: String,
    /// The share of tasks that must stay healthy in a deployment, in percent.
    pub minimum_healthy_percent: u32,
    /// The share of tasks that may run in a deployment, in percent.
    pub maximum_percent: u32,
    /// Whether a deployment that cannot become healthy is stopped.
    pub circuit_breaker: bool,
    /// Whether a stopped deployment goes back to the one before.
    pub rollback: bool,
    /// Seconds in which failed health checks of a new task do not count.
    pub health_check_grace_seconds: u32,
    /// Whether `ecs execute-command` may open a shell in a container.
    pub exec: bool,
    /// Whose tags tasks inherit: `SERVICE`, `TASK_DEFINITION` or `NONE`.
    pub propagate_tags: String,
    /// Whether tasks move to level availability zones, `ENABLED` or `DISABLED`.
    pub zone_rebalancing: String,
}

impl Service {
    /// The scheduling strategy of one task on each instance.
    pub const DAEMON: &str = "DAEMON";

    /// Whether one task runs on each instance, instead of a number of them.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.scheduling_strategy == Self::DAEMON
    }

    /// Whether a load balancer of any kind checks the health of its tasks.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        !self.targets.is_empty() || self.classic.is_some()
    }
}

impl KindOf for Service {
    const KIND: Kind = Kind::Service;
    const POLICY: FieldPolicy = FieldPolicy {
        // Whether AWS takes the network of a service away in place is not known, nor whether it changes a classic load
        // balancer so: UpdateService speaks of target groups alone.
        replace: &["name", "cluster", "scheduling_strategy", "own_interfaces", "classic"],
        ignore_unset: &[],
        unordered: &["targets", "subnets", "security_groups"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "course-api".into(),
            cluster: "arn:aws:ecs:eu-west-1:123456789012:cluster/course-main".into(),
            task: "arn:aws:ecs:eu-west-1:123456789012:task-definition/course-api:1".into(),
            scheduling_strategy: "REPLICA".into(),
            count: Some(1),
            capacity: [("FARGATE".into(), StrategyItem { weight: 1, base: 0 })].into(),
            own_interfaces: true,
            targets: vec![ServiceTarget {
                target_group: "arn:tg".into(),
                container: "app".into(),
                port: 3000,
            }],
            classic: Some(ClassicTarget {
                load_balancer: "course-old".into(),
                container: "app".into(),
                port: 3000,
            }),
            subnets: ["subnet-1".into()].into(),
            security_groups: ["sg-1".into()].into(),
            public_ip: true,
            platform_version: "LATEST".into(),
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: true,
            rollback: true,
            health_check_grace_seconds: 60,
            exec: false,
            propagate_tags: "SERVICE".into(),
            zone_rebalancing: "ENABLED".into(),
        }
    }
}
