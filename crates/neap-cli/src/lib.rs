//! neap's command line as a library: it is handed its arguments, its console and its cloud.
//!
//! Decides what each command says and with which exit code it ends. Must not know the AWS SDK, nor what a cloud is
//! beyond the `Cloud` trait.

mod account;
pub mod args;
mod commands;
pub mod connect;
pub mod console;
mod error;
mod execute;
pub mod exit;
#[cfg(test)]
mod fixture;
mod folder;
mod footer;
mod locked;
mod nearest;
mod panics;
mod render;
mod saved_plan;
mod session;
mod signals;
mod trace;
mod wall;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};
use neap_core::config::Secrets;

pub use crate::console::{Captured, Console};
pub use connect::{Connect, Target};
pub use exit::Exit;
pub use panics::tell_no_values;
#[doc(hidden)]
pub use saved_plan::fuzzing;

use crate::console::Ui;
use args::{Arguments, Color, Command};
use error::CommandError;
use render::style;
use session::Session;

/// Runs one command and returns the code that the process ends with.
///
/// The first of `arguments` is the program's own name.
pub fn run(arguments: impl Iterator<Item = OsString>, console: Console, connect: impl Connect) -> u8 {
    let parsed = Arguments::command()
        .try_get_matches_from(arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let exit = match parsed {
        Ok(arguments) => command(arguments, console, connect),
        Err(error) => usage(&error, Ui::new(console, Color::Auto)),
    };
    exit.code()
}

/// What clap has to say: help and versions are results, everything else is a wrong command line.
fn usage(error: &clap::Error, mut ui: Ui) -> Exit {
    let text = error.render().ansi().to_string();
    if error.use_stderr() {
        ui.err(&text);
        return Exit::Invalid;
    }
    ui.out(&text);
    Exit::Done
}

fn command(arguments: Arguments, console: Console, connect: impl Connect) -> Exit {
    let Arguments { command, global } = arguments;
    let environment = console.environment.clone();
    let folder = console.folder.clone();
    let (host, temporary) = (console.host.clone(), console.temporary.clone());
    let ui = Ui::new(console, global.color);
    let _tracing = trace::begin(global.verbose, &ui);
    let secrets = Secrets::default();
    let mut session = Session { global, ui, environment, folder, host, temporary, connect, secrets };
    let result = dispatch(&mut session, &command);
    let exit = result.unwrap_or_else(|error| {
        let error = error.without(&session.secrets);
        session.ui.err(&style::error(&error));
        error.exit
    });
    if let Some(failure) = session.ui.failure() {
        let error = CommandError::failed(format!("the output could not be written: {failure}"));
        session.ui.err(&style::error(&error));
        return if exit == Exit::Done { error.exit } else { exit };
    }
    exit
}

fn dispatch<C: Connect>(session: &mut Session<C>, command: &Command) -> Result<Exit, CommandError> {
    if session.global.json && !has_json(command) {
        return Err(CommandError::invalid("this command has no JSON form").hint("leave `--json` out"));
    }
    match command {
        Command::Init => commands::init::run(session),
        Command::Validate => commands::validate::run(session),
        Command::Plan(arguments) => commands::plan::run(session, arguments),
        Command::Apply(arguments) => commands::apply::run(session, arguments),
        Command::Destroy(arguments) => commands::destroy::run(session, arguments),
        Command::Adopt(arguments) => commands::adopt::run(session, arguments),
        Command::Unlock(arguments) => commands::unlock::run(session, arguments),
        Command::Status => commands::status::run(session),
        Command::Output(arguments) => commands::output::run(session, arguments),
        Command::Policy(arguments) => commands::policy::run(session, arguments),
        Command::Graph(arguments) => commands::graph::run(session, arguments),
        Command::Schema(arguments) => commands::schema::run(session, arguments),
        Command::Completions(arguments) => commands::completions::run(session, arguments),
    }
}

const fn has_json(command: &Command) -> bool {
    match command {
        Command::Plan(_)
        | Command::Apply(_)
        | Command::Destroy(_)
        | Command::Adopt(_)
        | Command::Unlock(_)
        | Command::Status
        | Command::Output(_)
        | Command::Validate
        // Schemas and policies are JSON either way.
        | Command::Policy(_)
        | Command::Schema(_) => true,
        Command::Init | Command::Graph(_) | Command::Completions(_) => false,
    }
}
