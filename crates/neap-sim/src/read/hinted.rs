//! Orphans with names of the user's own, which no listing by the stack's prefix shows.
//!
//! Decides which of them a reader comes upon at all: those that the index of tags lists. It lists what is new late.

use neap_core::address::Kind;
use neap_core::live::ReadFailure;

use crate::record::Record;

/// The call that asks the index.
pub(super) const OPERATION: &str = "tag:GetResources";

/// Whether a reader comes upon what no address means: by a listing of its kind, by its name, or because of a hint.
pub(super) fn is_found(record: &Record, stack: &str, hints: &[String]) -> bool {
    let prefix = match record.kind() {
        Kind::LogGroup => format!("/neap/{stack}/"),
        Kind::Ecr | Kind::Task | Kind::Bucket => format!("{stack}-"),
        // Listed as a whole, or by the path.
        _ => return true,
    };
    record.resource.aws_name().starts_with(&prefix) || hints.contains(&record.arn)
}

/// What a plan is told that must do without the index.
pub(super) fn warning(failure: &ReadFailure) -> String {
    let code = failure.code.as_deref().unwrap_or(&failure.message);
    format!(
        "{OPERATION} failed ({code}): resources with names of your own that are no longer declared may be missed"
    )
}
