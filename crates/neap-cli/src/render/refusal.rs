//! Why there is no plan, and what to do about it.

use neap_core::live::ReadFailure;
use neap_core::plan::Refusal;
use serde_json::Value;

use super::{plan, style, value};
use crate::error::CommandError;
use crate::exit::Exit;

/// All the refusals as one error: one after the other, each with its details.
pub(crate) fn refused(refusals: &[Refusal]) -> CommandError {
    let mut errors = refusals.iter().map(one);
    let Some(first) = errors.next() else {
        return CommandError::failed("there is no plan, and no reason for it: this is a fault in neap");
    };
    let rest: Vec<CommandError> = errors.collect();
    if rest.is_empty() {
        return first;
    }
    let message = format!("there is no plan, for {} reasons", rest.len() + 1);
    let exit = if rest.iter().all(|error| error.exit == first.exit) { first.exit } else { Exit::Failed };
    let mut all = CommandError::new(exit, message);
    for error in std::iter::once(first).chain(rest) {
        all.details.push(error.message);
        all.details.extend(error.details.iter().map(|detail| format!("  {detail}")));
        for hint in error.hints {
            if !all.hints.contains(&hint) {
                all.hints.push(hint);
            }
        }
    }
    all
}

fn one(refusal: &Refusal) -> CommandError {
    match refusal {
        Refusal::WrongAccount { expected, actual } => {
            let message =
                format!("these credentials are for account {actual}, and the stack is for {expected}");
            CommandError::failed(message).hint("choose other credentials with `--profile`")
        }
        Refusal::NameTaken { address, live, fields } => {
            let message = format!("`{address}` is taken by something that is not the stack's own");
            let mut error = CommandError::failed(message).detail(live.id.clone());
            for field in fields {
                let side = |value: &Option<Value>| value.as_ref().map_or("(none)".to_owned(), value::inline);
                error = error.detail(format!(
                    "{}: {} there, {} here",
                    field.path,
                    side(&field.before),
                    side(&field.after)
                ));
            }
            error.hint("delete it, or give the resource another `name` in the stack file")
        }
        Refusal::Unreadable { address, failure } => {
            unreadable(address.as_ref().map(ToString::to_string), failure)
        }
        Refusal::Protected { address, action, reason } => {
            let message = format!("`{address}` is protected, and the plan would {} it", action.word());
            CommandError::failed(message)
                .detail(format!("because: {}", plan::reason(reason)))
                .hint("take the change back, or remove `protect = true` to let it go")
        }
        Refusal::NoNetwork { message } => CommandError::failed(message.clone())
            .hint("`[network] vpc = \"vpc-…\"` in the stack file names another VPC"),
        Refusal::NoSecret { name } => {
            CommandError::failed(format!("there is no secret `{name}` in Secrets Manager"))
                .hint("create it, or correct its name in the stack file")
        }
        Refusal::Cycle { path } => {
            let path: Vec<String> = path.iter().map(ToString::to_string).collect();
            CommandError::invalid(format!("resources wait for each other: {}", path.join(" → ")))
        }
    }
}

/// A read that failed, of the resource at `address` if it is about one.
pub(crate) fn unreadable(address: Option<String>, failure: &ReadFailure) -> CommandError {
    let ReadFailure { operation, code, message, denied } = failure;
    let what = address.map_or_else(String::new, |address| format!("`{address}` could not be read: "));
    let code = code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
    let error = CommandError::failed(format!("{what}{operation}: {code}{message}"));
    if *denied {
        error.hint(format!("allow {} for these credentials", style::names(std::slice::from_ref(operation))))
    } else {
        error.hint("nothing was changed; run it again")
    }
}
