//! What tasks run on: Fargate, or instances of their cluster's own; and what follows for their network.
//!
//! Decides where a service runs, and the network mode of a task that does not say. Must not know how instances are made.

use std::collections::BTreeSet;

use crate::config::shape::{
    ClusterCapacity, InstancesTable, NetworkMode, OneOrMany, ServiceTable, StackFile, TaskTable,
};

/// The instances that `service` runs on, if it does not run on Fargate.
pub(super) fn instances<'file>(
    file: &'file StackFile,
    service: &ServiceTable,
) -> Option<&'file InstancesTable> {
    if service.capacity.is_some() {
        return None;
    }
    match &file.cluster.get(&service.cluster)?.capacity {
        ClusterCapacity::Instances(instances) => Some(instances),
        ClusterCapacity::One(_) | ClusterCapacity::Weighted(_) => None,
    }
}

/// What a task runs on.
#[derive(Debug, Default)]
pub(super) struct Grounds<'file> {
    /// Whether a service runs it on Fargate, or none does at all.
    pub(super) fargate: bool,
    /// Whether a service names a cluster that is not there, so that nobody can tell.
    pub(super) unknown: bool,
    /// The services that run it on instances, each with its table and those instances.
    pub(super) instances: Vec<(&'file str, &'file ServiceTable, &'file InstancesTable)>,
}

/// What the task `name` runs on.
pub(super) fn of_task<'file>(file: &'file StackFile, name: &str) -> Grounds<'file> {
    let mut grounds = Grounds::default();
    for (service, table) in file.service.iter().filter(|(_, table)| table.task == name) {
        grounds.unknown |= table.capacity.is_none() && !file.cluster.contains_key(&table.cluster);
        match instances(file, table) {
            Some(instances) => grounds.instances.push((service, table, instances)),
            None => grounds.fargate = true,
        }
    }
    grounds.fargate |= grounds.instances.is_empty();
    grounds
}

/// The network mode of a task. An instance has few network interfaces and many ports, so tasks that only run on instances
/// share them.
pub(super) fn network_mode(table: &TaskTable, grounds: &Grounds<'_>) -> NetworkMode {
    table.network_mode.unwrap_or(if grounds.fargate { NetworkMode::Awsvpc } else { NetworkMode::Bridge })
}

/// The network mode of the task of `service`.
pub(super) fn mode_of(file: &StackFile, service: &ServiceTable) -> NetworkMode {
    let task = file.task.get(&service.task);
    task.map_or(NetworkMode::Awsvpc, |task| network_mode(task, &of_task(file, &service.task)))
}

/// Whether tasks with an interface of their own, and those that share their instance's, register with the target group
/// `name`.
pub(super) fn targets(file: &StackFile, name: &str) -> BTreeSet<bool> {
    let registers = |service: &&ServiceTable| {
        let targets = service.target.as_ref().map_or(&[][..], OneOrMany::as_slice);
        targets.iter().any(|target| target.group == name)
    };
    let services = file.service.values().filter(registers);
    services.map(|service| mode_of(file, service) == NetworkMode::Awsvpc).collect()
}
