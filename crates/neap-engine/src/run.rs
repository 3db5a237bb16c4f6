//! The state of one apply: what each step has come to, and what is to be done next.
//!
//! Decides what follows from the result of each call. Makes no call itself: it hands out jobs and takes their
//! reports, so that one loop owns all the waiting.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use neap_core::config::Secrets;
use neap_core::desired::DesiredResource;
use neap_core::kinds::Resource;
use neap_core::live::{LiveResource, Outputs};
use neap_core::plan::{Change, Plan, StepId, Verb};
use neap_core::schedule::Schedule;
use tokio::time::Instant;

use crate::apply::{StepResult, Summary};
use crate::call::{Job, Report, Work};
use crate::cloud::{CallError, ErrorKind};
use crate::event::{Event, Failure, Outcome};
use crate::intent::{self, JournalError};
use crate::known::Known;
use crate::retry::Purpose;
use crate::transfers::Moved;
use crate::wait::Patience;

mod once;
mod waiting;

/// How far one step has come.
#[derive(Default)]
struct Track {
    started: Option<Instant>,
    /// What it should become, references filled in.
    desired: Option<Arc<DesiredResource>>,
    outputs: Arc<Outputs>,
    /// How many calls in a row have failed, and since when they do, for each kind of failure: an answer that is lost after
    /// ten refusals is the first that is lost.
    failures: HashMap<ErrorKind, (u32, Instant)>,
    /// When its call returned and the waiting began.
    waiting_since: Option<Instant>,
    /// AWS's last word for it.
    detail: String,
    /// The failure because of which nobody knows whether the create was carried out, and when that was.
    lost: Option<(Instant, CallError)>,
    result: Option<StepResult>,
}

/// One apply under way.
pub(crate) struct Run<'a> {
    plan: &'a Plan,
    events: &'a mut dyn FnMut(Event),
    schedule: Schedule,
    known: Known<'a>,
    tracks: Vec<Track>,
    /// Steps whose call is due once more.
    again: VecDeque<StepId>,
    /// How many steps have a call in flight, and how many may.
    calls: usize,
    limit: usize,
    /// Steps that are written down until their outcome is known, and those that wait until there are fewer.
    noted: BTreeSet<StepId>,
    held: VecDeque<StepId>,
    /// What is to be done next.
    jobs: Vec<Job<'a>>,
    /// Whether the credentials have ended: no other call would do better.
    locked_out: bool,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        secrets: &'a Secrets,
        limit: usize,
        events: &'a mut dyn FnMut(Event),
    ) -> Self {
        Self {
            plan,
            events,
            schedule: Schedule::new(plan),
            known: Known::new(plan, secrets),
            tracks: plan.steps.iter().map(|_| Track::default()).collect(),
            again: VecDeque::new(),
            calls: 0,
            // A limit of nothing would wait for ever.
            limit: limit.max(1),
            noted: BTreeSet::new(),
            held: VecDeque::new(),
            jobs: Vec::new(),
            locked_out: false,
        }
    }

    /// What is to be done now. New steps are started only if `start_new`; those under way go on in any case.
    pub(crate) fn jobs(&mut self, start_new: bool) -> Vec<Job<'a>> {
        while self.calls < self.limit {
            if let Some(step) = self.again.pop_front() {
                self.call(step);
            } else if start_new
                && !self.locked_out
                && let Some(step) = self.next()
            {
                self.begin(step);
            } else {
                break;
            }
        }
        std::mem::take(&mut self.jobs)
    }

    /// Draws the conclusions from the end of a job.
    pub(crate) fn take(&mut self, step: StepId, report: Report) {
        match report {
            Report::Rested => self.again.push_back(step),
            Report::Changed(result) => {
                self.calls -= 1;
                match result {
                    Ok(outputs) => self.changed(step, &outputs),
                    Err(error) if self.noted.contains(&step) && intent::is_ambiguous(&error) => {
                        self.lost(step, error);
                    }
                    Err(error) => self.call_failed(step, error, Purpose::Change),
                }
            }
            Report::Deleted(result) => {
                self.calls -= 1;
                match result {
                    Err(error) if error.kind != ErrorKind::NotFound => {
                        self.call_failed(step, error, Purpose::Delete);
                    }
                    Ok(()) | Err(_) => self.wait(step),
                }
            }
            Report::Looked(result) => self.looked(step, result),
            Report::Unnoted(JournalError(message)) => {
                self.calls -= 1;
                self.noted.remove(&step);
                self.fail(step, Failure::Unnoted { message });
            }
            Report::Found(result) => self.found(step, result),
            Report::Closed => {
                self.noted.remove(&step);
            }
        }
    }

    /// Ends what has not ended, and sums up.
    pub(crate) fn conclude(mut self, is_cancelled: bool, elapsed: Duration) -> Summary {
        let is_stopped = is_cancelled || self.locked_out;
        for step in 0..self.tracks.len() {
            let track = &self.tracks[step];
            if track.result.is_some() {
                continue;
            }
            let outcome = match (track.started, is_stopped) {
                (Some(_), _) => Outcome::Cancelled,
                (None, true) => Outcome::NotStarted,
                (None, false) => Outcome::Failed(internal("steps wait for each other")),
            };
            self.end(step, outcome);
        }
        let outputs = self.known.stack_outputs(&self.plan.outputs);
        let resources = self.known.into_existing();
        // The loop above gives a result to every track that has none.
        let steps =
            self.tracks.into_iter().map(|track| track.result.expect("every step has ended")).collect();
        Summary { steps, resources, outputs, elapsed }
    }

    fn change(&self, step: StepId) -> &'a Change {
        &self.plan.changes[self.plan.steps[step].change]
    }

    fn verb(&self, step: StepId) -> Verb {
        self.plan.steps[step].verb
    }

    fn patience(&self, step: StepId) -> Patience {
        let change = self.change(step);
        let drawn_out = |resource: Option<&Resource>| resource.map_or(Duration::ZERO, Resource::drawn_out);
        let desired = change.desired.as_ref().map(|desired| &desired.resource);
        let by = drawn_out(desired).max(drawn_out(change.live.as_ref().map(|live| &live.resource)));
        Patience::of(self.verb(step), self.plan.steps[step].address.kind()).drawn_out(by)
    }

    fn push(&mut self, step: StepId, after: Duration, work: Work<'a>) {
        let address = &self.plan.steps[step].address;
        self.jobs.push(Job { step, address, after, noted: None, work });
    }

    fn begin(&mut self, step: StepId) {
        self.tracks[step].started = Some(Instant::now());
        if self.makes_another(step) {
            self.noted.insert(step);
        }
        (self.events)(Event::StepStarted { step });
        if self.verb(step) == Verb::Delete {
            return self.call(step);
        }
        let Some(desired) = &self.change(step).desired else {
            return self.fail(step, internal("the plan does not say what the resource should be"));
        };
        match self.known.resolve(desired) {
            Ok(mut resolved) => {
                if self.verb(step) == Verb::Widen
                    && let Some(widened) = self.change(step).widened(&resolved)
                {
                    resolved = widened;
                }
                self.tracks[step].desired = Some(Arc::new(resolved));
                self.call(step);
            }
            Err(message) => self.fail(step, Failure::Internal { message }),
        }
    }

    /// Makes the call of a step, for the first time or once more.
    fn call(&mut self, step: StepId) {
        let Change { live, spec, .. } = self.change(step);
        let desired = self.tracks[step].desired.clone();
        let work = match (self.verb(step), live, desired, spec) {
            (Verb::Create, _, Some(desired), Some(spec)) => Work::Create(desired, spec),
            (Verb::Update, Some(live), Some(desired), Some(spec)) => {
                Work::Update(self.known.unmasked(live), desired, spec)
            }
            // What is left to be done is still the change of the stack that it was.
            (Verb::Widen, Some(live), Some(desired), Some(spec)) => {
                Work::Update(self.known.unmasked(live), desired, live.spec().unwrap_or(spec))
            }
            (Verb::Narrow, Some(live), Some(desired), Some(spec)) => {
                let widened = live.resource.widened(&desired.resource);
                let resource = widened.unwrap_or_else(|| live.resource.clone());
                Work::Update(Cow::Owned(LiveResource { resource, ..live.clone() }), desired, spec)
            }
            (Verb::Delete, Some(live), ..) => Work::Delete(live),
            (Verb::Wait, ..) => {
                let outputs = self.known.outputs(&self.plan.steps[step].address);
                self.tracks[step].outputs = Arc::new(outputs.cloned().unwrap_or_default());
                return self.wait(step);
            }
            _ => return self.fail(step, internal("the plan lacks what the step needs")),
        };
        self.calls += 1;
        let noted = spec.as_deref().filter(|_| self.noted.contains(&step));
        let address = &self.plan.steps[step].address;
        self.jobs.push(Job { step, address, after: Duration::ZERO, noted, work });
    }

    fn changed(&mut self, step: StepId, outputs: &Outputs) {
        let track = &mut self.tracks[step];
        if let Some(desired) = &track.desired {
            let address = &self.plan.steps[step].address;
            let all = self.known.exists(address, desired, outputs);
            track.outputs = Arc::new(all.clone());
        }
        self.wait(step);
    }

    /// Tells how far uploads have come.
    pub(crate) fn moved(&mut self, moved: &[Moved]) {
        for Moved { address, bytes, total } in moved {
            let uploads = |step: &StepId| {
                let planned = &self.plan.steps[*step];
                planned.address == *address
                    && matches!(planned.verb, Verb::Create | Verb::Update)
                    && self.tracks[*step].result.is_none()
            };
            if let Some(step) = (0..self.plan.steps.len()).find(uploads) {
                (self.events)(Event::StepMoved { step, bytes: *bytes, total: *total });
            }
        }
    }

    fn done(&mut self, step: StepId) {
        if self.verb(step) == Verb::Delete {
            self.schedule.gone(step);
        } else {
            self.schedule.ready(step);
        }
        self.close(step);
        self.end(step, Outcome::Done);
    }

    fn fail(&mut self, step: StepId, failure: Failure) {
        self.end_note(step);
        self.locked_out |= matches!(&failure, Failure::Call(error) if error.kind == ErrorKind::Credentials);
        self.end(step, Outcome::Failed(failure));
        for skip in self.schedule.failed(step) {
            let because = self.plan.steps[skip.because].address.clone();
            self.end(skip.step, Outcome::Skipped { because });
        }
    }

    fn end(&mut self, step: StepId, outcome: Outcome) {
        let elapsed = since(self.tracks[step].started);
        self.tracks[step].result = Some(StepResult { outcome: outcome.clone(), elapsed });
        (self.events)(Event::StepFinished { step, outcome, elapsed });
    }
}

fn internal(message: &str) -> Failure {
    Failure::Internal { message: message.to_owned() }
}

/// The time since a moment, or none if it has not come.
fn since(moment: Option<Instant>) -> Duration {
    moment.map_or(Duration::ZERO, |moment| moment.elapsed())
}
