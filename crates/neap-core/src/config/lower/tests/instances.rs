//! Instances of a cluster's own: what they imply, who reaches the tasks on them, and what does not fit.

use serde_json::json;

use super::*;

fn addresses(desired: &Desired, by: &str) -> Vec<String> {
    let implied = desired.resources.iter().filter(|(_, resource)| {
        resource.implied.as_ref().is_some_and(|implied| implied.by.to_string() == by)
    });
    implied.map(|(address, _)| address.to_string()).collect()
}

#[test]
fn one_table_of_instances_implies_all_that_they_need() {
    let desired = lower_text(&on_instances("")).expect("no mistakes");
    let expected = [
        "role.cluster-main",
        "instance_profile.cluster-main",
        "security_group.cluster-main",
        "launch_template.cluster-main",
        "auto_scaling_group.cluster-main",
        "capacity_provider.cluster-main",
        "cluster_capacity.main",
    ];
    assert_eq!(addresses(&desired, "cluster.main"), expected);
    let expect = |address: &str, path: &str, expected: Value| {
        assert_eq!(field(&desired, address, path), expected, "{address} {path}");
    };
    let template = "launch_template.cluster-main";
    expect(template, "image", json!("${aws.ecs_image.x86_64}"));
    expect(template, "metadata_tokens", json!("required"));
    expect(template, "cluster", json!("${cluster.main.arn}"));
    let group = "auto_scaling_group.cluster-main";
    expect(group, "min", json!(1));
    expect(group, "max", json!(2));
    expect(group, "scale_in_protection", json!(true));
    expect("cluster.main", "default_strategy", json!({}));
    expect("service.api", "capacity", json!({ "neap-course-cluster-main": { "weight": 1, "base": 0 } }));
    let after = &resource(&desired, group).after;
    let after: Vec<String> = after.iter().map(ToString::to_string).collect();
    assert_eq!(after, ["instance_profile.cluster-main", "cluster.main", "security_group.cluster-main"]);
    assert!(resource(&desired, "service.api").after.contains(&"cluster_capacity.main".parse().expect("it")));
}

#[test]
fn what_associates_instances_has_no_tags_of_the_users() {
    let text = on_instances("").replace("name = \"course\"", "name = \"course\"\ntags = { team = \"web\" }");
    let desired = lower_text(&text).expect("no mistakes");
    let keys = |address: &str| resource(&desired, address).tags.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys("cluster_capacity.main"), ["neap:address", "neap:stack"]);
    assert_eq!(keys("capacity_provider.cluster-main"), ["neap:address", "neap:stack", "team"]);
}

#[test]
fn tasks_on_instances_share_their_interface_unless_they_say_otherwise() {
    let check = |text: &str, mode: &str, host_port: u64, target: &str, ingress: Value| {
        let desired = lower_text(text).expect("no mistakes");
        assert_eq!(field(&desired, "task.api", "network_mode"), mode);
        assert_eq!(field(&desired, "task.api", "launch_types"), json!(["EC2"]));
        assert_eq!(field(&desired, "task.api", "containers.app.ports.0.host_port"), host_port);
        assert_eq!(field(&desired, "target_group.api", "target_type"), target);
        assert_eq!(field(&desired, "service.api", "own_interfaces"), json!(mode == "awsvpc"));
        assert_eq!(field(&desired, "service.api", "public_ip"), json!(false));
        assert_eq!(field(&desired, "security_group.cluster-main", "ingress"), ingress);
    };
    let rule = |from: u16, to: u16| {
        json!([{
            "protocol": "tcp", "from_port": from, "to_port": to, "peer": "${security_group.alb-public.id}",
            "description": "from alb.public",
        }])
    };
    let text = on_instances("");
    check(&text, "bridge", 0, "instance", rule(32_768, 65_535));
    let fixed = text.replace("port = 3000\n\n[target", "ports = [{ port = 3000, host_port = 80 }]\n[target");
    check(&fixed, "bridge", 80, "instance", rule(80, 80));
    check_mistakes(
        &fixed.replace("host_port = 80 ", "host_port = 2376 "),
        &[
            "task.api.container.app.ports.0.host_port: instances keep port 2376 for themselves, so no task could start",
        ],
    );
    let mode = |mode: &str| text.replace("memory = 400", &format!("memory = 400\nnetwork_mode = \"{mode}\""));
    check(&mode("host"), "host", 3000, "instance", rule(3000, 3000));
    check(&mode("awsvpc"), "awsvpc", 3000, "ip", json!([]));
}

#[test]
fn a_task_that_does_not_fit_on_its_instances_is_told() {
    let with = |keys: &str| on_instances("").replace("memory = 400", keys);
    check_mistakes(
        &with("memory = 1024"),
        &["task.api.memory: 1024 MiB do not fit on a `t3.micro`, which has 940 for tasks"],
    );
    check_mistakes(
        &with("memory = 400\ncpu = 4096"),
        &["task.api.cpu: 4096 CPU units do not fit on a `t3.micro`, which has 2048"],
    );
    check_mistakes(
        &with("memory = 400\narchitecture = \"arm64\""),
        &["task.api.architecture: the image is built for arm64, and `t3.micro` has x86_64"],
    );
    let arm = on_instances("").replace("t3.micro", "t4g.micro");
    let key = "say so in `[task.api]`: `architecture = \"arm64\"`";
    assert!(help(&arm)[0].contains(key), "{:?}", help(&arm));
    check_mistakes(&with("cpu = 256"), &["task.api: the task has no `memory`"]);
    let text =
        with("memory = 400\nnetwork_mode = \"awsvpc\"").replace("[service.api]", "[service.api]\ncount = 3");
    check_mistakes(&text, &["service.api.count: 3 tasks with `awsvpc` do not fit on the instances"]);
    assert_eq!(help(&text), ["leave `network_mode` out to share the instance's interface, or raise `max`"]);
}

#[test]
fn what_aws_would_refuse_of_instances_or_nobody_would_do_is_told() {
    let check = |keys: &str, mistake: &str| check_mistakes(&on_instances(&format!(", {keys}")), &[mistake]);
    check("key_pair = \"\"", "cluster.main.capacity.key_pair: the name of the key pair is empty");
    check(
        "managed_scaling = false, termination_protection = true",
        "cluster.main.capacity.termination_protection: termination protection without managed scaling",
    );
    let unprotected = on_instances(", managed_scaling = false, termination_protection = false");
    lower_text(&unprotected).expect("no mistakes");
    let long = "x".repeat(16_384);
    check(
        &format!("user_data = \"{long}\""),
        "cluster.main.capacity.user_data: 16384 bytes; AWS takes 16065 beside neap's own lines",
    );
}

/// [`on_instances`] with a task that no service runs, and more keys of it.
fn run_by_itself(keys: &str) -> String {
    format!(
        "{}\n[task.migrate]\n{keys}\n[task.migrate.container.app]\nimage = \"migrate\"\n",
        on_instances("")
    )
}

#[test]
fn a_task_that_no_service_runs_is_for_the_cluster_that_it_names() {
    let check = |keys: &str, launch_type: &str, mode: &str, memory: Value| {
        let desired = lower_text(&run_by_itself(keys)).expect("no mistakes");
        assert_eq!(field(&desired, "task.migrate", "launch_types"), json!([launch_type]), "{keys}");
        assert_eq!(field(&desired, "task.migrate", "network_mode"), mode, "{keys}");
        assert_eq!(field(&desired, "task.migrate", "memory"), memory, "{keys}");
        resource(&desired, "role.task-migrate-execution");
        resource(&desired, "log_group.task-migrate");
    };
    check("", "FARGATE", "awsvpc", json!(512));
    check("cluster = \"main\"\nmemory = 100", "EC2", "bridge", json!(100));
    check("cluster = \"main\"\nmemory = 100\nnetwork_mode = \"awsvpc\"", "EC2", "awsvpc", json!(100));
}

#[test]
fn a_task_that_is_run_by_itself_must_fit_where_it_is_run() {
    check_mistakes(
        &run_by_itself("cluster = \"main\"\nmemory = 1024"),
        &["task.migrate.memory: 1024 MiB do not fit on a `t3.micro`, which has 940 for tasks"],
    );
    check_mistakes(&run_by_itself("cluster = \"main\""), &["task.migrate: the task has no `memory`"]);
    let text = run_by_itself("cluster = \"main\"\nmemory = 100\nnetwork_mode = \"awsvpc\"");
    let text = text.replace("max = 2", "min = 0, max = 0");
    check_mistakes(&text, &["task.migrate.network_mode: a task with `awsvpc` does not fit on the instances"]);
    let text = run_by_itself("cluster = \"mian\"\nmemory = 1024\nnetwork_mode = \"bridge\"");
    check_mistakes(&text, &["task.migrate.cluster: no `cluster` is called `mian`"]);
    assert_eq!(help(&text), ["did you mean `main`?"]);
}

#[test]
fn a_task_that_a_service_runs_names_no_cluster() {
    check_mistakes(
        &on_instances("").replace("memory = 400", "memory = 400\ncluster = \"main\""),
        &["task.api.cluster: `service.api` runs the task, and says where"],
    );
}

#[test]
fn instances_that_cannot_be_are_told() {
    let text = on_instances("").replace("t3.micro", "t3.mico");
    check_mistakes(
        &text,
        &["cluster.main.capacity.instance_type: neap does not know the instance type `t3.mico`"],
    );
    assert_eq!(help(&text)[0], "did you mean `t3.micro`?");
    let text = on_instances(", architecture = \"arm64\"");
    check_mistakes(&text, &["cluster.main.capacity.architecture: `t3.micro` has the processor x86_64"]);
    check_mistakes(
        &on_instances(", min = 3"),
        &["cluster.main.capacity.max: at most 2 instances, and at least 3"],
    );
    check_mistakes(
        &on_instances(", desired = 3"),
        &["cluster.main.capacity.desired: 3 instances at first are outside of 1 to 2"],
    );
    check_mistakes(
        &on_instances(", image = \"ubuntu\""),
        &["cluster.main.capacity.image: `ubuntu` is not the id of an image"],
    );
    check_mistakes(
        &on_instances(", user_data = \"#!/bin/sh\""),
        &["cluster.main.capacity.user_data: the script has a first line of its own"],
    );
}

#[test]
fn a_type_that_is_not_in_the_table_says_its_processor() {
    let text = on_instances(", architecture = \"arm64\"").replace("t3.micro", "x9g.huge");
    let text = text.replace("memory = 400", "memory = 400\narchitecture = \"arm64\"");
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(field(&desired, "launch_template.cluster-main", "image"), "${aws.ecs_image.arm64}");
}

#[test]
fn tasks_that_share_an_interface_have_no_network_of_their_own() {
    let text = on_instances("").replace("[service.api]", "[service.api]\nsubnets = [\"subnet-1\"]");
    check_mistakes(&text, &["service.api.subnets: `subnets` without network mode `awsvpc`"]);
    let text = edited("[task.api.container", "[task.api]\nnetwork_mode = \"bridge\"\n[task.api.container");
    check_mistakes(&text, &["task.api.network_mode: Fargate has no network mode but `awsvpc`"]);
}

#[test]
fn a_service_whose_next_task_has_no_place_is_told() {
    let one = on_instances("").replace(", max = 2", "");
    let with = |keys: &str| one.replace("[service.api]", &format!("[service.api]\n{keys}"));
    let check = |text: &str, expected: &str| check_mistakes(text, &[expected]);
    let stuck = "service.api: no deployment could end: a new task starts before an old one stops, and there is no room for 2";
    let fixed = |text: &str| {
        text.replace("port = 3000\n\n[target", "ports = [{ port = 3000, host_port = 80 }]\n\n[target")
    };
    check(&fixed(&one), stuck);
    check(&fixed(&with("count = 2")), "service.api.count: 2 tasks do not fit on the instances");
    for mode in ["host", "awsvpc"] {
        check(&one.replace("memory = 400", &format!("memory = 400\nnetwork_mode = \"{mode}\"")), stuck);
    }
    check(&one.replace("memory = 400", "memory = 500"), stuck);
    check(&one.replace("memory = 400", "memory = 100\ncpu = 2048"), stuck);
    check(
        &one.replace("memory = 400", "memory = 300").replace("[service.api]", "[service.api]\ncount = 4"),
        "service.api.count: 4 tasks do not fit on the instances",
    );
    // What stops first makes room.
    for fits in [
        fixed(&with("minimum_healthy_percent = 0\nmaximum_percent = 100")),
        fixed(&on_instances("")),
        one.clone(),
        with("count = 0").replace("memory = 400", "memory = 900"),
        with("count = 2\nminimum_healthy_percent = 50"),
    ] {
        lower_text(&fits).expect("no mistakes");
    }
    assert!(help(&fixed(&one))[0].contains("`minimum_healthy_percent = 0` and `maximum_percent = 100`"));
}

/// [`on_instances`] with a daemon, and more keys of it.
fn daemon(keys: &str) -> String {
    on_instances("").replace("[service.api]", &format!("[service.api]\nstrategy = \"daemon\"\n{keys}"))
}

#[test]
fn a_daemon_has_one_task_on_each_instance_and_no_capacity() {
    let desired = lower_text(&daemon("")).expect("no mistakes");
    let expect = |path: &str, expected: Value| {
        assert_eq!(field(&desired, "service.api", path), expected, "{path}");
    };
    expect("scheduling_strategy", json!("DAEMON"));
    expect("count", json!(null));
    expect("capacity", json!({}));
    expect("minimum_healthy_percent", json!(0));
    expect("maximum_percent", json!(100));
    expect("zone_rebalancing", json!("DISABLED"));
    assert_eq!(field(&desired, "task.api", "launch_types"), json!(["EC2"]));
    assert!(resource(&desired, "service.api").after.contains(&"cluster_capacity.main".parse().expect("it")));
}

#[test]
fn what_a_daemon_cannot_have_is_told_at_once() {
    check_mistakes(
        &daemon("count = 2\nmaximum_percent = 150\nowned_elsewhere = [\"count\"]"),
        &[
            "service.api.count: a daemon has no count",
            "service.api.maximum_percent: a daemon has at most 100 percent of its tasks, not 150",
            "service.api.owned_elsewhere.0: a daemon has no count that others could own",
        ],
    );
    check_mistakes(
        &daemon("minimum_healthy_percent = 100"),
        &[
            "service.api.minimum_healthy_percent: no task may stop and none may start, so nothing can be deployed",
        ],
    );
    check_mistakes(
        &edited("[service.api]", "[service.api]\nstrategy = \"daemon\""),
        &["service.api.strategy: a daemon on Fargate: `cluster.main` has no instances"],
    );
    check_mistakes(
        &edited("[service.api]", "[service.api]\nstrategy = \"daemon\"\ncapacity = \"fargate\""),
        &["service.api.capacity: a daemon has no capacity of its own"],
    );
}
