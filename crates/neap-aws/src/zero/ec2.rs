//! Security groups with their rules, and the network interfaces in them.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as sdk;
use neap_core::desired::TAG_STACK;
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Depth, Owner, Seen, StackScope, Thing};
use neap_engine::cloud::CallError;

use super::{Part, tags};
use crate::client::Aws;
use crate::error::failed;

/// The most entries that a page holds.
const PAGE: i32 = 1000;
/// The most values that one filter takes.
const VALUES: usize = 200;

/// The descriptions of the interfaces of a load balancer, as a filter takes them. A name alone does not tell what sort of one it is.
pub(super) fn described(thing: Thing, name: &str) -> Vec<String> {
    match thing {
        Thing::LoadBalancer => vec![format!("ELB app/{name}/*"), format!("ELB net/{name}/*")],
        Thing::ClassicLoadBalancer => vec![format!("ELB {name}")],
        _ => Vec::new(),
    }
}

/// Whose interfaces are looked for, besides those in the stack's own groups.
pub(super) struct Around {
    /// The descriptions of those of load balancers.
    pub(super) balancers: Vec<String>,
    /// The stack's own subnets.
    pub(super) subnets: Vec<String>,
    /// The instances of the stack's own groups, by their ids. Only those: an instance of somebody else's is in the way.
    pub(super) instances: BTreeSet<String>,
}

/// Looks at groups, at what is in those of the stack and in its subnets, and at interfaces that are described so.
pub(super) async fn look(aws: &Aws, scope: &StackScope, around: &Around) -> Part {
    let mut part = Part::default();
    let pages = aws.ec2.describe_security_groups().into_paginator().page_size(PAGE).items().send();
    let listed: Result<Vec<sdk::SecurityGroup>, CallError> =
        pages.try_collect().await.map_err(failed("ec2:DescribeSecurityGroups"));
    let groups = part.take(listed);
    part.seen.extend(groups.iter().map(group));
    let own = part.candidates(scope, Thing::SecurityGroup);
    let of = |thing: Thing| scope.names_of(thing).flat_map(move |name| described(thing, name));
    let named = of(Thing::LoadBalancer).chain(of(Thing::ClassicLoadBalancer));
    let descriptions: Vec<String> = named.chain(around.balancers.iter().cloned()).collect();
    let tag = format!("tag:{TAG_STACK}");
    let stack = vec![scope.stack.clone()];
    let mut interfaces = Vec::new();
    for (name, values) in [
        ("group-id", own.as_slice()),
        ("description", &descriptions),
        (tag.as_str(), &stack),
        ("subnet-id", &around.subnets),
    ] {
        for values in values.chunks(VALUES) {
            interfaces.extend(part.take(interfaces_by(aws, name, values).await));
        }
    }
    interfaces.sort_by(|one, other| one.network_interface_id.cmp(&other.network_interface_id));
    interfaces.dedup_by(|one, other| one.network_interface_id == other.network_interface_id);
    part.seen.extend(interfaces.iter().map(|it| interface(it, &around.instances)));
    if scope.depth == Depth::Everything {
        let rules = part.take(rules_by(aws, &tag, &scope.stack).await);
        // Those in the stack's own groups are a part of them.
        let stray =
            rules.iter().filter(|rule| !rule.group_id().is_some_and(|id| own.iter().any(|it| it == id)));
        part.seen.extend(stray.map(rule));
    }
    part
}

fn pairs(list: &[sdk::Tag]) -> std::collections::BTreeMap<String, String> {
    tags(list.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())))
}

fn group(group: &sdk::SecurityGroup) -> Seen {
    let id = group.group_id().unwrap_or_default();
    let mut seen = Seen::new(Thing::SecurityGroup, id, group.group_name().unwrap_or_default());
    seen.tags = pairs(group.tags());
    let permissions = group.ip_permissions().iter().chain(group.ip_permissions_egress());
    let peers = permissions.flat_map(sdk::IpPermission::user_id_group_pairs);
    let others = peers.filter_map(sdk::UserIdGroupPair::group_id).filter(|peer| *peer != id);
    seen.uses = others.map(str::to_owned).collect();
    seen.within = group.vpc_id().map(str::to_owned);
    seen
}

fn filter(name: &str, values: &[String]) -> sdk::Filter {
    sdk::Filter::builder().name(name).set_values(Some(values.to_vec())).build()
}

async fn interfaces_by(
    aws: &Aws,
    name: &str,
    values: &[String],
) -> Result<Vec<sdk::NetworkInterface>, CallError> {
    let call = aws.ec2.describe_network_interfaces().filters(filter(name, values));
    let pages = call.into_paginator().page_size(PAGE).items().send();
    pages.try_collect().await.map_err(failed("ec2:DescribeNetworkInterfaces"))
}

fn interface(interface: &sdk::NetworkInterface, instances: &BTreeSet<String>) -> Seen {
    let description = interface.description().unwrap_or_default();
    let id = interface.network_interface_id().unwrap_or_default();
    let mut seen = Seen::new(Thing::NetworkInterface, id, description);
    seen.tags = pairs(interface.tag_set());
    let groups = interface.groups().iter().filter_map(|it| it.group_id.clone());
    seen.uses = groups.chain(interface.subnet_id.clone()).collect();
    // Those of instances have no description and none of their tags.
    let instance =
        interface.attachment().and_then(|it| it.instance_id()).filter(|id| instances.contains(*id));
    let of_instance = || instance.map(|id| Owner { thing: Thing::Instance, name: id.to_owned() });
    seen.owner = owner(description).or_else(of_instance);
    // An Elastic IP address is listed, and billed, by itself.
    let association = interface.association().filter(|it| it.allocation_id().is_none());
    let public = association.and_then(|it| it.public_ip());
    seen.usage = public.map(|_| Usage::of(Charge::PublicIpv4, 1.0)).into_iter().collect();
    seen
}

/// What AWS says in an interface's description that it made it for: `ELB app/NAME/ID` or `ELB net/NAME/ID`, `ELB NAME` for a classic
/// load balancer, a NAT gateway or an endpoint by its id, or the attachment of a task.
fn owner(description: &str) -> Option<Owner> {
    let balancer = ["ELB app/", "ELB net/"].into_iter().find_map(|words| description.strip_prefix(words));
    if let Some(rest) = balancer {
        let name = rest.split('/').next().unwrap_or(rest);
        return Some(Owner { thing: Thing::LoadBalancer, name: name.to_owned() });
    }
    for (words, thing) in
        [("Interface for NAT Gateway ", Thing::NatGateway), ("VPC Endpoint Interface ", Thing::VpcEndpoint)]
    {
        if let Some(id) = description.strip_prefix(words) {
            return Some(Owner { thing, name: id.to_owned() });
        }
    }
    if let Some(name) = description.strip_prefix("ELB ").filter(|rest| !rest.contains('/')) {
        return Some(Owner { thing: Thing::ClassicLoadBalancer, name: name.to_owned() });
    }
    let (arn, id) = description.split_once(":attachment/")?;
    arn.contains(":ecs:").then(|| Owner { thing: Thing::Task, name: id.to_owned() })
}

async fn rules_by(aws: &Aws, name: &str, value: &str) -> Result<Vec<sdk::SecurityGroupRule>, CallError> {
    let filter = filter(name, &[value.to_owned()]);
    let call = aws.ec2.describe_security_group_rules().filters(filter);
    let pages = call.into_paginator().page_size(PAGE).items().send();
    pages.try_collect().await.map_err(failed("ec2:DescribeSecurityGroupRules"))
}

fn rule(rule: &sdk::SecurityGroupRule) -> Seen {
    let id = rule.security_group_rule_id().unwrap_or_default();
    let mut seen = Seen::new(Thing::SecurityGroupRule, id, "");
    seen.tags = pairs(rule.tags());
    seen.within = rule.group_id().map(str::to_owned);
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interfaces_description_tells_what_it_is_for() {
        let check = |description: &str, expected: Option<(Thing, &str)>| {
            let expected = expected.map(|(thing, name)| Owner { thing, name: name.to_owned() });
            assert_eq!(owner(description), expected, "{description}");
        };
        check("ELB app/shop-public-1/0a1b2c", Some((Thing::LoadBalancer, "shop-public-1")));
        check("arn:aws:ecs:eu-west-1:123456789012:attachment/0a1b-2c", Some((Thing::Task, "0a1b-2c")));
        check("Interface for NAT Gateway nat-1", Some((Thing::NatGateway, "nat-1")));
        check("VPC Endpoint Interface vpce-1", Some((Thing::VpcEndpoint, "vpce-1")));
        check("ELB shop-old", Some((Thing::ClassicLoadBalancer, "shop-old")));
        check("ELB net/shop-mqtt-1/0a1b2c", Some((Thing::LoadBalancer, "shop-mqtt-1")));
        check("ELB gwy/shop/0a1b2c", None);
        check("RDSNetworkInterface", None);
        check("", None);
    }

    #[test]
    fn a_group_refers_to_the_groups_in_its_rules_but_not_to_itself() {
        let pair = |id: &str| sdk::UserIdGroupPair::builder().group_id(id).build();
        let permission = |id: &str| sdk::IpPermission::builder().user_id_group_pairs(pair(id)).build();
        let shown = sdk::SecurityGroup::builder()
            .group_id("sg-1")
            .group_name("shop-api")
            .ip_permissions(permission("sg-1"))
            .ip_permissions(permission("sg-2"))
            .ip_permissions_egress(permission("sg-3"))
            .build();
        assert_eq!(group(&shown).uses, ["sg-2", "sg-3"].map(str::to_owned).into());
    }

    #[test]
    fn an_interface_of_an_instance_is_that_instances_where_it_is_the_stacks() {
        let own = BTreeSet::from(["i-1".to_owned()]);
        let owner = |id: &str| {
            let attachment = sdk::NetworkInterfaceAttachment::builder().instance_id(id).build();
            let shown = sdk::NetworkInterface::builder().description("").attachment(attachment).build();
            interface(&shown, &own).owner
        };
        assert_eq!(owner("i-1"), Some(Owner { thing: Thing::Instance, name: "i-1".into() }));
        assert_eq!(owner("i-2"), None, "somebody else's is in the way");
    }

    #[test]
    fn both_sorts_of_load_balancers_are_looked_for_by_their_names() {
        assert_eq!(described(Thing::LoadBalancer, "shop"), ["ELB app/shop/*", "ELB net/shop/*"]);
        assert_eq!(described(Thing::ClassicLoadBalancer, "shop"), ["ELB shop"]);
        assert!(described(Thing::Service, "shop").is_empty());
    }

    #[test]
    fn a_public_address_is_billed_with_its_interface() {
        let none = BTreeSet::new();
        let bare = sdk::NetworkInterface::builder().network_interface_id("eni-1");
        assert_eq!(interface(&bare.clone().build(), &none).usage, []);
        let public = sdk::NetworkInterfaceAssociation::builder().public_ip("192.0.2.1");
        let shown = interface(&bare.clone().association(public.clone().build()).build(), &none);
        assert_eq!(shown.usage, [Usage::of(Charge::PublicIpv4, 1.0)]);
        let elastic = interface(&bare.association(public.allocation_id("eipalloc-1").build()).build(), &none);
        assert_eq!(elastic.usage, [], "the address bills itself");
    }
}
