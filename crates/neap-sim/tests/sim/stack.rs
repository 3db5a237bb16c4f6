//! A small web system, resource by resource, and the helpers that tests drive the cloud with.

use std::collections::BTreeMap;
use std::time::Duration;

use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, DesiredResource, TAG_ADDRESS, TAG_SPEC, TAG_STACK};
use neap_core::kinds::{
    Action, Alb, Behavior, Cloudfront, Cluster, Container, Ecr, HealthCheck, Listener, LogConfiguration,
    LogGroup, Origin, PortMapping, Resource, Role, Rule, SecurityGroup, SecurityGroupRule, Service,
    ServiceTarget, StrategyItem, TargetGroup, Task, WeightedGroup,
};
use neap_core::live::{LiveResource, Outputs, Phase, Reading};
use neap_engine::cloud::{CallError, Cloud, ErrorKind, Progress};
use neap_sim::Sim;
use serde_json::json;

/// The default VPC and its subnets, as a reading says.
pub(crate) struct Facts {
    pub(crate) vpc: String,
    pub(crate) subnets: Vec<String>,
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().expect(text)
}

/// A resource of the stack `course`.
pub(crate) fn resource(at: &str, fields: impl Into<Resource>) -> DesiredResource {
    let tags = [(TAG_STACK, "course"), (TAG_ADDRESS, at)];
    DesiredResource {
        resource: fields.into(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        implied: None,
        protect: false,
        delete_first: false,
        owned_elsewhere: [].into(),
        after: [].into(),
    }
}

/// The resource as a cloud that has just created it shows it.
pub(crate) fn live(desired: &DesiredResource, outputs: &Outputs) -> LiveResource {
    let by_name = matches!(desired.resource.kind(), Kind::Clb | Kind::Ecr | Kind::LogGroup | Kind::Role);
    let id = outputs.get("id").or_else(|| outputs.get("arn")).expect("an id or an ARN");
    let mut tags = desired.tags.clone();
    tags.insert(TAG_SPEC.to_owned(), desired.spec());
    LiveResource {
        address: address(&desired.tags[TAG_ADDRESS]),
        id: if by_name { desired.resource.aws_name().to_owned() } else { id.clone() },
        resource: desired.resource.clone(),
        tags,
        outputs: outputs.clone(),
        phase: Phase::Ready,
    }
}

pub(crate) async fn facts(sim: &Sim) -> Facts {
    let mut desired = Desired { stack: "course".into(), ..Desired::default() };
    let group = SecurityGroup { vpc: "${network.vpc}".into(), ..security_group("nobody", "") };
    desired.resources.insert(address("security_group.nobody"), resource("security_group.nobody", group));
    let environment = sim.read(&desired).await.expect("a reading").environment;
    Facts { vpc: environment.vpc.expect("a default VPC"), subnets: environment.subnets }
}

/// Creates a resource and answers with what AWS assigned.
pub(crate) async fn create(sim: &Sim, desired: &DesiredResource) -> Result<Outputs, CallError> {
    sim.create(desired, &desired.spec()).await
}

pub(crate) async fn must_create(sim: &Sim, desired: &DesiredResource) -> Outputs {
    create(sim, desired).await.unwrap_or_else(|error| panic!("{}: {error}", desired.tags[TAG_ADDRESS]))
}

pub(crate) async fn update(
    sim: &Sim,
    live: &LiveResource,
    desired: &DesiredResource,
) -> Result<Outputs, CallError> {
    sim.update(live, desired, &desired.spec()).await
}

/// Waits until a resource is ready. Answers with the reason if it never will be.
pub(crate) async fn until_ready(
    sim: &Sim,
    desired: &DesiredResource,
    outputs: &Outputs,
) -> Result<Duration, String> {
    let started = sim.now();
    loop {
        match sim.ready(desired, outputs).await.expect("an answer") {
            Progress::Done => return Ok(sim.now() - started),
            Progress::Failed(reason) => return Err(reason),
            Progress::Pending(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
        assert!(sim.now() - started < Duration::from_secs(3600), "it takes more than an hour");
    }
}

/// Deletes a resource and waits until it is gone, as long as it takes and however often it must be asked for.
pub(crate) async fn until_gone(sim: &Sim, live: &LiveResource) -> Duration {
    let started = sim.now();
    let again = |error: &CallError| matches!(error.kind, ErrorKind::InUse | ErrorKind::Timeout);
    let second = async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(sim.now() - started < Duration::from_secs(3600), "{} never goes", live.address);
    };
    while let Err(error) = sim.delete(live).await {
        assert!(again(&error), "{error}");
        second().await;
    }
    loop {
        match sim.gone(live).await {
            Ok(Progress::Done) => return sim.now() - started,
            Ok(Progress::Failed(reason)) => panic!("{}: {reason}", live.address),
            Ok(Progress::Pending(_)) => {}
            Err(error) => assert!(again(&error), "{error}"),
        }
        second().await;
    }
}

/// What is wrong, as the code and the kind of the error.
pub(crate) fn refused<T: std::fmt::Debug>(
    answer: Result<T, CallError>,
    kind: ErrorKind,
    code: &str,
) -> String {
    let error = answer.expect_err(code);
    assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)), "{error}");
    error.message
}

/// The live resource at an address.
pub(crate) async fn read_one(sim: &Sim, at: &str, desired: &DesiredResource) -> Reading {
    let resources = BTreeMap::from([(address(at), desired.clone())]);
    let stack = Desired { stack: "course".into(), resources, ..Desired::default() };
    let mut live = sim.read(&stack).await.expect("a reading");
    live.readings.remove(&address(at)).expect("a reading of it")
}

pub(crate) async fn present(sim: &Sim, at: &str, desired: &DesiredResource) -> LiveResource {
    match read_one(sim, at, desired).await {
        Reading::Present(live) => *live,
        other => panic!("{at}: {other:?}"),
    }
}

pub(crate) fn log_group(name: &str) -> LogGroup {
    LogGroup { name: name.into(), retention_days: Some(14), class: "STANDARD".into(), kms_key: None }
}

pub(crate) fn role(name: &str) -> Role {
    let statement = json!({ "Effect": "Allow", "Action": ["logs:PutLogEvents"], "Resource": ["*"] });
    let trust = json!({ "Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": { "Service": ["ecs-tasks.amazonaws.com"] } });
    Role {
        name: name.into(),
        path: "/neap/course/".into(),
        description: String::new(),
        trust: json!({ "Version": "2012-10-17", "Statement": [trust] }),
        managed_policies: ["arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy".into()]
            .into(),
        inline_policies: [("neap".into(), json!({ "Version": "2012-10-17", "Statement": [statement] }))]
            .into(),
        max_session_seconds: 3600,
    }
}

pub(crate) fn repository(name: &str) -> Ecr {
    Ecr {
        name: name.into(),
        tag_mutability: "MUTABLE".into(),
        scan_on_push: true,
        lifecycle_policy: Ecr::keep_images(5),
        encryption: "AES256".into(),
        kms_key: None,
    }
}

pub(crate) fn cluster(name: &str) -> Cluster {
    Cluster {
        name: name.into(),
        container_insights: None,
        capacity_providers: ["FARGATE", "FARGATE_SPOT"].map(String::from).into(),
        default_strategy: [("FARGATE".into(), StrategyItem { weight: 1, base: 0 })].into(),
    }
}

pub(crate) fn security_group(name: &str, vpc: &str) -> SecurityGroup {
    SecurityGroup {
        name: name.into(),
        description: "course".into(),
        vpc: vpc.into(),
        ingress: [SecurityGroupRule::tcp(80, "0.0.0.0/0", "http")].into(),
        egress: [SecurityGroupRule::everything()].into(),
    }
}

pub(crate) fn target_group(name: &str, vpc: &str) -> TargetGroup {
    TargetGroup {
        name: name.into(),
        protocol: "HTTP".into(),
        protocol_version: Some("HTTP1".into()),
        port: 3000,
        vpc: vpc.into(),
        target_type: "ip".into(),
        health_check: HealthCheck {
            protocol: "HTTP".into(),
            port: "traffic-port".into(),
            path: Some("/".into()),
            matcher: Some("200-399".into()),
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

pub(crate) fn alb(name: &str, facts: &Facts, security_group: &str) -> Alb {
    Alb {
        name: name.into(),
        scheme: "internet-facing".into(),
        ip_address_type: "ipv4".into(),
        subnets: facts.subnets.iter().cloned().collect(),
        security_groups: [security_group.to_owned()].into(),
        idle_timeout_seconds: 120,
        deletion_protection: false,
        http2: true,
        drop_invalid_header_fields: false,
    }
}

pub(crate) fn forward(target_group: &str) -> Action {
    Action::Forward {
        target_groups: vec![WeightedGroup { target_group: target_group.into(), weight: 1 }],
        stickiness_seconds: None,
    }
}

pub(crate) fn not_found() -> Action {
    Action::FixedResponse { status: 404, content_type: "text/plain".into(), body: String::new() }
}

pub(crate) fn listener(alb: &str, port: u16, default_action: Action) -> Listener {
    Listener {
        load_balancer: alb.into(),
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
    let conditions = neap_core::kinds::Conditions { path: ["/api/*".into()].into(), ..Default::default() };
    Rule { listener: listener.into(), priority, conditions, action }
}

pub(crate) fn task(family: &str, role: &str, group: &str) -> Task {
    let options =
        [("awslogs-group", group), ("awslogs-region", "us-east-1"), ("awslogs-stream-prefix", "api")];
    let container = Container {
        ports: [PortMapping {
            container_port: 3000,
            host_port: 3000,
            protocol: "tcp".into(),
            name: None,
            app_protocol: None,
        }]
        .into(),
        logs: Some(LogConfiguration {
            driver: "awslogs".into(),
            options: options.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            secret_options: [].into(),
        }),
        ..Container::of_image("nginx:1")
    };
    Task {
        family: family.into(),
        launch_types: ["FARGATE".into()].into(),
        network_mode: "awsvpc".into(),
        cpu: Some(256),
        memory: Some(512),
        architecture: "X86_64".into(),
        ephemeral_storage_gib: None,
        execution_role: Some(role.into()),
        task_role: None,
        volumes: [].into(),
        containers: [("app".into(), container)].into(),
    }
}

pub(crate) fn service(name: &str, cluster: &str, task: &str, facts: &Facts, group: &str) -> Service {
    Service {
        name: name.into(),
        cluster: cluster.into(),
        task: task.into(),
        scheduling_strategy: "REPLICA".into(),
        count: Some(1),
        capacity: [("FARGATE".into(), StrategyItem { weight: 1, base: 0 })].into(),
        own_interfaces: true,
        targets: vec![],
        classic: None,
        registry: None,
        connect: None,
        subnets: facts.subnets.iter().cloned().collect(),
        security_groups: [group.to_owned()].into(),
        public_ip: true,
        platform_version: "LATEST".into(),
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        deployment: None,
        circuit_breaker: true,
        rollback: true,
        health_check_grace_seconds: 0,
        exec: false,
        propagate_tags: "SERVICE".into(),
        zone_rebalancing: "ENABLED".into(),
    }
}

pub(crate) fn target(target_group: &str) -> ServiceTarget {
    ServiceTarget { target_group: target_group.into(), container: "app".into(), port: 3000, alternate: None }
}

pub(crate) fn distribution(domain: &str) -> Cloudfront {
    let methods = |methods: &[&str]| methods.iter().map(|method| (*method).to_owned()).collect();
    let origin = Origin {
        domain: domain.into(),
        path: String::new(),
        protocol_policy: "http-only".into(),
        access_control: None,
        http_port: 80,
        https_port: 443,
        headers: [].into(),
    };
    Cloudfront {
        caller_reference: "neap/course/cloudfront.site".into(),
        comment: "the site (course/cloudfront.site)".into(),
        enabled: true,
        origins: [("alb.public".into(), origin)].into(),
        behaviors: vec![],
        default_behavior: Behavior {
            path: "*".into(),
            origin: "alb.public".into(),
            viewer_protocol: "redirect-to-https".into(),
            methods: methods(&["GET", "HEAD"]),
            cached_methods: methods(&["GET", "HEAD"]),
            cache_policy: "4135ea2d-6df8-44a3-9df3-4b5a84be39ad".into(),
            origin_request_policy: None,
            response_headers_policy: None,
            functions: [].into(),
            compress: true,
        },
        default_root_object: String::new(),
        price_class: "PriceClass_200".into(),
        http_version: "http2".into(),
        ipv6: true,
        aliases: [].into(),
        certificate: None,
    }
}

/// Everything, from the repository to the distribution.
pub(crate) struct System {
    pub(crate) facts: Facts,
    /// Each resource with what AWS assigned to it, in the order of creation.
    pub(crate) parts: Vec<(DesiredResource, Outputs)>,
}

impl System {
    /// Creates the whole system and waits until it is ready. Calls whose answer is lost are made again.
    pub(crate) async fn create(sim: &Sim) -> Self {
        let system = Self::create_unsettled(sim).await;
        system.settle(sim, &Kind::ALL).await;
        system
    }

    /// Creates the whole system and waits only where AWS asks for it.
    pub(crate) async fn create_unsettled(sim: &Sim) -> Self {
        let mut system = Self { facts: facts(sim).await, parts: Vec::new() };
        let vpc = system.facts.vpc.clone();
        system.add(sim, "ecr.api", repository("course-api")).await;
        system.add(sim, "log_group.task-api", log_group("/neap/course/api")).await;
        let role = system.add(sim, "role.task-api-execution", role("course-api")).await["arn"].clone();
        let cluster = system.add(sim, "cluster.main", cluster("course-main")).await["arn"].clone();
        let group =
            system.add(sim, "security_group.all", security_group("course-all", &vpc)).await["id"].clone();
        let targets =
            system.add(sim, "target_group.api", target_group("course-api-1", &vpc)).await["arn"].clone();
        let balancer = alb("course-public-1", &system.facts, &group);
        let balancer = system.add(sim, "alb.public", balancer).await;
        let fields = listener(&balancer["arn"], 80, not_found());
        let listener = system.add(sim, "alb.public.listener.http", fields).await["arn"].clone();
        let fields = rule(&listener, 10, forward(&targets));
        system.add(sim, "alb.public.listener.http.rule.10", fields).await;
        let task =
            system.add(sim, "task.api", task("course-api", &role, "/neap/course/api")).await["arn"].clone();
        let fields = service("course-api", &cluster, &task, &system.facts, &group);
        let fields = Service { targets: vec![target(&targets)], ..fields };
        system.settle(sim, &[Kind::Role, Kind::Cluster]).await;
        system.add(sim, "service.api", fields).await;
        system.add(sim, "cloudfront.site", distribution(&balancer["dns_name"])).await;
        system
    }

    async fn add(&mut self, sim: &Sim, at: &str, fields: impl Into<Resource>) -> Outputs {
        let desired = resource(at, fields);
        let mut answer = create(sim, &desired).await;
        while answer.as_ref().is_err_and(|error| error.kind == ErrorKind::Timeout) {
            answer = create(sim, &desired).await;
        }
        let outputs = answer.unwrap_or_else(|error| panic!("{at}: {error}"));
        self.parts.push((desired, outputs.clone()));
        outputs
    }

    /// Deletes everything, the newest first.
    pub(crate) async fn delete(&self, sim: &Sim) {
        for (desired, outputs) in self.parts.iter().rev() {
            until_gone(sim, &live(desired, outputs)).await;
        }
    }

    async fn settle(&self, sim: &Sim, kinds: &[Kind]) {
        for (desired, outputs) in &self.parts {
            if kinds.contains(&desired.resource.kind()) {
                until_ready(sim, desired, outputs).await.expect("ready");
            }
        }
    }

    /// The stack that asks for exactly this.
    pub(crate) fn desired(&self) -> Desired {
        let part = |(desired, _): &(DesiredResource, Outputs)| {
            (address(&desired.tags[TAG_ADDRESS]), desired.clone())
        };
        let resources = self.parts.iter().map(part).collect();
        Desired { stack: "course".into(), resources, ..Desired::default() }
    }

    /// A part of the system as it was created.
    pub(crate) fn part(&self, at: &str) -> (DesiredResource, LiveResource) {
        let found = self.parts.iter().find(|(desired, _)| desired.tags[TAG_ADDRESS] == at);
        let (desired, outputs) = found.expect(at);
        (desired.clone(), live(desired, outputs))
    }
}
