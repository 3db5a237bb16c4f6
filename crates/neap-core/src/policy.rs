//! IAM policy documents in one canonical form, so that equal policies are equal values.
//!
//! Decides which differences between two documents mean nothing (reference section 1.5): a scalar and a list of
//! one, the order of lists and statements, numbers and booleans in conditions. Must not know where a document
//! stands, except for the fields of a role.

use serde_json::{Map, Value};

use crate::address::Kind;

/// The order in which members are shown; others follow by name.
const ORDER: [&str; 12] = [
    "Version",
    "Id",
    "Statement",
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// The canonical form of a policy document.
///
/// The case of action names is kept although IAM ignores it: documents are sent and shown as they were written.
pub fn normalise(document: &Value) -> Value {
    let Value::Object(members) = document else { return document.clone() };
    let member = |(key, value): (&String, &Value)| {
        let value = if key == "Statement" { statements(value) } else { value.clone() };
        (key.clone(), value)
    };
    sorted(members.iter().map(member).collect())
}

/// The fields of a resource of `kind` with every policy document in its canonical form.
///
/// References sort differently from what they stand for, so this belongs after each substitution.
pub fn normalise_fields(kind: Kind, mut fields: Value) -> Value {
    if let (Kind::BucketPolicy, Some(policy)) = (kind, fields.get_mut("policy")) {
        *policy = normalise(policy);
    }
    if kind != Kind::Role {
        return fields;
    }
    if let Some(trust) = fields.get_mut("trust") {
        *trust = normalise(trust);
    }
    if let Some(Value::Object(policies)) = fields.get_mut("inline_policies") {
        for document in policies.values_mut() {
            *document = normalise(document);
        }
    }
    fields
}

fn statements(value: &Value) -> Value {
    let list = match value {
        Value::Array(statements) => statements.iter().map(statement).collect(),
        single => vec![statement(single)],
    };
    Value::Array(in_order(list))
}

fn statement(value: &Value) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    let member = |(key, value): (&String, &Value)| {
        let value = match key.as_str() {
            "Action" | "NotAction" | "Resource" | "NotResource" => set(value, &Value::clone),
            "Principal" | "NotPrincipal" => principals(value),
            "Condition" => conditions(value),
            _ => value.clone(),
        };
        (key.clone(), value)
    };
    sorted(members.iter().map(member).collect())
}

/// `"*"` stays as it is: AWS echoes it, and `{"AWS": "*"}` too.
fn principals(value: &Value) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    let member = |(key, value): (&String, &Value)| {
        let value = if key == "AWS" { set(value, &account) } else { set(value, &Value::clone) };
        (key.clone(), value)
    };
    sorted(members.iter().map(member).collect())
}

/// The ARN of an account's root stands for the account, which AWS also takes as twelve digits.
fn account(principal: &Value) -> Value {
    let digits = principal
        .as_str()
        .and_then(|text| text.strip_prefix("arn:")?.strip_suffix(":root")?.split_once(":iam::"))
        .map(|(_, digits)| digits);
    digits.map_or_else(|| principal.clone(), Value::from)
}

fn conditions(value: &Value) -> Value {
    let Value::Object(operators) = value else { return value.clone() };
    let operator = |(name, keys): (&String, &Value)| {
        let Value::Object(keys) = keys else { return (name.clone(), keys.clone()) };
        let key = |(key, values): (&String, &Value)| (key.clone(), set(values, &text));
        (name.clone(), sorted(keys.iter().map(key).collect()))
    };
    sorted(operators.iter().map(operator).collect())
}

/// Conditions compare strings: IAM echoes `true` and `5` as `"true"` and `"5"`.
fn text(value: &Value) -> Value {
    match value {
        Value::Bool(_) | Value::Number(_) => Value::String(value.to_string()),
        other => other.clone(),
    }
}

/// A scalar or a list as a sorted list without repetitions, each member mapped.
fn set(value: &Value, map: &dyn Fn(&Value) -> Value) -> Value {
    let mut list = match value {
        Value::Array(items) => in_order(items.iter().map(map).collect()),
        single => vec![map(single)],
    };
    list.dedup();
    Value::Array(list)
}

fn in_order(mut list: Vec<Value>) -> Vec<Value> {
    list.sort_by_cached_key(Value::to_string);
    list
}

fn sorted(members: Vec<(String, Value)>) -> Value {
    let place = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
    let mut members = members;
    members.sort_by(|(left, _), (right, _)| place(left).cmp(&place(right)).then_with(|| left.cmp(right)));
    Value::Object(members.into_iter().collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_equal(left: Value, right: Value) {
        let document = |statement| json!({ "Version": "2012-10-17", "Statement": statement });
        let (left, right) = (normalise(&document(left)), normalise(&document(right)));
        assert_eq!(left.to_string(), right.to_string());
        assert_eq!(normalise(&left), left, "the canonical form is its own");
    }

    #[test]
    fn a_scalar_equals_a_list_of_one() {
        check_equal(
            json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" }),
            json!([{ "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"] }]),
        );
        check_equal(
            json!([{ "Principal": { "Service": "ecs-tasks.amazonaws.com" } }]),
            json!([{ "Principal": { "Service": ["ecs-tasks.amazonaws.com"] } }]),
        );
    }

    #[test]
    fn lists_are_sets_and_members_have_no_order() {
        check_equal(json!([{ "Action": ["b", "a", "b"] }]), json!([{ "Action": ["a", "b"] }]));
        check_equal(json!([{ "Sid": "a" }, { "Sid": "b" }]), json!([{ "Sid": "b" }, { "Sid": "a" }]));
        check_equal(
            json!([{ "Effect": "Allow", "Action": ["a"] }]),
            json!([{ "Action": ["a"], "Effect": "Allow" }]),
        );
    }

    #[test]
    fn condition_values_are_strings() {
        check_equal(
            json!([{ "Condition": { "Bool": { "aws:SecureTransport": true } } }]),
            json!([{ "Condition": { "Bool": { "aws:SecureTransport": ["true"] } } }]),
        );
    }

    #[test]
    fn an_account_equals_the_arn_of_its_root() {
        check_equal(
            json!([{ "Principal": { "AWS": "arn:aws:iam::123456789012:root" } }]),
            json!([{ "Principal": { "AWS": ["123456789012"] } }]),
        );
    }

    #[test]
    fn what_differs_in_meaning_stays_different() {
        let differ = |left: Value, right: Value| assert_ne!(normalise(&left), normalise(&right));
        differ(json!({ "Statement": [] }), json!({ "Version": "2012-10-17", "Statement": [] }));
        let principal = |principal: Value| json!({ "Statement": [{ "Principal": principal }] });
        differ(principal(json!("*")), principal(json!({ "AWS": "*" })));
        differ(
            principal(json!({ "AWS": "arn:aws:iam::123456789012:role/a" })),
            principal(json!({ "AWS": "AROAEXAMPLE" })),
        );
    }

    #[test]
    fn what_is_no_document_stays_as_it_is() {
        for value in [json!(null), json!("text"), json!([1]), json!({ "Statement": "x" })] {
            let expected = if value.is_object() { json!({ "Statement": ["x"] }) } else { value.clone() };
            assert_eq!(normalise(&value), expected);
        }
    }

    #[test]
    fn the_documents_of_a_role_are_normalised_where_they_stand() {
        let statement = json!({ "Statement": { "Action": "a" } });
        let canonical = json!({ "Statement": [{ "Action": ["a"] }] });
        let fields = json!({ "trust": statement, "inline_policies": { "neap": statement } });
        let expected = json!({ "trust": canonical, "inline_policies": { "neap": canonical } });
        assert_eq!(normalise_fields(Kind::Role, fields.clone()), expected);
        assert_eq!(normalise_fields(Kind::Ecr, fields.clone()), fields);
    }
}
