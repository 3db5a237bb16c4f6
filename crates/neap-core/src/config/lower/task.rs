//! Tasks: their size, roles and volumes, and what holds between their containers.
//!
//! Decides what a task needs besides what it declares. Must not know which service runs it.

use std::collections::{BTreeMap, BTreeSet};

use super::container::{self, Surroundings};
use super::context::{Common, Lowering};
use super::ground::Grounds;
use super::place::{Place, quoted};
use super::role::Needs;
use super::{fargate, firelens, fit, ground, registry, role, volume, whole};
use crate::address::{Address, Kind};
use crate::config::shape::{
    Architecture, ContainerTable, DependencyCondition, NetworkMode, TaskRole, TaskTable,
};
use crate::kinds::{Container, PortMapping, RESERVED_PORTS, Task};
use crate::reference;

/// The most containers of a task ("Amazon ECS service quotas").
const MOST_CONTAINERS: usize = 10;

/// Lowers every task.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.task {
        task(lowering, name, table);
    }
}

fn task(lowering: &mut Lowering<'_>, name: &str, table: &TaskTable) {
    let (place, address) = lowering.begin(Kind::Task, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    let grounds = ground::of_task(lowering.file, name);
    let mode = ground::network_mode(table, &grounds);
    check_cluster(lowering, &place, name, table);
    let log_group = log_group(lowering, &address, &place, table);
    let surroundings = Surroundings { log_group: &log_group, volumes: &table.volume };
    let mut containers = BTreeMap::new();
    for (name, table) in &table.container {
        let place = place.at("container").at(name);
        check_container_name(lowering, &place, name);
        let mut lowered = container::lower(lowering, &place, name, table, &surroundings);
        lowered.ports = lowered.ports.into_iter().map(|port| on_host(port, mode)).collect();
        containers.insert(name.clone(), lowered);
    }
    check_containers(lowering, &place, table, mode);
    fit::check(lowering, &place, table, mode, &grounds);
    check_dependencies(lowering, &place, table);
    firelens::check(lowering, &place, table, &grounds);
    let (cpu, memory) = if grounds.unknown {
        // The unknown cluster is the mistake; what would fit there is not known.
        let (cpu, memory) = fargate::size(table.cpu, table.memory);
        (Some(cpu), Some(memory))
    } else if grounds.fargate {
        let (cpu, memory) = size(lowering, &place, table);
        (Some(cpu), Some(memory))
    } else {
        size_on_instances(lowering, &place, table)
    };
    let task = Task {
        family: lowering.plain_name(Kind::Task, &place, name, common.name),
        launch_types: launch_types(&grounds),
        network_mode: match mode {
            NetworkMode::Awsvpc => "awsvpc",
            NetworkMode::Bridge => "bridge",
            NetworkMode::Host => "host",
        }
        .to_owned(),
        cpu,
        memory,
        architecture: match table.architecture {
            Architecture::X86_64 => "X86_64",
            Architecture::Arm64 => "ARM64",
        }
        .to_owned(),
        ephemeral_storage_gib: table.ephemeral_storage,
        execution_role: Some(execution_role(lowering, &address, &place, table, &containers)),
        volumes: volume::lower(lowering, &place, table, &grounds),
        task_role: task_role(lowering, &address, &place, table),
        containers,
    };
    lowering.declare(address, &place, &common, task);
}

/// Where a task runs that no service runs; the services of any other say where.
fn check_cluster(lowering: &mut Lowering<'_>, place: &Place, name: &str, table: &TaskTable) {
    let Some(cluster) = &table.cluster else { return };
    let place = place.at("cluster");
    lowering.named(&place, Kind::Cluster, cluster);
    if let Some((service, _)) = lowering.file.service.iter().find(|(_, service)| service.task == name) {
        lowering
            .report(&place, format!("`service.{service}` runs the task, and says where"))
            .help("leave `cluster` out, or take a task of its own for what no service runs");
    }
}

fn launch_types(grounds: &Grounds<'_>) -> BTreeSet<String> {
    let on = [("FARGATE", grounds.fargate), ("EC2", !grounds.instances.is_empty())];
    on.into_iter().filter(|(_, runs)| *runs).map(|(name, _)| name.to_owned()).collect()
}

/// A port as ECS keeps it: behind one of the instance's with `bridge`, and the same with the other modes.
fn on_host(port: PortMapping, mode: NetworkMode) -> PortMapping {
    match mode {
        NetworkMode::Bridge => port,
        NetworkMode::Awsvpc | NetworkMode::Host => PortMapping { host_port: port.container_port, ..port },
    }
}

/// The name of the task's log group, as a reference.
fn log_group(lowering: &mut Lowering<'_>, address: &Address, place: &Place, table: &TaskTable) -> String {
    if let Some(group) = &table.log_group {
        return lowering.named(&place.at("log_group"), Kind::LogGroup, group);
    }
    let is_used = table.container.values().any(|table| container::uses_log_group(table.logs.as_ref()));
    if !is_used {
        return String::new();
    }
    reference::output(&registry::imply_log_group(lowering, address), "name")
}

fn execution_role(
    lowering: &mut Lowering<'_>,
    address: &Address,
    place: &Place,
    table: &TaskTable,
    containers: &BTreeMap<String, Container>,
) -> String {
    if let Some(role) = &table.execution_role {
        return role::named_for_tasks(lowering, &place.at("execution_role"), role);
    }
    let secrets = containers.values().flat_map(|container| {
        let options = container.logs.iter().flat_map(|logs| logs.secret_options.values());
        container.secrets.values().chain(options).cloned()
    });
    let role =
        role::imply_execution(lowering, address, &secrets.collect(), &firelens::statements(containers));
    reference::output(&role, "arn")
}

fn task_role(
    lowering: &mut Lowering<'_>,
    address: &Address,
    place: &Place,
    table: &TaskTable,
) -> Option<String> {
    let needs = Needs::of(lowering, address.name(), table);
    let role = match &table.role {
        Some(TaskRole::Named(role)) => return Some(role::named_for_tasks(lowering, &place.at("role"), role)),
        Some(TaskRole::Own(own)) => role::imply_own(lowering, address, place, Some(own), &needs),
        None if needs.is_any() => role::imply_own(lowering, address, place, None, &needs),
        None => return None,
    };
    Some(reference::output(&role, "arn"))
}

/// Checks the name of a container or a volume.
pub(super) fn check_container_name(lowering: &mut Lowering<'_>, place: &Place, name: &str) {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 255 || !name.chars().all(fits) {
        lowering
            .report(place, format!("`{name}` cannot be the name of a container"))
            .on_key()
            .help("containers take letters, digits, `-` and `_`");
    }
}

fn check_containers(lowering: &mut Lowering<'_>, place: &Place, table: &TaskTable, mode: NetworkMode) {
    if table.container.is_empty() {
        lowering
            .report(place, "the task has no container")
            .on_key()
            .help(format!("add a table `[{}.container.app]` with an `image`", place.path().join(".")));
    } else if table.container.len() > MOST_CONTAINERS {
        let message = format!("{} containers; a task has at most {MOST_CONTAINERS}", table.container.len());
        lowering.report(&place.at("container"), message).on_key();
    } else if !table.container.values().any(|container| container.essential) {
        lowering
            .report(&place.at("container"), "no container of the task is essential")
            .on_key()
            .help("the task runs as long as its essential containers do; AWS wants at least one");
    }
    let mut ports = BTreeMap::new();
    let mut names = BTreeMap::new();
    for (container, table) in &table.container {
        for (key, port) in container::ports(table) {
            let place = key.split('.').fold(place.at("container").at(container), |place, key| place.at(key));
            if port.host_port != 0 && mode != NetworkMode::Bridge && port.host_port != port.container_port {
                lowering
                    .report(
                        &place.at("host_port"),
                        "another port of the instance without network mode `bridge`",
                    )
                    .help("leave `host_port` out");
            }
            // Behind ports that ECS chooses, each container has all of its own.
            let number = if mode == NetworkMode::Bridge { port.host_port } else { port.container_port };
            let is_reserved = RESERVED_PORTS.contains(&number) && port.protocol == "tcp";
            if mode != NetworkMode::Awsvpc && is_reserved {
                let place = if port.host_port == 0 { place.clone() } else { place.at("host_port") };
                lowering
                    .report(
                        &place,
                        format!("instances keep port {number} for themselves, so no task could start"),
                    )
                    .help(
                        "SSH has 22, Docker 2375 and 2376, the agent of ECS 51678 to 51680; choose another",
                    );
            }
            let first = ports.insert((number, port.protocol), container).filter(|_| number != 0);
            if let Some(first) = first {
                let whose = if mode == NetworkMode::Awsvpc {
                    "the containers of a task"
                } else {
                    "all tasks of an instance"
                };
                lowering
                    .report(&place, format!("port {number} is opened twice, by `{first}` and `{container}`"))
                    .help(format!("{whose} share one address"));
            }
            if let Some(name) = port.name
                && let Some(first) = names.insert(name.clone(), container)
            {
                let message = format!("two ports are called `{name}`, of `{first}` and `{container}`");
                lowering.report(&place.at("name"), message);
            }
        }
    }
}

fn check_dependencies(lowering: &mut Lowering<'_>, place: &Place, table: &TaskTable) {
    let place = place.at("container");
    for (name, container) in &table.container {
        for (other, condition) in &container.depends_on {
            let place = place.at(name).at("depends_on").at(other);
            let Some(target) = table.container.get(other) else {
                let known = table.container.keys().map(String::as_str).filter(|known| known != name);
                let report = lowering
                    .report(&place, format!("the task has no container `{other}`"))
                    .on_key()
                    .nearest(other, known.clone());
                report.help(if table.container.len() == 1 {
                    "it has no other container to wait for: leave `depends_on` out".to_owned()
                } else {
                    format!("its other containers are {}", quoted(known))
                });
                continue;
            };
            match condition {
                DependencyCondition::Healthy if target.health_check.is_none() => {
                    lowering
                        .report(&place, format!("`{other}` can never be healthy: it has no health check"))
                        .help(format!("give `{other}` a `health_check`, or wait for `START`"));
                }
                DependencyCondition::Complete | DependencyCondition::Success if target.essential => {
                    lowering
                        .report(&place, format!("`{other}` is essential, so the task stops when it ends"))
                        .help(format!("set `essential = false` on `{other}`"));
                }
                _ => {}
            }
        }
    }
    let after = |container: &ContainerTable| container.depends_on.keys().cloned().collect();
    let edges = table.container.iter().map(|(name, container)| (name.clone(), after(container))).collect();
    for circle in whole::circles(&edges) {
        let place = place.at(&circle[0]).at("depends_on").at(&circle[1]);
        let path = circle.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ");
        lowering.report(&place, format!("containers wait for each other: {path}"));
    }
}

fn size(lowering: &mut Lowering<'_>, place: &Place, table: &TaskTable) -> (u32, u32) {
    let (cpu, memory) = fargate::size(table.cpu, table.memory);
    let memories = fargate::memories(cpu);
    if memories.is_empty() {
        let known: Vec<String> = fargate::cpus().map(|cpu| cpu.to_string()).collect();
        lowering
            .report(&place.at("cpu"), format!("Fargate has no tasks of {cpu} CPU units"))
            .help(format!("it has {}", known.join(", ")));
        return (cpu, memory);
    }
    if !memories.contains(&memory) {
        let report = lowering
            .report(&place.at("memory"), format!("Fargate has no tasks of {cpu} CPU units and {memory} MiB"))
            .help(format!("with `cpu = {cpu}` it has {}", fargate::memories_in_words(cpu)));
        let fitting = fargate::cpus().filter(|cpu| fargate::memories(*cpu).contains(&memory));
        let fitting: Vec<String> = fitting.map(|cpu| cpu.to_string()).collect();
        if !fitting.is_empty() {
            report.help(format!("`memory = {memory}` goes with `cpu` {}", fitting.join(", ")));
        }
        return (cpu, memory);
    }
    check_shares(lowering, place, table, cpu, memory);
    (cpu, memory)
}

/// The size of a task on instances: what it says, and nothing where its containers say it.
fn size_on_instances(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &TaskTable,
) -> (Option<u32>, Option<u32>) {
    let sizeless = |container: &ContainerTable| container.memory.or(container.memory_reservation).is_none();
    if table.memory.is_none() && table.container.values().any(sizeless) {
        lowering
            .report(place, "the task has no `memory`")
            .on_key()
            .help("give it one in MiB, or give each container `memory` or `memory_reservation`");
    }
    let no_limit = u32::MAX;
    check_shares(lowering, place, table, table.cpu.unwrap_or(no_limit), table.memory.unwrap_or(no_limit));
    (table.cpu, table.memory)
}

/// Checks what containers keep for themselves against what the task has.
fn check_shares(lowering: &mut Lowering<'_>, place: &Place, table: &TaskTable, cpu: u32, memory: u32) {
    let containers = table.container.values();
    let used: u64 = containers.clone().map(|container| u64::from(container.cpu.unwrap_or(0))).sum();
    if used > u64::from(cpu) {
        lowering
            .report(&place.at("cpu"), format!("the containers want {used} CPU units, the task has {cpu}"));
    }
    let kept = |container: &ContainerTable| {
        u64::from(container.memory_reservation.or(container.memory).unwrap_or(0))
    };
    let used: u64 = containers.map(kept).sum();
    if used > u64::from(memory) {
        lowering
            .report(&place.at("memory"), format!("the containers want {used} MiB, the task has {memory}"));
    }
    for (name, container) in &table.container {
        if let Some(limit) = container.memory.filter(|limit| *limit > memory) {
            let place = place.at("container").at(name).at("memory");
            lowering.report(&place, format!("{limit} MiB are more than the task has, which is {memory}"));
        }
    }
}

/// The containers of a task that open a port for load balancers, with those ports.
pub(super) fn open_ports<'table>(
    table: &'table TaskTable,
    protocol: &str,
) -> BTreeMap<&'table str, BTreeSet<u16>> {
    let mut open = BTreeMap::<&str, BTreeSet<u16>>::new();
    for (name, container) in &table.container {
        for (_, port) in container::ports(container).filter(|(_, port)| port.protocol == protocol) {
            open.entry(name).or_default().insert(port.container_port);
        }
    }
    open
}
