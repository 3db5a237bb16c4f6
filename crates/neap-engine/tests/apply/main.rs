//! The apply loop against a scripted cloud, on a paused clock.

mod cancelling;
mod once;
mod order;
mod plans;
mod random;
mod reading;
mod retries;
mod scripted;
mod values;
