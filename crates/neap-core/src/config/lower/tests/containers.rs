//! Containers, each by itself.

use serde_json::json;

use super::*;

/// [`STACK`] with more keys of its container.
fn app(keys: &str) -> String {
    edited("port = 3000\n\n[target", &format!("port = 3000\n{keys}\n[target"))
}

#[track_caller]
fn container(keys: &str, path: &str) -> Value {
    let desired = lower_text(&app(keys)).expect("no mistakes");
    field(&desired, "task.api", &format!("containers.app.{path}"))
}

#[track_caller]
fn check(keys: &str, expected: &[&str]) {
    let expected: Vec<String> =
        expected.iter().map(|mistake| format!("task.api.container.app.{mistake}")).collect();
    check_mistakes(&app(keys), &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn ports_are_the_same_inside_and_outside() {
    let port = json!({ "container_port": 3000, "host_port": 3000, "protocol": "tcp", "name": null });
    assert_eq!(container("", "ports"), json!([port]));
}

#[test]
fn environments_hold_strings() {
    let env = container("env = { A = 1, B = true, C = \"${ecr.api.name}\" }", "env");
    assert_eq!(env, json!({ "A": "1", "B": "true", "C": "${ecr.api.name}" }));
}

#[test]
fn a_secret_and_a_variable_cannot_have_one_name() {
    check("env = { A = 1 }\nsecrets = { A = \"ssm:/a\" }", &["env.A: `A` is in `env` and in `secrets`"]);
}

#[test]
fn secrets_are_named_in_three_ways() {
    let arn = "arn:aws:secretsmanager:eu-west-1:1:secret:x-AbCdEf";
    assert_eq!(container(&format!("secrets = {{ A = \"{arn}\" }}"), "secrets.A"), arn);
    for text in ["x", "ssm:", "secretsmanager:a:b:c", "arn:aws:s3:::bucket", "ssm:a b"] {
        let message = format!("secrets.A: `{text}` does not name a secret");
        check(&format!("secrets = {{ A = \"{text}\" }}"), &[&message]);
    }
}

#[test]
fn health_checks_are_commands() {
    let command =
        |command: &str| container(&format!("health_check = {{ command = {command} }}"), "health_check");
    assert_eq!(command("\"true\"")["command"], json!(["CMD-SHELL", "true"]));
    assert_eq!(command("[\"CMD\", \"true\"]")["command"], json!(["CMD", "true"]));
    assert_eq!(command("\"true\"")["interval_seconds"], 30);
    for list in ["[]", "[\"CMD\"]", "[\"curl\", \"localhost\"]"] {
        check(
            &format!("health_check = {{ command = {list} }}"),
            &["health_check.command: a list that is no command"],
        );
    }
}

#[test]
fn log_drivers_are_those_of_fargate() {
    let logs = container(
        "logs = { driver = \"awslogs\", options = { awslogs-stream-prefix = \"x\", mode = \"non-blocking\" } }",
        "logs",
    );
    assert_eq!(logs["options"]["awslogs-stream-prefix"], "x");
    assert_eq!(logs["options"]["awslogs-group"], "${log_group.task-api.name}");
    let logs =
        container("logs = { driver = \"splunk\", secret_options = { splunk-token = \"ssm:/t\" } }", "logs");
    assert!(logs["secret_options"]["splunk-token"].as_str().expect("a string").ends_with("parameter/t"));
    check("logs = { driver = \"awslog\" }", &["logs.driver: Fargate has no log driver `awslog`"]);
    assert_eq!(
        help(&app("logs = { driver = \"awslog\" }")),
        ["did you mean `awslogs`?", "it has `awslogs`, `splunk`, `awsfirelens`"]
    );
}

#[test]
fn mounts_need_a_volume_and_a_path() {
    let volume = "[task.api.volume.data]\n";
    let desired = lower_text(&app(&format!(
        "mount = {{ \"/d\" = {{ volume = \"data\", read_only = true }} }}\n{volume}"
    )));
    assert_eq!(
        field(&desired.expect("no mistakes"), "task.api", "containers.app.mounts"),
        json!([{ "volume": "data", "path": "/d", "read_only": true }])
    );
    check("mount = { \"/d\" = \"data\" }", &["mount./d: the task has no volume `data`"]);
    assert_eq!(help(&app("mount = { \"/d\" = \"data\" }")), ["add a table `[task.api.volume.data]`"]);
    check(
        &format!("mount = {{ d = \"data\" }}\n{volume}"),
        &["mount.d: the path `d` does not begin with a slash"],
    );
}

#[test]
fn fargate_changes_one_limit_only() {
    assert_eq!(container("ulimits = { nofile = { soft = 1, hard = 2 } }", "ulimits.nofile.hard"), 2);
    check(
        "ulimits = { nproc = { soft = 1, hard = 2 } }",
        &["ulimits.nproc: Fargate does not let `nproc` be changed"],
    );
    check(
        "ulimits = { nofile = { soft = 3, hard = 2 } }",
        &["ulimits.nofile.soft: the soft limit is above the hard one"],
    );
}

#[test]
fn an_image_has_a_name() {
    for image in ["", "a b"] {
        let text = edited("${ecr.api}:v1", image);
        let expected = format!("task.api.container.app.image: `{image}` is not the name of an image");
        check_mistakes(&text, &[&expected]);
    }
}

#[test]
fn names_of_containers_are_checked() {
    let text =
        edited("[target_group.api]", "[task.api.container.\"a b\"]\nimage = \"b\"\n[target_group.api]");
    check_mistakes(&text, &["task.api.container.a b: `a b` cannot be the name of a container"]);
}

#[test]
fn a_repository_with_capital_letters_is_told() {
    let text = edited("${ecr.api}:v1", "MyRepo/App:V1");
    let told = "task.api.container.app.image: the repository `MyRepo/App` has capital letters";
    check_mistakes(&text, &[told]);
    assert_eq!(help(&text), ["no registry has such: write `myrepo/app`; tags may have them"]);
}

#[test]
fn an_image_has_a_tag_or_none_and_nothing_that_is_no_reference() {
    for text in ["nginx:", "nginx@", "nginx:${TAG}", "nginx:${tag", "a b", ""] {
        check_edited(
            "${ecr.api}:v1",
            text,
            &format!("task.api.container.app.image: `{text}` is not the name of an image"),
        );
    }
}
