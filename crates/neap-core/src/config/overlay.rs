//! Environments: `[env.prod.service.api]` put over `[service.api]`.
//!
//! Decides which overlay is put over the file and how two tables become one.

use super::diagnostic::{Diagnostic, Findings};
use super::tree::{Content, Entry, Node, Table};
use super::words;

/// Puts the overlay of `environment` over the rest of the file. Its name and the other overlays stay, to be checked.
pub(crate) fn apply(root: &mut Node, environment: Option<&str>, findings: &mut Findings) {
    let Some(environment) = environment else { return };
    let Some(table) = root.table_mut() else { return };
    let environments = match table.get_mut("env").map(|entry| &mut entry.node.content) {
        None => &mut Table::new(),
        Some(Content::Table(environments)) => environments,
        // What is no table is told when the file's shape is checked.
        Some(_) => return,
    };
    match environments.get_mut(environment).map(|entry| &mut entry.node.content) {
        Some(Content::Table(overlay)) => {
            let mut taken = std::mem::take(overlay);
            // An environment within an environment stays behind, where it is told as unknown.
            overlay.extend(taken.shift_remove_entry("env"));
            merge(table, taken, &mut Vec::new());
        }
        Some(_) => {}
        None => {
            let known: Vec<&str> = environments.keys().map(String::as_str).collect();
            findings.add(&[], unknown(environment, &known));
        }
    }
}

fn unknown(environment: &str, known: &[&str]) -> Diagnostic {
    let shown = words::excerpt(environment);
    let diagnostic =
        Diagnostic::whole(format!("the file has no `[env.{shown}]`, which `--env {shown}` asks for"));
    let nearest = words::nearest(environment, known.iter().copied());
    let diagnostic = match nearest {
        Some(nearest) => diagnostic.help(format!("did you mean `--env {nearest}`?")),
        None => diagnostic,
    };
    if known.is_empty() {
        return diagnostic
            .help("an environment is a table such as `[env.prod.service.api]` with the keys that differ");
    }
    diagnostic.help(format!("environments: {}", words::list(known.iter().copied())))
}

/// Keys of which a table has one: where the overlay has another, that of the base goes. `*` is any name.
const ALTERNATIVES: [(&[&str], &[&str]); 5] = [
    (&["alb", "*", "listener", "*", "default"], &["forward", "redirect", "fixed_response"]),
    (&["service", "*", "target"], &["group", "clb"]),
    (&["service", "*", "scaling", "step", "*"], &["above", "below"]),
    (&["service", "*", "scaling", "step", "*"], &["by", "steps"]),
    (&["task", "*", "volume", "*"], &["efs", "host"]),
];

/// Puts `overlay` over `base`, which stands at `path`: tables become one, everything else is replaced.
fn merge(base: &mut Table, overlay: Table, path: &mut Vec<String>) {
    let alternatives = ALTERNATIVES.iter().filter(|(pattern, _)| fits(pattern, path));
    for (_, keys) in alternatives.filter(|(_, keys)| keys.iter().any(|key| overlay.contains_key(*key))) {
        base.retain(|key, _| !keys.contains(&key.as_str()) || overlay.contains_key(key));
    }
    for (key, over) in overlay {
        match base.get_mut(&key) {
            Some(Entry { node: Node { content: Content::Table(below), .. }, .. })
                if over.node.table().is_some() =>
            {
                if let Content::Table(over) = over.node.content {
                    path.push(key);
                    merge(below, over, path);
                    path.pop();
                }
            }
            _ => {
                base.insert(key, over);
            }
        }
    }
}

fn fits(pattern: &[&str], path: &[String]) -> bool {
    let same = |(wanted, key): (&&str, &String)| *wanted == "*" || wanted == key;
    pattern.len() == path.len() && pattern.iter().zip(path).all(same)
}
