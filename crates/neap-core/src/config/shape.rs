//! The shape of `stack.toml`: one structure for each table that users write.
//!
//! Decides which keys exist, their types, ranges and allowed values; the published JSON Schema and the
//! checks before deserialising both come from here. Must not know defaults that depend on other
//! tables (see `lower`) nor anything of AWS beyond its words.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

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
    /// ECS services.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub service: IndexMap<String, ServiceTable>,
    /// CloudFront distributions.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub cloudfront: IndexMap<String, CloudfrontTable>,
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

/// The VPC that everything lives in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkTable {
    /// The VPC: its id (`vpc-0abc…`), or `{ name = "…" }` for its Name tag.
    pub vpc: Option<VpcSelector>,
}

/// How an existing VPC is named.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VpcSelector {
    /// By its id.
    Id(String),
    /// By its Name tag.
    Named(VpcName),
}

/// A VPC by its Name tag.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VpcName {
    /// The value of the Name tag.
    pub name: String,
}

/// An ECR repository.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EcrTable {
    /// The repository's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// How many images the lifecycle policy keeps; without it all stay.
    #[schemars(range(min = 1, max = 1000))]
    pub keep_images: Option<u32>,
    /// Whether a pushed tag may be pushed again.
    #[serde(default)]
    pub tag_mutability: TagMutability,
    /// Whether each pushed image is scanned for known flaws.
    #[serde(default)]
    pub scan_on_push: bool,
    /// How images are encrypted.
    #[serde(default)]
    pub encryption: EcrEncryption,
    /// The ARN of the KMS key, with `encryption = "KMS"`; without it AWS's own key.
    pub kms_key: Option<String>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// Whether a pushed tag may be pushed again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TagMutability {
    /// A tag may move to another image.
    #[default]
    Mutable,
    /// A tag stays with its image.
    Immutable,
}

/// How ECR encrypts images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum EcrEncryption {
    /// With keys that ECR manages.
    #[default]
    #[serde(rename = "AES256")]
    Aes256,
    /// With a KMS key.
    #[serde(rename = "KMS")]
    Kms,
}

/// An ECS cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterTable {
    /// The cluster's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// Where the tasks of services that name no capacity of their own run.
    #[serde(default)]
    pub capacity: Capacity,
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

/// Where tasks run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Capacity {
    /// On one provider.
    One(Provider),
    /// On several, by weight: `{ fargate = { base = 1, weight = 1 }, fargate_spot = 3 }`.
    Weighted(WeightedCapacity),
}

impl Default for Capacity {
    fn default() -> Self {
        Self::One(Provider::Fargate)
    }
}

/// A capacity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Fargate at its list price.
    Fargate,
    /// Fargate on spare capacity: cheaper, and interrupted with two minutes' notice.
    FargateSpot,
}

/// Shares of capacity providers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightedCapacity {
    /// Fargate at its list price.
    pub fargate: Option<Share>,
    /// Fargate on spare capacity.
    pub fargate_spot: Option<Share>,
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

/// An ECS task definition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskTable {
    /// The family's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// CPU units of the whole task: 1024 are one vCPU.
    #[schemars(range(min = 128, max = 196_608))]
    pub cpu: Option<u32>,
    /// Memory of the whole task in MiB.
    #[schemars(range(min = 4, max = 1_048_576))]
    pub memory: Option<u32>,
    /// The processor that the image is built for.
    #[serde(default)]
    pub architecture: Architecture,
    /// How containers reach the network; Fargate has only `awsvpc`.
    #[serde(default)]
    pub network_mode: NetworkMode,
    /// Ephemeral storage in GiB; everyone gets 20.
    #[schemars(range(min = 21, max = 200))]
    pub ephemeral_storage: Option<u32>,
    /// What the containers may do in AWS: the name of a `[role.x]`, an ARN, or the policies themselves.
    pub role: Option<TaskRole>,
    /// The role that pulls images and reads secrets: the name of a `[role.x]` or an ARN instead of the implied one.
    pub execution_role: Option<String>,
    /// The log group of the containers: the name of a `[log_group.x]` instead of the implied one.
    pub log_group: Option<String>,
    /// Volumes that containers can mount.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(CONTAINER_NAME)))]
    pub volume: IndexMap<String, VolumeTable>,
    /// The containers.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(CONTAINER_NAME)))]
    pub container: IndexMap<String, ContainerTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// The processor that an image is built for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Architecture {
    /// Intel and AMD.
    #[default]
    #[serde(rename = "x86_64")]
    X86_64,
    /// Graviton; what a Mac with Apple silicon builds by default.
    #[serde(rename = "arm64")]
    Arm64,
}

/// How containers reach the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// Each task has a network interface of its own.
    #[default]
    Awsvpc,
}

/// What the containers of a task may do in AWS.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TaskRole {
    /// The name of a `[role.x]`, or an ARN.
    Named(String),
    /// The policies of a role of the task's own.
    Own(OwnRole),
}

/// The policies of a role of the task's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnRole {
    /// ARNs of managed policies, or the names of AWS's own (`AmazonS3ReadOnlyAccess`).
    #[serde(default)]
    pub managed_policies: Vec<String>,
    /// Statements of an inline policy.
    #[serde(default)]
    pub statement: Vec<Statement>,
}

/// A statement of a policy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Whether the actions are allowed or denied.
    #[serde(default)]
    pub effect: Effect,
    /// Actions, such as `s3:GetObject`.
    #[schemars(length(min = 1))]
    pub actions: Vec<String>,
    /// ARNs of the resources.
    #[schemars(length(min = 1))]
    pub resources: Vec<String>,
    /// Conditions, as in the policy language: operator, key, values.
    #[serde(default)]
    pub condition: BTreeMap<String, BTreeMap<String, OneOrMany<String>>>,
}

/// Whether actions are allowed or denied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Effect {
    /// Allowed.
    #[default]
    Allow,
    /// Denied, whatever else allows it.
    Deny,
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

/// A volume of a task. Without `efs` it lives as long as the task.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeTable {
    /// An EFS file system instead of storage that lives as long as the task.
    pub efs: Option<EfsTable>,
}

/// An EFS file system as a volume.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EfsTable {
    /// The file system's id, `fs-…`.
    #[schemars(regex(pattern = r"^fs-[0-9a-f]+$"))]
    pub file_system: String,
    /// The folder in it.
    #[serde(default = "root_folder")]
    pub root: String,
    /// The access point's id, `fsap-…`.
    pub access_point: Option<String>,
    /// Whether the task role is used to mount it.
    #[serde(default)]
    pub iam: bool,
}

fn root_folder() -> String {
    "/".to_owned()
}

/// One container of a task.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerTable {
    /// The image, such as `${ecr.api}:v1` or `public.ecr.aws/nginx/nginx:1.27`.
    pub image: String,
    /// The one port that the container opens.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The ports that the container opens, where it opens several or names them.
    #[serde(default)]
    pub ports: Vec<PortTable>,
    /// Whether the task stops when this container does.
    #[serde(default = "yes")]
    pub essential: bool,
    /// CPU units of this container's own.
    #[schemars(range(min = 0, max = 196_608))]
    pub cpu: Option<u32>,
    /// The memory in MiB at which the container is killed.
    #[schemars(range(min = 4, max = 1_048_576))]
    pub memory: Option<u32>,
    /// The memory in MiB that is kept for the container.
    #[schemars(range(min = 4, max = 1_048_576))]
    pub memory_reservation: Option<u32>,
    /// Replaces the image's command.
    #[serde(default)]
    pub command: Vec<String>,
    /// Replaces the image's entry point.
    #[serde(default)]
    pub entry_point: Vec<String>,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, Scalar>,
    /// Environment variables from secrets: `ssm:/path`, `secretsmanager:name`, or an ARN.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Containers that must come first.
    #[serde(default)]
    pub depends_on: BTreeMap<String, DependencyCondition>,
    /// How ECS tells whether the container is healthy.
    pub health_check: Option<ContainerHealthCheckTable>,
    /// Where the output goes: `false` for nowhere, or a log driver with its options. By default to the log group.
    pub logs: Option<Logs>,
    /// Volumes that the container mounts, by path.
    #[serde(default)]
    pub mount: BTreeMap<String, Mount>,
    /// Limits by name, such as `nofile`.
    #[serde(default)]
    pub ulimits: BTreeMap<String, UlimitTable>,
    /// The user that it runs as.
    pub user: Option<String>,
    /// The folder that it starts in.
    pub working_directory: Option<String>,
    /// Whether its root file system is read-only.
    #[serde(default)]
    pub read_only_root: bool,
    /// Whether an init process reaps its children.
    #[serde(default)]
    pub init_process: bool,
    /// Seconds that it has to start.
    #[schemars(range(min = 2, max = 120))]
    pub start_timeout: Option<u32>,
    /// Seconds that it has to stop.
    #[schemars(range(min = 0, max = 120))]
    pub stop_timeout: Option<u32>,
    /// Docker labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}

/// A port that a container opens.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortTable {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The protocol.
    #[serde(default)]
    pub protocol: PortProtocol,
    /// The mapping's name.
    pub name: Option<String>,
}

/// The protocol of a container's port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PortProtocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// What must have happened to a container before another starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DependencyCondition {
    /// It has started.
    Start,
    /// It has ended.
    Complete,
    /// It has ended with exit code 0.
    Success,
    /// Its health check succeeds.
    Healthy,
}

/// How ECS tells whether a container is healthy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerHealthCheckTable {
    /// The command: a string for the container's shell, or a list that begins with `CMD` or `CMD-SHELL`.
    pub command: OneOrMany<String>,
    /// Seconds between two checks.
    #[serde(default = "thirty")]
    #[schemars(range(min = 5, max = 300))]
    pub interval: u32,
    /// Seconds that a check may take.
    #[serde(default = "five")]
    #[schemars(range(min = 2, max = 60))]
    pub timeout: u32,
    /// Failures in a row that make the container unhealthy.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 10))]
    pub retries: u32,
    /// Seconds at the start in which failures do not count.
    #[serde(default)]
    #[schemars(range(min = 0, max = 300))]
    pub start_period: u32,
}

const fn thirty() -> u32 {
    30
}

const fn five() -> u32 {
    5
}

const fn three() -> u32 {
    3
}

/// Where a container's output goes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Logs {
    /// `false` for nowhere, `true` for the log group.
    Switch(bool),
    /// A log driver.
    Driver(LogDriver),
}

/// A log driver with its options.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogDriver {
    /// The driver, such as `awslogs` or `splunk`.
    pub driver: String,
    /// The driver's options.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Options from secrets, written as in `secrets`.
    #[serde(default)]
    pub secret_options: BTreeMap<String, String>,
}

/// A volume that a container mounts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Mount {
    /// The volume's name.
    Volume(String),
    /// The volume's name with how it is mounted.
    Full(FullMount),
}

/// A volume and how it is mounted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullMount {
    /// The volume's name.
    pub volume: String,
    /// Whether the container may only read.
    #[serde(default)]
    pub read_only: bool,
}

/// A soft and a hard limit.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UlimitTable {
    /// The soft limit.
    pub soft: i32,
    /// The hard limit.
    pub hard: i32,
}

/// A target group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetGroupTable {
    /// The group's name instead of `<stack>-<name>-<hash>`. A change that AWS cannot make in place then deletes first.
    pub name: Option<String>,
    /// The port of its targets.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The protocol of its targets.
    #[serde(default)]
    pub protocol: HttpProtocol,
    /// The version of HTTP that targets speak.
    #[serde(default)]
    pub protocol_version: ProtocolVersion,
    /// How healthy targets are told.
    #[serde(default)]
    pub health_check: HealthCheckTable,
    /// Seconds that a leaving target has to finish. AWS's default of 300 makes each deployment slow.
    #[serde(default = "thirty")]
    #[schemars(range(min = 0, max = 3600))]
    pub deregistration_delay: u32,
    /// Seconds in which a new target's share grows to the full one.
    #[serde(default)]
    #[schemars(range(min = 0, max = 900))]
    pub slow_start: u32,
    /// How a target is chosen.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Whether a client keeps its target.
    pub stickiness: Option<StickinessTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// HTTP with or without TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpProtocol {
    /// HTTP.
    #[default]
    Http,
    /// HTTPS.
    Https,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProtocolVersion {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2.
    Http2,
    /// gRPC.
    Grpc,
}

/// How a target is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest open requests.
    LeastOutstandingRequests,
    /// At random, by weight.
    WeightedRandom,
}

/// How healthy targets are told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheckTable {
    /// The path that is asked for; `/` by default.
    pub path: Option<String>,
    /// The status codes of a healthy answer, such as `200-399`; `200` by default.
    pub matcher: Option<String>,
    /// A port other than the targets' own.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The protocol; the group's own by default.
    pub protocol: Option<HttpProtocol>,
    /// Seconds between two checks; 30 by default.
    #[schemars(range(min = 5, max = 300))]
    pub interval: Option<u32>,
    /// Seconds that a target has to answer; 6 by default, and always less than the interval.
    #[schemars(range(min = 2, max = 120))]
    pub timeout: Option<u32>,
    /// Good checks in a row that make a target healthy; 5 by default.
    #[schemars(range(min = 2, max = 10))]
    pub healthy_threshold: Option<u32>,
    /// Bad checks in a row that make a target unhealthy; 2 by default.
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy_threshold: Option<u32>,
}

/// Whether a client keeps its target.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StickinessTable {
    /// Seconds for which a client keeps its target.
    #[schemars(range(min = 1, max = 604_800))]
    pub duration: u32,
    /// The application's cookie; without it the load balancer sets one of its own.
    pub cookie: Option<String>,
}

/// An application load balancer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlbTable {
    /// The load balancer's name instead of `<stack>-<name>-<hash>`.
    pub name: Option<String>,
    /// Whether the internet reaches it.
    #[serde(default)]
    pub scheme: Scheme,
    /// IPv4 alone, or IPv6 too.
    #[serde(default)]
    pub ip_address_type: IpAddressType,
    /// Ids of subnets in at least two availability zones, instead of the VPC's own.
    #[serde(default)]
    pub subnets: Vec<String>,
    /// Names of `[security_group.x]` or ids, instead of the implied group.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Seconds after which an idle connection is closed.
    #[serde(default = "sixty")]
    #[schemars(range(min = 1, max = 4000))]
    pub idle_timeout: u32,
    /// Whether AWS refuses to delete it.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Whether clients may speak HTTP/2.
    #[serde(default = "yes")]
    pub http2: bool,
    /// Whether header fields with invalid names are dropped.
    #[serde(default)]
    pub drop_invalid_header_fields: bool,
    /// The ports that it listens on.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub listener: IndexMap<String, ListenerTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

const fn sixty() -> u32 {
    60
}

/// Whether the internet reaches a load balancer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// It does.
    #[default]
    InternetFacing,
    /// Only the VPC does.
    Internal,
}

/// The addresses of a load balancer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IpAddressType {
    /// IPv4 alone.
    #[default]
    Ipv4,
    /// IPv4 and IPv6.
    Dualstack,
}

/// A listener of a load balancer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerTable {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The protocol: HTTPS where there is a certificate, otherwise HTTP.
    pub protocol: Option<HttpProtocol>,
    /// The certificate's ARN, for HTTPS.
    pub certificate: Option<String>,
    /// The security policy, for HTTPS; without it AWS chooses.
    pub ssl_policy: Option<String>,
    /// What happens to requests that no rule takes.
    pub default: ActionTable,
    /// Rules, each with a priority of its own.
    #[serde(default)]
    pub rule: Vec<RuleTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What happens to a request: exactly one of the keys.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionTable {
    /// Hands the request to a target group.
    pub forward: Option<Forward>,
    /// Answers with another place.
    pub redirect: Option<Redirect>,
    /// Answers by itself.
    pub fixed_response: Option<FixedResponse>,
}

/// A rule of a listener: which requests it takes, and exactly one of `forward`, `redirect`, `fixed_response`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleTable {
    /// The rule's place: the lowest number that fits a request takes it.
    #[schemars(range(min = 1, max = 50_000))]
    pub priority: u32,
    /// Which requests the rule takes.
    pub when: When,
    /// Hands the request to a target group.
    pub forward: Option<Forward>,
    /// Answers with another place.
    pub redirect: Option<Redirect>,
    /// Answers by itself.
    pub fixed_response: Option<FixedResponse>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Which requests a rule takes: all that are given must hold, and at least one must be given.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Paths, with `*` and `?` as wildcards.
    #[serde(default)]
    pub path: Vec<String>,
    /// Host names, with wildcards.
    #[serde(default)]
    pub host: Vec<String>,
    /// Values by header name.
    #[serde(default)]
    pub header: BTreeMap<String, OneOrMany<String>>,
    /// Request methods.
    #[serde(default)]
    pub method: Vec<String>,
    /// Query parameters: values by name.
    #[serde(default)]
    pub query: BTreeMap<String, OneOrMany<String>>,
    /// CIDRs of the client.
    #[serde(default)]
    pub source_ip: Vec<String>,
}

/// The target groups that a request is handed to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Forward {
    /// The name of a `[target_group.x]`.
    One(String),
    /// Several with their weights.
    Weighted(WeightedForward),
}

/// Several target groups with their weights.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightedForward {
    /// Weights by the name of a `[target_group.x]`, 0 to 999.
    pub weights: BTreeMap<String, u32>,
    /// Seconds for which a client stays with its group.
    #[schemars(range(min = 1, max = 604_800))]
    pub stickiness: Option<u32>,
}

/// Another place. What is not given stays as in the request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// The protocol.
    pub protocol: Option<HttpProtocol>,
    /// The host.
    pub host: Option<String>,
    /// The port; with `protocol` its own, 80 or 443, by default.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// The path, with a leading slash.
    pub path: Option<String>,
    /// The query, without the question mark.
    pub query: Option<String>,
    /// 301 for ever, 302 for now.
    #[serde(default = "moved")]
    #[schemars(extend("enum" = [301, 302]))]
    pub status: u16,
}

const fn moved() -> u16 {
    301
}

/// An answer by the load balancer itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedResponse {
    /// The status code: 2xx, 4xx or 5xx.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// The content type.
    #[serde(default)]
    pub content_type: ContentType,
    /// The body.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub body: String,
}

/// A content type that a load balancer can answer with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ContentType {
    /// Text.
    #[default]
    #[serde(rename = "text/plain")]
    Plain,
    /// HTML.
    #[serde(rename = "text/html")]
    Html,
    /// CSS.
    #[serde(rename = "text/css")]
    Css,
    /// JavaScript.
    #[serde(rename = "application/javascript")]
    JavaScript,
    /// JSON.
    #[serde(rename = "application/json")]
    Json,
}

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
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

const fn one() -> u32 {
    1
}

const fn hundred() -> u32 {
    100
}

const fn two_hundred() -> u32 {
    200
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

/// A CloudFront distribution.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudfrontTable {
    /// A comment, shown in the console.
    #[serde(default)]
    pub comment: String,
    /// Whether it answers at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which edge locations serve it: fewer are cheaper.
    #[serde(default)]
    pub price_class: PriceClass,
    /// What `/` answers, such as `index.html`.
    #[serde(default)]
    pub default_root_object: String,
    /// The versions of HTTP that viewers may speak.
    #[serde(default)]
    pub http_version: HttpVersion,
    /// Whether it answers over IPv6.
    #[serde(default = "yes")]
    pub ipv6: bool,
    /// Which path goes where, in order; `/*` is the rest and must be there.
    #[serde(default)]
    pub route: Vec<RouteTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// Which edge locations serve a distribution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PriceClass {
    /// North America and Europe.
    #[serde(rename = "100")]
    Cheapest,
    /// Most of the world: Asia, Africa and the Middle East too.
    #[default]
    #[serde(rename = "200")]
    Most,
    /// All of the world.
    All,
}

/// The versions of HTTP that viewers may speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HttpVersion {
    /// HTTP/1.1.
    #[serde(rename = "http1.1")]
    Http1,
    /// Up to HTTP/2.
    #[default]
    Http2,
    /// Up to HTTP/3, without HTTP/2.
    Http3,
    /// Up to HTTP/3.
    Http2and3,
}

/// Which path goes where.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// The path, with `*` and `?` as wildcards; `/*` is the rest.
    pub path: String,
    /// The address of a load balancer (`alb.public`), or a URL (`https://example.com`).
    pub origin: String,
    /// The name of a managed cache policy. Nothing is kept from a load balancer by default, much from elsewhere.
    pub cache: Option<String>,
    /// The name of a managed origin-request policy, or `none`. A load balancer sees everything by default.
    pub origin_request: Option<String>,
    /// The methods that are let through: all for a load balancer by default, `read` for the rest.
    pub methods: Option<Methods>,
    /// What happens to viewers without TLS.
    #[serde(default)]
    pub viewer_protocol: ViewerProtocol,
    /// Whether answers are compressed.
    #[serde(default = "yes")]
    pub compress: bool,
    /// Headers that the origin gets with each request. Routes of one origin share them.
    #[serde(default)]
    pub origin_headers: BTreeMap<String, String>,
}

/// The methods that a route lets through, as CloudFront groups them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Methods {
    /// GET and HEAD.
    Read,
    /// GET, HEAD and OPTIONS.
    Options,
    /// All seven.
    All,
}

/// What happens to viewers without TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ViewerProtocol {
    /// They are sent to HTTPS.
    #[default]
    RedirectToHttps,
    /// They are turned away.
    HttpsOnly,
    /// They are served.
    AllowAll,
}

/// A security group with rules of the user's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroupTable {
    /// The group's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// What may come in.
    #[serde(default)]
    pub ingress: Vec<SecurityGroupRuleTable>,
    /// What may go out; everything by default, nothing with `[]`.
    pub egress: Option<Vec<SecurityGroupRuleTable>>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// A rule of a security group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroupRuleTable {
    /// The protocol.
    #[serde(default)]
    pub protocol: SecurityGroupProtocol,
    /// One port, or a range such as `8000-8080`; without it all ports.
    pub port: Option<PortRange>,
    /// The other side: CIDRs, names of `[security_group.x]`, ids of groups or prefix lists, `self`, or the address of
    /// a load balancer or service whose implied group is meant.
    pub peer: OneOrMany<String>,
    /// What the rule is for.
    #[serde(default)]
    pub description: String,
}

/// The protocol of a security group's rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecurityGroupProtocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, of every type.
    Icmp,
    /// Every protocol and port.
    All,
}

/// One port or a range.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PortRange {
    /// One port.
    One(#[schemars(range(min = 0, max = 65535))] u16),
    /// `first-last`.
    Range(#[schemars(regex(pattern = r"^[0-9]{1,5}-[0-9]{1,5}$"))] String),
}

/// An IAM role.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleTable {
    /// The role's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// The AWS service that may assume the role; `ecs-tasks.amazonaws.com` by default.
    pub service: Option<String>,
    /// What the role is for.
    #[serde(default)]
    pub description: String,
    /// ARNs of managed policies, or the names of AWS's own.
    #[serde(default)]
    pub managed_policies: Vec<String>,
    /// Statements of an inline policy.
    #[serde(default)]
    pub statement: Vec<Statement>,
    /// The longest session in seconds.
    #[serde(default = "hour")]
    #[schemars(range(min = 3600, max = 43_200))]
    pub max_session: u32,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

const fn hour() -> u32 {
    3600
}

/// A CloudWatch log group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogGroupTable {
    /// The group's name instead of `/neap/<stack>/<name>`.
    pub name: Option<String>,
    /// Days for which events are kept, or `never-expire`.
    #[serde(default)]
    pub retention: Retention,
    /// How events are stored: infrequent access costs half and cannot be tailed.
    #[serde(default)]
    pub class: LogClass,
    /// The ARN of a KMS key.
    pub kms_key: Option<String>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// How long events are kept.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Retention {
    /// Days, of those that CloudWatch Logs offers.
    Days(#[schemars(extend("enum" = crate::kinds::RETENTION_DAYS))] u32),
    /// For ever.
    Forever(Forever),
}

impl Default for Retention {
    fn default() -> Self {
        Self::Days(14)
    }
}

/// The word for keeping events for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Forever {
    /// Events are never deleted.
    #[serde(rename = "never-expire")]
    NeverExpire,
}

/// How events are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LogClass {
    /// The full set of features.
    #[default]
    Standard,
    /// Half the price, fewer features.
    InfrequentAccess,
}
