//! Traffic that ECS shifts: plans neither reset it nor lose sight of where it is.

mod sky;

use neap_core::address::Kind;
use neap_core::desired::Desired;
use neap_core::kinds::{Alternate, Deployment, KindOf, Resource, Service, WeightedGroup};
use neap_core::kinds::{Conditions, Rule};
use neap_core::ownership::Owned;
use neap_core::plan::planner::plan;
use neap_core::plan::{Action, Change, Mode, Plan, Refusal, Verb};
use neap_core::reference;
use sky::planned::{planned, step};
use sky::stacks::{add, address, course, forward, role, rule, target_group};
use sky::{Sky, secrets};

const USERS: &str = "alb.public.listener.http.rule.10";
const TESTERS: &str = "alb.public.listener.http.rule.20";

/// [`course`] with a second group, a rule for tests, and a service that is deployed blue/green.
fn blue_green() -> Desired {
    let mut stack = course();
    add(&mut stack, "target_group.next", target_group("next", 3000, "/"));
    let testers = rule("alb.public.listener.http", 20, forward("target_group.next"));
    add(&mut stack, TESTERS, testers);
    add(&mut stack, "role.traffic", role("traffic", "shifts traffic"));
    for way in [USERS, TESTERS, "service.api"] {
        let wanted = stack.resources.get_mut(&address(way)).expect(way);
        wanted.owned_elsewhere.insert(Owned::Weights);
    }
    let arn = |text: &str| reference::output(&address(text), "arn");
    let service = service_of(&mut stack);
    service.targets[0].alternate = Some(Alternate {
        target_group: arn("target_group.next"),
        production: arn(USERS),
        test: Some(arn(TESTERS)),
        role: arn("role.traffic"),
    });
    service.deployment =
        Some(Deployment { strategy: Service::BLUE_GREEN.into(), bake_minutes: 5, hooks: vec![] });
    stack
}

fn service_of(stack: &mut Desired) -> &mut Service {
    let wanted = stack.resources.get_mut(&address("service.api")).expect("a service");
    let Resource::Service(service) = &mut wanted.resource else { panic!("a service") };
    service
}

fn rule_of<'a>(stack: &'a mut Desired, text: &str) -> &'a mut Rule {
    let wanted = stack.resources.get_mut(&address(text)).expect("a rule");
    let Resource::Rule(rule) = &mut wanted.resource else { panic!("a rule") };
    rule
}

fn applied(stack: &Desired) -> Sky {
    let sky = sky::planned::applied(stack);
    assert!(planned(stack, &sky, Mode::Apply).is_empty());
    sky
}

/// What is live once ECS has shifted all traffic to the other group.
fn shifted(stack: &Desired) -> Sky {
    let mut sky = applied(stack);
    let arn = |sky: &Sky, text: &str| {
        let found = sky.resources.iter().find(|live| live.address == address(text)).expect(text);
        found.outputs["arn"].clone()
    };
    let groups = [arn(&sky, "target_group.api"), arn(&sky, "target_group.next")];
    let weights = groups.iter().zip([0, 100]);
    let weights = weights.map(|(group, weight)| WeightedGroup { target_group: group.clone(), weight });
    let weights: Vec<WeightedGroup> = weights.collect();
    for live in &mut sky.resources {
        match &mut live.resource {
            Resource::Rule(rule) => {
                let all = weights.clone();
                rule.action =
                    neap_core::kinds::Action::Forward { target_groups: all, stickiness_seconds: None };
            }
            Resource::Service(service) => {
                let target = &mut service.targets[0];
                let alternate = target.alternate.as_mut().expect("another group");
                std::mem::swap(&mut target.target_group, &mut alternate.target_group);
            }
            _ => {}
        }
    }
    sky
}

fn change<'a>(plan: &'a Plan, text: &str) -> &'a Change {
    plan.changes.iter().find(|change| change.address == address(text)).expect(text)
}

/// What happens, `sign address`, by address; what stays is left out.
fn lines(plan: &Plan) -> Vec<String> {
    let acts = plan.changes.iter().filter(|change| change.action != Action::NoOp);
    let mut lines: Vec<String> =
        acts.map(|change| format!("{} {}", change.action.sign(), change.address)).collect();
    lines.sort_by_key(|line| line.rsplit_once(' ').map(|(_, address)| address.to_owned()));
    lines
}

/// The weights of the rule in `plan`, by the group's address.
fn weights(plan: &Plan, sky: &Sky, text: &str) -> Vec<(String, u64)> {
    let fields = change(plan, text).desired.as_ref().expect("fields").resource.fields();
    let name = |arn: &str| {
        let found = sky.resources.iter().find(|live| live.outputs.get("arn").is_some_and(|it| it == arn));
        found.map_or_else(|| arn.to_owned(), |live| live.address.to_string())
    };
    let groups = fields["action"]["target_groups"].as_array().expect("groups").iter();
    let weight = |group: &serde_json::Value| {
        (name(group["target_group"].as_str().expect("an ARN")), group["weight"].as_u64().expect("a weight"))
    };
    groups.map(weight).collect()
}

#[test]
fn which_of_two_groups_has_the_traffic_is_no_difference() {
    let stack = blue_green();
    let sky = shifted(&stack);
    let plan = planned(&stack, &sky, Mode::Apply);
    assert!(plan.is_empty(), "{:?}", lines(&plan));
}

#[test]
fn it_is_none_either_where_the_service_goes_on_telling_its_first_group_first() {
    let stack = blue_green();
    let mut sky = shifted(&stack);
    let untold = applied(&stack);
    for live in sky.resources.iter_mut().filter(|live| live.kind() == Kind::Service) {
        let first = untold.resources.iter().find(|other| other.id == live.id).expect("the service");
        live.resource = first.resource.clone();
    }
    assert!(planned(&stack, &sky, Mode::Apply).is_empty());
}

#[test]
fn another_task_is_deployed_and_the_traffic_left_where_it_is() {
    let mut stack = blue_green();
    let sky = shifted(&stack);
    add(&mut stack, "task.api", sky::stacks::course_task("${ecr.api.uri}:v2"));
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(lines(&plan), ["~ service.api", "~ task.api"]);
    let changed: Vec<&str> =
        change(&plan, "service.api").fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(changed, ["task"]);
    assert_eq!(change(&plan, "service.api").bakes(), Some(5));
    assert_eq!(change(&plan, "task.api").bakes(), None);
}

#[test]
fn what_else_of_a_rule_changes_takes_the_live_weights_along() {
    let mut stack = blue_green();
    let sky = shifted(&stack);
    rule_of(&mut stack, USERS).conditions =
        Conditions { path: ["/v2/*".into()].into(), ..Rule::example().conditions };
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(lines(&plan), [format!("~ {USERS}")]);
    assert!(change(&plan, USERS).fields.iter().all(|field| field.path.starts_with("conditions")));
    let expected = [("target_group.api".to_owned(), 0), ("target_group.next".to_owned(), 100)];
    assert_eq!(weights(&plan, &sky, USERS), expected);
}

#[test]
fn a_rule_that_others_emptied_is_put_back_to_what_the_service_has() {
    let mut stack = blue_green();
    let sky = shifted(&stack);
    // Another priority is another rule: the new one takes over where the old one is.
    let mut moved = stack.resources.remove(&address(USERS)).expect("a rule");
    let Resource::Rule(rule) = &mut moved.resource else { panic!("a rule") };
    rule.priority = 11;
    let new = "alb.public.listener.http.rule.11";
    moved.tags = sky::tags(&address(new));
    stack.resources.insert(address(new), moved);
    let alternate = service_of(&mut stack).targets[0].alternate.as_mut().expect("another group");
    alternate.production = reference::output(&address(new), "arn");
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(lines(&plan), [format!("- {USERS}"), format!("+ {new}"), "~ service.api".to_owned()]);
    let expected = [("target_group.api".to_owned(), 0), ("target_group.next".to_owned(), 100)];
    assert_eq!(weights(&plan, &sky, new), expected);
    let [made, moved, gone] = [
        step(&plan, (Verb::Create, new)),
        step(&plan, (Verb::Update, "service.api")),
        step(&plan, (Verb::Delete, USERS)),
    ];
    assert!(made < moved && moved < gone, "{made} {moved} {gone}");
}

#[test]
fn a_group_that_takes_turns_joins_a_rule_without_traffic() {
    let mut stack = blue_green();
    let sky = applied(&stack);
    let next =
        WeightedGroup { target_group: reference::output(&address("target_group.next"), "arn"), weight: 7 };
    let neap_core::kinds::Action::Forward { target_groups, .. } = &mut rule_of(&mut stack, USERS).action
    else {
        panic!("a forward")
    };
    target_groups.push(next);
    let plan = planned(&stack, &sky, Mode::Apply);
    let expected = [("target_group.api".to_owned(), 1), ("target_group.next".to_owned(), 0)];
    assert_eq!(weights(&plan, &sky, USERS), expected);
}

#[test]
fn a_service_goes_before_what_ecs_shifts_for_it_and_before_the_role_by_which_it_does() {
    let stack = blue_green();
    let sky = shifted(&stack);
    let plan = planned(&stack, &sky, Mode::Destroy);
    let service = step(&plan, (Verb::Delete, "service.api"));
    for later in [USERS, TESTERS, "alb.public", "role.traffic", "target_group.api", "target_group.next"] {
        assert!(service < step(&plan, (Verb::Delete, later)), "{later}");
    }
}

/// The stack without blue/green deployments, its service in this group and users led there.
fn left_for(group: &str) -> Desired {
    let mut stack = blue_green();
    let service = service_of(&mut stack);
    service.deployment = None;
    service.targets[0].alternate = None;
    service.targets[0].target_group = reference::output(&address(group), "arn");
    stack.resources.remove(&address(TESTERS));
    stack.resources.remove(&address("role.traffic"));
    rule_of(&mut stack, USERS).action = forward(group);
    for way in [USERS, "service.api"] {
        stack.resources.get_mut(&address(way)).expect(way).owned_elsewhere.clear();
    }
    stack
}

#[test]
fn a_service_leaves_blue_green_only_for_the_group_that_has_its_traffic() {
    let (old, new) = ("target_group.api", "target_group.next");
    let untold = |stack: &Desired| {
        let (mut sky, first) = (shifted(stack), applied(stack));
        for live in sky.resources.iter_mut().filter(|live| live.kind() == Kind::Service) {
            live.resource
                .clone_from(&first.resources.iter().find(|it| it.id == live.id).expect("it").resource);
        }
        sky
    };
    let stack = blue_green();
    for (sky, serving, empty) in
        [(shifted(&stack), new, old), (untold(&stack), new, old), (applied(&stack), old, new)]
    {
        let left = left_for(empty);
        let refused = plan(&left, &sky.read(&left), Mode::Apply, &secrets());
        assert_eq!(
            refused,
            Err(vec![Refusal::TrafficElsewhere {
                address: address("service.api"),
                group: address(serving),
                wanted: address(empty),
            }])
        );
        let left = left_for(serving);
        let plan = planned(&left, &sky, Mode::Apply);
        assert!(plan.counts().update > 0, "{:?}", lines(&plan));
        assert!(!planned(&left, &sky, Mode::Destroy).is_empty());
    }
}

#[test]
fn a_service_that_leaves_blue_green_takes_its_users_along() {
    let (old, new) = ("target_group.api", "target_group.next");
    let stack = blue_green();
    for (sky, serving, empty) in [(shifted(&stack), new, old), (applied(&stack), old, new)] {
        let told = |left: &Desired| plan(left, &sky.read(left), Mode::Apply, &secrets()).err();
        let mut left = left_for(serving);
        let weighted = |weight: u32| {
            let group = |at: &str, weight| WeightedGroup {
                target_group: reference::output(&address(at), "arn"),
                weight,
            };
            let target_groups = vec![group(empty, weight), group(serving, 1)];
            neap_core::kinds::Action::Forward { target_groups, stickiness_seconds: None }
        };
        let refused = Some(vec![Refusal::UsersElsewhere {
            address: address(USERS),
            service: address("service.api"),
            group: address(serving),
            empty: address(empty),
        }]);
        for action in [forward(empty), weighted(1)] {
            rule_of(&mut left, USERS).action = action;
            assert_eq!(told(&left), refused);
            assert!(!planned(&left, &sky, Mode::Destroy).is_empty());
        }
        rule_of(&mut left, USERS).action = weighted(0);
        assert_eq!(told(&left), None);
        // Those who test see what there is.
        let testers = stack.resources[&address(TESTERS)].clone();
        left.resources.insert(address(TESTERS), testers);
        rule_of(&mut left, TESTERS).action = forward(empty);
        assert_eq!(told(&left), None);
    }
}
