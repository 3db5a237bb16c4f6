//! What is said when neap itself is at fault.
//!
//! Decides that a panic tells where it happened and nothing else: its message may quote what was being worked on, down to
//! the text around a slice that went wrong, and that may be a secret. Must not know what it was.

use std::io::{self, Write};
use std::panic;

/// From now on, whatever thread panics tells its place on stderr, and no value.
pub fn tell_no_values() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        // Who cannot be told is not told.
        let _ = write!(
            io::stderr(),
            "error: internal error at {place}, so the work stopped\n\n\
             hint: run it again to go on from what is live, and please report this place\n"
        );
    }));
}
