//! Listeners (reference section 3.6).

use neap_core::kinds::{Alb, Listener, Nlb, Rule};
use neap_engine::cloud::CallError;

use super::{INVALID, TAGS, action, nlb};
use crate::arn;
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::services::request::gone_is_done;
use crate::services::{Request, acm};
use crate::world::World;

const NOT_FOUND: &str = "ListenerNotFound";
/// How many certificates the listeners of a load balancer have beside their default ones ("Quotas").
const MOST_CERTIFICATES: usize = 25;

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
    let (ended_tls, ends_tls) = (current.ends_tls(), desired.ends_tls());
    if ended_tls && ends_tls {
        // Before anything goes, so that each name is served all the time.
        add_certificates(request, arn, &current, desired).await?;
    } else if ended_tls {
        remove_certificates(request, arn, desired).await?;
    }
    if modified(&current, desired) != current {
        let set = |world: &mut World| {
            check(world, desired)?;
            let listener = world.change::<Listener>(arn, NOT_FOUND)?;
            let action = listener.default_action.clone();
            *listener = modified(listener, desired);
            if current.default_action == desired.default_action {
                // It is left out of the call.
                listener.default_action = action;
            }
            Ok(())
        };
        request.call("elasticloadbalancing:ModifyListener", set).await?;
    }
    if let Some(seconds) = desired.idle_timeout_seconds
        && current.idle_timeout_seconds != Some(seconds)
    {
        let set = |world: &mut World| {
            rules::in_range(INVALID, "tcp.idle_timeout.seconds", seconds, 60..=6000)?;
            let listener = world.change::<Listener>(arn, NOT_FOUND)?;
            rules::require(listener.protocol == "TCP", "InvalidConfigurationRequest", || {
                format!("'tcp.idle_timeout.seconds' cannot be set for {} listeners", listener.protocol)
            })?;
            listener.idle_timeout_seconds = Some(seconds);
            Ok(())
        };
        request.call("elasticloadbalancing:ModifyListenerAttributes", set).await?;
    }
    if !ended_tls && ends_tls {
        add_certificates(request, arn, &current, desired).await?;
    } else if ends_tls {
        remove_certificates(request, arn, desired).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Adds what is not there, one by one as the API takes them.
async fn add_certificates(
    request: &Request<'_>,
    arn: &str,
    current: &Listener,
    desired: &Listener,
) -> Result<(), CallError> {
    for certificate in desired.extra_certificates.difference(&current.extra_certificates) {
        let add = |world: &mut World| {
            acm::usable(world, certificate)?;
            let (_, listener) =
                world.referred::<Listener>(arn, NOT_FOUND, "One or more listeners not found")?;
            rules::require(listener.ends_tls(), INVALID, || {
                format!("A certificate cannot be specified for {} listeners", listener.protocol)
            })?;
            let of_balancer = world.all::<Listener>().map(|(_, it)| it);
            let of_balancer = of_balancer.filter(|it| it.load_balancer == listener.load_balancer);
            let others: usize = of_balancer.map(|it| it.extra_certificates.len()).sum();
            if others >= MOST_CERTIFICATES && !listener.extra_certificates.contains(certificate) {
                let message =
                    format!("The maximum number of certificates has been reached: {MOST_CERTIFICATES}");
                return Err(Rejection::quota("TooManyCertificates", message));
            }
            world.change::<Listener>(arn, NOT_FOUND)?.extra_certificates.insert(certificate.clone());
            Ok(())
        };
        request.call("elasticloadbalancing:AddListenerCertificates", add).await?;
    }
    Ok(())
}

/// Removes what is not wanted any more, one by one. The default one, which may be among the others too, stays there.
async fn remove_certificates(request: &Request<'_>, arn: &str, desired: &Listener) -> Result<(), CallError> {
    let listed = request.sim.look(|world| {
        let (_, listener) = world.get::<Listener>(arn)?;
        let mut listed = listener.extra_certificates.clone();
        listed.retain(|certificate| listener.certificate.as_ref() != Some(certificate));
        Some(listed)
    });
    for certificate in listed.unwrap_or_default().difference(&desired.extra_certificates) {
        let remove = |world: &mut World| {
            let listener = world.change::<Listener>(arn, NOT_FOUND)?;
            rules::require(
                listener.certificate.as_ref() != Some(certificate),
                "OperationNotPermitted",
                || format!("Default certificate '{certificate}' cannot be removed"),
            )?;
            listener.extra_certificates.remove(certificate);
            Ok(())
        };
        request.call("elasticloadbalancing:RemoveListenerCertificates", remove).await?;
    }
    Ok(())
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
    let chosen = |listener: &Listener| listener.ssl_policy.clone().filter(|_| desired.ends_tls());
    let ssl_policy = chosen(desired).or_else(|| chosen(current)).or_else(|| default_policy(desired));
    // Certificates beside the default one come and go by calls of their own, or with TLS.
    let kept = current.extra_certificates.iter().filter(|_| desired.ends_tls());
    // So does the time after which it forgets a connection.
    let idle = current.idle_timeout_seconds.unwrap_or(Listener::IDLE_TIMEOUT);
    Listener {
        ssl_policy,
        extra_certificates: kept.cloned().collect(),
        idle_timeout_seconds: (desired.protocol == "TCP").then_some(idle),
        ..desired.clone()
    }
}

fn default_policy(desired: &Listener) -> Option<String> {
    desired.ends_tls().then(|| "ELBSecurityPolicy-2016-08".to_owned())
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
    let dual =
        world.get::<Nlb>(&desired.load_balancer).is_some_and(|(_, it)| it.ip_address_type == "dualstack");
    rules::require(!dual || !nlb::is_of_datagrams(&desired.protocol), "InvalidConfigurationRequest", || {
        nlb::NO_PREFIX.to_owned()
    })?;
    let encrypted = desired.ends_tls();
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
    let bare = |listener: &Listener| Listener {
        extra_certificates: [].into(),
        idle_timeout_seconds: None,
        ..listener.clone()
    };
    let fields = modified(&bare(desired), desired);
    if let Some(existing) = find(world, &desired.load_balancer, desired.port) {
        let same =
            world.get::<Listener>(&existing).is_some_and(|(_, listener)| bare(listener) == bare(&fields));
        return if same { Ok(existing) } else { Err(duplicate(desired.port)) };
    }
    let (parent, balancer) = balancer.split_once(":loadbalancer/").unwrap_or(("", balancer));
    let id = arn::hex(&world.seed(&format!("{balancer}/{}", desired.port)), 16);
    let arn = format!("{parent}:listener/{balancer}/{id}");
    let record = Record::new(arn.clone(), fields, &request.tags, &[("arn", &arn)]).within(&world.place);
    world.insert(record);
    Ok(arn)
}
