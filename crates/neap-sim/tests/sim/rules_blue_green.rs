//! Blue/green deployments: what ECS refuses, what it rolls back at once, and how traffic moves.

use std::time::Duration;

use neap_core::desired::DesiredResource;
use neap_core::kinds::{Action, Alternate, Deployment, Hook, Resource, Role, Service, ServiceTarget, Task};
use neap_core::live::{LiveResource, Outputs};
use neap_engine::cloud::{Cloud, ErrorKind, Progress};
use neap_sim::{Fault, FaultKind, Sim};
use serde_json::json;

use crate::stack::{
    System, forward, live, must_create, not_found, present, refused, resource, role, rule, target_group,
    task, until_gone, until_ready, update,
};

/// What is changed of a service before it is sent.
type Edit<'a> = Box<dyn FnOnce(&mut Service) + 'a>;

const INVALID: &str = "InvalidParameterException";
const POLICY: &str = "arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers";

/// A system whose service can be deployed blue/green.
struct Site {
    sim: Sim,
    system: System,
    /// The ARNs of the two groups, of the rules for users and for tests, and of the role.
    blue: String,
    green: String,
    users: String,
    testers: String,
    role: String,
    outputs: Outputs,
}

fn for_ecs(name: &str) -> Role {
    let statement = json!({ "Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": { "Service": ["ecs.amazonaws.com"] } });
    Role {
        trust: json!({ "Version": "2012-10-17", "Statement": [statement] }),
        managed_policies: [POLICY.to_owned()].into(),
        inline_policies: [].into(),
        ..role(name)
    }
}

impl Site {
    async fn new() -> Self {
        let sim = Sim::in_memory();
        let system = System::create(&sim).await;
        let arn = |at: &str| system.part(at).1.outputs["arn"].clone();
        let (blue, listener, users) = (
            arn("target_group.api"),
            arn("alb.public.listener.http"),
            arn("alb.public.listener.http.rule.10"),
        );
        let next = resource("target_group.next", target_group("course-next-1", &system.facts.vpc));
        let green = must_create(&sim, &next).await["arn"].clone();
        let tests = resource("alb.public.listener.http.rule.20", rule(&listener, 20, forward(&green)));
        let testers = must_create(&sim, &tests).await["arn"].clone();
        let shifts = resource("role.traffic", for_ecs("course-traffic"));
        let made = must_create(&sim, &shifts).await;
        until_ready(&sim, &shifts, &made).await.expect("assumable");
        let outputs = system.part("service.api").1.outputs;
        Self { sim, system, blue, green, users, testers, role: made["arn"].clone(), outputs }
    }

    fn alternate(&self) -> Alternate {
        Alternate {
            target_group: self.green.clone(),
            production: self.users.clone(),
            test: Some(self.testers.clone()),
            role: self.role.clone(),
        }
    }

    /// The system's service, deployed blue/green with one change.
    fn service(&self, change: impl FnOnce(&mut Service)) -> DesiredResource {
        let (mut desired, _) = self.system.part("service.api");
        let Resource::Service(service) = &mut desired.resource else { unreachable!() };
        service.targets[0].alternate = Some(self.alternate());
        service.deployment =
            Some(Deployment { strategy: Service::BLUE_GREEN.into(), bake_minutes: 5, hooks: vec![] });
        change(service);
        desired
    }

    async fn now(&self) -> LiveResource {
        present(&self.sim, "service.api", &self.system.part("service.api").0).await
    }

    async fn deploy(&self, desired: &DesiredResource) -> Progress {
        update(&self.sim, &self.now().await, desired).await.expect("accepted");
        match until_ready(&self.sim, desired, &self.outputs).await {
            Ok(_) => Progress::Done,
            Err(reason) => Progress::Failed(reason),
        }
    }

    /// The weights of both groups in a rule.
    fn weights(&self, rule: &str) -> (u32, u32) {
        let rule = self.sim.resources().into_iter().find(|live| live.id == rule).expect("a rule");
        let Resource::Rule(rule) = rule.resource else { unreachable!() };
        let Action::Forward { target_groups, .. } = rule.action else { return (0, 0) };
        let of = |arn: &str| target_groups.iter().find(|it| it.target_group == arn).map_or(0, |it| it.weight);
        (of(&self.blue), of(&self.green))
    }

    /// The service with a new revision of its task.
    async fn next_task(&self) -> DesiredResource {
        let (first, found) = self.system.part("task.api");
        let Resource::Task(fields) = first.resource else { unreachable!() };
        let role = fields.execution_role.clone().expect("a role");
        let mut fields = Task { ..task("course-api", &role, "/neap/course/api") };
        fields.cpu = Some(512);
        fields.memory = Some(1024);
        let arn = update(&self.sim, &found, &resource("task.api", fields)).await.expect("registered")["arn"]
            .clone();
        self.service(|service| service.task = arn)
    }
}

#[tokio::test(start_paused = true)]
async fn traffic_for_tests_moves_first_then_that_of_users_and_the_old_tasks_stay() {
    let site = Site::new().await;
    assert_eq!(site.weights(&site.users), (1, 0));
    let desired = site.service(|_| {});
    update(&site.sim, &site.now().await, &desired).await.expect("accepted");
    let mut seen = Vec::new();
    let mut stages = Vec::new();
    let started = site.sim.now();
    loop {
        match site.sim.ready(&desired, &site.outputs).await.expect("a look") {
            Progress::Done => break,
            Progress::Failed(reason) => panic!("{reason}"),
            Progress::Pending(detail) => {
                let weights = (site.weights(&site.testers), site.weights(&site.users));
                if seen.last() != Some(&weights) {
                    seen.push(weights);
                }
                if stages.last() != Some(&detail) {
                    stages.push(detail);
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(seen, [((0, 1), (1, 0)), ((0, 100), (1, 0)), ((0, 100), (0, 100))]);
    assert_eq!(
        stages,
        [
            "0 of 1 tasks running, the new tasks start",
            "1 of 1 tasks running, the new tasks start",
            "1 of 1 tasks running, the new tasks have the test traffic",
            "1 of 1 tasks running, the new tasks have the traffic, the old ones stay for the bake time",
            "1 of 1 tasks running, the old tasks stop",
        ]
    );
    assert!(site.sim.now() - started > Duration::from_secs(300), "it bakes");
    let Resource::Service(service) = site.now().await.resource else { unreachable!() };
    assert_eq!(service.targets[0].target_group, site.green);
    assert_eq!(service.targets[0].alternate.as_ref().map(|it| &it.target_group), Some(&site.blue));
}

#[tokio::test(start_paused = true)]
async fn the_next_deployment_comes_back_to_the_first_group() {
    let site = Site::new().await;
    assert_eq!(site.deploy(&site.service(|_| {})).await, Progress::Done);
    let mut next = site.next_task().await;
    if let (Resource::Service(next), Resource::Service(now)) = (&mut next.resource, site.now().await.resource)
    {
        next.targets = now.targets;
    }
    assert_eq!(site.deploy(&next).await, Progress::Done);
    assert_eq!(site.weights(&site.users), (100, 0));
    assert_eq!(site.weights(&site.testers), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_whose_tasks_fail_never_moves_any_traffic() {
    let site = Site::new().await;
    assert_eq!(site.deploy(&site.service(|_| {})).await, Progress::Done);
    let mut next = site.next_task().await;
    if let (Resource::Service(next), Resource::Service(now)) = (&mut next.resource, site.now().await.resource)
    {
        next.targets = now.targets;
    }
    let fails = FaultKind::DeploymentFails { reason: "CannotPullContainerError: not found".into() };
    site.sim.fault(Fault::once("ecs:UpdateService", fails));
    let Progress::Failed(reason) = site.deploy(&next).await else { panic!("it failed") };
    assert_eq!(reason, "CannotPullContainerError: not found; rolled back to course-api:1");
    assert_eq!(site.weights(&site.users), (0, 100));
    let calls = site.sim.counts();
    assert!(calls["ecs:DescribeServiceDeployments"] > 0 && calls["ecs:ListServiceDeployments"] == 1);
}

#[tokio::test(start_paused = true)]
async fn what_ecs_refuses_is_refused_in_its_words() {
    let site = Site::new().await;
    let now = site.now().await;
    let cases: [(&str, Edit<'_>); 9] = [
        (
            "advancedConfiguration field is required for all loadBalancers",
            Box::new(|service| service.targets[0].alternate = None),
        ),
        (
            "Either all or none of the provided loadBalancers",
            Box::new(|service| {
                let more = ServiceTarget { alternate: None, ..service.targets[0].clone() };
                service.targets.push(more);
            }),
        ),
        (
            "productionListenerRule has an invalid ARN format. Must be RuleArn for ALB",
            Box::new(|service| {
                let listener = site.system.part("alb.public.listener.http").1.outputs["arn"].clone();
                with(service).production = listener;
            }),
        ),
        (
            "The following rules cannot be used as both production and test",
            Box::new(|service| with(service).test = Some(site.users.clone())),
        ),
        (
            "For Application LoadBalancer, testListenerRule is required",
            Box::new(|service| with(service).test = None),
        ),
        (
            "Duplicate targetGroupArn found",
            Box::new(|service| with(service).target_group = site.blue.clone()),
        ),
        (
            "bakeTimeInMinutes must be between 0 and 1440",
            Box::new(|service| service.deployment.as_mut().expect("blue/green").bake_minutes = 1441),
        ),
        (
            "hookTargetArn and roleArn are required",
            Box::new(|service| {
                let hook = Hook {
                    function: "smoke".into(),
                    role: site.role.clone(),
                    stages: ["PRE_SCALE_UP".into()].into(),
                    other: None,
                };
                service.deployment.as_mut().expect("blue/green").hooks.push(hook);
            }),
        ),
        (
            "the deployment strategy must be one of BLUE_GREEN",
            Box::new(|service| service.deployment.as_mut().expect("blue/green").strategy = "SHADOW".into()),
        ),
    ];
    for (expected, change) in cases {
        let answer = update(&site.sim, &now, &site.service(change)).await;
        let message = refused(answer, ErrorKind::Invalid, INVALID);
        assert!(message.starts_with(expected), "{message}");
    }
    let gone = site.service(|service| with(service).target_group = site.green.replace("next", "gone"));
    let message = refused(update(&site.sim, &now, &gone).await, ErrorKind::NotFound, INVALID);
    assert!(message.ends_with("does not exist."), "{message}");
}

fn with(service: &mut Service) -> &mut Alternate {
    service.targets[0].alternate.as_mut().expect("another group")
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_ways_is_rolled_back() {
    let site = Site::new().await;
    let listener = site.system.part("alb.public.listener.http").1.outputs["arn"].clone();
    let other = resource("alb.public.listener.http.rule.30", rule(&listener, 30, forward(&site.blue)));
    let other = must_create(&site.sim, &other).await["arn"].clone();
    let fixed = resource("alb.public.listener.http.rule.40", rule(&listener, 40, not_found()));
    let fixed = must_create(&site.sim, &fixed).await["arn"].clone();
    let unfit = must_create(&site.sim, &resource("role.unfit", role("course-unfit"))).await["arn"].clone();
    let cases: [(&str, Edit<'_>); 3] = [
        (
            "is not associated with either productionListenerRule or testListenerRule.",
            Box::new(|it| with(it).test = Some(other)),
        ),
        (
            "found 0 target groups which are serving traffic",
            Box::new(|it| {
                let alternate = with(it);
                alternate.production = fixed;
                alternate.test = Some(site.testers.clone());
            }),
        ),
        ("due to missing permissions on ECS Infrastructure Role", Box::new(|it| with(it).role = unfit)),
    ];
    for (expected, change) in cases {
        let Progress::Failed(reason) = site.deploy(&site.service(change)).await else { panic!("{expected}") };
        let is_told = reason.contains(expected) || reason.contains("is not associated");
        assert!(
            reason.starts_with("Service deployment rolled back because of invalid networking"),
            "{reason}"
        );
        assert!(is_told, "{reason}");
    }
    assert_eq!(site.weights(&site.users), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_rule_that_leaves_its_action_out_leaves_the_weights_alone() {
    let site = Site::new().await;
    let at = "alb.public.listener.http.rule.10";
    let (mut wanted, before) = site.system.part(at);
    assert_eq!(site.deploy(&site.service(|_| {})).await, Progress::Done);
    if let Resource::Rule(rule) = &mut wanted.resource {
        rule.conditions.path = ["/v2/*".into()].into();
    }
    update(&site.sim, &before, &wanted).await.expect("changed");
    assert_eq!(site.weights(&site.users), (0, 100));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_goes_takes_its_deployment_along() {
    let site = Site::new().await;
    let desired = site.service(|_| {});
    update(&site.sim, &site.now().await, &desired).await.expect("accepted");
    until_gone(&site.sim, &live(&desired, &site.outputs)).await;
    tokio::time::sleep(Duration::from_secs(1200)).await;
    site.sim.resources();
    assert_eq!(site.weights(&site.users), (1, 0));
}
