//! Blue/green deployments: which way leads where, who may shift traffic, and what ECS would refuse.

use serde_json::json;

use super::*;
use crate::ownership::Owned;

/// [`STACK`] with another group and a listener for tests; `service` are more keys of the service.
fn shifting(target: &str, service: &str) -> String {
    edited(
        "target = { group = \"api\" }",
        &format!(
            "target = {{ group = \"api\", alternate = \"next\"{target} }}\n{service}\n\
             [target_group.next]\nport = 3000\n\
             [alb.public.listener.test]\nport = 8080\ndefault = {{ forward = \"next\" }}\n"
        ),
    )
}

const BLUE_GREEN: &str = "deployment = { strategy = \"blue_green\" }";

/// The same, deployed blue/green.
fn blue_green() -> String {
    shifting("", BLUE_GREEN)
}

#[test]
fn ecs_is_told_the_other_group_and_the_ways_to_both() {
    let desired = lower_text(&blue_green()).expect("no mistakes");
    assert_eq!(
        field(&desired, "service.api", "targets"),
        json!([{
            "target_group": "${target_group.api.arn}", "container": "app", "port": 3000,
            "alternate": {
                "target_group": "${target_group.next.arn}",
                "production": "${alb.public.listener.http.default_rule}",
                "test": "${alb.public.listener.test.default_rule}",
                "role": "${role.service-api-traffic.arn}",
            },
        }]),
    );
    let expected = json!({ "strategy": "BLUE_GREEN", "bake_minutes": 5, "hooks": [] });
    assert_eq!(field(&desired, "service.api", "deployment"), expected);
    for way in ["alb.public.listener.http", "alb.public.listener.test"] {
        assert!(resource(&desired, way).owned_elsewhere.contains(&Owned::Weights), "{way}");
    }
}

#[test]
fn ecs_may_shift_traffic_and_nobody_else_has_the_role() {
    let desired = lower_text(&blue_green()).expect("no mistakes");
    let role = resource(&desired, "role.service-api-traffic");
    assert_eq!(role.implied.as_ref().expect("implied").by.to_string(), "service.api");
    let fields = role.resource.fields();
    assert_eq!(fields["trust"]["Statement"][0]["Principal"]["Service"], json!(["ecs.amazonaws.com"]));
    let policy = "arn:${aws.partition}:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers";
    assert_eq!(fields["managed_policies"], json!([policy]));
    let own = format!("{}\n[role.shift]\nservice = \"ecs.amazonaws.com\"\n", {
        shifting("", "deployment = { strategy = \"blue_green\", role = \"shift\" }")
    });
    let desired = lower_text(&own).expect("no mistakes");
    assert_eq!(field(&desired, "service.api", "targets")[0]["alternate"]["role"], "${role.shift.arn}");
    check_mistakes(
        &own.replace("service = \"ecs.amazonaws.com\"\n", ""),
        &[
            "service.api.deployment.role: ECS cannot assume `role.shift`, which is for `ecs-tasks.amazonaws.com`",
        ],
    );
}

#[test]
fn the_path_is_open_to_both_groups() {
    let text = blue_green().replace(
        "[target_group.next]\nport = 3000\n",
        "[target_group.next]\nport = 3000\nhealth_check = { port = 3001 }\n",
    );
    let desired = lower_text(&text).expect("no mistakes");
    let ingress = field(&desired, "security_group.service-api", "ingress");
    let ports: Vec<&Value> =
        ingress.as_array().expect("rules").iter().map(|rule| &rule["from_port"]).collect();
    assert_eq!(ports, [&json!(3000), &json!(3001)]);
}

#[test]
fn one_rule_can_lead_to_both_and_then_no_test_is_needed() {
    let text = blue_green()
        .replace("[alb.public.listener.test]\nport = 8080\ndefault = { forward = \"next\" }\n", "")
        .replace("forward = \"api\"", "forward = { weights = { api = 1, next = 0 } }");
    let desired = lower_text(&text).expect("no mistakes");
    let alternate = field(&desired, "service.api", "targets")[0]["alternate"].clone();
    assert_eq!(
        (alternate.get("test"), &alternate["production"]),
        (None, &json!("${alb.public.listener.http.default_rule}"))
    );
    check_mistakes(
        &text.replace("api = 1, next = 0", "api = 1, next = 1"),
        &["alb.public.listener.http.default.forward.weights: the first deployment is in `api` alone"],
    );
}

#[test]
fn rules_have_an_arn_of_their_own() {
    let text = shifting(", test = \"alb.public.listener.http.rule.20\"", BLUE_GREEN)
        .replace("default = { forward = \"api\" }", "default = { fixed_response = { status = 404 } }\n[[alb.public.listener.http.rule]]\npriority = 10\nwhen = { path = [\"/*\"] }\nforward = \"api\"\n[[alb.public.listener.http.rule]]\npriority = 20\nwhen = { header = { X-Test = \"1\" } }\nforward = { weights = { api = 1, next = 0 } }")
        .replace("[alb.public.listener.test]\nport = 8080\ndefault = { forward = \"next\" }\n", "");
    let desired = lower_text(&text).expect("no mistakes");
    let alternate = field(&desired, "service.api", "targets")[0]["alternate"].clone();
    assert_eq!(alternate["production"], "${alb.public.listener.http.rule.10.arn}");
    assert_eq!(alternate["test"], "${alb.public.listener.http.rule.20.arn}");
    check_mistakes(
        &text.replace(", test = \"alb.public.listener.http.rule.20\"", ""),
        &[
            "service.api.target.group: several ways lead to its targets: `alb.public.listener.http.rule.10`, `alb.public.listener.http.rule.20`",
        ],
    );
    check_mistakes(
        &text.replace("rule.20\"", "rule.30\""),
        &[
            "service.api.target.test: `alb.public.listener.http.rule.30` forwards to neither of the two groups",
        ],
    );
}

#[test]
fn a_listener_of_a_network_load_balancer_is_a_way_by_itself() {
    let text = blue_green()
        .replace("port = 3000\n\n[alb", "port = 3000\nprotocol = \"TCP\"\n\n[alb")
        .replace(
            "[target_group.next]\nport = 3000\n",
            "[target_group.next]\nport = 3000\nprotocol = \"TCP\"\n",
        )
        .replace("alb.public", "nlb.public")
        .replace("default = { forward = \"api\" }", "forward = \"api\"")
        .replace("default = { forward = \"next\" }", "forward = \"next\"");
    let desired = lower_text(&text).expect("no mistakes");
    let alternate = field(&desired, "service.api", "targets")[0]["alternate"].clone();
    assert_eq!(alternate["production"], "${nlb.public.listener.http.arn}");
    assert_eq!(alternate["test"], "${nlb.public.listener.test.arn}");
}

#[test]
fn both_or_none_of_the_two_are_asked_for() {
    check_mistakes(
        &shifting("", ""),
        &["service.api.target.alternate: another group without blue/green deployments"],
    );
    check_edited(
        "target = { group = \"api\" }",
        "target = { group = \"api\" }\ndeployment = { strategy = \"blue_green\" }",
        "service.api.target.group: `api` has no group to take turns with",
    );
    check_edited(
        "target = { group = \"api\" }",
        "target = { group = \"api\", test = \"alb.public.listener.http\" }",
        "service.api.target.test: `test` without another group",
    );
    check_edited(
        "[service.api]",
        "[service.api]\ndeployment = { bake_minutes = 3 }",
        "service.api.deployment.bake_minutes: `bake_minutes` is for blue/green deployments",
    );
}

#[test]
fn the_other_group_is_like_the_first_and_nobody_elses() {
    let ports = blue_green().replace("[target_group.next]\nport = 3000", "[target_group.next]\nport = 3001");
    check_mistakes(
        &ports,
        &["service.api.target.alternate: `target_group.next` has `port` 3001, and `api` 3000"],
    );
    let shared = format!(
        "{}\n[service.other]\ncluster = \"main\"\ntask = \"api\"\ntarget = {{ group = \"next\" }}\n",
        blue_green()
    );
    check_mistakes(
        &shared,
        &["service.api.target.alternate: `target_group.next` is a target of `service.other` too"],
    );
    let itself = shifting("", BLUE_GREEN).replace("alternate = \"next\"", "alternate = \"api\"");
    check_mistakes(&itself, &["service.api.target.alternate: `api` cannot take turns with itself"]);
}

#[test]
fn somebody_must_lead_to_the_other_group_and_to_no_third() {
    let no_test = blue_green()
        .replace("[alb.public.listener.test]\nport = 8080\ndefault = { forward = \"next\" }\n", "");
    check_mistakes(&no_test, &["service.api.target.alternate: nothing forwards to `target_group.next`"]);
    let third = format!(
        "{}\n[target_group.third]\nport = 3000\n",
        blue_green().replace("forward = \"api\"", "forward = { weights = { api = 1, next = 0, third = 0 } }")
    );
    check_mistakes(
        &third,
        &["alb.public.listener.http.default.forward.weights.third: `third` takes no turns with `api`"],
    );
}

#[test]
fn hooks_are_functions_at_stages_with_a_role_by_which_ecs_asks_them() {
    let hook = |keys: &str| {
        let deployment = format!("deployment = {{ strategy = \"blue_green\", hooks = [{{ {keys} }}] }}");
        shifting("", &deployment)
    };
    let function = "function = \"arn:aws:lambda:eu-west-1:123456789012:function:smoke\"";
    let desired = lower_text(&hook(&format!("{function}, stages = [\"post_test_traffic_shift\"]")));
    let desired = desired.expect("no mistakes");
    assert_eq!(
        field(&desired, "service.api", "deployment.hooks"),
        json!([{
            "function": "arn:aws:lambda:eu-west-1:123456789012:function:smoke",
            "role": "${role.service-api-hooks.arn}",
            "stages": ["POST_TEST_TRAFFIC_SHIFT"],
        }]),
    );
    let policy = field(&desired, "role.service-api-hooks", "inline_policies.hooks");
    assert_eq!(policy["Statement"][0]["Action"], json!(["lambda:InvokeFunction"]));
    check_mistakes(
        &hook("function = \"smoke\", stages = []"),
        &[
            "service.api.deployment.hooks.0.function: `smoke` is not the ARN of a Lambda function",
            "service.api.deployment.hooks.0.stages: the function is never asked",
        ],
    );
    check_mistakes(
        &hook(&format!("{function}, stages = [\"pre_scale_up\", \"pre_scale_up\"]")),
        &["service.api.deployment.hooks.0.stages.1: it is in the list twice"],
    );
}

#[test]
fn requests_of_one_group_cannot_scale_a_service_that_alternates() {
    let scaling = "[service.api.scaling]\nmin = 1\nmax = 4\nrequests_per_target = 100\n";
    check_mistakes(
        &shifting("", &format!("{BLUE_GREEN}\n{scaling}")),
        &[
            "service.api.scaling.requests_per_target: AWS counts the requests of one target group, and blue/green deployments alternate",
        ],
    );
}

#[test]
fn weights_are_no_part_of_what_the_stack_asks_for() {
    let spec = |weights: &str| {
        let text =
            blue_green().replace("forward = \"api\"", &format!("forward = {{ weights = {{ {weights} }} }}"));
        resource(&lower_text(&text).expect("no mistakes"), "alb.public.listener.http").spec()
    };
    assert_eq!(spec("api = 1, next = 0"), spec("api = 9, next = 0"));
    let mut desired = lower_text(&blue_green()).expect("no mistakes");
    let service = desired.resources.get_mut(&"service.api".parse().expect("an address")).expect("a service");
    let before = service.spec();
    let crate::kinds::Resource::Service(fields) = &mut service.resource else { unreachable!() };
    let target = &mut fields.targets[0];
    std::mem::swap(&mut target.target_group, &mut target.alternate.as_mut().expect("another").target_group);
    assert_eq!(service.spec(), before);
}
