//! Overlays of environments.

use super::*;

fn options(environment: &str) -> Options {
    Options { environment: Some(environment.to_owned()), ..Options::default() }
}

const STACK: &str = "\
region = 'eu-west-1'
[ecr.a]
keep_images = 3
tags = { team = 'x', tier = 'test' }
[output]
x = 'base'
[env.prod.stack]
region = 'us-east-1'
[env.prod.ecr.a]
keep_images = 9
tags = { tier = 'prod' }
[env.prod.ecr.b]
[env.prod.output]
x = 'prod'
[env.dev.ecr.a]
keep_images = 1
";

#[test]
fn without_an_environment_the_base_stands() {
    let loaded = load_with(&stack(STACK), &Options::default()).expect("a stack");
    assert_eq!(loaded.desired.stack, "course");
    assert_eq!(loaded.desired.region.as_deref(), Some("eu-west-1"));
    assert_eq!(loaded.desired.outputs["x"], "base");
    assert_eq!(loaded.desired.resources.len(), 1);
}

#[test]
fn an_overlay_goes_over_the_base_key_by_key() {
    let loaded = load_with(&stack(STACK), &options("prod")).expect("a stack");
    assert_eq!(loaded.desired.stack, "course-prod");
    assert_eq!(loaded.desired.region.as_deref(), Some("us-east-1"));
    assert_eq!(loaded.desired.outputs["x"], "prod");
    let address = |text: &str| text.parse().expect("an address");
    assert!(loaded.desired.resources.contains_key(&address("ecr.b")));
    let tags = &loaded.desired.resources[&address("ecr.a")].tags;
    assert_eq!((tags["team"].as_str(), tags["tier"].as_str()), ("x", "prod"));
}

#[test]
fn the_region_of_the_command_line_goes_before_the_overlay() {
    let options = Options { region: Some("sa-east-1".to_owned()), ..options("prod") };
    let loaded = load_with(&stack(STACK), &options).expect("a stack");
    assert_eq!(loaded.desired.region.as_deref(), Some("sa-east-1"));
}

#[test]
fn an_unknown_environment_is_told_with_the_nearest_one() {
    let mistakes = load_with(&stack(STACK), &options("prd")).expect_err("a mistake");
    assert_eq!(mistakes[0].message, "the file has no `[env.prd]`, which `--env prd` asks for");
    assert_eq!(mistakes[0].help, ["did you mean `--env prod`?", "environments: `prod`, `dev`"]);
    check_with("", &options("prod"), &["the file has no `[env.prod]`, which `--env prod` asks for"]);
}

#[test]
fn a_mistake_in_the_chosen_overlay_is_told_at_its_place() {
    let text = "[ecr.a]\n[env.prod.ecr.a]\nkeep_images = 0\n[env.prod.ecr.b]\nx = 1";
    check_with(
        text,
        &options("prod"),
        &["5:15 `ecr.a.keep_images`: 0 is out of range", "7:1 unknown key `x` in `ecr.b`"],
    );
}

#[test]
fn the_other_overlays_are_checked_too_but_need_not_be_whole() {
    check(
        "[env.prod.service.a]\ncount = 3\n[env.dev.service.a]\ncount = 'x'\ncuont = 1",
        &[
            "6:9 `env.dev.service.a.count`: expected a whole number, found a string",
            "7:1 unknown key `cuont` in `env.dev.service.a`",
        ],
    );
    check("[env.prod.env.x]", &["3:11 unknown key `env` in `env.prod`"]);
    check_with("[env.prod.env.x]", &options("prod"), &["3:11 unknown key `env` in `env.prod`"]);
    check("[env]\nprod = 3", &["4:8 `env.prod`: expected a table, found a whole number"]);
    check_with(
        "[env]\nprod = 3",
        &options("prod"),
        &["4:8 `env.prod`: expected a table, found a whole number"],
    );
}

#[test]
fn the_name_of_the_chosen_environment_is_checked() {
    check_with("[env.\"Prod!\".ecr.a]", &options("Prod!"), &["3:6 `Prod!` cannot be a name"]);
}

#[test]
fn an_overlay_may_change_a_variable() {
    let text = "[var.tag]\ndefault = 'v1'\n[output]\nx = '${var.tag}'\n[env.prod.var.tag]\ndefault = 'v2'";
    let loaded = load_with(&stack(text), &options("prod")).expect("a stack");
    assert_eq!(loaded.desired.outputs["x"], "v2");
}

#[test]
fn variables_stand_in_overlays() {
    let text = "[var.n]\ndefault = 2\n[ecr.a]\n[env.prod.ecr.a]\nkeep_images = '${var.n}'";
    check_with(text, &options("prod"), &[]);
    check(text, &[]);
}

#[test]
fn of_keys_that_exclude_each_other_the_overlays_stays() {
    let listener = |overlay: &str| {
        format!(
            "[alb.p.listener.h]\nport = 80\ndefault = {{ fixed_response = {{ status = 404, body = 'x' }} }}\n\
             [env.prod.alb.p.listener.h]\ndefault = {overlay}"
        )
    };
    let action = |overlay: &str| {
        let loaded = load_with(&stack(&listener(overlay)), &options("prod")).expect("a stack");
        let listener = &loaded.desired.resources[&"alb.p.listener.h".parse().expect("an address")];
        listener.resource.fields()["default_action"].clone()
    };
    assert_eq!(action("{ redirect = { protocol = 'HTTPS', port = 443 } }")["type"], "redirect");
    let other = action("{ fixed_response = { status = 503 } }");
    assert_eq!((&other["status"], &other["body"]), (&503.into(), &"x".into()));
    check_with(
        &listener("{ redirect = { host = 'a' }, fixed_response = { status = 503 } }"),
        &options("prod"),
        &["5:11 `redirect`, `fixed_response` exclude each other"],
    );
    let volume = "[task.t.container.c]\nimage = 'x'\n[task.t.volume.v]\nhost = '/x'\n\
                  [env.prod.task.t.volume.v]\nefs = { file_system = 'fs-1' }";
    check_with(volume, &options("prod"), &[]);
    // Whatever a container's variables are called, they exclude nothing.
    let env = "[task.t.container.c]\nimage = 'x'\nenv = { efs = 'a' }\n\
               [env.prod.task.t.container.c]\nenv = { host = 'b' }";
    let loaded = load_with(&stack(env), &options("prod")).expect("a stack");
    let fields = loaded.desired.resources[&"task.t".parse().expect("an address")].resource.fields();
    assert_eq!(fields["containers"]["c"]["env"], serde_json::json!({ "efs": "a", "host": "b" }));
}
