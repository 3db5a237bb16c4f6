//! The index of tags: what the Resource Groups Tagging API lists (reference section 1.3).
//!
//! Decides what is in it: what is tagged, late, and what was tagged and is long gone. It is a hint and no proof, so
//! nothing here may be taken for what exists. Must not know who asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::World;
use crate::clock::{GHOSTS_STAY, Millis};
use crate::record::Record;

/// What the index does not know yet, and what it knows no better.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Index {
    /// What is gone and still listed, by ARN.
    #[serde(default)]
    ghosts: BTreeMap<String, Ghost>,
    /// From when on what is new is listed, by ARN.
    #[serde(default)]
    late: BTreeMap<String, Millis>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ghost {
    tags: BTreeMap<String, String>,
    until: Millis,
}

impl Index {
    /// Goes on listing what is gone.
    pub(super) fn keep(&mut self, gone: &Record, since: Millis) {
        if !gone.tags.is_empty() && gone.kind().takes_tags() {
            let ghost = Ghost { tags: gone.tags.clone(), until: since + GHOSTS_STAY };
            self.ghosts.insert(gone.arn.clone(), ghost);
        }
    }

    /// Lists something new only from a moment on.
    pub(super) fn list_late(&mut self, arn: &str, from: Millis) {
        self.late.insert(arn.to_owned(), from);
    }

    /// Forgets what the time is over for.
    pub(super) fn refresh(&mut self, now: Millis) {
        self.ghosts.retain(|_, ghost| ghost.until > now);
        self.late.retain(|_, from| *from > now);
    }
}

impl World {
    /// The ARNs in this region that the index lists under a tag, whether anything is there or not.
    pub(crate) fn tagged(&self, key: &str, value: &str) -> Vec<String> {
        let has = |tags: &BTreeMap<String, String>| tags.get(key).is_some_and(|found| found == value);
        let live = self.records().filter(|record| {
            record.kind().takes_tags() && has(&record.tags) && !self.index.late.contains_key(&record.arn)
        });
        let mut arns: Vec<String> = live.map(|record| record.arn.clone()).collect();
        let region = format!(":{}:", self.place);
        let ghosts =
            self.index.ghosts.iter().filter(|(arn, ghost)| has(&ghost.tags) && arn.contains(&region));
        arns.extend(ghosts.map(|(arn, _)| arn.clone()));
        arns.sort();
        arns.dedup();
        arns
    }
}
