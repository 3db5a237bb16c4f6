//! Places in a stack file, as paths of keys, and the mistakes that are reported there.
//!
//! Decides how a place is built up while tables are walked. Must not know where it stands in the text.

use std::collections::BTreeSet;

use crate::config::{Mistake, words};

/// A place in a stack file: keys and list indexes from the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place(Vec<String>);

impl Place {
    /// The table of the resource `name` of `kind`, or of the file's table `kind`.
    pub(super) fn of(kind: &str, name: &str) -> Self {
        Self(vec![kind.to_owned(), name.to_owned()])
    }

    /// The place of a table of the file that holds no resources by name.
    pub(super) fn table(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// The place of `key` in this table.
    pub(super) fn at(&self, key: &str) -> Self {
        let mut path = self.0.clone();
        path.push(key.to_owned());
        Self(path)
    }

    /// The place of one item of this list.
    pub(super) fn item(&self, index: usize) -> Self {
        self.at(&index.to_string())
    }

    /// The keys from the root.
    pub(super) fn path(&self) -> &[String] {
        &self.0
    }
}

/// A mistake to which a label and help may still be added.
pub(super) struct Report<'mistake>(pub(super) &'mistake mut Mistake);

impl Report<'_> {
    /// Adds what stands beside the mark.
    pub(super) fn label(self, label: impl Into<String>) -> Self {
        self.0.label = Some(label.into());
        self
    }

    /// Adds a line of help.
    pub(super) fn help(self, help: impl Into<String>) -> Self {
        self.0.help.push(help.into());
        self
    }

    /// Adds the question whether the nearest of `known` was meant, where one is near.
    pub(super) fn nearest<'name>(self, name: &str, known: impl IntoIterator<Item = &'name str>) -> Self {
        match words::nearest(name, known) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// Marks the key rather than its value.
    pub(super) fn on_key(self) -> Self {
        self.0.on_key = true;
        self
    }
}

/// The names in backticks, with commas.
pub(super) fn quoted<T: std::fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Ports in words, after what they are about.
pub(super) fn on_ports(ports: &BTreeSet<u16>) -> String {
    let words: Vec<String> = ports.iter().map(ToString::to_string).collect();
    match words.as_slice() {
        [] => String::new(),
        [port] => format!(" on port {port}"),
        [first @ .., last] => format!(" on ports {} and {last}", first.join(", ")),
    }
}
