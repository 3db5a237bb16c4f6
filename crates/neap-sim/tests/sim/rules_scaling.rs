//! What Application Auto Scaling refuses, and what it does at once.

use neap_core::desired::DesiredResource;
use neap_core::kinds::{
    KindOf, Resource, ScalableTarget, ScheduledAction, Service, StepScaling, TargetTracking,
};
use neap_core::live::LiveResource;
use neap_engine::cloud::{Cloud, ErrorKind};
use neap_sim::Sim;

use crate::stack::{System, create, live, must_create, present, refused, resource, until_gone, update};

/// What scales the system's service, with one change.
fn target(system: &System, change: impl FnOnce(&mut ScalableTarget)) -> DesiredResource {
    let (_, service) = system.part("service.api");
    let cpu = TargetTracking {
        metric: ScalableTarget::CPU.into(),
        resource_label: None,
        target: 60.0,
        scale_in_cooldown: 300,
        scale_out_cooldown: 300,
        disable_scale_in: false,
    };
    let mut fields = ScalableTarget {
        service: service.outputs["arn"].clone(),
        min: 1,
        max: 4,
        suspended: [].into(),
        target_tracking: [("cpu".to_owned(), cpu)].into(),
        step_scaling: [].into(),
        scheduled_actions: [].into(),
    };
    change(&mut fields);
    resource("scalable_target.api", fields)
}

/// Of target tracking by the requests of what `label` names.
fn requests(label: Option<String>) -> TargetTracking {
    let example = ScalableTarget::example().target_tracking["requests_per_target"].clone();
    TargetTracking { resource_label: label, ..example }
}

async fn count(sim: &Sim, system: &System) -> Option<u32> {
    let (desired, _) = system.part("service.api");
    match present(sim, "service.api", &desired).await.resource {
        Resource::Service(Service { count, .. }) => count,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_there_cannot_be_scaled() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let missing = target(&system, |target| target.service.push('x'));
    let error = create(&sim, &missing).await.expect_err("there is no such service");
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::NotYet, Some("ValidationException")));
    assert!(
        error.message.starts_with("ECS service doesn't exist: service/course-main/"),
        "{}",
        error.message
    );
}

#[tokio::test(start_paused = true)]
async fn the_most_tasks_are_no_fewer_than_the_fewest() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let wrong = target(&system, |target| target.min = 5);
    refused(create(&sim, &wrong).await, ErrorKind::Invalid, "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn a_policy_names_a_known_metric_and_whose_requests_count() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let with = |policy: TargetTracking| {
        target(&system, |target| target.target_tracking = [("one".to_owned(), policy)].into())
    };
    let arn = |at: &str| system.part(at).1.outputs["arn"].clone();
    let label = |balancer: &str, group: &str| {
        let (_, balancer) = balancer.split_once(":loadbalancer/").expect("a load balancer");
        let (_, group) = group.rsplit_once(':').expect("a target group");
        Some(format!("{balancer}/{group}"))
    };
    let right = label(&arn("alb.public"), &arn("target_group.api"));
    for wrong in [
        requests(None),
        requests(label(&arn("alb.public"), "arn:targetgroup/other/0123")),
        TargetTracking { metric: "CPUUtilization".into(), ..requests(None) },
        TargetTracking { metric: ScalableTarget::CPU.into(), ..requests(right.clone()) },
        TargetTracking { target: 0.0, ..requests(right.clone()) },
    ] {
        refused(create(&sim, &with(wrong)).await, ErrorKind::Invalid, "ValidationException");
    }
    must_create(&sim, &with(requests(right))).await;
}

fn busy() -> StepScaling {
    StepScaling { min_adjustment: None, ..ScalableTarget::example().step_scaling["busy"].clone() }
}

#[tokio::test(start_paused = true)]
async fn the_steps_of_a_policy_meet_and_its_alarm_can_ring() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let with = |change: fn(&mut StepScaling)| {
        let mut busy = busy();
        change(&mut busy);
        target(&system, |target| target.step_scaling = [("busy".to_owned(), busy)].into())
    };
    for wrong in [
        with(|busy| busy.steps.clear()),
        with(|busy| busy.steps[1].lower = Some(20.0)),
        with(|busy| busy.steps[0].upper = Some(0.0)),
        with(|busy| busy.adjustment_type = "Change".into()),
        with(|busy| busy.min_adjustment = Some(2)),
    ] {
        refused(create(&sim, &wrong).await, ErrorKind::Invalid, "ValidationException");
    }
    for wrong in [
        with(|busy| busy.alarm.as_mut().expect("an alarm").period_seconds = 45),
        with(|busy| busy.alarm.as_mut().expect("an alarm").datapoints_to_alarm = 4),
        with(|busy| busy.alarm.as_mut().expect("an alarm").evaluation_periods = 1441),
        with(|busy| {
            let alarm = busy.alarm.as_mut().expect("an alarm");
            (alarm.period_seconds, alarm.evaluation_periods) = (86_400, 8);
        }),
        with(|busy| busy.alarm.as_mut().expect("an alarm").comparison = ">".into()),
    ] {
        refused(create(&sim, &wrong).await, ErrorKind::Invalid, "ValidationError");
    }
    must_create(&sim, &with(|_| {})).await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_scales_something_else_is_not_overwritten() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    sim.seed("[[alarm]]\nname = \"course-api-busy\"\nservice = \"course-main/other\"").expect("a script");
    let wanted = target(&system, |target| target.step_scaling = [("busy".to_owned(), busy())].into());
    let error = create(&sim, &wanted).await.expect_err("it is another's");
    assert_eq!(error.kind, ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn the_alarm_of_a_step_goes_before_its_policy() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let wanted = target(&system, |target| target.step_scaling = [("busy".to_owned(), busy())].into());
    let outputs = must_create(&sim, &wanted).await;
    update(&sim, &held(&wanted, &outputs), &target(&system, |_| {})).await.expect("an update");
    let calls: Vec<String> = sim.calls().into_iter().map(|call| call.operation).collect();
    let place = |operation: &str| calls.iter().rposition(|call| call == operation).expect("it was called");
    assert!(place("cloudwatch:DeleteAlarms") < place("application-autoscaling:DeleteScalingPolicy"));
    let read = present(&sim, "scalable_target.api", &wanted).await;
    let Resource::ScalableTarget(target) = read.resource else { unreachable!() };
    assert!(target.step_scaling.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_action_sets_a_limit_and_one_that_is_put_again_keeps_what_is_left_out() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let with = |change: fn(&mut ScheduledAction)| {
        let mut night = ScalableTarget::example().scheduled_actions["night"].clone();
        change(&mut night);
        target(&system, |target| target.scheduled_actions = [("night".to_owned(), night)].into())
    };
    for wrong in [
        with(|night| night.schedule = "0 22 * * *".into()),
        with(|night| night.schedule = "cron(99 22 * * ? *)".into()),
        with(|night| night.timezone = "Europe/Nowhere".into()),
        with(|night| (night.min, night.max) = (None, None)),
        with(|night| night.min = Some(3)),
    ] {
        refused(create(&sim, &wrong).await, ErrorKind::Invalid, "ValidationException");
    }
    let wanted = with(|_| {});
    let outputs = must_create(&sim, &wanted).await;
    // Without deleting it first the fewest tasks would stay.
    let without = with(|night| night.min = None);
    update(&sim, &held(&wanted, &outputs), &without).await.expect("an update");
    let read = present(&sim, "scalable_target.api", &without).await;
    assert_eq!(read.resource, without.resource);
    assert_eq!(sim.counts()["application-autoscaling:DeleteScheduledAction"], 1);
}

#[tokio::test(start_paused = true)]
async fn registering_moves_the_number_of_tasks_into_the_limits_at_once() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    assert_eq!(count(&sim, &system).await, Some(1));
    let wanted = target(&system, |target| target.min = 3);
    let outputs = must_create(&sim, &wanted).await;
    assert_eq!(count(&sim, &system).await, Some(3));
    let fewer = target(&system, |target| target.max = 2);
    update(&sim, &held(&wanted, &outputs), &fewer).await.expect("an update");
    assert_eq!(count(&sim, &system).await, Some(2));
}

/// The target as a reading shows it.
fn held(desired: &DesiredResource, outputs: &neap_core::live::Outputs) -> LiveResource {
    let mut held = live(desired, outputs);
    if let Resource::ScalableTarget(target) = &desired.resource {
        held.id = ScalableTarget::resource_id(&target.service);
    }
    held
}

#[tokio::test(start_paused = true)]
async fn what_scales_a_service_already_is_not_taken_over() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let wanted = target(&system, |_| {});
    let first = must_create(&sim, &wanted).await;
    assert_eq!(must_create(&sim, &wanted).await, first, "its own earlier create is met again");
    let Resource::ScalableTarget(fields) = wanted.resource else { unreachable!() };
    let error = create(&sim, &resource("scalable_target.other", fields)).await.expect_err("it is another's");
    assert_eq!(error.kind, ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn policies_and_their_alarms_go_with_the_target() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let wanted = target(&system, |_| {});
    let outputs = must_create(&sim, &wanted).await;
    until_gone(&sim, &held(&wanted, &outputs)).await;
    must_create(&sim, &target(&system, |target| target.target_tracking.clear())).await;
    let read = present(&sim, "scalable_target.api", &wanted).await;
    let Resource::ScalableTarget(target) = read.resource else { unreachable!() };
    assert!(target.target_tracking.is_empty());
    assert_eq!(sim.counts()["application-autoscaling:DeregisterScalableTarget"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_target_outlives_its_service() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let wanted = target(&system, |_| {});
    must_create(&sim, &wanted).await;
    let (_, service) = system.part("service.api");
    until_gone(&sim, &service).await;
    let read = present(&sim, "scalable_target.api", &wanted).await;
    assert_eq!(read.id, "service/course-main/course-api");
    sim.delete(&read).await.expect("it goes without its service");
}
