//! The log of calls, for tests and benchmarks.
//!
//! Decides what is remembered of a call. Must not know what calls do.

use std::collections::BTreeMap;
use std::time::Duration;

use neap_core::address::Address;

/// One AWS call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The operation, such as `ecs:CreateService`.
    pub operation: String,
    /// The resource that it was made for.
    pub address: Option<Address>,
    /// When it was made, on the sandbox's clock.
    pub at: Duration,
    /// Whether it changes something.
    pub mutating: bool,
    /// The error code of its answer, if it failed.
    pub error: Option<String>,
}

/// The log of calls.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) calls: Vec<Call>,
    pub(crate) waves: usize,
    in_flight: usize,
    pub(crate) peak: usize,
}

impl Trace {
    /// Notes that a call was sent.
    pub(crate) fn sent(&mut self) {
        self.in_flight += 1;
        self.peak = self.peak.max(self.in_flight);
    }

    /// Notes that a call was answered, or that nobody waits for its answer any more.
    pub(crate) fn answered(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// How often each operation was called.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in &self.calls {
            *counts.entry(call.operation.clone()).or_default() += 1;
        }
        counts
    }
}
