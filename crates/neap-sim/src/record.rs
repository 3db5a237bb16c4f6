//! One resource of the world: what AWS knows about it.
//!
//! Decides how a resource moves from state to state on the clock. Must not know which calls put it there.

use std::collections::{BTreeMap, BTreeSet};

use neap_core::address::{Address, Kind};
use neap_core::desired::{TAG_ADDRESS, TAG_STACK};
use neap_core::kinds::{
    Alb, AutoScalingGroup, Bucket, BucketFiles, BucketPolicy, CapacityProvider, Certificate, Clb, Cloudfront,
    Cluster, ClusterCapacity, DiscoveryService, Domain, Ecr, ElasticIp, Function, InstanceProfile,
    InternetGateway, LaunchTemplate, Listener, LogGroup, Namespace, NatGateway, Nlb, OriginAccessControl,
    Resource, Role, RouteTable, Rule, ScalableTarget, SecurityGroup, Service, Subnet, TargetGroup, Task, Vpc,
    VpcEndpoint,
};
use neap_core::live::{LiveResource, Outputs, Phase, is_marked};
use neap_core::policy;
use serde::{Deserialize, Serialize};

use crate::clock::{Millis, NEXT_TASK_STARTS, TASK_STARTS};
use crate::shift::Shift;

/// What time has done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advance {
    Unchanged,
    Changed,
    Gone,
}

/// One resource of the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The resource's ARN: its key in the world.
    pub(crate) arn: String,
    /// What calls know it by: the ARN, an id or a name.
    pub(crate) id: String,
    /// The region; none where the service is global.
    pub(crate) region: Option<String>,
    /// Its fields.
    pub(crate) resource: Resource,
    /// Its tags.
    pub(crate) tags: BTreeMap<String, String>,
    /// The values that AWS assigned.
    pub(crate) outputs: Outputs,
    /// How far it has come.
    pub(crate) state: State,
    /// The last deployment, of a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deployment: Option<Deployment>,
}

/// How far a resource has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It is as it will be.
    Ready,
    /// AWS works on it until then; with AWS's word for it.
    Settling { word: String, until: Millis },
    /// It is gone then; with AWS's word for it.
    Deleting { word: String, until: Millis },
    /// A task definition that is deregistered, or a cluster or service that is gone.
    Inactive,
    /// AWS gave up on it.
    Failed { reason: String },
}

/// A change of what a service runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deployment {
    /// The task definition that it brings about.
    #[serde(default)]
    pub(crate) task: String,
    /// When it began.
    pub(crate) started: Millis,
    /// When it is complete, or when the circuit breaker has seen enough.
    pub(crate) until: Millis,
    /// How many tasks ran when it began, and go on running.
    pub(crate) running: u32,
    /// How many tasks it brings about.
    pub(crate) count: u32,
    /// Why its tasks cannot run, if they cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fails: Option<String>,
    /// The task definition that ran before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<String>,
    /// The traffic that goes with it, where not task by task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shift: Option<Shift>,
    /// What has become of it.
    pub(crate) rollout: Rollout,
}

/// What has become of a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rollout {
    /// Tasks are being started.
    InProgress,
    /// All tasks run.
    Completed,
    /// The circuit breaker stopped it, and there was nothing to go back to.
    Failed { reason: String },
    /// The circuit breaker stopped it, and the task definition from before runs again.
    RolledBack { reason: String },
}

impl Deployment {
    /// How many tasks run.
    fn running_at(&self, now: Millis) -> u32 {
        if self.rollout == Rollout::Completed || self.count <= self.running {
            return self.count;
        }
        let since = now.saturating_sub(self.started);
        if self.fails.is_some() || since < TASK_STARTS {
            return self.running;
        }
        let started = 1 + (since - TASK_STARTS) / NEXT_TASK_STARTS;
        let started = u32::try_from(started).unwrap_or(u32::MAX);
        self.running.saturating_add(started).min(self.count)
    }

    fn phase(&self, now: Millis) -> Phase {
        match &self.rollout {
            Rollout::InProgress => {
                let tasks = format!("{} of {} tasks running", self.running_at(now), self.count);
                let trouble = self.fails.as_ref().filter(|_| now.saturating_sub(self.started) >= TASK_STARTS);
                let event = trouble.map(|reason| format!("; last event: {reason}"));
                let stage = self.shift.as_ref().map(|shift| Service::stage(shift.stage(now)));
                let stage = stage.map(|stage| format!(", {stage}"));
                Phase::Settling(tasks + &stage.unwrap_or_default() + &event.unwrap_or_default())
            }
            Rollout::Completed | Rollout::RolledBack { .. } => Phase::Ready,
            Rollout::Failed { reason } => Phase::Failed(reason.clone()),
        }
    }
}

impl Record {
    /// A record that is ready at once, called by its ARN, and of no region.
    pub(crate) fn new(
        arn: String,
        resource: impl Into<Resource>,
        tags: &BTreeMap<String, String>,
        outputs: &[(&str, &str)],
    ) -> Self {
        let output = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            id: arn.clone(),
            arn,
            region: None,
            resource: resource.into(),
            tags: tags.clone(),
            outputs: outputs.iter().map(output).collect(),
            state: State::Ready,
            deployment: None,
        }
    }

    /// The same, called `id`.
    pub(crate) fn called(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// The same, of a kind without tags: whose it is stands in its fields, and nothing holds the hash of a spec. Readers
    /// make of that what they would see in tags.
    pub(crate) fn without_spec(mut self) -> Self {
        self.tags.retain(|key, _| key == TAG_STACK || key == TAG_ADDRESS);
        self
    }

    /// The same, in a region.
    pub(crate) fn within(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// The same, settled only at `until`.
    pub(crate) fn settling(mut self, word: &str, until: Millis) -> Self {
        self.state = State::Settling { word: word.to_owned(), until };
        self
    }

    /// The kind of resource.
    pub(crate) const fn kind(&self) -> Kind {
        self.resource.kind()
    }

    /// Whether AWS is deleting it.
    pub(crate) const fn is_deleting(&self) -> bool {
        matches!(self.state, State::Deleting { .. })
    }

    /// Whether it is tagged as a resource of `stack`.
    pub(crate) fn is_of(&self, stack: &str) -> bool {
        is_marked(self.kind(), &self.tags, stack)
    }

    /// The address in its tags.
    pub(crate) fn address(&self) -> Option<Address> {
        self.tags.get(TAG_ADDRESS)?.parse().ok()
    }

    /// How far it has come.
    pub(crate) fn phase(&self, now: Millis) -> Phase {
        match &self.state {
            State::Settling { word, .. } => Phase::Settling(word.clone()),
            State::Deleting { word, .. } => Phase::Deleting(word.clone()),
            State::Inactive => Phase::Deleting("inactive".to_owned()),
            State::Failed { reason } => Phase::Failed(reason.clone()),
            State::Ready => self.deployment.as_ref().map_or(Phase::Ready, |deployment| deployment.phase(now)),
        }
    }

    /// How many tasks of a service run.
    pub(crate) fn running(&self, now: Millis) -> u32 {
        self.deployment.as_ref().map_or(0, |deployment| deployment.running_at(now))
    }

    /// The record as a reading shows it, at `address` unless its tags name another.
    pub(crate) fn to_live(&self, address: &Address, now: Millis) -> LiveResource {
        let mut tags = self.tags.clone();
        tags.retain(|key, _| !is_of_aws(key));
        LiveResource {
            address: self.address().unwrap_or_else(|| address.clone()),
            id: self.id.clone(),
            resource: canonical(&self.resource),
            tags,
            outputs: self.outputs.clone(),
            phase: self.phase(now),
        }
    }

    /// Lets the time until `now` pass.
    pub(crate) fn advance(&mut self, now: Millis) -> Advance {
        let mut advance = Advance::Unchanged;
        match self.state {
            State::Settling { until, .. } if until <= now => {
                self.state = match &self.resource {
                    // It was never validated.
                    Resource::Certificate(it) if it.validated_in.len() < it.names().count() => {
                        State::Failed { reason: "VALIDATION_TIMED_OUT".to_owned() }
                    }
                    _ => State::Ready,
                };
                advance = Advance::Changed;
            }
            State::Deleting { until, .. } if until <= now => return Advance::Gone,
            State::Deleting { .. } => return Advance::Unchanged,
            State::Settling { .. } | State::Ready | State::Inactive | State::Failed { .. } => {}
        }
        let Resource::Service(service) = &mut self.resource else { return advance };
        if let Some(deployment) = &mut self.deployment
            && deployment.rollout == Rollout::InProgress
            && deployment.until <= now
        {
            advance_deployment(service, deployment);
            advance = Advance::Changed;
        }
        advance
    }
}

/// The resource as readers write it: IAM keeps policy documents as they were sent, for one.
fn canonical(resource: &Resource) -> Resource {
    let mut resource = resource.clone();
    if let Resource::Listener(Listener { certificate: Some(default), extra_certificates, .. }) = &mut resource
    {
        // AWS may list the default certificate among the others, too; readers count it once.
        extra_certificates.remove(default.as_str());
    }
    if let Resource::Service(service) = &mut resource {
        *service = service.clone().without_idle_grace();
    }
    if let Resource::BucketPolicy(bucket) = &mut resource {
        bucket.policy = policy::normalise(&bucket.policy);
    }
    if let Resource::Role(role) = &mut resource {
        role.trust = policy::normalise(&role.trust);
        for document in role.inline_policies.values_mut() {
            *document = policy::normalise(document);
        }
    }
    resource
}

/// Whether a tag belongs to AWS itself.
pub(crate) fn is_of_aws(key: &str) -> bool {
    key.starts_with("aws:") || key.starts_with("ecs:") || key.starts_with("AmazonECSManaged")
}

/// Ends a deployment whose time has come. Without a circuit breaker, one that cannot succeed never ends.
fn advance_deployment(service: &mut Service, deployment: &mut Deployment) {
    let Some(reason) = &deployment.fails else {
        deployment.rollout = Rollout::Completed;
        let turns = deployment.shift.take().map(|shift| shift.turns).unwrap_or_default();
        for target in &mut service.targets {
            // Which of the two is told first is the one that has the traffic.
            if let Some(alternate) = &mut target.alternate
                && turns.iter().any(|turn| turn.to == alternate.target_group)
            {
                std::mem::swap(&mut target.target_group, &mut alternate.target_group);
            }
        }
        return;
    };
    if !service.circuit_breaker {
        return;
    }
    match deployment.previous.take_if(|_| service.rollback) {
        Some(previous) => {
            let (_, revision) = previous.rsplit_once('/').unwrap_or(("", &previous));
            let reason = format!("{reason}; rolled back to {revision}");
            deployment.rollout = Rollout::RolledBack { reason };
            service.task = previous;
        }
        None => deployment.rollout = Rollout::Failed { reason: reason.clone() },
    }
}

/// What every kind's fields can do: be taken out of a [`Resource`] and put back.
pub(crate) trait Fields: Sized {
    /// The fields, if the resource is of this kind.
    fn of(resource: &Resource) -> Option<&Self>;
    /// The fields to be changed, if the resource is of this kind.
    fn of_mut(resource: &mut Resource) -> Option<&mut Self>;
}

macro_rules! fields {
    ($($kind:ident),* $(,)?) => {
        $(impl Fields for $kind {
            fn of(resource: &Resource) -> Option<&Self> {
                if let Resource::$kind(fields) = resource { Some(fields) } else { None }
            }

            fn of_mut(resource: &mut Resource) -> Option<&mut Self> {
                if let Resource::$kind(fields) = resource { Some(fields) } else { None }
            }
        })*
    };
}

fields!(
    Alb,
    AutoScalingGroup,
    Bucket,
    BucketFiles,
    BucketPolicy,
    CapacityProvider,
    Certificate,
    Clb,
    Cloudfront,
    Cluster,
    ClusterCapacity,
    DiscoveryService,
    Domain,
    Ecr,
    ElasticIp,
    Function,
    InstanceProfile,
    InternetGateway,
    LaunchTemplate,
    Listener,
    LogGroup,
    NatGateway,
    Namespace,
    Nlb,
    OriginAccessControl,
    Role,
    RouteTable,
    Rule,
    ScalableTarget,
    SecurityGroup,
    Service,
    Subnet,
    TargetGroup,
    Task,
    Vpc,
    VpcEndpoint
);

/// A CloudWatch alarm that drives the scaling of a service or of a group of instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alarm {
    pub(crate) name: String,
    /// The service, with its cluster: `main/api`; empty for a group of instances.
    #[serde(default)]
    pub(crate) service: String,
    /// The name of the group of instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
}

/// A replacement of the instances of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refresh {
    /// When it is over; never, while what it shall bring cannot be launched.
    pub(crate) until: Millis,
    /// Whether somebody has cancelled it.
    pub(crate) is_cancelled: bool,
}

/// A network interface that outlives what it belonged to for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interface {
    /// Whose it was, in AWS's words.
    pub(crate) description: String,
    /// The security groups that it is in.
    pub(crate) security_groups: BTreeSet<String>,
    /// The subnets that it is in.
    #[serde(default)]
    pub(crate) subnets: BTreeSet<String>,
    /// The static addresses that it has.
    #[serde(default)]
    pub(crate) addresses: BTreeSet<String>,
    /// When it is gone.
    pub(crate) until: Millis,
}
