//! Which stack it is about, and which names it gives to what.
//!
//! Decides the names that a reader looks for besides tags. Must not know what is live.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::claim;
use super::seen::{Remains, Seen, Thing};
use crate::address::{Address, Kind};
use crate::desired::{Desired, DesiredResource, LockPlace, is_kept};
use crate::kinds::{Resource, Task};
use crate::reference::{self, Reference};

/// What stands for the account in names until it is known.
const ACCOUNT: &str = "${aws.account}";

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// What can stand in the way of a destroy: load balancing, clusters, repositories, security groups.
    Blockers,
    /// Everything that a stack can leave.
    Everything,
}

/// Which stack a reader looks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackScope {
    /// The stack's name, with the environment.
    pub stack: String,
    /// The region that the stack file or the command line names.
    pub region: Option<String>,
    /// How much is looked at.
    pub depth: Depth,
    /// Whether whoever looks holds the stack's lock now, so that its record is no leftover.
    pub holds_lock: bool,
    /// The object that is the stack's lock, if it has one in a bucket.
    pub lock_object: Option<ObjectPlace>,
    /// The exact names of what the stack declares, or was seen to own, with the address that each is for.
    pub names: BTreeMap<Thing, BTreeMap<String, Address>>,
    /// The names of clusters that the stack's services run in, whoever owns them.
    pub clusters: BTreeSet<String>,
    /// The buckets that the stack file keeps, although their tags may not say so yet.
    pub kept: BTreeSet<Address>,
}

/// Where an object lies in S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectPlace {
    /// The bucket's name.
    pub bucket: String,
    /// The object's whole key.
    pub key: String,
}

impl ObjectPlace {
    fn of_lock(desired: &Desired) -> Option<Self> {
        let LockPlace::S3 { bucket, prefix } = &desired.lock else { return None };
        Some(Self { bucket: bucket.clone(), key: format!("{prefix}{}.lock", desired.stack) })
    }

    /// The same in one word: `s3://bucket/key`.
    pub fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

impl StackScope {
    /// The scope of the stack `desired`.
    pub fn of(desired: &Desired, depth: Depth) -> Self {
        let mut scope = Self {
            stack: desired.stack.clone(),
            region: desired.region.clone(),
            depth,
            holds_lock: false,
            lock_object: ObjectPlace::of_lock(desired),
            names: BTreeMap::new(),
            clusters: BTreeSet::new(),
            kept: BTreeSet::new(),
        };
        for (address, wanted) in &desired.resources {
            scope.declare(desired, address, wanted);
        }
        scope
    }

    /// The beginning of the names that neap makes for the stack.
    pub fn prefix(&self) -> String {
        format!("{}-", self.stack)
    }

    /// The path below which nothing but the stack's own is: roles, log groups and the lock.
    pub fn path(&self) -> String {
        format!("/neap/{}/", self.stack)
    }

    /// The name of the parameter that is the stack's lock.
    pub fn lock(&self) -> String {
        format!("{}lock", self.path())
    }

    /// Whether that is the record of the stack's lock, wherever it lies.
    pub fn is_lock(&self, seen: &Seen) -> bool {
        match seen.thing {
            Thing::Parameter => seen.name == self.lock(),
            Thing::Object => self.lock_object.as_ref().is_some_and(|place| place.url() == seen.name),
            _ => false,
        }
    }

    /// Whether the stack gives exactly this name to a thing like that.
    pub fn has_name(&self, thing: Thing, name: &str) -> bool {
        self.address(thing, name).is_some()
    }

    /// The address that the stack gives this name for.
    pub fn address(&self, thing: Thing, name: &str) -> Option<&Address> {
        self.names.get(&thing)?.get(name)
    }

    /// The exact names of things like that, for a reader that asks for each.
    pub fn names_of(&self, thing: Thing) -> impl Iterator<Item = &str> {
        self.names.get(&thing).into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// Learns the names of what `remains` shows as the stack's own: of what it no longer declares too. When those are
    /// gone, what they leave behind is still known by their names.
    pub fn learn(&mut self, remains: &Remains) {
        for seen in &remains.seen {
            let address = claim::tagged_address(seen).filter(|_| claim::is_own(&self.stack, seen));
            if let Some(address) = address {
                self.name(seen.thing, &seen.name, &address);
            }
        }
    }

    /// The same with the names of what has the account in its name, as buckets have.
    #[must_use]
    pub fn in_account(&self, account: &str) -> Self {
        let named = |(name, address): (&String, &Address)| (name.replace(ACCOUNT, account), address.clone());
        let names = self.names.iter().map(|(thing, names)| (*thing, names.iter().map(named).collect()));
        Self { names: names.collect(), ..self.clone() }
    }

    fn name(&mut self, thing: Thing, name: &str, address: &Address) {
        // What still holds a reference has no name yet.
        if !name.is_empty() && !name.replace(ACCOUNT, "").contains("${") {
            self.names.entry(thing).or_default().entry(name.to_owned()).or_insert_with(|| address.clone());
        }
    }

    fn declare(&mut self, desired: &Desired, address: &Address, wanted: &DesiredResource) {
        self.name(Thing::of(address.kind()), wanted.resource.aws_name(), address);
        if address.kind() == Kind::Bucket && is_kept(&wanted.tags) {
            self.kept.insert(address.clone());
        }
        match &wanted.resource {
            Resource::Service(service) => self.clusters.extend(cluster_name(desired, &service.cluster)),
            Resource::Task(task) => {
                for group in driver_groups(task) {
                    self.name(Thing::LogGroup, group, address);
                }
            }
            _ => {}
        }
    }
}

/// The name in what a service says of its cluster: an ARN, a name, or a reference to a cluster of the stack.
fn cluster_name(desired: &Desired, text: &str) -> Option<String> {
    let referred = reference::in_value(&text.into()).into_iter().find_map(|(_, reference)| match reference {
        Reference::Output(address, _) => desired.resources.get(&address),
        Reference::Fact(_) | Reference::Variable(_) | Reference::Secret(_) | Reference::Zone(_) => None,
    });
    if let Some(cluster) = referred {
        return Some(cluster.resource.aws_name().to_owned());
    }
    let (_, name) = text.rsplit_once('/').unwrap_or(("", text));
    (!name.contains("${")).then(|| name.to_owned())
}

/// The log groups that the drivers of a task's containers create by themselves.
fn driver_groups(task: &Task) -> impl Iterator<Item = &str> {
    let logs = task.containers.values().filter_map(|container| container.logs.as_ref());
    let creates = |options: &BTreeMap<String, String>| {
        options.get("awslogs-create-group").is_some_and(|it| it == "true")
    };
    logs.filter(move |logs| creates(&logs.options))
        .filter_map(|logs| Some(logs.options.get("awslogs-group")?.as_str()))
}
