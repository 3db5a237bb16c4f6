//! S3 buckets and their policies.

mod calls;
mod convert;
mod empty;
mod policy;
mod read;

pub(crate) use read::{named, prefix, read};
