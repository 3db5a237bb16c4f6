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
    /// Ids of the subnets, one for each availability zone.
    pub subnets: BTreeSet<String>,
    /// Its static addresses: by the allocation id of an elastic IP address, or the private IPv4 address of an internal one, the id
    /// of the subnet that has it. Left out, AWS chooses.
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

/// A subnet, and the static address in it.
type Place<'nlb> = (&'nlb str, Option<&'nlb str>);

impl Nlb {
    /// The static address in this subnet.
    pub fn address_in(&self, subnet: &str) -> Option<&str> {
        self.addresses.iter().find(|(_, of)| *of == subnet).map(|(address, _)| address.as_str())
    }

    fn places(&self) -> BTreeSet<Place<'_>> {
        self.subnets.iter().map(|subnet| (subnet.as_str(), self.address_in(subnet))).collect()
    }

    fn at(&self, places: &BTreeSet<Place<'_>>) -> Self {
        let address = |(subnet, address): &Place<'_>| Some(((*address)?.to_owned(), (*subnet).to_owned()));
        Self {
            subnets: places.iter().map(|(subnet, _)| (*subnet).to_owned()).collect(),
            addresses: places.iter().filter_map(address).collect(),
            ..self.clone()
        }
    }

    /// This, live, in the subnets of `wanted`. Addresses that nobody asks for stay with their subnets.
    fn moved(&self, wanted: &Self) -> Self {
        let kept = |(_, subnet): &(&String, &String)| wanted.subnets.contains(*subnet);
        let addresses = if wanted.addresses.is_empty() { &self.addresses } else { &wanted.addresses };
        let addresses = addresses.iter().filter(kept).map(|(key, value)| (key.clone(), value.clone()));
        Self { subnets: wanted.subnets.clone(), addresses: addresses.collect(), ..self.clone() }
    }

    /// What this, live, asks for with its next `SetSubnets` on the way to the subnets and addresses of `wanted`; nothing once it
    /// has them. `zone` tells the availability zone of a subnet.
    ///
    /// A subnet has left before another of its zone comes, or itself with another address: "Subnet changes within the same
    /// Availability Zone must be independent actions" ("Update the Availability Zones for your Network Load Balancer"). AWS
    /// refuses both in one call (kubernetes-sigs/aws-load-balancer-controller#4171).
    pub fn next(&self, wanted: &Self, zone: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let target = self.moved(wanted);
        let (now, then) = (self.places(), target.places());
        if now == then {
            return None;
        }
        let bars = |old: Place<'_>, new: Place<'_>| {
            let same_zone = zone(old.0).is_some_and(|of_old| zone(new.0) == Some(of_old));
            old.0 == new.0 || same_zone || (old.1.is_some() && old.1 == new.1)
        };
        let leaving: Vec<Place<'_>> = now.difference(&then).copied().collect();
        let coming = then.difference(&now).copied();
        let (waiting, free): (Vec<Place<'_>>, Vec<Place<'_>>) =
            coming.partition(|new| leaving.iter().any(|old| bars(*old, *new)));
        let mut between: BTreeSet<Place<'_>> = now.intersection(&then).copied().collect();
        if between.is_empty() {
            // It must be somewhere: one stays until another has come, and leaves room for it.
            let gives_room = |old: &&Place<'_>| waiting.iter().any(|new| !bars(**old, *new));
            let last = leaving.iter().find(gives_room).or_else(|| leaving.first());
            between.extend(last.copied());
        }
        between.extend(free);
        // Where nothing can make room AWS says so; `cannot_become` sees to it that this is never planned.
        let at_once = waiting.is_empty() || between == now;
        Some(if at_once { target.clone() } else { self.at(&between) })
    }
}

impl KindOf for Nlb {
    const KIND: Kind = Kind::Nlb;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "scheme"],
        ignore_unset: &["addresses"],
        unordered: &["subnets", "security_groups"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    /// An address does not change while its subnet stays, nor does the only subnet leave before another has come. Of two subnets
    /// nobody knows here whether they are in one zone.
    fn cannot_become(&self, wanted: &Self) -> Vec<&'static str> {
        let mut fields = Vec::new();
        let target = self.moved(wanted);
        let (now, then) = (self.places(), target.places());
        let alone = now.len() == 1 && then.len() == 1;
        let shares = !self.subnets.is_disjoint(&target.subnets) || self.excludes(&target);
        if now != then && now.is_disjoint(&then) && (alone || shares) {
            fields.extend((self.subnets != target.subnets).then_some("subnets"));
            fields.extend((self.addresses != target.addresses).then_some("addresses"));
        }
        if self.security_groups.is_empty() != wanted.security_groups.is_empty() {
            fields.push("security_groups");
        }
        fields
    }

    /// Two have no address in common (`ResourceInUse`, hashicorp/terraform-provider-aws#15031).
    fn excludes(&self, wanted: &Self) -> bool {
        self.addresses.keys().any(|address| wanted.addresses.contains_key(address))
    }

    fn example() -> Self {
        Self {
            name: "course-mqtt-0123abcd".into(),
            scheme: "internet-facing".into(),
            ip_address_type: "ipv4".into(),
            subnets: ["subnet-1", "subnet-2"].map(String::from).into(),
            addresses: [("eipalloc-1".into(), "subnet-1".into())].into(),
            security_groups: ["sg-1".into()].into(),
            cross_zone: false,
            deletion_protection: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Subnets as `a1`, in the zone `a`, some with `=` and a static address.
    fn at(subnets: &str) -> Nlb {
        let places = subnets.split_whitespace().map(|text| match text.split_once('=') {
            Some((subnet, address)) => (subnet, Some(address)),
            None => (text, None),
        });
        Nlb::example().at(&places.collect())
    }

    fn shown(nlb: &Nlb) -> String {
        let place = |(subnet, address): Place<'_>| match address {
            Some(address) => format!("{subnet}={address}"),
            None => subnet.to_owned(),
        };
        nlb.places().into_iter().map(place).collect::<Vec<_>>().join(" ")
    }

    /// Each call on the way from one to the other.
    #[track_caller]
    fn check(live: &str, wanted: &str, calls: &[&str]) {
        let (mut live, wanted) = (at(live), at(wanted));
        assert_eq!(live.cannot_become(&wanted), [""; 0]);
        let mut made = Vec::new();
        while let Some(next) = live.next(&wanted, |subnet| subnet.get(..1).map(String::from)) {
            made.push(shown(&next));
            assert!(made.len() <= calls.len(), "{made:?}");
            live = next;
        }
        assert_eq!(made, calls);
    }

    #[test]
    fn subnets_come_and_leave_in_place() {
        check("a1", "a1", &[]);
        check("a1", "a1 b1", &["a1 b1"]);
        check("a1 b1", "b1", &["b1"]);
        check("a1 b1", "b1 c1", &["b1 c1"]);
        check("a1=e1", "a1=e1 b1=e2", &["a1=e1 b1=e2"]);
        check("a1=e1 b1=e2", "a1=e1", &["a1=e1"]);
    }

    #[test]
    fn what_takes_the_place_of_a_subnet_comes_after_it_has_left() {
        check("a1 b1", "a2 b1", &["b1", "a2 b1"]);
        check("a1 b1", "a2", &["b1", "a2"]);
        check("a1 b1", "a2 b2", &["a1", "a1 b2", "b2", "a2 b2"]);
        check("a1", "a2 b2", &["a1 b2", "b2", "a2 b2"]);
        // An address that becomes another one, and one that moves.
        check("a1=e1 b1=e2", "a1=e1 b1=e3", &["a1=e1", "a1=e1 b1=e3"]);
        check("a1=e1 b1=e2", "a1=e1 c1=e2", &["a1=e1", "a1=e1 c1=e2"]);
    }

    #[test]
    fn addresses_that_nobody_asks_for_stay_with_their_subnets() {
        check("a1=e1 b1=e2", "a1", &["a1=e1"]);
        check("a1=e1", "a1 b1", &["a1=e1 b1"]);
    }

    #[test]
    fn one_that_would_be_nowhere_for_a_while_is_made_anew() {
        let check = |live: &str, wanted: &str, fields: &str, excluded: bool| {
            assert_eq!(at(live).cannot_become(&at(wanted)).join(" "), fields, "{live} -> {wanted}");
            assert_eq!(at(live).excludes(&at(wanted)), excluded, "{live} -> {wanted}");
        };
        check("a1", "a2", "subnets", false);
        check("a1=e1", "a1=e2", "addresses", false);
        check("a1", "a1=e1", "addresses", false);
        check("a1 b1", "a1=e1 b1=e2", "addresses", false);
        check("a1=e1", "b1=e1", "subnets addresses", true);
        check("a1=e1", "b1", "subnets addresses", false);
        check("a1=e1 b1=e2", "a1=e2 b1=e1", "addresses", true);
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
