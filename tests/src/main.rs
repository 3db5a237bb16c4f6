//! neap with nothing but the sandbox: the program that recorded sessions run.
//!
//! Decides only that faults come from the file that `NEAP_SANDBOX_FAULTS` names. Unlike the real binary it never compiles
//! the AWS SDK.

use std::fmt::Display;
use std::process::ExitCode;

use neap_cli::{Connect, Console, Target};
use neap_engine::cloud::{CallError, ErrorKind};
use neap_sim::Sim;

struct Sandbox;

impl Connect for Sandbox {
    type Cloud = Sim;

    fn reaches_aws(&self) -> bool {
        false
    }

    async fn connect(&self, target: &Target) -> Result<Sim, CallError> {
        match target {
            Target::Sandbox { folder } => {
                let sim = Sim::open(folder).map_err(invalid)?;
                if let Some(path) = std::env::var_os("NEAP_SANDBOX_FAULTS") {
                    let script = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
                    sim.fault_script(&script).map_err(invalid)?;
                }
                Ok(sim)
            }
            Target::Aws { .. } => Err(refused("this neap has the sandbox only".to_owned())),
        }
    }
}

fn invalid(error: impl Display) -> CallError {
    refused(error.to_string())
}

fn refused(message: String) -> CallError {
    let operation = "sandbox".to_owned();
    CallError { kind: ErrorKind::Invalid, operation, code: None, message, request_id: None }
}

fn main() -> ExitCode {
    ExitCode::from(neap_cli::run(std::env::args_os(), Console::of_process(), Sandbox))
}
