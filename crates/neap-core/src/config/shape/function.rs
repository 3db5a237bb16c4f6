//! The table of a CloudFront function.
//!
//! Decides its keys, types and allowed values. Must not know what the code does.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A CloudFront function: JavaScript that runs at the edge for the routes that name it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionTable {
    /// The function's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// The path of the file with its code, from the stack file. It defines `handler(event)` and has at most 10 KB.
    pub code: String,
    /// The runtime.
    #[serde(default)]
    pub runtime: FunctionRuntime,
    /// A comment, shown in the console.
    #[serde(default)]
    pub comment: String,
    /// The ARN of a CloudFront key value store that it reads.
    pub key_value_store: Option<String>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// What a function runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum FunctionRuntime {
    /// ECMAScript 5.1 and a little more.
    #[serde(rename = "cloudfront-js-1.0")]
    Js1,
    /// The same with `const`, `async` and key value stores.
    #[default]
    #[serde(rename = "cloudfront-js-2.0")]
    Js2,
}
