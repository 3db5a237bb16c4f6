//! The account that a stack names: it is read and changed in no other.
//!
//! Must not know which command asks, nor how a stack is read.

use neap_core::desired::Desired;
use neap_core::plan::Refusal;
use neap_engine::lock::Store;

use crate::error::CommandError;
use crate::render::refusal;

/// Refuses what a command would do or tell in the account `actual`, if the stack is another's.
pub(crate) fn guard(desired: &Desired, actual: &str) -> Result<(), CommandError> {
    match &desired.account {
        Some(expected) if expected != actual => {
            let (expected, actual) = (expected.clone(), actual.to_owned());
            Err(refusal::refused(&desired.stack, &[Refusal::WrongAccount { expected, actual }]))
        }
        _ => Ok(()),
    }
}

/// The same for the account in which the stack's lock would lie, which is asked for only where the stack names one.
pub(crate) async fn guard_lock(desired: &Desired, store: &impl Store) -> Result<(), CommandError> {
    if desired.account.is_none() {
        return Ok(());
    }
    store.account().await?.map_or(Ok(()), |actual| guard(desired, &actual))
}
