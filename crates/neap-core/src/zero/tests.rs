use std::collections::BTreeMap;

use super::*;
use crate::address::{Address, Kind};
use crate::desired::{Desired, DesiredResource, LockPlace, TAG_ADDRESS, TAG_REGION, TAG_STACK};
use crate::kinds::{Bucket, Cluster, Ecr, KindOf, Service};
use crate::live::ReadFailure;
use crate::pricing::{Charge, Usage};

const CLUSTER: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/course-main";
const BALANCER: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/course-public-1/1";

/// The stack `course` with a repository, a cluster and a service.
fn scope() -> StackScope {
    let service = Service { cluster: "${cluster.main.arn}".into(), ..Service::example() };
    let resources = [
        (Address::new(Kind::Ecr, "api"), DesiredResource::plain(Ecr::example())),
        (Address::new(Kind::Cluster, "main"), DesiredResource::plain(Cluster::example())),
        (Address::new(Kind::Service, "api"), DesiredResource::plain(service)),
    ];
    let desired = Desired { stack: "course".into(), resources: resources.into(), ..Desired::default() };
    StackScope::of(&desired, Depth::Everything)
}

fn tags(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn ours(address: &str) -> BTreeMap<String, String> {
    tags(&[(TAG_STACK, "course"), (TAG_ADDRESS, address)])
}

fn tagged(thing: Thing, id: &str, name: &str, address: &str) -> Seen {
    Seen { tags: ours(address), ..Seen::new(thing, id, name) }
}

fn remains(seen: Vec<Seen>) -> Remains {
    Remains { region: "us-east-1".into(), seen, ..Remains::default() }
}

/// Fails unless `seen` alone is judged to be left like this; `None` for what is not left.
#[track_caller]
fn check(seen: Seen, expected: impl Into<Option<Found>>) {
    let verdict = judge(&scope(), &remains(vec![seen]));
    let found: Vec<&Found> = verdict.left.iter().map(|left| left.found.as_ref().expect("how")).collect();
    let expected: Option<Found> = expected.into();
    assert_eq!(found, Vec::from_iter(expected.as_ref()), "{verdict:#?}");
}

/// Fails unless `seen` is told as something that only has a name like the stack's, if at all.
#[track_caller]
fn check_not_left(seen: Seen, is_namesake: bool) {
    let verdict = judge(&scope(), &remains(vec![seen]));
    assert!(verdict.is_zero(), "{verdict:#?}");
    assert_eq!(verdict.namesakes.len(), usize::from(is_namesake), "{verdict:#?}");
}

fn name_of(address: Address) -> Found {
    Found::Name { of: address }
}

#[test]
fn the_stacks_tag_claims_whatever_the_name() {
    check(tagged(Thing::Repository, "other", "other", "ecr.api"), Some(Found::Tag));
    let no_address = Seen { tags: tags(&[(TAG_STACK, "course")]), ..Seen::new(Thing::LogGroup, "x", "x") };
    check(no_address, Some(Found::Tag));
}

#[test]
fn a_bucket_that_its_stack_keeps_is_told_and_nothing_else_can_be_kept() {
    let kept = |thing, address| {
        let mut seen = tagged(thing, "course-web", "course-web", address);
        seen.tags.insert("neap:keep".to_owned(), "true".to_owned());
        judge(&scope(), &remains(vec![seen]))
    };
    let bucket = kept(Thing::Bucket, "bucket.web");
    assert!(bucket.is_zero(), "{bucket:#?}");
    assert_eq!(bucket.kept.len(), 1);
    let balancer = kept(Thing::LoadBalancer, "alb.web");
    assert_eq!((balancer.left.len(), balancer.kept.len()), (1, 0));
}

#[test]
fn what_is_global_tells_that_the_stack_is_in_another_region() {
    let role = |region: &str| {
        let mut role = tagged(Thing::Role, "arn:aws:iam::1:role/neap/course/api", "api", "role.api");
        role.tags.insert(TAG_REGION.to_owned(), region.to_owned());
        judge(&scope(), &remains(vec![role])).elsewhere
    };
    assert_eq!(role("eu-west-1"), Some("eu-west-1".to_owned()));
    assert_eq!(role("us-east-1"), None);
}

#[test]
fn another_stacks_tag_settles_it() {
    let other = tags(&[(TAG_STACK, "course-two"), (TAG_ADDRESS, "ecr.api")]);
    for name in ["course-api", "course-two-api", "/neap/course/api"] {
        for thing in [Thing::Repository, Thing::LogGroup] {
            check_not_left(Seen { tags: other.clone(), ..Seen::new(thing, name, name) }, false);
        }
    }
}

#[test]
fn a_declared_name_without_any_tag_counts_and_one_that_somebody_tagged_does_not() {
    let of = Address::new(Kind::Ecr, "api");
    let repository = |tags| Seen { tags, ..Seen::new(Thing::Repository, "course-api", "course-api") };
    check(repository(BTreeMap::new()), Some(name_of(of.clone())));
    check(repository(tags(&[(TAG_ADDRESS, "ecr.api"), ("team", "web")])), Some(name_of(of)));
    check_not_left(repository(tags(&[("team", "web")])), true);
}

#[test]
fn a_name_that_only_begins_like_the_stacks_claims_nothing() {
    check_not_left(Seen::new(Thing::Repository, "course-two-api", "course-two-api"), true);
    check_not_left(Seen::new(Thing::Repository, "courses", "courses"), false);
    // The name is declared, for another kind.
    check_not_left(Seen::new(Thing::Repository, "course-main", "course-main"), true);
}

#[test]
fn places_that_only_the_stack_uses_need_no_tag() {
    let role = |path: &str| {
        Seen::new(Thing::Role, format!("arn:aws:iam::123456789012:role{path}anything"), "anything")
    };
    check(role("/neap/course/"), Some(Found::Place));
    check_not_left(role("/neap/course-two/"), false);
    check_not_left(role("/"), false);
    check(Seen::new(Thing::LogGroup, "/neap/course/api", "/neap/course/api"), Some(Found::Place));
    check_not_left(Seen::new(Thing::LogGroup, "/neap/course-two/api", "/neap/course-two/api"), false);
    check(Seen::new(Thing::Parameter, "/neap/course/lock", "/neap/course/lock"), Some(Found::Place));
    let distribution = |comment: &str| Seen::new(Thing::Distribution, "E1", comment);
    check(distribution("the site (course/cloudfront.site)"), Some(Found::Place));
    check_not_left(distribution("the site (course-two/cloudfront.site)"), false);
    check_not_left(distribution("the site (course/nothing)"), false);
}

#[test]
fn a_lock_in_a_bucket_is_left_unless_it_is_held_and_other_objects_are_nobodys() {
    let lock = LockPlace::S3 { bucket: "locks".into(), prefix: "neap/".into() };
    let desired = Desired { stack: "course".into(), lock, ..Desired::default() };
    let scope = StackScope::of(&desired, Depth::Everything);
    let object = |url: &str| remains(vec![Seen::new(Thing::Object, url, url)]);
    let verdict = judge(&scope, &object("s3://locks/neap/course.lock"));
    assert_eq!(verdict.left[0].found, Some(Found::Place));
    assert_eq!(verdict.left[0].title, "object s3://locks/neap/course.lock");
    assert_eq!(verdict.left[0].by_hand.as_deref(), Some("neap unlock"));
    let held = StackScope { holds_lock: true, ..scope.clone() };
    assert!(judge(&held, &object("s3://locks/neap/course.lock")).is_zero());
    assert!(judge(&scope, &object("s3://locks/neap/course.lock.old")).is_zero());
}

#[test]
fn the_lock_that_is_held_is_no_leftover() {
    let lock = || Seen::new(Thing::Parameter, "/neap/course/lock", "/neap/course/lock");
    let held = StackScope { holds_lock: true, ..scope() };
    assert!(judge(&held, &remains(vec![lock()])).is_zero());
    let other = Seen::new(Thing::Parameter, "/neap/course/intent", "/neap/course/intent");
    assert!(!judge(&held, &remains(vec![other])).is_zero());
    assert!(!judge(&scope(), &remains(vec![lock()])).is_zero());
}

#[test]
fn the_log_group_of_container_insights_goes_by_the_exact_name_of_the_cluster() {
    let group = |cluster: &str| {
        let name = format!("/aws/ecs/containerinsights/{cluster}/performance");
        Seen::new(Thing::LogGroup, name.clone(), name)
    };
    let by = "the container insights of cluster course-main".to_owned();
    check(group("course-main"), Some(Found::LeftBehind { by }));
    check_not_left(group("course-two-main"), false);
    // A cluster that is no longer declared is known once it was seen.
    let mut scope = scope();
    let cluster = tagged(Thing::Cluster, "arn:aws:ecs:us-east-1:1:cluster/old", "old", "cluster.old");
    scope.learn(&remains(vec![cluster]));
    assert!(!judge(&scope, &remains(vec![group("old")])).is_zero());
    assert!(judge(&scope, &remains(vec![group("older")])).is_zero());
}

#[test]
fn alarms_that_scaled_a_service_go_by_its_exact_name_and_its_clusters() {
    let alarm = |service: &str| {
        let owner = Some(Owner { thing: Thing::Service, name: service.to_owned() });
        Seen { owner, ..Seen::new(Thing::Alarm, "arn:aws:cloudwatch:us-east-1:1:alarm:high", "high") }
    };
    let by = "the scaling of service course-api".to_owned();
    check(alarm("course-main/course-api"), Some(Found::LeftBehind { by }));
    check_not_left(alarm("course-main/course-two-api"), false);
    check_not_left(alarm("elsewhere/course-api"), false);
    check_not_left(Seen { owner: None, ..alarm("course-main/course-api") }, false);
}

fn interface(owner: Option<(Thing, &str)>, group: &str) -> Seen {
    let owner = owner.map(|(thing, name)| Owner { thing, name: name.to_owned() });
    Seen {
        owner,
        uses: [group.to_owned()].into(),
        ..Seen::new(Thing::NetworkInterface, "eni-1", "made by hand")
    }
}

#[test]
fn interfaces_of_the_stacks_own_are_left_behind_and_those_of_others_only_block() {
    let group = tagged(Thing::SecurityGroup, "sg-1", "course-api", "security_group.api");
    let of_task = interface(Some((Thing::Task, "attachment")), "sg-1");
    let verdict = judge(&scope(), &remains(vec![group.clone(), of_task]));
    let titles: Vec<&str> = verdict.left.iter().map(|left| left.title.as_str()).collect();
    assert_eq!(titles, ["security group sg-1 (course-api)", "network interface eni-1"]);
    assert_eq!(verdict.left[0].blocked_by, ["network interface eni-1 of task attachment is in it"]);
    let verdict = judge(&scope(), &remains(vec![group, interface(None, "sg-1")]));
    assert_eq!(verdict.left.len(), 1);
    assert_eq!(verdict.left[0].blocked_by, ["network interface eni-1 (made by hand) is in it"]);
    check_not_left(interface(Some((Thing::LoadBalancer, "course-two-1")), "sg-9"), false);
    check_not_left(interface(None, "sg-9"), false);
}

#[test]
fn a_service_of_the_same_name_in_another_cluster_is_somebody_elses() {
    let service = |cluster: &str| Seen {
        within: Some(cluster.to_owned()),
        ..Seen::new(Thing::Service, format!("{cluster}/course-api"), "course-api")
    };
    check(service(CLUSTER), Some(name_of(Address::new(Kind::Service, "api"))));
    check_not_left(service("arn:aws:ecs:us-east-1:123456789012:cluster/theirs"), true);
}

#[test]
fn what_aws_is_deleting_needs_time_and_task_definitions_not_even_that() {
    let going =
        |thing, word: &str| Seen { going: Some(word.into()), ..tagged(thing, "id", "name", "service.api") };
    let draining = judge(&scope(), &remains(vec![going(Thing::Service, "draining")]));
    assert!(draining.needs_only_time() && !draining.is_zero());
    let both = vec![going(Thing::Service, "draining"), tagged(Thing::Repository, "r", "r", "ecr.api")];
    assert!(!judge(&scope(), &remains(both)).needs_only_time());
    let definition = judge(&scope(), &remains(vec![going(Thing::TaskDefinition, "delete in progress")]));
    assert!(definition.is_zero() && !definition.needs_only_time());
    assert_eq!(definition.vanishing.len(), 1);
    // An inactive revision stays for ever unless somebody deletes it.
    let inactive = tagged(Thing::TaskDefinition, "id", "name", "task.api");
    assert!(!judge(&scope(), &remains(vec![inactive])).is_zero());
}

#[test]
fn ghosts_of_the_index_of_tags_are_nothing_and_what_nobody_was_asked_about_is_told() {
    let hint = |arn: &str, is_ghost| Hint { arn: arn.to_owned(), is_ghost };
    let hints = vec![hint("arn:aws:ecs:us-east-1:1:cluster/old", true), hint("arn:aws:s3:::bucket", false)];
    let verdict = judge(&scope(), &Remains { hints, ..remains(Vec::new()) });
    assert!(verdict.is_zero());
    assert_eq!(verdict.unknown, ["arn:aws:s3:::bucket"]);
}

#[test]
fn what_could_not_be_read_is_no_proof() {
    let failure = ReadFailure {
        operation: "ecr:DescribeRepositories".into(),
        code: None,
        message: "no".into(),
        denied: true,
    };
    let verdict = judge(&scope(), &Remains { unread: vec![failure], ..remains(Vec::new()) });
    assert!(!verdict.is_zero() && !verdict.needs_only_time());
}

#[test]
fn what_is_left_is_priced_and_summed() {
    let alb = Seen {
        usage: vec![Usage::of(Charge::Alb, 1.0)],
        ..tagged(Thing::LoadBalancer, BALANCER, "course-public-1", "alb.public")
    };
    let group = tagged(Thing::LogGroup, "/neap/course/api", "/neap/course/api", "log_group.api");
    let verdict = judge(&scope(), &remains(vec![alb.clone(), group]));
    assert_eq!(verdict.cost(), verdict.left[0].cost);
    assert_eq!(verdict.left[1].cost, None);
    let two = judge(&scope(), &remains(vec![alb.clone(), Seen { id: "other".into(), ..alb }]));
    assert!((two.cost().expect("a cost").per_hour - 0.045).abs() < 1e-9);
}

#[test]
fn only_what_destroy_does_not_delete_has_a_command() {
    let command = |seen: Seen| judge(&scope(), &remains(vec![seen])).left[0].by_hand.clone();
    assert_eq!(command(tagged(Thing::Repository, "r", "course-api", "ecr.api")), None);
    let expected =
        Some("aws ecr delete-repository --force --repository-name course-api --region us-east-1".to_owned());
    assert_eq!(command(Seen::new(Thing::Repository, "course-api", "course-api")), expected);
    let lock = Seen::new(Thing::Parameter, "/neap/course/lock", "/neap/course/lock");
    assert_eq!(command(lock), Some("neap unlock".to_owned()));
    let odd = Seen { tags: tags(&[(TAG_STACK, "course")]), ..Seen::new(Thing::LogGroup, "a b", "a b") };
    assert_eq!(
        command(odd),
        Some("aws logs delete-log-group --log-group-name 'a b' --region us-east-1".to_owned())
    );
}

#[test]
fn what_aws_wants_done_first_is_the_first_of_two_commands() {
    let command = |seen: Seen| {
        let tags = tags(&[(TAG_STACK, "course")]);
        let text = judge(&scope(), &remains(vec![Seen { tags, ..seen }])).left[0].by_hand.clone();
        text.map(|text| text.replace(" --region us-east-1", "").replace("aws ", ""))
    };
    let check = |seen: Seen, expected: &str| assert_eq!(command(seen).as_deref(), Some(expected));
    check(
        Seen::new(Thing::TaskDefinition, "old:1", "old"),
        "ecs deregister-task-definition --task-definition old:1; ecs delete-task-definitions --task-definitions old:1",
    );
    let profile = Seen::new(Thing::InstanceProfile, "arn:aws:iam::1:instance-profile/old", "old");
    check(profile.clone(), "iam delete-instance-profile --instance-profile-name old");
    check(
        Seen { uses: ["arn:aws:iam::1:role/neap/course/node".to_owned()].into(), ..profile },
        "iam remove-role-from-instance-profile --instance-profile-name old --role-name node; \
         iam delete-instance-profile --instance-profile-name old",
    );
    let gateway = Seen::new(Thing::InternetGateway, "igw-1", "");
    check(gateway.clone(), "ec2 delete-internet-gateway --internet-gateway-id igw-1");
    check(
        Seen { within: Some("vpc-1".to_owned()), ..gateway },
        "ec2 detach-internet-gateway --internet-gateway-id igw-1 --vpc-id vpc-1; \
         ec2 delete-internet-gateway --internet-gateway-id igw-1",
    );
    let certificate = Seen::new(Thing::Certificate, "arn:aws:acm:eu-west-1:1:certificate/x", "example.com");
    check(
        certificate,
        "acm delete-certificate --certificate-arn arn:aws:acm:eu-west-1:1:certificate/x --region eu-west-1",
    );
    // Policies and versions of objects must go one by one.
    assert_eq!(command(Seen::new(Thing::Role, "arn:aws:iam::1:role/old", "old")), None);
    assert_eq!(command(Seen::new(Thing::Bucket, "old", "old")), None);
}

#[test]
fn what_goes_with_what_destroy_deletes_has_no_command_while_that_is_there() {
    let owned = |thing, of, name: &str| {
        let owner = Some(Owner { thing: of, name: name.to_owned() });
        Seen {
            owner,
            within: (thing == Thing::Task).then(|| CLUSTER.to_owned()),
            ..Seen::new(thing, "part", "part")
        }
    };
    let check = |part: Seen, with: Seen| {
        let mut scope = scope();
        scope.learn(&remains(vec![with.clone()]));
        let left = |seen: Vec<Seen>| {
            let left = judge(&scope, &remains(seen)).left;
            let part = left.iter().find(|left| left.id == "part").expect("it counts");
            (part.goes, part.by_hand.is_some())
        };
        assert_eq!(left(vec![part.clone(), with.clone()]), (true, false), "{part:?}");
        assert_eq!(left(vec![part.clone()]), (false, true), "{part:?}");
        let of_others = Seen { tags: BTreeMap::new(), ..with };
        assert_eq!(left(vec![part.clone(), of_others]), (false, true), "{part:?}");
    };
    let cluster =
        Seen { within: Some(CLUSTER.to_owned()), ..tagged(Thing::Service, "s", "course-api", "service.api") };
    check(owned(Thing::Task, Thing::Service, "course-api"), cluster);
    let group = || tagged(Thing::AutoScalingGroup, "g", "course-web", "auto_scaling_group.web");
    check(owned(Thing::Instance, Thing::AutoScalingGroup, "course-web"), group());
    check(owned(Thing::Alarm, Thing::AutoScalingGroup, "course-web"), group());
    let scaled = || owned(Thing::Alarm, Thing::Service, "course-main/course-api");
    let target = tagged(Thing::ScalableTarget, "t", "service/course-main/course-api", "scalable_target.api");
    check(scaled(), Seen { owner: scaled().owner, ..target });
}

#[test]
fn what_has_half_of_the_tags_counts_and_is_left_to_whoever_made_it() {
    for tags in [tags(&[(TAG_STACK, "course")]), ours("cluster.main")] {
        let seen = Seen {
            tags,
            stored: Stored { items: 3, bytes: 9 },
            ..Seen::new(Thing::Repository, "course-x", "course-x")
        };
        let verdict = judge(&scope(), &remains(vec![seen.clone()]));
        assert_eq!(verdict.left[0].found, Some(Found::Tag));
        assert!(verdict.left[0].by_hand.is_some(), "destroy does not delete it");
        assert_eq!(blocked(vec![seen]), [""; 0], "nor its images");
    }
}

/// The blockers of what was seen, as `id what: plan`, with a sign for what is done.
fn blocked(seen: Vec<Seen>) -> Vec<String> {
    let told =
        |blocker: Blocker| format!("{:?} {} {}: {}", blocker.way, blocker.id, blocker.what, blocker.plan);
    blockers(&scope(), &remains(seen)).into_iter().map(told).collect()
}

#[test]
fn images_and_deletion_protection_are_dealt_with() {
    let holding = |items, bytes| Seen {
        stored: Stored { items, bytes },
        ..tagged(Thing::Repository, "course-api", "course-api", "ecr.api")
    };
    assert_eq!(blocked(vec![holding(0, 0)]), [""; 0]);
    assert_eq!(
        blocked(vec![holding(3, 1_234_567_890)]),
        ["Goes course-api holds 3 images (1.2 GB): they are deleted with it"]
    );
    let alb = Seen { protected: true, ..tagged(Thing::LoadBalancer, "lb", "course-public-1", "alb.public") };
    assert_eq!(blocked(vec![alb]), ["Goes lb has deletion protection: it is turned off first"]);
}

#[test]
fn what_others_run_in_the_stacks_cluster_refuses() {
    let cluster = tagged(Thing::Cluster, CLUSTER, "course-main", "cluster.main");
    let within = |seen: Seen| Seen { within: Some(CLUSTER.to_owned()), ..seen };
    let own = within(tagged(Thing::Service, "s", "course-api", "service.api"));
    let task = |service: &str| {
        let owner = Some(Owner { thing: Thing::Service, name: service.to_owned() });
        within(Seen { owner, ..Seen::new(Thing::Task, "t", "") })
    };
    assert_eq!(blocked(vec![cluster.clone(), own.clone(), task("course-api")]), [""; 0]);
    let theirs = within(Seen::new(Thing::Service, "x", "billing"));
    let refused = "it is not the stack's, so nothing is deleted";
    assert_eq!(
        blocked(vec![cluster.clone(), own, theirs, task("billing")]),
        [
            format!("Refuses {CLUSTER} runs service billing: {refused}"),
            format!("Refuses {CLUSTER} runs task t: {refused}")
        ]
    );
    let instances = Seen { stored: Stored { items: 2, bytes: 0 }, ..cluster };
    assert_eq!(
        blocked(vec![instances]),
        [format!(
            "Refuses {CLUSTER} has 2 container instances: they are not the stack's, so nothing is deleted"
        )]
    );
}

#[test]
fn what_others_added_to_a_load_balancer_refuses_if_they_marked_it() {
    let alb = tagged(Thing::LoadBalancer, "lb", "course-public-1", "alb.public");
    let listener = |tags| Seen { within: Some("lb".into()), tags, ..Seen::new(Thing::Listener, "l", "") };
    assert_eq!(
        blocked(vec![alb.clone(), listener(BTreeMap::new())]),
        ["Goes lb has listener l, which the stack did not make: it has no tags and is deleted with it"]
    );
    assert_eq!(
        blocked(vec![alb.clone(), listener(tags(&[("team", "billing")]))]),
        [
            "Refuses lb has listener l, which the stack did not make: it is not the stack's, so nothing is deleted"
        ]
    );
    assert_eq!(blocked(vec![alb, listener(ours("alb.public.listener.http"))]), [""; 0]);
}

#[test]
fn a_group_that_others_use_refuses_or_is_waited_for() {
    let group = tagged(Thing::SecurityGroup, "sg-1", "course-api", "security_group.api");
    let uses = |thing, id: &str| Seen { uses: ["sg-1".to_owned()].into(), ..Seen::new(thing, id, "theirs") };
    assert_eq!(
        blocked(vec![group.clone(), uses(Thing::SecurityGroup, "sg-2")]),
        [
            "Refuses sg-1 is named by a rule of security group sg-2 (theirs): it is not the stack's, so nothing is deleted"
        ]
    );
    let waits = blocked(vec![group.clone(), interface(None, "sg-1")]);
    assert!(waits[0].starts_with("Waits sg-1 has network interface eni-1 (made by hand) in it"), "{waits:?}");
    let alb = tagged(Thing::LoadBalancer, "lb", "course-public-1", "alb.public");
    let of_own = interface(Some((Thing::LoadBalancer, "course-public-1")), "sg-1");
    assert_eq!(blocked(vec![group.clone(), alb, of_own]), [""; 0]);
    let of_instance = interface(Some((Thing::Instance, "i-1")), "sg-1");
    assert_eq!(blocked(vec![group, of_instance]), [""; 0]);
    // A network load balancer may be in a subnet and in no group.
    let subnet = tagged(Thing::Subnet, "subnet-1", "course-public-1", "subnet.public-1");
    let theirs = Seen::new(Thing::LoadBalancer, "lb", "theirs");
    let waits = blocked(vec![subnet, theirs, interface(Some((Thing::LoadBalancer, "theirs")), "subnet-1")]);
    let told = "Waits subnet-1 has network interface eni-1 of load balancer theirs in it";
    assert!(waits[0].starts_with(told), "{waits:?}");
}

#[test]
fn a_target_group_that_anothers_load_balancer_uses_refuses() {
    let group = tagged(Thing::TargetGroup, "tg", "course-api-1", "target_group.api");
    let alb = |tags| Seen {
        tags,
        uses: ["tg".to_owned()].into(),
        ..Seen::new(Thing::LoadBalancer, "lb", "theirs")
    };
    assert_eq!(blocked(vec![group.clone(), alb(ours("alb.public"))]), [""; 0]);
    assert_eq!(
        blocked(vec![group, alb(BTreeMap::new())]),
        ["Refuses tg is used by load balancer theirs: it is not the stack's, so nothing is deleted"]
    );
}

#[test]
fn sizes_read_as_people_say_them() {
    for (bytes, expected) in [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_500, "1.5 kB"),
        (52_000_000, "52.0 MB"),
        (1_290_000_000, "1.2 GB"),
    ] {
        assert_eq!(blocker::size(bytes), expected);
    }
}

#[test]
fn a_bucket_is_known_by_its_name_although_that_has_the_account_in_it() {
    let bucket = Bucket { name: "course-web-${aws.account}".into(), ..Bucket::example() };
    let wanted = DesiredResource::plain(bucket);
    let resources = [(Address::new(Kind::Bucket, "web"), wanted)];
    let desired = Desired { stack: "course".into(), resources: resources.into(), ..Desired::default() };
    let scope = StackScope::of(&desired, Depth::Everything);
    let name = "course-web-123456789012";
    let seen = vec![Seen::new(Thing::Bucket, name, name)];
    let verdict = judge(&scope, &Remains { account: "123456789012".into(), ..remains(seen) });
    let found = verdict.left.iter().map(|left| left.found.clone()).collect::<Vec<_>>();
    assert_eq!(found, [Some(Found::Name { of: Address::new(Kind::Bucket, "web") })]);
}

#[test]
fn a_bucket_that_the_stack_file_keeps_is_not_left_although_its_tags_do_not_say_so_yet() {
    let address = Address::new(Kind::Bucket, "web");
    let seen = || remains(vec![tagged(Thing::Bucket, "web", "web", "bucket.web")]);
    let kept = StackScope { kept: [address].into(), ..scope() };
    assert_eq!(judge(&kept, &seen()).kept.len(), 1);
    assert_eq!(judge(&scope(), &seen()).left.len(), 1);
}
