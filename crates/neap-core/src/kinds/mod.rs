//! The kinds of resources: one file each, with the typed fields that desired and live share.
//!
//! Decides what a resource is and how its fields may change ([`FieldPolicy`]). Must not know the stack
//! file's shape, the AWS SDK, or how plans are made.

mod alb;
mod auto_scaling_group;
mod bucket;
mod bucket_files;
mod bucket_policy;
mod capacity_provider;
mod certificate;
mod clb;
mod cloudfront;
mod cluster;
mod cluster_capacity;
mod discovery_service;
mod domain;
mod ecr;
mod elastic_ip;
mod function;
mod instance_profile;
mod internet_gateway;
mod launch_template;
mod listener;
mod log_group;
mod namespace;
mod nat_gateway;
mod nlb;
mod origin_access_control;
mod role;
mod route_table;
mod rule;
mod scalable_target;
mod security_group;
mod service;
mod subnet;
mod target_group;
mod task;
mod vpc;
mod vpc_endpoint;

pub use alb::Alb;
pub use auto_scaling_group::{AutoScalingGroup, GroupTracking};
pub use bucket::{Bucket, CorsRule, LifecycleRule, PUBLIC_ACCESS_BLOCKS};
pub use bucket_files::{BucketFiles, Site};
pub use bucket_policy::BucketPolicy;
pub use capacity_provider::CapacityProvider;
pub use certificate::Certificate;
pub use clb::{Clb, ClbHealthCheck, ClbListener};
pub use cloudfront::{Behavior, Cloudfront, ManagedPolicies, Origin, ViewerCertificate};
pub use cloudfront::{
    MANAGED_CACHE_POLICIES, MANAGED_ORIGIN_REQUEST_POLICIES, MANAGED_RESPONSE_HEADERS_POLICIES,
};
pub use cluster::{Cluster, StrategyItem};
pub use cluster_capacity::ClusterCapacity;
pub use discovery_service::DiscoveryService;
pub use domain::{CLOUDFRONT_ZONE, Domain};
pub use ecr::Ecr;
pub use elastic_ip::ElasticIp;
pub use function::{Code, Function};
pub use instance_profile::InstanceProfile;
pub use internet_gateway::InternetGateway;
pub use launch_template::LaunchTemplate;
pub use listener::{Action, Listener, WeightedGroup};
pub use log_group::{LogGroup, RETENTION_DAYS};
pub use namespace::Namespace;
pub use nat_gateway::NatGateway;
pub use nlb::Nlb;
pub use origin_access_control::OriginAccessControl;
pub use role::Role;
pub use route_table::RouteTable;
pub use rule::{Conditions, QueryMatch, Rule};
pub use scalable_target::{ScalableTarget, ScheduledAction, Step, StepAlarm, StepScaling, TargetTracking};
pub use security_group::{SecurityGroup, SecurityGroupRule};
pub use service::{
    Alternate, ClassicTarget, ConnectEndpoint, ConnectTls, Deployment, Hook, Service, ServiceConnect,
    ServiceRegistry, ServiceTarget,
};
pub use subnet::Subnet;
pub use target_group::{HealthCheck, Stickiness, TargetGroup};
pub use task::{
    Container, ContainerHealthCheck, Firelens, LogConfiguration, MountPoint, PortMapping, RESERVED_PORTS,
    Task, Ulimit, Volume,
};
pub use vpc::Vpc;
pub use vpc_endpoint::VpcEndpoint;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::address::Kind;

/// How the fields of a kind may change, as paths into its serialised form.
///
/// A path is the names of the members on the way (`encryption.kms_key`); list items and map keys are
/// not named, so `containers.env` means the environment of every container.
#[derive(Debug, Clone, Copy)]
pub struct FieldPolicy {
    /// AWS cannot change these in place: a change replaces the resource.
    pub replace: &'static [&'static str],
    /// Left alone when the stack does not set them (the member is absent from the desired value).
    pub ignore_unset: &'static [&'static str],
    /// Lists whose order means nothing.
    pub unordered: &'static [&'static str],
    /// JSON documents and lists of structures, shown as a unified diff rather than member by member.
    pub documents: &'static [&'static str],
    /// Never shown in a plan and never compared: they only help to find the resource, or another field stands for them.
    pub hidden: &'static [&'static str],
}

/// What every kind's structure answers about itself.
pub trait KindOf: Serialize {
    /// The kind.
    const KIND: Kind;
    /// How its fields may change.
    const POLICY: FieldPolicy;

    /// The name that AWS knows the resource by, where AWS lets the caller choose one; otherwise empty.
    fn aws_name(&self) -> &str;

    /// The fields in which AWS cannot change this, live, into `wanted` in place, beyond those that it never changes.
    fn cannot_become(&self, _wanted: &Self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Whether this, live, has something beside its name that AWS gives to one at a time and that `wanted` takes over.
    fn excludes(&self, _wanted: &Self) -> bool {
        false
    }

    /// `wanted` with all that this, live, lets pass and `wanted` does not; none where nothing is cut off by the change.
    fn widened(&self, _wanted: &Self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// A value with every field set, for tests and documentation.
    fn example() -> Self;
}

macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        /// The fields of one resource: the same type for what is desired and for what is live.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", content = "fields", rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Resource {
            $(#[doc = concat!("See [`", stringify!($kind), "`].")] $kind($kind)),*
        }

        impl Resource {
            /// The kind of the resource.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => <$kind as KindOf>::KIND),* }
            }

            /// How the fields of a resource of `kind` may change.
            pub const fn policy(kind: Kind) -> &'static FieldPolicy {
                match kind { $(Kind::$kind => &<$kind as KindOf>::POLICY),* }
            }

            /// The name that AWS knows the resource by, or an empty string where it has none.
            pub fn aws_name(&self) -> &str {
                match self { $(Self::$kind(fields) => fields.aws_name()),* }
            }

            /// The fields in which AWS cannot change this, live, into `wanted` in place, beyond those that it never changes.
            pub fn cannot_become(&self, wanted: &Self) -> Vec<&'static str> {
                match (self, wanted) {
                    $((Self::$kind(live), Self::$kind(wanted)) => live.cannot_become(wanted),)*
                    _ => Vec::new(),
                }
            }

            /// Whether this, live, has something beside its name that AWS gives to one at a time and that `wanted` takes over.
            pub fn excludes(&self, wanted: &Self) -> bool {
                match (self, wanted) {
                    $((Self::$kind(live), Self::$kind(wanted)) => live.excludes(wanted),)*
                    _ => false,
                }
            }

            /// `wanted` with all that this, live, lets pass and `wanted` does not; none where nothing is cut off by the change.
            pub fn widened(&self, wanted: &Self) -> Option<Self> {
                match (self, wanted) {
                    $((Self::$kind(live), Self::$kind(wanted)) => live.widened(wanted).map(Self::$kind),)*
                    _ => None,
                }
            }

            /// A value of `kind` with every field set.
            pub fn example(kind: Kind) -> Self {
                match kind { $(Kind::$kind => Self::$kind(<$kind as KindOf>::example())),* }
            }

            /// The fields alone, serialised: the tree that diffs and references are found in.
            pub fn fields(&self) -> Value {
                let fields = match self { $(Self::$kind(fields) => serde_json::to_value(fields)),* };
                // A structure of strings, numbers, lists and string-keyed maps always serialises.
                fields.unwrap_or(Value::Null)
            }

            /// The resource of `kind` with these fields.
            ///
            /// # Errors
            ///
            /// Fails when the fields are not those of the kind.
            pub fn from_fields(kind: Kind, fields: Value) -> Result<Self, serde_json::Error> {
                match kind { $(Kind::$kind => serde_json::from_value(fields).map(Self::$kind)),* }
            }
        }

        $(impl From<$kind> for Resource {
            fn from(fields: $kind) -> Self {
                Self::$kind(fields)
            }
        })*
    };
}

kinds!(
    LogGroup,
    Role,
    InstanceProfile,
    Ecr,
    Cluster,
    Vpc,
    InternetGateway,
    ElasticIp,
    NatGateway,
    RouteTable,
    Subnet,
    VpcEndpoint,
    SecurityGroup,
    LaunchTemplate,
    AutoScalingGroup,
    CapacityProvider,
    ClusterCapacity,
    TargetGroup,
    Alb,
    Nlb,
    Clb,
    Listener,
    Rule,
    Task,
    Service,
    ScalableTarget,
    Cloudfront,
    Bucket,
    BucketPolicy,
    BucketFiles,
    OriginAccessControl,
    Certificate,
    Function,
    Domain,
    Namespace,
    DiscoveryService,
);

impl Resource {
    /// How much longer AWS draws out a change of it because the stack asks for that.
    pub fn drawn_out(&self) -> std::time::Duration {
        match self {
            Self::Service(service) => service.drawn_out(),
            _ => std::time::Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows a policy path through every list and map on the way.
    fn exists(value: &Value, path: &[&str]) -> bool {
        match (value, path) {
            (_, []) => true,
            (Value::Array(items), _) => items.iter().any(|item| exists(item, path)),
            (Value::Object(members), [first, rest @ ..]) => {
                members.get(*first).is_some_and(|member| exists(member, rest))
                    || members.values().any(|member| member.is_object() && exists(member, path))
            }
            _ => false,
        }
    }

    #[test]
    fn every_policy_names_fields_that_exist() {
        for kind in Kind::ALL {
            let fields = Resource::example(kind).fields();
            let policy = Resource::policy(kind);
            for list in
                [policy.replace, policy.ignore_unset, policy.unordered, policy.documents, policy.hidden]
            {
                for path in list {
                    let parts: Vec<&str> = path.split('.').collect();
                    assert!(exists(&fields, &parts), "{kind}: no field `{path}` in its example");
                }
            }
        }
    }

    #[test]
    fn every_example_survives_serialisation() {
        for kind in Kind::ALL {
            let example = Resource::example(kind);
            assert_eq!(example.kind(), kind);
            let again = Resource::from_fields(kind, example.fields()).expect("its own fields");
            assert_eq!(again, example);
        }
    }
}
