//! From a checked tree to what the stack asks for, although some of its tables may be wrong.
//!
//! Decides which mistakes of lowering are worth telling beside mistakes of shape: those that do not depend
//! on a wrong table. Must not know what lowering looks for.

use std::collections::BTreeSet;

use super::diagnostic::{Diagnostic, Findings, LIMIT, Mistake};
use super::load::Options;
use super::lower;
use super::shape::StackFile;
use super::tree::{Content, Node, Table};
use crate::address::Kind;
use crate::desired::Desired;

/// What the tree asks for; none if anything in it is wrong.
pub(crate) fn lower(root: &mut Node, options: &Options, findings: &mut Findings) -> Option<Desired> {
    if let Some(table) = root.table_mut() {
        table.shift_remove("env");
    }
    let clean = findings.diagnostics.is_empty() && findings.bad.is_empty();
    let wrong = if clean { Aside::default() } else { set_aside(root, options, findings)? };
    let file: StackFile = match serde_json::from_value(root.to_json()) {
        Ok(file) => file,
        Err(error) => {
            findings
                .add(&[], Diagnostic::whole(format!("the file does not have the shape of a stack: {error}")));
            return None;
        }
    };
    let stack = match &options.environment {
        Some(environment) => format!("{}-{environment}", file.stack.name),
        None => file.stack.name.clone(),
    };
    let (folders, files) = (options.folders.as_ref(), options.files.as_ref());
    match lower::lower(&file, &stack, options.region.as_deref(), folders, files) {
        Ok(desired) => clean.then_some(desired),
        Err(mistakes) => {
            for mistake in mistakes.into_iter().filter(|mistake| wrong.lets_tell(root, &mistake.path)) {
                findings.add(&mistake.path.clone(), placed(root, mistake));
            }
            None
        }
    }
}

/// The tables that are wrong, and those that mention one of them, themselves included.
#[derive(Default)]
struct Aside {
    wrong: BTreeSet<Vec<String>>,
    tainted: BTreeSet<Vec<String>>,
}

impl Aside {
    /// Whether a mistake at `path` stands whatever the wrong tables should have said: it is in a table that mentions none
    /// of them, or it is about a text that does not.
    fn lets_tell(&self, root: &Node, path: &[String]) -> bool {
        let unit = unit(path);
        if !self.tainted.contains(unit) {
            return true;
        }
        let names: BTreeSet<&str> =
            self.tainted.iter().filter_map(|path| path.get(1)).map(String::as_str).collect();
        let value = path.iter().try_fold(root, |node, key| node.get(key));
        let is_apart = |node: &Node| matches!(node.content, Content::Text(_)) && !mentions(node, &names);
        !self.wrong.contains(unit) && value.is_some_and(is_apart)
    }
}

/// Kind and name of the table that a path leads into.
fn unit(path: &[String]) -> &[String] {
    &path[..path.len().min(2)]
}

fn placed(root: &Node, mistake: Mistake) -> Diagnostic {
    let span = root.place(&mistake.path, mistake.on_key);
    Diagnostic { span, label: mistake.label, help: mistake.help, ..Diagnostic::whole(mistake.message) }
}

/// Removes the wrong tables and answers with them and those that mention them, or with nothing if what is wrong
/// touches the whole file.
fn set_aside(root: &mut Node, options: &Options, findings: &Findings) -> Option<Aside> {
    let whole = |path: &Vec<String>| path.len() < 2 || path[0] == "stack" || path[0] == "network";
    // Overlays are not lowered, so what is wrong in them touches nothing else; but the chosen one names the stack.
    let chosen =
        |path: &Vec<String>| options.environment.is_some() && path.get(1) == options.environment.as_ref();
    let elsewhere = |path: &&Vec<String>| path.first().is_some_and(|first| first == "env") && !chosen(path);
    let wrong: BTreeSet<Vec<String>> = findings.bad.iter().filter(|path| !elsewhere(path)).cloned().collect();
    if findings.diagnostics.len() >= LIMIT || wrong.iter().any(|path| whole(path) || path[0] == "env") {
        return None;
    }
    let table = root.table_mut()?;
    let mut tainted = wrong.clone();
    tainted.extend(unled(table, &wrong));
    let tainted = taint(table, tainted);
    for path in &wrong {
        let [kind, name] = path.as_slice() else { continue };
        let Some(members) = table.get_mut(kind).and_then(|entry| entry.node.table_mut()) else { continue };
        if kind == "var" {
            // What refers to the variable is not to be told that there is none.
            if let Some(variable) = members.get_mut(name) {
                variable.node.content = Content::Table(Table::new());
            }
        } else {
            members.shift_remove(name);
        }
    }
    Some(Aside { wrong, tainted })
}

/// The target groups that wrong load balancers mention: nobody is to be told that nothing forwards to them.
fn unled(table: &Table, wrong: &BTreeSet<Vec<String>>) -> Vec<Vec<String>> {
    let kind = Kind::TargetGroup.as_str();
    let groups = table.get(kind).and_then(|entry| entry.node.table()).into_iter().flat_map(Table::keys);
    let balances = |path: &[String]| matches!(path, [kind, _] if kind == "alb" || kind == "nlb");
    let balancers: Vec<&Node> = wrong
        .iter()
        .filter(|path| balances(path))
        .filter_map(|path| table.get(&path[0])?.node.get(&path[1]))
        .collect();
    let is_mentioned = |group: &&String| {
        balancers.iter().any(|balancer| mentions(balancer, &BTreeSet::from([group.as_str()])))
    };
    groups.filter(is_mentioned).map(|group| vec![kind.to_owned(), group.clone()]).collect()
}

/// Adds every table that mentions a wrong one, by name or by address, until there is none left.
fn taint(table: &Table, mut wrong: BTreeSet<Vec<String>>) -> BTreeSet<Vec<String>> {
    loop {
        let names: BTreeSet<&str> = wrong.iter().filter_map(|path| path.get(1)).map(String::as_str).collect();
        let mut found = Vec::new();
        for (kind, entry) in table.iter().filter(|(kind, _)| *kind != "var") {
            for (name, member) in entry.node.table().into_iter().flatten() {
                let path = vec![kind.clone(), name.clone()];
                if !wrong.contains(&path) && mentions(&member.node, &names) {
                    found.push(path);
                }
            }
        }
        if found.is_empty() {
            return wrong;
        }
        wrong.extend(found);
    }
}

/// Whether one of `names` stands in a table, alone or as a part of an address. Too often is better than too seldom.
fn mentions(node: &Node, names: &BTreeSet<&str>) -> bool {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let text = |text: &str| text.split(|c| !in_name(c)).any(|word| names.contains(word));
    match &node.content {
        Content::Text(content) => text(content),
        Content::List(items) => items.iter().any(|item| mentions(item, names)),
        Content::Table(table) => table.iter().any(|(key, entry)| text(key) || mentions(&entry.node, names)),
        _ => false,
    }
}
