//! `neap completions SHELL`: a script that a shell completes command lines with.

use clap::CommandFactory;

use crate::args::{Arguments, CompletionsArguments};
use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::session::Session;

/// Prints the script.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &CompletionsArguments,
) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "neap", &mut script);
    session.ui.out(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
