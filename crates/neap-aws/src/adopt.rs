//! What every kind needs to tell a live resource, and to finish a create that met its own earlier attempt.
//!
//! Decides when something met on creation is the stack's own. Must not know any service.

use neap_core::address::Address;
use neap_core::kinds::Resource;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind};

use crate::client::Aws;
use crate::error::refused;
use crate::found::address_of;
use crate::remote::{Held, Remote, Wanted};
use crate::tags::Tags;

/// A live resource at the address in its tags, or at `address` where they name none.
pub(crate) fn live_resource(
    address: &Address,
    id: &str,
    resource: impl Into<Resource>,
    tags: Tags,
    outputs: Outputs,
    phase: Phase,
) -> LiveResource {
    let address = address_of(&tags, None).unwrap_or_else(|| address.clone());
    LiveResource { address, id: id.to_owned(), resource: resource.into(), tags, outputs, phase }
}

/// The address in the tags of what is wanted.
pub(crate) fn wanted_address<T>(wanted: &Wanted<'_, T>) -> Result<Address, CallError>
where
    T: Remote,
{
    let address = wanted.address().parse::<Address>();
    address.map_err(|error| refused(ErrorKind::Invalid, "neap", error.to_string()))
}

/// Finishes a create that AWS refused with `conflict` because of `live`: if that is what an earlier attempt
/// created, it is made as wanted, otherwise the conflict stands.
pub(crate) async fn adopt<T: Remote>(
    aws: &Aws,
    wanted: &Wanted<'_, T>,
    live: Option<LiveResource>,
    conflict: CallError,
) -> Result<Outputs, CallError> {
    match live {
        Some(live) if wanted.is_marked(&live.tags) => T::update(aws, &Held::of(&live)?, wanted).await,
        Some(_) => Err(conflict),
        // It exists, and is not visible yet.
        None => Err(CallError { kind: ErrorKind::NotYet, ..conflict }),
    }
}

/// The failure of a create that names something made a moment ago: what is not found is not visible yet.
pub(crate) fn not_visible_yet(error: CallError) -> CallError {
    match error.kind {
        ErrorKind::NotFound => CallError { kind: ErrorKind::NotYet, ..error },
        _ => error,
    }
}
