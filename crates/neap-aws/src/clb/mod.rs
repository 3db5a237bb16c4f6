//! Classic load balancers, by the older API of Elastic Load Balancing.
//!
//! Decides which calls create and change one. How it is read and written is in the files beside. Must not know which service
//! stands behind it.

mod convert;
mod listeners;
mod read;

pub(crate) use read::read;

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancing::types as sdk;
use neap_core::kinds::{Clb, ClbHealthCheck, ClbListener};
use neap_core::live::Outputs;
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use crate::adopt::{adopt, not_visible_yet, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete, perhaps_issued};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::tags::{TagChanges, to_clb};

const CREATE: &str = "elasticloadbalancing:CreateLoadBalancer";
/// What AWS says of a second subnet of a zone.
const MISFIT: &str = "InvalidConfigurationRequest";

/// What AWS makes of the call that creates `clb`: the rest comes by calls of its own.
fn as_created(clb: &Clb) -> Clb {
    let bare = |(port, listener): (&String, &ClbListener)| {
        (port.clone(), ClbListener { ssl_policy: None, stickiness: None, ..listener.clone() })
    };
    Clb {
        listeners: clb.listeners.iter().map(bare).collect(),
        // AWS's own is of no use to anybody, so that it is always set.
        health_check: ClbHealthCheck { target: String::new(), ..clb.health_check.clone() },
        cross_zone: false,
        idle_timeout_seconds: 60,
        connection_draining_seconds: None,
        ..clb.clone()
    }
}

/// Changes what differs, part by part.
async fn bring(aws: &Aws, old: &Clb, new: &Clb) -> Result<(), CallError> {
    let name = new.name.as_str();
    if old.security_groups != new.security_groups {
        let groups = new.security_groups.iter().cloned().collect();
        let call = aws.clb.apply_security_groups_to_load_balancer().load_balancer_name(name);
        let answer = call.set_security_groups(Some(groups)).send().await;
        answer.map_err(failed("elasticloadbalancing:ApplySecurityGroupsToLoadBalancer"))?;
    }
    set_subnets(aws, name, &old.subnets, &new.subnets).await?;
    listeners::bring(aws, name, &old.listeners, &new.listeners).await?;
    if old.health_check != new.health_check {
        let check = convert::to_health_check(&new.health_check)?;
        let answer =
            aws.clb.configure_health_check().load_balancer_name(name).health_check(check).send().await;
        answer.map_err(failed("elasticloadbalancing:ConfigureHealthCheck"))?;
    }
    if let Some(attributes) = convert::to_attributes(old, new)? {
        let call = aws.clb.modify_load_balancer_attributes().load_balancer_name(name);
        let answer = call.load_balancer_attributes(attributes).send().await;
        answer.map_err(failed("elasticloadbalancing:ModifyLoadBalancerAttributes"))?;
    }
    Ok(())
}

/// Moves it to other subnets. AWS takes no second subnet of a zone and lets the last one not go (ansible/ansible#8312), so
/// what there is room for comes first, and then one subnet makes room for the next.
async fn set_subnets(
    aws: &Aws,
    name: &str,
    old: &BTreeSet<String>,
    new: &BTreeSet<String>,
) -> Result<(), CallError> {
    let mut more: Vec<&String> = new.difference(old).collect();
    let mut less: Vec<&String> = old.difference(new).collect();
    loop {
        let mut waiting = Vec::new();
        for subnet in more {
            let call = aws.clb.attach_load_balancer_to_subnets().load_balancer_name(name).subnets(subnet);
            let answer = call.send().await;
            match answer.map_err(failed("elasticloadbalancing:AttachLoadBalancerToSubnets")) {
                Err(error) if error.code.as_deref() == Some(MISFIT) && !less.is_empty() => {
                    waiting.push(subnet);
                }
                answer => answer.map(drop)?,
            }
        }
        let Some(gone) = less.pop() else { return Ok(()) };
        let call = aws.clb.detach_load_balancer_from_subnets().load_balancer_name(name).subnets(gone);
        call.send().await.map_err(failed("elasticloadbalancing:DetachLoadBalancerFromSubnets"))?;
        more = waiting;
    }
}

async fn retag(aws: &Aws, name: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let tags = to_clb(&changes.set)?;
        let call = aws.clb.add_tags().load_balancer_names(name).set_tags(Some(tags));
        call.send().await.map_err(failed("elasticloadbalancing:AddTags"))?;
    }
    if !changes.remove.is_empty() {
        let key = |key: &String| sdk::TagKeyOnly::builder().key(key).build();
        let keys = changes.remove.iter().map(key).collect();
        let call = aws.clb.remove_tags().load_balancer_names(name).set_tags(Some(keys));
        call.send().await.map_err(failed("elasticloadbalancing:RemoveTags"))?;
    }
    Ok(())
}

/// What a create that was refused is, where waiting helps: a group, subnet or certificate may have been made a moment ago.
fn refused_for_now(error: CallError, fields: &Clb) -> CallError {
    if error.code.as_deref() == Some("InvalidSecurityGroup") {
        return CallError { kind: ErrorKind::NotYet, ..error };
    }
    not_visible_yet(perhaps_issued(error, listeners::certificates(&fields.listeners)))
}

impl Remote for Clb {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let call = aws
            .clb
            .create_load_balancer()
            .load_balancer_name(&fields.name)
            // Without a scheme it is one for the internet.
            .set_scheme((fields.scheme == "internal").then(|| fields.scheme.clone()))
            .set_subnets(Some(fields.subnets.iter().cloned().collect()))
            .set_security_groups(Some(fields.security_groups.iter().cloned().collect()))
            .set_listeners(Some(convert::to_listeners(&fields.listeners)?))
            .set_tags(Some(to_clb(&wanted.all_tags())?));
        let answer = match call.send().await.map_err(failed(CREATE)) {
            Ok(answer) => answer,
            Err(error) if error.kind == ErrorKind::Conflict => {
                let found = read::find(aws, &wanted_address(wanted)?, &fields.name).await?;
                return adopt(aws, wanted, found, error).await;
            }
            Err(error) => return Err(refused_for_now(error, fields)),
        };
        bring(aws, &as_created(fields), fields).await.map_err(not_visible_yet)?;
        // Only a look tells the zone of its name.
        let looked = read::visible(aws, &fields.name).await?;
        let dns_name = answer.dns_name().ok_or_else(|| incomplete(CREATE, "DNSName"))?;
        let arn = read::arn(aws, &fields.name).await?;
        let zone = looked.canonical_hosted_zone_name_id.unwrap_or_default();
        Ok(outputs([("dns_name", dns_name), ("name", &fields.name), ("arn", &arn), ("zone_id", &zone)]))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        bring(aws, held.fields, wanted.fields).await?;
        retag(aws, &wanted.fields.name, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let answer = aws.clb.delete_load_balancer().load_balancer_name(&held.live.id).send().await;
        if_gone(answer.map_err(failed("elasticloadbalancing:DeleteLoadBalancer")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _outputs: &Outputs) -> Result<Progress, CallError> {
        let found = read::described(aws, &wanted.fields.name).await?;
        Ok(found.map_or_else(|| Progress::Pending("not visible yet".to_owned()), |_| Progress::Done))
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let left = read::described(aws, &held.live.id).await?;
        Ok(left.map_or(Progress::Done, |_| Progress::Pending("deleting".to_owned())))
    }
}
