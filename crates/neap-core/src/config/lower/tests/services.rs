//! Services: capacity, targets, deployments, and what must come before them.

use serde_json::json;

use super::*;
use crate::ownership::Owned;

/// [`STACK`] with more keys of its service.
fn service(keys: &str) -> String {
    edited("[service.api]", &format!("[service.api]\n{keys}"))
}

/// [`STACK`] with another target of its service.
fn target(target: &str) -> String {
    edited("target = { group = \"api\" }", &format!("target = {target}"))
}

#[test]
fn defaults_are_visible() {
    let desired = with("");
    let expect =
        |path: &str, expected: Value| assert_eq!(field(&desired, "service.api", path), expected, "{path}");
    expect("cluster", json!("${cluster.main.arn}"));
    expect("task", json!("${task.api.arn}"));
    expect(
        "targets",
        json!([{ "target_group": "${target_group.api.arn}", "container": "app", "port": 3000 }]),
    );
    expect("subnets", json!(["${network.subnets}"]));
    expect("security_groups", json!(["${security_group.service-api.id}"]));
    expect("health_check_grace_seconds", json!(60));
    expect("zone_rebalancing", json!("ENABLED"));
    expect("capacity", json!({ "FARGATE": { "weight": 1, "base": 0 } }));
}

#[test]
fn a_service_waits_for_whoever_forwards_to_it_and_for_its_roles() {
    let text = edited(
        "default = { forward = \"api\" }",
        "default = { fixed_response = { status = 404 } }\n[[alb.public.listener.http.rule]]\npriority = 5\nwhen = { path = [\"/*\"] }\nforward = \"api\"\n",
    );
    let desired = lower_text(&text).expect("no mistakes");
    let after: Vec<String> =
        resource(&desired, "service.api").after.iter().map(ToString::to_string).collect();
    assert_eq!(after, ["role.task-api-execution", "alb.public.listener.http.rule.5"]);
}

#[test]
fn a_target_group_that_nothing_forwards_to_is_told() {
    check_edited(
        "default = { forward = \"api\" }",
        "default = { fixed_response = { status = 404 } }",
        "service.api.target.group: no load balancer forwards to `target_group.api`",
    );
}

#[test]
fn targets_are_containers_and_ports_that_are_open() {
    check_mistakes(
        &target("{ group = \"api\", container = \"ap\" }"),
        &["service.api.target.container: `task.api` has no container `ap`"],
    );
    let text = target("{ group = \"api\", port = 8080 }");
    check_mistakes(&text, &["service.api.target.port: `app` does not open port 8080"]);
    assert_eq!(help(&text), ["it opens 3000"]);
    check_mistakes(
        &target("{ group = \"api\" }").replace("port = 3000\n\n[target", "\n[target"),
        &["service.api.target: no container of `task.api` opens a port"],
    );
    check_mistakes(
        &target("[{ group = \"api\", container = \"app\" }]").replace("port = 3000\n\n[target", "\n[target"),
        &["service.api.target.0: `app` opens no port"],
    );
    let text = edited("port = 3000\n\n[target", "ports = [{ port = 1 }, { port = 2 }]\n[target");
    check_mistakes(&text, &["service.api.target: `app` opens several ports"]);
    assert_eq!(help(&text), ["set `port` to one of 1, 2"]);
    let text =
        edited("[target_group.api]", "[task.api.container.b]\nimage = \"b\"\nport = 1\n[target_group.api]");
    check_mistakes(&text, &["service.api.target: several containers of `task.api` open ports"]);
    assert_eq!(help(&text), ["set `container` to one of `app`, `b`"]);
}

#[test]
fn a_service_without_a_target_has_no_grace_and_lets_nobody_in() {
    let text = STACK.replace("target = { group = \"api\" }", "");
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(field(&desired, "service.api", "health_check_grace_seconds"), 0);
    assert_eq!(field(&desired, "security_group.service-api", "ingress"), json!([]));
    check_mistakes(
        &text.replace("[service.api]", "[service.api]\nhealth_check_grace = 5"),
        &["service.api.health_check_grace: a grace period without a target"],
    );
}

#[test]
fn deployments_must_have_room() {
    check_mistakes(
        &service("maximum_percent = 100"),
        &["service.api.maximum_percent: no task may stop and none may start, so nothing can be deployed"],
    );
    let desired =
        lower_text(&service("maximum_percent = 100\nminimum_healthy_percent = 0")).expect("no mistakes");
    assert_eq!(field(&desired, "service.api", "zone_rebalancing"), "DISABLED");
    let desired = lower_text(&service("circuit_breaker = false")).expect("no mistakes");
    assert_eq!(field(&desired, "service.api", "rollback"), false, "there is nothing to roll back from");
}

#[test]
fn capacity_is_the_services_or_the_clusters() {
    let cluster =
        |capacity: &str| edited("[cluster.main]", &format!("[cluster.main]\ncapacity = {capacity}"));
    let desired = lower_text(&cluster("{ fargate = { weight = 1, base = 2 }, fargate_spot = 3 }"))
        .expect("no mistakes");
    let expected =
        json!({ "FARGATE": { "weight": 1, "base": 2 }, "FARGATE_SPOT": { "weight": 3, "base": 0 } });
    assert_eq!(field(&desired, "cluster.main", "default_strategy"), expected);
    assert_eq!(field(&desired, "service.api", "capacity"), expected);
    assert_eq!(field(&desired, "cluster.main", "capacity_providers"), json!(["FARGATE", "FARGATE_SPOT"]));
    let desired = lower_text(&service("capacity = \"fargate_spot\"")).expect("no mistakes");
    assert_eq!(
        field(&desired, "service.api", "capacity"),
        json!({ "FARGATE_SPOT": { "weight": 1, "base": 0 } })
    );
    check_mistakes(
        &service("capacity = { fargate = 0 }"),
        &["service.api.capacity: no provider has a weight above 0"],
    );
    let both = "{ fargate = { weight = 1, base = 1 }, fargate_spot = { weight = 1, base = 1 } }";
    check_mistakes(
        &service(&format!("capacity = {both}")),
        &["service.api.capacity: two providers have a base"],
    );
    check_mistakes(&cluster(both), &["cluster.main.capacity: two providers have a base"]);
}

#[test]
fn what_is_owned_elsewhere_is_noted_at_the_service_and_its_task() {
    let desired = lower_text(&service("owned_elsewhere = [\"image\", \"count\"]")).expect("no mistakes");
    let owned = |address| resource(&desired, address).owned_elsewhere.iter().copied().collect::<Vec<_>>();
    assert_eq!(owned("service.api"), [Owned::Count, Owned::Image]);
    assert_eq!(owned("task.api"), [Owned::Image]);
    let count = lower_text(&service("owned_elsewhere = [\"count\"]")).expect("no mistakes");
    assert!(resource(&count, "task.api").owned_elsewhere.is_empty());
}

#[test]
fn an_image_that_others_own_runs_in_one_service() {
    let other = "\n[service.batch]\ncluster = \"main\"\ntask = \"api\"\n";
    check_mistakes(
        &format!("{}{other}", service("owned_elsewhere = [\"image\", \"image\"]")),
        &[
            "service.api.owned_elsewhere.1: it is in the list twice",
            "service.api.owned_elsewhere: `service.batch` runs `task.api` too",
        ],
    );
}

#[test]
fn the_hash_of_the_stack_says_nothing_of_what_others_own() {
    let spec = |text: &str, address: &str| resource(&lower_text(text).expect("no mistakes"), address).spec();
    let owned = service("owned_elsewhere = [\"image\", \"count\"]");
    let changed = service("owned_elsewhere = [\"image\", \"count\"]\ncount = 4").replace(":v1", ":v2");
    for address in ["service.api", "task.api"] {
        assert_eq!(spec(&owned, address), spec(&changed, address), "{address}");
        assert_ne!(spec(&owned, address), spec(&service("count = 4").replace(":v1", ":v2"), address));
    }
}

#[test]
fn a_shell_needs_a_container_in_which_its_agent_can_write() {
    let shell = edited("task = \"api\"", "task = \"api\"\nexec = true");
    let with_keys = |keys: &str| {
        shell.replace(
            "port = 3000\n\n[target_group",
            &format!("port = 3000\nread_only_root = true\n{keys}\n[target_group"),
        )
    };
    let told = "service.api.exec: no shell can be opened in `task.api`, whose root is read-only";
    check_mistakes(&with_keys(""), &[told]);
    let second = "[task.api.container.side]\nimage = \"side\"\n";
    lower_text(&with_keys(second)).expect("one of them can be looked into");
    check_mistakes(&with_keys(&format!("{second}read_only_root = true\n")), &[told]);
    let mounted = |lib: &str, log: &str| {
        let mount = format!("mount = {{ \"/var/lib/amazon\" = {lib}, \"/var/log/amazon/ssm\" = {log} }}\n");
        with_keys(&format!("{mount}[task.api.volume.lib]\n[task.api.volume.log]\n"))
    };
    lower_text(&mounted("\"lib\"", "\"log\"")).expect("the agent can write");
    check_mistakes(&mounted("\"lib\"", "{ volume = \"log\", read_only = true }"), &[told]);
    lower_text(&with_keys("").replace("exec = true", "")).expect("nobody asks for a shell");
}
