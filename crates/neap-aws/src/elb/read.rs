//! Reading everything of the load-balancing API that a stack has, in four waves.
//!
//! Decides what is looked at in which wave. Must not know which of it is whose: that is `claim`'s.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types as sdk;
use futures_util::future::join_all;
use neap_core::desired::{Desired, TAG_STACK};
use neap_engine::cloud::CallError;
use tokio::join;

use super::claim::claim;
use super::describe::{self, Attributes};
use super::listener;
use crate::client::Aws;
use crate::found::Found;
use crate::tags::Tags;

/// What one look brought, or why it brought nothing.
pub(super) type Seen<T> = Result<T, CallError>;

/// A load balancer.
#[derive(Debug)]
pub(super) struct SeenBalancer {
    pub(super) balancer: sdk::LoadBalancer,
    /// Missing for those that are not the stack's.
    pub(super) details: Option<BalancerDetails>,
}

/// What a load balancer's own listing does not tell.
#[derive(Debug)]
pub(super) struct BalancerDetails {
    pub(super) attributes: Seen<Attributes>,
    pub(super) listeners: Seen<Vec<SeenListener>>,
}

/// A listener.
#[derive(Debug)]
pub(super) struct SeenListener {
    pub(super) listener: sdk::Listener,
    /// What its description does not tell.
    pub(super) beside: Seen<listener::Beside>,
    /// The ARN of the rule that does what it does by default; those of network load balancers have none.
    pub(super) default_rule: Option<String>,
    pub(super) rules: Seen<Vec<sdk::Rule>>,
}

/// A target group.
#[derive(Debug)]
pub(super) struct SeenGroup {
    pub(super) group: sdk::TargetGroup,
    /// Missing for those that are not the stack's.
    pub(super) attributes: Option<Seen<Attributes>>,
}

/// Everything that was seen.
#[derive(Debug)]
pub(super) struct World {
    pub(super) balancers: Seen<Vec<SeenBalancer>>,
    pub(super) groups: Seen<Vec<SeenGroup>>,
    /// Tags by ARN, of everything above.
    pub(super) tags: Seen<BTreeMap<String, Tags>>,
}

/// Reads the stack's load balancers, target groups, listeners and rules.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    claim(&look(aws, desired).await, desired)
}

/// Looks at names first, then at the details of those that may be the stack's, then at everything's tags.
async fn look(aws: &Aws, desired: &Desired) -> World {
    let (balancers, groups) = join!(describe::load_balancers(aws), describe::target_groups(aws));
    let seen = |balancer| SeenBalancer { balancer, details: None };
    let balancers = balancers.map(|list| list.into_iter().map(seen).collect());
    let seen = |group| SeenGroup { group, attributes: None };
    let groups = groups.map(|list| list.into_iter().map(seen).collect());
    let mut world = World { balancers, groups, tags: Ok(BTreeMap::new()) };

    let names = Names::of(desired);
    detail(aws, &mut world, &|name, _| names.may_be_ours(name)).await;
    tag(aws, &mut world).await;
    // The stack's own under a name that the user had chosen and that is no longer declared.
    let ours = tagged_with(&world, &desired.stack);
    if detail(aws, &mut world, &|_, arn| ours.contains(arn)).await {
        tag(aws, &mut world).await;
    }
    world
}

/// The names that the stack's load balancers and target groups have.
struct Names<'a> {
    declared: BTreeSet<&'a str>,
    prefix: String,
}

impl<'a> Names<'a> {
    fn of(desired: &'a Desired) -> Self {
        let names = desired.resources.values().map(|resource| resource.resource.aws_name());
        // These names take no underscores.
        let prefix = format!("{}-", desired.stack.replace('_', "-"));
        Self { declared: names.filter(|name| !name.is_empty()).collect(), prefix }
    }

    fn may_be_ours(&self, name: &str) -> bool {
        self.declared.contains(name) || name.starts_with(&self.prefix)
    }
}

/// The ARNs of load balancers and target groups that are tagged as `stack`'s.
fn tagged_with(world: &World, stack: &str) -> BTreeSet<String> {
    let tags = world.tags.iter().flatten();
    let ours = tags.filter(|(_, tags)| tags.get(TAG_STACK).is_some_and(|owner| owner == stack));
    ours.map(|(arn, _)| arn.clone()).collect()
}

/// Looks at the details of what `wanted` picks by name and ARN and was not looked at yet; says whether there was any.
async fn detail(aws: &Aws, world: &mut World, wanted: &dyn Fn(&str, &str) -> bool) -> bool {
    let balancers = world.balancers.iter_mut().flatten().filter(|seen| {
        let (name, arn) = (seen.balancer.load_balancer_name(), seen.balancer.load_balancer_arn());
        // A gateway load balancer is none of the kinds that a stack has.
        let is_gateway = seen.balancer.r#type() == Some(&sdk::LoadBalancerTypeEnum::Gateway);
        !is_gateway && seen.details.is_none() && wanted(name.unwrap_or_default(), arn.unwrap_or_default())
    });
    let balancers = balancers.map(|seen| async {
        let arn = seen.balancer.load_balancer_arn().unwrap_or_default();
        let has_rules = !is_network(&seen.balancer);
        let (attributes, listeners) =
            join!(describe::load_balancer_attributes(aws, arn), listeners(aws, arn, has_rules));
        seen.details = Some(BalancerDetails { attributes, listeners });
    });
    let groups = world.groups.iter_mut().flatten().filter(|seen| {
        let (name, arn) = (seen.group.target_group_name(), seen.group.target_group_arn());
        seen.attributes.is_none() && wanted(name.unwrap_or_default(), arn.unwrap_or_default())
    });
    let groups = groups.map(|seen| async {
        let arn = seen.group.target_group_arn().unwrap_or_default();
        seen.attributes = Some(describe::target_group_attributes(aws, arn).await);
    });
    let (balancers, groups) = join!(join_all(balancers), join_all(groups));
    !balancers.is_empty() || !groups.is_empty()
}

/// Whether it is a network load balancer.
pub(super) fn is_network(balancer: &sdk::LoadBalancer) -> bool {
    balancer.r#type() == Some(&sdk::LoadBalancerTypeEnum::Network)
}

/// A load balancer's listeners, with what their descriptions do not tell, and rules where they have such.
async fn listeners(aws: &Aws, balancer: &str, has_rules: bool) -> Seen<Vec<SeenListener>> {
    let listeners = describe::listeners(aws, balancer).await?;
    let with_rules = listeners.into_iter().map(|listener| async {
        let arn = listener.listener_arn().unwrap_or_default();
        let rules = async { if has_rules { describe::rules(aws, arn).await } else { Ok(Vec::new()) } };
        let (beside, mut rules) = join!(listener::beside(aws, &listener), rules);
        let default = rules.iter().flatten().find(|rule| describe::is_default(rule));
        let default_rule = default.and_then(|rule| rule.rule_arn()).map(ToOwned::to_owned);
        rules.iter_mut().for_each(|rules| rules.retain(|rule| !describe::is_default(rule)));
        SeenListener { listener, beside, default_rule, rules }
    });
    Ok(join_all(with_rules).await)
}

/// Reads the tags of everything whose tags are not known yet.
async fn tag(aws: &Aws, world: &mut World) {
    let Ok(known) = &world.tags else { return };
    let missing: Vec<String> =
        arns(world).filter(|arn| !known.contains_key(*arn)).map(ToOwned::to_owned).collect();
    match (describe::tags_of(aws, &missing).await, &mut world.tags) {
        (Ok(tags), Ok(known)) => known.extend(tags),
        (Err(error), _) => world.tags = Err(error),
        (Ok(_), Err(_)) => {}
    }
}

/// The ARNs of everything that was seen.
fn arns(world: &World) -> impl Iterator<Item = &str> {
    let balancers = world.balancers.iter().flatten();
    let groups = world.groups.iter().flatten();
    let inside = balancers.clone().filter_map(|seen| seen.details.as_ref()?.listeners.as_ref().ok());
    let inside = inside.flatten().flat_map(|seen| {
        let rules = seen.rules.iter().flatten().filter_map(|rule| rule.rule_arn());
        seen.listener.listener_arn().into_iter().chain(rules)
    });
    let balancers = balancers.filter_map(|seen| seen.balancer.load_balancer_arn());
    balancers.chain(groups.filter_map(|seen| seen.group.target_group_arn())).chain(inside)
}
