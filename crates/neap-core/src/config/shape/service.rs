//! The tables of a service.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Capacity, ConnectTable, DiscoveryTable, OneOrMany, ScalingTable, Subnets, yes};
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
    /// Whether so many tasks run as `count` says, or one on each instance of the cluster. AWS cannot change it in place.
    #[serde(default)]
    pub strategy: SchedulingStrategy,
    /// How many tasks should run, by default 1; not with `strategy = "daemon"`. With `scaling`, how many run at first.
    #[schemars(range(min = 0, max = 5000))]
    pub count: Option<u32>,
    /// The target group that tasks register with, or a list of them, or a classic load balancer.
    pub target: Option<OneOrMany<TargetTable>>,
    /// The name by which other tasks find these in DNS.
    pub discovery: Option<DiscoveryTable>,
    /// Joins the tasks with others of a namespace, which reach each other by name through proxies.
    pub connect: Option<ConnectTable>,
    /// The names of the `[service.x]` that the tasks ask by name: their implied security groups let these in, and they
    /// come first.
    #[serde(default)]
    pub reaches: Vec<String>,
    /// Where tasks run, instead of the cluster's own capacity.
    pub capacity: Option<Capacity>,
    /// Ids of subnets, or `public` or `private` for those of the stack's own VPC, where tasks are in the private ones if there
    /// is a NAT gateway.
    #[serde(default)]
    pub subnets: Subnets,
    /// Names of `[security_group.x]` or ids, instead of the implied group.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Whether tasks get a public address: without a NAT gateway they need one to pull their image, so they get one unless they
    /// are in private subnets of the stack's own VPC. Of subnets that are named nobody knows what they are.
    pub public_ip: Option<bool>,
    /// The share of tasks that must stay healthy in a deployment, in percent; by default 100, of a daemon 0.
    #[schemars(range(min = 0, max = 100))]
    pub minimum_healthy_percent: Option<u32>,
    /// The share of tasks that may run in a deployment, in percent; by default 200, of a daemon 100 and never more.
    #[schemars(range(min = 100, max = 200))]
    pub maximum_percent: Option<u32>,
    /// How new tasks take over from old ones; one by one without it.
    pub deployment: Option<DeploymentTable>,
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
    /// What moves the number of tasks, and between which limits.
    pub scaling: Option<ScalingTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// How ECS decides how many tasks run, and where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SchedulingStrategy {
    /// As many tasks as `count` says, spread over what there is.
    #[default]
    Replica,
    /// One task on each instance of the cluster.
    Daemon,
}

/// A target group that tasks register with, or a classic load balancer that their instances register with.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetTable {
    /// The name of a `[target_group.x]`.
    pub group: Option<String>,
    /// The name of a `[clb.x]`, instead of `group`, for tasks on instances that answer on a fixed port of them.
    pub clb: Option<String>,
    /// The container that answers; the only one that opens a port by default.
    pub container: Option<String>,
    /// The port that it listens on; the container's only one by default.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The name of another `[target_group.x]` that takes turns with `group`, for blue/green deployments.
    pub alternate: Option<String>,
    /// The address of the listener or rule for those who test, such as `alb.public.listener.test`; found without it where the
    /// stack has just one way to each group.
    pub test: Option<String>,
}

/// How new tasks take over from old ones.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentTable {
    /// Whether they do so one by one or all at once.
    #[serde(default)]
    pub strategy: DeploymentStrategy,
    /// How long the old tasks stay, in minutes, once the new ones have all the traffic: so long one can go back at once. By
    /// default 5.
    #[schemars(range(min = 0, max = 1440))]
    pub bake_minutes: Option<u32>,
    /// Lambda functions that ECS asks on the way; one that says no ends the deployment.
    #[serde(default)]
    pub hooks: Vec<HookTable>,
    /// The name of a `[role.x]` with `service = "ecs.amazonaws.com"`, instead of the implied one by which ECS shifts traffic.
    pub role: Option<String>,
}

/// Whether new tasks take over one by one or all at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentStrategy {
    /// New tasks take over one by one.
    #[default]
    Rolling,
    /// All new tasks run beside the old ones, then all traffic moves to them.
    BlueGreen,
}

/// A Lambda function that ECS asks at some stages.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HookTable {
    /// The function's ARN.
    pub function: String,
    /// When it is asked.
    pub stages: Vec<HookStage>,
    /// The name of a `[role.x]` with `service = "ecs.amazonaws.com"`, instead of the implied one by which ECS invokes it.
    pub role: Option<String>,
}

/// A stage of a deployment at which ECS asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookStage {
    /// An earlier deployment was under way.
    ReconcileService,
    /// Before the new tasks start.
    PreScaleUp,
    /// When they run.
    PostScaleUp,
    /// While test traffic shifts to them.
    TestTrafficShift,
    /// When they have the test traffic.
    PostTestTrafficShift,
    /// Before the traffic shifts.
    PreProductionTrafficShift,
    /// While it shifts.
    ProductionTrafficShift,
    /// When they have the traffic.
    PostProductionTrafficShift,
}

impl HookStage {
    /// ECS's word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::ReconcileService => "RECONCILE_SERVICE",
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
            Self::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Self::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Self::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
        }
    }
}

impl TargetTable {
    /// The names of its target groups, each with this.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.group.iter().chain(&self.alternate).map(move |group| (group.as_str(), self))
    }
}

impl ServiceTable {
    /// Whether its deployments move from one target group to the other.
    pub(crate) fn is_blue_green(&self) -> bool {
        self.deployment.as_ref().is_some_and(|it| it.strategy == DeploymentStrategy::BlueGreen)
    }

    /// The targets.
    pub(crate) fn targets(&self) -> &[TargetTable] {
        self.target.as_ref().map_or(&[][..], OneOrMany::as_slice)
    }

    /// Whether one task runs on each instance, instead of a number of them.
    pub(crate) fn is_daemon(&self) -> bool {
        self.strategy == SchedulingStrategy::Daemon
    }

    /// How many tasks should run, or run at first where they are scaled; none where the number of instances says so.
    pub(crate) fn tasks(&self) -> Option<u32> {
        let least = self.scaling.as_ref().map_or(1, |scaling| scaling.min.max(1));
        (!self.is_daemon()).then(|| self.count.unwrap_or(least))
    }

    /// The shares of tasks that must stay healthy and that may run in a deployment, in percent. Those that AWS gives a
    /// daemon let a task stop before its successor starts, since an instance never runs two of them.
    pub(crate) fn percents(&self) -> (u32, u32) {
        let (minimum, maximum) = if self.is_daemon() { (0, 100) } else { (100, 200) };
        (self.minimum_healthy_percent.unwrap_or(minimum), self.maximum_percent.unwrap_or(maximum))
    }
}
