//! Environments: `[env.prod.service.api]` put over `[service.api]`.
//!
//! Decides which overlay is put over the file and how two tables become one.

use super::diagnostic::{Diagnostic, Findings};
use super::tree::{Content, Entry, Node, Table};
use super::words;

/// Puts the overlay of `environment` over the rest of the file. The other overlays stay, to be checked.
pub(crate) fn apply(root: &mut Node, environment: Option<&str>, findings: &mut Findings) {
    let Some(environment) = environment else { return };
    let Some(table) = root.table_mut() else { return };
    let environments = table.get_mut("env").map(|entry| &mut entry.node.content);
    let known = match environments {
        None => Vec::new(),
        Some(Content::Table(environments)) => {
            if let Some(overlay) = environments.shift_remove(environment) {
                return put_over(table, environment, overlay, findings);
            }
            environments.keys().cloned().collect()
        }
        // What is no table is told when the file's shape is checked.
        Some(_) => return,
    };
    findings.add(&[], unknown(environment, &known));
}

fn put_over(table: &mut Table, environment: &str, overlay: Entry, findings: &mut Findings) {
    let path = ["env".to_owned(), environment.to_owned()];
    let Content::Table(mut overlay_table) = overlay.node.content else {
        let message = format!("`env.{environment}`: expected a table, found {}", words::kind(&overlay.node));
        findings.add(&path, Diagnostic::at(overlay.node.span, message).label("expected a table"));
        return;
    };
    if let Some(nested) = overlay_table.shift_remove("env") {
        let message = format!("unknown key `env` in `env.{environment}`");
        findings
            .add(&path, Diagnostic::at(nested.key, message).label("an environment holds no environments"));
    }
    merge(table, overlay_table);
}

fn unknown(environment: &str, known: &[String]) -> Diagnostic {
    let shown = words::excerpt(environment);
    let diagnostic =
        Diagnostic::whole(format!("the file has no `[env.{shown}]`, which `--env {shown}` asks for"));
    let nearest = words::nearest(environment, known.iter().map(String::as_str));
    let diagnostic = match nearest {
        Some(nearest) => diagnostic.help(format!("did you mean `--env {nearest}`?")),
        None => diagnostic,
    };
    if known.is_empty() {
        return diagnostic
            .help("an environment is a table such as `[env.prod.service.api]` with the keys that differ");
    }
    diagnostic.help(format!("environments: {}", words::list(known.iter().map(String::as_str))))
}

/// Puts `overlay` over `base`: tables become one, everything else is replaced.
fn merge(base: &mut Table, overlay: Table) {
    for (key, over) in overlay {
        match base.get_mut(&key) {
            Some(Entry { node: Node { content: Content::Table(below), .. }, .. })
                if over.node.table().is_some() =>
            {
                if let Content::Table(over) = over.node.content {
                    merge(below, over);
                }
            }
            _ => {
                base.insert(key, over);
            }
        }
    }
}
