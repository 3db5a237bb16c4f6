//! A NAT gateway (reference section 3.2).

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// What lets private subnets reach the internet, from one public address and in one availability zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NatGateway {
    /// The VPC's id.
    pub vpc: String,
    /// The id of the public subnet that it stands in.
    pub subnet: String,
    /// The allocation id of its Elastic IP address; none of one that others made without.
    pub address: Option<String>,
}

impl NatGateway {
    /// Why AWS gave it up: its code and its words, with what they mean where that is not plain (`NatGateway` of EC2's API
    /// reference).
    pub fn failure(code: &str, message: &str) -> String {
        let meaning = match code {
            "InsufficientFreeAddressesInSubnet" => "; take larger blocks for the public subnets",
            "InternalError" => "; the next apply makes another",
            _ => "",
        };
        format!("{code}: {message}{meaning}")
    }
}

impl KindOf for NatGateway {
    const KIND: Kind = Kind::NatGateway;
    // Its address can be in one gateway at a time, so another one takes its place only when it is gone.
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["vpc", "subnet", "address"],
        ignore_unset: &[],
        unordered: &[],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        ""
    }

    fn example() -> Self {
        Self {
            vpc: "vpc-0123456789abcdef0".into(),
            subnet: "subnet-0123456789abcdef0".into(),
            address: Some("eipalloc-0123456789abcdef0".into()),
        }
    }
}
