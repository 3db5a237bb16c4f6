//! What a fault script makes go wrong, and that the next attempt mends it.

use std::cell::Cell;
use std::time::Duration;

use neap_core::live::{Phase, Reading};
use neap_engine::cloud::{Cloud, ErrorKind, Progress};
use neap_sim::{Fault, FaultKind, Sim};

use crate::stack::{
    System, address, create, facts, live, must_create, present, read_one, refused, repository, resource,
    role, security_group, target_group, task, update,
};

#[tokio::test(start_paused = true)]
async fn a_throttled_call_does_nothing_in_the_words_of_its_service() {
    let sim = Sim::in_memory();
    let vpc = facts(&sim).await.vpc;
    let check = async |desired, operation: &str, code: &str| {
        sim.fault(Fault::once(operation, FaultKind::Throttle));
        refused(create(&sim, &desired).await, ErrorKind::Throttled, code);
        assert_eq!(sim.resources(), []);
        let found = live(&desired, &must_create(&sim, &desired).await);
        sim.delete(&found).await.expect("deleted");
    };
    let group = resource("security_group.x", security_group("x", &vpc));
    check(group, "ec2:CreateSecurityGroup", "RequestLimitExceeded").await;
    check(resource("role.x", role("x")), "iam:CreateRole", "Throttling").await;
    check(resource("ecr.x", repository("xx")), "ecr:CreateRepository", "ThrottlingException").await;
    let group = resource("target_group.x", target_group("x", &vpc));
    check(group, "elasticloadbalancing:CreateTargetGroup", "Throttling").await;
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_names_the_permission() {
    let sim = Sim::in_memory();
    sim.fault(Fault::always("iam:*", FaultKind::Deny));
    for _ in 0..2 {
        let message =
            refused(create(&sim, &resource("role.x", role("x"))).await, ErrorKind::Denied, "AccessDenied");
        assert!(message.ends_with("is not authorized to perform: iam:CreateRole"), "{message}");
    }
    sim.heal();
    must_create(&sim, &resource("role.x", role("x"))).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_script_has_the_kind_of_its_code() {
    let sim = Sim::in_memory();
    for (code, kind) in [
        ("ServiceUnavailableException", ErrorKind::Unavailable),
        ("LimitExceededException", ErrorKind::Quota),
        // Nothing of that name is there, so it can only be invisible.
        ("RepositoryAlreadyExistsException", ErrorKind::NotYet),
        ("DependencyViolation", ErrorKind::InUse),
        ("RepositoryNotFoundException", ErrorKind::NotFound),
        ("InvalidParameterException", ErrorKind::Invalid),
        ("ExpiredTokenException", ErrorKind::Credentials),
        ("Strange", ErrorKind::Unknown),
    ] {
        sim.heal();
        let fault = FaultKind::Fail { code: code.into(), message: "so it is".into() };
        sim.fault(Fault::once("ecr:CreateRepository", fault));
        let message = refused(create(&sim, &resource("ecr.x", repository("xx"))).await, kind, code);
        assert_eq!(message, "so it is");
    }
}

#[tokio::test(start_paused = true)]
async fn every_create_whose_answer_is_lost_succeeds_when_it_is_repeated() {
    let undisturbed = Sim::in_memory();
    System::create(&undisturbed).await;
    let creates = undisturbed.calls().into_iter().filter(|call| call.mutating);
    for call in creates {
        let sim = Sim::in_memory();
        sim.fault(Fault { address: call.address, ..Fault::once(&call.operation, FaultKind::LostAnswer) });
        let system = System::create(&sim).await;
        assert_eq!(undisturbed.resources().len(), sim.resources().len(), "{}", call.operation);
        let reading = sim.read(&system.desired()).await.expect("a reading");
        assert_eq!(reading.orphans, [], "{}", call.operation);
        for (at, part) in &system.desired().resources {
            let found = reading.present(at).unwrap_or_else(|| panic!("{}: {at}", call.operation));
            assert_eq!(found.spec(), Some(part.spec().as_str()), "{}: {at}", call.operation);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_delete_whose_answer_is_lost_succeeds_when_it_is_repeated() {
    let whole = Sim::in_memory();
    let system = System::create(&whole).await;
    whole.forget_calls();
    system.delete(&whole).await;
    let deletes: Vec<_> = whole.calls().into_iter().filter(|call| call.mutating).collect();
    for call in deletes {
        let sim = Sim::in_memory();
        let system = System::create(&sim).await;
        let address = call.address.clone();
        sim.fault(Fault { address, ..Fault::once(&call.operation, FaultKind::LostAnswer) });
        system.delete(&sim).await;
        assert_eq!(sim.resources(), [], "{}", call.operation);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_registration_makes_no_second_revision() {
    let sim = Sim::in_memory();
    let desired = resource("task.api", task("api", "arn:x", "/x"));
    sim.fault(Fault::once("ecs:RegisterTaskDefinition", FaultKind::LostAnswer));
    refused(create(&sim, &desired).await, ErrorKind::Timeout, "RequestTimeout");
    let outputs = must_create(&sim, &desired).await;
    assert!(outputs["arn"].ends_with(":1"));
    assert_eq!(sim.resources().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_circuit_breaker_a_failing_deployment_never_ends() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (mut desired, found) = system.part("service.api");
    let neap_core::kinds::Resource::Service(fields) = &mut desired.resource else { unreachable!() };
    (fields.circuit_breaker, fields.public_ip) = (false, false);
    let fault = FaultKind::DeploymentFails { reason: "no route to the registry".into() };
    sim.fault(Fault::once("ecs:UpdateService", fault));
    update(&sim, &found, &desired).await.expect("accepted");
    tokio::time::sleep(Duration::from_secs(7200)).await;
    let phase = present(&sim, "service.api", &desired).await.phase;
    assert_eq!(phase, Phase::Settling("0 of 1 tasks running; last event: no route to the registry".into()));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_denied_leaves_its_kind_unknown() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    sim.fault(Fault::always("elasticloadbalancing:DescribeLoadBalancers", FaultKind::Deny));
    let reading = sim.read(&system.desired()).await.expect("a reading");
    for (at, reading) in &reading.readings {
        let balanced = at.to_string().starts_with("alb.");
        assert_eq!(matches!(reading, Reading::Unreadable(failure) if failure.denied), balanced, "{at}");
    }
    assert_eq!(reading.failures[0].operation, "elasticloadbalancing:DescribeLoadBalancers");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_for_one_resource_leaves_only_that_unknown() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let fault = FaultKind::Fail { code: "ServiceUnavailable".into(), message: String::new() };
    let fault = Fault::always("iam:GetRole", fault);
    sim.fault(Fault { address: Some(address("role.task-api-execution")), ..fault });
    let reading = sim.read(&system.desired()).await.expect("a reading");
    let unknown = |reading: &&Reading| matches!(reading, Reading::Unreadable(_));
    assert_eq!(reading.readings.values().filter(unknown).count(), 1);
    assert_eq!(reading.failures, []);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_throttled_once_is_made_again() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    sim.fault(Fault::once("ecs:DescribeServices", FaultKind::Throttle));
    let reading = sim.read(&system.desired()).await.expect("a reading");
    assert!(reading.present(&address("service.api")).is_some());
}

#[tokio::test(start_paused = true)]
async fn nobody_reads_anything_without_credentials() {
    let sim = Sim::in_memory();
    let fault = FaultKind::Fail { code: "ExpiredToken".into(), message: String::new() };
    sim.fault(Fault::always("sts:GetCallerIdentity", fault));
    let stack = neap_core::desired::Desired::default();
    let error = sim.read(&stack).await.expect_err("no credentials");
    assert_eq!(error.kind, ErrorKind::Credentials);
}

#[tokio::test(start_paused = true)]
async fn a_family_whose_deletion_ended_half_way_is_found_and_deleted() {
    let sim = Sim::in_memory();
    let desired = resource("task.api", task("api", "arn:x", "/x"));
    let found = live(&desired, &must_create(&sim, &desired).await);
    sim.fault(Fault::once("ecs:DeleteTaskDefinitions", FaultKind::Throttle));
    sim.delete(&found).await.expect_err("half-way");
    let stack = neap_core::desired::Desired { stack: "course".into(), ..Default::default() };
    let orphans = async || sim.read(&stack).await.expect("a reading").orphans;
    let half = orphans().await;
    assert_eq!(half.len(), 1);
    assert_eq!((&half[0].id, &half[0].phase), (&found.id, &Phase::Deleting("inactive".into())));
    assert_eq!(read_one(&sim, "task.api", &desired).await, Reading::Absent);
    // Whoever needs the family again meanwhile keeps the revision that they registered.
    let anew = must_create(&sim, &desired).await;
    sim.delete(&half[0]).await.expect("deleted");
    assert_eq!(sim.gone(&half[0]).await, Ok(Progress::Done));
    assert_eq!(present(&sim, "task.api", &desired).await.outputs, anew);
    sim.delete(&live(&desired, &anew)).await.expect("deleted");
    assert_eq!(orphans().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_can_be_lost_like_any_answer() {
    let sim = Sim::in_memory();
    let desired = resource("ecr.x", repository("xx"));
    must_create(&sim, &resource("ecr.y", repository("xx"))).await;
    sim.fault(Fault::once("ecr:CreateRepository", FaultKind::LostAnswer));
    refused(create(&sim, &desired).await, ErrorKind::Timeout, "RequestTimeout");
    let taken = create(&sim, &desired).await.expect_err("the name is taken");
    assert_eq!(taken.kind, ErrorKind::Conflict);
}

thread_local! {
    static KILLED: Cell<u32> = const { Cell::new(0) };
}

#[tokio::test(start_paused = true)]
async fn a_kill_strikes_around_the_change_and_nowhere_else() {
    let hook = || KILLED.with(|killed| killed.set(killed.get() + 1));
    let sim = Sim::in_memory().on_kill(hook);
    let desired = resource("ecr.x", repository("xx"));
    sim.fault(Fault::once("ecr:CreateRepository", FaultKind::KillBefore));
    refused(create(&sim, &desired).await, ErrorKind::Timeout, "RequestTimeout");
    assert_eq!((KILLED.get(), sim.resources().len()), (1, 0));
    sim.heal();
    sim.fault(Fault::once("ecr:CreateRepository", FaultKind::KillAfter));
    refused(create(&sim, &desired).await, ErrorKind::Timeout, "RequestTimeout");
    assert_eq!((KILLED.get(), sim.resources().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_script_is_read_and_applied() {
    let sim = Sim::in_memory();
    let script = r#"
        [[fault]]
        operation = "ecr:*"
        kind = "fail"
        code = "ServerException"
        message = "later"
        times = 2
    "#;
    sim.fault_script(script).expect("a script");
    let desired = resource("ecr.x", repository("xx"));
    for _ in 0..2 {
        refused(create(&sim, &desired).await, ErrorKind::Unavailable, "ServerException");
    }
    must_create(&sim, &desired).await;
}
