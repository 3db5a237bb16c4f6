//! Which of the load balancers, target groups, listeners and rules that were seen is whose.
//!
//! Decides what stands at each desired address and what else is the stack's own. Must not make calls.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types as sdk;
use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, TAG_STACK};
use neap_core::kinds::Resource;
use neap_core::live::LiveResource;
use neap_engine::cloud::{CallError, ErrorKind};

use super::read::{Seen, SeenBalancer, SeenGroup, SeenListener, World, is_network};
use super::{alb, listener, nlb, rule, target_group};
use crate::error::refused;
use crate::found::{Found, address_of};
use crate::tags::Tags;

/// The readings of the desired load balancers, target groups, listeners and rules, and what else is the stack's.
pub(super) fn claim(world: &World, desired: &Desired) -> Found {
    let mut claims = Claims { world, desired, found: Found::new(&desired.stack), claimed: BTreeSet::new() };
    for address in desired.resources.keys() {
        match address.kind() {
            Kind::Alb | Kind::Nlb => claims.balancer(address),
            Kind::TargetGroup => claims.group(address),
            Kind::Listener => claims.listener(address),
            Kind::Rule => claims.rule(address),
            _ => {}
        }
    }
    claims.strays();
    claims.found
}

struct Claims<'a> {
    world: &'a World,
    desired: &'a Desired,
    found: Found,
    /// The ARNs that stand at a desired address.
    claimed: BTreeSet<&'a str>,
}

/// A live resource, nothing, or the failure that keeps it from being told.
type Outcome = Result<Option<LiveResource>, CallError>;

impl<'a> Claims<'a> {
    fn record(&mut self, address: &Address, arn: Option<&'a str>, outcome: Outcome) {
        self.claimed.extend(arn);
        self.found.record(address, outcome);
    }

    fn balancer(&mut self, address: &Address) {
        let seen = self.balancer_of(address);
        let arn = seen.as_ref().ok().and_then(|seen| seen.as_ref()?.balancer.load_balancer_arn());
        let outcome = seen.and_then(|seen| seen.map(|seen| self.live_balancer(address, seen)).transpose());
        self.record(address, arn, outcome);
    }

    fn group(&mut self, address: &Address) {
        let name = self.name_of(address);
        let named = |seen: &&SeenGroup| seen.group.target_group_name() == name;
        let seen = entries(&self.world.groups).map(|groups| groups.iter().find(named));
        let arn = seen.as_ref().ok().and_then(|seen| seen.as_ref()?.group.target_group_arn());
        let outcome = seen.and_then(|seen| seen.map(|seen| self.live_group(address, seen)).transpose());
        self.record(address, arn, outcome);
    }

    fn listener(&mut self, address: &Address) {
        let seen = self.listener_of(address);
        let arn = seen.as_ref().ok().and_then(|seen| seen.as_ref()?.listener.listener_arn());
        let outcome = seen.and_then(|seen| seen.map(|seen| self.live_listener(address, seen)).transpose());
        self.record(address, arn, outcome);
    }

    fn rule(&mut self, address: &Address) {
        let seen = self.rule_of(address);
        let arn = seen.as_ref().ok().and_then(|seen| seen.as_ref()?.1.rule_arn());
        let outcome = seen.and_then(|seen| {
            seen.map(|(listener, seen)| self.live_rule(address, listener, seen)).transpose()
        });
        self.record(address, arn, outcome);
    }

    fn name_of(&self, address: &Address) -> Option<&'a str> {
        self.desired.resources.get(address).map(|desired| desired.resource.aws_name())
    }

    /// The load balancer that has the name of the one desired at `address`.
    fn balancer_of(&self, address: &Address) -> Seen<Option<&'a SeenBalancer>> {
        let name = self.name_of(address);
        let named = |seen: &&SeenBalancer| seen.balancer.load_balancer_name() == name;
        Ok(entries(&self.world.balancers)?.iter().find(named))
    }

    /// The listener on the port of the one desired at `address`, unless it is another declared one.
    fn listener_of(&self, address: &Address) -> Seen<Option<&'a SeenListener>> {
        let Some(parent) = address.parent() else { return Ok(None) };
        let Some(balancer) = self.balancer_of(&parent)? else { return Ok(None) };
        // What belongs to somebody else's load balancer is no concern of ours: the load balancer itself is reported.
        if !self.is_own(balancer.balancer.load_balancer_arn())? {
            return Ok(None);
        }
        let Some(details) = &balancer.details else { return Ok(None) };
        let listeners = details.listeners.as_ref().map_err(Clone::clone)?;
        let Some(Resource::Listener(fields)) =
            self.desired.resources.get(address).map(|desired| &desired.resource)
        else {
            return Ok(None);
        };
        let port = Some(i32::from(fields.port));
        let is_free = |seen: &&SeenListener| {
            let owner = self.own_address(arn_of(seen));
            owner.is_none_or(|owner| owner == *address || !self.desired.resources.contains_key(&owner))
        };
        Ok(listeners.iter().find(|seen| seen.listener.port() == port && is_free(seen)))
    }

    /// The rule that has the priority of the one desired at `address`, and its listener's ARN.
    fn rule_of(&self, address: &Address) -> Seen<Option<(&'a str, &'a sdk::Rule)>> {
        let Some(parent) = address.parent() else { return Ok(None) };
        let Some(listener) = self.listener_of(&parent)? else { return Ok(None) };
        if !self.is_own(listener.listener.listener_arn())? {
            return Ok(None);
        }
        let rules = listener.rules.as_ref().map_err(Clone::clone)?;
        let priority = address.name().parse().ok();
        let found = rules.iter().find(|seen| priority.is_some() && rule::priority(seen) == priority);
        Ok(found.map(|found| (arn_of(listener), found)))
    }

    /// The tags of `arn`. What came or went between two looks has none to tell whose it is.
    fn tags(&self, arn: &str) -> Seen<Tags> {
        let tags = self.world.tags.as_ref().map_err(Clone::clone)?;
        let unsettled = || format!("`{arn}` came or went while it was read; try again");
        let operation = "elasticloadbalancing:DescribeTags";
        tags.get(arn).cloned().ok_or_else(|| refused(ErrorKind::NotYet, operation, unsettled()))
    }

    /// Whether the tags of `arn` say that it is the stack's own.
    fn is_own(&self, arn: Option<&str>) -> Seen<bool> {
        let arn = arn.unwrap_or_default();
        self.tags(arn)?;
        Ok(self.own_address(arn).is_some())
    }

    /// The address in the tags of `arn`, if it is the stack's own.
    fn own_address(&self, arn: &str) -> Option<Address> {
        let tags = self.world.tags.as_ref().ok()?.get(arn)?;
        let is_ours = tags.get(TAG_STACK).is_some_and(|stack| *stack == self.desired.stack);
        address_of(tags, None).filter(|_| is_ours)
    }

    fn live_balancer(&self, address: &Address, seen: &SeenBalancer) -> Seen<LiveResource> {
        let arn = seen.balancer.load_balancer_arn().unwrap_or_default();
        let attributes = match &seen.details {
            Some(details) => details.attributes.clone()?,
            None => Default::default(),
        };
        let tags = self.tags(arn)?;
        Ok(if is_network(&seen.balancer) {
            nlb::live(address, &seen.balancer, &attributes, tags)
        } else {
            alb::live(address, &seen.balancer, &attributes, tags)
        })
    }

    fn live_group(&self, address: &Address, seen: &SeenGroup) -> Seen<LiveResource> {
        let arn = seen.group.target_group_arn().unwrap_or_default();
        let attributes = seen.attributes.clone().transpose()?.unwrap_or_default();
        Ok(target_group::live(address, &seen.group, &attributes, self.tags(arn)?))
    }

    fn live_listener(&self, address: &Address, seen: &SeenListener) -> Seen<LiveResource> {
        let beside = seen.beside.as_ref().map_err(Clone::clone)?;
        let mut live = listener::live(address, &seen.listener, beside, self.tags(arn_of(seen))?);
        let wanted = self.desired.resources.get(address);
        let is_shifted = wanted.is_some_and(|wanted| listener::is_shifted(&wanted.owned_elsewhere));
        if let Some(rule) = seen.default_rule.as_ref().filter(|_| is_shifted) {
            live.outputs.insert(listener::DEFAULT_RULE.to_owned(), rule.clone());
        }
        Ok(live)
    }

    fn live_rule(&self, address: &Address, listener: &str, seen: &sdk::Rule) -> Seen<LiveResource> {
        let tags = self.tags(seen.rule_arn().unwrap_or_default())?;
        Ok(rule::live(address, listener, seen, tags))
    }

    /// Everything of the stack's own that stands at no desired address, and what could not be looked at.
    fn strays(&mut self) {
        for error in [
            self.world.balancers.as_ref().err(),
            self.world.groups.as_ref().err(),
            self.world.tags.as_ref().err(),
        ] {
            error.into_iter().for_each(|error| self.found.failed(error));
        }
        for seen in self.world.balancers.iter().flatten() {
            self.stray(seen.balancer.load_balancer_arn(), |claims, address| {
                claims.live_balancer(address, seen)
            });
            // What is inside somebody else's is not looked for, so failing to see it loses nothing.
            let is_own = seen.balancer.load_balancer_arn().is_some_and(|arn| self.own_address(arn).is_some());
            if let Some(details) = seen.details.as_ref().filter(|_| is_own) {
                self.strays_inside(&details.listeners);
            }
        }
        for seen in self.world.groups.iter().flatten() {
            self.stray(seen.group.target_group_arn(), |claims, address| claims.live_group(address, seen));
        }
    }

    fn strays_inside(&mut self, listeners: &'a Seen<Vec<SeenListener>>) {
        if let Err(error) = listeners {
            self.found.failed(error);
        }
        for seen in listeners.iter().flatten() {
            self.stray(seen.listener.listener_arn(), |claims, address| claims.live_listener(address, seen));
            if let Err(error) = &seen.rules {
                self.found.failed(error);
            }
            for rule in seen.rules.iter().flatten() {
                self.stray(rule.rule_arn(), |claims, address| claims.live_rule(address, arn_of(seen), rule));
            }
        }
    }

    /// Records `arn` as an orphan if it is the stack's own and stands at no desired address.
    fn stray(&mut self, arn: Option<&str>, live: impl FnOnce(&Self, &Address) -> Seen<LiveResource>) {
        let Some(arn) = arn.filter(|arn| !self.claimed.contains(arn)) else { return };
        let Some(address) = self.own_address(arn) else { return };
        match live(self, &address) {
            Ok(live) => self.found.stray(live),
            Err(error) => self.found.failed(&error),
        }
    }
}

fn entries<T>(seen: &Seen<Vec<T>>) -> Seen<&[T]> {
    seen.as_deref().map_err(Clone::clone)
}

fn arn_of(seen: &SeenListener) -> &str {
    seen.listener.listener_arn().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use neap_core::desired::{DesiredResource, TAG_ADDRESS};
    use neap_core::kinds::{Alb, KindOf, Listener, Rule, TargetGroup};
    use neap_core::live::Reading;

    use super::super::describe::Attributes;
    use super::super::read::BalancerDetails;
    use super::*;

    const ALB: &str = "alb.public";
    const HTTP: &str = "alb.public.listener.http";
    const RULE: &str = "alb.public.listener.http.rule.10";
    const GROUP: &str = "target_group.api";

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    /// A stack with a load balancer, its listener on port 443 with a rule, and a target group.
    fn desired() -> Desired {
        let resource = |resource: Resource| DesiredResource {
            resource,
            tags: BTreeMap::new(),
            implied: None,
            protect: false,
            delete_first: false,
            owned_elsewhere: [].into(),
            after: BTreeSet::new(),
        };
        let resources = [
            (address(ALB), resource(Alb::example().into())),
            (address(HTTP), resource(Listener::example().into())),
            (address(RULE), resource(Rule::example().into())),
            (address(GROUP), resource(TargetGroup::example().into())),
        ];
        Desired { stack: "course".into(), resources: resources.into(), ..Desired::default() }
    }

    fn rule(arn: &str, priority: &str) -> sdk::Rule {
        sdk::Rule::builder().rule_arn(arn).priority(priority).build()
    }

    fn listener(arn: &str, port: i32, rules: Vec<sdk::Rule>) -> SeenListener {
        SeenListener {
            listener: sdk::Listener::builder().listener_arn(arn).port(port).build(),
            beside: Ok(listener::Beside::default()),
            default_rule: Some(format!("{arn}/default")),
            rules: Ok(rules),
        }
    }

    fn balancer(arn: &str, name: &str, listeners: Vec<SeenListener>) -> SeenBalancer {
        let balancer = sdk::LoadBalancer::builder().load_balancer_arn(arn).load_balancer_name(name).build();
        let details = BalancerDetails { attributes: Ok(Attributes::new()), listeners: Ok(listeners) };
        SeenBalancer { balancer, details: Some(details) }
    }

    fn group(arn: &str, name: &str) -> SeenGroup {
        let group = sdk::TargetGroup::builder().target_group_arn(arn).target_group_name(name).build();
        SeenGroup { group, attributes: Some(Ok(Attributes::new())) }
    }

    /// A world whose ARNs are tagged as `course`'s with these addresses; with an empty address, not tagged.
    fn world(balancers: Vec<SeenBalancer>, groups: Vec<SeenGroup>, owners: &[(&str, &str)]) -> World {
        let tags = |owner: &str| -> Tags {
            let pairs = [(TAG_STACK, "course"), (TAG_ADDRESS, owner)];
            let pairs = pairs.into_iter().filter(|_| !owner.is_empty());
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
        };
        let tags = owners.iter().map(|(arn, owner)| ((*arn).to_owned(), tags(owner))).collect();
        World { balancers: Ok(balancers), groups: Ok(groups), tags: Ok(tags) }
    }

    /// The readings by address and the orphans' ids.
    fn summary(world: &World) -> (Vec<(String, String)>, Vec<String>) {
        let found = claim(world, &desired());
        let reading = |reading: &Reading| match reading {
            Reading::Absent => "absent".to_owned(),
            Reading::Present(live) => live.id.clone(),
            Reading::Foreign(live) => format!("foreign {}", live.id),
            Reading::Unreadable(failure) => failure.operation.clone(),
        };
        let readings = found.readings.iter().map(|(address, found)| (address.to_string(), reading(found)));
        (readings.collect(), found.orphans.iter().map(|live| live.id.clone()).collect())
    }

    fn check(world: &World, expected: [&str; 4], orphans: &[&str]) {
        let (readings, found) = summary(world);
        let readings: Vec<&str> =
            [ALB, HTTP, RULE, GROUP].map(|address| reading_at(&readings, address)).into();
        assert_eq!(readings, expected);
        assert_eq!(found, orphans);
    }

    fn reading_at<'a>(readings: &'a [(String, String)], address: &str) -> &'a str {
        readings.iter().find(|(at, _)| at == address).map_or("missing", |(_, reading)| reading)
    }

    fn public(listeners: Vec<SeenListener>) -> Vec<SeenBalancer> {
        vec![balancer("lb", "course-public-0123abcd", listeners)]
    }

    #[test]
    fn an_empty_account_has_nothing() {
        check(&world(vec![], vec![], &[]), ["absent"; 4], &[]);
    }

    #[test]
    fn what_has_the_names_and_tags_is_there() {
        let listeners = vec![listener("ls", 443, vec![rule("r10", "10")])];
        let owners = [("lb", ALB), ("ls", HTTP), ("r10", RULE), ("tg", GROUP)];
        let world = world(public(listeners), vec![group("tg", "course-api-0123abcd")], &owners);
        check(&world, ["lb", "ls", "r10", "tg"], &[]);
    }

    #[test]
    fn what_has_a_name_or_place_without_tags_is_foreign_and_hides_what_it_has() {
        let listeners = || vec![listener("ls", 443, vec![rule("r10", "10"), rule("r11", "11")])];
        let groups = || vec![group("tg", "course-api-0123abcd")];
        let owned = |lb, ls| [("lb", lb), ("ls", ls), ("r10", ""), ("r11", ""), ("tg", "")];
        let nothing = world(public(listeners()), groups(), &owned("", ""));
        check(&nothing, ["foreign lb", "absent", "absent", "foreign tg"], &[]);
        let balancer = world(public(listeners()), groups(), &owned(ALB, ""));
        check(&balancer, ["lb", "foreign ls", "absent", "foreign tg"], &[]);
        let both = world(public(listeners()), groups(), &owned(ALB, HTTP));
        check(&both, ["lb", "ls", "foreign r10", "foreign tg"], &[]);
    }

    #[test]
    fn a_listener_on_another_port_is_the_predecessor_of_the_one_that_is_asked_for() {
        let others = vec![listener("ls", 80, vec![rule("r10", "10")])];
        let owners = [("lb", ALB), ("ls", HTTP), ("r10", RULE)];
        let old = ["ls", "r10"];
        check(&world(public(others), vec![], &owners), ["lb", "absent", "absent", "absent"], &old);
        // A run that was killed before the old one was gone.
        let both = vec![listener("ls", 80, vec![]), listener("new", 443, vec![])];
        let owners = [("lb", ALB), ("ls", HTTP), ("new", HTTP)];
        check(&world(public(both), vec![], &owners), ["lb", "new", "absent", "absent"], &["ls"]);
    }

    #[test]
    fn a_renamed_listener_is_the_one_on_its_port() {
        let owners = [("lb", ALB), ("ls", "alb.public.listener.web")];
        let listeners = vec![listener("ls", 443, vec![])];
        check(&world(public(listeners), vec![], &owners), ["lb", "ls", "absent", "absent"], &[]);
    }

    #[test]
    fn the_predecessor_of_a_replacement_is_an_orphan_with_all_it_has() {
        let old = vec![listener("ls", 443, vec![rule("r10", "10")])];
        let balancers = vec![balancer("old", "course-public-ffffffff", old)];
        let groups = vec![group("tg-old", "course-api-ffffffff")];
        let owners = [("old", ALB), ("ls", HTTP), ("r10", RULE), ("tg-old", GROUP)];
        check(&world(balancers, groups, &owners), ["absent"; 4], &["old", "ls", "r10", "tg-old"]);
    }

    #[test]
    fn rules_and_listeners_that_are_not_declared_are_orphans() {
        let listeners = vec![
            listener("ls", 443, vec![rule("r10", "10"), rule("r20", "20"), rule("r30", "30")]),
            listener("ls2", 81, vec![]),
        ];
        let owners = [
            ("lb", ALB),
            ("ls", HTTP),
            ("r10", RULE),
            ("r20", "alb.public.listener.http.rule.20"),
            ("r30", ""),
            ("ls2", "alb.public.listener.old"),
        ];
        check(&world(public(listeners), vec![], &owners), ["lb", "ls", "r10", "absent"], &["r20", "ls2"]);
    }

    #[test]
    fn what_another_stack_has_is_nobodys_business() {
        let mut world = world(vec![balancer("lb", "blog-public", vec![])], vec![], &[("lb", "alb.blog")]);
        for tags in world.tags.iter_mut().flat_map(BTreeMap::values_mut) {
            tags.insert(TAG_STACK.to_owned(), "blog".to_owned());
        }
        check(&world, ["absent"; 4], &[]);
    }

    #[test]
    fn a_denied_look_makes_unreadable_what_depends_on_it() {
        let denied = |operation: &str| refused(ErrorKind::Denied, operation, "no");
        let mut no_balancers = world(vec![], vec![], &[]);
        no_balancers.balancers = Err(denied("lbs"));
        check(&no_balancers, ["lbs", "lbs", "lbs", "absent"], &[]);

        let mut no_rules =
            world(public(vec![listener("ls", 443, vec![])]), vec![], &[("lb", ALB), ("ls", HTTP)]);
        let details = no_rules.balancers.as_mut().ok().and_then(|list| list[0].details.as_mut());
        let listeners = details.and_then(|details| details.listeners.as_mut().ok()).expect("listeners");
        listeners[0].rules = Err(denied("rules"));
        check(&no_rules, ["lb", "ls", "rules", "absent"], &[]);

        let mut no_certificates =
            world(public(vec![listener("ls", 443, vec![])]), vec![], &[("lb", ALB), ("ls", HTTP)]);
        let details = no_certificates.balancers.as_mut().ok().and_then(|list| list[0].details.as_mut());
        let listeners = details.and_then(|details| details.listeners.as_mut().ok()).expect("listeners");
        listeners[0].beside = Err(denied("certificates"));
        check(&no_certificates, ["lb", "certificates", "absent", "absent"], &[]);

        let mut no_tags = world(public(vec![]), vec![], &[]);
        no_tags.tags = Err(denied("tags"));
        check(&no_tags, ["tags", "tags", "tags", "absent"], &[]);
        assert_eq!(claim(&no_tags, &desired()).failures.len(), 1);
    }

    #[test]
    fn what_cannot_be_seen_inside_somebody_elses_is_no_failure() {
        let mut other = balancer("lb", "course-other", vec![]);
        let details = other.details.as_mut().expect("details");
        details.listeners = Err(refused(ErrorKind::Denied, "listeners", "no"));
        let found = claim(&world(vec![other], vec![], &[("lb", "")]), &desired());
        assert_eq!(found.failures, []);
    }

    #[test]
    fn what_came_or_went_while_it_was_read_is_neither_absent_nor_foreign() {
        let operation = "elasticloadbalancing:DescribeTags";
        check(&world(public(vec![]), vec![], &[]), [operation, operation, operation, "absent"], &[]);
    }
}
