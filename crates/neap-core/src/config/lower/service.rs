//! Services: which task runs where, who reaches it, and what must be there first.
//!
//! Decides the edges that no field shows: the listeners and rules that forward to a service's target groups, and the
//! roles of its tasks. Must not know how a deployment goes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::context::{Common, Lowering};
use super::place::{Place, quoted};
use super::{
    blue_green, capacity, classic, connect, deployment, discovery, ground, groups, instances, reach, scaling,
    subnets, target_group, task,
};
use crate::address::{Address, Kind};
use crate::config::shape::{
    ContainerTable, Mount, NetworkMode, OneOrMany, SchedulingStrategy, ServiceTable, TargetProtocol,
    TargetTable, TaskTable,
};
use crate::kinds::{Alternate, ClassicTarget, Resource, Service, ServiceTarget, StrategyItem};
use crate::ownership::Owned;
use crate::reference::{self, Reference};

/// Seconds in which failed health checks of a new task do not count, with a target.
const GRACE_SECONDS: u32 = 60;
/// The most target groups of a service.
const MOST_TARGETS: usize = 5;
/// Where the agent behind a shell writes.
const AGENT_FOLDERS: [&str; 2] = ["/var/lib/amazon/ssm", "/var/log/amazon/ssm"];

/// Lowers every service.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.service {
        service(lowering, name, table);
    }
}

fn service(lowering: &mut Lowering<'_>, name: &str, table: &ServiceTable) {
    let (place, address) = lowering.begin(Kind::Service, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    let Targets { groups: targets, classic } = targets(lowering, &place, name, &address, table);
    let (is_classic, is_balanced) = (classic.is_some(), !targets.is_empty() || classic.is_some());
    deployment::check(lowering, &place, table, is_balanced);
    let grace = if is_balanced { GRACE_SECONDS } else { 0 };
    let on_instances = !ground::instances(lowering.file, table).is_empty();
    let mode = ground::mode_of(lowering.file, table);
    let own_interfaces = mode == NetworkMode::Awsvpc;
    if !own_interfaces {
        check_no_network(lowering, &place, table);
    }
    if on_instances && table.public_ip == Some(true) {
        lowering
            .report(&place.at("public_ip"), "a public address for tasks on instances")
            .help("ECS gives public addresses to tasks on Fargate alone: leave `public_ip` out; instances have one of their own");
    }
    if table.exec {
        check_shells(lowering, &place.at("exec"), table);
    }
    reach::check(lowering, &place, name, table);
    let (minimum_healthy_percent, maximum_percent) = table.percents();
    let public_ip = subnets::public_ip(lowering, &place.at("public_ip"), &table.subnets, table.public_ip);
    let fields = Service {
        name: lowering.plain_name(Kind::Service, &place, name, common.name),
        cluster: lowering.named(&place.at("cluster"), Kind::Cluster, &table.cluster),
        task: lowering.named(&place.at("task"), Kind::Task, &table.task),
        scheduling_strategy: match table.strategy {
            SchedulingStrategy::Replica => "REPLICA",
            SchedulingStrategy::Daemon => Service::DAEMON,
        }
        .to_owned(),
        count: table.tasks(),
        capacity: strategy(lowering, &place, table),
        own_interfaces,
        security_groups: if own_interfaces {
            security_groups(lowering, &place, &address, table, &targets)
        } else {
            BTreeSet::new()
        },
        targets: targets.iter().map(|(_, target)| target.clone()).collect(),
        classic,
        registry: discovery::lower(lowering, &place, &address, table, mode),
        connect: connect::lower(lowering, &place, &address, table, mode),
        subnets: if own_interfaces {
            subnets::of_tasks(lowering, &place.at("subnets"), &table.subnets)
        } else {
            BTreeSet::new()
        },
        // ECS gives public addresses to tasks on Fargate alone.
        public_ip: public_ip && !on_instances,
        platform_version: if on_instances {
            String::new()
        } else {
            platform_version(lowering, &place, table)
        },
        minimum_healthy_percent,
        maximum_percent,
        deployment: blue_green::deployment(lowering, &place, &address, table),
        circuit_breaker: table.circuit_breaker,
        rollback: table.rollback && table.circuit_breaker,
        health_check_grace_seconds: table.health_check_grace.unwrap_or(grace),
        exec: table.exec,
        propagate_tags: "SERVICE".to_owned(),
        // Levelling zones starts a task before it stops one, for which there must be room, and ECS has none of it behind a classic load balancer
        // ("Balancing an Amazon ECS service across Availability Zones").
        zone_rebalancing: if maximum_percent > 100 && !is_classic { "ENABLED" } else { "DISABLED" }
            .to_owned(),
    };
    let mut after = after(lowering, table);
    if own_interfaces {
        after.extend(subnets::ways_out(lowering, &table.subnets));
    }
    after.extend(reach::before(table).filter(|other| *other != address));
    if on_instances {
        after.insert(instances::capacity_address(&table.cluster));
    }
    lowering.declare(address.clone(), &place, &common, fields);
    if let Some(desired) = lowering.resources.get_mut(&address) {
        desired.after = after;
    }
    reach::tag(lowering, &address, table);
    owned_elsewhere(lowering, &place, &address, table);
    let groups: Vec<&str> = targets.iter().map(|(group, _)| *group).collect();
    scaling::lower(lowering, &place, &address, table, &groups);
}

/// What others change of the service, and with it of the task that it runs.
fn owned_elsewhere(lowering: &mut Lowering<'_>, place: &Place, address: &Address, table: &ServiceTable) {
    let place = place.at("owned_elsewhere");
    // What scales the service owns the number of its tasks.
    let scaled = table.scaling.is_some().then_some(Owned::Count);
    // ECS owns which of two groups has its traffic.
    let shifted = table.is_blue_green().then_some(Owned::Weights);
    let given = table.owned_elsewhere.iter().copied();
    let owned: BTreeSet<Owned> = given.chain(scaled).chain(shifted).collect();
    for (index, word) in table.owned_elsewhere.iter().enumerate() {
        if table.owned_elsewhere[..index].contains(word) {
            lowering.report(&place.item(index), "it is in the list twice");
        }
    }
    if owned.contains(&Owned::Image) {
        let is_other = |(name, other): &(&String, &ServiceTable)| {
            other.task == table.task && name.as_str() != address.name()
        };
        if let Some((other, _)) = lowering.file.service.iter().find(is_other) {
            lowering
                .report(&place, format!("`service.{other}` runs `task.{}` too", table.task))
                .help("each service may run another image, so give each a task of its own");
        }
        if let Some(task) = lowering.resources.get_mut(&Address::new(Kind::Task, &table.task)) {
            task.owned_elsewhere.insert(Owned::Image);
        }
    }
    if let Some(desired) = lowering.resources.get_mut(address) {
        desired.owned_elsewhere = owned;
    }
}

/// The agent that ECS puts into a container for a shell writes to it, and ends at once where it cannot: root file systems that are
/// read-only "aren't supported" ("Debug with ECS Exec"). Volumes in its folders let it start all the same.
fn check_shells(lowering: &mut Lowering<'_>, place: &Place, table: &ServiceTable) {
    let Some(task) = lowering.file.task.get(&table.task) else { return };
    let is_open = |container: &ContainerTable| {
        let written = |folder: &&str| {
            let mut mounts = container
                .mount
                .iter()
                .filter(|(_, mount)| !matches!(mount, Mount::Full(full) if full.read_only));
            mounts.any(|(path, _)| Path::new(folder).starts_with(path))
        };
        !container.read_only_root || AGENT_FOLDERS.iter().all(written)
    };
    if !task.container.is_empty() && !task.container.values().any(is_open) {
        lowering
            .report(
                place,
                format!("no shell can be opened in `task.{}`, whose root is read-only", table.task),
            )
            .help("leave `exec` out, or `read_only_root` on the container that is looked into")
            .help(format!("or mount volumes in which the agent can write: at {}", quoted(AGENT_FOLDERS)));
    }
}

/// Tasks that share the interface of their instance have its subnet and its security groups.
fn check_no_network(lowering: &mut Lowering<'_>, place: &Place, table: &ServiceTable) {
    let given =
        [("subnets", !table.subnets.is_open()), ("security_groups", !table.security_groups.is_empty())];
    for (key, is_given) in given {
        if is_given {
            lowering
                .report(&place.at(key), format!("`{key}` without network mode `awsvpc`"))
                .help(format!("the tasks have those of their instances: set `{key}` there"));
        }
    }
}

fn platform_version(lowering: &mut Lowering<'_>, place: &Place, table: &ServiceTable) -> String {
    let version = table.platform_version.as_deref().unwrap_or("LATEST");
    lowering.text(&place.at("platform_version"), version)
}

/// The service's own capacity, or its cluster's. A daemon is refused with any: it is launched on instances as such.
fn strategy(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &ServiceTable,
) -> BTreeMap<String, StrategyItem> {
    if table.is_daemon() {
        return BTreeMap::new();
    }
    let (stack, name) = (lowering.stack, &table.cluster);
    let cluster = lowering.file.cluster.get(name);
    if let Some(capacity) = &table.capacity {
        capacity::check(lowering, &place.at("capacity"), name, capacity);
        return capacity::strategy(stack, name, cluster, capacity);
    }
    cluster.map(|cluster| capacity::default(stack, name, cluster)).unwrap_or_default()
}

/// What a service stands behind.
#[derive(Default)]
struct Targets<'table> {
    /// Target groups, each with its name.
    groups: Vec<(&'table str, ServiceTarget)>,
    /// A classic load balancer.
    classic: Option<ClassicTarget>,
}

fn targets<'table>(
    lowering: &mut Lowering<'_>,
    place: &Place,
    name: &str,
    service: &Address,
    table: &'table ServiceTable,
) -> Targets<'table> {
    let file = lowering.file;
    let place = place.at("target");
    let tables = table.targets();
    if tables.len() > MOST_TARGETS {
        let message = format!("{} targets; AWS takes at most {MOST_TARGETS}", tables.len());
        lowering.report(&place, message);
    }
    let mut targets = Targets::default();
    for (index, target) in tables.iter().enumerate() {
        let place =
            if matches!(table.target, Some(OneOrMany::Many(_))) { place.item(index) } else { place.clone() };
        let found = match file.task.get(&table.task) {
            Some(task) => {
                let found = endpoint(lowering, &place, target, &table.task, task);
                check_both(lowering, &place, target, task, &found);
                found
            }
            None => (target.container.clone().unwrap_or_default(), target.port.unwrap_or(0)),
        };
        match (&target.group, &target.clb) {
            (Some(group), None) => {
                let alternate = blue_green::alternate(lowering, &place, service, table, target, group);
                in_group(lowering, &place.at("group"), &mut targets, group, found, alternate);
            }
            (None, Some(clb)) => {
                targets.classic = Some(classic::target(lowering, &place, (name, table), clb, found));
            }
            (Some(_), Some(_)) => {
                lowering
                    .report(&place.at("clb"), "a target group, and a classic load balancer")
                    .help("leave one of the two out: target groups are for the other load balancers");
            }
            (None, None) => {
                lowering.report(&place, "a target that is nothing").help(
                    "set `group` to the name of a `[target_group.NAME]`, or `clb` to that of a `[clb.NAME]`",
                );
            }
        }
    }
    targets
}

/// Adds the target group that stands at `place`.
fn in_group<'table>(
    lowering: &mut Lowering<'_>,
    place: &Place,
    targets: &mut Targets<'table>,
    group: &'table str,
    (container, port): (String, u16),
    alternate: Option<Alternate>,
) {
    let target_group = lowering.named(place, Kind::TargetGroup, group);
    check_forwarded(lowering, place, group);
    if targets.groups.iter().any(|(other, _)| *other == group) {
        lowering.report(place, format!("`{group}` is a target twice"));
    }
    targets.groups.push((group, ServiceTarget { target_group, container, port, alternate }));
}

/// AWS refuses a service whose target group belongs to no load balancer.
fn check_forwarded(lowering: &mut Lowering<'_>, place: &Place, group: &str) {
    if lowering.file.target_group.contains_key(group) && !lowering.routes.contains_key(group) {
        lowering
            .report(place, format!("no load balancer forwards to `target_group.{group}`"))
            .help(format!("add `forward = \"{group}\"` to a listener or to one of its rules"));
    }
}

/// The container and port that a target means.
pub(super) fn endpoint(
    lowering: &mut Lowering<'_>,
    place: &Place,
    target: &TargetTable,
    task_name: &str,
    task: &TaskTable,
) -> (String, u16) {
    let group = target.group.as_ref().and_then(|group| lowering.file.target_group.get(group));
    let speaks = if group.is_some_and(|group| group.protocol == TargetProtocol::Udp) { "udp" } else { "tcp" };
    let open = task::open_ports(task, speaks);
    let fallback = (target.container.clone().unwrap_or_default(), target.port.unwrap_or(0));
    let container = match (&target.container, open.len()) {
        (Some(container), _) if !task.container.contains_key(container) => {
            lowering
                .report(&place.at("container"), format!("`task.{task_name}` has no container `{container}`"))
                .nearest(container, task.container.keys().map(String::as_str))
                .help(format!("it has {}", quoted(task.container.keys())));
            return fallback;
        }
        (Some(container), _) => container.as_str(),
        (None, 1) => open.keys().next().copied().unwrap_or_default(),
        (None, 0) => {
            lowering
                .report(place, format!("no container of `task.{task_name}` opens a port"))
                .help("add `port = …` to the container that answers");
            return fallback;
        }
        (None, _) => {
            lowering
                .report(place, format!("several containers of `task.{task_name}` open ports"))
                .help(format!("set `container` to one of {}", quoted(open.keys())));
            return fallback;
        }
    };
    let ports = open.get(container).cloned().unwrap_or_default();
    let list = ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let port = match (target.port, ports.len()) {
        (Some(port), _) if ports.contains(&port) => port,
        (Some(port), count) => {
            let help = match count {
                0 => format!("add `port = {port}` to `[task.{task_name}.container.{container}]`"),
                1 => format!("it opens {list}"),
                _ => format!("it opens {list}; choose one of them"),
            };
            lowering.report(&place.at("port"), format!("`{container}` does not open port {port}")).help(help);
            port
        }
        (None, 1) => ports.first().copied().unwrap_or(0),
        (None, 0) => {
            lowering
                .report(place, format!("`{container}` opens no port"))
                .help(format!("add `port = …` to `[task.{task_name}.container.{container}]`"));
            0
        }
        (None, _) => {
            lowering
                .report(place, format!("`{container}` opens several ports"))
                .help(format!("set `port` to one of {list}"));
            0
        }
    };
    (container.to_owned(), port)
}

/// A group of TCP and UDP on one port needs the container to open it in both.
fn check_both(
    lowering: &mut Lowering<'_>,
    place: &Place,
    target: &TargetTable,
    task: &TaskTable,
    (container, port): &(String, u16),
) {
    let group = target.group.as_ref().and_then(|group| lowering.file.target_group.get(group));
    if group.is_none_or(|group| group.protocol != TargetProtocol::TcpUdp) {
        return;
    }
    let open = task::open_ports(task, "udp");
    if *port > 0 && !open.get(container.as_str()).is_some_and(|ports| ports.contains(port)) {
        lowering
            .report(
                &place.at("group"),
                format!("`{container}` opens port {port} for TCP alone, and the group speaks UDP too"),
            )
            .help(format!("write `ports = [{{ port = {port} }}, {{ port = {port}, protocol = \"udp\" }}]`"));
    }
}

fn security_groups(
    lowering: &mut Lowering<'_>,
    place: &Place,
    address: &Address,
    table: &ServiceTable,
    targets: &[(&str, ServiceTarget)],
) -> BTreeSet<String> {
    if !table.security_groups.is_empty() {
        return groups::chosen(lowering, &place.at("security_groups"), &table.security_groups);
    }
    let mut asked = BTreeSet::new();
    let groups = table.targets().iter().map(TargetTable::groups);
    for ((group, _), (_, target)) in
        groups.zip(targets).flat_map(|(groups, it)| groups.map(move |one| (one, it)))
    {
        let Some(table) = lowering.file.target_group.get(group) else { continue };
        let ports = target_group::asked(table, (target.port, target.port)).into_iter();
        asked.extend(ports.map(|(protocol, ports)| (group, protocol, ports)));
    }
    groups::of_service(lowering, address, &asked)
}

/// What must be there before the service although no field of it says so.
fn after(lowering: &Lowering<'_>, table: &ServiceTable) -> BTreeSet<Address> {
    let groups = table.targets().iter().flat_map(TargetTable::groups);
    let routes = groups.flat_map(|(group, _)| lowering.routes.get(group).into_iter().flatten());
    let mut after: BTreeSet<Address> = routes.map(|route| route.address.clone()).collect();
    // A task whose role is too new to be assumed fails, and failed tasks count against a deployment.
    let task = lowering.resources.get(&Address::new(Kind::Task, &table.task)).map(|task| &task.resource);
    if let Some(Resource::Task(task)) = task {
        let roles = task.execution_role.iter().chain(&task.task_role);
        let roles = roles.flat_map(|role| reference::in_text(role)).filter_map(|reference| match reference {
            Reference::Output(address, _) => Some(address),
            Reference::Variable(_) | Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => None,
        });
        after.extend(roles.filter(|address| lowering.resources.contains_key(address)));
    }
    after
}
