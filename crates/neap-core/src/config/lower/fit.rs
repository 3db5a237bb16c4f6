//! Whether a task fits on the instances that its services run on.
//!
//! Decides what would never be placed, before anything is made. Must not know how instances are lowered.

use std::collections::BTreeSet;

use super::context::Lowering;
use super::ground::{Grounds, OnInstances};
use super::instances::processor;
use super::place::Place;
use crate::config::shape::{ContainerTable, NetworkMode, TaskTable};
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
        if mode == NetworkMode::Awsvpc {
            check_interfaces(lowering, place, ground);
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

/// Checks whether the instances have network interfaces for all of the tasks.
fn check_interfaces(lowering: &mut Lowering<'_>, place: &Place, ground: &OnInstances<'_>) {
    let mut most: u32 = 0;
    let mut each = Vec::new();
    for block in &ground.blocks {
        let name = &block.table.instance_type;
        let Some(instance) = instances::find(name) else { return };
        let interfaces = instance.max_enis.saturating_sub(1);
        most = most.saturating_add(block.most().saturating_mul(interfaces));
        let words = format!("a `{name}` has interfaces for {interfaces}");
        if !each.contains(&words) {
            each.push(words);
        }
    }
    let count = ground.count();
    if count <= most {
        return;
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
