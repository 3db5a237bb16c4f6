//! What is left after a destroy: read again, never remembered.
//!
//! Decides what counts as left. Must not know why it is still there.

use std::collections::BTreeSet;

use neap_core::address::Kind;
use neap_core::desired::Desired;
use neap_core::live::{LiveResource, ReadFailure, Reading};
use tokio::time::Instant;

use crate::cloud::{CallError, Cloud};
use crate::news::{self, News};

/// What a look after a destroy found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Residue {
    /// Resources of the stack's own that are still there.
    pub left: Vec<LiveResource>,
    /// Reads that failed, because of which there may be more.
    pub unread: Vec<ReadFailure>,
}

impl Residue {
    /// Whether it is proven that nothing is left.
    pub const fn is_none(&self) -> bool {
        self.left.is_empty() && self.unread.is_empty()
    }
}

/// The same once it can be trusted: nothing made before `since` is missed, nothing `deleted` is held against the stack.
///
/// # Errors
///
/// Fails when nothing can be read at all.
pub async fn trusted_residue<C: Cloud>(
    cloud: &C,
    desired: &Desired,
    news: News,
    since: Instant,
    deleted: &BTreeSet<(Kind, &str)>,
) -> Result<Residue, CallError> {
    let is_gone = |live: &LiveResource| deleted.contains(&(live.kind(), live.id.as_str()));
    let doubted = |residue: &Residue| residue.left.iter().any(is_gone);
    news::trusted(news, since, async || residue(cloud, desired).await, doubted).await
}

/// Reads the stack `desired` again and lists what of it is left. What AWS still deletes is left too.
///
/// # Errors
///
/// Fails when nothing can be read at all.
pub async fn residue<C: Cloud>(cloud: &C, desired: &Desired) -> Result<Residue, CallError> {
    let live = crate::read::read(cloud, desired).await?;
    let mut residue = Residue { left: live.orphans, unread: live.failures };
    for reading in live.readings.into_values() {
        match reading {
            Reading::Present(live) => residue.left.push(*live),
            Reading::Unreadable(failure) => residue.unread.push(failure),
            Reading::Absent | Reading::Foreign(_) => {}
        }
    }
    residue.left.sort_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
    Ok(residue)
}
