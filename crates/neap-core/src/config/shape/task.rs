//! The tables of a task definition, but for its containers.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{CONTAINER_NAME, ContainerTable, Statement, names, yes};
use crate::reference::Processor;

/// An ECS task definition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskTable {
    /// The family's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// The name of the `[cluster.x]` that a task without a service is run on, by `aws ecs run-task` or a schedule: on its
    /// instances, if it has some, and on Fargate otherwise.
    pub cluster: Option<String>,
    /// CPU units of the whole task: 1024 are one vCPU.
    #[schemars(range(min = 128, max = 196_608))]
    pub cpu: Option<u32>,
    /// Memory of the whole task in MiB.
    #[schemars(range(min = 4, max = 1_048_576))]
    pub memory: Option<u32>,
    /// The processor that the image is built for.
    #[serde(default)]
    pub architecture: Architecture,
    /// How containers reach the network: `awsvpc` on Fargate, which has no other, and `bridge` on instances unless said
    /// otherwise.
    pub network_mode: Option<NetworkMode>,
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

impl Architecture {
    /// What instances call it.
    pub const fn processor(self) -> Processor {
        match self {
            Self::X86_64 => Processor::X86,
            Self::Arm64 => Processor::Arm,
        }
    }
}

/// How containers reach the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// Each task has a network interface of its own.
    Awsvpc,
    /// The containers are behind ports of their instance, which ECS chooses unless they are given.
    Bridge,
    /// The containers have the ports of their instance.
    Host,
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

/// A volume of a task. It lives as long as the task, unless it is a file system or a folder of the instance.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeTable {
    /// An EFS file system instead of storage that lives as long as the task.
    pub efs: Option<EfsTable>,
    /// The path of a folder of the instance that the task runs on. Fargate has none.
    pub host: Option<String>,
}

/// An EFS file system as a volume. Its mount targets must let in the tasks' security group on port 2049.
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
    /// Whether what goes between the task and the file system is encrypted. `access_point` and `iam` need it.
    #[serde(default = "yes")]
    pub transit_encryption: bool,
    /// Whether the role of the task is used to mount it. A role of the stack's own is allowed to; the root of a container
    /// is nobody there unless it is allowed `elasticfilesystem:ClientRootAccess` too.
    #[serde(default)]
    pub iam: bool,
}

fn root_folder() -> String {
    "/".to_owned()
}
