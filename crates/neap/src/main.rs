//! The `neap` program: joins the command line with the clouds that it was built with.
//!
//! Decides nothing beyond that.

mod cloud;

use std::process::ExitCode;

use neap_cli::Console;

use crate::cloud::Clouds;

fn main() -> ExitCode {
    neap_cli::tell_no_values();
    ExitCode::from(neap_cli::run(std::env::args_os(), Console::of_process(), Clouds))
}
