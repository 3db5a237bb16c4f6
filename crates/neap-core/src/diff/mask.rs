//! What of a live value may be seen.
//!
//! Decides what stands in the place of a live value that is, or may be, a secret. Must not decide what differs.

use serde_json::{Map, Value};

use crate::config::Secrets;
use crate::plan::FieldChange;
use crate::reference::{self, Reference};

/// Stands for a live value whose desired counterpart holds a sensitive variable.
pub const SENSITIVE: &str = "(sensitive)";
/// Stands for a live value of a map that often holds secrets, where the stack does not say what it should be.
pub const NOT_SHOWN: &str = "(not shown)";

/// Maps whose values often are secrets: of a container's environment and log driver, and of an origin's headers.
const CONFIDING: [&str; 3] = ["env", "headers", "options"];

/// Secrets shorter than this are found only where they are a whole string: a longer string may hold them by chance.
const FINDABLE: usize = 4;

/// `live`, the fields of a resource whose desired fields are `desired`, without what must not be seen: where it has
/// the value of a sensitive variable, the reference stands in its place.
pub fn mask(desired: &Value, live: &Value, secrets: &Secrets) -> Value {
    let compared = super::Pair::new(desired, live, secrets).compared;
    if compared == *live && !holds_variable(desired) {
        return live.clone();
    }
    masked(&[], desired, &compared, live, secrets)
}

/// `live` as it may be seen at `path`, beside its desired counterpart as written and as compared.
pub(super) fn masked(
    path: &[String],
    raw: &Value,
    compared: &Value,
    live: &Value,
    secrets: &Secrets,
) -> Value {
    let names = path.iter().filter(|name| !name.starts_with('['));
    let inside = names.rev().nth(1).is_some_and(|name| CONFIDING.contains(&name.as_str()));
    let itself = path.last().is_some_and(|name| CONFIDING.contains(&name.as_str()));
    Mask { secrets }.value(raw, compared, live, Place { inside, itself })
}

/// One live item of an unordered list, none of whose desired items it equals.
pub(super) fn masked_item(raw: &Value, compared: &Value, live: &Value, secrets: &Secrets) -> Value {
    let mask = Mask { secrets };
    if holds_variable(raw) {
        mask.all(live)
    } else {
        mask.value(&Value::Null, compared, live, Place::default())
    }
}

/// Where a value stands among maps that often hold secrets.
#[derive(Clone, Copy, Default)]
struct Place {
    /// It is a member of one.
    inside: bool,
    /// It is one.
    itself: bool,
}

struct Mask<'a> {
    secrets: &'a Secrets,
}

impl Mask<'_> {
    fn value(&self, raw: &Value, compared: &Value, live: &Value, place: Place) -> Value {
        match live {
            Value::String(text) => Value::String(self.text(raw, compared, text, place)),
            Value::Array(items) => {
                let item = |(index, item)| self.item(raw, compared, index, item);
                Value::Array(items.iter().enumerate().map(item).collect())
            }
            Value::Object(members) => Value::Object(self.members(raw, compared, members, place)),
            Value::Null | Value::Bool(_) | Value::Number(_) => live.clone(),
        }
    }

    fn members(
        &self,
        raw: &Value,
        compared: &Value,
        members: &Map<String, Value>,
        place: Place,
    ) -> Map<String, Value> {
        let nothing = Value::Null;
        let member = |(key, live): (&String, &Value)| {
            let raw = raw.get(key).unwrap_or(&nothing);
            let compared = compared.get(key).unwrap_or(&nothing);
            let place = Place { inside: place.itself, itself: CONFIDING.contains(&key.as_str()) };
            (key.clone(), self.value(raw, compared, live, place))
        };
        members.iter().map(member).collect()
    }

    fn item(&self, raw: &Value, compared: &Value, index: usize, live: &Value) -> Value {
        let raws = raw.as_array().map_or(&[][..], Vec::as_slice);
        let compareds = compared.as_array().map_or(&[][..], Vec::as_slice);
        // Order may mean nothing here, so an item is at home wherever its equal stands.
        let same = compareds.iter().position(|item| item == live);
        let beside = (index < raws.len() && live.is_object()).then_some(index);
        match same.or(beside) {
            Some(at) => self.value(&raws[at], &compareds[at], live, Place::default()),
            // Items may have moved, so any that is not in the desired list may be the old secret.
            None if holds_variable(raw) => self.all(live),
            None => self.value(&Value::Null, &Value::Null, live, Place::default()),
        }
    }

    fn text(&self, raw: &Value, compared: &Value, live: &str, place: Place) -> String {
        if holds_variable(raw) {
            return match raw {
                Value::String(text) if compared.as_str() == Some(live) => text.clone(),
                _ => SENSITIVE.to_owned(),
            };
        }
        if place.inside && raw.is_null() {
            return NOT_SHOWN.to_owned();
        }
        if self.is_secret(live) { SENSITIVE.to_owned() } else { live.to_owned() }
    }

    /// Whether `live` is, or contains, the value of a sensitive variable, wherever it stands.
    fn is_secret(&self, live: &str) -> bool {
        let mut values = self.secrets.names().filter_map(|name| self.secrets.get(name));
        values.any(|value| {
            !value.is_empty() && (live == value || value.len() >= FINDABLE && live.contains(value))
        })
    }

    /// `live` without any of its strings.
    fn all(&self, live: &Value) -> Value {
        match live {
            Value::String(_) => Value::String(SENSITIVE.to_owned()),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.all(item)).collect()),
            Value::Object(members) => {
                Value::Object(members.iter().map(|(key, member)| (key.clone(), self.all(member))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => live.clone(),
        }
    }
}

/// Whether a sensitive variable stands anywhere in `raw`.
fn holds_variable(raw: &Value) -> bool {
    reference::in_value(raw).iter().any(|(_, reference)| matches!(reference, Reference::Variable(_)))
}

/// Whether all that differs in a field is the value of a sensitive variable.
pub fn is_secret(field: &FieldChange) -> bool {
    only_secrets(field.before.as_ref().unwrap_or(&Value::Null), field.after.as_ref().unwrap_or(&Value::Null))
}

fn only_secrets(before: &Value, after: &Value) -> bool {
    let of = |members: &Map<String, Value>, key: &str| members.get(key).cloned().unwrap_or_default();
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let mut keys = before.keys().chain(after.keys());
            keys.all(|key| only_secrets(&of(before, key), &of(after, key)))
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            before.iter().zip(after).all(|(before, after)| only_secrets(before, after))
        }
        _ if before == after => true,
        (_, Value::String(after)) => {
            let mut references = reference::in_text(after).into_iter();
            references.any(|reference| matches!(reference, Reference::Variable(_)))
        }
        (before, _) => *before == SENSITIVE,
    }
}
