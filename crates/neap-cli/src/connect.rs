//! How the command line is handed its cloud.

use std::path::PathBuf;

use neap_engine::cloud::{CallError, Cloud};

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
    },
}

/// Makes clouds.
pub trait Connect {
    /// What it makes.
    type Cloud: Cloud;

    /// Whether it can reach AWS at all; a neap can be built with the sandbox alone.
    fn reaches_aws(&self) -> bool {
        true
    }

    /// Makes the cloud that `target` names.
    fn connect(&self, target: &Target) -> impl Future<Output = Result<Self::Cloud, CallError>>;
}
