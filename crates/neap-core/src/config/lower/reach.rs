//! Which services ask which: who may reach their ports, who comes first, and when a new name needs a new deployment.
//!
//! Decides the rules between the security groups of services. Must not know how they find each other.

use std::collections::BTreeSet;

use super::context::Lowering;
use super::ground::Block;
use super::place::Place;
use super::stack::is_id;
use super::{connect, container, ground, instances};
use crate::address::{Address, Kind};
use crate::config::shape::{NetworkMode, OneOrMany, RecordType, ServiceTable, StackFile, TaskTable};
use crate::desired::{TAG_REACHES, short_hash};
use crate::kinds::{PortMapping, SecurityGroupRule};
use crate::reference;

/// The ports from which ECS chooses one for a container.
const CHOSEN_PORTS: (u16, u16) = (32_768, 65_535);
/// The most characters of a tag's value.
const LONGEST_TAG: usize = 256;

/// Checks what `service` reaches.
pub(super) fn check(lowering: &mut Lowering<'_>, place: &Place, name: &str, table: &ServiceTable) {
    let file = lowering.file;
    let place = place.at("reaches");
    for (index, other) in table.reaches.iter().enumerate() {
        let place = place.item(index);
        lowering.named(&place, Kind::Service, other);
        if table.reaches[..index].contains(other) {
            lowering.report(&place, "it is in the list twice");
        }
        let Some(server) = file.service.get(other) else { continue };
        if other == name {
            lowering
                .report(&place, "a service reaches its own tasks through a rule with the peer `self`")
                .help("name a `[security_group.x]` of your own in `security_groups`, with such a rule in it");
            continue;
        }
        let serves = server.connect.as_ref().is_some_and(|connect| connect.serve.is_some());
        if !serves && server.discovery.is_none() {
            lowering.report(&place, format!("`service.{other}` has no name, so nobody could ask it")).help(
                format!("give it `connect = {{ serve = {{}} }}`, or `discovery`, in `[service.{other}]`"),
            );
        } else if serves && server.discovery.is_none() && table.connect.is_none() {
            lowering
                .report(
                    &place,
                    format!("only tasks with a proxy find `service.{other}`, and these have none"),
                )
                .help("add `connect = {}`");
        }
        if !groups_of(file, server).is_empty() {
            lowering
                .report(
                    &place,
                    format!("`service.{other}` names its own security groups, and they say who reaches it"),
                )
                .help(format!("let a rule of theirs have `peer = \"service.{name}\"`, and leave this out"));
        }
    }
}

/// The groups that are chosen for the tasks of a service, or for the instances that they share.
fn groups_of<'file>(file: &'file StackFile, service: &'file ServiceTable) -> &'file [String] {
    if ground::mode_of(file, service) == NetworkMode::Awsvpc { &service.security_groups } else { &[] }
}

/// The rules by which other services reach the tasks of `server`, which have interfaces of their own.
pub(super) fn to_service(file: &StackFile, server: &str) -> BTreeSet<SecurityGroupRule> {
    let mut rules = BTreeSet::new();
    let Some(table) = file.service.get(server) else { return rules };
    for (client, asking) in clients(file, server) {
        for port in ports(file, table) {
            rules
                .extend(peers(file, client, asking).into_iter().map(|peer| rule((port, port), peer, client)));
        }
    }
    rules
}

/// The rules by which other services reach tasks that share the instances of a block of `cluster`, whose group is `own`.
pub(super) fn to_instances(
    file: &StackFile,
    cluster: &str,
    block: Block<'_>,
    own: &str,
) -> BTreeSet<SecurityGroupRule> {
    let mut rules = BTreeSet::new();
    for (server, table) in file.service.iter().filter(|(_, table)| table.cluster == cluster) {
        let mode = ground::mode_of(file, table);
        let lands = ground::instances(file, table).iter().any(|other| other.name == block.name);
        if !lands || mode == NetworkMode::Awsvpc {
            continue;
        }
        for (client, asking) in clients(file, server) {
            for range in shared_ports(file, table, mode) {
                rules.extend(peers(file, client, asking).into_iter().map(|peer| {
                    let peer = if peer == own { "self".to_owned() } else { peer };
                    rule(range, peer, client)
                }));
            }
        }
    }
    rules
}

fn rule((from, to): (u16, u16), peer: String, client: &str) -> SecurityGroupRule {
    SecurityGroupRule {
        to_port: Some(i32::from(to)),
        ..SecurityGroupRule::tcp(from, peer, format!("from service.{client}"))
    }
}

/// The services that ask `server`.
pub(super) fn clients<'file>(
    file: &'file StackFile,
    server: &str,
) -> impl Iterator<Item = (&'file str, &'file ServiceTable)> {
    let asks = move |(name, table): &(&String, &ServiceTable)| {
        name.as_str() != server && table.reaches.iter().any(|other| other == server)
    };
    file.service.iter().filter(asks).map(|(name, table)| (name.as_str(), table))
}

/// The ids of the groups of a service's tasks, or of the instances that they may land on, as references.
fn peers(file: &StackFile, name: &str, service: &ServiceTable) -> BTreeSet<String> {
    let id = |name: &str| reference::output(&Address::new(Kind::SecurityGroup, name), "id");
    if ground::mode_of(file, service) != NetworkMode::Awsvpc {
        let blocks = ground::instances(file, service);
        let name = |block: &Block<'_>| instances::implied_name(&service.cluster, block.name);
        return blocks.iter().map(|block| id(&name(block))).collect();
    }
    let chosen = groups_of(file, service);
    if chosen.is_empty() {
        return [id(&format!("service-{name}"))].into();
    }
    let named = |text: &String| {
        if is_id(text, "sg-") {
            return text.clone();
        }
        let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let bare = inner.map(|inner| inner.trim_start_matches("security_group.").trim_end_matches(".id"));
        id(bare.unwrap_or(text))
    };
    chosen.iter().map(named).collect()
}

/// Where the proxies of a service's tasks listen, if the stack says it, each with the port of the container behind it.
fn proxied(service: &ServiceTable, task: &TaskTable) -> Vec<(Option<u16>, u16)> {
    let serves = service.connect.iter().filter_map(|connect| connect.serve.as_ref());
    let serves = serves.flat_map(OneOrMany::as_slice);
    serves.filter_map(|it| Some((it.ingress_port, connect::served(it, task)?.container_port))).collect()
}

/// The ports of containers that are found by DNS.
fn discovered(service: &ServiceTable, task: &TaskTable) -> Vec<PortMapping> {
    let Some(discovery) = &service.discovery else { return Vec::new() };
    let is_meant = |name: &String, port: u16| {
        let of_container = discovery.container.as_ref().is_none_or(|it| it == name);
        let of_port = discovery.port.is_none_or(|it| it == port);
        discovery.record != Some(RecordType::Srv) || (of_container && of_port)
    };
    let ports = task
        .container
        .iter()
        .flat_map(|(name, table)| container::ports(table).map(move |(_, it)| (name, it)));
    ports
        .filter(|(name, port)| port.protocol == "tcp" && is_meant(name, port.container_port))
        .map(|(_, port)| port)
        .collect()
}

/// The ports on which the tasks of a service, which have interfaces of their own, answer those that find them by name.
fn ports(file: &StackFile, service: &ServiceTable) -> BTreeSet<u16> {
    let Some(task) = file.task.get(&service.task) else { return BTreeSet::new() };
    let proxied = proxied(service, task).into_iter().map(|(told, container)| told.unwrap_or(container));
    proxied.chain(discovered(service, task).into_iter().map(|port| port.container_port)).collect()
}

/// The ports of an instance behind which the tasks of a service answer.
fn shared_ports(file: &StackFile, service: &ServiceTable, mode: NetworkMode) -> BTreeSet<(u16, u16)> {
    let Some(task) = file.task.get(&service.task) else { return BTreeSet::new() };
    // A proxy that is not told where to listen stands behind a port that ECS chooses, whichever the container has
    // (`ingressPortOverride` in `ServiceConnectService` of the API reference).
    let proxied = proxied(service, task).into_iter();
    let proxied = proxied.map(|(told, _)| told.map_or(CHOSEN_PORTS, |port| (port, port)));
    let discovered = discovered(service, task).into_iter().map(|port| match (mode, port.host_port) {
        (NetworkMode::Host, _) => (port.container_port, port.container_port),
        (_, 0) => CHOSEN_PORTS,
        (_, fixed) => (fixed, fixed),
    });
    proxied.chain(discovered).collect()
}

/// What comes before the service `table`: those that it asks, since the proxies of its tasks know the names that there are when
/// they are deployed.
pub(super) fn before(table: &ServiceTable) -> impl Iterator<Item = Address> {
    table.reaches.iter().map(|name| Address::new(Kind::Service, name))
}

/// The tag that tells which names the tasks of a service know: where it changes, they must be deployed anew.
pub(super) fn tag(lowering: &mut Lowering<'_>, address: &Address, table: &ServiceTable) {
    if table.connect.is_none() || table.reaches.is_empty() {
        return;
    }
    let file = lowering.file;
    let mut known = BTreeSet::new();
    for name in &table.reaches {
        let Some(server) = file.service.get(name) else { continue };
        let Some(task) = file.task.get(&server.task) else { continue };
        let serves = server.connect.iter().filter_map(|connect| connect.serve.as_ref());
        known.extend(serves.flat_map(OneOrMany::as_slice).filter_map(|serve| {
            // Without a port of its own a name has that of the container.
            let port = || connect::served(serve, task).map(|served| served.container_port);
            let alias = serve.alias.as_deref().unwrap_or(name);
            Some(format!("{alias}:{}", serve.alias_port.or_else(port)?))
        }));
    }
    let known: Vec<String> = known.into_iter().collect();
    let text = known.join(" ");
    let text = if text.len() > LONGEST_TAG { short_hash(&text) } else { text };
    if let Some(desired) = lowering.resources.get_mut(address).filter(|_| !text.is_empty()) {
        desired.tags.insert(TAG_REACHES.to_owned(), text);
    }
}
