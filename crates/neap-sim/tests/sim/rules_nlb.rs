//! The rules of network load balancers and of what stands behind them, one by one.

use std::time::Duration;

use neap_core::kinds::{KindOf, Listener, Nlb, TargetGroup};
use neap_core::live::LiveResource;
use neap_engine::cloud::{Cloud, ErrorKind};
use neap_sim::Sim;

use crate::rules_network::{made, network, subnet};
use crate::stack::{
    Facts, alb, create, facts, forward, listener, must_create, not_found, refused, resource, rule,
    security_group, target_group, update,
};

/// A network load balancer, and a target group of TCP that nobody uses.
struct Balancer {
    facts: Facts,
    group: String,
    nlb: String,
    targets: String,
}

fn nlb(name: &str, facts: &Facts, security_group: &str) -> Nlb {
    Nlb {
        name: name.into(),
        scheme: "internet-facing".into(),
        ip_address_type: "ipv4".into(),
        subnets: facts.subnets.iter().cloned().collect(),
        addresses: [].into(),
        security_groups: [security_group.to_owned()].into(),
        cross_zone: true,
        deletion_protection: false,
    }
}

/// What stands at `at`.
fn shown(sim: &Sim, at: &str) -> LiveResource {
    sim.resources().into_iter().find(|live| live.address.to_string() == at).expect(at)
}

/// A target group as neap makes one of `protocol`.
fn below_http(name: &str, protocol: &str, facts: &Facts) -> TargetGroup {
    let preserve_client_ip = Some(protocol.contains("UDP"));
    let stickiness = None;
    let example = TargetGroup::example_of_tcp();
    TargetGroup {
        name: name.into(),
        protocol: protocol.into(),
        vpc: facts.vpc.clone(),
        preserve_client_ip,
        stickiness,
        ..example
    }
}

fn of_protocol(nlb: &str, port: u16, protocol: &str, group: &str) -> Listener {
    Listener { protocol: protocol.into(), ..listener(nlb, port, forward(group)) }
}

async fn balancer(sim: &Sim) -> Balancer {
    let facts = facts(sim).await;
    let group = resource("security_group.lb", security_group("lb", &facts.vpc));
    let group = must_create(sim, &group).await["id"].clone();
    let nlb = must_create(sim, &resource("nlb.mqtt", nlb("mqtt", &facts, &group))).await["arn"].clone();
    let targets = resource("target_group.mqtt", below_http("mqtt", "TCP", &facts));
    let targets = must_create(sim, &targets).await["arn"].clone();
    Balancer { facts, group, nlb, targets }
}

#[tokio::test(start_paused = true)]
async fn one_name_is_one_load_balancer_of_whatever_kind() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let other = resource("alb.mqtt", alb("mqtt", &b.facts, &b.group));
    refused(create(&sim, &other).await, ErrorKind::Conflict, "DuplicateLoadBalancerName");
}

#[tokio::test(start_paused = true)]
async fn a_listener_of_tcp_alone_forgets_connections_when_it_is_told() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let with =
        |seconds| Listener { idle_timeout_seconds: seconds, ..of_protocol(&b.nlb, 1883, "TCP", &b.targets) };
    let at = "nlb.mqtt.listener.plain";
    must_create(&sim, &resource(at, with(Some(350)))).await;
    assert!(!sim.counts().contains_key("elasticloadbalancing:ModifyListenerAttributes"), "it is AWS's own");
    update(&sim, &shown(&sim, at), &resource(at, with(Some(6000)))).await.expect("in place");
    assert_eq!(shown(&sim, at).resource, with(Some(6000)).into());
    let answer = update(&sim, &shown(&sim, at), &resource(at, with(Some(59)))).await;
    refused(answer, ErrorKind::Invalid, "ValidationError");
    let udp = below_http("coap", "UDP", &b.facts);
    let udp = must_create(&sim, &resource("target_group.coap", udp)).await["arn"].clone();
    let told = Listener { idle_timeout_seconds: Some(60), ..of_protocol(&b.nlb, 5683, "UDP", &udp) };
    let answer = create(&sim, &resource("nlb.mqtt.listener.coap", told)).await;
    refused(answer, ErrorKind::Invalid, "InvalidConfigurationRequest");
}

#[tokio::test(start_paused = true)]
async fn subnets_come_and_go() {
    let sim = Sim::in_memory();
    let facts = facts(&sim).await;
    let group = resource("security_group.lb", security_group("lb", &facts.vpc));
    let group = must_create(&sim, &group).await["id"].clone();
    let of = |subnets: &[String]| {
        resource(
            "nlb.mqtt",
            Nlb { subnets: subnets.iter().cloned().collect(), ..nlb("mqtt", &facts, &group) },
        )
    };
    let (one, all) = (of(&facts.subnets[..1]), of(&facts.subnets));
    must_create(&sim, &one).await;
    update(&sim, &shown(&sim, "nlb.mqtt"), &all).await.expect("more subnets");
    update(&sim, &shown(&sim, "nlb.mqtt"), &one).await.expect("fewer subnets");
    assert_eq!(shown(&sim, "nlb.mqtt").resource, one.resource);
    // AWS has not let go of the others yet.
    let again = update(&sim, &shown(&sim, "nlb.mqtt"), &all).await;
    assert!(refused(again, ErrorKind::NotYet, "InvalidConfigurationRequest").contains("already associated"));
    tokio::time::sleep(Duration::from_secs(180)).await;
    update(&sim, &shown(&sim, "nlb.mqtt"), &all).await.expect("more subnets");
}

#[tokio::test(start_paused = true)]
async fn a_subnet_leaves_before_another_of_its_zone_comes() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let other = subnet(&network.vpc.id, "10.0.16.0/20", &network.table.id);
    let other = made(&sim, "subnet.public-2", other).await;
    let of = |subnet: &str| {
        let nlb = Nlb {
            subnets: [subnet.to_owned()].into(),
            addresses: [].into(),
            security_groups: [].into(),
            ..Nlb::example()
        };
        resource("nlb.mqtt", nlb)
    };
    must_create(&sim, &of(&network.subnet.id)).await;
    let answer = update(&sim, &shown(&sim, "nlb.mqtt"), &of(&other.id)).await;
    assert!(
        refused(answer, ErrorKind::Invalid, "InvalidConfigurationRequest").contains("already associated")
    );
}

#[tokio::test(start_paused = true)]
async fn a_static_address_exists_and_is_one_load_balancers() {
    let sim = Sim::in_memory();
    sim.seed("[[missing]]\naddress = \"eipalloc-9\"").expect("a script");
    let b = balancer(&sim).await;
    let with = |name: &str, address: &str| {
        let subnet = b.facts.subnets[0].clone();
        let nlb =
            Nlb { addresses: [(address.into(), subnet.clone())].into(), ..nlb(name, &b.facts, &b.group) };
        resource(&format!("nlb.{name}"), Nlb { subnets: [subnet].into(), ..nlb })
    };
    refused(create(&sim, &with("one", "eipalloc-9")).await, ErrorKind::NotFound, "AllocationIdNotFound");
    must_create(&sim, &with("one", "eipalloc-1")).await;
    // A repeated create is the first one.
    must_create(&sim, &with("one", "eipalloc-1")).await;
    refused(create(&sim, &with("two", "eipalloc-1")).await, ErrorKind::InUse, "ResourceInUse");
    sim.delete(&shown(&sim, "nlb.one")).await.expect("deleted");
    // Its interfaces linger.
    refused(create(&sim, &with("two", "eipalloc-1")).await, ErrorKind::InUse, "ResourceInUse");
    tokio::time::sleep(Duration::from_secs(180)).await;
    must_create(&sim, &with("two", "eipalloc-1")).await;
}

#[tokio::test(start_paused = true)]
async fn a_private_address_lies_in_its_subnet() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let with = |address: &str| {
        let nlb = Nlb {
            scheme: "internal".into(),
            subnets: [network.subnet.id.clone()].into(),
            addresses: [(address.to_owned(), network.subnet.id.clone())].into(),
            security_groups: [].into(),
            ..Nlb::example()
        };
        resource("nlb.mqtt", nlb)
    };
    for wrong in ["10.9.0.9", "10.0.0.3"] {
        refused(create(&sim, &with(wrong)).await, ErrorKind::Invalid, "InvalidConfigurationRequest");
    }
    must_create(&sim, &with("10.0.0.9")).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_was_made_without_groups_never_gets_one() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let with = resource("nlb.bare", nlb("bare", &b.facts, &b.group));
    let without = resource("nlb.bare", Nlb { security_groups: [].into(), ..nlb("bare", &b.facts, "") });
    must_create(&sim, &without).await;
    let answer = update(&sim, &shown(&sim, "nlb.bare"), &with).await;
    refused(answer, ErrorKind::Invalid, "InvalidConfigurationRequest");
    let none = resource("nlb.mqtt", Nlb { security_groups: [].into(), ..nlb("mqtt", &b.facts, "") });
    let answer = update(&sim, &shown(&sim, "nlb.mqtt"), &none).await;
    refused(answer, ErrorKind::Invalid, "InvalidConfigurationRequest");
}

#[tokio::test(start_paused = true)]
async fn static_addresses_are_for_all_subnets_and_fit_the_scheme() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let with = |addresses: &[(&String, &str)]| {
        let addresses = addresses.iter().map(|(subnet, address)| ((*address).to_owned(), (*subnet).clone()));
        let subnets = b.facts.subnets[..2].iter().cloned().collect();
        resource(
            "nlb.fixed",
            Nlb { addresses: addresses.collect(), subnets, ..nlb("fixed", &b.facts, &b.group) },
        )
    };
    let (first, second) = (&b.facts.subnets[0], &b.facts.subnets[1]);
    for wrong in [with(&[(first, "eipalloc-1")]), with(&[(first, "10.0.0.1"), (second, "10.0.0.2")])] {
        refused(create(&sim, &wrong).await, ErrorKind::Invalid, "InvalidConfigurationRequest");
    }
    must_create(&sim, &with(&[(first, "eipalloc-1"), (second, "eipalloc-2")])).await;
}

#[tokio::test(start_paused = true)]
async fn its_listeners_have_protocols_of_their_own() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let at = "nlb.mqtt.listener.plain";
    let http = create(&sim, &resource(at, of_protocol(&b.nlb, 80, "HTTP", &b.targets))).await;
    refused(http, ErrorKind::Invalid, "UnsupportedProtocol");
    let udp = create(&sim, &resource(at, of_protocol(&b.nlb, 80, "UDP", &b.targets))).await;
    refused(udp, ErrorKind::Invalid, "IncompatibleProtocols");
    let fixed = Listener { protocol: "TCP".into(), ..listener(&b.nlb, 80, not_found()) };
    refused(create(&sim, &resource(at, fixed)).await, ErrorKind::Invalid, "InvalidLoadBalancerAction");
    let alpn =
        Listener { alpn_policy: Some("HTTP2Only".into()), ..of_protocol(&b.nlb, 80, "TCP", &b.targets) };
    refused(create(&sim, &resource(at, alpn)).await, ErrorKind::Invalid, "ALPNPolicyNotSupported");
    let bare = create(&sim, &resource(at, of_protocol(&b.nlb, 80, "TLS", &b.targets))).await;
    refused(bare, ErrorKind::Invalid, "ValidationError");
    must_create(&sim, &resource(at, of_protocol(&b.nlb, 80, "TCP", &b.targets))).await;
}

#[tokio::test(start_paused = true)]
async fn a_dual_stack_has_subnets_with_ipv6_and_no_listener_of_datagrams() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let subnets = [network(&sim).await.subnet.id];
    let dual = |name: &str| Nlb { ip_address_type: "dualstack".into(), ..nlb(name, &b.facts, &b.group) };
    let without = Nlb { subnets: subnets.into(), security_groups: [].into(), ..dual("without") };
    let without = create(&sim, &resource("nlb.without", without)).await;
    refused(without, ErrorKind::Invalid, "ValidationError");
    let group = below_http("datagrams", "UDP", &b.facts);
    let group = must_create(&sim, &resource("target_group.datagrams", group)).await["arn"].clone();
    let arn = must_create(&sim, &resource("nlb.dual", dual("dual"))).await["arn"].clone();
    let at = "nlb.dual.listener.one";
    let udp = create(&sim, &resource(at, of_protocol(&arn, 53, "UDP", &group))).await;
    refused(udp, ErrorKind::Invalid, "InvalidConfigurationRequest");
    // Nor does one become a dual stack that has such a listener.
    must_create(&sim, &resource("nlb.mqtt.listener.one", of_protocol(&b.nlb, 53, "UDP", &group))).await;
    let becomes = resource("nlb.mqtt", dual("mqtt"));
    let answer = update(&sim, &shown(&sim, "nlb.mqtt"), &becomes).await;
    refused(answer, ErrorKind::Invalid, "InvalidConfigurationRequest");
}

#[tokio::test(start_paused = true)]
async fn its_listeners_have_no_rules() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let fields = of_protocol(&b.nlb, 80, "TCP", &b.targets);
    let arn = must_create(&sim, &resource("nlb.mqtt.listener.plain", fields)).await["arn"].clone();
    let answer =
        create(&sim, &resource("alb.x.listener.y.rule.10", rule(&arn, 10, forward(&b.targets)))).await;
    refused(answer, ErrorKind::Invalid, "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn an_application_load_balancer_takes_no_group_below_http() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let alb = must_create(&sim, &resource("alb.web", alb("web", &b.facts, &b.group))).await["arn"].clone();
    let answer =
        create(&sim, &resource("alb.web.listener.http", listener(&alb, 80, forward(&b.targets)))).await;
    refused(answer, ErrorKind::Invalid, "IncompatibleProtocols");
}

#[tokio::test(start_paused = true)]
async fn a_group_has_the_attributes_of_its_level_alone() {
    let sim = Sim::in_memory();
    let facts = facts(&sim).await;
    let tcp = below_http("tcp", "TCP", &facts);
    let http = target_group("web", &facts.vpc);
    for wrong in [
        TargetGroup { algorithm: Some("round_robin".into()), ..tcp.clone() },
        TargetGroup { protocol_version: Some("HTTP1".into()), ..tcp.clone() },
        TargetGroup { preserve_client_ip: Some(false), protocol: "UDP".into(), ..tcp.clone() },
        TargetGroup {
            stickiness: http.stickiness.clone().or(TargetGroup::example_of_tcp().stickiness),
            ..http.clone()
        },
        TargetGroup { proxy_protocol: Some(true), ..http.clone() },
    ] {
        refused(
            create(&sim, &resource("target_group.x", wrong)).await,
            ErrorKind::Invalid,
            "ValidationError",
        );
    }
    let tcp = TargetGroup { name: "right".into(), ..tcp };
    must_create(&sim, &resource("target_group.tcp", tcp)).await;
}

#[tokio::test(start_paused = true)]
async fn deletion_takes_its_listeners_along_and_frees_the_group_late() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let fields = of_protocol(&b.nlb, 80, "TCP", &b.targets);
    must_create(&sim, &resource("nlb.mqtt.listener.plain", fields)).await;
    sim.delete(&shown(&sim, "nlb.mqtt")).await.expect("deleted");
    let left: Vec<String> = sim.resources().iter().map(|live| live.address.to_string()).collect();
    assert_eq!(left, ["security_group.lb", "target_group.mqtt"]);
    let held = sim.delete(&shown(&sim, "security_group.lb")).await;
    refused(held, ErrorKind::InUse, "DependencyViolation");
}
