//! The values of sensitive variables, kept apart from everything that is shown, logged or saved.

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

    /// `text` without the values: AWS quotes what it does not like.
    pub fn redact(&self, mut text: String) -> String {
        for value in self.0.values().filter(|value| !value.is_empty()) {
            if text.contains(value) {
                text = text.replace(value, "(sensitive)");
            }
        }
        text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_without_the_values_in_it() {
        let secrets = Secrets::new(
            [("a", "hunter2"), ("b", "")].map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        );
        assert_eq!(secrets.redact("`hunter2` and hunter".to_owned()), "`(sensitive)` and hunter");
    }

    #[test]
    fn debug_output_shows_names_and_no_values() {
        let secrets = Secrets::new(BTreeMap::from([("token".to_owned(), "hunter2".to_owned())]));
        assert_eq!(format!("{secrets:?}"), r#"{"token"}"#);
        assert_eq!(secrets.get("token"), Some("hunter2"));
    }
}
