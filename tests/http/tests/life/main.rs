//! The whole life of every example over HTTP: create, no change, change in place, replacement, orphan, conflict, destroy.
//!
//! Each is run on moto and on ministack. What an emulator gets wrong is worked around here, in a test's set-up, and named.

mod life;
mod stacks;

use std::fs;
use std::path::Path;

use neap_http_tests::{Emulator, Stack, World};
use serde_json::{Value, json};

/// Makes a test of each life, and the list of who lives where.
macro_rules! lives {
    ($($test:ident: $life:ident on $emulator:ident;)*) => {
        $(
            #[test]
            fn $test() {
                let life = stacks::$life();
                life.run(World::of(Emulator::$emulator, life.stack));
            }
        )*

        fn lived() -> Vec<(Stack, Emulator)> {
            vec![$((stacks::$life().stack, Emulator::$emulator)),*]
        }
    };
}

lives! {
    the_root_stack_lives_on_moto: root on Moto;
    the_root_stack_lives_on_ministack: root on Ministack;
    blue_green_lives_on_moto: blue_green on Moto;
    blue_green_lives_on_ministack: blue_green on Ministack;
    course_ec2_lives_on_moto: course_ec2 on Moto;
    course_fargate_lives_on_moto: course_fargate on Moto;
    course_fargate_lives_on_ministack: course_fargate on Ministack;
    internal_nlb_lives_on_moto: internal_nlb on Moto;
    internal_nlb_lives_on_ministack: internal_nlb on Ministack;
    sidecar_lives_on_moto: sidecar on Moto;
    sidecar_lives_on_ministack: sidecar on Ministack;
    spa_domain_lives_on_moto: spa_domain on Moto;
    spa_domain_lives_on_ministack: spa_domain on Ministack;
    two_services_live_on_moto: two_services on Moto;
    two_services_live_on_ministack: two_unscaled_services on Ministack;
}

/// Who cannot live where, and the emulator's fault, in the words of `docs/emulators.md`.
const EXCEPTED: [(Stack, Emulator, &str); 1] =
    [(Stack::CourseEc2, Emulator::Ministack, "has none of AWS's own parameters")];

#[test]
fn every_example_lives_on_every_emulator_or_its_fault_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let faults = fs::read_to_string(root.join("docs/emulators.md")).expect("the emulators' faults");
    for (stack, _, fault) in EXCEPTED {
        assert!(faults.contains(fault), "docs/emulators.md does not say why {stack:?} cannot live: {fault}");
    }
    let examples = fs::read_dir(root.join("examples")).expect("the examples");
    let names = examples.map(|entry| entry.expect("an example").file_name().into_string().expect("a name"));
    let mut paths: Vec<String> = names.map(|name| format!("examples/{name}/stack.toml")).collect();
    paths.push("stack.toml".to_owned());
    paths.sort();
    let mut known = Stack::ALL.map(Stack::path);
    known.sort_unstable();
    assert_eq!(paths, known, "every example is a `Stack`, so that it is swept too");
    let excepted = EXCEPTED.map(|(stack, emulator, _)| (stack, emulator));
    for stack in Stack::ALL {
        for emulator in [Emulator::Moto, Emulator::Ministack] {
            let place = (stack, emulator);
            let (lives, is_excepted) = (lived().contains(&place), excepted.contains(&place));
            assert!(lives != is_excepted, "{stack:?} lives on {emulator:?}, or is excepted with a reason");
        }
    }
}

#[test]
fn an_orphan_with_a_name_of_the_users_own_is_found_on_moto() {
    let world = World::new(Emulator::Moto, "stack.toml");
    let (output, declared) = ("[output] ", "[log_group.x]\nname = \"/my/own\"\n\n[output] ");
    world.edit(output, declared);
    world.neap(&["apply", "--yes"]).expect(0);
    let has_own = || world.listing()["log groups"].to_string().contains("\"/my/own\"");
    assert!(has_own(), "a group under the name that the user chose");
    // Tagged as another stack's, so it is none of this one's business.
    let tags = json!({ "neap:stack": "course-two", "neap:address": "log_group.x" });
    world.call("logs", "create_log_group", &json!({ "logGroupName": "/my/own/two", "tags": tags }));
    world.edit(declared, output);
    world.neap(&["apply", "--yes"]).expect(0);
    assert!(!has_own(), "the orphan is gone");
    let plan = world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    assert!(plan.stdout.contains("No changes"), "{}", plan.stdout);
    assert!(world.listing()["log groups"].to_string().contains("\"/my/own/two\""), "the other is left alone");

    world.edit(output, declared);
    world.neap(&["apply", "--yes"]).expect(0);
    world.edit(declared, output);
    world.neap(&["destroy", "--yes"]).expect(0);
    assert_eq!(world.listing()["log groups"], json!(["/my/own/two"]), "destroy finds the orphan too");
}

/// Leaves a repository under a name that the stack gives, and something with the stack's tags under a name of its own.
fn what_is_left_behind_is_found(emulator: Emulator, service: &str, operation: &str, tagged: &Value) {
    let world = World::new(emulator, "stack.toml");
    world.neap(&["apply", "--yes"]).expect(0);
    let check = world.neap(&["destroy", "--check"]).expect(4);
    assert!(check.stderr.contains("a month ($"), "it says what that costs:\n{}", check.stderr);
    world.neap(&["destroy", "--yes"]).expect(0);
    world.neap(&["destroy", "--check"]).expect(0);

    world.call("ecr", "create_repository", &json!({ "repositoryName": "course-web" }));
    let check = world.neap(&["destroy", "--check"]).expect(4);
    assert!(check.stderr.contains("ecr.web: repository course-web"), "{}", check.stderr);

    world.call(service, operation, tagged);
    let check = world.neap(&["destroy", "--check", "--json"]).expect(4);
    let view: Value = serde_json::from_str(&check.stdout).expect("one JSON value");
    let found: Vec<(&Value, &Value)> =
        view["left"].as_array().into_iter().flatten().map(|left| (&left["title"], &left["found"])).collect();
    let tagged = found.iter().find(|(_, found)| **found == "tag").map(|(title, _)| title.to_string());
    assert!(tagged.is_some_and(|title| title.contains("elsewhere")), "{found:?}");
    assert!(found.iter().any(|(_, found)| **found == "name"), "{found:?}");

    // Another stack's, whose name begins like this one's, is nobody's business here.
    world.call("ecr", "delete_repository", &json!({ "repositoryName": "course-web" }));
    let tags = json!([{ "Key": "neap:stack", "Value": "course-two" }]);
    world.call("ecr", "create_repository", &json!({ "repositoryName": "course-two-web", "tags": tags }));
    let check = world.neap(&["destroy", "--check", "-v"]).expect(4);
    assert!(!check.stderr.contains("course-two"), "{}", check.stderr);
}

#[test]
fn what_is_left_behind_is_found_on_moto() {
    let tags = json!({ "neap:stack": "course", "neap:address": "log_group.x" });
    let group = json!({ "logGroupName": "/elsewhere", "tags": tags });
    what_is_left_behind_is_found(Emulator::Moto, "logs", "create_log_group", &group);
}

#[test]
fn what_is_left_behind_is_found_on_ministack() {
    // ministack's index of tags does not show log groups.
    let tags = json!([
        { "key": "neap:stack", "value": "course" },
        { "key": "neap:address", "value": "cluster.x" },
    ]);
    let cluster = json!({ "clusterName": "elsewhere", "tags": tags });
    what_is_left_behind_is_found(Emulator::Ministack, "ecs", "create_cluster", &cluster);
}

fn images_and_protection_are_named_before_they_go(emulator: Emulator) {
    let world = World::new(emulator, "stack.toml");
    world.neap(&["apply", "--yes"]).expect(0);
    let manifest = json!({ "schemaVersion": 2, "layers": [], "config": {
        "mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": format!("sha256:{:064}", 1),
    }});
    let image = json!({
        "repositoryName": "course-web", "imageManifest": manifest.to_string(), "imageTag": "v1",
        "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
    });
    world.call("ecr", "put_image", &image);
    let balancers = world.call("elbv2", "describe_load_balancers", &json!({}));
    let arn = &balancers["LoadBalancers"][0]["LoadBalancerArn"];
    let on = json!([{ "Key": "deletion_protection.enabled", "Value": "true" }]);
    world.call(
        "elbv2",
        "modify_load_balancer_attributes",
        &json!({ "LoadBalancerArn": arn, "Attributes": on }),
    );
    let destroy = world.neap(&["destroy", "--yes"]).expect(0);
    for line in ["- ecr.web holds 1 image", "has deletion protection: it is turned off first"] {
        assert!(destroy.stdout.contains(line), "{line}:\n{}", destroy.stdout);
    }
    world.neap(&["destroy", "--check"]).expect(0);
}

#[test]
fn images_and_protection_are_named_before_they_go_on_moto() {
    images_and_protection_are_named_before_they_go(Emulator::Moto);
}

#[test]
fn images_and_protection_are_named_before_they_go_on_ministack() {
    images_and_protection_are_named_before_they_go(Emulator::Ministack);
}

fn what_others_run_in_the_cluster_refuses(emulator: Emulator) {
    let world = World::new(emulator, "stack.toml");
    world.neap(&["apply", "--yes"]).expect(0);
    let families = world.call("ecs", "list_task_definitions", &json!({}));
    let subnets = world.call("ec2", "describe_subnets", &json!({}));
    let default = json!({ "Filters": [{ "Name": "group-name", "Values": ["default"] }] });
    let groups = world.call("ec2", "describe_security_groups", &default);
    // moto fails without a group, which AWS takes from the VPC.
    let network = json!({ "awsvpcConfiguration": {
        "subnets": [subnets["Subnets"][0]["SubnetId"]],
        "securityGroups": [groups["SecurityGroups"][0]["GroupId"]],
    } });
    let service = json!({
        "cluster": "course-main", "serviceName": "billing", "desiredCount": 0, "launchType": "FARGATE",
        "taskDefinition": families["taskDefinitionArns"][0], "networkConfiguration": network,
    });
    world.call("ecs", "create_service", &service);
    let before = world.listing();
    let destroy = world.neap(&["destroy", "--yes"]).expect(1);
    assert!(destroy.stderr.contains("cluster.main runs service billing"), "{}", destroy.stderr);
    assert_eq!(world.listing(), before, "nothing was deleted");
}

#[test]
fn what_others_run_in_the_cluster_refuses_on_moto() {
    what_others_run_in_the_cluster_refuses(Emulator::Moto);
}

#[test]
fn what_others_run_in_the_cluster_refuses_on_ministack() {
    what_others_run_in_the_cluster_refuses(Emulator::Ministack);
}

/// A namespace with DNS and one without; the service is found in the one, and serves and asks in the other.
fn services_are_found_by_name(emulator: Emulator) {
    let world = World::new(emulator, "stack.toml");
    let (output, names) = (
        "[output] ",
        "[namespace.dns]\ntype = \"private_dns\"\nname = \"course.internal\"\n\n[namespace.plain]\n\n[output] ",
    );
    let (target, found) = (
        "target = { group = \"web\" }",
        "target = { group = \"web\" }\ndiscovery = {}\nconnect = { namespace = \"plain\", serve = { as = \"site\" } }",
    );
    world.edit(output, names);
    world.edit(target, found);
    world.edit(
        "${var.tag}\"   # later: \"${ecr.web}:v1\"\nport = 80",
        "${var.tag}\"\nports = [{ port = 80, name = \"http\" }]",
    );
    world.neap(&["apply", "--yes"]).expect(0);
    let unchanged = || {
        let plan = world.neap(&["plan", "--detailed-exitcode"]).expect(0);
        assert!(plan.stdout.contains("No changes"), "{}", plan.stdout);
    };
    unchanged();
    let listing = world.listing();
    assert_eq!(listing["namespaces"], json!(["course-plain", "course.internal"]));
    assert_eq!(listing["discovery services"], json!(["web"]));

    world.edit("discovery = {}", "discovery = { ttl = 60 }");
    world.edit("serve = { as = \"site\" }", "serve = { as = \"site\", alias_port = 8080 }");
    world.edit(
        "[namespace.plain]\n",
        "[namespace.plain]\ndescription = \"names\"\ntags = { team = \"web\" }\n",
    );
    world.edit(
        "name = \"course.internal\"",
        "name = \"course.internal\"\ndescription = \"found\"\nsoa_ttl = 30",
    );
    world.neap(&["apply", "--yes"]).expect(0);
    unchanged();

    world.edit("discovery = { ttl = 60 }", "discovery = { record = \"SRV\" }");
    world.edit("tags = { team = \"web\" }\n", "");
    let plan = world.neap(&["plan"]).expect(0);
    assert!(plan.stdout.contains("replace discovery_service.web"), "{}", plan.stdout);
    world.neap(&["apply", "--yes"]).expect(0);
    unchanged();

    world.edit("\ndiscovery = { record = \"SRV\" }", "");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(world.listing()["discovery services"], Value::Null, "what is no longer found has no name");
    world.neap(&["destroy", "--yes"]).expect(0);
    world.neap(&["destroy", "--check"]).expect(0);
    for kind in ["namespaces", "discovery services", "private zones", "services"] {
        assert_eq!(world.listing()[kind], Value::Null, "{kind}");
    }
}

#[test]
fn services_are_found_by_name_on_moto() {
    services_are_found_by_name(Emulator::Moto);
}
