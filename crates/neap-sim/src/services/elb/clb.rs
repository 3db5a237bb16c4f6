//! Classic load balancers, of the older API (reference section 3.4): one thing whose parts have calls of their own.

use std::collections::{BTreeMap, BTreeSet};

use neap_core::kinds::{Clb, ClbHealthCheck, ClbListener};
use neap_engine::cloud::{CallError, ErrorKind};

use super::{INVALID, TAGS, alb};
use crate::arn;
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::services::request::gone_is_done;
use crate::services::{Request, acm};
use crate::world::World;

const NOT_FOUND: &str = "LoadBalancerNotFound";
const MISFIT: &str = "InvalidConfigurationRequest";
/// The policy that AWS gives a listener that ends TLS.
const DEFAULT_POLICY: &str = "ELBSecurityPolicy-2016-08";
/// How many of them a region has, unless AWS raised the quota.
const MOST: usize = 20;

/// The ARN of the one called `name`, which holds no id.
fn arn_of(world: &World, name: &str) -> String {
    world.place().arn("elasticloadbalancing", &format!("loadbalancer/{name}"))
}

/// The classic load balancer called `name`.
pub(crate) fn find<'world>(world: &'world World, name: &str) -> Option<(&'world Record, &'world Clb)> {
    world.get::<Clb>(&arn_of(world, name))
}

pub(crate) async fn create(request: &Request<'_>, desired: &Clb) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.name).map(|(record, _)| record.arn.clone());
    let create = |world: &mut World| create_load_balancer(world, request, desired);
    let arn = request.create("elasticloadbalancing:CreateLoadBalancer", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Clb) -> Result<(), CallError> {
    let current = request.current::<Clb>(arn)?;
    if current.security_groups != desired.security_groups {
        let set = |world: &mut World| {
            alb::security_groups(world, &desired.security_groups, &desired.subnets)?;
            world.change::<Clb>(arn, NOT_FOUND)?.security_groups.clone_from(&desired.security_groups);
            Ok(())
        };
        request.call("elasticloadbalancing:ApplySecurityGroupsToLoadBalancer", set).await?;
    }
    subnets(request, arn, &current, desired).await?;
    listeners(request, arn, &current, desired).await?;
    if current.health_check != desired.health_check {
        let set = |world: &mut World| {
            health_check(&desired.health_check)?;
            world.change::<Clb>(arn, NOT_FOUND)?.health_check = desired.health_check.clone();
            Ok(())
        };
        request.call("elasticloadbalancing:ConfigureHealthCheck", set).await?;
    }
    if with_attributes(&current, desired) != current {
        let set = |world: &mut World| {
            rules::in_range(INVALID, "idleTimeout", desired.idle_timeout_seconds, 1..=4000)?;
            let draining = desired.connection_draining_seconds.unwrap_or(300);
            rules::in_range(INVALID, "connectionDraining.timeout", draining, 1..=3600)?;
            let clb = world.change::<Clb>(arn, NOT_FOUND)?;
            *clb = with_attributes(clb, desired);
            Ok(())
        };
        request.call("elasticloadbalancing:ModifyLoadBalancerAttributes", set).await?;
    }
    request.retag(arn, &TAGS).await
}

/// A delete of one that is not there succeeds.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| {
        world.remove(arn);
        Ok(())
    };
    gone_is_done(request.call("elasticloadbalancing:DeleteLoadBalancer", delete).await)
}

/// Moves it to other subnets: what its zones have room for comes first, then one subnet makes room for the next.
async fn subnets(request: &Request<'_>, arn: &str, current: &Clb, desired: &Clb) -> Result<(), CallError> {
    let mut more: Vec<&String> = desired.subnets.difference(&current.subnets).collect();
    let mut less: Vec<&String> = current.subnets.difference(&desired.subnets).collect();
    loop {
        let mut waiting = Vec::new();
        for subnet in more {
            let attach = |world: &mut World| attach(world, arn, subnet);
            match request.call("elasticloadbalancing:AttachLoadBalancerToSubnets", attach).await {
                Err(error) if error.code.as_deref() == Some(MISFIT) && !less.is_empty() => {
                    waiting.push(subnet);
                }
                answer => answer?,
            }
        }
        let Some(gone) = less.pop() else { return Ok(()) };
        let detach = |world: &mut World| detach(world, arn, gone);
        request.call("elasticloadbalancing:DetachLoadBalancerFromSubnets", detach).await?;
        more = waiting;
    }
}

fn attach(world: &mut World, arn: &str, subnet: &str) -> Answer<()> {
    let mut subnets = world.change::<Clb>(arn, NOT_FOUND)?.subnets.clone();
    subnets.insert(subnet.to_owned());
    alb::subnets(world, &subnets, 1)?;
    world.change::<Clb>(arn, NOT_FOUND)?.subnets = subnets;
    Ok(())
}

fn detach(world: &mut World, arn: &str, subnet: &str) -> Answer<()> {
    let clb = world.change::<Clb>(arn, NOT_FOUND)?;
    let mut subnets = clb.subnets.clone();
    subnets.remove(subnet);
    rules::require(!subnets.is_empty(), MISFIT, || {
        "Requested configuration change is invalid: the last subnet cannot be detached".to_owned()
    })?;
    clb.subnets = subnets;
    Ok(())
}

type Listeners = BTreeMap<String, ClbListener>;

/// The listeners without their policies, which have calls of their own.
fn bare(listener: &ClbListener) -> ClbListener {
    ClbListener { ssl_policy: None, stickiness: None, ..listener.clone() }
}

/// Brings the listeners about: new ports first, then those that change or clash with what goes, and at last those that go.
async fn listeners(request: &Request<'_>, arn: &str, current: &Clb, desired: &Clb) -> Result<(), CallError> {
    let (old, new) = (&current.listeners, &desired.listeners);
    let pick = |wanted: &dyn Fn(&String, &ClbListener) -> bool| -> Listeners {
        let picked = new.iter().filter(|(port, listener)| wanted(port, listener));
        picked.map(|(port, listener)| (port.clone(), listener.clone())).collect()
    };
    let clashes = |one: &ClbListener, all: &Listeners| all.values().any(|it| it.clashes_with(one));
    let added = pick(&|port, listener| !old.contains_key(port) && !clashes(listener, old));
    add(request, arn, &added).await?;
    let other_certificate = |old: &ClbListener, new: &ClbListener| {
        bare(old) == ClbListener { certificate: old.certificate.clone(), ..bare(new) }
    };
    let rebuilt = pick(&|port, listener| {
        old.get(port).map_or_else(
            || clashes(listener, old),
            |old| bare(old) != bare(listener) && !other_certificate(old, listener),
        )
    });
    let goes = old.iter().filter(|(port, _)| !new.contains_key(*port));
    let (in_the_way, gone): (Vec<_>, Vec<_>) = goes.partition(|(_, listener)| clashes(listener, new));
    let first = rebuilt.keys().filter(|port| old.contains_key(*port));
    let first = first.chain(in_the_way.into_iter().map(|(port, _)| port)).cloned();
    drop_ports(request, arn, first.collect()).await?;
    add(request, arn, &rebuilt).await?;
    let recertified =
        pick(&|port, listener| old.get(port).is_some_and(|old| old.certificate != listener.certificate));
    for (port, listener) in recertified.iter().filter(|(port, _)| !rebuilt.contains_key(*port)) {
        let set = |world: &mut World| {
            certificate(world, listener)?;
            let of = world.change::<Clb>(arn, NOT_FOUND)?.listeners.get_mut(port);
            of.ok_or_else(|| no_listener(port))?.certificate.clone_from(&listener.certificate);
            Ok(())
        };
        request.call("elasticloadbalancing:SetLoadBalancerListenerSSLCertificate", set).await?;
    }
    drop_ports(request, arn, gone.into_iter().map(|(port, _)| port.clone()).collect()).await?;
    let repolicied = pick(&|port, listener| {
        let kept = old.get(port).filter(|_| !rebuilt.contains_key(port));
        let before = kept.and_then(|old| old.ssl_policy.as_ref());
        let stuck = kept.and_then(|old| old.stickiness.as_ref());
        listener.ssl_policy.as_ref().is_some_and(|policy| before != Some(policy))
            || stuck != listener.stickiness.as_ref()
    });
    for (port, listener) in &repolicied {
        policies(request, arn, port, listener).await?;
    }
    Ok(())
}

fn no_listener(port: &str) -> Rejection {
    Rejection::not_found("ListenerNotFound", format!("There is no listener on port {port}"))
}

async fn add(request: &Request<'_>, arn: &str, added: &Listeners) -> Result<(), CallError> {
    if added.is_empty() {
        return Ok(());
    }
    let create = |world: &mut World| {
        let mut all = world.change::<Clb>(arn, NOT_FOUND)?.listeners.clone();
        for (port, listener) in added {
            if all.get(port).is_some_and(|other| bare(other) != bare(listener)) {
                let message = format!("A listener already exists on port {port} with different settings");
                return Err(Rejection::conflict("DuplicateListener", message));
            }
            all.entry(port.clone()).or_insert_with(|| made(listener));
        }
        check_listeners(world, &all)?;
        world.change::<Clb>(arn, NOT_FOUND)?.listeners = all;
        Ok(())
    };
    request.call("elasticloadbalancing:CreateLoadBalancerListeners", create).await
}

async fn drop_ports(request: &Request<'_>, arn: &str, ports: BTreeSet<String>) -> Result<(), CallError> {
    if ports.is_empty() {
        return Ok(());
    }
    let delete = |world: &mut World| {
        world.change::<Clb>(arn, NOT_FOUND)?.listeners.retain(|port, _| !ports.contains(port));
        Ok(())
    };
    request.call("elasticloadbalancing:DeleteLoadBalancerListeners", delete).await
}

/// Gives a listener its policies, which are made first: one that refers to a predefined one, and one that names a cookie.
async fn policies(
    request: &Request<'_>,
    arn: &str,
    port: &str,
    desired: &ClbListener,
) -> Result<(), CallError> {
    if let Some(policy) = &desired.ssl_policy {
        let create = |_: &mut World| {
            let is_newer = ["TLS13-", "FS-"].iter().any(|newer| policy.contains(newer));
            rules::require(policy.starts_with("ELBSecurityPolicy-") && !is_newer, MISFIT, || {
                format!("{policy} is not a valid value for Reference-Security-Policy")
            })
        };
        request.call("elasticloadbalancing:CreateLoadBalancerPolicy", create).await?;
    }
    if let Some(stickiness) = &desired.stickiness {
        let operation = match stickiness.cookie_name {
            Some(_) => "elasticloadbalancing:CreateAppCookieStickinessPolicy",
            None => "elasticloadbalancing:CreateLBCookieStickinessPolicy",
        };
        let has_name = stickiness.cookie_name.as_ref().is_none_or(|name| !name.is_empty());
        let create =
            |_: &mut World| rules::require(has_name, INVALID, || "CookieName must not be empty".to_owned());
        request.call(operation, create).await?;
    }
    let set = |world: &mut World| {
        let listener = world.change::<Clb>(arn, NOT_FOUND)?.listeners.get_mut(port);
        let listener = listener.ok_or_else(|| no_listener(port))?;
        let sees_cookies = listener.protocol.starts_with("HTTP");
        rules::require(sees_cookies || desired.stickiness.is_none(), MISFIT, || {
            format!("Stickiness policies cannot be set for {} listeners", listener.protocol)
        })?;
        listener.ssl_policy = desired.ssl_policy.clone().or(listener.ssl_policy.take());
        listener.stickiness.clone_from(&desired.stickiness);
        Ok(())
    };
    request.call("elasticloadbalancing:SetLoadBalancerPoliciesOfListener", set).await
}

/// A listener as AWS makes it.
fn made(listener: &ClbListener) -> ClbListener {
    let ssl_policy = listener.ends_tls().then(|| DEFAULT_POLICY.to_owned());
    ClbListener { ssl_policy, stickiness: None, ..listener.clone() }
}

/// The load balancer with the attributes of another: what a create leaves at AWS's defaults.
fn with_attributes(clb: &Clb, attributes: &Clb) -> Clb {
    Clb {
        cross_zone: attributes.cross_zone,
        idle_timeout_seconds: attributes.idle_timeout_seconds,
        connection_draining_seconds: attributes.connection_draining_seconds,
        ..clb.clone()
    }
}

fn create_load_balancer(world: &mut World, request: &Request<'_>, desired: &Clb) -> Answer<String> {
    let name = &desired.name;
    rules::balancer_name(name)?;
    rules::one_of("InvalidScheme", "the scheme", &desired.scheme, &["internet-facing", "internal"])?;
    alb::subnets(world, &desired.subnets, 1)?;
    alb::reachable(world, &desired.subnets, &desired.scheme)?;
    alb::security_groups(world, &desired.security_groups, &desired.subnets)?;
    rules::require(!desired.listeners.is_empty(), INVALID, || "Listeners must not be empty".to_owned())?;
    check_listeners(world, &desired.listeners)?;
    rules::tags(INVALID, &request.tags)?;
    let first = desired.listeners.values().next().map_or(80, |listener| listener.instance_port);
    let listeners = desired.listeners.iter().map(|(port, listener)| (port.clone(), made(listener)));
    let fields = Clb {
        listeners: listeners.collect(),
        health_check: ClbHealthCheck {
            target: format!("TCP:{first}"),
            interval_seconds: 30,
            timeout_seconds: 5,
            healthy_threshold: 10,
            unhealthy_threshold: 2,
        },
        cross_zone: false,
        idle_timeout_seconds: 60,
        connection_draining_seconds: None,
        ..desired.clone()
    };
    let place = world.place();
    let arn = arn_of(world, name);
    if world.record(&arn).is_some() {
        let message = format!("The load balancer name {name} already exists in region {}", place.region);
        return Err(Rejection::conflict("DuplicateLoadBalancerName", message));
    }
    if world.all::<Clb>().count() >= MOST {
        let message = format!("Exceeded quota of account: {MOST} load balancers");
        return Err(Rejection::quota("TooManyLoadBalancers", message));
    }
    let seed = world.seed(&format!("{name}/classic"));
    let internal = if desired.scheme == "internal" { "internal-" } else { "" };
    let number = arn::letters(&format!("{seed}/dns"), 10, arn::DIGITS);
    let dns_name = format!("{internal}{name}-{number}.{}.elb.{}", place.region, place.domain());
    let zone_id = format!("Z{}", arn::letters(&format!("{}/elb", place.region), 13, arn::CAPITALS));
    let outputs =
        [("dns_name", dns_name.as_str()), ("name", name), ("arn", arn.as_str()), ("zone_id", &zone_id)];
    let record = Record::new(arn.clone(), fields, &request.tags, &outputs).called(name).within(&place.region);
    world.insert(record);
    Ok(arn)
}

/// Refuses listeners that do not fit each other, or whose sides do not.
fn check_listeners(world: &World, listeners: &Listeners) -> Answer<()> {
    let mut secured: BTreeMap<u16, bool> = BTreeMap::new();
    for (port, listener) in listeners {
        let port: u32 = port.parse().unwrap_or(0);
        rules::in_range(INVALID, "LoadBalancerPort", port, 1..=65_535)?;
        rules::in_range(INVALID, "InstancePort", listener.instance_port.into(), 1..=65_535)?;
        let (front, behind) = (listener.protocol.as_str(), listener.instance_protocol.as_str());
        let protocols = ["HTTP", "HTTPS", "TCP", "SSL"];
        rules::one_of("UnsupportedProtocol", "the protocol", front, &protocols)?;
        rules::one_of("UnsupportedProtocol", "the instance protocol", behind, &protocols)?;
        rules::require(front.starts_with("HTTP") == behind.starts_with("HTTP"), MISFIT, || {
            format!("Protocol {front} and instance protocol {behind} are not at the same layer")
        })?;
        certificate(world, listener)?;
        let by_tls = listener.asks_by_tls();
        let same = *secured.entry(listener.instance_port).or_insert(by_tls) == by_tls;
        rules::require(same, MISFIT, || {
            format!(
                "Instance port {} is used with secure and insecure instance protocols",
                listener.instance_port
            )
        })?;
    }
    Ok(())
}

/// Refuses a listener without the certificate that it needs, and one that is not usable.
fn certificate(world: &World, listener: &ClbListener) -> Answer<()> {
    rules::require(listener.certificate.is_some() == listener.ends_tls(), MISFIT, || {
        "Secure Listeners need to specify a SSLCertificateId, and no others".to_owned()
    })?;
    let Some(arn) = &listener.certificate else { return Ok(()) };
    acm::usable(world, arn).map_err(|refusal| match refusal.kind {
        ErrorKind::NotYet => refusal,
        _ => {
            let message = format!("Server Certificate not found for the key: {arn}");
            Rejection::not_found("CertificateNotFound", message)
        }
    })
}

fn health_check(check: &ClbHealthCheck) -> Answer<()> {
    let (protocol, rest) = check.target.split_once(':').unwrap_or_default();
    let has_path = rest.contains('/');
    let fits = match protocol {
        "HTTP" | "HTTPS" => has_path,
        "TCP" | "SSL" => !has_path,
        _ => false,
    };
    rules::require(fits && check.port().is_some_and(|port| port > 0), INVALID, || {
        format!(
            "HealthCheck target '{}' must specify a protocol, a port and, with HTTP, a path",
            check.target
        )
    })?;
    rules::in_range(INVALID, "HealthCheck interval", check.interval_seconds, 5..=300)?;
    rules::in_range(INVALID, "HealthCheck timeout", check.timeout_seconds, 2..=60)?;
    rules::in_range(INVALID, "HealthCheck healthy threshold", check.healthy_threshold, 2..=10)?;
    rules::in_range(INVALID, "HealthCheck unhealthy threshold", check.unhealthy_threshold, 2..=10)?;
    rules::require(check.timeout_seconds < check.interval_seconds, INVALID, || {
        "HealthCheck timeout must be less than interval".to_owned()
    })
}
