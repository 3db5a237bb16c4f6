//! Services of Cloud Map, in which ECS registers tasks.
//!
//! Decides which registered tasks are stale: ECS takes out those of a service that it deletes, and has been seen to leave some.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_servicediscovery::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::DiscoveryService;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::namespace::token;
use super::{all_tags, busy, carried_out, own_tags, retag, seconds, services, unseconds};
use crate::adopt::{adopt, live_resource, not_visible_yet, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::{if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::service;
use crate::tags::{Tags, to_cloud_map};

const CREATE: &str = "servicediscovery:CreateService";
const GET: &str = "servicediscovery:GetService";
const UPDATE: &str = "servicediscovery:UpdateService";
const DELETE: &str = "servicediscovery:DeleteService";
const INSTANCES: &str = "servicediscovery:ListInstances";
const DEREGISTER: &str = "servicediscovery:DeregisterInstance";
/// The attributes by which ECS says whose task is registered.
const OF_CLUSTER: &str = "ECS_CLUSTER_NAME";
const OF_SERVICE: &str = "ECS_SERVICE_NAME";

/// A service as a listing shows it, with its tags.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) summary: sdk::ServiceSummary,
    pub(super) tags: Tags,
}

impl Seen {
    /// The service as a reading, at the address in its tags or else at `address`.
    pub(super) fn live(&self, address: &Address, namespace: &str) -> LiveResource {
        let summary = &self.summary;
        let id = summary.id().unwrap_or_default();
        let fields = DiscoveryService {
            name: summary.name().unwrap_or_default().to_owned(),
            namespace: namespace.to_owned(),
            description: summary.description().unwrap_or_default().to_owned(),
            records: records(summary.dns_config()),
            routing_policy: routing(summary.dns_config()),
            custom_health_check: summary.health_check_custom_config().is_some(),
        };
        let outputs = outputs_of(id, summary.arn(), &fields.name);
        live_resource(address, id, fields, self.tags.clone(), outputs, Phase::Ready)
    }
}

pub(super) async fn seen(aws: &Aws, summary: sdk::ServiceSummary) -> Result<Seen, CallError> {
    let tags = own_tags(&all_tags(aws, summary.arn().unwrap_or_default()).await?);
    Ok(Seen { summary, tags })
}

fn outputs_of(id: &str, arn: Option<&str>, name: &str) -> Outputs {
    outputs([("arn", arn.unwrap_or_default()), ("id", id), ("name", name)])
}

fn records(config: Option<&sdk::DnsConfig>) -> BTreeMap<String, u32> {
    let records = config.map_or(&[][..], sdk::DnsConfig::dns_records).iter();
    records.map(|record| (record.r#type().as_str().to_owned(), unseconds(record.ttl()))).collect()
}

/// How answers are chosen; several at once unless it is said otherwise.
fn routing(config: Option<&sdk::DnsConfig>) -> String {
    let policy = config.and_then(sdk::DnsConfig::routing_policy);
    policy.map_or("MULTIVALUE", sdk::RoutingPolicy::as_str).to_owned()
}

fn to_records(fields: &DiscoveryService, sent: &str) -> Result<Vec<sdk::DnsRecord>, CallError> {
    let record = |(kind, ttl): (&String, &u32)| {
        sdk::DnsRecord::builder().r#type(kind.as_str().into()).ttl(seconds(*ttl)).build()
    };
    fields.records.iter().map(record).collect::<Result<_, _>>().map_err(|_| incomplete(sent, "DnsRecords"))
}

fn to_dns(fields: &DiscoveryService) -> Result<Option<sdk::DnsConfig>, CallError> {
    if fields.records.is_empty() {
        return Ok(None);
    }
    let config = sdk::DnsConfig::builder()
        .routing_policy(fields.routing_policy.as_str().into())
        .set_dns_records(Some(to_records(fields, CREATE)?))
        .build();
    config.map(Some).map_err(|_| incomplete(CREATE, "DnsConfig"))
}

async fn resume(
    aws: &Aws,
    wanted: &Wanted<'_, DiscoveryService>,
    conflict: CallError,
) -> Result<Outputs, CallError> {
    let DiscoveryService { name, namespace, .. } = wanted.fields;
    let address = wanted_address(wanted)?;
    let found = services(aws, namespace).await?.into_iter().find(|service| service.name() == Some(name));
    let live = match found {
        Some(summary) => Some(seen(aws, summary).await?.live(&address, namespace)),
        None => None,
    };
    adopt(aws, wanted, live, conflict).await
}

/// Takes tasks out of a service that goes, if the service of ECS that registered them is gone or has
/// others elsewhere. What somebody else registered
/// stays, and is named.
async fn deregister(aws: &Aws, id: &str, registry: &str, error: CallError) -> CallError {
    let swept = async {
        let pages = aws.names.list_instances().service_id(id).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.map_err(failed(INSTANCES))?;
        let instances: Vec<sdk::InstanceSummary> =
            pages.into_iter().flat_map(|page| page.instances.unwrap_or_default()).collect();
        let mut held = BTreeSet::new();
        for instance in &instances {
            let name = instance.id().unwrap_or_default();
            match owner(instance) {
                Some((cluster, service)) => {
                    if service::registers(aws, cluster, service, registry).await? {
                        held.insert(format!("tasks of {service}"));
                        continue;
                    }
                    let call = aws.names.deregister_instance().service_id(id).instance_id(name);
                    let send = async {
                        let answer = call.send().await.map_err(failed(DEREGISTER));
                        // ECS does it itself at this moment.
                        Ok(answer.map_err(busy)?.operation_id)
                    };
                    match if_gone(carried_out(aws, &format!("{id}/{name}"), DEREGISTER, send).await) {
                        Err(error) if error.kind == ErrorKind::NotYet => {}
                        outcome => outcome?,
                    }
                }
                None => {
                    held.insert(name.to_owned());
                }
            }
        }
        Ok::<_, CallError>(held)
    };
    match swept.await {
        Ok(held) if held.is_empty() => error,
        Ok(held) => {
            let held = held.into_iter().collect::<Vec<_>>().join(", ");
            CallError { message: format!("{} (it holds {held})", error.message), ..error }
        }
        Err(other) => other,
    }
}

/// The cluster and the service of ECS whose task it is.
fn owner(instance: &sdk::InstanceSummary) -> Option<(&str, &str)> {
    let attributes = instance.attributes()?;
    Some((attributes.get(OF_CLUSTER)?, attributes.get(OF_SERVICE)?))
}

async fn get(aws: &Aws, id: &str) -> Result<Option<sdk::Service>, CallError> {
    let answer = if_there(aws.names.get_service().id(id).send().await.map_err(failed(GET)))?;
    Ok(answer.and_then(|answer| answer.service))
}

impl Remote for DiscoveryService {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        // How many failed checks it takes is always one.
        let custom = fields.custom_health_check.then(|| sdk::HealthCheckCustomConfig::builder().build());
        let call = aws
            .names
            .create_service()
            .name(&fields.name)
            .namespace_id(&fields.namespace)
            .creator_request_id(token(wanted.stack(), wanted.address()))
            .set_description(Some(fields.description.clone()).filter(|text| !text.is_empty()))
            .set_dns_config(to_dns(fields)?)
            .set_health_check_custom_config(custom)
            .set_tags(Some(to_cloud_map(&wanted.all_tags())?));
        match call.send().await.map_err(failed(CREATE)) {
            Err(error) if error.kind == ErrorKind::Conflict => resume(aws, wanted, error).await,
            answer => {
                let answer = answer.map_err(not_visible_yet)?;
                let service = answer.service().ok_or_else(|| incomplete(CREATE, "Service"))?;
                Ok(outputs_of(service.id().unwrap_or_default(), service.arn(), &fields.name))
            }
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let (before, after) = (held.fields, wanted.fields);
        if (&before.description, &before.records) != (&after.description, &after.records) {
            // Records that are left out would go.
            let records = sdk::DnsConfigChange::builder().set_dns_records(Some(to_records(after, UPDATE)?));
            let records = records.build().map_err(|_| incomplete(UPDATE, "DnsRecords"))?;
            let change = sdk::ServiceChange::builder()
                .description(&after.description)
                .set_dns_config((!after.records.is_empty()).then_some(records))
                .build();
            let id = &held.live.id;
            let call = aws.names.update_service().id(id).service(change);
            let send = async { Ok(call.send().await.map_err(failed(UPDATE)).map_err(busy)?.operation_id) };
            carried_out(aws, id, UPDATE, send).await?;
        }
        let arn = held.live.outputs.get("arn").map_or("", String::as_str);
        retag(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let id = &held.live.id;
        match if_gone(aws.names.delete_service().id(id).send().await.map_err(failed(DELETE))) {
            Err(error) if error.kind == ErrorKind::InUse => {
                let registry = held.live.outputs.get("arn").map_or("", String::as_str);
                Err(deregister(aws, id, registry, error).await)
            }
            outcome => outcome,
        }
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let id = outputs.get("id").ok_or_else(|| incomplete(GET, "Id"))?;
        let Some(service) = get(aws, id).await? else {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        };
        let fields = wanted.fields;
        let same = service.description().unwrap_or_default() == fields.description
            && records(service.dns_config()) == fields.records;
        let changing = || Progress::Pending("the change is not visible yet".to_owned());
        Ok(if same { Progress::Done } else { changing() })
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        if get(aws, &held.live.id).await?.is_none() {
            return Ok(Progress::Done);
        }
        Self::delete(aws, held).await?;
        Ok(Progress::Pending("deleting".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    #[test]
    fn a_service_reads_back_as_it_was_created() {
        let example = DiscoveryService::example();
        let summary = sdk::ServiceSummary::builder()
            .id("srv-1")
            .arn("arn:1")
            .name(&example.name)
            .description(&example.description)
            .set_dns_config(to_dns(&example).expect("records"))
            .health_check_custom_config(sdk::HealthCheckCustomConfig::builder().build())
            .build();
        let seen = Seen { summary, tags: Tags::new() };
        let address = "discovery_service.api".parse().expect("an address");
        let live = seen.live(&address, "ns-1");
        assert_eq!(live.resource, example.into());
        assert_eq!(live.outputs["id"], "srv-1");
    }

    #[test]
    fn a_registered_task_names_its_service() {
        let task = sdk::InstanceSummary::builder()
            .id("1")
            .attributes(OF_CLUSTER, "main")
            .attributes(OF_SERVICE, "api");
        assert_eq!(owner(&task.build()), Some(("main", "api")));
        assert_eq!(owner(&sdk::InstanceSummary::builder().id("2").build()), None);
    }
}
