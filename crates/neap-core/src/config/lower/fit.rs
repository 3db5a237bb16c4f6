//! Whether a task fits on the instances that its services run on.
//!
//! Decides what would never be placed, before anything is made. Must not know how instances are lowered.

use std::collections::BTreeSet;

use super::container;
use super::context::Lowering;
use super::ground::{Grounds, OnInstances};
use super::instances::processor;
use super::place::Place;
use crate::config::shape::{ContainerTable, DeploymentStrategy, NetworkMode, TaskTable};
use crate::instances;

/// CPU units of a virtual processor.
const UNITS: u32 = 1024;

/// Reports where the task at `place` does not fit on what it runs on.
pub(super) fn check(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &TaskTable,
    mode: NetworkMode,
    grounds: &Grounds<'_>,
) {
    check_modes(lowering, place, table, mode, grounds);
    let wanted = table.architecture.processor();
    let mut told = BTreeSet::new();
    for ground in &grounds.instances {
        for block in &ground.blocks {
            let name = &block.table.instance_type;
            // Of several blocks of one type each would say the same.
            if !told.insert(name) {
                continue;
            }
            if let Some(found) = processor(block.table).filter(|found| *found != wanted) {
                let on = block.words(ground.cluster);
                lowering
                    .report(
                        &place.at("architecture"),
                        format!(
                            "the image is built for {}, and `{name}` has {}",
                            wanted.as_str(),
                            found.as_str()
                        ),
                    )
                    .label(match ground.service {
                        Some((service, _)) => format!("`service.{service}` runs it on {on}"),
                        None => format!("it is run on {on}"),
                    })
                    .help(format!(
                        "build it for {0} and say so in `[{1}]`: `architecture = \"{0}\"`; or choose another instance type",
                        found.as_str(),
                        place.path().join(".")
                    ));
            }
            check_size(lowering, place, table, name);
        }
        if mode != NetworkMode::Awsvpc || check_interfaces(lowering, place, ground) {
            check_room(lowering, table, mode, ground);
        }
    }
}

/// Checks the size of a task against instances of the type `name`.
fn check_size(lowering: &mut Lowering<'_>, place: &Place, table: &TaskTable, name: &str) {
    if let Some(most) = instances::task_memory_mib(name).filter(|most| memory(table) > *most) {
        lowering
            .report(
                &place.at("memory"),
                format!("{} MiB do not fit on a `{name}`, which has {most} for tasks", memory(table)),
            )
            .help("the system and ECS's agent keep the rest; lower `memory`, or choose a larger type");
    }
    let most = instances::find(name).map(|instance| instance.vcpu * UNITS);
    if let Some((cpu, most)) = table.cpu.zip(most).filter(|(cpu, most)| cpu > most) {
        lowering
            .report(&place.at("cpu"), format!("{cpu} CPU units do not fit on a `{name}`, which has {most}"));
    }
}

/// Checks whether the instances have network interfaces for all of the tasks, as far as anybody can tell.
fn check_interfaces(lowering: &mut Lowering<'_>, place: &Place, ground: &OnInstances<'_>) -> bool {
    let mut most: u32 = 0;
    let mut each = Vec::new();
    for block in &ground.blocks {
        let name = &block.table.instance_type;
        let Some(instance) = instances::find(name) else { return true };
        let interfaces = instance.max_enis.saturating_sub(1);
        most = most.saturating_add(block.most().saturating_mul(interfaces));
        let words = format!("a `{name}` has interfaces for {interfaces}");
        if !each.contains(&words) {
            each.push(words);
        }
    }
    let count = ground.count();
    if count <= most {
        return true;
    }
    let at = match ground.service {
        Some((service, table)) => {
            Place::of("service", service).at(if table.is_daemon() { "strategy" } else { "count" })
        }
        None => place.at("network_mode"),
    };
    let tasks = match count {
        1 => "a task with `awsvpc` does not".to_owned(),
        _ => format!("{count} tasks with `awsvpc` do not"),
    };
    lowering
        .report(&at, format!("{tasks} fit on the instances"))
        .label(format!("{}, and there are at most {most} in all", each.join(", ")))
        .help("leave `network_mode` out to share the instance's interface, or raise `max`");
    false
}

/// Checks whether all tasks of a service fit on its instances, and in a deployment as many more as must run before one stops
/// (`minimumHealthyPercent`, rounded up, in `DeploymentConfiguration` of ECS's API reference). Other services are left out, so that what
/// is told is certain.
fn check_room(lowering: &mut Lowering<'_>, table: &TaskTable, mode: NetworkMode, ground: &OnInstances<'_>) {
    // Of a daemon an instance never runs two.
    let Some((name, service)) = ground.service.filter(|(_, service)| !service.is_daemon()) else { return };
    let mut room: u32 = 0;
    let mut each = Vec::new();
    for block in &ground.blocks {
        let kind = &block.table.instance_type;
        // Of a type that nobody knows nobody can tell; what does not fit at all is told for the task.
        let Some((most, why)) = most_on(table, mode, kind).filter(|(most, _)| *most > 0) else { return };
        room = room.saturating_add(block.most().saturating_mul(most));
        let words = format!("a `{kind}` takes {most} by {why}");
        if !each.contains(&words) {
            each.push(words);
        }
    }
    // Without instances the service is put to rest for a while, and nothing of it shall run.
    if room == 0 {
        return;
    }
    let count = ground.count();
    let is_blue_green =
        service.deployment.as_ref().is_some_and(|it| it.strategy == DeploymentStrategy::BlueGreen);
    let (minimum, _) = service.percents();
    let stay = (u64::from(count) * u64::from(minimum)).div_ceil(100);
    let more = if is_blue_green { count } else { u32::from(count > 0 && stay >= u64::from(count)) };
    if count.saturating_add(more) <= room {
        return;
    }
    let place = Place::of("service", name);
    let label = format!("{}: there is room for {room} in all", each.join(", "));
    if count > room {
        let place = if service.count.is_some() { place.at("count") } else { place };
        let tasks = if count == 1 { "a task does not".to_owned() } else { format!("{count} tasks do not") };
        lowering
            .report(&place, format!("{tasks} fit on the instances"))
            .label(label)
            .help("raise `max` of the instances, lower `count`, or let a task take less");
        return;
    }
    let first = if is_blue_green {
        "all new tasks start before any old one stops"
    } else {
        "a new task starts before an old one stops"
    };
    let report = lowering
        .report(
            &place,
            format!("no deployment could end: {first}, and there is no room for {}", count + more),
        )
        .on_key()
        .label(label);
    let report = if is_blue_green {
        report
    } else {
        report.help("let an old one stop first: `minimum_healthy_percent = 0` and `maximum_percent = 100`")
    };
    report.help("or raise `max` of the instances, or let a task take less, such as a port that ECS chooses (no `host_port`)");
}

/// How many of a task an instance of the type `name` takes at most, and by what; nothing if that is not known.
fn most_on(table: &TaskTable, mode: NetworkMode, name: &str) -> Option<(u32, &'static str)> {
    let mut ports = table.container.values().flat_map(container::ports);
    let is_fixed = match mode {
        NetworkMode::Awsvpc => false,
        NetworkMode::Host => ports.next().is_some(),
        NetworkMode::Bridge => ports.any(|(_, port)| port.host_port > 0),
    };
    let per = |all: Option<u32>, one: u32| all.and_then(|all| all.checked_div(one));
    let instance = instances::find(name);
    let interfaces = instance.filter(|_| mode == NetworkMode::Awsvpc).map(|it| it.max_enis.saturating_sub(1));
    let limits = [
        (is_fixed.then_some(1), "its ports"),
        (interfaces, "its network interfaces"),
        (per(instances::task_memory_mib(name), memory(table)), "its memory"),
        (per(instance.map(|it| it.vcpu * UNITS), table.cpu.unwrap_or(0)), "its CPU"),
    ];
    limits.into_iter().filter_map(|(most, why)| Some((most?, why))).min_by_key(|(most, _)| *most)
}

fn check_modes(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &TaskTable,
    mode: NetworkMode,
    grounds: &Grounds<'_>,
) {
    if mode != NetworkMode::Awsvpc && grounds.fargate {
        lowering
            .report(&place.at("network_mode"), "Fargate has no network mode but `awsvpc`")
            .help("leave `network_mode` out, or run the task on instances");
    }
    if table.ephemeral_storage.is_some() && !grounds.fargate && !grounds.unknown {
        lowering
            .report(&place.at("ephemeral_storage"), "ephemeral storage is Fargate's")
            .help("set `disk` of the instances instead");
    }
}

/// The memory that is kept for a task, in MiB.
fn memory(table: &TaskTable) -> u32 {
    let kept = |container: &ContainerTable| container.memory_reservation.or(container.memory).unwrap_or(0);
    table.memory.unwrap_or_else(|| table.container.values().map(kept).fold(0, u32::saturating_add))
}
