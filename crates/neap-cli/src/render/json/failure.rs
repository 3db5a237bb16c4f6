//! What an apply or a destroy did not do, as JSON.

use neap_core::plan::{Plan, Verb};
use neap_engine::apply::Summary;
use neap_engine::event::{Failure, Outcome};
use schemars::JsonSchema;
use serde::Serialize;

use super::event::{OutcomeView, outcome_view};
use crate::render::explain::explain;

/// A step that failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FailureView {
    /// The step's index in the plan.
    step: usize,
    /// What it was to do.
    verb: Verb,
    /// To which resource.
    address: String,
    /// What happened, in AWS's words.
    detail: String,
    /// The API operation that failed, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// AWS's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// AWS's id for the request, for its support.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// The cause, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// The permission that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission: Option<PermissionView>,
    /// The quota that is used up, by its name in the Service Quotas console.
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<&'static str>,
    /// What to do, best first.
    fixes: Vec<String>,
}

/// A permission.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PermissionView {
    /// The action, such as `ecs:CreateService`.
    action: String,
    /// What it was to act on, as far as AWS says.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
}

/// A step that was not done, and did not fail.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LeftOutView {
    /// The step's index in the plan.
    step: usize,
    /// What it was to do.
    verb: Verb,
    /// To which resource.
    address: String,
    /// How it ended.
    outcome: OutcomeView,
    /// What it would have needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// What failed.
pub(super) fn failures(plan: &Plan, summary: &Summary) -> Vec<FailureView> {
    let steps = summary.steps.iter().enumerate();
    let failed = steps.filter_map(|(step, result)| match &result.outcome {
        Outcome::Failed(failure) => Some(failed(plan, step, failure)),
        _ => None,
    });
    failed.collect()
}

fn failed(plan: &Plan, step: usize, failure: &Failure) -> FailureView {
    let address = plan.steps[step].address.to_string();
    let explained = explain(failure, &address);
    let call = match failure {
        Failure::Call(error) => Some(error.clone()),
        Failure::GaveUp { .. }
        | Failure::Deadline { .. }
        | Failure::Unnoted { .. }
        | Failure::Internal { .. } => None,
    };
    let permission = explained.permission;
    FailureView {
        step,
        verb: plan.steps[step].verb,
        address,
        detail: failure.to_string(),
        operation: call.as_ref().map(|error| error.operation.clone()),
        code: call.as_ref().and_then(|error| error.code.clone()),
        request_id: call.and_then(|error| error.request_id),
        cause: explained.cause,
        permission: permission.map(|it| PermissionView { action: it.action, resource: it.resource }),
        quota: explained.quota,
        fixes: explained.fixes,
    }
}

/// What was not done for other reasons.
pub(super) fn left_out(plan: &Plan, summary: &Summary) -> Vec<LeftOutView> {
    let steps = summary.steps.iter().enumerate();
    let left = steps.filter(|(_, result)| !matches!(result.outcome, Outcome::Done | Outcome::Failed(_)));
    left.map(|(step, result)| {
        let (outcome, detail) = outcome_view(&result.outcome);
        let (verb, address) = (plan.steps[step].verb, plan.steps[step].address.to_string());
        LeftOutView { step, verb, address, outcome, detail }
    })
    .collect()
}
