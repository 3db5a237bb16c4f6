//! A classic load balancer's fields to and from the SDK's types.
//!
//! Decides which members it sends and what absent ones mean. Must not make calls.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancing::types as sdk;
use neap_core::desired::short_hash;
use neap_core::kinds::{Clb, ClbHealthCheck, ClbListener, Stickiness};
use neap_engine::cloud::CallError;

use crate::error::incomplete;

/// The type of the policies that say how TLS is spoken, and the attribute by which one stands for a predefined one.
pub(super) const SSL_POLICY: &str = "SSLNegotiationPolicyType";
pub(super) const REFERENCE: &str = "Reference-Security-Policy";

/// The security policies of a load balancer: what each stands for, by its name.
pub(super) type Policies = BTreeMap<String, String>;

/// The policies by which clients keep their instances: what each means, by its name.
pub(super) type Cookies = BTreeMap<String, Stickiness>;

/// The policies of a load balancer by which clients keep their instances. Without a time, or with none, it is the browser's.
pub(super) fn cookies(balancer: &sdk::LoadBalancerDescription) -> Cookies {
    let Some(policies) = balancer.policies() else { return Cookies::new() };
    let own = policies.lb_cookie_stickiness_policies().iter().filter_map(|policy| {
        let seconds = policy.cookie_expiration_period().and_then(|seconds| u32::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| *seconds > 0);
        Some((policy.policy_name()?.to_owned(), Stickiness::by_cookie(seconds, None)))
    });
    let of_applications = policies.app_cookie_stickiness_policies().iter().filter_map(|policy| {
        let cookie = policy.cookie_name().unwrap_or_default().to_owned();
        Some((policy.policy_name()?.to_owned(), Stickiness::by_cookie(None, Some(cookie))))
    });
    own.chain(of_applications).collect()
}

/// The name of the policy that means `stickiness`: of letters, digits and hyphens, which a cookie's name need not be.
pub(super) fn cookie_policy(stickiness: &Stickiness) -> String {
    match (&stickiness.cookie_name, stickiness.duration_seconds) {
        (Some(cookie), _) => format!("neap-cookie-{}", short_hash(cookie)),
        (None, Some(seconds)) => format!("neap-sticky-{seconds}"),
        (None, None) => "neap-sticky".to_owned(),
    }
}

/// A port as the API takes it.
pub(super) fn port(text: &str) -> i32 {
    text.parse().unwrap_or(0)
}

pub(super) fn to_listeners(
    listeners: &BTreeMap<String, ClbListener>,
) -> Result<Vec<sdk::Listener>, CallError> {
    let listener = |(at, listener): (&String, &ClbListener)| {
        sdk::Listener::builder()
            .protocol(&listener.protocol)
            .load_balancer_port(port(at))
            .instance_protocol(&listener.instance_protocol)
            .instance_port(i32::from(listener.instance_port))
            .set_ssl_certificate_id(listener.certificate.clone())
            .build()
            .map_err(|_| incomplete("elasticloadbalancing:CreateLoadBalancerListeners", "Protocol"))
    };
    listeners.iter().map(listener).collect()
}

pub(super) fn to_health_check(check: &ClbHealthCheck) -> Result<sdk::HealthCheck, CallError> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    sdk::HealthCheck::builder()
        .target(&check.target)
        .interval(number(check.interval_seconds))
        .timeout(number(check.timeout_seconds))
        .healthy_threshold(number(check.healthy_threshold))
        .unhealthy_threshold(number(check.unhealthy_threshold))
        .build()
        .map_err(|_| incomplete("elasticloadbalancing:ConfigureHealthCheck", "Target"))
}

/// The attributes in which two of them differ.
pub(super) fn to_attributes(old: &Clb, new: &Clb) -> Result<Option<sdk::LoadBalancerAttributes>, CallError> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let lacks = |_| incomplete("elasticloadbalancing:ModifyLoadBalancerAttributes", "Timeout");
    let mut attributes = sdk::LoadBalancerAttributes::builder();
    let mut differs = false;
    if old.cross_zone != new.cross_zone {
        differs = true;
        let cross_zone = sdk::CrossZoneLoadBalancing::builder().enabled(new.cross_zone).build();
        attributes = attributes.cross_zone_load_balancing(cross_zone);
    }
    if old.idle_timeout_seconds != new.idle_timeout_seconds {
        differs = true;
        let idle = sdk::ConnectionSettings::builder().idle_timeout(number(new.idle_timeout_seconds));
        attributes = attributes.connection_settings(idle.build().map_err(lacks)?);
    }
    if old.connection_draining_seconds != new.connection_draining_seconds {
        differs = true;
        let draining = sdk::ConnectionDraining::builder()
            .enabled(new.connection_draining_seconds.is_some())
            .set_timeout(new.connection_draining_seconds.map(number));
        attributes = attributes.connection_draining(draining.build());
    }
    Ok(differs.then(|| attributes.build()))
}

/// The names of the policies of the listener on a port.
pub(super) fn policy_names<'a>(
    balancer: &'a sdk::LoadBalancerDescription,
    at: &str,
) -> impl Iterator<Item = &'a String> {
    let at = port(at);
    let is_it = move |it: &&sdk::ListenerDescription| {
        it.listener().is_some_and(|listener| listener.load_balancer_port() == at)
    };
    balancer.listener_descriptions().iter().filter(is_it).flat_map(|it| it.policy_names())
}

fn from_listener(
    shown: &sdk::ListenerDescription,
    policies: &Policies,
    cookies: &Cookies,
) -> Option<(String, ClbListener)> {
    let listener = shown.listener()?;
    let protocol = listener.protocol().to_ascii_uppercase();
    // Left out, it is the same.
    let instance_protocol =
        listener.instance_protocol().map_or_else(|| protocol.clone(), str::to_ascii_uppercase);
    let fields = ClbListener {
        protocol,
        instance_port: u16::try_from(listener.instance_port()).unwrap_or_default(),
        instance_protocol,
        certificate: listener.ssl_certificate_id().filter(|arn| !arn.is_empty()).map(ToOwned::to_owned),
        ssl_policy: shown.policy_names().iter().find_map(|name| policies.get(name)).cloned(),
        stickiness: shown.policy_names().iter().find_map(|name| cookies.get(name)).cloned(),
    };
    Some((listener.load_balancer_port().to_string(), fields))
}

/// What a load balancer's description, attributes and security policies say.
pub(super) fn from_aws(
    balancer: &sdk::LoadBalancerDescription,
    attributes: &sdk::LoadBalancerAttributes,
    policies: &Policies,
) -> Clb {
    let number = |number: i32| u32::try_from(number).unwrap_or_default();
    let cookies = cookies(balancer);
    let check = balancer.health_check();
    let draining = attributes.connection_draining().filter(|draining| draining.enabled());
    Clb {
        name: balancer.load_balancer_name().unwrap_or_default().to_owned(),
        scheme: balancer.scheme().unwrap_or("internet-facing").to_owned(),
        subnets: balancer.subnets().iter().cloned().collect(),
        security_groups: balancer.security_groups().iter().cloned().collect(),
        listeners: balancer
            .listener_descriptions()
            .iter()
            .filter_map(|it| from_listener(it, policies, &cookies))
            .collect(),
        health_check: ClbHealthCheck {
            target: check.map_or("", sdk::HealthCheck::target).to_owned(),
            interval_seconds: check.map_or(30, |check| number(check.interval())),
            timeout_seconds: check.map_or(5, |check| number(check.timeout())),
            healthy_threshold: check.map_or(10, |check| number(check.healthy_threshold())),
            unhealthy_threshold: check.map_or(2, |check| number(check.unhealthy_threshold())),
        },
        cross_zone: attributes.cross_zone_load_balancing().is_some_and(|it| it.enabled()),
        idle_timeout_seconds: attributes.connection_settings().map_or(60, |it| number(it.idle_timeout())),
        connection_draining_seconds: draining.map(|draining| draining.timeout().map_or(300, number)),
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    /// The policies that AWS would show of `clb`.
    fn shown_cookies(clb: &Clb) -> sdk::Policies {
        let all = clb.listeners.values().filter_map(|listener| listener.stickiness.as_ref());
        all.fold(sdk::Policies::builder(), |shown, stickiness| {
            let name = cookie_policy(stickiness);
            match &stickiness.cookie_name {
                Some(cookie) => shown.app_cookie_stickiness_policies(
                    sdk::AppCookieStickinessPolicy::builder().policy_name(name).cookie_name(cookie).build(),
                ),
                None => shown.lb_cookie_stickiness_policies(
                    sdk::LbCookieStickinessPolicy::builder()
                        .policy_name(name)
                        .set_cookie_expiration_period(stickiness.duration_seconds.map(i64::from))
                        .build(),
                ),
            }
        })
        .build()
    }

    /// What AWS would show of `clb`.
    fn shown(clb: &Clb) -> (sdk::LoadBalancerDescription, sdk::LoadBalancerAttributes, Policies) {
        let listeners = to_listeners(&clb.listeners).expect("listeners");
        let of = |(listener, fields): (sdk::Listener, &ClbListener)| {
            let names = fields.ssl_policy.iter().map(|policy| format!("neap-{policy}"));
            let names = names.chain(fields.stickiness.iter().map(cookie_policy)).collect();
            sdk::ListenerDescription::builder().listener(listener).set_policy_names(Some(names)).build()
        };
        let descriptions = listeners.into_iter().zip(clb.listeners.values()).map(of).collect();
        let balancer = sdk::LoadBalancerDescription::builder()
            .load_balancer_name(&clb.name)
            .scheme(&clb.scheme)
            .set_subnets(Some(clb.subnets.iter().cloned().collect()))
            .set_security_groups(Some(clb.security_groups.iter().cloned().collect()))
            .set_listener_descriptions(Some(descriptions))
            .health_check(to_health_check(&clb.health_check).expect("a check"))
            .policies(shown_cookies(clb))
            .build();
        let unlike = Clb { cross_zone: !clb.cross_zone, idle_timeout_seconds: 0, ..clb.clone() };
        let unlike = Clb { connection_draining_seconds: Some(1), ..unlike };
        let attributes = to_attributes(&unlike, clb).expect("attributes").expect("all of them");
        let policies = clb.listeners.values().filter_map(|listener| listener.ssl_policy.clone());
        (balancer, attributes, policies.map(|policy| (format!("neap-{policy}"), policy)).collect())
    }

    #[test]
    fn a_classic_load_balancer_reads_back_as_it_was_asked_for() {
        let example = Clb::example();
        let plain = Clb {
            scheme: "internal".into(),
            listeners: [(
                "80".into(),
                ClbListener {
                    protocol: "TCP".into(),
                    instance_port: 80,
                    instance_protocol: "TCP".into(),
                    certificate: None,
                    ssl_policy: None,
                    stickiness: None,
                },
            )]
            .into(),
            cross_zone: false,
            idle_timeout_seconds: 4000,
            connection_draining_seconds: None,
            ..example.clone()
        };
        let with = |stickiness: Stickiness| {
            let mut clb = example.clone();
            clb.listeners.values_mut().for_each(|it| it.stickiness = Some(stickiness.clone()));
            clb
        };
        let session = with(Stickiness::by_cookie(None, None));
        let application = with(Stickiness::by_cookie(None, Some("session_id".into())));
        for clb in [example, plain, session, application] {
            let (balancer, attributes, policies) = shown(&clb);
            assert_eq!(from_aws(&balancer, &attributes, &policies), clb);
        }
    }

    #[test]
    fn attributes_that_are_the_same_are_not_sent() {
        assert_eq!(to_attributes(&Clb::example(), &Clb::example()).expect("nothing"), None);
    }
}
