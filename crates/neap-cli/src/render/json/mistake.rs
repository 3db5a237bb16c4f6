//! Mistakes of a stack file as JSON.

use neap_core::config::Diagnostic;
use schemars::JsonSchema;
use serde::Serialize;

use super::VERSION;

/// What is wrong with a stack file, as any command prints it under `--json`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "neap mistakes")]
pub(crate) struct MistakesView {
    /// The version of this form.
    version: u32,
    /// Always false.
    valid: bool,
    /// The stack file.
    file: String,
    /// Every mistake, in the order of the file.
    mistakes: Vec<MistakeView>,
}

/// One mistake of a stack file.
#[derive(Debug, Serialize, JsonSchema)]
struct MistakeView {
    /// What is wrong.
    message: String,
    /// The line, from 1; 0 for the file as a whole.
    line: usize,
    /// The column in characters, from 1; 0 for the file as a whole.
    column: usize,
    /// What stands beside the mark under the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// What to do, and what would be allowed.
    help: Vec<String>,
}

impl MistakesView {
    /// The published form of `mistakes` in `file`.
    pub(crate) fn of(file: &str, mistakes: &[Diagnostic]) -> Self {
        let mistake = |it: &Diagnostic| MistakeView {
            message: it.message.clone(),
            line: it.line,
            column: it.column,
            label: it.label.clone(),
            help: it.help.clone(),
        };
        let (file, mistakes) = (file.to_owned(), mistakes.iter().map(mistake).collect());
        Self { version: VERSION, valid: false, file, mistakes }
    }
}
