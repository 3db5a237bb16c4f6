//! A field's value as text: what is not known yet says so, and what is sensitive does not show.
//!
//! Must not know which field it is.

use neap_core::diff::{NOT_SHOWN, SENSITIVE};
use neap_core::reference::{self, Reference};
use serde_json::{Map, Value};

/// Lines are broken where they would be longer.
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

/// `members` as `key: value`, each line after `indent` spaces: what is short shares lines, structures have their own.
pub(crate) fn fitted<'value>(
    members: impl IntoIterator<Item = (&'value String, &'value Value)>,
    indent: usize,
) -> String {
    let mut lines = Lines { indent, text: String::new(), line: String::new() };
    for (key, value) in members {
        let whole = format!("{key}: {}", inline(value));
        if is_leaf(value) && (fits(&whole, indent) || !value.is_array()) {
            lines.share(&whole);
        } else if fits(&whole, indent) {
            lines.own(&whole);
        } else {
            lines.own(&format!("{key}:"));
            lines.text += &broken(value, indent + 2);
        }
    }
    lines.finish()
}

/// A structure on lines of its own.
fn broken(value: &Value, indent: usize) -> String {
    match value {
        Value::Object(members) => fitted(members, indent),
        Value::Array(items) => {
            items.iter().map(|item| list_item(item, indent, |members| fitted(members, indent + 2))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => String::new(),
    }
}

fn fits(line: &str, indent: usize) -> bool {
    indent + line.chars().count() <= WIDTH
}

/// Whether `value` is no structure, nor a list that holds one.
fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => !items.iter().any(|item| item.is_object() || item.is_array()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Lines that fill up.
struct Lines {
    indent: usize,
    text: String,
    line: String,
}

impl Lines {
    /// Adds `piece` to the line, or to a new one where it would be too long.
    fn share(&mut self, piece: &str) {
        if !self.line.is_empty() {
            if fits(&self.line, self.indent + 2 + piece.chars().count()) {
                self.line += ", ";
            } else {
                self.end();
            }
        }
        self.line += piece;
    }

    /// Adds `piece` on a line of its own.
    fn own(&mut self, piece: &str) {
        self.end();
        self.line += piece;
        self.end();
    }

    fn end(&mut self) {
        if !self.line.is_empty() {
            let indent = self.indent;
            self.text.extend([format!("{:indent$}", ""), std::mem::take(&mut self.line), "\n".to_owned()]);
        }
    }

    fn finish(mut self) -> String {
        self.end();
        self.text
    }
}

/// `value` as lines, one for each leaf, so that a change of one leaf is a change of one line.
pub(crate) fn outline(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => outlined(value, 0),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => format!("{}\n", inline(value)),
    }
}

fn outlined(value: &Value, indent: usize) -> String {
    let member = |(key, value): (&String, &Value)| {
        let whole = format!("{key}: {}", inline(value));
        if is_leaf(value) && (fits(&whole, indent) || !value.is_array()) {
            format!("{:indent$}{whole}\n", "")
        } else {
            format!("{:indent$}{key}:\n{}", "", outlined(value, indent + 2))
        }
    };
    match value {
        Value::Object(members) => members.iter().map(member).collect(),
        Value::Array(items) => {
            let members =
                |members: &Map<String, Value>| outlined(&Value::Object(members.clone()), indent + 2);
            items.iter().map(|item| list_item(item, indent, members)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => String::new(),
    }
}

/// A list's item after a dash; `members` writes those of a structure two columns further in.
fn list_item(item: &Value, indent: usize, members: impl Fn(&Map<String, Value>) -> String) -> String {
    match item {
        Value::Object(item) if !item.is_empty() => {
            let mut text = members(item);
            text.replace_range(indent..=indent, "-");
            text
        }
        _ => format!("{:indent$}- {}\n", "", inline(item)),
    }
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
    fn what_is_short_shares_lines_and_long_structures_are_broken() {
        let long = "x".repeat(80);
        let value =
            json!({ "a": 1, "b": true, "s": { "a": 1 }, "list": [{ "a": long, "b": 2 }, "c"], "d": "e" });
        let members = value.as_object().expect("an object");
        let expected = format!(
            "  a: 1, b: true\n  s: {{ a: 1 }}\n  list:\n    - a: \"{long}\", b: 2\n    - \"c\"\n  d: \"e\"\n"
        );
        assert_eq!(fitted(members, 2), expected);
        let two = json!({ "a": long, "b": long });
        assert_eq!(fitted(two.as_object().expect("an object"), 0).lines().count(), 2);
    }

    #[test]
    fn an_outline_has_one_line_for_each_leaf() {
        let value = json!({ "app": { "image": "a", "command": ["x", "y"], "ports": [{ "port": 80, "udp": false }] } });
        let expected =
            "app:\n  image: \"a\"\n  command: [\"x\", \"y\"]\n  ports:\n    - port: 80\n      udp: false\n";
        assert_eq!(outline(&value), expected);
    }

    #[test]
    fn a_long_list_has_one_line_for_each_item() {
        let list = json!({ "list": ["x".repeat(60), "y".repeat(60)] });
        let members = list.as_object().expect("an object");
        assert_eq!(fitted(members, 0).lines().count(), 3);
        assert_eq!(outline(&list), fitted(members, 0));
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
