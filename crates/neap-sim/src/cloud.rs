//! The verbs of the cloud, handed to the service of each kind.
//!
//! Decides what holds for every kind: what may be asked for at all, what ready and gone mean. Must not know the
//! calls of any service.

use neap_core::address::Kind;
use neap_core::desired::{Desired, DesiredResource};
use neap_core::kinds::{Cloudfront, Resource};
use neap_core::launches;
use neap_core::live::{Live, LiveResource, Outputs, Phase};
use neap_core::network::is_part;
use neap_core::zero::{Remains, StackScope};
use neap_engine::cloud::{CallError, Cloud, ErrorKind, Progress};
use neap_engine::transfers::Transfers;

use crate::read;
use crate::record::{Record, Rollout, State};
use crate::rules;
use crate::services::{
    Request, acm, application_auto_scaling, auto_scaling, cloudfront, domain, ec2, ecr, ecs, elb, function,
    iam, instance_profile, invalidation, launch_template, logs, network, objects, origin_access_control, s3,
    service_discovery, vpc_endpoint, way_out,
};
use crate::sim::Sim;
use crate::world::World;
use crate::zero;

impl Cloud for Sim {
    async fn read(&self, desired: &Desired) -> Result<Live, CallError> {
        read::read(self, desired).await
    }

    async fn create(&self, desired: &DesiredResource, spec: &str) -> Result<Outputs, CallError> {
        resolved(desired)?;
        let request = Request::desired(self, desired, spec);
        if let Resource::BucketFiles(fields) = &desired.resource {
            return objects::create(&request, fields).await;
        }
        let arn = match &desired.resource {
            Resource::LogGroup(fields) => logs::create(&request, fields).await,
            Resource::Role(fields) => iam::create(&request, fields).await,
            Resource::InstanceProfile(fields) => instance_profile::create(&request, fields).await,
            Resource::LaunchTemplate(fields) => launch_template::create(&request, fields).await,
            Resource::AutoScalingGroup(fields) => auto_scaling::create(&request, fields).await,
            Resource::CapacityProvider(fields) => ecs::capacity_provider::create(&request, fields).await,
            Resource::ClusterCapacity(fields) => ecs::cluster_capacity::create(&request, fields).await,
            Resource::Ecr(fields) => ecr::create(&request, fields).await,
            Resource::Cluster(fields) => ecs::cluster::create(&request, fields).await,
            Resource::Vpc(fields) => network::create_vpc(&request, fields).await,
            Resource::InternetGateway(fields) => network::create_gateway(&request, fields).await,
            Resource::ElasticIp(fields) => way_out::allocate(&request, fields).await,
            Resource::NatGateway(fields) => way_out::create_nat(&request, fields).await,
            Resource::VpcEndpoint(fields) => vpc_endpoint::create(&request, fields).await,
            Resource::RouteTable(fields) => network::create_table(&request, fields).await,
            Resource::Subnet(fields) => network::create_subnet(&request, fields).await,
            Resource::SecurityGroup(fields) => ec2::create(&request, fields).await,
            Resource::TargetGroup(fields) => elb::target_group::create(&request, fields).await,
            Resource::Alb(fields) => elb::alb::create(&request, fields).await,
            Resource::Nlb(fields) => elb::nlb::create(&request, fields).await,
            Resource::Clb(fields) => elb::clb::create(&request, fields).await,
            Resource::Listener(fields) => elb::listener::create(&request, fields).await,
            Resource::Rule(fields) => elb::rule::create(&request, fields).await,
            Resource::Task(fields) => ecs::task::register(&request, fields).await,
            Resource::Service(fields) => ecs::service::create(&request, fields).await,
            Resource::ScalableTarget(fields) => application_auto_scaling::create(&request, fields).await,
            Resource::Cloudfront(fields) => cloudfront::create(&request, fields).await,
            Resource::Bucket(fields) => s3::create(&request, fields).await,
            Resource::BucketPolicy(fields) => s3::create_policy(&request, fields).await,
            Resource::OriginAccessControl(fields) => origin_access_control::create(&request, fields).await,
            Resource::Certificate(fields) => acm::create(&request, fields).await,
            Resource::Function(fields) => function::create(&request, fields).await,
            Resource::Domain(fields) => domain::create(&request, fields).await,
            Resource::Namespace(fields) => service_discovery::create_namespace(&request, fields).await,
            Resource::DiscoveryService(fields) => service_discovery::create_service(&request, fields).await,
            other => Err(unknown(other.kind())),
        }?;
        if elb::needs_default_rule(desired) {
            self.poll("elasticloadbalancing:DescribeRules", &request.address).await?;
        }
        Ok(self.outputs_of(&arn, desired))
    }

    async fn update(
        &self,
        live: &LiveResource,
        desired: &DesiredResource,
        spec: &str,
    ) -> Result<Outputs, CallError> {
        resolved(desired)?;
        let request = Request::change(self, live, desired, spec);
        if let (Resource::BucketFiles(before), Resource::BucketFiles(after)) =
            (&live.resource, &desired.resource)
        {
            return objects::update(&request, before, after).await;
        }
        let arn = self.changeable(live, desired)?;
        match &desired.resource {
            Resource::LogGroup(fields) => logs::update(&request, &arn, fields).await,
            Resource::Role(fields) => iam::update(&request, &arn, fields).await,
            Resource::InstanceProfile(fields) => instance_profile::update(&request, &arn, fields).await,
            Resource::LaunchTemplate(fields) => launch_template::update(&request, &arn, fields).await,
            Resource::AutoScalingGroup(fields) => auto_scaling::update(&request, &arn, fields).await,
            Resource::CapacityProvider(fields) => {
                ecs::capacity_provider::update(&request, &arn, fields).await
            }
            Resource::ClusterCapacity(fields) => ecs::cluster_capacity::update(&request, &arn, fields).await,
            Resource::Ecr(fields) => ecr::update(&request, &arn, fields).await,
            Resource::Cluster(fields) => ecs::cluster::update(&request, &arn, fields).await,
            part if is_part(part.kind()) => network::update(&request, &arn, part).await,
            Resource::SecurityGroup(fields) => ec2::update(&request, &arn, fields).await,
            Resource::TargetGroup(fields) => elb::target_group::update(&request, &arn, fields).await,
            Resource::Alb(fields) => elb::alb::update(&request, &arn, fields).await,
            Resource::Nlb(fields) => elb::nlb::update(&request, &arn, fields).await,
            Resource::Clb(fields) => elb::clb::update(&request, &arn, fields).await,
            Resource::Listener(fields) => elb::listener::update(&request, &arn, fields).await,
            Resource::Rule(fields) => elb::rule::update(&request, &arn, fields).await,
            Resource::Task(fields) => {
                let revision = ecs::task::update(&request, &arn, fields).await?;
                return Ok(self.outputs(&revision));
            }
            Resource::Service(fields) => ecs::service::update(&request, &arn, fields).await,
            Resource::ScalableTarget(fields) => {
                application_auto_scaling::update(&request, &arn, fields).await
            }
            Resource::Cloudfront(fields) => cloudfront::update(&request, &arn, fields).await,
            Resource::Bucket(fields) => s3::update(&request, &arn, fields).await,
            Resource::BucketPolicy(fields) => s3::update_policy(&request, &arn, fields).await,
            Resource::OriginAccessControl(fields) => {
                origin_access_control::update(&request, &arn, fields).await
            }
            Resource::Certificate(fields) => acm::update(&request, &arn, fields).await,
            Resource::Function(fields) => function::update(&request, &arn, fields).await,
            Resource::Domain(fields) => domain::update(&request, &arn, fields).await,
            Resource::Namespace(fields) => service_discovery::update_namespace(&request, &arn, fields).await,
            Resource::DiscoveryService(fields) => {
                service_discovery::update_service(&request, &arn, fields).await
            }
            other => Err(unknown(other.kind())),
        }?;
        Ok(self.outputs_of(&arn, desired))
    }

    async fn delete(&self, live: &LiveResource) -> Result<(), CallError> {
        let request = Request::deletion(self, live);
        if let Resource::Task(_) = live.resource {
            return ecs::task::delete(&request, live).await;
        }
        if let Resource::BucketFiles(fields) = &live.resource {
            return objects::delete(&request, fields).await;
        }
        let Some(arn) = self.look(|world| find(world, live).map(|record| record.arn.clone())) else {
            return Ok(());
        };
        match &live.resource {
            Resource::LogGroup(_) => logs::delete(&request, &arn).await,
            Resource::Role(_) => iam::delete(&request, &arn).await,
            Resource::InstanceProfile(_) => instance_profile::delete(&request, &arn).await,
            Resource::LaunchTemplate(_) => launch_template::delete(&request, &arn).await,
            Resource::AutoScalingGroup(_) => auto_scaling::delete(&request, &arn).await,
            Resource::CapacityProvider(_) => ecs::capacity_provider::delete(&request, &arn).await,
            Resource::ClusterCapacity(_) => ecs::cluster_capacity::delete(&request, &arn).await,
            Resource::Ecr(_) => ecr::delete(&request, &arn).await,
            Resource::Cluster(_) => ecs::cluster::delete(&request, &arn).await,
            part if is_part(part.kind()) => network::delete(&request, &arn, part).await,
            Resource::SecurityGroup(_) => ec2::delete(&request, &arn).await,
            Resource::TargetGroup(_) => elb::target_group::delete(&request, &arn).await,
            Resource::Alb(_) => elb::alb::delete(&request, &arn).await,
            Resource::Nlb(_) => elb::nlb::delete(&request, &arn).await,
            Resource::Clb(_) => elb::clb::delete(&request, &arn).await,
            Resource::Listener(_) => elb::listener::delete(&request, &arn).await,
            Resource::Rule(_) => elb::rule::delete(&request, &arn).await,
            Resource::Service(_) => ecs::service::delete(&request, &arn).await,
            Resource::ScalableTarget(_) => application_auto_scaling::delete(&request, &arn).await,
            Resource::Cloudfront(_) => cloudfront::delete(&request, &arn).await,
            Resource::Bucket(_) => s3::delete(&request, &arn).await,
            Resource::BucketPolicy(_) => s3::delete_policy(&request, &arn).await,
            Resource::OriginAccessControl(_) => origin_access_control::delete(&request, &arn).await,
            Resource::Certificate(_) => acm::delete(&request, &arn).await,
            Resource::Function(_) => function::delete(&request, &arn).await,
            Resource::Domain(_) => domain::delete(&request, &arn).await,
            Resource::Namespace(_) => service_discovery::delete_namespace(&request, &arn).await,
            Resource::DiscoveryService(_) => service_discovery::delete_service(&request, &arn).await,
            other => Err(unknown(other.kind())),
        }
    }

    async fn ready(&self, desired: &DesiredResource, outputs: &Outputs) -> Result<Progress, CallError> {
        let kind = desired.resource.kind();
        let request = Request::desired(self, desired, "");
        self.poll(read::describe(kind), &request.address).await?;
        if kind == Kind::BucketFiles {
            // S3 shows at once what was put.
            return Ok(Progress::Done);
        }
        if let Resource::Certificate(fields) = &desired.resource {
            // The records that validate it are known only some time after the request.
            acm::validate(&request, fields, outputs).await?;
        }
        let (progress, unfinished) = self.look_as_shown(|world| match by_outputs(world, kind, outputs) {
            None => (Progress::Pending("not visible yet".to_owned()), None),
            Some(record) => {
                let unfinished = is_part(kind) && record.resource != desired.resource;
                (progress(record, world, &desired.resource), unfinished.then(|| record.arn.clone()))
            }
        });
        self.look_at_deployment(desired, &progress).await?;
        if kind == Kind::Cloudfront && progress == Progress::Done {
            return invalidation::make_up(&request, outputs).await;
        }
        match unfinished {
            // What its create left to be done.
            Some(arn) if progress == Progress::Done => {
                network::bring(&request, &arn, &desired.resource).await?;
                Ok(Progress::Pending("being set up".to_owned()))
            }
            _ => Ok(progress),
        }
    }

    async fn gone(&self, live: &LiveResource) -> Result<Progress, CallError> {
        self.poll(read::describe(live.kind()), &live.address).await?;
        if let Some(progress) = self.look_as_shown(|world| vanishing(world, live)) {
            return Ok(progress);
        }
        self.delete(live).await?;
        let pending = || Progress::Pending("deleting".to_owned());
        Ok(self.look_as_shown(|world| vanishing(world, live)).unwrap_or_else(pending))
    }

    async fn created(&self, desired: &DesiredResource, spec: &str) -> Result<Option<Outputs>, CallError> {
        let kind = desired.resource.kind();
        let request = Request::desired(self, desired, spec);
        self.poll(read::describe(kind), &request.address).await?;
        let arn = self.look_as_shown(|world| match &desired.resource {
            Resource::Task(task) => ecs::task::registered(world, &request, &task.family),
            Resource::Certificate(_) => acm::requested(world, &request),
            _ => {
                let mut made = world.records().filter(|record| record.kind() == kind);
                made.find(|record| record.tags == request.tags && !record.is_deleting())
                    .map(|record| record.arn.clone())
            }
        });
        Ok(arn.map(|arn| self.outputs(&arn)))
    }

    fn transfers(&self) -> Option<&Transfers> {
        Some(&self.transfers)
    }

    async fn remains(&self, scope: &StackScope) -> Result<Remains, CallError> {
        zero::remains(self, scope).await
    }
}

impl Sim {
    /// The values that AWS assigned to a resource.
    fn outputs(&self, arn: &str) -> Outputs {
        self.look(|world| world.record(arn).map(|record| record.outputs.clone())).unwrap_or_default()
    }

    /// The values that AWS assigned to a resource made as `desired`, and what else was asked for.
    fn outputs_of(&self, arn: &str, desired: &DesiredResource) -> Outputs {
        let mut outputs = self.outputs(arn);
        if elb::needs_default_rule(desired) {
            outputs.insert("default_rule".to_owned(), elb::default_rule(arn));
        }
        outputs
    }

    /// Looks at the deployment that is not done, as one does whose traffic is shifted.
    async fn look_at_deployment(
        &self,
        desired: &DesiredResource,
        progress: &Progress,
    ) -> Result<(), CallError> {
        let Resource::Service(service) = &desired.resource else { return Ok(()) };
        if service.deployment.is_none() || *progress == Progress::Done {
            return Ok(());
        }
        let request = Request::desired(self, desired, "");
        if matches!(progress, Progress::Failed(_)) {
            // It is under way no more, and so is only listed.
            self.poll("ecs:ListServiceDeployments", &request.address).await?;
        }
        self.poll("ecs:DescribeServiceDeployments", &request.address).await
    }

    /// The ARN of a live resource that can become the desired one in place.
    fn changeable(&self, live: &LiveResource, desired: &DesiredResource) -> Result<String, CallError> {
        let describe = read::describe(live.kind());
        self.look(|world| {
            let Some(record) = find(world, live) else {
                let message = format!("`{}` does not exist", live.id);
                return Err(error(ErrorKind::NotFound, describe, "ResourceNotFoundException", message));
            };
            if record.kind() != desired.resource.kind() {
                let message = format!("`{}` is no {}", live.id, desired.resource.kind());
                return Err(error(ErrorKind::Invalid, describe, "ValidationException", message));
            }
            if let Some(field) = rules::immutable_change(&record.resource, &desired.resource) {
                let message = format!("`{field}` of `{}` cannot be changed in place", live.id);
                return Err(error(ErrorKind::Invalid, describe, "ValidationException", message));
            }
            Ok(record.arn.clone())
        })
    }
}

fn error(kind: ErrorKind, operation: &str, code: &str, message: String) -> CallError {
    CallError {
        kind,
        operation: operation.to_owned(),
        code: Some(code.to_owned()),
        message,
        request_id: None,
    }
}

fn unknown(kind: Kind) -> CallError {
    let message = format!("the sandbox does not know the kind `{kind}`");
    error(ErrorKind::Unknown, "sandbox", "NotImplemented", message)
}

/// Refuses a resource whose references are not resolved: AWS would take them for strange names.
fn resolved(desired: &DesiredResource) -> Result<(), CallError> {
    let Some((path, reference)) = desired.references().into_iter().next() else { return Ok(()) };
    let message = format!("`{path}` still holds the reference `{reference}`");
    Err(error(ErrorKind::Invalid, "sandbox", "ValidationException", message))
}

/// The record of a live resource.
fn find<'world>(world: &'world World, live: &LiveResource) -> Option<&'world Record> {
    world.by_id(live.kind(), &live.id)
}

/// The record that has these outputs.
fn by_outputs<'world>(world: &'world World, kind: Kind, outputs: &Outputs) -> Option<&'world Record> {
    let of_kind = |record: &&Record| record.kind() == kind;
    if let (Kind::ClusterCapacity, Some(cluster)) = (kind, outputs.get("cluster")) {
        return world.record(&ecs::cluster_capacity::arn(cluster));
    }
    match (outputs.get("arn"), outputs.get("id")) {
        (Some(arn), _) => world.record(arn).filter(of_kind),
        (None, Some(id)) => world.by_id(kind, id),
        // The policy of a bucket is known by that, and a record by its zone and name.
        (None, None) => match (outputs.get("zone_id"), outputs.get("name")) {
            (Some(zone), Some(name)) => world.record(&domain::arn(zone, name)),
            _ => world.by_id(kind, outputs.get("bucket")?),
        },
    }
}

/// How far a create or update has come, as far as the shown record is the one that was made.
fn progress(record: &Record, world: &World, desired: &Resource) -> Progress {
    if is_older(record, desired) {
        return Progress::Pending("the change is not visible yet".to_owned());
    }
    if let Some(deployment) = &record.deployment
        && let Rollout::RolledBack { reason } = &deployment.rollout
    {
        return Progress::Failed(reason.clone());
    }
    match record.phase(world.now) {
        Phase::Ready => Progress::Done,
        Phase::Settling(detail)
            if record.kind() == Kind::AutoScalingGroup && launches::is_hopeless(&detail) =>
        {
            Progress::Failed(detail)
        }
        Phase::Settling(detail) => Progress::Pending(detail),
        Phase::Deleting(detail) => Progress::Failed(format!("it is being deleted: {detail}")),
        Phase::Failed(reason) => Progress::Failed(reason),
    }
}

/// Whether what is shown is from before a change that AWS takes its time for: its state says nothing about that one.
fn is_older(record: &Record, desired: &Resource) -> bool {
    match (&record.resource, desired) {
        (Resource::Service(_), Resource::Service(desired)) => {
            record.deployment.as_ref().is_some_and(|deployment| deployment.task != desired.task)
        }
        (Resource::Cloudfront(shown), Resource::Cloudfront(desired)) => {
            let reference = shown.caller_reference.clone();
            *shown != Cloudfront { caller_reference: reference, ..desired.clone() }
        }
        _ => false,
    }
}

/// How far a deletion has come, unless its next part must be done now.
fn vanishing(world: &World, live: &LiveResource) -> Option<Progress> {
    if let Resource::Task(_) = live.resource {
        return ecs::task::is_gone(world, live).then_some(Progress::Done);
    }
    if let Resource::BucketFiles(fields) = &live.resource {
        return objects::is_gone(world, fields).then_some(Progress::Done);
    }
    let found = find(world, live).filter(|record| record.state != State::Inactive);
    let Some(record) = found else { return Some(Progress::Done) };
    match (record.phase(world.now), record.kind()) {
        (Phase::Deleting(detail), _) => Some(Progress::Pending(detail)),
        (Phase::Settling(_), Kind::Cloudfront) if is_disabled(record) => {
            Some(Progress::Pending("disabling".to_owned()))
        }
        _ => None,
    }
}

fn is_disabled(record: &Record) -> bool {
    matches!(&record.resource, Resource::Cloudfront(distribution) if !distribution.enabled)
}
