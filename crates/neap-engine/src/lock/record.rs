//! What the lock's record says, and its form as text.
//!
//! Decides the form and its limits. Must not know who holds what: see [`protocol`](super::protocol).

use jiff::Timestamp;
use neap_core::address::Address;
use serde::{Deserialize, Serialize};

/// The form of records, which older and newer neaps must tell apart.
const FORMAT: u32 = 1;
/// At most so many intents are open at once: an SSM parameter of the standard tier holds 4,096 bytes, and an intent
/// takes up to 160 of them.
pub const MAX_INTENTS: usize = 16;
/// The longest text of a field that people read.
const MAX_WORDS: usize = 200;

/// A version of the record, as its store tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Version {
    /// A number that counts up by one with each write, from 1: SSM's. It says nothing about what was written over.
    Number(u64),
    /// A tag that no other content has, in a store that writes only over the tag it is given.
    Tag(String),
}

/// What a writer believed that it wrote over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The version.
    pub version: Version,
    /// Whose record that was.
    pub owner: String,
}

/// A create that has been decided on and may or may not have happened: only its own kind can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The resource.
    pub address: Address,
    /// The hash of the fields that it is created with.
    pub spec: String,
    /// When it was decided.
    pub since: Timestamp,
}

/// The record of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The form of the record.
    format: u32,
    /// The stack.
    pub stack: String,
    /// A random word that only this process has.
    pub owner: String,
    /// Who it is, for people: `ada@laptop`.
    pub who: String,
    /// The process on that host.
    pub process: u32,
    /// What it runs: `neap apply`.
    pub command: String,
    /// When it took the lock.
    pub since: Timestamp,
    /// Until when the record holds unless it is renewed.
    pub expires: Timestamp,
    /// What its writer believed that it wrote over; nothing if it created the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Claim>,
    /// Whether its owner has let go, and left it only for its intents.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
    /// Creates whose outcome is not known for sure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<Intent>,
}

/// What must be right before anything else in a record can be.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

impl Record {
    /// A record that claims nothing yet. Long words are cut, so that the whole fits where it is kept.
    pub fn new(stack: &str, owner: &str, who: &str, process: u32, command: &str, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            stack: stack.to_owned(),
            owner: owner.to_owned(),
            who: cut(who),
            process,
            command: cut(command),
            since: now,
            expires: now,
            claims: None,
            released: false,
            intents: Vec::new(),
        }
    }

    /// The record as it is kept.
    pub fn to_text(&self) -> String {
        // Strings, numbers and lists of them always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The record that `text` holds.
    ///
    /// # Errors
    ///
    /// Fails, with the reason, when it is none that this neap understands.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form: Form = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if form.format == FORMAT {
            serde_json::from_str(text).map_err(|error| error.to_string())
        } else {
            Err(format!("it was written by another neap: format {}, not {FORMAT}", form.format))
        }
    }
}

fn cut(words: &str) -> String {
    words.chars().take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use neap_core::address::Kind;

    use super::*;

    fn full() -> Record {
        let mut record = Record::new(
            "course",
            &"f".repeat(32),
            &"w".repeat(999),
            u32::MAX,
            &"c".repeat(999),
            Timestamp::MAX,
        );
        record.claims = Some(Claim { version: Version::Number(u64::MAX), owner: "f".repeat(32) });
        let intent = |_| Intent {
            address: Address::new(Kind::SecurityGroup, &"n".repeat(32)),
            spec: "0".repeat(16),
            since: Timestamp::MAX,
        };
        record.intents = (0..MAX_INTENTS).map(intent).collect();
        record
    }

    #[test]
    fn a_record_survives_being_kept() {
        let mut tagged = full();
        tagged.claims = Some(Claim { version: Version::Tag("\"abc\"".into()), owner: "a".into() });
        for record in [full(), tagged, Record::new("a", "b", "c", 1, "d", Timestamp::UNIX_EPOCH)] {
            assert_eq!(Record::parse(&record.to_text()), Ok(record));
        }
    }

    #[test]
    fn the_largest_record_fits_into_a_parameter_of_the_standard_tier() {
        let text = full().to_text();
        assert!(text.len() <= 4096, "{} bytes", text.len());
    }

    #[test]
    fn what_another_neap_or_anybody_else_wrote_is_no_record() {
        let newer = full().to_text().replacen("\"format\":1", "\"format\":2", 1);
        for text in [newer.as_str(), "{\"format\":2}"] {
            assert_eq!(Record::parse(text), Err("it was written by another neap: format 2, not 1".into()));
        }
        for text in ["", "{}", "hello", "{\"format\":1}"] {
            assert!(Record::parse(text).is_err(), "{text}");
        }
    }
}
