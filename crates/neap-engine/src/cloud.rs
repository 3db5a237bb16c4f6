//! The one seam between deciding and doing: what a cloud can read and change.
//!
//! Decides the verbs. Must not know AWS's SDK, nor how steps are ordered or retried.

use neap_core::desired::{Desired, DesiredResource};
use neap_core::live::{Live, LiveResource, Outputs};
use neap_core::zero::{Remains, StackScope};
use serde::Serialize;
use thiserror::Error;

use crate::transfers::Transfers;

/// What went wrong with one call, as far as retrying and reporting care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Too many requests: the same call later will do.
    Throttled,
    /// The credentials may not do this.
    Denied,
    /// What the call is about is not there.
    NotFound,
    /// Something of that name or in that place exists already.
    Conflict,
    /// It cannot go while something else uses it; that may end by itself.
    InUse,
    /// Something that the call needs exists but is not visible or usable yet: the same call later will do.
    NotYet,
    /// The request is wrong.
    Invalid,
    /// A quota is used up.
    Quota,
    /// No answer in time.
    Timeout,
    /// The service is not there, or failed.
    Unavailable,
    /// There are no credentials, or they have expired.
    Credentials,
    /// Anything else.
    Unknown,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[error("{operation}: {}{message}", code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default())]
pub struct CallError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The API operation, such as `ecs:CreateService`; it is also the permission's name.
    pub operation: String,
    /// AWS's error code, if it gave one.
    pub code: Option<String>,
    /// AWS's message.
    pub message: String,
    /// AWS's id for the request, for its support.
    pub request_id: Option<String>,
}

/// How far a change has come, after one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It is done: ready after a create or update, gone after a delete.
    Done,
    /// Not yet; the detail is for people: `provisioning`, `1 of 2 tasks running`.
    Pending(String),
    /// It will never be done; the detail says why.
    Failed(String),
}

/// A cloud that resources are read from and changed in.
///
/// Each call is one look or one change, never a wait: waiting, retrying and ordering belong to the engine.
/// Each must be safe to repeat, since an answer can be lost: a create whose resource is already there and the
/// stack's own succeeds, and so does a delete of what is gone. Where AWS cannot tell a repeated create, it is safe only
/// once what the first one made is visible; [`Cloud::created`] tells whether it is.
pub trait Cloud {
    /// Reads everything that a plan for `desired` needs, in as few waves of concurrent calls as possible.
    ///
    /// A read that fails for one resource makes it unreadable; only what makes any answer impossible (no
    /// credentials, no connection) is an error.
    fn read(&self, desired: &Desired) -> impl Future<Output = Result<Live, CallError>>;

    /// Creates `desired`, whose references are resolved, with the spec hash `spec` in its tags.
    fn create(
        &self,
        desired: &DesiredResource,
        spec: &str,
    ) -> impl Future<Output = Result<Outputs, CallError>>;

    /// Changes `live` into `desired`, with as few calls as the difference needs, and sets the spec hash.
    fn update(
        &self,
        live: &LiveResource,
        desired: &DesiredResource,
        spec: &str,
    ) -> impl Future<Output = Result<Outputs, CallError>>;

    /// Starts to delete `live`.
    fn delete(&self, live: &LiveResource) -> impl Future<Output = Result<(), CallError>>;

    /// Looks whether `desired`, created or changed with these outputs, is ready; does the next part of a creation in several
    /// parts, of which only the first must not be repeated.
    fn ready(
        &self,
        desired: &DesiredResource,
        outputs: &Outputs,
    ) -> impl Future<Output = Result<Progress, CallError>>;

    /// Looks whether `live`, whose deletion has started, is gone; does the next part of a deletion in several
    /// parts.
    fn gone(&self, live: &LiveResource) -> impl Future<Output = Result<Progress, CallError>>;

    /// Looks for what an earlier create of exactly this may have made: of the same stack and address, with the spec
    /// hash `spec`. Asked only for kinds of which a repeated create
    /// [makes another](neap_core::repeats::Repeat::makes_another); others find the first one when they are created again.
    fn created(
        &self,
        desired: &DesiredResource,
        spec: &str,
    ) -> impl Future<Output = Result<Option<Outputs>, CallError>>;

    /// How far uploads have come, where this cloud tells.
    fn transfers(&self) -> Option<&Transfers> {
        None
    }

    /// Lists what may be left of the stack of `scope`, and what may stand in the way of its end: by tag and by name, also
    /// what AWS made for it. Shares no code with [`Cloud::read`], so that a mistake in one of them shows in the other.
    ///
    /// A listing that fails is told in the answer; only what makes any answer impossible is an error.
    fn remains(&self, scope: &StackScope) -> impl Future<Output = Result<Remains, CallError>>;
}
