//! Carries out what neap-core decides: reads through one trait, runs a plan's steps, waits and retries.

pub mod cloud;
