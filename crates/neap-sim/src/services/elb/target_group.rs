//! Target groups (reference section 3.5).

use neap_core::kinds::{HealthCheck, TargetGroup};
use neap_engine::cloud::CallError;

use super::{INVALID, TAGS, action};
use crate::arn;
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::services::Request;
use crate::services::request::gone_is_done;
use crate::world::World;

const NOT_FOUND: &str = "TargetGroupNotFound";

fn find(world: &World, name: &str) -> Option<String> {
    let mut groups = world.all::<TargetGroup>();
    groups.find(|(_, group)| group.name == name).map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(request: &Request<'_>, desired: &TargetGroup) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.name);
    let create = |world: &mut World| create_target_group(world, request, desired);
    let arn = request.create("elasticloadbalancing:CreateTargetGroup", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &TargetGroup) -> Result<(), CallError> {
    let current = request.current::<TargetGroup>(arn)?;
    if current.health_check != desired.health_check {
        let set = |world: &mut World| {
            health_check(desired)?;
            world.change::<TargetGroup>(arn, NOT_FOUND)?.health_check = desired.health_check.clone();
            Ok(())
        };
        request.call("elasticloadbalancing:ModifyTargetGroup", set).await?;
    }
    if with_attributes(&current, desired) != current {
        let set = |world: &mut World| {
            attributes(desired)?;
            let group = world.change::<TargetGroup>(arn, NOT_FOUND)?;
            *group = with_attributes(group, desired);
            Ok(())
        };
        request.call("elasticloadbalancing:ModifyTargetGroupAttributes", set).await?;
    }
    request.retag(arn, &TAGS).await
}

pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| delete_target_group(world, arn);
    gone_is_done(request.call("elasticloadbalancing:DeleteTargetGroup", delete).await)
}

/// The group with the attributes of another: what a create leaves at AWS's defaults.
fn with_attributes(group: &TargetGroup, attributes: &TargetGroup) -> TargetGroup {
    TargetGroup {
        deregistration_delay_seconds: attributes.deregistration_delay_seconds,
        slow_start_seconds: attributes.slow_start_seconds,
        algorithm: attributes.algorithm.clone(),
        stickiness: attributes.stickiness.clone(),
        preserve_client_ip: attributes.preserve_client_ip,
        proxy_protocol: attributes.proxy_protocol,
        connection_termination: attributes.connection_termination,
        ..group.clone()
    }
}

fn create_target_group(world: &mut World, request: &Request<'_>, desired: &TargetGroup) -> Answer<String> {
    rules::balancer_name(&desired.name)?;
    let protocols = ["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"];
    rules::one_of(INVALID, "the protocol", &desired.protocol, &protocols)?;
    let below_http = desired.is_below_http();
    match &desired.protocol_version {
        Some(version) => {
            rules::one_of(INVALID, "the protocol version", version, &["HTTP1", "HTTP2", "GRPC"])?;
            rules::require(!below_http, INVALID, || {
                format!("A protocol version cannot be specified for {}", desired.protocol)
            })?;
        }
        // AWS's default.
        None => rules::require(below_http, INVALID, || "neap says which version of HTTP".to_owned())?,
    }
    rules::one_of(INVALID, "the target type", &desired.target_type, &["instance", "ip"])?;
    rules::in_range(INVALID, "the port", desired.port.into(), 1..=65_535)?;
    health_check(desired)?;
    rules::tags(INVALID, &request.tags)?;
    world.refer_vpc(&desired.vpc).map_err(|refusal| Rejection {
        code: INVALID.to_owned(),
        message: format!("The VPC ID '{}' is not found", desired.vpc),
        ..refusal
    })?;
    let defaults = TargetGroup {
        deregistration_delay_seconds: 300,
        slow_start_seconds: (!below_http).then_some(0),
        algorithm: (!below_http).then(|| "round_robin".to_owned()),
        stickiness: None,
        preserve_client_ip: below_http.then(|| preserved(desired)),
        proxy_protocol: below_http.then_some(false),
        connection_termination: below_http.then(|| is_udp(desired)),
        ..desired.clone()
    };
    if let Some(existing) = find(world, &desired.name) {
        let same = world
            .get::<TargetGroup>(&existing)
            .is_some_and(|(_, group)| with_attributes(group, &defaults) == defaults);
        let message = format!(
            "A target group with the same name '{}' exists, but with different settings",
            desired.name
        );
        return if same {
            Ok(existing)
        } else {
            Err(Rejection::conflict("DuplicateTargetGroupName", message))
        };
    }
    let id = arn::hex(&world.seed(&desired.name), 16);
    let arn = world.place().arn("elasticloadbalancing", &format!("targetgroup/{}/{id}", desired.name));
    let (_, full_name) = arn.rsplit_once(':').unwrap_or_default();
    let outputs = [("arn", arn.as_str()), ("name", &desired.name), ("full_name", full_name)];
    let record = Record::new(arn.clone(), defaults, &request.tags, &outputs).within(&world.place);
    world.insert(record);
    Ok(arn)
}

/// Whether targets of a group below HTTP see the client's address unless it is asked otherwise ("Client IP preservation").
fn preserved(group: &TargetGroup) -> bool {
    group.target_type == "instance" || is_udp(group)
}

fn is_udp(group: &TargetGroup) -> bool {
    matches!(group.protocol.as_str(), "UDP" | "TCP_UDP")
}

fn health_check(group: &TargetGroup) -> Answer<()> {
    let check: &HealthCheck = &group.health_check;
    let below_http = group.is_below_http();
    let protocols: &[&str] = if below_http { &["HTTP", "HTTPS", "TCP"] } else { &["HTTP", "HTTPS"] };
    rules::one_of(INVALID, "the health check's protocol", &check.protocol, protocols)?;
    let port = check.port.parse::<u16>().is_ok_and(|port| port > 0);
    rules::require(port || check.port == "traffic-port", INVALID, || {
        format!("Health check port '{}' must be a port number or 'traffic-port'", check.port)
    })?;
    if check.protocol == "TCP" {
        rules::require(check.path.is_none() && check.matcher.is_none(), INVALID, || {
            "Health check path and matcher cannot be specified for health checks of TCP".to_owned()
        })?;
    } else {
        let path = check.path.as_deref().unwrap_or("/");
        rules::require(path.starts_with('/') && path.len() <= 1024, INVALID, || {
            format!("Health check path '{path}' must begin with a '/'")
        })?;
        let (matcher, most) = (check.matcher.as_deref().unwrap_or("200"), if below_http { 599 } else { 499 });
        rules::require(is_matcher(matcher, most), INVALID, || {
            format!("Health check matcher HTTP code '{matcher}' must be within '200-{most}' inclusive")
        })?;
    }
    rules::in_range(INVALID, "the health check's interval", check.interval_seconds, 5..=300)?;
    rules::in_range(INVALID, "the health check's timeout", check.timeout_seconds, 2..=120)?;
    rules::in_range(INVALID, "the healthy threshold", check.healthy_threshold, 2..=10)?;
    rules::in_range(INVALID, "the unhealthy threshold", check.unhealthy_threshold, 2..=10)?;
    rules::require(check.timeout_seconds < check.interval_seconds, INVALID, || {
        format!(
            "Health check timeout '{}' must be smaller than the interval '{}'",
            check.timeout_seconds, check.interval_seconds
        )
    })
}

/// Whether `text` lists status codes: `200`, `200,202` or `200-399`. Those of gRPC are smaller numbers.
fn is_matcher(text: &str, most: u16) -> bool {
    let code = |text: &str| text.parse::<u16>().is_ok_and(|code| code <= 99 || (200..=most).contains(&code));
    let range = |part: &str| part.split_once('-').map_or_else(|| code(part), |(a, b)| code(a) && code(b));
    text.split(',').all(range)
}

fn attributes(desired: &TargetGroup) -> Answer<()> {
    let delay = desired.deregistration_delay_seconds;
    rules::in_range(INVALID, "deregistration_delay.timeout_seconds", delay, 0..=3600)?;
    if desired.is_below_http() { of_network(desired) } else { of_application(desired) }
}

/// The attributes of a group behind an application load balancer.
fn of_application(desired: &TargetGroup) -> Answer<()> {
    let foreign = [desired.preserve_client_ip, desired.proxy_protocol, desired.connection_termination]
        .iter()
        .any(Option::is_some);
    rules::require(!foreign, INVALID, || unsupported(desired))?;
    let slow_start = desired.slow_start_seconds.unwrap_or(0);
    if slow_start != 0 {
        rules::in_range(INVALID, "slow_start.duration_seconds", slow_start, 30..=900)?;
    }
    let algorithm = desired.algorithm.as_deref().unwrap_or("round_robin");
    let algorithms = ["round_robin", "least_outstanding_requests", "weighted_random"];
    rules::one_of(INVALID, "load_balancing.algorithm.type", algorithm, &algorithms)?;
    rules::require(slow_start == 0 || algorithm == "round_robin", INVALID, || {
        "slow start needs the algorithm round_robin".to_owned()
    })?;
    if let Some(stickiness) = &desired.stickiness {
        rules::one_of(INVALID, "stickiness.type", &stickiness.cookie, &["lb_cookie", "app_cookie"])?;
        let seconds = stickiness.duration_seconds.unwrap_or(0);
        rules::in_range(INVALID, "the stickiness", seconds, 1..=604_800)?;
        let named = stickiness.cookie_name.is_some() == (stickiness.cookie == "app_cookie");
        rules::require(named, INVALID, || "app_cookie needs a cookie name, lb_cookie has none".to_owned())?;
    }
    Ok(())
}

/// The attributes of a group behind a network load balancer.
fn of_network(desired: &TargetGroup) -> Answer<()> {
    let foreign = desired.slow_start_seconds.is_some() || desired.algorithm.is_some();
    rules::require(!foreign, INVALID, || unsupported(desired))?;
    rules::require(!is_udp(desired) || desired.preserve_client_ip == Some(true), INVALID, || {
        "Client IP preservation cannot be disabled for UDP and TCP_UDP target groups".to_owned()
    })?;
    if let Some(stickiness) = &desired.stickiness {
        rules::one_of(INVALID, "stickiness.type", &stickiness.cookie, &["source_ip"])?;
        rules::require(desired.protocol != "TLS", INVALID, || {
            "Stickiness is not supported for TLS target groups".to_owned()
        })?;
    }
    Ok(())
}

fn unsupported(desired: &TargetGroup) -> String {
    format!("A target group attribute is not supported for the protocol '{}'", desired.protocol)
}

fn delete_target_group(world: &mut World, arn: &str) -> Answer<()> {
    if !action::balancers_of(world, arn).is_empty() {
        let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
        return Err(Rejection::in_use("ResourceInUse", message));
    }
    let missing = || Rejection::not_found(NOT_FOUND, "One or more target groups not found");
    world.remove(arn).map(drop).ok_or_else(missing)
}
