//! How tasks of a service are found by DNS.
//!
//! Decides the records that a service's tasks have and what ECS must be told of them. Must not know who asks.

use std::collections::BTreeMap;

use super::context::Lowering;
use super::place::Place;
use super::{namespace, service};
use crate::address::{Address, Kind};
use crate::config::shape::{DiscoveryTable, NetworkMode, RecordType, ServiceTable, TargetTable};
use crate::kinds::{DiscoveryService, ServiceRegistry};
use crate::reference;

/// Where the tasks of `service` are registered, if it is to be found by DNS.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    place: &Place,
    service: &Address,
    table: &ServiceTable,
    mode: NetworkMode,
) -> Option<ServiceRegistry> {
    let discovery = table.discovery.as_ref()?;
    let place = place.at("discovery");
    let record = record(lowering, &place, discovery, mode);
    let name = discovery.name.as_deref().unwrap_or(service.name());
    check_name(lowering, &place.at("name"), name);
    let with_port = record == RecordType::Srv;
    let (container, port) =
        if with_port { endpoint(lowering, &place, discovery, table) } else { (None, None) };
    let named = discovery.namespace.as_deref();
    let namespace = namespace::meant(lowering, &place, named, true)?;
    let address = Address::new(Kind::DiscoveryService, service.name());
    let registered = DiscoveryService {
        name: name.to_owned(),
        namespace: reference::output(&namespace::address(&namespace), "id"),
        description: format!("{}: {service}", lowering.stack),
        records: BTreeMap::from([(if with_port { "SRV" } else { "A" }.to_owned(), discovery.ttl)]),
        routing_policy: "MULTIVALUE".to_owned(),
        custom_health_check: true,
    };
    let domain = lowering.file.namespace.get(&namespace).and_then(|table| table.name.as_deref());
    let reason = format!("lets the tasks be found as `{name}.{}`", domain.unwrap_or_default());
    lowering.imply(address.clone(), service, reason, registered);
    Some(ServiceRegistry { registry: reference::output(&address, "arn"), container, port })
}

/// Tasks that share the addresses of their instances are found by their ports alone ("ServiceRegistry" of ECS's API
/// reference).
fn record(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &DiscoveryTable,
    mode: NetworkMode,
) -> RecordType {
    let own_address = mode == NetworkMode::Awsvpc;
    let default = if own_address { RecordType::A } else { RecordType::Srv };
    let record = table.record.unwrap_or(default);
    if record == RecordType::A && !own_address {
        lowering
            .report(&place.at("record"), "an `A` record without network mode `awsvpc`")
            .help("the tasks share the addresses of their instances: `SRV` records hold the port too");
    }
    if record == RecordType::A {
        for (key, given) in [("container", table.container.is_some()), ("port", table.port.is_some())] {
            if given {
                lowering
                    .report(&place.at(key), format!("`{key}` with an `A` record, which holds no port"))
                    .help("leave it out, or set `record = \"SRV\"`");
            }
        }
    }
    record
}

/// The container and port that `SRV` records hold.
fn endpoint(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &DiscoveryTable,
    service: &ServiceTable,
) -> (Option<String>, Option<u16>) {
    let Some(task) = lowering.file.task.get(&service.task) else { return (None, None) };
    let asked = TargetTable {
        group: None,
        container: table.container.clone(),
        port: table.port,
        alternate: None,
        test: None,
        clb: None,
    };
    let (container, port) = service::endpoint(lowering, place, &asked, &service.task, task);
    (Some(container), Some(port))
}

/// A label of DNS ("CreateService" of Cloud Map's API reference).
fn check_name(lowering: &mut Lowering<'_>, place: &Place, name: &str) {
    if !lowering.plain(place, name) {
        return;
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(fits);
    if name.len() > 127 || !name.split('.').all(label) || name.starts_with('-') || name.ends_with('-') {
        lowering
            .report(place, format!("`{name}` cannot be a name in DNS"))
            .help("names have letters, digits, `-` and `_`, at most 63 of them between two dots");
    }
}
