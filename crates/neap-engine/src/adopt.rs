//! Making something live the stack's own: its tags, and nothing else, with patience for throttling.
//!
//! Must not know what may be adopted: that is decided before.

use std::time::Duration;

use neap_core::adopt::Adoption;
use tokio::time::Instant;
use tracing::{Instrument, debug, debug_span};

use crate::call::log_failure;
use crate::cloud::{CallError, Cloud};
use crate::retry::{Attempt, Decision, Purpose, decide};

/// How long what was seen a moment ago may be unknown to the service that tags it.
const VISIBLE: Duration = Duration::from_secs(60);

/// Sets the tags of `adoption`. Doing so again changes nothing.
///
/// # Errors
///
/// Fails when the tags cannot be set.
pub async fn adopt<C: Cloud>(cloud: &C, adoption: &Adoption) -> Result<(), CallError> {
    let span = debug_span!("adopt", address = %adoption.address);
    patiently(cloud, adoption).instrument(span).await
}

async fn patiently<C: Cloud>(cloud: &C, adoption: &Adoption) -> Result<(), CallError> {
    let Adoption { live, tagged, spec, .. } = adoption;
    let begun = Instant::now();
    let mut number = 0;
    loop {
        debug!("made");
        // The wish is what is live with other tags, so the difference is the tags alone.
        let Err(error) = cloud.update(live, tagged, spec).await else { return Ok(()) };
        log_failure(&error);
        number += 1;
        let decision = decide(&Attempt {
            kind: error.kind,
            purpose: Purpose::Change,
            number,
            elapsed: begun.elapsed(),
            visible: VISIBLE,
            deadline: VISIBLE,
            seed: 0,
        });
        let Decision::RetryAfter(after) = decision else { return Err(error) };
        tokio::time::sleep(after).await;
    }
}
