//! Makes plans: what turns the live state into the desired one, as a pure function of both.
//!
//! The line is: refuse what cannot be planned, order what is desired by its references, decide what happens to
//! each resource, put the steps in order. Must not call anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::aliases;
use super::decide::{Context, Decision, decide};
use super::gateways;
use super::handovers;
use super::order::{Knot, Order, order};
use super::refuse;
use super::wishes::Wishes;
use super::world::World;
use super::{Action, Change, Mode, PLAN_VERSION, Plan, Refusal, Step};
use crate::config::Secrets;
use crate::desired::{Desired, DesiredResource, short_hash};
use crate::live::{Live, LiveResource, Phase, Reading};
use crate::ownership;

/// Plans what turns `live` into `desired`, or into nothing.
///
/// # Errors
///
/// Fails with all the reasons for which there can be no plan.
pub fn plan(desired: &Desired, live: &Live, mode: Mode, secrets: &Secrets) -> Result<Plan, Vec<Refusal>> {
    let mut refusals = refuse::before(desired, live, mode);
    let carried = ownership::carried(desired, live);
    let desired = carried.as_ref();
    let world = World::new(desired, live);
    let wishes = Wishes::new(desired);
    let cycles = |paths: Vec<Vec<_>>| paths.into_iter().map(|path| Refusal::Cycle { path });
    let addresses = match wishes.ordered() {
        Ok(addresses) => addresses,
        // Nothing is made, so nothing waits for anything.
        Err(_) if mode == Mode::Destroy => desired.resources.keys().collect(),
        Err(paths) => {
            refusals.extend(cycles(paths));
            return Err(refusals);
        }
    };
    let mut delete_first = BTreeSet::new();
    let mut along = BTreeMap::new();
    let (decisions, order) = loop {
        let environment = &live.environment;
        let context = Context { environment, secrets, mode, delete_first: &delete_first, along: &along };
        let decisions = decide(desired, &world, &wishes, &addresses, context);
        let mut moved = gateways::moved(&decisions.list, &wishes);
        moved.retain(|address, _| !along.contains_key(address));
        if !moved.is_empty() {
            along.extend(moved);
            continue;
        }
        match order(&decisions.list, &world, &wishes) {
            Ok(order) => break (decisions, order),
            Err(Knot::DeleteFirst(more)) if !more.is_subset(&delete_first) => {
                delete_first.extend(more);
                // What is deleted first now moves nothing along.
                along.clear();
            }
            Err(Knot::DeleteFirst(more)) => {
                refusals.extend(more.into_iter().map(|address| Refusal::Cycle { path: vec![address] }));
                return Err(refusals);
            }
            Err(Knot::Cycles(paths)) => {
                refusals.extend(cycles(paths));
                return Err(refusals);
            }
        }
    };
    refusals.extend(refuse::of(&decisions.list, &world, &desired.stack, secrets));
    refusals.extend(refuse::fixed(&decisions.list, &world));
    refusals.extend(refuse::held(&decisions.list, &world, live, mode));
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let outputs = desired.outputs.iter();
    let outputs = outputs.map(|(name, value)| (name.clone(), decisions.known.fill_text(value))).collect();
    let address = |decision: usize| decisions.list[decision].address.clone();
    let moved = aliases::moves(&decisions.list, &world).into_iter().map(|moved| moved.warning(address));
    let others = gateways::warnings(&decisions.list, &world);
    let groups = handovers::warnings(&decisions.list, &world, &wishes);
    let warnings = live.warnings.iter().cloned().chain(moved).chain(others).chain(groups).collect();
    let (changes, steps) = arrange(decisions.list, &order, &world, secrets);
    Ok(Plan {
        version: PLAN_VERSION,
        stack: desired.stack.clone(),
        mode,
        environment: live.environment.clone(),
        changes,
        steps,
        edges: order.edges,
        live_hash: live_hash(live),
        outputs: if mode == Mode::Apply { outputs } else { BTreeMap::new() },
        warnings,
    })
}

/// The changes by their first step, those without any last, and the steps that name them.
fn arrange(
    decisions: Vec<Decision<'_>>,
    order: &Order,
    world: &World<'_>,
    secrets: &Secrets,
) -> (Vec<Change>, Vec<Step>) {
    let mut first = vec![usize::MAX; decisions.len()];
    for (number, act) in order.acts.iter().enumerate() {
        first[act.decision] = first[act.decision].min(number);
    }
    let mut sorted: Vec<(usize, Decision<'_>)> = decisions.into_iter().enumerate().collect();
    sorted.sort_by(|(one, left), (other, right)| {
        first[*one].cmp(&first[*other]).then_with(|| left.address.cmp(&right.address))
    });
    let mut places = vec![0; sorted.len()];
    for (place, (decision, _)) in sorted.iter().enumerate() {
        places[*decision] = place;
    }
    let changes: Vec<Change> =
        sorted.into_iter().map(|(_, decision)| change(decision, world, secrets)).collect();
    let step = |act: &super::order::Act| {
        let change = places[act.decision];
        Step { verb: act.verb, address: changes[change].address.clone(), change }
    };
    let steps = order.acts.iter().map(step).collect();
    (changes, steps)
}

fn change(decision: Decision<'_>, world: &World<'_>, secrets: &Secrets) -> Change {
    let deleted = decision.action == Action::Delete;
    let beside = decision.filled.as_ref().or(decision.wanted);
    let live = decision.node.map(|node| refuse::shown(world.nodes[node], beside, secrets));
    Change {
        address: decision.address,
        action: decision.action,
        reason: decision.reason,
        fields: decision.fields,
        implied: decision.wanted.and_then(|wanted| wanted.implied.clone()),
        spec: decision.wanted.filter(|_| !deleted).map(DesiredResource::spec),
        desired: decision.filled,
        live,
    }
}

/// The hash of everything that was read and that a plan depends on. How far something has settled is left out: it
/// changes by itself.
pub fn live_hash(live: &Live) -> String {
    let mut readings = serde_json::Map::new();
    for (address, reading) in &live.readings {
        let content = match reading {
            Reading::Absent => Value::Null,
            Reading::Present(found) => json!({ "present": content(found) }),
            Reading::Foreign(found) => json!({ "foreign": content(found) }),
            Reading::Unreadable(failure) => json!({ "unreadable": failure.operation }),
        };
        readings.insert(address.to_string(), content);
    }
    let mut orphans: Vec<String> = live.orphans.iter().map(|orphan| content(orphan).to_string()).collect();
    orphans.sort();
    let whole = json!({ "environment": live.environment, "readings": readings, "orphans": orphans });
    short_hash(&sorted(&whole).to_string())
}

fn content(live: &LiveResource) -> Value {
    let phase = match &live.phase {
        Phase::Ready | Phase::Settling(_) => "live",
        Phase::Deleting(_) => "deleting",
        Phase::Failed(_) => "failed",
    };
    let LiveResource { address, id, resource, tags, outputs, phase: _ } = live;
    let whole = json!({
        "address": address, "id": id, "resource": resource, "tags": tags, "outputs": outputs, "phase": phase,
    });
    sorted(&whole)
}

/// `value` with the members of every map in the order of their names.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Object(members) => {
            let members: BTreeMap<&String, Value> =
                members.iter().map(|(key, member)| (key, sorted(member))).collect();
            Value::Object(members.into_iter().map(|(key, member)| (key.clone(), member)).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
