//! Whole commands on the sandbox: questions, exit codes, files, and what must never be seen.

mod desk;
mod tampering;
mod whole;
