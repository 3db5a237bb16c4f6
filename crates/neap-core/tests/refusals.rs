//! What stops a plan, and what the check finds in a broken one.

mod sky;

use neap_core::address::Kind;
use neap_core::adopt::{NoAdoption, Verdict, Wish};
use neap_core::desired::{Desired, TAG_REGION};
use neap_core::kinds::{
    AutoScalingGroup, Bucket, ConnectEndpoint, Domain, Ecr, KindOf, LaunchTemplate, Namespace, PortMapping,
    Resource, SecurityGroupRule, Service, ServiceConnect,
};
use neap_core::leaving;
use neap_core::live::{Holding, Live, ReadFailure, Reading};
use neap_core::plan::check::check;
use neap_core::plan::planner::plan;
use neap_core::plan::{Action, Edge, Mode, Need, Plan, Refusal, Verb};
use sky::stacks::{add, address, course, security_group};
use sky::{Sky, secrets};

fn refusals(mode: Mode, stack: &Desired, live: &Live) -> Vec<String> {
    let refusals = plan(stack, live, mode, &secrets()).expect_err("refused");
    let text = |refusal: &Refusal| match refusal {
        Refusal::WrongAccount { expected, actual } => format!("account {actual}, not {expected}"),
        Refusal::OtherRegion { expected, actual } => format!("region {actual}, not {expected}"),
        Refusal::NameTaken { address, .. } => format!("taken {address}"),
        Refusal::Unreadable { address: Some(address), failure } => {
            format!("unreadable {address} {}", failure.operation)
        }
        Refusal::Unreadable { address: None, failure } => format!("unreadable {}", failure.operation),
        Refusal::Protected { address, action, .. } => format!("protected {address} {}", action.word()),
        Refusal::DeletionProtected { address, action, .. } => {
            format!("{address} has deletion protection, {}", action.word())
        }
        Refusal::Holds { address, holding, action, .. } => {
            format!("{address} holds {}, {}", holding.items, action.word())
        }
        Refusal::BucketTaken { address, name } => format!("{address} cannot be {name}"),
        Refusal::NoNetwork { message } => message.clone(),
        Refusal::NoCloudfrontOrigins => "no prefix list".to_owned(),
        Refusal::NoZone { zone } => format!("no {zone}"),
        Refusal::PrivateZone { address, zone } => format!("{address} in private {zone}"),
        Refusal::BadCertificate { arn, state } => format!("{arn} is {state}"),
        Refusal::FewZones { needed, found } => format!("{needed} zones of {}", found.len()),
        Refusal::NotThere { named, by } => {
            let by: Vec<String> = by.iter().map(ToString::to_string).collect();
            format!("no {named}, which {} names", by.join(", "))
        }
        Refusal::OtherProcessor { address, image, built_for, instance_type } => {
            format!("{address}: {image} is for {built_for}, {instance_type} is not")
        }
        Refusal::WrongZones { address, zones } => format!("{address}: wrong zones {zones:?}"),
        Refusal::NoImage { processor } => format!("no image for {processor}"),
        Refusal::NoSecret { name } => format!("no secret {name}"),
        Refusal::AnotherFamily { address, runs } => format!("{address} runs {runs}"),
        Refusal::TrafficElsewhere { address, group, wanted } => {
            format!("{address} leaves {group} for {wanted}")
        }
        Refusal::FixedProtocol { address, port, before, after } => {
            format!("{address} serves {port}: {before}, then {after}")
        }
        Refusal::UsersElsewhere { address, service, group, empty } => {
            format!("{address} leads to {empty}, {service} is in {group}")
        }
        Refusal::Cycle { path } => path.iter().map(ToString::to_string).collect::<Vec<_>>().join(" -> "),
    };
    refusals.iter().map(text).collect()
}

fn failure(operation: &str) -> ReadFailure {
    ReadFailure { operation: operation.into(), code: None, message: "denied".into(), denied: true }
}

fn applied(stack: &Desired) -> Sky {
    let mut sky = Sky::new();
    let plan = planned(stack, &sky.read(stack), Mode::Apply);
    sky.apply(&plan, &[], &[]).expect("the steps are in order");
    sky
}

fn planned(stack: &Desired, live: &Live, mode: Mode) -> Plan {
    plan(stack, live, mode, &secrets()).expect("nothing stands in the way")
}

#[test]
fn all_reasons_are_given_at_once() {
    let mut sky = applied(&course());
    let repository = sky.resources.iter_mut().find(|found| found.address == address("ecr.api"));
    repository.expect("a repository").tags.clear();
    let mut stack = course();
    stack.account = Some("999999999999".into());
    stack.resources.entry(address("service.api")).and_modify(|wanted| wanted.protect = true);
    let mut task = sky::stacks::course_task("nginx");
    let app = task.containers.get_mut("app").expect("a container");
    app.secrets.insert("KEY".into(), "${secret.none}".into());
    add(&mut stack, "task.api", task);
    let mut live = sky.read(&stack);
    live.readings
        .insert(address("log_group.task-api"), Reading::Unreadable(failure("logs:DescribeLogGroups")));
    live.failures.push(failure("ecs:ListClusters"));
    live.environment.subnets.truncate(1);
    let Some(Reading::Present(service)) = live.readings.get_mut(&address("service.api")) else { panic!() };
    service.phase = neap_core::live::Phase::Deleting("DRAINING".into());
    let expected = [
        "account 123456789012, not 999999999999",
        "unreadable log_group.task-api logs:DescribeLogGroups",
        "unreadable ecs:ListClusters",
        "a load balancer needs subnets in two availability zones, and the VPC `vpc-1` in eu-west-1 has public ones in one",
        "no secret none",
        "taken ecr.api",
        "protected service.api replace",
    ];
    let mut found = refusals(Mode::Apply, &stack, &live);
    found.sort_by_key(|text| expected.iter().position(|expected| expected == text));
    assert_eq!(found, expected);
}

#[test]
fn a_stack_of_another_region_is_neither_changed_nor_destroyed_from_here() {
    let mut sky = applied(&course());
    let role = sky.resources.iter_mut().find(|found| found.resource.kind() == Kind::Role).expect("a role");
    role.tags.insert(TAG_REGION.into(), "eu-west-1".into());
    planned(&course(), &sky.read(&course()), Mode::Destroy);
    // Of all that the stack has, the other region shows what is global.
    sky.environment.region = "us-east-1".into();
    sky.resources.retain(|found| found.resource.kind() == Kind::Role);
    for mode in [Mode::Apply, Mode::Destroy] {
        assert_eq!(refusals(mode, &course(), &sky.read(&course())), ["region us-east-1, not eu-west-1"]);
    }
    // What was made before there was a mark counts as of the region that is looked at.
    sky.resources.iter_mut().for_each(|role| drop(role.tags.remove(TAG_REGION)));
    planned(&course(), &sky.read(&course()), Mode::Destroy);
}

#[test]
fn what_is_adopted_gets_the_mark_of_its_region_where_an_apply_would_give_it() {
    let at = address("role.task-api-execution");
    for is_marked in [true, false] {
        let mut stack = course();
        let wanted = stack.resources.get_mut(&at).expect("a role");
        if is_marked {
            wanted.tags.insert(TAG_REGION.into(), "${aws.region}".into());
        }
        let mut sky = applied(&stack);
        let role = sky.resources.iter_mut().find(|found| found.address == at).expect("a role");
        role.tags.clear();
        let live = sky.read(&stack);
        let wish = Wish { desired: &stack, live: &live, address: &at, secrets: &secrets() };
        let Ok(Verdict::Adopt(adoption)) = wish.judge() else { panic!("it can be adopted") };
        assert_eq!(adoption.marks().contains_key(TAG_REGION), is_marked);
        assert_eq!(adoption.next.map(|next| next.action), Some(Action::NoOp));
    }
}

#[test]
fn a_name_that_leads_to_a_balancer_elsewhere_tells_the_region_unless_the_stack_has_one_here() {
    let mut stack = course();
    let leads = |target: &str| Domain { target: target.into(), ..Domain::example() };
    add(&mut stack, "domain.app", leads("course-public-1.eu-west-1.elb.amazonaws.com"));
    let mut sky = applied(&stack);
    planned(&stack, &sky.read(&stack), Mode::Destroy);
    sky.environment.region = "us-east-1".into();
    planned(&stack, &sky.read(&stack), Mode::Destroy);
    sky.resources.retain(|found| found.resource.kind() == Kind::Domain);
    let balancers =
        ["course-public-1.eu-west-1.elb.amazonaws.com", "course-mqtt-1.elb.eu-west-1.amazonaws.com"];
    for host in balancers {
        sky.resources[0].resource = leads(host).into();
        let refused = refusals(Mode::Destroy, &stack, &sky.read(&stack));
        assert_eq!(refused, ["region us-east-1, not eu-west-1"], "{host}");
    }
    for host in ["course-public-1.us-east-1.elb.amazonaws.com", "d1.cloudfront.net"] {
        sky.resources[0].resource = leads(host).into();
        planned(&stack, &sky.read(&stack), Mode::Destroy);
    }
}

#[test]
fn a_taken_name_shows_how_the_two_differ() {
    let mut sky = applied(&course());
    let repository = sky.resources.iter_mut().find(|found| found.address == address("ecr.api")).expect("one");
    repository.tags.clear();
    let Resource::Ecr(fields) = &mut repository.resource else { panic!() };
    fields.tag_mutability = "IMMUTABLE".into();
    let refusals = plan(&course(), &sky.read(&course()), Mode::Apply, &secrets()).expect_err("refused");
    let [Refusal::NameTaken { fields, .. }] = refusals.as_slice() else { panic!("{refusals:?}") };
    assert_eq!(fields.iter().map(|field| field.path.as_str()).collect::<Vec<_>>(), ["tag_mutability"]);
}

#[test]
fn what_cannot_be_adopted_says_why() {
    let mut sky = applied(&course());
    let role = sky.resources.iter_mut().find(|found| found.resource.kind() == Kind::Role).expect("a role");
    role.tags.clear();
    let wanted = sky.read(&course());
    let refused = |live: &Live| {
        let refusals = plan(&course(), live, Mode::Apply, &secrets()).expect_err("refused");
        let [Refusal::NameTaken { obstacle, .. }] = refusals.as_slice() else { panic!("{refusals:?}") };
        obstacle.as_deref().cloned()
    };
    assert_eq!(refused(&wanted), None);
    let role = sky.resources.iter_mut().find(|found| found.resource.kind() == Kind::Role).expect("a role");
    let Resource::Role(fields) = &mut role.resource else { panic!() };
    fields.path = "/".into();
    let obstacle = refused(&sky.read(&course()));
    assert!(matches!(obstacle, Some(NoAdoption::RoleOutside { .. })), "{obstacle:?}");
}

#[test]
fn destroying_cares_only_for_what_is_live_and_ours() {
    let mut sky = applied(&course());
    let repository = sky.resources.iter_mut().find(|found| found.address == address("ecr.api"));
    repository.expect("a repository").tags.clear();
    let mut stack = course();
    let mut live = sky.read(&stack);
    live.environment.vpc = None;
    live.environment.subnets.clear();
    let destroy = planned(&stack, &live, Mode::Destroy);
    assert_eq!(destroy.counts().delete, stack.resources.len() - 1);
    stack.resources.entry(address("alb.public")).and_modify(|wanted| wanted.protect = true);
    live.readings.insert(address("ecr.api"), Reading::Unreadable(failure("ecr:DescribeRepositories")));
    let expected = ["unreadable ecr.api ecr:DescribeRepositories", "protected alb.public delete"];
    assert_eq!(refusals(Mode::Destroy, &stack, &live), expected);
}

#[test]
fn a_cycle_is_refused_with_its_path() {
    let mut stack = Desired { stack: "course".into(), ..Desired::default() };
    add(&mut stack, "security_group.a", security_group("a", "${security_group.b.id}"));
    add(&mut stack, "security_group.b", security_group("b", "${security_group.c.id}"));
    add(&mut stack, "security_group.c", security_group("c", "${security_group.a.id}"));
    let live = Sky::new().read(&stack);
    let expected = ["security_group.a -> security_group.b -> security_group.c -> security_group.a"];
    assert_eq!(refusals(Mode::Apply, &stack, &live), expected);
}

#[test]
fn a_missing_network_is_refused_only_where_it_is_needed() {
    let mut stack = Desired { stack: "course".into(), ..Desired::default() };
    add(&mut stack, "cluster.main", sky::stacks::cluster("main"));
    let mut sky = Sky::new();
    sky.environment.vpc = None;
    sky.environment.subnets.clear();
    assert_eq!(planned(&stack, &sky.read(&stack), Mode::Apply).counts().create, 1);
    let stack = course();
    let expected = ["the stack needs a default VPC in eu-west-1, and there is none"];
    assert_eq!(refusals(Mode::Apply, &stack, &sky.read(&stack)), expected);
}

#[test]
fn what_faces_the_internet_is_not_put_where_the_internet_does_not_reach() {
    let mut sky = Sky::new();
    sky.environment.subnets_private = true;
    let expected = [
        "the internet would not reach `alb.public`: it needs public subnets, and the VPC `vpc-1` in eu-west-1 has private ones \
         alone; set `scheme = \"internal\"`, or name `subnets` by their ids",
    ];
    assert_eq!(refusals(Mode::Apply, &course(), &sky.read(&course())), expected);
    let mut stack = course();
    let alb = stack.resources.get_mut(&address("alb.public")).expect("a load balancer");
    let Resource::Alb(fields) = &mut alb.resource else { panic!() };
    fields.scheme = "internal".into();
    planned(&stack, &sky.read(&stack), Mode::Apply);
}

#[test]
fn what_the_stack_names_is_there_and_fits() {
    let mut stack = course();
    let template = LaunchTemplate { image: "ami-1".into(), ..LaunchTemplate::example() };
    add(&mut stack, "launch_template.cluster-main", template);
    let subnets = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let group = AutoScalingGroup { subnets: subnets(&["subnet-9"]), ..AutoScalingGroup::example() };
    add(&mut stack, "auto_scaling_group.cluster-main", group);
    for wanted in stack.resources.values_mut() {
        if let Resource::Alb(alb) = &mut wanted.resource {
            alb.subnets = subnets(&["subnet-1", "subnet-2"]);
        }
    }
    let mut live = Sky::new().read(&stack);
    planned(&stack, &live, Mode::Apply);
    let mut there = |named: &str, found: Option<&str>| {
        live.environment.named.insert(named.to_owned(), found.map(ToOwned::to_owned));
        plan(&stack, &live, Mode::Apply, &secrets())
            .map_or_else(|_| refusals(Mode::Apply, &stack, &live), |_| Vec::new())
    };
    assert_eq!(there("image ami-1", Some("x86_64")), [""; 0]);
    let other = ["launch_template.cluster-main: ami-1 is for arm64, t3.micro is not"];
    assert_eq!(there("image ami-1", Some("arm64")), other);
    assert_eq!(there("image ami-1", Some("")), [""; 0]);
    assert_eq!(there("subnet subnet-1", Some("eu-west-1a")), [""; 0]);
    let crowded = "alb.public: wrong zones {\"subnet-1\": \"eu-west-1a\", \"subnet-2\": \"eu-west-1a\"}";
    assert_eq!(there("subnet subnet-2", Some("eu-west-1a")), [crowded]);
    assert_eq!(there("subnet subnet-2", Some("eu-west-1b")), [""; 0]);
    there("key pair laptop", None);
    assert_eq!(
        there("subnet subnet-9", None),
        [
            "no key pair laptop, which launch_template.cluster-main names",
            "no subnet subnet-9, which auto_scaling_group.cluster-main names",
        ]
    );
}

/// Breaks a sound plan and sees what the check says.
fn broken(mut plan: Plan, damage: impl FnOnce(&mut Plan), expected: &str) {
    assert_eq!(check(&plan), Vec::<String>::new());
    damage(&mut plan);
    let faults = check(&plan);
    assert!(faults.iter().any(|fault| fault.contains(expected)), "no `{expected}` in {faults:#?}");
}

fn created() -> Plan {
    planned(&course(), &Sky::new().read(&course()), Mode::Apply)
}

fn destroyed() -> Plan {
    planned(&course(), &applied(&course()).read(&course()), Mode::Destroy)
}

#[test]
fn the_check_finds_steps_that_do_not_fit() {
    broken(created(), |plan| plan.steps[0].change = 99, "which does not exist");
    broken(created(), |plan| plan.steps[0].verb = Verb::Update, "for the action Create");
    broken(created(), |plan| plan.steps[0].address = address("ecr.other"), "names the change of");
    broken(created(), |plan| plan.changes[0].action = Action::NoOp, "for the action NoOp");
    broken(created(), |plan| plan.changes[0].desired = None, "nothing says what it should be");
    broken(destroyed(), |plan| plan.changes[0].live = None, "nothing says what is live");
}

#[test]
fn the_check_finds_wrong_order() {
    broken(created(), |plan| plan.edges.clear(), "is not known when it is needed");
    broken(destroyed(), |plan| plan.edges.clear(), "is deleted while");
    let back = Edge { before: 12, after: 0, need: Need::Exists };
    broken(created(), |plan| plan.edges.push(back), "waits for the later step");
    let circle = |plan: &mut Plan| {
        let edge = plan.edges[0];
        plan.edges.push(Edge { before: edge.after, after: edge.before, need: edge.need });
    };
    broken(created(), circle, "steps wait for each other");
    broken(created(), |plan| plan.edges[0].need = Need::Gone, "is Gone");
    broken(
        created(),
        |plan| plan.edges.push(Edge { before: 0, after: 99, need: Need::Ready }),
        "do not both exist",
    );
}

#[test]
fn the_check_finds_what_must_not_be_touched() {
    let foreign = |plan: &mut Plan| plan.changes[0].live.as_mut().expect("live").tags.clear();
    broken(destroyed(), foreign, "not tagged as the stack's own");
    let twice = |plan: &mut Plan| {
        let live = |change: &neap_core::plan::Change| change.live.clone().map(|live| (live.kind(), live));
        let logs = plan.changes.iter().find_map(live).expect("something is live").1;
        plan.changes.last_mut().expect("a change").live = Some(logs);
    };
    broken(destroyed(), twice, "are both about");
    let sky = applied(&course());
    let mut stack = course();
    add(&mut stack, "log_group.task-api", sky::stacks::log_group("task-api", "INFREQUENT_ACCESS"));
    let replacing = || planned(&stack, &sky.read(&stack), Mode::Apply);
    let protect = |plan: &mut Plan| plan.changes[0].desired.as_mut().expect("desired").protect = true;
    broken(replacing(), protect, "it is protected");
    broken(replacing(), |plan| plan.edges.clear(), "its replacement is not in order");
}

#[test]
fn the_check_finds_rules_that_go_too_early() {
    let sky = applied(&course());
    let mut stack = course();
    let mut group = security_group("service-api", "${security_group.alb-public.id}");
    group.ingress = [SecurityGroupRule::tcp(8080, "${security_group.alb-public.id}", "")].into();
    add(&mut stack, "security_group.service-api", group);
    add(&mut stack, "task.api", sky::stacks::course_task("${ecr.api.uri}:v2"));
    let moving = || planned(&stack, &sky.read(&stack), Mode::Apply);
    let of = |plan: &Plan, verb: Verb| {
        let found =
            |step: &neap_core::plan::Step| step.verb == verb && step.address.kind() == Kind::SecurityGroup;
        plan.steps.iter().position(found).expect("a step of the group")
    };
    let early = |plan: &mut Plan| {
        let narrow = of(plan, Verb::Narrow);
        plan.edges.retain(|edge| edge.after != narrow || plan.steps[edge.before].verb == Verb::Widen);
    };
    broken(moving(), early, "takes away what service.api may still rely on");
    let apart = |plan: &mut Plan| {
        let widen = of(plan, Verb::Widen);
        plan.edges.retain(|edge| edge.before != widen || plan.steps[edge.after].verb != Verb::Narrow);
    };
    broken(moving(), apart, "is not taken away last");
    let once = |plan: &mut Plan| {
        let narrow = of(plan, Verb::Narrow);
        plan.steps[narrow].verb = Verb::Update;
    };
    broken(moving(), once, "for the action Update");
}

#[test]
fn an_apply_takes_no_bucket_away_with_what_others_have_put_into_it() {
    let named = |at: &str, name: &str| {
        let mut stack = course();
        add(&mut stack, at, Bucket { name: name.into(), ..Bucket::example() });
        stack
    };
    let sky = applied(&named("bucket.uploads", "uploads"));
    let read = |stack: &Desired| {
        let mut live = sky.read(stack);
        live.holdings.insert("uploads".into(), Holding { items: 3, more: false });
        live
    };
    for (stack, expected) in [
        (named("bucket.media", "media"), "bucket.uploads holds 3, delete"),
        (named("bucket.uploads", "other"), "bucket.uploads holds 3, replace"),
        (course(), "bucket.uploads holds 3, delete"),
    ] {
        assert_eq!(refusals(Mode::Apply, &stack, &read(&stack)), [expected]);
        planned(&stack, &read(&stack), Mode::Destroy);
        planned(&stack, &sky.read(&stack), Mode::Apply);
    }
    let stack = named("bucket.uploads", "uploads");
    planned(&stack, &read(&stack), Mode::Apply);
}

#[test]
fn an_apply_takes_no_repository_away_with_its_images() {
    let bare = || Desired { stack: "course".into(), ..Desired::default() };
    let with = |at: &str, repository: Ecr| {
        let mut stack = bare();
        add(&mut stack, at, repository);
        stack
    };
    let named = |name: &str| Ecr { name: name.into(), ..Ecr::example() };
    let plain = Ecr { encryption: "AES256".into(), kms_key: None, ..named("images") };
    let sky = applied(&with("ecr.api", plain.clone()));
    let read = |stack: &Desired| {
        let mut live = sky.read(stack);
        let leaving = leaving::repositories(stack, &live.readings, &live.orphans).len();
        live.images.insert("images".into(), Holding { items: 3, more: false });
        (leaving, live)
    };
    for (stack, expected) in [
        (with("ecr.apiz", named("other")), "ecr.api holds 3, delete"),
        (with("ecr.api", named("images")), "ecr.api holds 3, replace"),
        (with("ecr.api", named("other")), "ecr.api holds 3, replace"),
        (bare(), "ecr.api holds 3, delete"),
    ] {
        let (leaving, live) = read(&stack);
        assert_eq!(leaving, 1, "{expected}");
        assert_eq!(refusals(Mode::Apply, &stack, &live), [expected]);
        planned(&stack, &live, Mode::Destroy);
        planned(&stack, &sky.read(&stack), Mode::Apply);
    }
    for at in ["ecr.api", "ecr.apiz"] {
        let (leaving, live) = read(&with(at, plain.clone()));
        assert_eq!(leaving, 0, "{at} has its name");
        planned(&with(at, plain.clone()), &live, Mode::Apply);
    }
}

#[test]
fn an_apply_turns_no_deletion_protection_off_to_delete() {
    let with = |protected: bool, scheme: &str| {
        let mut stack = course();
        let wanted = stack.resources.get_mut(&address("alb.public")).expect("a load balancer");
        let Resource::Alb(alb) = &mut wanted.resource else { panic!("a load balancer") };
        alb.deletion_protection = protected;
        alb.scheme = scheme.into();
        // As lowering does, the name holds a hash of what cannot be changed.
        alb.name = format!("course-public-{scheme}");
        stack
    };
    let sky = applied(&with(true, "internet-facing"));
    let internal = with(true, "internal");
    let told = |stack: &Desired| refusals(Mode::Apply, stack, &sky.read(stack));
    let refused = |action: &str| format!("alb.public has deletion protection, {action}");
    assert_eq!(told(&internal), [refused("replace")]);
    assert_eq!(told(&with(false, "internal")), [refused("replace")], "it is still on");
    let bare = Desired { stack: "course".into(), ..Desired::default() };
    assert_eq!(told(&bare), [refused("delete")]);
    planned(&bare, &sky.read(&bare), Mode::Destroy);
    let off = with(false, "internet-facing");
    planned(&off, &sky.read(&off), Mode::Apply);
    let sky = applied(&off);
    planned(&internal, &sky.read(&internal), Mode::Apply);
}

#[test]
fn what_a_port_of_service_connect_speaks_is_not_changed_under_its_service() {
    let with = |name: &str, spoken: Option<&str>| {
        let mut stack = course();
        let namespace = Namespace { sort: Namespace::HTTP.into(), vpc: None, ..Namespace::example() };
        add(&mut stack, "namespace.main", namespace);
        let task = stack.resources.get_mut(&address("task.api")).expect("a task");
        let Resource::Task(task) = &mut task.resource else { panic!("a task") };
        let port = PortMapping {
            container_port: 3000,
            host_port: 3000,
            protocol: "tcp".into(),
            name: Some(name.into()),
            app_protocol: spoken.map(str::to_owned),
        };
        task.containers.values_mut().for_each(|container| container.ports = [port.clone()].into());
        let service = stack.resources.get_mut(&address("service.api")).expect("a service");
        let Resource::Service(service) = &mut service.resource else { panic!("a service") };
        let example = Service::example().connect.expect("an example has every field");
        let endpoint = example.serves.values().next().expect("an endpoint").clone();
        let endpoint = ConnectEndpoint { port_name: name.into(), tls: None, ..endpoint };
        let serves = [(name.to_owned(), endpoint)].into();
        let namespace = "${namespace.main.arn}".to_owned();
        service.connect = Some(ServiceConnect { namespace, serves, logs: None });
        stack
    };
    let sky = applied(&with("web", Some("http")));
    let told = |stack: &Desired| refusals(Mode::Apply, stack, &sky.read(stack));
    assert_eq!(told(&with("web", Some("grpc"))), ["service.api serves web: http, then grpc"]);
    assert_eq!(told(&with("web", None)), ["service.api serves web: http, then tcp"]);
    let mut unserved = with("web", Some("grpc"));
    let service = unserved.resources.get_mut(&address("service.api")).expect("a service");
    let Resource::Service(service) = &mut service.resource else { panic!("a service") };
    service.connect = None;
    for free in [&with("other", Some("grpc")), &with("web", Some("http")), &unserved] {
        planned(free, &sky.read(free), Mode::Apply);
    }
}
