//! What is not the stack's own, over HTTP: adopted by its tags alone, and otherwise left as it is.

use neap_http_tests::{Emulator, World};
use serde_json::{Map, Value, json};

/// The example that has something of every kind.
const STACK: &str = "examples/course-fargate/stack.toml";

/// Kinds that AWS knows no tags of: they are nobody's to adopt.
const UNTAGGED: [&str; 3] = ["origin_access_control.", "bucket_policy.", "bucket_files."];

/// The addresses of what can be adopted, in the order in which it is made, so that what others live inside comes first.
fn addresses(world: &World) -> Vec<String> {
    let plan = world.neap(&["plan", "--json"]).expect(0);
    let plan: Value = serde_json::from_str(&plan.stdout).expect("a plan");
    let changes = plan["changes"].as_array().expect("changes");
    let addresses = changes.iter().map(|change| change["address"].as_str().expect("an address"));
    let tagged = addresses.filter(|address| !UNTAGGED.iter().any(|kind| address.starts_with(kind)));
    tagged.map(str::to_owned).collect()
}

#[test]
fn adopting_every_kind_changes_tags_and_nothing_else_on_moto() {
    let world = World::new(Emulator::Moto, STACK);
    let addresses = addresses(&world);
    world.neap(&["apply", "--yes"]).expect(0);
    let before = world.snapshot();
    world.untag();
    assert_ne!(world.snapshot(), before);
    world.neap(&["plan"]).expect(1);
    let sites = world.call("cloudfront", "list_distributions", &json!({}));
    let site = sites["DistributionList"]["Items"][0]["Id"].as_str().expect("an id").to_owned();
    for address in &addresses {
        let id = address.starts_with("cloudfront.").then_some(site.as_str());
        let arguments: Vec<&str> = ["adopt", address, "--yes"].into_iter().chain(id).collect();
        let adopted = world.neap(&arguments).expect(0);
        assert!(adopted.stdout.contains("changes nothing"), "{address}:\n{}", adopted.stdout);
    }
    assert_eq!(world.snapshot(), before, "what was applied has its own tags again, and no field differs");
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    world.neap(&["destroy", "--yes"]).expect(0);
}

/// Tags that look like the stack's own for `address`, and are not: another one for each number.
fn almost_ours(number: usize, address: &str) -> Vec<(&'static str, String)> {
    match number % 4 {
        0 => vec![("neap:stack", "course-two".to_owned()), ("neap:address", address.to_owned())],
        1 => vec![("neap:stack", "course".to_owned())],
        2 => vec![("neap:stack", "Course".to_owned()), ("neap:address", address.to_owned())],
        _ => vec![
            ("neap:stack", "course".to_owned()),
            ("neap:address", "cluster.nobody-elses-kind".to_owned()),
        ],
    }
}

fn listed(tags: &[(&str, String)], key: &str, value: &str) -> Value {
    tags.iter().map(|(name, content)| json!({ key: name, value: content })).collect()
}

/// Makes a look-alike of each kind that stands alone, with the tags of sort `number`.
fn seed(world: &World, number: usize) {
    let aws = |address: &str| listed(&almost_ours(number, address), "Key", "Value");
    let ecs = |address: &str| listed(&almost_ours(number, address), "key", "value");
    let map = |address: &str| -> Value {
        almost_ours(number, address)
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .collect::<Map<_, _>>()
            .into()
    };
    let name = |name: &str| format!("course-{name}-{number}");
    let security_group = json!({
        "GroupName": name("alb-public"), "Description": "theirs",
        "TagSpecifications": [{ "ResourceType": "security-group", "Tags": aws("security_group.alb-public") }],
    });
    world.call("ec2", "create_security_group", &security_group);
    world.call(
        "logs",
        "create_log_group",
        &json!({ "logGroupName": format!("/neap/course/api-{number}"), "tags": map("log_group.task-api") }),
    );
    world.call("ecr", "create_repository", &json!({ "repositoryName": name("api"), "tags": aws("ecr.api") }));
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "ecs-tasks.amazonaws.com" },
    }] });
    let role = json!({
        "RoleName": name("task-api-execution"), "Path": "/neap/course/", "AssumeRolePolicyDocument": trust.to_string(),
        "Tags": aws("role.task-api-execution"),
    });
    world.call("iam", "create_role", &role);
    // A cluster is the one kind of which the last sort of tags would be right.
    if number % 4 != 3 {
        world.call(
            "ecs",
            "create_cluster",
            &json!({ "clusterName": name("main"), "tags": ecs("cluster.main") }),
        );
    }
    let container = json!({ "name": "app", "image": "nginx", "memory": 64 });
    let task = json!({ "family": name("api"), "containerDefinitions": [container], "tags": ecs("task.api") });
    world.call("ecs", "register_task_definition", &task);
    let vpcs = world.call("ec2", "describe_vpcs", &json!({}));
    let group = json!({
        "Name": name("api"), "Protocol": "HTTP", "Port": 80, "VpcId": vpcs["Vpcs"][0]["VpcId"], "TargetType": "ip",
        "Tags": aws("target_group.api"),
    });
    let group = world.call("elbv2", "create_target_group", &group);
    let subnets = world.call("ec2", "describe_subnets", &json!({}));
    let subnets: Vec<&Value> =
        subnets["Subnets"].as_array().expect("subnets").iter().take(2).map(|it| &it["SubnetId"]).collect();
    let balancer = json!({ "Name": name("public"), "Subnets": subnets, "Tags": aws("alb.public") });
    let balancer = world.call("elbv2", "create_load_balancer", &balancer);
    let listener = json!({
        "LoadBalancerArn": balancer["LoadBalancers"][0]["LoadBalancerArn"], "Port": 80, "Protocol": "HTTP",
        "DefaultActions": [{ "Type": "forward", "TargetGroupArn": group["TargetGroups"][0]["TargetGroupArn"] }],
        "Tags": aws("alb.public.listener.http"),
    });
    let listener = world.call("elbv2", "create_listener", &listener);
    create_rule(world, &listener["Listeners"][0]["ListenerArn"], number);
    let cluster = format!("theirs-{number}");
    world.call("ecs", "create_cluster", &json!({ "clusterName": cluster }));
    // The very name that the stack's own has in the stack's own cluster.
    create_service(world, &cluster, "course-api", number);
    create_distribution(world, number);
}

/// A rule of somebody else's, with the tags of sort `number`.
fn create_rule(world: &World, listener: &Value, number: usize) {
    let rule = json!({
        "ListenerArn": listener, "Priority": 100 + number,
        "Conditions": [{ "Field": "path-pattern", "PathPatternConfig": { "Values": ["/theirs/*"] } }],
        "Actions": [{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "410", "ContentType": "text/plain" } }],
        "Tags": listed(&almost_ours(number, "alb.public.listener.http.rule.10"), "Key", "Value"),
    });
    world.call("elbv2", "create_rule", &rule);
}

/// A service of somebody else's, with the tags of sort `number`.
fn create_service(world: &World, cluster: &str, name: &str, number: usize) {
    let service = json!({
        "cluster": cluster, "serviceName": name, "desiredCount": 0, "launchType": "EC2",
        "taskDefinition": format!("course-api-{number}"),
        "tags": listed(&almost_ours(number, "service.api"), "key", "value"),
    });
    world.call("ecs", "create_service", &service);
}

/// A distribution with the comment of the stack's own, and the tags of sort `number`.
fn create_distribution(world: &World, number: usize) {
    let origin = json!({
        "Id": "site", "DomainName": "example.com",
        "CustomOriginConfig": { "HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only" },
    });
    let config = json!({
        "CallerReference": format!("theirs-{number}"), "Comment": "the course's site", "Enabled": true,
        "Origins": { "Quantity": 1, "Items": [origin] },
        "DefaultCacheBehavior": {
            "TargetOriginId": "site", "ViewerProtocolPolicy": "allow-all",
            // AWS's own policy for caching nothing.
            "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        },
    });
    let tags = listed(&almost_ours(number, "cloudfront.site"), "Key", "Value");
    let distribution =
        json!({ "DistributionConfigWithTags": { "DistributionConfig": config, "Tags": { "Items": tags } } });
    world.call("cloudfront", "create_distribution_with_tags", &distribution);
}

/// What `snapshot` shows of everything that was there `before`.
fn again(world: &World, before: &Value) -> Value {
    let now = world.snapshot();
    let known = before.as_object().expect("a snapshot").keys();
    known.map(|id| (id.clone(), now[id].clone())).collect::<Map<_, _>>().into()
}

#[test]
fn the_life_of_a_stack_leaves_look_alikes_as_they_are_on_moto() {
    let world = World::new(Emulator::Moto, STACK);
    for number in 0..4 {
        seed(&world, number);
    }
    let before = world.snapshot();
    assert!(before.as_object().is_some_and(|all| all.len() > 50), "{before}");
    world.neap(&["plan", "--detailed-exitcode"]).expect(2);
    assert_eq!(again(&world, &before), before, "after a plan");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(again(&world, &before), before, "after an apply");
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    world.edit("[stack]\n", "[stack]\ntags = { team = \"web\" }\n");
    world.edit("[target_group.api]\nport = 3000", "[target_group.api]\nport = 3000\nprotocol = \"HTTPS\"");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(again(&world, &before), before, "after an update of everything and a replacement");
    // Those with half of the stack's tags are left alone, and keep destroy from proving that nothing is left.
    let destroy = world.neap(&["destroy", "--yes"]).expect(4);
    assert!(destroy.stderr.contains("not deleted by neap"), "{}", destroy.stderr);
    assert!(
        !destroy.stderr.contains("course-api-0"),
        "another stack's is not mentioned:\n{}",
        destroy.stderr
    );
    assert_eq!(world.snapshot(), before, "after a destroy nothing else is there");
}

#[test]
fn what_others_have_inside_what_is_ours_stays_as_it_is_on_moto() {
    let world = World::new(Emulator::Moto, STACK);
    let container = json!({ "name": "app", "image": "nginx", "memory": 64 });
    for number in 0..4 {
        let task = json!({ "family": format!("course-api-{number}"), "containerDefinitions": [container] });
        world.call("ecs", "register_task_definition", &task);
    }
    world.neap(&["apply", "--yes"]).expect(0);
    let own = world.snapshot();
    let listener =
        own.as_object().expect("a snapshot").keys().find(|id| id.contains(":listener/")).expect("one");
    for number in 0..4 {
        create_rule(&world, &json!(listener), number);
        create_service(&world, "course-main", &format!("theirs-{number}"), number);
    }
    let all = world.snapshot();
    let is_theirs = |id: &str| !own.as_object().is_some_and(|own| own.contains_key(id));
    let theirs: Map<_, _> =
        all.as_object().expect("a snapshot").clone().into_iter().filter(|(id, _)| is_theirs(id)).collect();
    assert_eq!(theirs.len(), 8);
    let theirs = Value::Object(theirs);

    let destroy = world.neap(&["destroy", "--yes"]).expect(1);
    for service in ["theirs-0", "theirs-1", "theirs-2", "theirs-3"] {
        assert!(destroy.stderr.contains(service), "{service} is in the way:\n{}", destroy.stderr);
    }
    assert_eq!(world.snapshot(), all, "nothing was deleted");
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    world.edit("[stack]\n", "[stack]\ntags = { team = \"web\" }\n");
    world.edit("[target_group.api]\nport = 3000", "[target_group.api]\nport = 3000\nprotocol = \"HTTPS\"");
    world.edit("priority = 10", "priority = 20");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(again(&world, &theirs), theirs, "after an update of everything and two replacements");
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
}
