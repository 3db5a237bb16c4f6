//! Target groups with their health checks.
//!
//! Decides their defaults and which combinations AWS would refuse. Must not know who forwards to them.

use serde_json::json;

use super::context::{Common, Lowering};
use super::ground;
use super::place::Place;
use crate::address::Kind;
use crate::config::shape::{
    Algorithm, CookieTable, HealthCheckProtocol, HealthCheckTable, HttpProtocol, ProtocolVersion,
    StickinessTable, TargetGroupTable, TargetProtocol,
};
use crate::kinds::{HealthCheck, Stickiness, TargetGroup};
use crate::ownership::Owned;

/// The prefix of the cookies that load balancers set themselves.
const OWN_COOKIES: &str = "AWSALB";

/// Lowers every target group.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.target_group {
        target_group(lowering, name, table);
    }
}

fn target_group(lowering: &mut Lowering<'_>, name: &str, table: &TargetGroupTable) {
    let (place, address) = lowering.begin(Kind::TargetGroup, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    check_slow_start(lowering, &place, table);
    check_level(lowering, &place, table);
    let protocol = target_protocol_name(table.protocol);
    let below_http = is_below_http(table.protocol);
    let version = (!below_http).then(|| version_name(table.protocol_version.unwrap_or_default()));
    let target_type = target_type(lowering, &place, name);
    // Not the port, so that a group to which tasks come, or which they leave, stays the same one.
    let immutable = json!([protocol, version, lowering.network(), target_type]);
    let group = TargetGroup {
        name: lowering.replaceable_name(Kind::TargetGroup, &place, &common, &immutable),
        protocol: protocol.to_owned(),
        protocol_version: version.map(ToOwned::to_owned),
        port: table.port,
        vpc: "${network.vpc}".to_owned(),
        target_type: target_type.to_owned(),
        health_check: health_check(lowering, &place.at("health_check"), table),
        deregistration_delay_seconds: table.deregistration_delay,
        slow_start_seconds: (!below_http).then_some(table.slow_start),
        algorithm: (!below_http).then(|| algorithm(table.algorithm.unwrap_or_default()).to_owned()),
        stickiness: stickiness(lowering, &place.at("stickiness"), table),
        preserve_client_ip: below_http.then(|| preserves_client_ip(table, target_type)),
        proxy_protocol: below_http.then_some(table.proxy_protocol),
        connection_termination: below_http
            .then(|| table.connection_termination.unwrap_or_else(|| speaks_udp(table.protocol))),
    };
    let registered = !ground::targets(lowering.file, name).is_empty();
    lowering.declare(address.clone(), &place, &common, group);
    if let Some(wanted) = lowering.resources.get_mut(&address)
        && registered
    {
        wanted.owned_elsewhere.insert(Owned::Port);
    }
}

/// Tasks with an interface of their own register with their address, the others with their instance and its port.
fn target_type(lowering: &mut Lowering<'_>, place: &Place, name: &str) -> &'static str {
    let own_interfaces = ground::targets(lowering.file, name);
    if own_interfaces.len() > 1 {
        lowering.report(place, "tasks of different network modes register with it").on_key().help(
            "`awsvpc` registers addresses, `bridge` and `host` instances: give each mode a target group",
        );
    }
    if own_interfaces.contains(&false) { "instance" } else { "ip" }
}

/// The name that AWS gives a protocol.
pub(super) const fn protocol_name(protocol: HttpProtocol) -> &'static str {
    match protocol {
        HttpProtocol::Http => "HTTP",
        HttpProtocol::Https => "HTTPS",
    }
}

/// The name that AWS gives a protocol of targets.
pub(super) const fn target_protocol_name(protocol: TargetProtocol) -> &'static str {
    match protocol {
        TargetProtocol::Http => "HTTP",
        TargetProtocol::Https => "HTTPS",
        TargetProtocol::Tcp => "TCP",
        TargetProtocol::Tls => "TLS",
        TargetProtocol::Udp => "UDP",
        TargetProtocol::TcpUdp => "TCP_UDP",
    }
}

/// Whether a network load balancer hands traffic to targets of this protocol.
pub(super) const fn is_below_http(protocol: TargetProtocol) -> bool {
    !matches!(protocol, TargetProtocol::Http | TargetProtocol::Https)
}

/// AWS's own default ("Client IP preservation"), unless the table says otherwise.
fn preserves_client_ip(table: &TargetGroupTable, target_type: &str) -> bool {
    let default = target_type == "instance" || speaks_udp(table.protocol);
    table.preserve_client_ip.unwrap_or(default)
}

const fn speaks_udp(protocol: TargetProtocol) -> bool {
    matches!(protocol, TargetProtocol::Udp | TargetProtocol::TcpUdp)
}

/// The protocols and ranges of ports on which a load balancer asks targets of `group` that answer on `ports`. Its checks come
/// by TCP, on a port of their own if the group says so.
pub(super) fn asked(group: &TargetGroupTable, ports: (u16, u16)) -> Vec<(&'static str, (u16, u16))> {
    let checked = group.health_check.port;
    let mut asked = Vec::new();
    if speaks_udp(group.protocol) {
        asked.push(("udp", ports));
    }
    if group.protocol != TargetProtocol::Udp || checked.is_none() {
        asked.push(("tcp", ports));
    }
    asked.extend(checked.map(|port| ("tcp", (port, port))));
    asked
}

/// Reports what only groups behind the other sort of load balancer have.
fn check_level(lowering: &mut Lowering<'_>, place: &Place, table: &TargetGroupTable) {
    let protocol = target_protocol_name(table.protocol);
    let (mine, given) = if is_below_http(table.protocol) {
        let given = [
            ("protocol_version", table.protocol_version.is_some()),
            ("slow_start", table.slow_start > 0),
            ("algorithm", table.algorithm.is_some()),
        ];
        ("an application load balancer", given)
    } else {
        let given = [
            ("preserve_client_ip", table.preserve_client_ip.is_some()),
            ("proxy_protocol", table.proxy_protocol),
            ("connection_termination", table.connection_termination.is_some()),
        ];
        ("a network load balancer", given)
    };
    for (key, _) in given.iter().filter(|(_, given)| *given) {
        lowering
            .report(&place.at(key), format!("a group of {protocol} has no `{key}`"))
            .help(format!("it is for groups behind {mine}: leave it out"));
    }
    if speaks_udp(table.protocol) && table.preserve_client_ip == Some(false) {
        lowering
            .report(
                &place.at("preserve_client_ip"),
                format!("AWS always shows targets of {protocol} the client's address"),
            )
            .help("leave `preserve_client_ip` out");
    }
}

/// The name that AWS gives a version of HTTP.
pub(super) const fn version_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::Http1 => "HTTP1",
        ProtocolVersion::Http2 => "HTTP2",
        ProtocolVersion::Grpc => "GRPC",
    }
}

const fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RoundRobin => "round_robin",
        Algorithm::LeastOutstandingRequests => "least_outstanding_requests",
        Algorithm::WeightedRandom => "weighted_random",
    }
}

fn check_slow_start(lowering: &mut Lowering<'_>, place: &Place, table: &TargetGroupTable) {
    let place = place.at("slow_start");
    if (1..30).contains(&table.slow_start) {
        lowering
            .report(&place, format!("a slow start of {} seconds is too short", table.slow_start))
            .help("AWS takes 30 to 900, or 0 for none");
    }
    let chosen = table.algorithm.unwrap_or_default();
    if table.slow_start > 0 && chosen != Algorithm::RoundRobin {
        lowering
            .report(&place, format!("AWS has no slow start with `{}`", algorithm(chosen)))
            .help("use `algorithm = \"round_robin\"`, or leave `slow_start` out");
    }
}

fn health_check(lowering: &mut Lowering<'_>, place: &Place, group: &TargetGroupTable) -> HealthCheck {
    let table: &HealthCheckTable = &group.health_check;
    let below_http = is_below_http(group.protocol);
    let protocol = table.protocol.unwrap_or(match group.protocol {
        TargetProtocol::Http => HealthCheckProtocol::Http,
        TargetProtocol::Https => HealthCheckProtocol::Https,
        _ => HealthCheckProtocol::Tcp,
    });
    let by_connection = protocol == HealthCheckProtocol::Tcp;
    if by_connection && !below_http {
        lowering
            .report(&place.at("protocol"), "an application load balancer does not check by TCP")
            .help("use `HTTP` or `HTTPS`, or leave `protocol` out");
    }
    let interval = table.interval.unwrap_or(30);
    // AWS's own default, where the interval leaves room for it.
    let slow = by_connection || (below_http && protocol == HealthCheckProtocol::Https);
    let timeout =
        table.timeout.unwrap_or_else(|| interval.saturating_sub(1).clamp(2, if slow { 10 } else { 6 }));
    if timeout >= interval {
        lowering
            .report(
                &place.at("timeout"),
                format!("the timeout of {timeout} seconds is not less than the interval"),
            )
            .label(format!("a check begins every {interval} seconds"));
    }
    let asked = if by_connection {
        for (key, given) in [("path", table.path.is_some()), ("matcher", table.matcher.is_some())] {
            if given {
                lowering
                    .report(&place.at(key), format!("a check by TCP has no `{key}`"))
                    .help("add `protocol = \"HTTP\"` for a check that asks for a path, or leave it out");
            }
        }
        None
    } else {
        Some((path(lowering, place, group), matcher(lowering, place, group)))
    };
    let (path, matcher) = asked.unzip();
    HealthCheck {
        protocol: match protocol {
            HealthCheckProtocol::Http => "HTTP",
            HealthCheckProtocol::Https => "HTTPS",
            HealthCheckProtocol::Tcp => "TCP",
        }
        .to_owned(),
        port: table.port.map_or_else(|| "traffic-port".to_owned(), |port| port.to_string()),
        path,
        matcher,
        interval_seconds: interval,
        timeout_seconds: timeout,
        healthy_threshold: table.healthy_threshold.unwrap_or(5),
        unhealthy_threshold: table.unhealthy_threshold.unwrap_or(2),
    }
}

fn is_grpc(group: &TargetGroupTable) -> bool {
    group.protocol_version == Some(ProtocolVersion::Grpc)
}

/// The path that a check asks for.
fn path(lowering: &mut Lowering<'_>, place: &Place, group: &TargetGroupTable) -> String {
    let default = if is_grpc(group) { "/AWS.ALB/healthcheck" } else { "/" };
    let path = group.health_check.path.clone().unwrap_or_else(|| default.to_owned());
    lowering.plain(&place.at("path"), &path);
    if !path.starts_with('/') {
        lowering
            .report(&place.at("path"), format!("the path `{path}` does not begin with a slash"))
            .help(format!("write `/{path}`"));
    }
    path
}

/// The status codes of a healthy answer.
fn matcher(lowering: &mut Lowering<'_>, place: &Place, group: &TargetGroupTable) -> String {
    let (default, codes) = match (is_grpc(group), is_below_http(group.protocol)) {
        (true, _) => ("12", 0..=99),
        (false, true) => ("200-399", 200..=599),
        (false, false) => ("200", 200..=499),
    };
    let matcher = group.health_check.matcher.clone().unwrap_or_else(|| default.to_owned());
    if !is_matcher(&matcher, &codes) {
        let message =
            format!("`{matcher}` does not name status codes from {} to {}", codes.start(), codes.end());
        lowering
            .report(&place.at("matcher"), message)
            .help("write one code, several with commas, or a range such as `200-399`");
    }
    matcher
}

/// Whether `text` is codes or ranges of them, with commas.
fn is_matcher(text: &str, codes: &std::ops::RangeInclusive<u32>) -> bool {
    let code = |text: &str| text.parse::<u32>().ok().filter(|code| codes.contains(code));
    let part = |part: &str| match part.split_once('-') {
        None => code(part).is_some(),
        Some((first, last)) => code(first).zip(code(last)).is_some_and(|(first, last)| first < last),
    };
    text.split(',').all(part)
}

fn stickiness(lowering: &mut Lowering<'_>, place: &Place, group: &TargetGroupTable) -> Option<Stickiness> {
    let table = group.stickiness.as_ref()?;
    if matches!(table, StickinessTable::Cookie(_)) == is_below_http(group.protocol) {
        let report = lowering.report(
            place,
            format!("a group of {} does not tell clients so", target_protocol_name(group.protocol)),
        );
        report.help(if is_below_http(group.protocol) {
            "write `stickiness = \"source_ip\"`"
        } else {
            "write `stickiness = { duration = … }`"
        });
    } else if group.protocol == TargetProtocol::Tls {
        lowering.report(place, "AWS has no stickiness for targets of TLS").help("leave `stickiness` out");
    }
    Some(match table {
        StickinessTable::Source(_) => {
            Stickiness { cookie: "source_ip".to_owned(), duration_seconds: None, cookie_name: None }
        }
        StickinessTable::Cookie(table) => by_cookie(lowering, place, table),
    })
}

fn by_cookie(lowering: &mut Lowering<'_>, place: &Place, table: &CookieTable) -> Stickiness {
    check_cookie(lowering, &place.at("cookie"), table.cookie.as_deref(), OWN_COOKIES);
    Stickiness::by_cookie(Some(table.duration), table.cookie.clone())
}

/// Checks that an application's cookie is none of those that begin with `own`, which the load balancer sets itself.
pub(super) fn check_cookie(lowering: &mut Lowering<'_>, place: &Place, cookie: Option<&str>, own: &str) {
    lowering.plain(place, cookie.unwrap_or_default());
    if let Some(cookie) = cookie.filter(|cookie| cookie.starts_with(own)) {
        lowering
            .report(place, format!("`{cookie}` is the load balancer's own cookie"))
            .help("name the application's cookie, or leave `cookie` out");
    }
}
