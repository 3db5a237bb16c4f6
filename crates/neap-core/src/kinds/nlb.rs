//! A network load balancer with its attributes. Its listeners are a kind of their own.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A network load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nlb {
    /// The load balancer's name, at most 32 characters; ends in a hash of the fields that cannot change in place.
    pub name: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: String,
    /// Ids of the subnets, one for each availability zone. More can come in place; none can leave (`SetSubnets`).
    pub subnets: BTreeSet<String>,
    /// Its static address in a subnet, by the subnet's id: the allocation id of an elastic IP address, or a private IPv4
    /// address of an internal one. Left out, AWS chooses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, String>,
    /// Ids of the security groups. One that was made without any never gets one, and none can be left with none
    /// (`SetSecurityGroups`).
    pub security_groups: BTreeSet<String>,
    /// Whether each of its addresses reaches targets in all zones.
    pub cross_zone: bool,
    /// Whether AWS refuses to delete the load balancer.
    pub deletion_protection: bool,
}

impl KindOf for Nlb {
    const KIND: Kind = Kind::Nlb;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "scheme", "addresses"],
        ignore_unset: &["addresses"],
        unordered: &["subnets", "security_groups"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn cannot_become(&self, wanted: &Self) -> Vec<&'static str> {
        let mut fields = Vec::new();
        if !self.subnets.is_subset(&wanted.subnets) {
            fields.push("subnets");
        }
        if self.security_groups.is_empty() != wanted.security_groups.is_empty() {
            fields.push("security_groups");
        }
        fields
    }

    fn example() -> Self {
        Self {
            name: "course-mqtt-0123abcd".into(),
            scheme: "internet-facing".into(),
            ip_address_type: "ipv4".into(),
            subnets: ["subnet-1", "subnet-2"].map(String::from).into(),
            addresses: [("subnet-1".into(), "eipalloc-1".into())].into(),
            security_groups: ["sg-1".into()].into(),
            cross_zone: false,
            deletion_protection: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_come_in_place_and_never_leave() {
        let live = Nlb::example();
        let more =
            Nlb { subnets: ["subnet-1", "subnet-2", "subnet-3"].map(String::from).into(), ..live.clone() };
        assert_eq!(live.cannot_become(&more), [""; 0]);
        assert_eq!(more.cannot_become(&live), ["subnets"]);
    }

    #[test]
    fn groups_change_in_place_unless_there_are_none_before_or_after() {
        let live = Nlb::example();
        let other = Nlb { security_groups: ["sg-2".into()].into(), ..live.clone() };
        let none = Nlb { security_groups: [].into(), ..live.clone() };
        assert_eq!(live.cannot_become(&other), [""; 0]);
        assert_eq!(live.cannot_become(&none), ["security_groups"]);
        assert_eq!(none.cannot_become(&live), ["security_groups"]);
        assert_eq!(none.cannot_become(&none), [""; 0]);
    }
}
