//! From the text of `stack.toml` to what it asks for, with every mistake at its place.

mod check;
mod diagnostic;
mod load;
pub mod lower;
mod nearly;
mod overlay;
mod regions;
mod rule;
mod schema;
mod secrets;
mod semantics;
pub mod shape;
mod text;
mod tree;
mod variables;
mod without_tables;
pub(crate) mod words;

pub use diagnostic::{Diagnostic, Mistake};
pub use load::{Loaded, LocalFiles, Options, Source, folders, load, local_files};
pub use schema::schema;
pub use secrets::Secrets;
pub use without_tables::load_without_tables;

#[cfg(test)]
mod tests;
