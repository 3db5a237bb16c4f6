//! An adoption as JSON.

use std::collections::BTreeMap;

use neap_core::adopt::Adoption;
use neap_core::live::LiveResource;
use schemars::JsonSchema;
use serde::Serialize;

use super::VERSION;
use super::plan::ChangeView;

/// What `neap adopt --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "neap adoption")]
pub(crate) struct AdoptionView {
    /// The version of this form.
    version: u32,
    /// The stack.
    stack: String,
    /// The resource that was to be adopted.
    address: String,
    /// What AWS knows it by.
    id: String,
    /// Whether it is the stack's own now.
    owned: bool,
    /// The tags that were set, or would have been.
    tags: BTreeMap<String, String>,
    /// What the next apply does to it, as the stack file is; absent where something else has the stack's name for it, and
    /// where nothing was to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<ChangeView>,
    /// The name that the stack file must give it, where it has another.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// What the next apply does once the stack file has that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_with_name: Option<ChangeView>,
}

impl AdoptionView {
    /// The published form of `adoption`, carried out or not.
    pub(crate) fn of(stack: &str, adoption: &Adoption, owned: bool) -> Self {
        let Adoption { address, live, next, renamed, .. } = adoption;
        Self {
            version: VERSION,
            stack: stack.to_owned(),
            address: address.to_string(),
            id: live.id.clone(),
            owned,
            tags: adoption.marks(),
            next: next.as_ref().map(ChangeView::of),
            name: renamed.as_ref().map(|renamed| renamed.name.clone()),
            next_with_name: renamed.as_ref().map(|renamed| ChangeView::of(&renamed.next)),
        }
    }

    /// That of something that is the stack's own already.
    pub(crate) fn already(stack: &str, live: &LiveResource) -> Self {
        Self {
            version: VERSION,
            stack: stack.to_owned(),
            address: live.address.to_string(),
            id: live.id.clone(),
            owned: true,
            tags: BTreeMap::new(),
            next: None,
            name: None,
            next_with_name: None,
        }
    }
}
