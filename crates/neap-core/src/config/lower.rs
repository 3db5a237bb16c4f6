//! From a stack file's tables to the resources that they ask for.
//!
//! Decides defaults, names, tags, implied resources and what is a mistake although every key has the right type.
//! Must not know the text that the tables came from, nor what is live.

use super::Mistake;
use super::shape::StackFile;
use crate::desired::Desired;

/// What `file` asks for, as the stack called `stack`; `region` goes before the file's own.
///
/// # Errors
///
/// Fails with every mistake in the file, in the order of its tables.
pub fn lower(file: &StackFile, stack: &str, region: Option<&str>) -> Result<Desired, Vec<Mistake>> {
    let desired = Desired {
        stack: stack.to_owned(),
        region: region.map(str::to_owned).or_else(|| file.stack.region.clone()),
        account: file.stack.account.clone(),
        ..Desired::default()
    };
    Ok(desired)
}
