//! The listeners of a classic load balancer and their policies.
//!
//! Decides which calls bring them about. Must not know anything else of it.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancing::types as sdk;
use neap_core::kinds::{ClbListener, Stickiness};
use neap_engine::cloud::{CallError, ErrorKind};

use super::{convert, read};
use crate::client::Aws;
use crate::error::{failed, perhaps_issued};

type Listeners = BTreeMap<String, ClbListener>;

/// What has to be done, each by its port.
#[derive(Debug, Default, PartialEq)]
struct Work {
    /// Ports on which nothing listens yet.
    added: Listeners,
    /// Ports that listen otherwise, which AWS does not change, and those that wait until another is out of the way.
    rebuilt: Listeners,
    /// Ports on which nothing listens any more, and with which what comes clashes.
    in_the_way: Vec<String>,
    /// Ports that only show another certificate.
    recertified: Listeners,
    /// Ports that get another security policy, or whose clients keep their instances otherwise.
    repolicied: Listeners,
    /// Ports on which nothing listens any more.
    gone: Vec<String>,
}

impl Work {
    fn of(old: &Listeners, new: &Listeners) -> Self {
        let mut work = Self::default();
        let clashes = |one: &ClbListener, all: &Listeners| all.values().any(|it| it.clashes_with(one));
        for (port, listener) in old.iter().filter(|(port, _)| !new.contains_key(*port)) {
            let place = if clashes(listener, new) { &mut work.in_the_way } else { &mut work.gone };
            place.push(port.clone());
        }
        for (port, listener) in new {
            let with = |other: &ClbListener| ClbListener {
                certificate: other.certificate.clone(),
                ssl_policy: other.ssl_policy.clone(),
                stickiness: other.stickiness.clone(),
                ..listener.clone()
            };
            let before = old.get(port);
            let place = match before {
                None if clashes(listener, old) => Some(&mut work.rebuilt),
                None => Some(&mut work.added),
                Some(before) if with(before) != *before => Some(&mut work.rebuilt),
                Some(before) if before.certificate != listener.certificate => Some(&mut work.recertified),
                Some(_) => None,
            };
            let kept = before.filter(|before| with(before) == **before);
            if let Some(place) = place {
                place.insert(port.clone(), listener.clone());
            }
            let policy = listener.ssl_policy.as_ref();
            let other_policy =
                policy.is_some() && kept.and_then(|before| before.ssl_policy.as_ref()) != policy;
            let stickiness = listener.stickiness.as_ref();
            if other_policy || kept.and_then(|before| before.stickiness.as_ref()) != stickiness {
                work.repolicied.insert(port.clone(), listener.clone());
            }
        }
        work
    }
}

/// Brings the listeners about: new ports first, then those that change or clash with what goes, and at last those that go.
pub(super) async fn bring(aws: &Aws, name: &str, old: &Listeners, new: &Listeners) -> Result<(), CallError> {
    let work = Work::of(old, new);
    create(aws, name, &work.added).await?;
    let first = work.rebuilt.keys().filter(|port| old.contains_key(*port)).chain(&work.in_the_way);
    delete(aws, name, &first.cloned().collect::<Vec<_>>()).await?;
    create(aws, name, &work.rebuilt).await?;
    for (port, listener) in &work.recertified {
        let call = aws.clb.set_load_balancer_listener_ssl_certificate().load_balancer_name(name);
        let call = call.load_balancer_port(convert::port(port));
        let answer = call.set_ssl_certificate_id(listener.certificate.clone()).send().await;
        let answer = answer.map_err(failed("elasticloadbalancing:SetLoadBalancerListenerSSLCertificate"));
        answer.map_err(|error| perhaps_issued(error, &listener.certificate))?;
    }
    delete(aws, name, &work.gone).await?;
    if !work.repolicied.is_empty() {
        set_policies(aws, name, &work.repolicied).await?;
    }
    Ok(())
}

/// The certificates that listeners show.
pub(super) fn certificates(listeners: &Listeners) -> impl Iterator<Item = &String> {
    listeners.values().filter_map(|listener| listener.certificate.as_ref())
}

async fn create(aws: &Aws, name: &str, listeners: &Listeners) -> Result<(), CallError> {
    if listeners.is_empty() {
        return Ok(());
    }
    let call = aws.clb.create_load_balancer_listeners().load_balancer_name(name);
    let answer = call.set_listeners(Some(convert::to_listeners(listeners)?)).send().await;
    let answer = answer.map_err(failed("elasticloadbalancing:CreateLoadBalancerListeners"));
    answer.map(drop).map_err(|error| perhaps_issued(error, certificates(listeners)))
}

async fn delete(aws: &Aws, name: &str, ports: &[String]) -> Result<(), CallError> {
    if ports.is_empty() {
        return Ok(());
    }
    let ports = ports.iter().map(|port| convert::port(port)).collect();
    let call = aws.clb.delete_load_balancer_listeners().load_balancer_name(name);
    let answer = call.set_load_balancer_ports(Some(ports)).send().await;
    answer.map(drop).map_err(failed("elasticloadbalancing:DeleteLoadBalancerListeners"))
}

/// Gives listeners their policies: one for TLS, of the load balancer, that refers to a predefined one, and one that says by which cookie
/// clients keep their instances. What else a listener has it keeps.
async fn set_policies(aws: &Aws, name: &str, listeners: &Listeners) -> Result<(), CallError> {
    let looked = read::visible(aws, name).await?;
    let known = read::policies(aws, name).await?;
    let cookies = convert::cookies(&looked);
    for (port, listener) in listeners {
        let kept = |policy: &&String| match known.contains_key(*policy) {
            true => listener.ssl_policy.is_none(),
            false => !cookies.contains_key(*policy),
        };
        let mut names: Vec<String> = convert::policy_names(&looked, port).filter(kept).cloned().collect();
        if let Some(reference) = &listener.ssl_policy {
            let policy = format!("neap-{reference}");
            if !known.contains_key(&policy) {
                create_policy(aws, name, &policy, reference).await?;
            }
            names.push(policy);
        }
        if let Some(stickiness) = &listener.stickiness {
            let policy = convert::cookie_policy(stickiness);
            if !cookies.contains_key(&policy) {
                create_cookie_policy(aws, name, &policy, stickiness).await?;
            }
            names.push(policy);
        }
        let call = aws.clb.set_load_balancer_policies_of_listener().load_balancer_name(name);
        let call = call.load_balancer_port(convert::port(port)).set_policy_names(Some(names));
        call.send().await.map_err(failed("elasticloadbalancing:SetLoadBalancerPoliciesOfListener"))?;
    }
    Ok(())
}

async fn create_policy(aws: &Aws, name: &str, policy: &str, reference: &str) -> Result<(), CallError> {
    let attribute =
        sdk::PolicyAttribute::builder().attribute_name(convert::REFERENCE).attribute_value(reference).build();
    let call = aws.clb.create_load_balancer_policy().load_balancer_name(name).policy_name(policy);
    let call = call.policy_type_name(convert::SSL_POLICY).policy_attributes(attribute);
    made(call.send().await.map(drop).map_err(failed("elasticloadbalancing:CreateLoadBalancerPolicy")))
}

/// Makes the policy by which clients keep their instances.
async fn create_cookie_policy(
    aws: &Aws,
    name: &str,
    policy: &str,
    stickiness: &Stickiness,
) -> Result<(), CallError> {
    let Some(cookie) = &stickiness.cookie_name else {
        let call = aws.clb.create_lb_cookie_stickiness_policy().load_balancer_name(name);
        let call = call.policy_name(policy);
        let call = call.set_cookie_expiration_period(stickiness.duration_seconds.map(i64::from));
        let answer = call.send().await.map(drop);
        return made(answer.map_err(failed("elasticloadbalancing:CreateLBCookieStickinessPolicy")));
    };
    let call = aws.clb.create_app_cookie_stickiness_policy().load_balancer_name(name);
    let answer = call.policy_name(policy).cookie_name(cookie).send().await.map(drop);
    made(answer.map_err(failed("elasticloadbalancing:CreateAppCookieStickinessPolicy")))
}

/// A policy that was there before is the same: its name says what it is.
fn made(answer: Result<(), CallError>) -> Result<(), CallError> {
    match answer {
        Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::{Clb, KindOf};

    use super::*;

    fn one(port: &str, listener: &ClbListener) -> Listeners {
        [(port.to_owned(), listener.clone())].into()
    }

    fn example() -> ClbListener {
        Clb::example().listeners.into_values().next().expect("a listener")
    }

    #[test]
    fn what_only_shows_another_certificate_is_not_made_again() {
        let old = example();
        let new = ClbListener { certificate: Some("arn:other".into()), ..old.clone() };
        let work = Work::of(&one("443", &old), &one("443", &new));
        assert_eq!(work, Work { recertified: one("443", &new), ..Work::default() });
        assert_eq!(Work::of(&one("443", &old), &one("443", &old)), Work::default());
    }

    #[test]
    fn clients_keep_their_instances_otherwise_in_place() {
        let old = example();
        for stickiness in [None, Some(Stickiness::by_cookie(None, Some("session".into())))] {
            let new = ClbListener { stickiness, ..old.clone() };
            let work = Work::of(&one("443", &old), &one("443", &new));
            assert_eq!(work, Work { repolicied: one("443", &new), ..Work::default() });
        }
    }

    #[test]
    fn what_listens_otherwise_is_made_again_with_its_policy() {
        let old = example();
        let new = ClbListener { instance_port: 9000, ..old.clone() };
        let work = Work::of(&one("443", &old), &one("443", &new));
        let expected = Work { rebuilt: one("443", &new), repolicied: one("443", &new), ..Work::default() };
        assert_eq!(work, expected);
    }

    #[test]
    fn what_asks_a_port_of_instances_by_tls_waits_for_what_asks_it_without() {
        let plain = example();
        let bare = ClbListener { ssl_policy: None, stickiness: None, ..plain.clone() };
        let secured = ClbListener { instance_protocol: "HTTPS".into(), ..bare };
        let work = Work::of(&one("443", &plain), &one("8443", &secured));
        let expected =
            Work { rebuilt: one("8443", &secured), in_the_way: vec!["443".into()], ..Work::default() };
        assert_eq!(work, expected);
    }

    #[test]
    fn ports_come_and_go_and_a_policy_that_the_stack_leaves_to_aws_stays() {
        let old = example();
        let new = ClbListener { ssl_policy: None, ..old.clone() };
        assert_eq!(Work::of(&one("443", &old), &one("443", &new)), Work::default());
        let new = ClbListener { stickiness: None, ..new };
        let work = Work::of(&one("443", &old), &one("8443", &new));
        let expected = Work { added: one("8443", &new), gone: vec!["443".into()], ..Work::default() };
        assert_eq!(work, expected);
        let other =
            ClbListener { ssl_policy: Some("ELBSecurityPolicy-TLS-1-1-2017-01".into()), ..old.clone() };
        let work = Work::of(&one("443", &old), &one("443", &other));
        assert_eq!(work, Work { repolicied: one("443", &other), ..Work::default() });
    }
}
