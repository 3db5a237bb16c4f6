//! Facts about the account: the network, and the secrets that the stack names.

use std::collections::{BTreeMap, BTreeSet};

use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, Network};
use neap_core::kinds::Resource;
use neap_core::live::{Environment, Live, Reading};
use neap_core::named::{self, Named};
use neap_core::network as own_network;
use neap_core::reference::{Fact, Reference};
use neap_core::subnets::{self as candidates, Candidate};

use crate::arn;
use crate::services;
use crate::world::{Vpc, World};

/// The calls of one wave that facts take.
pub(super) fn calls(desired: &Desired, wave: usize) -> Vec<&'static str> {
    let network = needs_network(desired);
    let secrets = desired.secrets().len();
    let parameters = parameters(desired).len();
    match wave {
        1 => {
            let tags = (!own_network::is_declared(desired)).then_some("ec2:DescribeTags");
            let vpcs = network.then_some("ec2:DescribeVpcs");
            let secrets = std::iter::repeat_n("secretsmanager:DescribeSecret", secrets);
            let parameters = std::iter::repeat_n("ssm:DescribeParameters", parameters.div_ceil(50));
            let images = needs_images(desired).then_some("ssm:GetParameters");
            let origins =
                desired.refers_to(Fact::CloudfrontOrigins).then_some("ec2:DescribeManagedPrefixLists");
            let certificates = desired.named_certificates().len();
            let certificates = std::iter::repeat_n("acm:DescribeCertificate", certificates);
            vpcs.into_iter()
                .chain(tags)
                .chain(lookups(desired))
                .chain(certificates)
                .chain(origins)
                .chain(secrets)
                .chain(parameters)
                .chain(images)
                .collect()
        }
        2 if network => {
            let named = matches!(desired.network, Network::Id(_) | Network::Name(_));
            ["ec2:DescribeSubnets"].into_iter().chain(named.then_some("ec2:DescribeRouteTables")).collect()
        }
        _ => Vec::new(),
    }
}

/// One call for each sort of what the stack names.
fn lookups(desired: &Desired) -> BTreeSet<&'static str> {
    let call = |named: Named| match named {
        Named::InstanceType(_) => "ec2:DescribeInstanceTypeOfferings",
        Named::Image(_) => "ec2:DescribeImages",
        Named::KeyPair(_) => "ec2:DescribeKeyPairs",
        Named::Subnet(_) => "ec2:DescribeSubnets",
        Named::AvailabilityZone(_) => "ec2:DescribeAvailabilityZones",
        Named::EndpointService(_) => "ec2:DescribeVpcEndpointServices",
        Named::SecurityGroup(_) => "ec2:DescribeSecurityGroups",
        Named::PrefixList(_) => "ec2:DescribeManagedPrefixLists",
        Named::Address(_) => "ec2:DescribeAddresses",
    };
    let zones = own_network::needs_zones(desired).then_some("ec2:DescribeAvailabilityZones");
    named::named(desired).into_keys().map(call).chain(zones).collect()
}

/// What is there of what the stack names.
fn found(world: &World, named: &Named) -> Option<String> {
    let unless = |is_missing: bool| (!is_missing).then(String::new);
    match named {
        Named::InstanceType(name) => unless(world.missing_instance_types.contains(name)),
        // Of one that is not AWS's own nothing says what it is built for.
        Named::Image(id) => unless(world.missing_images.contains(id))
            .map(|_| world.images().into_iter().find(|(_, image)| image == id).unwrap_or_default().0),
        Named::KeyPair(name) => unless(world.missing_key_pairs.contains(name)),
        Named::Subnet(id) => world.subnet(id).map(|(_, zone)| zone.to_owned()),
        Named::AvailabilityZone(name) => unless(!services::network::zones(world).contains(name)),
        Named::EndpointService(name) => unless(!services::vpc_endpoint::SERVICES.contains(&name.as_str())),
        Named::SecurityGroup(id) => unless(!world.shows_security_group(id)),
        Named::PrefixList(id) => unless(!world.has_prefix_list(id)),
        Named::Address(id) => unless(world.missing_addresses.contains(id)),
    }
}

fn needs_images(desired: &Desired) -> bool {
    let is_image = |reference: &Reference| {
        matches!(reference, Reference::Fact(Fact::EcsImage(_) | Fact::NewestEcsImage(_)))
    };
    let mut references = desired.resources.values().flat_map(|resource| resource.references());
    references.any(|(_, reference)| is_image(&reference))
}

fn needs_network(desired: &Desired) -> bool {
    let about_network =
        |reference: &Reference| matches!(reference, Reference::Fact(Fact::Vpc | Fact::Subnets));
    let mut references = desired.resources.values().flat_map(|resource| resource.references());
    references.any(|(_, reference)| about_network(&reference))
}

/// The VPC that the stack lives in, if there is one that fits.
pub(super) fn vpc<'world>(world: &'world World, desired: &Desired) -> Option<&'world Vpc> {
    let mut fitting =
        world.vpcs.iter().filter(|vpc| vpc.region == world.place).filter(|vpc| match &desired.network {
            Network::Default => vpc.default,
            Network::Id(id) => vpc.id == *id,
            Network::Name(name) => vpc.name == *name,
            Network::Own(_) => false,
        });
    // A name that several have means none of them.
    fitting.next().filter(|_| fitting.next().is_none())
}

/// The subnets of the VPC that the stack gets.
fn subnets(vpc: &Vpc) -> Vec<Candidate<'_>> {
    let found = vpc.subnets.iter();
    let found = found.map(|(id, zone)| Candidate { zone, id, public: !vpc.private.contains(id) });
    candidates::choose(&found.collect::<Vec<_>>())
}

/// What the stack needs of the account.
pub(super) fn environment(world: &World, desired: &Desired) -> Environment {
    let place = world.place();
    let vpc = vpc(world, desired).filter(|_| needs_network(desired));
    let subnets = vpc.map(subnets).unwrap_or_default();
    let exists = |name: &String| !world.missing_secrets.contains(name);
    let secret = |name: String| {
        let suffix = arn::letters(&name, 6, arn::SMALL);
        let arn = place.arn("secretsmanager", &format!("secret:{name}-{suffix}"));
        (name, arn)
    };
    Environment {
        account: place.account.clone(),
        region: place.region.clone(),
        partition: place.partition().to_owned(),
        vpc: vpc.map(|vpc| vpc.id.clone()),
        subnets: subnets.iter().map(|subnet| subnet.id.to_owned()).collect(),
        subnets_private: subnets.iter().any(|subnet| !subnet.public),
        secrets: desired.secrets().into_iter().filter(exists).map(secret).collect(),
        availability_zones: Vec::new(),
        taken_buckets: [].into(),
        cloudfront_origins: desired
            .refers_to(Fact::CloudfrontOrigins)
            .then(|| world.cloudfront_origins())
            .flatten(),
        zones: desired
            .zones()
            .iter()
            .filter_map(|zone| Some((zone.to_string(), world.zone(zone)?)))
            .collect(),
        private_zones: desired
            .zones()
            .iter()
            .filter(|zone| world.zone(zone).is_some_and(|id| world.is_private(&id)))
            .map(ToString::to_string)
            .collect(),
        certificates: desired
            .named_certificates()
            .into_iter()
            .filter_map(|arn| world.bad_certificates.get(&arn).map(|state| (arn, state.clone())))
            .collect(),
        named: named::named(desired)
            .into_keys()
            .map(|named| (named.to_string(), found(world, &named)))
            .collect(),
        images: if needs_images(desired) { world.images() } else { BTreeMap::new() },
    }
}

/// What follows from the readings: the availability zones of the stack's own network, and the VPC of a gateway that is not
/// attached to any.
pub(super) fn place(world: &World, desired: &Desired, live: &mut Live) {
    if own_network::needs_zones(desired) {
        live.environment.availability_zones =
            own_network::zones(&services::network::zones(world), &live.readings);
    }
    let main = Address::new(Kind::Vpc, own_network::MAIN);
    let vpc = live.present(&main).map(|vpc| vpc.id.clone()).unwrap_or_default();
    for reading in live.readings.values_mut() {
        if let Reading::Present(found) = reading
            && let Resource::InternetGateway(gateway) = &mut found.resource
            && !gateway.attached
        {
            gateway.vpc.clone_from(&vpc);
        }
    }
}

/// The names of the SSM parameters that containers take secrets from, with their leading slash where they have one.
fn parameters(desired: &Desired) -> BTreeSet<String> {
    let tasks = desired.resources.values().filter_map(|resource| match &resource.resource {
        Resource::Task(task) => Some(task),
        _ => None,
    });
    let secrets = tasks.flat_map(|task| task.containers.values()).flat_map(|it| it.secrets.values());
    secrets.filter_map(|arn| parameter(arn)).collect()
}

/// The name in the ARN of an SSM parameter. That of a path keeps its slash: `parameter/course/db-url`.
fn parameter(arn: &str) -> Option<String> {
    let (service, name) = arn.split_once(":parameter/")?;
    let path = name.contains('/');
    service.contains(":ssm:").then(|| if path { format!("/{name}") } else { name.to_owned() })
}

/// Parameters that the stack names and that do not exist.
pub(super) fn warnings(world: &World, desired: &Desired) -> Vec<String> {
    let missing = |name: &String| world.missing_parameters.contains(name);
    let names = parameters(desired).into_iter().filter(missing);
    names.map(|name| format!("the SSM parameter `{name}` does not exist")).collect()
}
