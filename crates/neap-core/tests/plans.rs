//! Plans as stories: what a change to a stack or to what is live leads to.

mod sky;

use std::collections::BTreeSet;

use neap_core::address::Kind;
use neap_core::config::Secrets;
use neap_core::desired::Desired;
use neap_core::kinds::{KindOf, Resource, RouteTable, SecurityGroupRule, Subnet, Vpc};
use neap_core::live::{Live, LiveResource, Phase};
use neap_core::plan::planner::{live_hash, plan};
use neap_core::plan::{Action, Change, Mode, Need, Plan, Reason, Verb, check};
use sky::more;
use sky::planned::{applied, finish, need, step, waits};
use sky::stacks::{
    add, address, alb, cloudfront, course, course_task, fixed, forward, listener, rule, target_group,
};
use sky::{Sky, secrets};

fn planned(stack: &Desired, sky: &Sky) -> Plan {
    sky::planned::planned(stack, sky, Mode::Apply)
}

fn planned_for(mode: Mode, stack: &Desired, live: &Live) -> Plan {
    let plan = plan(stack, live, mode, &secrets()).expect("nothing stands in the way");
    assert_eq!(check::check(&plan), Vec::<String>::new());
    plan
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

fn live_at<'a>(sky: &'a mut Sky, text: &str) -> &'a mut LiveResource {
    sky.resources.iter_mut().find(|found| found.address == address(text)).expect(text)
}

use Verb::{Create, Delete, Narrow, Update, Wait, Widen};

#[test]
fn a_new_stack_is_created_and_then_complete() {
    let stack = course();
    let sky = Sky::new();
    let plan = planned(&stack, &sky);
    assert_eq!(plan.counts().create, stack.resources.len());
    finish(sky, &plan, &stack);
}

#[test]
fn a_service_waits_for_roles_and_cluster_to_settle_and_for_the_rule_that_leads_to_it() {
    let plan = planned(&course(), &Sky::new());
    let service = (Create, "service.api");
    assert_eq!(need(&plan, service, (Create, "role.task-api-execution")), Some(Need::Ready));
    assert_eq!(need(&plan, service, (Create, "cluster.main")), Some(Need::Ready));
    assert_eq!(need(&plan, service, (Create, "alb.public.listener.http.rule.10")), Some(Need::Exists));
    assert_eq!(need(&plan, (Create, "cloudfront.site"), (Create, "alb.public")), Some(Need::Exists));
}

#[test]
fn only_what_aws_assigns_is_unknown() {
    let plan = planned(&course(), &Sky::new());
    let service = change(&plan, "service.api").desired.as_ref().expect("a service");
    let unknown: Vec<String> =
        service.references().iter().map(|(_, reference)| reference.to_string()).collect();
    assert_eq!(unknown, ["task.api.arn", "target_group.api.arn", "security_group.service-api.id"]);
    assert_eq!(plan.outputs["url"], "https://${cloudfront.site.domain_name}");
    let sky = applied(&course());
    assert_eq!(planned(&course(), &sky).outputs["url"].find("${"), None);
}

#[test]
fn a_new_image_changes_the_task_and_the_service_only() {
    let sky = applied(&course());
    let mut stack = course();
    add(&mut stack, "task.api", course_task("${ecr.api.uri}:v2"));
    let plan = planned(&stack, &sky);
    assert_eq!(lines(&plan), ["~ service.api", "~ task.api"]);
    assert_eq!(change(&plan, "task.api").reason, Reason::StackChanged);
    assert_eq!(paths(&plan, "service.api"), ["task"]);
    let dependencies = vec!["task.api".to_owned()];
    assert_eq!(change(&plan, "service.api").reason, Reason::DependencyReplaced { dependencies });
    finish(sky, &plan, &stack);
}

#[test]
fn tags_alone_leave_a_task_at_its_revision_and_its_service_where_it_is() {
    fn tagged(team: &str) -> Desired {
        let mut stack = course();
        for resource in stack.resources.values_mut().filter(|found| found.resource.kind().takes_tags()) {
            resource.tags.insert("team".into(), team.into());
        }
        stack
    }
    let sky = applied(&tagged("a"));
    let stack = tagged("b");
    let plan = planned(&stack, &sky);
    for tagged in ["task.api", "service.api"] {
        assert_eq!(paths(&plan, tagged), ["tags.team"]);
    }
    finish(sky, &plan, &stack);
}

#[test]
fn an_updated_load_balancer_keeps_its_host_name() {
    let sky = applied(&course());
    let mut stack = course();
    let Resource::Alb(mut slower) = stack.resources[&address("alb.public")].resource.clone() else {
        panic!()
    };
    slower.idle_timeout_seconds = 120;
    add(&mut stack, "alb.public", slower);
    assert_eq!(lines(&planned(&stack, &sky)), ["~ alb.public"]);
}

#[test]
fn a_change_by_hand_is_drift_and_a_changed_stack_is_not() {
    let mut sky = applied(&course());
    let Resource::Service(service) = &mut live_at(&mut sky, "service.api").resource else { panic!() };
    service.count = Some(9);
    live_at(&mut sky, "ecr.api").tags.insert("team".into(), "x".into());
    let plan = planned(&course(), &sky);
    assert_eq!(lines(&plan), ["~ ecr.api", "~ service.api"]);
    assert_eq!(change(&plan, "service.api").reason, Reason::Drifted);
    assert_eq!(paths(&plan, "ecr.api"), ["tags.team"]);
    finish(sky, &plan, &course());
}

#[test]
fn what_follows_from_another_output_of_a_dependency_is_no_drift() {
    let sky = applied(&course());
    let mut stack = course();
    let Resource::Ecr(mut other) = stack.resources[&address("ecr.api")].resource.clone() else { panic!() };
    other.name = "another".into();
    add(&mut stack, "ecr.api", other);
    let plan = planned(&stack, &sky);
    let dependencies = vec!["ecr.api".to_owned()];
    assert_eq!(change(&plan, "task.api").reason, Reason::DependencyReplaced { dependencies });
    // With something else that differs it is.
    let mut drifted = sky;
    let Resource::Task(task) = &mut live_at(&mut drifted, "task.api").resource else { panic!() };
    task.cpu = Some(4096);
    assert_eq!(change(&planned(&stack, &drifted), "task.api").reason, Reason::Drifted);
}

#[test]
fn of_what_has_no_mark_nobody_says_which_of_the_two_changed() {
    let mut sky = applied(&course());
    let Resource::Service(service) = &mut live_at(&mut sky, "service.api").resource else { panic!() };
    service.count = Some(9);
    live_at(&mut sky, "service.api").tags.remove("neap:spec");
    assert_eq!(change(&planned(&course(), &sky), "service.api").reason, Reason::Differs);
}

#[test]
fn a_target_group_is_replaced_beside_the_old_one_which_goes_when_nothing_uses_it() {
    let sky = applied(&course());
    let mut stack = course();
    add(&mut stack, "target_group.api", target_group("api", 4000, "/"));
    let plan = planned(&stack, &sky);
    assert_eq!(lines(&plan), ["~ alb.public.listener.http.rule.10", "~ service.api", "+/- target_group.api"]);
    let reason = &change(&plan, "target_group.api").reason;
    assert_eq!(*reason, Reason::Immutable { fields: vec!["port".into()] });
    let old = (Delete, "target_group.api");
    assert_eq!(need(&plan, old, (Narrow, "alb.public.listener.http.rule.10")), Some(Need::Ready));
    assert_eq!(need(&plan, old, (Update, "service.api")), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

#[test]
fn a_target_group_with_a_name_of_its_own_is_deleted_first_and_its_rule_with_it() {
    let mut stack = course();
    let named = |stack: &mut Desired, port: u16| {
        let mut group = target_group("api", port, "/");
        group.name = "mine".into();
        add(stack, "target_group.api", group);
        stack.resources.entry(address("target_group.api")).and_modify(|wanted| wanted.delete_first = true);
    };
    named(&mut stack, 3000);
    let sky = applied(&stack);
    named(&mut stack, 4000);
    let plan = planned(&stack, &sky);
    assert_eq!(
        lines(&plan),
        ["-/+ alb.public.listener.http.rule.10", "~ service.api", "-/+ target_group.api"]
    );
    let rule = (Delete, "alb.public.listener.http.rule.10");
    assert_eq!(need(&plan, (Delete, "target_group.api"), rule), Some(Need::Gone));
    finish(sky, &plan, &stack);
}

#[test]
fn traffic_moves_to_a_new_load_balancer_before_the_old_one_goes() {
    let sky = applied(&course());
    let mut stack = course();
    add(&mut stack, "alb.public", alb("public", "internal", "security_group.alb-public"));
    let plan = planned(&stack, &sky);
    assert_eq!(change(&plan, "alb.public").action, Action::CreateThenDelete);
    // The rule's target group serves one load balancer only, the listener's fixed answer any number.
    assert_eq!(change(&plan, "alb.public.listener.http").action, Action::CreateThenDelete);
    assert_eq!(change(&plan, "alb.public.listener.http.rule.10").action, Action::DeleteThenCreate);
    let moved = (Update, "cloudfront.site");
    assert_eq!(need(&plan, moved, (Create, "alb.public")), Some(Need::Ready));
    assert!(waits(&plan, moved, (Create, "alb.public.listener.http.rule.10")));
    let provisioning = (Create, "alb.public");
    assert_eq!(need(&plan, (Create, "alb.public.listener.http"), provisioning), Some(Need::Exists));
    for old in ["alb.public.listener.http", "alb.public.listener.http.rule.10"] {
        assert_eq!(need(&plan, (Delete, old), provisioning), Some(Need::Ready), "{old}");
    }
    assert_eq!(need(&plan, (Delete, "alb.public"), moved), Some(Need::Ready));
    assert_eq!(need(&plan, (Delete, "alb.public.listener.http"), moved), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

#[test]
fn a_load_balancer_with_a_name_of_its_own_is_made_anew_in_another_network() {
    let within = |number: Option<u8>| {
        let mut stack = course();
        let Resource::Alb(mut chosen) = stack.resources[&address("alb.public")].resource.clone() else {
            panic!()
        };
        chosen.name = "mine".into();
        if let Some(number) = number {
            chosen.subnets = sky::more::public(&mut stack, number);
        }
        add(&mut stack, "alb.public", chosen);
        stack
    };
    let networks = [None, Some(0), Some(1), None].map(within);
    for (before, after) in networks.iter().zip(&networks[1..]) {
        let sky = applied(before);
        let plan = planned(after, &sky);
        let moved = change(&plan, "alb.public");
        assert_eq!(moved.action, Action::DeleteThenCreate);
        let is_told = match &moved.reason {
            Reason::Immutable { fields } => *fields == ["subnets"],
            Reason::DependencyReplaced { dependencies } => {
                dependencies.iter().all(|found| found.starts_with("subnet."))
            }
            _ => false,
        };
        assert!(is_told, "{:?}", moved.reason);
        finish(sky, &plan, after);
    }
}

#[test]
fn an_unfinished_replacement_is_finished() {
    let mut sky = applied(&course());
    let mut stack = course();
    add(&mut stack, "target_group.api", target_group("api", 4000, "/"));
    let plan = planned(&stack, &sky);
    let mut luck = vec![sky::Luck::Done; plan.steps.len()];
    luck[step(&plan, (Delete, "target_group.api"))] = sky::Luck::Fails;
    sky.apply(&plan, &[], &luck).expect("the steps are in order");
    let plan = planned(&stack, &sky);
    assert_eq!(lines(&plan), ["- target_group.api"]);
    let superseded = plan.changes.iter().find(|change| change.action == Action::Delete).expect("a delete");
    assert_eq!(superseded.reason, Reason::Superseded);
    finish(sky, &plan, &stack);
}

#[test]
fn what_is_no_longer_declared_goes_after_what_used_it_has_let_go() {
    let sky = applied(&course());
    let mut stack = course();
    stack.resources.remove(&address("target_group.api"));
    stack.resources.remove(&address("service.api"));
    add(&mut stack, "alb.public.listener.http.rule.10", rule("alb.public.listener.http", 10, fixed(503)));
    add(&mut stack, "cloudfront.site", cloudfront("elsewhere.example.com"));
    let plan = planned(&stack, &sky);
    let expected =
        ["~ alb.public.listener.http.rule.10", "~ cloudfront.site", "- service.api", "- target_group.api"];
    assert_eq!(lines(&plan), expected);
    assert_eq!(change(&plan, "target_group.api").reason, Reason::NotDeclared);
    let rule = (Update, "alb.public.listener.http.rule.10");
    assert_eq!(need(&plan, (Delete, "target_group.api"), rule), Some(Need::Ready));
    assert!(!waits(&plan, (Delete, "target_group.api"), (Delete, "service.api")));
    finish(sky, &plan, &stack);
}

#[test]
fn a_log_group_of_another_class_is_made_anew_and_the_service_stays() {
    let sky = applied(&course());
    let mut stack = course();
    add(&mut stack, "log_group.task-api", sky::stacks::log_group("task-api", "INFREQUENT_ACCESS"));
    let plan = planned(&stack, &sky);
    assert_eq!(lines(&plan), ["-/+ log_group.task-api"]);
    finish(sky, &plan, &stack);
}

#[test]
fn a_security_group_that_is_made_anew_takes_along_what_holds_it() {
    let sky = applied(&course());
    let mut stack = course();
    let mut group = sky::stacks::security_group("service-api", "${security_group.alb-public.id}");
    group.description = "renamed".into();
    add(&mut stack, "security_group.service-api", group);
    let plan = planned(&stack, &sky);
    assert_eq!(lines(&plan), ["-/+ security_group.service-api", "-/+ service.api"]);
    let dependencies = vec!["security_group.service-api".to_owned()];
    assert_eq!(change(&plan, "service.api").reason, Reason::DependencyReplaced { dependencies });
    let gone = (Delete, "service.api");
    assert_eq!(need(&plan, (Delete, "security_group.service-api"), gone), Some(Need::Gone));
    finish(sky, &plan, &stack);
}

#[test]
fn a_listener_with_a_new_name_waits_for_the_port() {
    let sky = applied(&course());
    let mut stack = course();
    stack.resources.remove(&address("alb.public.listener.http"));
    stack.resources.remove(&address("alb.public.listener.http.rule.10"));
    add(&mut stack, "alb.public.listener.web", listener("alb.public", 80, forward("target_group.api")));
    let plan = planned(&stack, &sky);
    let web = (Create, "alb.public.listener.web");
    assert_eq!(need(&plan, web, (Delete, "alb.public.listener.http")), Some(Need::Gone));
    finish(sky, &plan, &stack);
}

#[test]
fn what_settles_is_waited_for_and_what_failed_is_mended() {
    let check = |text: &str, phase: Phase, expected: Action| {
        let mut sky = applied(&course());
        live_at(&mut sky, text).phase = phase;
        let plan = planned(&course(), &sky);
        assert_eq!(change(&plan, text).action, expected, "{text}");
        finish(sky, &plan, &course());
        plan
    };
    let plan = check("alb.public", Phase::Settling("provisioning".into()), Action::NoOp);
    assert!(plan.is_empty());
    assert_eq!(plan.steps[step(&plan, (Wait, "alb.public"))].verb, Wait);
    check("alb.public", Phase::Failed("no capacity".into()), Action::DeleteThenCreate);
    check("service.api", Phase::Failed("circuit breaker".into()), Action::Update);
    check("cluster.main", Phase::Failed("no capacity".into()), Action::Update);
    let plan = check("service.api", Phase::Deleting("DRAINING".into()), Action::DeleteThenCreate);
    assert_eq!(change(&plan, "service.api").reason, Reason::BeingDeleted);
}

#[test]
fn a_change_that_was_made_and_not_recorded_is_recorded() {
    let mut sky = applied(&course());
    let stale = |sky: &mut Sky, text: &str| {
        live_at(sky, text).tags.insert("neap:spec".into(), "of an earlier stack".into());
    };
    stale(&mut sky, "target_group.api");
    stale(&mut sky, "task.api");
    let plan = planned(&course(), &sky);
    // The services that run the task stay: its revision does.
    assert_eq!(lines(&plan), ["~ target_group.api", "~ task.api"]);
    assert_eq!(change(&plan, "target_group.api").reason, Reason::Unrecorded);
    finish(sky, &plan, &course());
}

#[test]
fn what_was_never_recorded_is_left_alone() {
    let mut sky = applied(&course());
    live_at(&mut sky, "target_group.api").tags.remove("neap:spec");
    assert!(planned(&course(), &sky).is_empty());
}

#[test]
fn a_failed_cluster_is_made_anew_only_while_nothing_runs_on_it() {
    let mut stack = course();
    stack.resources.remove(&address("service.api"));
    let mut sky = applied(&stack);
    live_at(&mut sky, "cluster.main").phase = Phase::Failed("no role".into());
    let plan = planned(&stack, &sky);
    assert_eq!(lines(&plan), ["-/+ cluster.main"]);
    finish(sky, &plan, &stack);
}

/// The course in a network of its own, whose service is in private subnets with these ways out.
fn private(nat: &str, endpoints: &[&str]) -> Desired {
    let mut stack = course();
    more::public(&mut stack, 0);
    more::private(&mut stack, 0, nat, endpoints);
    more::runs_privately(&mut stack, "service.api");
    stack
}

/// Plans the way from one to the other, and sees that it leads there.
fn moved(from: &Desired, to: &Desired) -> Plan {
    let sky = applied(from);
    let plan = planned(to, &sky);
    finish(sky, &plan, to);
    plan
}

#[test]
fn a_nat_gateway_goes_when_the_endpoints_in_its_place_are_there() {
    let plan = moved(&private("one", &[]), &private("none", &["s3", "logs"]));
    for endpoint in ["vpc_endpoint.s3", "vpc_endpoint.logs"] {
        let cut = (Update, "route_table.private");
        assert_eq!(need(&plan, cut, (Create, endpoint)), Some(Need::Ready), "{endpoint}");
        assert_eq!(need(&plan, (Delete, "nat_gateway.nat-1"), (Create, endpoint)), Some(Need::Ready));
    }
    assert!(waits(&plan, (Delete, "nat_gateway.nat-1"), (Update, "route_table.private")));
    // Each subnet moves to the table without a gateway, which the endpoint by routes must lead through first.
    let plan = moved(&private("per_zone", &["s3"]), &private("none", &["s3", "logs"]));
    for (subnet, gateway) in
        [("subnet.private-1", "nat_gateway.nat-1"), ("subnet.private-2", "nat_gateway.nat-2")]
    {
        assert_eq!(need(&plan, (Update, subnet), (Update, "vpc_endpoint.s3")), Some(Need::Ready));
        assert_eq!(need(&plan, (Update, subnet), (Create, "vpc_endpoint.logs")), Some(Need::Ready));
        assert_eq!(need(&plan, (Delete, gateway), (Update, subnet)), Some(Need::Ready));
    }
}

#[test]
fn endpoints_go_when_the_nat_gateway_in_their_place_has_its_routes() {
    let plan = moved(&private("none", &["s3", "logs"]), &private("one", &[]));
    for endpoint in ["vpc_endpoint.s3", "vpc_endpoint.logs"] {
        let routed = (Update, "route_table.private");
        assert_eq!(need(&plan, (Delete, endpoint), routed), Some(Need::Ready), "{endpoint}");
    }
    let plan = moved(&private("none", &["s3"]), &private("per_zone", &["s3"]));
    let leaves = (Update, "vpc_endpoint.s3");
    assert_eq!(need(&plan, leaves, (Update, "subnet.private-1")), Some(Need::Ready));
    // An endpoint that goes for nothing waits for nothing.
    let plan = moved(&private("one", &["s3", "logs"]), &private("one", &["s3"]));
    assert_eq!(plan.edges, []);
}

#[test]
fn subnets_share_a_nat_gateway_before_those_of_their_own_go() {
    let plan = moved(&private("per_zone", &[]), &private("one", &[]));
    let gone = (Delete, "nat_gateway.nat-2");
    assert_eq!(need(&plan, gone, (Update, "subnet.private-2")), Some(Need::Ready));
    let plan = moved(&private("one", &[]), &private("per_zone", &[]));
    assert!(waits(&plan, (Update, "subnet.private-2"), (Create, "nat_gateway.nat-2")));
}

/// The block of the public or private subnet at `text` in `stack`.
fn block<'a>(stack: &'a mut Desired, text: &str) -> &'a mut String {
    let wanted = stack.resources.get_mut(&address(text)).expect(text);
    let Resource::Subnet(subnet) = &mut wanted.resource else { panic!("{text}") };
    &mut subnet.cidr
}

#[test]
fn gateways_their_addresses_and_tables_stay_with_subnets_that_are_counted_anew() {
    let from = private("per_zone", &[]);
    let mut to = from.clone();
    for sort in ["public", "private"] {
        let [first, second] = [format!("subnet.{sort}-1"), format!("subnet.{sort}-2")];
        let [one, two] =
            [from.resources[&address(&first)].clone(), from.resources[&address(&second)].clone()];
        let (Resource::Subnet(one), Resource::Subnet(two)) = (&one.resource, &two.resource) else { panic!() };
        for (text, other) in [(&first, two), (&second, one)] {
            *block(&mut to, text) = other.cidr.clone();
            let wanted = to.resources.get_mut(&address(text)).expect("it is there");
            let Resource::Subnet(subnet) = &mut wanted.resource else { panic!() };
            subnet.zone = other.zone.clone();
        }
    }
    let plan = moved(&from, &to);
    assert!(plan.changes.iter().all(|change| !change.action.deletes()), "{:?}", lines(&plan));
}

#[test]
fn a_nat_gateway_that_cannot_stay_goes_when_another_with_another_address_is_in_its_place() {
    let from = private("one", &[]);
    let mut to = from.clone();
    *block(&mut to, "subnet.public-1") = "10.0.77.0/24".into();
    let plan = moved(&from, &to);
    let old = (Delete, "nat_gateway.nat-1");
    assert_eq!(need(&plan, old, (Create, "nat_gateway.nat-1")), Some(Need::Ready));
    assert_eq!(need(&plan, old, (Update, "route_table.private")), Some(Need::Ready));
    assert_eq!(need(&plan, (Delete, "elastic_ip.nat-1"), old), Some(Need::Gone));
    let exchanged = change(&plan, "elastic_ip.nat-1");
    assert_eq!(exchanged.action, Action::CreateThenDelete);
    let with = Reason::DependencyReplaced { dependencies: vec!["nat_gateway.nat-1".into()] };
    assert_eq!(exchanged.reason, with);
    assert!(plan.warnings.iter().any(|it| it.contains("for a new address")), "{:?}", plan.warnings);
    // Blocks that overlap cannot be beside each other, and then nothing is won by another address.
    *block(&mut to, "subnet.public-1") = block(&mut from.clone(), "subnet.public-1").replace("/24", "/25");
    let plan = moved(&from, &to);
    assert_eq!(change(&plan, "nat_gateway.nat-1").action, Action::DeleteThenCreate);
    assert_eq!(change(&plan, "elastic_ip.nat-1").action, Action::NoOp);
    assert_eq!(plan.warnings, Vec::<String>::new());
}

#[test]
fn the_only_nat_gateway_stays_in_a_public_subnet_that_gets_another_number() {
    let from = private("one", &[]);
    let mut to = from.clone();
    let [one, two] = ["subnet.public-1", "subnet.public-2"].map(|text| to.resources[&address(text)].clone());
    to.resources.insert(address("subnet.public-1"), two);
    to.resources.insert(address("subnet.public-2"), one);
    let plan = moved(&from, &to);
    assert!(plan.changes.iter().all(|change| !change.action.deletes()), "{:?}", lines(&plan));
}

#[test]
fn what_makes_way_for_what_is_counted_anew_is_no_longer_in_the_stack_file() {
    let from = private("none", &[]);
    let mut to = from.clone();
    let second = to.resources.remove(&address("subnet.public-2")).expect("it is there");
    to.resources.insert(address("subnet.public-1"), second);
    let text = serde_json::to_string(&to).expect("JSON").replace("subnet.public-2", "subnet.public-1");
    let to: Desired = serde_json::from_str(&text).expect("a stack");
    let plan = planned(&to, &applied(&from));
    let gone = plan.changes.iter().find(|change| change.action == Action::Delete).expect("one goes");
    assert_eq!((gone.address.to_string().as_str(), &gone.reason), ("subnet.public-1", &Reason::NotDeclared));
}

#[test]
fn what_leaves_private_subnets_has_left_before_their_way_out_goes() {
    let mut public = course();
    more::public(&mut public, 0);
    more::private(&mut public, 0, "none", &[]);
    let service = (Update, "service.api");
    let plan = moved(&private("one", &[]), &public);
    assert_eq!(need(&plan, (Update, "route_table.private"), service), Some(Need::Ready));
    let plan = moved(&private("per_zone", &[]), &public);
    assert_eq!(need(&plan, (Update, "subnet.private-2"), service), Some(Need::Ready));
    public.resources.remove(&address("service.api"));
    let plan = moved(&private("one", &[]), &public);
    assert_eq!(need(&plan, (Update, "route_table.private"), (Delete, "service.api")), Some(Need::Gone));
}

#[test]
fn ways_out_of_another_network_are_not_waited_for() {
    let mut sky = applied(&private("one", &[]));
    let mut stack = private("none", &["logs"]);
    stack.resources.remove(&address("service.api"));
    let Resource::NatGateway(gateway) = &mut live_at(&mut sky, "nat_gateway.nat-1").resource else {
        panic!()
    };
    gateway.vpc = "vpc-9".into();
    let plan = planned(&stack, &sky);
    let gone = (Delete, "nat_gateway.nat-1");
    assert_eq!(need(&plan, gone, (Create, "vpc_endpoint.logs")), None);
}

#[test]
fn destroying_deletes_in_the_order_that_aws_asks_for_and_no_stricter() {
    let mut sky = applied(&course());
    let plan = planned_for(Mode::Destroy, &course(), &sky.read(&course()));
    assert_eq!(plan.counts().delete, course().resources.len());
    let after = |after: &str, before: &str| waits(&plan, (Delete, after), (Delete, before));
    assert!(after("cluster.main", "service.api"));
    assert!(after("security_group.alb-public", "alb.public"));
    assert!(after("security_group.alb-public", "security_group.service-api"));
    assert!(after("security_group.service-api", "service.api"));
    assert!(after("target_group.api", "alb.public.listener.http.rule.10"));
    assert!(after("role.task-api-execution", "service.api"));
    assert!(after("log_group.task-api", "service.api"));
    let free = ["cloudfront.site", "alb.public", "service.api", "ecr.api", "alb.public.listener.http"];
    for text in free {
        let step = step(&plan, (Delete, text));
        assert!(plan.edges.iter().all(|edge| edge.after != step), "{text} waits for something");
    }
    sky.apply(&plan, &[], &[]).expect("the steps are in order");
    assert!(sky.resources.is_empty());
}

#[test]
fn groups_that_let_each_other_in_are_still_destroyed() {
    let mut sky = applied(&course());
    let inner = live_at(&mut sky, "security_group.service-api").outputs["id"].clone();
    let Resource::SecurityGroup(outer) = &mut live_at(&mut sky, "security_group.alb-public").resource else {
        panic!()
    };
    outer.ingress.insert(SecurityGroupRule::tcp(22, inner, "by hand"));
    let plan = planned_for(Mode::Destroy, &course(), &sky.read(&course()));
    assert_eq!(plan.counts().delete, course().resources.len());
}

#[test]
fn a_plan_holds_no_secret_of_what_is_live() {
    let sky = applied(&course());
    let plan = planned(&course(), &sky);
    let Some(Resource::Task(task)) = change(&plan, "task.api").live.as_ref().map(|live| &live.resource)
    else {
        panic!("a live task")
    };
    assert_eq!(task.containers["app"].env["PASS"], "${var.pass}");
    let destroy = planned_for(Mode::Destroy, &course(), &sky.read(&course()));
    assert!(!serde_json::to_string(&destroy).expect("a plan serialises").contains(sky::PASS));
}

#[test]
fn a_plan_survives_being_saved() {
    let plan = planned(&course(), &Sky::new());
    let text = serde_json::to_string(&plan).expect("a plan serialises");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("and reads back"), plan);
}

#[test]
fn the_hash_of_what_is_live_changes_with_it_but_not_by_itself() {
    let mut sky = applied(&course());
    let hash = |sky: &Sky| live_hash(&sky.read(&course()));
    let before = hash(&sky);
    live_at(&mut sky, "alb.public").phase = Phase::Settling("provisioning".into());
    assert_eq!(hash(&sky), before);
    live_at(&mut sky, "alb.public").tags.insert("team".into(), "x".into());
    assert_ne!(hash(&sky), before);
}

/// The stack with tasks that answer on another port, which their group lets in instead of the old one.
fn on_port(port: u16) -> Desired {
    let mut stack = course();
    let Resource::Service(service) = resource(&mut stack, "service.api") else { panic!() };
    service.targets[0].port = port;
    only(&mut stack, &[port]);
    stack
}

/// Has the group of the service let in these ports alone.
fn only(stack: &mut Desired, ports: &[u16]) {
    let Resource::SecurityGroup(group) = resource(stack, "security_group.service-api") else { panic!() };
    let from = "${security_group.alb-public.id}";
    group.ingress = ports.iter().map(|port| SecurityGroupRule::tcp(*port, from, "")).collect();
}

fn resource<'a>(stack: &'a mut Desired, text: &str) -> &'a mut Resource {
    &mut stack.resources.get_mut(&address(text)).expect(text).resource
}

const GROUP: &str = "security_group.service-api";

#[test]
fn a_rule_comes_before_the_tasks_that_need_it_and_goes_after_those_that_did() {
    let sky = applied(&on_port(3000));
    let stack = on_port(8080);
    let plan = planned(&stack, &sky);
    assert_eq!(lines(&plan), [format!("~ {GROUP}"), "~ service.api".to_owned()]);
    let service = (Update, "service.api");
    assert_eq!(need(&plan, service, (Widen, GROUP)), Some(Need::Exists));
    assert_eq!(need(&plan, (Narrow, GROUP), service), Some(Need::Ready));
    assert_eq!(need(&plan, (Narrow, GROUP), (Widen, GROUP)), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

#[test]
fn a_rule_that_only_goes_keeps_nobody_waiting() {
    let mut old = on_port(3000);
    only(&mut old, &[3000, 8080]);
    let sky = applied(&old);
    let stack = on_port(8080);
    let plan = planned(&stack, &sky);
    assert_eq!(plan.steps.iter().map(|step| step.verb).collect::<Vec<_>>(), [Update, Narrow]);
    assert_eq!(need(&plan, (Narrow, GROUP), (Update, "service.api")), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

#[test]
fn rules_change_at_once_where_nothing_behind_them_does() {
    let sky = applied(&course());
    let mut stack = course();
    only(&mut stack, &[8080]);
    let plan = planned(&stack, &sky);
    assert_eq!(plan.steps.iter().map(|step| step.verb).collect::<Vec<_>>(), [Update]);
    // Rules that only come need no second step.
    let mut stack = on_port(8080);
    only(&mut stack, &[3000, 8080]);
    let plan = planned(&stack, &sky);
    assert_eq!(need(&plan, (Update, "service.api"), (Update, GROUP)), Some(Need::Exists));
    finish(sky, &plan, &stack);
}

#[test]
fn a_run_that_ended_between_the_rules_that_come_and_those_that_go_is_finished() {
    let mut sky = applied(&on_port(3000));
    let stack = on_port(8080);
    let plan = planned(&stack, &sky);
    let mut luck = vec![sky::Luck::Done; plan.steps.len()];
    luck[step(&plan, (Narrow, GROUP))] = sky::Luck::Fails;
    sky.apply(&plan, &[], &luck).expect("the steps are in order");
    live_at(&mut sky, "service.api").phase = Phase::Settling("1 of 2 tasks running".into());
    let plan = planned(&stack, &sky);
    assert_eq!(lines(&plan), [format!("~ {GROUP}")]);
    assert_eq!(change(&plan, GROUP).reason, Reason::StackChanged);
    assert_eq!(need(&plan, (Narrow, GROUP), (Wait, "service.api")), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

#[test]
fn a_rule_outlives_what_goes_and_a_group_the_rules_that_name_it() {
    let sky = applied(&course());
    let mut stack = course();
    stack.resources.remove(&address("service.api"));
    stack.resources.remove(&address("alb.public.listener.http.rule.10"));
    stack.resources.remove(&address("alb.public.listener.http"));
    stack.resources.remove(&address("alb.public"));
    stack.resources.remove(&address("security_group.alb-public"));
    add(&mut stack, "cloudfront.site", cloudfront("elsewhere.example.com"));
    let Resource::SecurityGroup(group) = resource(&mut stack, GROUP) else { panic!() };
    group.ingress.clear();
    let plan = planned(&stack, &sky);
    assert_eq!(need(&plan, (Narrow, GROUP), (Delete, "service.api")), Some(Need::Gone));
    assert_eq!(need(&plan, (Delete, "security_group.alb-public"), (Narrow, GROUP)), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

#[test]
fn tasks_move_behind_a_new_load_balancer_when_it_answers_and_the_old_one_stays_until_they_have() {
    let sky = applied(&course());
    let mut stack = course();
    add(&mut stack, "alb.public", alb("public", "internal", "security_group.alb-public"));
    add(&mut stack, "target_group.api", target_group("api", 4000, "/"));
    let plan = planned(&stack, &sky);
    let service = (Update, "service.api");
    assert_eq!(need(&plan, service, (Create, "alb.public")), Some(Need::Ready));
    for old in ["alb.public", "alb.public.listener.http", "alb.public.listener.http.rule.10"] {
        assert_eq!(need(&plan, (Delete, old), service), Some(Need::Ready), "{old}");
    }
    finish(sky, &plan, &stack);
}

/// The course in a network of its own with subnets of these blocks, where the load balancer and the service are in the public
/// ones.
fn in_network(public: &[&str], private: &[&str]) -> Desired {
    let mut stack = course();
    let vpc = "${vpc.main.id}";
    add(&mut stack, "vpc.main", Vpc::example());
    add(&mut stack, "route_table.public", RouteTable { vpc: vpc.into(), routes: [].into() });
    for (group, blocks) in [("public", public), ("private", private)] {
        for (number, cidr) in (1..).zip(blocks) {
            let table = Some("${route_table.public.id}".to_owned());
            let subnet =
                Subnet { vpc: vpc.into(), cidr: (*cidr).into(), route_table: table, ..Subnet::example() };
            add(&mut stack, &format!("subnet.{group}-{number}"), subnet);
        }
    }
    let subnets: BTreeSet<String> =
        (1..=public.len()).map(|number| format!("${{subnet.public-{number}.id}}")).collect();
    for wanted in stack.resources.values_mut() {
        match &mut wanted.resource {
            Resource::Alb(alb) => alb.subnets.clone_from(&subnets),
            Resource::Service(service) => service.subnets.clone_from(&subnets),
            _ => {}
        }
    }
    stack
}

const BLOCKS: [&str; 3] = ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"];

#[test]
fn other_blocks_are_subnets_beside_the_old_ones_which_go_when_all_has_moved() {
    let sky = applied(&in_network(&BLOCKS[..2], &[]));
    let stack = in_network(&["10.0.8.0/24", "10.0.9.0/24"], &[]);
    let plan = planned(&stack, &sky);
    assert_eq!(lines(&plan), ["~ alb.public", "~ service.api", "+/- subnet.public-1", "+/- subnet.public-2"]);
    let old = (Delete, "subnet.public-1");
    assert_eq!(need(&plan, old, (Update, "alb.public")), Some(Need::Ready));
    assert_eq!(need(&plan, old, (Update, "service.api")), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

#[test]
fn a_block_is_another_subnets_when_the_one_that_had_it_is_gone() {
    let sky = applied(&in_network(&BLOCKS[..2], &[]));
    let stack = in_network(&["10.0.8.0/24", "10.0.9.0/24"], &["10.0.0.0/25", BLOCKS[1]]);
    let plan = planned(&stack, &sky);
    assert_eq!(plan.counts().create, 2);
    for number in 1..=2 {
        let (made, old) = (format!("subnet.private-{number}"), format!("subnet.public-{number}"));
        assert_eq!(need(&plan, (Create, &made), (Delete, &old)), Some(Need::Gone));
        assert_eq!(change(&plan, &old).action, Action::CreateThenDelete);
    }
    assert!(!waits(&plan, (Create, "subnet.private-1"), (Delete, "subnet.public-2")));
    finish(sky, &plan, &stack);
}

#[test]
fn a_subnet_goes_before_one_that_has_some_of_its_addresses() {
    let sky = applied(&in_network(&BLOCKS[..2], &[]));
    let stack = in_network(&["10.0.0.0/25", BLOCKS[1]], &[]);
    let plan = planned(&stack, &sky);
    assert_eq!(change(&plan, "subnet.public-1").action, Action::DeleteThenCreate);
    finish(sky, &plan, &stack);
}

#[test]
fn subnets_that_are_only_counted_anew_stay() {
    let sky = applied(&in_network(&BLOCKS, &[]));
    let stack = in_network(&BLOCKS[1..], &[]);
    let plan = planned(&stack, &sky);
    let anew =
        ["~ alb.public", "~ service.api", "- subnet.public-1", "~ subnet.public-1", "~ subnet.public-2"];
    let mut found = lines(&plan);
    found.sort_by_key(|line| anew.iter().position(|expected| expected == line));
    assert_eq!(found, anew);
    assert_eq!(paths(&plan, "subnet.public-2"), ["tags.neap:address"]);
    finish(sky, &plan, &stack);
    let sky = applied(&in_network(&BLOCKS[..2], &[]));
    let stack = in_network(&[BLOCKS[1], BLOCKS[0]], &[]);
    let plan = planned(&stack, &sky);
    assert_eq!(lines(&plan), ["~ subnet.public-1", "~ subnet.public-2"]);
    finish(sky, &plan, &stack);
}

#[test]
fn nobody_can_say_who_changed_a_secret() {
    let sky = applied(&course());
    let rotated = Secrets::new([("pass".to_owned(), "battery-staple".to_owned())].into());
    let plans = |sky: &Sky| plan(&course(), &sky.read(&course()), Mode::Apply, &rotated).expect("a plan");
    let plan = plans(&sky);
    assert_eq!(change(&plan, "task.api").reason, Reason::Differs);
    // With something else that differs it is.
    let mut drifted = sky;
    let Resource::Task(task) = &mut live_at(&mut drifted, "task.api").resource else { panic!() };
    task.cpu = Some(4096);
    assert_eq!(change(&plans(&drifted), "task.api").reason, Reason::Drifted);
}

#[test]
fn a_nat_gateway_waits_for_the_internet_gateway_that_somebody_has_detached_or_deleted() {
    let stack = private("one", &[]);
    let gateway = (Create, "nat_gateway.nat-1");
    let mut deleted = applied(&private("none", &[]));
    deleted.resources.retain(|found| found.kind() != Kind::InternetGateway);
    let plan = planned(&stack, &deleted);
    assert_eq!(need(&plan, gateway, (Update, "route_table.public")), Some(Need::Ready));
    finish(deleted, &plan, &stack);
    let mut detached = applied(&private("none", &[]));
    for found in &mut detached.resources {
        if let Resource::InternetGateway(gateway) = &mut found.resource {
            gateway.attached = false;
        }
    }
    let plan = planned(&stack, &detached);
    assert_eq!(need(&plan, gateway, (Update, "internet_gateway.main")), Some(Need::Ready));
    finish(detached, &plan, &stack);
}
