//! Writing the lock's record over what is there, and what each such request came to.
//!
//! Decides, after a request that missed or whose outcome is not known, whether the lock is still one's own. Must not know
//! why the record is written.

use std::time::Duration;

use super::keeper::{Lock, LockError};
use super::lease::Grip;
use super::protocol::{Entry, fits, heir, refutes};
use super::record::{Claim, Record, Version};
use super::store::{Store, WriteError};
use super::{TIME_TO_LIVE, later};
use crate::cloud::{CallError, ErrorKind};

/// So often a request that missed, or whose outcome is not known, is followed by another look.
pub(super) const ROUNDS: u32 = 10;

/// The record that a process holds the lock by.
pub(super) struct Mine {
    pub(super) record: Record,
    pub(super) version: Version,
}

/// What a request that writes or deletes came to.
pub(super) enum Outcome<T> {
    Done(T),
    /// Somebody else was first.
    Missed,
    /// It may have been carried out or not.
    Unclear(CallError),
}

/// What `answer` means for whoever made the request.
pub(super) fn came_to<T>(answer: Result<T, WriteError>) -> Result<Outcome<T>, LockError> {
    match answer {
        Ok(done) => Ok(Outcome::Done(done)),
        Err(WriteError::Refused) => Ok(Outcome::Missed),
        Err(WriteError::Failed(error)) if is_unclear(&error) => Ok(Outcome::Unclear(error)),
        Err(WriteError::Failed(error)) => Err(error.into()),
    }
}

impl<S: Store> Lock<S> {
    /// Writes what is held anew, with a change.
    pub(super) async fn rewrite(
        &self,
        held: &mut Mine,
        change: impl Fn(&mut Record),
    ) -> Result<(), LockError> {
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
                Outcome::Done(version) => {
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

    pub(super) async fn write(&self, record: &Record) -> Result<Outcome<Version>, LockError> {
        let text = record.to_text();
        let written = match &record.claims {
            None => self.store.create(&text).await,
            Some(claim) => self.store.replace(&text, &claim.version).await,
        };
        let version = match came_to(written)? {
            Outcome::Done(version) => version,
            other => return Ok(other),
        };
        if !fits(record, &version) {
            return Ok(Outcome::Missed);
        }
        match self.is_refuted(&version).await {
            Ok(false) => Ok(Outcome::Done(version)),
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

    pub(super) async fn history(&self) -> Result<Vec<Entry>, CallError> {
        Ok(self.store.history().await?.into_iter().map(Entry::from).collect())
    }

    fn lose(&self, reason: String) -> LockError {
        self.change_grip(Grip::Lost(reason.clone()));
        LockError::Lost(reason)
    }

    /// What is lost stays lost.
    pub(super) fn change_grip(&self, new: Grip) {
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
pub(super) fn claim(entry: &Entry) -> Claim {
    let owner = entry.record.as_ref().map(|record| record.owner.clone()).unwrap_or_default();
    Claim { version: entry.version.clone(), owner }
}

fn taken_over(record: &Record) -> String {
    format!("{} took it over at {}", record.who, record.since)
}

/// Whether a request with this failure may have been carried out, or will do if it is made again.
fn is_unclear(error: &CallError) -> bool {
    use ErrorKind::{Conflict, NotFound, NotYet, Throttled, Timeout, Unavailable, Unknown};
    matches!(error.kind, Throttled | Timeout | Unavailable | Unknown | NotYet | NotFound | Conflict)
}

/// The failure, after the rest that it asks for.
pub(super) async fn rested(error: CallError) -> CallError {
    if error.kind == ErrorKind::Throttled {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    error
}

pub(super) fn gave_up(trouble: Option<CallError>) -> LockError {
    LockError::Call(trouble.unwrap_or_else(|| CallError {
        kind: ErrorKind::Conflict,
        operation: "lock".to_owned(),
        code: None,
        message: "others write the lock's record faster than it can be read".to_owned(),
        request_id: None,
    }))
}
