//! What a file may hold, compiled from its JSON Schema into what the check needs to know.
//!
//! Decides which keywords of JSON Schema are understood; one that is not is an error, never ignored.
//! Must not know the file.

use std::sync::LazyLock;

use indexmap::IndexMap;
use regex_lite::Regex;
use serde_json::{Map, Value};

use super::schema;

/// What one value may be.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// What it is for.
    pub(crate) description: Option<String>,
    /// What it may be.
    pub(crate) shape: Shape,
}

/// What a value may be.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// Anything.
    Anything,
    /// A boolean.
    Boolean,
    /// A whole number in a range, or one of a few.
    Integer { minimum: i64, maximum: i64, allowed: Vec<i64> },
    /// A string, one of a few if there are any allowed ones.
    Text { allowed: Vec<String>, pattern: Option<Pattern>, longest: usize },
    /// A list.
    List { items: Box<Rule>, fewest: usize },
    /// A table with known keys, or with any if there is a rule for others.
    Table { fields: IndexMap<String, Field>, others: Option<Box<Rule>>, names: Option<Pattern> },
    /// One of several.
    Either(Vec<Rule>),
}

/// A known key of a table.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) rule: Rule,
    pub(crate) required: bool,
}

/// What a string must look like.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    /// The same in words.
    pub(crate) words: &'static str,
}

/// Every pattern of the stack file in words.
const PATTERNS: [(&str, &str); 8] = [
    (
        r"^[a-z][a-z0-9-]{0,22}[a-z0-9]$",
        "2 to 24 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen",
    ),
    (r"^[a-z0-9_-]{1,40}$", "1 to 40 lower-case letters, digits, `-` and `_`"),
    (r"^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$", "1 to 16 lower-case letters, digits and inner hyphens"),
    (r"^[A-Za-z0-9_-]{1,255}$", "1 to 255 letters, digits, `-` and `_`"),
    (r"^[0-9]{12}$", "twelve digits"),
    (
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
        "a moment in UTC, such as `2026-12-01T08:00:00Z`",
    ),
    (r"^fs-[0-9a-f]+$", "`fs-` and hexadecimal digits"),
    (r"^[0-9]{1,5}-[0-9]{1,5}$", "a port, or two with a hyphen, such as `8000-8080`"),
];

/// The rule for a whole stack file.
pub(crate) fn stack_file() -> &'static Rule {
    static RULE: LazyLock<Rule> = LazyLock::new(|| {
        let mut rule = compile(&schema::checked()).expect("the schema uses only what is understood here");
        let overlay = partial(&rule);
        if let Shape::Table { fields, .. } = &mut rule.shape
            && let Some(environments) = fields.get_mut("env")
            && let Shape::Table { others, .. } = &mut environments.rule.shape
        {
            *others = Some(Box::new(overlay));
        }
        rule
    });
    &RULE
}

/// The rule for an overlay: the same keys, of which none must be there, and no environments in environments.
fn partial(rule: &Rule) -> Rule {
    let mut overlay = rule.clone();
    if let Shape::Table { fields, .. } = &mut overlay.shape {
        fields.shift_remove("env");
    }
    relax(&mut overlay);
    overlay
}

fn relax(rule: &mut Rule) {
    match &mut rule.shape {
        Shape::Table { fields, others, .. } => {
            for field in fields.values_mut() {
                field.required = false;
                relax(&mut field.rule);
            }
            if let Some(others) = others {
                relax(others);
            }
        }
        Shape::Either(branches) => branches.iter_mut().for_each(relax),
        // A list in an overlay replaces the one below it, so its items are complete.
        Shape::List { .. }
        | Shape::Anything
        | Shape::Boolean
        | Shape::Integer { .. }
        | Shape::Text { .. } => {}
    }
}

/// The keywords that this module understands.
const KEYWORDS: [&str; 21] = [
    "$schema",
    "title",
    "description",
    "default",
    "type",
    "format",
    "minimum",
    "maximum",
    "enum",
    "const",
    "pattern",
    "maxLength",
    "items",
    "minItems",
    "properties",
    "required",
    "additionalProperties",
    "propertyNames",
    "anyOf",
    "oneOf",
    "allOf",
];

fn compile(schema: &Value) -> Result<Rule, String> {
    let Value::Object(object) = schema else {
        return match schema {
            Value::Bool(true) => Ok(Rule { description: None, shape: Shape::Anything }),
            _ => Err(format!("no schema: {schema}")),
        };
    };
    if let Some(unknown) = object.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
        return Err(format!("unknown keyword `{unknown}`"));
    }
    let description = object.get("description").and_then(Value::as_str).map(str::to_owned);
    Ok(Rule { description, shape: shape(object)? })
}

fn shape(object: &Map<String, Value>) -> Result<Shape, String> {
    if let Some(Value::Array(branches)) = object.get("allOf") {
        let [only] = branches.as_slice() else { return Err("`allOf` of several".to_owned()) };
        return Ok(compile(only)?.shape);
    }
    if let Some(Value::Array(branches)) = object.get("oneOf").or_else(|| object.get("anyOf")) {
        if let Some(allowed) = branches.iter().map(|branch| text(branch.get("const")?)).collect() {
            return Ok(Shape::Text { allowed, pattern: None, longest: usize::MAX });
        }
        return Ok(Shape::Either(branches.iter().map(compile).collect::<Result<_, _>>()?));
    }
    match object.get("type").and_then(Value::as_str) {
        Some("boolean") => Ok(Shape::Boolean),
        Some("integer") => integer(object),
        Some("string") => Ok(Shape::Text {
            allowed: words(object),
            pattern: object.get("pattern").map(pattern).transpose()?,
            longest: size(object, "maxLength").unwrap_or(usize::MAX),
        }),
        Some("array") => {
            let items = Box::new(compile(object.get("items").unwrap_or(&Value::Bool(true)))?);
            Ok(Shape::List { items, fewest: size(object, "minItems").unwrap_or(0) })
        }
        Some("object") => table(object),
        Some(other) => Err(format!("unknown type `{other}`")),
        None if object.keys().all(|key| key == "description") => Ok(Shape::Anything),
        None => Err("a schema without a type".to_owned()),
    }
}

fn table(object: &Map<String, Value>) -> Result<Shape, String> {
    let required = object.get("required").and_then(Value::as_array);
    let required = |key: &str| required.is_some_and(|keys| keys.iter().any(|required| required == key));
    let mut fields = IndexMap::new();
    for (key, value) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
        fields.insert(key.clone(), Field { rule: compile(value)?, required: required(key) });
    }
    let others = match object.get("additionalProperties") {
        Some(Value::Bool(false)) => None,
        others => Some(Box::new(compile(others.unwrap_or(&Value::Bool(true)))?)),
    };
    let names = object.get("propertyNames").and_then(|names| names.get("pattern"));
    Ok(Shape::Table { fields, others, names: names.map(pattern).transpose()? })
}

fn integer(object: &Map<String, Value>) -> Result<Shape, String> {
    let (lowest, highest) = match object.get("format").and_then(Value::as_str) {
        Some("uint16") => (0, i64::from(u16::MAX)),
        Some("uint32") => (0, i64::from(u32::MAX)),
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("int64") => (i64::MIN, i64::MAX),
        format => return Err(format!("unknown format {format:?}")),
    };
    let bound = |key: &str| object.get(key).and_then(Value::as_i64);
    let allowed = object.get("enum").and_then(Value::as_array).into_iter().flatten();
    Ok(Shape::Integer {
        minimum: bound("minimum").unwrap_or(lowest).max(lowest),
        maximum: bound("maximum").unwrap_or(highest).min(highest),
        allowed: allowed.filter_map(Value::as_i64).collect(),
    })
}

fn words(object: &Map<String, Value>) -> Vec<String> {
    let several = object.get("enum").and_then(Value::as_array).into_iter().flatten();
    several.chain(object.get("const")).filter_map(text).collect()
}

fn pattern(value: &Value) -> Result<Pattern, String> {
    let (pattern, words) = PATTERNS
        .into_iter()
        .find(|(pattern, _)| value == pattern)
        .ok_or_else(|| format!("no words for the pattern {value}"))?;
    let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
    Ok(Pattern { regex, words })
}

fn size(object: &Map<String, Value>, key: &str) -> Option<usize> {
    object.get(key).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_schema_of_the_stack_file_is_understood() {
        let Shape::Table { fields, others, .. } = &stack_file().shape else { panic!("no table") };
        assert!(others.is_none());
        assert!(fields["stack"].required);
        assert!(!fields["service"].required);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let check = |schema: Value, expected: &str| {
            let error = compile(&schema).expect_err("not understood");
            assert!(error.contains(expected), "{error}");
        };
        check(json!({ "type": "string", "minLength": 1 }), "minLength");
        check(json!({ "type": "string", "pattern": "^x$" }), "no words");
        check(json!({ "type": "number" }), "number");
        check(json!({ "type": "integer" }), "format");
        check(json!({ "minimum": 1 }), "without a type");
        check(json!({ "allOf": [true, true] }), "several");
        check(json!(false), "no schema");
    }

    #[test]
    fn an_overlay_needs_no_key_and_holds_no_environments() {
        let Shape::Table { fields, .. } = &stack_file().shape else { panic!("no table") };
        let Shape::Table { others: Some(overlay), .. } = &fields["env"].rule.shape else {
            panic!("no overlay")
        };
        let Shape::Table { fields, .. } = &overlay.shape else { panic!("no table") };
        assert!(!fields.contains_key("env"));
        let Shape::Table { others: Some(service), .. } = &fields["service"].rule.shape else {
            panic!("no map")
        };
        let Shape::Table { fields, .. } = &service.shape else { panic!("no table") };
        assert!(!fields["cluster"].required);
    }
}
