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
    of_cluster(file, &service.cluster)
}

/// The instances of the cluster `name`, if it has some.
fn of_cluster<'file>(file: &'file StackFile, name: &str) -> Option<&'file InstancesTable> {
    match &file.cluster.get(name)?.capacity {
        ClusterCapacity::Instances(instances) => Some(instances),
        ClusterCapacity::One(_) | ClusterCapacity::Weighted(_) => None,
    }
}

/// Instances that a task runs on.
#[derive(Debug)]
pub(super) struct OnInstances<'file> {
    /// The service that runs it there; none for a task that is run by itself.
    pub(super) service: Option<(&'file str, &'file ServiceTable)>,
    /// The cluster whose instances they are.
    pub(super) cluster: &'file str,
    /// The instances.
    pub(super) instances: &'file InstancesTable,
}

impl OnInstances<'_> {
    /// The most instances that there are at once.
    pub(super) fn most(&self) -> u32 {
        self.instances.max.unwrap_or_else(|| self.instances.min.max(1))
    }

    /// How many of the task run there at once.
    pub(super) fn count(&self) -> u32 {
        self.service.map_or(1, |(_, service)| service.tasks().unwrap_or_else(|| self.most()))
    }
}

/// What a task runs on.
#[derive(Debug, Default)]
pub(super) struct Grounds<'file> {
    /// Whether a service runs it on Fargate, or neither a service nor the task says where.
    pub(super) fargate: bool,
    /// Whether a service or the task names a cluster that is not there, so that nobody can tell.
    pub(super) unknown: bool,
    /// The instances that it runs on.
    pub(super) instances: Vec<OnInstances<'file>>,
}

/// What the task `name` runs on.
pub(super) fn of_task<'file>(file: &'file StackFile, name: &str) -> Grounds<'file> {
    let mut grounds = Grounds::default();
    for (service, table) in file.service.iter().filter(|(_, table)| table.task == name) {
        let unknown = table.capacity.is_none() && !file.cluster.contains_key(&table.cluster);
        grounds.unknown |= unknown;
        match instances(file, table) {
            Some(instances) => {
                let service = Some((service.as_str(), table));
                grounds.instances.push(OnInstances { service, cluster: &table.cluster, instances });
            }
            None => grounds.fargate |= !unknown,
        }
    }
    let is_served = grounds.unknown || grounds.fargate || !grounds.instances.is_empty();
    let cluster = file.task.get(name).and_then(|task| task.cluster.as_deref());
    if let Some(cluster) = cluster.filter(|_| !is_served) {
        grounds.unknown |= !file.cluster.contains_key(cluster);
        let here = of_cluster(file, cluster);
        grounds.instances.extend(here.map(|instances| OnInstances { service: None, cluster, instances }));
    }
    grounds.fargate |= grounds.instances.is_empty() && !grounds.unknown;
    grounds
}

/// The network mode of a task. An instance has few network interfaces and many ports, so tasks that only run on instances
/// share them.
pub(super) fn network_mode(table: &TaskTable, grounds: &Grounds<'_>) -> NetworkMode {
    let shares = !grounds.fargate && !grounds.unknown;
    table.network_mode.unwrap_or(if shares { NetworkMode::Bridge } else { NetworkMode::Awsvpc })
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
