//! Variables: which value each has, and where it is put.
//!
//! Decides precedence (`--var`, then `NEAP_VAR_name`, then the default), types, and that sensitive values are never put
//! into the tree. Must not know what the strings mean that variables stand in.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::diagnostic::{Diagnostic, Findings};
use super::load::Options;
use super::secrets::Secrets;
use super::tree::{Content, Entry, Node, Table};
use super::words;
use crate::reference::{self, Resolved};

/// The value of a variable.
#[derive(Debug, Clone)]
enum Value {
    /// A value of the default's type.
    Typed(Content),
    /// A text that becomes a number or a boolean where only those can stand, since no default says what it is.
    Loose(String),
    /// A value that stays out of the tree.
    Sensitive,
    /// A value that a mistake hides.
    Unknown,
}

/// What replacing variables leaves behind.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The values of sensitive variables.
    pub(crate) secrets: Secrets,
    /// What is allowed and yet looks wrong.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Replaces `${var.name}` in every string of the file.
pub(crate) fn replace(root: &mut Node, text: &str, options: &Options, findings: &mut Findings) -> Outcome {
    let Some(table) = root.table_mut() else { return Outcome::default() };
    let mut secrets = BTreeMap::new();
    let mut values = BTreeMap::new();
    let mut warnings = Vec::new();
    let no_variables = Table::new();
    let declared = match table.get("var").map(|entry| &entry.node.content) {
        Some(Content::Table(declared)) => declared,
        Some(_) | None => &no_variables,
    };
    unknown_options(declared, options, findings);
    for (name, entry) in declared {
        let mut declaration = Declaration { name, entry, options, findings };
        let value = declaration.value(&mut secrets, &mut warnings);
        values.insert(name.clone(), value);
    }
    let keys: BTreeMap<String, Range<usize>> =
        declared.iter().map(|(name, entry)| (name.clone(), entry.key.clone())).collect();

    let mut replacer = Replacer { text, values: &values, used: BTreeSet::new(), findings, path: Vec::new() };
    for (key, entry) in table.iter_mut().filter(|(key, _)| *key != "var") {
        replacer.enter(key, &mut entry.node);
    }
    for (name, key) in keys.iter().filter(|(name, _)| !replacer.used.contains(*name)) {
        let message = format!("the variable `{}` is never used", words::excerpt(name));
        warnings.push(Diagnostic::at(key.clone(), message).label("no `${var.…}` refers to it"));
    }
    Outcome { secrets: Secrets::new(secrets), warnings }
}

fn unknown_options(declared: &Table, options: &Options, findings: &mut Findings) {
    for name in options.variables.keys().filter(|name| !declared.contains_key(*name)) {
        let shown = words::excerpt(name);
        let diagnostic =
            Diagnostic::whole(format!("`--var {shown}` is given, but the file has no `[var.{shown}]`"));
        let known = || declared.keys().map(String::as_str);
        let diagnostic = match words::nearest(name, known()) {
            Some(nearest) => diagnostic.help(format!("did you mean `--var {nearest}=…`?")),
            None if declared.is_empty() => diagnostic.help(format!("declare it with `[var.{shown}]`")),
            None => diagnostic.help(format!("variables: {}", words::list(known()))),
        };
        findings.add(&[], diagnostic);
    }
}

/// One `[var.name]`.
struct Declaration<'a> {
    name: &'a str,
    entry: &'a Entry,
    options: &'a Options,
    findings: &'a mut Findings,
}

impl Declaration<'_> {
    fn value(&mut self, secrets: &mut BTreeMap<String, String>, warnings: &mut Vec<Diagnostic>) -> Value {
        // A default in a table that is no table, or of a type that no variable has, is told with the file's shape.
        let node = &self.entry.node;
        let default = node.get("default");
        let sensitive = matches!(
            node.get("sensitive"),
            Some(Node { content: Content::Boolean(true) | Content::Unknown, .. })
        );
        let value = match (self.given(), default) {
            (Some((option, text)), default) => self.typed(&option, &text, default, sensitive),
            (None, Some(default)) => self.default(default),
            (None, None) => {
                if node.table().is_some() {
                    self.missing();
                }
                Value::Unknown
            }
        };
        if !sensitive {
            return value;
        }
        if let Some(default) = default {
            let message = format!("the default of the sensitive variable `{}` stands in the file", self.name);
            let help = format!("leave it out and set `NEAP_VAR_{}` where neap runs", self.name);
            warnings.push(Diagnostic::at(default.span.clone(), message).help(help).secret());
        }
        let secret = match value {
            Value::Typed(Content::Text(text)) | Value::Loose(text) => {
                // Nothing reads a secret again for escapes.
                reference::substitute_text(&text, &|_| Resolved::Unknown)
            }
            Value::Typed(content) => plain(&content),
            Value::Sensitive | Value::Unknown => return Value::Unknown,
        };
        secrets.insert(self.name.to_owned(), secret);
        Value::Sensitive
    }

    /// What the command line or the process environment gives, and where from.
    fn given(&self) -> Option<(String, String)> {
        let argument = self.options.variables.get(self.name);
        let argument = argument.map(|value| (format!("--var {}", self.name), value.clone()));
        let variable = || {
            let value = self.options.environment_variables.get(self.name)?;
            Some((format!("NEAP_VAR_{}", self.name), value.clone()))
        };
        argument.or_else(variable)
    }

    fn typed(&mut self, option: &str, text: &str, default: Option<&Node>, sensitive: bool) -> Value {
        let escaped = text.replace("${", "$${");
        let Some(default) = default else { return Value::Loose(escaped) };
        let (value, expected) = match &default.content {
            Content::Integer(_) => (text.parse().ok().map(Content::Integer), "a whole number"),
            Content::Boolean(_) => (text.parse().ok().map(Content::Boolean), "`true` or `false`"),
            Content::Text(_) => (Some(Content::Text(escaped)), "a string"),
            _ => return Value::Unknown,
        };
        if let Some(value) = value {
            return Value::Typed(value);
        }
        let found = if sensitive { String::new() } else { format!(", not `{}`", words::excerpt(text)) };
        let message = format!("`{option}` must be {expected}{found}");
        let diagnostic =
            Diagnostic::at(default.span.clone(), message).label("a variable has its default's type");
        self.findings.add(&self.path(), diagnostic);
        Value::Unknown
    }

    fn default(&mut self, default: &Node) -> Value {
        match &default.content {
            Content::Text(text) if find(text, 0).is_some() => {
                let message = format!("the default of `{}` refers to a variable", self.name);
                let diagnostic = Diagnostic::at(default.span.clone(), message)
                    .label("a default stands for itself")
                    .help("write `$${` for a literal `${`");
                self.findings.add(&self.path(), diagnostic);
                Value::Unknown
            }
            content @ (Content::Text(_) | Content::Integer(_) | Content::Boolean(_)) => {
                Value::Typed(content.clone())
            }
            _ => Value::Unknown,
        }
    }

    fn missing(&mut self) {
        let name = self.name;
        let diagnostic =
            Diagnostic::at(self.entry.node.span.clone(), format!("the variable `{name}` has no value"))
                .label("no default, and no value is given")
                .help(format!("give it with `--var {name}=…` or `NEAP_VAR_{name}=…`, or write a `default`"));
        self.findings.add(&self.path(), diagnostic);
    }

    fn path(&self) -> [String; 2] {
        ["var".to_owned(), self.name.to_owned()]
    }
}

/// Where the next `${var.name}` stands in `text`, and the name; escaped ones are passed over.
fn find(text: &str, from: usize) -> Option<(Range<usize>, &str)> {
    const OPEN: &str = "${var.";
    let mut at = from;
    loop {
        let start = at + text[at..].find(OPEN)?;
        let escaped = start > from && text.as_bytes()[start - 1] == b'$';
        let end = text[start..].find('}').map(|offset| start + offset)?;
        if !escaped {
            return Some((start..end + 1, &text[start + OPEN.len()..end]));
        }
        at = start + OPEN.len();
    }
}

/// A value as it stands within a longer text.
fn plain(content: &Content) -> String {
    match content {
        Content::Text(text) => text.clone(),
        Content::Integer(number) => number.to_string(),
        Content::Boolean(boolean) => boolean.to_string(),
        _ => String::new(),
    }
}

struct Replacer<'a> {
    text: &'a str,
    values: &'a BTreeMap<String, Value>,
    used: BTreeSet<String>,
    findings: &'a mut Findings,
    path: Vec<String>,
}

impl Replacer<'_> {
    fn enter(&mut self, key: &str, node: &mut Node) {
        self.path.push(key.to_owned());
        self.node(node);
        self.path.pop();
    }

    fn node(&mut self, node: &mut Node) {
        match &mut node.content {
            _ if self.findings.is_full() => {}
            Content::Text(text) if text.contains("${var.") => {
                let text = std::mem::take(text);
                (node.content, node.loose) = self.string(&text, &node.span);
            }
            Content::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.enter(&index.to_string(), item);
                }
            }
            Content::Table(table) => {
                for (key, entry) in table {
                    self.enter(key, &mut entry.node);
                }
            }
            _ => {}
        }
    }

    /// What a string becomes, and whether it may become a number yet.
    fn string(&mut self, text: &str, span: &Range<usize>) -> (Content, bool) {
        let mut result = String::with_capacity(text.len());
        let (mut copied, mut known) = (0, true);
        while let Some((place, name)) = find(text, copied) {
            let whole = place == (0..text.len());
            result.push_str(&text[copied..place.start]);
            copied = place.end;
            match self.value(name, span) {
                Some(Value::Typed(content)) if whole => return (content, false),
                Some(Value::Loose(value)) if whole => return (Content::Text(value), true),
                Some(Value::Typed(content)) => result.push_str(&plain(&content)),
                Some(Value::Loose(value)) => result.push_str(&value),
                Some(Value::Sensitive) => result.push_str(&text[place]),
                Some(Value::Unknown) | None => known = false,
            }
        }
        if !known {
            self.findings.spoil(&self.path);
            return (Content::Unknown, false);
        }
        result.push_str(&text[copied..]);
        (Content::Text(result), false)
    }

    fn value(&mut self, name: &str, span: &Range<usize>) -> Option<Value> {
        if let Some(value) = self.values.get(name) {
            self.used.insert(name.to_owned());
            return Some(value.clone());
        }
        let shown = words::excerpt(name);
        let message = format!("`${{var.{shown}}}` refers to a variable that the file does not have");
        let diagnostic = Diagnostic::at(self.narrow(name, span), message).label("unknown variable");
        let known = || self.values.keys().map(String::as_str);
        let diagnostic = match words::nearest(name, known()) {
            Some(nearest) => diagnostic.help(format!("did you mean `${{var.{nearest}}}`?")),
            None if self.values.is_empty() => diagnostic.help(format!("declare it with `[var.{shown}]`")),
            None => diagnostic.help(format!("variables: {}", words::list(known()))),
        };
        self.findings.add(&self.path, diagnostic);
        None
    }

    /// The place of the reference within its string, where the file writes it without escapes.
    fn narrow(&self, name: &str, span: &Range<usize>) -> Range<usize> {
        let written = format!("${{var.{name}}}");
        match self.text.get(span.clone()).and_then(|string| string.find(&written)) {
            Some(offset) => span.start + offset..span.start + offset + written.len(),
            None => span.clone(),
        }
    }
}
