//! The deciding half of neap: from a stack file and what is live to a plan, as plain functions on values.
//!
//! Nothing here does I/O, reads a clock or an environment variable, or names tokio or AWS's SDK.

pub mod address;
pub mod adopt;
pub mod cidr;
pub mod config;
pub mod desired;
pub mod diff;
pub mod edges;
pub mod files;
pub mod instances;
pub mod kinds;
pub mod launches;
pub mod leaving;
pub mod live;
pub mod named;
pub mod naming;
pub mod network;
pub mod outputs;
pub mod ownership;
pub mod permissions;
pub mod plan;
pub mod policy;
pub mod pricing;
pub mod reference;
pub mod repeats;
pub mod schedule;
pub mod subnets;
pub mod when;
pub mod zero;
