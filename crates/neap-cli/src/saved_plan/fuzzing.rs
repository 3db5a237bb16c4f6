//! The way in for the fuzz target: what must hold for any bytes that are taken for a saved plan.
//!
//! Must not decide anything.

use neap_core::config::Secrets;
use neap_core::live::Live;
use neap_core::plan::planner;

use super::SavedPlan;
use super::file::{FORMAT, VERSION};

/// Takes `bytes` for a saved plan.
///
/// # Panics
///
/// Panics when something does not hold: a plan that is taken is written again byte for byte, and so is one whose digest
/// was renewed, since nobody guesses digests and nothing behind them would be tried.
pub fn saved_plan(bytes: &[u8]) {
    if let Ok(saved) = SavedPlan::parse(bytes) {
        assert_eq!(saved.bytes(), bytes, "a plan is written in one way");
    }
    let Ok(mut saved) = serde_json::from_slice::<SavedPlan>(bytes) else { return };
    let live = Live::empty(saved.plan.environment.clone());
    FORMAT.clone_into(&mut saved.format);
    saved.version = VERSION;
    saved.plan.live_hash = planner::live_hash(&live);
    let saved = saved.sealed();
    assert_eq!(SavedPlan::parse(&saved.bytes()).as_ref(), Ok(&saved), "what was written is read");
    // Taken or refused, but never a panic.
    drop(saved.into_plan(live, &Secrets::default()));
}
