//! What EC2 Auto Scaling refuses, and what becomes of a group's policies.

use std::time::Duration;

use neap_core::desired::DesiredResource;
use neap_core::kinds::{AutoScalingGroup, GroupTracking, InstanceProfile, KindOf, LaunchTemplate, Resource};
use neap_engine::cloud::{Cloud, ErrorKind, Progress};
use neap_sim::Sim;

use crate::rules_network::{made, network, subnet};
use crate::stack::{facts, must_create, present, refused, resource, role, until_gone, until_ready, update};

const GROUP: &str = "auto_scaling_group.cluster-main";

/// A group of one instance in a world that has all it needs, with one change.
async fn group(sim: &Sim, change: impl FnOnce(&mut AutoScalingGroup)) -> DesiredResource {
    let role = resource("role.cluster-main", role("course-cluster-main"));
    let arn = must_create(sim, &role).await;
    until_ready(sim, &role, &arn).await.expect("a role");
    let profile = InstanceProfile { role: arn.get("arn").cloned(), ..InstanceProfile::example() };
    let profile = resource("instance_profile.cluster-main", profile);
    let outputs = must_create(sim, &profile).await;
    until_ready(sim, &profile, &outputs).await.expect("a profile");
    let template = LaunchTemplate {
        instance_profile: outputs["arn"].clone(),
        security_groups: [].into(),
        ..LaunchTemplate::example()
    };
    let template = must_create(sim, &resource("launch_template.cluster-main", template)).await;
    let mut fields = AutoScalingGroup {
        launch_template: template["id"].clone(),
        launch_template_version: template["version"].clone(),
        subnets: facts(sim).await.subnets.into_iter().collect(),
        target_tracking: [].into(),
        ..AutoScalingGroup::example()
    };
    change(&mut fields);
    resource(GROUP, fields)
}

fn tracking(metric: &str, target: f64) -> GroupTracking {
    GroupTracking { metric: metric.into(), target, warmup_seconds: 300, disable_scale_in: false }
}

fn with(desired: &DesiredResource, policies: &[(&str, GroupTracking)]) -> DesiredResource {
    let policies = policies.iter().map(|(name, policy)| ((*name).to_owned(), policy.clone())).collect();
    resource(GROUP, AutoScalingGroup { target_tracking: policies, ..fields(desired) })
}

fn fields(desired: &DesiredResource) -> AutoScalingGroup {
    let Resource::AutoScalingGroup(fields) = &desired.resource else { panic!("{desired:?}") };
    fields.clone()
}

#[tokio::test(start_paused = true)]
async fn instances_keep_the_subnet_that_their_group_has_left_until_they_are_replaced() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let other = subnet(&network.vpc.id, "10.0.32.0/20", &network.table.id);
    let other = made(&sim, "subnet.public-2", other).await;
    let desired = group(&sim, |group| group.subnets = [network.subnet.id.clone()].into()).await;
    let outputs = must_create(&sim, &desired).await;
    until_ready(&sim, &desired, &outputs).await.expect("ready");
    let found = present(&sim, GROUP, &desired).await;
    let moved = resource(GROUP, AutoScalingGroup { subnets: [other.id].into(), ..fields(&desired) });
    update(&sim, &found, &moved).await.expect("a change");
    assert_eq!(sim.counts()["autoscaling:StartInstanceRefresh"], 1);
    refused(sim.delete(&network.subnet.live).await, ErrorKind::InUse, "DependencyViolation");
    until_ready(&sim, &moved, &outputs).await.expect("ready");
    until_gone(&sim, &network.subnet.live).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_a_group_keeps_a_known_metric_above_zero() {
    let sim = Sim::in_memory();
    let desired = group(&sim, |_| {}).await;
    must_create(&sim, &desired).await;
    let found = present(&sim, GROUP, &desired).await;
    for wrong in [tracking("ECSServiceAverageCPUUtilization", 60.0), tracking(AutoScalingGroup::CPU, 0.0)] {
        let answer = update(&sim, &found, &with(&desired, &[("cpu", wrong)])).await;
        refused(answer, ErrorKind::Invalid, "ValidationError");
    }
}

#[tokio::test(start_paused = true)]
async fn policies_are_put_changed_and_deleted_one_by_one() {
    let sim = Sim::in_memory();
    let desired = group(&sim, |_| {}).await;
    let cpu = |target| ("cpu", tracking(AutoScalingGroup::CPU, target));
    let bytes = ("network_in", tracking(AutoScalingGroup::NETWORK_IN, 1e8));
    let two = with(&desired, &[cpu(60.0), bytes.clone()]);
    must_create(&sim, &two).await;
    assert_eq!(sim.counts()["autoscaling:PutScalingPolicy"], 2);
    let found = present(&sim, GROUP, &two).await;
    assert_eq!(found.resource, two.resource);
    let one = with(&desired, &[cpu(70.0)]);
    update(&sim, &found, &one).await.expect("a change");
    assert_eq!(sim.counts()["autoscaling:PutScalingPolicy"], 3);
    assert_eq!(sim.counts()["autoscaling:DeletePolicy"], 1);
    assert!(
        !sim.counts().contains_key("autoscaling:UpdateAutoScalingGroup"),
        "nothing of the group itself differs"
    );
    let found = present(&sim, GROUP, &one).await;
    assert_eq!(found.resource, one.resource);
    until_gone(&sim, &found).await;
}

#[tokio::test(start_paused = true)]
async fn instances_get_and_lose_their_protection_as_new_ones_do() {
    let sim = Sim::in_memory();
    let desired = group(&sim, |_| {}).await;
    must_create(&sim, &desired).await;
    let found = present(&sim, GROUP, &desired).await;
    let free = resource(GROUP, AutoScalingGroup { scale_in_protection: false, ..fields(&desired) });
    update(&sim, &found, &free).await.expect("a change");
    assert_eq!(sim.counts()["autoscaling:SetInstanceProtection"], 1);
    let found = present(&sim, GROUP, &free).await;
    update(&sim, &found, &desired).await.expect("a change");
    assert_eq!(sim.counts()["autoscaling:SetInstanceProtection"], 2);
}

fn launches(instance_type: &str, reason: Option<&str>) -> String {
    let fails = reason.map(|reason| format!("fails = \"{reason}\"\n")).unwrap_or_default();
    format!("[[launch]]\ninstance_type = \"{instance_type}\"\n{fails}")
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_instances_a_quota_forbids_has_failed_at_once() {
    let sim = Sim::in_memory();
    let reason = "You have requested more vCPU capacity than your current vCPU limit of 0 allows.";
    sim.seed(&launches("t3.micro", Some(reason))).expect("a script");
    let desired = group(&sim, |_| {}).await;
    let outputs = must_create(&sim, &desired).await;
    let started = sim.now();
    let told = until_ready(&sim, &desired, &outputs).await.expect_err("no instance");
    assert_eq!(told, format!("0 of 1 instances in service; last attempt: {reason}"));
    assert!(sim.now() - started < Duration::from_secs(30));
    sim.seed(&launches("t3.micro", None)).expect("a script");
    until_ready(&sim, &desired, &outputs).await.expect("AWS tries again by itself");
}

#[tokio::test(start_paused = true)]
async fn a_group_waits_for_capacity_that_may_come_back() {
    let sim = Sim::in_memory();
    let reason = "There is no Spot capacity available that matches your request.";
    sim.seed(&launches("t3.micro", Some(reason))).expect("a script");
    let desired = group(&sim, |_| {}).await;
    let outputs = must_create(&sim, &desired).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let Progress::Pending(told) = sim.ready(&desired, &outputs).await.expect("an answer") else {
        panic!("it may come back");
    };
    assert!(told.ends_with(reason), "{told}");
    let found = present(&sim, GROUP, &desired).await;
    until_gone(&sim, &found).await;
}

/// The group with another version of its launch template, whose instances have the type `name`.
async fn with_type(sim: &Sim, desired: &DesiredResource, name: &str) -> DesiredResource {
    const TEMPLATE: &str = "launch_template.cluster-main";
    let profile = LaunchTemplate { instance_type: name.into(), ..LaunchTemplate::example() };
    let shown = present(sim, TEMPLATE, &resource(TEMPLATE, profile.clone())).await;
    let Resource::LaunchTemplate(live) = &shown.resource else { panic!("{shown:?}") };
    let template = resource(TEMPLATE, LaunchTemplate { instance_type: name.into(), ..live.clone() });
    let outputs = update(sim, &shown, &template).await.expect("a version");
    let launch_template_version = outputs["version"].clone();
    resource(GROUP, AutoScalingGroup { launch_template_version, ..fields(desired) })
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_cannot_launch_is_cancelled_by_the_next_change() {
    let sim = Sim::in_memory();
    let reason = "You have requested more vCPU capacity than your current vCPU limit of 2 allows.";
    sim.seed(&launches("t3.large", Some(reason))).expect("a script");
    let desired = group(&sim, |_| {}).await;
    let outputs = must_create(&sim, &desired).await;
    until_ready(&sim, &desired, &outputs).await.expect("instances");
    let found = present(&sim, GROUP, &desired).await;
    let wrong = with_type(&sim, &desired, "t3.large").await;
    update(&sim, &found, &wrong).await.expect("a change");
    let told = until_ready(&sim, &wrong, &outputs).await.expect_err("no instance");
    assert_eq!(told, format!("replacing the instances; last attempt: {reason}"));
    let found = present(&sim, GROUP, &wrong).await;
    let mended = with_type(&sim, &wrong, "t3.small").await;
    // AWS works on the cancelling, so the same call is made again, and cancels nothing more.
    for _ in 0..2 {
        refused(update(&sim, &found, &mended).await, ErrorKind::NotYet, "InstanceRefreshInProgress");
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    update(&sim, &found, &mended).await.expect("a change");
    assert_eq!(sim.counts()["autoscaling:CancelInstanceRefresh"], 1);
    assert_eq!(sim.counts()["autoscaling:StartInstanceRefresh"], 4);
    until_ready(&sim, &mended, &outputs).await.expect("other instances");
}

#[tokio::test(start_paused = true)]
async fn a_replacement_goes_on_when_aws_can_launch_again() {
    let sim = Sim::in_memory();
    sim.seed(&launches("t3.large", Some("There is no capacity."))).expect("a script");
    let desired = group(&sim, |_| {}).await;
    let outputs = must_create(&sim, &desired).await;
    until_ready(&sim, &desired, &outputs).await.expect("instances");
    let found = present(&sim, GROUP, &desired).await;
    let other = with_type(&sim, &desired, "t3.large").await;
    update(&sim, &found, &other).await.expect("a change");
    let Progress::Pending(told) = sim.ready(&other, &outputs).await.expect("an answer") else {
        panic!("it may come back");
    };
    assert_eq!(told, "replacing the instances; last attempt: There is no capacity.");
    sim.seed(&launches("t3.large", None)).expect("a script");
    let Progress::Pending(told) = sim.ready(&other, &outputs).await.expect("an answer") else {
        panic!("it takes its time");
    };
    assert_eq!(told, "replacing the instances");
    until_ready(&sim, &other, &outputs).await.expect("other instances");
}
