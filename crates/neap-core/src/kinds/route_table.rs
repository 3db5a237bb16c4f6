//! A route table (reference section 3.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// Where the traffic of subnets goes. Which subnets use it is theirs to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteTable {
    /// The VPC's id.
    pub vpc: String,
    /// The id of a gateway for each destination, a block of addresses. Without the routes that AWS makes itself: within the
    /// VPC, learned from a virtual private gateway, or to a gateway endpoint.
    pub routes: BTreeMap<String, String>,
}

impl KindOf for RouteTable {
    const KIND: Kind = Kind::RouteTable;
    const POLICY: FieldPolicy =
        FieldPolicy { replace: &["vpc"], ignore_unset: &[], unordered: &[], documents: &[], hidden: &[] };

    fn aws_name(&self) -> &str {
        ""
    }

    fn example() -> Self {
        let routes = [("0.0.0.0/0".to_owned(), "igw-0123456789abcdef0".to_owned())];
        Self { vpc: "vpc-0123456789abcdef0".into(), routes: routes.into() }
    }
}
