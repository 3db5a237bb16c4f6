//! From a task's fields to a registration.
//!
//! Decides which members are sent; what AWS would fill in by itself is mostly left out. Must not make calls.

use std::collections::BTreeMap;

use aws_sdk_ecs::error::BuildError;
use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionInputBuilder;
use aws_sdk_ecs::types::{
    ApplicationProtocol, Compatibility, ContainerCondition, ContainerDefinition, ContainerDependency,
    CpuArchitecture, EfsAuthorizationConfig, EfsAuthorizationConfigIam, EfsTransitEncryption,
    EfsVolumeConfiguration, EphemeralStorage, FirelensConfiguration, FirelensConfigurationType, HealthCheck,
    HostVolumeProperties, KeyValuePair, LinuxParameters, LogConfiguration as AwsLogConfiguration, LogDriver,
    MountPoint as AwsMountPoint, NetworkMode, OsFamily, PortMapping as AwsPortMapping, RuntimePlatform,
    Secret, TransportProtocol, Ulimit as AwsUlimit, UlimitName, Volume as AwsVolume,
};
use neap_core::kinds::{
    Container, ContainerHealthCheck, Firelens, LogConfiguration, MountPoint, PortMapping, Task, Ulimit,
    Volume,
};
use neap_engine::cloud::{CallError, ErrorKind};

use crate::ecs::count;
use crate::error::refused;

/// The registration of a task, without tags.
pub(super) fn registration(task: &Task) -> Result<RegisterTaskDefinitionInputBuilder, CallError> {
    built(task).map_err(|error| refused(ErrorKind::Invalid, super::REGISTER, error.to_string()))
}

fn built(task: &Task) -> Result<RegisterTaskDefinitionInputBuilder, BuildError> {
    let containers =
        task.containers.iter().map(|(name, value)| container(name, value)).collect::<Result<_, _>>()?;
    let volumes = task.volumes.iter().map(|(name, value)| volume(name, value)).collect::<Result<_, _>>()?;
    let launch_types = task.launch_types.iter().map(|name| Compatibility::from(name.as_str())).collect();
    let storage =
        task.ephemeral_storage_gib.map(|size| EphemeralStorage::builder().size_in_gib(count(size)).build());
    Ok(RegisterTaskDefinitionInputBuilder::default()
        .family(&task.family)
        .set_requires_compatibilities(Some(launch_types))
        .network_mode(NetworkMode::from(task.network_mode.as_str()))
        .set_cpu(task.cpu.map(|cpu| cpu.to_string()))
        .set_memory(task.memory.map(|memory| memory.to_string()))
        .set_runtime_platform(platform(task))
        .set_ephemeral_storage(storage)
        .set_execution_role_arn(task.execution_role.clone())
        .set_task_role_arn(task.task_role.clone())
        .set_volumes(some(volumes))
        .set_container_definitions(Some(containers)))
}

/// EC2 takes any platform that its instances have, so the usual one is named only where Fargate chooses by it.
fn platform(task: &Task) -> Option<RuntimePlatform> {
    let matters = task.launch_types.contains("FARGATE") || task.architecture != "X86_64";
    matters.then(|| {
        RuntimePlatform::builder()
            .cpu_architecture(CpuArchitecture::from(task.architecture.as_str()))
            .operating_system_family(OsFamily::Linux)
            .build()
    })
}

/// A list, or nothing in place of an empty one.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn container(name: &str, container: &Container) -> Result<ContainerDefinition, BuildError> {
    let labels = container.labels.clone().into_iter().collect::<std::collections::HashMap<_, _>>();
    let init = container.init_process.then(|| LinuxParameters::builder().init_process_enabled(true).build());
    let logs = container.logs.as_ref().map(log_configuration).transpose()?;
    let depends_on = container.depends_on.iter().map(dependency).collect::<Result<_, _>>()?;
    let ulimits = container.ulimits.iter().map(ulimit).collect::<Result<_, _>>()?;
    Ok(ContainerDefinition::builder()
        .name(name)
        .image(&container.image)
        .essential(container.essential)
        .cpu(count(container.cpu))
        .set_memory(container.memory.map(count))
        .set_memory_reservation(container.memory_reservation.map(count))
        .set_command(some(container.command.clone()))
        .set_entry_point(some(container.entry_point.clone()))
        .set_port_mappings(some(container.ports.iter().map(port).collect()))
        .set_environment(some(container.env.iter().map(variable).collect()))
        .set_secrets(some(secrets(&container.secrets)?))
        .set_depends_on(some(depends_on))
        .set_health_check(container.health_check.as_ref().map(health_check).transpose()?)
        .set_log_configuration(logs)
        .set_firelens_configuration(container.firelens.as_ref().map(firelens).transpose()?)
        .set_mount_points(some(container.mounts.iter().map(mount).collect()))
        .set_ulimits(some(ulimits))
        .set_user(container.user.clone())
        .set_working_directory(container.working_directory.clone())
        .set_readonly_root_filesystem(container.read_only_root.then_some(true))
        .set_linux_parameters(init)
        .set_start_timeout(container.start_timeout_seconds.map(count))
        .set_stop_timeout(container.stop_timeout_seconds.map(count))
        .set_docker_labels((!labels.is_empty()).then_some(labels))
        .build())
}

fn port(port: &PortMapping) -> AwsPortMapping {
    AwsPortMapping::builder()
        .container_port(i32::from(port.container_port))
        .host_port(i32::from(port.host_port))
        .protocol(TransportProtocol::from(port.protocol.as_str()))
        .set_name(port.name.clone())
        .set_app_protocol(port.app_protocol.as_deref().map(ApplicationProtocol::from))
        .build()
}

fn variable((name, value): (&String, &String)) -> KeyValuePair {
    KeyValuePair::builder().name(name).value(value).build()
}

fn secrets(secrets: &BTreeMap<String, String>) -> Result<Vec<Secret>, BuildError> {
    secrets.iter().map(|(name, arn)| Secret::builder().name(name).value_from(arn).build()).collect()
}

fn dependency((name, condition): (&String, &String)) -> Result<ContainerDependency, BuildError> {
    let condition = ContainerCondition::from(condition.as_str());
    ContainerDependency::builder().container_name(name).condition(condition).build()
}

fn health_check(check: &ContainerHealthCheck) -> Result<HealthCheck, BuildError> {
    let start_period = (check.start_period_seconds > 0).then(|| count(check.start_period_seconds));
    HealthCheck::builder()
        .set_command(Some(check.command.clone()))
        .interval(count(check.interval_seconds))
        .timeout(count(check.timeout_seconds))
        .retries(count(check.retries))
        .set_start_period(start_period)
        .build()
}

pub(crate) fn log_configuration(logs: &LogConfiguration) -> Result<AwsLogConfiguration, BuildError> {
    AwsLogConfiguration::builder()
        .log_driver(LogDriver::from(logs.driver.as_str()))
        .set_options(Some(logs.options.clone().into_iter().collect()))
        .set_secret_options(some(secrets(&logs.secret_options)?))
        .build()
}

fn firelens(router: &Firelens) -> Result<FirelensConfiguration, BuildError> {
    FirelensConfiguration::builder()
        .r#type(FirelensConfigurationType::from(router.router.as_str()))
        .set_options(Some(router.options.clone().into_iter().collect()))
        .build()
}

fn mount(mount: &MountPoint) -> AwsMountPoint {
    AwsMountPoint::builder()
        .source_volume(&mount.volume)
        .container_path(&mount.path)
        .read_only(mount.read_only)
        .build()
}

fn ulimit((name, limit): (&String, &Ulimit)) -> Result<AwsUlimit, BuildError> {
    AwsUlimit::builder()
        .name(UlimitName::from(name.as_str()))
        .soft_limit(limit.soft)
        .hard_limit(limit.hard)
        .build()
}

fn volume(name: &str, volume: &Volume) -> Result<AwsVolume, BuildError> {
    let builder = AwsVolume::builder().name(name);
    Ok(match volume {
        Volume::Ephemeral => builder.build(),
        Volume::Host { path } => {
            builder.host(HostVolumeProperties::builder().source_path(path).build()).build()
        }
        Volume::Efs { file_system, root, transit_encryption, access_point, iam } => {
            let authorization = (access_point.is_some() || *iam).then(|| {
                EfsAuthorizationConfig::builder()
                    .set_access_point_id(access_point.clone())
                    .iam(if *iam {
                        EfsAuthorizationConfigIam::Enabled
                    } else {
                        EfsAuthorizationConfigIam::Disabled
                    })
                    .build()
            });
            // An access point decides the folder itself, and any other than `/` beside it is refused.
            let root = access_point.is_none().then(|| root.clone());
            let efs = EfsVolumeConfiguration::builder()
                .file_system_id(file_system)
                .set_root_directory(root)
                .transit_encryption(if *transit_encryption {
                    EfsTransitEncryption::Enabled
                } else {
                    EfsTransitEncryption::Disabled
                })
                .set_authorization_config(authorization)
                .build()?;
            builder.efs_volume_configuration(efs).build()
        }
    })
}
