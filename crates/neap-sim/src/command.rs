//! The sandbox as a command has it: what environment variables ask of it.
//!
//! Decides their names and meaning. They are for tests and for those who want to see what neap does when things go wrong:
//!
//! - `NEAP_SANDBOX_FAULTS` names a fault script. Where it says that the process ends, it ends by SIGKILL.
//! - `NEAP_SANDBOX_CALLS` names a file that every call is noted in, one line of JSON each.
//!
//! (A third one, `NEAP_SANDBOX_CLOCK`, is the command line's, which makes the runtime that clocks belong to.)

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::error::SimError;
use crate::sim::Sim;

/// Names a fault script.
const FAULTS: &str = "NEAP_SANDBOX_FAULTS";
/// Names a file for the log of calls.
const CALLS: &str = "NEAP_SANDBOX_CALLS";

impl Sim {
    /// The world kept in `folder`, with everything that `variable` has a value for.
    ///
    /// # Errors
    ///
    /// Fails when the world cannot be opened, or what a variable names cannot be used.
    pub fn of_command(
        folder: &Path,
        variable: impl Fn(&'static str) -> Option<OsString>,
    ) -> Result<Self, SimError> {
        let mut sim = Self::open(folder)?.on_kill(die);
        if let Some(base) = folder.parent() {
            sim = sim.with_folders(base.to_owned());
        }
        if let Some(file) = variable(CALLS) {
            sim = sim.note_calls(Path::new(&file))?;
        }
        if let Some(file) = variable(FAULTS) {
            let script = fs::read_to_string(&file).map_err(|error| {
                SimError::Script(format!("`{FAULTS}` names a file that cannot be read: {error}"))
            })?;
            sim.fault_script(&script)?;
        }
        Ok(sim)
    }
}

/// Ends the process as `kill -9` would: nothing is flushed, dropped or handled.
fn die() {
    #[cfg(unix)]
    {
        use rustix::process::{Signal, getpid, kill_process};
        // Sent to oneself it arrives before the call returns; only where it cannot be sent, the next line is reached.
        let _unsent = kill_process(getpid(), Signal::KILL).is_err();
    }
    std::process::abort();
}
