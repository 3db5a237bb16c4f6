//! What differs between what is desired and what is live, field by field.
//!
//! One walk over two serialised trees, steered by a [`FieldPolicy`]. Values that must not be seen (sensitive
//! variables, live environment values that the stack no longer sets) are replaced here, so that nothing which
//! shows, saves or logs a change can leak them. Must not know kinds, nor how references are resolved.

mod mask;

use serde_json::{Map, Value};

use crate::config::Secrets;
use crate::kinds::{FieldPolicy, KindOf};
use crate::plan::FieldChange;
use crate::reference::{self, Reference, Resolved};

pub use mask::{NOT_SHOWN, SENSITIVE, is_secret, mask};

/// Tags have no fields that replace, hide or ignore anything.
const TAGS: FieldPolicy =
    FieldPolicy { replace: &[], ignore_unset: &[], unordered: &[], documents: &[], hidden: &[] };

/// The fields in which `desired` and `live` differ, in the order of `desired`.
///
/// Strings of `desired` may hold references; sensitive variables are compared by their value and shown as they are
/// written. A null, an empty list, an empty map and a missing member are all the same.
pub fn diff(desired: &Value, live: &Value, policy: &FieldPolicy, secrets: &Secrets) -> Vec<FieldChange> {
    let mut walk = Walk { policy, secrets, path: Vec::new(), changes: Vec::new() };
    walk.visit(&Pair::new(desired, live, secrets).sides());
    walk.changes
}

/// Whether nothing would be changed of `live` to make it `desired`, in which no reference stands for a value any more.
pub fn are_alike<T: KindOf>(desired: &T, live: &T) -> bool {
    let fields = |of: &T| serde_json::to_value(of).expect("fields are plain data");
    diff(&fields(desired), &fields(live), &T::POLICY, &Secrets::default()).is_empty()
}

/// Every field of `desired`, as a resource that does not exist yet would get it.
pub fn creation(desired: &Value, policy: &FieldPolicy) -> Vec<FieldChange> {
    let mut changes = diff(desired, &Value::Null, policy, &Secrets::default());
    for change in &mut changes {
        change.forces_replacement = false;
    }
    changes
}

/// The tags in which `desired` and `live` differ. Those that AWS or neap itself keeps are left alone.
pub fn diff_tags(
    desired: &std::collections::BTreeMap<String, String>,
    live: &std::collections::BTreeMap<String, String>,
    secrets: &Secrets,
) -> Vec<FieldChange> {
    let tree = |tags: &std::collections::BTreeMap<String, String>| {
        let compared = tags.iter().filter(|(key, _)| is_compared_tag(key));
        let members: Map<String, Value> =
            compared.map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect();
        Value::Object(Map::from_iter([("tags".to_owned(), Value::Object(members))]))
    };
    diff(&tree(desired), &tree(live), &TAGS, secrets)
}

fn is_compared_tag(key: &str) -> bool {
    let foreign = ["aws:", "ecs:", "AmazonECSManaged"];
    key != crate::desired::TAG_SPEC
        && key != crate::desired::TAG_LIMITS
        && !crate::files::is_note(key)
        && !foreign.iter().any(|prefix| key.starts_with(prefix))
}

/// The three trees of one comparison. All of the desired side's have the same shape.
struct Pair<'a> {
    /// As the stack writes it.
    shown: Value,
    /// With the values of sensitive variables.
    compared: Value,
    live: &'a Value,
    /// Before escapes were taken out: only here a reference can be told from text that looks like one.
    raw: &'a Value,
}

impl<'a> Pair<'a> {
    fn new(desired: &'a Value, live: &'a Value, secrets: &Secrets) -> Self {
        let value = |reference: &Reference| match reference {
            Reference::Variable(name) => {
                secrets.get(name).map_or(Resolved::Unknown, |value| Resolved::One(value.to_owned()))
            }
            Reference::Output(..) | Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => {
                Resolved::Unknown
            }
        };
        let shown = reference::substitute(desired, &|_| Resolved::Unknown);
        let compared = reference::substitute(desired, &value);
        Self { shown, compared, live, raw: desired }
    }

    fn sides(&self) -> Sides<'_> {
        Sides { raw: self.raw, shown: &self.shown, compared: &self.compared, live: self.live }
    }
}

/// The same place in all trees.
#[derive(Clone, Copy)]
struct Sides<'a> {
    raw: &'a Value,
    shown: &'a Value,
    compared: &'a Value,
    live: &'a Value,
}

static NOTHING: Value = Value::Null;

impl<'a> Sides<'a> {
    fn member(self, key: &str) -> Self {
        let member = |value: &'a Value| value.get(key).unwrap_or(&NOTHING);
        Self {
            raw: member(self.raw),
            shown: member(self.shown),
            compared: member(self.compared),
            live: member(self.live),
        }
    }

    fn item(self, index: usize) -> Self {
        let item = |value: &'a Value| value.get(index).unwrap_or(&NOTHING);
        Self {
            raw: item(self.raw),
            shown: item(self.shown),
            compared: item(self.compared),
            live: item(self.live),
        }
    }
}

/// Whether `value` says no more than its absence would.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_nothing),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

struct Walk<'a> {
    policy: &'a FieldPolicy,
    secrets: &'a Secrets,
    /// Member names and list indexes (`[0]`) from the root.
    path: Vec<String>,
    changes: Vec<FieldChange>,
}

impl Walk<'_> {
    fn visit(&mut self, sides: &Sides<'_>) {
        if self.starts_in(self.policy.hidden) {
            return;
        }
        if sides.raw.is_null() && self.is_one_of(self.policy.ignore_unset) {
            return;
        }
        if sides.compared == sides.live || self.canonical(sides.compared) == self.canonical(sides.live) {
            return;
        }
        if self.is_one_of(self.policy.documents) {
            return self.report(sides, true);
        }
        match (sides.compared, sides.live) {
            (Value::Object(desired), Value::Object(live)) => {
                let only_live = live.keys().filter(|key| !desired.contains_key(*key));
                self.members(desired.keys().chain(only_live), sides);
            }
            (Value::Object(desired), live) if is_nothing(live) => self.members(desired.keys(), sides),
            (desired, Value::Object(live)) if is_nothing(desired) => self.members(live.keys(), sides),
            (Value::Array(_), Value::Array(_)) => self.lists(sides),
            (Value::Array(_), live) if is_nothing(live) => self.lists(sides),
            (desired, Value::Array(_)) if is_nothing(desired) => self.lists(sides),
            _ => self.report(sides, false),
        }
    }

    fn members<'key>(&mut self, keys: impl Iterator<Item = &'key String>, sides: &Sides<'_>) {
        for key in keys {
            self.path.push(key.clone());
            self.visit(&sides.member(key));
            self.path.pop();
        }
    }

    fn lists(&mut self, sides: &Sides<'_>) {
        let empty = Vec::new();
        let desired = sides.compared.as_array().unwrap_or(&empty);
        let live = sides.live.as_array().unwrap_or(&empty);
        let structures = desired.iter().chain(live).any(Value::is_object);
        if !structures {
            self.report(sides, false);
        } else if self.is_one_of(self.policy.unordered) {
            self.items(sides, desired, live);
        } else if desired.len() == live.len() {
            for index in 0..desired.len() {
                self.path.push(format!("[{index}]"));
                self.visit(&sides.item(index));
                self.path.pop();
            }
        } else {
            self.report(sides, true);
        }
    }

    /// Reports the items of unordered lists of structures that only one side has.
    fn items(&mut self, sides: &Sides<'_>, desired: &[Value], live: &[Value]) {
        let mut left: Vec<Value> = desired.iter().map(|item| self.canonical(item)).collect();
        for (index, item) in live.iter().enumerate() {
            let canonical = self.canonical(item);
            if let Some(same) = left.iter().position(|other| *other == canonical) {
                left.swap_remove(same);
                continue;
            }
            let before = mask::masked_item(sides.raw, sides.compared, &live[index], self.secrets);
            self.push_item(&before, &NOTHING);
        }
        let mut old: Vec<Value> = live.iter().map(|item| self.canonical(item)).collect();
        for (index, item) in desired.iter().enumerate() {
            let canonical = self.canonical(item);
            match old.iter().position(|other| *other == canonical) {
                Some(same) => drop(old.swap_remove(same)),
                None => self.push_item(&NOTHING, sides.item(index).shown),
            }
        }
    }

    fn report(&mut self, sides: &Sides<'_>, document: bool) {
        let live = mask::masked(&self.path, sides.raw, sides.compared, sides.live, self.secrets);
        self.push(&live, sides.shown, document);
    }

    /// A change of one item of the list at the current path.
    fn push_item(&mut self, before: &Value, after: &Value) {
        self.path.push("[]".to_owned());
        self.push(before, after, false);
        self.path.pop();
    }

    fn push(&mut self, before: &Value, after: &Value, document: bool) {
        let shown = |value: &Value| {
            let value = reduced(value, self.policy, &mut self.path.clone(), Keys::AsWritten);
            (!value.is_null()).then_some(value)
        };
        let (before, after) = (shown(before), shown(after));
        let forces_replacement = self.starts_in(self.policy.replace);
        let path = self.path.join(".").replace(".[]", "").replace(".[", "[");
        self.changes.push(FieldChange { path, before, after, forces_replacement, document });
    }

    /// Whether one of `patterns` means exactly this place.
    fn is_one_of(&self, patterns: &[&str]) -> bool {
        patterns.iter().any(|pattern| matches(pattern, &self.path))
    }

    /// Whether one of `patterns` means this place or one around it.
    fn starts_in(&self, patterns: &[&str]) -> bool {
        (1..=self.path.len())
            .any(|length| patterns.iter().any(|pattern| matches(pattern, &self.path[..length])))
    }

    /// A form of `value`, which stands at the current path, that is equal for equal meanings.
    fn canonical(&self, value: &Value) -> Value {
        reduced(value, self.policy, &mut self.path.clone(), Keys::Sorted)
    }
}

/// The order of a map's members in a reduced value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    AsWritten,
    Sorted,
}

/// `value` without members that say nothing, and with lists whose order means nothing in one order.
fn reduced(value: &Value, policy: &FieldPolicy, path: &mut Vec<String>, keys: Keys) -> Value {
    match value {
        Value::Array(items) => {
            path.push("[]".to_owned());
            let mut items: Vec<Value> = items.iter().map(|item| reduced(item, policy, path, keys)).collect();
            path.pop();
            if policy.unordered.iter().any(|pattern| matches(pattern, path)) {
                items.sort_by_cached_key(|item| {
                    reduced(item, policy, &mut Vec::new(), Keys::Sorted).to_string()
                });
            }
            if items.is_empty() { Value::Null } else { Value::Array(items) }
        }
        Value::Object(members) => {
            let mut kept: Vec<(&String, Value)> = Vec::with_capacity(members.len());
            for (key, member) in members {
                path.push(key.clone());
                let member = reduced(member, policy, path, keys);
                path.pop();
                if !member.is_null() {
                    kept.push((key, member));
                }
            }
            if keys == Keys::Sorted {
                kept.sort_by_key(|(key, _)| *key);
            }
            let kept = kept.into_iter().map(|(key, member)| (key.clone(), member));
            let members: Map<String, Value> = kept.collect();
            if members.is_empty() { Value::Null } else { Value::Object(members) }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Whether `pattern` means the place `path`: its names in order, list indexes and map keys between them left out.
fn matches(pattern: &str, path: &[String]) -> bool {
    let Some((last, around)) = path.split_last() else { return false };
    let Some((head, name)) = pattern.rsplit_once('.') else { return around.is_empty() && last == pattern };
    let mut names = head.split('.');
    let first = names.next();
    if last != name || around.first().map(String::as_str) != first {
        return false;
    }
    let mut rest = around[1..].iter();
    names.all(|name| rest.any(|part| part == name))
}

#[cfg(test)]
mod tests;
