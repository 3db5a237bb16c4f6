//! Who works on a stack, as others are told who wait.
//!
//! Decides what tells one process from all others. Must not know what a lock is.

use crate::cloud::{CallError, ErrorKind};

/// Who wants the lock, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The stack.
    pub stack: String,
    /// A word that no other process has: 32 hexadecimal digits.
    pub owner: String,
    /// Who it is, for people: `ada@laptop`.
    pub who: String,
    /// The process on that host.
    pub process: u32,
    /// What it runs: `neap apply`.
    pub command: String,
}

impl Worker {
    /// This process.
    ///
    /// # Errors
    ///
    /// Fails when the system has no random numbers.
    pub fn this_process(stack: &str, who: String, command: &str) -> Result<Self, CallError> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(|error| CallError {
            kind: ErrorKind::Unavailable,
            operation: "getrandom".to_owned(),
            code: None,
            message: error.to_string(),
            request_id: None,
        })?;
        Ok(Self {
            stack: stack.to_owned(),
            owner: random.iter().map(|byte| format!("{byte:02x}")).collect(),
            who,
            process: std::process::id(),
            command: command.to_owned(),
        })
    }
}
