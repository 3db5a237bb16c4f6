//! The one room for the lock's I/O: a place that keeps one text, and knows its versions.
//!
//! Decides the verbs. Must not know what the text says.

use crate::cloud::CallError;

use super::record::Version;

/// A text as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The text.
    pub text: String,
    /// Its version.
    pub version: Version,
}

/// Why a text was not written or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// What it was to be written over is not what is there.
    Refused,
    /// The call failed. If no answer came it may have been carried out all the same.
    Failed(CallError),
}

impl From<CallError> for WriteError {
    fn from(error: CallError) -> Self {
        Self::Failed(error)
    }
}

/// Where a lock's record lies.
///
/// Each verb is one request; writes and deletes are never repeated by whatever sends them, so that their outcome is known
/// or known to be unknown. In a store of [`Version::Tag`]s, `replace` and `delete` act only if the version is still
/// that. In one of [`Version::Number`]s they act whatever is there, and `replace` answers with the version that it made.
pub trait Store {
    /// What is there, if anything is. What was written before is seen.
    fn read(&self) -> impl Future<Output = Result<Option<Stored>, CallError>>;

    /// Every version that is still known of what is there, the oldest first. Stores of tags know the present one.
    fn history(&self) -> impl Future<Output = Result<Vec<Stored>, CallError>>;

    /// Puts `text` where nothing is.
    fn create(&self, text: &str) -> impl Future<Output = Result<Version, WriteError>>;

    /// Puts `text` in the place of the version `over`.
    fn replace(&self, text: &str, over: &Version) -> impl Future<Output = Result<Version, WriteError>>;

    /// Removes the version `over`.
    fn delete(&self, over: &Version) -> impl Future<Output = Result<(), WriteError>>;

    /// The account that it lies in, if it lies in one: a stack that names its account is locked in no other.
    fn account(&self) -> impl Future<Output = Result<Option<String>, CallError>>;

    /// Its name, for people: ``the SSM parameter `/neap/course/lock` ``.
    fn place(&self) -> String;
}
