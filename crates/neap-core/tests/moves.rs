//! What serves users goes on until what takes its place can: a service, a load balancer, a rule.

mod sky;

use neap_core::desired::Desired;
use neap_core::kinds::{
    Action, Certificate, KindOf as _, Listener, Namespace, Resource, Rule, SecurityGroupRule, Service,
    ServiceConnect, StrategyItem, WeightedGroup,
};
use neap_core::plan::{Mode, Need, Verb};
use neap_core::reference;
use sky::planned::{applied, finish, need, planned, waits};
use sky::stacks::{
    Picks, add, address, alb, cloudfront, course, course_task, fixed, forward, listener, role, rule,
    security_group, target_group,
};
use sky::{Luck, Sky, more};

use Verb::{Create, Delete, Narrow, Update, Widen};

fn of(text: &str, output: &str) -> String {
    reference::output(&address(text), output)
}

/// The service of the course, changed.
fn api(stack: &Desired, change: impl Fn(&mut Service)) -> Service {
    let Resource::Service(mut service) = stack.resources[&address("service.api")].resource.clone() else {
        panic!("a service")
    };
    change(&mut service);
    service
}

/// The course whose service is changed, and then at another address.
fn renamed(change: impl Fn(&mut Service)) -> (Sky, Desired) {
    let (mut before, mut after) = (course(), course());
    for stack in [&mut before, &mut after] {
        add(stack, "namespace.main", Namespace { vpc: None, ..Namespace::example() });
    }
    let service = api(&before, change);
    add(&mut before, "service.api", service.clone());
    after.resources.remove(&address("service.api"));
    add(&mut after, "service.web", Service { name: "course-web".into(), ..service });
    (applied(&before), after)
}

#[test]
fn a_service_goes_when_the_one_in_its_place_is_ready_where_there_is_room_for_both() {
    let hands_on = |change: fn(&mut Service)| {
        let (sky, stack) = renamed(change);
        let plan = planned(&stack, &sky, Mode::Apply);
        let need = need(&plan, (Delete, "service.api"), (Create, "service.web"));
        finish(sky, &plan, &stack);
        (need, plan.warnings)
    };
    assert_eq!(hands_on(|_| {}), (Some(Need::Ready), Vec::new()));
    let on_instances = |service: &mut Service| {
        service.capacity = [("neap-course-main".to_owned(), StrategyItem { weight: 1, base: 0 })].into();
    };
    let (need, warnings) = hands_on(on_instances);
    assert_eq!((need, warnings.len()), (None, 1), "{warnings:?}");
    assert!(
        warnings[0].starts_with("service.api goes while service.web starts in its place"),
        "{warnings:?}"
    );
    // One name of Service Connect is one service.
    let connected = |service: &mut Service| {
        let namespace = of("namespace.main", "arn");
        let connect = Service::example().connect;
        service.connect = connect.map(|it| ServiceConnect { namespace, logs: None, ..it });
    };
    assert_eq!(hands_on(connected).0, None);
}

/// The course in the cluster of this name, whose service is scaled by an alarm.
fn scaled(cluster: &str) -> Desired {
    let mut stack = course();
    stack.resources.remove(&address("cluster.main"));
    let at = format!("cluster.{cluster}");
    add(&mut stack, &at, sky::stacks::cluster(cluster));
    let service = api(&stack, |service| service.cluster = of(&at, "arn"));
    add(&mut stack, "service.api", service);
    more::scaling(&mut stack, "service.api", &mut Picks([].iter()));
    stack
}

#[test]
fn what_scales_a_service_by_an_alarm_goes_when_the_successor_of_that_is_ready_and_before_its_own_is_made() {
    let (sky, stack) = (applied(&scaled("main")), scaled("two"));
    let plan = planned(&stack, &sky, Mode::Apply);
    let (old, new) = ((Delete, "scalable_target.api"), (Create, "scalable_target.api"));
    assert_eq!(need(&plan, new, old), Some(Need::Gone));
    assert_eq!(need(&plan, old, (Create, "service.api")), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

#[test]
fn an_alarm_that_an_earlier_run_left_with_the_old_service_goes_before_the_new_one_is_scaled_by_it() {
    let (mut before, after) = (scaled("main"), scaled("two"));
    before.resources.insert(address("cluster.two"), after.resources[&address("cluster.two")].clone());
    let mut sky = applied(&before);
    // The run came to the new target, and its alarm was refused.
    let target = address("scalable_target.api");
    let mut unarmed = after.clone();
    let Some(Resource::ScalableTarget(scaling)) =
        unarmed.resources.get_mut(&target).map(|wanted| &mut wanted.resource)
    else {
        panic!("it is scaled")
    };
    scaling.step_scaling.clear();
    let plan = planned(&unarmed, &sky, Mode::Apply);
    let deletes = |step: &neap_core::plan::Step| step.verb == Delete;
    let luck: Vec<Luck> =
        plan.steps.iter().map(|step| if deletes(step) { Luck::Fails } else { Luck::Done }).collect();
    sky.apply(&plan, &[], &luck).expect("the steps are in order");
    let plan = planned(&after, &sky, Mode::Apply);
    assert_eq!(
        need(&plan, (Update, "scalable_target.api"), (Delete, "scalable_target.api")),
        Some(Need::Gone)
    );
    finish(sky, &plan, &after);
}

/// The course behind a load balancer of another table, with a group of its own.
fn behind_another(port: u16) -> Desired {
    let mut stack = course();
    for old in [
        "alb.public.listener.http.rule.10",
        "alb.public.listener.http",
        "alb.public",
        "security_group.alb-public",
    ] {
        stack.resources.remove(&address(old));
    }
    add(&mut stack, "security_group.alb-other", security_group("alb-other", "0.0.0.0/0"));
    let from = of("security_group.alb-other", "id");
    add(&mut stack, "security_group.service-api", security_group("service-api", &from));
    add(&mut stack, "target_group.api", target_group("api", port, "/"));
    add(&mut stack, "alb.other", alb("other", "internet-facing", "security_group.alb-other"));
    add(&mut stack, "alb.other.listener.http", listener("alb.other", 80, fixed(404)));
    let api = rule("alb.other.listener.http", 10, forward("target_group.api"));
    add(&mut stack, "alb.other.listener.http.rule.10", api);
    add(&mut stack, "cloudfront.site", cloudfront(&of("alb.other", "dns_name")));
    stack
}

#[test]
fn a_target_group_leaves_its_load_balancer_when_one_of_another_table_takes_traffic() {
    let (sky, stack) = (applied(&course()), behind_another(3000));
    let plan = planned(&stack, &sky, Mode::Apply);
    let active = (Create, "alb.other");
    for old in ["alb.public", "alb.public.listener.http.rule.10"] {
        assert_eq!(need(&plan, (Delete, old), active), Some(Need::Ready), "{old}");
    }
    let taken = (Create, "alb.other.listener.http.rule.10");
    let left = (Delete, "alb.public.listener.http.rule.10");
    assert_eq!(need(&plan, taken, left), Some(Need::Gone));
    let warned = plan.warnings.iter().any(|warning| {
        warning.starts_with("`target_group.api` goes from alb.public to alb.other, and AWS lets it be in one")
    });
    assert!(warned, "{:?}", plan.warnings);
    // Tasks are asked from the old one until it is gone.
    let group = "security_group.service-api";
    assert_eq!(need(&plan, (Narrow, group), (Delete, "alb.public")), Some(Need::Gone));
    assert!(waits(&plan, (Delete, "security_group.alb-public"), (Narrow, group)));
    finish(sky, &plan, &stack);
}

#[test]
fn a_service_moves_behind_a_load_balancer_of_another_table_when_that_takes_traffic_and_the_old_one_goes_last()
{
    let (sky, stack) = (applied(&course()), behind_another(4000));
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(plan.warnings, [""; 0], "another group is another one");
    let moved = (Update, "service.api");
    assert_eq!(need(&plan, moved, (Create, "alb.other")), Some(Need::Ready));
    for old in ["alb.public", "alb.public.listener.http", "alb.public.listener.http.rule.10"] {
        assert_eq!(need(&plan, (Delete, old), moved), Some(Need::Ready), "{old}");
        assert_eq!(need(&plan, (Delete, old), (Update, "cloudfront.site")), Some(Need::Ready), "{old}");
    }
    finish(sky, &plan, &stack);
}

#[test]
fn a_service_that_is_deleted_first_stays_until_its_successor_can_start_and_users_turn_after_it() {
    let (sky, mut stack) = (applied(&course()), course());
    // On a network of the instances', which ECS does not change in place.
    let service = api(&stack, |service| service.own_interfaces = false);
    add(&mut stack, "service.api", service);
    add(&mut stack, "target_group.api", target_group("api", 4000, "/"));
    add(&mut stack, "role.new", role("new", "runs"));
    stack.resources.get_mut(&address("service.api")).expect("a service").after.insert(address("role.new"));
    let plan = planned(&stack, &sky, Mode::Apply);
    let gone = (Delete, "service.api");
    for new in ["role.new", "target_group.api"] {
        assert_eq!(need(&plan, gone, (Create, new)), Some(Need::Ready), "{new}");
    }
    // The rule holds on to the group that has tasks until there are some in the other.
    let rule = "alb.public.listener.http.rule.10";
    assert_eq!(need(&plan, gone, (Widen, rule)), Some(Need::Ready));
    assert_eq!(need(&plan, (Create, "service.api"), (Widen, rule)), Some(Need::Exists));
    assert_eq!(need(&plan, (Narrow, rule), (Create, "service.api")), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

/// The course with the service in a group of another table.
fn in_another_group(service: &str) -> Desired {
    let mut stack = course();
    let asked = api(&stack, |service| service.targets[0].target_group = of("target_group.new", "arn"));
    for old in ["target_group.api", "service.api"] {
        stack.resources.remove(&address(old));
    }
    add(&mut stack, "target_group.new", target_group("new", 3000, "/"));
    add(&mut stack, &format!("service.{service}"), Service { name: format!("course-{service}"), ..asked });
    let rule = rule("alb.public.listener.http", 10, forward("target_group.new"));
    add(&mut stack, "alb.public.listener.http.rule.10", rule);
    stack
}

#[test]
fn users_are_turned_to_another_target_group_when_its_tasks_answer_and_the_old_tasks_go_after_that() {
    let rule = "alb.public.listener.http.rule.10";
    for (name, verb) in [("api", Update), ("web", Create)] {
        let (sky, stack) = (applied(&course()), in_another_group(name));
        let plan = planned(&stack, &sky, Mode::Apply);
        let service = format!("service.{name}");
        let moved = (verb, service.as_str());
        assert_eq!(need(&plan, moved, (Widen, rule)), Some(Need::Exists));
        assert_eq!(need(&plan, (Narrow, rule), moved), Some(Need::Ready));
        assert_eq!(need(&plan, (Delete, "target_group.api"), (Narrow, rule)), Some(Need::Ready));
        if verb == Create {
            assert_eq!(need(&plan, (Delete, "service.api"), (Narrow, rule)), Some(Need::Ready));
        }
        finish(sky, &plan, &stack);
    }
}

#[test]
fn a_run_that_was_killed_before_users_were_turned_is_made_good_by_turning_them_when_the_tasks_answer() {
    let rule_address = "alb.public.listener.http.rule.10";
    let between = {
        let mut stack = course();
        add(&mut stack, "target_group.new", target_group("new", 3000, "/"));
        let mut between = rule("alb.public.listener.http", 10, forward("target_group.api"));
        if let Action::Forward { target_groups, .. } = &mut between.action {
            target_groups.push(WeightedGroup { target_group: of("target_group.new", "arn"), weight: 0 });
        }
        add(&mut stack, rule_address, between);
        stack
    };
    let (sky, stack) = (applied(&between), in_another_group("api"));
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(need(&plan, (Narrow, rule_address), (Update, "service.api")), Some(Need::Ready));
    assert!(!plan.steps.iter().any(|step| step.verb == Widen), "nothing is to come");
    finish(sky, &plan, &stack);
}

#[test]
fn a_service_that_is_deleted_first_waits_for_another_one_unless_both_need_the_room_of_instances() {
    let two = |capacity: &str, own_interfaces: bool| {
        let mut stack = course();
        let service = api(&stack, |service| {
            service.own_interfaces = own_interfaces;
            service.capacity = [(capacity.to_owned(), StrategyItem { weight: 1, base: 0 })].into();
        });
        let asked = Service { name: "course-two".into(), targets: Vec::new(), ..service.clone() };
        add(&mut stack, "service.two", asked);
        add(&mut stack, "service.api", service);
        let asks = stack.resources.get_mut(&address("service.api")).expect("a service");
        asks.after.insert(address("service.two"));
        stack
    };
    for (before, waits) in [("FARGATE", Some(Need::Ready)), ("neap-course-main", None)] {
        let (sky, stack) = (applied(&two(before, true)), two("neap-course-main", false));
        let plan = planned(&stack, &sky, Mode::Apply);
        assert_eq!(need(&plan, (Delete, "service.api"), (Create, "service.two")), waits, "{before}");
        finish(sky, &plan, &stack);
    }
}

#[test]
fn a_rule_of_another_priority_is_there_before_the_old_one_goes_where_there_is_room_for_both() {
    for (more, expected) in [(0, Some(Need::Ready)), (99, None)] {
        let with = |priority: u32| {
            let mut stack = course();
            stack.resources.remove(&address("alb.public.listener.http.rule.10"));
            for priority in (1000..1000 + more).chain([priority]) {
                let action = if priority < 1000 { forward("target_group.api") } else { fixed(404) };
                let text = format!("alb.public.listener.http.rule.{priority}");
                add(&mut stack, &text, rule("alb.public.listener.http", priority, action));
            }
            stack
        };
        let (sky, stack) = (applied(&with(10)), with(20));
        let plan = planned(&stack, &sky, Mode::Apply);
        let (old, new) = ("alb.public.listener.http.rule.10", "alb.public.listener.http.rule.20");
        assert_eq!(need(&plan, (Delete, old), (Create, new)), expected);
        finish(sky, &plan, &stack);
    }
}

#[test]
fn the_ports_of_instances_stay_open_until_a_daemon_has_moved() {
    let daemon = |port: u16, image: &str| {
        let mut stack = course();
        add(&mut stack, "role.run", role("run", "runs"));
        let mut group = security_group("outer", &of("security_group.alb-public", "id"));
        group.ingress = [SecurityGroupRule::tcp(port, "10.0.0.0/8", "")].into();
        add(&mut stack, "security_group.outer", group);
        more::instances(&mut stack, &mut Picks([].iter()));
        add(&mut stack, "task.api", course_task(image));
        let service = api(&stack, |service| {
            service.scheduling_strategy = Service::DAEMON.into();
            (service.count, service.capacity) = (None, [].into());
        });
        add(&mut stack, "service.api", service);
        stack
    };
    let (sky, stack) = (applied(&daemon(8080, "app:1")), daemon(9090, "app:2"));
    let plan = planned(&stack, &sky, Mode::Apply);
    let narrowed = (Narrow, "security_group.outer");
    assert_eq!(need(&plan, narrowed, (Update, "service.api")), Some(Need::Ready));
    assert_eq!(need(&plan, narrowed, (Widen, "security_group.outer")), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

/// The course whose rule looks for these values of a header, which the distribution sends in its own way.
fn asking(values: &[&str]) -> Desired {
    let mut stack = course();
    let mut rule: Rule = rule("alb.public.listener.http", 10, forward("target_group.api"));
    rule.conditions.path.insert("/*".into());
    if !values.is_empty() {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        rule.conditions.headers.insert("X-Key".into(), values);
    }
    add(&mut stack, "alb.public.listener.http.rule.10", rule);
    let mut site = cloudfront(&of("alb.public", "dns_name"));
    site.comment = values.concat();
    add(&mut stack, "cloudfront.site", site);
    stack
}

#[test]
fn a_rule_takes_a_header_before_distributions_send_it_and_asks_for_it_when_they_do() {
    const RULE: &str = "alb.public.listener.http.rule.10";
    let turned = (Update, "cloudfront.site");
    let plan = |before: &[&str], after: &[&str]| {
        let (sky, stack) = (applied(&asking(before)), asking(after));
        let plan = planned(&stack, &sky, Mode::Apply);
        finish(sky, &plan, &stack);
        plan
    };
    for plan in [plan(&["old"], &["new"]), plan(&[], &["new"])] {
        assert_eq!(need(&plan, (Narrow, RULE), turned), Some(Need::Ready));
    }
    let other = plan(&["old"], &["new"]);
    assert_eq!(need(&other, turned, (Widen, RULE)), Some(Need::Ready));
    for plan in [plan(&["old"], &[]), plan(&["old"], &["old", "new"])] {
        assert_eq!(need(&plan, turned, (Update, RULE)), Some(Need::Ready));
    }
    let fewer = plan(&["old", "new"], &["new"]);
    assert_eq!(need(&fewer, (Narrow, RULE), turned), Some(Need::Ready));
    // More values than a rule takes: the old ones stay until the distribution has others.
    let many = plan(&["a", "b"], &["c", "d", "e"]);
    assert_eq!(need(&many, (Update, RULE), turned), Some(Need::Ready));
}

#[test]
fn a_listener_stops_to_forward_what_only_a_rule_takes_when_the_distributions_in_front_have_changed() {
    let mut before = asking(&[]);
    before.resources.remove(&address("alb.public.listener.http.rule.10"));
    let open = listener("alb.public", 80, forward("target_group.api"));
    add(&mut before, "alb.public.listener.http", open);
    let (sky, stack) = (applied(&before), asking(&["new"]));
    let plan = planned(&stack, &sky, Mode::Apply);
    let shut = (Update, "alb.public.listener.http");
    assert_eq!(need(&plan, shut, (Update, "cloudfront.site")), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

/// What leads everybody to HTTPS on that port.
fn redirect(port: &str) -> Action {
    Action::Redirect {
        protocol: "HTTPS".into(),
        host: "#{host}".into(),
        port: port.into(),
        path: "/#{path}".into(),
        query: "#{query}".into(),
        status: 301,
    }
}

#[test]
fn a_listener_or_rule_leads_users_to_another_port_when_they_are_let_in_and_answered_there() {
    let (http, https) = ("alb.public.listener.http", "alb.public.listener.https");
    let http_rule = format!("{http}.rule.10");
    let stack = |redirects: bool| {
        let mut stack = course();
        if redirects {
            let mut doors = security_group("alb-public", "0.0.0.0/0");
            doors.ingress.insert(SecurityGroupRule::tcp(443, "0.0.0.0/0", ""));
            add(&mut stack, "security_group.alb-public", doors);
            add(&mut stack, http, listener("alb.public", 80, redirect("443")));
            add(&mut stack, &http_rule, rule(http, 10, redirect("#{port}")));
            add(&mut stack, &format!("{http}.rule.20"), rule(http, 20, redirect("443")));
            add(&mut stack, "certificate.site", Certificate::example());
            let certificate = Some(of("certificate.site", "arn"));
            let open = listener("alb.public", 443, forward("target_group.api"));
            add(&mut stack, https, Listener { protocol: "HTTPS".into(), certificate, ..open });
            add(&mut stack, "target_group.two", target_group("two", 4000, "/"));
            add(&mut stack, &format!("{https}.rule.10"), rule(https, 10, forward("target_group.two")));
            let two = api(&stack, |service| service.targets[0].target_group = of("target_group.two", "arn"));
            add(&mut stack, "service.two", Service { name: "course-two".into(), ..two });
        } else {
            add(&mut stack, http, listener("alb.public", 80, forward("target_group.api")));
            add(&mut stack, &format!("{http}.rule.20"), rule(http, 20, forward("target_group.api")));
        }
        stack
    };
    let (sky, stack) = (applied(&stack(false)), stack(true));
    let plan = planned(&stack, &sky, Mode::Apply);
    let https_rule = format!("{https}.rule.10");
    let answers = [
        (Create, https),
        (Create, https_rule.as_str()),
        (Create, "service.two"),
        (Update, "security_group.alb-public"),
    ];
    for answer in answers {
        for turns in [http, "alb.public.listener.http.rule.20"] {
            assert_eq!(need(&plan, (Update, turns), answer), Some(Need::Ready), "{turns} {answer:?}");
        }
        // The same port is open already.
        assert_eq!(need(&plan, (Update, &http_rule), answer), None);
    }
    finish(sky, &plan, &stack);
}

/// The course whose rules, ten by ten, look for these hosts.
fn hosts(hosts: &[&str]) -> Desired {
    let mut stack = course();
    for (host, priority) in hosts.iter().zip((10..).step_by(10)) {
        let mut rule = rule("alb.public.listener.http", priority, forward("target_group.api"));
        rule.conditions.host.insert((*host).to_owned());
        add(&mut stack, &numbered(priority), rule);
    }
    stack
}

fn numbered(priority: u32) -> String {
    format!("alb.public.listener.http.rule.{priority}")
}

#[test]
fn a_rule_takes_other_requests_when_another_one_takes_those_that_it_took() {
    let plan = |before: &[&str], after: &[&str]| {
        let (sky, stack) = (applied(&hosts(before)), hosts(after));
        let plan = planned(&stack, &sky, Mode::Apply);
        finish(sky, &plan, &stack);
        plan
    };
    let at = |plan: &neap_core::plan::Plan, (after, at): (Verb, u32), (before, by): (Verb, u32)| {
        need(plan, (after, &numbered(at)), (before, &numbered(by)))
    };
    let more = plan(&["one", "two", "three"], &["new", "one", "two", "three"]);
    assert_eq!(at(&more, (Update, 30), (Create, 40)), Some(Need::Ready));
    assert_eq!(at(&more, (Update, 20), (Update, 30)), Some(Need::Ready));
    assert_eq!(at(&more, (Update, 10), (Update, 20)), Some(Need::Ready));
    let fewer = plan(&["one", "two", "three", "four"], &["two", "three", "four"]);
    assert_eq!(at(&fewer, (Delete, 40), (Update, 30)), Some(Need::Ready));
    assert_eq!(at(&fewer, (Update, 30), (Update, 20)), Some(Need::Ready));
    assert_eq!(at(&fewer, (Update, 20), (Update, 10)), Some(Need::Ready));
    // Of two that change places one has to go first.
    let changed = plan(&["one", "two"], &["two", "one"]);
    assert_eq!(changed.counts().update, 2);
    let apart = plan(&["one", "two"], &["three", "four"]);
    assert_eq!(at(&apart, (Update, 10), (Update, 20)), None);
}

#[test]
fn a_load_balancer_takes_other_groups_when_the_tasks_let_them_in() {
    let door = "security_group.service-api";
    let (before, mut stack) = (course(), course());
    add(&mut stack, "security_group.lb", security_group("lb", "0.0.0.0/0"));
    add(&mut stack, door, security_group("service-api", &of("security_group.lb", "id")));
    add(&mut stack, "alb.public", alb("public", "internet-facing", "security_group.lb"));
    let sky = applied(&before);
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(need(&plan, (Update, "alb.public"), (Widen, door)), Some(Need::Ready));
    assert_eq!(need(&plan, (Narrow, door), (Update, "alb.public")), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

#[test]
fn tasks_are_asked_for_their_health_by_another_port_when_they_or_their_instances_let_that_in() {
    for on_instances in [false, true] {
        let stack = |port: u16| {
            let mut stack = course();
            let ports = [3000, port].map(|port| SecurityGroupRule::tcp(port, "10.0.0.0/8", ""));
            let mut group = security_group("outer", "10.0.0.0/8");
            group.ingress = ports.clone().into();
            add(&mut stack, "security_group.outer", group);
            let mut group = security_group("service-api", "10.0.0.0/8");
            group.ingress = ports.into();
            add(&mut stack, "security_group.service-api", group);
            let mut asked = target_group("api", 3000, "/");
            asked.health_check.port = port.to_string();
            add(&mut stack, "target_group.api", asked);
            if on_instances {
                add(&mut stack, "role.run", role("run", "runs"));
                more::instances(&mut stack, &mut Picks([].iter()));
                let service = api(&stack, |service| {
                    service.own_interfaces = false;
                    (service.subnets, service.security_groups) = ([].into(), [].into());
                    service.capacity =
                        [("neap-course-main".to_owned(), StrategyItem { weight: 1, base: 0 })].into();
                });
                add(&mut stack, "service.api", service);
            }
            stack
        };
        let (sky, stack) = (applied(&stack(8080)), stack(9090));
        let plan = planned(&stack, &sky, Mode::Apply);
        let asks = (Update, "target_group.api");
        let door = if on_instances { "security_group.outer" } else { "security_group.service-api" };
        assert_eq!(need(&plan, asks, (Widen, door)), Some(Need::Ready), "{door}");
        assert_eq!(need(&plan, (Narrow, door), asks), Some(Need::Ready), "{door}");
        finish(sky, &plan, &stack);
    }
}
