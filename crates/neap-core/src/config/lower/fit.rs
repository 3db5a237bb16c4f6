//! Whether a task fits on the instances that its services run on.
//!
//! Decides what would never be placed, before anything is made. Must not know how instances are lowered.

use super::context::Lowering;
use super::ground::Grounds;
use super::instances::processor;
use super::place::Place;
use crate::config::shape::{Architecture, ContainerTable, NetworkMode, TaskTable};
use crate::instances;
use crate::reference::Processor;

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
    let wanted = match table.architecture {
        Architecture::X86_64 => Processor::X86,
        Architecture::Arm64 => Processor::Arm,
    };
    for ground in &grounds.instances {
        let (on, cluster) = (ground.instances, ground.cluster);
        let name = &on.instance_type;
        if let Some(found) = processor(on).filter(|found| *found != wanted) {
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
                    Some((service, _)) => {
                        format!("`service.{service}` runs it on the instances of `cluster.{cluster}`")
                    }
                    None => format!("it is run on the instances of `cluster.{cluster}`"),
                })
                .help(format!("build it for {}, or choose another instance type", found.as_str()));
        }
        if let Some(most) = instances::task_memory_mib(name).filter(|most| memory(table) > *most) {
            lowering
                .report(
                    &place.at("memory"),
                    format!("{} MiB do not fit on a `{name}`, which has {most} for tasks", memory(table)),
                )
                .help("the system and ECS's agent keep the rest; lower `memory`, or choose a larger type");
        }
        let Some(instance) = instances::find(name) else { continue };
        if let Some(cpu) = table.cpu.filter(|cpu| *cpu > instance.vcpu * UNITS) {
            let most = instance.vcpu * UNITS;
            lowering.report(
                &place.at("cpu"),
                format!("{cpu} CPU units do not fit on a `{name}`, which has {most}"),
            );
        }
        let interfaces = instance.max_enis.saturating_sub(1);
        let most = ground.most().saturating_mul(interfaces);
        let count = ground.count();
        if mode == NetworkMode::Awsvpc && count > most {
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
                .label(format!(
                    "a `{name}` has interfaces for {interfaces}, and there are at most {most} in all"
                ))
                .help("leave `network_mode` out to share the instance's interface, or raise `max`");
        }
    }
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
            .help("set the cluster's `capacity.disk` instead");
    }
}

/// The memory that is kept for a task, in MiB.
fn memory(table: &TaskTable) -> u32 {
    let kept = |container: &ContainerTable| container.memory_reservation.or(container.memory).unwrap_or(0);
    table.memory.unwrap_or_else(|| table.container.values().map(kept).fold(0, u32::saturating_add))
}
