//! A proxy before an emulator of AWS: it counts what passes through it and injects faults by script.
//!
//! Decides what each fault looks like on the wire and how requests are told apart. Must not change what it lets through,
//! and must not know neap: any client of AWS can be tested with it.

mod counts;
mod exchange;
mod fault;
mod operation;
mod proxy;
mod shape;
mod wire;

pub use counts::Counts;
pub use fault::{Fault, Only, Strike};
pub use operation::{Operation, Protocol};
pub use proxy::{FaultProxy, Seen, Victim};
