//! How long news travel in AWS, and when a look can be trusted because of it.
//!
//! Decides when to look, and whether to look again. Must not know what is looked at.

use std::collections::BTreeSet;
use std::time::Duration;

use neap_core::address::Kind;
use neap_core::plan::{Plan, Verb};
use tokio::time::{Instant, sleep, sleep_until};

use crate::apply::Summary;
use crate::event::Outcome;

/// How long news travel. AWS names no bound; these are what waiting for them is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// How long something new may stay unseen.
    pub late: Duration,
    /// How long something deleted may go on being shown.
    pub stale: Duration,
}

impl News {
    /// Where every look shows what is there, as on an emulator.
    pub const AT_ONCE: Self = Self { late: Duration::ZERO, stale: Duration::ZERO };
    /// Between two looks at what may be gone already.
    const PAUSE: Duration = Duration::from_secs(5);
}

impl Default for News {
    /// As they travel in AWS: most news take a few seconds, and only a wrong answer would be worse than a wait.
    fn default() -> Self {
        Self { late: Duration::from_secs(15), stale: Duration::from_secs(60) }
    }
}

/// Looks until the answer can be trusted.
///
/// Nobody else has changed anything since the moment `since`, so what was made before it is seen once its news have had
/// their time; a first look that comes earlier waits for that. An answer that is `doubted` may show what is gone, so it
/// is asked for again until it no longer is, or until that news have had their time.
///
/// # Errors
///
/// Fails when a look does.
pub async fn trusted<T, E>(
    news: News,
    since: Instant,
    mut look: impl AsyncFnMut() -> Result<T, E>,
    doubted: impl Fn(&T) -> bool,
) -> Result<T, E> {
    let done = Instant::now();
    sleep_until(since + news.late).await;
    loop {
        let found = look().await?;
        if !doubted(&found) || done.elapsed() >= news.stale {
            return Ok(found);
        }
        sleep(News::PAUSE).await;
    }
}

/// What a plan has deleted, by kind and id: a look that still shows one of these is doubted.
pub fn deleted<'plan>(plan: &'plan Plan, summary: &Summary) -> BTreeSet<(Kind, &'plan str)> {
    let ended = plan.steps.iter().zip(&summary.steps);
    let done = ended.filter(|(step, it)| step.verb == Verb::Delete && it.outcome == Outcome::Done);
    let live = done.filter_map(|(step, _)| plan.changes[step.change].live.as_ref());
    live.map(|live| (live.kind(), live.id.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at something that shows a ghost until so many seconds have passed, `begun` seconds after the first look. Answers
    /// when each look was taken, and whether the last one still shows the ghost.
    async fn looks(news: News, begun: u64, ghost_goes: u64) -> (Vec<u64>, bool) {
        let since = Instant::now();
        sleep(Duration::from_secs(begun)).await;
        let mut taken = Vec::new();
        let look = async || {
            taken.push(since.elapsed().as_secs());
            Ok::<bool, ()>(since.elapsed().as_secs() < ghost_goes)
        };
        let shown = trusted(news, since, look, |shown| *shown).await.expect("an answer");
        (taken, shown)
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_waits_until_what_was_made_before_is_seen() {
        assert_eq!(looks(News::default(), 4, 0).await, (vec![15], false));
        assert_eq!(looks(News::default(), 40, 0).await, (vec![40], false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_shows_something_that_is_gone_is_looked_at_again() {
        assert_eq!(looks(News::default(), 100, 108).await, (vec![100, 105, 110], false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_shown_for_too_long_is_believed() {
        let (taken, shown) = looks(News::default(), 100, 1000).await;
        assert_eq!((taken.last(), shown), (Some(&160), true));
    }

    #[tokio::test(start_paused = true)]
    async fn an_emulator_is_believed_at_once() {
        assert_eq!(looks(News::AT_ONCE, 0, 10).await, (vec![0], true));
    }
}
