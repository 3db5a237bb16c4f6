//! What `--json` prints: versioned values of their own, described by JSON Schemas that are made from them.
//!
//! Decides the published form. A version counts up when something that was there changes or goes; what is only
//! added does not count.

use std::collections::{BTreeMap, BTreeSet};

use neap_core::config::Diagnostic;
use neap_core::desired::Desired;
use neap_core::live::{Live, LiveResource, Outputs, Phase, ReadFailure, Reading};
use neap_core::plan::{Action, Change, Counts, FieldChange, Mode, Need, Plan, Reason, Verb};
use neap_core::reference;
use neap_engine::apply::Summary;
use neap_engine::event::{Event, Outcome};
use neap_engine::residue::Residue;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{plan as text, status, summary, value};

/// The version of everything that `--json` prints.
pub(crate) const VERSION: u32 = 1;

/// A plan, as `neap plan --json` prints it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "neap plan")]
pub(crate) struct PlanView {
    /// The version of this form.
    pub(crate) version: u32,
    /// The stack, with the environment: `course` or `course-prod`.
    pub(crate) stack: String,
    /// What the plan is for.
    pub(crate) mode: Mode,
    /// The account that it was made for.
    pub(crate) account: String,
    /// The region that it was made for.
    pub(crate) region: String,
    /// One entry for each resource, those without change included, in the order of execution.
    pub(crate) changes: Vec<ChangeView>,
    /// What is to be done, in an order that respects every `after`.
    pub(crate) steps: Vec<StepView>,
    /// How many resources each action takes.
    pub(crate) counts: Counts,
    /// The stack's outputs; those that hold `${…}` are known after apply.
    pub(crate) outputs: BTreeMap<String, String>,
    /// Things worth a warning.
    pub(crate) warnings: Vec<String>,
}

/// What happens to one resource, and why.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ChangeView {
    /// The resource's address, such as `service.api`.
    address: String,
    /// Its kind, such as `service`.
    kind: String,
    /// What happens.
    action: Action,
    /// Why, as a value.
    reason: Reason,
    /// Why, in words.
    because: String,
    /// Why it is there, if nobody declared it.
    #[serde(skip_serializing_if = "Option::is_none")]
    implied: Option<ImpliedView>,
    /// What AWS knows it by, if it is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// What changes: all fields in a create, none in a delete.
    fields: Vec<FieldView>,
}

/// Why a resource that nobody declared is there.
#[derive(Debug, Serialize, JsonSchema)]
struct ImpliedView {
    /// The address of the declared resource that cannot live without it.
    by: String,
    /// Why.
    reason: String,
}

/// A change of one field. Sensitive values read `(sensitive)`.
#[derive(Debug, Serialize, JsonSchema)]
struct FieldView {
    /// The field's path, such as `health_check.path`.
    path: String,
    /// The live value; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    /// The desired value; absent where there is none. Parts that AWS will assign are written `${address.output}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
    /// What in `after` is known only after apply, such as `alb.public.dns_name`.
    known_after_apply: BTreeSet<String>,
    /// Whether this change replaces the resource.
    forces_replacement: bool,
}

/// One executable unit: a replacement has two.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StepView {
    /// What it does.
    verb: Verb,
    /// To which resource.
    address: String,
    /// What must have happened before.
    after: Vec<NeedView>,
}

/// What must have happened to a step before another may start.
#[derive(Debug, Serialize, JsonSchema)]
struct NeedView {
    /// The index of that step.
    step: usize,
    /// What it waits for.
    need: Need,
}

impl PlanView {
    /// The published form of `plan`.
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            version: VERSION,
            stack: plan.stack.clone(),
            mode: plan.mode,
            account: plan.environment.account.clone(),
            region: plan.environment.region.clone(),
            changes: plan.changes.iter().map(ChangeView::of).collect(),
            steps: (0..plan.steps.len()).map(|step| StepView::of(plan, step)).collect(),
            counts: plan.counts(),
            outputs: shown(&plan.outputs),
            warnings: plan.warnings.clone(),
        }
    }
}

impl ChangeView {
    fn of(change: &Change) -> Self {
        let implied = change.implied.as_ref();
        Self {
            address: change.address.to_string(),
            kind: change.address.kind().to_string(),
            action: change.action,
            reason: change.reason.clone(),
            because: text::because(change),
            implied: implied.map(|it| ImpliedView { by: it.by.to_string(), reason: it.reason.clone() }),
            id: change.live.as_ref().map(|live| live.id.clone()),
            fields: change.fields.iter().map(FieldView::of).collect(),
        }
    }
}

impl FieldView {
    fn of(field: &FieldChange) -> Self {
        let after = field.after.as_ref().map(value::shown);
        let unknown = after.as_ref().map(reference::in_value).unwrap_or_default();
        Self {
            path: field.path.clone(),
            known_after_apply: unknown.into_iter().map(|(_, reference)| reference.to_string()).collect(),
            before: field.before.clone(),
            after,
            forces_replacement: field.forces_replacement,
        }
    }
}

impl StepView {
    fn of(plan: &Plan, index: usize) -> Self {
        let step = &plan.steps[index];
        let edges = plan.edges.iter().filter(|edge| edge.after == index);
        Self {
            verb: step.verb,
            address: step.address.to_string(),
            after: edges.map(|edge| NeedView { step: edge.before, need: edge.need }).collect(),
        }
    }
}

fn shown(outputs: &Outputs) -> Outputs {
    outputs.iter().map(|(name, value)| (name.clone(), summary::shown(value))).collect()
}

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
        /// Steps that may be half done, or were not started, because neap was told to stop.
        cancelled: usize,
        /// The stack's outputs.
        outputs: BTreeMap<String, String>,
        /// Where the stack answers.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// After a destroy: what is still there.
        #[serde(skip_serializing_if = "Option::is_none")]
        left: Option<Vec<LeftView>>,
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

/// Something that is still there.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LeftView {
    /// The resource's address.
    address: String,
    /// What AWS knows it by.
    id: String,
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

    /// The last line of an apply, or of a destroy with what it left.
    pub(crate) fn of_summary(plan: &Plan, summary: &Summary, residue: Option<&Residue>) -> Self {
        let counts = summary.counts();
        let left = |live: &LiveResource| LeftView { address: live.address.to_string(), id: live.id.clone() };
        let is_apply = plan.mode == Mode::Apply;
        Self::Summary {
            version: VERSION,
            stack: plan.stack.clone(),
            mode: plan.mode,
            done: counts.done,
            failed: counts.failed,
            skipped: counts.skipped,
            cancelled: counts.cancelled + counts.not_started,
            outputs: if is_apply { shown(&summary.outputs) } else { BTreeMap::new() },
            url: if is_apply { summary::url(&summary.resources) } else { None },
            left: residue.map(|residue| residue.left.iter().map(left).collect()),
            elapsed: summary.elapsed.as_secs_f64(),
        }
    }
}

fn outcome_view(outcome: &Outcome) -> (OutcomeView, Option<String>) {
    match outcome {
        Outcome::Done => (OutcomeView::Done, None),
        Outcome::Failed(failure) => (OutcomeView::Failed, Some(failure.to_string())),
        Outcome::Skipped { because } => (OutcomeView::Skipped, Some(format!("it needs {because}"))),
        Outcome::Cancelled => (OutcomeView::Cancelled, None),
        Outcome::NotStarted => (OutcomeView::NotStarted, None),
    }
}

/// What is live, as `neap status --json` prints it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "neap status")]
pub(crate) struct StatusView {
    /// The version of this form.
    version: u32,
    /// The stack.
    stack: String,
    /// The account.
    account: String,
    /// The region.
    region: String,
    /// One entry for each resource that the stack declares or implies.
    resources: Vec<ResourceView>,
    /// What is live, tagged as the stack's own, and no longer declared.
    orphans: Vec<ResourceView>,
}

/// One resource as it is live.
#[derive(Debug, Serialize, JsonSchema)]
struct ResourceView {
    /// The resource's address.
    address: String,
    /// `ready`, `settling`, `being deleted`, `failed`, `not there`, `name taken` or `unreadable`.
    state: String,
    /// AWS's words about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What AWS knows it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The values that AWS assigned.
    outputs: Outputs,
}

impl StatusView {
    /// The published form of what is live at each desired address.
    pub(crate) fn of(desired: &Desired, live: &Live) -> Self {
        let reading = |address| live.readings.get(address).unwrap_or(&Reading::Absent);
        let resources = desired.resources.keys();
        let orphan = |live: &LiveResource| {
            ResourceView::of(live.address.to_string(), &Reading::Present(Box::new(live.clone())))
        };
        Self {
            version: VERSION,
            stack: desired.stack.clone(),
            account: live.environment.account.clone(),
            region: live.environment.region.clone(),
            resources: resources.map(|it| ResourceView::of(it.to_string(), reading(it))).collect(),
            orphans: live.orphans.iter().map(orphan).collect(),
        }
    }
}

impl ResourceView {
    fn of(address: String, reading: &Reading) -> Self {
        let (id, outputs, detail) = match reading {
            Reading::Absent => (None, Outputs::new(), None),
            Reading::Present(live) => {
                let detail = match &live.phase {
                    Phase::Ready => None,
                    Phase::Settling(detail) | Phase::Deleting(detail) | Phase::Failed(detail) => {
                        Some(detail.clone())
                    }
                };
                (Some(live.id.clone()), live.outputs.clone(), detail)
            }
            Reading::Foreign(live) => (Some(live.id.clone()), Outputs::new(), None),
            Reading::Unreadable(ReadFailure { operation, message, .. }) => {
                (None, Outputs::new(), Some(format!("{operation}: {message}")))
            }
        };
        Self { address, state: status::word(reading).to_owned(), detail, id, outputs }
    }
}

/// What is wrong with a stack file, as any command prints it under `--json`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "neap mistakes")]
pub(crate) struct MistakesView {
    /// The version of this form.
    version: u32,
    /// Always false.
    valid: bool,
    /// The stack file.
    file: String,
    /// Every mistake, in the order of the file.
    mistakes: Vec<MistakeView>,
}

/// One mistake of a stack file.
#[derive(Debug, Serialize, JsonSchema)]
struct MistakeView {
    /// What is wrong.
    message: String,
    /// The line, from 1; 0 for the file as a whole.
    line: usize,
    /// The column in characters, from 1; 0 for the file as a whole.
    column: usize,
    /// What stands beside the mark under the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// What to do, and what would be allowed.
    help: Vec<String>,
}

impl MistakesView {
    /// The published form of `mistakes` in `file`.
    pub(crate) fn of(file: &str, mistakes: &[Diagnostic]) -> Self {
        let mistake = |it: &Diagnostic| MistakeView {
            message: it.message.clone(),
            line: it.line,
            column: it.column,
            label: it.label.clone(),
            help: it.help.clone(),
        };
        let (file, mistakes) = (file.to_owned(), mistakes.iter().map(mistake).collect());
        Self { version: VERSION, valid: false, file, mistakes }
    }
}

/// `value` as indented JSON with a line end.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    // Views are structures of strings, numbers, lists and string-keyed maps, which always serialise.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// `value` as one line of JSON.
pub(crate) fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests;
