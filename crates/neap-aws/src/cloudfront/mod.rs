//! CloudFront distributions.

mod calls;
mod from_aws;
mod read;
mod to_aws;

pub(crate) use read::read;
