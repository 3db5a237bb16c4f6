//! A security group with all of its rules, which are reconciled one by one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// One rule: traffic of one protocol and port range, with one peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecurityGroupRule {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, or `-1` for all.
    pub protocol: String,
    /// The first port; null with protocol `-1`.
    pub from_port: Option<i32>,
    /// The last port; null with protocol `-1`.
    pub to_port: Option<i32>,
    /// A CIDR, a security-group id, a prefix-list id, or `self` for the group's own id, which desired and live
    /// both write so: a group cannot refer to an id that it has only once it exists.
    pub peer: String,
    /// What the rule is for; may be empty.
    pub description: String,
}

/// An EC2 security group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// The group's name, at most 255 characters, unique in its VPC.
    pub name: String,
    /// What the group is for. AWS cannot change it, so it is the same for ever.
    pub description: String,
    /// The VPC's id.
    pub vpc: String,
    /// What may come in.
    pub ingress: BTreeSet<SecurityGroupRule>,
    /// What may go out. AWS adds one rule that allows everything to each new group.
    pub egress: BTreeSet<SecurityGroupRule>,
}

impl SecurityGroupRule {
    /// All traffic to anywhere over IPv4: the egress rule that AWS gives each new group.
    pub fn everything() -> Self {
        Self {
            protocol: "-1".into(),
            from_port: None,
            to_port: None,
            peer: "0.0.0.0/0".into(),
            description: String::new(),
        }
    }

    /// Whether both let the same traffic through: AWS takes no second rule for another description.
    pub fn is_same_traffic(&self, other: &Self) -> bool {
        let Self { protocol, from_port, to_port, peer, description: _ } = self;
        (protocol, from_port, to_port, peer)
            == (&other.protocol, &other.from_port, &other.to_port, &other.peer)
    }

    /// TCP traffic on one port with `peer`.
    pub fn tcp(port: u16, peer: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            protocol: "tcp".into(),
            from_port: Some(i32::from(port)),
            to_port: Some(i32::from(port)),
            peer: peer.into(),
            description: description.into(),
        }
    }
}

impl KindOf for SecurityGroup {
    const KIND: Kind = Kind::SecurityGroup;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "description", "vpc"],
        ignore_unset: &[],
        unordered: &["ingress", "egress"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn widened(&self, wanted: &Self) -> Option<Self> {
        let with = |live: &BTreeSet<SecurityGroupRule>, wanted: &BTreeSet<SecurityGroupRule>| {
            let goes = |rule: &&SecurityGroupRule| !wanted.iter().any(|other| other.is_same_traffic(rule));
            live.iter().filter(goes).chain(wanted).cloned().collect()
        };
        let ingress = with(&self.ingress, &wanted.ingress);
        let egress = with(&self.egress, &wanted.egress);
        let widened = Self { ingress, egress, ..wanted.clone() };
        (widened != *wanted).then_some(widened)
    }

    fn example() -> Self {
        Self {
            name: "course-alb-public".into(),
            description: "course: alb.public".into(),
            vpc: "vpc-1".into(),
            ingress: [SecurityGroupRule::tcp(80, "0.0.0.0/0", "http")].into(),
            egress: [SecurityGroupRule::everything()].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(ingress: &[SecurityGroupRule]) -> SecurityGroup {
        SecurityGroup { ingress: ingress.iter().cloned().collect(), ..SecurityGroup::example() }
    }

    #[test]
    fn between_two_sets_of_rules_both_let_traffic_through() {
        let (old, new) = (SecurityGroupRule::tcp(80, "sg-1", ""), SecurityGroupRule::tcp(81, "sg-1", ""));
        let (live, wanted) = (group(std::slice::from_ref(&old)), group(std::slice::from_ref(&new)));
        assert_eq!(live.widened(&wanted), Some(group(&[old.clone(), new.clone()])));
        assert_eq!(live.widened(&group(&[])), Some(live.clone()));
        assert_eq!(live.widened(&group(&[old, new])), None);
    }

    #[test]
    fn a_rule_with_another_description_cuts_nothing_off() {
        let old = group(&[SecurityGroupRule::tcp(80, "sg-1", "old")]);
        assert_eq!(old.widened(&group(&[SecurityGroupRule::tcp(80, "sg-1", "new")])), None);
    }
}
