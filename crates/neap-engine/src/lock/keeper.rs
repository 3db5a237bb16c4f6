//! Taking and renewing the lock: one request after the other, each judged by [`protocol`](super::protocol).
//!
//! Decides which request follows from a verdict. Must not wait: whoever wants a lock that is held asks again later, and
//! whoever holds one calls [`Lock::renew`] in time.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::{Mutex, watch};

use super::lease::{Grip, Lease};
use super::leaving::RELEASE_WITHIN;
use super::presence::Presence;
use super::protocol::{Entry, Verdict, Why, judge, judge_history};
use super::record::{Claim, Intent, MAX_INTENTS, Record, Version};
use super::store::Store;
use super::worker::Worker;
use super::writing::{Mine, Outcome, ROUNDS, claim, gave_up, rested};
use super::{Clock, TIME_TO_LIVE, later};
use crate::cloud::CallError;

/// Why something about the lock did not work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LockError {
    /// A request failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Somebody else has it, or it was removed.
    #[error("the stack's lock is lost: {0}")]
    Lost(String),
    /// What lies in its place is no lock.
    #[error("what is there is no lock of this neap: {0}")]
    Damaged(String),
    /// Too many creates are open at once.
    #[error("more than {MAX_INTENTS} creates that only the lock remembers would be open at once")]
    Full,
    /// It is not known whether it was released.
    #[error("no answer within {} s", RELEASE_WITHIN.as_secs())]
    Unreleased,
}

/// The lock was somebody else's before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takeover {
    /// The record as it was.
    pub record: Record,
    /// Why it was taken over.
    pub why: Why,
}

/// How it went to take the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It is held now.
    Taken(Option<Takeover>),
    /// Somebody else holds it.
    Held(Record),
}

/// A stack's lock, for one process.
pub struct Lock<S> {
    pub(super) store: S,
    pub(super) worker: Worker,
    pub(super) clock: Clock,
    pub(super) presence: Presence,
    pub(super) mine: Mutex<Option<Mine>>,
    pub(super) grip: Arc<watch::Sender<Grip>>,
}

impl<S: Store> Lock<S> {
    /// A lock that is not taken yet.
    pub fn new(store: S, worker: Worker, presence: Presence, clock: Clock) -> Self {
        let grip = Arc::new(watch::Sender::new(Grip::Until(Timestamp::MIN)));
        Self { store, worker, clock, presence, mine: Mutex::new(None), grip }
    }

    /// Where it lies.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The right that goes with it, for whoever makes changing calls.
    pub fn lease(&self) -> Lease {
        Lease::new(Arc::clone(&self.grip), Arc::clone(&self.clock))
    }

    /// What lies in its place.
    ///
    /// # Errors
    ///
    /// Fails when that cannot be read.
    pub async fn look(&self) -> Result<Option<Entry>, CallError> {
        Ok(self.store.read().await?.map(Entry::from))
    }

    /// Tries to take it, once.
    ///
    /// # Errors
    ///
    /// Fails when a request fails for good, or when what is there is no lock.
    pub async fn take(&self) -> Result<Attempt, LockError> {
        let mut mine = self.mine.lock().await;
        let (mut takeover, mut intents, mut trouble) = (None, Vec::new(), None);
        for _ in 0..ROUNDS {
            let seen = self.look().await?;
            let now = (self.clock)();
            let is_dead = |record: &Record| self.presence.is_dead(&record.owner);
            let me = &self.worker.owner;
            let mut history = Vec::new();
            let mut verdict = judge(seen.as_ref(), me, now, is_dead);
            if let Some(Entry { version: Version::Number(_), .. }) = seen
                && matches!(verdict, Verdict::Ours(_) | Verdict::Doubt | Verdict::Take(..))
            {
                history = self.history().await?;
                verdict = judge_history(&history, me, now, is_dead);
            }
            let over = history.last().or(seen.as_ref()).map(claim);
            let claims = match verdict {
                Verdict::Free => None,
                Verdict::Held(record) => return Ok(Attempt::Held(record.clone())),
                Verdict::Damaged(reason) => return Err(LockError::Damaged(reason.to_owned())),
                Verdict::Ours(record) | Verdict::Take(record, _) => {
                    intents.clone_from(&record.intents);
                    if let Verdict::Take(_, why) = verdict {
                        takeover = Some(Takeover { record: record.clone(), why });
                    }
                    over
                }
                // Only numbers leave doubts, and the history settles them.
                Verdict::Doubt => continue,
            };
            let record = self.draft(claims, now, intents.clone());
            match self.write(&record).await? {
                Outcome::Done(version) => {
                    if let Some(takeover) = &takeover {
                        self.presence.bury(&takeover.record.owner);
                    }
                    self.hold(&mut mine, record, version);
                    return Ok(Attempt::Taken(takeover));
                }
                Outcome::Missed => {}
                Outcome::Unclear(error) => trouble = Some(rested(error).await),
            }
        }
        Err(gave_up(trouble))
    }

    /// Writes the record anew, so that it holds for longer. Does nothing if the lock is not held.
    ///
    /// # Errors
    ///
    /// [`LockError::Lost`] when somebody else has it; anything else leaves it as it was, to be tried again.
    pub async fn renew(&self) -> Result<(), LockError> {
        let mut mine = self.mine.lock().await;
        match &mut *mine {
            Some(held) => self.rewrite(held, |_| {}).await,
            None => Ok(()),
        }
    }

    fn hold(&self, mine: &mut Option<Mine>, record: Record, version: Version) {
        self.grip.send_replace(Grip::Until(record.expires));
        *mine = Some(Mine { record, version });
    }

    fn draft(&self, claims: Option<Claim>, now: Timestamp, intents: Vec<Intent>) -> Record {
        let Worker { stack, owner, who, process, command } = &self.worker;
        let mut record = Record::new(stack, owner, who, *process, command, now);
        record.expires = later(now, TIME_TO_LIVE);
        record.claims = claims;
        record.intents = intents;
        record
    }
}

impl<S> fmt::Debug for Lock<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lock").field("worker", &self.worker).finish_non_exhaustive()
    }
}
