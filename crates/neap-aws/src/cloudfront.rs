//! Distributions.

use neap_core::desired::Desired;
use neap_core::kinds::Cloudfront;

use crate::client::Aws;
use crate::found::Found;
use crate::remote::unwritten;

/// Reads what stands for the stack's resources of this service.
pub(crate) async fn read(_: &Aws, desired: &Desired) -> Found {
    Found::new(&desired.stack)
}

unwritten!(Cloudfront);
