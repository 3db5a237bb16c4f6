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
            health_check(&desired.health_check)?;
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
        ..group.clone()
    }
}

fn create_target_group(world: &mut World, request: &Request<'_>, desired: &TargetGroup) -> Answer<String> {
    rules::balancer_name(&desired.name)?;
    rules::one_of(INVALID, "the protocol", &desired.protocol, &["HTTP", "HTTPS"])?;
    rules::one_of(INVALID, "the protocol version", &desired.protocol_version, &["HTTP1", "HTTP2", "GRPC"])?;
    rules::one_of(INVALID, "the target type", &desired.target_type, &["instance", "ip"])?;
    rules::in_range(INVALID, "the port", desired.port.into(), 1..=65_535)?;
    health_check(&desired.health_check)?;
    rules::tags(INVALID, &request.tags)?;
    if world.vpc(&desired.vpc).is_none() {
        let message = format!("The VPC ID '{}' is not found", desired.vpc);
        return Err(Rejection::not_found(INVALID, message));
    }
    let defaults = TargetGroup {
        deregistration_delay_seconds: 300,
        slow_start_seconds: 0,
        algorithm: "round_robin".to_owned(),
        stickiness: None,
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

fn health_check(check: &HealthCheck) -> Answer<()> {
    rules::one_of(INVALID, "the health check's protocol", &check.protocol, &["HTTP", "HTTPS"])?;
    let port = check.port.parse::<u16>().is_ok_and(|port| port > 0);
    rules::require(port || check.port == "traffic-port", INVALID, || {
        format!("Health check port '{}' must be a port number or 'traffic-port'", check.port)
    })?;
    rules::require(check.path.starts_with('/') && check.path.len() <= 1024, INVALID, || {
        format!("Health check path '{}' must begin with a '/'", check.path)
    })?;
    rules::require(is_matcher(&check.matcher), INVALID, || {
        format!("Health check matcher HTTP code '{}' must be within '200-499' inclusive", check.matcher)
    })?;
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
fn is_matcher(text: &str) -> bool {
    let code = |text: &str| text.parse::<u16>().is_ok_and(|code| code <= 99 || (200..=499).contains(&code));
    let range = |part: &str| part.split_once('-').map_or_else(|| code(part), |(a, b)| code(a) && code(b));
    text.split(',').all(range)
}

fn attributes(desired: &TargetGroup) -> Answer<()> {
    let delay = desired.deregistration_delay_seconds;
    rules::in_range(INVALID, "deregistration_delay.timeout_seconds", delay, 0..=3600)?;
    let slow_start = desired.slow_start_seconds;
    if slow_start != 0 {
        rules::in_range(INVALID, "slow_start.duration_seconds", slow_start, 30..=900)?;
    }
    let algorithms = ["round_robin", "least_outstanding_requests", "weighted_random"];
    rules::one_of(INVALID, "load_balancing.algorithm.type", &desired.algorithm, &algorithms)?;
    rules::require(slow_start == 0 || desired.algorithm == "round_robin", INVALID, || {
        "slow start needs the algorithm round_robin".to_owned()
    })?;
    if let Some(stickiness) = &desired.stickiness {
        rules::one_of(INVALID, "stickiness.type", &stickiness.cookie, &["lb_cookie", "app_cookie"])?;
        rules::in_range(INVALID, "the stickiness", stickiness.duration_seconds, 1..=604_800)?;
        let named = stickiness.cookie_name.is_some() == (stickiness.cookie == "app_cookie");
        rules::require(named, INVALID, || "app_cookie needs a cookie name, lb_cookie has none".to_owned())?;
    }
    Ok(())
}

fn delete_target_group(world: &mut World, arn: &str) -> Answer<()> {
    if !action::balancers_of(world, arn).is_empty() {
        let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
        return Err(Rejection::in_use("ResourceInUse", message));
    }
    let missing = || Rejection::not_found(NOT_FOUND, "One or more target groups not found");
    world.remove(arn).map(drop).ok_or_else(missing)
}
