//! Taking, renewing and releasing the lock: one request after the other, each judged by [`protocol`](super::protocol).
//!
//! Decides which request follows from a verdict. Must not wait: whoever wants a lock that is held asks again later, and
//! whoever holds one calls [`Lock::renew`] in time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use neap_core::address::Address;
use thiserror::Error;
use tokio::sync::{Mutex, watch};

use super::lease::{Grip, Lease};
use super::presence::Presence;
use super::protocol::{Entry, Verdict, Why, fits, heir, judge, judge_history, refutes};
use super::record::{Claim, Intent, MAX_INTENTS, Record, Version};
use super::store::{Store, WriteError};
use super::{Clock, RENEW_EVERY, TIME_TO_LIVE, later};
use crate::cloud::{CallError, ErrorKind};
use crate::intent::{self, Journal, JournalError};

/// So often a request that missed, or whose outcome is not known, is followed by another look.
const ROUNDS: u32 = 10;

/// Who wants the lock, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The stack.
    pub stack: String,
    /// A word that no other process has: 32 hexadecimal digits.
    pub owner: String,
    /// Who it is, for people: `ada@laptop`.
    pub who: String,
    /// The process on that host.
    pub process: u32,
    /// What it runs: `neap apply`.
    pub command: String,
}

impl Worker {
    /// This process.
    ///
    /// # Errors
    ///
    /// Fails when the system has no random numbers.
    pub fn this_process(stack: &str, who: String, command: &str) -> Result<Self, CallError> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(|error| CallError {
            kind: ErrorKind::Unavailable,
            operation: "getrandom".to_owned(),
            code: None,
            message: error.to_string(),
            request_id: None,
        })?;
        Ok(Self {
            stack: stack.to_owned(),
            owner: random.iter().map(|byte| format!("{byte:02x}")).collect(),
            who,
            process: std::process::id(),
            command: command.to_owned(),
        })
    }
}

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

struct Mine {
    record: Record,
    version: Version,
}

/// What a write came to.
enum Outcome {
    Written(Version),
    /// Somebody else was first.
    Missed,
    /// It may have been carried out or not.
    Unclear(CallError),
}

/// A stack's lock, for one process.
pub struct Lock<S> {
    store: S,
    worker: Worker,
    clock: Clock,
    presence: Presence,
    mine: Mutex<Option<Mine>>,
    grip: Arc<watch::Sender<Grip>>,
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
                Verdict::Ours(record) => {
                    intents.clone_from(&record.intents);
                    over
                }
                Verdict::Take(record, why) => {
                    intents.clone_from(&record.intents);
                    takeover = Some(Takeover { record: record.clone(), why });
                    over
                }
                // Only numbers leave doubts, and the history settles them.
                Verdict::Doubt => continue,
            };
            let record = self.draft(claims, now, intents.clone());
            match self.write(&record).await? {
                Outcome::Written(version) => {
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

    /// Remembers in the record that something is about to be created which only the record will tell of.
    ///
    /// # Errors
    ///
    /// As [`Lock::renew`]; also when too many are open.
    pub async fn open_intent(&self, intent: Intent) -> Result<(), LockError> {
        let mut mine = self.mine.lock().await;
        let Some(held) = &mut *mine else { return Err(not_taken()) };
        let others = held.record.intents.iter().filter(|open| open.address != intent.address);
        if others.count() >= MAX_INTENTS {
            return Err(LockError::Full);
        }
        let change = |record: &mut Record| {
            record.intents.retain(|open| open.address != intent.address);
            record.intents.push(intent.clone());
        };
        self.rewrite(held, change).await
    }

    /// Forgets what was to be created at `address`: whether it was is known by now.
    ///
    /// # Errors
    ///
    /// As [`Lock::renew`].
    pub async fn close_intent(&self, address: &Address) -> Result<(), LockError> {
        let mut mine = self.mine.lock().await;
        let Some(held) = &mut *mine else { return Err(not_taken()) };
        if !held.record.intents.iter().any(|open| open.address == *address) {
            return Ok(());
        }
        self.rewrite(held, |record| record.intents.retain(|open| open.address != *address)).await
    }

    /// The creates that may or may not have happened, those that an earlier owner left included.
    pub async fn intents(&self) -> Vec<Intent> {
        self.mine.lock().await.as_ref().map(|held| held.record.intents.clone()).unwrap_or_default()
    }

    /// The same as the intents of an earlier run, whose outcome nobody knows.
    pub async fn left_open(&self) -> Vec<intent::Intent> {
        let now = (self.clock)();
        let aged = |Intent { address, spec, since }| {
            let age = Duration::try_from(now.duration_since(since)).unwrap_or_default();
            intent::Intent { address, spec, age }
        };
        self.intents().await.into_iter().map(aged).collect()
    }

    /// Lets go of it. Nothing of it is left, unless there are open intents: then the record stays, for whoever comes
    /// next. Does nothing if the lock is not held.
    ///
    /// # Errors
    ///
    /// Fails when it is lost, or when its record cannot be removed: then it will expire, and on this host it is taken over at once
    /// when the process has ended.
    pub async fn release(&self) -> Result<(), LockError> {
        let mut mine = self.mine.lock().await;
        let Some(mut held) = mine.take() else { return Ok(()) };
        // Before the first request: once it arrives, somebody else may have the lock.
        self.change_grip(Grip::Lost("it was released".to_owned()));
        let result = self.let_go(&mut held).await;
        if result.as_ref().is_err_and(|error| !matches!(error, LockError::Lost(_))) {
            self.presence.leave_behind();
        }
        result
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
            match self.store.delete(&seen.version).await {
                Ok(()) => return Ok(()),
                Err(WriteError::Refused) => {}
                Err(WriteError::Failed(error)) if is_unclear(&error) => {
                    trouble = Some(rested(error).await);
                }
                Err(WriteError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(gave_up(trouble))
    }

    async fn let_go(&self, held: &mut Mine) -> Result<(), LockError> {
        if !held.record.intents.is_empty() {
            let now = (self.clock)();
            return self
                .rewrite(held, |record| {
                    record.released = true;
                    record.expires = now;
                })
                .await;
        }
        let mut trouble = None;
        for _ in 0..ROUNDS {
            let Some(seen) = self.look().await? else { return Ok(()) };
            // A deletion that hits whatever is there must not come late: nobody takes over what holds for longer.
            let is_fresh = later((self.clock)(), RENEW_EVERY) < held.record.expires;
            if seen.version != held.version || seen.record.as_ref() != Ok(&held.record) || !is_fresh {
                self.rewrite(held, |_| {}).await?;
                continue;
            }
            match self.store.delete(&held.version).await {
                Ok(()) => return Ok(()),
                Err(WriteError::Refused) => {}
                Err(WriteError::Failed(error)) if is_unclear(&error) => {
                    trouble = Some(rested(error).await);
                }
                Err(WriteError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(gave_up(trouble))
    }

    /// Writes what is held anew, with a change.
    async fn rewrite(&self, held: &mut Mine, change: impl Fn(&mut Record)) -> Result<(), LockError> {
        let mut trouble = None;
        for _ in 0..ROUNDS {
            let over = match self.standing(&held.version).await? {
                Standing::Mine(over) => over,
                Standing::Gone => return Err(self.lose("it was removed".to_owned())),
                Standing::Others(record) => return Err(self.lose(taken_over(&record))),
                Standing::Nobodys(leftover) => return Err(self.lose_to_nobody(leftover).await),
            };
            let now = (self.clock)();
            let mut record = held.record.clone();
            record.claims = Some(over);
            record.expires = later(now, TIME_TO_LIVE);
            change(&mut record);
            match self.write(&record).await? {
                Outcome::Written(version) => {
                    self.change_grip(Grip::Until(record.expires));
                    *held = Mine { record, version };
                    return Ok(());
                }
                Outcome::Missed => {}
                Outcome::Unclear(error) => trouble = Some(rested(error).await),
            }
        }
        Err(gave_up(trouble))
    }

    /// Whose the lock is, by what is there now: the newest record if it is one's own and true, else the history.
    /// `sure` is a version that is known to be true.
    async fn standing(&self, sure: &Version) -> Result<Standing, CallError> {
        let me = &self.worker.owner;
        let Some(seen) = self.look().await? else { return Ok(Standing::Gone) };
        if let Ok(record) = &seen.record
            && record.owner == *me
            && fits(record, &seen.version)
            && (*sure == seen.version || !self.is_refuted(&seen.version).await?)
        {
            return Ok(Standing::Mine(claim(&seen)));
        }
        let history = self.history().await?;
        let Some(newest) = history.last() else { return Ok(Standing::Gone) };
        Ok(match heir(&history).map(|entry| &entry.record) {
            Some(Ok(record)) if record.owner == *me => Standing::Mine(claim(newest)),
            Some(Ok(record)) => Standing::Others(record.clone()),
            Some(Err(_)) | None => Standing::Nobodys(claim(newest)),
        })
    }

    async fn write(&self, record: &Record) -> Result<Outcome, LockError> {
        let text = record.to_text();
        let written = match &record.claims {
            None => self.store.create(&text).await,
            Some(claim) => self.store.replace(&text, &claim.version).await,
        };
        let version = match written {
            Ok(version) => version,
            Err(WriteError::Refused) => return Ok(Outcome::Missed),
            Err(WriteError::Failed(error)) if is_unclear(&error) => return Ok(Outcome::Unclear(error)),
            Err(WriteError::Failed(error)) => return Err(error.into()),
        };
        if !fits(record, &version) {
            return Ok(Outcome::Missed);
        }
        match self.is_refuted(&version).await {
            Ok(false) => Ok(Outcome::Written(version)),
            Ok(true) => Ok(Outcome::Missed),
            Err(error) if is_unclear(&error) => Ok(Outcome::Unclear(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the number of `version` deceives: it can if the record was deleted and created again meanwhile.
    async fn is_refuted(&self, version: &Version) -> Result<bool, CallError> {
        match version {
            Version::Tag(_) | Version::Number(1) => Ok(false),
            Version::Number(_) => Ok(refutes(&self.history().await?, version)),
        }
    }

    async fn history(&self) -> Result<Vec<Entry>, CallError> {
        Ok(self.store.history().await?.into_iter().map(Entry::from).collect())
    }

    fn draft(&self, claims: Option<Claim>, now: Timestamp, intents: Vec<Intent>) -> Record {
        let Worker { stack, owner, who, process, command } = &self.worker;
        let mut record = Record::new(stack, owner, who, *process, command, now);
        record.expires = later(now, TIME_TO_LIVE);
        record.claims = claims;
        record.intents = intents;
        record
    }

    fn hold(&self, mine: &mut Option<Mine>, record: Record, version: Version) {
        self.grip.send_replace(Grip::Until(record.expires));
        *mine = Some(Mine { record, version });
    }

    fn lose(&self, reason: String) -> LockError {
        self.change_grip(Grip::Lost(reason.clone()));
        LockError::Lost(reason)
    }

    /// What is lost stays lost.
    fn change_grip(&self, new: Grip) {
        self.grip.send_if_modified(|grip| {
            let held = matches!(grip, Grip::Until(_));
            if held {
                *grip = new;
            }
            held
        });
    }

    /// Somebody removed the lock, and a request of one's own that was under way then has put a void record there.
    async fn lose_to_nobody(&self, leftover: Claim) -> LockError {
        let Claim { version, owner } = leftover;
        if owner == self.worker.owner
            && let Err(error) = self.store.delete(&version).await
        {
            tracing::debug!(?error, "a void record stays until it expires");
        }
        self.lose("it was removed".to_owned())
    }
}

/// Whose the lock is, for whoever has held it, and what a new record would be written over.
enum Standing {
    Mine(Claim),
    Others(Record),
    /// All that is there is void.
    Nobodys(Claim),
    /// Nothing is there.
    Gone,
}

/// The claim of whoever writes over `entry`.
fn claim(entry: &Entry) -> Claim {
    let owner = entry.record.as_ref().map(|record| record.owner.clone()).unwrap_or_default();
    Claim { version: entry.version.clone(), owner }
}

fn taken_over(record: &Record) -> String {
    format!("{} took it over at {}", record.who, record.since)
}

fn not_taken() -> LockError {
    LockError::Lost("it was never taken".to_owned())
}

/// Whether a request with this failure may have been carried out, or will do if it is made again.
fn is_unclear(error: &CallError) -> bool {
    use ErrorKind::{Conflict, NotFound, NotYet, Throttled, Timeout, Unavailable, Unknown};
    matches!(error.kind, Throttled | Timeout | Unavailable | Unknown | NotYet | NotFound | Conflict)
}

/// The failure, after the rest that it asks for.
async fn rested(error: CallError) -> CallError {
    if error.kind == ErrorKind::Throttled {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    error
}

fn gave_up(trouble: Option<CallError>) -> LockError {
    LockError::Call(trouble.unwrap_or_else(|| CallError {
        kind: ErrorKind::Conflict,
        operation: "lock".to_owned(),
        code: None,
        message: "others write the lock's record faster than it can be read".to_owned(),
        request_id: None,
    }))
}

impl<S> fmt::Debug for Lock<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lock").field("worker", &self.worker).finish_non_exhaustive()
    }
}

/// The record is what outlives the process, so that is where creates are written down.
impl<S: Store> Journal for Lock<S> {
    fn open<'a>(
        &'a self,
        address: &'a Address,
        spec: &'a str,
    ) -> LocalBoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move {
            let since = (self.clock)();
            let intent = Intent { address: address.clone(), spec: spec.to_owned(), since };
            self.open_intent(intent).await.map_err(|error| JournalError(error.to_string()))
        })
    }

    fn close<'a>(&'a self, address: &'a Address) -> LocalBoxFuture<'a, Result<(), JournalError>> {
        Box::pin(
            async move { self.close_intent(address).await.map_err(|error| JournalError(error.to_string())) },
        )
    }
}
