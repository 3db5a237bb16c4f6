//! An Elastic IP address (reference section 3.2).

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A public IPv4 address that the account holds until it gives it back. AWS chooses it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ElasticIp {
    /// Whose addresses it is from: `amazon`, or the id of a pool that the account brought along.
    pub pool: String,
}

impl ElasticIp {
    /// The pool that everybody's addresses are from.
    pub const AMAZON: &'static str = "amazon";
}

impl KindOf for ElasticIp {
    const KIND: Kind = Kind::ElasticIp;
    const POLICY: FieldPolicy =
        FieldPolicy { replace: &["pool"], ignore_unset: &[], unordered: &[], documents: &[], hidden: &[] };

    fn aws_name(&self) -> &str {
        ""
    }

    fn example() -> Self {
        Self { pool: Self::AMAZON.into() }
    }
}
