//! The script: which request is struck by which fault.
//!
//! Decides by counting requests. Must not know what a fault looks like on the wire.

use std::time::Duration;

use crate::operation::Operation;

/// What can befall a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Refused for coming too fast, in the shape of the service's protocol; not carried out.
    Throttle,
    /// Answered with this status (500, 503) in the shape of the service's protocol; not carried out.
    Broken(u16),
    /// Refused for want of a permission, in the shape of the service's protocol; not carried out.
    Deny,
    /// Answered with this status and a page of HTML, as proxies and emulators do; not carried out.
    Page(u16),
    /// The connection closes without an answer; not carried out.
    Refuse,
    /// Carried out, then the connection closes without a byte.
    Drop,
    /// Carried out; half of the answer under its full length, then the connection closes.
    Cut,
    /// Carried out; the answer begins only after this time.
    Hold(Duration),
    /// Carried out; the answer comes in pieces over this time.
    Trickle(Duration),
    /// Carried out; the answer begins only when [`FaultProxy::open_gate`](crate::FaultProxy::open_gate) is called.
    Gate,
    /// The client is killed before the request is carried out; it never is.
    KillBefore,
    /// The client is killed once the request has been carried out, before any byte of the answer.
    KillAfter,
}

/// Which requests count for a [`Strike`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Only {
    /// All.
    Any,
    /// Those that may change something.
    Mutating,
    /// Those for one operation, as it is displayed: `ecs:CreateService`.
    Operation(String),
}

impl Only {
    fn holds(&self, operation: &Operation) -> bool {
        match self {
            Self::Any => true,
            Self::Mutating => operation.is_mutating(),
            Self::Operation(name) => operation.to_string() == *name,
        }
    }
}

/// One line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// The requests that count.
    pub only: Only,
    /// The first of them that is struck, from 1.
    pub nth: usize,
    /// How many in a row are struck.
    pub times: usize,
    /// By what.
    pub fault: Fault,
}

/// All lines, and how far each has counted.
#[derive(Debug, Default)]
pub(crate) struct Script {
    strikes: Vec<(Strike, usize)>,
}

impl Script {
    pub(crate) fn new(strikes: Vec<Strike>) -> Self {
        Self { strikes: strikes.into_iter().map(|strike| (strike, 0)).collect() }
    }

    /// Counts a request; the fault that strikes it is the first line's that has one.
    pub(crate) fn next(&mut self, operation: &Operation) -> Option<Fault> {
        let mut struck = None;
        for (strike, counted) in &mut self.strikes {
            if !strike.only.holds(operation) {
                continue;
            }
            *counted += 1;
            if (strike.nth..strike.nth.saturating_add(strike.times)).contains(counted) {
                struck = struck.or(Some(strike.fault));
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Protocol;

    fn run(strikes: &[Strike], names: &[&str]) -> Vec<Option<Fault>> {
        let mut script = Script::new(strikes.to_vec());
        let operation =
            |name: &&str| Operation { service: "ecs".into(), name: (*name).into(), protocol: Protocol::Json };
        names.iter().map(|name| script.next(&operation(name))).collect()
    }

    #[test]
    fn only_what_matches_is_counted() {
        let strike = Strike { only: Only::Mutating, nth: 2, times: 1, fault: Fault::Drop };
        let faults = run(
            &[strike],
            &["ListServices", "CreateService", "ListServices", "DeleteService", "TagResource"],
        );
        assert_eq!(faults, [None, None, None, Some(Fault::Drop), None]);
    }

    #[test]
    fn a_strike_goes_on_for_its_times() {
        let only = Only::Operation("ecs:CreateService".into());
        let strike = Strike { only, nth: 1, times: 2, fault: Fault::Throttle };
        let faults = run(&[strike], &["CreateService", "CreateCluster", "CreateService", "CreateService"]);
        assert_eq!(faults, [Some(Fault::Throttle), None, Some(Fault::Throttle), None]);
    }

    #[test]
    fn every_line_counts_and_the_first_that_strikes_wins() {
        let all = Strike { only: Only::Any, nth: 2, times: usize::MAX, fault: Fault::Cut };
        let first = Strike { only: Only::Any, nth: 1, times: 2, fault: Fault::Refuse };
        let faults = run(&[first, all], &["A", "B", "C"]);
        assert_eq!(faults, [Some(Fault::Refuse), Some(Fault::Refuse), Some(Fault::Cut)]);
    }
}
