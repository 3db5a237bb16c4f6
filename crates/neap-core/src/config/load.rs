//! The line from the bytes of a stack file to what the stack asks for.
//!
//! Decides the order of the checks. Must not know what any check looks for.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::diagnostic::{self, Diagnostic, Findings};
use super::regions::{self, Region};
use super::secrets::Secrets;
use super::tree::{Content, Node, Table};
use super::{check, nearly, overlay, rule, semantics, text, variables, words};
use crate::desired::Desired;
use crate::files::Folder;

/// A stack file as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The path that is shown.
    pub name: &'a str,
    /// The content.
    pub bytes: &'a [u8],
}

/// What a command line adds to a stack file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The environment of `--env`, whose overlay is put over the file.
    pub environment: Option<String>,
    /// The values of `--var`, by variable name.
    pub variables: BTreeMap<String, String>,
    /// The values of `NEAP_VAR_name` in the process environment, by variable name without the prefix.
    pub environment_variables: BTreeMap<String, String>,
    /// The region of `--region`, which goes before the file's.
    pub region: Option<String>,
    /// What stands in the [folders](folders) that the file names. Without it nothing is said of them, and no files are known.
    pub folders: Option<BTreeMap<String, Folder>>,
    /// The [files](local_files) that the file names. Without it nothing is said of them either.
    pub files: Option<LocalFiles>,
}

/// The content of local files by path, or in words why one could not be read.
pub type LocalFiles = BTreeMap<String, Result<Vec<u8>, String>>;

/// A stack file without mistakes.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What the stack asks for.
    pub desired: Desired,
    /// The values of its sensitive variables.
    pub secrets: Secrets,
    /// What is allowed and yet looks wrong.
    pub warnings: Vec<Diagnostic>,
}

/// The folders whose files a stack keeps in buckets, as the file names them. What is wrong with the file is left to [`load`] to
/// tell.
pub fn folders(source: &Source<'_>, options: &Options) -> BTreeSet<String> {
    texts(source, options, "bucket", "files")
}

/// The paths of the local files that a stack file names, relative to itself. What is wrong with the file is left to [`load`] to
/// tell.
pub fn local_files(source: &Source<'_>, options: &Options) -> BTreeSet<String> {
    texts(source, options, "function", "code")
}

/// The texts that stand at `key` of the tables of `kind`.
fn texts(source: &Source<'_>, options: &Options, kind: &str, key: &str) -> BTreeSet<String> {
    let mut findings = Findings::default();
    let Some(root) = text::decode(source.bytes).ok().and_then(|text| {
        let mut root = text::parse(text, &mut findings)?;
        overlay::apply(&mut root, options.environment.as_deref(), &mut findings);
        variables::replace(&mut root, text, options, &mut findings);
        Some(root)
    }) else {
        return BTreeSet::new();
    };
    let tables = root.get(kind).and_then(Node::table).into_iter().flat_map(Table::values);
    let texts = tables.filter_map(|table| match &table.node.get(key)?.content {
        Content::Text(text) => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

/// Reads a stack file, checks it and lowers it to what it asks for.
///
/// # Errors
///
/// Fails with everything that is wrong, in the order of the file, at most fifty mistakes.
pub fn load(source: &Source<'_>, options: &Options) -> Result<Loaded, Vec<Diagnostic>> {
    let text = text::decode(source.bytes).map_err(|diagnostic| vec![diagnostic])?;
    let mut findings = Findings::default();
    let loaded = read(text, options, &mut findings);
    match loaded {
        Some(loaded) if findings.diagnostics.is_empty() => Ok(loaded),
        _ => Err(diagnostic::finish(findings.diagnostics, text)),
    }
}

fn read(text: &str, options: &Options, findings: &mut Findings) -> Option<Loaded> {
    let mut root = text::parse(text, findings)?;
    overlay::apply(&mut root, options.environment.as_deref(), findings);
    let variables = variables::replace(&mut root, text, options, findings);
    nearly::check(&root, text, findings);
    check::check(rule::stack_file(), &mut root, findings);
    region_of_options(options, findings);
    let place = root.place(&["stack", "region"].map(str::to_owned), false);
    let desired = semantics::lower(&mut root, options, findings)?;
    let mut warnings = variables.warnings;
    warnings.extend(unknown_region(&desired, place.filter(|_| options.region.is_none())));
    let warnings = diagnostic::finish(warnings, text);
    Some(Loaded { desired, secrets: variables.secrets, warnings })
}

fn region_of_options(options: &Options, findings: &mut Findings) {
    let Some(region) = &options.region else { return };
    if let Some(help) = regions::help(region) {
        let shown = words::excerpt(region);
        findings.add(&[], Diagnostic::whole(format!("`--region {shown}` is not a region")).help(help));
    }
}

/// The warning about a region that neap does not know.
fn unknown_region(desired: &Desired, place: Option<Range<usize>>) -> Option<Diagnostic> {
    let region = desired.region.as_deref()?;
    let Region::Unknown(near) = Region::of(region) else { return None };
    let message = format!("neap does not know the region `{region}`");
    let diagnostic = Diagnostic { span: place, ..Diagnostic::whole(message) };
    let near = near.map(|near| format!("did you mean `{near}`? a region that is new works as well"));
    Some(diagnostic.help(near.unwrap_or_else(|| "a region that is new works as well".to_owned())))
}
