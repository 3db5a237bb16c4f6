//! The stacks that are shown to newcomers.

use serde_json::json;

use super::*;
use crate::config::{Options, Source, load};

/// An example as the command line loads it.
#[track_caller]
fn example(text: &str) -> Desired {
    loaded(text, &Options::default())
}

#[track_caller]
fn loaded(text: &str, options: &Options) -> Desired {
    let source = Source { name: "stack.toml", bytes: text.as_bytes() };
    load(&source, options).expect("an example has no mistakes").desired
}

fn addresses(desired: &Desired) -> Vec<String> {
    desired.resources.keys().map(ToString::to_string).collect()
}

#[test]
fn the_root_stack_is_small() {
    let desired = example(include_str!("../../../../../../stack.toml"));
    assert_eq!(
        addresses(&desired),
        [
            "log_group.task-web",
            "role.task-web-execution",
            "ecr.web",
            "cluster.main",
            "security_group.alb-public",
            "security_group.service-web",
            "target_group.web",
            "alb.public",
            "alb.public.listener.http",
            "task.web",
            "service.web",
        ]
    );
    assert_eq!(field(&desired, "task.web", "containers.nginx.image"), "public.ecr.aws/nginx/nginx:1.27");
    assert_eq!(desired.outputs["url"], "http://${alb.public.dns_name}");
}

#[test]
fn the_course_goes_through_cloudfront() {
    let desired = example(include_str!("../../../../../../examples/course-fargate/stack.toml"));
    let origins = field(&desired, "cloudfront.site", "origins");
    assert_eq!(origins["alb.public"]["domain"], "${alb.public.dns_name}");
    assert_eq!(origins["alb.public"]["protocol_policy"], "http-only");
    assert_eq!(origins["bucket.web"]["access_control"], "${origin_access_control.site.id}");
    assert_eq!(field(&desired, "cloudfront.site", "behaviors.0.path"), "/api/*");
    assert_eq!(field(&desired, "cloudfront.site", "default_behavior.origin"), "bucket.web");
}

#[test]
fn two_services_share_a_rule_by_weight() {
    let desired = example(include_str!("../../../../../../examples/two-services/stack.toml"));
    assert_eq!(
        field(&desired, "alb.public.listener.http.rule.20", "action"),
        json!({
            "type": "forward",
            "target_groups": [
                { "target_group": "${target_group.next.arn}", "weight": 1 },
                { "target_group": "${target_group.stable.arn}", "weight": 9 },
            ],
            "stickiness_seconds": 600,
        })
    );
    let after: Vec<String> =
        resource(&desired, "service.next").after.iter().map(ToString::to_string).collect();
    let rules = ["alb.public.listener.http.rule.10", "alb.public.listener.http.rule.20"];
    let ways_out = ["nat_gateway.nat-1", "route_table.private", "route_table.public", "vpc_endpoint.s3"];
    assert_eq!(after, [&["role.task-next-execution"], &ways_out[..], &rules].concat());
    assert_eq!(field(&desired, "service.next", "public_ip"), false);
    assert_eq!(
        field(&desired, "service.next", "capacity"),
        json!({ "FARGATE_SPOT": { "weight": 1, "base": 0 } })
    );
    assert_eq!(field(&desired, "service.stable", "capacity.FARGATE.base"), 1, "the cluster's own");
}

#[test]
fn an_environment_is_a_stack_of_its_own() {
    let text = include_str!("../../../../../../examples/two-services/stack.toml");
    let desired = loaded(text, &Options { environment: Some("prod".into()), ..Options::default() });
    assert_eq!(desired.stack, "shop-prod");
    assert_eq!(field(&desired, "service.stable", "count"), 4);
    assert_eq!(field(&desired, "service.stable", "name"), "shop-prod-stable");
    assert!(resource(&desired, "ecr.api").protect);
    assert!(!resource(&example(text), "ecr.api").protect);
}

#[test]
fn the_sidecar_keeps_its_secrets_and_its_order() {
    let desired = example(include_str!("../../../../../../examples/sidecar/stack.toml"));
    assert_eq!(field(&desired, "task.notes", "containers.app.env.SIGNING_KEY"), "${var.signing_key}");
    assert_eq!(field(&desired, "task.notes", "containers.proxy.depends_on.app"), "HEALTHY");
    assert_eq!(
        field(&desired, "task.notes", "containers.app.secrets.SMTP_PASSWORD"),
        "${secret.notes/smtp}:password::"
    );
    assert_eq!(
        field(&desired, "task.notes", "containers.proxy.logs.options.awslogs-group"),
        "${log_group.notes.name}"
    );
    let policies = field(&desired, "role.task-notes", "inline_policies");
    assert_eq!(policies.as_object().expect("policies").keys().collect::<Vec<_>>(), ["exec", "neap"]);
}
