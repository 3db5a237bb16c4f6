//! Security groups and their rules.

mod calls;
mod read;
mod rules;

pub(crate) use read::{claim, read};
