//! One piece of work for one step: a call to the cloud, or a rest before one.
//!
//! Must not know what follows from its result.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use neap_core::address::Address;
use neap_core::desired::DesiredResource;
use neap_core::live::{LiveResource, Outputs};
use neap_core::plan::StepId;
use tracing::{Instrument, debug, debug_span};

use crate::cloud::{CallError, Cloud, Progress};
use crate::intent::{Journal, JournalError};
use crate::lock::Lease;

/// What to do. Resources have their references filled in and may hold secrets, so nothing here has a debug
/// form.
#[expect(
    clippy::large_enum_variant,
    reason = "a step has one piece of work at a time, and few steps run at once"
)]
pub(crate) enum Work<'plan> {
    /// Nothing: the next call is due when the rest is over.
    Rest,
    Create(Arc<DesiredResource>, &'plan str),
    Update(Cow<'plan, LiveResource>, Arc<DesiredResource>, &'plan str),
    Delete(&'plan LiveResource),
    Ready(Arc<DesiredResource>, Arc<Outputs>),
    Gone(&'plan LiveResource),
    /// Looks for what a create made whose answer was lost.
    Created(Arc<DesiredResource>, &'plan str),
    /// Forgets the note of a create whose outcome is known.
    Close,
}

/// Something to do for a step, after a while.
pub(crate) struct Job<'plan> {
    pub(crate) step: StepId,
    pub(crate) address: &'plan Address,
    pub(crate) after: Duration,
    /// The spec hash to write down before the call, if that must not be made twice.
    pub(crate) noted: Option<&'plan str>,
    pub(crate) work: Work<'plan>,
}

/// What came of it.
pub(crate) enum Report {
    Rested,
    Changed(Result<Outputs, CallError>),
    Deleted(Result<(), CallError>),
    Looked(Result<Progress, CallError>),
    /// The call was not made, since it could not be written down.
    Unnoted(JournalError),
    Found(Result<Option<Outputs>, CallError>),
    Closed,
}

/// Does the job. What changes something is done only while the lock is held.
pub(crate) async fn perform<C: Cloud>(
    cloud: &C,
    journal: &dyn Journal,
    lease: &Lease,
    job: Job<'_>,
) -> (StepId, Report) {
    let Job { step, address, after, noted, work } = job;
    if !after.is_zero() {
        tokio::time::sleep(after).await;
    }
    if let Some(spec) = noted
        && let Err(error) = journal.open(address, spec).await
    {
        return (step, Report::Unnoted(error));
    }
    let report = match work {
        Work::Rest => Report::Rested,
        Work::Create(desired, spec) => {
            let call = assured(lease, cloud.create(&desired, spec));
            Report::Changed(traced("create", address, call).await)
        }
        Work::Update(live, desired, spec) => {
            let call = assured(lease, cloud.update(&live, &desired, spec));
            Report::Changed(traced("update", address, call).await)
        }
        Work::Delete(live) => {
            let call = assured(lease, cloud.delete(live));
            Report::Deleted(traced("delete", address, call).await)
        }
        Work::Ready(desired, outputs) => {
            let call = cloud.ready(&desired, &outputs);
            Report::Looked(traced("ready", address, call).await)
        }
        // It may do the next part of the deletion.
        Work::Gone(live) => {
            let call = assured(lease, cloud.gone(live));
            Report::Looked(traced("gone", address, call).await)
        }
        Work::Created(desired, spec) => {
            let call = cloud.created(&desired, spec);
            Report::Found(traced("created", address, call).await)
        }
        Work::Close => {
            // A note too many costs the next run a minute, and nothing else.
            if let Err(error) = journal.close(address).await {
                debug!(%address, %error, "the note of a create stays");
            }
            Report::Closed
        }
    };
    (step, report)
}

/// Makes a call that changes something, once the lock is sure to be held.
async fn assured<T>(lease: &Lease, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    lease.assured().await?;
    call.await
}

/// Tells the log that a call is made and whether it failed: names only, never a field's value.
async fn traced<T>(
    verb: &'static str,
    address: &Address,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let span = debug_span!("call", verb, %address);
    let told = async {
        debug!("made");
        let result = call.await;
        match &result {
            Ok(_) => debug!("answered"),
            Err(error) => log_failure(error),
        }
        result
    };
    told.instrument(span).await
}

/// Tells the log that a call failed. AWS's message stays out, since it may quote a value.
pub(crate) fn log_failure(error: &CallError) {
    let CallError { kind, operation, code, request_id, message: _ } = error;
    let (code, request_id) = (code.as_deref(), request_id.as_deref());
    debug!(?kind, operation, code, request_id, "failed");
}
