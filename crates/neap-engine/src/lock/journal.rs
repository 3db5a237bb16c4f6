//! The creates that are written down in the lock's record until their outcome is known: it outlives the process.
//!
//! Decides when the record is written anew for them. Must not know what is created.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use neap_core::address::Address;

use super::keeper::{Lock, LockError};
use super::record::{Intent, MAX_INTENTS, Record};
use super::store::Store;
use crate::intent::{self, Journal, JournalError};

impl<S: Store> Lock<S> {
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
}

fn not_taken() -> LockError {
    LockError::Lost("it was never taken".to_owned())
}

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
