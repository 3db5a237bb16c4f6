//! What is said about a stack's lock: who holds it, why it was taken over, and what to do.

use std::time::Duration;

use jiff::Timestamp;
use neap_core::address::Address;
use neap_engine::cloud::ErrorKind;
use neap_engine::lock::protocol::Why;
use neap_engine::lock::{LockError, Record, Takeover};

use super::style;
use crate::error::CommandError;
use crate::exit::Exit;

/// Who holds the lock, since when and until when.
pub(crate) fn details(record: &Record) -> [String; 2] {
    [
        format!("since {:.0}, as process {}", record.since, record.process),
        format!("it expires at {:.0}, unless it is renewed", record.expires),
    ]
}

/// Who holds the lock, in a few words.
pub(crate) fn holder(record: &Record) -> String {
    format!("{} holds the lock of stack {} for `{}`", record.who, record.stack, record.command)
}

/// The line for whoever waits.
pub(crate) fn waiting(record: &Record, timeout: Duration) -> String {
    let [since, expires] = details(record);
    let timeout = style::duration(timeout);
    format!("Waiting up to {timeout}: {}\n  {since}\n  {expires}\n", holder(record))
}

/// The refusal of a lock that somebody else holds, after as long as was waited.
pub(crate) fn held(record: &Record, waited: Option<Duration>) -> CommandError {
    let still =
        waited.map_or_else(String::new, |waited| format!(", after {} still", style::duration(waited)));
    let error = CommandError::new(Exit::Moved, format!("nothing was changed{still}: {}", holder(record)));
    let error = details(record).into_iter().fold(error, CommandError::detail);
    error
        .hint("`--lock-timeout 10m` waits for it")
        .hint("`neap unlock` removes the lock of a process that is gone")
}

/// The line for whoever waits until what an earlier run may have made can be seen.
/// It tells the bound alone: what is left of it depends on when somebody looks.
pub(crate) fn settling(addresses: &[&Address], window: Duration) -> String {
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let (names, window) = (style::names(&names), style::duration(window));
    format!("Waiting to see whether an earlier run has made {names}, until {window} after it was asked for\n")
}

/// The line about a lock that was somebody else's before; none if that is of no interest.
pub(crate) fn takeover(takeover: &Takeover) -> Option<String> {
    let Record { who, command, since, expires, .. } = &takeover.record;
    match takeover.why {
        Why::Expired => Some(format!(
            "took over the lock of {who}, held since {since:.0} for `{command}`: it expired at {expires:.0}"
        )),
        Why::OwnerDead => Some(format!(
            "took over the lock of an earlier `{command}` on this host, whose process has ended without releasing it"
        )),
        Why::Released | Why::Void => None,
    }
}

/// Why there is no lock.
pub(crate) fn failed(error: &LockError) -> CommandError {
    match error {
        LockError::Call(call) => {
            let mut error = CommandError::from(call.clone());
            error.message =
                format!("the stack could not be locked, so nothing was changed: {}", error.message);
            if call.kind == ErrorKind::Denied {
                error = error.hint("`lock = \"none\"` in `[stack]` does without a lock");
            }
            error
        }
        LockError::Lost(_) | LockError::Full | LockError::Unreleased => {
            CommandError::failed(error.to_string())
        }
        LockError::Damaged(_) => CommandError::new(Exit::Moved, format!("nothing was changed: {error}"))
            .hint("`neap unlock` removes it"),
    }
}

/// The warning when the lock is lost while work goes on.
pub(crate) fn losing(reason: &str) -> String {
    format!("the stack's lock is lost: {reason}; nothing new is started")
}

/// The end of work whose lock was lost.
pub(crate) fn lost(reason: &str, result: Option<CommandError>) -> CommandError {
    let mut error = CommandError::new(Exit::Moved, format!("the stack's lock was lost meanwhile: {reason}"));
    if let Some(result) = result {
        error = error.detail(result.message);
        error.details.extend(result.details.into_iter().map(|detail| format!("  {detail}")));
    }
    error.hint("once nobody else works on the stack, run it again: it goes on from what is live")
}

/// The warning when the lock stays although its work is over.
pub(crate) fn not_released(error: &LockError, place: &str, expires: Timestamp) -> String {
    format!(
        "the lock could not be removed from {place}: {error}; it expires by itself, at {expires:.0} at the latest, and \
         `neap unlock` removes it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_stays_is_told_with_the_time_at_which_it_ends_by_itself() {
        let expires = Timestamp::from_second(90).expect("in range");
        let told = not_released(&LockError::Unreleased, "`s3://bucket/course.lock`", expires);
        assert_eq!(
            told,
            "the lock could not be removed from `s3://bucket/course.lock`: no answer within 30 s; it expires by itself, at \
             1970-01-01T00:01:30Z at the latest, and `neap unlock` removes it"
        );
    }
}
