//! Decides what happens to each resource, and in which order.

use crate::config::Secrets;
use crate::desired::Desired;
use crate::live::Live;
use crate::plan::{Mode, Plan, Refusal};

/// Plans what turns `live` into `desired`.
///
/// # Errors
///
/// All the reasons for which there can be no plan.
pub fn plan(desired: &Desired, live: &Live, mode: Mode, secrets: &Secrets) -> Result<Plan, Vec<Refusal>> {
    let _ = (desired, live, mode, secrets);
    Err(Vec::new())
}

/// The hash of everything that was read and that a plan depends on.
pub fn live_hash(live: &Live) -> String {
    crate::desired::short_hash(&format!("{:?}", live.readings))
}
