//! Who holds the lock, decided on what was read.
//!
//! Everything here is a plain function on values: the clock's reading and whether an owner is dead are handed in. Must
//! not know how records are read or written.
//!
//! A record is the owner's if it says the truth about what it was written over. In a store that writes only over what it is
//! told to, that is always so. SSM overwrites whatever is there; there a record is *void* if its version is not the one
//! after the version that it claims, or if the version that it claims was somebody else's. The writer of a void record
//! has lost, and the last record that is not void still counts.

use jiff::Timestamp;

use super::record::{Claim, Record, Version};
use super::store::Stored;
use super::{CLOCK_MARGIN, later};

/// What a store holds, understood as far as it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its version.
    pub version: Version,
    /// The record, or why it is none.
    pub record: Result<Record, String>,
}

impl From<Stored> for Entry {
    fn from(stored: Stored) -> Self {
        Self { version: stored.version, record: Record::parse(&stored.text) }
    }
}

/// Why a lock is taken over from its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It expired a while ago.
    Expired,
    /// Its owner was a process on this host, which has ended.
    OwnerDead,
    /// Its owner has let go of it.
    Released,
    /// It never was a lock: it was written over what had been removed.
    Void,
}

/// What follows from what was read, for whoever wants the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'seen> {
    /// Nothing is there: create the record.
    Free,
    /// The record is one's own: an earlier request came through although its answer was lost.
    Ours(&'seen Record),
    /// The record is void: only the history tells who the owner is.
    Doubt,
    /// The record may be written over.
    Take(&'seen Record, Why),
    /// Somebody else holds the lock.
    Held(&'seen Record),
    /// What is there is no lock that this neap understands.
    Damaged(&'seen str),
}

/// What `seen`, the newest that is there, means for `me` at `now`. `is_dead` says whether the record's owner is
/// certainly dead. Where versions are numbers, the history must confirm what is no refusal: see [`judge_history`].
pub fn judge<'seen>(
    seen: Option<&'seen Entry>,
    me: &str,
    now: Timestamp,
    is_dead: impl FnOnce(&Record) -> bool,
) -> Verdict<'seen> {
    let Some(Entry { version, record }) = seen else { return Verdict::Free };
    let record = match record {
        Ok(record) => record,
        Err(reason) => return Verdict::Damaged(reason),
    };
    if fits(record, version) { judge_owner(record, me, now, is_dead) } else { Verdict::Doubt }
}

/// What a whole history, oldest first, means for `me` at `now`.
pub fn judge_history<'seen>(
    history: &'seen [Entry],
    me: &str,
    now: Timestamp,
    is_dead: impl FnOnce(&Record) -> bool,
) -> Verdict<'seen> {
    if let Some(Ok(record)) = heir(history).map(|entry| &entry.record) {
        return judge_owner(record, me, now, is_dead);
    }
    match history.last().map(|entry| &entry.record) {
        None => Verdict::Free,
        Some(Err(reason)) => Verdict::Damaged(reason),
        // Whoever wrote it is about to look, and to write over it.
        Some(Ok(record)) if record.owner != me && !is_over(record, now) => Verdict::Held(record),
        Some(Ok(record)) => Verdict::Take(record, Why::Void),
    }
}

/// What the owner's record means.
fn judge_owner<'seen>(
    record: &'seen Record,
    me: &str,
    now: Timestamp,
    is_dead: impl FnOnce(&Record) -> bool,
) -> Verdict<'seen> {
    if record.owner == me {
        Verdict::Ours(record)
    } else if record.released {
        Verdict::Take(record, Why::Released)
    } else if is_over(record, now) {
        Verdict::Take(record, Why::Expired)
    } else if is_dead(record) {
        Verdict::Take(record, Why::OwnerDead)
    } else {
        Verdict::Held(record)
    }
}

/// Whether a record has expired by the clock of any host.
fn is_over(record: &Record, now: Timestamp) -> bool {
    later(record.expires, CLOCK_MARGIN) <= now
}

/// Whether `version` is what `record` must have become if its claim is true.
pub fn fits(record: &Record, version: &Version) -> bool {
    match (version, record.claims.as_ref().map(|claim| &claim.version)) {
        (Version::Tag(_), _) => true,
        (Version::Number(number), None) => *number == 1,
        (Version::Number(number), Some(Version::Number(claimed))) => claimed.checked_add(1) == Some(*number),
        (Version::Number(_), Some(Version::Tag(_))) => false,
    }
}

/// Whether the record of `entry` is not void, given the version before it. Of what is no longer known, the number
/// alone decides.
fn is_valid(before: Option<&Entry>, entry: &Entry) -> bool {
    let Ok(record) = &entry.record else { return false };
    let was_there = |claim: &Claim| {
        before.is_none_or(|before| {
            let owner = before.record.as_ref().map(|record| record.owner.as_str());
            before.version == claim.version && owner == Ok(claim.owner.as_str())
        })
    };
    fits(record, &entry.version)
        && (matches!(entry.version, Version::Tag(_)) || record.claims.as_ref().is_none_or(was_there))
}

/// The last entry of a history, oldest first, that is not void: its owner is the lock's.
pub fn heir(history: &[Entry]) -> Option<&Entry> {
    let befores = std::iter::once(None).chain(history.iter().map(Some));
    let mut entries: Vec<_> = befores.zip(history).collect();
    entries.retain(|(before, entry)| is_valid(*before, entry));
    entries.pop().map(|(_, entry)| entry)
}

/// Whether a history shows that what was written as `version` is void. A history that does not show it yet refutes
/// nothing.
pub fn refutes(history: &[Entry], version: &Version) -> bool {
    let position = history.iter().position(|entry| entry.version == *version);
    position.is_some_and(|position| {
        let before = position.checked_sub(1).and_then(|before| history.get(before));
        !is_valid(before, &history[position])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    /// A record of `owner` that expires so many seconds from now and claims `over`.
    fn record(owner: &str, expires: i64, over: Option<(u64, &str)>) -> Record {
        let mut record = Record::new("course", owner, "ada@laptop", 7, "neap apply", NOW);
        record.expires = Timestamp::from_second(expires).expect("in range");
        record.claims =
            over.map(|(version, owner)| Claim { version: Version::Number(version), owner: owner.into() });
        record
    }

    fn entry(version: u64, record: Record) -> Entry {
        Entry { version: Version::Number(version), record: Ok(record) }
    }

    fn word(verdict: &Verdict<'_>) -> &'static str {
        match verdict {
            Verdict::Free => "free",
            Verdict::Ours(_) => "ours",
            Verdict::Doubt => "doubt",
            Verdict::Take(_, Why::Expired) => "expired",
            Verdict::Take(_, Why::OwnerDead) => "dead",
            Verdict::Take(_, Why::Released) => "released",
            Verdict::Take(_, Why::Void) => "void",
            Verdict::Held(_) => "held",
            Verdict::Damaged(_) => "damaged",
        }
    }

    const MARGIN: i64 = CLOCK_MARGIN.as_secs().cast_signed();

    #[test]
    fn every_record_has_one_meaning() {
        let check = |version, record: &Record, is_dead, expected| {
            let seen = entry(version, record.clone());
            let verdict = judge(Some(&seen), "me", NOW, |_| is_dead);
            assert_eq!(word(&verdict), expected, "{version} {record:?}");
        };
        assert_eq!(judge(None, "me", NOW, |_| false), Verdict::Free);
        check(1, &record("me", 9, None), false, "ours");
        check(4, &record("me", 9, Some((3, "a"))), false, "ours");
        check(5, &record("me", 9, Some((3, "a"))), false, "doubt");
        check(2, &record("me", 9, None), false, "doubt");
        check(1, &record("a", 9, None), false, "held");
        check(1, &record("a", 9, None), true, "dead");
        // An owner stops when its record expires, which is before others take over.
        check(1, &record("a", 0, None), false, "held");
        check(1, &record("a", -MARGIN + 1, None), false, "held");
        check(1, &record("a", -MARGIN, None), false, "expired");
        check(9, &record("a", -MARGIN, Some((3, "b"))), true, "doubt");
        let mut released = record("a", 9, None);
        released.released = true;
        check(1, &released, false, "released");
        check(9, &released, false, "doubt");
        let damaged = Entry { version: Version::Number(1), record: Err("no".into()) };
        assert_eq!(word(&judge(Some(&damaged), "me", NOW, |_| false)), "damaged");
    }

    #[test]
    fn a_history_is_judged_by_its_owner_and_not_by_what_is_void() {
        let check = |history: &[Entry], expected| {
            assert_eq!(word(&judge_history(history, "me", NOW, |_| false)), expected, "{history:?}");
        };
        check(&[], "free");
        let mine = entry(1, record("me", 9, None));
        check(std::slice::from_ref(&mine), "ours");
        // A request that was decided long ago has come late, and what it wrote has expired.
        let late = entry(2, record("b", -MARGIN, Some((7, "c"))));
        check(&[mine, late.clone()], "ours");
        check(&[entry(1, record("a", 9, None)), late.clone()], "held");
        check(&[entry(1, record("a", -MARGIN, None)), late], "expired");
        check(&[entry(1, record("b", 9, Some((7, "c"))))], "held");
        check(&[entry(1, record("me", 9, Some((7, "c"))))], "void");
        check(&[entry(1, record("b", -MARGIN, Some((7, "c"))))], "void");
    }

    #[test]
    fn a_version_of_a_store_that_compares_always_fits() {
        let record = record("a", 9, None);
        assert!(fits(&record, &Version::Tag("\"abc\"".into())));
    }

    fn heir_of(history: &[Entry]) -> Option<String> {
        heir(history).and_then(|entry| entry.record.clone().ok()).map(|record| record.owner)
    }

    #[test]
    fn void_records_do_not_change_the_owner() {
        let history = [
            entry(1, record("a", 9, None)),
            entry(2, record("a", 9, Some((1, "a")))),
            // Two who both saw version 2 as expired: the first has it, the second has lost.
            entry(3, record("b", 9, Some((2, "a")))),
            entry(4, record("c", 9, Some((2, "a")))),
        ];
        for (length, expected) in [(0, None), (1, Some("a")), (2, Some("a")), (3, Some("b")), (4, Some("b"))]
        {
            assert_eq!(heir_of(&history[..length]).as_deref(), expected);
        }
        let mut history = history.to_vec();
        history.push(entry(5, record("b", 9, Some((4, "c")))));
        assert_eq!(heir_of(&history).as_deref(), Some("b"), "the owner writes over what is void");
    }

    #[test]
    fn a_version_that_was_used_again_after_a_deletion_gives_nobody_the_lock() {
        // `c` saw version 2 of `a`; it was deleted, `b` created and renewed, and then c's request came.
        let history = [
            entry(1, record("b", 9, None)),
            entry(2, record("b", 9, Some((1, "b")))),
            entry(3, record("c", 9, Some((2, "a")))),
        ];
        assert_eq!(heir_of(&history).as_deref(), Some("b"));
        assert!(refutes(&history, &Version::Number(3)));
        assert!(!refutes(&history, &Version::Number(2)));
        assert!(!refutes(&history, &Version::Number(4)), "not shown yet");
    }

    #[test]
    fn what_was_written_over_nothing_belongs_to_nobody() {
        let history = [entry(1, record("a", 9, Some((7, "b"))))];
        assert_eq!(heir(&history), None);
    }

    #[test]
    fn a_history_that_was_cut_begins_with_what_its_number_says() {
        let history =
            [entry(101, record("a", 9, Some((100, "a")))), entry(102, record("b", 9, Some((7, "a"))))];
        assert_eq!(heir_of(&history).as_deref(), Some("a"));
    }
}
