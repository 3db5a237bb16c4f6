//! What is wrong with a stack file, and where.
//!
//! Decides how a mistake is counted out in lines and columns, in which order mistakes are told and how many.
//! Must not know how they are drawn on a terminal.

use std::collections::BTreeSet;
use std::ops::Range;

/// How many mistakes are told at once.
pub(crate) const LIMIT: usize = 50;

/// How many mistakes are looked for. Beyond this it is another kind of file.
pub(crate) const FULL: usize = 1000;

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

/// Something to say about a stack file, at its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong: lower case, no period.
    pub message: String,
    /// The bytes of the source that are at fault; none when it is the file as a whole or the command line.
    pub span: Option<Range<usize>>,
    /// The line where the span begins, from 1; 0 without a span.
    pub line: usize,
    /// The column in characters where the span begins, from 1; 0 without a span.
    pub column: usize,
    /// What stands beside the mark under the place.
    pub label: Option<String>,
    /// What to do, and what would be allowed.
    pub help: Vec<String>,
    /// Whether a secret stands at the place, so that its lines must not be shown.
    pub secret: bool,
}

impl Diagnostic {
    /// A mistake of the file as a whole, or of what was given beside it.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        let (message, help) = (message.into(), Vec::new());
        Self { message, span: None, line: 0, column: 0, label: None, help, secret: false }
    }

    /// A mistake at `span`; line and column are filled in by [`finish`].
    pub(crate) fn at(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span: Some(span), ..Self::whole(message) }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// The same at a place that must not be shown.
    pub(crate) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// What the checks of one file have found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What is wrong.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The paths at which something is wrong, cut after the resource's name.
    pub(crate) bad: BTreeSet<Vec<String>>,
}

impl Findings {
    /// Notes what is wrong at `path`.
    pub(crate) fn add(&mut self, path: &[String], diagnostic: Diagnostic) {
        self.spoil(path);
        self.diagnostics.push(diagnostic);
    }

    /// Whether it is not worth looking for more.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() >= FULL
    }

    /// Notes that nothing more can be said about what stands at `path`.
    pub(crate) fn spoil(&mut self, path: &[String]) {
        self.bad.insert(path.iter().take(2).cloned().collect());
    }
}

/// Sorts diagnostics by place, drops repeated ones and what goes beyond the limit, and counts out lines and columns.
pub(crate) fn finish(mut diagnostics: Vec<Diagnostic>, text: &str) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.as_ref().map(|span| (span.start, span.end)));
    diagnostics.dedup();
    let many = diagnostics.len() >= FULL;
    let more = diagnostics.len().saturating_sub(LIMIT);
    diagnostics.truncate(LIMIT);
    for diagnostic in &mut diagnostics {
        if let Some(span) = &mut diagnostic.span {
            *span = inside(text, span);
            (diagnostic.line, diagnostic.column) = position(text, span.start);
            diagnostic.secret |= is_confidential(text, span.start);
        }
    }
    if more > 0 {
        let more = if many { "many".to_owned() } else { more.to_string() };
        diagnostics.push(Diagnostic::whole(format!("and {more} more mistakes")));
    }
    diagnostics
}

/// Whether what stands at `offset` may be the value of a sensitive variable: in its table, below the header. A mistake
/// there, such as a misspelled `default` or a string without an end, hides from everything else what it is.
fn is_confidential(text: &str, offset: usize) -> bool {
    let is_header = |line: &str| line.trim_start().starts_with('[');
    let line_start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    if is_header(line) {
        return false;
    }
    let speaks_of_secrets = |text: &str| text.to_ascii_lowercase().contains("sens");
    let above: Vec<&str> = text[..line_start].lines().collect();
    let Some(header) = above.iter().rposition(|line| is_header(line)) else {
        return line.trim_start().starts_with("var") && speaks_of_secrets(line);
    };
    let below = text[line_start..].lines().take_while(|line| !is_header(line));
    let name = above[header].trim_start();
    name.contains(".var.")
        || name.starts_with("[var") && above[header..].iter().copied().chain(below).any(speaks_of_secrets)
}

/// The span moved to character boundaries within the text.
fn inside(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end);
    start..end.max(start)
}

/// The line and column of a byte, from 1, the column in characters.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}
