//! Elastic Load Balancing: load balancers, target groups, listeners and rules.
//!
//! They are read together, since one needs the other's ARN and their tags come in common batches.

mod action;
mod alb;
mod claim;
mod condition;
mod describe;
mod listener;
mod nlb;
mod read;
mod rule;
mod tags;
mod target_group;

pub(crate) use read::read;
