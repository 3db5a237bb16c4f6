//! How long things take, on a clock that runs as fast as it is waited for.

use std::time::Duration;

use neap_core::kinds::{Resource, Role, TargetGroup};
use neap_core::live::{LiveResource, Phase};
use neap_engine::cloud::{Cloud, Progress};
use neap_sim::Sim;
use serde_json::json;

use crate::stack::{
    System, cluster, create, distribution, live, must_create, present, repository, resource, role,
    target_group, until_gone, until_ready, update,
};

fn about(waited: Duration, seconds: u64) {
    let least = Duration::from_secs(seconds.saturating_sub(2));
    assert!((least..=Duration::from_secs(seconds + 3)).contains(&waited), "{waited:?}, not {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn what_settles_at_once_and_what_takes_its_time() {
    let sim = Sim::in_memory();
    let check = async |desired, seconds| {
        let outputs = must_create(&sim, &desired).await;
        about(until_ready(&sim, &desired, &outputs).await.expect("ready"), seconds);
    };
    check(resource("ecr.x", repository("xx")), 0).await;
    check(resource("cluster.x", cluster("x")), 5).await;
    check(resource("role.x", role("x")), 12).await;
    check(resource("cloudfront.site", distribution("example.com")), 300).await;
}

#[tokio::test(start_paused = true)]
async fn a_trust_policy_that_is_changed_takes_its_time_again_and_other_changes_none() {
    let sim = Sim::in_memory();
    let desired = resource("role.x", role("x"));
    let outputs = must_create(&sim, &desired).await;
    until_ready(&sim, &desired, &outputs).await.expect("ready");
    let check = async |fields: Role, seconds| {
        let before = present(&sim, "role.x", &desired).await;
        let changed = resource("role.x", fields);
        let outputs = update(&sim, &before, &changed).await.expect("changed");
        about(until_ready(&sim, &changed, &outputs).await.expect("ready"), seconds);
    };
    let described = Role { description: "of x".into(), ..role("x") };
    let statement =
        json!({ "Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": { "AWS": ["123456789012"] } });
    let trusted =
        Role { trust: json!({ "Version": "2012-10-17", "Statement": [statement] }), ..described.clone() };
    check(described, 0).await;
    check(trusted, 12).await;
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_provisions_while_others_use_it() {
    let sim = Sim::in_memory();
    let system = System::create_unsettled(&sim).await;
    let (alb, found) = system.part("alb.public");
    let phase = present(&sim, "alb.public", &alb).await.phase;
    assert_eq!(phase, Phase::Settling("provisioning".into()));
    let progress = sim.ready(&alb, &found.outputs).await;
    assert_eq!(progress, Ok(Progress::Pending("provisioning".into())));
    until_ready(&sim, &alb, &found.outputs).await.expect("active");
}

/// Waits until a service is steady, and writes down what it says on the way.
async fn watch(
    sim: &Sim,
    service: &neap_core::desired::DesiredResource,
    found: &LiveResource,
) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    while let Progress::Pending(detail) = sim.ready(service, &found.outputs).await.expect("an answer") {
        if said.last() != Some(&detail) {
            said.push(detail);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    said
}

#[tokio::test(start_paused = true)]
async fn a_service_says_how_many_of_its_tasks_run() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (mut desired, found) = system.part("service.api");
    let Resource::Service(fields) = &mut desired.resource else { unreachable!() };
    fields.count = Some(3);
    let started = sim.now();
    update(&sim, &found, &desired).await.expect("scaled");
    let said = watch(&sim, &desired, &found).await;
    assert_eq!(said, ["1 of 3 tasks running", "2 of 3 tasks running", "3 of 3 tasks running"]);
    about(sim.now() - started, 100);
}

#[tokio::test(start_paused = true)]
async fn fields_that_change_nothing_that_runs_start_no_deployment() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (mut desired, found) = system.part("service.api");
    let Resource::Service(fields) = &mut desired.resource else { unreachable!() };
    (fields.health_check_grace_seconds, fields.exec) = (60, true);
    update(&sim, &found, &desired).await.expect("updated");
    assert_eq!(sim.ready(&desired, &found.outputs).await, Ok(Progress::Done));
}

#[tokio::test(start_paused = true)]
async fn a_service_drains_as_long_as_its_targets_take_to_leave() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, targets) = system.part("target_group.api");
    let slow =
        TargetGroup { deregistration_delay_seconds: 120, ..target_group("course-api-1", &system.facts.vpc) };
    update(&sim, &targets, &resource("target_group.api", slow)).await.expect("slower");
    let (desired, service) = system.part("service.api");
    sim.delete(&service).await.expect("draining");
    assert_eq!(present(&sim, "service.api", &desired).await.phase, Phase::Deleting("draining".into()));
    about(until_gone(&sim, &service).await, 150);
}

#[tokio::test(start_paused = true)]
async fn a_distribution_goes_once_it_is_disabled_everywhere() {
    let sim = Sim::in_memory();
    let desired = resource("cloudfront.site", distribution("example.com"));
    let outputs = must_create(&sim, &desired).await;
    until_ready(&sim, &desired, &outputs).await.expect("deployed");
    about(until_gone(&sim, &live(&desired, &outputs)).await, 300);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_inactive_a_little_later() {
    let sim = Sim::in_memory();
    let desired = resource("cluster.x", cluster("x"));
    let found = live(&desired, &must_create(&sim, &desired).await);
    sim.delete(&found).await.expect("deprovisioning");
    assert_eq!(sim.gone(&found).await, Ok(Progress::Pending("deprovisioning".into())));
    let error = create(&sim, &desired).await.expect_err("still there");
    assert_eq!(error.kind, neap_engine::cloud::ErrorKind::NotYet);
    about(until_gone(&sim, &found).await, 5);
    must_create(&sim, &desired).await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_under_way_together_are_counted() {
    let sim = Sim::in_memory();
    let names = ["aa", "bb", "cc"].map(|name| resource(&format!("ecr.{name}"), repository(name)));
    let specs = names.clone().map(|desired| desired.spec());
    let started = sim.now();
    let [a, b, c] = [0, 1, 2].map(|index| sim.create(&names[index], &specs[index]));
    let (a, b, c) = tokio::join!(a, b, c);
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(sim.peak_concurrency(), 3);
    assert_eq!(sim.now() - started, Duration::from_millis(200));
}
