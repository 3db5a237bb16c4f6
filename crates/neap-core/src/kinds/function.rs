//! A CloudFront function: a few kilobytes of JavaScript that run on each request or each answer.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// The code of a function. It serialises as hexadecimal digits: JavaScript's own `${…}` is no reference.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(pub Vec<u8>);

impl Code {
    /// The digits of its SHA-256.
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.0))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let byte = |pair: &[u8]| {
            let is_digits = pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
            let text = std::str::from_utf8(pair).ok().filter(|_| is_digits)?;
            u8::from_str_radix(text, 16).ok()
        };
        let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("the code is not in hexadecimal digits"))
    }
}

/// A CloudFront function with both of its stages: what is being worked on, and what runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// The name, at most 64 characters, unique in the account.
    pub name: String,
    /// What it is for, at most 128 characters.
    pub comment: String,
    /// `cloudfront-js-1.0` or `cloudfront-js-2.0`.
    pub runtime: String,
    /// The ARN of the key value store that it reads.
    pub key_value_store: Option<String>,
    /// The code, at most 10 KB.
    pub code: Code,
    /// The digits of the code's SHA-256, which stand for it where plans are shown and compared.
    pub code_sha256: String,
    /// Whether what runs (stage `LIVE`) is all of that too. It is not before the first publication, nor after an update that
    /// was not published.
    pub published: bool,
}

impl KindOf for Function {
    const KIND: Kind = Kind::Function;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name"],
        ignore_unset: &[],
        unordered: &[],
        documents: &[],
        hidden: &["code"],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        let code = Code(b"function handler(event) { return `${event.request.uri}`; }\n".to_vec());
        Self {
            name: "course-rewrite".into(),
            comment: "rewrites paths".into(),
            runtime: "cloudfront-js-2.0".into(),
            key_value_store: Some("arn:aws:cloudfront::123456789012:key-value-store/0123".into()),
            code_sha256: code.sha256(),
            code,
            published: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn code_travels_in_digits_so_that_nothing_in_it_is_a_reference() {
        let code = Code("`${task.api.arn}` ü".as_bytes().to_vec());
        let digits = serde_json::to_value(&code).expect("a string");
        assert!(!digits.to_string().contains('$'), "{digits}");
        assert_eq!(serde_json::from_value::<Code>(digits).expect("digits"), code);
        for wrong in ["0", "zz", "0ü", "+1"] {
            serde_json::from_value::<Code>(json!(wrong)).expect_err(wrong);
        }
    }
}
