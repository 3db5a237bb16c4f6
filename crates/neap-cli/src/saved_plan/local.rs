//! Whether the files that a saved plan uploads still are those that it was made from.
//!
//! Decides which files are read again before anything is changed. Must not know how they are sent.

use neap_core::files::{Changes, Files};
use neap_core::kinds::Resource;
use neap_core::plan::{Action, Change, Plan};
use neap_engine::files::Folders;
use tokio::task::yield_now;

use super::verify::{TOLD, stale};
use crate::error::CommandError;

/// Refuses `plan` if any file is another one than it would upload from `folders`, or is not there any more.
pub(crate) async fn unchanged(plan: &Plan, folders: &Folders) -> Result<(), CommandError> {
    let mut moved = Vec::new();
    for change in &plan.changes {
        let Some(Resource::BucketFiles(wanted)) = change.desired.as_ref().map(|it| &it.resource) else {
            continue;
        };
        for key in Changes::between(&there(change), &wanted.files).waves().concat() {
            if !folders.has(&wanted.folder, key, &wanted.files[key]) {
                moved.push(format!("changed or gone: {}/{key}", wanted.folder));
            }
            // The lock is renewed meanwhile.
            yield_now().await;
        }
    }
    if moved.is_empty() {
        return Ok(());
    }
    let mut error = stale("local files are not those that the plan was made from, so nothing was changed");
    error.details.extend(moved.iter().take(TOLD).cloned());
    if moved.len() > TOLD {
        error = error.detail(format!("and {} more files", moved.len() - TOLD));
    }
    Err(error)
}

/// The objects that stay where they are: another bucket begins with none.
fn there(change: &Change) -> Files {
    match change.live.as_ref().map(|live| &live.resource) {
        Some(Resource::BucketFiles(live)) if matches!(change.action, Action::NoOp | Action::Update) => {
            live.files.clone()
        }
        _ => Files::new(),
    }
}
