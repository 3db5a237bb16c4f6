//! The values of a stack file with the places where they stand.
//!
//! Decides how TOML becomes a tree and how a path finds its place in it. Must not know which keys are allowed.

use std::ops::Range;

use indexmap::IndexMap;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::diagnostic::{Diagnostic, Findings};

/// How deep tables and lists may stand in each other. A stack needs about ten.
const DEPTH: usize = 64;

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The bytes of the value; of the header where it is a table with one.
    pub(crate) span: Range<usize>,
    /// The value.
    pub(crate) content: Content,
    /// Whether the value is a variable's, of which nothing says that it must be a string.
    pub(crate) loose: bool,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A boolean.
    Boolean(bool),
    /// A date or a time, which no key of a stack takes.
    Datetime,
    /// A list.
    List(Vec<Node>),
    /// A table.
    Table(Table),
    /// A value that a mistake elsewhere hides; nothing can be said about it.
    Unknown,
}

/// The members of a table in the order of the file.
pub(crate) type Table = IndexMap<String, Entry>;

/// A member of a table.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The bytes of its key, where it stands first.
    pub(crate) key: Range<usize>,
    /// Its value.
    pub(crate) node: Node,
}

impl Node {
    pub(crate) const fn new(span: Range<usize>, content: Content) -> Self {
        Self { span, content, loose: false }
    }

    /// The members, if this is a table.
    pub(crate) const fn table(&self) -> Option<&Table> {
        match &self.content {
            Content::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The member `key`, if this is a table that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.table()?.get(key).map(|entry| &entry.node)
    }

    /// The members, to be changed, if this is a table.
    pub(crate) const fn table_mut(&mut self) -> Option<&mut Table> {
        match &mut self.content {
            Content::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The value without its places.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Text(text) => Value::from(text.as_str()),
            Content::Integer(number) => Value::from(*number),
            Content::Float(number) => Value::from(*number),
            Content::Boolean(boolean) => Value::from(*boolean),
            Content::Datetime | Content::Unknown => Value::Null,
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Table(table) => {
                table.iter().map(|(key, entry)| (key.clone(), entry.node.to_json())).collect()
            }
        }
    }

    /// The place that `path` leads to, or the nearest one on the way; none for the file as a whole.
    pub(crate) fn place(&self, path: &[String], on_key: bool) -> Option<Range<usize>> {
        let mut node = self;
        let mut place = None;
        for (depth, key) in path.iter().enumerate() {
            let last = depth + 1 == path.len();
            match &node.content {
                Content::Table(table) => {
                    // One value may stand where a list may: its index is then no part of the path in the text.
                    let Some(entry) = table.get(key) else { continue };
                    node = &entry.node;
                    place = Some(if last && on_key { entry.key.clone() } else { node.span.clone() });
                }
                Content::List(items) => {
                    let Some(item) = key.parse().ok().and_then(|index: usize| items.get(index)) else {
                        break;
                    };
                    node = item;
                    place = Some(node.span.clone());
                }
                _ => break,
            }
        }
        place
    }
}

/// The tree of a parsed document.
pub(crate) fn build(document: Spanned<DeTable<'_>>, findings: &mut Findings) -> Node {
    let mut builder = Builder { findings, path: Vec::new() };
    let table = builder.table(document.into_inner());
    Node::new(0..0, Content::Table(table))
}

struct Builder<'findings> {
    findings: &'findings mut Findings,
    path: Vec<String>,
}

impl Builder<'_> {
    fn node(&mut self, value: Spanned<DeValue<'_>>) -> Node {
        let span = value.span();
        if self.path.len() > DEPTH {
            let message = format!("tables and lists stand more than {DEPTH} deep in each other");
            self.findings.add(&self.path, Diagnostic::at(span.clone(), message));
            return Node::new(span, Content::Unknown);
        }
        let content = match value.into_inner() {
            DeValue::String(text) => Content::Text(text.into_owned()),
            DeValue::Integer(number) => self.integer(&number, &span),
            DeValue::Float(number) => {
                number.as_str().parse().map_or(Content::Float(f64::NAN), Content::Float)
            }
            DeValue::Boolean(boolean) => Content::Boolean(boolean),
            DeValue::Datetime(_) => Content::Datetime,
            DeValue::Array(items) => Content::List(self.list(items)),
            DeValue::Table(table) => Content::Table(self.table(table)),
        };
        Node::new(span, content)
    }

    fn integer(&mut self, number: &DeInteger<'_>, span: &Range<usize>) -> Content {
        i64::from_str_radix(number.as_str(), number.radix()).map_or_else(
            |_| {
                let message =
                    format!("`{}` is too large for a whole number", super::words::excerpt(number.as_str()));
                self.findings.add(&self.path, Diagnostic::at(span.clone(), message));
                Content::Unknown
            },
            Content::Integer,
        )
    }

    fn list(&mut self, items: DeArray<'_>) -> Vec<Node> {
        let mut nodes = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            self.path.push(index.to_string());
            nodes.push(self.node(item));
            self.path.pop();
        }
        nodes
    }

    /// The parser sorts by key; the order of the file is the order of the keys' places.
    fn table(&mut self, table: DeTable<'_>) -> Table {
        let mut members: Vec<_> = table.into_iter().collect();
        members.sort_by_key(|(key, _)| key.span().start);
        let mut entries = Table::with_capacity(members.len());
        for (key, value) in members {
            let place = key.span();
            let key = key.into_inner().into_owned();
            self.path.push(key.clone());
            let node = self.node(value);
            self.path.pop();
            entries.insert(key, Entry { key: place, node });
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[service.api]
target = { group = "api" }
[[alb.public.listener.http.rule]]
priority = 1
[[alb.public.listener.http.rule]]
priority = 2
"#;

    fn tree(text: &str) -> Node {
        build(DeTable::parse(text).expect("TOML"), &mut Findings::default())
    }

    fn check(path: &[&str], on_key: bool, expected: &str) {
        let path: Vec<String> = path.iter().map(|&key| key.to_owned()).collect();
        let place = tree(TEXT).place(&path, on_key);
        assert_eq!(place.map_or("", |place| &TEXT[place]), expected, "{path:?}");
    }

    #[test]
    fn a_path_leads_to_its_value_or_its_key() {
        check(&["service", "api", "target", "group"], false, "\"api\"");
        check(&["service", "api", "target", "group"], true, "group");
        check(&["service", "api"], false, "[service.api]");
        check(&["service", "api"], true, "api");
        check(&["alb", "public", "listener", "http", "rule", "1", "priority"], false, "2");
    }

    #[test]
    fn a_path_to_what_is_not_there_leads_to_what_it_would_stand_in() {
        check(&["service", "api", "cluster"], false, "[service.api]");
        check(&["service", "api", "cluster"], true, "[service.api]");
        check(
            &["alb", "public", "listener", "http", "rule", "1", "when", "path"],
            false,
            "[[alb.public.listener.http.rule]]",
        );
        check(
            &["alb", "public", "listener", "http", "rule", "7"],
            false,
            "[[alb.public.listener.http.rule]]",
        );
        check(&["ecr"], false, "");
        check(&[], false, "");
    }

    #[test]
    fn one_value_stands_where_a_list_may() {
        check(&["service", "api", "target", "0", "group"], false, "\"api\"");
    }

    #[test]
    fn members_keep_the_order_of_the_file() {
        let root = tree("z = 1\na = 2\nm = { y = 1, b = 2 }");
        assert_eq!(root.to_json().to_string(), r#"{"z":1,"a":2,"m":{"y":1,"b":2}}"#);
    }
}
