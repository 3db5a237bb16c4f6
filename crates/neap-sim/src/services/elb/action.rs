//! What listeners and rules do with requests, and which load balancers that ties target groups to.

use std::collections::BTreeSet;

use neap_core::kinds::{Action, Listener, Resource, Rule, TargetGroup, WeightedGroup};

use super::INVALID;
use crate::arn;
use crate::error::{Answer, Rejection};
use crate::rules;
use crate::shift::Move;
use crate::world::World;

/// How many target groups one action can forward to.
const GROUPS: usize = 5;

/// The target groups that an action forwards to.
pub(crate) fn groups(action: &Action) -> &[WeightedGroup] {
    match action {
        Action::Forward { target_groups, .. } => target_groups,
        Action::Redirect { .. } | Action::FixedResponse { .. } | Action::Other { .. } => &[],
    }
}

/// The ARN of the rule that does what a listener does by default.
pub(crate) fn default_rule(listener: &str) -> String {
    let rule = listener.replacen(":listener/", ":listener-rule/", 1);
    format!("{rule}/{}", arn::hex(listener, 16))
}

/// What the rule with this ARN does, also a default one, or the listener.
pub(crate) fn way<'world>(world: &'world World, arn: &str) -> Option<&'world Action> {
    if let Some((_, rule)) = world.get::<Rule>(arn) {
        return Some(&rule.action);
    }
    world.get::<Listener>(&listener_of(arn)).map(|(_, listener)| &listener.default_action)
}

/// The ARN of the listener whose default rule has the ARN `arn`; any other ARN as it is.
fn listener_of(arn: &str) -> String {
    let listener =
        arn.rsplit_once('/').map(|(listener, _)| listener.replacen(":listener-rule/", ":listener/", 1));
    listener.filter(|listener| default_rule(listener) == arn).unwrap_or_else(|| arn.to_owned())
}

/// Sends all traffic of a listener or rule from one group to another, if it is still there.
pub(crate) fn turn(world: &mut World, shifted: &Move) {
    let weights = [(&shifted.from, 0), (&shifted.to, 100)]
        .map(|(group, weight)| WeightedGroup { target_group: group.clone(), weight });
    if weights.iter().any(|group| world.get::<TargetGroup>(&group.target_group).is_none()) {
        return;
    }
    let listener = listener_of(&shifted.way);
    let Some(record) = world.record_mut(&listener) else { return };
    let action = match &mut record.resource {
        Resource::Listener(listener) => &mut listener.default_action,
        Resource::Rule(rule) => &mut rule.action,
        _ => return,
    };
    if let Action::Forward { target_groups, .. } = action {
        *target_groups = weights.into();
    }
}

/// The ARN of the load balancer of a listener.
pub(super) fn balancer_of(world: &World, listener: &str) -> Option<String> {
    world.get::<Listener>(listener).map(|(_, listener)| listener.load_balancer.clone())
}

/// The ARNs of the load balancers whose listeners or rules forward to a target group.
pub(crate) fn balancers_of(world: &World, target_group: &str) -> BTreeSet<String> {
    let names = |action: &Action| groups(action).iter().any(|group| group.target_group == target_group);
    let listeners = world.all::<Listener>().filter(|(_, listener)| names(&listener.default_action));
    let rules = world.all::<Rule>().filter(|(_, rule)| names(&rule.action));
    let by_rules = rules.filter_map(|(_, rule)| balancer_of(world, &rule.listener));
    listeners.map(|(_, listener)| listener.load_balancer.clone()).chain(by_rules).collect()
}

/// Refuses an action that a load balancer cannot do for a listener of `protocol`.
pub(super) fn check(world: &World, balancer: &str, protocol: &str, action: &Action) -> Answer<()> {
    let below_http = !matches!(protocol, "HTTP" | "HTTPS");
    let forwards =
        matches!(action, Action::Forward { stickiness_seconds, .. } if stickiness_seconds.is_none());
    rules::require(!below_http || forwards, "InvalidLoadBalancerAction", || {
        format!("a listener of {protocol} can only forward, and without stickiness")
    })?;
    match action {
        Action::Forward { target_groups, stickiness_seconds } => {
            forward(world, balancer, protocol, target_groups)?;
            let seconds = stickiness_seconds.unwrap_or(1);
            rules::in_range(INVALID, "the stickiness of a forward action", seconds, 1..=604_800)
        }
        Action::Redirect { protocol, host, port, path, query, status } => {
            rules::one_of(INVALID, "the redirect's protocol", protocol, &["HTTP", "HTTPS", "#{protocol}"])?;
            rules::require(matches!(status, 301 | 302), INVALID, || {
                format!("a redirect's status is 301 or 302, not {status}")
            })?;
            rules::require(path.starts_with('/'), INVALID, || {
                format!("the redirect's path `{path}` must begin with a slash")
            })?;
            let kept = ["#{protocol}", "#{host}", "#{port}", "/#{path}", "#{query}"];
            let loops = [protocol, host, port, path, query].map(String::as_str) == kept;
            rules::require(!loops, "InvalidLoadBalancerAction", || {
                "The redirect configuration is not valid because it creates a loop.".to_owned()
            })
        }
        Action::FixedResponse { status, content_type, body } => {
            let allowed = matches!(status, 200..=299 | 400..=599);
            rules::require(allowed, INVALID, || format!("a fixed response cannot have the status {status}"))?;
            let types = ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];
            rules::one_of(INVALID, "the content type", content_type, &types)?;
            rules::require(body.chars().count() <= 1024, INVALID, || {
                "a fixed response's body can have 1024 characters".to_owned()
            })
        }
        Action::Other { description } => {
            Err(Rejection::invalid(INVALID, format!("the sandbox knows no action such as {description}")))
        }
    }
}

fn forward(world: &World, balancer: &str, protocol: &str, target_groups: &[WeightedGroup]) -> Answer<()> {
    let distinct: BTreeSet<&str> = target_groups.iter().map(|group| group.target_group.as_str()).collect();
    rules::require(!target_groups.is_empty() && distinct.len() == target_groups.len(), INVALID, || {
        "a forward action needs target groups, each of them once".to_owned()
    })?;
    if target_groups.len() > GROUPS {
        let message = format!("an action can forward to {GROUPS} target groups");
        return Err(Rejection::quota("TooManyTargetGroups", message));
    }
    for group in target_groups {
        rules::in_range(INVALID, "a target group's weight", group.weight, 0..=999)?;
        let arn = &group.target_group;
        let message = format!("One or more target groups not found: '{arn}'");
        let (_, fields) = world.referred::<TargetGroup>(arn, "TargetGroupNotFound", &message)?;
        rules::require(takes(protocol, &fields.protocol), "IncompatibleProtocols", || {
            format!("The target group '{arn}' has an incompatible protocol for a listener of {protocol}")
        })?;
        if balancers_of(world, arn).iter().any(|other| other != balancer) {
            let message = format!(
                "The following target groups cannot be associated with more than one load balancer: {arn}"
            );
            return Err(Rejection::quota("TargetGroupAssociationLimit", message));
        }
    }
    Ok(())
}

/// Whether a listener of `listener` hands its traffic to targets of `targets` ("Listeners for your Network Load Balancers").
fn takes(listener: &str, targets: &str) -> bool {
    match listener {
        "TCP" => matches!(targets, "TCP" | "TCP_UDP"),
        "TLS" => matches!(targets, "TCP" | "TLS"),
        "UDP" => matches!(targets, "UDP" | "TCP_UDP"),
        "TCP_UDP" => targets == "TCP_UDP",
        _ => matches!(targets, "HTTP" | "HTTPS"),
    }
}
