//! Blue/green deployments: the two groups of a target, the ways that lead to them, and who may shift traffic.
//!
//! Decides which listener or rule is for users and which for those who test, and what ECS would refuse ("Troubleshooting
//! Amazon ECS blue/green deployments" of its guide). Must not know how a deployment goes.

use std::collections::BTreeSet;

use super::context::Lowering;
use super::place::{Place, quoted};
use super::role;
use super::routes::{self, Route};
use super::target_group::{target_protocol_name, version_name};
use crate::address::{Address, Kind};
use crate::config::shape::{
    DeploymentStrategy, DeploymentTable, Forward, HookTable, ServiceTable, TargetTable,
};
use crate::kinds::{Alternate, Deployment, Hook, Service};
use crate::ownership::Owned;
use crate::reference;

/// How long old tasks stay, in minutes, unless the table says otherwise.
const BAKE_MINUTES: u32 = 5;
/// What helps where ECS cannot assume a role.
const IMPLIED: &str = "leave `role` out for an implied one";

/// How the service at `address` is deployed; none where its tasks take over one by one.
pub(super) fn deployment(
    lowering: &mut Lowering<'_>,
    place: &Place,
    address: &Address,
    table: &ServiceTable,
) -> Option<Deployment> {
    let deployment = table.deployment.as_ref()?;
    let place = place.at("deployment");
    if deployment.strategy == DeploymentStrategy::Rolling {
        check_rolling(lowering, &place, deployment);
        return None;
    }
    if table.is_daemon() {
        lowering
            .report(&place.at("strategy"), "a daemon cannot be deployed blue/green")
            .help("an instance never runs two of its tasks: leave `strategy` out");
    }
    if deployment.role.is_some() && table.targets().is_empty() {
        lowering
            .report(&place.at("role"), "a role for shifting traffic without a target")
            .help("add a `target`, or leave it out");
    }
    Some(Deployment {
        strategy: Service::BLUE_GREEN.to_owned(),
        bake_minutes: deployment.bake_minutes.unwrap_or(BAKE_MINUTES),
        hooks: hooks(lowering, &place.at("hooks"), address, &deployment.hooks),
    })
}

/// Tasks that take over one by one take no traffic from others.
fn check_rolling(lowering: &mut Lowering<'_>, place: &Place, table: &DeploymentTable) {
    let given = [
        ("bake_minutes", table.bake_minutes.is_some()),
        ("hooks", !table.hooks.is_empty()),
        ("role", table.role.is_some()),
    ];
    for (key, _) in given.iter().filter(|(_, given)| *given) {
        lowering
            .report(&place.at(key), format!("`{key}` is for blue/green deployments"))
            .help("add `strategy = \"blue_green\"`, or leave it out");
    }
}

fn hooks(lowering: &mut Lowering<'_>, place: &Place, service: &Address, tables: &[HookTable]) -> Vec<Hook> {
    let mut hooks = Vec::new();
    let invoked: BTreeSet<String> =
        tables.iter().filter(|hook| hook.role.is_none()).map(|hook| hook.function.clone()).collect();
    for (index, table) in tables.iter().enumerate() {
        let place = place.item(index);
        let function = lowering.text(&place.at("function"), &table.function);
        let is_function = function.starts_with("arn:") && function.contains(":lambda:");
        if !is_function && !function.starts_with("${") {
            lowering
                .report(&place.at("function"), format!("`{function}` is not the ARN of a Lambda function"))
                .help("such ARNs read like `arn:aws:lambda:eu-west-1:123456789012:function:smoke`");
        }
        if table.stages.is_empty() {
            lowering.report(&place.at("stages"), "the function is never asked").help(
                "name a stage at least, such as `post_test_traffic_shift` or `post_production_traffic_shift`",
            );
        }
        for (index, stage) in table.stages.iter().enumerate() {
            if table.stages[..index].contains(stage) {
                lowering.report(&place.at("stages").item(index), "it is in the list twice");
            }
        }
        let role = match &table.role {
            Some(role) => role::named_for_ecs(lowering, &place.at("role"), role, IMPLIED),
            None => reference::output(&role::imply_hooks(lowering, service, &invoked), "arn"),
        };
        let stages = table.stages.iter().map(|stage| stage.word().to_owned()).collect();
        hooks.push(Hook { function, role, stages, other: None });
    }
    hooks
}

/// The other group of the target at `place`, and what ECS shifts between the two; none where the service is not deployed
/// so.
pub(super) fn alternate(
    lowering: &mut Lowering<'_>,
    place: &Place,
    service: &Address,
    table: &ServiceTable,
    target: &TargetTable,
    group: &str,
) -> Option<Alternate> {
    let Some(name) = &target.alternate else {
        if table.is_blue_green() {
            lowering.report(&place.at("group"), format!("`{group}` has no group to take turns with")).help(
                "new tasks of a blue/green deployment answer in another group: add `alternate = \"…\"`",
            );
        } else if target.test.is_some() {
            let report = lowering.report(&place.at("test"), "`test` without another group");
            report.help("add `alternate = \"…\"` and `deployment = { strategy = \"blue_green\" }`");
        }
        return None;
    };
    let at = place.at("alternate");
    if !table.is_blue_green() {
        lowering
            .report(&at, "another group without blue/green deployments")
            .help("add `deployment = { strategy = \"blue_green\" }`, or leave `alternate` out");
    }
    let target_group = lowering.named(&at, Kind::TargetGroup, name);
    check_pair(lowering, &at, group, name);
    for (place, group) in [(&place.at("group"), group), (&at, name.as_str())] {
        check_alone(lowering, place, target, group);
    }
    let role = match table.deployment.as_ref().and_then(|deployment| deployment.role.as_ref()) {
        Some(role) => {
            let place = Place::of("service", service.name()).at("deployment").at("role");
            role::named_for_ecs(lowering, &place, role, IMPLIED)
        }
        None => reference::output(&role::imply_traffic(lowering, service), "arn"),
    };
    let ways = ways(lowering, place, target, group, name)?;
    let [production, test] = [Some(&ways.production), ways.test.as_ref()].map(|way| {
        let address = &way?.address;
        if let Some(wanted) = lowering.resources.get_mut(address) {
            wanted.owned_elsewhere.insert(Owned::Weights);
        }
        Some(arn_of(address))
    });
    Some(Alternate { target_group, production: production?, test, role })
}

/// What ECS knows a way by: a rule's ARN, on a network load balancer the listener's.
fn arn_of(address: &Address) -> String {
    let is_default = address.kind() == Kind::Listener && address.table() == Kind::Alb;
    reference::output(address, if is_default { "default_rule" } else { "arn" })
}

/// Tasks move from one group to the other, so both must ask for the same.
fn check_pair(lowering: &mut Lowering<'_>, place: &Place, group: &str, alternate: &str) {
    if group == alternate {
        lowering
            .report(place, format!("`{group}` cannot take turns with itself"))
            .help("name another `[target_group.x]`");
        return;
    }
    let groups = &lowering.file.target_group;
    let (Some(one), Some(other)) = (groups.get(group), groups.get(alternate)) else { return };
    let version = |table: &crate::config::shape::TargetGroupTable| {
        version_name(table.protocol_version.unwrap_or_default()).to_owned()
    };
    let differing = [
        ("port", one.port.to_string(), other.port.to_string()),
        (
            "protocol",
            target_protocol_name(one.protocol).to_owned(),
            target_protocol_name(other.protocol).to_owned(),
        ),
        ("protocol_version", version(one), version(other)),
    ];
    for (key, mine, its) in differing.into_iter().filter(|(_, mine, its)| mine != its) {
        lowering
            .report(place, format!("`target_group.{alternate}` has `{key}` {its}, and `{group}` {mine}"))
            .help("the same tasks answer in both groups, one deployment here and the next one there");
    }
}

/// Nothing else may register with a group whose traffic is shifted.
fn check_alone(lowering: &mut Lowering<'_>, place: &Place, target: &TargetTable, group: &str) {
    let file = lowering.file;
    let other = file.service.iter().find(|(_, table)| {
        let others = table.targets().iter().filter(|other| !std::ptr::eq(*other, target));
        others.flat_map(TargetTable::groups).any(|(name, _)| name == group)
    });
    if let Some((other, _)) = other {
        lowering.report(place, format!("`target_group.{group}` is a target of `service.{other}` too")).help(
            "its traffic moves with each deployment of one service: give each target groups of its own",
        );
    }
}

/// The ways to the two groups of a target.
struct Ways {
    production: Route,
    test: Option<Route>,
}

/// Which way is for users and which for those who test.
fn ways(
    lowering: &mut Lowering<'_>,
    place: &Place,
    target: &TargetTable,
    group: &str,
    alternate: &str,
) -> Option<Ways> {
    let of = |group: &str| lowering.routes.get(group).cloned().unwrap_or_default();
    let (first, second) = (of(group), of(alternate));
    if first.is_empty() {
        // Told where every service is asked for it.
        return None;
    }
    let mut all: Vec<Route> = Vec::new();
    for route in first.iter().chain(&second) {
        if !all.iter().any(|seen| seen.address == route.address) {
            all.push(route.clone());
        }
    }
    let is_of = |routes: &[Route], route: &Route| routes.iter().any(|it| it.address == route.address);
    let test = match &target.test {
        Some(named) => Some(named_way(lowering, &place.at("test"), named, &all)?),
        None => second.iter().find(|route| !is_of(&first, route)).cloned(),
    };
    let is_test = |route: &Route| test.as_ref().is_some_and(|test| test.address == route.address);
    let left: Vec<&Route> = all.iter().filter(|route| !is_test(route)).collect();
    let production = match left.as_slice() {
        [one] if is_of(&first, one) => (*one).clone(),
        [] | [_] => {
            lowering
                .report(&place.at("test"), format!("nothing else forwards to `target_group.{group}`"))
                .help("users need a way of their own: another listener or rule that forwards to it");
            return None;
        }
        several => {
            let ways = quoted(several.iter().map(|route| &route.address));
            lowering
                .report(&place.at("group"), format!("several ways lead to its targets: {ways}"))
                .help("ECS shifts the traffic of one for users and of one for tests")
                .help("say which is for tests, `test = \"…\"`, and let the others lead elsewhere");
            return None;
        }
    };
    if second.is_empty() {
        let from = &production.address;
        lowering
            .report(&place.at("alternate"), format!("nothing forwards to `target_group.{alternate}`"))
            .help(format!(
                "add it to `{from}`: `forward = {{ weights = {{ {group} = 1, {alternate} = 0 }} }}`"
            ))
            .help(format!("or add a listener for tests with `default = {{ forward = \"{alternate}\" }}`"));
        return None;
    }
    for (way, is_test) in [(Some(&production), false), (test.as_ref(), true)] {
        if let Some(way) = way {
            check_way(lowering, way, group, alternate, is_test);
        }
    }
    Some(Ways { production, test })
}

/// The way of this address among those that lead to a target.
fn named_way(lowering: &mut Lowering<'_>, place: &Place, named: &str, all: &[Route]) -> Option<Route> {
    let found = all.iter().find(|route| route.address.to_string() == named).cloned();
    if found.is_none() {
        let known: Vec<String> = all.iter().map(|route| route.address.to_string()).collect();
        lowering
            .report(place, format!("`{named}` forwards to neither of the two groups"))
            .nearest(named, known.iter().map(String::as_str))
            .help(format!("these do: {}", quoted(&known)));
    }
    found
}

/// ECS shifts all of the traffic of a way, and at first the users' is all in the group of the first deployment.
fn check_way(lowering: &mut Lowering<'_>, way: &Route, group: &str, alternate: &str, is_test: bool) {
    let Some(Forward::Weighted(forward)) = routes::forward(lowering.file, &way.address) else { return };
    for name in forward.weights.keys().filter(|name| *name != group && *name != alternate) {
        lowering
            .report(&way.place.at("weights").at(name), format!("`{name}` takes no turns with `{group}`"))
            .help(format!("ECS shifts all of this traffic between `{group}` and `{alternate}`"));
    }
    let weight = |name: &str| forward.weights.get(name).copied().unwrap_or(0);
    if !is_test && (weight(group) == 0 || weight(alternate) > 0) {
        lowering
            .report(&way.place.at("weights"), format!("the first deployment is in `{group}` alone"))
            .help(format!("write `{{ {group} = 1, {alternate} = 0 }}`: from then on ECS shifts the traffic"));
    }
}
