//! Judges a finished plan without knowing how it was made.
//!
//! Reads only the plan, the table of edges and what kinds say of themselves. A plan that is refused here shows a bug in the planner, before
//! anything is called. Must not share code with the planner.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::Dfs;
use serde_json::Value;

use crate::address::{Address, Kind};
use crate::desired::{DesiredResource, TAG_ADDRESS, TAG_STACK};
use crate::edges;
use crate::plan::{Action, Change, Need, Plan, Reason, StepId, Verb};
use crate::reference::{self, Reference};

/// The invariants that `plan` violates; none if it is sound.
pub fn check(plan: &Plan) -> Vec<String> {
    let mut faults = indices(plan);
    // Everything else looks things up by index.
    if faults.is_empty() {
        let judge = Judge::new(plan);
        faults
            .extend(plan.changes.iter().enumerate().flat_map(|(index, change)| judge.change(index, change)));
        faults.extend(twice(plan));
        faults.extend(judge.order());
        faults.extend(judge.references());
        faults.extend(judge.deletes());
        faults.extend(judge.cuts());
    }
    faults
}

fn indices(plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, step) in plan.steps.iter().enumerate() {
        match plan.changes.get(step.change) {
            None => faults.push(format!("step {number} names change {}, which does not exist", step.change)),
            Some(change) if change.address != step.address => {
                faults.push(format!(
                    "step {number} is for {} but names the change of {}",
                    step.address, change.address
                ));
            }
            Some(_) => {}
        }
    }
    for edge in &plan.edges {
        if edge.before >= plan.steps.len() || edge.after >= plan.steps.len() {
            faults.push(format!(
                "an edge joins steps {} and {}, which do not both exist",
                edge.before, edge.after
            ));
        }
    }
    faults
}

/// Live resources about which more than one change decides.
fn twice(plan: &Plan) -> Vec<String> {
    let mut first: BTreeMap<(Kind, &str), &Address> = BTreeMap::new();
    let mut faults = Vec::new();
    for change in &plan.changes {
        let Some(live) = &change.live else { continue };
        if let Some(other) = first.insert((live.kind(), &live.id), &change.address) {
            faults.push(format!("{other} and {} are both about {}", change.address, live.id));
        }
    }
    faults
}

struct Judge<'a> {
    plan: &'a Plan,
    graph: DiGraph<StepId, Need>,
    /// The steps of each change.
    steps: Vec<Vec<StepId>>,
    /// For each live resource, the changes whose live resources it refers to.
    links: Vec<BTreeSet<usize>>,
}

impl<'a> Judge<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut graph = DiGraph::with_capacity(plan.steps.len(), plan.edges.len());
        for step in 0..plan.steps.len() {
            graph.add_node(step);
        }
        for edge in &plan.edges {
            graph.add_edge(NodeIndex::new(edge.before), NodeIndex::new(edge.after), edge.need);
        }
        let mut steps = vec![Vec::new(); plan.changes.len()];
        for (number, step) in plan.steps.iter().enumerate() {
            steps[step.change].push(number);
        }
        Self { plan, graph, steps, links: links(plan) }
    }

    /// Whether a change has what its action needs, and nothing else.
    fn change(&self, index: usize, change: &Change) -> Vec<String> {
        let mut faults = Vec::new();
        let address = &change.address;
        let mut verbs: Vec<Verb> = self.steps[index].iter().map(|step| self.plan.steps[*step].verb).collect();
        verbs.sort();
        let expected: &[&[Verb]] = match change.action {
            Action::NoOp if matches!(change.reason, Reason::Settling { .. }) => &[&[Verb::Wait]],
            Action::NoOp => &[&[]],
            Action::Create => &[&[Verb::Create]],
            Action::Update if widened(change).is_some() => {
                &[&[Verb::Update], &[Verb::Widen, Verb::Narrow], &[Verb::Narrow]]
            }
            Action::Update => &[&[Verb::Update]],
            Action::CreateThenDelete | Action::DeleteThenCreate => &[&[Verb::Create, Verb::Delete]],
            Action::Delete => &[&[Verb::Delete]],
        };
        if !expected.contains(&verbs.as_slice()) {
            faults.push(format!("{address}: steps {verbs:?} for the action {:?}", change.action));
        }
        let makes = matches!(
            change.action,
            Action::Create | Action::Update | Action::CreateThenDelete | Action::DeleteThenCreate
        );
        if makes && (change.desired.is_none() || change.spec.is_none()) {
            faults.push(format!("{address}: nothing says what it should be"));
        }
        if (change.action.deletes() || change.action == Action::Update) && change.live.is_none() {
            faults.push(format!("{address}: nothing says what is live"));
        }
        if change.action.deletes() && change.desired.as_ref().is_some_and(|desired| desired.protect) {
            faults.push(format!("{address}: it is protected and would be deleted"));
        }
        if change.action.deletes() || change.action == Action::Update {
            faults.extend(self.foreign(change));
        }
        faults.extend(self.replacement(index, change));
        faults.extend(self.narrowing(index, change));
        faults
    }

    /// Whether a change touches what is not the stack's own.
    fn foreign(&self, change: &Change) -> Option<String> {
        let tags = &change.live.as_ref()?.tags;
        let own = tags.get(TAG_STACK) == Some(&self.plan.stack) && tags.contains_key(TAG_ADDRESS);
        (!own)
            .then(|| format!("{}: it is not tagged as the stack's own and would be touched", change.address))
    }

    /// Whether the steps of a replacement are in its order.
    fn replacement(&self, index: usize, change: &Change) -> Option<String> {
        let create = self.step(index, Verb::Create)?;
        let delete = self.step(index, Verb::Delete)?;
        let (before, after, need) = match change.action {
            Action::CreateThenDelete => (create, delete, Need::Ready),
            _ => (delete, create, Need::Gone),
        };
        let found =
            self.plan.edges.iter().any(|edge| (edge.before, edge.after, edge.need) == (before, after, need));
        (!found).then(|| format!("{}: its replacement is not in order", change.address))
    }

    /// Whether what an update takes away in a second step goes after the first, if there is one, and with nothing else to come.
    fn narrowing(&self, index: usize, change: &Change) -> Option<String> {
        let narrow = self.step(index, Verb::Narrow)?;
        let in_order = match self.step(index, Verb::Widen) {
            Some(widen) => self.edge_need(widen, narrow) == Some(Need::Ready),
            None => {
                let live = change.live.as_ref().map(|live| &live.resource);
                widened(change).as_ref().map(|widened| &widened.resource) == live
            }
        };
        (!in_order).then(|| format!("{}: what it takes away is not taken away last", change.address))
    }

    /// Whether what an update takes away stays until all that relies on it has changed.
    fn cuts(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (index, change) in self.plan.changes.iter().enumerate() {
            let cuts = change.action == Action::Update && widened(change).is_some();
            // What it names may have to go before the others can change.
            let leads = self.links[index].iter().any(|used| self.step(*used, Verb::Delete).is_some());
            let Some(cut) = self.steps[index].iter().copied().max().filter(|_| cuts && !leads) else {
                continue;
            };
            for user in self.behind(index) {
                let in_time =
                    |step: &StepId| matches!(self.edge_need(*step, cut), Some(Need::Ready | Need::Gone));
                if !self.steps[user].iter().all(in_time) {
                    let address = &self.plan.changes[user].address;
                    faults.push(format!("{} takes away what {address} may still rely on", change.address));
                }
            }
        }
        faults
    }

    /// The changes of what refers to the live resource of `change`, directly or through others; groups that name a group
    /// let others in, and do not rely on it.
    fn behind(&self, change: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut next = vec![change];
        while let Some(used) = next.pop() {
            for (user, links) in self.links.iter().enumerate() {
                let is_group = self.plan.changes[user].address.kind() == Kind::SecurityGroup;
                if links.contains(&used) && !is_group && found.insert(user) {
                    next.push(user);
                }
            }
        }
        found
    }

    /// Whether the steps can be done one after the other as they are numbered.
    fn order(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if toposort(&self.graph, None).is_err() {
            faults.push("steps wait for each other".to_owned());
        }
        for edge in &self.plan.edges {
            if edge.before >= edge.after {
                faults.push(format!("step {} waits for the later step {}", edge.after, edge.before));
            }
            let deletes = self.plan.steps[edge.before].verb == Verb::Delete;
            if deletes != (edge.need == Need::Gone) {
                faults
                    .push(format!("step {} waits until step {} is {:?}", edge.after, edge.before, edge.need));
            }
        }
        faults
    }

    /// Whether every reference is known when its step starts.
    fn references(&self) -> Vec<String> {
        let makers: BTreeMap<&Address, Option<StepId>> = self
            .plan
            .changes
            .iter()
            .enumerate()
            .filter(|(_, change)| change.desired.is_some())
            .map(|(index, change)| (&change.address, self.making(index)))
            .collect();
        let mut faults = Vec::new();
        for (index, change) in self.plan.changes.iter().enumerate() {
            let (Some(step), Some(desired)) = (self.making(index), &change.desired) else { continue };
            if change.action == Action::NoOp {
                continue;
            }
            for (path, found) in reference::in_value(&desired.resource.fields()) {
                let Reference::Output(address, _) = &found else { continue };
                let known = match makers.get(address) {
                    Some(Some(maker)) => self.edge_need(*maker, step).is_some(),
                    Some(None) | None => false,
                };
                if !known {
                    faults.push(format!(
                        "{}: `${{{found}}}` in `{path}` is not known when it is needed",
                        change.address
                    ));
                }
            }
        }
        faults
    }

    /// Whether every delete waits for what still uses the resource.
    fn deletes(&self) -> Vec<String> {
        let knots = self.knots();
        let mut faults = Vec::new();
        for (user, used) in self
            .links
            .iter()
            .enumerate()
            .flat_map(|(user, links)| links.iter().map(move |used| (user, *used)))
        {
            let (dependent, dependency) = (&self.plan.changes[user], &self.plan.changes[used]);
            let rule = edges::between(dependent.address.kind(), dependency.address.kind());
            let Some(delete) = self.step(used, Verb::Delete) else { continue };
            // Two that refer to each other cannot both go last.
            if !rule.delete || knots[user] == knots[used] {
                continue;
            }
            let leaves = match dependent.action {
                Action::Update => self.steps[user].iter().copied().max(),
                Action::NoOp | Action::Create => None,
                Action::CreateThenDelete | Action::DeleteThenCreate | Action::Delete => {
                    self.step(user, Verb::Delete)
                }
            };
            let rebuilt = dependency.action == Action::DeleteThenCreate && !rule.holds;
            let in_time = leaves.is_some_and(|leaves| {
                self.edge_need(leaves, delete).is_some() || self.reaches(leaves, delete)
            });
            if !in_time && !rebuilt && dependent.action != Action::NoOp {
                faults.push(format!("{} is deleted while {} uses it", dependency.address, dependent.address));
            }
        }
        faults
    }

    fn step(&self, change: usize, verb: Verb) -> Option<StepId> {
        self.steps[change].iter().copied().find(|step| self.plan.steps[*step].verb == verb)
    }

    fn making(&self, change: usize) -> Option<StepId> {
        self.steps[change].iter().copied().find(|step| self.plan.steps[*step].verb != Verb::Delete)
    }

    fn edge_need(&self, before: StepId, after: StepId) -> Option<Need> {
        let edge = self.graph.find_edge(NodeIndex::new(before), NodeIndex::new(after))?;
        self.graph.edge_weight(edge).copied()
    }

    fn reaches(&self, before: StepId, after: StepId) -> bool {
        let mut search = Dfs::new(&self.graph, NodeIndex::new(before));
        while let Some(found) = search.next(&self.graph) {
            if found.index() == after {
                return true;
            }
        }
        false
    }

    /// The number of the knot of live resources that each change's belongs to.
    fn knots(&self) -> Vec<usize> {
        let mut graph: DiGraph<(), ()> = DiGraph::new();
        for _ in &self.links {
            graph.add_node(());
        }
        for (user, links) in self.links.iter().enumerate() {
            for used in links {
                graph.add_edge(NodeIndex::new(user), NodeIndex::new(*used), ());
            }
        }
        let mut knots = vec![0; self.links.len()];
        for (number, knot) in tarjan_scc(&graph).into_iter().enumerate() {
            for node in knot {
                knots[node.index()] = number;
            }
        }
        knots
    }
}

/// What the change makes of what is live before it takes anything away; none where it takes nothing away.
fn widened(change: &Change) -> Option<DesiredResource> {
    change.widened(change.desired.as_ref()?)
}

/// Which live resources name which others by their ARNs and ids.
fn links(plan: &Plan) -> Vec<BTreeSet<usize>> {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, change) in plan.changes.iter().enumerate() {
        let outputs = change.live.iter().flat_map(|live| &live.outputs);
        for (_, value) in outputs.filter(|(name, _)| matches!(name.as_str(), "arn" | "id")) {
            owners.insert(value, index);
        }
    }
    let links_of = |(index, change): (usize, &Change)| {
        let mut found = BTreeSet::new();
        if let Some(live) = &change.live {
            collect(&live.resource.fields(), &owners, &mut found);
        }
        found.remove(&index);
        found
    };
    plan.changes.iter().enumerate().map(links_of).collect()
}

fn collect(value: &Value, owners: &BTreeMap<&str, usize>, found: &mut BTreeSet<usize>) {
    match value {
        Value::String(text) => found.extend(owners.get(text.as_str())),
        Value::Array(items) => items.iter().for_each(|item| collect(item, owners, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, owners, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
