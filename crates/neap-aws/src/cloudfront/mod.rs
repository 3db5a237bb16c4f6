//! CloudFront distributions, and what they use: origin access controls and functions.

pub(crate) mod access_control;
mod calls;
mod from_aws;
pub(crate) mod function;
mod invalidation;
mod read;
mod to_aws;

pub(crate) use calls::set_tags;
pub(crate) use invalidation::invalidate;
pub(crate) use read::read;
