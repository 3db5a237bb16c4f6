//! The tables of a task's containers.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{OneOrMany, Scalar, thirty, yes};

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
    /// Makes the container the log router of its task: it gets the output of every other container whose `logs` have the
    /// driver `awsfirelens`.
    pub firelens: Option<FirelensTable>,
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

/// A port that a container opens.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortTable {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The port of the instance, with network mode `bridge`; ECS chooses one unless it is given.
    #[schemars(range(min = 1, max = 65535))]
    pub host_port: Option<u16>,
    /// The protocol.
    #[serde(default)]
    pub protocol: PortProtocol,
    /// The mapping's name, by which Service Connect knows it.
    pub name: Option<String>,
    /// What is spoken there, for Service Connect; without it any TCP. AWS cannot change it under a service that serves it.
    pub app_protocol: Option<AppProtocol>,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AppProtocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2.
    Http2,
    /// gRPC.
    Grpc,
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
    /// The driver: `awslogs`, `splunk`, or `awsfirelens` for the log router of the task.
    pub driver: String,
    /// The driver's options; with `awsfirelens` those of the router's output plugin, and `log-driver-buffer-limit` for the
    /// lines that are held back while the router does not take them.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Options from secrets, written as in `secrets`.
    #[serde(default)]
    pub secret_options: BTreeMap<String, String>,
}

/// A log router (FireLens).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirelensTable {
    /// Which router the image has.
    #[serde(rename = "type")]
    pub router: Router,
    /// How ECS configures it.
    #[serde(default)]
    pub options: FirelensOptions,
}

/// A program that routes logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Router {
    /// Fluent Bit, such as `public.ecr.aws/aws-observability/aws-for-fluent-bit`.
    Fluentbit,
    /// Fluentd.
    Fluentd,
}

/// How ECS configures a log router.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FirelensOptions {
    /// Whether ECS adds the cluster, the task and its definition to every line; it does unless told otherwise.
    pub enable_ecs_log_metadata: Option<bool>,
    /// Where a configuration file of the user's own lies, which is included after what ECS writes.
    pub config_file_type: Option<ConfigFileType>,
    /// The file: its path in the image, or the ARN of the object in S3.
    pub config_file_value: Option<String>,
}

/// Where the configuration file of a log router lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConfigFileType {
    /// In the container's image.
    File,
    /// In S3; on instances alone.
    S3,
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

const fn five() -> u32 {
    5
}

const fn three() -> u32 {
    3
}
