//! An ECS task definition in the reduced form in which desired and live compare (reference section 3.14):
//! AWS's defaults filled in, lists that AWS reorders as maps, empty and absent the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A volume that containers of a task can mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Volume {
    /// Storage that lives as long as the task.
    Ephemeral,
    /// A folder of the instance; EC2 only.
    Host {
        /// The folder's path on the instance.
        path: String,
    },
    /// An EFS file system.
    Efs {
        /// The file system's id.
        file_system: String,
        /// The folder in it.
        root: String,
        /// Whether what goes to it and comes from it is encrypted.
        transit_encryption: bool,
        /// The access point's id.
        access_point: Option<String>,
        /// Whether the task role is used to mount it.
        iam: bool,
    },
}

/// Where a container mounts a volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MountPoint {
    /// The volume's name.
    pub volume: String,
    /// The path in the container.
    pub path: String,
    /// Whether the container may only read.
    pub read_only: bool,
}

/// The ports of TCP that a container instance keeps for SSH, Docker and the agent of ECS, so that no task gets them ("hostPort" of ECS's API
/// reference).
pub const RESERVED_PORTS: [u16; 6] = [22, 2375, 2376, 51678, 51679, 51680];

/// A port that a container opens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PortMapping {
    /// The port inside the container.
    pub container_port: u16,
    /// The port outside; the same with network mode awsvpc, 0 for one that ECS chooses.
    pub host_port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The mapping's name; null where it has none.
    pub name: Option<String>,
    /// What is spoken there, `http`, `http2` or `grpc`, for Service Connect; unset for any TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
}

/// How ECS tells whether a container is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerHealthCheck {
    /// The command, beginning with `CMD` or `CMD-SHELL`.
    pub command: Vec<String>,
    /// Seconds between two checks, 5 to 300.
    pub interval_seconds: u32,
    /// Seconds that a check may take, 2 to 120.
    pub timeout_seconds: u32,
    /// Failures in a row that make the container unhealthy, 1 to 10.
    pub retries: u32,
    /// Seconds at the start in which failures do not count, 0 to 300.
    pub start_period_seconds: u32,
}

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogConfiguration {
    /// The driver, such as `awslogs`.
    pub driver: String,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
    /// Options whose value is a secret's ARN.
    pub secret_options: BTreeMap<String, String>,
}

/// What makes a container the log router of its task (FireLens): the others' output reaches it by the driver
/// `awsfirelens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firelens {
    /// `fluentbit` or `fluentd`.
    #[serde(rename = "type")]
    pub router: String,
    /// Its options as AWS names them; `enable-ecs-log-metadata` is always among them.
    pub options: BTreeMap<String, String>,
}

impl Firelens {
    /// A router with `options`, to which AWS's default of `enable-ecs-log-metadata` is added.
    pub fn new(router: impl Into<String>, mut options: BTreeMap<String, String>) -> Self {
        options.entry("enable-ecs-log-metadata".to_owned()).or_insert_with(|| "true".to_owned());
        Self { router: router.into(), options }
    }
}

/// A limit on a resource of the operating system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ulimit {
    /// The soft limit.
    pub soft: i32,
    /// The hard limit.
    pub hard: i32,
}

/// One container of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The image with its tag or digest.
    pub image: String,
    /// Whether the task stops when this container does.
    pub essential: bool,
    /// CPU units of the container; 0 for no share of its own.
    pub cpu: u32,
    /// The memory in MiB at which the container is killed.
    pub memory: Option<u32>,
    /// The memory in MiB that is kept for the container.
    pub memory_reservation: Option<u32>,
    /// Replaces the image's command.
    pub command: Vec<String>,
    /// Replaces the image's entry point.
    pub entry_point: Vec<String>,
    /// The ports that it opens.
    pub ports: BTreeSet<PortMapping>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Environment variables whose value is the secret with this ARN.
    pub secrets: BTreeMap<String, String>,
    /// Containers that must come first: `START`, `COMPLETE`, `SUCCESS` or `HEALTHY`, by name.
    pub depends_on: BTreeMap<String, String>,
    /// How ECS tells whether it is healthy.
    pub health_check: Option<ContainerHealthCheck>,
    /// Where its output goes.
    pub logs: Option<LogConfiguration>,
    /// What makes it the log router of its task; null for any other container.
    pub firelens: Option<Firelens>,
    /// The volumes that it mounts.
    pub mounts: BTreeSet<MountPoint>,
    /// Limits by name, such as `nofile`.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// The user that it runs as.
    pub user: Option<String>,
    /// The folder that it starts in.
    pub working_directory: Option<String>,
    /// Whether its root file system is read-only.
    pub read_only_root: bool,
    /// Whether an init process reaps its children.
    pub init_process: bool,
    /// Seconds that it has to start.
    pub start_timeout_seconds: Option<u32>,
    /// Seconds that it has to stop.
    pub stop_timeout_seconds: Option<u32>,
    /// Docker labels.
    pub labels: BTreeMap<String, String>,
}

/// An ECS task definition; each change registers a new revision of its family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The family, at most 255 characters.
    pub family: String,
    /// `FARGATE`, `EC2` or both.
    pub launch_types: BTreeSet<String>,
    /// `awsvpc`, `bridge`, `host` or `none`.
    pub network_mode: String,
    /// CPU units of the whole task; 1024 are one vCPU.
    pub cpu: Option<u32>,
    /// Memory of the whole task in MiB.
    pub memory: Option<u32>,
    /// `X86_64` or `ARM64`.
    pub architecture: String,
    /// Ephemeral storage in GiB, 21 to 200; null for the 20 that everyone gets.
    pub ephemeral_storage_gib: Option<u32>,
    /// The ARN of the role that pulls images, reads secrets and writes logs.
    pub execution_role: Option<String>,
    /// The ARN of the role that the containers have.
    pub task_role: Option<String>,
    /// Volumes by name.
    pub volumes: BTreeMap<String, Volume>,
    /// Containers by name.
    pub containers: BTreeMap<String, Container>,
}

impl Container {
    /// A container of `image` with everything else as AWS defaults it.
    pub fn of_image(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            essential: true,
            cpu: 0,
            memory: None,
            memory_reservation: None,
            command: Vec::new(),
            entry_point: Vec::new(),
            ports: BTreeSet::new(),
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            depends_on: BTreeMap::new(),
            health_check: None,
            logs: None,
            firelens: None,
            mounts: BTreeSet::new(),
            ulimits: BTreeMap::new(),
            user: None,
            working_directory: None,
            read_only_root: false,
            init_process: false,
            start_timeout_seconds: None,
            stop_timeout_seconds: None,
            labels: BTreeMap::new(),
        }
    }
}

impl Task {
    /// What is spoken at the port of this name: `http`, `http2` or `grpc` where the task says so, or else `tcp` or `udp`.
    pub fn spoken(&self, name: &str) -> Option<&str> {
        let mut ports = self.containers.values().flat_map(|container| &container.ports);
        let port = ports.find(|port| port.name.as_deref() == Some(name))?;
        Some(port.app_protocol.as_deref().unwrap_or(&port.protocol))
    }
}

impl KindOf for Task {
    const KIND: Kind = Kind::Task;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["family"],
        ignore_unset: &[],
        unordered: &["launch_types", "containers.ports", "containers.mounts"],
        documents: &["containers", "volumes"],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.family
    }

    fn example() -> Self {
        let pairs = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let container = Container {
            memory: Some(256),
            memory_reservation: Some(128),
            command: vec!["node".into()],
            entry_point: vec!["/bin/sh".into()],
            ports: [PortMapping {
                container_port: 3000,
                host_port: 3000,
                protocol: "tcp".into(),
                name: Some("http".into()),
                app_protocol: Some("http".into()),
            }]
            .into(),
            env: pairs("NODE_ENV", "production"),
            secrets: pairs("DB_URL", "arn:aws:ssm:eu-west-1:123456789012:parameter/course/db-url"),
            depends_on: pairs("proxy", "START"),
            health_check: Some(ContainerHealthCheck {
                command: vec!["CMD-SHELL".into(), "curl -f localhost".into()],
                interval_seconds: 30,
                timeout_seconds: 5,
                retries: 3,
                start_period_seconds: 0,
            }),
            logs: Some(LogConfiguration {
                driver: "awslogs".into(),
                options: pairs("awslogs-group", "/neap/course/api"),
                secret_options: pairs("token", "arn:secret"),
            }),
            firelens: Some(Firelens::new("fluentbit", pairs("config-file-type", "file"))),
            mounts: [MountPoint { volume: "data".into(), path: "/data".into(), read_only: true }].into(),
            ulimits: [("nofile".into(), Ulimit { soft: 1024, hard: 4096 })].into(),
            user: Some("node".into()),
            working_directory: Some("/app".into()),
            read_only_root: true,
            init_process: true,
            start_timeout_seconds: Some(60),
            stop_timeout_seconds: Some(30),
            labels: pairs("team", "api"),
            ..Container::of_image("course-api:v1")
        };
        Self {
            family: "course-api".into(),
            launch_types: ["FARGATE".into()].into(),
            network_mode: "awsvpc".into(),
            cpu: Some(256),
            memory: Some(512),
            architecture: "X86_64".into(),
            ephemeral_storage_gib: Some(30),
            execution_role: Some("arn:aws:iam::123456789012:role/neap/course/course-api-execution".into()),
            task_role: Some("arn:aws:iam::123456789012:role/neap/course/course-api-task".into()),
            volumes: [
                ("scratch".into(), Volume::Ephemeral),
                (
                    "data".into(),
                    Volume::Efs {
                        file_system: "fs-0123456789abcdef0".into(),
                        root: "/data".into(),
                        transit_encryption: true,
                        access_point: None,
                        iam: true,
                    },
                ),
            ]
            .into(),
            containers: [("app".into(), container)].into(),
        }
    }
}
