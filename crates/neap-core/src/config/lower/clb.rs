//! Classic load balancers: their listeners, their health check, and who reaches whom.
//!
//! Decides their defaults and which combinations AWS would refuse. Must not know which service stands behind one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::context::{Common, Lowering};
use super::place::{Place, on_ports};
use super::{alb, groups, subnets, target_group, tls};
use crate::address::{Address, Kind};
use crate::config::shape::{ClbHealthCheckTable, ClbListenerTable, ClbProtocol, ClbTable, IpAddressType};
use crate::kinds::{Clb, ClbHealthCheck, ClbListener, SecurityGroupRule, Stickiness};

/// The most characters of a path that is checked ("HealthCheck" of the API reference).
const LONGEST_PATH: usize = 1024;

/// What the cookies begin with that classic load balancers set themselves ("Sticky sessions" of the user guide).
const OWN_COOKIES: &str = "AWSELB";

/// Lowers every classic load balancer.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.clb {
        clb(lowering, name, table);
    }
}

fn clb(lowering: &mut Lowering<'_>, name: &str, table: &ClbTable) {
    let (place, address) = lowering.begin(Kind::Clb, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    let scheme = alb::scheme(table.scheme);
    let immutable = json!([scheme, lowering.network(), "classic"]);
    let listeners = listeners(lowering, &place, &address, table);
    let fields = Clb {
        name: lowering.replaceable_name(Kind::Clb, &place, &common, &immutable),
        scheme: scheme.to_owned(),
        subnets: subnets::of_balancer(lowering, &place.at("subnets"), &table.subnets, table.scheme),
        security_groups: security_groups(lowering, &address, &place, table),
        listeners,
        health_check: health_check(lowering, &place.at("health_check"), table),
        cross_zone: table.cross_zone,
        idle_timeout_seconds: table.idle_timeout,
        connection_draining_seconds: table.connection_draining,
    };
    lowering.declare(address, &place, &common, fields);
}

/// The groups that it names, or one that lets its listeners be reached.
fn security_groups(
    lowering: &mut Lowering<'_>,
    address: &Address,
    place: &Place,
    table: &ClbTable,
) -> BTreeSet<String> {
    if !table.security_groups.is_empty() {
        return groups::chosen(lowering, &place.at("security_groups"), &table.security_groups);
    }
    let (peers, from) = groups::reached_from(table.scheme, IpAddressType::Ipv4);
    let ports: BTreeSet<u16> = table.listener.values().map(|listener| listener.port).collect();
    let rule = |port: u16, peer: &str| SecurityGroupRule::tcp(port, peer, format!("to {address}"));
    let ingress = ports.iter().flat_map(|port| peers.iter().map(move |peer| rule(*port, peer))).collect();
    let reason = format!("lets {from} reach the load balancer{}", on_ports(&ports));
    groups::implied(lowering, address, &format!("clb-{}", address.name()), ingress, reason)
}

/// The name that AWS gives a protocol.
const fn protocol_name(protocol: ClbProtocol) -> &'static str {
    match protocol {
        ClbProtocol::Http => "HTTP",
        ClbProtocol::Https => "HTTPS",
        ClbProtocol::Tcp => "TCP",
        ClbProtocol::Ssl => "SSL",
    }
}

/// Whether a protocol is HTTP, inside TLS or not. What is asked in front is asked behind.
const fn is_http(protocol: ClbProtocol) -> bool {
    matches!(protocol, ClbProtocol::Http | ClbProtocol::Https)
}

const fn ends_tls(protocol: ClbProtocol) -> bool {
    matches!(protocol, ClbProtocol::Https | ClbProtocol::Ssl)
}

/// The protocol of a listener.
pub(super) fn protocol(table: &ClbListenerTable) -> ClbProtocol {
    let secured = table.certificate.is_some();
    table.protocol.unwrap_or(if secured { ClbProtocol::Https } else { ClbProtocol::Http })
}

fn instance_protocol(table: &ClbListenerTable) -> ClbProtocol {
    let plain = if is_http(protocol(table)) { ClbProtocol::Http } else { ClbProtocol::Tcp };
    table.instance_protocol.unwrap_or(plain)
}

fn listeners(
    lowering: &mut Lowering<'_>,
    place: &Place,
    address: &Address,
    table: &ClbTable,
) -> BTreeMap<String, ClbListener> {
    if table.listener.is_empty() {
        lowering
            .report(place, "a classic load balancer without a listener")
            .on_key()
            .help(format!("AWS makes none: add `[{address}.listener.http]` with `port` and `instance_port`"));
    }
    let place = place.at("listener");
    let ports = table.listener.iter().map(|(name, listener)| (name.as_str(), listener.port));
    alb::check_ports(lowering, &place, address, ports);
    check_instance_ports(lowering, &place, table);
    let mut listeners = BTreeMap::new();
    for (name, table) in &table.listener {
        lowering.check_key(&place.at(name), name);
        listeners.insert(table.port.to_string(), listener(lowering, &place.at(name), table));
    }
    listeners
}

fn listener(lowering: &mut Lowering<'_>, place: &Place, table: &ClbListenerTable) -> ClbListener {
    let (front, behind) = (protocol(table), instance_protocol(table));
    if is_http(front) != is_http(behind) {
        let (fits, other) = if is_http(front) { ("HTTP", "HTTPS") } else { ("TCP", "SSL") };
        lowering
            .report(
                &place.at("instance_protocol"),
                format!("{} behind {}", protocol_name(behind), protocol_name(front)),
            )
            .help(format!("AWS asks instances by {fits} or {other} there"));
    }
    check_tls(lowering, place, table, front);
    let certificate =
        table.certificate.as_deref().map(|arn| tls::certificate(lowering, &place.at("certificate"), arn));
    let ssl_policy =
        table.ssl_policy.as_deref().map(|policy| policy_of(lowering, &place.at("ssl_policy"), policy));
    ClbListener {
        protocol: protocol_name(front).to_owned(),
        instance_port: table.instance_port,
        instance_protocol: protocol_name(behind).to_owned(),
        certificate,
        ssl_policy,
        stickiness: stickiness(lowering, &place.at("stickiness"), table, front),
    }
}

/// By which cookie clients keep their instances: only in HTTP there is any ("CreateLBCookieStickinessPolicy").
fn stickiness(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &ClbListenerTable,
    protocol: ClbProtocol,
) -> Option<Stickiness> {
    let table = table.stickiness.as_ref()?;
    if !is_http(protocol) {
        lowering
            .report(place, format!("a listener of {} sees no cookies", protocol_name(protocol)))
            .help("it is for HTTP and HTTPS: set `protocol`, or leave it out");
    }
    target_group::check_cookie(lowering, &place.at("cookie"), table.cookie.as_deref(), OWN_COOKIES);
    if table.duration.is_some() && table.cookie.is_some() {
        lowering
            .report(&place.at("duration"), "a duration beside the application's cookie")
            .help("clients keep their instances for as long as that cookie lasts: leave one of the two out");
    }
    Some(Stickiness::by_cookie(table.duration, table.cookie.clone()))
}

/// The newest policy that classic load balancers know ("Predefined SSL security policies for Classic Load Balancers").
const NEWEST_POLICY: &str = "ELBSecurityPolicy-TLS-1-2-2017-01";
/// What the names of those begin with that only the other load balancers know.
const NEWER_POLICIES: [&str; 2] = ["ELBSecurityPolicy-TLS13-", "ELBSecurityPolicy-FS-"];

fn policy_of(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> String {
    let policy = tls::policy(lowering, place, text, NEWEST_POLICY);
    if NEWER_POLICIES.iter().any(|newer| policy.starts_with(newer)) {
        lowering
            .report(place, format!("a classic load balancer does not know `{policy}`"))
            .help(format!("the newest that it knows is `{NEWEST_POLICY}`"));
    }
    policy
}

/// Checks that TLS has a certificate, and that nothing else has what is TLS's.
fn check_tls(lowering: &mut Lowering<'_>, place: &Place, table: &ClbListenerTable, protocol: ClbProtocol) {
    let name = protocol_name(protocol);
    if ends_tls(protocol) {
        if table.certificate.is_none() {
            lowering.report(&place.at("protocol"), format!("{name} without a certificate")).help(
                "set `certificate` to the name of a `[certificate.NAME]`, or to the ARN of one in the stack's region",
            );
        }
        return;
    }
    let given = [("certificate", table.certificate.is_some()), ("ssl_policy", table.ssl_policy.is_some())];
    for (key, _) in given.into_iter().filter(|(_, given)| *given) {
        lowering
            .report(&place.at(key), format!("a listener of {name} has no `{key}`"))
            .help("it is for HTTPS and SSL: set `protocol`, or leave it out");
    }
}

/// A port of the instances speaks TLS for all listeners or for none ("InstanceProtocol" of the API reference).
fn check_instance_ports(lowering: &mut Lowering<'_>, place: &Place, table: &ClbTable) {
    let mut seen: BTreeMap<u16, (&str, bool)> = BTreeMap::new();
    for (name, listener) in &table.listener {
        let secured = ends_tls(instance_protocol(listener));
        let (first, other) = *seen.entry(listener.instance_port).or_insert((name, secured));
        if other != secured {
            lowering
                .report(
                    &place.at(name).at("instance_port"),
                    format!(
                        "port {} speaks TLS for one listener and not for another",
                        listener.instance_port
                    ),
                )
                .label(format!("`{first}` asks it otherwise"))
                .help("give both the same `instance_protocol`, or another port");
        }
    }
}

fn health_check(lowering: &mut Lowering<'_>, place: &Place, clb: &ClbTable) -> ClbHealthCheck {
    let table: &ClbHealthCheckTable = &clb.health_check;
    let first = clb.listener.values().min_by_key(|listener| listener.port);
    let port = table.port.or(first.map(|listener| listener.instance_port)).unwrap_or(0);
    let by_path = match first.map(instance_protocol) {
        Some(ClbProtocol::Https) => ClbProtocol::Https,
        _ => ClbProtocol::Http,
    };
    let protocol = table.protocol.unwrap_or(if table.path.is_some() { by_path } else { ClbProtocol::Tcp });
    let timeout = table.timeout.unwrap_or_else(|| table.interval.saturating_sub(1).clamp(2, 5));
    if timeout >= table.interval {
        lowering
            .report(
                &place.at("timeout"),
                format!("the timeout of {timeout} seconds is not less than the interval"),
            )
            .label(format!("a check begins every {} seconds", table.interval));
    }
    let path = path(lowering, &place.at("path"), table, protocol);
    ClbHealthCheck {
        target: format!("{}:{port}{path}", protocol_name(protocol)),
        interval_seconds: table.interval,
        timeout_seconds: timeout,
        healthy_threshold: table.healthy_threshold,
        unhealthy_threshold: table.unhealthy_threshold,
    }
}

/// The path of a check by HTTP; nothing for others.
fn path(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &ClbHealthCheckTable,
    protocol: ClbProtocol,
) -> String {
    let path = table.path.as_deref().unwrap_or("/");
    if !is_http(protocol) {
        if table.path.is_some() {
            lowering
                .report(place, format!("a check by {} has no `path`", protocol_name(protocol)))
                .help("add `protocol = \"HTTP\"` for a check that asks for a path, or leave it out");
        }
        return String::new();
    }
    lowering.plain(place, path);
    if !path.starts_with('/') {
        lowering
            .report(place, format!("the path `{path}` does not begin with a slash"))
            .help(format!("write `/{path}`"));
    } else if path.len() > LONGEST_PATH {
        let message = format!("a path of {} characters; AWS takes at most {LONGEST_PATH}", path.len());
        lowering.report(place, message);
    }
    path.to_owned()
}

/// The ports on which a listener of the load balancer asks instances.
pub(super) fn instance_ports(table: &ClbTable) -> BTreeSet<u16> {
    table.listener.values().map(|listener| listener.instance_port).collect()
}
