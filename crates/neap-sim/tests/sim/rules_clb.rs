//! The rules of classic load balancers, one by one.

use std::collections::BTreeSet;

use neap_core::kinds::{Clb, ClbHealthCheck, ClbListener, KindOf, Stickiness};
use neap_core::live::LiveResource;
use neap_engine::cloud::{Cloud, ErrorKind};
use neap_sim::Sim;

use crate::stack::{Facts, create, facts, live, must_create, refused, resource, security_group, update};

const AT: &str = "clb.old";
const MISFIT: &str = "InvalidConfigurationRequest";

fn listener(protocol: &str, instance_port: u16) -> ClbListener {
    ClbListener {
        protocol: protocol.into(),
        instance_port,
        instance_protocol: protocol.replace("HTTPS", "HTTP").replace("SSL", "TCP"),
        certificate: None,
        ssl_policy: None,
        stickiness: None,
    }
}

fn secured(protocol: &str, certificate: &str) -> ClbListener {
    ClbListener { certificate: Some(certificate.into()), ..listener(protocol, 8080) }
}

fn clb(facts: &Facts, group: &str) -> Clb {
    Clb {
        name: "old".into(),
        subnets: facts.subnets.iter().cloned().collect(),
        security_groups: [group.to_owned()].into(),
        listeners: [("80".into(), listener("HTTP", 8080))].into(),
        ..Clb::example()
    }
}

/// A classic load balancer, as it is desired.
async fn wanted(sim: &Sim) -> Clb {
    let facts = facts(sim).await;
    let group = must_create(sim, &resource("security_group.lb", security_group("lb", &facts.vpc))).await;
    clb(&facts, &group["id"])
}

fn shown(sim: &Sim) -> LiveResource {
    sim.resources().into_iter().find(|live| live.address.to_string() == AT).expect(AT)
}

#[tokio::test(start_paused = true)]
async fn a_name_is_one_load_balancer_and_deleting_one_that_is_gone_succeeds() {
    let sim = Sim::in_memory();
    let wanted = wanted(&sim).await;
    let desired = resource(AT, wanted.clone());
    let first = must_create(&sim, &desired).await;
    assert_eq!(must_create(&sim, &desired).await, first, "what it made before");
    refused(
        create(&sim, &resource("clb.two", wanted)).await,
        ErrorKind::Conflict,
        "DuplicateLoadBalancerName",
    );
    let found = live(&desired, &first);
    sim.delete(&found).await.expect("it goes");
    sim.delete(&found).await.expect("gone is gone");
}

#[tokio::test(start_paused = true)]
async fn listeners_that_do_not_fit_are_refused() {
    let sim = Sim::in_memory();
    let wanted = wanted(&sim).await;
    let check = async |listeners: &[(&str, ClbListener)], kind: ErrorKind, code: &str| {
        let listeners = listeners.iter().map(|(port, it)| ((*port).to_owned(), it.clone())).collect();
        refused(create(&sim, &resource(AT, Clb { listeners, ..wanted.clone() })).await, kind, code);
    };
    check(&[], ErrorKind::Invalid, "ValidationError").await;
    check(&[("80", listener("UDP", 80))], ErrorKind::Invalid, "UnsupportedProtocol").await;
    let mixed = ClbListener { instance_protocol: "TCP".into(), ..listener("HTTP", 80) };
    check(&[("80", mixed)], ErrorKind::Invalid, MISFIT).await;
    check(&[("443", listener("HTTPS", 80))], ErrorKind::Invalid, MISFIT).await;
    let unknown = secured("HTTPS", "arn:nothing");
    check(&[("443", unknown)], ErrorKind::NotFound, "CertificateNotFound").await;
    let inside = ClbListener { instance_protocol: "HTTPS".into(), ..listener("HTTP", 80) };
    check(&[("80", listener("HTTP", 80)), ("81", inside)], ErrorKind::Invalid, MISFIT).await;
}

#[tokio::test(start_paused = true)]
async fn checks_and_attributes_out_of_range_are_refused() {
    let sim = Sim::in_memory();
    let wanted = wanted(&sim).await;
    let wrong: [&dyn Fn(&mut ClbHealthCheck); 6] = [
        &|check| check.target = "HTTP:80".into(),
        &|check| check.target = "TCP:80/".into(),
        &|check| check.target = "UDP:80".into(),
        &|check| check.interval_seconds = 4,
        &|check| check.healthy_threshold = 11,
        &|check| check.timeout_seconds = check.interval_seconds,
    ];
    for change in wrong {
        let mut other = wanted.clone();
        change(&mut other.health_check);
        refused(create(&sim, &resource(AT, other)).await, ErrorKind::Invalid, "ValidationError");
    }
    let idle = Clb { idle_timeout_seconds: 4001, ..wanted };
    refused(create(&sim, &resource(AT, idle)).await, ErrorKind::Invalid, "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_changes_alone_and_a_protocol_makes_the_listener_again() {
    let sim = Sim::in_memory();
    let theirs = |number: u32| format!("arn:aws:acm:us-east-1:123456789012:certificate/{number}");
    let of = |listener: ClbListener, wanted: &Clb| Clb {
        listeners: [("443".into(), listener)].into(),
        ..wanted.clone()
    };
    let wanted = of(secured("HTTPS", &theirs(1)), &wanted(&sim).await);
    must_create(&sim, &resource(AT, wanted.clone())).await;
    let policy = |live: &LiveResource| live.resource.fields()["listeners"]["443"]["ssl_policy"].clone();
    assert_eq!(policy(&shown(&sim)), "ELBSecurityPolicy-2016-08");
    let change = async |listener: ClbListener| {
        sim.forget_calls();
        update(&sim, &shown(&sim), &resource(AT, of(listener, &wanted))).await.expect("a change");
        let calls = sim
            .calls()
            .into_iter()
            .map(|call| call.operation.split(':').nth(1).unwrap_or_default().to_owned());
        calls.filter(|call| !call.contains("Tags")).collect::<Vec<_>>()
    };
    assert_eq!(change(secured("HTTPS", &theirs(2))).await, ["SetLoadBalancerListenerSSLCertificate"]);
    let strict = ClbListener {
        ssl_policy: Some("ELBSecurityPolicy-TLS-1-2-2017-01".into()),
        ..secured("HTTPS", &theirs(2))
    };
    let set = ["CreateLoadBalancerPolicy", "SetLoadBalancerPoliciesOfListener"];
    assert_eq!(change(strict.clone()).await, set);
    assert_eq!(policy(&shown(&sim)), "ELBSecurityPolicy-TLS-1-2-2017-01");
    let other = ClbListener { protocol: "SSL".into(), instance_protocol: "TCP".into(), ..strict };
    let again = ["DeleteLoadBalancerListeners", "CreateLoadBalancerListeners", set[0], set[1]];
    assert_eq!(change(other).await, again);
}

#[tokio::test(start_paused = true)]
async fn cookies_keep_clients_with_their_instances_where_there_are_cookies() {
    let sim = Sim::in_memory();
    let wanted = wanted(&sim).await;
    must_create(&sim, &resource(AT, wanted.clone())).await;
    let of = |listener: ClbListener| Clb { listeners: [("80".into(), listener)].into(), ..wanted.clone() };
    let sticky = |protocol: &str, stickiness: Option<Stickiness>| {
        of(ClbListener { stickiness, ..listener(protocol, 8080) })
    };
    let own = Some(Stickiness::by_cookie(Some(60), None));
    let of_application = Some(Stickiness::by_cookie(None, Some("session".into())));
    for (stickiness, operation) in [
        (own.clone(), Some("CreateLBCookieStickinessPolicy")),
        (of_application, Some("CreateAppCookieStickinessPolicy")),
        (None, None),
    ] {
        sim.forget_calls();
        let desired = sticky("HTTP", stickiness);
        update(&sim, &shown(&sim), &resource(AT, desired.clone())).await.expect("in place");
        assert_eq!(shown(&sim).resource, desired.into());
        let calls = sim.counts();
        assert!(calls.contains_key("elasticloadbalancing:SetLoadBalancerPoliciesOfListener"), "{calls:?}");
        let made = operation.is_none_or(|it| calls.contains_key(&format!("elasticloadbalancing:{it}")));
        assert!(made, "{calls:?}");
    }
    let blind = update(&sim, &shown(&sim), &resource(AT, sticky("TCP", own))).await;
    refused(blind, ErrorKind::Invalid, MISFIT);
}

#[tokio::test(start_paused = true)]
async fn what_asks_a_port_of_instances_by_tls_comes_when_what_asks_it_without_is_gone() {
    let sim = Sim::in_memory();
    let wanted = wanted(&sim).await;
    must_create(&sim, &resource(AT, wanted.clone())).await;
    let by_tls = ClbListener { instance_protocol: "HTTPS".into(), ..listener("HTTP", 8080) };
    let after = Clb { listeners: [("8080".into(), by_tls.clone())].into(), ..wanted };
    update(&sim, &shown(&sim), &resource(AT, after)).await.expect("one after the other");
    let listeners = shown(&sim).resource.fields()["listeners"].clone();
    assert_eq!(listeners.as_object().map(|all| all.keys().cloned().collect()), Some(vec!["8080".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn subnets_make_room_for_each_other_and_the_last_one_stays() {
    let sim = Sim::in_memory();
    let wanted = wanted(&sim).await;
    let all: Vec<String> = wanted.subnets.iter().cloned().collect();
    let with = |subnets: &[String]| Clb { subnets: subnets.iter().cloned().collect(), ..wanted.clone() };
    must_create(&sim, &resource(AT, with(&all[..2]))).await;
    sim.forget_calls();
    update(&sim, &shown(&sim), &resource(AT, with(&all[1..]))).await.expect("another zone");
    let calls: BTreeSet<String> = sim.calls().into_iter().map(|call| call.operation).collect();
    assert!(calls.contains("elasticloadbalancing:AttachLoadBalancerToSubnets"), "{calls:?}");
    assert!(calls.contains("elasticloadbalancing:DetachLoadBalancerFromSubnets"), "{calls:?}");
    let none = update(&sim, &shown(&sim), &resource(AT, with(&[]))).await;
    refused(none, ErrorKind::Invalid, MISFIT);
}
