//! The AWS side of neap: reads and changes a stack through AWS's SDK.
//!
//! Decides which API calls a reading or a step takes and what their answers mean. Must not know how steps
//! are ordered, how long anyone waits, or what the user is shown.

mod adopt;
mod auto_scaling;
mod bucket;
mod capacity_provider;
mod certificate;
mod clb;
mod client;
mod cloudfront;
mod cluster;
mod cluster_capacity;
mod discovery;
mod domain;
mod ecr;
mod ecs;
mod elb;
mod error;
mod facts;
mod found;
mod hinted;
mod instance_profile;
mod launch_template;
mod lock;
mod log_group;
mod named;
mod network;
mod pace;
mod recent;
mod remote;
mod role;
mod route53;
mod scalable_target;
mod security_group;
mod service;
mod tags;
mod task;
mod zero;

use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, DesiredResource, Network};
use neap_core::kinds::{
    Alb, AutoScalingGroup, Bucket, BucketFiles, BucketPolicy, CapacityProvider, Certificate, Clb, Cloudfront,
    Cluster, ClusterCapacity, DiscoveryService, Domain, Ecr, ElasticIp, Function, InstanceProfile,
    InternetGateway, LaunchTemplate, Listener, LogGroup, Namespace, NatGateway, Nlb, OriginAccessControl,
    Role, RouteTable, Rule, ScalableTarget, SecurityGroup, Service, Subnet, TargetGroup, Task, Vpc,
    VpcEndpoint,
};
use neap_core::live::{Live, LiveResource, Outputs, Reading};
use neap_core::network::{MAIN, is_part, zones as network_zones};
use neap_core::zero::{Remains, StackScope};
use neap_engine::cloud::{CallError, Cloud, ErrorKind, Progress};
use neap_engine::transfers::Transfers;
use tokio::try_join;

pub use crate::client::{Aws, ConnectOptions};
use crate::error::refused;
use crate::found::{Found, read_failure};
pub use crate::lock::LockStore;
use crate::remote::{Held, Remote, Wanted};
use crate::route53::Zones;

/// Evaluates an expression with `$fields` standing for the structure of a kind's fields.
macro_rules! by_kind {
    ($kind:expr, $fields:ident => $expression:expr) => {
        by_kind!(@match $kind, $fields => $expression;
            LogGroup Role InstanceProfile Ecr Cluster Vpc InternetGateway ElasticIp NatGateway RouteTable Subnet VpcEndpoint SecurityGroup LaunchTemplate AutoScalingGroup
            CapacityProvider ClusterCapacity TargetGroup Alb Nlb Clb Listener Rule Task Service ScalableTarget Cloudfront
            Bucket BucketPolicy BucketFiles OriginAccessControl Certificate Function Domain Namespace DiscoveryService)
    };
    (@match $kind:expr, $fields:ident => $expression:expr; $($variant:ident)*) => {
        match $kind {
            $(Kind::$variant => {
                type $fields = $variant;
                // Boxed, since the futures of some SDK calls are tens of kilobytes large.
                Box::pin(async move { $expression }).await
            })*
        }
    };
}

impl Aws {
    /// Reads what stands for the stack's resources, all services at once.
    async fn read_resources(&self, desired: &Desired, zones: &Zones) -> Found {
        let instances = async {
            let (mut profiles, templates, groups, providers) = tokio::join!(
                Box::pin(instance_profile::read(self, desired)),
                Box::pin(launch_template::read(self, desired)),
                Box::pin(auto_scaling::read(self, desired)),
                Box::pin(capacity_provider::read(self, desired)),
            );
            for part in [templates, groups, providers] {
                profiles.merge(part);
            }
            profiles
        };
        let (
            logs,
            roles,
            repositories,
            clusters,
            balancers,
            classic,
            distributions,
            controls,
            functions,
            buckets,
            scaling,
            hinted,
            instances,
            certificates,
            networks,
            domains,
        ) = tokio::join!(
            Box::pin(log_group::read(self, desired)),
            Box::pin(role::read(self, desired)),
            Box::pin(ecr::read(self, desired)),
            Box::pin(ecs::read(self, desired)),
            Box::pin(elb::read(self, desired)),
            Box::pin(clb::read(self, desired)),
            Box::pin(cloudfront::read(self, desired)),
            Box::pin(cloudfront::access_control::read(self, desired)),
            Box::pin(cloudfront::function::read(self, desired)),
            Box::pin(bucket::read(self, desired)),
            Box::pin(scalable_target::read(self, desired)),
            Box::pin(hinted::read(self, desired)),
            Box::pin(instances),
            Box::pin(certificate::read(self, desired, zones)),
            Box::pin(network::read(self, desired)),
            Box::pin(domain::read(self, desired, zones)),
        );
        let mut found = Found::new(&desired.stack);
        for part in [
            logs,
            roles,
            repositories,
            clusters,
            balancers,
            classic,
            distributions,
            controls,
            functions,
            buckets,
            scaling,
            hinted,
            instances,
            certificates,
            networks,
            domains,
        ] {
            found.merge(part);
        }
        found
    }
}

/// The id of the VPC of the stack's own: an empty one as long as there is none, in which no group can be.
fn own_vpc(desired: &Desired, found: &Found) -> Option<String> {
    let Network::Own(_) = desired.network else { return None };
    match found.readings.get(&Address::new(Kind::Vpc, MAIN)) {
        Some(Reading::Present(vpc)) => Some(vpc.id.clone()),
        _ => Some(String::new()),
    }
}

impl Cloud for Aws {
    async fn read(&self, desired: &Desired) -> Result<Live, CallError> {
        let zones = Zones::default();
        let resources = async { Ok(self.read_resources(desired, &zones).await) };
        let groups = async { Ok(Box::pin(security_group::read(self)).await) };
        // Without an account there is no answer at all, so the other reads need not be waited for.
        let names = async { Ok(Box::pin(discovery::read(self, desired)).await) };
        let (mut facts, mut found, groups, names) =
            try_join!(Box::pin(facts::read(self, desired, &zones)), resources, groups, names)?;
        facts.environment.availability_zones =
            network_zones(&facts.environment.availability_zones, &found.readings);
        let vpc = own_vpc(desired, &found).or_else(|| facts.environment.vpc.clone());
        found.merge(security_group::claim(&groups, desired, vpc.as_deref()));
        found.merge(discovery::claim(&names, desired, vpc.as_deref()));
        let account = facts.environment.account.clone();
        let names = Box::pin(bucket::taken_names(self, desired, &account, &found.readings));
        let (taken, errors) = names.await;
        facts.environment.taken_buckets = taken;
        facts.failures.extend(errors.iter().map(read_failure));
        Box::pin(bucket::files::read(self, desired, &mut found)).await;
        let holdings = Box::pin(bucket::files::leaving(self, &mut found)).await;
        let images = Box::pin(ecr::leaving(self, desired, &mut found)).await;
        let mut failures = found.failures;
        failures.extend(facts.failures);
        let mut warnings = found.warnings;
        warnings.extend(facts.warnings);
        Ok(Live {
            environment: facts.environment,
            readings: found.readings,
            orphans: found.orphans,
            failures,
            warnings,
            holdings,
            images,
        })
    }

    async fn create(&self, desired: &DesiredResource, spec: &str) -> Result<Outputs, CallError> {
        by_kind!(desired.resource.kind(), Fields => {
            let wanted = Wanted::of(desired, spec)?;
            Fields::create(self, &wanted).await
        })
    }

    async fn update(
        &self,
        live: &LiveResource,
        desired: &DesiredResource,
        spec: &str,
    ) -> Result<Outputs, CallError> {
        by_kind!(desired.resource.kind(), Fields => {
            let (held, wanted) = (Held::of(live)?, Wanted::of(desired, spec)?);
            Fields::update(self, &held, &wanted).await
        })
    }

    async fn delete(&self, live: &LiveResource) -> Result<(), CallError> {
        by_kind!(live.kind(), Fields => {
            let held = Held::of(live)?;
            Fields::delete(self, &held).await
        })
    }

    async fn ready(&self, desired: &DesiredResource, outputs: &Outputs) -> Result<Progress, CallError> {
        by_kind!(desired.resource.kind(), Fields => {
            let wanted = Wanted::of(desired, "")?;
            Fields::ready(self, &wanted, outputs).await
        })
    }

    async fn gone(&self, live: &LiveResource) -> Result<Progress, CallError> {
        by_kind!(live.kind(), Fields => {
            let held = Held::of(live)?;
            Fields::gone(self, &held).await
        })
    }

    async fn created(&self, desired: &DesiredResource, spec: &str) -> Result<Option<Outputs>, CallError> {
        match desired.resource.kind() {
            Kind::Task => task::registered(self, &Wanted::of(desired, spec)?).await,
            kind if is_part(kind) && kind != Kind::Subnet => network::made(self, desired, spec).await,
            Kind::Certificate => certificate::requested(self, &Wanted::of(desired, spec)?).await,
            _ => {
                let message = "this kind is found by its name when it is created again";
                Err(refused(ErrorKind::Invalid, "created", message))
            }
        }
    }

    fn transfers(&self) -> Option<&Transfers> {
        Some(&self.transfers)
    }

    async fn remains(&self, scope: &StackScope) -> Result<Remains, CallError> {
        Box::pin(zero::remains(self, scope)).await
    }
}
