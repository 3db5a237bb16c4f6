//! What a stack names without owning it, by the ids and names in the stack file: subnets, security groups, images
//! and the like.
//!
//! Decides which those are, and who names each. Must not know how they are looked up, nor what is done about one that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::address::Address;
use crate::desired::Desired;
use crate::kinds::Resource;

/// What the names of endpoint services begin with, in the stack's own region.
const SERVICES: &str = "com.amazonaws.${aws.region}.";

/// Something that a stack names without owning it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// A type of instances.
    InstanceType(String),
    /// An image, by its id.
    Image(String),
    /// A key pair, by its name.
    KeyPair(String),
    /// A subnet, by its id.
    Subnet(String),
    /// An availability zone, by its name.
    AvailabilityZone(String),
    /// A service of AWS that endpoints lead to, by its short name.
    EndpointService(String),
    /// A security group, by its id.
    SecurityGroup(String),
    /// A prefix list, by its id.
    PrefixList(String),
    /// An Elastic IP address, by its allocation id.
    Address(String),
}

impl Named {
    /// The id or name.
    pub fn name(&self) -> &str {
        match self {
            Self::InstanceType(name)
            | Self::Image(name)
            | Self::KeyPair(name)
            | Self::Subnet(name)
            | Self::AvailabilityZone(name)
            | Self::EndpointService(name)
            | Self::SecurityGroup(name)
            | Self::PrefixList(name)
            | Self::Address(name) => name,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::InstanceType(_) => "instance type",
            Self::Image(_) => "image",
            Self::KeyPair(_) => "key pair",
            Self::Subnet(_) => "subnet",
            Self::AvailabilityZone(_) => "availability zone",
            Self::EndpointService(_) => "endpoint service",
            Self::SecurityGroup(_) => "security group",
            Self::PrefixList(_) => "prefix list",
            Self::Address(_) => "elastic IP address",
        };
        write!(formatter, "{what} {}", self.name())
    }
}

/// All that `desired` names, with the declared resources that do.
pub fn named(desired: &Desired) -> BTreeMap<Named, BTreeSet<Address>> {
    let mut named: BTreeMap<Named, BTreeSet<Address>> = BTreeMap::new();
    for (address, wanted) in &desired.resources {
        let by = wanted.implied.as_ref().map_or(address, |implied| &implied.by);
        for found in by_resource(&wanted.resource).into_iter().filter(|found| !found.name().contains("${")) {
            named.entry(found).or_default().insert(by.clone());
        }
    }
    named
}

fn by_resource(resource: &Resource) -> Vec<Named> {
    let subnets = |ids: &BTreeSet<String>, groups: &BTreeSet<String>| {
        ids.iter().cloned().map(Named::Subnet).chain(security_groups(groups)).collect()
    };
    match resource {
        Resource::LaunchTemplate(template) => {
            let key_pair = template.key_pair.iter().cloned().map(Named::KeyPair);
            let rest =
                [Named::InstanceType(template.instance_type.clone()), Named::Image(template.image.clone())];
            rest.into_iter().chain(key_pair).chain(security_groups(&template.security_groups)).collect()
        }
        Resource::Alb(alb) => subnets(&alb.subnets, &alb.security_groups),
        Resource::Nlb(nlb) => {
            let elastic = nlb.addresses.keys().filter(|address| address.starts_with("eipalloc-"));
            let found: Vec<Named> = subnets(&nlb.subnets, &nlb.security_groups);
            found.into_iter().chain(elastic.cloned().map(Named::Address)).collect()
        }
        Resource::Clb(clb) => subnets(&clb.subnets, &clb.security_groups),
        Resource::Service(service) => subnets(&service.subnets, &service.security_groups),
        Resource::AutoScalingGroup(group) => subnets(&group.subnets, &BTreeSet::new()),
        Resource::SecurityGroup(group) => {
            let peers = || group.ingress.iter().chain(&group.egress).map(|rule| &rule.peer);
            let lists = peers().filter(|peer| peer.starts_with("pl-")).cloned().map(Named::PrefixList);
            security_groups(peers()).chain(lists).collect()
        }
        Resource::Subnet(subnet) => vec![Named::AvailabilityZone(subnet.zone.clone())],
        Resource::VpcEndpoint(endpoint) => {
            let short = endpoint.service.strip_prefix(SERVICES).map(ToOwned::to_owned);
            short.map(Named::EndpointService).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Those of `names` that are ids of security groups.
fn security_groups<'n>(names: impl IntoIterator<Item = &'n String>) -> impl Iterator<Item = Named> {
    let ids = names.into_iter().filter(|name| name.starts_with("sg-"));
    ids.cloned().map(Named::SecurityGroup)
}
