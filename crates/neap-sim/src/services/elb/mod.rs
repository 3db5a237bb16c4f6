//! Elastic Load Balancing: load balancers, target groups, listeners and rules.

mod action;
pub(crate) mod alb;
pub(crate) mod clb;
pub(crate) mod listener;
pub(crate) mod nlb;
pub(crate) mod rule;
pub(crate) mod target_group;

pub(crate) use action::{balancers_of, groups};

use super::request::TagCalls;

/// The error code of requests that are wrong.
const INVALID: &str = "ValidationError";
/// The calls that change tags.
const TAGS: TagCalls = TagCalls {
    add: "elasticloadbalancing:AddTags",
    remove: "elasticloadbalancing:RemoveTags",
    invalid: INVALID,
};
