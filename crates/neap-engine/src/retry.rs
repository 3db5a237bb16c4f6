//! Whether a call that failed is made again, and when.
//!
//! Decides by the kind of the failure alone. Must not know which operation failed, nor read a clock: the same
//! failure always gets the same answer.

use std::time::Duration;

use crate::cloud::ErrorKind;

/// What a call does, as far as repeating it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// It creates or updates.
    Change,
    /// It deletes, or does the next part of a deletion.
    Delete,
    /// It only looks.
    Look,
}

/// A call that failed.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// How.
    pub kind: ErrorKind,
    /// What it was for.
    pub purpose: Purpose,
    /// How many calls in a row have failed like this one, itself included.
    pub number: u32,
    /// The time since the first of them failed.
    pub elapsed: Duration,
    /// How long a call may fail because what it needs is not there yet.
    pub visible: Duration,
    /// How long a call may fail because something still uses what it is about.
    pub deadline: Duration,
    /// Sets apart calls that fail at the same moment, so that they do not come back together.
    pub seed: u64,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The same call again, after this time.
    RetryAfter(Duration),
    /// It has failed for good.
    GiveUp,
}

/// Throttled calls add up to three or four minutes: the slowest bucket gives one load balancer in five
/// seconds.
const THROTTLED: u32 = 14;
/// A call without an answer, or answered by a broken service.
const BROKEN: u32 = 5;

/// Whether the call of `attempt` is made again.
///
/// Repeating any call is safe, by the contract of [`Cloud`](crate::cloud::Cloud); this decides what is
/// worth it.
pub fn decide(attempt: &Attempt) -> Decision {
    let looks = attempt.purpose == Purpose::Look;
    match attempt.kind {
        ErrorKind::Throttled => times(attempt, THROTTLED, 1.0, 30.0),
        ErrorKind::Timeout | ErrorKind::Unavailable => times(attempt, BROKEN, 1.0, 16.0),
        ErrorKind::NotYet => within(attempt, attempt.visible),
        // What was just created may be invisible to the next read.
        ErrorKind::NotFound if looks => within(attempt, attempt.visible),
        ErrorKind::InUse if attempt.purpose == Purpose::Delete => within(attempt, attempt.deadline),
        // Another change of the same thing is under way.
        ErrorKind::InUse => within(attempt, attempt.visible),
        ErrorKind::NotFound
        | ErrorKind::Denied
        | ErrorKind::Conflict
        | ErrorKind::Invalid
        | ErrorKind::Quota
        | ErrorKind::Credentials
        | ErrorKind::Unknown => Decision::GiveUp,
    }
}

fn times(attempt: &Attempt, most: u32, first: f64, ceiling: f64) -> Decision {
    if attempt.number >= most {
        return Decision::GiveUp;
    }
    let doublings = attempt.number.saturating_sub(1).min(10);
    let full = (first * f64::from(1_u32 << doublings)).min(ceiling);
    Decision::RetryAfter(Duration::from_secs_f64(full * jitter(attempt)))
}

fn within(attempt: &Attempt, limit: Duration) -> Decision {
    if attempt.elapsed >= limit {
        return Decision::GiveUp;
    }
    // 2, 3, 4.5, … up to 10 seconds, and one last time at the limit.
    let growth = 1.5_f64.powi(i32::try_from(attempt.number.saturating_sub(1).min(10)).unwrap_or(10));
    let full = Duration::from_secs_f64((2.0 * growth).min(10.0) * jitter(attempt));
    Decision::RetryAfter(full.min(limit - attempt.elapsed))
}

/// A factor between a half and one that follows from the seed and the number: it spreads, and stays the same.
fn jitter(attempt: &Attempt) -> f64 {
    // The finaliser of splitmix64.
    let mut mixed = attempt.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(attempt.number));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let thousandth = u16::try_from((mixed ^ (mixed >> 31)) % 1000).unwrap_or_default();
    0.5 + f64::from(thousandth) / 2000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(kind: ErrorKind, purpose: Purpose, number: u32, elapsed: u64) -> Attempt {
        Attempt {
            kind,
            purpose,
            number,
            elapsed: Duration::from_secs(elapsed),
            visible: Duration::from_secs(120),
            deadline: Duration::from_secs(900),
            seed: 7,
        }
    }

    /// The seconds until the next call, or none if there is none.
    fn check(kind: ErrorKind, purpose: Purpose, number: u32, elapsed: u64, expected: Option<(f64, f64)>) {
        let decision = decide(&attempt(kind, purpose, number, elapsed));
        match (decision, expected) {
            (Decision::GiveUp, None) => {}
            (Decision::RetryAfter(after), Some((least, most))) => {
                let after = after.as_secs_f64();
                assert!(least <= after && after <= most, "{kind:?} {purpose:?} {number}: after {after}");
            }
            (decision, _) => panic!("{kind:?} {purpose:?} {number} {elapsed}: {decision:?}"),
        }
    }

    #[test]
    fn throttled_calls_back_off_and_end_at_last() {
        use ErrorKind::Throttled;
        check(Throttled, Purpose::Change, 1, 0, Some((0.5, 1.0)));
        check(Throttled, Purpose::Change, 4, 9, Some((4.0, 8.0)));
        check(Throttled, Purpose::Delete, 13, 200, Some((15.0, 30.0)));
        check(Throttled, Purpose::Look, 14, 250, None);
    }

    #[test]
    fn lost_answers_are_repeated_a_few_times_whatever_the_call() {
        for kind in [ErrorKind::Timeout, ErrorKind::Unavailable] {
            for purpose in [Purpose::Change, Purpose::Delete, Purpose::Look] {
                check(kind, purpose, 1, 0, Some((0.5, 1.0)));
                check(kind, purpose, 4, 10, Some((4.0, 8.0)));
                check(kind, purpose, 5, 20, None);
            }
        }
    }

    #[test]
    fn what_is_not_visible_yet_gets_two_minutes() {
        check(ErrorKind::NotYet, Purpose::Change, 1, 0, Some((1.0, 2.0)));
        check(ErrorKind::NotYet, Purpose::Change, 20, 110, Some((5.0, 10.0)));
        check(ErrorKind::NotYet, Purpose::Change, 20, 119, Some((1.0, 1.0)));
        check(ErrorKind::NotYet, Purpose::Change, 20, 120, None);
        check(ErrorKind::NotFound, Purpose::Look, 1, 0, Some((1.0, 2.0)));
        check(ErrorKind::NotFound, Purpose::Change, 1, 0, None);
    }

    #[test]
    fn what_is_in_use_is_deleted_again_until_the_deadline() {
        check(ErrorKind::InUse, Purpose::Delete, 1, 0, Some((1.0, 2.0)));
        check(ErrorKind::InUse, Purpose::Delete, 80, 890, Some((5.0, 10.0)));
        check(ErrorKind::InUse, Purpose::Delete, 80, 900, None);
        check(ErrorKind::InUse, Purpose::Change, 20, 120, None);
    }

    #[test]
    fn what_no_repeat_can_help_is_never_repeated() {
        use ErrorKind::{Conflict, Credentials, Denied, Invalid, Quota, Unknown};
        for kind in [Denied, Conflict, Invalid, Quota, Credentials, Unknown] {
            for purpose in [Purpose::Change, Purpose::Delete, Purpose::Look] {
                check(kind, purpose, 1, 0, None);
            }
        }
    }

    #[test]
    fn the_same_failure_waits_the_same_time_and_others_another() {
        let after = |seed| decide(&Attempt { seed, ..attempt(ErrorKind::Throttled, Purpose::Look, 6, 0) });
        assert_eq!(after(1), after(1));
        let different: std::collections::HashSet<_> =
            (0..20).map(|seed| format!("{:?}", after(seed))).collect();
        assert!(different.len() > 15, "only {} of 20 differ", different.len());
    }
}
