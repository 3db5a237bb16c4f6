//! Rules of security groups: between neap's, one for each peer, and the API's, which bundle peers.
//!
//! Decides when two rules are the same and what turns one set into another. Must not make calls.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use neap_core::kinds::SecurityGroupRule;

/// The peer that means the group itself.
const SELF: &str = "self";

/// The rules in `permissions` of the group `own_id`, one for each peer.
pub(super) fn from_aws(permissions: &[IpPermission], own_id: &str) -> BTreeSet<SecurityGroupRule> {
    permissions.iter().flat_map(|permission| rules_of(permission, own_id)).collect()
}

fn rules_of(permission: &IpPermission, own_id: &str) -> Vec<SecurityGroupRule> {
    let protocol = protocol_name(permission.ip_protocol().unwrap_or("-1"));
    // With all protocols there are no ports, whatever is told.
    let port = |port: Option<i32>| port.filter(|_| protocol != "-1");
    let (from_port, to_port) = (port(permission.from_port()), port(permission.to_port()));
    let rule = |peer: Option<&str>, description: Option<&str>| SecurityGroupRule {
        protocol: protocol.to_owned(),
        from_port,
        to_port,
        peer: peer_name(peer.unwrap_or_default(), own_id),
        description: description.unwrap_or_default().to_owned(),
    };
    let ranges = permission.ip_ranges().iter().map(|range| rule(range.cidr_ip(), range.description()));
    let ranges6 = permission.ipv6_ranges().iter().map(|range| rule(range.cidr_ipv6(), range.description()));
    let lists =
        permission.prefix_list_ids().iter().map(|list| rule(list.prefix_list_id(), list.description()));
    let pairs = permission.user_id_group_pairs().iter().map(|pair| rule(pair.group_id(), pair.description()));
    ranges.chain(ranges6).chain(lists).chain(pairs).collect()
}

/// The names of protocols that AWS tells by number at times.
fn protocol_name(protocol: &str) -> &str {
    match protocol {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        "all" => "-1",
        other => other,
    }
}

/// A peer in its shortest form: an IPv6 range has many.
fn peer_name(peer: &str, own_id: &str) -> String {
    if peer == own_id {
        return SELF.to_owned();
    }
    let short = peer.split_once('/').and_then(|(ip, length)| Some((ip.parse::<Ipv6Addr>().ok()?, length)));
    short.map_or_else(|| peer.to_owned(), |(ip, length)| format!("{ip}/{length}"))
}

/// The rules as the API takes them, in the group `own_id`.
pub(super) fn to_aws(rules: &[SecurityGroupRule], own_id: &str) -> Vec<IpPermission> {
    rules.iter().map(|rule| permission(rule, own_id)).collect()
}

fn permission(rule: &SecurityGroupRule, own_id: &str) -> IpPermission {
    let peer = if rule.peer == SELF { own_id } else { rule.peer.as_str() };
    let description = Some(rule.description.clone()).filter(|description| !description.is_empty());
    let permission = IpPermission::builder()
        .ip_protocol(&rule.protocol)
        .set_from_port(rule.from_port)
        .set_to_port(rule.to_port);
    let permission = if peer.starts_with("sg-") {
        let pair = UserIdGroupPair::builder().group_id(peer).set_description(description);
        permission.user_id_group_pairs(pair.build())
    } else if peer.starts_with("pl-") {
        let list = PrefixListId::builder().prefix_list_id(peer).set_description(description);
        permission.prefix_list_ids(list.build())
    } else if peer.contains(':') {
        let range = Ipv6Range::builder().cidr_ipv6(peer).set_description(description);
        permission.ipv6_ranges(range.build())
    } else {
        let range = IpRange::builder().cidr_ip(peer).set_description(description);
        permission.ip_ranges(range.build())
    };
    permission.build()
}

/// What turns one set of rules into another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RuleChanges {
    /// Rules to add.
    pub(super) add: Vec<SecurityGroupRule>,
    /// Rules that are there with another description. AWS takes no second rule for another description.
    pub(super) describe: Vec<SecurityGroupRule>,
    /// Rules to remove.
    pub(super) remove: Vec<SecurityGroupRule>,
}

/// What AWS tells rules apart by.
type Identity<'a> = (&'a str, Option<i32>, Option<i32>, &'a str);

fn identity(rule: &SecurityGroupRule) -> Identity<'_> {
    (&rule.protocol, rule.from_port, rule.to_port, &rule.peer)
}

impl RuleChanges {
    /// What turns `live` into `wanted`.
    pub(super) fn between(live: &BTreeSet<SecurityGroupRule>, wanted: &BTreeSet<SecurityGroupRule>) -> Self {
        let index = |rules| -> BTreeMap<Identity<'_>, &SecurityGroupRule> {
            BTreeSet::iter(rules).map(|rule| (identity(rule), rule)).collect()
        };
        let (live, wanted) = (index(live), index(wanted));
        let mut changes = Self::default();
        for (identity, rule) in &wanted {
            match live.get(identity) {
                None => changes.add.push((*rule).clone()),
                Some(old) if old.description != rule.description => changes.describe.push((*rule).clone()),
                Some(_) => {}
            }
        }
        let gone = live.iter().filter(|(identity, _)| !wanted.contains_key(*identity));
        changes.remove = gone.map(|(_, rule)| (*rule).clone()).collect();
        changes
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::{KindOf, SecurityGroup};

    use super::*;

    fn rule(protocol: &str, ports: Option<(i32, i32)>, peer: &str) -> SecurityGroupRule {
        SecurityGroupRule {
            protocol: protocol.into(),
            from_port: ports.map(|(from, _)| from),
            to_port: ports.map(|(_, to)| to),
            peer: peer.into(),
            description: String::new(),
        }
    }

    fn check_round(rule: SecurityGroupRule) {
        let sent = to_aws(std::slice::from_ref(&rule), "sg-own");
        assert_eq!(from_aws(&sent, "sg-own"), [rule].into());
    }

    /// What AWS tells of one permission with these values.
    fn check_read(protocol: &str, ports: Option<(i32, i32)>, peer: &str, expected: SecurityGroupRule) {
        let told = permission(&rule(protocol, ports, peer), "sg-own");
        assert_eq!(from_aws(&[told], "sg-own"), [expected].into());
    }

    #[test]
    fn rules_read_back_as_they_were_sent() {
        let example = SecurityGroup::example();
        for rule in example.ingress.into_iter().chain(example.egress) {
            check_round(rule);
        }
        check_round(rule("tcp", Some((80, 90)), "::/0"));
        check_round(rule("udp", Some((53, 53)), "pl-1"));
        check_round(rule("icmp", Some((-1, -1)), "sg-other"));
        check_round(rule("-1", None, "self"));
        check_round(SecurityGroupRule::tcp(443, "sg-other", "from the load balancer"));
    }

    #[test]
    fn protocols_and_peers_have_one_form() {
        let ports = Some((1, 2));
        check_read("6", ports, "10.0.0.0/8", rule("tcp", ports, "10.0.0.0/8"));
        check_read("17", ports, "10.0.0.0/8", rule("udp", ports, "10.0.0.0/8"));
        check_read("58", ports, "::/0", rule("icmpv6", ports, "::/0"));
        check_read("all", Some((0, 65535)), "0.0.0.0/0", rule("-1", None, "0.0.0.0/0"));
        check_read("-1", Some((-1, -1)), "0.0.0.0/0", rule("-1", None, "0.0.0.0/0"));
        check_read("50", None, "10.0.0.0/8", rule("50", None, "10.0.0.0/8"));
        check_read("tcp", ports, "2001:DB8:0:0:0:0:0:0/32", rule("tcp", ports, "2001:db8::/32"));
        check_read("tcp", ports, "sg-own", rule("tcp", ports, "self"));
    }

    #[test]
    fn a_bundle_of_peers_is_a_rule_for_each() {
        let bundle = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(80)
            .to_port(80)
            .ip_ranges(IpRange::builder().cidr_ip("10.0.0.0/8").description("a").build())
            .ip_ranges(IpRange::builder().cidr_ip("11.0.0.0/8").build())
            .ipv6_ranges(Ipv6Range::builder().cidr_ipv6("::/0").build())
            .user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-own").user_id("1").build());
        let rules = from_aws(&[bundle.build()], "sg-own");
        let peers: Vec<&str> = rules.iter().map(|rule| rule.peer.as_str()).collect();
        assert_eq!(peers, ["10.0.0.0/8", "11.0.0.0/8", "::/0", "self"]);
        assert_eq!(rules.first().map(|rule| rule.description.as_str()), Some("a"));
    }

    #[test]
    fn only_what_differs_changes() {
        let (kept, old, new) = (
            SecurityGroupRule::tcp(80, "0.0.0.0/0", "http"),
            SecurityGroupRule::tcp(81, "0.0.0.0/0", ""),
            SecurityGroupRule::tcp(82, "0.0.0.0/0", ""),
        );
        let changes =
            RuleChanges::between(&[kept.clone(), old.clone()].into(), &[kept.clone(), new.clone()].into());
        assert_eq!(changes, RuleChanges { add: vec![new], describe: vec![], remove: vec![old] });
        assert_eq!(RuleChanges::between(&[kept.clone()].into(), &[kept].into()), RuleChanges::default());
    }

    #[test]
    fn another_description_is_no_other_rule() {
        let old = SecurityGroupRule::tcp(80, "0.0.0.0/0", "old");
        let new = SecurityGroupRule::tcp(80, "0.0.0.0/0", "new");
        let changes = RuleChanges::between(&[old].into(), &[new.clone()].into());
        assert_eq!(changes, RuleChanges { describe: vec![new], ..RuleChanges::default() });
    }
}
