//! An internet gateway (reference section 3.2).

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// What leads from a VPC to the internet. AWS attaches it in a call of its own, so it can be without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InternetGateway {
    /// The VPC's id. One that is not attached yet is read as that of the stack's own VPC.
    pub vpc: String,
    /// Whether it is attached.
    pub attached: bool,
}

impl KindOf for InternetGateway {
    const KIND: Kind = Kind::InternetGateway;
    // AWS detaches none while anything in the VPC has a public address, so another VPC gets another gateway.
    const POLICY: FieldPolicy =
        FieldPolicy { replace: &["vpc"], ignore_unset: &[], unordered: &[], documents: &[], hidden: &[] };

    fn aws_name(&self) -> &str {
        ""
    }

    fn example() -> Self {
        Self { vpc: "vpc-0123456789abcdef0".into(), attached: true }
    }
}
