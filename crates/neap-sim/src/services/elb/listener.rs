//! Listeners (reference section 3.6).

use neap_core::kinds::{Alb, Listener, Nlb, Rule};
use neap_engine::cloud::CallError;

use super::{INVALID, TAGS, action};
use crate::arn;
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::services::request::gone_is_done;
use crate::services::{Request, acm};
use crate::world::World;

const NOT_FOUND: &str = "ListenerNotFound";

/// The listener of a load balancer on a port.
fn find(world: &World, balancer: &str, port: u16) -> Option<String> {
    let mut listeners = world.all::<Listener>();
    let found = listeners.find(|(_, listener)| listener.load_balancer == balancer && listener.port == port);
    found.map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(request: &Request<'_>, desired: &Listener) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.load_balancer, desired.port);
    let create = |world: &mut World| create_listener(world, request, desired);
    let arn = request.create("elasticloadbalancing:CreateListener", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Listener) -> Result<(), CallError> {
    let current = request.current::<Listener>(arn)?;
    if modified(&current, desired) != current {
        let set = |world: &mut World| {
            check(world, desired)?;
            if find(world, &current.load_balancer, desired.port).is_some_and(|other| other != arn) {
                return Err(duplicate(desired.port));
            }
            let listener = world.change::<Listener>(arn, NOT_FOUND)?;
            *listener = modified(listener, desired);
            Ok(())
        };
        request.call("elasticloadbalancing:ModifyListener", set).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Deletes the listener with its rules.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| {
        let rules = world.all::<Rule>().filter(|(_, rule)| rule.listener == arn);
        let rules: Vec<String> = rules.map(|(record, _)| record.arn.clone()).collect();
        for rule in rules {
            world.remove(&rule);
        }
        let missing = || Rejection::not_found(NOT_FOUND, "One or more listeners not found");
        world.remove(arn).map(drop).ok_or_else(missing)
    };
    gone_is_done(request.call("elasticloadbalancing:DeleteListener", delete).await)
}

/// The listener as a change makes it. A security policy that is not given is AWS's choice, made once.
fn modified(current: &Listener, desired: &Listener) -> Listener {
    let chosen = |listener: &Listener| listener.ssl_policy.clone().filter(|_| is_encrypted(desired));
    let ssl_policy = chosen(desired).or_else(|| chosen(current)).or_else(|| default_policy(desired));
    Listener { ssl_policy, ..desired.clone() }
}

fn default_policy(desired: &Listener) -> Option<String> {
    is_encrypted(desired).then(|| "ELBSecurityPolicy-2016-08".to_owned())
}

/// Whether the load balancer ends TLS.
fn is_encrypted(listener: &Listener) -> bool {
    matches!(listener.protocol.as_str(), "HTTPS" | "TLS")
}

fn duplicate(port: u16) -> Rejection {
    let message = format!("A listener already exists on port {port} for this load balancer");
    Rejection::conflict("DuplicateListener", message)
}

fn check(world: &World, desired: &Listener) -> Answer<()> {
    rules::in_range(INVALID, "the port", desired.port.into(), 1..=65_535)?;
    let network = world.get::<Nlb>(&desired.load_balancer).is_some();
    let protocols: &[&str] = if network { &["TCP", "TLS", "UDP", "TCP_UDP"] } else { &["HTTP", "HTTPS"] };
    rules::one_of("UnsupportedProtocol", "the protocol", &desired.protocol, protocols)?;
    let encrypted = is_encrypted(desired);
    rules::require(desired.certificate.is_some() == encrypted, INVALID, || {
        "A certificate must be specified for HTTPS and TLS listeners, and for no others".to_owned()
    })?;
    rules::require(encrypted || desired.ssl_policy.is_none(), INVALID, || {
        format!("An SSL policy cannot be specified for {} listeners", desired.protocol)
    })?;
    rules::require(
        desired.alpn_policy.is_none() || desired.protocol == "TLS",
        "ALPNPolicyNotSupported",
        || "An ALPN policy can only be specified for TLS listeners".to_owned(),
    )?;
    if let Some(certificate) = &desired.certificate {
        acm::usable(world, certificate)?;
    }
    action::check(world, &desired.load_balancer, &desired.protocol, &desired.default_action)
}

fn create_listener(world: &mut World, request: &Request<'_>, desired: &Listener) -> Answer<String> {
    let balancer = &desired.load_balancer;
    let message = format!("Load balancer '{balancer}' not found");
    if world.get::<Nlb>(balancer).is_none() {
        world.referred::<Alb>(balancer, "LoadBalancerNotFound", &message)?;
    } else {
        world.referred::<Nlb>(balancer, "LoadBalancerNotFound", &message)?;
    }
    check(world, desired)?;
    rules::tags(INVALID, &request.tags)?;
    let fields = modified(desired, desired);
    if let Some(existing) = find(world, &desired.load_balancer, desired.port) {
        let same = world.get::<Listener>(&existing).is_some_and(|(_, listener)| *listener == fields);
        return if same { Ok(existing) } else { Err(duplicate(desired.port)) };
    }
    let (parent, balancer) = balancer.split_once(":loadbalancer/").unwrap_or(("", balancer));
    let id = arn::hex(&world.seed(&format!("{balancer}/{}", desired.port)), 16);
    let arn = format!("{parent}:listener/{balancer}/{id}");
    let record = Record::new(arn.clone(), fields, &request.tags, &[("arn", &arn)]).within(&world.place);
    world.insert(record);
    Ok(arn)
}
