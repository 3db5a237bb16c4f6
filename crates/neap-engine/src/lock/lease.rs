//! What the holder of a lock may do right now: it goes on only while its record is sure to hold.
//!
//! Decides whether a changing call may be sent. Must not know how the record is renewed.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Clock;
use crate::cloud::{CallError, ErrorKind};

/// How firmly the lock is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grip {
    /// Until then, unless it is renewed.
    Until(Timestamp),
    /// Not any more, for this reason.
    Lost(String),
}

/// The right to change a stack. Clones are the same right.
#[derive(Clone, Default)]
pub struct Lease(Option<(Arc<watch::Sender<Grip>>, Clock)>);

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grip = self.0.as_ref().map(|(grip, _)| grip.borrow().clone());
        formatter.debug_tuple("Lease").field(&grip).finish()
    }
}

impl Lease {
    /// The right of whoever needs no lock.
    pub fn unlimited() -> Self {
        Self::default()
    }

    pub(super) const fn new(grip: Arc<watch::Sender<Grip>>, clock: Clock) -> Self {
        Self(Some((grip, clock)))
    }

    /// Whether the lock is sure to be held now.
    pub fn holds(&self) -> bool {
        let Some((grip, clock)) = &self.0 else { return true };
        matches!(&*grip.borrow(), Grip::Until(until) if clock() < *until)
    }

    /// Why the lock is lost, if it is.
    pub fn loss(&self) -> Option<String> {
        let (grip, _) = self.0.as_ref()?;
        match &*grip.borrow() {
            Grip::Until(_) => None,
            Grip::Lost(reason) => Some(reason.clone()),
        }
    }

    /// Waits until the lock is sure to be held: at once, as a rule. It takes longer after a time in which the record
    /// could not be renewed, when the process was stopped or the network was away.
    ///
    /// # Errors
    ///
    /// Fails when the lock is lost.
    pub async fn assured(&self) -> Result<(), CallError> {
        let Some((grip, clock)) = &self.0 else { return Ok(()) };
        let mut changes = grip.subscribe();
        // The sender lives as long as `self`, so the channel cannot close meanwhile.
        let waited = changes.wait_for(|grip| match grip {
            Grip::Until(until) => clock() < *until,
            Grip::Lost(_) => true,
        });
        match waited.await.as_deref() {
            Ok(Grip::Lost(reason)) => Err(lost(reason)),
            Ok(Grip::Until(_)) => Ok(()),
            Err(_) => Err(lost("nobody renews it any more")),
        }
    }
}

fn lost(reason: &str) -> CallError {
    CallError {
        kind: ErrorKind::Conflict,
        operation: "lock".to_owned(),
        code: None,
        message: format!("the stack's lock is lost: {reason}"),
        request_id: None,
    }
}
