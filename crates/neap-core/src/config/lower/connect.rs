//! Service Connect: what the tasks of a service answer by name, through a proxy beside them.
//!
//! Decides which ports are served under which names, and what AWS would refuse of them. Must not know who may reach them.
//!
//! The rules are those of "Service Connect" in the ECS developer guide and of `ServiceConnectService` in the API reference.

use std::collections::BTreeMap;

use super::context::Lowering;
use super::place::{Place, quoted};
use super::{container, ground, namespace, registry, role};
use crate::address::{Address, Kind};
use crate::config::shape::{
    ConnectTable, ConnectTlsTable, NetworkMode, OneOrMany, ServeTable, ServiceTable, TaskTable,
};
use crate::kinds::{ConnectEndpoint, ConnectTls, LogConfiguration, PortMapping, ServiceConnect};
use crate::reference;

/// What the streams of the proxy's output begin with.
const PROXY: &str = "service-connect";

/// How the tasks of `service` are joined with others.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    place: &Place,
    service: &Address,
    table: &ServiceTable,
    mode: NetworkMode,
) -> Option<ServiceConnect> {
    let connect = table.connect.as_ref()?;
    let place = place.at("connect");
    check_ground(lowering, &place, table, mode);
    let serves = serves(lowering, &place, service, table, connect);
    let logs = logs(lowering, &place.at("logs"), table, connect);
    let namespace = namespace::meant(lowering, &place, connect.namespace.as_deref(), false)?;
    Some(ServiceConnect {
        namespace: reference::output(&namespace::address(&namespace), "arn"),
        serves,
        logs,
    })
}

/// The proxy needs a network of its task's own, or one behind ports, and room beside the containers.
fn check_ground(lowering: &mut Lowering<'_>, place: &Place, table: &ServiceTable, mode: NetworkMode) {
    if mode == NetworkMode::Host {
        lowering
            .report(place, "Service Connect with network mode `host`")
            .on_key()
            .help("its proxies need network mode `awsvpc` or `bridge`");
    }
    let Some(task) = lowering.file.task.get(&table.task) else { return };
    if !ground::instances(lowering.file, table).is_empty() && task.memory.is_none() {
        lowering
            .report(place, format!("`task.{}` has no `memory`, and the proxy would have no room", table.task))
            .on_key()
            .help("set the `memory` of the task: AWS does not take Service Connect with those of containers alone");
    }
}

/// The tables of what a service serves, each with its place.
fn tables<'file>(place: &Place, connect: &'file ConnectTable) -> Vec<(Place, &'file ServeTable)> {
    let place = place.at("serve");
    match &connect.serve {
        None => Vec::new(),
        Some(OneOrMany::One(table)) => vec![(place, table)],
        Some(OneOrMany::Many(tables)) => {
            tables.iter().enumerate().map(|(index, table)| (place.item(index), table)).collect()
        }
    }
}

fn serves(
    lowering: &mut Lowering<'_>,
    place: &Place,
    service: &Address,
    table: &ServiceTable,
    connect: &ConnectTable,
) -> BTreeMap<String, ConnectEndpoint> {
    let mut serves: BTreeMap<String, ConnectEndpoint> = BTreeMap::new();
    for (place, serve) in tables(place, connect) {
        let alias = serve.alias.as_deref().unwrap_or(service.name());
        check_name(lowering, &place.at("as"), alias, true);
        let discovery_name = serve.discovery_name.as_deref().unwrap_or(alias);
        if serve.discovery_name.is_some() || alias.contains('.') {
            let key = if serve.discovery_name.is_some() { "discovery_name" } else { "as" };
            check_name(lowering, &place.at(key), discovery_name, false);
        }
        let Some(task) = lowering.file.task.get(&table.task) else { continue };
        let Some(mapping) = port(lowering, &place, serve, &table.task, task) else { continue };
        let endpoint = endpoint(lowering, &place, serve, alias, &mapping);
        let same = |other: &ConnectEndpoint| {
            other.port_name == endpoint.port_name
                || (&other.dns_name, other.port) == (&endpoint.dns_name, endpoint.port)
        };
        if serves.contains_key(discovery_name) || serves.values().any(same) {
            lowering
                .report(&place, "the same name or port is served twice")
                .help("give each its own `port`, and its own `as` or `alias_port`");
        }
        serves.insert(discovery_name.to_owned(), endpoint);
    }
    serves
}

fn endpoint(
    lowering: &mut Lowering<'_>,
    place: &Place,
    serve: &ServeTable,
    alias: &str,
    mapping: &PortMapping,
) -> ConnectEndpoint {
    if serve.request_timeout.is_some() && mapping.app_protocol.is_none() {
        lowering
            .report(&place.at("request_timeout"), "`request_timeout` on a port without `app_protocol`")
            .help("only requests that the proxy understands have a time: set `app_protocol = \"http\"` on the port");
    }
    ConnectEndpoint {
        port_name: mapping.name.clone().unwrap_or_default(),
        dns_name: alias.to_owned(),
        port: serve.alias_port.unwrap_or(mapping.container_port),
        ingress_port: serve.ingress_port,
        idle_timeout_seconds: serve.idle_timeout,
        request_timeout_seconds: serve.request_timeout,
        tls: serve.tls.as_ref().map(|tls| encryption(lowering, &place.at("tls"), tls)),
    }
}

fn encryption(lowering: &mut Lowering<'_>, place: &Place, table: &ConnectTlsTable) -> ConnectTls {
    let authority = lowering.text(&place.at("authority"), &table.authority);
    if !authority.contains(":acm-pca:") && !authority.contains("${") {
        lowering
            .report(&place.at("authority"), format!("`{authority}` is not the ARN of a private authority"))
            .help("ARNs read like `arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/…`");
    }
    ConnectTls {
        authority,
        kms_key: lowering.kms_key(place, table.kms_key.as_deref()),
        role: table
            .role
            .as_ref()
            .map(|role| role::named_for_ecs(lowering, &place.at("role"), role, "name another role")),
    }
}

/// The named ports of a task that speak TCP.
fn named_ports(task: &TaskTable) -> impl Iterator<Item = PortMapping> {
    let ports = task.container.values().flat_map(container::ports).map(|(_, port)| port);
    ports.filter(|port| port.name.is_some() && port.protocol == "tcp")
}

/// The port mapping that is served: the one that is named, or else the only one that has a name.
pub(super) fn served(serve: &ServeTable, task: &TaskTable) -> Option<PortMapping> {
    let mut named = named_ports(task);
    match &serve.port {
        Some(name) => named.find(|port| port.name.as_ref() == Some(name)),
        None => named.next().filter(|_| named.next().is_none()),
    }
}

fn port(
    lowering: &mut Lowering<'_>,
    place: &Place,
    serve: &ServeTable,
    name: &str,
    task: &TaskTable,
) -> Option<PortMapping> {
    let found = served(serve, task);
    if found.is_some() {
        return found;
    }
    let names: Vec<String> = named_ports(task).filter_map(|port| port.name).collect();
    let example = "name it in its container: `ports = [{ port = 3000, name = \"http\" }]`";
    match &serve.port {
        _ if names.is_empty() => {
            lowering.report(place, format!("no port of `task.{name}` has a name")).help(example);
        }
        Some(wanted) => {
            lowering
                .report(&place.at("port"), format!("no port of `task.{name}` is called `{wanted}`"))
                .nearest(wanted, names.iter().map(String::as_str))
                .help(format!("it has {}", quoted(&names)));
        }
        None => {
            lowering
                .report(place, format!("several ports of `task.{name}` have names"))
                .help(format!("set `port` to one of {}", quoted(&names)));
        }
    }
    None
}

fn check_name(lowering: &mut Lowering<'_>, place: &Place, name: &str, dots: bool) {
    if !lowering.plain(place, name) {
        return;
    }
    let fits =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' || (dots && c == '.');
    if name.is_empty() || name.len() > 127 || name.starts_with('-') || !name.chars().all(fits) {
        let more = if dots { ", `_` and dots" } else { " and `_`" };
        lowering.report(place, format!("`{name}` cannot be a name of Service Connect")).help(format!(
            "names have lower-case letters, digits, `-`{more}, and do not begin with a hyphen"
        ));
    }
}

/// Where the proxy's output goes: like that of the containers to the log group of their task, but only when it is asked for.
fn logs(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &ServiceTable,
    connect: &ConnectTable,
) -> Option<LogConfiguration> {
    let logs = connect.logs.as_ref()?;
    let task = lowering.file.task.get(&table.task)?;
    let group = if !container::uses_log_group(Some(logs)) {
        String::new()
    } else if let Some(group) = &task.log_group {
        reference::output(&Address::new(Kind::LogGroup, group), "name")
    } else {
        let address = Address::new(Kind::Task, &table.task);
        reference::output(&registry::imply_log_group(lowering, &address), "name")
    };
    container::logs(lowering, place, PROXY, Some(logs), &group)
}
