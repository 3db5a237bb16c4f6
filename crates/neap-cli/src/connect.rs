//! How the command line is handed its cloud.

use std::path::PathBuf;

use neap_core::desired::LockPlace;
use neap_engine::cloud::{CallError, Cloud};
use neap_engine::lock::Store;

/// The cloud that a command is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The built-in sandbox.
    Sandbox {
        /// The folder that its world lives in.
        folder: PathBuf,
    },
    /// AWS, or an emulator of it. What is not given is left to the SDK's own chain.
    Aws {
        /// The region.
        region: Option<String>,
        /// The profile of the AWS configuration.
        profile: Option<String>,
        /// The endpoint of an emulator.
        endpoint_url: Option<String>,
        /// The folder that the stack file lies in.
        folder: PathBuf,
    },
}

/// Makes clouds.
pub trait Connect {
    /// What it makes.
    type Cloud: Cloud;
    /// Where it keeps locks.
    type Store: Store + 'static;

    /// Whether it can reach AWS at all; a neap can be built with the sandbox alone.
    fn reaches_aws(&self) -> bool {
        true
    }

    /// Makes the cloud that `target` names.
    fn connect(&self, target: &Target) -> impl Future<Output = Result<Self::Cloud, CallError>>;

    /// Finds the place where the lock of `stack` lies. Whoever wants to change something takes it before it connects, so
    /// that what it reads then is what the one before has left.
    fn store(
        &self,
        target: &Target,
        place: &LockPlace,
        stack: &str,
    ) -> impl Future<Output = Result<Self::Store, CallError>>;
}
