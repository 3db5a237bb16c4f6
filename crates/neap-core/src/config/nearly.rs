//! References that are nearly written: without their end, with spaces, or without `var.`.
//!
//! Decides which of them are mistakes, since all else that is no reference is taken as it stands: a shell's `${HOME}`, IAM's
//! `${aws:username}`. Must not know which field a string is for.

use std::ops::Range;

use super::diagnostic::{Diagnostic, Findings};
use super::tree::{Content, Node};
use super::words;
use crate::address::Address;
use crate::reference::Reference;

/// Looks through every string of a file whose variables have been replaced. What is in a default is found where it is used.
pub(crate) fn check(root: &Node, text: &str, findings: &mut Findings) {
    let Some(table) = root.table() else { return };
    let variables = root.get("var").and_then(Node::table);
    let variables = variables.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let mut search = Search { text, variables, findings, path: Vec::new() };
    for (key, entry) in table.iter().filter(|(key, _)| *key != "var") {
        search.enter(key, &entry.node);
    }
}

struct Search<'a> {
    text: &'a str,
    variables: Vec<&'a str>,
    findings: &'a mut Findings,
    path: Vec<String>,
}

impl Search<'_> {
    fn enter(&mut self, key: &str, node: &Node) {
        self.path.push(key.to_owned());
        match &node.content {
            _ if self.findings.is_full() => {}
            Content::Text(string) if string.contains("${") => self.string(string, &node.span),
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.enter(&index.to_string(), item);
                }
            }
            Content::Table(table) => {
                for (key, entry) in table {
                    self.enter(key, &entry.node);
                }
            }
            _ => {}
        }
        self.path.pop();
    }

    fn string(&mut self, string: &str, span: &Range<usize>) {
        let mut at = 0;
        while let Some(start) = string[at..].find("${").map(|offset| at + offset) {
            at = start + 2;
            if string[..start].ends_with('$') {
                continue;
            }
            let Some(end) = string[at..].find('}').map(|offset| at + offset) else {
                self.open(&string[start..], span);
                return;
            };
            self.closed(&string[start..=end], &string[at..end], span);
        }
    }

    /// A `${` after which no `}` comes.
    fn open(&mut self, written: &str, span: &Range<usize>) {
        let of_reference = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let inner: String = written[2..].trim_start().chars().take_while(|c| of_reference(*c)).collect();
        let diagnostic =
            Diagnostic::at(self.narrow(written, span), format!("`{}` has no `}}`", words::excerpt(written)))
                .label("a reference without an end");
        let diagnostic = match self.meant(&inner) {
            Some(meant) => diagnostic.help(format!("write `${{{meant}}}`")),
            None => diagnostic,
        };
        self.findings.add(&self.path, diagnostic.help("for the text itself write `$${`"));
    }

    fn closed(&mut self, written: &str, inner: &str, span: &Range<usize>) {
        let Some(meant) = self.meant(inner.trim()).filter(|meant| meant != inner) else { return };
        let message = format!("`{written}` is no reference");
        let label =
            if inner == inner.trim() { "a variable is meant by `var.`" } else { "there are spaces in it" };
        let diagnostic = Diagnostic::at(self.narrow(written, span), message)
            .label(label)
            .help(format!("write `${{{meant}}}`"))
            .help(format!("for the text itself write `${written}`"));
        self.findings.add(&self.path, diagnostic);
    }

    /// The reference that `inner` was probably meant to be.
    fn meant(&self, inner: &str) -> Option<String> {
        if self.variables.contains(&inner) {
            return Some(format!("var.{inner}"));
        }
        let is_reference = Reference::parse(inner).is_some() || inner.parse::<Address>().is_ok();
        is_reference.then(|| inner.to_owned())
    }

    /// The place of `written` within its string, where the file writes it without escapes.
    fn narrow(&self, written: &str, span: &Range<usize>) -> Range<usize> {
        match self.text.get(span.clone()).and_then(|string| string.find(written)) {
            Some(offset) => span.start + offset..span.start + offset + written.len(),
            None => span.clone(),
        }
    }
}
