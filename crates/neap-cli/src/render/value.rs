//! A field's value as text: what is not known yet says so, and what is sensitive does not show.
//!
//! Must not know which field it is.

use neap_core::diff::{NOT_SHOWN, SENSITIVE};
use neap_core::reference::{self, Reference};
use serde_json::{Map, Value};

/// Lines of structures are broken where they would be longer.
const WIDTH: usize = 100;

/// `value` on one line.
pub(crate) fn inline(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => string(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| format!("{key}: {}", inline(value));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A string in quotes, unless what it will be is not known yet or must not be seen.
fn string(text: &str) -> String {
    if is_sensitive(text) || text == SENSITIVE || text == NOT_SHOWN {
        return if text == NOT_SHOWN { NOT_SHOWN } else { SENSITIVE }.to_owned();
    }
    let references = reference::in_text(text);
    if references.is_empty() {
        return Value::from(text).to_string();
    }
    let names: Vec<String> = references.iter().map(ToString::to_string).collect();
    format!("(known after apply: {})", names.join(", "))
}

/// `value` as lines of `key: value`, structures on one line where they fit, each line after `indent` spaces.
pub(crate) fn fitted(key: &str, value: &Value, indent: usize) -> String {
    let line = format!("{:indent$}{key}: {}\n", "", inline(value));
    let is_nested = matches!(value, Value::Object(members) if !members.is_empty())
        || matches!(value, Value::Array(items) if !items.is_empty());
    if !is_nested || line.chars().count() <= WIDTH {
        return line;
    }
    let mut text = format!("{:indent$}{key}:\n", "");
    match value {
        Value::Object(members) => {
            text.extend(members.iter().map(|(key, value)| fitted(key, value, indent + 2)));
        }
        Value::Array(items) => {
            text.extend(items.iter().map(|item| list_item(item, indent + 2, fitted)));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    text
}

/// `value` as lines, one for each leaf, so that a change of one leaf is a change of one line.
pub(crate) fn outline(value: &Value) -> String {
    match value {
        Value::Object(members) => members.iter().map(|(key, value)| outlined(key, value, 0)).collect(),
        Value::Array(items) => items.iter().map(|item| list_item(item, 0, outlined)).collect(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => format!("{}\n", inline(value)),
    }
}

fn outlined(key: &str, value: &Value, indent: usize) -> String {
    let mut text = format!("{:indent$}{key}:\n", "");
    match value {
        Value::Object(members) if !members.is_empty() => {
            text.extend(members.iter().map(|(key, value)| outlined(key, value, indent + 2)));
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            text.extend(items.iter().map(|item| list_item(item, indent + 2, outlined)));
        }
        _ => text = format!("{:indent$}{key}: {}\n", "", inline(value)),
    }
    text
}

/// A list's item after a dash; the members of a structure stand under each other.
fn list_item(item: &Value, indent: usize, member: fn(&str, &Value, usize) -> String) -> String {
    let Value::Object(members) = item else { return format!("{:indent$}- {}\n", "", inline(item)) };
    if members.is_empty() {
        return format!("{:indent$}- {{}}\n", "");
    }
    let mut text: String = members.iter().map(|(key, value)| member(key, value, indent + 2)).collect();
    text.replace_range(indent..=indent, "-");
    text
}

/// `value` without nulls and empty texts, lists and structures, which say nothing in a description.
pub(crate) fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().map(|(key, value)| (key.clone(), pruned(value)));
            Value::Object(kept.filter(|(_, value)| !is_empty(value)).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(pruned).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Whether `value` says nothing.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// `value` with [`SENSITIVE`] in the place of every string that holds a sensitive variable.
pub(crate) fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) if is_sensitive(text) => Value::from(SENSITIVE),
        Value::Array(items) => Value::Array(items.iter().map(shown).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), shown(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Whether `text` holds a sensitive variable.
pub(crate) fn is_sensitive(text: &str) -> bool {
    reference::in_text(text).iter().any(|reference| matches!(reference, Reference::Variable(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_stands_on_one_line() {
        let check = |value: Value, expected: &str| assert_eq!(inline(&value), expected);
        check(json!(null), "(none)");
        check(json!(3000), "3000");
        check(json!("a \"b\"\u{1b}"), r#""a \"b\"\u001b""#);
        check(json!(["a", 1]), r#"["a", 1]"#);
        check(json!({ "a": { "b": [] } }), "{ a: { b: [] } }");
        check(json!("x-${alb.public.dns_name}"), "(known after apply: alb.public.dns_name)");
        check(json!("postgres://u:${var.password}@${alb.public.dns_name}"), "(sensitive)");
        check(json!("${aws:username}"), r#""${aws:username}""#);
    }

    #[test]
    fn a_long_structure_is_broken_into_lines() {
        let long = "x".repeat(80);
        let value = json!({ "short": { "a": 1 }, "list": [{ "a": long, "b": 2 }, "c"] });
        let expected = format!(
            "  key:\n    short: {{ a: 1 }}\n    list:\n      - a: \"{long}\"\n        b: 2\n      - \"c\"\n"
        );
        assert_eq!(fitted("key", &value, 2), expected);
        assert_eq!(fitted("key", &json!({ "a": 1 }), 2), "  key: { a: 1 }\n");
    }

    #[test]
    fn an_outline_has_one_line_for_each_leaf() {
        let value = json!({ "app": { "image": "a", "command": ["x", "y"], "ports": [{ "port": 80, "udp": false }] } });
        let expected =
            "app:\n  image: \"a\"\n  command: [\"x\", \"y\"]\n  ports:\n    - port: 80\n      udp: false\n";
        assert_eq!(outline(&value), expected);
    }

    #[test]
    fn what_says_nothing_is_pruned_and_what_says_no_is_not() {
        let value = json!({ "a": null, "b": "", "c": [], "d": { "e": null }, "f": false, "g": 0 });
        assert_eq!(pruned(&value), json!({ "f": false, "g": 0 }));
    }

    #[test]
    fn strings_that_hold_a_sensitive_variable_are_hidden() {
        let value =
            json!({ "env": { "URL": "postgres://u:${var.password}@db", "MODE": "a" }, "args": ["${var.x}"] });
        let expected = json!({ "env": { "URL": "(sensitive)", "MODE": "a" }, "args": ["(sensitive)"] });
        assert_eq!(shown(&value), expected);
    }
}
