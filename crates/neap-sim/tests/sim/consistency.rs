//! News that travel slowly: what is new is seen late, what has changed or is gone is seen as it was.

use std::time::Duration;

use neap_core::desired::Desired;
use neap_core::kinds::{Resource, SecurityGroupRule};
use neap_core::live::{Phase, Reading};
use neap_engine::cloud::{Cloud, ErrorKind, Progress};
use neap_sim::{Consistency, Fault, FaultKind, Sim};

use crate::stack::{
    System, cluster, create, distribution, facts, live, log_group, must_create, present, read_one, refused,
    repository, resource, role, security_group, task, until_gone, until_ready, update,
};

async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn late(sim: &Sim, operation: &str, seconds: u64) {
    sim.fault(Fault::once(operation, FaultKind::LateVisibility { seconds }));
}

fn stale(sim: &Sim, operation: &str, seconds: u64) {
    sim.fault(Fault::once(operation, FaultKind::StaleRead { seconds }));
}

#[tokio::test(start_paused = true)]
async fn what_is_visible_late_is_absent_at_first_and_cannot_be_referred_to() {
    let sim = Sim::in_memory();
    let vpc = facts(&sim).await.vpc;
    let mut bare = security_group("front", &vpc);
    bare.ingress.clear();
    let front = resource("security_group.front", bare);
    late(&sim, "ec2:CreateSecurityGroup", 20);
    let outputs = must_create(&sim, &front).await;
    assert_eq!(read_one(&sim, "security_group.front", &front).await, Reading::Absent);
    let progress = sim.ready(&front, &outputs).await.expect("an answer");
    assert_eq!(progress, Progress::Pending("not visible yet".into()));
    let mut back = security_group("back", &vpc);
    back.ingress = [SecurityGroupRule::tcp(80, outputs["id"].clone(), "")].into();
    let back = resource("security_group.back", back);
    refused(create(&sim, &back).await, ErrorKind::NotYet, "InvalidGroup.NotFound");
    after(20).await;
    present(&sim, "security_group.front", &front).await;
    assert_eq!(sim.ready(&front, &outputs).await, Ok(Progress::Done));
    must_create(&sim, &back).await;
}

#[tokio::test(start_paused = true)]
async fn a_create_that_cannot_see_what_it_made_is_taken_up_once_it_can() {
    let sim = Sim::in_memory();
    let desired = resource("log_group.a", log_group("/a"));
    late(&sim, "logs:CreateLogGroup", 20);
    refused(create(&sim, &desired).await, ErrorKind::NotYet, "ResourceNotFoundException");
    refused(create(&sim, &desired).await, ErrorKind::NotYet, "ResourceAlreadyExistsException");
    after(20).await;
    must_create(&sim, &desired).await;
    let found = present(&sim, "log_group.a", &desired).await;
    assert_eq!(found.resource, desired.resource);
    assert_eq!(sim.resources().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reader_sees_what_has_changed_as_it_was() {
    let sim = Sim::in_memory();
    let desired = resource("ecr.a", repository("aa"));
    must_create(&sim, &desired).await;
    let before = present(&sim, "ecr.a", &desired).await;
    let mut changed = desired.clone();
    let Resource::Ecr(fields) = &mut changed.resource else { unreachable!() };
    fields.scan_on_push = false;
    stale(&sim, "ecr:PutImageScanningConfiguration", 10);
    stale(&sim, "ecr:TagResource", 20);
    update(&sim, &before, &changed).await.expect("updated");
    assert_eq!(present(&sim, "ecr.a", &desired).await, before);
    after(10).await;
    let half = present(&sim, "ecr.a", &desired).await;
    assert_eq!((&half.resource, &half.tags), (&changed.resource, &before.tags));
    after(10).await;
    assert_eq!(present(&sim, "ecr.a", &desired).await.spec(), Some(changed.spec().as_str()));
}

#[tokio::test(start_paused = true)]
async fn a_reader_sees_what_is_gone_for_a_while() {
    let sim = Sim::in_memory();
    let desired = resource("ecr.a", repository("aa"));
    must_create(&sim, &desired).await;
    let found = present(&sim, "ecr.a", &desired).await;
    stale(&sim, "ecr:DeleteRepository", 15);
    sim.delete(&found).await.expect("deleted");
    assert_eq!(sim.resources(), []);
    assert_eq!(present(&sim, "ecr.a", &desired).await, found);
    let gone = until_gone(&sim, &found).await;
    assert!((13..=15).contains(&gone.as_secs()), "{gone:?}");
    assert_eq!(read_one(&sim, "ecr.a", &desired).await, Reading::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_what_was_just_deleted_does_not_find_it() {
    let sim = Sim::in_memory();
    let desired = resource("ecr.a", repository("aa"));
    must_create(&sim, &desired).await;
    stale(&sim, "ecr:DeleteRepository", 15);
    sim.delete(&present(&sim, "ecr.a", &desired).await).await.expect("deleted");
    let ghost = present(&sim, "ecr.a", &desired).await;
    refused(update(&sim, &ghost, &desired).await, ErrorKind::NotFound, "ResourceNotFoundException");
    sim.delete(&ghost).await.expect("gone is done");
}

#[tokio::test(start_paused = true)]
async fn rules_that_are_there_already_do_not_stop_a_change_that_was_read_too_early() {
    let sim = Sim::in_memory();
    let vpc = facts(&sim).await.vpc;
    let desired = resource("security_group.a", security_group("a", &vpc));
    must_create(&sim, &desired).await;
    let before = present(&sim, "security_group.a", &desired).await;
    let mut fields = security_group("a", &vpc);
    fields.ingress = [SecurityGroupRule::tcp(443, "0.0.0.0/0", "https")].into();
    let changed = resource("security_group.a", fields);
    update(&sim, &before, &changed).await.expect("updated");
    update(&sim, &before, &changed).await.expect("it looks once more");
    stale(&sim, "ec2:AuthorizeSecurityGroupIngress", 10);
    update(&sim, &present(&sim, "security_group.a", &changed).await, &desired).await.expect("updated");
    sim.fault(Fault::once("ec2:CreateTags", FaultKind::Throttle));
    refused(update(&sim, &before, &changed).await, ErrorKind::Throttled, "RequestLimitExceeded");
    update(&sim, &before, &changed).await.expect("in the end");
    assert_eq!(present(&sim, "security_group.a", &changed).await.resource, changed.resource);
}

#[tokio::test(start_paused = true)]
async fn a_rollout_is_not_done_while_the_last_one_is_all_that_is_seen() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (mut desired, found) = system.part("service.api");
    let role = system.part("role.task-api-execution").1.outputs["arn"].clone();
    let mut next = task("course-api", &role, "/neap/course/api");
    next.containers.values_mut().for_each(|container| container.image = "nginx:2".into());
    let next = must_create(&sim, &resource("task.api", next)).await;
    let Resource::Service(fields) = &mut desired.resource else { unreachable!() };
    fields.task = next["arn"].clone();
    stale(&sim, "ecs:UpdateService", 15);
    update(&sim, &found, &desired).await.expect("updated");
    let unseen = Progress::Pending("the change is not visible yet".into());
    assert_eq!(sim.ready(&desired, &found.outputs).await, Ok(unseen));
    let took = until_ready(&sim, &desired, &found.outputs).await.expect("done");
    assert!(took > Duration::from_secs(60), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_distribution_is_not_deployed_while_its_change_is_not_seen() {
    let sim = Sim::in_memory();
    let desired = resource("cloudfront.site", distribution("example.com"));
    let outputs = must_create(&sim, &desired).await;
    until_ready(&sim, &desired, &outputs).await.expect("deployed");
    let changed = resource("cloudfront.site", distribution("other.example.com"));
    stale(&sim, "cloudfront:UpdateDistribution", 15);
    update(&sim, &present(&sim, "cloudfront.site", &desired).await, &changed).await.expect("updated");
    let took = until_ready(&sim, &changed, &outputs).await.expect("deployed");
    assert!(took > Duration::from_secs(200), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_role_cannot_be_assumed_for_some_seconds() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let fresh = must_create(&sim, &resource("role.fresh", role("fresh"))).await["arn"].clone();
    let revision = task("course-api", &fresh, "/neap/course/api");
    let revision = must_create(&sim, &resource("task.api", revision)).await["arn"].clone();
    let (mut desired, found) = system.part("service.api");
    let Resource::Service(fields) = &mut desired.resource else { unreachable!() };
    fields.task = revision;
    update(&sim, &found, &desired).await.expect("accepted");
    let reason = until_ready(&sim, &desired, &found.outputs).await.expect_err("too early");
    assert!(reason.contains("ECS was unable to assume the role"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_gone_is_shown_as_inactive_and_taken_for_absent() {
    let sim = Sim::in_memory();
    let desired = resource("cluster.x", cluster("x"));
    let found = live(&desired, &must_create(&sim, &desired).await);
    until_gone(&sim, &found).await;
    assert_eq!(read_one(&sim, "cluster.x", &desired).await, Reading::Absent);
    assert_eq!(sim.tombstones(), ["arn:aws:ecs:us-east-1:123456789012:cluster/x"]);
    let outputs = must_create(&sim, &desired).await;
    assert_eq!(sim.tombstones(), [""; 0]);
    until_ready(&sim, &desired, &outputs).await.expect("another one");
    assert_eq!(present(&sim, "cluster.x", &desired).await.phase, Phase::Ready);
    until_gone(&sim, &live(&desired, &outputs)).await;
    after(3600).await;
    assert_eq!(sim.tombstones(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_world_is_the_same_every_time_and_is_kept_with_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let watch = async |sim: &Sim, name: &str| {
        let desired = resource(&format!("ecr.{name}"), repository(name));
        let mut answer = create(sim, &desired).await;
        while answer.is_err() {
            after(1).await;
            answer = create(sim, &desired).await;
        }
        sim.now()
    };
    let consistency = Consistency { seed: 3, late: 30, stale: 30, ..Consistency::default() };
    let mut seen = Vec::new();
    for kept in [false, true] {
        let sim = if kept { Sim::open(folder.path()).expect("a world") } else { Sim::in_memory() };
        sim.consistency(consistency);
        seen.push((watch(&sim, "aa").await, watch(&sim, "bb").await));
    }
    assert_eq!(seen[0], seen[1]);
    let again = Sim::open(folder.path()).expect("the same world");
    let began = again.now();
    assert!(watch(&again, "cc").await > began + Duration::from_secs(1), "news travel as slowly as before");
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_may_vanish_again_where_replicas_differ() {
    let sim = Sim::in_memory();
    sim.consistency(Consistency { seed: 1, late: 60, flicker: true, ..Consistency::default() });
    let mut looks = Vec::new();
    for name in ["aa", "bb", "cc"] {
        let desired = resource(&format!("ecr.{name}"), repository(name));
        drop(create(&sim, &desired).await);
        for _ in 0..20 {
            looks.push(read_one(&sim, &format!("ecr.{name}"), &desired).await != Reading::Absent);
        }
    }
    assert!(looks.windows(2).any(|pair| pair == [true, false]), "{looks:?}");
    after(60).await;
    let desired = resource("ecr.aa", repository("aa"));
    present(&sim, "ecr.aa", &desired).await;
}

/// What a plan for nothing finds of the stack.
async fn orphans(sim: &Sim) -> (usize, Vec<String>) {
    let nothing = Desired { stack: "course".into(), ..Desired::default() };
    let live = sim.read(&nothing).await.expect("a reading");
    (live.orphans.len(), live.warnings)
}

#[tokio::test(start_paused = true)]
async fn an_orphan_under_a_name_of_its_own_is_found_once_the_index_of_tags_lists_it() {
    let sim = Sim::in_memory();
    sim.consistency(Consistency { seed: 4, unlisted: 100, ..Consistency::default() });
    must_create(&sim, &resource("ecr.a", repository("course-a"))).await;
    must_create(&sim, &resource("ecr.b", repository("own"))).await;
    assert_eq!(orphans(&sim).await, (1, vec![]), "one is listed by its prefix");
    after(100).await;
    assert_eq!(orphans(&sim).await, (2, vec![]));
}

#[tokio::test(start_paused = true)]
async fn without_the_index_of_tags_a_reading_warns_that_it_may_miss_something() {
    let sim = Sim::in_memory();
    must_create(&sim, &resource("log_group.a", log_group("/own"))).await;
    sim.fault(Fault::once("tag:GetResources", FaultKind::Deny));
    let (found, warnings) = orphans(&sim).await;
    assert_eq!(found, 0);
    assert!(warnings[0].starts_with("tag:GetResources failed (AccessDeniedException)"), "{warnings:?}");
    assert_eq!(orphans(&sim).await, (1, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_ghost_in_the_index_of_tags_is_nothing_that_is_left() {
    let sim = Sim::in_memory();
    let desired = resource("ecr.a", repository("own"));
    must_create(&sim, &desired).await;
    until_gone(&sim, &present(&sim, "ecr.a", &desired).await).await;
    assert_eq!(sim.tagged("course"), ["arn:aws:ecr:us-east-1:123456789012:repository/own"]);
    assert_eq!(orphans(&sim).await, (0, vec![]));
    after(3 * 3600).await;
    assert_eq!(sim.tagged("course"), [""; 0]);
}
