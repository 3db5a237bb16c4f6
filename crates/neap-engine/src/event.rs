//! What an apply tells while it works, and how each step ended.
//!
//! Decides the words of progress. Must not know how they are shown; steps are named by their number in the
//! plan, which holds the rest.

use std::fmt;
use std::time::Duration;

use neap_core::address::Address;
use neap_core::plan::StepId;

use crate::cloud::CallError;

/// Something that happened to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its first call is about to be made.
    StepStarted {
        /// The step.
        step: StepId,
    },
    /// It waits to become ready or gone, and what AWS says about it has changed.
    StepProgress {
        /// The step.
        step: StepId,
        /// AWS's word for it: `provisioning`, `1 of 2 tasks running`.
        detail: String,
        /// The time since it started.
        elapsed: Duration,
    },
    /// More of what it uploads has arrived.
    StepMoved {
        /// The step.
        step: StepId,
        /// The bytes that have arrived.
        bytes: u64,
        /// All bytes.
        total: u64,
    },
    /// A call failed and will be made again.
    StepRetried {
        /// The step.
        step: StepId,
        /// How many calls have failed so far.
        attempt: u32,
        /// The time until the next call.
        after: Duration,
        /// Why it failed.
        error: CallError,
    },
    /// It ended. Steps that were never started end too, with no time elapsed.
    StepFinished {
        /// The step.
        step: StepId,
        /// How it ended.
        outcome: Outcome,
        /// The time since it started.
        elapsed: Duration,
    },
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// What it was for is done, and AWS has settled it.
    Done,
    /// It failed.
    Failed(Failure),
    /// It was not started, because a step that it needs failed or was skipped itself.
    Skipped {
        /// The resource of the step that it needs.
        because: Address,
    },
    /// It was in flight when the apply was told to stop waiting: it may be half done.
    Cancelled,
    /// It was not started, because the apply was told to stop.
    NotStarted,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A call failed, for good or too often.
    Call(CallError),
    /// AWS said that it will never be done.
    GaveUp {
        /// AWS's words.
        detail: String,
    },
    /// It was not done in time. It may still become so; the next plan will tell.
    Deadline {
        /// How long was waited.
        waited: Duration,
        /// AWS's last word for it.
        detail: String,
    },
    /// It must not be done twice, so it is written down first, and that failed.
    Unnoted {
        /// Why it failed.
        message: String,
    },
    /// The plan could not be carried out as it is, which is a fault in neap.
    Internal {
        /// What does not fit.
        message: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(formatter),
            Self::GaveUp { detail } => formatter.write_str(detail),
            Self::Deadline { waited, detail } => {
                let seconds = waited.as_secs();
                let (number, unit) =
                    if seconds < 120 { (seconds, "seconds") } else { (seconds / 60, "minutes") };
                write!(formatter, "not done after {number} {unit}; last seen: {detail}")
            }
            Self::Unnoted { message } => {
                write!(formatter, "not started, since it must be written down first and cannot be: {message}")
            }
            Self::Internal { message } => write!(formatter, "internal error: {message}"),
        }
    }
}
