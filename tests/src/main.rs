//! neap with nothing but the sandbox: the program that recorded sessions run.
//!
//! Decides nothing else. Unlike the real binary it never compiles the AWS SDK.

use std::process::ExitCode;

use neap_cli::{Connect, Console, Target};
use neap_core::desired::LockPlace;
use neap_engine::cloud::{CallError, ErrorKind};
use neap_sim::{FolderStore, Sim};

struct Sandbox;

impl Connect for Sandbox {
    type Cloud = Sim;
    type Store = FolderStore;

    fn reaches_aws(&self) -> bool {
        false
    }

    async fn connect(&self, target: &Target) -> Result<Sim, CallError> {
        match target {
            Target::Sandbox { folder } => Ok(Sim::of_command(folder, std::env::var_os)?),
            Target::Aws { .. } => Err(no_aws()),
        }
    }

    async fn store(&self, target: &Target, _: &LockPlace, _: &str) -> Result<FolderStore, CallError> {
        match target {
            Target::Sandbox { folder } => Ok(FolderStore::new(folder)),
            Target::Aws { .. } => Err(no_aws()),
        }
    }
}

fn no_aws() -> CallError {
    refused("this neap has the sandbox only".to_owned())
}

fn refused(message: String) -> CallError {
    let operation = "sandbox".to_owned();
    CallError { kind: ErrorKind::Invalid, operation, code: None, message, request_id: None }
}

fn main() -> ExitCode {
    neap_cli::tell_no_values();
    ExitCode::from(neap_cli::run(std::env::args_os(), Console::of_process(), Sandbox))
}
