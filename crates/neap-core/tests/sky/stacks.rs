//! Stacks for tests: one of each kind to start from, and random ones.

use std::collections::{BTreeMap, BTreeSet};

use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, DesiredResource, short_hash};
use neap_core::kinds::{
    Action, Alb, Cloudfront, Cluster, Container, Ecr, HealthCheck, Listener, LogGroup, Resource, Role, Rule,
    SecurityGroup, SecurityGroupRule, Service, ServiceTarget, TargetGroup, Task, WeightedGroup,
};
use neap_core::reference;

use super::{more, tags};

/// Picks that shrink towards zero.
pub(crate) struct Picks<'a>(pub(crate) std::slice::Iter<'a, u8>);

impl Picks<'_> {
    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u8) -> u8 {
        self.0.next().copied().unwrap_or(0) % limit
    }

    pub(super) fn coin(&mut self) -> bool {
        self.below(2) == 1
    }

    pub(super) fn one_of<'b>(&mut self, choices: &[&'b str]) -> &'b str {
        choices[usize::from(self.below(u8::try_from(choices.len()).expect("few choices")))]
    }
}

/// The address written as `text`.
pub(crate) fn address(text: &str) -> Address {
    text.parse().expect(text)
}

/// The reference to `output` of `text`.
pub(super) fn of(text: &str, output: &str) -> String {
    reference::output(&address(text), output)
}

/// Adds `resource` at the address `text` to `stack`.
pub(crate) fn add(stack: &mut Desired, text: &str, resource: impl Into<Resource>) {
    let address = address(text);
    let wanted = DesiredResource {
        resource: resource.into(),
        tags: tags(&address),
        implied: None,
        protect: false,
        delete_first: false,
        owned_elsewhere: [].into(),
        after: BTreeSet::new(),
    };
    stack.resources.insert(address, wanted);
}

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

pub(crate) fn cluster(name: &str) -> Cluster {
    Cluster {
        name: format!("course-{name}"),
        container_insights: None,
        capacity_providers: set(&["FARGATE"]),
        default_strategy: BTreeMap::new(),
    }
}

pub(crate) fn security_group(name: &str, from: &str) -> SecurityGroup {
    SecurityGroup {
        name: format!("course-{name}"),
        description: format!("course: {name}"),
        vpc: "${network.vpc}".into(),
        ingress: [SecurityGroupRule::tcp(3000, from, "")].into(),
        egress: [SecurityGroupRule::everything()].into(),
    }
}

pub(crate) fn target_group(name: &str, port: u16, path: &str) -> TargetGroup {
    TargetGroup {
        name: format!("course-{name}-{}", &short_hash(&port.to_string())[..8]),
        protocol: "HTTP".into(),
        protocol_version: Some("HTTP1".into()),
        port,
        vpc: "${network.vpc}".into(),
        target_type: "ip".into(),
        health_check: HealthCheck {
            protocol: "HTTP".into(),
            port: "traffic-port".into(),
            path: Some(path.into()),
            matcher: Some("200".into()),
            interval_seconds: 30,
            timeout_seconds: 6,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
        },
        deregistration_delay_seconds: 30,
        slow_start_seconds: Some(0),
        algorithm: Some("round_robin".into()),
        stickiness: None,
        preserve_client_ip: None,
        proxy_protocol: None,
        connection_termination: None,
    }
}

pub(crate) fn alb(name: &str, scheme: &str, group: &str) -> Alb {
    Alb {
        name: format!("course-{name}-{}", &short_hash(scheme)[..8]),
        scheme: scheme.into(),
        ip_address_type: "ipv4".into(),
        subnets: set(&["${network.subnets}"]),
        security_groups: [of(group, "id")].into(),
        idle_timeout_seconds: 60,
        deletion_protection: false,
        http2: true,
        drop_invalid_header_fields: false,
    }
}

pub(crate) fn forward(group: &str) -> Action {
    let group = WeightedGroup { target_group: of(group, "arn"), weight: 1 };
    Action::Forward { target_groups: vec![group], stickiness_seconds: None }
}

pub(crate) fn fixed(status: u16) -> Action {
    Action::FixedResponse { status, content_type: "text/plain".into(), body: String::new() }
}

pub(crate) fn listener(alb: &str, port: u16, default_action: Action) -> Listener {
    Listener {
        load_balancer: of(alb, "arn"),
        port,
        protocol: "HTTP".into(),
        certificate: None,
        ssl_policy: None,
        extra_certificates: [].into(),
        alpn_policy: None,
        idle_timeout_seconds: None,
        default_action,
    }
}

pub(crate) fn rule(listener: &str, priority: u32, action: Action) -> Rule {
    Rule { listener: of(listener, "arn"), priority, conditions: Default::default(), action }
}

pub(crate) fn task(name: &str, image: &str) -> Task {
    let Resource::Task(example) = Resource::example(Kind::Task) else { unreachable!("a task") };
    let mut app = Container::of_image(image);
    app.env = [("PASS".to_owned(), "${var.pass}".to_owned())].into();
    Task {
        family: format!("course-{name}"),
        execution_role: None,
        task_role: None,
        volumes: BTreeMap::new(),
        containers: [("app".to_owned(), app)].into(),
        ..example
    }
}

pub(crate) fn service(name: &str, cluster: &str, task: &str, group: &str, target: Option<&str>) -> Service {
    let Resource::Service(example) = Resource::example(Kind::Service) else { unreachable!("a service") };
    let target_of = |target| ServiceTarget {
        target_group: of(target, "arn"),
        container: "app".into(),
        port: 3000,
        alternate: None,
    };
    Service {
        name: format!("course-{name}"),
        cluster: of(cluster, "arn"),
        task: of(task, "arn"),
        targets: target.map(target_of).into_iter().collect(),
        classic: None,
        registry: None,
        connect: None,
        subnets: set(&["${network.subnets}"]),
        security_groups: [of(group, "id")].into(),
        deployment: None,
        ..example
    }
}

pub(crate) fn cloudfront(domain: &str) -> Cloudfront {
    let Resource::Cloudfront(mut example) = Resource::example(Kind::Cloudfront) else {
        unreachable!("a distribution")
    };
    example.origins.values_mut().for_each(|origin| origin.domain = domain.to_owned());
    (example.aliases, example.certificate) = (BTreeSet::new(), None);
    let behaviors = example.behaviors.iter_mut().chain([&mut example.default_behavior]);
    behaviors.for_each(|behavior| behavior.functions.clear());
    example
}

pub(crate) fn role(name: &str, description: &str) -> Role {
    let Resource::Role(example) = Resource::example(Kind::Role) else { unreachable!("a role") };
    Role { name: format!("course-{name}"), description: description.into(), ..example }
}

pub(crate) fn log_group(name: &str, class: &str) -> LogGroup {
    LogGroup {
        name: format!("/neap/course/{name}"),
        retention_days: Some(14),
        class: class.into(),
        kms_key: None,
    }
}

pub(crate) fn ecr(name: &str, mutability: &str, encryption: &str) -> Ecr {
    Ecr {
        name: format!("course-{name}"),
        tag_mutability: mutability.into(),
        scan_on_push: true,
        lifecycle_policy: Ecr::keep_images(5),
        encryption: encryption.into(),
        kms_key: None,
    }
}

/// A repository, a cluster, and a service behind a load balancer and a distribution.
pub(crate) fn course() -> Desired {
    let mut stack = Desired { stack: "course".into(), ..Desired::default() };
    add(&mut stack, "log_group.task-api", log_group("task-api", "STANDARD"));
    add(&mut stack, "role.task-api-execution", role("task-api-execution", "pulls images"));
    add(&mut stack, "ecr.api", ecr("api", "MUTABLE", "AES256"));
    add(&mut stack, "cluster.main", cluster("main"));
    add(&mut stack, "security_group.alb-public", security_group("alb-public", "0.0.0.0/0"));
    let from = of("security_group.alb-public", "id");
    add(&mut stack, "security_group.service-api", security_group("service-api", &from));
    add(&mut stack, "target_group.api", target_group("api", 3000, "/"));
    add(&mut stack, "alb.public", alb("public", "internet-facing", "security_group.alb-public"));
    add(&mut stack, "alb.public.listener.http", listener("alb.public", 80, fixed(404)));
    let api = rule("alb.public.listener.http", 10, forward("target_group.api"));
    add(&mut stack, "alb.public.listener.http.rule.10", api);
    add(&mut stack, "task.api", course_task("${ecr.api.uri}:v1"));
    let api =
        service("api", "cluster.main", "task.api", "security_group.service-api", Some("target_group.api"));
    add(&mut stack, "service.api", api);
    add(&mut stack, "cloudfront.site", cloudfront(&of("alb.public", "dns_name")));
    stack.outputs = [("url".to_owned(), "https://${cloudfront.site.domain_name}".to_owned())].into();
    stack
}

/// The task of [`course`] with another image.
pub(crate) fn course_task(image: &str) -> Task {
    let mut task = task("api", image);
    task.execution_role = Some(of("role.task-api-execution", "arn"));
    let options = BTreeMap::from([("awslogs-group".to_owned(), of("log_group.task-api", "name"))]);
    let logs = neap_core::kinds::LogConfiguration {
        driver: "awslogs".into(),
        options,
        secret_options: BTreeMap::new(),
    };
    task.containers.values_mut().for_each(|container| container.logs = Some(logs.clone()));
    task
}

/// A random stack: any of its parts may be missing, and immutable fields differ from one to the next.
pub(crate) fn random(picks: &mut Picks<'_>) -> Desired {
    let mut stack = Desired { stack: "course".into(), ..Desired::default() };
    add(&mut stack, "log_group.logs", log_group("logs", picks.one_of(&["STANDARD", "INFREQUENT_ACCESS"])));
    add(&mut stack, "role.run", role("run", picks.one_of(&["runs", "still runs"])));
    add(&mut stack, "cluster.main", cluster("main"));
    if picks.coin() {
        let encryption = picks.one_of(&["AES256", "KMS"]);
        add(&mut stack, "ecr.api", ecr("api", picks.one_of(&["MUTABLE", "IMMUTABLE"]), encryption));
    }
    if picks.coin() {
        add(&mut stack, "cluster.side", cluster("side"));
    }
    groups(&mut stack, picks);
    for name in ["public", "inner"] {
        if picks.below(3) > 0 {
            balancer(&mut stack, name, picks);
        }
    }
    for name in ["one", "two"] {
        if picks.below(3) > 0 {
            running(&mut stack, name, picks);
        }
    }
    if picks.coin() {
        more::site(&mut stack, picks);
    } else if picks.coin() {
        let balanced = stack.resources.contains_key(&address("alb.public")) && picks.coin();
        let domain = if balanced { of("alb.public", "dns_name") } else { "elsewhere.example.com".to_owned() };
        add(&mut stack, "cloudfront.site", cloudfront(&domain));
    }
    if picks.coin() {
        more::instances(&mut stack, picks);
    }
    if picks.coin() {
        more::network(&mut stack, picks);
    }
    if picks.coin() {
        more::classic(&mut stack, picks);
    }
    if picks.coin() {
        more::names(&mut stack, picks);
    }
    for name in ["one", "two"] {
        if picks.coin() {
            more::scaling(&mut stack, &format!("service.{name}"), picks);
        }
    }
    stack
}

/// Security groups and target groups.
fn groups(stack: &mut Desired, picks: &mut Picks<'_>) {
    let mut outer = security_group("outer", "0.0.0.0/0");
    outer.description = picks.one_of(&["lets in", "lets everyone in"]).into();
    add(stack, "security_group.outer", outer);
    let from = picks.coin().then(|| of("security_group.outer", "id"));
    let mut inner = security_group("inner", from.as_deref().unwrap_or("10.0.0.0/8"));
    inner.description = picks.one_of(&["inner", "innermost"]).into();
    let ports = [3000 + u16::from(picks.below(2)), 4000];
    let from = picks.one_of(&["10.0.0.0/8", "10.0.0.0/16"]);
    inner.ingress.extend(ports.iter().map(|port| SecurityGroupRule::tcp(*port, from, "")));
    add(stack, "security_group.inner", inner);
    for name in ["a", "b", "c"] {
        if picks.below(3) > 0 {
            let port = 3000 + u16::from(picks.below(2));
            let mut group = target_group(name, port, picks.one_of(&["/", "/health"]));
            let fixed = name == "c";
            if fixed {
                group.name = "course-c".into();
            }
            let text = format!("target_group.{name}");
            add(stack, &text, group);
            stack.resources.entry(address(&text)).and_modify(|wanted| wanted.delete_first = fixed);
        }
    }
}

/// A load balancer with a listener and perhaps rules. Each target group has one load balancer.
fn balancer(stack: &mut Desired, name: &str, picks: &mut Picks<'_>) {
    let text = format!("alb.{name}");
    let group = picks.one_of(&["security_group.outer", "security_group.inner"]);
    add(stack, &text, alb(name, picks.one_of(&["internet-facing", "internal"]), group));
    let own: &[&str] = if name == "public" { &["a", "c"] } else { &["b"] };
    let listener_text = format!("{text}.listener.{}", picks.one_of(&["http", "web"]));
    let action = action(stack, own, picks);
    add(stack, &listener_text, listener(&text, 80 + u16::from(picks.below(2)), action));
    for priority in [10, 20] {
        if picks.coin() {
            let action = self::action(stack, own, picks);
            let text = format!("{listener_text}.rule.{priority}");
            add(stack, &text, rule(&listener_text, priority, action));
        }
    }
}

fn action(stack: &Desired, own: &[&str], picks: &mut Picks<'_>) -> Action {
    let group = format!("target_group.{}", picks.one_of(own));
    if picks.below(3) > 0 && stack.resources.contains_key(&address(&group)) {
        forward(&group)
    } else {
        fixed(404)
    }
}

/// A task and a service that runs it, behind a target group that something forwards to, if there is one.
fn running(stack: &mut Desired, name: &str, picks: &mut Picks<'_>) {
    let task_text = format!("task.{name}");
    let mut task = task(name, picks.one_of(&["nginx:1", "nginx:2"]));
    task.execution_role = Some(of("role.run", "arn"));
    if picks.coin() {
        let options = BTreeMap::from([("awslogs-group".to_owned(), of("log_group.logs", "name"))]);
        let secret_options = BTreeMap::new();
        let logs = neap_core::kinds::LogConfiguration { driver: "awslogs".into(), options, secret_options };
        task.containers.values_mut().for_each(|container| container.logs = Some(logs.clone()));
    }
    add(stack, &task_text, task);
    let side = stack.resources.contains_key(&address("cluster.side")) && picks.coin();
    let cluster = if side { "cluster.side" } else { "cluster.main" };
    let group = picks.one_of(&["security_group.outer", "security_group.inner"]);
    let target = format!("target_group.{}", picks.one_of(&["a", "b", "c"]));
    let forwards = |(of, wanted): (&Address, &DesiredResource)| {
        matches!(of.kind(), Kind::Listener | Kind::Rule)
            && wanted.references().iter().any(|(_, found)| found.to_string() == format!("{target}.arn"))
    };
    let reachable = stack.resources.iter().any(forwards);
    let target = reachable.then_some(target.as_str());
    add(stack, &format!("service.{name}"), service(name, cluster, &task_text, group, target));
}
