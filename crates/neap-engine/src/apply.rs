//! Carrying out a plan: one task, a bounded number of calls in flight, every wait overlapped.
//!
//! Decides nothing about what is done: the plan has. Must not know how a cloud makes its calls.

use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use neap_core::address::Address;
use neap_core::config::Secrets;
use neap_core::live::Outputs;
use neap_core::plan::Plan;
use tokio::time::Instant;

use crate::call::perform;
use crate::cancel::{Cancel, Level};
use crate::cloud::Cloud;
use crate::event::{Event, Outcome};
use crate::intent::{Journal, NoJournal};
use crate::lock::Lease;
use crate::run::Run;
use crate::transfers::Moved;

/// How a plan is carried out.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// At most so many steps have a call in flight at once. Waiting for AWS to settle does not count; waiting in a
    /// [bucket](crate::throttle) does, so a low limit lets calls that wait for a slow bucket hold up all others.
    pub limit: usize,
    /// Asks the apply to stop.
    pub cancel: Cancel,
    /// Where creates are written down that must not be made twice.
    pub journal: Rc<dyn Journal>,
    /// The right to change the stack: without it no changing call is sent.
    pub lease: Lease,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        // The buckets set the pace. This keeps memory in bounds, and is more than the default quotas of AWS let wait
        // for any slow bucket: 50 load balancers at one in five seconds, and clusters or revisions at one a second.
        Self { limit: 256, cancel: Cancel::default(), journal: Rc::new(NoJournal), lease: Lease::unlimited() }
    }
}

/// How one step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepResult {
    /// How it ended.
    pub outcome: Outcome,
    /// The time from its first call to its end; zero if it was not started.
    pub elapsed: Duration,
}

/// How many steps ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    /// Done.
    pub done: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped, because of one that failed.
    pub skipped: usize,
    /// In flight when the apply was told to stop.
    pub cancelled: usize,
    /// Never started, because the apply was told to stop.
    pub not_started: usize,
}

/// How an apply went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// One entry for each step of the plan, in its order.
    pub steps: Vec<StepResult>,
    /// What is known now of each resource: values that AWS assigned, and those that follow from its name.
    pub resources: BTreeMap<Address, Outputs>,
    /// The stack's outputs. Those that need a value which never came are missing; sensitive variables stay
    /// references.
    pub outputs: BTreeMap<String, String>,
    /// The time that everything took.
    pub elapsed: Duration,
}

impl Summary {
    /// How many steps ended in which way.
    pub fn counts(&self) -> OutcomeCounts {
        let mut counts = OutcomeCounts::default();
        for step in &self.steps {
            match step.outcome {
                Outcome::Done => counts.done += 1,
                Outcome::Failed(_) => counts.failed += 1,
                Outcome::Skipped { .. } => counts.skipped += 1,
                Outcome::Cancelled => counts.cancelled += 1,
                Outcome::NotStarted => counts.not_started += 1,
            }
        }
        counts
    }

    /// Whether every step is done.
    pub fn is_success(&self) -> bool {
        self.steps.iter().all(|step| step.outcome == Outcome::Done)
    }
}

/// How long what is in flight may take once the apply is asked to finish: whoever asked may not be there to ask again.
const GRACE: Duration = Duration::from_secs(120);

/// Returns once nothing may be waited for any more.
async fn must_stop(cancel: &Cancel) {
    cancel.reached(Level::Finish).await;
    let _is_over = tokio::time::timeout(GRACE, cancel.reached(Level::Now)).await.is_err();
}

/// What has moved of the uploads under way; never returns where nothing does.
async fn moved<C: Cloud>(cloud: &C) -> Vec<Moved> {
    match cloud.transfers() {
        Some(transfers) => transfers.next().await,
        None => std::future::pending().await,
    }
}

/// Carries out `plan` on `cloud` and tells `events` what happens.
///
/// A step that fails skips what depends on it; the rest finishes. Nothing is undone: the next plan starts
/// from what is live then.
pub async fn apply<C: Cloud>(
    cloud: &C,
    plan: &Plan,
    secrets: &Secrets,
    options: &ApplyOptions,
    events: &mut dyn FnMut(Event),
) -> Summary {
    let begun = Instant::now();
    let cancel = &options.cancel;
    let mut run = Run::new(plan, secrets, options.limit, events);
    let mut in_flight = FuturesUnordered::new();
    let mut stop = pin!(must_stop(cancel));
    loop {
        let jobs = run.jobs(cancel.level() == Level::None);
        let perform = |job| perform(cloud, &*options.journal, &options.lease, job);
        in_flight.extend(jobs.into_iter().map(perform));
        let ended = tokio::select! {
            biased;
            () = &mut stop => None,
            ended = in_flight.next() => ended,
            moved = moved(cloud) => {
                run.moved(&moved);
                continue;
            }
        };
        let Some((step, report)) = ended else { break };
        run.take(step, report);
    }
    run.conclude(cancel.level() != Level::None, begun.elapsed())
}
