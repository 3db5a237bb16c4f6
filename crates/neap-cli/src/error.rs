//! Why a command ended without success, in the words of whoever typed it.
//!
//! Decides the kinds of failure and their exit codes. Hints are data, so that text and order are the renderer's.

use std::fmt;

use neap_core::config::Secrets;
use neap_engine::cloud::{CallError, ErrorKind};

use crate::exit::Exit;
use crate::render::explain;

/// A command that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandError {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// What is wrong: lower case, no period.
    pub(crate) message: String,
    /// More of it, one line each.
    pub(crate) details: Vec<String>,
    /// What to do about it.
    pub(crate) hints: Vec<String>,
}

impl CommandError {
    /// A failure that ends with `exit`.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new(), hints: Vec::new() }
    }

    /// A failure of the work itself.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// A wrong command line or file.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, message)
    }

    /// The same without the values of `secrets`, which causes from elsewhere may quote.
    #[must_use]
    pub(crate) fn without(mut self, secrets: &Secrets) -> Self {
        let texts = self.details.iter_mut().chain(&mut self.hints).chain([&mut self.message]);
        for text in texts {
            *text = secrets.redact(std::mem::take(text));
        }
        self
    }

    /// The same with one more line of detail.
    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// The same with one more hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for CommandError {}

impl From<CallError> for CommandError {
    fn from(error: CallError) -> Self {
        match error.kind {
            ErrorKind::Credentials => Self::failed("there are no valid AWS credentials")
                .detail(error.message)
                .hint("`aws configure` stores an access key, `aws sso login` opens a session, and \
                       `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY` work too; `--profile` picks a profile")
                .hint("`--sandbox` needs no account at all"),
            ErrorKind::Denied => {
                let mut failed = Self::failed(error.to_string());
                failed.hints = explain::call(&error, None).fixes;
                failed
            }
            ErrorKind::Unavailable | ErrorKind::Timeout => Self::failed(error.to_string())
                .hint("check the network, `--region` and `--endpoint-url`, then run it again"),
            ErrorKind::Throttled
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::InUse
            | ErrorKind::NotYet
            | ErrorKind::Invalid
            | ErrorKind::Quota
            | ErrorKind::Unknown => Self::failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ErrorKind) -> CommandError {
        let message = "the token has expired".to_owned();
        CallError { kind, operation: "sts:GetCallerIdentity".into(), code: None, message, request_id: None }
            .into()
    }

    #[test]
    fn without_credentials_one_message_says_how_to_get_them() {
        let error = of(ErrorKind::Credentials);
        assert_eq!(error.message, "there are no valid AWS credentials");
        assert_eq!(error.details, ["the token has expired"]);
        for word in
            ["`aws configure`", "`aws sso login`", "`AWS_ACCESS_KEY_ID`", "`--profile`", "`--sandbox`"]
        {
            assert!(error.hints.join("\n").contains(word), "{word}");
        }
    }

    #[test]
    fn a_denied_call_names_the_permission() {
        let error = of(ErrorKind::Denied);
        assert_eq!(error.exit, Exit::Failed);
        assert!(error.hints[0].starts_with("allow `sts:GetCallerIdentity`"), "{:?}", error.hints);
    }
}
