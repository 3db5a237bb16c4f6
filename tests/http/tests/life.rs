//! The whole life of every example over HTTP: create, no change, change in place, replacement, orphan, conflict, destroy.
//!
//! Each is run on moto and on ministack. What an emulator gets wrong is worked around here, in a test's set-up, and named.

use neap_http_tests::{Emulator, Stack, World};
use serde_json::{Value, json};

/// One example, and how it is changed in the course of its life.
struct Life {
    /// The stack file, from the root of the repository.
    stack: &'static str,
    /// How many of each kind the independent reader must see.
    counts: Value,
    /// Edits that AWS can make in place.
    in_place: &'static [(&'static str, &'static str)],
    /// The edit that replaces a target group.
    replacement: (&'static str, &'static str),
    /// The edits after which something live is no longer declared.
    orphan: &'static [(&'static str, &'static str)],
    /// The kind of which one is gone then.
    orphaned: &'static str,
    /// A call that takes a name that the stack needs, and what the plan must say of it.
    foreign: (&'static str, &'static str, Value, &'static str),
}

impl Life {
    fn run(&self, world: &World) {
        world.neap(&["plan", "--detailed-exitcode"]).expect(2);
        assert_eq!(world.listing(), json!({}), "a plan changes nothing");
        world.neap(&["apply", "--yes"]).expect(0);
        assert_eq!(counts(&world.listing()), self.counts);
        self.no_change(world);

        for (old, new) in self.in_place {
            world.edit(old, new);
        }
        let plan = world.neap(&["plan"]).expect(0);
        assert!(plan.stdout.contains(" 0 to replace, 0 to delete"), "in place only:\n{}", plan.stdout);
        world.neap(&["apply", "--yes"]).expect(0);
        self.no_change(world);

        let before = world.listing()["target groups"].clone();
        world.edit(self.replacement.0, self.replacement.1);
        world.neap(&["apply", "--yes"]).expect(0);
        let after = world.listing()["target groups"].clone();
        assert_eq!(before.as_array().map(Vec::len), after.as_array().map(Vec::len), "one for the other");
        assert_ne!(before, after, "a new name stands beside the old until it is gone");
        self.no_change(world);

        let before = number(&counts(&world.listing())[self.orphaned]);
        for (old, new) in self.orphan {
            world.edit(old, new);
        }
        world.neap(&["apply", "--yes"]).expect(0);
        assert_eq!(number(&counts(&world.listing())[self.orphaned]), before - 1, "the orphan is gone");
        self.no_change(world);

        world.neap(&["destroy", "--yes"]).expect(0);
        self.nothing_left(world);
        self.conflict(world);
    }

    fn no_change(&self, world: &World) {
        let plan = world.neap(&["plan", "--detailed-exitcode"]).expect(0);
        assert!(plan.stdout.contains("No changes"), "{}", plan.stdout);
    }

    fn nothing_left(&self, world: &World) {
        let mut listing = world.listing();
        if let Some(listing) = listing.as_object_mut() {
            // Neither emulator ever forgets a deleted revision.
            listing.remove("inactive task definitions");
        }
        assert_eq!(listing, json!({}), "destroy leaves nothing");
        // Both keep deleted revisions as `DELETE_IN_PROGRESS`, which is what AWS calls them while it still has them.
        let check = world.neap(&["destroy", "--check"]).expect(0);
        assert!(check.stdout.contains("is left"), "{}", check.stdout);
    }

    fn conflict(&self, world: &World) {
        let (service, operation, arguments, name) = &self.foreign;
        world.call(service, operation, arguments);
        let before = world.listing();
        let plan = world.neap(&["plan"]).expect(1);
        assert!(plan.stderr.contains(name), "the plan says what has the name:\n{}", plan.stderr);
        world.neap(&["apply", "--yes"]).expect(1);
        // It has the very name and nobody's tags, so nothing is proven; and it is left alone all the same.
        let destroy = world.neap(&["destroy", "--yes"]).expect(4);
        assert!(destroy.stderr.contains(name), "destroy says what has the name:\n{}", destroy.stderr);
        assert!(destroy.stderr.contains("left alone"), "{}", destroy.stderr);
        assert_eq!(world.listing(), before, "what is not the stack's own is left alone");
    }
}

fn counts(listing: &Value) -> Value {
    let count =
        |(kind, names): (&String, &Value)| (kind.clone(), json!(names.as_array().map_or(0, Vec::len)));
    let kinds =
        listing.as_object().into_iter().flatten().filter(|(kind, _)| *kind != "inactive task definitions");
    Value::Object(kinds.map(count).collect())
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn root() -> Life {
    Life {
        stack: "stack.toml",
        counts: json!({
            "clusters": 1, "listeners": 1, "load balancers": 1, "log groups": 1, "repositories": 1, "roles": 1,
            "security groups": 2, "services": 1, "target groups": 1, "task definitions": 1,
        }),
        in_place: &[("default = \"1.27\"", "default = \"1.28\""), ("path = \"/\"", "path = \"/health\"")],
        replacement: (
            "[target_group.web]              # who answers, and how the load balancer tells that they are well\nport = 80",
            "[target_group.web]\nport = 8080",
        ),
        orphan: &[(
            "[ecr.web]                       # where your own image will live\nkeep_images = 5\n",
            "",
        )],
        orphaned: "repositories",
        foreign: ("ecs", "create_cluster", json!({ "clusterName": "course-main" }), "course-main"),
    }
}

fn course_fargate() -> Life {
    Life {
        stack: "examples/course-fargate/stack.toml",
        counts: json!({
            "clusters": 1, "distributions": 1, "listeners": 1, "load balancers": 1, "log groups": 1, "repositories": 1,
            "roles": 1, "rules": 1, "security groups": 2, "services": 1, "target groups": 1, "task definitions": 1,
        }),
        in_place: &[
            ("path = \"/api/health\"", "path = \"/api/ready\""),
            ("NODE_ENV = \"production\"", "NODE_ENV = \"staging\""),
            ("keep_images = 5", "keep_images = 7"),
            ("body = \"not found\"", "body = \"nothing here\""),
            ("comment = \"the course's site\"", "comment = \"our site\""),
        ],
        replacement: ("[target_group.api]\nport = 3000", "[target_group.api]\nport = 3001"),
        orphan: &[
            ("[cloudfront.site]\ncomment = \"our site\"\n", ""),
            ("[[cloudfront.site.route]]\npath = \"/api/*\"\norigin = \"alb.public\"\n", ""),
            ("[[cloudfront.site.route]]\npath = \"/*\"\norigin = \"${var.site}\"\n", ""),
            ("url = \"https://${cloudfront.site}\"\n", ""),
        ],
        orphaned: "distributions",
        foreign: (
            "ec2",
            "create_security_group",
            json!({ "GroupName": "course-alb-public", "Description": "somebody else's" }),
            "course-alb-public",
        ),
    }
}

fn two_services() -> Life {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "ecs-tasks.amazonaws.com" },
    }] });
    let role =
        json!({ "RoleName": "shop-task-next-execution", "AssumeRolePolicyDocument": trust.to_string() });
    Life {
        stack: "examples/two-services/stack.toml",
        counts: json!({
            "clusters": 1, "listeners": 1, "load balancers": 1, "log groups": 2, "repositories": 1, "roles": 2, "rules": 3,
            "security groups": 3, "services": 2, "target groups": 2, "task definitions": 2,
        }),
        in_place: &[
            ("stickiness = { duration = 3600 }", "stickiness = { duration = 600 }"),
            ("team = \"shop\"", "team = \"web\""),
            ("path = [\"/beta/*\"]", "path = [\"/beta/*\", \"/next/*\"]"),
        ],
        replacement: ("[target_group.next]\nport = 8080", "[target_group.next]\nport = 8081"),
        orphan: &[(
            "[[alb.public.listener.http.rule]]\npriority = 30\nwhen = { host = [\"www.${var.domain}\"] }\n\
             redirect = { host = \"${var.domain}\", status = 301 }\n",
            "",
        )],
        orphaned: "rules",
        foreign: ("iam", "create_role", role, "shop-task-next-execution"),
    }
}

fn sidecar() -> Life {
    Life {
        stack: "examples/sidecar/stack.toml",
        counts: json!({
            "clusters": 1, "listeners": 1, "load balancers": 1, "log groups": 1, "repositories": 1, "roles": 2,
            "security groups": 2, "services": 1, "target groups": 1, "task definitions": 1,
        }),
        in_place: &[
            ("retention = 30", "retention = 60"),
            ("\"s3:GetObject\", \"s3:ListBucket\"", "\"s3:GetObject\""),
            ("stop_timeout = 60", "stop_timeout = 90"),
            ("container_insights = \"enabled\"", "container_insights = \"disabled\""),
        ],
        replacement: ("[target_group.notes]\nport = 8080", "[target_group.notes]\nport = 8081"),
        orphan: &[
            ("[[task.notes.role.statement]]\nactions = [\"s3:GetObject\"]\n", ""),
            ("resources = [\"arn:aws:s3:::notes-attachments\", \"arn:aws:s3:::notes-attachments/*\"]\n", ""),
            ("exec = true                     # `aws ecs execute-command` opens a shell\n", ""),
        ],
        orphaned: "roles",
        foreign: ("ecr", "create_repository", json!({ "repositoryName": "notes-app" }), "notes-app"),
    }
}

#[test]
fn the_root_stack_lives_on_moto() {
    let life = root();
    life.run(&World::new(Emulator::Moto, life.stack));
}

#[test]
fn the_root_stack_lives_on_ministack() {
    let life = root();
    life.run(&World::new(Emulator::Ministack, life.stack));
}

#[test]
fn course_fargate_lives_on_moto() {
    let life = course_fargate();
    life.run(&World::new(Emulator::Moto, life.stack));
}

#[test]
fn course_fargate_lives_on_ministack() {
    let life = course_fargate();
    life.run(&World::new(Emulator::Ministack, life.stack));
}

#[test]
fn two_services_live_on_moto() {
    let life = two_services();
    let world = World::new(Emulator::Moto, life.stack);
    Stack::TwoServices.adapt(&world);
    life.run(&world);
}

#[test]
fn two_services_live_on_ministack() {
    let life = two_services();
    let world = World::new(Emulator::Ministack, life.stack);
    // ministack does not escape what it answers in XML.
    world.edit("<h1>Not here</h1>", "Not here");
    // ministack drops the weights of a forward, so a second plan could never be empty.
    world.edit("forward = { weights = { stable = 9, next = 1 }, stickiness = 600 }", "forward = \"stable\"");
    life.run(&world);
}

#[test]
fn sidecar_lives_on_moto() {
    let life = sidecar();
    let world = World::new(Emulator::Moto, life.stack);
    Stack::Sidecar.provide(&world);
    life.run(&world);
}

#[test]
fn sidecar_lives_on_ministack() {
    let life = sidecar();
    let world = World::new(Emulator::Ministack, life.stack);
    Stack::Sidecar.provide(&world);
    life.run(&world);
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
