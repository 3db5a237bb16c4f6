//! What follows from a look at a step that waits, and from a call that failed: another look, another call, or its end.
//!
//! Decides by the patience for the step's kind and by [`retry`]. Must not know which steps come after it.

use std::sync::Arc;
use std::time::Duration;

use neap_core::live::LiveResource;
use neap_core::plan::{StepId, Verb};
use tokio::time::Instant;

use super::{Run, internal, since};
use crate::call::Work;
use crate::cloud::{CallError, ErrorKind, Progress};
use crate::event::{Event, Failure};
use crate::retry::{self, Attempt, Decision, Purpose};

impl<'a> Run<'a> {
    /// The call of a step has returned: from now on it only waits, looking at once for the first time.
    pub(super) fn wait(&mut self, step: StepId) {
        let track = &mut self.tracks[step];
        track.waiting_since = Some(Instant::now());
        track.failures.clear();
        self.schedule.exists(step);
        self.look(step, Duration::ZERO);
    }

    fn look(&mut self, step: StepId, after: Duration) {
        let live: Option<&'a LiveResource> = self.change(step).live.as_ref();
        let track = &self.tracks[step];
        let work = match (self.verb(step), live, &track.desired) {
            (Verb::Delete, Some(live), _) => Work::Gone(live),
            (_, _, Some(desired)) => Work::Ready(Arc::clone(desired), Arc::clone(&track.outputs)),
            _ => return self.fail(step, internal("the plan lacks what the step waits for")),
        };
        self.push(step, after, work);
    }

    pub(super) fn looked(&mut self, step: StepId, result: Result<Progress, CallError>) {
        let deletes = self.verb(step) == Verb::Delete;
        match result {
            Ok(Progress::Done) => self.done(step),
            Ok(Progress::Pending(detail)) => self.pending(step, self.known.redact(detail)),
            Ok(Progress::Failed(detail)) => {
                let detail = self.known.redact(detail);
                self.fail(step, Failure::GaveUp { detail });
            }
            Err(error) if deletes && error.kind == ErrorKind::NotFound => self.done(step),
            Err(error) => {
                self.call_failed(step, error, if deletes { Purpose::Delete } else { Purpose::Look });
            }
        }
    }

    fn pending(&mut self, step: StepId, detail: String) {
        let patience = self.patience(step);
        let track = &mut self.tracks[step];
        track.failures.clear();
        let waited = since(track.waiting_since);
        let Some(after) = patience.next_look(waited) else {
            return self.fail(step, Failure::Deadline { waited, detail });
        };
        if track.detail != detail {
            track.detail.clone_from(&detail);
            let elapsed = since(track.started);
            (self.events)(Event::StepProgress { step, detail, elapsed });
        }
        self.look(step, after);
    }

    /// A call or a look failed: once more, or never.
    pub(super) fn call_failed(&mut self, step: StepId, error: CallError, purpose: Purpose) {
        let error = CallError { message: self.known.redact(error.message), ..error };
        let patience = self.patience(step);
        let track = &mut self.tracks[step];
        let (number, since) = track.failures.entry(error.kind).or_insert((0, Instant::now()));
        *number += 1;
        let (number, elapsed) = (*number, since.elapsed());
        let attempt = track.failures.values().map(|(number, _)| number).sum();
        let decision = retry::decide(&Attempt {
            kind: error.kind,
            purpose,
            number,
            elapsed,
            visible: patience.visible,
            deadline: patience.deadline,
            seed: step as u64,
        });
        let Decision::RetryAfter(after) = decision else {
            return self.fail(step, Failure::Call(error));
        };
        let Some(waiting_since) = track.waiting_since else {
            (self.events)(Event::StepRetried { step, attempt, after, error });
            return self.push(step, after, Work::Rest);
        };
        if waiting_since.elapsed() >= patience.deadline {
            return self.fail(step, Failure::Call(error));
        }
        (self.events)(Event::StepRetried { step, attempt, after, error });
        self.look(step, after);
    }
}
