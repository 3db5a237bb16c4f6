//! The line from the bytes of a stack file to what the stack asks for.
//!
//! Decides the order of the checks. Must not know what any check looks for.

use std::collections::BTreeMap;

use super::diagnostic::{self, Diagnostic};
use super::secrets::Secrets;
use crate::desired::Desired;

/// A stack file as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The path that is shown.
    pub name: &'a str,
    /// The content.
    pub bytes: &'a [u8],
}

/// What a command line adds to a stack file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The environment of `--env`, whose overlay is put over the file.
    pub environment: Option<String>,
    /// The values of `--var`, by variable name.
    pub variables: BTreeMap<String, String>,
    /// The values of `NEAP_VAR_name` in the process environment, by variable name without the prefix.
    pub environment_variables: BTreeMap<String, String>,
    /// The region of `--region`, which goes before the file's.
    pub region: Option<String>,
}

/// A stack file without mistakes.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What the stack asks for.
    pub desired: Desired,
    /// The values of its sensitive variables.
    pub secrets: Secrets,
    /// What is allowed and yet looks wrong.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a stack file, checks it and lowers it to what it asks for.
///
/// # Errors
///
/// Fails with everything that is wrong, in the order of the file, at most fifty mistakes.
pub fn load(source: &Source<'_>, options: &Options) -> Result<Loaded, Vec<Diagnostic>> {
    let _ = options;
    let Ok(text) = std::str::from_utf8(source.bytes) else {
        return Err(vec![Diagnostic::whole("the file is not UTF-8").help("save it as UTF-8")]);
    };
    match toml::from_str::<super::shape::StackFile>(text) {
        Ok(file) => {
            let desired = Desired { stack: file.stack.name, ..Desired::default() };
            Ok(Loaded { desired, secrets: Secrets::default(), warnings: Vec::new() })
        }
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            Err(diagnostic::finish(vec![Diagnostic::at(span, error.message()).label("here")], text))
        }
    }
}
