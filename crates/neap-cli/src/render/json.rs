//! What `--json` prints: versioned values of their own, described by JSON Schemas that are made from them.
//!
//! Decides the published form. A version counts up when something that was there changes or goes; what is only
//! added does not count.

mod adoption;
mod event;
mod failure;
mod lock;
mod mistake;
mod plan;
mod status;
#[cfg(test)]
mod tests;
mod zero;

pub(crate) use adoption::AdoptionView;
pub(crate) use event::Line;
pub(crate) use lock::UnlockView;
pub(crate) use mistake::MistakesView;
pub(crate) use plan::PlanView;
pub(crate) use status::StatusView;
pub(crate) use zero::CheckView;

use neap_core::live::Outputs;
use serde::Serialize;

use super::summary;

/// The version of everything that `--json` prints.
pub(crate) const VERSION: u32 = 1;

/// Outputs as they may be seen.
fn shown(outputs: &Outputs) -> Outputs {
    outputs.iter().map(|(name, value)| (name.clone(), summary::shown(value))).collect()
}

/// `value` as indented JSON with a line end.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    // Views are structures of strings, numbers, lists and string-keyed maps, which always serialise.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// `value` as one line of JSON.
pub(crate) fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default() + "\n"
}
