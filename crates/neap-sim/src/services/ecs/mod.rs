//! ECS: clusters and their capacity, task definitions and services.

mod blue_green;
pub(crate) mod capacity_provider;
pub(crate) mod cluster;
pub(crate) mod cluster_capacity;
mod placement;
pub(crate) mod service;
pub(crate) mod task;

use super::request::TagCalls;

/// The error code of requests that are wrong.
const INVALID: &str = "InvalidParameterException";
/// The error code of requests that are wrong, where ECS does not say which parameter.
const CLIENT: &str = "ClientException";
/// The calls that change tags.
const TAGS: TagCalls = TagCalls { add: "ecs:TagResource", remove: "ecs:UntagResource", invalid: INVALID };
/// What the names of clusters, families, containers and services may hold beside letters and digits.
const NAME: &str = "_-";
