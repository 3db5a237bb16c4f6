//! Eventual consistency: what readers are shown, which may be some seconds old.
//!
//! Decides which version of each record a reader gets, and for how long (reference sections 1.1, 1.7, 3.10). What is
//! refused for its name, and what is deleted, goes by what is true. Must not know which call changed a record.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::World;
use crate::clock::Millis;
use crate::record::Record;

/// How long news take to reach readers: a time for each change that follows from the seed, up to these seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// Sets apart worlds that are otherwise alike.
    #[serde(default)]
    pub seed: u64,
    /// What is new is seen, by readers and by calls that refer to it, after at most so many seconds.
    #[serde(default)]
    pub late: u64,
    /// The index of tags lists what is new after at most so many seconds.
    #[serde(default)]
    pub unlisted: u64,
    /// Readers see what is changed or deleted as it was for at most so many seconds.
    #[serde(default)]
    pub stale: u64,
    /// Whether every other look meets a replica that has the news already, so that what was seen may vanish again.
    #[serde(default)]
    pub flicker: bool,
}

/// What readers get instead of a record, until a moment: an older version, or nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Shade {
    until: Millis,
    shown: Option<Record>,
}

/// What readers do not know yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Shades {
    /// By ARN, the oldest version first.
    #[serde(default)]
    shades: BTreeMap<String, Vec<Shade>>,
    /// How slowly news travel, where a script says so for all of them.
    #[serde(default)]
    pub(crate) mode: Option<Consistency>,
    /// How many changes were late, and how many looks were taken.
    #[serde(default)]
    changes: u64,
    #[serde(skip)]
    looks: u64,
    /// How many records were shown as they were before, since the world was opened.
    #[serde(skip)]
    pub(crate) n_late: usize,
}

/// For how many seconds the news of one call are late.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Delay {
    /// That something is there.
    pub(crate) late: u64,
    /// That something is there, to the index of tags.
    pub(crate) unlisted: u64,
    /// That something has changed or is gone.
    pub(crate) stale: u64,
}

/// The records as they were before a change.
pub(crate) struct Memory(BTreeMap<String, Record>);

impl World {
    /// The records as they are, to compare them with later.
    pub(crate) fn remember(&self) -> Memory {
        Memory(self.records.clone())
    }

    /// How late the news of the next change are by the world's mode, if it has one.
    pub(crate) fn delay(&mut self) -> Option<Delay> {
        let mode = self.shades.mode?;
        self.shades.changes += 1;
        let number = self.shades.changes;
        let up_to = |most: u64, what: u64| mix(mode.seed ^ mix(number * 3 + what)) % (most + 1);
        let (late, stale) = (up_to(mode.late, 0), up_to(mode.stale, 1));
        Some(Delay { late, unlisted: up_to(mode.unlisted, 2), stale })
    }

    /// Shows what differs from `before` as it was then, for a while.
    pub(crate) fn keep_showing(&mut self, before: &Memory, delay: Delay) {
        let arns: BTreeSet<&String> = before.0.keys().chain(self.records.keys()).collect();
        for arn in arns {
            let (old, new) = (before.0.get(arn), self.records.get(arn));
            let seconds = if old.is_none() { delay.late } else { delay.stale };
            if old.is_none() && delay.unlisted > 0 {
                self.index.list_late(arn, self.now + delay.unlisted * 1000);
            }
            if old != new && seconds > 0 {
                let shade = Shade { until: self.now + seconds * 1000, shown: old.cloned() };
                self.shades.shades.entry(arn.clone()).or_default().push(shade);
                self.shades.n_late += 1;
            }
        }
    }

    /// Forgets the versions whose time is over.
    pub(super) fn refresh(&mut self) {
        let now = self.now;
        self.shades.shades.retain(|_, shades| {
            shades.retain(|shade| shade.until > now);
            !shades.is_empty()
        });
    }

    /// Whether calls that refer to the record with this ARN know of it.
    pub(crate) fn knows(&self, arn: &str) -> bool {
        self.shades.of(arn).is_none_or(|shade| shade.shown.is_some())
    }

    /// The world as a reader is shown it now.
    pub(crate) fn shown(&mut self) -> Cow<'_, Self> {
        self.shades.looks += 1;
        if self.shades.shades.is_empty() && self.tombstones.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut shown = self.clone();
        for (arn, tombstone) in &self.tombstones {
            shown.records.entry(arn.clone()).or_insert_with(|| tombstone.record.clone());
        }
        for arn in self.shades.shades.keys().filter(|arn| !self.shades.is_fresh(arn)) {
            match self.shades.of(arn).and_then(|shade| shade.shown.clone()) {
                Some(old) => shown.records.insert(arn.clone(), old),
                None => shown.records.remove(arn),
            };
        }
        Cow::Owned(shown)
    }
}

impl Shades {
    /// How many versions are still shown.
    pub(super) fn len(&self) -> usize {
        self.shades.values().map(Vec::len).sum()
    }

    /// The oldest version of a record that is still shown.
    fn of(&self, arn: &str) -> Option<&Shade> {
        self.shades.get(arn)?.first()
    }

    /// Whether this look at a record meets a replica that has the news.
    fn is_fresh(&self, arn: &str) -> bool {
        let Some(mode) = self.mode.filter(|mode| mode.flicker) else { return false };
        let name = arn.bytes().fold(0, |sum: u64, byte| mix(sum ^ u64::from(byte)));
        mix(mode.seed ^ self.looks ^ name).is_multiple_of(2)
    }
}

/// A number that looks random and follows from another: the finaliser of splitmix64.
const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
