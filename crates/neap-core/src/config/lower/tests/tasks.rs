//! Tasks as a whole: size, roles, logs and what holds between containers.

use serde_json::json;

use super::*;

/// [`STACK`] with keys of the task, and more tables of it.
fn task(keys: &str) -> String {
    edited("[task.api.container.app]", &format!("[task.api]\n{keys}\n[task.api.container.app]"))
}

/// [`STACK`] with another container.
fn beside(container: &str) -> String {
    edited("[target_group.api]", &format!("{container}\n[target_group.api]"))
}

#[track_caller]
fn size(keys: &str) -> (u64, u64) {
    let desired = lower_text(&task(keys)).expect("no mistakes");
    let number = |path| field(&desired, "task.api", path).as_u64().expect("a number");
    (number("cpu"), number("memory"))
}

#[test]
fn defaults_are_the_smallest_task() {
    let desired = with("");
    assert_eq!(size(""), (256, 512));
    assert_eq!(size("cpu = 1024"), (1024, 2048));
    assert_eq!(size("memory = 4096"), (512, 4096));
    assert_eq!(field(&desired, "task.api", "launch_types"), json!(["FARGATE"]));
    assert_eq!(field(&desired, "task.api", "network_mode"), "awsvpc");
    assert_eq!(field(&desired, "task.api", "architecture"), "X86_64");
    assert_eq!(field(&desired, "task.api", "execution_role"), "${role.task-api-execution.arn}");
    assert_eq!(field(&desired, "task.api", "task_role"), Value::Null);
}

#[test]
fn sizes_that_fargate_does_not_have_are_told_with_those_it_has() {
    let text = task("cpu = 256\nmemory = 4096");
    check_mistakes(&text, &["task.api.memory: Fargate has no tasks of 256 CPU units and 4096 MiB"]);
    assert_eq!(
        help(&text),
        ["with `cpu = 256` it has 512, 1024, 2048 MiB", "`memory = 4096` goes with `cpu` 512, 1024, 2048"]
    );
    let text = task("cpu = 300");
    check_mistakes(&text, &["task.api.cpu: Fargate has no tasks of 300 CPU units"]);
    assert_eq!(help(&text), ["it has 256, 512, 1024, 2048, 4096, 8192, 16384"]);
    check_mistakes(
        &task("memory = 1000"),
        &["task.api.memory: Fargate has no tasks of 256 CPU units and 1000 MiB"],
    );
}

#[test]
fn nothing_is_said_of_a_size_while_nobody_knows_where_the_task_runs() {
    let text = task("memory = 1000").replace("cluster = \"main\"", "cluster = \"mian\"");
    check_mistakes(&text, &["service.api.cluster: no `cluster` is called `mian`"]);
}

#[test]
fn what_fargate_lacks_is_told_beside_an_unknown_cluster() {
    let elsewhere = "\n[service.other]\ncluster = \"mian\"\ntask = \"api\"\n";
    check_mistakes(
        &format!("{}{elsewhere}", task("network_mode = \"host\"")),
        &[
            "service.other.cluster: no `cluster` is called `mian`",
            "task.api.network_mode: Fargate has no network mode but `awsvpc`",
        ],
    );
}

#[test]
fn containers_cannot_have_more_than_their_task() {
    let app = |keys: &str| edited("port = 3000\n\n[target", &format!("port = 3000\n{keys}\n[target"));
    check_mistakes(&app("cpu = 512"), &["task.api.cpu: the containers want 512 CPU units, the task has 256"]);
    check_mistakes(
        &app("memory = 1024"),
        &[
            "task.api.container.app.memory: 1024 MiB are more than the task has, which is 512",
            "task.api.memory: the containers want 1024 MiB, the task has 512",
        ],
    );
    check_mistakes(
        &app("memory = 128\nmemory_reservation = 256"),
        &["task.api.container.app.memory_reservation: 256 MiB are kept for the container"],
    );
    assert!(lower_text(&app("memory = 512\nmemory_reservation = 256\ncpu = 256")).is_ok());
}

#[test]
fn the_execution_role_reads_exactly_the_secrets_that_are_named() {
    assert_eq!(field(&with(""), "role.task-api-execution", "inline_policies"), json!({}));
    let text = edited(
        "port = 3000\n\n[target",
        "port = 3000\n[task.api.container.app.secrets]\nA = \"ssm:/a\"\nB = \"secretsmanager:b:key\"\nC = \"secretsmanager:b\"\n[target",
    );
    let desired = lower_text(&text).expect("no mistakes");
    let policy = field(&desired, "role.task-api-execution", "inline_policies.secrets");
    let parameter = "arn:${aws.partition}:ssm:${aws.region}:${aws.account}:parameter/a";
    assert_eq!(
        policy["Statement"],
        json!([
            { "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": ["${secret.b}"] },
            { "Effect": "Allow", "Action": ["ssm:GetParameters"], "Resource": [parameter] },
        ])
    );
    assert_eq!(field(&desired, "task.api", "containers.app.secrets.A"), parameter);
    assert_eq!(field(&desired, "task.api", "containers.app.secrets.B"), "${secret.b}:key::");
    let implied = resource(&desired, "role.task-api-execution").implied.as_ref().expect("implied");
    assert_eq!(implied.by.to_string(), "task.api");
    assert_eq!(implied.reason, "pulls the images, writes the logs and reads the secrets");
}

#[test]
fn only_tasks_of_the_account_may_assume_its_roles() {
    let trust = field(&with(""), "role.task-api-execution", "trust");
    assert_eq!(
        trust["Statement"][0]["Condition"],
        json!({ "StringEquals": { "aws:SourceAccount": ["${aws.account}"] } })
    );
    let containers = json!({
        "ArnLike": { "aws:SourceArn": ["arn:${aws.partition}:ecs:${aws.region}:${aws.account}:*"] },
        "StringEquals": { "aws:SourceAccount": ["${aws.account}"] },
    });
    let shell = edited("task = \"api\"", "task = \"api\"\nexec = true");
    let trust = field(&lower_text(&shell).expect("no mistakes"), "role.task-api", "trust");
    assert_eq!(trust["Statement"][0]["Condition"], containers);
    let own =
        "[role.x]\n[role.y]\n[task.b]\nrole = \"x\"\nexecution_role = \"y\"\ncontainer.b.image = \"b\"\n";
    let desired = with(own);
    assert_eq!(field(&desired, "role.x", "trust")["Statement"][0]["Condition"], containers);
    assert_eq!(
        field(&desired, "role.y", "trust")["Statement"][0]["Condition"],
        json!({ "StringEquals": { "aws:SourceAccount": ["${aws.account}"] } }),
        "what starts a task is asked for its account alone"
    );
    let desired = with("[role.x]\nservice = \"events.amazonaws.com\"\n");
    assert_eq!(
        field(&desired, "role.x", "trust")["Statement"],
        json!([{ "Effect": "Allow", "Principal": { "Service": ["events.amazonaws.com"] }, "Action": ["sts:AssumeRole"] }])
    );
}

#[test]
fn a_role_for_another_service_is_none_of_a_task() {
    let text = |name: &str, service: &str| {
        let roles = format!("role = \"{name}\"\nexecution_role = \"{name}\"\n");
        format!("[role.q]\n{service}\n[task.b]\n{roles}container.b.image = \"b\"\n")
    };
    let other = "service = \"ec2.amazonaws.com\"";
    let refused = "tasks cannot assume `role.q`, which is for `ec2.amazonaws.com`";
    let expected = [format!("task.b.role: {refused}"), format!("task.b.execution_role: {refused}")];
    let expected = [expected[0].as_str(), expected[1].as_str()];
    for name in ["q", "${role.q}", "${role.q.arn}"] {
        check_mistakes(&format!("{STACK}{}", text(name, other)), &expected);
        with(&text(name, "service = \"ecs-tasks.amazonaws.com\""));
        with(&text(name, ""));
    }
    // Whom a role from outside trusts, nobody here knows.
    with(&text("arn:aws:iam::123456789012:role/q", other));
}

#[test]
fn a_role_by_reference_gets_what_its_tasks_need() {
    let shell = edited("task = \"api\"", "task = \"api\"\nexec = true");
    let text = shell.replace("[task.api.", "[role.x]\n[task.api]\nrole = \"${role.x}\"\n[task.api.");
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(
        field(&desired, "role.x", "inline_policies.exec"),
        field(&lower_text(&shell).expect("no mistakes"), "role.task-api", "inline_policies.exec")
    );
}

#[test]
fn a_task_has_a_role_of_its_own_if_it_says_what_it_may_do() {
    let role = "role = { managed_policies = [\"AmazonS3ReadOnlyAccess\"], statement = [{ actions = [\"sqs:*\"], resources = [\"*\"], effect = \"Deny\" }] }";
    let desired = lower_text(&task(role)).expect("no mistakes");
    assert_eq!(field(&desired, "task.api", "task_role"), "${role.task-api.arn}");
    assert_eq!(
        field(&desired, "role.task-api", "managed_policies"),
        json!(["arn:${aws.partition}:iam::aws:policy/AmazonS3ReadOnlyAccess"])
    );
    assert_eq!(
        field(&desired, "role.task-api", "inline_policies.neap.Statement"),
        json!([{ "Effect": "Deny", "Action": ["sqs:*"], "Resource": ["*"] }])
    );
}

#[test]
fn roles_can_be_named_or_given() {
    let text = format!("{}[role.x]\n", task("role = \"x\"\nexecution_role = \"arn:aws:iam::1:role/y\""));
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(field(&desired, "task.api", "task_role"), "${role.x.arn}");
    assert_eq!(field(&desired, "task.api", "execution_role"), "arn:aws:iam::1:role/y");
    assert!(!desired.resources.keys().any(|address| address.to_string() == "role.task-api-execution"));
    check_mistakes(&task("role = \"y\""), &["task.api.role: no `role` is called `y`"]);
}

#[test]
fn statements_that_say_nothing_are_told() {
    check_mistakes(
        &task("role = { statement = [{ actions = [\"s3\"], resources = [\"bucket\"] }] }"),
        &[
            "task.api.role.statement.0.actions.0: `s3` is not an action",
            "task.api.role.statement.0.resources.0: `bucket` is not an ARN",
        ],
    );
    check_mistakes(
        &task("role = { managed_policies = [\"a b\"] }"),
        &["task.api.role.managed_policies.0: `a b` is not the name of a managed policy"],
    );
}

#[test]
fn roles_are_for_services_of_aws() {
    for service in ["lambda", "ecs-tasks.amazonaws.co", "me@amazonaws.com", ".amazonaws.com"] {
        let expected = format!("role.x.service: `{service}` is not an AWS service");
        check_more(&format!("[role.x]\nservice = \"{service}\"\n"), &expected);
    }
}

#[test]
fn a_shell_needs_permissions_on_the_role_whoever_made_it() {
    let exec = |text: &str| text.replace("[service.api]", "[service.api]\nexec = true");
    let desired = lower_text(&exec(STACK)).expect("no mistakes");
    assert_eq!(field(&desired, "task.api", "task_role"), "${role.task-api.arn}");
    let actions = field(&desired, "role.task-api", "inline_policies.exec.Statement.0.Action");
    assert_eq!(actions.as_array().expect("a list").len(), 4);
    let text = exec(&format!("{}[role.x]\n[role.y]\n", task("role = \"x\"")));
    let desired = lower_text(&text).expect("no mistakes");
    assert!(field(&desired, "role.x", "inline_policies").get("exec").is_some());
    assert!(field(&desired, "role.y", "inline_policies").get("exec").is_none());
}

#[test]
fn the_log_group_is_implied_named_or_not_needed() {
    let desired = with("");
    assert_eq!(field(&desired, "log_group.task-api", "retention_days"), 14);
    let logs = field(&desired, "task.api", "containers.app.logs");
    assert_eq!(
        logs["options"],
        json!({
            "awslogs-group": "${log_group.task-api.name}",
            "awslogs-region": "${aws.region}",
            "awslogs-stream-prefix": "app",
        })
    );
    let desired = lower_text(&format!("{}[log_group.x]\n", task("log_group = \"x\""))).expect("no mistakes");
    assert_eq!(
        field(&desired, "task.api", "containers.app.logs.options.awslogs-group"),
        "${log_group.x.name}"
    );
    let silent = edited("port = 3000\n\n[target", "port = 3000\nlogs = false\n[target");
    let desired = lower_text(&silent).expect("no mistakes");
    assert_eq!(field(&desired, "task.api", "containers.app.logs"), Value::Null);
    assert!(!desired.resources.keys().any(|address| address.to_string() == "log_group.task-api"));
}

#[test]
fn a_declared_group_takes_the_place_of_the_implied_one() {
    let desired = with("[log_group.task-api]\nretention = 1\n");
    assert_eq!(field(&desired, "log_group.task-api", "retention_days"), 1);
    assert_eq!(resource(&desired, "log_group.task-api").implied, None);
}

#[test]
fn a_task_needs_an_essential_container() {
    check_mistakes("[stack]\nname = \"course\"\n[task.api]\n", &["task.api: the task has no container"]);
    check_mistakes(
        "[stack]\nname = \"course\"\n[task.api.container.a]\nimage = \"a\"\nessential = false\n",
        &["task.api.container: no container of the task is essential"],
    );
}

#[test]
fn a_task_has_ten_containers_at_most() {
    let container = |index| format!("[task.b.container.c{index}]\nimage = \"x\"\n");
    let task = |count| format!("{STACK}{}", (0..count).map(container).collect::<String>());
    assert!(lower_text(&task(10)).is_ok());
    check_mistakes(&task(11), &["task.b.container: 11 containers; a task has at most 10"]);
}

#[test]
fn ports_of_a_task_are_opened_once() {
    check_mistakes(
        &beside("[task.api.container.b]\nimage = \"b\"\nports = [{ port = 1, name = \"x\" }, { port = 3000 }]\n[task.api.container.c]\nimage = \"c\"\nports = [{ port = 2, name = \"x\" }]\n")
            .replace("target = { group = \"api\" }", "target = { group = \"api\", container = \"app\" }"),
        &[
            "task.api.container.b.ports.1: port 3000 is opened twice, by `app` and `b`",
            "task.api.container.c.ports.0.name: two ports are called `x`, of `b` and `c`",
        ],
    );
    let udp =
        beside("[task.api.container.b]\nimage = \"b\"\nports = [{ port = 3000, protocol = \"udp\" }]\n");
    assert!(lower_text(&udp).is_ok());
}

#[test]
fn containers_wait_for_what_can_happen() {
    let depends = |on: &str| {
        beside("[task.api.container.b]\nimage = \"b\"\n")
            .replace("port = 3000\n\n[task", &format!("port = 3000\ndepends_on = {{ {on} }}\n[task"))
    };
    assert!(lower_text(&depends("b = \"START\"")).is_ok());
    check_mistakes(
        &depends("c = \"START\""),
        &["task.api.container.app.depends_on.c: the task has no container `c`"],
    );
    check_mistakes(
        &depends("b = \"HEALTHY\""),
        &["task.api.container.app.depends_on.b: `b` can never be healthy: it has no health check"],
    );
    check_mistakes(
        &depends("b = \"SUCCESS\""),
        &["task.api.container.app.depends_on.b: `b` is essential, so the task stops when it ends"],
    );
    check_mistakes(
        &depends("app = \"START\""),
        &["task.api.container.app.depends_on.app: containers wait for each other: `app` → `app`"],
    );
    check_mistakes(
        &depends("b = \"START\"").replace("image = \"b\"", "image = \"b\"\ndepends_on = { app = \"START\" }"),
        &["task.api.container.app.depends_on.b: containers wait for each other: `app` → `b` → `app`"],
    );
}

#[test]
fn volumes_are_ephemeral_or_efs() {
    let efs = |keys: &str| task(&format!("volume.data.efs = {{ file_system = \"fs-1\", {keys} }}"));
    let desired = lower_text(&task("volume.run = {}")).expect("no mistakes");
    assert_eq!(field(&desired, "task.api", "volumes"), json!({ "run": { "type": "ephemeral" } }));
    let desired = lower_text(&efs("root = \"/a\"")).expect("no mistakes");
    assert_eq!(field(&desired, "task.api", "volumes.data.root"), "/a");
    check_mistakes(
        &efs("root = \"/a\", access_point = \"fsap-1\""),
        &["task.api.volume.data.efs.root: a folder and an access point, which has its own"],
    );
    check_mistakes(
        &efs("access_point = \"fsap-1\", transit_encryption = false"),
        &["task.api.volume.data.efs.transit_encryption: `access_point` needs the encryption"],
    );
    let desired = lower_text(&efs("transit_encryption = false")).expect("no mistakes");
    assert_eq!(field(&desired, "task.api", "volumes.data.transit_encryption"), false);
}

#[test]
fn a_role_may_mount_what_its_tasks_mount_with_it() {
    let arn = |what: &str| {
        format!("arn:${{aws.partition}}:elasticfilesystem:${{aws.region}}:${{aws.account}}:{what}")
    };
    let mounted = |keys: &str, mount: &str| {
        let volume = format!("volume.data.efs = {{ file_system = \"fs-1\", iam = true{keys} }}");
        task(&volume)
            .replace("port = 3000\n\n[target", &format!("port = 3000\nmount = {{ {mount} }}\n\n[target"))
    };
    let desired = lower_text(&mounted("", "\"/data\" = \"data\"")).expect("no mistakes");
    assert_eq!(
        field(&desired, "role.task-api", "inline_policies.volumes.Statement"),
        json!([{
            "Effect": "Allow",
            "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            "Resource": [arn("file-system/fs-1")],
        }])
    );
    assert_eq!(field(&desired, "task.api", "task_role"), "${role.task-api.arn}");
    let read = "\"/data\" = { volume = \"data\", read_only = true }";
    let text = mounted(", access_point = \"fsap-1\"", read);
    let text = text.replace("[task.api]\n", "[role.files]\n[task.api]\nrole = \"files\"\n");
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(
        field(&desired, "role.files", "inline_policies.volumes.Statement"),
        json!([{
            "Effect": "Allow",
            "Action": ["elasticfilesystem:ClientMount"],
            "Resource": [arn("file-system/fs-1")],
            "Condition": { "StringEquals": { "elasticfilesystem:AccessPointArn": [arn("access-point/fsap-1")] } },
        }])
    );
}

#[test]
fn folders_of_the_instance_are_mounted_on_instances_alone() {
    check_mistakes(
        &task("volume.run = { host = \"/var/run\" }"),
        &["task.api.volume.run.host: Fargate has no instances whose folders could be mounted"],
    );
    let there = |keys: &str| {
        on_instances("").replace("memory = 400\n", &format!("memory = 400\nvolume.run = {{ {keys} }}\n"))
    };
    let desired = lower_text(&there("host = \"/var/run\"")).expect("no mistakes");
    assert_eq!(field(&desired, "task.api", "volumes.run"), json!({ "type": "host", "path": "/var/run" }));
    check_mistakes(
        &there("host = \"run\", efs = { file_system = \"fs-1\" }"),
        &[
            "task.api.volume.run.host: `run` is not a path on the instance",
            "task.api.volume.run.host: a volume is a folder of the instance or a file system, not both",
        ],
    );
}

#[test]
fn a_container_that_is_alone_is_told_that_it_waits_for_nobody() {
    let text = edited(
        "port = 3000\n\n[target_group",
        "port = 3000\ndepends_on = { side = \"START\" }\n\n[target_group",
    );
    let told = "task.api.container.app.depends_on.side: the task has no container `side`";
    check_mistakes(&text, &[told]);
    assert_eq!(help(&text), ["it has no other container to wait for: leave `depends_on` out"]);
}
