//! What others own: plans neither reset it nor tell it as a difference.

mod sky;

use neap_core::address::Kind;
use neap_core::desired::{Desired, TAG_SPEC};
use neap_core::kinds::{Resource, Service};
use neap_core::ownership::Owned;
use neap_core::plan::{Action, Change, Mode, Plan};
use sky::Sky;
use sky::planned::{applied, planned};
use sky::stacks::{address, course};

/// Carries `plan` out and sees that nothing is left to do.
fn finish(mut sky: Sky, plan: &Plan, stack: &Desired) {
    sky.apply(plan, &[], &[]).expect("the steps are in order");
    let again = planned(stack, &sky, Mode::Apply);
    assert!(again.is_empty(), "{:?}", lines(&again));
}

/// What happens, `sign address`, by address; what stays is left out.
fn lines(plan: &Plan) -> Vec<String> {
    let acts = plan.changes.iter().filter(|change| change.action != Action::NoOp);
    let mut lines: Vec<String> =
        acts.map(|change| format!("{} {}", change.action.sign(), change.address)).collect();
    lines.sort_by_key(|line| line.rsplit_once(' ').map(|(_, address)| address.to_owned()));
    lines
}

fn change<'a>(plan: &'a Plan, text: &str) -> &'a Change {
    plan.changes.iter().find(|change| change.address == address(text)).expect(text)
}

fn paths(plan: &Plan, text: &str) -> Vec<String> {
    change(plan, text).fields.iter().map(|field| field.path.clone()).collect()
}

/// [`course`] with its service's count and image owned elsewhere, and these values in the stack file.
fn left_to_others(count: u32, image: &str) -> Desired {
    let mut stack = course();
    for wanted in stack.resources.values_mut() {
        match &mut wanted.resource {
            Resource::Service(service) => {
                service.count = Some(count);
                wanted.owned_elsewhere = [Owned::Count, Owned::Image].into();
            }
            Resource::Task(task) => {
                task.containers.values_mut().for_each(|container| container.image = image.to_owned());
                wanted.owned_elsewhere = [Owned::Image].into();
            }
            _ => {}
        }
    }
    stack
}

/// What is live once others have set the count and the image of everything.
fn changed_by_others(stack: &Desired) -> Sky {
    let mut sky = applied(stack);
    for live in &mut sky.resources {
        match &mut live.resource {
            Resource::Service(service) => service.count = Some(5),
            Resource::Task(task) => {
                task.containers.values_mut().for_each(|container| container.image = "theirs:2".to_owned());
            }
            _ => {}
        }
    }
    sky
}

#[test]
fn what_is_owned_elsewhere_is_first_what_the_stack_says() {
    let sky = applied(&left_to_others(3, "ours:1"));
    let task = sky.resources.iter().find(|live| live.kind() == Kind::Task).expect("a task");
    assert!(task.resource.fields().to_string().contains("ours:1"));
    let service = sky.resources.iter().find(|live| live.kind() == Kind::Service).expect("a service");
    assert_eq!(service.resource.fields()["count"], 3);
}

#[test]
fn what_others_own_is_no_difference_whatever_either_side_does() {
    let sky = changed_by_others(&left_to_others(1, "ours:1"));
    let plan = planned(&left_to_others(2, "ours:9"), &sky, Mode::Apply);
    assert!(plan.is_empty(), "{:?}", lines(&plan));
}

#[test]
fn what_others_own_is_carried_forward_when_something_else_changes() {
    let sky = changed_by_others(&left_to_others(1, "ours:1"));
    let mut stack = left_to_others(1, "ours:1");
    for wanted in stack.resources.values_mut() {
        match &mut wanted.resource {
            Resource::Task(task) => task.memory = Some(1024),
            Resource::Service(service) => service.exec = !service.exec,
            _ => {}
        }
    }
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(lines(&plan), ["~ service.api", "~ task.api"]);
    assert_eq!(paths(&plan, "task.api"), ["memory"]);
    let carried = |address: &str| change(&plan, address).desired.as_ref().expect("fields").resource.fields();
    assert!(carried("task.api").to_string().contains("theirs:2"));
    assert_eq!(carried("service.api")["count"], 5);
    finish(sky, &plan, &stack);
}

#[test]
fn what_takes_the_place_of_a_daemon_begins_with_the_count_of_the_stack() {
    let mut sky = applied(&left_to_others(1, "ours:1"));
    for live in &mut sky.resources {
        if let Resource::Service(service) = &mut live.resource {
            (service.count, service.scheduling_strategy) = (None, Service::DAEMON.to_owned());
        }
    }
    let plan = planned(&left_to_others(2, "ours:1"), &sky, Mode::Apply);
    assert_eq!(change(&plan, "service.api").action, Action::DeleteThenCreate);
    let wanted = change(&plan, "service.api").desired.as_ref().expect("fields");
    assert_eq!(wanted.resource.fields()["count"], 2);
}

#[test]
fn what_the_stack_takes_back_is_its_own_again() {
    let sky = changed_by_others(&left_to_others(1, "ours:1"));
    let mut stack = left_to_others(2, "ours:1");
    stack.resources.values_mut().for_each(|wanted| wanted.owned_elsewhere.clear());
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(lines(&plan), ["~ service.api", "~ task.api"]);
    finish(sky, &plan, &stack);
}

#[test]
fn a_revision_of_others_keeps_the_tags_that_they_gave_it() {
    let mut sky = changed_by_others(&left_to_others(1, "ours:1"));
    for live in sky.resources.iter_mut().filter(|live| live.kind() == Kind::Task) {
        live.tags.remove(TAG_SPEC);
        live.tags.insert("pipeline".to_owned(), "main".to_owned());
    }
    assert!(planned(&left_to_others(1, "ours:1"), &sky, Mode::Apply).is_empty());
}

/// [`course`] with a target group of this port, in which tasks register with their own.
fn registered_with_their_own(port: u16) -> Desired {
    let mut stack = course();
    let group = stack.resources.get_mut(&address("target_group.api")).expect("a group");
    let Resource::TargetGroup(fields) = &mut group.resource else { panic!("no target group") };
    fields.port = port;
    group.owned_elsewhere = [Owned::Port].into();
    stack
}

#[test]
fn another_port_of_a_group_whose_tasks_register_with_their_own_is_no_difference() {
    let sky = applied(&registered_with_their_own(3000));
    let plan = planned(&registered_with_their_own(8080), &sky, Mode::Apply);
    assert!(plan.is_empty(), "{:?}", lines(&plan));
    // Alone, a group is as the stack says.
    let mut alone = registered_with_their_own(8080);
    alone.resources.get_mut(&address("target_group.api")).expect("a group").owned_elsewhere.clear();
    assert_eq!(
        change(&planned(&alone, &sky, Mode::Apply), "target_group.api").action,
        Action::DeleteThenCreate
    );
}
