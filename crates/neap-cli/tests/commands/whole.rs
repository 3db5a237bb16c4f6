//! Whole commands on the sandbox: what they say, and how they end.

use std::fs;

use serde_json::Value;

use crate::desk::{Desk, Ended};

const STACK: &str = r#"
[stack]
name = "course"

[var.owner]
default = "me"

[ecr.api]
tags = { owner = "${var.owner}" }

[log_group.web]
retention = 7
"#;

const SECRET: &str = "correct-horse-battery";

const SECRET_STACK: &str = r#"
[stack]
name = "course"

[var.password]
sensitive = true

[cluster.main]

[task.api.container.app]
image = "nginx"
port  = 80
env   = { PASSWORD = "${var.password}" }
"#;

#[test]
fn a_stack_lives_from_init_to_destroy() {
    let desk = Desk::empty();
    desk.run("init").code(0).prints("Wrote stack.toml\n");
    desk.run("validate").code(0).prints("stack.toml is valid: ");
    desk.run("plan --sandbox --detailed-exitcode").code(2).prints("+ create service.app (does not exist)");
    let applied = desk.run("apply --sandbox --yes").code(0).says("created service.app in ");
    assert!(applied.stdout.contains("\nurl = http://"), "{}", applied.stdout);
    desk.run("plan --sandbox --detailed-exitcode").code(0).prints("No changes: ");
    desk.run("apply --sandbox").code(0).prints("No changes: ");
    desk.run("status --sandbox").code(0).prints("service.app");
    let url = desk.run("output url --sandbox").code(0);
    assert!(url.stdout.starts_with("http://") && url.stdout.ends_with('\n'), "{}", url.stdout);
    let by_address = desk.run("output alb.public.dns_name --sandbox").code(0);
    assert_eq!(url.stdout, format!("http://{}", by_address.stdout));
    desk.run("destroy --sandbox --yes").code(0).prints("Nothing of stack ");
    desk.run("destroy --sandbox --yes").code(0).prints("No changes: nothing of stack ");
}

#[test]
fn init_never_writes_over_a_file() {
    let desk = Desk::with("# mine\n");
    desk.run("init").code(3).says("`stack.toml` is there already, and stays as it is");
    assert_eq!(desk.saved("stack.toml"), "# mine\n");
}

#[test]
fn init_takes_the_port_from_the_folder() {
    let desk = Desk::empty();
    fs::write(desk.path().join("Dockerfile"), "FROM node\nEXPOSE 4000\n").expect("a Dockerfile");
    desk.run("init").code(0);
    assert_eq!(desk.saved("stack.toml").matches("port  = 4000").count(), 1);
    desk.run("plan --sandbox").code(0).prints("+ create ecr.app");
}

#[test]
fn without_a_terminal_changes_need_yes() {
    let desk = Desk::with(STACK);
    for command in ["apply", "destroy"] {
        let ended = desk.run(&format!("{command} --sandbox"));
        if command == "destroy" {
            // Nothing is live, so there is nothing to ask about.
            ended.code(0);
        } else {
            ended.code(3).says("hint: `--yes` goes on without a question");
        }
    }
    desk.run("apply --sandbox --yes").code(0);
    desk.run("destroy --sandbox").code(3).says("--yes");
}

#[test]
fn only_a_yes_changes_anything() {
    let desk = Desk::with(STACK);
    desk.answer("apply --sandbox", "n\n").code(1).says("Nothing was changed");
    desk.answer("apply --sandbox", "").code(1).says("Apply these changes? [y/N]");
    desk.run("plan --sandbox").code(0).prints("Plan: 2 to create, ");
    desk.answer("apply --sandbox", "y\n").code(0).prints("Done: 2 created in ");
    desk.answer("destroy --sandbox", "n\n").code(1).says("Destroy everything of stack course? [y/N]");
    desk.answer("destroy --sandbox", "y\n").code(0).prints("Nothing of stack course is left\n");
}

#[test]
fn a_saved_plan_is_carried_out_once() {
    let desk = Desk::with(STACK);
    desk.run("plan --sandbox --out saved.plan").code(0).says("`neap apply saved.plan` carries out exactly");
    // What the stack file says now does not matter any more.
    desk.write("[stack]\nname = \"course\"\n");
    desk.run("apply saved.plan --sandbox --yes").code(0).prints("Done: 2 created in ");
    desk.run("apply saved.plan --sandbox --yes").code(5).says("new: ecr.api ").says("new: log_group.web ");
}

#[test]
fn a_saved_plan_says_what_has_moved() {
    let desk = Desk::with(STACK);
    desk.run("apply --sandbox --yes").code(0);
    desk.write(&STACK.replace("retention = 7", "retention = 14"));
    desk.run("plan --sandbox --out saved.plan").code(0).prints("retention_days: 7 → 14");
    desk.write("[stack]\nname = \"course\"\n[log_group.web]\nretention = 30\n");
    desk.run("apply --sandbox --yes").code(0);
    let ended = desk.run("apply saved.plan --sandbox --yes").code(5);
    ended.says("changed: log_group.web ").says("gone: ecr.api ").says("make a new plan");
}

#[test]
fn a_saved_plan_updates_with_what_it_reads_again() {
    let desk = Desk::with(STACK);
    desk.run("apply --sandbox --yes").code(0);
    desk.write(&STACK.replace("retention = 7", "retention = 14"));
    desk.run("plan --sandbox --out saved.plan").code(0);
    desk.run("apply saved.plan --sandbox --yes").code(0).prints("Done: 1 updated in ");
    desk.run("plan --sandbox").code(0).prints("No changes: 2 resources are as the stack says");
}

#[test]
fn a_file_that_is_no_saved_plan_is_refused() {
    let desk = Desk::with(STACK);
    desk.run("plan --sandbox --out saved.plan").code(0);
    let saved = desk.saved("saved.plan");
    let check = |content: &[u8], message: &str| {
        fs::write(desk.path().join("bad.plan"), content).expect("a file");
        desk.run("apply bad.plan --sandbox --yes").code(3).says(message);
    };
    check(&saved.as_bytes()[..saved.len() / 2], "`bad.plan` is no saved plan, or a damaged one");
    check(b"", "is no saved plan");
    check(b"{}", "missing field `format`");
    check(b"\xff\xfe", "is no saved plan");
    check(
        saved.replacen("\"version\":2", "\"version\":99", 1).as_bytes(),
        "was saved by another neap: version 99",
    );
    desk.run("apply nowhere.plan --sandbox --yes").code(3).says("`nowhere.plan` could not be read");
    desk.run("apply saved.plan --sandbox --yes --env prod").code(3).says("`--env` comes too late");
    desk.run("apply saved.plan --sandbox --yes --var owner=you").code(3).says("`--var owner` comes too late");
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_a_saved_plan() {
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::with(STACK);
    fs::write(desk.path().join("saved.plan"), "").expect("a file that was there already");
    desk.run("plan --sandbox --out saved.plan").code(0);
    let mode = fs::metadata(desk.path().join("saved.plan")).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_sensitive_value_shows_nowhere() {
    let desk = Desk::with(SECRET_STACK);
    let given = format!("--var password={SECRET}");
    let see = |ended: Ended| {
        assert!(!ended.stdout.contains(SECRET), "{}", ended.stdout);
        assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
        ended
    };
    see(desk.run(&format!("plan --sandbox {given} --out saved.plan -vvv")).code(0)).prints("(sensitive)");
    see(desk.run(&format!("plan --sandbox {given} --json")).code(0));
    assert!(!desk.saved("saved.plan").contains(SECRET));
    see(desk.run("apply saved.plan --sandbox --yes").code(3));
    see(desk.run(&format!("apply saved.plan --sandbox --yes {given} -vvv")).code(0));
    desk.run(&format!("plan --sandbox {given}")).code(0).prints("No changes: ");
    see(desk.run(&format!("plan --sandbox --var password=another {}", "--out second.plan")).code(0));
    assert!(!desk.saved("second.plan").contains(SECRET));
    see(desk.run(&format!("status --sandbox {given}")).code(0));
    see(desk.run(&format!("output --sandbox {given}")).code(0));
    see(desk.run(&format!("destroy --sandbox --yes {given} --json")).code(0));
}

#[test]
fn a_sensitive_variable_can_come_from_the_environment() {
    let desk = Desk::with(SECRET_STACK);
    let run = |line: &str| {
        desk.run_with(line, |console| {
            console.environment.insert("NEAP_VAR_password".into(), SECRET.into());
        })
    };
    run("plan --sandbox --out saved.plan").code(0);
    run("apply saved.plan --sandbox --yes").code(0);
    run("plan --sandbox").code(0).prints("No changes: ");
}

#[test]
fn every_line_of_json_is_as_its_schema_says() {
    let desk = Desk::with(STACK);
    let schema = |of: &str| {
        let schema = desk.run(&format!("schema {of}")).code(0).stdout;
        jsonschema::validator_for(&serde_json::from_str(&schema).expect("json")).expect("a schema")
    };
    let check = |of: &str, text: &str| {
        let value: Value = serde_json::from_str(text).expect("json");
        let errors: Vec<String> = schema(of).iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{value:#}");
    };
    check("plan", &desk.run("plan --sandbox --json").code(0).stdout);
    for command in ["apply", "destroy"] {
        let ended = desk.run(&format!("{command} --sandbox --yes --json")).code(0);
        let lines: Vec<&str> = ended.stdout.lines().collect();
        lines.iter().for_each(|line| check("events", line));
        assert!(lines[0].starts_with(r#"{"type":"plan","#), "{}", lines[0]);
        assert!(lines[lines.len() - 1].starts_with(r#"{"type":"summary","#));
        check("status", &desk.run("status --sandbox --json").code(0).stdout);
    }
}

#[test]
fn an_unknown_output_names_the_nearest() {
    let desk = Desk::with(STACK);
    desk.run("apply --sandbox --yes").code(0);
    desk.run("output ecr.api.url --sandbox").code(3).says("did you mean `ecr.api.uri`?");
    let default = desk.run("output ecr.api --sandbox").code(0).stdout;
    assert_eq!(default, desk.run("output ecr.api.uri --sandbox").code(0).stdout);
    desk.run("output --sandbox").code(0).prints("ecr.api.uri = ");
}

#[test]
fn mistakes_are_told_all_at_once_with_their_places() {
    let desk = Desk::with(
        "[stack]\nname = \"course\"\n\n[ecr.api]\nkeep_imgaes = 5\n\n[log_group.web]\nretention = 8\n",
    );
    let ended = desk.run("validate").code(3).says("--> stack.toml:5:1").says("--> stack.toml:8:13");
    assert!(ended.stderr.ends_with("error: 2 mistakes in stack.toml\n"), "{}", ended.stderr);
    desk.run("plan --sandbox").code(3).says("2 mistakes in stack.toml");
}

#[test]
fn a_missing_stack_file_says_how_to_get_one() {
    Desk::empty()
        .run("plan --sandbox")
        .code(3)
        .says("there is no `stack.toml`")
        .says("`neap init` writes one");
}

#[test]
fn a_wrong_command_line_ends_with_3() {
    let desk = Desk::with(STACK);
    for line in ["", "explode", "plan --nonsense", "plan --var novalue", "graph --json", "graph --format svg"]
    {
        let ended = desk.run(line).code(3);
        assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    }
    desk.run("plan --endpoint-url http://x --sandbox").code(3);
}

#[test]
fn help_and_version_are_results() {
    let desk = Desk::empty();
    desk.run("--help").code(0).prints("Usage: neap").prints("Exit codes: ");
    desk.run("help plan").code(0).prints("--detailed-exitcode");
    desk.run("--version").code(0).prints("neap 0.");
}

#[test]
fn a_neap_without_aws_says_so() {
    Desk::with(STACK).run("plan").code(1).says("built without AWS").says("`--sandbox`");
}

#[test]
fn every_shell_has_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        Desk::empty().run(&format!("completions {shell}")).code(0).prints("detailed-exitcode");
    }
}

#[test]
fn a_graph_needs_no_cloud() {
    let desk = Desk::with(SECRET_STACK);
    let ended = desk.run("graph --var password=x").code(0);
    ended.prints("\"task.api\" -> \"log_group.task-api\";");
    desk.run("graph --format mermaid --var password=x").code(0).prints("flowchart LR");
}

#[test]
fn a_policy_is_a_document_or_a_list_of_documents() {
    let desk = Desk::with(STACK);
    let json = |ended: &Ended| serde_json::from_str::<Value>(&ended.stdout).expect("json");
    let whole = desk.run("policy").code(0).says("ACCOUNT stands for the account").says("REGION stands for");
    let whole = json(&whole);
    assert_eq!(whole["Version"], "2012-10-17");
    let split = json(&desk.run("policy all --split --account 123456789012 --region eu-west-1").code(0));
    assert!(split[0]["Statement"].is_array() && split.is_array(), "{split}");
    assert!(split.to_string().contains("arn:aws:ecr:eu-west-1:123456789012:repository/course-*"), "{split}");
    desk.run("policy --account 12").code(3).says("an account has twelve digits");
    desk.write(&STACK.replace("name = \"course\"", "name = \"course\"\naccount = \"123456789012\""));
    desk.run("policy --account 210987654321").code(3).says("is not the account that the stack is for");
    let named = desk.run("policy plan --region cn-north-1").code(0);
    assert!(named.stdout.contains("arn:aws-cn:ecr:cn-north-1:123456789012:"), "{}", named.stdout);
    assert_eq!(named.stderr, "");
}
