//! Blue/green deployments (reference section 3.17): what they need, in the words of ECS's guide ("Troubleshooting Amazon ECS
//! blue/green deployments"), and how one begins.

use std::collections::BTreeSet;

use neap_core::kinds::{Action, Alternate, Role, Service, ServiceTarget, TargetGroup};

use super::INVALID;
use crate::clock::{CIRCUIT_BREAKS, CONTAINER_STOPS, Millis, TARGETS_ARE_WELL, TRAFFIC_SHIFTS};
use crate::error::{Answer, Rejection};
use crate::record::Deployment;
use crate::rules;
use crate::services::elb::{self, balancers_of};
use crate::shift::{Moved, Shift, Turn};
use crate::world::World;

/// The managed policy of a role that shifts traffic.
const POLICY: &str = ":policy/AmazonECSInfrastructureRolePolicyForLoadBalancers";
/// What a deployment is rolled back for at once.
const NETWORKING: &str = "Service deployment rolled back because of invalid networking configuration";
/// The stages at which hooks can be asked.
const STAGES: [&str; 8] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
];

/// Refuses what ECS refuses before a deployment begins.
pub(super) fn check(world: &World, desired: &Service) -> Answer<()> {
    if let Some(deployment) = &desired.deployment {
        rules::one_of(INVALID, "the deployment strategy", &deployment.strategy, &[Service::BLUE_GREEN])?;
        rules::in_range(INVALID, "bakeTimeInMinutes", deployment.bake_minutes, 0..=1440)?;
        for hook in &deployment.hooks {
            let known = !hook.stages.is_empty() && hook.stages.iter().all(|it| STAGES.contains(&it.as_str()));
            rules::require(known, INVALID, || {
                "Invalid lifecycleStages. A lifecycle hook needs stages that exist".to_owned()
            })?;
            let is_whole = hook.function.contains(":lambda:") && !hook.role.is_empty();
            rules::require(is_whole, INVALID, || {
                "hookTargetArn and roleArn are required for lifecycle hooks".to_owned()
            })?;
        }
        rules::require(!desired.is_daemon(), INVALID, || {
            "The daemon scheduling strategy supports rolling deployments only".to_owned()
        })?;
    }
    let with = desired.targets.iter().filter(|target| target.alternate.is_some()).count();
    rules::require(with == 0 || with == desired.targets.len(), INVALID, || {
        "Either all or none of the provided loadBalancers must have advancedConfiguration defined".to_owned()
    })?;
    rules::require(desired.deployment.is_none() || with == desired.targets.len(), INVALID, || {
        "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment \
         strategy"
            .to_owned()
    })?;
    let mut seen = BTreeSet::new();
    for (target, alternate) in pairs(desired) {
        for group in [&target.target_group, &alternate.target_group] {
            rules::require(seen.insert(group.clone()), INVALID, || {
                format!("Duplicate targetGroupArn found: {group}")
            })?;
        }
        pair(world, target, alternate)?;
    }
    Ok(())
}

fn pairs(service: &Service) -> impl Iterator<Item = (&ServiceTarget, &Alternate)> {
    service.targets.iter().filter_map(|target| Some((target, target.alternate.as_ref()?)))
}

fn pair(world: &World, target: &ServiceTarget, alternate: &Alternate) -> Answer<()> {
    let arn = &alternate.target_group;
    let message = format!("The specified target group {arn} does not exist.");
    let (_, group) = world.referred::<TargetGroup>(arn, INVALID, &message)?;
    let first = world.get::<TargetGroup>(&target.target_group).map(|(_, group)| &group.target_type);
    rules::require(first == Some(&group.target_type), INVALID, || {
        format!(
            "The provided target group {arn} has target type {}, which is incompatible",
            group.target_type
        )
    })?;
    if balancers_of(world, arn).is_empty() {
        let message =
            format!("The target group with targetGroupArn {arn} does not have an associated load balancer.");
        return Err(Rejection::not_yet(INVALID, message));
    }
    let ways = [
        ("productionListenerRule", Some(&alternate.production)),
        ("testListenerRule", alternate.test.as_ref()),
    ];
    for (name, way) in ways {
        let Some(way) = way else { continue };
        let fits = way.contains(":listener-rule/app/") || way.contains(":listener/net/");
        rules::require(fits, INVALID, || {
            format!(
                "{name} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {way}"
            )
        })?;
    }
    rules::require(alternate.test.as_ref() != Some(&alternate.production), INVALID, || {
        format!(
            "The following rules cannot be used as both production and test listener rules: {}",
            alternate.production
        )
    })?;
    let production = leads_to(world, &alternate.production);
    let both = production.contains(&target.target_group) && production.contains(arn);
    let needs_test = alternate.production.contains("/app/") && !both;
    rules::require(alternate.test.is_some() || !needs_test, INVALID, || {
        "For Application LoadBalancer, testListenerRule is required when productionListenerRule is not associated \
         with both targetGroup and alternateTargetGroup"
            .to_owned()
    })
}

/// The groups that a listener or rule forwards to.
fn leads_to(world: &World, way: &str) -> BTreeSet<String> {
    let groups = elb::way(world, way).map(elb::groups).unwrap_or_default();
    groups.iter().map(|group| group.target_group.clone()).collect()
}

/// Makes `deployment` of `desired` one that moves traffic, or one that fails because it cannot. `is_first` says whether no tasks
/// answer yet.
pub(super) fn begin(world: &World, deployment: &mut Deployment, desired: &Service, is_first: bool) {
    let Some(wanted) = &desired.deployment else { return };
    if deployment.fails.is_none()
        && let Some(trouble) = trouble(world, desired)
    {
        deployment.fails = Some(trouble);
        deployment.until = deployment.started + CIRCUIT_BREAKS;
    }
    if deployment.fails.is_some() {
        return;
    }
    // What a rolling deployment adds once its tasks run is for draining the old ones.
    let up = deployment.until.saturating_sub(crate::clock::DEPLOYMENT_COMPLETES).max(deployment.started);
    let test = up + TARGETS_ARE_WELL;
    let has_test = pairs(desired).any(|(_, alternate)| alternate.test.is_some());
    let production = test + if has_test { TRAFFIC_SHIFTS } else { 0 };
    let bake = if is_first { 0 } else { Millis::from(wanted.bake_minutes) * 60_000 };
    let baked = production + TRAFFIC_SHIFTS + bake;
    let turns = pairs(desired).map(|(target, alternate)| turn(world, target, alternate, is_first)).collect();
    deployment.shift = Some(Shift { turns, test, production, baked, moved: Moved::Nothing });
    deployment.until = baked + CONTAINER_STOPS;
}

/// New tasks answer in the group that has no traffic; the first ones in the one that the service names first.
fn turn(world: &World, target: &ServiceTarget, alternate: &Alternate, is_first: bool) -> Turn {
    let (first, second) = (&target.target_group, &alternate.target_group);
    let serves = |group: &String| serving(world, &alternate.production).contains(group);
    let (from, to) =
        if is_first || (serves(second) && !serves(first)) { (second, first) } else { (first, second) };
    Turn {
        production: alternate.production.clone(),
        test: alternate.test.clone(),
        from: from.clone(),
        to: to.clone(),
    }
}

/// The groups to which a listener or rule sends traffic.
fn serving(world: &World, way: &str) -> BTreeSet<String> {
    let groups = elb::way(world, way).map(elb::groups).unwrap_or_default();
    groups.iter().filter(|group| group.weight > 0).map(|group| group.target_group.clone()).collect()
}

/// Why a deployment is rolled back before it has begun, if it is.
fn trouble(world: &World, desired: &Service) -> Option<String> {
    pairs(desired).find_map(|(target, alternate)| {
        let role = &alternate.role;
        if !is_for_ecs(world, role) {
            return Some(format!(
                "{NETWORKING}. ECS was unable to manage the ELB resources due to missing permissions on ECS \
                 Infrastructure Role '{role}'."
            ));
        }
        let (first, second) = (&target.target_group, &alternate.target_group);
        let mut led = leads_to(world, &alternate.production);
        led.extend(alternate.test.iter().flat_map(|test| leads_to(world, test)));
        if let Some(group) = [first, second].into_iter().find(|group| !led.contains(*group)) {
            return Some(format!(
                "{NETWORKING}: Target group {group} is not associated with either productionListenerRule or \
                 testListenerRule."
            ));
        }
        let production = &alternate.production;
        let is_forward = matches!(elb::way(world, production), Some(Action::Forward { .. }));
        let serving = serving(world, production);
        if let Some(other) = serving.iter().find(|group| *group != first && *group != second) {
            return Some(format!(
                "{NETWORKING}. Production listener rule is forwarding traffic to unexpected target group {other}. \
                 Expected traffic to be forwarded to either targetGroupArn: {first} or alternateTargetGroupArn: \
                 {second}"
            ));
        }
        (serving.len() != 1 || !is_forward).then(|| {
            format!(
                "{NETWORKING}. productionListenerRule {production} should have exactly one target group serving \
                 traffic but found {} target groups which are serving traffic",
                serving.len()
            )
        })
    })
}

/// Whether ECS can assume the role and shift traffic by it.
fn is_for_ecs(world: &World, arn: &str) -> bool {
    world.get::<Role>(arn).is_some_and(|(record, role)| {
        let assumed = role.trust.to_string().contains("\"ecs.amazonaws.com\"");
        let allowed = role.managed_policies.iter().any(|policy| policy.ends_with(POLICY))
            || !role.inline_policies.is_empty();
        record.state == crate::record::State::Ready && world.knows(arn) && assumed && allowed
    })
}

/// `desired` as a call sends it: what was `read` and is not to change is left out, and stays as it is now, also if the two
/// groups have changed places since.
pub(super) fn sent(read: &Service, desired: &Service, now: &Service) -> Service {
    let mut sent = desired.clone();
    if read.targets == desired.targets {
        sent.targets.clone_from(&now.targets);
    }
    sent
}
