//! Network load balancers and their attributes.
//!
//! Decides which calls create and change one. Must not know its listeners.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::Nlb;
use neap_core::live::{LiveResource, Outputs};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::alb::{self, CREATE, DELETION_PROTECTION, outputs_of, phase, set_attributes};
use super::describe::{self, Attributes};
use super::tags;
use crate::adopt::{adopt, live_resource, not_visible_yet, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::remote::{Held, Remote, Wanted};
use crate::tags::{Tags, to_elb};

const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";

/// The attributes that a load balancer shall have.
fn attributes(nlb: &Nlb) -> Attributes {
    [(CROSS_ZONE, nlb.cross_zone.to_string()), (DELETION_PROTECTION, nlb.deletion_protection.to_string())]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
}

/// The attributes that AWS gives a new load balancer.
fn default_attributes() -> Attributes {
    [CROSS_ZONE, DELETION_PROTECTION].map(|key| (key.to_owned(), "false".to_owned())).into()
}

/// What a load balancer's description and attributes say.
fn from_aws(balancer: &sdk::LoadBalancer, attributes: &Attributes) -> Nlb {
    let is_on = |key: &str| attributes.get(key).is_some_and(|value| value == "true");
    let zones = balancer.availability_zones();
    let address = |zone: &sdk::AvailabilityZone| {
        let address = zone.load_balancer_addresses().first()?;
        let given = address.allocation_id().or(address.private_ipv4_address())?;
        Some((given.to_owned(), zone.subnet_id()?.to_owned()))
    };
    Nlb {
        name: balancer.load_balancer_name().unwrap_or_default().to_owned(),
        scheme: balancer.scheme().map_or("internet-facing", sdk::LoadBalancerSchemeEnum::as_str).to_owned(),
        ip_address_type: balancer.ip_address_type().map_or("ipv4", sdk::IpAddressType::as_str).to_owned(),
        subnets: zones.iter().filter_map(|zone| zone.subnet_id()).map(ToOwned::to_owned).collect(),
        addresses: zones.iter().filter_map(address).collect(),
        security_groups: balancer.security_groups().iter().cloned().collect(),
        cross_zone: is_on(CROSS_ZONE),
        deletion_protection: is_on(DELETION_PROTECTION),
    }
}

/// The subnets with the static addresses in them, as the API takes them.
fn mappings(nlb: &Nlb) -> Vec<sdk::SubnetMapping> {
    let mapping = |subnet: &String| {
        let given = nlb.address_in(subnet).map(ToOwned::to_owned);
        let (elastic, private) = match given {
            Some(address) if address.starts_with("eipalloc-") => (Some(address), None),
            address => (None, address),
        };
        sdk::SubnetMapping::builder()
            .subnet_id(subnet)
            .set_allocation_id(elastic)
            .set_private_ipv4_address(private)
            .build()
    };
    nlb.subnets.iter().map(mapping).collect()
}

/// A live load balancer, at the address in its tags or else at `address`.
pub(super) fn live(
    address: &Address,
    balancer: &sdk::LoadBalancer,
    attributes: &Attributes,
    tags: Tags,
) -> LiveResource {
    let arn = balancer.load_balancer_arn().unwrap_or_default();
    live_resource(address, arn, from_aws(balancer, attributes), tags, outputs_of(balancer), phase(balancer))
}

/// Reads the load balancer that has the wanted name.
async fn find(aws: &Aws, wanted: &Wanted<'_, Nlb>) -> Result<Option<LiveResource>, CallError> {
    let found = describe::load_balancer_in_full(aws, &wanted.fields.name).await?;
    let found = found
        .map(|(balancer, attributes, tags)| Ok(live(&wanted_address(wanted)?, &balancer, &attributes, tags)));
    found.transpose()
}

/// Moves the load balancer to the subnets and addresses of `wanted`, from wherever an earlier try has brought it.
async fn set_subnets(aws: &Aws, arn: &str, wanted: &Nlb) -> Result<(), CallError> {
    let balancer = describe::load_balancer(aws, arn).await?;
    let hidden = || refused(ErrorKind::NotYet, alb::SET_SUBNETS, "the load balancer is not shown");
    let mut now = from_aws(&balancer.ok_or_else(hidden)?, &Attributes::new());
    let zones = zones(aws, now.subnets.union(&wanted.subnets)).await?;
    while let Some(next) = now.next(wanted, |subnet| zones.get(subnet).cloned()) {
        let plain = next.addresses.is_empty();
        let call = aws
            .elb
            .set_subnets()
            .load_balancer_arn(arn)
            .set_subnets(plain.then(|| next.subnets.iter().cloned().collect()))
            .set_subnet_mappings((!plain).then(|| mappings(&next)));
        call.send().await.map_err(failed(alb::SET_SUBNETS)).map_err(not_free_yet)?;
        now = next;
    }
    Ok(())
}

/// The availability zone of each of these subnets.
async fn zones(
    aws: &Aws,
    subnets: impl Iterator<Item = &String>,
) -> Result<BTreeMap<String, String>, CallError> {
    let call = aws.ec2.describe_subnets().set_subnet_ids(Some(subnets.cloned().collect()));
    let answer = call.send().await.map_err(failed("ec2:DescribeSubnets")).map_err(not_visible_yet)?;
    let zone = |subnet: &aws_sdk_ec2::types::Subnet| {
        Some((subnet.subnet_id()?.to_owned(), subnet.availability_zone()?.to_owned()))
    };
    Ok(answer.subnets().iter().filter_map(zone).collect())
}

/// A subnet takes up to three minutes to leave ("Update the Availability Zones for your Network Load Balancer"). What comes in
/// its zone is refused until then, in the words that AWS has for a zone that has one
/// (kubernetes-sigs/aws-load-balancer-controller#4171). A subnet that was made a moment ago may not be known here yet.
fn not_free_yet(error: CallError) -> CallError {
    let leaving = error.message.contains("already associated with the load balancer");
    let unknown = error.code.as_deref() == Some("SubnetNotFound");
    if leaving || unknown { CallError { kind: ErrorKind::NotYet, ..error } } else { error }
}

impl Remote for Nlb {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let plain = fields.addresses.is_empty();
        let call = aws
            .elb
            .create_load_balancer()
            .name(&fields.name)
            .r#type(sdk::LoadBalancerTypeEnum::Network)
            .scheme(fields.scheme.as_str().into())
            .ip_address_type(fields.ip_address_type.as_str().into())
            .set_subnets(plain.then(|| fields.subnets.iter().cloned().collect()))
            .set_subnet_mappings((!plain).then(|| mappings(fields)))
            .set_security_groups(Some(fields.security_groups.iter().cloned().collect()))
            .set_tags(Some(to_elb(&wanted.all_tags())));
        let answer = match call.send().await.map_err(failed(CREATE)) {
            Ok(answer) => answer,
            Err(error) if error.kind == ErrorKind::Conflict => {
                return adopt(aws, wanted, find(aws, wanted).await?, error).await;
            }
            Err(error) => return Err(alb::refused_for_now(error)),
        };
        let balancer = answer.load_balancers().first().ok_or_else(|| incomplete(CREATE, "LoadBalancers"))?;
        let arn = balancer.load_balancer_arn().ok_or_else(|| incomplete(CREATE, "LoadBalancerArn"))?;
        let set = set_attributes(aws, arn, &default_attributes(), &attributes(fields)).await;
        set.map_err(not_visible_yet)?;
        Ok(outputs_of(balancer))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let (arn, old, new) = (held.live.id.as_str(), held.fields, wanted.fields);
        if old.next(new, |_| None).is_some() {
            set_subnets(aws, arn, new).await?;
        }
        if old.ip_address_type != new.ip_address_type {
            alb::set_ip_address_type(aws, arn, &new.ip_address_type).await?;
        }
        if old.security_groups != new.security_groups {
            alb::set_security_groups(aws, arn, &new.security_groups).await?;
        }
        set_attributes(aws, arn, &attributes(old), &attributes(new)).await?;
        tags::apply(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        alb::delete(aws, &held.live.id, held.fields.deletion_protection).await
    }

    async fn ready(aws: &Aws, _wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        alb::ready(aws, outputs).await
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        alb::gone(aws, &held.live.id).await
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    /// What AWS would show of `nlb`.
    fn shown(nlb: &Nlb) -> sdk::LoadBalancer {
        let zone = |mapping: sdk::SubnetMapping| {
            let address = sdk::LoadBalancerAddress::builder()
                .set_allocation_id(mapping.allocation_id)
                .set_private_ipv4_address(mapping.private_ipv4_address)
                .build();
            let zone = sdk::AvailabilityZone::builder().set_subnet_id(mapping.subnet_id);
            zone.load_balancer_addresses(address).build()
        };
        sdk::LoadBalancer::builder()
            .load_balancer_arn("arn:nlb")
            .load_balancer_name(&nlb.name)
            .scheme(nlb.scheme.as_str().into())
            .ip_address_type(nlb.ip_address_type.as_str().into())
            .set_availability_zones(Some(mappings(nlb).into_iter().map(zone).collect()))
            .set_security_groups(Some(nlb.security_groups.iter().cloned().collect()))
            .build()
    }

    #[test]
    fn a_load_balancer_reads_back_as_it_was_asked_for() {
        let example = Nlb::example();
        let internal = Nlb {
            scheme: "internal".into(),
            addresses: [("10.0.0.9".into(), "subnet-1".into())].into(),
            cross_zone: true,
            deletion_protection: true,
            ..example.clone()
        };
        let plain = Nlb { addresses: [].into(), ..example.clone() };
        for nlb in [example, internal, plain] {
            assert_eq!(from_aws(&shown(&nlb), &attributes(&nlb)), nlb);
        }
    }

    #[test]
    fn a_zone_that_a_subnet_is_leaving_is_waited_for() {
        let refused =
            |message: &str| not_free_yet(super::refused(ErrorKind::Invalid, alb::SET_SUBNETS, message)).kind;
        let zone = "You cannot specify an additional subnet from an Availability Zone that is already associated with the load \
                    balancer.";
        assert_eq!(refused(zone), ErrorKind::NotYet);
        assert_eq!(refused("The subnet has active VPC endpoint associations"), ErrorKind::Invalid);
    }

    #[test]
    fn the_defaults_need_no_attributes() {
        assert_eq!(attributes(&Nlb::example()), default_attributes());
    }
}
