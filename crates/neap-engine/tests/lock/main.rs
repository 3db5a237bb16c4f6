//! The stack's lock: what one process does, and what many do to each other.

mod life;
mod random;
mod shelf;
