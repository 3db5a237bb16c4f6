//! S3 buckets, their policies and their files.

mod calls;
mod convert;
mod empty;
pub(crate) mod files;
mod policy;
mod read;

pub(crate) use read::{named, prefix, read, taken_names};
