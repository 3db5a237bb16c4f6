//! What a stack file with mistakes still says to whoever takes the stack away: its `[stack]` table, and which buckets it keeps.
//!
//! Decides what may not be guessed. A destroy goes by the stack's tags, so that a half-written table need not keep anybody paying; but
//! `keep` and `protect` may stand in the file alone as long as no apply has made tags of them. Must not know what is live.

use super::diagnostic::Findings;
use super::load::{Loaded, Options, Source};
use super::tree::{Content, Entry, Node, Table};
use super::{check, overlay, rule, semantics, text, variables, words};

/// The tables that are about no resource.
const OTHERS: [&str; 4] = ["stack", "var", "env", "output"];

/// What `source` asks for as if it had no table but `[stack]`, and those of the buckets that stay. None where more than tables is wrong,
/// and where a table may protect what it is about.
pub fn load_without_tables(source: &Source<'_>, options: &Options) -> Option<Loaded> {
    let text = text::decode(source.bytes).ok()?;
    let mut findings = Findings::default();
    let mut root = text::parse(text, &mut findings)?;
    overlay::apply(&mut root, options.environment.as_deref(), &mut findings);
    if !findings.diagnostics.is_empty() {
        return None;
    }
    let all = root.table_mut()?;
    let kept = kept(all)?;
    all.retain(|key, _| matches!(key.as_str(), "stack" | "var" | "env"));
    if let Some(environments) = all.get_mut("env").and_then(|entry| entry.node.table_mut()) {
        environments.values_mut().for_each(|entry| entry.node.content = Content::Table(Table::new()));
    }
    // A variable may be wrong as long as it does not hide what `[stack]` says; the secrets among them are told nowhere all the same.
    let mut aside = Findings::default();
    let secrets = variables::replace(&mut root, text, options, &mut aside).secrets;
    let all = root.table_mut()?;
    if aside.is_full() || all.get("stack").is_none_or(|stack| hides(&stack.node)) {
        return None;
    }
    all.shift_remove("var");
    all.insert("bucket".to_owned(), entry(Content::Table(kept)));
    check::check(rule::stack_file(), &mut root, &mut findings);
    let desired = semantics::lower(&mut root, options, &mut findings)?;
    findings.diagnostics.is_empty().then_some(Loaded { desired, secrets, warnings: Vec::new() })
}

/// The tables of the buckets that stay, with nothing else in them; none if anything may be protected. What is misspelled counts, and so
/// does what is no boolean.
fn kept(all: &Table) -> Option<Table> {
    let mut kept = Table::new();
    for table in all.iter().filter(|(key, _)| !OTHERS.contains(&key.as_str())).map(|(_, entry)| &entry.node) {
        for (name, inner) in table.table().into_iter().flatten() {
            let Some(keys) = inner.node.table() else {
                if says(name, &inner.node, "protect") || says(name, &inner.node, "keep") {
                    return None;
                }
                continue;
            };
            if keys.iter().any(|(key, value)| says(key, &value.node, "protect")) {
                return None;
            }
            if keys.iter().any(|(key, value)| says(key, &value.node, "keep")) {
                let mut bucket = Table::from_iter([("keep".to_owned(), entry(Content::Boolean(true)))]);
                bucket.extend(keys.get("name").map(|chosen| ("name".to_owned(), chosen.clone())));
                kept.insert(name.clone(), entry(Content::Table(bucket)));
            }
        }
    }
    Some(kept)
}

/// Whether `key` is `word`, or was meant to be, and is not plainly off.
fn says(key: &str, value: &Node, word: &str) -> bool {
    let is_meant = key == word || words::nearest(key, [word]).is_some();
    is_meant && !matches!(value.content, Content::Boolean(false))
}

/// Whether a mistake hides anything of it.
fn hides(node: &Node) -> bool {
    match &node.content {
        Content::Unknown => true,
        Content::List(items) => items.iter().any(hides),
        Content::Table(table) => table.values().any(|entry| hides(&entry.node)),
        _ => false,
    }
}

fn entry(content: Content) -> Entry {
    Entry { key: 0..0, node: Node::new(0..0, content) }
}
