//! An origin access control: how CloudFront proves to a bucket that it is CloudFront who asks.

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A CloudFront origin access control. It takes no tags: name and description tell whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginAccessControl {
    /// The name, at most 64 characters, unique in the account. It ends in a hash of stack and address.
    pub name: String,
    /// What it is for, at most 256 characters. It ends in the stack and the address in brackets.
    pub description: String,
    /// The sort of origin: `s3`.
    pub origin_type: String,
    /// Which requests are signed: `always`, `never` or `no-override`.
    pub signing: String,
}

impl KindOf for OriginAccessControl {
    const KIND: Kind = Kind::OriginAccessControl;
    const POLICY: FieldPolicy =
        FieldPolicy { replace: &["name"], ignore_unset: &[], unordered: &[], documents: &[], hidden: &[] };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "course-site-0123abcd".into(),
            description: "neap (course/origin_access_control.site)".into(),
            origin_type: "s3".into(),
            signing: "always".into(),
        }
    }
}
