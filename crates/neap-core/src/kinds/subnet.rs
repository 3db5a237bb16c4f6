//! A subnet (reference section 3.2).

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A subnet of a VPC, in one availability zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subnet {
    /// The VPC's id.
    pub vpc: String,
    /// The block of IPv4 addresses: a part of the VPC's that no other subnet has.
    pub cidr: String,
    /// The name of the availability zone.
    pub zone: String,
    /// Whether instances that do not say get a public address. Tasks and load balancers always say.
    pub public_ip: bool,
    /// The id of the route table that it uses; none where it uses the VPC's main one.
    pub route_table: Option<String>,
}

impl KindOf for Subnet {
    const KIND: Kind = Kind::Subnet;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["vpc", "cidr", "zone"],
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
            cidr: "10.0.0.0/20".into(),
            zone: "eu-west-1a".into(),
            public_ip: true,
            route_table: Some("rtb-0123456789abcdef0".into()),
        }
    }
}
