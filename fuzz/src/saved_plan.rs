//! Any bytes as a saved plan: never a panic, whatever its digest. What is taken is written again as it was, and a plan
//! that is carried out is one that neap makes.
//!
//! Must not know the form of the file; the command line's own seam does.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| neap_cli::fuzzing::saved_plan(bytes));
