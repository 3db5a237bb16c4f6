//! What goes wrong: AWS's refusals, and the sandbox's own troubles with its file.
//!
//! Decides how a refusal is worded for the engine. Must not know which rule refused.

use std::path::PathBuf;

use neap_engine::cloud::{CallError, ErrorKind};
use thiserror::Error;

/// The sandbox itself cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimError {
    /// The world's file cannot be read or written.
    #[error("cannot access the sandbox's file `{}`: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The world's file is not one that the sandbox has written.
    #[error("the sandbox's file `{}` is damaged: {reason}; delete it to start with an empty sandbox", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A fault script or a script of live resources makes no sense.
    #[error("{0}")]
    Script(String),
}

impl From<SimError> for CallError {
    fn from(error: SimError) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            operation: "sandbox".to_owned(),
            code: None,
            message: error.to_string(),
            request_id: None,
        }
    }
}

/// AWS says no. The call that it says no to is added where the call is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// What kind of failure.
    pub(crate) kind: ErrorKind,
    /// AWS's error code.
    pub(crate) code: String,
    /// AWS's message.
    pub(crate) message: String,
}

impl Rejection {
    /// AWS says no.
    pub(crate) fn new(kind: ErrorKind, code: &str, message: impl Into<String>) -> Self {
        Self { kind, code: code.to_owned(), message: message.into() }
    }

    /// The request is wrong.
    pub(crate) fn invalid(code: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, code, message)
    }

    /// What the call is about is not there.
    pub(crate) fn not_found(code: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, code, message)
    }

    /// Something of that name or in that place exists already.
    pub(crate) fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, code, message)
    }

    /// It cannot go while something else uses it.
    pub(crate) fn in_use(code: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InUse, code, message)
    }

    /// Something that the call needs is not usable yet.
    pub(crate) fn not_yet(code: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotYet, code, message)
    }

    /// A quota is used up.
    pub(crate) fn quota(code: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Quota, code, message)
    }

    /// The failure of the call `operation`.
    pub(crate) fn of(self, operation: &str, request_id: String) -> CallError {
        CallError {
            kind: self.kind,
            operation: operation.to_owned(),
            code: Some(self.code),
            message: self.message,
            request_id: Some(request_id),
        }
    }
}

/// What one call answers.
pub(crate) type Answer<T> = Result<T, Rejection>;
