//! A tiny AWS as plain values: what it holds, how it is read, and how a plan is carried out on it.
//!
//! It refuses what AWS refuses, so that a plan in the wrong order fails here.

#![expect(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod stacks;

use std::collections::{BTreeMap, BTreeSet};

use neap_core::address::{Address, Kind};
use neap_core::config::Secrets;
use neap_core::desired::{Desired, DesiredResource, TAG_ADDRESS, TAG_SPEC, TAG_STACK};
use neap_core::kinds::Resource;
use neap_core::live::{Environment, Live, LiveResource, Outputs, Phase, Reading};
use neap_core::outputs;
use neap_core::plan::{Action, Plan, Verb};
use neap_core::reference::{self, Reference, Resolved};
use serde_json::Value;

/// The value of the sensitive variable `pass`.
pub(crate) const PASS: &str = "correct-horse";

/// The values of the sensitive variables that test stacks use.
pub(crate) fn secrets() -> Secrets {
    Secrets::new([("pass".to_owned(), PASS.to_owned())].into())
}

/// The account that tests play in.
pub(crate) fn environment() -> Environment {
    Environment {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        partition: "aws".into(),
        vpc: Some("vpc-1".into()),
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        secrets: BTreeMap::new(),
        images: BTreeMap::new(),
        missing_instance_types: [].into(),
        cloudfront_origins: None,
        zones: BTreeMap::new(),
        certificates: BTreeMap::new(),
        availability_zones: Vec::new(),
    }
}

/// How one step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Luck {
    /// It is done.
    Done,
    /// It fails before anything happens.
    Fails,
    /// It is done, but the answer is lost.
    Lost,
}

/// Everything in the account.
#[derive(Debug, Clone)]
pub(crate) struct Sky {
    pub(crate) resources: Vec<LiveResource>,
    pub(crate) environment: Environment,
    made: usize,
}

impl Sky {
    /// An empty account.
    pub(crate) fn new() -> Self {
        Self { resources: Vec::new(), environment: environment(), made: 0 }
    }

    /// What a read for `desired` finds.
    pub(crate) fn read(&self, desired: &Desired) -> Live {
        let mut live = Live::empty(self.environment.clone());
        let mut seen = BTreeSet::new();
        // A listener is looked for on its live load balancer and a rule on its live listener, so they come last.
        for (address, wanted) in &desired.resources {
            let found = self.find(address, wanted, desired, &live);
            let reading = match found.map(|index| &self.resources[index]) {
                None => Reading::Absent,
                Some(found) if found.is_of(&desired.stack) => {
                    seen.insert(found.id.clone());
                    Reading::Present(Box::new(found.clone()))
                }
                Some(found) => Reading::Foreign(Box::new(found.clone())),
            };
            live.readings.insert(address.clone(), reading);
        }
        let orphan = |found: &&LiveResource| found.is_of(&desired.stack) && !seen.contains(&found.id);
        live.orphans = self.resources.iter().filter(orphan).cloned().collect();
        live
    }

    fn find(
        &self,
        address: &Address,
        wanted: &DesiredResource,
        desired: &Desired,
        live: &Live,
    ) -> Option<usize> {
        let of_kind = |found: &LiveResource| found.kind() == address.kind();
        let tagged = |found: &LiveResource| found.is_of(&desired.stack) && found.address == *address;
        let position = |fits: &dyn Fn(&LiveResource) -> bool| {
            self.resources.iter().position(|found| of_kind(found) && fits(found))
        };
        let parent = || Some(live.present(&address.parent()?)?.outputs["arn"].clone());
        match &wanted.resource {
            Resource::Cloudfront(_) => position(&tagged),
            Resource::Listener(listener) => {
                let alb = parent()?;
                let on = |found: &LiveResource| text(found, "load_balancer") == alb;
                position(&|found| on(found) && tagged(found)).or_else(|| {
                    let port = u64::from(listener.port);
                    position(&|found| {
                        on(found) && found.resource.fields()["port"] == port && !found.is_of(&desired.stack)
                    })
                })
            }
            Resource::Rule(rule) => {
                let listener = parent()?;
                let priority = u64::from(rule.priority);
                position(&|found| {
                    text(found, "listener") == listener && found.resource.fields()["priority"] == priority
                })
            }
            Resource::Service(service) => {
                let cluster = &reference::in_text(&service.cluster);
                let [Reference::Output(cluster, _)] = cluster.as_slice() else {
                    panic!("a cluster of the stack")
                };
                let name = desired.resources[cluster].resource.aws_name();
                position(&|found| {
                    found.resource.aws_name() == service.name
                        && text(found, "cluster").ends_with(&format!("/{name}"))
                })
            }
            named => position(&|found| found.resource.aws_name() == named.aws_name()),
        }
    }

    /// Carries out `plan`, its steps in an order that its edges allow and `order` decides, each with its luck.
    ///
    /// # Errors
    ///
    /// Fails with what AWS says to a step in the wrong order.
    pub(crate) fn apply(&mut self, plan: &Plan, order: &[u8], luck: &[Luck]) -> Result<(), String> {
        let mut known: BTreeMap<Address, Outputs> = BTreeMap::new();
        for change in plan.changes.iter().filter(|change| change.desired.is_some()) {
            if let (Action::NoOp | Action::Update, Some(live)) = (change.action, &change.live) {
                known.insert(change.address.clone(), live.outputs.clone());
            }
        }
        let mut over: BTreeMap<usize, bool> = BTreeMap::new();
        while over.len() < plan.steps.len() {
            let step = next(plan, &over, order);
            let needed = plan.edges.iter().filter(|edge| edge.after == step);
            let skipped = needed.clone().any(|edge| !over[&edge.before]);
            let luck = luck.get(step).copied().unwrap_or(Luck::Done);
            if !skipped && luck != Luck::Fails {
                self.step(plan, step, &mut known)?;
            }
            over.insert(step, !skipped && luck == Luck::Done);
        }
        Ok(())
    }

    fn step(
        &mut self,
        plan: &Plan,
        number: usize,
        known: &mut BTreeMap<Address, Outputs>,
    ) -> Result<(), String> {
        let step = &plan.steps[number];
        let change = &plan.changes[step.change];
        let live = || change.live.as_ref().ok_or_else(|| format!("{}: nothing is live", step.address));
        match step.verb {
            Verb::Wait => {
                let id = &live()?.id;
                self.resources
                    .iter_mut()
                    .filter(|found| found.id == *id)
                    .for_each(|found| found.phase = Phase::Ready);
            }
            Verb::Delete => self.delete(&live()?.id.clone())?,
            Verb::Create | Verb::Update => {
                let desired = change.desired.as_ref().ok_or("nothing is desired")?;
                let spec = change.spec.as_ref().ok_or("no spec")?;
                let mut desired = resolved(desired, known)?;
                desired.tags.insert(TAG_SPEC.into(), spec.clone());
                let old = if step.verb == Verb::Update { Some(live()?.id.clone()) } else { None };
                let outputs = self.put(&step.address, desired, old)?;
                known.insert(step.address.clone(), outputs);
            }
        }
        Ok(())
    }

    /// Creates a resource, or changes the one with the id `old`.
    fn put(
        &mut self,
        address: &Address,
        desired: DesiredResource,
        old: Option<String>,
    ) -> Result<Outputs, String> {
        self.accepts(address, &desired.resource, old.as_deref())?;
        let kind = desired.resource.kind();
        let old = old.and_then(|old| self.resources.iter().position(|found| found.id == old));
        let old = old.map(|old| self.resources.remove(old));
        // A task whose tags alone change keeps its revision.
        let kept = old.as_ref().filter(|old| kind != Kind::Task || old.resource == desired.resource);
        if kept.is_none() {
            self.made += 1;
        }
        let mut outputs = match kept {
            Some(old) => old.outputs.clone(),
            None => assigned(&desired.resource, self.made),
        };
        outputs.extend(outputs::computed(&desired.resource, &self.environment));
        let id = old.map_or_else(|| format!("{kind}-{}", self.made), |old| old.id);
        self.resources.push(LiveResource {
            address: address.clone(),
            id,
            resource: desired.resource,
            tags: desired.tags,
            outputs: outputs.clone(),
            phase: Phase::Ready,
        });
        Ok(outputs)
    }

    /// Whether AWS would take `resource` now.
    fn accepts(&self, address: &Address, resource: &Resource, old: Option<&str>) -> Result<(), String> {
        let others = || self.resources.iter().filter(|found| Some(found.id.as_str()) != old);
        let place = place(resource);
        if let Some(taken) =
            others().find(|found| place.is_some() && crate::sky::place(&found.resource) == place)
        {
            return Err(format!("{address}: {} has its name or place", taken.address));
        }
        for arn in strings(&resource.fields()) {
            let ours = arn.starts_with("arn:made") || arn.starts_with("sg-");
            if ours && !self.resources.iter().any(|found| found.outputs.values().any(|value| *value == arn)) {
                return Err(format!("{address}: {arn} does not exist"));
            }
        }
        match resource {
            Resource::Service(service) => self.accepts_service(address, service),
            Resource::Listener(_) | Resource::Rule(_) => {
                let alb = self.balancer(resource);
                for group in strings(&resource.fields()).filter(|arn| arn.contains("target_group")) {
                    let routes =
                        others().filter(|found| found.kind() == Kind::Listener || found.kind() == Kind::Rule);
                    let mut users =
                        routes.filter(|found| strings(&found.resource.fields()).any(|arn| arn == group));
                    if users.any(|found| self.balancer(&found.resource) != alb) {
                        return Err(format!("{address}: TargetGroupAssociationLimit {group}"));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn accepts_service(&self, address: &Address, service: &neap_core::kinds::Service) -> Result<(), String> {
        let cluster = self.resources.iter().find(|found| found.outputs.get("arn") == Some(&service.cluster));
        if cluster.is_none_or(|cluster| cluster.phase != Phase::Ready) {
            return Err(format!("{address}: ClusterNotFoundException"));
        }
        for target in &service.targets {
            let routes =
                self.resources.iter().filter(|found| matches!(found.kind(), Kind::Listener | Kind::Rule));
            let mut routes = routes.map(|found| found.resource.fields());
            if !routes.any(|fields| strings(&fields).any(|arn| arn == target.target_group)) {
                return Err(format!("{address}: the target group does not have an associated load balancer"));
            }
        }
        Ok(())
    }

    fn balancer(&self, resource: &Resource) -> Option<String> {
        match resource {
            Resource::Listener(listener) => Some(listener.load_balancer.clone()),
            Resource::Rule(rule) => {
                let of = |found: &&LiveResource| found.outputs.get("arn") == Some(&rule.listener);
                self.balancer(&self.resources.iter().find(of)?.resource)
            }
            _ => None,
        }
    }

    /// Deletes what has the id, if it is still there.
    pub(crate) fn delete(&mut self, id: &str) -> Result<(), String> {
        let Some(index) = self.resources.iter().position(|found| found.id == id) else { return Ok(()) };
        let names: Vec<String> = self.resources[index].outputs.values().cloned().collect();
        let (address, kind) = (self.resources[index].address.clone(), self.resources[index].kind());
        let used = |found: &&LiveResource| {
            let holds = match kind {
                Kind::SecurityGroup => {
                    matches!(found.kind(), Kind::Alb | Kind::Service | Kind::SecurityGroup)
                }
                Kind::TargetGroup => matches!(found.kind(), Kind::Listener | Kind::Rule),
                Kind::Cluster => found.kind() == Kind::Service,
                _ => false,
            };
            holds && found.id != id && strings(&found.resource.fields()).any(|text| names.contains(&text))
        };
        if let Some(user) = self.resources.iter().find(used) {
            return Err(format!("{address}: ResourceInUse by {}", user.address));
        }
        let gone = self.resources.remove(index).outputs;
        self.resources.retain(|found| match &found.resource {
            Resource::Listener(listener) => gone.get("arn") != Some(&listener.load_balancer),
            _ => true,
        });
        let listeners: BTreeSet<String> =
            self.resources.iter().filter_map(|found| found.outputs.get("arn").cloned()).collect();
        self.resources.retain(|found| match &found.resource {
            Resource::Rule(rule) => listeners.contains(&rule.listener),
            _ => true,
        });
        Ok(())
    }
}

/// The next step whose predecessors are over, as `order` prefers.
fn next(plan: &Plan, over: &BTreeMap<usize, bool>, order: &[u8]) -> usize {
    let waits =
        |step: usize| plan.edges.iter().any(|edge| edge.after == step && !over.contains_key(&edge.before));
    let open = (0..plan.steps.len()).filter(|step| !over.contains_key(step) && !waits(*step));
    open.min_by_key(|step| order.get(*step % order.len().max(1)).copied()).expect("an acyclic plan")
}

fn resolved(
    desired: &DesiredResource,
    known: &BTreeMap<Address, Outputs>,
) -> Result<DesiredResource, String> {
    let resolve = |reference: &Reference| match reference {
        Reference::Output(address, output) => {
            let value = known.get(address).and_then(|outputs| outputs.get(output));
            value.cloned().map_or(Resolved::Unknown, Resolved::One)
        }
        Reference::Variable(_) => Resolved::One(PASS.to_owned()),
        Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => Resolved::Unknown,
    };
    let resolved = reference::substitute_in(desired, &resolve).map_err(|error| error.to_string())?;
    match resolved.references().first() {
        Some((path, reference)) => Err(format!("`{path}` still holds ${{{reference}}}")),
        None => Ok(resolved),
    }
}

/// What AWS assigns to the resource that is made as number `number`.
fn assigned(resource: &Resource, number: usize) -> Outputs {
    let kind = resource.kind();
    let value = |name: &str| match (kind, name) {
        (Kind::SecurityGroup, _) => format!("sg-{number}"),
        (Kind::Task, "arn") => {
            format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{}:{number}", resource.aws_name())
        }
        (_, "arn") => format!("arn:made:{kind}:{number}"),
        (_, name) => format!("{name}-{number}.example.com"),
    };
    outputs::names(kind).iter().map(|name| ((*name).to_owned(), value(name))).collect()
}

/// What only one resource of its kind can have.
fn place(resource: &Resource) -> Option<(Kind, String)> {
    let place = match resource {
        Resource::Listener(listener) => format!("{} {}", listener.load_balancer, listener.port),
        Resource::Rule(rule) => format!("{} {}", rule.listener, rule.priority),
        Resource::Service(service) => format!("{} {}", service.cluster, service.name),
        Resource::Cloudfront(distribution) => distribution.caller_reference.clone(),
        named => named.aws_name().to_owned(),
    };
    Some((resource.kind(), place))
}

fn text(found: &LiveResource, field: &str) -> String {
    found.resource.fields()[field].as_str().unwrap_or_default().to_owned()
}

/// Every string in `value`.
pub(crate) fn strings(value: &Value) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found.into_iter()
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The tags of the resource at `address` of the stack `course`.
pub(crate) fn tags(address: &Address) -> BTreeMap<String, String> {
    [(TAG_STACK.to_owned(), "course".to_owned()), (TAG_ADDRESS.to_owned(), address.to_string())].into()
}
