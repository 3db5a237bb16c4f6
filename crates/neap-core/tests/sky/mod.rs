//! A tiny AWS as plain values: what it holds, how it is read, and how a plan is carried out on it.
//!
//! It refuses what AWS refuses, so that a plan in the wrong order fails here.

#![expect(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod more;
pub(crate) mod planned;
mod rules;
pub(crate) mod stacks;

use std::collections::{BTreeMap, BTreeSet};

use neap_core::address::{Address, Kind};
use neap_core::config::Secrets;
use neap_core::desired::{Desired, DesiredResource, TAG_ADDRESS, TAG_SPEC, TAG_STACK};
use neap_core::kinds::{BucketFiles, BucketPolicy, Namespace, Resource, SecurityGroup};
use neap_core::live::{Environment, Live, LiveResource, Outputs, Phase, Reading};
use neap_core::network;
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
        subnets_private: false,
        secrets: BTreeMap::new(),
        images: BTreeMap::new(),
        named: [].into(),
        cloudfront_origins: None,
        zones: BTreeMap::new(),
        private_zones: BTreeSet::new(),
        certificates: BTreeMap::new(),
        availability_zones: Vec::new(),
        taken_buckets: [].into(),
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
        let parts = self.parts(desired);
        // A listener is looked for on its live load balancer and a rule on its live listener, so they come last.
        for (address, wanted) in &desired.resources {
            let found = parts.get(address).or_else(|| {
                let index = self.find(address, wanted, desired, &live)?;
                Some(&self.resources[index])
            });
            let reading = match found {
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

    /// The parts of the stack's own network. A gateway that is attached to nothing is shown as the network's.
    fn parts(&self, desired: &Desired) -> BTreeMap<Address, LiveResource> {
        let parts = self.resources.iter().filter(|found| network::is_part(found.kind()));
        let mut parts: Vec<LiveResource> = parts.cloned().collect();
        let claimed = network::claim(desired, &mut parts);
        claimed.into_iter().map(|(address, at)| (address, parts[at].clone())).collect()
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
            part if network::is_part(part.kind()) => None,
            Resource::Cloudfront(_) => position(&tagged),
            Resource::Certificate(wanted) => position(&|found| {
                tagged(found)
                    && matches!(&found.resource, Resource::Certificate(certificate)
                        if certificate.is_same(&desired.sought(address, wanted, "eu-west-1")))
            }),
            Resource::ClusterCapacity(capacity) => {
                let name = named_by(desired, &capacity.cluster);
                position(&|found| text(found, "cluster").ends_with(&format!("/{name}")))
            }
            Resource::ScalableTarget(target) => {
                let Some(Resource::Service(service)) = referred(desired, &target.service) else {
                    panic!("a service is scaled")
                };
                let end = format!("/{}/{}", named_by(desired, &service.cluster), service.name);
                position(&|found| text(found, "service").ends_with(&end))
            }
            Resource::BucketPolicy(BucketPolicy { bucket, .. })
            | Resource::BucketFiles(BucketFiles { bucket, .. }) => {
                let name = named_by(desired, bucket);
                position(&|found| found.resource.aws_name() == name)
            }
            Resource::SecurityGroup(SecurityGroup { name, vpc, .. })
            | Resource::Namespace(Namespace { name, vpc: Some(vpc), .. }) => {
                let vpc = vpc_of(vpc, live)?;
                position(&|found| found.resource.aws_name() == name && text(found, "vpc") == vpc)
            }
            Resource::Namespace(Namespace { name, vpc: None, .. }) => {
                position(&|found| found.resource.aws_name() == name && text(found, "vpc").is_empty())
            }
            Resource::DiscoveryService(service) => {
                let namespace = live.present(&Address::new(Kind::Namespace, "main"))?.outputs["id"].clone();
                position(&|found| {
                    found.resource.aws_name() == service.name && text(found, "namespace") == namespace
                })
            }
            Resource::Listener(listener) => {
                let alb = parent()?;
                let on = |found: &LiveResource| text(found, "load_balancer") == alb;
                let port = u64::from(listener.port);
                position(&|found| {
                    let is_free = tagged(found) || !found.is_of(&desired.stack);
                    on(found) && found.resource.fields()["port"] == port && is_free
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
                let name = named_by(desired, &service.cluster);
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
            Verb::Create | Verb::Update | Verb::Widen | Verb::Narrow => {
                let desired = change.desired.as_ref().ok_or("nothing is desired")?;
                let spec = change.spec.as_ref().ok_or("no spec")?;
                let mut desired = resolved(desired, known)?;
                desired.tags.insert(TAG_SPEC.into(), spec.clone());
                if step.verb == Verb::Widen {
                    desired = change.widened(&desired).ok_or("nothing goes")?;
                }
                let old = if step.verb == Verb::Create { None } else { Some(live()?.id.clone()) };
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
        if kind == Kind::LaunchTemplate && kept.is_some_and(|old| old.resource != desired.resource) {
            self.made += 1;
            outputs.insert("version".to_owned(), self.made.to_string());
        }
        outputs.extend(outputs::computed(&desired.resource, &self.environment));
        // What others in a network name is what a part of it is called by.
        let made = || match outputs.get("id").filter(|_| network::is_part(kind)) {
            Some(id) => id.clone(),
            None => format!("{kind}-{}", self.made),
        };
        let id = old.map_or_else(made, |old| old.id);
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

/// What only one resource of its kind can have; none where several can stand beside each other.
fn place(resource: &Resource) -> Option<(Kind, String)> {
    let place = match resource {
        Resource::Vpc(_) | Resource::RouteTable(_) | Resource::ElasticIp(_) | Resource::Certificate(_) => {
            return None;
        }
        Resource::InternetGateway(gateway) if !gateway.attached => return None,
        Resource::InternetGateway(gateway) => gateway.vpc.clone(),
        Resource::Subnet(subnet) => format!("{} {}", subnet.vpc, subnet.cidr),
        Resource::NatGateway(gateway) => gateway.address.clone()?,
        Resource::VpcEndpoint(endpoint) => format!("{} {}", endpoint.vpc, endpoint.service),
        Resource::Namespace(space) => format!("{} {}", space.vpc.as_deref().unwrap_or_default(), space.name),
        Resource::DiscoveryService(service) => format!("{} {}", service.namespace, service.name),
        Resource::SecurityGroup(group) => format!("{} {}", group.vpc, group.name),
        Resource::ClusterCapacity(capacity) => capacity.cluster.clone(),
        Resource::ScalableTarget(target) => target.service.clone(),
        Resource::Listener(listener) => format!("{} {}", listener.load_balancer, listener.port),
        Resource::Rule(rule) => format!("{} {}", rule.listener, rule.priority),
        Resource::Service(service) => format!("{} {}", service.cluster, service.name),
        Resource::Cloudfront(distribution) => distribution.caller_reference.clone(),
        named => named.aws_name().to_owned(),
    };
    Some((resource.kind(), place))
}

/// The id of the VPC that a text means: the stack's own if it is there, or the account's.
fn vpc_of(text: &str, live: &Live) -> Option<String> {
    let vpc = Address::new(Kind::Vpc, network::MAIN);
    let is_own = |found: &Reference| matches!(found, Reference::Output(address, _) if *address == vpc);
    if reference::in_text(text).iter().any(is_own) {
        return Some(live.present(&vpc)?.outputs["id"].clone());
    }
    Some("vpc-1".to_owned())
}

/// The resource that a text refers to.
fn referred<'a>(desired: &'a Desired, text: &str) -> Option<&'a Resource> {
    let references = reference::in_text(text);
    let [Reference::Output(address, _)] = references.as_slice() else { return None };
    desired.resources.get(address).map(|wanted| &wanted.resource)
}

/// Its name.
fn named_by<'a>(desired: &'a Desired, text: &str) -> &'a str {
    referred(desired, text).unwrap_or_else(|| panic!("{text} names a resource")).aws_name()
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
