//! Creates that AWS does not tell from their repetition: written down before they are sent, and looked for before they
//! are repeated (reference section 4.3).
//!
//! Decides what is written down, how long what was made may stay invisible, and how a later run finds out what became of
//! an earlier one. Must not know where the notes are kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use neap_core::address::{Address, Kind};
use neap_core::desired::Desired;
use neap_core::live::{Live, LiveResource, Reading};
use neap_core::repeats::Repeat;
use thiserror::Error;
use tokio::time::Instant;

use crate::cloud::{CallError, Cloud, ErrorKind};

/// So many intents are open at most. Each is a few lines in a record of limited size, and what waits for its turn is not
/// written down long before it is sent.
pub const MOST_OPEN: usize = 8;

/// The time between two looks for what an earlier create may have made.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long what a create made may stay invisible to those who look for it.
///
/// One more version of a thing does no harm, so a minute of patience is enough; one more of anything else would.
pub const fn window(kind: Kind) -> Duration {
    match Repeat::of(kind) {
        Repeat::Append => Duration::from_secs(60),
        Repeat::Nothing | Repeat::Name | Repeat::Position | Repeat::Token => Duration::from_secs(120),
    }
}

/// Whether a create that failed like this may have been carried out all the same.
pub fn is_ambiguous(error: &CallError) -> bool {
    match error.kind {
        ErrorKind::Timeout | ErrorKind::Unavailable => true,
        // An answer that could not be understood.
        ErrorKind::Unknown => error.code.is_none(),
        ErrorKind::Throttled
        | ErrorKind::Denied
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::InUse
        | ErrorKind::NotYet
        | ErrorKind::Invalid
        | ErrorKind::Quota
        | ErrorKind::Credentials => false,
    }
}

/// The notes could not be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct JournalError(pub String);

/// Notes that outlive the process: which creates were about to be sent and are not known to have ended.
pub trait Journal: fmt::Debug {
    /// Notes that a create of what is desired at `address`, with the spec hash `spec`, is about to be sent. Takes the place
    /// of an earlier note for the address.
    fn open<'a>(
        &'a self,
        address: &'a Address,
        spec: &'a str,
    ) -> LocalBoxFuture<'a, Result<(), JournalError>>;

    /// Forgets the note: what became of the create can be seen by whoever looks. That the process knows it is not enough,
    /// since it may die.
    fn close<'a>(&'a self, address: &'a Address) -> LocalBoxFuture<'a, Result<(), JournalError>>;
}

/// No notes: a process that dies while such a create is under way leaves what the next run can only find by looking.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn open<'a>(
        &'a self,
        _address: &'a Address,
        _spec: &'a str,
    ) -> LocalBoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async { Ok(()) })
    }

    fn close<'a>(&'a self, _address: &'a Address) -> LocalBoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Notes in memory, for tests: they outlive an apply, not the process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    open: RefCell<BTreeMap<Address, (String, Instant)>>,
    most: RefCell<usize>,
}

impl MemoryJournal {
    /// The notes that are open, as a later run finds them.
    pub fn open_intents(&self) -> Vec<Intent> {
        let intent = |(address, (spec, since)): (&Address, &(String, Instant))| Intent {
            address: address.clone(),
            spec: spec.clone(),
            age: since.elapsed(),
        };
        self.open.borrow().iter().map(intent).collect()
    }

    /// How many notes were open at one time, at most.
    pub fn most_open(&self) -> usize {
        *self.most.borrow()
    }
}

impl Journal for MemoryJournal {
    fn open<'a>(
        &'a self,
        address: &'a Address,
        spec: &'a str,
    ) -> LocalBoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move {
            let mut open = self.open.borrow_mut();
            open.insert(address.clone(), (spec.to_owned(), Instant::now()));
            let mut most = self.most.borrow_mut();
            *most = (*most).max(open.len());
            Ok(())
        })
    }

    fn close<'a>(&'a self, address: &'a Address) -> LocalBoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move {
            self.open.borrow_mut().remove(address);
            Ok(())
        })
    }
}

/// A create of an earlier run whose outcome nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The resource.
    pub address: Address,
    /// The spec hash that it would have.
    pub spec: String,
    /// How long ago it was written down.
    pub age: Duration,
}

impl Intent {
    /// How much longer what it made may stay invisible.
    fn left(&self) -> Duration {
        window(self.address.kind()).saturating_sub(self.age)
    }

    /// Whether a reading shows what it made.
    fn is_shown(&self, live: &Live) -> bool {
        let made = |found: &LiveResource| found.address == self.address && found.spec() == Some(&self.spec);
        let present = |reading: &Reading| matches!(reading, Reading::Present(found) if made(found));
        live.readings.get(&self.address).is_some_and(present) || live.orphans.iter().any(made)
    }
}

/// Reads the stack again and again until it shows what each of `intents` made, or until none of it can be invisible any
/// longer. Then the notes may be forgotten, and a plan knows what there is. `tell` is told once, if there is anything
/// to wait for: which addresses, and how long after its create each can still be invisible.
///
/// # Errors
///
/// Fails when nothing can be read at all.
pub async fn settle<C: Cloud>(
    cloud: &C,
    desired: &Desired,
    intents: &[Intent],
    tell: &mut dyn FnMut(&[&Address], Duration),
) -> Result<(), CallError> {
    let begun = Instant::now();
    let mut has_told = false;
    let mut open: Vec<&Intent> = intents.iter().collect();
    loop {
        let live = crate::read::read(cloud, desired).await?;
        open.retain(|intent| !intent.is_shown(&live) && intent.left() > begun.elapsed());
        let Some(left) = open.iter().map(|intent| intent.left()).max() else { return Ok(()) };
        let left = left.saturating_sub(begun.elapsed());
        if !std::mem::replace(&mut has_told, true) {
            let addresses: Vec<&Address> = open.iter().map(|intent| &intent.address).collect();
            let window = addresses.iter().map(|address| window(address.kind())).max();
            tell(&addresses, window.unwrap_or_default());
        }
        tokio::time::sleep(LOOK_EVERY.min(left)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, code: Option<&str>) -> CallError {
        let (operation, message) = ("ecs:RegisterTaskDefinition".to_owned(), String::new());
        CallError { kind, operation, code: code.map(str::to_owned), message, request_id: None }
    }

    #[test]
    fn only_what_aws_has_answered_is_certain() {
        for (kind, code, expected) in [
            (ErrorKind::Timeout, None, true),
            (ErrorKind::Unavailable, Some("ServerException"), true),
            (ErrorKind::Unavailable, None, true),
            (ErrorKind::Unknown, None, true),
            (ErrorKind::Unknown, Some("SomethingNew"), false),
            (ErrorKind::Throttled, Some("ThrottlingException"), false),
            (ErrorKind::Denied, Some("AccessDeniedException"), false),
            (ErrorKind::Invalid, Some("ClientException"), false),
        ] {
            assert_eq!(is_ambiguous(&error(kind, code)), expected, "{kind:?} {code:?}");
        }
    }

    #[test]
    fn the_window_is_between_one_and_two_minutes() {
        for kind in Kind::ALL {
            assert!((60..=120).contains(&window(kind).as_secs()), "{kind}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_intent_grows_old_while_it_is_open() {
        let (journal, address) = (MemoryJournal::default(), "task.api".parse().expect("an address"));
        journal.open(&address, "one").await.expect("noted");
        tokio::time::sleep(Duration::from_secs(45)).await;
        let [intent] = &journal.open_intents()[..] else { panic!("one intent") };
        assert_eq!((intent.spec.as_str(), intent.left().as_secs()), ("one", 15));
        journal.close(&address).await.expect("forgotten");
        assert_eq!(journal.open_intents(), []);
    }
}
