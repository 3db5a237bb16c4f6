use std::collections::BTreeMap;

use serde_json::json;

use super::*;

const POLICY: FieldPolicy = FieldPolicy {
    replace: &["name", "place"],
    ignore_unset: &["setting"],
    unordered: &["groups", "rules", "containers.ports"],
    documents: &["policy", "containers"],
    hidden: &["reference"],
};

fn secrets() -> Secrets {
    Secrets::new([("pass".to_owned(), "hunter2".to_owned())].into())
}

/// Each change as `path: before -> after`, `!` before a path that forces a replacement.
fn text(changes: &[FieldChange]) -> Vec<String> {
    let side = |value: &Option<Value>| value.as_ref().map_or("none".to_owned(), Value::to_string);
    let line = |change: &FieldChange| {
        let sign = if change.forces_replacement { "!" } else { "" };
        let document = if change.document { " (document)" } else { "" };
        format!("{sign}{}: {} -> {}{document}", change.path, side(&change.before), side(&change.after))
    };
    changes.iter().map(line).collect()
}

fn check(desired: &Value, live: &Value, expected: &[&str]) {
    assert_eq!(text(&diff(desired, live, &POLICY, &secrets())), expected);
}

#[test]
fn equal_trees_do_not_differ() {
    check(&json!({ "a": 1, "b": { "c": ["x"] } }), &json!({ "b": { "c": ["x"] }, "a": 1 }), &[]);
}

#[test]
fn null_empty_and_absent_are_the_same() {
    check(&json!({ "a": null, "b": [], "c": {} }), &json!({}), &[]);
    check(&json!({}), &json!({ "a": null, "b": [], "c": { "d": null } }), &[]);
    check(&json!({ "policy": { "a": [] } }), &json!({ "policy": {} }), &[]);
}

#[test]
fn a_changed_leaf_is_shown_with_its_path() {
    check(
        &json!({ "check": { "path": "/b" } }),
        &json!({ "check": { "path": "/a" } }),
        &[r#"check.path: "/a" -> "/b""#],
    );
}

#[test]
fn a_structure_that_comes_or_goes_is_shown_by_its_leaves() {
    check(
        &json!({ "sticky": { "cookie": "c", "seconds": 1 } }),
        &json!({ "sticky": null }),
        &[r#"sticky.cookie: none -> "c""#, "sticky.seconds: none -> 1"],
    );
    check(
        &json!({ "sticky": null }),
        &json!({ "sticky": { "cookie": "c" } }),
        &[r#"sticky.cookie: "c" -> none"#],
    );
}

#[test]
fn immutable_fields_force_a_replacement_at_any_depth() {
    check(
        &json!({ "name": "b", "place": { "zone": 2 } }),
        &json!({ "name": "a", "place": { "zone": 1 } }),
        &[r#"!name: "a" -> "b""#, "!place.zone: 1 -> 2"],
    );
}

#[test]
fn an_unset_setting_is_left_alone_and_a_set_one_is_not() {
    check(&json!({}), &json!({ "setting": "on" }), &[]);
    check(&json!({ "setting": "off" }), &json!({ "setting": "on" }), &[r#"setting: "on" -> "off""#]);
}

#[test]
fn hidden_fields_are_not_compared() {
    check(&json!({ "reference": "a" }), &json!({ "reference": "b" }), &[]);
}

#[test]
fn order_counts_only_where_the_policy_does_not_say_otherwise() {
    check(&json!({ "groups": ["a", "b"] }), &json!({ "groups": ["b", "a"] }), &[]);
    check(
        &json!({ "command": ["a", "b"] }),
        &json!({ "command": ["b", "a"] }),
        &[r#"command: ["b","a"] -> ["a","b"]"#],
    );
}

#[test]
fn unordered_structures_are_shown_one_by_one() {
    check(
        &json!({ "rules": [{ "port": 80 }, { "port": 443 }] }),
        &json!({ "rules": [{ "port": 443 }, { "port": 22 }] }),
        &[r#"rules: {"port":22} -> none"#, r#"rules: none -> {"port":80}"#],
    );
}

#[test]
fn a_repeated_item_counts_as_often_as_it_stands() {
    let twice = json!({ "rules": [{ "port": 80 }, { "port": 80 }] });
    check(&json!({ "rules": [{ "port": 80 }] }), &twice, &[r#"rules: {"port":80} -> none"#]);
}

#[test]
fn ordered_structures_are_compared_in_place_while_their_number_stays() {
    check(
        &json!({ "routes": [{ "to": "a" }, { "to": "c" }] }),
        &json!({ "routes": [{ "to": "a" }, { "to": "b" }] }),
        &[r#"routes[1].to: "b" -> "c""#],
    );
    check(
        &json!({ "routes": [{ "to": "a" }] }),
        &json!({ "routes": [{ "to": "a" }, { "to": "b" }] }),
        &[r#"routes: [{"to":"a"},{"to":"b"}] -> [{"to":"a"}] (document)"#],
    );
}

#[test]
fn a_document_is_one_change_with_both_trees() {
    check(
        &json!({ "policy": { "a": 1, "b": 2 } }),
        &json!({ "policy": { "a": 1, "b": 3 } }),
        &[r#"policy: {"a":1,"b":3} -> {"a":1,"b":2} (document)"#],
    );
    check(
        &json!({ "policy": { "a": 1 } }),
        &json!({ "policy": null }),
        &[r#"policy: none -> {"a":1} (document)"#],
    );
}

#[test]
fn shown_values_leave_out_what_says_nothing() {
    let desired =
        json!({ "policy": { "a": 1, "b": null, "c": { "d": [] } }, "rules": [{ "port": 80, "to": null }] });
    check(&desired, &json!({}), &[r#"policy: none -> {"a":1} (document)"#, r#"rules: none -> {"port":80}"#]);
}

#[test]
fn policies_reach_into_documents_past_map_keys() {
    let ports = |ports: Value| json!({ "containers": { "app": { "ports": ports } } });
    check(&ports(json!([1, 2])), &ports(json!([2, 1])), &[]);
}

#[test]
fn a_map_key_that_is_called_like_a_field_is_not_that_field() {
    check(
        &json!({ "env": { "name": "a" } }),
        &json!({ "env": { "name": "b" } }),
        &[r#"env.name: "b" -> "a""#],
    );
}

#[test]
fn an_unknown_value_differs_and_stays_a_reference() {
    check(
        &json!({ "arn": "${alb.public.arn}" }),
        &json!({ "arn": "arn:1" }),
        &[r#"arn: "arn:1" -> "${alb.public.arn}""#],
    );
}

#[test]
fn an_escaped_reference_is_compared_as_text() {
    check(&json!({ "text": "$${var.pass}" }), &json!({ "text": "${var.pass}" }), &[]);
}

#[test]
fn a_secret_that_has_not_changed_does_not_differ() {
    check(&json!({ "url": "db://${var.pass}@x" }), &json!({ "url": "db://hunter2@x" }), &[]);
}

#[test]
fn a_changed_secret_shows_neither_value() {
    check(
        &json!({ "url": "db://${var.pass}@x" }),
        &json!({ "url": "db://old@x" }),
        &[r#"url: "(sensitive)" -> "db://${var.pass}@x""#],
    );
}

#[test]
fn a_live_value_that_is_a_secret_is_not_shown_anywhere() {
    check(&json!({ "url": "x" }), &json!({ "url": "db://hunter2@x" }), &[r#"url: "(sensitive)" -> "x""#]);
}

#[test]
fn environment_that_the_stack_no_longer_sets_is_not_shown() {
    check(
        &json!({ "env": { "A": "1" } }),
        &json!({ "env": { "A": "1", "OLD": "secret" } }),
        &[r#"env.OLD: "(not shown)" -> none"#],
    );
    check(
        &json!({}),
        &json!({ "headers": { "token": "secret" } }),
        &[r#"headers.token: "(not shown)" -> none"#],
    );
}

#[test]
fn documents_show_secrets_on_neither_side() {
    let desired = json!({ "containers": { "app": {
        "image": "b", "env": { "SAME": "${var.pass}", "NEW": "${var.pass}!" }, "command": ["-p", "${var.pass}"],
    } } });
    let live = json!({ "containers": {
        "app": { "image": "a", "env": { "SAME": "hunter2", "NEW": "old", "GONE": "x" }, "command": ["-q", "-p", "old"] },
        "side": { "env": { "KEY": "x" }, "image": "s" },
    } });
    let changes = diff(&desired, &live, &POLICY, &secrets());
    let [change] = changes.as_slice() else { panic!("one document: {changes:?}") };
    let before = json!({
        "app": {
            "image": "a",
            "env": { "SAME": "${var.pass}", "NEW": "(sensitive)", "GONE": "(not shown)" },
            "command": ["(sensitive)", "-p", "(sensitive)"],
        },
        "side": { "env": { "KEY": "(not shown)" }, "image": "s" },
    });
    assert_eq!(change.before.as_ref(), Some(&before));
    assert_eq!(change.after.as_ref(), Some(&desired["containers"]));
}

#[test]
fn a_masked_resource_keeps_all_but_its_secrets() {
    let live = json!({ "count": 1, "env": { "A": "hunter2", "B": "b" }, "list": ["hunter2"] });
    let desired = json!({ "count": 2, "env": { "A": "${var.pass}" } });
    let expected =
        json!({ "count": 1, "env": { "A": "${var.pass}", "B": "(not shown)" }, "list": ["(sensitive)"] });
    assert_eq!(mask(&desired, &live, &secrets()), expected);
}

#[test]
fn a_creation_lists_every_field_that_says_something() {
    let desired = json!({
        "name": "a", "reference": "r", "none": null, "groups": ["x", "y"], "rules": [{ "port": 80 }],
        "check": { "path": "/" }, "policy": { "a": 1 }, "url": "${var.pass}",
    });
    assert_eq!(
        text(&creation(&desired, &POLICY)),
        [
            r#"name: none -> "a""#,
            r#"groups: none -> ["x","y"]"#,
            r#"rules: none -> {"port":80}"#,
            r#"check.path: none -> "/""#,
            r#"policy: none -> {"a":1} (document)"#,
            r#"url: none -> "${var.pass}""#,
        ]
    );
}

#[test]
fn tags_are_compared_except_those_of_others() {
    let tags = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let desired = tags(&[("team", "a"), ("neap:stack", "course")]);
    let live = tags(&[
        ("team", "b"),
        ("old", "x"),
        ("neap:stack", "course"),
        ("neap:spec", "0"),
        ("aws:cloudformation:stack-id", "x"),
        ("ecs:cluster", "x"),
        ("AmazonECSManaged", ""),
    ]);
    let changes = diff_tags(&desired, &live, &Secrets::default());
    assert_eq!(text(&changes), [r#"tags.team: "b" -> "a""#, r#"tags.old: "x" -> none"#]);
}
