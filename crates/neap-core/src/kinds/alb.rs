//! An application load balancer with its attributes. Its listeners and rules are kinds of their own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// An application load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alb {
    /// The load balancer's name, at most 32 characters; ends in a hash of the fields that cannot change in place.
    pub name: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: String,
    /// Ids of the subnets, one for each availability zone, at least two.
    pub subnets: BTreeSet<String>,
    /// Ids of the security groups.
    pub security_groups: BTreeSet<String>,
    /// Seconds after which an idle connection is closed, 1 to 4000.
    pub idle_timeout_seconds: u32,
    /// Whether AWS refuses to delete the load balancer.
    pub deletion_protection: bool,
    /// Whether clients may speak HTTP/2.
    pub http2: bool,
    /// Whether header fields with invalid names are dropped.
    pub drop_invalid_header_fields: bool,
}

impl KindOf for Alb {
    const KIND: Kind = Kind::Alb;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "scheme"],
        ignore_unset: &[],
        unordered: &["subnets", "security_groups"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "course-public-0123abcd".into(),
            scheme: "internet-facing".into(),
            ip_address_type: "ipv4".into(),
            subnets: ["subnet-1", "subnet-2"].map(String::from).into(),
            security_groups: ["sg-1".into()].into(),
            idle_timeout_seconds: 60,
            deletion_protection: false,
            http2: true,
            drop_invalid_header_fields: false,
        }
    }
}
