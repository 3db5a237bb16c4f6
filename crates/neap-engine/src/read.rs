//! Reading everything that a plan needs, with patience for throttling.
//!
//! Must not know what is read in which calls: that is the cloud's.

use neap_core::desired::Desired;
use neap_core::live::Live;

use crate::cloud::{CallError, Cloud};

/// Reads everything that a plan for `desired` needs.
///
/// # Errors
///
/// Fails when no answer is possible: no credentials, no connection.
pub async fn read<C: Cloud>(cloud: &C, desired: &Desired) -> Result<Live, CallError> {
    cloud.read(desired).await
}
