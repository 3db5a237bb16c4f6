//! The shape of `stack.toml`: one structure for each table that users write, in one file for each kind.
//!
//! Decides which keys exist, their types, ranges and allowed values; the published JSON Schema and the
//! checks before deserialising both come from here. Must not know defaults that depend on other
//! tables (see `lower`) nor anything of AWS beyond its words.

mod alb;
mod bucket;
mod certificate;
mod clb;
mod cloudfront;
mod cluster;
mod container;
mod domain;
mod ecr;
mod function;
mod instances;
mod listener;
mod log_group;
mod namespace;
mod network;
mod nlb;
mod role;
mod scaling;
mod service;
mod target_group;
mod task;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

pub use alb::{AlbTable, IpAddressType, ReachableFrom, Scheme};
pub use bucket::{BucketEncryption, BucketTable, CorsMethod, CorsTable, LifecycleTable};
pub use certificate::{CertificateTable, KeyAlgorithm, Validation};
pub use clb::{ClbHealthCheckTable, ClbListenerTable, ClbProtocol, ClbStickinessTable, ClbTable};
pub use cloudfront::{
    CloudfrontTable, HttpVersion, Methods, MinimumProtocol, PriceClass, RouteFunctions, RouteTable,
    ViewerProtocol,
};
pub use cluster::{Capacity, ClusterCapacity, ClusterTable, ContainerInsights, FullShare, Share};
pub use container::{
    AppProtocol, ConfigFileType, ContainerHealthCheckTable, ContainerTable, DependencyCondition,
    FirelensOptions, FirelensTable, FullMount, LogDriver, Logs, Mount, PortProtocol, PortTable, Router,
    UlimitTable,
};
pub use domain::DomainTable;
pub use ecr::{EcrEncryption, EcrTable, TagMutability};
pub use function::{FunctionRuntime, FunctionTable};
pub use instances::{InstanceScalingTable, InstanceTracking, InstancesTable};
pub use listener::{
    ActionTable, ContentType, FixedResponse, Forward, ListenerTable, Redirect, RuleTable, WeightedForward,
    When,
};
pub use log_group::{Forever, LogClass, LogGroupTable, Retention};
pub use namespace::{
    ConnectTable, ConnectTlsTable, DiscoveryTable, NamespaceTable, NamespaceType, RecordType, ServeTable,
};
pub use network::{
    Nat, NetworkTable, PortRange, Private, SecurityGroupProtocol, SecurityGroupRuleTable, SecurityGroupTable,
    SubnetGroup, Subnets, VpcName, VpcSelector, Zones,
};
pub use nlb::{AlpnPolicy, NlbListenerTable, NlbTable, TransportProtocol};
pub use role::{Effect, RoleTable, Statement};
pub use scaling::{
    Adjustment, Aggregation, FullTracking, Metric, MetricTable, MissingData, Number, ScalingTable,
    ScheduleTable, Statistic, StepPolicyTable, StepTable, Suspended, Tracking, UsageMetric,
};
pub use service::{
    DeploymentStrategy, DeploymentTable, HookStage, HookTable, SchedulingStrategy, ServiceTable, TargetTable,
};
pub use target_group::{
    Algorithm, CookieTable, HealthCheckProtocol, HealthCheckTable, HttpProtocol, ProtocolVersion, SourceIp,
    StickinessTable, TargetGroupTable, TargetProtocol,
};
pub use task::{Architecture, EfsTable, NetworkMode, OwnRole, TaskRole, TaskTable, VolumeTable};

/// What names of resources, listeners and variables look like; see [`crate::address::is_name`].
const NAME: &str = r"^[a-z0-9_-]{1,40}$";
/// What names of containers and volumes look like in ECS.
const CONTAINER_NAME: &str = r"^[A-Za-z0-9_-]{1,255}$";
/// What names of environments look like: they become part of the stack's name.
const ENVIRONMENT_NAME: &str = r"^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$";

fn names(pattern: &str) -> serde_json::Value {
    serde_json::json!({ "pattern": pattern })
}

/// A neap stack: everything that one file describes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "neap stack file")]
pub struct StackFile {
    /// The stack's name and where it lives.
    pub stack: StackTable,
    /// Variables, used as `${var.name}` in any string.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub var: IndexMap<String, Variable>,
    /// Overlays: `[env.prod.service.api]` changes `[service.api]` under `--env prod`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(ENVIRONMENT_NAME)))]
    pub env: IndexMap<String, serde_json::Map<String, serde_json::Value>>,
    /// The VPC that everything lives in; the account's default VPC unless said otherwise.
    #[serde(default)]
    pub network: NetworkTable,
    /// ECR repositories.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub ecr: IndexMap<String, EcrTable>,
    /// ECS clusters.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub cluster: IndexMap<String, ClusterTable>,
    /// ECS task definitions.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub task: IndexMap<String, TaskTable>,
    /// Target groups.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub target_group: IndexMap<String, TargetGroupTable>,
    /// Application load balancers with their listeners and rules.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub alb: IndexMap<String, AlbTable>,
    /// Network load balancers with their listeners.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub nlb: IndexMap<String, NlbTable>,
    /// Classic load balancers with their listeners.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub clb: IndexMap<String, ClbTable>,
    /// ECS services.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub service: IndexMap<String, ServiceTable>,
    /// Namespaces of Cloud Map.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub namespace: IndexMap<String, NamespaceTable>,
    /// S3 buckets.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub bucket: IndexMap<String, BucketTable>,
    /// CloudFront distributions.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub cloudfront: IndexMap<String, CloudfrontTable>,
    /// Certificates of AWS Certificate Manager.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub certificate: IndexMap<String, CertificateTable>,
    /// CloudFront functions.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub function: IndexMap<String, FunctionTable>,
    /// Names in Route 53 that lead to distributions and load balancers.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub domain: IndexMap<String, DomainTable>,
    /// Security groups, where the implied ones do not fit.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub security_group: IndexMap<String, SecurityGroupTable>,
    /// IAM roles, where the implied ones do not fit.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub role: IndexMap<String, RoleTable>,
    /// CloudWatch log groups, where the implied ones do not fit.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub log_group: IndexMap<String, LogGroupTable>,
    /// Values that `neap output NAME` prints, such as `url = "http://${alb.public.dns_name}"`.
    #[serde(default)]
    pub output: IndexMap<String, String>,
}

/// The stack's name and where it lives.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackTable {
    /// The stack's name: lower-case letters, digits and hyphens. The names of all its resources begin with it.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{0,22}[a-z0-9]$"))]
    pub name: String,
    /// The AWS region, such as `ap-northeast-2`. `--region` overrides it; without both, your AWS profile decides.
    pub region: Option<String>,
    /// The only account that the stack may be applied to.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub account: Option<String>,
    /// Where the lock lies that keeps two from changing the stack at once: `"ssm"`, the default, is a parameter in
    /// Systems Manager that is there only meanwhile; `"none"` is nowhere.
    pub lock: Option<String>,
    /// Tags on everything that takes tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A variable: `--var name=value`, `NEAP_VAR_name`, or the default.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// The value where nothing else gives one; without it the variable must be given.
    pub default: Option<Scalar>,
    /// What the variable is for.
    pub description: Option<String>,
    /// Whether the value is kept out of plans, logs and files.
    #[serde(default)]
    pub sensitive: bool,
}

/// A string, a number or a boolean.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// A boolean.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A string.
    String(String),
}

/// One value or a list.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One value.
    One(T),
    /// A list.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// The values, however they were written.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

const fn yes() -> bool {
    true
}

const fn thirty() -> u32 {
    30
}
