//! A plan for people: what happens to each resource, why, and to which fields.
//!
//! Must not know how plans are made. The same plan gives the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write;

use neap_core::address::Kind;
use neap_core::desired::DesiredResource;
use neap_core::kinds::Resource;
use neap_core::plan::{Action, Change, Counts, FieldChange, Mode, Plan, Reason, Step, Verb};
use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};

use super::style::{self, paint};
use super::{files, value};

/// A change of one field stands on one line up to this length.
const WIDTH: usize = 100;
/// Lines of a document around a change.
const CONTEXT: usize = 3;

/// The whole plan. With `all`, resources without change are listed too.
pub(crate) fn plan(plan: &Plan, all: bool) -> String {
    let environment = &plan.environment;
    let mut text = format!(
        "Stack {} in account {}, region {}\n\n",
        paint(style::STRONG, &plan.stack),
        environment.account,
        environment.region
    );
    let page = Page { plan, all, implied: implied_by(plan) };
    for (index, change) in plan.changes.iter().enumerate() {
        if page.parent(change).is_none() {
            page.write(&mut text, index, 0);
        }
    }
    text += &last_line(plan);
    text
}

/// One change alone, with its fields.
pub(crate) fn one(change: &Change) -> String {
    headline(change, 0, false) + &fields(change, 4, false)
}

/// The last line: how many resources each action takes.
pub(crate) fn last_line(plan: &Plan) -> String {
    let Counts { create, update, replace, delete, no_op } = plan.counts();
    if !plan.is_empty() {
        return format!(
            "{}: {create} to create, {update} to update, {replace} to replace, {delete} to delete, \
             {no_op} unchanged\n",
            paint(style::STRONG, "Plan")
        );
    }
    let no_changes = paint(style::STRONG, "No changes");
    match (plan.mode, no_op) {
        (Mode::Destroy, _) => format!("{no_changes}: nothing of stack {} is live\n", plan.stack),
        (Mode::Apply, 1) => format!("{no_changes}: 1 resource is as the stack says\n"),
        (Mode::Apply, _) => format!("{no_changes}: {no_op} resources are as the stack says\n"),
    }
}

/// The changes that stand under another, by the index of that one.
fn implied_by(plan: &Plan) -> BTreeMap<usize, Vec<usize>> {
    let mut implied = BTreeMap::<usize, Vec<usize>>::new();
    for (index, change) in plan.changes.iter().enumerate() {
        if let Some(parent) = parent(plan, change) {
            implied.entry(parent).or_default().push(index);
        }
    }
    implied
}

fn parent(plan: &Plan, change: &Change) -> Option<usize> {
    let by = &change.implied.as_ref()?.by;
    // What implies something is declared by the user, so it is implied by nothing and there can be no circle.
    let stands_for = |other: &Change| other.address == *by && other.implied.is_none();
    plan.changes.iter().position(stands_for)
}

struct Page<'plan> {
    plan: &'plan Plan,
    all: bool,
    implied: BTreeMap<usize, Vec<usize>>,
}

impl Page<'_> {
    fn parent(&self, change: &Change) -> Option<usize> {
        parent(self.plan, change)
    }

    fn implied(&self, index: usize) -> &[usize] {
        self.implied.get(&index).map_or(&[], Vec::as_slice)
    }

    fn is_shown(&self, index: usize) -> bool {
        let change = &self.plan.changes[index];
        self.all
            || change.action != Action::NoOp
            || matches!(change.reason, Reason::Settling { .. })
            || self.implied(index).iter().any(|&child| self.is_shown(child))
    }

    /// Writes the change at `index` and what it implies. Top-level changes end in a blank line.
    fn write(&self, text: &mut String, index: usize, indent: usize) {
        if !self.is_shown(index) {
            return;
        }
        let change = &self.plan.changes[index];
        let narrows = |step: &Step| step.change == index && step.verb == Verb::Narrow;
        *text += &headline(change, indent, self.plan.steps.iter().any(narrows));
        *text += &fields(change, indent + 4, self.all);
        for &child in self.implied(index) {
            self.write(text, child, indent + 4);
        }
        if indent == 0 {
            text.push('\n');
        }
    }
}

fn headline(change: &Change, indent: usize, narrows: bool) -> String {
    let Change { action, address, .. } = change;
    let style = style::of_action(*action);
    let sign = match action {
        Action::NoOp => "=",
        action => action.sign(),
    };
    let what = paint(style, &format!("{sign} {}", action.word()));
    let address = paint(style::NAME, &address.to_string());
    let implied = change.implied.as_ref().map(|implied| format!("; implied: {}", implied.reason));
    let last = if narrows { "; what it drops goes after all that relies on it has changed" } else { "" };
    let because = format!("({}{}{last}{})", because(change), rolls(change), implied.unwrap_or_default());
    format!("{:indent$}{what} {address} {}\n", "", paint(style::FAINT, &because))
}

/// How what runs is replaced, or caches are emptied, as a fragment.
fn rolls(change: &Change) -> String {
    if change.replaces_instances() {
        return "; its instances are replaced, each new one first".to_owned();
    }
    if change.forgets() {
        return "; its caches forget everything once it is deployed".to_owned();
    }
    if matches!((change.address.kind(), &change.reason), (Kind::Bucket, Reason::Destroyed)) {
        return "; with all that is in it".to_owned();
    }
    match change.bakes() {
        None => String::new(),
        Some(0) => "; deployed blue/green".to_owned(),
        Some(1) => "; deployed blue/green, the old tasks stay 1 minute".to_owned(),
        Some(minutes) => format!("; deployed blue/green, the old tasks stay {minutes} minutes"),
    }
}

/// Why the action was chosen, as a fragment.
pub(crate) fn because(change: &Change) -> String {
    let reason = match &change.reason {
        // AWS could change it in place, and would shut out whoever still comes by the old one.
        Reason::Immutable { fields } if change.address.kind() == Kind::Listener && *fields == ["port"] => {
            "another `port` is another listener".to_owned()
        }
        other => reason(other),
    };
    match change.action {
        Action::DeleteThenCreate => {
            format!("{reason}; the old one is deleted first, since both cannot stand side by side")
        }
        Action::CreateThenDelete => format!("{reason}; the new one is created before the old one goes"),
        Action::NoOp | Action::Create | Action::Update | Action::Delete => reason,
    }
}

/// `reason` in words, as a fragment.
pub(crate) fn reason(reason: &Reason) -> String {
    match reason {
        Reason::UpToDate => "as the stack says".to_owned(),
        Reason::Settling { detail } => format!("as the stack says, AWS still works on it: {detail}"),
        Reason::Missing => "does not exist".to_owned(),
        Reason::StackChanged => "the stack file changed".to_owned(),
        Reason::Drifted => "changed outside of the stack file".to_owned(),
        Reason::Differs => "not as the stack says".to_owned(),
        Reason::Unrecorded => "as the stack says, and only its tags do not say so yet".to_owned(),
        Reason::Immutable { fields } => format!("AWS cannot change {} in place", style::names(fields)),
        Reason::DependencyReplaced { dependencies } => {
            let verb = if dependencies.len() == 1 { "gets" } else { "get" };
            format!("{} {verb} a new identity", style::names(dependencies))
        }
        Reason::Failed { detail } => format!("AWS gave up on it: {detail}"),
        Reason::BeingDeleted => "AWS is deleting it".to_owned(),
        Reason::NotDeclared => "no longer in the stack file".to_owned(),
        Reason::Kept => "kept, as `keep = true` says".to_owned(),
        Reason::Superseded => "left over from an unfinished replacement".to_owned(),
        Reason::Destroyed => "the stack is destroyed".to_owned(),
    }
}

fn fields(change: &Change, indent: usize, all: bool) -> String {
    if let Some(text) = files::fields(change, indent, all) {
        return text;
    }
    match change.action {
        Action::Create => change.desired.as_ref().map(|desired| created(desired, indent)).unwrap_or_default(),
        Action::Delete => {
            let id = change.live.as_ref().map(|live| format!("{:indent$}{}\n", "", live.id));
            id.unwrap_or_default()
        }
        Action::NoOp | Action::Update | Action::CreateThenDelete | Action::DeleteThenCreate => {
            let unordered = Resource::policy(change.address.kind()).unordered;
            let groups = change.fields.chunk_by(|one, next| one.path == next.path);
            let group = |group: &[FieldChange]| match group {
                [field] if !unordered.contains(&field.path.as_str()) => changed(field, indent),
                items => changed_items(items, indent),
            };
            groups.map(group).collect()
        }
    }
}

/// All the fields of a new resource that say something, and its tags.
fn created(desired: &DesiredResource, indent: usize) -> String {
    let hidden = Resource::policy(desired.resource.kind()).hidden;
    let mut fields = value::pruned(&desired.resource.fields());
    let Some(members) = fields.as_object_mut() else { return String::new() };
    members.retain(|name, _| !hidden.contains(&name.as_str()));
    // The marks of ownership are on everything and tell a reader nothing.
    let tags = desired.tags.iter().filter(|(key, _)| !key.starts_with("neap:"));
    let tags: Map<String, Value> =
        tags.map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    if !tags.is_empty() {
        members.insert("tags".to_owned(), Value::Object(tags));
    }
    value::fitted(&*members, indent)
}

/// `path: before → after`; long values below each other, documents as a diff of their lines.
fn changed(field: &FieldChange, indent: usize) -> String {
    let side = |value: &Option<Value>| value.as_ref().map(value::shown).unwrap_or_default();
    let (before, after) = (side(&field.before), side(&field.after));
    let forces =
        if field.forces_replacement { paint(style::REPLACE, " (forces replacement)") } else { String::new() };
    let path = &field.path;
    if field.document {
        return format!("{:indent$}{path}:{forces}\n{}", "", document(&before, &after, indent + 2));
    }
    let (before, after) = (value::inline(&before), value::inline(&after));
    if indent + path.len() + before.chars().count() + after.chars().count() <= WIDTH {
        let (before, after) = (paint(style::GONE, &before), paint(style::GOOD, &after));
        return format!("{:indent$}{path}: {before} → {after}{forces}\n", "");
    }
    let before = paint(style::GONE, &format!("- {before}"));
    let after = paint(style::GOOD, &format!("+ {after}"));
    format!("{:indent$}{path}:{forces}\n{:indent$}  {before}\n{:indent$}  {after}\n", "", "", "")
}

/// The items that leave a list and those that come.
fn changed_items(items: &[FieldChange], indent: usize) -> String {
    let path = items.first().map_or("", |item| item.path.as_str());
    let line = |sign, style, value: &Value| {
        let item = paint(style, &format!("{sign} {}", value::inline(&value::shown(value))));
        format!("{:indent$}  {item}\n", "")
    };
    let gone =
        items.iter().filter_map(|item| item.before.as_ref()).map(|value| line("-", style::GONE, value));
    let come = items.iter().filter_map(|item| item.after.as_ref()).map(|value| line("+", style::GOOD, value));
    let forced = items.iter().any(|item| item.forces_replacement);
    let forces = if forced { paint(style::REPLACE, " (forces replacement)") } else { String::new() };
    format!("{:indent$}{path}:{forces}\n{}", "", gone.chain(come).collect::<String>())
}

/// A unified diff of two documents.
fn document(before: &Value, after: &Value, indent: usize) -> String {
    let mut outlines = (value::outline(&value::pruned(before)), value::outline(&value::pruned(after)));
    if outlines.0 == outlines.1 {
        // They differ only in what pruning takes away.
        outlines = (value::outline(before), value::outline(after));
    }
    let diff = TextDiff::from_lines(&outlines.0, &outlines.1);
    let mut text = String::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        let header = paint(style::FAINT, hunk.header().to_string().trim_end());
        // Writing to a string cannot fail.
        let _always = writeln!(text, "{:indent$}{header}", "");
        for change in hunk.iter_changes() {
            let line = format!("{}{}", change.tag(), change.value().trim_end_matches('\n'));
            let line = match change.tag() {
                ChangeTag::Equal => line,
                ChangeTag::Delete => paint(style::GONE, &line),
                ChangeTag::Insert => paint(style::GOOD, &line),
            };
            let _always = writeln!(text, "{:indent$}{line}", "");
        }
    }
    text
}

#[cfg(test)]
mod tests;
