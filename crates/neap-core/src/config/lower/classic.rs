//! Services behind classic load balancers.
//!
//! Decides which services can stand there: ECS registers whole instances, whose port must be fixed. Must not know how the load
//! balancer is made.

use super::clb;
use super::context::Lowering;
use super::ground::{self, Block};
use super::place::Place;
use crate::address::{Address, Kind};
use crate::config::shape::{NetworkMode, ServiceTable, StackFile, TaskTable};
use crate::kinds::{ClassicTarget, Resource, SecurityGroupRule};
use crate::reference;

/// The classic load balancers that the service stands behind.
fn balancers(service: &ServiceTable) -> impl Iterator<Item = &str> {
    service.targets().iter().filter_map(|target| target.clb.as_deref())
}

/// The addresses of the classic load balancers that ask a block of instances of the cluster `name`.
pub(super) fn of_block(file: &StackFile, name: &str, block: Block<'_>) -> Vec<Address> {
    let lands = |service: &&ServiceTable| {
        service.cluster == name && ground::instances(file, service).iter().any(|it| it.name == block.name)
    };
    let clbs = file.service.values().filter(lands).flat_map(balancers);
    clbs.filter(|clb| file.clb.contains_key(*clb)).map(|clb| Address::new(Kind::Clb, clb)).collect()
}

/// The rules by which the classic load balancer at `address` reaches instances.
pub(super) fn reaches(lowering: &Lowering<'_>, address: &Address) -> Vec<SecurityGroupRule> {
    let found = lowering.resources.get(address).map(|found| &found.resource);
    let Some(Resource::Clb(clb)) = found else { return Vec::new() };
    let rule = |port, peer| SecurityGroupRule::tcp(port, peer, format!("from {address}"));
    let ports = clb.instance_ports().into_iter();
    ports.flat_map(|port| clb.security_groups.iter().map(move |peer| rule(port, peer))).collect()
}

/// What the target of `service` at `place` is behind the classic load balancer `clb`, whose container answers on this port.
pub(super) fn target(
    lowering: &mut Lowering<'_>,
    place: &Place,
    (name, service): (&str, &ServiceTable),
    clb: &str,
    (container, port): (String, u16),
) -> ClassicTarget {
    let at = place.at("clb");
    lowering.named(&at, Kind::Clb, clb);
    check_service(lowering, &at, (name, service), clb);
    if let (Some(table), Some(task)) = (lowering.file.clb.get(clb), lowering.file.task.get(&service.task)) {
        let asked: Vec<u16> = clb::instance_ports(table).into_iter().collect();
        check_port(lowering, place, service, task, clb, (&container, port), &asked);
    }
    let address = Address::new(Kind::Clb, clb);
    ClassicTarget { load_balancer: reference::output(&address, "name"), container, port }
}

/// Reports a service that cannot stand behind a classic load balancer at all, or not there.
fn check_service(
    lowering: &mut Lowering<'_>,
    place: &Place,
    (name, service): (&str, &ServiceTable),
    clb: &str,
) {
    const OTHERS: &str = "use an `[alb.NAME]` or `[nlb.NAME]`, and `target = { group = … }`";
    let file = lowering.file;
    if ground::instances(file, service).is_empty() {
        if file.cluster.contains_key(&service.cluster) {
            lowering
                .report(place, "tasks on Fargate cannot stand behind a classic load balancer")
                .help("it knows instances alone: give the cluster some")
                .help(OTHERS);
        }
    } else if ground::mode_of(file, service) == NetworkMode::Awsvpc {
        lowering
            .report(place, "tasks with network mode `awsvpc` cannot stand behind a classic load balancer")
            .help("it knows instances, not the addresses of tasks: use `bridge` or `host`")
            .help(OTHERS);
    }
    if service.targets().len() > 1 {
        lowering
            .report(place, "a service behind a classic load balancer has no other target")
            .help("AWS takes one of those, or several target groups");
    }
    let other =
        file.service.iter().find(|(other, table)| *other != name && balancers(table).any(|it| it == clb));
    if let Some((other, _)) = other {
        lowering
            .report(place, format!("`service.{other}` stands behind `clb.{clb}` too"))
            .help("ECS registers whole instances, so one would take the other's away: give each its own");
    }
}

/// The port of the container must be fixed on the instances, and one that a listener asks.
fn check_port(
    lowering: &mut Lowering<'_>,
    place: &Place,
    service: &ServiceTable,
    task: &TaskTable,
    clb: &str,
    (container, port): (&str, u16),
    asked: &[u16],
) {
    let mode = ground::mode_of(lowering.file, service);
    let opened = task.container.get(container).into_iter().flat_map(super::container::ports);
    let Some((_, opened)) = opened.into_iter().find(|(_, opened)| opened.container_port == port) else {
        return;
    };
    let host_port = if mode == NetworkMode::Host { port } else { opened.host_port };
    let list = asked.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let place = place.at("clb");
    if mode == NetworkMode::Bridge && host_port == 0 {
        let fixed = asked.first().copied().unwrap_or(port);
        lowering
            .report(&place, format!("`{container}` has no fixed port on its instance"))
            .label(format!("`clb.{clb}` asks port {list}"))
            .help(format!("write `ports = [{{ port = {port}, host_port = {fixed} }}]` on the container"));
    } else if mode != NetworkMode::Awsvpc && !asked.contains(&host_port) && !asked.is_empty() {
        lowering
            .report(
                &place,
                format!("no listener of `clb.{clb}` asks port {host_port}, on which `{container}` answers"),
            )
            .label(format!("they ask {list}"))
            .help("make the container's `host_port` and a listener's `instance_port` the same");
    }
}
