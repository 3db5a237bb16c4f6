//! A name in DNS that leads to a distribution or a load balancer: an alias record of Route 53, with its twin for IPv6.

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// An alias record in a hosted zone. Records take no tags: one of type TXT beside it tells whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The name, in lower case and without a dot at its end.
    pub name: String,
    /// The id of the hosted zone.
    pub zone: String,
    /// The host name that it leads to.
    pub target: String,
    /// The id of the zone of that host, which AWS owns: one for all distributions, one for the load balancers of a region.
    pub target_zone: String,
    /// Whether it answers over IPv6, too.
    pub ipv6: bool,
}

/// The zone of all distributions ("AliasTarget" of Route 53's API reference).
pub const CLOUDFRONT_ZONE: &str = "Z2FDTNDATAQYW2";

impl KindOf for Domain {
    const KIND: Kind = Kind::Domain;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "zone"],
        ignore_unset: &[],
        unordered: &[],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "app.example.com".into(),
            zone: "Z0123456789".into(),
            target: "d1.cloudfront.net".into(),
            target_zone: CLOUDFRONT_ZONE.into(),
            ipv6: true,
        }
    }
}
