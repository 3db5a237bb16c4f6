//! Saved plans that somebody has changed, and files that a saved plan must not be written to.

use std::fs;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::desk::Desk;

const BEFORE: &str = r#"
[stack]
name = "course"

[ecr.old]

[log_group.web]
retention = 7

[cluster.main]

[target_group.api]
port = 3000
"#;

/// Of the stack before: one resource is changed, one replaced, one no longer there, two are new.
const AFTER: &str = r#"
[stack]
name = "course"

[var.password]
sensitive = true

[log_group.web]
retention = 14

[cluster.main]

[target_group.api]
port = 4000

[task.api.container.app]
image = "nginx"
port  = 80
env   = { PASSWORD = "${var.password}" }

[output]
web = "${log_group.web.arn}"
"#;

const PASSWORD: &str = "--var password=correct-horse-battery";

/// A folder with a plan in which something of each sort happens.
fn desk() -> Desk {
    let desk = Desk::with(BEFORE);
    desk.run("apply --sandbox --yes").code(0);
    desk.write(AFTER);
    let planned = desk.run(&format!("plan --sandbox {PASSWORD} --out saved.plan")).code(0);
    planned.prints("Plan: 3 to create, 1 to update, 1 to replace, 1 to delete");
    desk
}

/// Every leaf of `value`, as a JSON pointer.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, item)| leaves(item, &format!("{at}/{index}"), found));
        }
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(key, member)| leaves(member, &format!("{at}/{}", escaped(key)), found));
        }
        _ => found.push(at.to_owned()),
    }
}

/// Something else of the same shape.
fn other(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(format!("{text}x")),
        Value::Number(number) => Value::from(number.as_u64().unwrap_or(0) + 1),
        Value::Bool(is) => Value::from(!is),
        Value::Null => Value::from("x"),
        Value::Array(_) => Value::from(vec!["x"]),
        Value::Object(_) => serde_json::json!({ "x": "x" }),
    }
}

fn text(value: &Value) -> String {
    format!("{value}\n")
}

/// The plan with the digest that belongs to it now, as a forger would write it.
fn forged(mut value: Value) -> String {
    value["digest"] = "".into();
    let digest: String =
        Sha256::digest(text(&value).as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    value["digest"] = digest.into();
    text(&value)
}

#[test]
fn no_value_of_a_saved_plan_can_be_changed() {
    let desk = desk();
    let value: Value = serde_json::from_str(&desk.saved("saved.plan")).expect("json");
    assert_eq!(text(&value), desk.saved("saved.plan"));
    let world = desk.saved(".neap/sandbox.json");
    let mut paths = Vec::new();
    leaves(&value, "", &mut paths);
    assert!(paths.len() > 400, "{}", paths.len());
    for path in paths {
        let mut edited = value.clone();
        let leaf = edited.pointer_mut(&path).expect("a leaf");
        *leaf = other(leaf);
        fs::write(desk.path().join("bad.plan"), text(&edited)).expect("a file");
        let ended = desk.run(&format!("apply bad.plan --sandbox --yes {PASSWORD}"));
        assert_eq!(ended.code, 3, "{path}\n{}", ended.stderr);
        assert_eq!(desk.saved(".neap/sandbox.json"), world, "{path}");
    }
}

#[test]
fn what_a_forged_digest_covers_is_planned_again() {
    let desk = desk();
    let value: Value = serde_json::from_str(&desk.saved("saved.plan")).expect("json");
    assert_eq!(forged(value.clone()), desk.saved("saved.plan"), "the forger knows how");
    let mut paths = Vec::new();
    for part in ["plan", "live"] {
        leaves(&value[part], &format!("/{part}"), &mut paths);
    }
    let mut differs = 0;
    for path in paths {
        let mut edited = value.clone();
        let leaf = edited.pointer_mut(&path).expect("a leaf");
        *leaf = other(leaf);
        fs::write(desk.path().join("bad.plan"), forged(edited)).expect("a file");
        // Nobody says yes, so a plan that is taken ends at the question.
        let ended = desk.run(&format!("apply bad.plan --sandbox {PASSWORD}"));
        let refused = match ended.code {
            // A set whose members are no longer in order is not how neap writes it.
            3 => {
                ["is no saved plan", "is not the one that neap makes", "by another neap", "its digest is not"]
                    .iter()
                    .any(|why| ended.stderr.contains(why))
            }
            5 => ended.stderr.contains("what is live is not what the plan was made from"),
            _ => false,
        };
        // Of a warning nothing follows, and what is masked depends on variables that only the planning knew.
        let is_shown_only = path.starts_with("/plan/warnings") || path.contains("/before");
        assert!(refused || is_shown_only, "{path}\n{}", ended.stderr);
        differs += usize::from(ended.stderr.contains("differs in "));
    }
    assert!(differs > 100, "{differs}");
}

#[test]
fn an_edited_step_edge_or_field_is_named() {
    let desk = desk();
    let value: Value = serde_json::from_str(&desk.saved("saved.plan")).expect("json");
    let check = |edit: &dyn Fn(&mut Value), expected: &str| {
        let mut edited = value.clone();
        edit(&mut edited);
        fs::write(desk.path().join("bad.plan"), forged(edited)).expect("a file");
        let ended = desk.run(&format!("apply bad.plan --sandbox --yes {PASSWORD}")).code(3);
        ended.says("the saved plan is not the one that neap makes").says(expected);
    };
    check(&|saved| saved["plan"]["steps"][0]["verb"] = "delete".into(), "differs in steps[0].verb");
    check(
        &|saved| {
            saved["plan"]["edges"].as_array_mut().expect("edges").pop();
        },
        "differs in edges[",
    );
    let web = value["plan"]["changes"].as_array().expect("changes");
    let web = web.iter().position(|change| change["address"] == "log_group.web").expect("the group");
    check(
        &|saved| saved["plan"]["changes"][web]["desired"]["resource"]["fields"]["retention_days"] = 1.into(),
        "differs in log_group.web: desired.resource.fields.retention_days",
    );
    // The wish and its plan belong together; to change one alone is not enough.
    check(
        &|saved| {
            saved["desired"]["resources"]["log_group.web"]["resource"]["fields"]["retention_days"] = 1.into();
        },
        "differs in log_group.web: ",
    );
}

#[test]
fn another_value_of_a_sensitive_variable_makes_another_plan() {
    let desk = desk();
    desk.run(&format!("apply --sandbox --yes {PASSWORD}")).code(0);
    desk.run(&format!("plan --sandbox {PASSWORD} --out saved.plan")).code(0).prints("No changes");
    desk.run("apply saved.plan --sandbox --yes --var password=another-horse-staple")
        .code(3)
        .says("differs in ")
        .says("another value of a sensitive variable");
    desk.run(&format!("apply saved.plan --sandbox --yes {PASSWORD}")).code(0).prints("No changes");
}

#[test]
fn sensitive_values_come_from_no_other_stack() {
    let desk = desk();
    desk.write(
        &AFTER
            .replace("\"course\"", "\"other\"")
            .replace("sensitive = true", "sensitive = true\ndefault = \"x\""),
    );
    desk.run("apply saved.plan --sandbox --yes").code(3).says("would come from stack other");
}

#[cfg(unix)]
#[test]
fn a_plan_is_never_written_through_a_link_or_into_a_device() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let desk = Desk::with("[stack]\nname = \"course\"\n[ecr.api]\n");
    let path = |name: &str| desk.path().join(name);
    fs::write(path("theirs"), "theirs").expect("a file");
    symlink(path("theirs"), path("link.plan")).expect("a link");
    symlink(path("nowhere"), path("dangling.plan")).expect("a link");
    fs::create_dir(path("folder.plan")).expect("a folder");
    desk.run("plan --sandbox --out link.plan").code(1).says("it is a symbolic link; name the file itself");
    desk.run("plan --sandbox --out dangling.plan").code(1).says("it is a symbolic link");
    desk.run("plan --sandbox --out folder.plan").code(1).says("it is not a file");
    desk.run("plan --sandbox --out /dev/null").code(1).says("it is not a file");
    desk.run("plan --sandbox --out nowhere/saved.plan").code(1).says("could not be saved");
    assert_eq!(desk.saved("theirs"), "theirs");
    assert!(!path("nowhere").exists());

    // Whoever has the old file open, or linked elsewhere, does not see the new one.
    fs::write(path("saved.plan"), "old").expect("a file");
    fs::set_permissions(path("saved.plan"), PermissionsExt::from_mode(0o666)).expect("permissions");
    fs::hard_link(path("saved.plan"), path("twin")).expect("a link");
    desk.run("plan --sandbox --out saved.plan").code(0);
    assert_eq!(desk.saved("twin"), "old");
    let mode = fs::metadata(path("saved.plan")).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut left: Vec<_> =
        fs::read_dir(desk.path()).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
    left.retain(|name| name.to_string_lossy().starts_with(".neap-plan"));
    assert!(left.is_empty(), "{left:?}");
}
