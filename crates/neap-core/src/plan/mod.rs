//! A plan: what would change, why, and in which order.
//!
//! Decides the words of planning (action, reason, step, edge) and their serialised form. A plan leaves
//! nothing to decide: carrying it out only substitutes values that AWS has assigned meanwhile. How plans
//! are made is in `planner`, how one is judged in `check`.

mod aliases;
mod carried;
pub mod check;
mod decide;
mod gateways;
mod handovers;
mod order;
pub mod planner;
mod reasons;
mod refuse;
mod resolve;
mod wishes;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::address::Address;
use crate::adopt::NoAdoption;
use crate::desired::{DesiredResource, Implied};
use crate::files::TAG_FORGET;
use crate::kinds::Resource;
use crate::live::{Environment, Holding, LiveResource, ReadFailure};
use crate::named::Named;
use crate::reference::Zone;

/// The version of the plan's serialised form.
pub const PLAN_VERSION: u32 = 1;

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Make what is live as the stack says.
    Apply,
    /// Remove everything.
    Destroy,
}

/// What happens to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing.
    NoOp,
    /// It is created.
    Create,
    /// It is changed in place.
    Update,
    /// Its successor is created, then it is deleted.
    CreateThenDelete,
    /// It is deleted, then its successor is created.
    DeleteThenCreate,
    /// It is deleted.
    Delete,
}

impl Action {
    /// The sign that stands before the address: `+ ~ +/- -/+ -`, and a space for nothing.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::NoOp => " ",
            Self::Create => "+",
            Self::Update => "~",
            Self::CreateThenDelete => "+/-",
            Self::DeleteThenCreate => "-/+",
            Self::Delete => "-",
        }
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoOp => "no change",
            Self::Create => "create",
            Self::Update => "update",
            Self::CreateThenDelete | Self::DeleteThenCreate => "replace",
            Self::Delete => "delete",
        }
    }

    /// Whether the resource that is live now goes away.
    pub const fn deletes(self) -> bool {
        matches!(self, Self::CreateThenDelete | Self::DeleteThenCreate | Self::Delete)
    }
}

/// Why an action was chosen. For people, never for decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// It is as the stack says.
    UpToDate,
    /// It is as the stack says, but AWS still works on it.
    Settling {
        /// AWS's word for it.
        detail: String,
    },
    /// It does not exist.
    Missing,
    /// The stack changed since the last apply.
    StackChanged,
    /// Live changed since the last apply, and the stack did not.
    Drifted,
    /// It is not as the stack says, and nothing tells which of the two changed: it has no tag for that, or only secrets differ, which
    /// no tag holds.
    Differs,
    /// It is as the stack says, but its tags are those of an earlier stack: a run was interrupted before it could say so, or the stack
    /// now asks for what is there anyway.
    Unrecorded,
    /// AWS cannot change these fields in place.
    Immutable {
        /// Their paths.
        fields: Vec<String>,
    },
    /// Something that it refers to gets a new identity, or another output.
    DependencyReplaced {
        /// What it refers to.
        dependencies: Vec<String>,
    },
    /// AWS gave up on it.
    Failed {
        /// AWS's words.
        detail: String,
    },
    /// AWS is deleting it.
    BeingDeleted,
    /// It is tagged as the stack's own and no longer declared.
    NotDeclared,
    /// It was replaced, and the replacement was not finished.
    Superseded,
    /// The stack is destroyed.
    Destroyed,
    /// It would be deleted, and the stack says that it stays.
    Kept,
}

/// A change of one field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// The field's path, such as `health_check.path` or `containers.app.env.NODE_ENV`.
    pub path: String,
    /// The live value; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The desired value; absent where there is none. Strings may still hold references: known after apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Whether this change replaces the resource.
    pub forces_replacement: bool,
    /// Whether the field is a document, best shown as a unified diff.
    pub document: bool,
}

/// What happens to one resource, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The resource.
    pub address: Address,
    /// What happens.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// What changes: all fields in a create, none in a delete.
    pub fields: Vec<FieldChange>,
    /// Why it is there, if nobody declared it.
    pub implied: Option<Implied>,
    /// What it should be. What is known is filled in; references to other values and to sensitive variables
    /// remain, and literal text that looks like a reference is still escaped.
    pub desired: Option<DesiredResource>,
    /// The spec hash that a create or an update puts into the tags. Taken before references were filled in, so it
    /// cannot be had from `desired`.
    pub spec: Option<String>,
    /// What it is.
    pub live: Option<LiveResource>,
}

impl Change {
    /// Whether it replaces the instances of an auto scaling group: they start from another launch template, or another
    /// version of it, or a subnet leaves the group.
    pub fn replaces_instances(&self) -> bool {
        let (Some(Resource::AutoScalingGroup(live)), Some(Resource::AutoScalingGroup(desired))) =
            (self.live.as_ref().map(|it| &it.resource), self.desired.as_ref().map(|it| &it.resource))
        else {
            return false;
        };
        let is_template = |field: &FieldChange| field.path.starts_with("launch_template");
        let leaves = !live.subnets.is_subset(&desired.subnets);
        self.action == Action::Update && (leaves || self.fields.iter().any(is_template))
    }
}

impl Change {
    /// Whether the caches of a distribution forget everything once it is deployed: other origins answer then.
    pub fn forgets(&self) -> bool {
        let (Some(live), Some(desired)) = (&self.live, &self.desired) else { return false };
        let (Resource::Cloudfront(before), Resource::Cloudfront(after)) = (&live.resource, &desired.resource)
        else {
            return false;
        };
        let noted = live.tags.contains_key(TAG_FORGET);
        self.action == Action::Update && (noted || before.is_stale_as(after))
    }

    /// How many minutes the old tasks stay beside the new ones, if it deploys a service blue/green.
    pub fn bakes(&self) -> Option<u32> {
        const DEPLOYS: [&str; 7] =
            ["task", "targets", "subnets", "security_groups", "public_ip", "platform_version", "capacity"];
        let Resource::Service(service) = &self.desired.as_ref()?.resource else { return None };
        let deploys =
            |field: &FieldChange| DEPLOYS.contains(&field.path.split('.').next().unwrap_or_default());
        let again = matches!(self.reason, Reason::Failed { .. });
        let deployment = service.deployment.as_ref().filter(|_| self.action == Action::Update)?;
        (again || self.fields.iter().any(deploys)).then_some(deployment.bake_minutes)
    }
}

impl Change {
    /// What an update in two steps makes of what is live before it takes anything away: `desired`, its references filled
    /// in, with all that goes. Tags come last, or what is left to be done would look like a change of others.
    pub fn widened(&self, desired: &DesiredResource) -> Option<DesiredResource> {
        let live = self.live.as_ref()?;
        let resource = live.resource.widened(&desired.resource)?;
        Some(DesiredResource { resource, tags: live.tags.clone(), ..desired.clone() })
    }
}

/// The number of a step in its plan.
pub type StepId = usize;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Creates the desired resource.
    Create,
    /// Changes the live resource into the desired one.
    Update,
    /// Changes the live resource so far that it has all of the desired one, and still what goes.
    Widen,
    /// Changes the live resource, widened before unless nothing comes, into the desired one.
    Narrow,
    /// Waits until the live resource has settled.
    Wait,
    /// Deletes the live resource.
    Delete,
}

/// One executable unit: a replacement has two, and so has an update that takes away what others still rely on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it does.
    pub verb: Verb,
    /// To which resource.
    pub address: Address,
    /// The index of its change in [`Plan::changes`].
    pub change: usize,
}

/// What must have happened to a step before another may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Its call has returned: the id is known.
    Exists,
    /// AWS has settled it.
    Ready,
    /// It is no longer there.
    Gone,
}

/// An order between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// The step that must come first.
    pub before: StepId,
    /// The step that waits for it.
    pub after: StepId,
    /// What it waits for.
    pub need: Need,
}

/// What would change, why, and in which order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form.
    pub version: u32,
    /// The stack.
    pub stack: String,
    /// What the plan is for.
    pub mode: Mode,
    /// The account and region that it was made for.
    pub environment: Environment,
    /// One entry for each resource, those without change included: in execution order, then by address.
    pub changes: Vec<Change>,
    /// What is to be done.
    pub steps: Vec<Step>,
    /// In which order.
    pub edges: Vec<Edge>,
    /// The hash of the live state that the plan was made from.
    pub live_hash: String,
    /// The stack's outputs, as far as they are known; unknown ones hold references.
    pub outputs: BTreeMap<String, String>,
    /// Things worth a warning.
    pub warnings: Vec<String>,
}

/// How many resources each action takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Created.
    pub create: usize,
    /// Changed in place.
    pub update: usize,
    /// Replaced.
    pub replace: usize,
    /// Deleted.
    pub delete: usize,
    /// Left as they are.
    pub no_op: usize,
}

impl Plan {
    /// How many resources each action takes.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for change in &self.changes {
            match change.action {
                Action::NoOp => counts.no_op += 1,
                Action::Create => counts.create += 1,
                Action::Update => counts.update += 1,
                Action::CreateThenDelete | Action::DeleteThenCreate => counts.replace += 1,
                Action::Delete => counts.delete += 1,
            }
        }
        counts
    }

    /// Whether carrying it out would change anything. Waiting for what settles is no change.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.action == Action::NoOp)
    }
}

/// Why there is no plan. All the reasons at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The account is not the one that the stack names.
    WrongAccount {
        /// The one it names.
        expected: String,
        /// The one that the credentials are for.
        actual: String,
    },
    /// The stack is in another region: what has no region of its own says so.
    OtherRegion {
        /// The one that it is in.
        expected: String,
        /// The one that was looked at.
        actual: String,
    },
    /// A name is taken by something that is not the stack's own.
    NameTaken {
        /// The resource that wants the name.
        address: Address,
        /// What has it.
        live: Box<LiveResource>,
        /// How it differs from what the stack wants.
        fields: Vec<FieldChange>,
        /// Why it cannot be adopted, if it cannot.
        obstacle: Option<Box<NoAdoption>>,
    },
    /// Something could not be read.
    Unreadable {
        /// The resource, if it is about one.
        address: Option<Address>,
        /// The read that failed.
        failure: ReadFailure,
    },
    /// A protected resource would be deleted or replaced.
    Protected {
        /// The resource.
        address: Address,
        /// Whether the stack file still has its table.
        declared: bool,
        /// What would happen to it.
        action: Action,
        /// Why.
        reason: Reason,
    },
    /// A load balancer would be deleted or replaced, and AWS is told not to delete it.
    DeletionProtected {
        /// The load balancer.
        address: Address,
        /// What would happen to it.
        action: Action,
        /// Why.
        reason: Reason,
    },
    /// A bucket or a repository would be deleted or replaced, and there is something in it that neap has not put there.
    Holds {
        /// The bucket or repository.
        address: Address,
        /// Its name.
        name: String,
        /// What is in it.
        holding: Holding,
        /// What would happen to it.
        action: Action,
        /// Why.
        reason: Reason,
    },
    /// The stack needs a VPC or subnets, and there are none that fit.
    NoNetwork {
        /// What is missing.
        message: String,
    },
    /// AWS recommends no image for the instances.
    NoImage {
        /// Their processor: `x86_64` or `arm64`.
        processor: String,
    },
    /// The network needs more availability zones than there are.
    FewZones {
        /// How many it needs.
        needed: u8,
        /// Those that the account can use.
        found: Vec<String>,
    },
    /// Something that the stack names and does not own is not there.
    NotThere {
        /// What it is.
        named: Named,
        /// The declared resources that name it.
        by: BTreeSet<Address>,
    },
    /// Somebody else has the name of a bucket.
    BucketTaken {
        /// The bucket.
        address: Address,
        /// Its name.
        name: String,
    },
    /// An image does not fit the processor of the instances that start from it.
    OtherProcessor {
        /// The cluster whose instances they are.
        address: Address,
        /// The image's id.
        image: String,
        /// The image's processor, in AWS's words.
        built_for: String,
        /// The instances' type.
        instance_type: String,
    },
    /// The subnets that are named for a load balancer are not in zones as AWS wants them.
    WrongZones {
        /// The load balancer.
        address: Address,
        /// The subnets with their zones.
        zones: BTreeMap<String, String>,
    },
    /// The region has no prefix list of the addresses from which CloudFront asks origins.
    NoCloudfrontOrigins,
    /// There is no hosted zone as the stack needs it.
    NoZone {
        /// Which one.
        zone: Zone,
    },
    /// The records of a certificate would stand where ACM does not see them.
    PrivateZone {
        /// The certificate.
        address: Address,
        /// The private zone.
        zone: Zone,
    },
    /// A certificate that the stack names cannot be used.
    BadCertificate {
        /// Its ARN.
        arn: String,
        /// AWS's word for its state, or `missing`.
        state: String,
    },
    /// A secret that the stack names does not exist.
    NoSecret {
        /// Its name.
        name: String,
    },
    /// A service whose image is owned elsewhere runs a task definition of a family that is not the stack's, so that there is
    /// no image to carry forward.
    AnotherFamily {
        /// The service.
        address: Address,
        /// The ARN of what it runs.
        runs: String,
    },
    /// A blue/green deployment has moved a service's traffic to a target group, and the stack no longer names that.
    TrafficElsewhere {
        /// The service.
        address: Address,
        /// The group that has the traffic.
        group: Address,
        /// The group that the stack names.
        wanted: Address,
    },
    /// A port that Service Connect serves would speak something else, which AWS does not change in a service.
    FixedProtocol {
        /// The service.
        address: Address,
        /// The name of the port in the task definition.
        port: String,
        /// What it speaks now.
        before: String,
        /// What it would speak.
        after: String,
    },
    /// Users would be led to a group that a service leaves empty, since it is no longer deployed blue/green.
    UsersElsewhere {
        /// The listener or rule.
        address: Address,
        /// The service.
        service: Address,
        /// The group in which its tasks are, where a deployment has moved them.
        group: Address,
        /// The empty one.
        empty: Address,
    },
    /// Steps wait for each other.
    Cycle {
        /// The path, its first address repeated at the end.
        path: Vec<Address>,
    },
}
