//! Carries out what neap-core decides: reads through one trait, runs a plan's steps, waits and retries.

pub mod apply;
pub mod cancel;
pub mod cloud;
pub mod event;
pub mod read;
pub mod residue;
