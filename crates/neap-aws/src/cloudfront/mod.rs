//! CloudFront distributions, and what they use: origin access controls and functions.

pub(crate) mod access_control;
mod calls;
mod from_aws;
pub(crate) mod function;
mod read;
mod to_aws;

pub(crate) use read::read;
