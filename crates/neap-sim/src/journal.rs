//! The log of calls in a file, for whoever watches the process from outside.
//!
//! Decides its form: one line of JSON for each call, written before the call is answered. Must not know what calls do.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::error::SimError;
use crate::trace::Call;

/// A file that calls are noted in.
#[derive(Debug)]
pub(crate) struct Journal(File);

impl Journal {
    /// Notes calls at the end of `file`, which is made if it is not there.
    pub(crate) fn open(file: &Path) -> Result<Self, SimError> {
        let opened = OpenOptions::new().create(true).append(true).open(file);
        opened.map(Self).map_err(|source| SimError::File { file: file.to_owned(), source })
    }

    /// Notes `call`. Whoever reads the journal misses what could not be written.
    pub(crate) fn note(&mut self, call: &Call) -> std::io::Result<()> {
        let Call { operation, address, at, mutating, error } = call;
        let address = address.as_ref().map(ToString::to_string);
        let line = json!({
            "operation": operation,
            "address": address,
            "at_ms": u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            "mutating": mutating,
            "error": error,
        });
        // One write for the whole line, so that a process that ends leaves no half of one.
        self.0.write_all(format!("{line}\n").as_bytes())
    }
}
