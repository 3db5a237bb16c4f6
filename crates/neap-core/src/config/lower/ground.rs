//! What tasks run on: Fargate, or instances of their cluster's own; and what follows for their network.
//!
//! Decides where a service runs, and the network mode of a task that does not say. Must not know how instances are made.

use std::collections::BTreeSet;

use super::capacity;
use super::place::Place;
use crate::address::Kind;
use crate::config::shape::{
    Capacity, ClusterCapacity, ClusterTable, InstancesTable, NetworkMode, ServiceTable, StackFile,
    TargetTable, TaskTable,
};

/// A block of instances of a cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'file> {
    /// Its name; none for the one that stands in the cluster's `capacity`.
    pub(super) name: Option<&'file str>,
    /// What it says.
    pub(super) table: &'file InstancesTable,
}

impl Block<'_> {
    /// Where it stands in the cluster of this name.
    pub(super) fn place(self, cluster: &str) -> Place {
        let place = Place::of(Kind::Cluster.as_str(), cluster);
        match self.name {
            None => place.at("capacity"),
            Some(name) => place.at("instances").at(name),
        }
    }

    /// The same in words.
    pub(super) fn words(self, cluster: &str) -> String {
        match self.name {
            None => format!("the instances of `cluster.{cluster}`"),
            Some(name) => format!("the instances `{name}` of `cluster.{cluster}`"),
        }
    }

    /// The most instances that there are at once.
    pub(super) fn most(self) -> u32 {
        self.table.max.unwrap_or_else(|| self.table.min.max(1))
    }
}

/// All blocks of a cluster: those with names, and the one in its `capacity`.
pub(super) fn blocks(cluster: &ClusterTable) -> Vec<Block<'_>> {
    let only = match &cluster.capacity {
        Some(ClusterCapacity::Instances(table)) => Some(Block { name: None, table }),
        Some(ClusterCapacity::One(_) | ClusterCapacity::Weighted(_)) | None => None,
    };
    let named = cluster.instances.iter().map(|(name, table)| Block { name: Some(name), table });
    only.into_iter().chain(named).collect()
}

/// The blocks that the services of a cluster land on that say nothing; none for Fargate.
pub(super) fn by_default(cluster: &ClusterTable) -> Vec<Block<'_>> {
    if let Some(capacity) = capacity::shares(cluster) {
        return named(cluster, &capacity);
    }
    let mut blocks = blocks(cluster);
    if cluster.capacity.is_some() {
        blocks.retain(|block| block.name.is_none());
    }
    blocks
}

/// The blocks of a cluster that tasks land on by this capacity.
fn named<'file>(cluster: &'file ClusterTable, capacity: &Capacity) -> Vec<Block<'file>> {
    let used = capacity.shares().into_iter().filter(|(_, share)| share.weight > 0 || share.base > 0);
    let block = |(word, _)| {
        let (name, table) = cluster.instances.get_key_value(word)?;
        Some(Block { name: Some(name.as_str()), table })
    };
    used.filter_map(block).collect()
}

/// The blocks of instances that tasks of `service` may land on; none if it runs on Fargate. A daemon runs on all of them.
pub(super) fn instances<'file>(file: &'file StackFile, service: &ServiceTable) -> Vec<Block<'file>> {
    let Some(cluster) = file.cluster.get(&service.cluster) else { return Vec::new() };
    match &service.capacity {
        _ if service.is_daemon() => blocks(cluster),
        Some(capacity) => named(cluster, capacity),
        None => by_default(cluster),
    }
}

/// Whether nobody can tell where a service runs: its cluster, or what it or its cluster names in it, is not there.
fn is_unknown(file: &StackFile, service: &ServiceTable) -> bool {
    let cluster = file.cluster.get(&service.cluster);
    let by_cluster = || cluster.and_then(capacity::shares);
    let Some(capacity) = service.capacity.clone().or_else(by_cluster) else { return cluster.is_none() };
    let is_known = |word: &str| {
        capacity::FARGATE.iter().any(|(known, _)| *known == word)
            || cluster.is_some_and(|cluster| cluster.instances.contains_key(word))
    };
    !capacity.shares().into_iter().all(|(word, _)| is_known(word))
}

/// Instances that a task runs on.
#[derive(Debug)]
pub(super) struct OnInstances<'file> {
    /// The service that runs it there; none for a task that is run by itself.
    pub(super) service: Option<(&'file str, &'file ServiceTable)>,
    /// The cluster whose instances they are.
    pub(super) cluster: &'file str,
    /// The blocks that it may land on.
    pub(super) blocks: Vec<Block<'file>>,
}

impl OnInstances<'_> {
    /// How many of the task run there at once.
    pub(super) fn count(&self) -> u32 {
        let most = || self.blocks.iter().fold(0, |sum: u32, block| sum.saturating_add(block.most()));
        self.service.map_or(1, |(_, service)| service.tasks().unwrap_or_else(most))
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
        let unknown = is_unknown(file, table);
        grounds.unknown |= unknown;
        let blocks = instances(file, table);
        if blocks.is_empty() {
            grounds.fargate |= !unknown;
        } else {
            let service = Some((service.as_str(), table));
            grounds.instances.push(OnInstances { service, cluster: &table.cluster, blocks });
        }
    }
    let is_served = grounds.unknown || grounds.fargate || !grounds.instances.is_empty();
    let cluster = file.task.get(name).and_then(|task| task.cluster.as_deref());
    if let Some(cluster) = cluster.filter(|_| !is_served) {
        let table = file.cluster.get(cluster);
        grounds.unknown |= table.is_none();
        let blocks = table.map(by_default).unwrap_or_default();
        let here = (!blocks.is_empty()).then_some(OnInstances { service: None, cluster, blocks });
        grounds.instances.extend(here);
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
        service.targets().iter().flat_map(TargetTable::groups).any(|(group, _)| group == name)
    };
    let services = file.service.values().filter(registers);
    services.map(|service| mode_of(file, service) == NetworkMode::Awsvpc).collect()
}
