//! Which of two target groups has the traffic of a blue/green service: ECS shifts it with each deployment.
//!
//! Decides how a stack takes over what is live: the turn of the two groups in the service, and the weights of the listeners and
//! rules that lead to them. Groups are told by their addresses, so that one that is replaced keeps its turn. Must not know how
//! ECS shifts traffic, nor what else of a rule differs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Owned, own};
use crate::address::{Address, Kind};
use crate::desired::{Desired, DesiredResource};
use crate::kinds::{Action, Alternate, Resource, Service, ServiceTarget, WeightedGroup};
use crate::live::{Live, LiveResource};
use crate::reference::{self, Reference};

/// Takes over which group has the traffic of each blue/green service of `desired`.
pub(super) fn carry(desired: &mut Desired, live: &Live) {
    for turn in turns(desired) {
        let sides = Sides::of(&turn, live);
        let found = own(live, &turn.service).and_then(|live| match &live.resource {
            Resource::Service(service) => service.targets.iter().find(|target| sides.is_about(target)),
            _ => None,
        });
        if let Some(found) = found
            && found.alternate.is_some()
            && sides.side(&found.target_group) == Some(1)
            && let Some(target) = target_mut(desired, &turn)
            && let Some(alternate) = &mut target.alternate
        {
            std::mem::swap(&mut target.target_group, &mut alternate.target_group);
        }
        let named = found.and_then(|found| found.alternate.as_ref());
        let ways = [
            (Some(&turn.production), named.map(|named: &Alternate| named.production.as_str())),
            (turn.test.as_ref(), named.and_then(|named| named.test.as_deref())),
        ];
        for (way, named) in ways {
            if let Some(way) = way
                && let Some(weights) = sides.weights(live, way, named)
                && let Some(wanted) = desired.resources.get_mut(way)
            {
                weigh(wanted, &turn.groups, &weights);
            }
        }
    }
}

/// What a stack says of a listener or rule whose weights ECS owns: neither how much of the traffic, nor which of the two groups.
pub(super) fn without_weights(action: &mut Action) {
    if let Action::Forward { target_groups, .. } = action {
        target_groups.clear();
    }
}

/// What a stack says of a service whichever of two groups has its traffic.
pub(super) fn without_turn(service: &mut Service) {
    for target in &mut service.targets {
        if let Some(alternate) = &mut target.alternate
            && alternate.target_group < target.target_group
        {
            std::mem::swap(&mut target.target_group, &mut alternate.target_group);
        }
    }
}

/// The services that the stack leads away from the group to which a blue/green deployment has moved their traffic, each with that
/// group and the one that it names instead, where nothing runs yet.
pub(crate) fn abandoned(desired: &Desired, live: &Live) -> Vec<(Address, Address, Address)> {
    let mut abandoned = Vec::new();
    for (address, service, found) in services(desired, live) {
        let named: Vec<Address> = named(service).collect();
        let Some(first) = named.first() else { continue };
        let serving = found.targets.iter().filter_map(|target| serving(target, live));
        let left = serving.filter_map(|arn| group(live, arn)).filter(|group| !named.contains(group));
        abandoned.extend(left.map(|group| (address.clone(), group.clone(), first.clone())));
    }
    abandoned
}

/// A listener or rule by which the stack would lead users to a group in which nothing runs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misled {
    pub(crate) way: Address,
    pub(crate) service: Address,
    /// The group to which blue/green deployments have moved the service, and which it keeps.
    pub(crate) serving: Address,
    /// The one that it leaves, and that no other service comes to.
    pub(crate) empty: Address,
}

/// The ways that lead users to the other group of a service that is no longer deployed blue/green and stays in the one that has its
/// traffic. ECS sets their weights no more, so those of the stack hold.
pub(crate) fn misled(desired: &Desired, live: &Live) -> Vec<Misled> {
    let resources = desired.resources.values().map(|wanted| &wanted.resource);
    let used: BTreeSet<Address> = resources
        .filter_map(|resource| if let Resource::Service(service) = resource { Some(service) } else { None })
        .flat_map(named)
        .collect();
    let mut all = Vec::new();
    for (address, _, found) in services(desired, live) {
        for target in &found.targets {
            let (Some(arn), Some(alternate)) = (serving(target, live), &target.alternate) else { continue };
            let other =
                if arn == target.target_group { &alternate.target_group } else { &target.target_group };
            let (Some(serving), Some(empty)) = (group(live, arn), group(live, other)) else { continue };
            if !used.contains(serving) || used.contains(empty) {
                continue;
            }
            let test = alternate.test.as_ref().and_then(|test| named_by(live, test));
            let leads_there = |(way, wanted): &(&Address, &DesiredResource)| {
                test.is_none_or(|test| test.address != **way)
                    && matches!(action(&wanted.resource), Some(Action::Forward { target_groups, .. })
                        if target_groups.iter().any(|it| it.weight > 0 && referred(&it.target_group).as_ref() == Some(empty)))
            };
            all.extend(desired.resources.iter().filter(leads_there).map(|(way, _)| Misled {
                way: way.clone(),
                service: address.clone(),
                serving: serving.clone(),
                empty: empty.clone(),
            }));
        }
    }
    all
}

/// The services that are desired and live, with what is desired and what is live.
fn services<'a>(
    desired: &'a Desired,
    live: &'a Live,
) -> impl Iterator<Item = (&'a Address, &'a Service, &'a Service)> {
    desired.resources.iter().filter_map(|(address, wanted)| {
        match (&wanted.resource, live.present(address).map(|found| &found.resource)) {
            (Resource::Service(wanted), Some(Resource::Service(found))) => Some((address, wanted, found)),
            _ => None,
        }
    })
}

/// The groups of the stack that a desired service names, both of those that take turns.
fn named(service: &Service) -> impl Iterator<Item = Address> {
    service.targets.iter().flat_map(|target| {
        let alternate = target.alternate.as_ref().and_then(|other| referred(&other.target_group));
        referred(&target.target_group).into_iter().chain(alternate)
    })
}

/// The group that has the traffic of a target that is deployed blue/green: the one of two with all the weight, or else the one that
/// the service tells.
fn serving<'a>(target: &'a ServiceTarget, live: &Live) -> Option<&'a str> {
    let alternate = target.alternate.as_ref()?;
    let weight = |arn: &str| {
        let Some(Action::Forward { target_groups, .. }) =
            named_by(live, &alternate.production).and_then(|way| action(&way.resource))
        else {
            return 0;
        };
        target_groups.iter().find(|group| group.target_group == arn).map_or(0, |group| group.weight)
    };
    let turned = weight(&target.target_group) == 0 && weight(&alternate.target_group) > 0;
    Some(if turned { &alternate.target_group } else { &target.target_group })
}

/// The address of the stack's target group of this ARN.
fn group<'a>(live: &'a Live, arn: &str) -> Option<&'a Address> {
    let mut groups = live.ours().filter(|found| found.kind() == Kind::TargetGroup);
    groups.find(|found| found.outputs.get("arn").is_some_and(|it| it == arn)).map(|found| &found.address)
}

/// Two groups of the stack that take turns.
struct Turn {
    service: Address,
    /// Which of the service's targets.
    target: usize,
    /// The group of the first deployment, and the other.
    groups: [Address; 2],
    /// The listener or rule for users, and the one for those who test.
    production: Address,
    test: Option<Address>,
}

fn turns(desired: &Desired) -> Vec<Turn> {
    let mut turns = Vec::new();
    for (address, wanted) in &desired.resources {
        let Resource::Service(service) = &wanted.resource else { continue };
        for (index, target) in service.targets.iter().enumerate() {
            let turn = target.alternate.as_ref().and_then(|alternate| {
                Some(Turn {
                    service: address.clone(),
                    target: index,
                    groups: [referred(&target.target_group)?, referred(&alternate.target_group)?],
                    production: referred(&alternate.production)?,
                    test: alternate.test.as_ref().and_then(|test| referred(test)),
                })
            });
            turns.extend(turn);
        }
    }
    turns
}

/// What a reference names.
fn referred(text: &str) -> Option<Address> {
    reference::in_text(text).into_iter().find_map(|reference| match reference {
        Reference::Output(address, _) => Some(address),
        Reference::Variable(_) | Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => None,
    })
}

fn target_mut<'a>(desired: &'a mut Desired, turn: &Turn) -> Option<&'a mut ServiceTarget> {
    match &mut desired.resources.get_mut(&turn.service)?.resource {
        Resource::Service(service) => service.targets.get_mut(turn.target),
        _ => None,
    }
}

/// Which live target group is which of two that take turns.
struct Sides(BTreeMap<String, usize>);

impl Sides {
    /// Also those that are about to be replaced.
    fn of(turn: &Turn, live: &Live) -> Self {
        let groups = live.ours().filter(|found| found.kind() == Kind::TargetGroup);
        let side = |found: &LiveResource| {
            let side = turn.groups.iter().position(|group| *group == found.address)?;
            Some((found.outputs.get("arn")?.clone(), side))
        };
        Self(groups.filter_map(side).collect())
    }

    fn side(&self, arn: &str) -> Option<usize> {
        self.0.get(arn).copied()
    }

    fn is_about(&self, target: &ServiceTarget) -> bool {
        self.side(&target.target_group).is_some()
    }

    /// The weights of the two groups in what leads to them now: what stands at `way`, or else what the live service names.
    fn weights(&self, live: &Live, way: &Address, named: Option<&str>) -> Option<[Option<u32>; 2]> {
        let now = own(live, way).into_iter().chain(named.and_then(|named| named_by(live, named)));
        now.filter_map(|found| action(&found.resource)).find_map(|action| self.weights_in(action))
    }

    fn weights_in(&self, action: &Action) -> Option<[Option<u32>; 2]> {
        let Action::Forward { target_groups, .. } = action else { return None };
        let mut weights = [None; 2];
        for group in target_groups {
            if let Some(side) = self.side(&group.target_group) {
                weights[side] = Some(group.weight);
            }
        }
        weights.iter().any(Option::is_some).then_some(weights)
    }
}

/// The listener or rule that a service names by `arn`: a rule that is none of the stack's is what its listener does by default.
fn named_by<'a>(live: &'a Live, arn: &str) -> Option<&'a LiveResource> {
    let routes = || live.ours().filter(|found| matches!(found.kind(), Kind::Listener | Kind::Rule));
    let of = |arn: &str| routes().find(|found| found.outputs.get("arn").is_some_and(|it| it == arn));
    of(arn).or_else(|| of(&listener_of(arn)?))
}

/// The ARN of the listener of the rule with the ARN `rule`, if that is one.
pub(crate) fn listener_of(rule: &str) -> Option<String> {
    let (listener, _) = rule.rsplit_once('/').filter(|_| rule.contains(":listener-rule/"))?;
    Some(listener.replacen(":listener-rule/", ":listener/", 1))
}

fn action(resource: &Resource) -> Option<&Action> {
    match resource {
        Resource::Listener(listener) => Some(&listener.default_action),
        Resource::Rule(rule) => Some(&rule.action),
        _ => None,
    }
}

/// Gives `wanted` these weights of `groups`: of those that it has itself, and of those that are live.
fn weigh(wanted: &mut DesiredResource, groups: &[Address; 2], weights: &[Option<u32>; 2]) {
    if !wanted.owned_elsewhere.contains(&Owned::Weights) {
        return;
    }
    let action = match &mut wanted.resource {
        Resource::Listener(listener) => &mut listener.default_action,
        Resource::Rule(rule) => &mut rule.action,
        _ => return,
    };
    let Action::Forward { target_groups, .. } = action else { return };
    for (group, weight) in groups.iter().zip(weights) {
        let own = target_groups.iter_mut().find(|own| referred(&own.target_group).as_ref() == Some(group));
        match (own, weight) {
            (Some(own), weight) => own.weight = weight.unwrap_or(0),
            (None, Some(weight)) => target_groups
                .push(WeightedGroup { target_group: reference::output(group, "arn"), weight: *weight }),
            (None, None) => {}
        }
    }
    // AWS tells of one group alone no weight.
    if let [only] = target_groups.as_mut_slice() {
        only.weight = 1;
    }
}
