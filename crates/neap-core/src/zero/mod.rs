//! What is left of a stack, and what stands in the way of its end: facts from a reader of their own, and their judgement.
//!
//! Decides what is the stack's, what only looks like it, what is left behind by it, and what each costs. Must not know how
//! AWS is asked, nor how plans are made: the reader and this judge share nothing with the reader that plans are made from,
//! so that a mistake in one shows in the other.

pub mod blocker;
mod by_hand;
mod claim;
pub mod judge;
pub mod scope;
pub mod seen;
#[cfg(test)]
mod tests;

pub use blocker::{Blocker, Way, blockers};
pub use judge::{Finding, Found, Verdict, judge};
pub use scope::{Depth, ObjectPlace, StackScope};
pub use seen::{Hint, Owner, Remains, Seen, Stored, Thing};
