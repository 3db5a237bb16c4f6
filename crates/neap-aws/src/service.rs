//! ECS services.
//!
//! Decides how a service is created, changed and deleted. How it is read and how its rollout is judged is in
//! the files beside. Must not know what its tasks contain.

mod blue_green;
mod connect;
mod convert;
mod read;
mod rollout;

pub(crate) use read::{cluster_name, read, read_orphaned};

use aws_sdk_ecs::types::{AvailabilityZoneRebalancing, PropagateTags, SchedulingStrategy};
use neap_core::desired::TAG_REACHES;
use neap_core::kinds::Service;
use neap_core::live::{Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use crate::client::Aws;
use crate::cluster::to_strategy;
use crate::ecs::{count, retag};
use crate::error::{failed, if_made, incomplete, not_yet};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted};
use crate::tags::to_ecs;

const CREATE: &str = "ecs:CreateService";

/// A create met something of its name: its own earlier creation is brought into shape, anything else is a conflict.
async fn resume(aws: &Aws, wanted: &Wanted<'_, Service>, conflict: CallError) -> Result<Outputs, CallError> {
    let Service { name, cluster, .. } = wanted.fields;
    let Some(service) = read::find(aws, cluster, name).await? else { return Err(not_yet(conflict)) };
    if service.status() == Some("DRAINING") {
        return Err(not_yet(conflict));
    }
    match read::live(&service, None, Some(wanted.fields)) {
        Some(live) if wanted.is_marked(&live.tags) => Service::update(aws, &Held::of(&live)?, wanted).await,
        _ => Err(conflict),
    }
}

/// Sends what differs, in one call, and starts a new deployment if the last one is to be tried `again`. Members that are
/// left out stay as they are.
async fn change(aws: &Aws, before: &Service, after: &Service, again: bool) -> Result<(), CallError> {
    let mut request = aws.ecs.update_service().cluster(&after.cluster).service(&after.name);
    // Tasks move to other capacity only with a new deployment.
    if again || before.capacity != after.capacity {
        request = request.force_new_deployment(true);
    }
    if before.count != after.count {
        request = request.set_desired_count(after.count.map(count));
    }
    if before.task != after.task {
        request = request.task_definition(&after.task);
    }
    if before.capacity != after.capacity {
        request = request.set_capacity_provider_strategy(Some(to_strategy(&after.capacity)?));
    }
    if before.targets != after.targets {
        request = request.set_load_balancers(Some(convert::to_balancers(after)));
    }
    if before.registry != after.registry {
        let registries = connect::to_registries(after.registry.as_ref());
        request = request.set_service_registries(Some(registries));
    }
    if before.connect != after.connect {
        request = request.service_connect_configuration(connect::to_connect(after.connect.as_ref())?);
    }
    if convert::network_differs(before, after) {
        request = request.set_network_configuration(convert::to_network(after)?);
    }
    if before.platform_version != after.platform_version {
        request = request.set_platform_version(convert::platform_version(after));
    }
    // What only live hooks can have, such as a pause, is in neither of the two requests.
    if before.deployment != after.deployment
        || convert::to_deployment(before, None) != convert::to_deployment(after, None)
    {
        request = request.deployment_configuration(convert::to_deployment(after, Some(before)));
    }
    request = request.set_health_check_grace_period_seconds(convert::new_grace(before, after));
    if before.exec != after.exec {
        request = request.enable_execute_command(after.exec);
    }
    if before.propagate_tags != after.propagate_tags {
        request = request.propagate_tags(PropagateTags::from(after.propagate_tags.as_str()));
    }
    if before.zone_rebalancing != after.zone_rebalancing {
        let rebalancing = AvailabilityZoneRebalancing::from(after.zone_rebalancing.as_str());
        request = request.availability_zone_rebalancing(rebalancing);
    }
    let answer = request.send().await.map_err(failed("ecs:UpdateService"))?;
    if let Some((service, begun)) = answer.service().and_then(rollout::newest) {
        aws.recent.deployed(service, begun);
    }
    Ok(())
}

/// Whether a service of ECS, `name` in `cluster`, has tasks registered with `registry` for a reason: it registers them there, or
/// tasks of an earlier deployment still run.
pub(crate) async fn registers(
    aws: &Aws,
    cluster: &str,
    name: &str,
    registry: &str,
) -> Result<bool, CallError> {
    let Some(service) = read::find(aws, cluster, name).await? else { return Ok(false) };
    let here = service.service_registries().iter().any(|it| it.registry_arn() == Some(registry));
    Ok(here || service.status() == Some("DRAINING") || service.deployments().len() > 1)
}

impl Remote for Service {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        // No client token: the name is unique, and how long ECS remembers the token of a deleted service, which a
        // second apply after a destroy would repeat, is not documented.
        let request = aws
            .ecs
            .create_service()
            .cluster(&fields.cluster)
            .service_name(&fields.name)
            .task_definition(&fields.task)
            .scheduling_strategy(SchedulingStrategy::from(fields.scheduling_strategy.as_str()))
            .set_desired_count(fields.count.map(count))
            .set_launch_type(convert::launch_type(fields))
            .set_capacity_provider_strategy(
                Some(to_strategy(&fields.capacity)?).filter(|items| !items.is_empty()),
            )
            .set_load_balancers(Some(convert::to_balancers(fields)))
            .set_service_registries(
                Some(connect::to_registries(fields.registry.as_ref())).filter(|all| !all.is_empty()),
            )
            .set_service_connect_configuration(
                fields.connect.as_ref().map(|connect| connect::to_connect(Some(connect))).transpose()?,
            )
            .set_network_configuration(convert::to_network(fields)?)
            .set_platform_version(convert::platform_version(fields))
            .deployment_configuration(convert::to_deployment(fields, None))
            .set_health_check_grace_period_seconds(convert::grace(fields))
            .enable_execute_command(fields.exec)
            .enable_ecs_managed_tags(false)
            .propagate_tags(PropagateTags::from(fields.propagate_tags.as_str()))
            .set_availability_zone_rebalancing(convert::zone_rebalancing(fields))
            .set_tags(Some(to_ecs(&wanted.all_tags())));
        let answer = match request.send().await.map_err(failed(CREATE)) {
            Err(error) if error.kind == ErrorKind::Conflict => return resume(aws, wanted, error).await,
            // What it needs was there when the plan was made, or was made just before.
            other => other.map_err(if_made)?,
        };
        answer.service().map(convert::service_outputs).ok_or_else(|| incomplete(CREATE, "service"))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        // A deployment that failed is tried again, even where nothing of the service differs.
        let failed = matches!(held.live.phase, Phase::Failed(_));
        // Proxies know the names that there are when they are deployed.
        let names = wanted.tags.get(TAG_REACHES);
        let again = failed || (names.is_some() && names != held.live.tags.get(TAG_REACHES));
        if again || held.fields != wanted.fields {
            change(aws, held.fields, wanted.fields, again).await?;
        }
        retag(aws, &held.live.id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        // Forced, it need not be scaled to zero first.
        let request = aws.ecs.delete_service().cluster(&held.fields.cluster).service(&held.fields.name);
        if_gone(request.force(true).send().await.map_err(failed("ecs:DeleteService")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let Self { name, cluster, .. } = wanted.fields;
        let Some(service) = read::find(aws, cluster, name).await? else {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        };
        let since = service.service_arn().and_then(|arn| aws.recent.deployment(arn));
        let judged = rollout::judge(&service, wanted.fields, since);
        if wanted.fields.deployment.is_none() || judged == Progress::Done {
            return Ok(judged);
        }
        // What a service shows of itself tells neither stages nor why traffic went back.
        Ok(blue_green::look(aws, &service, wanted.fields, since).await?.unwrap_or(judged))
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let Some(service) = read::find(aws, &held.fields.cluster, &held.fields.name).await? else {
            return Ok(Progress::Done);
        };
        if service.status() == Some("ACTIVE") {
            Self::delete(aws, held).await?;
        }
        let running = service.running_count();
        Ok(Progress::Pending(match running {
            0 => "draining".to_owned(),
            1 => "draining, 1 task still runs".to_owned(),
            _ => format!("draining, {running} tasks still run"),
        }))
    }
}
