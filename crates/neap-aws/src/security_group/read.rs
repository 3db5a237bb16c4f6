//! Reading security groups: one listing for all of a stack's.
//!
//! Decides which group stands at which address. A name is unique only in its VPC, and which VPC is the stack's is
//! read in the same wave, so looking and claiming are two steps.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as sdk;
use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::kinds::SecurityGroup;
use neap_core::live::{LiveResource, Phase};
use neap_engine::cloud::CallError;

use super::rules;
use crate::adopt::live_resource;
use crate::client::Aws;
use crate::error::failed;
use crate::found::{Found, address_of};
use crate::remote::{declared, outputs};
use crate::tags::from_ec2;

/// The operation that looks at groups.
pub(super) const DESCRIBE: &str = "ec2:DescribeSecurityGroups";

/// The most groups that a page holds.
const PAGE: i32 = 1000;

/// Every security group of the region, or why they could not be listed.
pub(crate) type Groups = Result<Vec<sdk::SecurityGroup>, CallError>;

/// Looks at all security groups.
pub(crate) async fn read(aws: &Aws) -> Groups {
    let pages = aws.ec2.describe_security_groups().into_paginator().page_size(PAGE).items().send();
    pages.try_collect().await.map_err(failed(DESCRIBE))
}

/// What a group's description says.
pub(super) fn from_aws(group: &sdk::SecurityGroup) -> SecurityGroup {
    let id = group.group_id().unwrap_or_default();
    SecurityGroup {
        name: group.group_name().unwrap_or_default().to_owned(),
        description: group.description().unwrap_or_default().to_owned(),
        vpc: group.vpc_id().unwrap_or_default().to_owned(),
        ingress: rules::from_aws(group.ip_permissions(), id),
        egress: rules::from_aws(group.ip_permissions_egress(), id),
    }
}

/// A live security group, at the address in its tags or else at `address`.
pub(super) fn live(address: &Address, group: &sdk::SecurityGroup) -> LiveResource {
    let id = group.group_id().unwrap_or_default();
    let tags = from_ec2(group.tags());
    live_resource(address, id, from_aws(group), tags, outputs([("id", id)]), Phase::Ready)
}

/// The readings of the desired security groups in the VPC `vpc`, and what else is the stack's.
pub(crate) fn claim(groups: &Groups, desired: &Desired, vpc: Option<&str>) -> Found {
    let mut found = Found::new(&desired.stack);
    let groups = match groups {
        Ok(groups) => groups,
        Err(error) => {
            found.unlistable::<SecurityGroup>(desired, error);
            return found;
        }
    };
    let mut claimed = BTreeSet::new();
    for (address, wanted) in declared::<SecurityGroup>(desired) {
        let group = match desired.known_as.get(address) {
            Some(id) => groups.iter().find(|group| group.group_id() == Some(id)),
            None => choose(groups, address, wanted, &desired.stack, vpc),
        };
        claimed.extend(group.and_then(sdk::SecurityGroup::group_id));
        found.record(address, Ok(group.map(|group| live(address, group))));
    }
    for group in groups.iter().filter(|group| group.group_id().is_none_or(|id| !claimed.contains(id))) {
        if let Some(address) = address_of(&from_ec2(group.tags()), None) {
            found.stray(live(&address, group));
        }
    }
    found
}

/// The group that has the wanted name in the wanted VPC; else the stack's own of that address in another VPC, which
/// then is replaced.
fn choose<'a>(
    groups: &'a [sdk::SecurityGroup],
    address: &Address,
    wanted: &SecurityGroup,
    stack: &str,
    vpc: Option<&str>,
) -> Option<&'a sdk::SecurityGroup> {
    let is_reference = wanted.vpc.contains("${");
    let vpc = if is_reference { vpc } else { Some(wanted.vpc.as_str()) };
    // Names that differ in case alone are the same to AWS.
    let has_name = |group: &&sdk::SecurityGroup| {
        group.group_name().is_some_and(|name| name.eq_ignore_ascii_case(&wanted.name))
    };
    let in_vpc = |group: &&sdk::SecurityGroup| vpc.is_none() || group.vpc_id() == vpc;
    let is_own = |group: &&sdk::SecurityGroup| {
        let live = live(address, group);
        live.is_of(stack) && live.address == *address
    };
    let mut named = groups.iter().filter(has_name);
    named.clone().find(in_vpc).or_else(|| named.find(is_own))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use neap_core::desired::{DesiredResource, TAG_ADDRESS, TAG_STACK};
    use neap_core::kinds::KindOf;
    use neap_core::live::Reading;
    use neap_engine::cloud::ErrorKind;

    use super::*;
    use crate::error::refused;
    use crate::tags::to_ec2;

    const ADDRESS: &str = "security_group.alb-public";

    fn group(id: &str, name: &str, vpc: &str, owner: Option<&str>) -> sdk::SecurityGroup {
        let tags = |address: &str| {
            let pairs = [(TAG_STACK, "course"), (TAG_ADDRESS, address)];
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        };
        sdk::SecurityGroup::builder()
            .group_id(id)
            .group_name(name)
            .vpc_id(vpc)
            .description("d")
            .set_tags(owner.map(|address| to_ec2(&tags(address))))
            .build()
    }

    fn desired() -> Desired {
        let fields = SecurityGroup { vpc: "${network.vpc}".into(), ..SecurityGroup::example() };
        let resource = DesiredResource {
            resource: fields.into(),
            tags: BTreeMap::new(),
            implied: None,
            protect: false,
            delete_first: false,
            owned_elsewhere: [].into(),
            after: BTreeSet::new(),
        };
        let address = ADDRESS.parse().expect("an address");
        Desired { stack: "course".into(), resources: [(address, resource)].into(), ..Desired::default() }
    }

    /// Claims `groups` for the VPC `vpc-1`: the state and id of the reading, and the ids of the orphans.
    fn check(groups: Vec<sdk::SecurityGroup>, reading: &str, orphans: &[&str]) {
        let found = claim(&Ok(groups), &desired(), Some("vpc-1"));
        let address = ADDRESS.parse().expect("an address");
        let shown = match &found.readings[&address] {
            Reading::Absent => "absent".to_owned(),
            Reading::Present(live) => format!("present {}", live.id),
            Reading::Foreign(live) => format!("foreign {}", live.id),
            Reading::Unreadable(failure) => failure.operation.clone(),
        };
        assert_eq!(shown, reading);
        assert_eq!(found.orphans.iter().map(|live| live.id.as_str()).collect::<Vec<_>>(), orphans);
    }

    #[test]
    fn a_group_is_read_with_its_rules() {
        let example = SecurityGroup::example();
        let rules = |rules: &BTreeSet<_>| rules::to_aws(&rules.iter().cloned().collect::<Vec<_>>(), "sg-1");
        let shown = sdk::SecurityGroup::builder()
            .group_id("sg-1")
            .group_name(&example.name)
            .description(&example.description)
            .vpc_id(&example.vpc)
            .set_ip_permissions(Some(rules(&example.ingress)))
            .set_ip_permissions_egress(Some(rules(&example.egress)))
            .build();
        assert_eq!(from_aws(&shown), example);
    }

    #[test]
    fn a_name_means_the_group_in_the_stacks_vpc() {
        let name = SecurityGroup::example().name;
        check(vec![], "absent", &[]);
        check(vec![group("sg-1", &name, "vpc-1", Some(ADDRESS))], "present sg-1", &[]);
        check(vec![group("sg-1", &name, "vpc-1", None)], "foreign sg-1", &[]);
        check(vec![group("sg-1", &name.to_uppercase(), "vpc-1", None)], "foreign sg-1", &[]);
        check(vec![group("sg-2", &name, "vpc-2", None)], "absent", &[]);
        check(
            vec![group("sg-2", &name, "vpc-2", None), group("sg-1", &name, "vpc-1", Some(ADDRESS))],
            "present sg-1",
            &[],
        );
    }

    #[test]
    fn the_stacks_own_group_in_another_vpc_is_its_predecessor() {
        let name = SecurityGroup::example().name;
        let old = || group("sg-2", &name, "vpc-2", Some(ADDRESS));
        check(vec![old()], "present sg-2", &[]);
        check(vec![old(), group("sg-1", &name, "vpc-1", Some(ADDRESS))], "present sg-1", &["sg-2"]);
    }

    #[test]
    fn what_is_tagged_and_not_declared_is_an_orphan() {
        let old = group("sg-3", "anything", "vpc-1", Some("security_group.old"));
        check(vec![old, group("sg-4", "else", "vpc-1", None)], "absent", &["sg-3"]);
    }

    #[test]
    fn a_failed_listing_makes_all_unreadable() {
        let found = claim(&Err(refused(ErrorKind::Denied, DESCRIBE, "no")), &desired(), None);
        assert!(
            matches!(found.readings.values().next(), Some(Reading::Unreadable(failure)) if failure.denied)
        );
        assert_eq!(found.failures.len(), 1);
    }
}
