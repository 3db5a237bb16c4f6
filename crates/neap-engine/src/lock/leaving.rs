//! Letting go of the lock: its record is removed, or left for whoever comes next if creates are open in it.
//!
//! Decides when a deletion is safe to send, and when to stop trying. Must not know what was done while it was held.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use super::keeper::{Lock, LockError};
use super::lease::Grip;
use super::protocol::Entry;
use super::record::Version;
use super::store::Store;
use super::writing::{Mine, Outcome, ROUNDS, came_to, gave_up, rested};
use super::{RENEW_EVERY, TIME_TO_LIVE, later};
use crate::cloud::CallError;

/// How long a release may take: a request that hangs until it is given up, another look, and the request once more. The
/// record expires by itself not much later, so that trying for longer would help nobody.
pub const RELEASE_WITHIN: Duration = Duration::from_secs(30);

impl<S: Store> Lock<S> {
    /// Lets go of it. Nothing of it is left, unless there are open intents: then the record stays, for whoever comes
    /// next. Does nothing if the lock is not held.
    ///
    /// # Errors
    ///
    /// Fails when it is lost, or when its record cannot be removed: then it will expire, and on this host it is taken over at
    /// once when the process has ended. [`LockError::Unreleased`] when that is not known after [`RELEASE_WITHIN`].
    pub async fn release(&self) -> Result<(), LockError> {
        let released = timeout(RELEASE_WITHIN, self.let_go()).await.unwrap_or(Err(LockError::Unreleased));
        if released.as_ref().is_err_and(|error| !matches!(error, LockError::Lost(_))) {
            self.presence.leave_behind();
        }
        released
    }

    /// When whatever this process has written or may have written has expired, at the latest.
    pub fn expires_by(&self) -> Timestamp {
        later((self.clock)(), TIME_TO_LIVE)
    }

    /// Removes what was seen, whoever's it is.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be removed, or is not what was seen any more.
    pub async fn remove(&self, seen: &Entry) -> Result<(), LockError> {
        let mut trouble = None;
        for _ in 0..ROUNDS {
            let Some(now) = self.look().await? else { return Ok(()) };
            if now != *seen {
                return Err(LockError::Lost("it has changed meanwhile".to_owned()));
            }
            if self.is_deleted(&seen.version, &mut trouble).await? {
                return Ok(());
            }
        }
        Err(gave_up(trouble))
    }

    async fn let_go(&self) -> Result<(), LockError> {
        let mut mine = self.mine.lock().await;
        let Some(mut held) = mine.take() else { return Ok(()) };
        // Before the first request: once it arrives, somebody else may have the lock.
        self.change_grip(Grip::Lost("it was released".to_owned()));
        if held.record.intents.is_empty() {
            return self.delete_own(&mut held).await;
        }
        let now = (self.clock)();
        self.rewrite(&mut held, |record| {
            record.released = true;
            record.expires = now;
        })
        .await
    }

    async fn delete_own(&self, held: &mut Mine) -> Result<(), LockError> {
        let mut trouble = None;
        for _ in 0..ROUNDS {
            let Some(seen) = self.look().await? else { return Ok(()) };
            // A deletion that hits whatever is there must not come late: nobody takes over what holds for longer.
            let is_fresh = later((self.clock)(), RENEW_EVERY) < held.record.expires;
            if seen.version != held.version || seen.record.as_ref() != Ok(&held.record) || !is_fresh {
                self.rewrite(held, |_| {}).await?;
            } else if self.is_deleted(&held.version, &mut trouble).await? {
                return Ok(());
            }
        }
        Err(gave_up(trouble))
    }

    /// Asks once for the deletion of `version`. Whatever leaves it open is the `trouble`.
    async fn is_deleted(
        &self,
        version: &Version,
        trouble: &mut Option<CallError>,
    ) -> Result<bool, LockError> {
        match came_to(self.store.delete(version).await)? {
            Outcome::Done(()) => return Ok(true),
            Outcome::Missed => {}
            Outcome::Unclear(error) => *trouble = Some(rested(error).await),
        }
        Ok(false)
    }
}
