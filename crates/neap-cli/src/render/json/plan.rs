//! A plan as JSON.

use std::collections::{BTreeMap, BTreeSet};

use neap_core::plan::{Action, Change, Counts, FieldChange, Mode, Need, Plan, Reason, Verb};
use neap_core::reference;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{VERSION, shown};
use crate::render::{plan as text, value};

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

/// One executable unit: a replacement has two, and so has an update that takes away what others still rely on.
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
    /// The published form of `change`.
    pub(crate) fn of(change: &Change) -> Self {
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
