//! From a described task definition to a task's fields, in the reduced form in which they compare.
//!
//! Decides what absent members mean and which differences mean nothing (reference section 3.14). Must not make
//! calls.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, ContainerDependency, CpuArchitecture, EfsAuthorizationConfigIam,
    EfsTransitEncryption, FirelensConfiguration, HealthCheck, KeyValuePair,
    LogConfiguration as AwsLogConfiguration, MountPoint as AwsMountPoint, NetworkMode,
    PortMapping as AwsPortMapping, Secret, TaskDefinition, TransportProtocol, Ulimit as AwsUlimit,
    Volume as AwsVolume,
};
use neap_core::kinds::{
    Container, ContainerHealthCheck, Firelens, LogConfiguration, MountPoint, PortMapping, Task, Ulimit,
    Volume,
};

use crate::ecs::uncount;

/// The storage that every Fargate task has.
const COMMON_STORAGE_GIB: u32 = 20;

/// The task that a revision describes.
pub(super) fn task(definition: &TaskDefinition) -> Task {
    let network_mode = definition.network_mode().map_or("bridge", NetworkMode::as_str);
    let platform = definition.runtime_platform().and_then(|platform| platform.cpu_architecture());
    let storage = definition.ephemeral_storage().map(|storage| uncount(storage.size_in_gib()));
    let containers = definition.container_definitions().iter();
    Task {
        family: definition.family().unwrap_or_default().to_owned(),
        launch_types: launch_types(definition.requires_compatibilities()),
        network_mode: network_mode.to_owned(),
        cpu: definition.cpu().and_then(units),
        memory: definition.memory().and_then(units),
        architecture: platform.map_or("X86_64", CpuArchitecture::as_str).to_owned(),
        ephemeral_storage_gib: storage.filter(|size| *size != 0 && *size != COMMON_STORAGE_GIB),
        execution_role: text(definition.execution_role_arn()),
        task_role: text(definition.task_role_arn()),
        volumes: definition
            .volumes()
            .iter()
            .filter_map(|value| Some((value.name()?.to_owned(), volume(value))))
            .collect(),
        containers: containers
            .filter_map(|value| Some((value.name()?.to_owned(), container(value, network_mode))))
            .collect(),
    }
}

/// A definition that requires nothing runs on EC2.
fn launch_types(required: &[Compatibility]) -> BTreeSet<String> {
    if required.is_empty() {
        return BTreeSet::from(["EC2".to_owned()]);
    }
    required.iter().map(|compatibility| compatibility.as_str().to_owned()).collect()
}

/// `256`, `.25 vCPU` or `0.5 GB` as CPU units or MiB, of which a whole one has 1024 either way.
fn units(text: &str) -> Option<u32> {
    if let Ok(units) = text.trim().parse() {
        return Some(units);
    }
    let lower = text.to_ascii_lowercase();
    let number = lower.trim().trim_end_matches("vcpu").trim_end_matches("gb").trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u32 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let digits = u32::try_from(fraction.len()).ok()?;
    let parts: u32 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    whole.checked_mul(1024)?.checked_add(parts.checked_mul(1024)? / 10_u32.checked_pow(digits)?)
}

fn text(value: Option<&str>) -> Option<String> {
    value.filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

fn container(definition: &ContainerDefinition, network_mode: &str) -> Container {
    let linux = definition.linux_parameters();
    let ports = definition.port_mappings().iter();
    Container {
        essential: definition.essential().unwrap_or(true),
        cpu: uncount(definition.cpu()),
        memory: definition.memory().map(uncount),
        memory_reservation: definition.memory_reservation().map(uncount),
        command: definition.command().to_vec(),
        entry_point: definition.entry_point().to_vec(),
        ports: ports.map(|value| port(value, network_mode)).collect(),
        env: definition.environment().iter().filter_map(variable).collect(),
        secrets: secrets(definition.secrets()),
        depends_on: definition.depends_on().iter().map(dependency).collect(),
        health_check: definition.health_check().map(health_check),
        logs: definition.log_configuration().map(log_configuration),
        firelens: definition.firelens_configuration().map(firelens),
        mounts: definition.mount_points().iter().map(mount).collect(),
        ulimits: definition.ulimits().iter().map(ulimit).collect(),
        user: text(definition.user()),
        working_directory: text(definition.working_directory()),
        read_only_root: definition.readonly_root_filesystem().unwrap_or(false),
        init_process: linux.and_then(|linux| linux.init_process_enabled()).unwrap_or(false),
        start_timeout_seconds: definition.start_timeout().map(uncount),
        stop_timeout_seconds: definition.stop_timeout().map(uncount),
        labels: definition.docker_labels().map(to_sorted).unwrap_or_default(),
        ..Container::of_image(definition.image().unwrap_or_default())
    }
}

fn to_sorted(map: &std::collections::HashMap<String, String>) -> BTreeMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A port outside that is absent or 0 is the one inside where containers have an interface of their own or the
/// host's, and otherwise one that ECS chooses.
fn port(mapping: &AwsPortMapping, network_mode: &str) -> PortMapping {
    let number = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    let container_port = number(mapping.container_port()).unwrap_or(0);
    let chosen = if matches!(network_mode, "awsvpc" | "host") { container_port } else { 0 };
    PortMapping {
        container_port,
        host_port: number(mapping.host_port()).unwrap_or(chosen),
        protocol: mapping.protocol().map_or("tcp", TransportProtocol::as_str).to_owned(),
        name: text(mapping.name()),
        app_protocol: mapping.app_protocol().map(|protocol| protocol.as_str().to_owned()),
    }
}

fn variable(pair: &KeyValuePair) -> Option<(String, String)> {
    Some((pair.name()?.to_owned(), pair.value().unwrap_or_default().to_owned()))
}

fn secrets(secrets: &[Secret]) -> BTreeMap<String, String> {
    secrets.iter().map(|secret| (secret.name().to_owned(), secret.value_from().to_owned())).collect()
}

fn dependency(dependency: &ContainerDependency) -> (String, String) {
    (dependency.container_name().to_owned(), dependency.condition().as_str().to_owned())
}

fn health_check(check: &HealthCheck) -> ContainerHealthCheck {
    ContainerHealthCheck {
        command: check.command().to_vec(),
        interval_seconds: check.interval().map_or(30, uncount),
        timeout_seconds: check.timeout().map_or(5, uncount),
        retries: check.retries().map_or(3, uncount),
        start_period_seconds: check.start_period().map_or(0, uncount),
    }
}

pub(crate) fn log_configuration(logs: &AwsLogConfiguration) -> LogConfiguration {
    LogConfiguration {
        driver: logs.log_driver().as_str().to_owned(),
        options: logs.options().map(to_sorted).unwrap_or_default(),
        secret_options: secrets(logs.secret_options()),
    }
}

fn firelens(router: &FirelensConfiguration) -> Firelens {
    Firelens::new(router.r#type().as_str(), router.options().map(to_sorted).unwrap_or_default())
}

fn mount(mount: &AwsMountPoint) -> MountPoint {
    MountPoint {
        volume: mount.source_volume().unwrap_or_default().to_owned(),
        path: mount.container_path().unwrap_or_default().to_owned(),
        read_only: mount.read_only().unwrap_or(false),
    }
}

fn ulimit(limit: &AwsUlimit) -> (String, Ulimit) {
    (limit.name().as_str().to_owned(), Ulimit { soft: limit.soft_limit(), hard: limit.hard_limit() })
}

fn volume(volume: &AwsVolume) -> Volume {
    if let Some(efs) = volume.efs_volume_configuration() {
        let authorization = efs.authorization_config();
        return Volume::Efs {
            file_system: efs.file_system_id().to_owned(),
            root: text(efs.root_directory()).unwrap_or_else(|| "/".to_owned()),
            // Off where nothing is said ("EFSVolumeConfiguration" of the ECS API).
            transit_encryption: efs.transit_encryption() == Some(&EfsTransitEncryption::Enabled),
            access_point: text(authorization.and_then(|authorization| authorization.access_point_id())),
            iam: authorization.and_then(|authorization| authorization.iam())
                == Some(&EfsAuthorizationConfigIam::Enabled),
        };
    }
    match volume.host().and_then(|host| text(host.source_path())) {
        Some(path) => Volume::Host { path },
        None => Volume::Ephemeral,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::builders::EfsVolumeConfigurationBuilder;
    use aws_sdk_ecs::types::{
        EfsAuthorizationConfig, EfsVolumeConfiguration, EphemeralStorage, FirelensConfigurationType,
        HostVolumeProperties,
    };

    #[test]
    fn cpu_and_memory_are_read_in_all_their_spellings() {
        for (text, expected) in [
            ("256", Some(256)),
            (" 1024 ", Some(1024)),
            (".25 vCPU", Some(256)),
            ("0.5 GB", Some(512)),
            ("1 vCPU", Some(1024)),
            ("2GB", Some(2048)),
            ("1.5 gb", Some(1536)),
            ("", None),
            ("much", None),
        ] {
            assert_eq!(units(text), expected, "{text}");
        }
    }

    #[test]
    fn what_a_definition_leaves_out_is_awss_default() {
        let plain = ContainerDefinition::builder().name("app").image("nginx").build();
        let definition = TaskDefinition::builder()
            .family("course-api")
            .container_definitions(plain)
            .ephemeral_storage(EphemeralStorage::builder().size_in_gib(20).build())
            .build();
        let task = task(&definition);
        assert_eq!((task.network_mode.as_str(), task.architecture.as_str()), ("bridge", "X86_64"));
        assert_eq!(task.launch_types, BTreeSet::from(["EC2".to_owned()]));
        assert_eq!(task.ephemeral_storage_gib, None);
        assert_eq!(task.containers["app"], Container::of_image("nginx"));
    }

    #[test]
    fn a_log_router_adds_metadata_unless_told_otherwise() {
        let router = FirelensConfiguration::builder().r#type(FirelensConfigurationType::Fluentbit);
        let check = |router: FirelensConfiguration, expected: &str| {
            assert_eq!(firelens(&router).options["enable-ecs-log-metadata"], expected);
        };
        check(router.clone().build().expect("a router"), "true");
        check(router.options("enable-ecs-log-metadata", "false").build().expect("a router"), "false");
    }

    #[test]
    fn an_absent_port_outside_depends_on_the_network_mode() {
        let check = |host: Option<i32>, mode: &str, expected: u16| {
            let mapping = AwsPortMapping::builder().container_port(80).set_host_port(host).build();
            let port = port(&mapping, mode);
            assert_eq!((port.host_port, port.protocol.as_str()), (expected, "tcp"), "{host:?} {mode}");
        };
        check(None, "awsvpc", 80);
        check(Some(0), "awsvpc", 80);
        check(None, "host", 80);
        check(None, "bridge", 0);
        check(Some(0), "bridge", 0);
        check(Some(8080), "bridge", 8080);
    }

    #[test]
    fn a_health_check_has_defaults() {
        let check = HealthCheck::builder().command("CMD-SHELL").build().expect("a command");
        let expected = ContainerHealthCheck {
            command: vec!["CMD-SHELL".into()],
            interval_seconds: 30,
            timeout_seconds: 5,
            retries: 3,
            start_period_seconds: 0,
        };
        assert_eq!(health_check(&check), expected);
    }

    #[test]
    fn a_file_system_is_read_with_all_that_was_said_of_it() {
        let check = |builder: EfsVolumeConfigurationBuilder, expected: Volume| {
            let efs = builder.file_system_id("fs-1").build().expect("a file system");
            assert_eq!(volume(&AwsVolume::builder().efs_volume_configuration(efs).build()), expected);
        };
        let system = |root: &str, transit_encryption: bool, access_point: Option<&str>| Volume::Efs {
            file_system: "fs-1".into(),
            root: root.into(),
            transit_encryption,
            access_point: access_point.map(str::to_owned),
            iam: access_point.is_some(),
        };
        let efs = EfsVolumeConfiguration::builder;
        check(efs(), system("/", false, None));
        check(efs().root_directory("/a"), system("/a", false, None));
        let authorization = EfsAuthorizationConfig::builder().access_point_id("fsap-1");
        let authorization = authorization.iam(EfsAuthorizationConfigIam::Enabled).build();
        let by_role = efs().authorization_config(authorization);
        let by_role = by_role.transit_encryption(EfsTransitEncryption::Enabled);
        check(by_role, system("/", true, Some("fsap-1")));
    }

    #[test]
    fn an_empty_host_is_storage_of_the_task() {
        let empty = AwsVolume::builder().name("data").host(HostVolumeProperties::builder().build()).build();
        assert_eq!(volume(&empty), Volume::Ephemeral);
        let host = HostVolumeProperties::builder().source_path("/srv").build();
        let folder = AwsVolume::builder().name("data").host(host).build();
        assert_eq!(volume(&folder), Volume::Host { path: "/srv".into() });
    }
}
