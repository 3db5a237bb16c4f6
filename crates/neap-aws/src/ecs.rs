//! ECS.

use neap_core::desired::Desired;

use crate::client::Aws;
use crate::found::Found;

/// Reads what stands for the stack's resources of this service.
pub(crate) async fn read(_: &Aws, desired: &Desired) -> Found {
    Found::new(&desired.stack)
}
