//! Holds a file against the rules of its shape and tells everything that does not fit.
//!
//! Decides the words of each mistake and which of several allowed shapes a value was meant to have. Must not know what
//! the keys mean.

use std::ops::Range;

use indexmap::IndexMap;

use super::diagnostic::{Diagnostic, Findings};
use super::rule::{Field, Pattern, Rule, Shape};
use super::tree::{Content, Node};
use super::words;
use crate::address::Kind;

/// Checks `root` and makes numbers and booleans of variables that stand where only those can.
pub(crate) fn check(rule: &Rule, root: &mut Node, findings: &mut Findings) {
    let mut checker = Checker { findings, path: Vec::new() };
    checker.check(rule, root);
}

struct Checker<'findings> {
    findings: &'findings mut Findings,
    path: Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, rule: &Rule, node: &mut Node) {
        match &rule.shape {
            Shape::Anything => {}
            _ if self.findings.is_full() => {}
            Shape::Either(branches) => self.either(branches, node),
            shape => {
                convert(shape, node);
                self.one(rule, node);
            }
        }
    }

    fn one(&mut self, rule: &Rule, node: &mut Node) {
        match (&rule.shape, &mut node.content) {
            (Shape::Boolean, Content::Boolean(_)) | (_, Content::Unknown) => {}
            (Shape::Integer { minimum, maximum, allowed }, Content::Integer(number)) => {
                let number = *number;
                if !allowed.is_empty() && !allowed.contains(&number) {
                    let nearest = allowed.iter().min_by_key(|allowed| allowed.abs_diff(number));
                    let nearest = nearest.map(ToString::to_string);
                    self.not_allowed(node, &number.to_string(), nearest.as_deref(), &numbers(allowed));
                } else if number < *minimum || number > *maximum {
                    self.out_of_range(node, number, *minimum, *maximum);
                }
            }
            (Shape::Text { allowed, pattern, longest }, Content::Text(text)) => {
                let text = std::mem::take(text);
                self.text(node, &text, allowed, pattern.as_ref(), *longest);
                node.content = Content::Text(text);
            }
            (Shape::List { items, fewest }, Content::List(nodes)) => {
                let few = nodes.len() < *fewest;
                for (index, item) in nodes.iter_mut().enumerate() {
                    self.enter(&index.to_string(), |checker| checker.check(items, item));
                }
                if few {
                    self.mistake(node, "the list is empty", "at least one value is needed");
                }
            }
            (Shape::Table { fields, others, names }, Content::Table(_)) => {
                self.table(node, fields, others.as_deref(), names.as_ref());
            }
            (shape, _) => self.wrong_type(node, &[shape]),
        }
    }

    fn text(
        &mut self,
        node: &Node,
        text: &str,
        allowed: &[String],
        pattern: Option<&Pattern>,
        longest: usize,
    ) {
        if !allowed.is_empty() && !allowed.iter().any(|allowed| allowed == text) {
            let allowed = || allowed.iter().map(String::as_str);
            self.not_allowed(node, text, words::nearest(text, allowed()), &words::list(allowed()));
        } else if let Some(pattern) = pattern.filter(|pattern| !pattern.regex.is_match(text)) {
            let message = format!("`{}` does not fit", words::excerpt(text));
            self.mistake(node, &message, &format!("must be {}", pattern.words));
        } else if text.chars().count() > longest {
            self.mistake(node, "the text is too long", &format!("at most {longest} characters"));
        }
    }

    fn table(
        &mut self,
        node: &mut Node,
        fields: &IndexMap<String, Field>,
        others: Option<&Rule>,
        names: Option<&Pattern>,
    ) {
        let span = node.span.clone();
        let Content::Table(table) = &mut node.content else { return };
        for (key, entry) in &mut *table {
            match (fields.get(key), others) {
                _ if self.findings.is_full() => return,
                (Some(field), _) => self.enter(key, |checker| checker.check(&field.rule, &mut entry.node)),
                (None, Some(rule)) => {
                    if let Some(names) = names.filter(|names| !names.regex.is_match(key)) {
                        self.enter(key, |checker| checker.bad_name(entry.key.clone(), key, names));
                    }
                    self.enter(key, |checker| checker.check(rule, &mut entry.node));
                }
                (None, None) => {
                    let diagnostic = self.unknown_key(key, entry.key.clone(), fields);
                    self.enter(key, |checker| checker.findings.add(&checker.path, diagnostic));
                }
            }
        }
        for (key, field) in fields.iter().filter(|(key, field)| field.required && !table.contains_key(*key)) {
            self.missing(key, field, span.clone());
        }
    }

    /// Checks against the branch that was probably meant: of those that take this type of value the one that fits.
    fn either(&mut self, branches: &[Rule], node: &mut Node) {
        let exact = branches.iter().filter(|branch| takes(&branch.shape, &node.content));
        let loose = branches.iter().filter(|branch| converted(&branch.shape, node).is_some());
        let mut candidates: Vec<&Rule> = exact.chain(loose).collect();
        // Of several tables the one is meant that knows most of the keys.
        candidates.sort_by_key(|branch| std::cmp::Reverse(n_known(&branch.shape, node)));
        let fits = candidates.iter().find_map(|branch| self.attempt(branch, node));
        if let Some(fitting) = fits {
            *node = fitting;
        } else if let Some(branch) = candidates.first() {
            let before = self.findings.diagnostics.len();
            self.check(branch, node);
            let others = branches.iter().filter(|other| !std::ptr::eq(*other, *branch));
            let others: Vec<String> = others.map(|other| describe(&other.shape)).collect();
            for diagnostic in &mut self.findings.diagnostics[before..] {
                if diagnostic.span.as_ref() == Some(&node.span)
                    && node.table().is_none()
                    && !others.is_empty()
                {
                    diagnostic.help.push(format!("or {}", others.join(", or ")));
                }
            }
        } else {
            let shapes: Vec<&Shape> = branches.iter().map(|branch| &branch.shape).collect();
            self.wrong_type(node, &shapes);
        }
    }

    /// The value as the branch takes it, if it fits.
    fn attempt(&self, branch: &Rule, node: &Node) -> Option<Node> {
        let mut attempt = node.clone();
        let mut findings = Findings::default();
        Checker { findings: &mut findings, path: self.path.clone() }.check(branch, &mut attempt);
        findings.diagnostics.is_empty().then_some(attempt)
    }

    /// Walks into the value of `key`.
    fn enter(&mut self, key: &str, walk: impl FnOnce(&mut Self)) {
        self.path.push(key.to_owned());
        walk(self);
        self.path.pop();
    }

    fn add(&mut self, diagnostic: Diagnostic) {
        self.findings.add(&self.path, diagnostic);
    }

    /// A mistake in a value, said together with where it stands.
    fn value(&self, node: &Node, what: &str) -> Diagnostic {
        Diagnostic::at(node.span.clone(), format!("`{}`: {what}", words::path(&self.path)))
    }

    fn mistake(&mut self, node: &Node, what: &str, label: &str) {
        self.add(self.value(node, what).label(label));
    }

    fn wrong_type(&mut self, node: &Node, shapes: &[&Shape]) {
        let names: Vec<&str> = shapes.iter().map(|shape| name(shape)).collect();
        let expected = words::either(&names);
        let what = format!("expected {expected}, found {}", words::kind(node));
        let diagnostic = self.value(node, &what).label(format!("expected {expected}"));
        let diagnostic = match self.advice(node, shapes) {
            Some(advice) => diagnostic.help(advice),
            None => diagnostic,
        };
        self.add(diagnostic);
    }

    /// How a value of the wrong type is put right.
    fn advice(&self, node: &Node, shapes: &[&Shape]) -> Option<String> {
        let wants = |wanted: fn(&Shape) -> bool| shapes.iter().any(|shape| wanted(shape));
        let path = words::path(&self.path);
        match &node.content {
            Content::Text(text) if text.contains("${") => {
                Some("a reference or a sensitive variable can only stand where text is expected".to_owned())
            }
            Content::Text(text) if shapes.iter().any(|shape| literal(shape, text).is_some()) => {
                Some(format!("write it without quotes: `{text}`"))
            }
            Content::Text(_) if wants(|shape| matches!(shape, Shape::Boolean)) => {
                Some("write `true` or `false`, without quotes".to_owned())
            }
            Content::Integer(number) if wants(|shape| matches!(shape, Shape::Text { .. })) => {
                Some(format!("write it in quotes: `\"{number}\"`"))
            }
            Content::Float(_) | Content::Boolean(_) | Content::Datetime
                if wants(|shape| matches!(shape, Shape::Text { .. })) =>
            {
                Some("write it in quotes".to_owned())
            }
            Content::Table(_) if wants(|shape| matches!(shape, Shape::List { .. })) => {
                Some(format!("each table of a list has a header in double brackets: `[[{path}]]`"))
            }
            _ if wants(|shape| matches!(shape, Shape::List { .. })) => {
                Some("write it in brackets, as a list".to_owned())
            }
            _ => match self.path.as_slice() {
                [kind, _] if Kind::from_table(kind).is_some() => {
                    Some(format!("a resource has a name, and its keys stand under it: `[{kind}.NAME]`"))
                }
                _ => None,
            },
        }
    }

    fn not_allowed(&mut self, node: &Node, value: &str, nearest: Option<&str>, allowed: &str) {
        let what = format!("`{}` is not allowed", words::excerpt(value));
        let mut diagnostic = self.value(node, &what).label("not allowed");
        if let Some(nearest) = nearest {
            diagnostic = diagnostic.help(format!("did you mean `{nearest}`?"));
        }
        self.add(diagnostic.help(format!("allowed: {allowed}")));
    }

    fn out_of_range(&mut self, node: &Node, number: i64, minimum: i64, maximum: i64) {
        let range = match (minimum, maximum) {
            (i64::MIN, maximum) => format!("must be at most {maximum}"),
            (minimum, maximum) if maximum >= i64::from(u32::MAX) => format!("must be at least {minimum}"),
            (minimum, maximum) => format!("must be between {minimum} and {maximum}"),
        };
        self.mistake(node, &format!("{number} is out of range"), &range);
    }

    fn bad_name(&mut self, span: Range<usize>, key: &str, names: &Pattern) {
        let message = format!("`{}` cannot be a name", words::excerpt(key));
        let diagnostic = Diagnostic::at(span, message).label(format!("must be {}", names.words));
        let plain = key.to_lowercase().replace([' ', '.', '/'], "-");
        let suggestion = names.regex.is_match(&plain).then(|| format!("did you mean `{plain}`?"));
        self.add(Diagnostic { help: suggestion.into_iter().collect(), ..diagnostic });
    }

    fn unknown_key(&self, key: &str, span: Range<usize>, fields: &IndexMap<String, Field>) -> Diagnostic {
        let shown = words::excerpt(key);
        let message = match words::path(&self.path) {
            root if root.is_empty() => format!("unknown key `{shown}`"),
            path => format!("unknown key `{shown}` in `{path}`"),
        };
        let mut diagnostic = Diagnostic::at(span, message).label("unknown key");
        if let Some(nearest) = words::nearest(key, fields.keys().map(String::as_str)) {
            diagnostic = diagnostic.help(format!("did you mean `{nearest}`?"));
        }
        if self.path.is_empty() && (key == "listener" || key == "rule") {
            diagnostic =
                diagnostic.help(format!("a {key} stands in its load balancer: `[alb.NAME.listener.NAME]`"));
        }
        diagnostic.help(format!("known keys: {}", words::list(fields.keys().map(String::as_str))))
    }

    fn missing(&mut self, key: &str, field: &Field, table: Range<usize>) {
        let diagnostic = if self.path.is_empty() {
            Diagnostic::whole(format!("the file has no `[{key}]`"))
        } else {
            let message = format!("`{}` needs `{key}`", words::path(&self.path));
            Diagnostic::at(table, message).label(format!("`{key}` is missing"))
        };
        let description = field.rule.description.as_deref().map(|text| format!("`{key}`: {text}"));
        self.add(Diagnostic { help: description.into_iter().collect(), ..diagnostic });
    }
}

/// Whether a value's type is the shape's.
fn takes(shape: &Shape, content: &Content) -> bool {
    matches!(
        (shape, content),
        (Shape::Anything, _)
            | (_, Content::Unknown)
            | (Shape::Boolean, Content::Boolean(_))
            | (Shape::Integer { .. }, Content::Integer(_))
            | (Shape::Text { .. }, Content::Text(_))
            | (Shape::List { .. }, Content::List(_))
            | (Shape::Table { .. }, Content::Table(_))
    )
}

/// How many keys of a table the shape knows, with a value of their type.
fn n_known(shape: &Shape, node: &Node) -> usize {
    let (Shape::Table { fields, .. }, Some(table)) = (shape, node.table()) else { return 0 };
    let is_known = |(key, content): (&String, &Content)| {
        fields.get(key).is_some_and(|field| match &field.rule.shape {
            Shape::Either(branches) => branches.iter().any(|branch| takes(&branch.shape, content)),
            shape => takes(shape, content),
        })
    };
    table.iter().map(|(key, entry)| (key, &entry.node.content)).filter(|known| is_known(*known)).count()
}

/// The number or boolean that `text` spells, where the shape takes one.
fn literal(shape: &Shape, text: &str) -> Option<Content> {
    match shape {
        Shape::Integer { .. } => text.parse().ok().map(Content::Integer),
        Shape::Boolean => text.parse().ok().map(Content::Boolean),
        _ => None,
    }
}

/// What the text of a variable becomes where the shape takes no text.
fn converted(shape: &Shape, node: &Node) -> Option<Content> {
    match &node.content {
        Content::Text(text) if node.loose => literal(shape, text),
        _ => None,
    }
}

fn convert(shape: &Shape, node: &mut Node) {
    if let Some(content) = converted(shape, node) {
        node.content = content;
    }
}

/// What a value of this shape is called.
const fn name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Anything | Shape::Either(_) => "a value",
        Shape::Boolean => "a boolean",
        Shape::Integer { .. } => "a whole number",
        Shape::Text { .. } => "a string",
        Shape::List { .. } => "a list",
        Shape::Table { .. } => "a table",
    }
}

/// What would be allowed, as help.
fn describe(shape: &Shape) -> String {
    match shape {
        Shape::Text { allowed, .. } if !allowed.is_empty() => words::list(allowed.iter().map(String::as_str)),
        Shape::Text { pattern: Some(pattern), .. } => pattern.words.to_owned(),
        Shape::Integer { allowed, .. } if !allowed.is_empty() => format!("a number: {}", numbers(allowed)),
        Shape::Table { fields, .. } if !fields.is_empty() => {
            // Of many keys those are told that must be there.
            let many = fields.len() > 6 && fields.values().any(|field| field.required);
            let told = fields.iter().filter(|(_, field)| !many || field.required);
            format!("a table with {}", words::list(told.map(|(key, _)| key.as_str())))
        }
        shape => name(shape).to_owned(),
    }
}

fn numbers(allowed: &[i64]) -> String {
    let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    words::list(allowed.iter().map(String::as_str))
}
