//! Elastic Load Balancing: load balancers, target groups, listeners and rules.

mod action;
pub(crate) mod alb;
pub(crate) mod clb;
pub(crate) mod listener;
pub(crate) mod nlb;
pub(crate) mod rule;
pub(crate) mod target_group;

pub(crate) use action::{balancers_of, default_rule, groups, turn, way};

use neap_core::desired::DesiredResource;
use neap_core::kinds::Resource;
use neap_core::ownership::Owned;

use super::request::TagCalls;

/// Whether a listener's default action is known by the ARN of a rule: ECS shifts its traffic.
pub(crate) fn needs_default_rule(desired: &DesiredResource) -> bool {
    let is_of_applications = matches!(&desired.resource, Resource::Listener(it) if matches!(it.protocol.as_str(), "HTTP" | "HTTPS"));
    is_of_applications && desired.owned_elsewhere.contains(&Owned::Weights)
}

/// The error code of requests that are wrong.
const INVALID: &str = "ValidationError";
/// The calls that change tags.
const TAGS: TagCalls = TagCalls {
    add: "elasticloadbalancing:AddTags",
    remove: "elasticloadbalancing:RemoveTags",
    invalid: INVALID,
};
