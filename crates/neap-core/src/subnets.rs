//! The subnets of a VPC that is not the stack's own: which of them the stack gets.
//!
//! Decides that by their availability zones and by whether the internet reaches them. Must not know how they are read, nor what
//! lives in them.

use std::collections::BTreeMap;

/// A subnet that a stack may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'text> {
    /// Its availability zone, by the word in whose order zones stand.
    pub zone: &'text str,
    /// Its id.
    pub id: &'text str,
    /// Whether the internet reaches it: its routes lead to an internet gateway.
    pub public: bool,
}

/// One subnet for each availability zone, in the order of zones: public ones, since load balancers that face the internet, and tasks
/// and instances without a NAT gateway, need them. A zone that has private ones alone is left out, unless all zones are so.
pub fn choose<'text>(candidates: &[Candidate<'text>]) -> Vec<Candidate<'text>> {
    let some_public = candidates.iter().any(|candidate| candidate.public);
    let mut by_zone: BTreeMap<&str, Candidate<'text>> = BTreeMap::new();
    for candidate in candidates.iter().filter(|candidate| candidate.public || !some_public) {
        let chosen = by_zone.entry(candidate.zone).or_insert(*candidate);
        if candidate.id < chosen.id {
            *chosen = *candidate;
        }
    }
    by_zone.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each candidate as `ZONE ID`, a private one with a third word.
    #[track_caller]
    fn check(candidates: &[&str], expected: &[&str]) {
        let words = candidates.iter().map(|text| text.split(' ').collect::<Vec<_>>());
        let candidate = |words: Vec<_>| Candidate { zone: words[0], id: words[1], public: words.len() == 2 };
        let candidates: Vec<_> = words.map(candidate).collect();
        let chosen: Vec<&str> = choose(&candidates).into_iter().map(|it| it.id).collect();
        assert_eq!(chosen, expected);
    }

    #[test]
    fn one_subnet_is_chosen_for_each_zone_in_the_order_of_zones() {
        check(&["az2 subnet-3", "az1 subnet-2", "az2 subnet-1"], &["subnet-2", "subnet-1"]);
        check(&[], &[]);
    }

    #[test]
    fn a_zone_without_a_public_subnet_is_left_out() {
        check(&["az1 subnet-1 private", "az1 subnet-2"], &["subnet-2"]);
        check(&["az1 subnet-2", "az2 subnet-3", "az3 subnet-1 private"], &["subnet-2", "subnet-3"]);
    }

    #[test]
    fn where_nothing_is_public_private_subnets_have_to_do() {
        check(&["az2 subnet-1 private", "az1 subnet-2 private"], &["subnet-2", "subnet-1"]);
    }
}
