//! Which values calls are given for the references in their resources.

use std::collections::BTreeMap;

use neap_core::address::Address;
use neap_core::config::Secrets;
use neap_core::kinds::{KindOf, Listener, Resource, Service, Task};
use neap_core::plan::{Action, Need, Plan};
use neap_engine::apply::{ApplyOptions, Summary};
use neap_engine::cloud::{ErrorKind, Progress};
use neap_engine::event::{Event, Failure, Outcome};

use crate::plans::{change, desired, live, plan, run, run_with, words};
use crate::scripted::Scripted;

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// Sets what the service of step `index` has as its task definition.
fn set_task(plan: &mut Plan, index: usize, task: &str) {
    let desired = plan.changes[index].desired.as_mut().expect("a desired resource");
    desired.resource = Resource::Service(Service { task: task.to_owned(), ..Service::example() });
}

/// The task definition that the last call got.
fn task(cloud: &Scripted) -> String {
    let received = cloud.received();
    let Some(Resource::Service(service)) = received.last().map(|(desired, _)| &desired.resource) else {
        panic!("a service: {received:?}")
    };
    service.task.clone()
}

fn internal(summary: &Summary, step: usize) -> &str {
    let Outcome::Failed(Failure::Internal { message }) = &summary.steps[step].outcome else {
        panic!("{summary:?}")
    };
    message
}

#[tokio::test(start_paused = true)]
async fn a_call_gets_what_aws_assigned_to_an_earlier_step() {
    let cloud = Scripted::new().gives("alb.public", "arn", "arn:alb");
    let steps = ["create alb.public", "create alb.public.listener.http"];
    let mut plan = plan(&steps, &[(0, 1, Need::Exists)]);
    let desired = plan.changes[1].desired.as_mut().expect("a desired listener");
    desired.resource =
        Resource::Listener(Listener { load_balancer: "${alb.public.arn}".to_owned(), ..Listener::example() });
    let (summary, _) = run(&cloud, &plan).await;
    assert_eq!(words(&summary), ["done"; 2]);
    let (received, hash) = cloud.received().pop().expect("a call");
    let Resource::Listener(listener) = received.resource else { panic!("a listener") };
    assert_eq!(listener.load_balancer, "arn:alb");
    assert_eq!(hash, "spec-of-the-stack");
}

#[tokio::test(start_paused = true)]
async fn outputs_of_what_does_not_change_are_known_from_the_start() {
    let mut plan = plan(&["create service.api"], &[]);
    set_task(&mut plan, 0, "${task.api.arn}");
    let api = address("task.api");
    plan.changes.push(change(api.clone(), Action::NoOp, Some(desired(&api)), Some(live(&api))));
    let cloud = Scripted::new();
    let (summary, _) = run(&cloud, &plan).await;
    assert_eq!(words(&summary), ["done"]);
    assert_eq!(task(&cloud), "arn:live:task.api");
    assert_eq!(summary.resources[&api]["family"], "course-api", "computed outputs are listed too");
}

#[tokio::test(start_paused = true)]
async fn a_new_revision_is_used_and_never_the_one_before() {
    let cloud = Scripted::new().gives("task.api", "arn", "arn:new");
    let mut ordered = plan(&["update task.api", "update service.api"], &[(0, 1, Need::Exists)]);
    set_task(&mut ordered, 1, "${task.api.arn}");
    run(&cloud, &ordered).await;
    assert_eq!(task(&cloud), "arn:new");

    let mut unordered = plan(&["update task.api", "update service.api"], &[]);
    set_task(&mut unordered, 1, "${task.api.arn}");
    let (summary, _) = run(&Scripted::new(), &unordered).await;
    assert_eq!(words(&summary), ["done", "failed"]);
    assert_eq!(internal(&summary, 1), "no value is known for `${task.api.arn}`");
}

#[tokio::test(start_paused = true)]
async fn facts_and_computed_outputs_are_known_and_lists_are_spliced() {
    let mut plan = plan(&["create service.api"], &[]);
    let main = address("cluster.main");
    plan.changes.push(change(main.clone(), Action::Create, Some(desired(&main)), None));
    let service = Service {
        cluster: "${cluster.main.arn}".to_owned(),
        subnets: ["${network.subnets}".to_owned()].into(),
        ..Service::example()
    };
    let wanted = plan.changes[0].desired.as_mut().expect("a desired service");
    wanted.resource = Resource::Service(service);
    wanted.tags.insert("region".to_owned(), "${aws.region}".to_owned());
    let cloud = Scripted::new();
    run(&cloud, &plan).await;
    let (received, _) = cloud.received().pop().expect("a call");
    assert_eq!(received.tags["region"], "eu-west-1");
    let Resource::Service(service) = received.resource else { panic!("a service") };
    assert_eq!(service.subnets, ["subnet-1".to_owned(), "subnet-2".to_owned()].into());
    assert!(
        service.cluster.starts_with("arn:aws:ecs:eu-west-1:123456789012:cluster/"),
        "{}",
        service.cluster
    );
}

fn password() -> Secrets {
    Secrets::new(BTreeMap::from([("password".to_owned(), "hunter2".to_owned())]))
}

#[tokio::test(start_paused = true)]
async fn sensitive_values_reach_the_call_and_nothing_else() {
    let cloud = Scripted::new()
        .fails("create service.api", &[ErrorKind::Throttled, ErrorKind::Invalid])
        .says("ready service.other", Progress::Failed("bad value hunter2".to_owned()));
    let mut plan = plan(&["create service.api", "create service.other"], &[]);
    set_task(&mut plan, 0, "${var.password}");
    set_task(&mut plan, 1, "${var.password}");
    plan.outputs.insert("login".to_owned(), "admin:${var.password}".to_owned());
    let (summary, events) = run_with(&cloud, &plan, &password(), &ApplyOptions::default()).await;
    assert_eq!(words(&summary), ["failed", "failed"]);
    assert_eq!(task(&cloud), "hunter2");
    assert_eq!(summary.outputs["login"], "admin:${var.password}");
    let told = format!("{summary:?} {events:?}");
    assert!(!told.contains("hunter2"), "{told}");
    assert!(told.contains("(sensitive)"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn an_update_knows_what_is_live_also_where_a_plan_holds_but_a_name_for_it() {
    let mut plan = plan(&["update task.api"], &[]);
    let command = |words: &[&str]| {
        let mut fields = Task::example();
        let container = fields.containers.values_mut().next().expect("a container");
        container.command = words.iter().map(|&word| word.to_owned()).collect();
        Resource::from(fields)
    };
    let shown = command(&["${var.key}", "a ${var.key} b", "$${HOME}", "(sensitive)"]);
    plan.changes[0].live.as_mut().expect("it is live").resource = shown;
    let (cloud, secrets) = (Scripted::new(), Secrets::new([("key".to_owned(), "s1".to_owned())].into()));
    run_with(&cloud, &plan, &secrets, &ApplyOptions::default()).await;
    let held = cloud.held().pop().expect("an update");
    assert_eq!(held.resource, command(&["s1", "a s1 b", "$${HOME}", "(sensitive)"]));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_nobody_knows_fails_the_step_before_any_call() {
    let mut plan = plan(&["create service.api", "create cloudfront.site"], &[(0, 1, Need::Exists)]);
    set_task(&mut plan, 0, "${var.absent}/${task.none.arn}");
    let cloud = Scripted::new();
    let (summary, events) = run(&cloud, &plan).await;
    assert_eq!(words(&summary), ["failed", "skipped"]);
    assert_eq!(internal(&summary, 0), "no value is known for `${task.none.arn}`, `${var.absent}`");
    assert!(cloud.changes().is_empty());
    assert!(matches!(events[0], Event::StepStarted { step: 0 }));
}

#[tokio::test(start_paused = true)]
async fn an_escaped_reference_is_no_reference() {
    let mut plan = plan(&["create service.api"], &[]);
    set_task(&mut plan, 0, "$${task.none.arn}");
    let cloud = Scripted::new();
    run(&cloud, &plan).await;
    assert_eq!(task(&cloud), "${task.none.arn}");
}

#[tokio::test(start_paused = true)]
async fn the_stacks_outputs_are_those_whose_resources_exist() {
    let cloud = Scripted::new()
        .gives("alb.public", "dns_name", "public.elb.example")
        .fails("create ecr.api", &[ErrorKind::Denied]);
    let mut plan = plan(&["create alb.public", "create ecr.api"], &[]);
    let outputs =
        [("url", "http://${alb.public.dns_name}/"), ("image", "${ecr.api.uri}"), ("place", "${aws.region}")];
    plan.outputs = outputs.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let (summary, _) = run(&cloud, &plan).await;
    let expected = [("place", "eu-west-1"), ("url", "http://public.elb.example/")];
    let outputs: Vec<(&str, &str)> =
        summary.outputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(outputs, expected);
    assert!(!summary.resources.contains_key(&address("ecr.api")));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_leaves_out_what_a_step_needs_fails_that_step() {
    let mut no_desired = plan(&["create ecr.api"], &[]);
    no_desired.changes[0].desired = None;
    let (summary, _) = run(&Scripted::new(), &no_desired).await;
    assert_eq!(internal(&summary, 0), "the plan does not say what the resource should be");

    let mut no_live = plan(&["delete ecr.api"], &[]);
    no_live.changes[0].live = None;
    let (summary, _) = run(&Scripted::new(), &no_live).await;
    assert_eq!(internal(&summary, 0), "the plan lacks what the step needs");
}
