//! CloudFront distributions.

pub(crate) mod access_control;
mod calls;
mod from_aws;
mod read;
mod to_aws;

pub(crate) use read::read;
