//! From values to text: pure functions, coloured throughout; the console takes the colour out where it is unwanted.

pub(crate) mod adopt;
pub(crate) mod diagnostic;
pub(crate) mod explain;
pub(crate) mod failure;
pub(crate) mod files;
pub(crate) mod graph;
pub(crate) mod json;
pub(crate) mod lock;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod refusal;
pub(crate) mod status;
pub(crate) mod style;
pub(crate) mod summary;
pub(crate) mod value;
pub(crate) mod zero;
