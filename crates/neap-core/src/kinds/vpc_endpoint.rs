//! An endpoint of a VPC for one of AWS's services (reference section 3.2).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;
use crate::policy;

/// A way from a VPC to a service of AWS that does not lead over the internet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VpcEndpoint {
    /// The VPC's id.
    pub vpc: String,
    /// The service's whole name: `com.amazonaws.eu-west-1.s3`.
    pub service: String,
    /// AWS's word for what it is: [`Self::GATEWAY`] or [`Self::INTERFACE`].
    pub endpoint_type: String,
    /// Ids of the route tables that lead to a gateway endpoint.
    pub route_tables: BTreeSet<String>,
    /// Ids of the subnets in which an interface endpoint has an address, one for each availability zone.
    pub subnets: BTreeSet<String>,
    /// Ids of the security groups of those addresses.
    pub security_groups: BTreeSet<String>,
    /// Whether the service's own host name leads to an interface endpoint within the VPC.
    pub private_dns: bool,
    /// Who may do what through it, in the canonical form.
    pub policy: Value,
}

impl VpcEndpoint {
    /// A route in route tables; free.
    pub const GATEWAY: &'static str = "Gateway";
    /// Network interfaces in subnets; billed by the hour, each.
    pub const INTERFACE: &'static str = "Interface";

    /// The policy that AWS gives an endpoint that comes with none: everybody in the VPC may do everything.
    pub fn full_access() -> Value {
        policy::normalise(&json!({
            "Version": "2008-10-17",
            "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" }],
        }))
    }

    /// The canonical form of a policy that AWS shows; none is the default, whatever version of the language it is in.
    pub fn shown_policy(document: Option<&str>) -> Value {
        let Some(text) = document else { return Self::full_access() };
        // What is no JSON differs from every policy, and is seen.
        let shown = serde_json::from_str::<Value>(text)
            .map_or_else(|_| Value::String(text.to_owned()), |document| policy::normalise(&document));
        if shown["Statement"] == Self::full_access()["Statement"] { Self::full_access() } else { shown }
    }
}

impl KindOf for VpcEndpoint {
    const KIND: Kind = Kind::VpcEndpoint;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["vpc", "service", "endpoint_type"],
        ignore_unset: &[],
        unordered: &["route_tables", "subnets", "security_groups"],
        documents: &["policy"],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        ""
    }

    fn example() -> Self {
        Self {
            vpc: "vpc-0123456789abcdef0".into(),
            service: "com.amazonaws.eu-west-1.logs".into(),
            endpoint_type: Self::INTERFACE.into(),
            route_tables: BTreeSet::new(),
            subnets: ["subnet-0123456789abcdef0".into()].into(),
            security_groups: ["sg-0123456789abcdef0".into()].into(),
            private_dns: true,
            policy: Self::full_access(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_is_the_same_however_it_is_written() {
        let full = VpcEndpoint::full_access();
        assert_eq!(VpcEndpoint::shown_policy(None), full);
        let newer = r#"{"Version":"2012-10-17","Statement":{"Action":["*"],"Effect":"Allow","Resource":"*","Principal":"*"}}"#;
        assert_eq!(VpcEndpoint::shown_policy(Some(newer)), full);
        let narrow =
            r#"{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","Resource":"*","Principal":"*"}]}"#;
        assert_ne!(VpcEndpoint::shown_policy(Some(narrow)), full);
        assert_ne!(VpcEndpoint::shown_policy(Some("no json")), full);
    }
}
