//! What is live as JSON.

use neap_core::desired::Desired;
use neap_core::live::{Live, LiveResource, Outputs, Phase, ReadFailure, Reading};
use schemars::JsonSchema;
use serde::Serialize;

use super::VERSION;
use crate::render::status;

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
