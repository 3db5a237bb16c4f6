//! A stack's lock as JSON.

use neap_engine::lock::Record;
use neap_engine::lock::protocol::Entry;
use schemars::JsonSchema;
use serde::Serialize;

use super::VERSION;

/// What `neap unlock --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "neap unlock")]
pub(crate) struct UnlockView {
    /// The version of this form.
    version: u32,
    /// The stack.
    stack: String,
    /// Where the lock lies, in words; absent if the stack file says that it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// Who held the lock; absent if nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<HolderView>,
    /// Why what lay in its place is no lock of this neap, if it was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<String>,
    /// Whether what lay there was removed.
    removed: bool,
}

/// Who holds a lock.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct HolderView {
    /// Who it is: `ada@laptop`.
    who: String,
    /// The process on that host.
    process: u32,
    /// What it runs.
    command: String,
    /// When it took the lock.
    since: String,
    /// When the lock expires unless it is renewed.
    expires: String,
}

impl HolderView {
    /// The published form of what `record` says.
    pub(super) fn of(record: &Record) -> Self {
        Self {
            who: record.who.clone(),
            process: record.process,
            command: record.command.clone(),
            since: record.since.to_string(),
            expires: record.expires.to_string(),
        }
    }
}

impl UnlockView {
    /// The published form of what was `seen` at `place`, removed or not.
    pub(crate) fn of(stack: &str, place: Option<&str>, seen: Option<&Entry>, removed: bool) -> Self {
        let record = seen.map(|seen| seen.record.as_ref());
        Self {
            version: VERSION,
            stack: stack.to_owned(),
            // Text has backticks around it, which are no part of a path.
            place: place.map(|place| place.replace('`', "")),
            holder: record.and_then(Result::ok).map(HolderView::of),
            damaged: record.and_then(Result::err).cloned(),
            removed,
        }
    }
}
