//! Readings: which live thing an address means, what is an orphan, what is somebody else's.

use neap_core::desired::{Desired, Network, TAG_STACK};
use neap_core::live::Reading;
use neap_engine::cloud::Cloud;
use neap_sim::Sim;

use crate::large::parse;
use crate::stack::{
    System, address, alb, distribution, facts, listener, must_create, not_found, present, read_one,
    repository, resource, rule, security_group, target_group, task,
};

#[tokio::test(start_paused = true)]
async fn a_name_without_our_tags_is_somebody_elses() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    for (desired, _) in &system.parts {
        let at = &desired.tags["neap:address"];
        // Listeners and rules are nobody's business under a load balancer that is not ours.
        if at.contains("listener") {
            continue;
        }
        sim.seed(&format!("[[untag]]\naddress = \"{at}\"")).expect("untagged");
        let reading = read_one(&sim, at, desired).await;
        assert!(matches!(reading, Reading::Foreign(_)), "{at}: {reading:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_stacks_resource_is_somebody_elses() {
    let sim = Sim::in_memory();
    let mut theirs = resource("ecr.api", repository("course-api"));
    theirs.tags.insert(TAG_STACK.into(), "other".into());
    must_create(&sim, &theirs).await;
    let ours = resource("ecr.api", repository("course-api"));
    assert!(matches!(read_one(&sim, "ecr.api", &ours).await, Reading::Foreign(_)));
}

#[tokio::test(start_paused = true)]
async fn what_is_ours_and_not_declared_is_an_orphan() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let nothing = Desired { stack: "course".into(), ..Desired::default() };
    let live = sim.read(&nothing).await.expect("a reading");
    let orphans: Vec<String> = live.orphans.iter().map(|live| live.address.to_string()).collect();
    let mut expected: Vec<String> = system.desired().resources.keys().map(ToString::to_string).collect();
    assert_eq!(orphans.len(), expected.len());
    expected.retain(|address| !orphans.contains(address));
    assert_eq!(expected, Vec::<String>::new());
    let other = Desired { stack: "other".into(), ..Desired::default() };
    assert_eq!(sim.read(&other).await.expect("a reading").orphans, []);
}

#[tokio::test(start_paused = true)]
async fn the_predecessor_of_an_unfinished_replacement_is_an_orphan() {
    let sim = Sim::in_memory();
    let vpc = facts(&sim).await.vpc;
    for name in ["course-api-1", "course-api-2"] {
        must_create(&sim, &resource("target_group.api", target_group(name, &vpc))).await;
    }
    let wanted = resource("target_group.api", target_group("course-api-2", &vpc));
    let resources = [(address("target_group.api"), wanted)].into();
    let stack = Desired { stack: "course".into(), resources, ..Desired::default() };
    let live = sim.read(&stack).await.expect("a reading");
    assert_eq!(live.present(&address("target_group.api")).expect("ours").resource.aws_name(), "course-api-2");
    let orphans: Vec<&str> = live.orphans.iter().map(|live| live.resource.aws_name()).collect();
    assert_eq!(orphans, ["course-api-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_listener_is_found_by_its_port_unless_it_is_another_one_of_the_stack() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, balancer) = system.part("alb.public");
    let balancer = balancer.outputs["arn"].clone();
    let mut desired = system.desired();
    // The listener moves to another port, and a new one takes its place.
    let at = address("alb.public.listener.http");
    let moved = resource("alb.public.listener.http", listener(&balancer, 8080, not_found()));
    desired.resources.insert(at.clone(), moved);
    let second = resource("alb.public.listener.second", listener(&balancer, 80, not_found()));
    desired.resources.insert(address("alb.public.listener.second"), second);
    let live = sim.read(&desired).await.expect("a reading");
    for absent in [at.clone(), address("alb.public.listener.second")] {
        assert_eq!(live.readings[&absent], Reading::Absent, "{absent}");
    }
    assert!(live.orphans.iter().any(|orphan| orphan.address == at), "the one on the old port");
}

#[tokio::test(start_paused = true)]
async fn listeners_and_rules_of_somebody_else_under_our_load_balancer_are_foreign() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let at = ["alb.public.listener.http", "alb.public.listener.http.rule.10"];
    let state = async || {
        let live = sim.read(&system.desired()).await.expect("a reading");
        at.map(|at| matches!(live.readings[&address(at)], Reading::Foreign(_)))
    };
    sim.seed(&format!("[[untag]]\naddress = \"{}\"", at[1])).expect("untagged");
    assert_eq!(state().await, [false, true]);
    sim.seed(&format!("[[untag]]\naddress = \"{}\"", at[0])).expect("untagged");
    assert_eq!(state().await, [true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_distribution_is_found_by_the_end_of_its_comment() {
    let sim = Sim::in_memory();
    let desired = resource("cloudfront.site", distribution("example.com"));
    must_create(&sim, &desired).await;
    let mut renamed = desired.clone();
    let neap_core::kinds::Resource::Cloudfront(fields) = &mut renamed.resource else { unreachable!() };
    fields.comment = "a new comment (course/cloudfront.site)".into();
    present(&sim, "cloudfront.site", &renamed).await;
    let elsewhere = resource("cloudfront.other", distribution("example.com"));
    assert_eq!(read_one(&sim, "cloudfront.other", &elsewhere).await, Reading::Absent);
}

#[tokio::test(start_paused = true)]
async fn names_that_hold_references_are_resolved_before_they_are_looked_up() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let mut desired = system.desired();
    let mut rewrite = |at: &str, field: &str, reference: &str| {
        let resource = desired.resources.get_mut(&address(at)).expect(at);
        let mut fields = resource.resource.fields();
        fields[field] = reference.into();
        let kind = resource.resource.kind();
        resource.resource = neap_core::kinds::Resource::from_fields(kind, fields).expect("fields");
    };
    rewrite("service.api", "cluster", "${cluster.main.arn}");
    rewrite("security_group.all", "vpc", "${network.vpc}");
    rewrite("alb.public.listener.http", "load_balancer", "${alb.public.arn}");
    rewrite("alb.public.listener.http.rule.10", "listener", "${alb.public.listener.http.arn}");
    let live = sim.read(&desired).await.expect("a reading");
    for at in desired.resources.keys() {
        assert!(live.present(at).is_some(), "{at}");
    }
    assert_eq!(live.orphans, []);
}

#[tokio::test(start_paused = true)]
async fn the_network_is_read_where_the_stack_needs_one() {
    let sim = Sim::in_memory();
    let read = async |network: Network, vpc: &str| {
        let group = resource("security_group.x", security_group("x", vpc));
        let resources = [(address("security_group.x"), group)].into();
        let stack = Desired { stack: "course".into(), network, resources, ..Desired::default() };
        sim.read(&stack).await.expect("a reading").environment
    };
    let default = read(Network::Default, "${network.vpc}").await;
    let vpc = default.vpc.expect("a default VPC");
    assert_eq!(default.subnets.len(), 3);
    assert_eq!(read(Network::Default, "vpc-1").await.vpc, None);
    assert_eq!(read(Network::Id(vpc.clone()), "${network.vpc}").await.vpc, Some(vpc.clone()));
    assert_eq!(read(Network::Name("default".into()), "${network.vpc}").await.vpc, Some(vpc));
    assert_eq!(read(Network::Id("vpc-none".into()), "${network.vpc}").await.vpc, None);
}

#[tokio::test(start_paused = true)]
async fn a_vpc_of_others_gives_its_public_subnets_or_else_its_private_ones() {
    let sim = Sim::in_memory();
    sim.seed(
        "[[vpc]]\nname = \"office\"\npublic = [\"b\", \"a\"]\nprivate = [\"a\", \"b\", \"c\"]\n\
         [[vpc]]\nname = \"cellar\"\nprivate = [\"a\"]",
    )
    .expect("a script");
    let read = async |name: &str| {
        let group = resource("security_group.x", security_group("x", "${network.vpc}"));
        let resources = [(address("security_group.x"), group)].into();
        let network = Network::Name(name.into());
        let stack = Desired { stack: "course".into(), network, resources, ..Desired::default() };
        let environment = sim.read(&stack).await.expect("a reading").environment;
        (environment.subnets.len(), environment.subnets_private)
    };
    assert_eq!(read("office").await, (2, false));
    assert_eq!(read("cellar").await, (1, true));
}

#[tokio::test(start_paused = true)]
async fn secrets_and_parameters_exist_unless_the_script_says_otherwise() {
    let sim = Sim::in_memory();
    sim.seed("[[missing]]\nsecret = \"gone\"\n[[missing]]\nparameter = \"/course/url\"").expect("a script");
    let mut fields = task("api", "arn:x", "/x");
    let app = fields.containers.get_mut("app").expect("a container");
    let parameter = "arn:aws:ssm:${aws.region}:${aws.account}:parameter/course/url";
    app.secrets = [("A", "${secret.there}"), ("B", "${secret.gone}"), ("C", parameter)]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
    let resources = [(address("task.api"), resource("task.api", fields))].into();
    let stack = Desired { stack: "course".into(), resources, ..Desired::default() };
    let live = sim.read(&stack).await.expect("a reading");
    assert_eq!(live.environment.secrets.keys().collect::<Vec<_>>(), ["there"]);
    let arn = &live.environment.secrets["there"];
    assert!(arn.starts_with("arn:aws:secretsmanager:us-east-1:123456789012:secret:there-"), "{arn}");
    assert_eq!(live.warnings, ["the SSM parameter `/course/url` does not exist"]);
}

#[tokio::test(start_paused = true)]
async fn each_region_is_a_world_of_its_own_with_roles_in_common() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let elsewhere = Desired { region: Some("eu-west-1".into()), ..system.desired() };
    let live = sim.read(&elsewhere).await.expect("a reading");
    assert_eq!(live.environment.region, "eu-west-1");
    let present: Vec<String> =
        live.readings.keys().filter(|at| live.present(at).is_some()).map(ToString::to_string).collect();
    assert_eq!(present, ["role.task-api-execution", "cloudfront.site"]);
    let here = sim.read(&system.desired()).await.expect("a reading");
    assert!(here.readings.values().all(|reading| matches!(reading, Reading::Present(_))));
}

#[tokio::test(start_paused = true)]
async fn a_reading_takes_few_calls_in_few_waves() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    sim.forget_calls();
    sim.read(&system.desired()).await.expect("a reading");
    assert!(sim.waves() <= 4, "{} waves", sim.waves());
    assert!(sim.calls().len() <= 49, "{} calls: {:?}", sim.calls().len(), sim.counts());
    assert!(sim.calls().iter().all(|call| !call.mutating));
}

#[tokio::test(start_paused = true)]
async fn what_a_stack_names_is_looked_up_by_one_call_for_each_sort_and_only_then() {
    let sim = Sim::in_memory();
    let lookups = [
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeImages",
        "ec2:DescribeKeyPairs",
        "ec2:DescribeManagedPrefixLists",
        "ec2:DescribeVpcEndpointServices",
    ];
    let text = "[stack]\nname = \"named\"\nregion = \"us-east-1\"\n";
    let named = format!(
        "{text}[network]\ncidr = \"10.0.0.0/16\"\nzones = [\"us-east-1a\", \"us-east-1z\"]\nendpoints = [\"s3\", \"foo\"]\n\
         [cluster.main]\ncapacity = {{ instance_type = \"t3.micro\", image = \"ami-0123\", key_pair = \"laptop\", subnets = \
         [\"subnet-0123\"] }}\n[security_group.db]\ningress = [{{ port = 5432, peer = [\"sg-0123\", \"pl-0123\", \"pl-0456\"] }}]\n\
         [nlb.n]\naddresses = {{ \"${{subnet.public-1}}\" = \"eipalloc-0123\", \"${{subnet.public-2}}\" = \"eipalloc-0456\" }}\n"
    );
    let script = "[[missing]]\nkey_pair = \"laptop\"\n[[missing]]\naddress = \"eipalloc-0123\"\n[[prefix_list]]\nid = \"pl-0456\"\n";
    sim.seed(script).expect("a script");
    let live = sim.read(&parse(&named)).await.expect("a reading");
    let missing = live.environment.named.iter().filter(|(_, found)| found.is_none());
    assert_eq!(
        missing.map(|(named, _)| named.as_str()).collect::<Vec<_>>(),
        [
            "availability zone us-east-1z",
            "elastic IP address eipalloc-0123",
            "endpoint service foo",
            "key pair laptop",
            "prefix list pl-0123",
            "security group sg-0123",
            "subnet subnet-0123"
        ]
    );
    for operation in lookups {
        assert_eq!(sim.counts().get(operation), Some(&1), "{operation}");
    }
    sim.forget_calls();
    sim.read(&parse(text)).await.expect("a reading");
    for operation in lookups {
        assert_eq!(sim.counts().get(operation), None, "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_found_by_its_priority() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, found) = system.part("alb.public.listener.http");
    let mut desired = system.desired();
    let at = "alb.public.listener.http.rule.20";
    desired.resources.remove(&address("alb.public.listener.http.rule.10"));
    desired.resources.insert(address(at), resource(at, rule(&found.id, 20, not_found())));
    let live = sim.read(&desired).await.expect("a reading");
    assert_eq!(live.readings[&address(at)], Reading::Absent);
    assert_eq!(live.orphans.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_listeners_of_a_replaced_load_balancer_are_orphans_with_it() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, group) = system.part("security_group.all");
    let successor = resource("alb.public", alb("course-public-2", &system.facts, &group.id));
    must_create(&sim, &successor).await;
    let mut desired = system.desired();
    desired.resources.insert(address("alb.public"), successor);
    let live = sim.read(&desired).await.expect("a reading");
    let orphans: Vec<String> = live.orphans.iter().map(|live| live.address.to_string()).collect();
    let expected = ["alb.public", "alb.public.listener.http", "alb.public.listener.http.rule.10"];
    assert_eq!(
        orphans.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        expected.into()
    );
    assert_eq!(live.readings[&address("alb.public.listener.http")], Reading::Absent);
}
