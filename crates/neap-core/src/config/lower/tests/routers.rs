//! Log routers, and the containers that send to them.

use serde_json::json;

use super::*;

const SENDS: &str = "logs = { driver = \"awsfirelens\" }";
const ROUTES: &str = "firelens = { type = \"fluentbit\" }";

/// [`STACK`] with more keys of its container, beside a container `router` with these.
fn beside(app: &str, router: &str) -> String {
    let containers =
        format!("port = 3000\n{app}\n[task.api.container.router]\nimage = \"fluent\"\n{router}\n\n[target");
    edited("port = 3000\n\n[target", &containers)
}

#[track_caller]
fn router(keys: &str) -> Desired {
    lower_text(&beside(SENDS, keys)).expect("no mistakes")
}

#[track_caller]
fn check(app: &str, router: &str, expected: &[&str]) {
    let expected: Vec<String> =
        expected.iter().map(|mistake| format!("task.api.container.{mistake}")).collect();
    check_mistakes(&beside(app, router), &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_router_runs_as_root_adds_metadata_and_logs_to_the_group() {
    let desired = router(ROUTES);
    let field = |path: &str| field(&desired, "task.api", &format!("containers.{path}"));
    let firelens = json!({ "type": "fluentbit", "options": { "enable-ecs-log-metadata": "true" } });
    assert_eq!(field("router.firelens"), firelens);
    assert_eq!(field("router.user"), "0");
    assert_eq!(field("router.logs.driver"), "awslogs");
    let logs = json!({ "driver": "awsfirelens", "options": {}, "secret_options": {} });
    assert_eq!(field("app.logs"), logs);
    assert_eq!(field("app.firelens"), Value::Null);
}

#[test]
fn options_of_routers_and_drivers_are_awss() {
    let options = "firelens = { type = \"fluentd\", options = { enable-ecs-log-metadata = false, \
                   config-file-type = \"file\", config-file-value = \"/extra.conf\" } }\nuser = \"0:1000\"";
    let expected = json!({
        "enable-ecs-log-metadata": "false",
        "config-file-type": "file",
        "config-file-value": "/extra.conf",
    });
    let desired = router(options);
    assert_eq!(field(&desired, "task.api", "containers.router.firelens.options"), expected);
    assert_eq!(field(&desired, "task.api", "containers.router.user"), "0:1000");
    let sends = |limit: &str| {
        format!(
            "logs = {{ driver = \"awsfirelens\", options = {{ log-driver-buffer-limit = \"{limit}\" }}, \
             secret_options = {{ key = \"ssm:/key\" }} }}"
        )
    };
    let desired = lower_text(&beside(&sends("2097152"), ROUTES)).expect("no mistakes");
    assert_eq!(field(&desired, "task.api", "containers.app.logs.options.log-driver-buffer-limit"), "2097152");
    let secrets = field(&desired, "role.task-api-execution", "inline_policies.secrets.Statement");
    assert!(secrets.to_string().contains("parameter/key"), "{secrets}");
    for limit in ["-1", "many", "536870913"] {
        check(
            &sends(limit),
            ROUTES,
            &[&format!("app.logs.options.log-driver-buffer-limit: `{limit}` is no number of lines")],
        );
    }
}

#[test]
fn a_task_has_one_router_or_none() {
    check(SENDS, "", &["app.logs.driver: the task has no log router"]);
    let both = format!("{SENDS}\n{ROUTES}");
    check(
        &both,
        ROUTES,
        &[
            "app.logs.driver: a log router cannot send its own output to itself",
            "router.firelens: `app` is already the log router of the task",
        ],
    );
    check("", ROUTES, &["router.firelens: no container of the task sends its output to the log router"]);
    assert_eq!(help(&beside("", ROUTES)), ["give `app` `logs = { driver = \"awsfirelens\", … }`"]);
    let alone = edited("port = 3000\n\n[target", &format!("port = 3000\n{ROUTES}\n\n[target"));
    let expected = "give another container of the task `logs = { driver = \"awsfirelens\", … }`";
    assert_eq!(help(&alone), [expected]);
}

#[test]
fn a_router_is_essential_and_root() {
    check(
        SENDS,
        &format!("{ROUTES}\nessential = false\nuser = \"fluent\""),
        &[
            "router.essential: the task would go on without its logs when the log router ends",
            "router.user: a log router runs as user 0, not as `fluent`",
        ],
    );
}

#[test]
fn configuration_files_lie_in_the_image_or_on_instances_in_s3() {
    let from = |kind: &str, value: &str| {
        format!(
            "firelens = {{ type = \"fluentbit\", options = {{ config-file-type = \"{kind}\", \
             config-file-value = \"{value}\" }} }}"
        )
    };
    let at = |message: &str| format!("router.firelens.options.config-file-{message}");
    check(SENDS, &from("file", "extra.conf"), &[&at("value: `extra.conf` is not a path in the image")]);
    check(
        SENDS,
        &from("file", "/fluent-bit/etc/fluent-bit.conf"),
        &[&at("value: ECS writes its own configuration to `/fluent-bit/etc/fluent-bit.conf`")],
    );
    check(
        SENDS,
        "firelens = { type = \"fluentbit\", options = { config-file-type = \"file\" } }",
        &[&at("type: `config-file-type` without `config-file-value`")],
    );
    let there = from("s3", "arn:aws:s3:::configs/router/extra.conf");
    check(SENDS, &there, &[&at("type: on Fargate the file of a log router lies in its image")]);
    let on_instances = |router: &str| {
        let text = on_instances("").replace(
            "port = 3000\n\n[target",
            &format!(
                "port = 3000\n{SENDS}\n[task.api.container.router]\nimage = \"fluent\"\n{router}\n\n[target"
            ),
        );
        lower_text(&text)
    };
    let desired = on_instances(&there).expect("no mistakes");
    let policy = field(&desired, "role.task-api-execution", "inline_policies.log-router.Statement");
    assert_eq!(
        policy,
        json!([
            { "Effect": "Allow", "Action": ["s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::configs"] },
            { "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::configs/router/extra.conf"] },
        ])
    );
    let mistakes = on_instances(&from("s3", "configs/extra.conf")).expect_err("a mistake");
    assert_eq!(mistakes[0].message, "`configs/extra.conf` is not the ARN of an object in S3");
}
