//! Several blocks of instances in one cluster: what each implies, where services land, and what does not go together.

use serde_json::json;

use super::*;

/// [`STACK`] on a cluster with these keys, and with a task that says its memory.
fn cluster(keys: &str) -> String {
    let sized = "[task.api]\nmemory = 400\n[task.api.container.app]";
    edited("[cluster.main]\n", &format!("[cluster.main]\n{keys}\n"))
        .replace("[task.api.container.app]", sized)
}

/// Two blocks: one of `t3.micro` on demand, and one of `t3.small` on spare capacity.
fn two(capacity: &str) -> String {
    cluster(&format!(
        "capacity = {capacity}\ninstances.steady = {{ instance_type = \"t3.micro\", max = 2 }}\n\
         instances.spot = {{ instance_type = \"t3.small\", max = 4, spot = true }}"
    ))
}

/// [`two`] with more keys of the service.
fn served(capacity: &str, keys: &str) -> String {
    two(capacity).replace("[service.api]", &format!("[service.api]\n{keys}"))
}

const BOTH: &str = "{ steady = { base = 1, weight = 1 }, spot = 3 }";

#[test]
fn each_block_has_a_group_and_a_provider_and_they_share_a_role() {
    let desired = lower_text(&two(BOTH)).expect("no mistakes");
    for kind in ["launch_template", "auto_scaling_group", "capacity_provider", "security_group"] {
        for block in ["steady", "spot"] {
            resource(&desired, &format!("{kind}.cluster-main-{block}"));
        }
    }
    let roles: Vec<&Address> =
        desired.resources.keys().filter(|address| address.name().starts_with("cluster-main")).collect();
    assert_eq!(roles.len(), 10, "{roles:?}");
    let profile = json!("${instance_profile.cluster-main.arn}");
    assert_eq!(field(&desired, "launch_template.cluster-main-spot", "instance_profile"), profile);
    assert_eq!(field(&desired, "launch_template.cluster-main-spot", "spot"), json!(true));
    assert_eq!(field(&desired, "launch_template.cluster-main-steady", "spot"), json!(false));
    assert_eq!(field(&desired, "auto_scaling_group.cluster-main-spot", "max"), json!(4));
}

#[test]
fn the_strategy_of_the_cluster_is_that_of_services_that_say_nothing() {
    let shares = json!({
        "neap-course-cluster-main-steady": { "weight": 1, "base": 1 },
        "neap-course-cluster-main-spot": { "weight": 3, "base": 0 },
    });
    let desired = lower_text(&two(BOTH)).expect("no mistakes");
    let association = "cluster_capacity.main";
    assert_eq!(field(&desired, association, "default_strategy"), shares);
    assert_eq!(field(&desired, "cluster.main", "default_strategy"), json!({}));
    assert_eq!(field(&desired, "service.api", "capacity"), shares);
    let providers = field(&desired, association, "capacity_providers");
    let expected =
        ["spot", "steady"].map(|block| format!("${{capacity_provider.cluster-main-{block}.name}}"));
    assert_eq!(providers, json!(expected));
    let desired = lower_text(&served("\"fargate\"", "capacity = \"spot\"")).expect("no mistakes");
    assert_eq!(field(&desired, association, "default_strategy"), json!({}));
    assert_eq!(field(&desired, "cluster.main", "default_strategy.FARGATE.weight"), json!(1));
    let only = json!({ "neap-course-cluster-main-spot": { "weight": 1, "base": 0 } });
    assert_eq!(field(&desired, "service.api", "capacity"), only);
    assert_eq!(field(&desired, "task.api", "launch_types"), json!(["EC2"]));
}

#[test]
fn the_only_block_is_the_capacity_of_its_cluster() {
    let desired =
        lower_text(&cluster("instances.own = { instance_type = \"t3.micro\" }")).expect("no mistakes");
    let only = json!({ "neap-course-cluster-main-own": { "weight": 1, "base": 0 } });
    assert_eq!(field(&desired, "service.api", "capacity"), only);
    assert_eq!(field(&desired, "cluster_capacity.main", "default_strategy"), only);
}

#[test]
fn a_block_with_a_name_stands_beside_the_one_without() {
    let text = cluster(
        "capacity = { instance_type = \"t3.micro\" }\ninstances.spot = { instance_type = \"t3.small\", spot = true }",
    );
    let desired = lower_text(&text).expect("no mistakes");
    let only = json!({ "neap-course-cluster-main": { "weight": 1, "base": 0 } });
    assert_eq!(field(&desired, "service.api", "capacity"), only);
    resource(&desired, "auto_scaling_group.cluster-main");
    resource(&desired, "auto_scaling_group.cluster-main-spot");
}

#[test]
fn load_balancers_reach_the_instances_that_a_service_may_land_on() {
    let n_rules = |text: &str| {
        let desired = lower_text(text).expect("no mistakes");
        ["steady", "spot"].map(|block| {
            let rules = field(&desired, &format!("security_group.cluster-main-{block}"), "ingress");
            rules.as_array().map_or(0, Vec::len)
        })
    };
    assert_eq!(n_rules(&two(BOTH)), [1, 1]);
    assert_eq!(n_rules(&two("\"spot\"")), [0, 1]);
    assert_eq!(n_rules(&served(BOTH, "capacity = \"steady\"")), [1, 0]);
    assert_eq!(n_rules(&two("{ steady = 1, spot = 0 }")), [1, 0], "nothing lands on a share of nothing");
    assert_eq!(n_rules(&served("\"spot\"", "strategy = \"daemon\"")), [1, 1], "a daemon is everywhere");
}

#[test]
fn a_task_fits_on_every_block_that_it_may_land_on() {
    let sized = |text: String| text.replace("memory = 400", "memory = 1500");
    let tight = "task.api.memory: 1500 MiB do not fit on a `t3.micro`, which has 940 for tasks";
    check_mistakes(&sized(two(BOTH)), &[tight]);
    lower_text(&sized(two("\"spot\""))).expect("it fits there");
    let arm = two(BOTH).replace("t3.small", "t4g.small");
    check_mistakes(
        &arm,
        &["task.api.architecture: the image is built for x86_64, and `t4g.small` has arm64"],
    );
    lower_text(&arm.replace(BOTH, "\"steady\"")).expect("no task lands on the other processor");
    let text = served(BOTH, "count = 17").replace("memory = 400", "memory = 400\nnetwork_mode = \"awsvpc\"");
    let mistakes = lower_text(&text).expect_err("a mistake");
    assert_eq!(mistakes[0].message, "17 tasks with `awsvpc` do not fit on the instances");
    let label = "a `t3.small` has interfaces for 2, a `t3.micro` has interfaces for 1, and there are at most 10 in all";
    assert_eq!(mistakes[0].label.as_deref(), Some(label));
}

#[test]
fn capacity_that_is_not_there_or_does_not_mix_is_told() {
    check_mistakes(&two("\"spt\""), &["cluster.main.capacity: `cluster.main` has no capacity called `spt`"]);
    assert_eq!(help(&two("\"spt\""))[0], "did you mean `spot`?");
    check_mistakes(
        &served(BOTH, "capacity = { spt = 1 }"),
        &["service.api.capacity.spt: `cluster.main` has no capacity called `spt`"],
    );
    check_mistakes(
        &two("{ fargate = 1, spot = 1 }"),
        &["cluster.main.capacity: Fargate and instances in one strategy"],
    );
    check_mistakes(
        &two("{ steady = { weight = 1, base = 1 }, spot = { weight = 1, base = 2 } }"),
        &["cluster.main.capacity: two providers have a base"],
    );
    check_mistakes(
        &two(BOTH).replace("capacity = ", "# "),
        &[
            "cluster.main.instances: several blocks of instances, and no `capacity` says which of them services get",
        ],
    );
    check_mistakes(
        &cluster("instances.fargate = { instance_type = \"t3.micro\" }"),
        &["cluster.main.instances.fargate: `fargate` is what AWS's own capacity is called"],
    );
    check_mistakes(
        &two(BOTH).replace("t3.small", "t3.smal"),
        &["cluster.main.instances.spot.instance_type: neap does not know the instance type `t3.smal`"],
    );
}

#[test]
fn a_strategy_has_twenty_providers_at_most() {
    let blocks: Vec<String> =
        (1..=21).map(|number| format!("b{number} = {{ instance_type = \"t3.micro\" }}")).collect();
    let shares: Vec<String> = (1..=21).map(|number| format!("b{number} = 1")).collect();
    let text = cluster(&format!(
        "capacity = {{ {} }}\n[cluster.main.instances]\n{}",
        shares.join(", "),
        blocks.join("\n")
    ));
    check_mistakes(&text, &["cluster.main.capacity: 21 providers; AWS takes at most 20"]);
}

#[test]
fn blocks_whose_names_run_together_are_told() {
    let text = cluster("instances.b = { instance_type = \"t3.micro\" }");
    let text = format!("{text}\n[cluster.main-b]\ncapacity = {{ instance_type = \"t3.micro\" }}\n");
    let mistakes = lower_text(&text).expect_err("mistakes");
    let both = "`cluster.main-b` and `cluster.main` both imply `launch_template.cluster-main-b`";
    assert!(mistakes.iter().any(|mistake| mistake.message == both), "{mistakes:#?}");
}

/// A block of instances that ECS does not scale, with more keys of it.
fn scaled(keys: &str) -> String {
    cluster(&format!(
        "capacity = {{ instance_type = \"t3.micro\", max = 4, managed_scaling = false, {keys} }}"
    ))
}

#[test]
fn what_instances_use_moves_their_number_where_ecs_does_not() {
    let text = scaled(
        "scaling = { cpu = 60, network_in = { target = 5_000_000_000, warmup = 60, disable_scale_in = true } }",
    );
    let desired = lower_text(&text).expect("no mistakes");
    let group = "auto_scaling_group.cluster-main";
    let expected = json!({
        "cpu": {
            "metric": "ASGAverageCPUUtilization", "target": 60, "warmup_seconds": 300, "disable_scale_in": false,
        },
        "network_in": {
            "metric": "ASGAverageNetworkIn", "target": 5_000_000_000_u64, "warmup_seconds": 60,
            "disable_scale_in": true,
        },
    });
    assert_eq!(field(&desired, group, "target_tracking"), expected);
    assert_eq!(field(&desired, group, "scale_in_protection"), json!(false));
}

#[test]
fn who_owns_the_number_of_instances_follows_from_what_moves_it() {
    let owned = |text: &str| {
        let desired = lower_text(text).expect("no mistakes");
        !resource(&desired, "auto_scaling_group.cluster-main").owned_elsewhere.is_empty()
    };
    assert!(owned(&on_instances(", desired = 1")), "ECS");
    assert!(owned(&scaled("desired = 2, scaling = { cpu = 60 }")), "a policy");
    assert!(!owned(&scaled("desired = 2")), "the stack");
    assert!(owned(&scaled("min = 1")), "nobody says");
}

#[test]
fn scaling_that_cannot_be_is_told() {
    let at = "cluster.main.capacity.scaling";
    check_mistakes(
        &on_instances(", scaling = { cpu = 160 }"),
        &[
            &format!("{at}: ECS scales these instances already, by what its tasks need"),
            &format!("{at}.cpu: 160 percent of the cpu"),
        ],
    );
    check_mistakes(&scaled("scaling = {}"), &[&format!("{at}: nothing says when instances come and go")]);
}
