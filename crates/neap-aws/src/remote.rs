//! What every kind answers to: create, update, delete and the looks in between.
//!
//! Decides the verbs' signatures and hands each kind its fields as their own type. Must not know any service.

use std::collections::{BTreeMap, BTreeSet};

use neap_core::address::Address;
use neap_core::desired::{Desired, DesiredResource, TAG_ADDRESS, TAG_STACK};
use neap_core::kinds::{
    Alb, AutoScalingGroup, Bucket, BucketFiles, BucketPolicy, CapacityProvider, Certificate, Clb, Cloudfront,
    Cluster, ClusterCapacity, DiscoveryService, Domain, Ecr, ElasticIp, Function, InstanceProfile,
    InternetGateway, KindOf, LaunchTemplate, Listener, LogGroup, Namespace, NatGateway, Nlb,
    OriginAccessControl, Resource, Role, RouteTable, Rule, ScalableTarget, SecurityGroup, Service, Subnet,
    TargetGroup, Task, Vpc, VpcEndpoint,
};
use neap_core::live::{LiveResource, Outputs};
use neap_core::ownership::Owned;
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use crate::client::Aws;

/// Picks the fields of one kind out of a resource.
pub(crate) trait Fields: KindOf + Sized {
    /// The fields, if the resource is of this kind.
    fn of(resource: &Resource) -> Option<&Self>;
}

macro_rules! fields {
    ($($kind:ident)*) => {
        $(impl Fields for $kind {
            fn of(resource: &Resource) -> Option<&Self> {
                match resource {
                    Resource::$kind(fields) => Some(fields),
                    _ => None,
                }
            }
        })*
    };
}

fields!(LogGroup Role InstanceProfile Ecr Cluster Vpc InternetGateway ElasticIp NatGateway RouteTable Subnet VpcEndpoint SecurityGroup LaunchTemplate AutoScalingGroup CapacityProvider
    ClusterCapacity TargetGroup Alb Nlb Clb Listener Rule Task Service ScalableTarget Cloudfront Bucket BucketPolicy BucketFiles OriginAccessControl Certificate Function Domain Namespace DiscoveryService);

/// A desired resource with its fields as their own type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a, T> {
    /// The fields.
    pub(crate) fields: &'a T,
    /// The tags, `neap:spec` excepted.
    pub(crate) tags: &'a BTreeMap<String, String>,
    /// What `neap:spec` shall be.
    pub(crate) spec: &'a str,
    /// What others change of it.
    pub(crate) owned: &'a BTreeSet<Owned>,
}

impl<'a, T: Fields> Wanted<'a, T> {
    /// The typed view of `desired`.
    pub(crate) fn of(desired: &'a DesiredResource, spec: &'a str) -> Result<Self, CallError> {
        let fields = T::of(&desired.resource).ok_or_else(|| wrong_kind::<T>(&desired.resource))?;
        Ok(Self { fields, tags: &desired.tags, spec, owned: &desired.owned_elsewhere })
    }

    /// The stack's name, from the tags.
    pub(crate) fn stack(&self) -> &str {
        self.tags.get(TAG_STACK).map_or("", String::as_str)
    }

    /// The address, from the tags.
    pub(crate) fn address(&self) -> &str {
        self.tags.get(TAG_ADDRESS).map_or("", String::as_str)
    }

    /// Whether something with these live tags is what this creates: of the same stack and address.
    pub(crate) fn is_marked(&self, live: &BTreeMap<String, String>) -> bool {
        live.get(TAG_STACK).is_some_and(|stack| stack == self.stack())
            && live.get(TAG_ADDRESS).is_some_and(|address| address == self.address())
    }
}

/// A live resource with its fields as their own type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held<'a, T> {
    /// The fields.
    pub(crate) fields: &'a T,
    /// The rest of it.
    pub(crate) live: &'a LiveResource,
}

impl<'a, T: Fields> Held<'a, T> {
    /// The typed view of `live`.
    pub(crate) fn of(live: &'a LiveResource) -> Result<Self, CallError> {
        let fields = T::of(&live.resource).ok_or_else(|| wrong_kind::<T>(&live.resource))?;
        Ok(Self { fields, live })
    }
}

/// The desired resources of one kind, with their addresses.
pub(crate) fn declared<'a, T: Fields + 'a>(
    desired: &'a Desired,
) -> impl Iterator<Item = (&'a Address, &'a T)> {
    desired.resources.iter().filter_map(|(address, wanted)| Some((address, T::of(&wanted.resource)?)))
}

/// Outputs from pairs.
pub(crate) fn outputs<const N: usize>(pairs: [(&str, &str); N]) -> Outputs {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn wrong_kind<T: KindOf>(resource: &Resource) -> CallError {
    CallError {
        kind: ErrorKind::Invalid,
        operation: "neap".to_owned(),
        code: None,
        message: format!("a `{}` cannot become a `{}`", resource.kind(), T::KIND),
        request_id: None,
    }
}

/// A kind as AWS knows it. The promises are those of [`neap_engine::cloud::Cloud`].
pub(crate) trait Remote: Fields {
    /// Creates it, or finds what an earlier attempt created.
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError>;

    /// Changes what is live into what is wanted, tags and spec hash included.
    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError>;

    /// Starts to delete it.
    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError>;

    /// Looks whether it is ready.
    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError>;

    /// Looks whether it is gone, and does the next part of its deletion.
    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError>;
}
