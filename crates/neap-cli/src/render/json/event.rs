//! The lines of an apply or a destroy as JSON.

use std::collections::BTreeMap;

use neap_core::plan::{Mode, Plan, Verb};
use neap_core::zero::{Blocker, Verdict};
use neap_engine::apply::Summary;
use neap_engine::event::{Event, Outcome};
use neap_engine::lock::Record;
use schemars::JsonSchema;
use serde::Serialize;

use super::failure::{self, FailureView, LeftOutView};
use super::lock::HolderView;
use super::zero::{self, BlockerView, FindingView, UnreadView};
use super::{PlanView, VERSION, shown};
use crate::render::failure::command;
use crate::render::summary;

/// One line of `neap apply --json` or `neap destroy --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(title = "neap event")]
pub(crate) enum Line {
    /// The first line: what will be done.
    Plan {
        /// The plan.
        plan: PlanView,
    },
    /// What is in the way of a destroy, before anything is done.
    Blockers {
        /// Each with what is done about it.
        blockers: Vec<BlockerView>,
    },
    /// A step's first call is about to be made.
    StepStarted {
        /// The step's index in the plan.
        step: usize,
        /// What it does.
        verb: Verb,
        /// To which resource.
        address: String,
    },
    /// A step waits, and what AWS says about it has changed.
    StepProgress {
        /// The step's index in the plan.
        step: usize,
        /// Its resource.
        address: String,
        /// AWS's word for it.
        detail: String,
        /// Seconds since it started.
        elapsed: f64,
    },
    /// More of what a step uploads has arrived.
    StepMoved {
        /// The step's index in the plan.
        step: usize,
        /// Its resource.
        address: String,
        /// The bytes that have arrived.
        bytes: u64,
        /// All bytes.
        total: u64,
    },
    /// A call of a step failed and will be made again.
    StepRetried {
        /// The step's index in the plan.
        step: usize,
        /// Its resource.
        address: String,
        /// How many calls have failed so far.
        attempt: u32,
        /// Seconds until the next call.
        after: f64,
        /// Why it failed.
        error: String,
    },
    /// A step ended.
    StepFinished {
        /// The step's index in the plan.
        step: usize,
        /// What it was to do.
        verb: Verb,
        /// To which resource.
        address: String,
        /// How it ended.
        outcome: OutcomeView,
        /// Why it failed, or what it would have needed.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// Seconds since it started.
        elapsed: f64,
    },
    /// The only line if somebody else holds the stack's lock: nothing was done.
    Locked {
        /// The version of these lines.
        version: u32,
        /// The stack.
        stack: String,
        /// Who holds the lock.
        #[serde(flatten)]
        holder: HolderView,
    },
    /// The last line.
    Summary {
        /// The version of these lines.
        version: u32,
        /// The stack.
        stack: String,
        /// What was done.
        mode: Mode,
        /// Steps that were done.
        done: usize,
        /// Steps that failed.
        failed: usize,
        /// Steps that were not started, because one that they need failed.
        skipped: usize,
        /// Steps that may be half done, or were not started, because neap was told to stop or its credentials ended.
        cancelled: usize,
        /// What failed, and why.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        failures: Vec<FailureView>,
        /// What was not done because of that, or because neap was told to stop.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<LeftOutView>,
        /// The command that goes on where this one ended; absent if all is done.
        #[serde(skip_serializing_if = "Option::is_none")]
        next: Option<String>,
        /// The stack's outputs.
        outputs: BTreeMap<String, String>,
        /// Where the stack answers.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// After a destroy: what is still there.
        #[serde(skip_serializing_if = "Option::is_none")]
        left: Option<Vec<FindingView>>,
        /// After a destroy: reads that failed, because of which there may be more.
        #[serde(skip_serializing_if = "Option::is_none")]
        unread: Option<Vec<UnreadView>>,
        /// Seconds that everything took.
        elapsed: f64,
    },
}

/// How a step ended.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutcomeView {
    /// It is done, and AWS has settled it.
    Done,
    /// It failed.
    Failed,
    /// It was not started, because a step that it needs failed or was skipped itself.
    Skipped,
    /// It was in flight when neap was told to stop: it may be half done.
    Cancelled,
    /// It was not started, because neap was told to stop.
    NotStarted,
}

impl Line {
    /// The line that tells `event`.
    pub(crate) fn of_event(plan: &Plan, event: &Event) -> Self {
        let address = |step: usize| plan.steps[step].address.to_string();
        match event {
            Event::StepStarted { step } => {
                let step = *step;
                Self::StepStarted { step, verb: plan.steps[step].verb, address: address(step) }
            }
            Event::StepProgress { step, detail, elapsed } => Self::StepProgress {
                step: *step,
                address: address(*step),
                detail: detail.clone(),
                elapsed: elapsed.as_secs_f64(),
            },
            Event::StepMoved { step, bytes, total } => {
                Self::StepMoved { step: *step, address: address(*step), bytes: *bytes, total: *total }
            }
            Event::StepRetried { step, attempt, after, error } => Self::StepRetried {
                step: *step,
                address: address(*step),
                attempt: *attempt,
                after: after.as_secs_f64(),
                error: error.to_string(),
            },
            Event::StepFinished { step, outcome, elapsed } => {
                let step = *step;
                let (outcome, detail) = outcome_view(outcome);
                let verb = plan.steps[step].verb;
                let elapsed = elapsed.as_secs_f64();
                Self::StepFinished { step, verb, address: address(step), outcome, detail, elapsed }
            }
        }
    }

    /// The line about a lock that somebody else holds.
    pub(crate) fn of_lock(record: &Record) -> Self {
        Self::Locked { version: VERSION, stack: record.stack.clone(), holder: HolderView::of(record) }
    }

    /// The line that tells what is in the way of a destroy.
    pub(crate) fn of_blockers(blockers: &[Blocker]) -> Self {
        Self::Blockers { blockers: zero::blockers(blockers) }
    }

    /// The last line of an apply, or of a destroy with what it left.
    pub(crate) fn of_summary(plan: &Plan, summary: &Summary, verdict: Option<&Verdict>) -> Self {
        let counts = summary.counts();
        let is_apply = plan.mode == Mode::Apply;
        Self::Summary {
            version: VERSION,
            stack: plan.stack.clone(),
            mode: plan.mode,
            done: counts.done,
            failed: counts.failed,
            skipped: counts.skipped,
            cancelled: counts.cancelled + counts.not_started,
            failures: failure::failures(plan, summary),
            left_out: failure::left_out(plan, summary),
            next: (!summary.is_success()).then(|| command(plan).to_owned()),
            outputs: if is_apply { shown(&summary.outputs) } else { BTreeMap::new() },
            url: if is_apply { summary::url(&summary.resources) } else { None },
            left: verdict.map(|verdict| zero::findings(&verdict.left)),
            unread: verdict.map(|verdict| zero::unread(&verdict.unread)),
            elapsed: summary.elapsed.as_secs_f64(),
        }
    }
}

pub(super) fn outcome_view(outcome: &Outcome) -> (OutcomeView, Option<String>) {
    match outcome {
        Outcome::Done => (OutcomeView::Done, None),
        Outcome::Failed(failure) => (OutcomeView::Failed, Some(failure.to_string())),
        Outcome::Skipped { because } => (OutcomeView::Skipped, Some(format!("it needs {because}"))),
        Outcome::Cancelled => (OutcomeView::Cancelled, None),
        Outcome::NotStarted => (OutcomeView::NotStarted, None),
    }
}
