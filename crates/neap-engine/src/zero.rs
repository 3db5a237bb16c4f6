//! The proof that nothing of a stack is left, and what stands in the way of its end: looked at anew, never remembered.
//!
//! Decides how often and how long is looked. Must not know what is looked at, nor what counts: neap-core judges that.

use std::collections::BTreeSet;

use neap_core::address::Kind;
use neap_core::plan::Verb;
use neap_core::zero::{Finding, Remains, StackScope, Thing, Verdict, judge};
use tokio::time::Instant;
use tracing::{Instrument, debug, debug_span};

use crate::cloud::{CallError, Cloud};
use crate::news::{News, trusted};
use crate::read::patiently;
use crate::wait::Patience;

/// What was done right before a proof, whose news may be on their way.
#[derive(Debug, Clone)]
pub struct Since<'plan> {
    /// How long news travel.
    pub news: News,
    /// The moment since which nobody else has changed anything.
    pub begun: Instant,
    /// What was deleted, by kind and id.
    pub deleted: BTreeSet<(Kind, &'plan str)>,
}

impl Since<'_> {
    /// Nothing was done.
    pub fn nothing() -> Self {
        Self { news: News::AT_ONCE, begun: Instant::now(), deleted: BTreeSet::new() }
    }

    /// Whether it is something that was deleted, and may only still be shown.
    fn doubts(&self, left: &Finding) -> bool {
        // A task definition is deleted with all its revisions.
        let name = |id: &str| match left.thing {
            Thing::TaskDefinition => {
                id.rsplit_once(':').map_or_else(|| id.to_owned(), |(family, _)| family.to_owned())
            }
            _ => id.to_owned(),
        };
        let shown = name(&left.id);
        self.deleted.iter().any(|(kind, id)| {
            let id = name(id);
            // Plans know a role by its name, and its ARN ends in that.
            Thing::of(*kind) == left.thing && (shown == id || shown.ends_with(&format!("/{id}")))
        })
    }
}

/// Looks once at everything that may concern the stack of `scope`.
///
/// # Errors
///
/// Fails when nothing can be read at all.
pub async fn look<C: Cloud>(cloud: &C, scope: &StackScope) -> Result<Remains, CallError> {
    let span = debug_span!("remains", stack = scope.stack);
    let looking = async {
        let remains = patiently(|| cloud.remains(scope)).await?;
        debug!(seen = remains.seen.len(), unread = remains.unread.len(), "answered");
        Ok(remains)
    };
    looking.instrument(span).await
}

/// Looks until nothing is left, or something that will not go by itself, or the patience for network interfaces is over:
/// they are what AWS takes longest with. `waiting` is told of each such look that is not the last.
///
/// # Errors
///
/// Fails when nothing can be read at all.
pub async fn prove<C: Cloud>(
    cloud: &C,
    scope: &StackScope,
    since: &Since<'_>,
    waiting: &mut dyn FnMut(&Verdict),
) -> Result<Verdict, CallError> {
    let patience = Patience::of(Verb::Delete, Kind::SecurityGroup);
    let begun = Instant::now();
    let judged = async || Ok(judge(scope, &look(cloud, scope).await?));
    let doubted = |verdict: &Verdict| verdict.left.iter().any(|left| since.doubts(left));
    loop {
        let verdict = trusted(since.news, since.begun, judged, doubted).await?;
        let next = patience.next_look(begun.elapsed()).filter(|_| verdict.needs_only_time());
        let Some(after) = next else { return Ok(verdict) };
        waiting(&verdict);
        tokio::time::sleep(after).await;
    }
}
