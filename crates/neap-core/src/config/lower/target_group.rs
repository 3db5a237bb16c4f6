//! Target groups with their health checks.
//!
//! Decides their defaults and which combinations AWS would refuse. Must not know who forwards to them.

use serde_json::json;

use super::context::{Common, Lowering};
use super::ground;
use super::place::Place;
use crate::address::Kind;
use crate::config::shape::{
    Algorithm, HealthCheckTable, HttpProtocol, ProtocolVersion, StickinessTable, TargetGroupTable,
};
use crate::kinds::{HealthCheck, Stickiness, TargetGroup};

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
    let protocol = protocol_name(table.protocol);
    let version = version_name(table.protocol_version);
    let target_type = target_type(lowering, &place, name);
    let immutable = json!([protocol, version, table.port, lowering.network(), target_type]);
    let group = TargetGroup {
        name: lowering.replaceable_name(Kind::TargetGroup, &place, &common, &immutable),
        protocol: protocol.to_owned(),
        protocol_version: version.to_owned(),
        port: table.port,
        vpc: "${network.vpc}".to_owned(),
        target_type: target_type.to_owned(),
        health_check: health_check(lowering, &place.at("health_check"), table),
        deregistration_delay_seconds: table.deregistration_delay,
        slow_start_seconds: table.slow_start,
        algorithm: algorithm(table.algorithm).to_owned(),
        stickiness: stickiness(lowering, &place.at("stickiness"), table.stickiness.as_ref()),
    };
    lowering.declare(address, &place, &common, group);
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
    if table.slow_start > 0 && table.algorithm != Algorithm::RoundRobin {
        lowering
            .report(&place, format!("AWS has no slow start with `{}`", algorithm(table.algorithm)))
            .help("use `algorithm = \"round_robin\"`, or leave `slow_start` out");
    }
}

fn health_check(lowering: &mut Lowering<'_>, place: &Place, group: &TargetGroupTable) -> HealthCheck {
    let table: &HealthCheckTable = &group.health_check;
    let is_grpc = group.protocol_version == ProtocolVersion::Grpc;
    let path =
        table.path.clone().unwrap_or_else(|| if is_grpc { "/AWS.ALB/healthcheck" } else { "/" }.into());
    lowering.plain(&place.at("path"), &path);
    if !path.starts_with('/') {
        lowering
            .report(&place.at("path"), format!("the path `{path}` does not begin with a slash"))
            .help(format!("write `/{path}`"));
    }
    let matcher = table.matcher.clone().unwrap_or_else(|| if is_grpc { "12" } else { "200" }.into());
    let codes = if is_grpc { 0..=99 } else { 200..=499 };
    if !is_matcher(&matcher, &codes) {
        let message =
            format!("`{matcher}` does not name status codes from {} to {}", codes.start(), codes.end());
        lowering
            .report(&place.at("matcher"), message)
            .help("write one code, several with commas, or a range such as `200-399`");
    }
    let interval = table.interval.unwrap_or(30);
    // AWS's own default of six seconds, where the interval leaves room for it.
    let timeout = table.timeout.unwrap_or_else(|| interval.saturating_sub(1).clamp(2, 6));
    if timeout >= interval {
        lowering
            .report(
                &place.at("timeout"),
                format!("the timeout of {timeout} seconds is not less than the interval"),
            )
            .label(format!("a check begins every {interval} seconds"));
    }
    HealthCheck {
        protocol: protocol_name(table.protocol.unwrap_or(group.protocol)).to_owned(),
        port: table.port.map_or_else(|| "traffic-port".to_owned(), |port| port.to_string()),
        path,
        matcher,
        interval_seconds: interval,
        timeout_seconds: timeout,
        healthy_threshold: table.healthy_threshold.unwrap_or(5),
        unhealthy_threshold: table.unhealthy_threshold.unwrap_or(2),
    }
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

fn stickiness(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: Option<&StickinessTable>,
) -> Option<Stickiness> {
    let table = table?;
    lowering.plain(&place.at("cookie"), table.cookie.as_deref().unwrap_or_default());
    if let Some(cookie) = table.cookie.as_deref().filter(|cookie| cookie.starts_with(OWN_COOKIES)) {
        lowering
            .report(&place.at("cookie"), format!("`{cookie}` is the load balancer's own cookie"))
            .help("name the application's cookie, or leave `cookie` out");
    }
    Some(Stickiness {
        cookie: if table.cookie.is_some() { "app_cookie" } else { "lb_cookie" }.to_owned(),
        duration_seconds: table.duration,
        cookie_name: table.cookie.clone(),
    })
}
