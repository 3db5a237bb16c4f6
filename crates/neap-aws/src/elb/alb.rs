//! Application load balancers and their attributes.
//!
//! Decides which calls create and change one. Must not know its listeners.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::Alb;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::describe::{self, Attributes};
use super::tags;
use crate::adopt::{adopt, live_resource, not_visible_yet, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::{if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::tags::{Tags, to_elb};

pub(super) const CREATE: &str = "elasticloadbalancing:CreateLoadBalancer";
pub(super) const SET_SUBNETS: &str = "elasticloadbalancing:SetSubnets";
const DELETE: &str = "elasticloadbalancing:DeleteLoadBalancer";

const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";
pub(super) const DELETION_PROTECTION: &str = "deletion_protection.enabled";
const HTTP2: &str = "routing.http2.enabled";
const DROP_INVALID_HEADERS: &str = "routing.http.drop_invalid_header_fields.enabled";

/// The attributes that a load balancer shall have.
fn attributes(alb: &Alb) -> Attributes {
    [
        (IDLE_TIMEOUT, alb.idle_timeout_seconds.to_string()),
        (DELETION_PROTECTION, alb.deletion_protection.to_string()),
        (HTTP2, alb.http2.to_string()),
        (DROP_INVALID_HEADERS, alb.drop_invalid_header_fields.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// The attributes that AWS gives a new load balancer.
fn default_attributes() -> Attributes {
    let defaults = [
        (IDLE_TIMEOUT, "60"),
        (DELETION_PROTECTION, "false"),
        (HTTP2, "true"),
        (DROP_INVALID_HEADERS, "false"),
    ];
    defaults.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// What a load balancer's description and attributes say.
fn from_aws(balancer: &sdk::LoadBalancer, attributes: &Attributes) -> Alb {
    let is_on = |key: &str, default: bool| attributes.get(key).map_or(default, |value| value == "true");
    let subnets = balancer.availability_zones().iter().filter_map(|zone| zone.subnet_id());
    Alb {
        name: balancer.load_balancer_name().unwrap_or_default().to_owned(),
        scheme: balancer.scheme().map_or("internet-facing", sdk::LoadBalancerSchemeEnum::as_str).to_owned(),
        ip_address_type: balancer.ip_address_type().map_or("ipv4", sdk::IpAddressType::as_str).to_owned(),
        subnets: subnets.map(ToOwned::to_owned).collect(),
        security_groups: balancer.security_groups().iter().cloned().collect(),
        idle_timeout_seconds: attributes.get(IDLE_TIMEOUT).and_then(|text| text.parse().ok()).unwrap_or(60),
        deletion_protection: is_on(DELETION_PROTECTION, false),
        http2: is_on(HTTP2, true),
        drop_invalid_header_fields: is_on(DROP_INVALID_HEADERS, false),
    }
}

pub(super) fn phase(balancer: &sdk::LoadBalancer) -> Phase {
    let state = balancer.state();
    match state.and_then(sdk::LoadBalancerState::code) {
        Some(sdk::LoadBalancerStateEnum::Provisioning) => Phase::Settling("provisioning".to_owned()),
        Some(sdk::LoadBalancerStateEnum::Failed) => {
            let reason = state.and_then(sdk::LoadBalancerState::reason).unwrap_or("AWS gives no reason");
            Phase::Failed(reason.to_owned())
        }
        _ => Phase::Ready,
    }
}

/// What CloudWatch calls the load balancer of this ARN: `app/NAME/ID`.
fn full_name(arn: &str) -> &str {
    arn.split_once(":loadbalancer/").map_or("", |(_, name)| name)
}

pub(super) fn outputs_of(balancer: &sdk::LoadBalancer) -> Outputs {
    outputs([
        ("dns_name", balancer.dns_name().unwrap_or_default()),
        ("arn", balancer.load_balancer_arn().unwrap_or_default()),
        ("zone_id", balancer.canonical_hosted_zone_id().unwrap_or_default()),
        ("full_name", full_name(balancer.load_balancer_arn().unwrap_or_default())),
    ])
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
async fn find(aws: &Aws, wanted: &Wanted<'_, Alb>) -> Result<Option<LiveResource>, CallError> {
    let found = describe::load_balancer_in_full(aws, &wanted.fields.name).await?;
    let found = found
        .map(|(balancer, attributes, tags)| Ok(live(&wanted_address(wanted)?, &balancer, &attributes, tags)));
    found.transpose()
}

/// Sets those of `wanted` that differ from `live`, in one call.
pub(super) async fn set_attributes(
    aws: &Aws,
    arn: &str,
    live: &Attributes,
    wanted: &Attributes,
) -> Result<(), CallError> {
    let differing = wanted.iter().filter(|(key, value)| live.get(*key) != Some(*value));
    let attribute = |(key, value)| sdk::LoadBalancerAttribute::builder().key(key).value(value).build();
    let changed: Vec<_> = differing.map(attribute).collect();
    if !changed.is_empty() {
        let call = aws.elb.modify_load_balancer_attributes().load_balancer_arn(arn);
        let answer = call.set_attributes(Some(changed)).send().await;
        answer.map_err(failed("elasticloadbalancing:ModifyLoadBalancerAttributes"))?;
    }
    Ok(())
}

pub(super) async fn set_ip_address_type(aws: &Aws, arn: &str, address_type: &str) -> Result<(), CallError> {
    let call = aws.elb.set_ip_address_type().load_balancer_arn(arn).ip_address_type(address_type.into());
    call.send().await.map(drop).map_err(failed("elasticloadbalancing:SetIpAddressType"))
}

pub(super) async fn set_security_groups(
    aws: &Aws,
    arn: &str,
    groups: &BTreeSet<String>,
) -> Result<(), CallError> {
    let groups = groups.iter().cloned().collect();
    let call = aws.elb.set_security_groups().load_balancer_arn(arn).set_security_groups(Some(groups));
    call.send().await.map(drop).map_err(failed("elasticloadbalancing:SetSecurityGroups"))
}

/// Deletes the load balancer `arn` of either kind, and turns its protection off before.
pub(super) async fn delete(aws: &Aws, arn: &str, protected: bool) -> Result<(), CallError> {
    if protected {
        let switch = |on: &str| Attributes::from([(DELETION_PROTECTION.to_owned(), on.to_owned())]);
        if if_there(set_attributes(aws, arn, &switch("true"), &switch("false")).await)?.is_none() {
            return Ok(());
        }
    }
    let answer = aws.elb.delete_load_balancer().load_balancer_arn(arn).send().await;
    match if_gone(answer.map_err(failed(DELETE))) {
        Err(error) if error.code.as_deref() == Some("OperationNotPermitted") => {
            Err(CallError { kind: ErrorKind::Invalid, ..error })
        }
        outcome => outcome,
    }
}

/// How far a load balancer of either kind has come.
pub(super) async fn ready(aws: &Aws, outputs: &Outputs) -> Result<Progress, CallError> {
    let arn = outputs.get("arn").ok_or_else(|| incomplete(CREATE, "LoadBalancerArn"))?;
    let balancer = describe::load_balancer(aws, arn).await?;
    Ok(match balancer.as_ref().map(phase) {
        Some(Phase::Ready) => Progress::Done,
        Some(Phase::Settling(detail) | Phase::Deleting(detail)) => Progress::Pending(detail),
        Some(Phase::Failed(reason)) => Progress::Failed(reason),
        None => Progress::Pending("not visible yet".to_owned()),
    })
}

/// Whether the load balancer `arn` of either kind is gone.
pub(super) async fn gone(aws: &Aws, arn: &str) -> Result<Progress, CallError> {
    let left = describe::load_balancer(aws, arn).await?;
    Ok(left.map_or(Progress::Done, |_| Progress::Pending("deleting".to_owned())))
}

/// What a create that was refused for now is, where waiting helps.
pub(super) fn refused_for_now(error: CallError) -> CallError {
    // No load balancer has an address of the stack's own, so nobody has made this one a moment ago.
    if error.code.as_deref() == Some("AllocationIdNotFound") {
        return error;
    }
    // A security group that was created a moment ago.
    if error.code.as_deref() == Some("InvalidSecurityGroup") {
        return CallError { kind: ErrorKind::NotYet, ..error };
    }
    not_visible_yet(error)
}

impl Remote for Alb {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let call = aws
            .elb
            .create_load_balancer()
            .name(&fields.name)
            .r#type(sdk::LoadBalancerTypeEnum::Application)
            .scheme(fields.scheme.as_str().into())
            .ip_address_type(fields.ip_address_type.as_str().into())
            .set_subnets(Some(fields.subnets.iter().cloned().collect()))
            .set_security_groups(Some(fields.security_groups.iter().cloned().collect()))
            .set_tags(Some(to_elb(&wanted.all_tags())));
        let answer = match call.send().await.map_err(failed(CREATE)) {
            Ok(answer) => answer,
            Err(error) if error.kind == ErrorKind::Conflict => {
                return adopt(aws, wanted, find(aws, wanted).await?, error).await;
            }
            Err(error) => return Err(refused_for_now(error)),
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
        if old.subnets != new.subnets {
            let subnets = new.subnets.iter().cloned().collect();
            let call = aws.elb.set_subnets().load_balancer_arn(arn).set_subnets(Some(subnets));
            call.send().await.map_err(failed(SET_SUBNETS))?;
        }
        if old.ip_address_type != new.ip_address_type {
            set_ip_address_type(aws, arn, &new.ip_address_type).await?;
        }
        if old.security_groups != new.security_groups {
            set_security_groups(aws, arn, &new.security_groups).await?;
        }
        set_attributes(aws, arn, &attributes(old), &attributes(new)).await?;
        tags::apply(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        delete(aws, &held.live.id, held.fields.deletion_protection).await
    }

    async fn ready(aws: &Aws, _wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        ready(aws, outputs).await
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        gone(aws, &held.live.id).await
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    /// What AWS would show of `alb`.
    fn shown(alb: &Alb) -> sdk::LoadBalancer {
        let zone = |subnet: &String| sdk::AvailabilityZone::builder().subnet_id(subnet).build();
        sdk::LoadBalancer::builder()
            .load_balancer_arn("arn:alb")
            .dns_name("a.elb.amazonaws.com")
            .canonical_hosted_zone_id("Z1")
            .load_balancer_name(&alb.name)
            .scheme(alb.scheme.as_str().into())
            .ip_address_type(alb.ip_address_type.as_str().into())
            .set_availability_zones(Some(alb.subnets.iter().map(zone).collect()))
            .set_security_groups(Some(alb.security_groups.iter().cloned().collect()))
            .build()
    }

    fn live_in_state(code: &str) -> LiveResource {
        let mut balancer = shown(&Alb::example());
        balancer.state =
            Some(sdk::LoadBalancerState::builder().code(code.into()).reason("no subnet").build());
        let address = Address::new(neap_core::address::Kind::Alb, "public");
        live(&address, &balancer, &Attributes::new(), Tags::new())
    }

    #[test]
    fn a_load_balancer_reads_back_as_it_was_asked_for() {
        let example = Alb::example();
        let other = Alb {
            idle_timeout_seconds: 4000,
            deletion_protection: true,
            http2: false,
            drop_invalid_header_fields: true,
            scheme: "internal".into(),
            ip_address_type: "dualstack".into(),
            ..example.clone()
        };
        for alb in [example, other] {
            assert_eq!(from_aws(&shown(&alb), &attributes(&alb)), alb);
        }
    }

    #[test]
    fn the_defaults_need_no_attributes() {
        assert_eq!(attributes(&Alb::example()), default_attributes());
    }

    #[test]
    fn the_state_tells_how_far_it_has_come() {
        assert_eq!(live_in_state("provisioning").phase, Phase::Settling("provisioning".into()));
        assert_eq!(live_in_state("active").phase, Phase::Ready);
        assert_eq!(live_in_state("active_impaired").phase, Phase::Ready);
        assert_eq!(live_in_state("failed").phase, Phase::Failed("no subnet".into()));
    }

    #[test]
    fn its_outputs_are_what_aws_assigned() {
        let live = live_in_state("active");
        let expected =
            [("arn", "arn:alb"), ("dns_name", "a.elb.amazonaws.com"), ("zone_id", "Z1"), ("full_name", "")];
        assert_eq!(live.outputs, outputs(expected));
        assert_eq!(live.id, "arn:alb");
        let arn =
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/course/50dc6c495c0c9188";
        assert_eq!(full_name(arn), "app/course/50dc6c495c0c9188");
    }
}
