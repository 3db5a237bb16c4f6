//! Carries out what neap-core decides: reads through one trait, runs a plan's steps, waits and retries.

pub mod adopt;
pub mod apply;
mod call;
pub mod cancel;
pub mod cloud;
pub mod event;
pub mod files;
pub mod intent;
mod known;
pub mod lock;
pub mod news;
pub mod read;
pub mod retry;
mod run;
pub mod throttle;
pub mod transfers;
pub mod wait;
pub mod zero;
