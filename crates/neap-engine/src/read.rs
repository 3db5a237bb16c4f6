//! Reading everything that a plan needs, with patience for throttling.
//!
//! Must not know what is read in which calls: that is the cloud's.

use std::time::Duration;

use neap_core::desired::Desired;
use neap_core::live::Live;
use tokio::time::Instant;
use tracing::{Instrument, debug, debug_span};

use crate::call::log_failure;
use crate::cloud::{CallError, Cloud};
use crate::retry::{Attempt, Decision, Purpose, decide};

/// Reads everything that a plan for `desired` needs.
///
/// # Errors
///
/// Fails when no answer is possible: no credentials, no connection.
pub async fn read<C: Cloud>(cloud: &C, desired: &Desired) -> Result<Live, CallError> {
    let span = debug_span!("read", stack = desired.stack);
    let reading = async {
        let live = patiently(|| cloud.read(desired)).await?;
        debug!(readings = live.readings.len(), orphans = live.orphans.len(), "answered");
        Ok(live)
    };
    reading.instrument(span).await
}

/// Makes a call that only looks, again while a later one may be answered.
pub(crate) async fn patiently<T, F>(look: impl Fn() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let begun = Instant::now();
    let mut number = 0;
    loop {
        debug!("made");
        let error = match look().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        log_failure(&error);
        number += 1;
        let decision = decide(&Attempt {
            kind: error.kind,
            purpose: Purpose::Look,
            number,
            elapsed: begun.elapsed(),
            // A read waits for nothing to appear or to go: what it finds is the answer.
            visible: Duration::ZERO,
            deadline: Duration::ZERO,
            seed: 0,
        });
        match decision {
            Decision::RetryAfter(after) => tokio::time::sleep(after).await,
            Decision::GiveUp => return Err(error),
        }
    }
}
