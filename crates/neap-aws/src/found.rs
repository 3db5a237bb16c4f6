//! What a read finds: a reading for each address, what else is the stack's own, and what could not be read.
//!
//! Decides whether something live is the stack's own or foreign. Must not know any service.

use std::collections::BTreeMap;

use neap_core::address::Address;
use neap_core::desired::{Desired, TAG_ADDRESS};
use neap_core::live::{LiveResource, ReadFailure, Reading};
use neap_engine::cloud::{CallError, ErrorKind};

use crate::remote::{Fields, declared};
use crate::tags::Tags;

/// The readings of one service, or of all of them.
#[derive(Debug, Default)]
pub(crate) struct Found {
    stack: String,
    /// What stands at each desired address.
    pub(crate) readings: BTreeMap<Address, Reading>,
    /// What else is the stack's own.
    pub(crate) orphans: Vec<LiveResource>,
    /// Listings that failed.
    pub(crate) failures: Vec<ReadFailure>,
    /// Things worth a warning.
    pub(crate) warnings: Vec<String>,
}

impl Found {
    /// Nothing yet, for `stack`.
    pub(crate) fn new(stack: &str) -> Self {
        Self { stack: stack.to_owned(), ..Self::default() }
    }

    /// Something live has the name of the desired `address`: it is the stack's own, or foreign.
    pub(crate) fn claim(&mut self, address: &Address, live: LiveResource) {
        let live = Box::new(live);
        let reading = if live.is_of(&self.stack) { Reading::Present(live) } else { Reading::Foreign(live) };
        self.readings.insert(address.clone(), reading);
    }

    /// Nothing stands at `address`.
    pub(crate) fn absent(&mut self, address: &Address) {
        self.readings.insert(address.clone(), Reading::Absent);
    }

    /// What stands at `address` could not be read.
    pub(crate) fn unreadable(&mut self, address: &Address, error: &CallError) {
        self.readings.insert(address.clone(), Reading::Unreadable(read_failure(error)));
    }

    /// Records the outcome of reading one address: something, nothing, or a failure.
    pub(crate) fn record(&mut self, address: &Address, outcome: Result<Option<LiveResource>, CallError>) {
        match outcome {
            Ok(Some(live)) => self.claim(address, live),
            Ok(None) => self.absent(address),
            Err(error) => self.unreadable(address, &error),
        }
    }

    /// Something live that is no desired address's: an orphan if it is the stack's own, otherwise nobody's business.
    pub(crate) fn stray(&mut self, live: LiveResource) {
        if live.is_of(&self.stack) {
            self.orphans.push(live);
        }
    }

    /// Nothing of a kind could be listed.
    pub(crate) fn unlistable<T: Fields>(&mut self, desired: &Desired, error: &CallError) {
        for (address, _) in declared::<T>(desired) {
            self.unreadable(address, error);
        }
        self.failed(error);
    }

    /// Records what became of candidates: those of a desired address, and others that may be orphans.
    pub(crate) fn collect(&mut self, outcomes: impl IntoIterator<Item = Outcome>) {
        for (address, outcome) in outcomes {
            match (address, outcome) {
                (Some(address), outcome) => self.record(&address, outcome),
                (None, Ok(Some(live))) => self.stray(live),
                (None, Ok(None)) => {}
                (None, Err(error)) => self.failed(&error),
            }
        }
    }

    /// Every desired address of a kind that has no reading yet is absent.
    pub(crate) fn rest_absent<T: Fields>(&mut self, desired: &Desired) {
        for (address, _) in declared::<T>(desired) {
            self.readings.entry(address.clone()).or_insert(Reading::Absent);
        }
    }

    /// A listing failed, so orphans may be missing.
    pub(crate) fn failed(&mut self, error: &CallError) {
        let failure = read_failure(error);
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    /// Adds what another read found.
    pub(crate) fn merge(&mut self, other: Self) {
        self.readings.extend(other.readings);
        self.orphans.extend(other.orphans);
        self.failures.extend(other.failures);
        self.warnings.extend(other.warnings);
    }
}

/// What reading one candidate gave, for the desired address that it may be.
pub(crate) type Outcome = (Option<Address>, Result<Option<LiveResource>, CallError>);

/// A failed call as a plan reports it.
pub(crate) fn read_failure(error: &CallError) -> ReadFailure {
    ReadFailure {
        operation: error.operation.clone(),
        code: error.code.clone(),
        message: error.message.clone(),
        denied: error.kind == ErrorKind::Denied,
    }
}

/// The address of something live: that of its tags, otherwise that of the desired resource whose name it has. Something
/// with neither is nobody's business.
pub(crate) fn address_of(tags: &Tags, named: Option<&Address>) -> Option<Address> {
    tags.get(TAG_ADDRESS).and_then(|text| text.parse().ok()).or_else(|| named.cloned())
}

/// Turns the error of something that is not there into an absence.
pub(crate) fn if_there<T>(outcome: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a delete's outcome means that the thing is gone.
pub(crate) fn if_gone<T>(outcome: Result<T, CallError>) -> Result<(), CallError> {
    if_there(outcome).map(|_| ())
}
