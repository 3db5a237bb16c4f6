//! Namespaces: made, changed and deleted by operations that take their time.
//!
//! Decides which operation brings which change. What one has begun is remembered for as long as the process lives; the next one finds
//! the namespace by its name.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_servicediscovery::types as sdk;
use futures_util::future::try_join_all;
use neap_core::address::Address;
use neap_core::desired::short_hash;
use neap_core::kinds::Namespace;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::{all_tags, busy, carried_out, namespaces, own_tags, retag, seconds, services, unseconds};
use crate::adopt::{adopt, live_resource, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::found::{if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::route53;
use crate::tags::{OF_ECS, Tags, to_cloud_map};

const CREATE_HTTP: &str = "servicediscovery:CreateHttpNamespace";
const CREATE_PRIVATE: &str = "servicediscovery:CreatePrivateDnsNamespace";
const UPDATE_HTTP: &str = "servicediscovery:UpdateHttpNamespace";
const UPDATE_PRIVATE: &str = "servicediscovery:UpdatePrivateDnsNamespace";
const GET: &str = "servicediscovery:GetNamespace";
const DELETE: &str = "servicediscovery:DeleteNamespace";

/// A namespace as a listing shows it, with what other calls say of it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) summary: sdk::NamespaceSummary,
    pub(super) tags: Tags,
    /// The ids of the VPCs that its zone is for.
    pub(super) vpcs: Vec<String>,
}

impl Seen {
    pub(super) fn id(&self) -> &str {
        self.summary.id().unwrap_or_default()
    }

    /// The namespace as a reading, at the address in its tags or else at `address`. Of several VPCs it is for `vpc`, if that
    /// is among them.
    pub(super) fn live(&self, address: &Address, vpc: Option<&str>) -> LiveResource {
        let fields = from_aws(&self.summary, &self.vpcs, vpc);
        let outputs = outputs_of(self.id(), self.summary.arn(), &fields.name);
        live_resource(address, self.id(), fields, self.tags.clone(), outputs, Phase::Ready)
    }
}

pub(super) fn zone_of(properties: Option<&sdk::NamespaceProperties>) -> Option<&str> {
    properties?.dns_properties()?.hosted_zone_id()
}

fn soa_of(properties: Option<&sdk::NamespaceProperties>) -> Option<u32> {
    Some(unseconds(properties?.dns_properties()?.soa()?.ttl()))
}

fn from_aws(summary: &sdk::NamespaceSummary, vpcs: &[String], vpc: Option<&str>) -> Namespace {
    let sort = summary.r#type().map_or("", sdk::NamespaceType::as_str);
    let own = vpcs.iter().find(|known| vpc == Some(known.as_str()));
    Namespace {
        name: summary.name().unwrap_or_default().to_owned(),
        sort: sort.to_owned(),
        vpc: own.or(vpcs.first()).cloned(),
        description: summary.description().unwrap_or_default().to_owned(),
        soa_ttl: soa_of(summary.properties()).filter(|_| sort != Namespace::HTTP),
    }
}

fn outputs_of(id: &str, arn: Option<&str>, name: &str) -> Outputs {
    outputs([("arn", arn.unwrap_or_default()), ("id", id), ("name", name)])
}

/// A token that no other request has: the name alone tells a repeated create from a new one.
pub(super) fn token(stack: &str, address: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    short_hash(&format!("{stack} {address} {now}"))
}

async fn begin(aws: &Aws, wanted: &Wanted<'_, Namespace>) -> Result<Option<String>, CallError> {
    let fields = wanted.fields;
    let token = token(wanted.stack(), wanted.address());
    let tags = Some(to_cloud_map(&wanted.all_tags())?);
    let description = Some(fields.description.clone()).filter(|text| !text.is_empty());
    if !fields.has_dns() {
        let call = aws.names.create_http_namespace().name(&fields.name).creator_request_id(token);
        let answer = call.set_description(description).set_tags(tags).send().await;
        return Ok(answer.map_err(failed(CREATE_HTTP))?.operation_id);
    }
    let call = aws.names.create_private_dns_namespace().name(&fields.name).creator_request_id(token);
    let call = call.set_vpc(fields.vpc.clone()).set_description(description).set_tags(tags);
    let answer = call.set_properties(properties(fields)?).send().await;
    Ok(answer.map_err(failed(CREATE_PRIVATE))?.operation_id)
}

fn properties(fields: &Namespace) -> Result<Option<sdk::PrivateDnsNamespaceProperties>, CallError> {
    let Some(ttl) = fields.soa_ttl else { return Ok(None) };
    let soa = sdk::Soa::builder().ttl(seconds(ttl)).build().map_err(|_| incomplete(CREATE_PRIVATE, "SOA"))?;
    let dns = sdk::PrivateDnsPropertiesMutable::builder().soa(soa).build();
    Ok(Some(sdk::PrivateDnsNamespaceProperties::builder().dns_properties(dns).build()))
}

async fn get(aws: &Aws, id: &str) -> Result<Option<sdk::Namespace>, CallError> {
    let answer = aws.names.get_namespace().id(id).send().await.map_err(failed(GET));
    Ok(if_there(answer)?.and_then(|answer| answer.namespace))
}

/// A create met something of its name: an earlier one's, or somebody else's.
async fn resume(
    aws: &Aws,
    wanted: &Wanted<'_, Namespace>,
    conflict: CallError,
) -> Result<Outputs, CallError> {
    let fields = wanted.fields;
    let address = wanted_address(wanted)?;
    let like = |summary: &sdk::NamespaceSummary| {
        summary.name() == Some(&fields.name)
            && summary.r#type().is_some_and(|sort| sort.as_str() == fields.sort)
    };
    let found = namespaces(aws).await?.into_iter().filter(like);
    let looks = found.map(|summary| async move { seen(aws, summary).await });
    let all = try_join_all(looks).await?;
    let in_place = |seen: &&Seen| fields.vpc.as_ref().is_none_or(|vpc| seen.vpcs.contains(vpc));
    let live = all.iter().find(in_place).map(|seen| seen.live(&address, fields.vpc.as_deref()));
    adopt(aws, wanted, live, conflict).await
}

/// What is to be known of a namespace besides its summary.
pub(super) async fn seen(aws: &Aws, summary: sdk::NamespaceSummary) -> Result<Seen, CallError> {
    let tags = own_tags(&all_tags(aws, summary.arn().unwrap_or_default()).await?);
    let vpcs = match zone_of(summary.properties()) {
        Some(zone) if summary.r#type() == Some(&sdk::NamespaceType::DnsPrivate) => {
            // A zone that somebody deleted is for no VPC any more.
            if_there(route53::vpcs(aws, zone).await)?.unwrap_or_default()
        }
        _ => Vec::new(),
    };
    Ok(Seen { summary, tags, vpcs })
}

async fn change(aws: &Aws, id: &str, wanted: &Wanted<'_, Namespace>) -> Result<Option<String>, CallError> {
    let fields = wanted.fields;
    let token = token(wanted.stack(), wanted.address());
    if !fields.has_dns() {
        let change = sdk::HttpNamespaceChange::builder().description(&fields.description).build();
        let change = change.map_err(|_| incomplete(UPDATE_HTTP, "Description"))?;
        let call = aws.names.update_http_namespace().id(id).updater_request_id(token).namespace(change);
        return Ok(call.send().await.map_err(failed(UPDATE_HTTP)).map_err(busy)?.operation_id);
    }
    let properties = match fields.soa_ttl {
        None => None,
        Some(ttl) => {
            let soa = sdk::SoaChange::builder().ttl(seconds(ttl)).build();
            let soa = soa.map_err(|_| incomplete(UPDATE_PRIVATE, "SOA"))?;
            let dns = sdk::PrivateDnsPropertiesMutableChange::builder().soa(soa).build();
            Some(sdk::PrivateDnsNamespacePropertiesChange::builder().dns_properties(dns).build())
        }
    };
    let change = sdk::PrivateDnsNamespaceChange::builder()
        .description(&fields.description)
        .set_properties(properties)
        .build();
    let call = aws.names.update_private_dns_namespace().id(id).updater_request_id(token).namespace(change);
    Ok(call.send().await.map_err(failed(UPDATE_PRIVATE)).map_err(busy)?.operation_id)
}

/// Deletes what ECS made for Service Connect in a namespace that goes, and did not delete with its service.
async fn sweep(aws: &Aws, namespace: &str, error: CallError) -> CallError {
    let swept = async {
        let mut held = Vec::new();
        for service in services(aws, namespace).await? {
            let name = service.name().unwrap_or_default().to_owned();
            let tags = all_tags(aws, service.arn().unwrap_or_default()).await?;
            let by_ecs = tags.iter().any(|tag| tag.key() == OF_ECS);
            if by_ecs && service.instance_count().unwrap_or_default() == 0 {
                let call = aws.names.delete_service().id(service.id().unwrap_or_default());
                if_gone(call.send().await.map_err(failed("servicediscovery:DeleteService")))?;
            } else {
                held.push(name);
            }
        }
        Ok::<_, CallError>(held)
    };
    match swept.await {
        Ok(held) if held.is_empty() => error,
        Ok(held) => {
            CallError { message: format!("{} (it holds {})", error.message, held.join(", ")), ..error }
        }
        Err(other) => other,
    }
}

impl Remote for Namespace {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let sent = if wanted.fields.has_dns() { CREATE_PRIVATE } else { CREATE_HTTP };
        let what = format!("{}/{}", wanted.stack(), wanted.address());
        let made = match carried_out(aws, &what, sent, begin(aws, wanted)).await {
            Err(error) if error.kind == ErrorKind::Conflict => return resume(aws, wanted, error).await,
            made => made?,
        };
        let target = made.targets().and_then(|targets| targets.get(&sdk::OperationTargetType::Namespace));
        let id = target.ok_or_else(|| incomplete(super::OPERATION, "Targets"))?;
        let unseen = || refused(ErrorKind::NotYet, sent, "the namespace is not visible yet");
        let found = get(aws, id).await?.ok_or_else(unseen)?;
        Ok(outputs_of(id, found.arn(), &wanted.fields.name))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let (before, after) = (held.fields, wanted.fields);
        let ttl = after.soa_ttl.or(before.soa_ttl);
        if (&before.description, before.soa_ttl) != (&after.description, ttl) {
            let id = &held.live.id;
            let sent = if after.has_dns() { UPDATE_PRIVATE } else { UPDATE_HTTP };
            carried_out(aws, id, sent, change(aws, id, wanted)).await?;
        }
        let arn = held.live.outputs.get("arn").map_or("", String::as_str);
        retag(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let id = &held.live.id;
        let send = async {
            let answer = aws.names.delete_namespace().id(id).send().await.map_err(failed(DELETE));
            Ok(answer.map_err(busy)?.operation_id)
        };
        match if_gone(carried_out(aws, id, DELETE, send).await) {
            Err(error) if error.kind == ErrorKind::InUse => Err(sweep(aws, id, error).await),
            // It is on its way, or what was begun before is.
            Err(error) if error.kind == ErrorKind::NotYet => Ok(()),
            outcome => outcome,
        }
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let id = outputs.get("id").ok_or_else(|| incomplete(GET, "Id"))?;
        let Some(namespace) = get(aws, id).await? else {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        };
        let fields = wanted.fields;
        let same = namespace.description().unwrap_or_default() == fields.description
            && fields.soa_ttl.is_none_or(|ttl| soa_of(namespace.properties()) == Some(ttl));
        let changing = || Progress::Pending("the change is not visible yet".to_owned());
        Ok(if same { Progress::Done } else { changing() })
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let id = &held.live.id;
        if get(aws, id).await?.is_none() {
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

    fn summary(fields: &Namespace) -> sdk::NamespaceSummary {
        let soa = fields.soa_ttl.map(|ttl| sdk::Soa::builder().ttl(seconds(ttl)).build().expect("a time"));
        let dns = sdk::DnsProperties::builder().hosted_zone_id("Z1").set_soa(soa).build();
        let properties = sdk::NamespaceProperties::builder().dns_properties(dns).build();
        sdk::NamespaceSummary::builder()
            .name(&fields.name)
            .r#type(fields.sort.as_str().into())
            .description(&fields.description)
            .properties(properties)
            .build()
    }

    #[test]
    fn a_namespace_reads_back_as_it_was_created() {
        let example = Namespace::example();
        let vpcs = ["vpc-2".to_owned(), "vpc-1".to_owned()];
        assert_eq!(from_aws(&summary(&example), &vpcs, Some("vpc-1")), example);
        let http = Namespace { sort: Namespace::HTTP.into(), vpc: None, soa_ttl: None, ..example };
        assert_eq!(from_aws(&summary(&http), &[], Some("vpc-1")), http);
    }

    #[test]
    fn tokens_are_never_the_same() {
        assert_ne!(token("course", "namespace.main"), token("course", "namespace.other"));
        assert!(token("course", "namespace.main").len() <= 64);
    }
}
