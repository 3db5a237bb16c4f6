//! Rules of listeners (reference section 3.7).

use neap_core::kinds::{Conditions, Listener, Rule};
use neap_engine::cloud::CallError;

use super::{INVALID, TAGS, action};
use crate::arn;
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::services::Request;
use crate::services::request::gone_is_done;
use crate::world::World;

const NOT_FOUND: &str = "RuleNotFound";
/// How many rules the listeners of one load balancer can have together.
const RULES: usize = 100;
/// How many values the conditions of one rule can have together.
const VALUES: usize = 5;

/// The rule of a listener with a priority.
fn find(world: &World, listener: &str, priority: u32) -> Option<String> {
    let mut rules = world.all::<Rule>();
    let found = rules.find(|(_, rule)| rule.listener == listener && rule.priority == priority);
    found.map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(request: &Request<'_>, desired: &Rule) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.listener, desired.priority);
    let create = |world: &mut World| create_rule(world, request, desired);
    let arn = request.create("elasticloadbalancing:CreateRule", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Rule) -> Result<(), CallError> {
    let current = request.current::<Rule>(arn)?;
    if (&current.conditions, &current.action) != (&desired.conditions, &desired.action) {
        let set = |world: &mut World| {
            check(world, desired)?;
            let rule = world.change::<Rule>(arn, NOT_FOUND)?;
            // What does not change is left out of the call.
            if current.conditions != desired.conditions {
                rule.conditions = desired.conditions.clone();
            }
            if current.action != desired.action {
                rule.action = desired.action.clone();
            }
            Ok(())
        };
        request.call("elasticloadbalancing:ModifyRule", set).await?;
    }
    request.retag(arn, &TAGS).await
}

pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| {
        let missing = || Rejection::not_found(NOT_FOUND, "One or more rules not found");
        world.remove(arn).map(drop).ok_or_else(missing)
    };
    gone_is_done(request.call("elasticloadbalancing:DeleteRule", delete).await)
}

fn check(world: &World, desired: &Rule) -> Answer<()> {
    conditions(&desired.conditions)?;
    let listener = world.get::<Listener>(&desired.listener).map(|(_, listener)| listener);
    let protocol = listener.map_or("HTTP", |listener| &listener.protocol);
    rules::require(matches!(protocol, "HTTP" | "HTTPS"), INVALID, || {
        "Rules are not supported for listeners of a Network Load Balancer".to_owned()
    })?;
    let balancer = listener.map(|listener| listener.load_balancer.clone()).unwrap_or_default();
    action::check(world, &balancer, protocol, &desired.action)
}

fn conditions(conditions: &Conditions) -> Answer<()> {
    let Conditions { path, host, headers, methods, query, source_ips } = conditions;
    let values = path.len()
        + host.len()
        + headers.values().map(|values| values.len()).sum::<usize>()
        + methods.len()
        + query.len()
        + source_ips.len();
    rules::require(values > 0, INVALID, || "A rule must have at least one condition".to_owned())?;
    if values > VALUES {
        let message = format!("A rule can only have '{VALUES}' condition values");
        return Err(Rejection::quota("TooManyConditionValues", message));
    }
    let long = path.iter().chain(host).find(|value| value.is_empty() || value.chars().count() > 128);
    rules::require(long.is_none(), INVALID, || "a condition's value has 1 to 128 characters".to_owned())?;
    let relative = path.iter().find(|path| !path.starts_with(['/', '*']));
    rules::require(relative.is_none(), INVALID, || {
        format!("the path pattern `{}` must begin with a slash", relative.map_or("", String::as_str))
    })?;
    let lower = methods.iter().find(|method| method.chars().any(|c| c.is_ascii_lowercase()));
    rules::require(lower.is_none(), INVALID, || "request methods are written in capitals".to_owned())
}

fn create_rule(world: &mut World, request: &Request<'_>, desired: &Rule) -> Answer<String> {
    let listener = &desired.listener;
    let message = format!("One or more listeners not found: '{listener}'");
    world.referred::<Listener>(listener, "ListenerNotFound", &message)?;
    rules::in_range(INVALID, "the priority", desired.priority, 1..=50_000)?;
    check(world, desired)?;
    rules::tags(INVALID, &request.tags)?;
    if find(world, listener, desired.priority).is_some() {
        let message = format!("Priority '{}' is currently in use", desired.priority);
        return Err(Rejection::conflict("PriorityInUse", message));
    }
    let balancer = action::balancer_of(world, listener);
    let siblings =
        world.all::<Rule>().filter(|(_, rule)| action::balancer_of(world, &rule.listener) == balancer);
    if siblings.count() >= RULES {
        let message = "The maximum number of rules on this load balancer has been reached";
        return Err(Rejection::quota("TooManyRules", message));
    }
    let id = arn::hex(&world.seed(&format!("{listener}/{}", desired.priority)), 16);
    let arn = format!("{}/{id}", listener.replacen(":listener/", ":listener-rule/", 1));
    let record =
        Record::new(arn.clone(), desired.clone(), &request.tags, &[("arn", &arn)]).within(&world.place);
    world.insert(record);
    Ok(arn)
}
