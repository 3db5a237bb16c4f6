//! An ECS service.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf, LogConfiguration, StrategyItem};
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
    /// The other group, for a service whose deployments move from one group to the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternate: Option<Alternate>,
}

/// The target group that takes turns with another, and the traffic that ECS shifts between the two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alternate {
    /// The target group's ARN.
    pub target_group: String,
    /// What leads the users to one of the two: the ARN of a rule, also that of a listener's default action; on a network load
    /// balancer that of the listener.
    pub production: String,
    /// The same for those who test, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// The ARN of the role by which ECS may shift traffic.
    pub role: String,
}

/// How new tasks take over from old ones, where they do not do so one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// `BLUE_GREEN`; live services may have others.
    pub strategy: String,
    /// How long the old tasks stay once the new ones have all the traffic, 0 to 1440 minutes.
    pub bake_minutes: u32,
    /// What ECS asks on the way.
    pub hooks: Vec<Hook>,
}

/// A Lambda function that ECS asks at some stages of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hook {
    /// The function's ARN.
    pub function: String,
    /// The ARN of the role by which ECS may invoke it.
    pub role: String,
    /// The stages, in ECS's words, such as `POST_TEST_TRAFFIC_SHIFT`.
    pub stages: BTreeSet<String>,
    /// What a stack file cannot ask for, so that only live hooks have it: a pause, parameters, a time limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
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

/// A service of Cloud Map that a service's tasks register with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRegistry {
    /// The ARN of the service of Cloud Map.
    pub registry: String,
    /// The container that answers, where its port is registered too; null for a record of addresses alone.
    pub container: Option<String>,
    /// The port that it listens on; null with the container.
    pub port: Option<u16>,
}

/// How Service Connect joins a service's tasks with those of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceConnect {
    /// The ARN of the namespace in which tasks find each other.
    pub namespace: String,
    /// What the tasks answer, by the name that ECS registers in the namespace; nothing for tasks that only ask.
    pub serves: BTreeMap<String, ConnectEndpoint>,
    /// Where the proxy's output goes; null for nowhere.
    pub logs: Option<LogConfiguration>,
}

/// A port that other tasks of the namespace reach by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectEndpoint {
    /// The name of the port mapping in the task definition.
    pub port_name: String,
    /// The name that others ask.
    pub dns_name: String,
    /// The port that others ask.
    pub port: u16,
    /// The port on which the proxy listens; null for one that ECS chooses, or with awsvpc the container's.
    pub ingress_port: Option<u16>,
    /// Seconds after which an idle connection is closed, 0 for never; null for AWS's default.
    pub idle_timeout_seconds: Option<u32>,
    /// Seconds that an answer may take, 0 for any; null for AWS's default.
    pub request_timeout_seconds: Option<u32>,
    /// How what goes between the proxies is encrypted; null for not at all.
    pub tls: Option<ConnectTls>,
}

/// The certificates of Service Connect's proxies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectTls {
    /// The ARN of the private certificate authority.
    pub authority: String,
    /// The ARN of the KMS key that keeps the private keys; null for one of AWS's own.
    pub kms_key: Option<String>,
    /// The ARN of the role by which ECS asks for certificates.
    pub role: Option<String>,
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
    /// Where tasks are registered to be found by DNS; a service has at most one such place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<ServiceRegistry>,
    /// How its tasks are joined with those of others by Service Connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<ServiceConnect>,
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
    /// How new tasks take over; none where they do so one by one, as `ROLLING` means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
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
    /// The names of the ports that Service Connect serves.
    pub fn served_ports(&self) -> BTreeSet<&str> {
        let endpoints = self.connect.iter().flat_map(|connect| connect.serves.values());
        endpoints.map(|endpoint| endpoint.port_name.as_str()).collect()
    }

    /// The scheduling strategy of one task on each instance.
    pub const DAEMON: &str = "DAEMON";

    /// Whether one task runs on each instance, instead of a number of them.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        self.scheduling_strategy == Self::DAEMON
    }

    /// Whether its tasks run on Fargate alone, where there is room for as many as it takes.
    #[must_use]
    pub fn is_on_fargate(&self) -> bool {
        !self.capacity.is_empty() && self.capacity.keys().all(|provider| provider.starts_with("FARGATE"))
    }

    /// Whether a load balancer of any kind checks the health of its tasks.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        !self.targets.is_empty() || self.classic.is_some()
    }

    /// The same without the grace period that ECS keeps of a service whose targets were taken away: nothing checks it, and an
    /// update without a load balancer may not name it.
    #[must_use]
    pub fn without_idle_grace(mut self) -> Self {
        if !self.is_balanced() {
            self.health_check_grace_seconds = 0;
        }
        self
    }

    /// The deployment strategy by which all traffic moves at once, and can move back.
    pub const BLUE_GREEN: &str = "BLUE_GREEN";

    /// How long a deployment takes on top of what its tasks take: old tasks stay for the bake time, and ECS waits for a hook
    /// up to a day at each stage ("Lifecycle hooks for Amazon ECS service deployments").
    pub(crate) fn drawn_out(&self) -> Duration {
        let Some(deployment) = &self.deployment else { return Duration::ZERO };
        let hooked: usize = deployment.hooks.iter().map(|hook| hook.stages.len()).sum();
        Duration::from_secs(u64::from(deployment.bake_minutes) * 60 + hooked as u64 * 24 * 3600)
    }

    /// What a stage of a deployment is, in plain words: `BAKE_TIME` is that old and new tasks run. Another word stays.
    #[must_use]
    pub fn stage(word: &str) -> &str {
        match word {
            "RECONCILE_SERVICE" => "an earlier deployment is settled",
            "PRE_SCALE_UP" | "SCALE_UP" => "the new tasks start",
            "POST_SCALE_UP" => "the new tasks run",
            "TEST_TRAFFIC_SHIFT" => "test traffic shifts to the new tasks",
            "POST_TEST_TRAFFIC_SHIFT" | "PRE_PRODUCTION_TRAFFIC_SHIFT" => {
                "the new tasks have the test traffic"
            }
            "PRODUCTION_TRAFFIC_SHIFT" => "traffic shifts to the new tasks",
            "POST_PRODUCTION_TRAFFIC_SHIFT" => "the new tasks have the traffic",
            "BAKE_TIME" => "the new tasks have the traffic, the old ones stay for the bake time",
            "CLEAN_UP" => "the old tasks stop",
            word => word,
        }
    }
}

impl ConnectEndpoint {
    fn example() -> Self {
        Self {
            port_name: "http".into(),
            dns_name: "api".into(),
            port: 80,
            ingress_port: Some(15_000),
            idle_timeout_seconds: Some(60),
            request_timeout_seconds: Some(15),
            tls: Some(ConnectTls {
                authority: "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/x".into(),
                kms_key: Some("arn:aws:kms:eu-west-1:123456789012:key/x".into()),
                role: Some("arn:aws:iam::123456789012:role/tls".into()),
            }),
        }
    }
}

impl KindOf for Service {
    const KIND: Kind = Kind::Service;
    const POLICY: FieldPolicy = FieldPolicy {
        // Whether AWS takes the network of a service away in place is not known, nor whether it changes a classic load
        // balancer so: UpdateService speaks of target groups alone.
        replace: &["name", "cluster", "scheduling_strategy", "own_interfaces", "classic"],
        ignore_unset: &[],
        unordered: &["targets", "subnets", "security_groups", "deployment.hooks"],
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
                alternate: Some(Alternate {
                    target_group: "arn:tg-2".into(),
                    production: "arn:rule".into(),
                    test: Some("arn:test-rule".into()),
                    role: "arn:role".into(),
                }),
            }],
            classic: Some(ClassicTarget {
                load_balancer: "course-old".into(),
                container: "app".into(),
                port: 3000,
            }),
            registry: Some(ServiceRegistry {
                registry: "arn:aws:servicediscovery:eu-west-1:123456789012:service/srv-1".into(),
                container: Some("app".into()),
                port: Some(3000),
            }),
            connect: Some(ServiceConnect {
                namespace: "arn:aws:servicediscovery:eu-west-1:123456789012:namespace/ns-1".into(),
                serves: [("api".into(), ConnectEndpoint::example())].into(),
                logs: Some(LogConfiguration {
                    driver: "awslogs".into(),
                    options: [("awslogs-group".into(), "/neap/course/task-api".into())].into(),
                    secret_options: BTreeMap::new(),
                }),
            }),
            subnets: ["subnet-1".into()].into(),
            security_groups: ["sg-1".into()].into(),
            public_ip: true,
            platform_version: "LATEST".into(),
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            deployment: Some(Deployment {
                strategy: Self::BLUE_GREEN.into(),
                bake_minutes: 5,
                hooks: vec![Hook {
                    function: "arn:aws:lambda:eu-west-1:123456789012:function:smoke".into(),
                    role: "arn:hook-role".into(),
                    stages: ["POST_TEST_TRAFFIC_SHIFT".into()].into(),
                    other: None,
                }],
            }),
            circuit_breaker: true,
            rollback: true,
            health_check_grace_seconds: 60,
            exec: false,
            propagate_tags: "SERVICE".into(),
            zone_rebalancing: "ENABLED".into(),
        }
    }
}
