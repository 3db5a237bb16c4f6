//! The JSON Schema of the stack file.

use serde_json::Value;

use super::shape::StackFile;

/// The JSON Schema of the stack file, for editors.
pub fn schema() -> Value {
    schemars::schema_for!(StackFile).to_value()
}
