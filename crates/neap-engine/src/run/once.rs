//! Steps whose call must not be made twice: few at a time, written down, looked for when the answer is lost.
//!
//! Decides when such a call is made once more: when what it may have made can no longer be invisible. Must not know how
//! it is written down.

use std::sync::Arc;
use std::time::Duration;

use neap_core::live::Outputs;
use neap_core::plan::{StepId, Verb};
use neap_core::repeats::Repeat;
use tokio::time::Instant;

use super::{Run, internal, since};
use crate::call::Work;
use crate::cloud::CallError;
use crate::event::{Event, Failure};
use crate::intent;
use crate::retry::Purpose;

impl Run<'_> {
    /// The step to start next.
    pub(super) fn next(&mut self) -> Option<StepId> {
        let is_full = self.noted.len() >= intent::MOST_OPEN;
        if !is_full && let Some(step) = self.held.pop_front() {
            return Some(step);
        }
        loop {
            let [step] = *self.schedule.start(1) else { return None };
            if !is_full || !self.makes_another(step) {
                return Some(step);
            }
            self.held.push_back(step);
        }
    }

    /// Whether the call of a step makes another one of the same if it is made twice.
    pub(super) fn makes_another(&self, step: StepId) -> bool {
        let repeat = Repeat::of(self.plan.steps[step].address.kind());
        match self.verb(step) {
            Verb::Create => repeat.makes_another(),
            Verb::Update | Verb::Widen | Verb::Narrow => repeat == Repeat::Append,
            Verb::Delete | Verb::Wait => false,
        }
    }

    /// Nobody knows whether the create of a step was carried out: what it made is looked for.
    pub(super) fn lost(&mut self, step: StepId, error: CallError) {
        let error = CallError { message: self.known.redact(error.message), ..error };
        let detail = format!("no answer ({error}); looking for what it may have made");
        let track = &mut self.tracks[step];
        track.lost = Some((Instant::now(), error));
        let elapsed = since(track.started);
        (self.events)(Event::StepProgress { step, detail, elapsed });
        self.search(step);
    }

    /// Looks, after a while, for what the create of a step may have made.
    fn search(&mut self, step: StepId) {
        let (Some(desired), Some(spec)) = (&self.tracks[step].desired, &self.change(step).spec) else {
            return self.fail(step, internal("the plan lacks what the step may have made"));
        };
        let work = Work::Created(Arc::clone(desired), spec);
        self.push(step, intent::LOOK_EVERY, work);
    }

    /// A look for what a create may have made has returned. Only when it cannot be invisible any longer is the create
    /// made once more; if nobody could look, it is not.
    pub(super) fn found(&mut self, step: StepId, result: Result<Option<Outputs>, CallError>) {
        let Some((lost, error)) = self.tracks[step].lost.take() else { return };
        if let Ok(Some(outputs)) = result {
            return self.changed(step, &outputs);
        }
        if lost.elapsed() < intent::window(self.plan.steps[step].address.kind()) {
            self.tracks[step].lost = Some((lost, error));
            return self.search(step);
        }
        match result {
            Ok(_) => self.call_failed(step, error, Purpose::Change),
            Err(error) => {
                // The note stays for the next run, which looks again.
                self.noted.remove(&step);
                let error = CallError { message: self.known.redact(error.message), ..error };
                self.fail(step, Failure::Call(error));
            }
        }
    }

    /// A step has failed. If it was refused, there is nothing to look for; if what it made has never been seen, the note
    /// stays for the next run.
    pub(super) fn end_note(&mut self, step: StepId) {
        if self.tracks[step].waiting_since.is_none() {
            self.close(step);
        } else {
            self.noted.remove(&step);
        }
    }

    /// What became of a create that was written down is there for everybody to see.
    pub(super) fn close(&mut self, step: StepId) {
        if self.noted.contains(&step) {
            self.push(step, Duration::ZERO, Work::Close);
        }
    }
}
