//! EC2: security groups and their rules (reference section 3.3).

use std::collections::BTreeSet;

use neap_core::kinds::{SecurityGroup, SecurityGroupRule};
use neap_core::naming;
use neap_engine::cloud::{CallError, ErrorKind};

use super::Request;
use super::request::{TagCalls, gone_is_done};
use crate::arn;
use crate::error::{Answer, Rejection};
use crate::record::Record;
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidParameterValue";
const NOT_FOUND: &str = "InvalidGroup.NotFound";
const TAGS: TagCalls = TagCalls { add: "ec2:CreateTags", remove: "ec2:DeleteTags", invalid: INVALID };
/// The peer that means the group itself.
const ITSELF: &str = "self";
/// How many rules a group can have in each direction.
const RULES: usize = 60;

/// A direction of traffic, with the calls that change its rules.
struct Direction {
    authorize: &'static str,
    revoke: &'static str,
    describe: &'static str,
    of: fn(&SecurityGroup) -> &BTreeSet<SecurityGroupRule>,
    of_mut: fn(&mut SecurityGroup) -> &mut BTreeSet<SecurityGroupRule>,
}

const INGRESS: Direction = Direction {
    authorize: "ec2:AuthorizeSecurityGroupIngress",
    revoke: "ec2:RevokeSecurityGroupIngress",
    describe: "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
    of: |group| &group.ingress,
    of_mut: |group| &mut group.ingress,
};

const EGRESS: Direction = Direction {
    authorize: "ec2:AuthorizeSecurityGroupEgress",
    revoke: "ec2:RevokeSecurityGroupEgress",
    describe: "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
    of: |group| &group.egress,
    of_mut: |group| &mut group.egress,
};

/// The group with this name in its VPC, whatever the name's case.
fn find(world: &World, vpc: &str, name: &str) -> Option<String> {
    let mut groups = world.all::<SecurityGroup>();
    let fits = |group: &SecurityGroup| group.vpc == vpc && group.name.eq_ignore_ascii_case(name);
    groups.find(|(_, group)| fits(group)).map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(request: &Request<'_>, desired: &SecurityGroup) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.vpc, &desired.name);
    let create = |world: &mut World| create_group(world, request, desired);
    let arn = request.create("ec2:CreateSecurityGroup", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(
    request: &Request<'_>,
    arn: &str,
    desired: &SecurityGroup,
) -> Result<(), CallError> {
    for direction in [INGRESS, EGRESS] {
        let current = request.current::<SecurityGroup>(arn)?;
        let rules = (direction.of)(desired);
        match reconcile(request, arn, &direction, (direction.of)(&current), rules).await {
            Err(error) if is_about_a_rule(&error) => again(request, arn, &direction, rules, error).await?,
            outcome => outcome?,
        }
    }
    request.retag(arn, &TAGS).await
}

/// AWS refuses a whole call for one rule that is there already or is gone. What was known is too old, so this looks once
/// more and does what is left; what it is shown then may be too old as well, and be newer in a while.
async fn again(
    request: &Request<'_>,
    arn: &str,
    direction: &Direction,
    desired: &BTreeSet<SecurityGroupRule>,
    error: CallError,
) -> Result<(), CallError> {
    let not_yet = |error| CallError { kind: ErrorKind::NotYet, ..error };
    let Some(current) = request.described::<SecurityGroup>(arn) else { return Err(error) };
    match reconcile(request, arn, direction, (direction.of)(&current), desired).await {
        Err(error) if is_about_a_rule(&error) => Err(not_yet(error)),
        outcome => outcome,
    }
}

fn is_about_a_rule(error: &CallError) -> bool {
    matches!(error.code.as_deref(), Some("InvalidPermission.Duplicate" | "InvalidPermission.NotFound"))
}

/// Adds what is missing before revoking what is too much, so that no traffic is cut on the way.
async fn reconcile(
    request: &Request<'_>,
    arn: &str,
    direction: &Direction,
    live: &BTreeSet<SecurityGroupRule>,
    desired: &BTreeSet<SecurityGroupRule>,
) -> Result<(), CallError> {
    let among = |rules: &BTreeSet<SecurityGroupRule>, rule: &SecurityGroupRule| {
        rules.iter().any(|other| other.is_same_traffic(rule))
    };
    let pick = |from: &BTreeSet<SecurityGroupRule>, keep: &dyn Fn(&SecurityGroupRule) -> bool| {
        from.iter().filter(|rule| keep(rule)).cloned().collect::<Vec<_>>()
    };
    let added = pick(desired, &|rule| !among(live, rule));
    let redescribed = pick(desired, &|rule| among(live, rule) && !live.contains(rule));
    let revoked = pick(live, &|rule| !among(desired, rule));
    if !added.is_empty() {
        request.call(direction.authorize, |world| authorize(world, arn, direction, added)).await?;
    }
    if !redescribed.is_empty() {
        request.call(direction.describe, |world| redescribe(world, arn, direction, redescribed)).await?;
    }
    if !revoked.is_empty() {
        request.call(direction.revoke, |world| revoke(world, arn, direction, &revoked)).await?;
    }
    Ok(())
}

pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    gone_is_done(request.call("ec2:DeleteSecurityGroup", |world| delete_group(world, arn)).await)
}

fn create_group(world: &mut World, request: &Request<'_>, desired: &SecurityGroup) -> Answer<String> {
    const OTHERS: &str = " ._-:/()#,@[]+=&;{}!$*";
    rules::name(INVALID, &desired.name, 255, OTHERS)?;
    rules::require(!desired.name.starts_with("sg-"), INVALID, || {
        format!("Invalid value '{}' for groupName: may not start with sg-", desired.name)
    })?;
    rules::require(!naming::is_default_group(&desired.name), "InvalidGroup.Reserved", || {
        format!("Cannot use reserved security group name: {}", desired.name)
    })?;
    rules::name(INVALID, &desired.description, 255, OTHERS)?;
    rules::tags(INVALID, &request.tags)?;
    world.refer_vpc(&desired.vpc)?;
    if find(world, &desired.vpc, &desired.name).is_some() {
        let message =
            format!("The security group '{}' already exists for VPC '{}'", desired.name, desired.vpc);
        return Err(Rejection::conflict("InvalidGroup.Duplicate", message));
    }
    let id = format!("sg-0{}", arn::hex(&world.seed(&desired.name), 16));
    let arn = world.place().arn("ec2", &format!("security-group/{id}"));
    let fields = SecurityGroup {
        ingress: BTreeSet::new(),
        egress: [SecurityGroupRule::everything()].into(),
        ..desired.clone()
    };
    let record = Record::new(arn.clone(), fields, &request.tags, &[("id", &id)]).called(id.as_str());
    let record = record.within(&world.place);
    world.insert(record);
    Ok(arn)
}

/// Adds rules: all of them, or none if one is there already.
fn authorize(
    world: &mut World,
    arn: &str,
    direction: &Direction,
    added: Vec<SecurityGroupRule>,
) -> Answer<()> {
    let mut rules = (direction.of)(world.change::<SecurityGroup>(arn, NOT_FOUND)?).clone();
    for rule in added {
        check(world, &rule)?;
        if rules.iter().any(|other| other.is_same_traffic(&rule)) {
            let message = format!(
                "the specified rule \"peer: {}, {}, ALLOW\" already exists",
                rule.peer,
                rule.protocol.to_uppercase()
            );
            return Err(Rejection::conflict("InvalidPermission.Duplicate", message));
        }
        rules.insert(rule);
    }
    if rules.len() > RULES {
        let message = "The maximum number of rules per security group has been reached.";
        return Err(Rejection::quota("RulesPerSecurityGroupLimitExceeded", message));
    }
    *(direction.of_mut)(world.change::<SecurityGroup>(arn, NOT_FOUND)?) = rules;
    Ok(())
}

fn redescribe(
    world: &mut World,
    arn: &str,
    direction: &Direction,
    changed: Vec<SecurityGroupRule>,
) -> Answer<()> {
    let rules = (direction.of_mut)(world.change::<SecurityGroup>(arn, NOT_FOUND)?);
    for rule in changed {
        rules.retain(|other| !other.is_same_traffic(&rule));
        rules.insert(rule);
    }
    Ok(())
}

fn revoke(world: &mut World, arn: &str, direction: &Direction, revoked: &[SecurityGroupRule]) -> Answer<()> {
    let rules = (direction.of_mut)(world.change::<SecurityGroup>(arn, NOT_FOUND)?);
    let missing = revoked.iter().any(|rule| !rules.contains(rule));
    if missing {
        let message = "The specified rule does not exist in this security group.";
        return Err(Rejection::not_found("InvalidPermission.NotFound", message));
    }
    rules.retain(|rule| !revoked.contains(rule));
    Ok(())
}

fn check(world: &World, rule: &SecurityGroupRule) -> Answer<()> {
    let protocol = rule.protocol.as_str();
    rules::one_of(INVALID, "the protocol", protocol, &["tcp", "udp", "icmp", "icmpv6", "-1"])?;
    let ports = (rule.from_port, rule.to_port);
    let fits = match (protocol, ports) {
        ("-1", ports) => ports == (None, None),
        ("tcp" | "udp", (Some(from), Some(to))) => 0 <= from && from <= to && to <= 65_535,
        (_, ports) => matches!(ports, (Some(-1..=255), Some(-1..=255))),
    };
    rules::require(fits, "InvalidParameterValue", || {
        format!("Invalid port range {:?} to {:?} for protocol {protocol}", ports.0, ports.1)
    })?;
    if rule.peer.starts_with("sg-") {
        let message = format!("The security group '{}' does not exist", rule.peer);
        let arn = world.place().arn("ec2", &format!("security-group/{}", rule.peer));
        world.referred::<SecurityGroup>(&arn, NOT_FOUND, &message)?;
        return Ok(());
    }
    if rule.peer.starts_with("pl-") && !world.has_prefix_list(&rule.peer) {
        let message = format!("The prefix list ID '{}' does not exist", rule.peer);
        return Err(Rejection::not_found("InvalidPrefixListID.NotFound", message));
    }
    let is_peer = rule.peer == ITSELF || rule.peer.starts_with("pl-") || is_cidr(&rule.peer);
    rules::require(is_peer, INVALID, || format!("CIDR block {} is malformed", rule.peer))
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let longest = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= longest)
}

fn delete_group(world: &mut World, arn: &str) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, "The security group does not exist");
    let id = world.record(arn).ok_or_else(missing)?.id.clone();
    let names = |group: &SecurityGroup| group.ingress.iter().chain(&group.egress).any(|rule| rule.peer == id);
    let referring = world.all::<SecurityGroup>().find(|(record, group)| record.arn != arn && names(group));
    let user = world.user_of_security_group(&id).or_else(|| referring.map(|(record, _)| record.id.clone()));
    if let Some(user) = user {
        let message = format!("resource {id} has a dependent object ({user})");
        return Err(Rejection::in_use("DependencyViolation", message));
    }
    world.remove(arn);
    Ok(())
}
