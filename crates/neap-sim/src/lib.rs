//! A strict AWS inside the process, for the sandbox and for tests.
//!
//! Decides what AWS would answer: its rules with its own error codes, its states and how long they take, and what
//! a fault script makes go wrong. Must not know how plans are made or carried out, nor the AWS SDK.
//!
//! Every verb of [`neap_engine::cloud::Cloud`] is carried out as the AWS calls that it needs, one after the other. Each
//! call that changes something is one change of the world, saved before its answer is given: a process that dies
//! between two calls leaves what AWS would be left with.

mod arn;
mod clock;
mod cloud;
mod command;
mod error;
mod fault;
mod journal;
mod limits;
mod lock;
mod read;
mod record;
mod rules;
mod seed;
mod services;
mod shift;
mod sim;
mod trace;
mod world;
mod zero;

pub use error::SimError;
pub use fault::{Fault, FaultKind};
pub use lock::FolderStore;
pub use sim::Sim;
pub use trace::Call;
pub use world::Consistency;
