//! From the text of `stack.toml` to what it asks for, with every mistake at its place.

pub mod lower;
pub mod shape;

use std::collections::BTreeMap;
use std::fmt;

/// The values of sensitive variables, by variable name. They never show in debug output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// The values by variable name.
    pub const fn new(values: BTreeMap<String, String>) -> Self {
        Self(values)
    }

    /// The value of the variable `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// A mistake in a stack file, at a path of keys; where that stands in the text is looked up later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Keys and list indexes from the root: `alb`, `public`, `listener`, `http`, `rule`, `0`, `forward`.
    pub path: Vec<String>,
    /// What is wrong: lower case, no period.
    pub message: String,
    /// What stands beside the mark under the place.
    pub label: Option<String>,
    /// What to do, and what would be allowed.
    pub help: Vec<String>,
    /// Whether the key is at fault rather than its value.
    pub on_key: bool,
}
