//! A VPC (reference section 3.2). Its subnets, its gateway and its route tables are kinds of their own.

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A virtual private cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vpc {
    /// The block of IPv4 addresses, of `/16` to `/28`.
    pub cidr: String,
    /// Whether AWS's own name server answers in it.
    pub dns_support: bool,
    /// Whether instances get host names.
    pub dns_hostnames: bool,
}

impl KindOf for Vpc {
    const KIND: Kind = Kind::Vpc;
    const POLICY: FieldPolicy =
        FieldPolicy { replace: &["cidr"], ignore_unset: &[], unordered: &[], documents: &[], hidden: &[] };

    fn aws_name(&self) -> &str {
        ""
    }

    fn example() -> Self {
        Self { cidr: "10.0.0.0/16".into(), dns_support: true, dns_hostnames: true }
    }
}
