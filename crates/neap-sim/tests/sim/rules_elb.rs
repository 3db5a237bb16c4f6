//! Elastic Load Balancing's rules, one by one.

use neap_core::kinds::{Action, Alb, HealthCheck, Listener, Rule, Subnet, TargetGroup, WeightedGroup};
use neap_core::live::Outputs;
use neap_engine::cloud::{Cloud, ErrorKind};
use neap_sim::{Fault, FaultKind, Sim};

use crate::rules_network::{made, network, subnet};
use crate::stack::{
    Facts, System, alb, create, facts, forward, listener, live, must_create, not_found, present, refused,
    resource, rule, security_group, target_group, update,
};

/// A load balancer with a listener, and a target group that nobody uses.
struct Balancer {
    facts: Facts,
    group: String,
    alb: String,
    listener: String,
    targets: String,
}

async fn balancer(sim: &Sim) -> Balancer {
    let facts = facts(sim).await;
    let group = resource("security_group.lb", security_group("lb", &facts.vpc));
    let group = must_create(sim, &group).await["id"].clone();
    let alb = must_create(sim, &resource("alb.public", alb("public", &facts, &group))).await["arn"].clone();
    let fields = listener(&alb, 80, not_found());
    let listener = must_create(sim, &resource("alb.public.listener.http", fields)).await["arn"].clone();
    let targets = resource("target_group.api", target_group("api", &facts.vpc));
    let targets = must_create(sim, &targets).await["arn"].clone();
    Balancer { facts, group, alb, listener, targets }
}

async fn create_rule(sim: &Sim, fields: Rule) -> Result<Outputs, neap_engine::cloud::CallError> {
    let at = format!("alb.public.listener.http.rule.{}", fields.priority);
    create(sim, &resource(&at, fields)).await
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_needs_two_zones_and_one_subnet_in_each() {
    let sim = Sim::in_memory();
    let facts = facts(&sim).await;
    let group = resource("security_group.lb", security_group("lb", &facts.vpc));
    let group = must_create(&sim, &group).await["id"].clone();
    let with = |subnets: &[&str]| {
        let subnets = subnets.iter().map(|subnet| (*subnet).to_owned()).collect();
        resource("alb.public", Alb { subnets, ..alb("public", &facts, &group) })
    };
    let message =
        refused(create(&sim, &with(&[&facts.subnets[0]])).await, ErrorKind::Invalid, "ValidationError");
    assert!(message.contains("two different Availability Zones"), "{message}");
    let unknown = with(&[&facts.subnets[0], "subnet-none"]);
    refused(create(&sim, &unknown).await, ErrorKind::NotFound, "SubnetNotFound");
    let stranger = Alb { security_groups: ["sg-none".into()].into(), ..alb("public", &facts, &group) };
    let answer = create(&sim, &resource("alb.public", stranger)).await;
    refused(answer, ErrorKind::NotFound, "InvalidSecurityGroup");
    must_create(&sim, &with(&[&facts.subnets[0], &facts.subnets[1]])).await;
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_stays_in_its_vpc() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let own = network(&sim).await;
    let second = subnet(&own.vpc.id, "10.0.16.0/20", &own.table.id);
    let second = made(&sim, "subnet.public-2", Subnet { zone: "us-east-1b".into(), ..second }).await;
    let desired = resource("alb.public", alb("public", &b.facts, &b.group));
    let subnets = [own.subnet.id, second.id].into();
    let moved = resource("alb.public", Alb { subnets, ..alb("public", &b.facts, &b.group) });
    let answer = update(&sim, &live(&desired, &[("arn".to_owned(), b.alb)].into()), &moved).await;
    refused(answer, ErrorKind::Invalid, "InvalidSubnet");
}

#[tokio::test(start_paused = true)]
async fn names_of_load_balancers_are_short_and_plain() {
    let sim = Sim::in_memory();
    let facts = facts(&sim).await;
    for name in ["a-name-that-has-thirty-three-chars", "under_score", "-first", "last-", "internal-x", ""] {
        let answer = create(&sim, &resource("alb.public", alb(name, &facts, "sg-1"))).await;
        refused(answer, ErrorKind::Invalid, "ValidationError");
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_of_another_load_balancer_is_taken() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let other = |fields| resource("alb.other", fields);
    let different = Alb { scheme: "internal".into(), ..alb("public", &b.facts, &b.group) };
    refused(create(&sim, &other(different)).await, ErrorKind::Conflict, "DuplicateLoadBalancerName");
    // AWS returns what is there if the settings are the same; whose it is shows in the tags alone.
    let error = create(&sim, &other(alb("public", &b.facts, &b.group))).await.expect_err("not ours");
    assert_eq!((error.kind, error.code), (ErrorKind::Conflict, None));
}

#[tokio::test(start_paused = true)]
async fn the_protection_of_a_load_balancer_is_turned_off_before_it_is_deleted() {
    const ATTRIBUTES: &str = "elasticloadbalancing:ModifyLoadBalancerAttributes";
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let open = resource("alb.public", alb("public", &b.facts, &b.group));
    let mut protected = open.clone();
    protected.resource = Alb { deletion_protection: true, ..alb("public", &b.facts, &b.group) }.into();
    let found = live(&open, &[("arn".to_owned(), b.alb)].into());
    update(&sim, &found, &protected).await.expect("protection on");
    let found = present(&sim, "alb.public", &protected).await;
    // Whoever may not turn it off may not delete it.
    sim.fault(Fault::once(ATTRIBUTES, FaultKind::Deny));
    refused(sim.delete(&found).await, ErrorKind::Denied, "AccessDenied");
    sim.forget_calls();
    sim.delete(&found).await.expect("deleted");
    let calls: Vec<String> = sim.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, [ATTRIBUTES, "elasticloadbalancing:DeleteLoadBalancer"]);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_load_balancer_takes_its_listeners_and_rules_along() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    create_rule(&sim, rule(&b.listener, 10, forward(&b.targets))).await.expect("a rule");
    let desired = resource("alb.public", alb("public", &b.facts, &b.group));
    sim.delete(&live(&desired, &[("arn".to_owned(), b.alb)].into())).await.expect("deleted");
    let left: Vec<String> = sim.resources().iter().map(|live| live.address.to_string()).collect();
    assert_eq!(left, ["security_group.lb", "target_group.api"]);
}

#[tokio::test(start_paused = true)]
async fn a_target_group_in_use_cannot_be_deleted() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let at = "alb.public.listener.http.rule.10";
    let desired = resource(at, rule(&b.listener, 10, forward(&b.targets)));
    let outputs = must_create(&sim, &desired).await;
    let targets = resource("target_group.api", target_group("api", &b.facts.vpc));
    let targets = live(&targets, &[("arn".to_owned(), b.targets)].into());
    let message = refused(sim.delete(&targets).await, ErrorKind::InUse, "ResourceInUse");
    assert!(message.ends_with("is currently in use by a listener or a rule"), "{message}");
    sim.delete(&live(&desired, &outputs)).await.expect("the rule goes");
    sim.delete(&targets).await.expect("then the target group");
}

#[tokio::test(start_paused = true)]
async fn a_target_group_belongs_to_one_load_balancer() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    create_rule(&sim, rule(&b.listener, 10, forward(&b.targets))).await.expect("a rule");
    let second = must_create(&sim, &resource("alb.second", alb("second", &b.facts, &b.group))).await;
    let fields = listener(&second["arn"], 80, forward(&b.targets));
    let answer = create(&sim, &resource("alb.second.listener.http", fields)).await;
    refused(answer, ErrorKind::Quota, "TargetGroupAssociationLimit");
}

#[tokio::test(start_paused = true)]
async fn a_port_is_free_for_one_listener() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let other = resource("alb.public.listener.other", listener(&b.alb, 80, forward(&b.targets)));
    refused(create(&sim, &other).await, ErrorKind::Conflict, "DuplicateListener");
}

#[tokio::test(start_paused = true)]
async fn a_priority_is_free_for_one_rule() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    create_rule(&sim, rule(&b.listener, 10, not_found())).await.expect("a rule");
    let other = resource("alb.public.listener.other.rule.10", rule(&b.listener, 10, not_found()));
    refused(create(&sim, &other).await, ErrorKind::Conflict, "PriorityInUse");
    for priority in [0, 50_001] {
        let answer = create_rule(&sim, rule(&b.listener, priority, not_found())).await;
        refused(answer, ErrorKind::Invalid, "ValidationError");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_needs_a_condition_and_at_most_five_values() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let with = |paths: &[&str]| {
        let mut rule = rule(&b.listener, 10, not_found());
        rule.conditions.path = paths.iter().map(|path| (*path).to_owned()).collect();
        rule
    };
    refused(create_rule(&sim, with(&[])).await, ErrorKind::Invalid, "ValidationError");
    let many = with(&["/1", "/2", "/3", "/4", "/5", "/6"]);
    refused(create_rule(&sim, many).await, ErrorKind::Quota, "TooManyConditionValues");
    refused(create_rule(&sim, with(&["api"])).await, ErrorKind::Invalid, "ValidationError");
    create_rule(&sim, with(&["/1", "/2", "/3", "/4", "/5"])).await.expect("five are fine");
}

#[tokio::test(start_paused = true)]
async fn what_a_listener_or_rule_names_must_exist() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let missing = create(&sim, &resource("alb.x.listener.y", listener("arn:none", 80, not_found()))).await;
    refused(missing, ErrorKind::NotFound, "LoadBalancerNotFound");
    let missing = create_rule(&sim, rule("arn:none", 10, not_found())).await;
    refused(missing, ErrorKind::NotFound, "ListenerNotFound");
    let missing = create_rule(&sim, rule(&b.listener, 10, forward("arn:none"))).await;
    refused(missing, ErrorKind::NotFound, "TargetGroupNotFound");
}

#[tokio::test(start_paused = true)]
async fn actions_that_a_load_balancer_cannot_do_are_refused() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let weighted = |weight: u32| Action::Forward {
        target_groups: vec![WeightedGroup { target_group: b.targets.clone(), weight }],
        stickiness_seconds: None,
    };
    let nowhere = Action::Forward { target_groups: vec![], stickiness_seconds: None };
    let answer =
        |status| Action::FixedResponse { status, content_type: "text/plain".into(), body: String::new() };
    let long =
        Action::FixedResponse { status: 200, content_type: "text/plain".into(), body: "x".repeat(1025) };
    let other = Action::Other { description: "authenticate-oidc".into() };
    for action in [nowhere, weighted(1000), answer(301), answer(199), long, other] {
        let refusal = create_rule(&sim, rule(&b.listener, 10, action)).await;
        refused(refusal, ErrorKind::Invalid, "ValidationError");
    }
    let redirect = |path: &str| Action::Redirect {
        protocol: "#{protocol}".into(),
        host: "#{host}".into(),
        port: "#{port}".into(),
        path: path.into(),
        query: "#{query}".into(),
        status: 301,
    };
    let looping = create_rule(&sim, rule(&b.listener, 10, redirect("/#{path}"))).await;
    refused(looping, ErrorKind::Invalid, "InvalidLoadBalancerAction");
    create_rule(&sim, rule(&b.listener, 10, redirect("/new"))).await.expect("another path is no loop");
}

#[tokio::test(start_paused = true)]
async fn an_https_listener_needs_a_certificate_and_gets_a_policy() {
    let sim = Sim::in_memory();
    let b = balancer(&sim).await;
    let https = |certificate: Option<&str>| Listener {
        protocol: "HTTPS".into(),
        certificate: certificate.map(String::from),
        ..listener(&b.alb, 443, not_found())
    };
    let at = "alb.public.listener.https";
    refused(create(&sim, &resource(at, https(None))).await, ErrorKind::Invalid, "ValidationError");
    let wrong = create(&sim, &resource(at, https(Some("arn:nothing")))).await;
    refused(wrong, ErrorKind::NotFound, "CertificateNotFound");
    let certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1";
    must_create(&sim, &resource(at, https(Some(certificate)))).await;
    let fields = sim.resources().into_iter().find(|live| live.address.to_string() == at).expect(at);
    assert_eq!(fields.resource.fields()["ssl_policy"], "ELBSecurityPolicy-2016-08");
}

#[tokio::test(start_paused = true)]
async fn a_health_check_must_end_before_the_next() {
    let sim = Sim::in_memory();
    let facts = facts(&sim).await;
    let base = target_group("api", &facts.vpc);
    let with = |change: &dyn Fn(&mut HealthCheck)| {
        let mut check = base.health_check.clone();
        change(&mut check);
        resource("target_group.api", TargetGroup { health_check: check, ..base.clone() })
    };
    let wrong: [&dyn Fn(&mut HealthCheck); 6] = [
        &|check| check.timeout_seconds = 30,
        &|check| check.interval_seconds = 301,
        &|check| check.healthy_threshold = 1,
        &|check| check.path = Some("health".into()),
        &|check| check.matcher = Some("700".into()),
        &|check| check.port = "any".into(),
    ];
    for change in wrong {
        refused(create(&sim, &with(change)).await, ErrorKind::Invalid, "ValidationError");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_aws_cannot_make_in_place_is_refused() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let check = async |at: &str, field: &str, value: serde_json::Value| {
        let (mut desired, live) = system.part(at);
        let mut fields = desired.resource.fields();
        fields[field] = value;
        desired.resource = neap_core::kinds::Resource::from_fields(live.kind(), fields).expect("fields");
        let message = refused(update(&sim, &live, &desired).await, ErrorKind::Invalid, "ValidationException");
        assert!(message.starts_with(&format!("`{field}` of `")), "{message}");
    };
    check("target_group.api", "port", 4000.into()).await;
    check("target_group.api", "name", "other".into()).await;
    check("alb.public", "scheme", "internal".into()).await;
    check("alb.public.listener.http.rule.10", "priority", 20.into()).await;
    check("security_group.all", "description", "another".into()).await;
    check("ecr.api", "encryption", "KMS".into()).await;
    check("role.task-api-execution", "path", "/".into()).await;
    check("service.api", "cluster", "other".into()).await;
    check("log_group.task-api", "class", "INFREQUENT_ACCESS".into()).await;
}
