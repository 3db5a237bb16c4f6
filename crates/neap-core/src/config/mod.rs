//! From the text of `stack.toml` to what it asks for, with every mistake at its place.

mod diagnostic;
mod load;
pub mod lower;
mod schema;
mod secrets;
pub mod shape;

pub use diagnostic::{Diagnostic, Mistake};
pub use load::{Loaded, Options, Source, load};
pub use schema::schema;
pub use secrets::Secrets;
