//! The JSON Schema of the stack file: the published one for editors, and the one that files are checked against.
//!
//! Decides how the two differ: a file is checked after its variables are replaced, an editor sees it before.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use serde_json::{Map, Value, json};

use super::shape::StackFile;

/// The JSON Schema of the stack file, for editors.
pub fn schema() -> Value {
    let mut schema = generate(false);
    schema.insert(
        "description".to_owned(),
        json!("What a neap stack asks for. `neap plan` shows what it would change."),
    );
    transform_subschemas(&mut allow_variable, &mut schema);
    schema.to_value()
}

/// The schema that a file is checked against once its variables are replaced; without `$ref`.
pub(crate) fn checked() -> Value {
    generate(true).to_value()
}

/// Editors know draft 7 best.
fn generate(inline: bool) -> Schema {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = inline);
    let mut schema = settings.into_generator().into_root_schema_for::<StackFile>();
    without_null(&mut schema);
    schema
}

/// TOML has no null: what serde calls optional may only be left out.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
        if let [only] = branches.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            adopt(object, only);
        }
    }
    transform_subschemas(&mut without_null, schema);
}

/// Puts the only branch in the place of the choice. Draft 7 ignores what stands beside a `$ref`.
fn adopt(object: &mut Map<String, Value>, branch: Value) {
    match branch {
        Value::Object(branch) if !branch.contains_key("$ref") => {
            for (key, value) in branch {
                object.entry(key).or_insert(value);
            }
        }
        branch => {
            object.insert("allOf".to_owned(), json!([branch]));
        }
    }
}

/// Lets `"${var.name}"` stand where a number, a boolean or one of a few words is expected.
fn allow_variable(schema: &mut Schema) {
    transform_subschemas(&mut allow_variable, schema);
    let Some(object) = schema.as_object_mut() else { return };
    let variable = json!({
        "type": "string",
        "pattern": r"^\$\{var\.[a-z0-9_-]{1,40}\}$",
        "description": "A variable.",
    });
    if let Some(Value::Array(words)) = object.get_mut("oneOf") {
        words.push(variable);
        return;
    }
    let restricted =
        ["integer", "number", "boolean"].iter().any(|name| object.get("type") == Some(&json!(name)))
            || object.contains_key("enum");
    let text = object.get("type") == Some(&json!("string"));
    if let Some(pattern) = object.get("pattern").and_then(Value::as_str).filter(|_| text) {
        let pattern = format!(r"{pattern}|\$\{{var\.[a-z0-9_-]{{1,40}}\}}");
        object.insert("pattern".to_owned(), Value::from(pattern));
    } else if restricted {
        let mut kept = Map::new();
        for key in ["description", "default"] {
            kept.extend(object.remove(key).map(|value| (key.to_owned(), value)));
        }
        let literal = Value::Object(std::mem::take(object));
        kept.insert("anyOf".to_owned(), json!([literal, variable]));
        *object = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_describes_every_table_and_knows_no_null() {
        let schema = schema();
        assert_eq!(schema["title"], "neap stack file");
        assert!(!schema.to_string().contains(r#""null""#));
        for (name, property) in schema["properties"].as_object().expect("properties") {
            assert!(property["description"].is_string(), "{name}");
        }
    }

    #[test]
    fn names_of_resources_have_a_pattern() {
        let schema = schema();
        for kind in ["ecr", "cluster", "task", "target_group", "alb", "service", "cloudfront", "var"] {
            let names = &schema["properties"][kind]["propertyNames"]["pattern"];
            assert_eq!(names, "^[a-z0-9_-]{1,40}$", "{kind}");
        }
    }

    #[test]
    fn a_number_may_be_a_variable_in_an_editor() {
        let schema = schema();
        let count = &schema["definitions"]["ServiceTable"]["properties"]["count"];
        assert_eq!(count["anyOf"][0]["type"], "integer");
        assert_eq!(count["anyOf"][1]["type"], "string");
        let percent = &schema["definitions"]["InstancesTable"]["properties"]["target_capacity"];
        assert_eq!(percent["default"], 100);
        assert!(count["description"].is_string());
        let words = schema["definitions"]["SchedulingStrategy"]["oneOf"].as_array().expect("words");
        assert_eq!(words.last().expect("a variable")["type"], "string");
    }

    #[test]
    fn the_checked_schema_refers_to_nothing() {
        assert!(!checked().to_string().contains("$ref"));
    }
}
