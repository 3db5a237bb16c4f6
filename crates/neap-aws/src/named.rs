//! What the stack names without owning it: whether it is there, looked up by filters, so that one that is not there is no error.
//!
//! Decides which calls that takes: none for what the stack does not name. Must not know who names it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{self as sdk, LocationType};
use neap_core::desired::Desired;
use neap_core::named::{Named, named};
use neap_core::network::needs_zones;
use neap_engine::cloud::CallError;
use tokio::join;

use crate::client::Aws;
use crate::error::failed;

/// What was found, by id or name, with what else is of interest.
type Found = BTreeMap<String, String>;

/// What the stack names, and how it was found.
pub(crate) struct Names {
    /// As [`neap_core::live::Environment::named`] has it, without what could not be looked up.
    pub(crate) named: BTreeMap<String, Option<String>>,
    /// The availability zones, if the stack leaves the choice to neap.
    pub(crate) zones: Vec<String>,
    /// The lookups that failed.
    pub(crate) errors: Vec<CallError>,
}

/// Looks up all that the stack names, in one wave.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Names {
    let wanted: BTreeSet<Named> = named(desired).into_keys().collect();
    let of = |is_meant: fn(&Named) -> bool| -> Vec<String> {
        wanted.iter().filter(|named| is_meant(named)).map(|named| named.name().to_owned()).collect()
    };
    let names_zones = !of(|named| matches!(named, Named::AvailabilityZone(_))).is_empty();
    let asks = names_zones || needs_zones(desired);
    let (types, images, key_pairs, subnets, groups, lists, addresses, services, zones) = join!(
        instance_types(aws, of(|named| matches!(named, Named::InstanceType(_)))),
        images(aws, of(|named| matches!(named, Named::Image(_)))),
        key_pairs(aws, of(|named| matches!(named, Named::KeyPair(_)))),
        subnets(aws, of(|named| matches!(named, Named::Subnet(_)))),
        security_groups(aws, of(|named| matches!(named, Named::SecurityGroup(_)))),
        prefix_lists(aws, of(|named| matches!(named, Named::PrefixList(_)))),
        addresses(aws, of(|named| matches!(named, Named::Address(_)))),
        services(aws, of(|named| matches!(named, Named::EndpointService(_)))),
        async { if asks { zones(aws).await } else { Ok(Vec::new()) } },
    );
    let mut errors = Vec::new();
    let mut found = |answer: Result<Found, CallError>| answer.map_err(|error| errors.push(error)).ok();
    let (types, images, key_pairs) = (found(types), found(images), found(key_pairs));
    let (subnets, services) = (found(subnets), found(services));
    let (groups, lists, addresses) = (found(groups), found(lists), found(addresses));
    // One that is impaired is there all the same; for new subnets only those are chosen that are not.
    let by_name = |zone: &sdk::AvailabilityZone| Some((zone.zone_name()?.to_owned(), String::new()));
    let all = found(zones.clone().map(|zones| zones.iter().filter_map(by_name).collect()));
    let usable = zones.into_iter().flatten().filter(|_| needs_zones(desired));
    let usable = usable.filter(|zone| zone.state() == Some(&sdk::AvailabilityZoneState::Available));
    let look = |named: &Named| {
        let (found, name) = match named {
            Named::InstanceType(name) => (&types, name),
            Named::Image(id) => (&images, id),
            Named::KeyPair(name) => (&key_pairs, name),
            Named::Subnet(id) => (&subnets, id),
            Named::AvailabilityZone(name) => (&all, name),
            Named::EndpointService(name) => (&services, name),
            Named::SecurityGroup(id) => (&groups, id),
            Named::PrefixList(id) => (&lists, id),
            Named::Address(id) => (&addresses, id),
        };
        Some((named.to_string(), found.as_ref()?.get(name).cloned()))
    };
    let named = wanted.iter().filter_map(look).collect();
    Names { named, zones: usable.filter_map(|zone| zone.zone_name).collect(), errors }
}

fn filter(name: &str, values: Vec<String>) -> sdk::Filter {
    sdk::Filter::builder().name(name).set_values(Some(values)).build()
}

/// A type that nobody has is told as one that the region does not offer.
async fn instance_types(aws: &Aws, names: Vec<String>) -> Result<Found, CallError> {
    if names.is_empty() {
        return Ok(Found::new());
    }
    let request = aws.ec2.describe_instance_type_offerings().location_type(LocationType::Region);
    let pages = request.filters(filter("instance-type", names)).into_paginator().items().send();
    let offered: Vec<_> =
        pages.collect::<Result<_, _>>().await.map_err(failed("ec2:DescribeInstanceTypeOfferings"))?;
    let name = |it: sdk::InstanceTypeOffering| it.instance_type.map(|name| name.as_str().to_owned());
    Ok(offered.into_iter().filter_map(name).map(|name| (name, String::new())).collect())
}

/// Images, by their ids. Instances start from deprecated ones too.
pub(crate) async fn found_images(aws: &Aws, ids: Vec<String>) -> Result<Vec<sdk::Image>, CallError> {
    let request = aws.ec2.describe_images().filters(filter("image-id", ids)).include_deprecated(true);
    let pages = request.into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("ec2:DescribeImages"))
}

/// The processors of images.
async fn images(aws: &Aws, ids: Vec<String>) -> Result<Found, CallError> {
    if ids.is_empty() {
        return Ok(Found::new());
    }
    let images = found_images(aws, ids).await?;
    let processor = |image: &sdk::Image| image.architecture().map(|it| it.as_str().to_owned());
    let image = |image: sdk::Image| Some((image.image_id.clone()?, processor(&image).unwrap_or_default()));
    Ok(images.into_iter().filter_map(image).collect())
}

async fn key_pairs(aws: &Aws, names: Vec<String>) -> Result<Found, CallError> {
    if names.is_empty() {
        return Ok(Found::new());
    }
    // AWS lists all of them at once.
    let answer = aws.ec2.describe_key_pairs().filters(filter("key-name", names)).send().await;
    let pairs = answer.map_err(failed("ec2:DescribeKeyPairs"))?.key_pairs.unwrap_or_default();
    Ok(pairs.into_iter().filter_map(|pair| Some((pair.key_name?, String::new()))).collect())
}

/// The availability zones of subnets.
async fn subnets(aws: &Aws, ids: Vec<String>) -> Result<Found, CallError> {
    if ids.is_empty() {
        return Ok(Found::new());
    }
    let pages = aws.ec2.describe_subnets().filters(filter("subnet-id", ids)).into_paginator().items().send();
    let subnets: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(failed("ec2:DescribeSubnets"))?;
    let subnet = |it: sdk::Subnet| Some((it.subnet_id?, it.availability_zone.unwrap_or_default()));
    Ok(subnets.into_iter().filter_map(subnet).collect())
}

async fn security_groups(aws: &Aws, ids: Vec<String>) -> Result<Found, CallError> {
    if ids.is_empty() {
        return Ok(Found::new());
    }
    let request = aws.ec2.describe_security_groups().filters(filter("group-id", ids));
    let pages = request.into_paginator().items().send();
    let groups: Vec<_> =
        pages.collect::<Result<_, _>>().await.map_err(failed("ec2:DescribeSecurityGroups"))?;
    Ok(groups.into_iter().filter_map(|group| Some((group.group_id?, String::new()))).collect())
}

/// Prefix lists of the account, those that are shared with it, and AWS's own.
async fn prefix_lists(aws: &Aws, ids: Vec<String>) -> Result<Found, CallError> {
    if ids.is_empty() {
        return Ok(Found::new());
    }
    let request = aws.ec2.describe_managed_prefix_lists().filters(filter("prefix-list-id", ids));
    let pages = request.into_paginator().items().send();
    let lists: Vec<_> =
        pages.collect::<Result<_, _>>().await.map_err(failed("ec2:DescribeManagedPrefixLists"))?;
    Ok(lists.into_iter().filter_map(|list| Some((list.prefix_list_id?, String::new()))).collect())
}

/// Elastic IP addresses, by their allocation ids.
async fn addresses(aws: &Aws, ids: Vec<String>) -> Result<Found, CallError> {
    if ids.is_empty() {
        return Ok(Found::new());
    }
    // AWS lists all of them at once.
    let answer = aws.ec2.describe_addresses().filters(filter("allocation-id", ids)).send().await;
    let addresses = answer.map_err(failed("ec2:DescribeAddresses"))?.addresses.unwrap_or_default();
    Ok(addresses.into_iter().filter_map(|address| Some((address.allocation_id?, String::new()))).collect())
}

/// The services of AWS that endpoints lead to, by their short names.
async fn services(aws: &Aws, names: Vec<String>) -> Result<Found, CallError> {
    if names.is_empty() {
        return Ok(Found::new());
    }
    let prefix = format!("com.amazonaws.{}.", aws.region);
    let full = names.iter().map(|name| format!("{prefix}{name}")).collect();
    // Its pages have no paginator; without a number AWS puts a thousand names on one, far more than are asked for here.
    let answer = aws.ec2.describe_vpc_endpoint_services().filters(filter("service-name", full)).send().await;
    let answer = answer.map_err(failed("ec2:DescribeVpcEndpointServices"))?;
    let short = |name: &String| name.strip_prefix(&prefix).map(ToOwned::to_owned);
    Ok(answer.service_names().iter().filter_map(short).map(|name| (name, String::new())).collect())
}

/// The availability zones of the region that the account may use, in the order of their ids.
async fn zones(aws: &Aws) -> Result<Vec<sdk::AvailabilityZone>, CallError> {
    let call = aws
        .ec2
        .describe_availability_zones()
        .filters(filter("zone-type", vec!["availability-zone".to_owned()]));
    let answer = call.send().await.map_err(failed("ec2:DescribeAvailabilityZones"))?;
    let mut zones = answer.availability_zones.unwrap_or_default();
    zones.sort_by(|one, other| one.zone_id.cmp(&other.zone_id));
    Ok(zones)
}
