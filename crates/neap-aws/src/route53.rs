//! Route 53: the account's hosted zones, and the records in them.
//!
//! Decides which zone answers for a domain. Must not know what the records are for.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_route53::types as sdk;
use neap_core::desired::Desired;
use neap_core::reference::Zone;
use neap_engine::cloud::{CallError, ErrorKind};
use tokio::sync::OnceCell;

use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::found::if_there;

const LIST: &str = "route53:ListHostedZones";
const RECORDS: &str = "route53:ListResourceRecordSets";
const CHANGE: &str = "route53:ChangeResourceRecordSets";
/// Seconds for which resolvers keep a record that validates a certificate.
const TTL: i64 = 300;

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostedZone {
    /// Its id, without the `/hostedzone/` before it.
    pub(crate) id: String,
    /// Its name, without the dot at its end.
    pub(crate) name: String,
    /// Whether only networks that it is associated with see it.
    pub(crate) private: bool,
    /// Whether another service of AWS made it, such as Cloud Map: then nobody else changes its records ("LinkedService" of the API
    /// reference), so that none is the stack's own.
    pub(crate) linked: bool,
}

/// The account's hosted zones.
pub(crate) async fn zones(aws: &Aws) -> Result<Vec<HostedZone>, CallError> {
    let pages = aws.route53.list_hosted_zones().into_paginator().items().send();
    let zones: Vec<sdk::HostedZone> = pages.collect::<Result<_, _>>().await.map_err(failed(LIST))?;
    let zone = |zone: sdk::HostedZone| HostedZone {
        id: bare_id(zone.id()).to_owned(),
        name: bare_name(zone.name()),
        private: zone.config().is_some_and(|config| config.private_zone()),
        linked: zone.linked_service().is_some(),
    };
    Ok(zones.into_iter().map(zone).collect())
}

/// The account's hosted zones, read once, by whoever asks first.
#[derive(Debug, Default)]
pub(crate) struct Zones(OnceCell<Result<Vec<HostedZone>, CallError>>);

impl Zones {
    /// All of them.
    pub(crate) async fn all(&self, aws: &Aws) -> Result<Vec<HostedZone>, CallError> {
        self.0.get_or_init(|| Box::pin(zones(aws))).await.clone()
    }

    /// The ids of those that the stack refers to, by reference; those that do not exist are missing.
    pub(crate) async fn needed(
        &self,
        aws: &Aws,
        desired: &Desired,
    ) -> Result<BTreeMap<String, String>, CallError> {
        let needed = desired.zones();
        if needed.is_empty() {
            return Ok(BTreeMap::new());
        }
        let zones = self.all(aws).await?;
        let id = |zone: &Zone| Ok(find(&zones, zone)?.map(|id| (zone.to_string(), id.to_owned())));
        needed.iter().filter_map(|zone| id(zone).transpose()).collect()
    }

    /// The same, and which of them are private.
    pub(crate) async fn needed_and_private(
        &self,
        aws: &Aws,
        desired: &Desired,
    ) -> Result<(BTreeMap<String, String>, BTreeSet<String>), CallError> {
        let needed = self.needed(aws, desired).await?;
        if needed.is_empty() {
            return Ok((needed, BTreeSet::new()));
        }
        let zones = self.all(aws).await?;
        let is_private = |id: &String| zones.iter().any(|zone| zone.private && zone.id == *id);
        let private = needed.iter().filter(|(_, id)| is_private(id)).map(|(zone, _)| zone.clone()).collect();
        Ok((needed, private))
    }
}

/// The id of a zone, if it exists. Private zones answer nobody who validates, so they are found by id alone.
fn find<'a>(zones: &'a [HostedZone], wanted: &Zone) -> Result<Option<&'a str>, CallError> {
    let public = || zones.iter().filter(|zone| !zone.private);
    let within = |domain: &str, zone: &str| domain == zone || domain.ends_with(&format!(".{zone}"));
    let name = match wanted {
        Zone::Of(text) => {
            if let Some(zone) = zones.iter().find(|zone| zone.id == *text) {
                return Ok(Some(&zone.id));
            }
            text.as_str()
        }
        Zone::For(domain) => {
            let fitting = public().filter(|zone| within(domain, &zone.name));
            let Some(best) = fitting.max_by_key(|zone| zone.name.len()) else { return Ok(None) };
            &best.name
        }
    };
    let named: Vec<&HostedZone> = public().filter(|zone| zone.name == name).collect();
    match named.as_slice() {
        [] => Ok(None),
        [zone] => Ok(Some(&zone.id)),
        several => {
            let ids: Vec<&str> = several.iter().map(|zone| zone.id.as_str()).collect();
            let message = format!(
                "{} public hosted zones are called `{name}`: {}; name one of them by its id",
                ids.len(),
                ids.join(", ")
            );
            Err(refused(ErrorKind::Invalid, LIST, message))
        }
    }
}

/// An id without the path before it.
fn bare_id(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// A name as the stack file writes it: lower case, no dot at its end, `*` as itself. Route 53 shows that one as `\052`.
pub(crate) fn bare_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase().replace("\\052", "*")
}

/// The ids of the VPCs that a private zone is for; none if there is no such zone.
pub(crate) async fn vpcs(aws: &Aws, zone: &str) -> Result<Vec<String>, CallError> {
    let answer = aws.route53.get_hosted_zone().id(zone).send().await.map_err(failed("route53:GetHostedZone"));
    let vpcs = if_there(answer)?.and_then(|answer| answer.vpcs).unwrap_or_default();
    Ok(vpcs.into_iter().filter_map(|vpc| vpc.vpc_id).collect())
}

/// The records of one name and type in a zone; none if there are none.
pub(crate) async fn record(
    aws: &Aws,
    zone: &str,
    name: &str,
    kind: sdk::RrType,
) -> Result<Option<sdk::ResourceRecordSet>, CallError> {
    let call = aws.route53.list_resource_record_sets().hosted_zone_id(zone);
    let call = call.start_record_name(format!("{name}.")).start_record_type(kind.clone()).max_items(1);
    let answer = call.send().await.map_err(failed(RECORDS))?;
    // What is listed first is the record, or else what would come after it.
    let found = answer.resource_record_sets.into_iter().next();
    Ok(found.filter(|found| bare_name(found.name()) == bare_name(name) && *found.r#type() == kind))
}

/// A `CNAME` record as Route 53 takes it.
pub(crate) fn cname(name: &str, value: &str) -> Result<sdk::ResourceRecordSet, CallError> {
    let value = sdk::ResourceRecord::builder().value(value).build();
    let record = sdk::ResourceRecordSet::builder().name(name).r#type(sdk::RrType::Cname).ttl(TTL);
    let record = record.resource_records(value.map_err(|_| incomplete(CHANGE, "Value"))?).build();
    record.map_err(|_| incomplete(CHANGE, "Name"))
}

/// The records of a zone from a name on, in Route 53's order, as long as their names are `wanted`.
pub(crate) async fn records_from(
    aws: &Aws,
    zone: &str,
    name: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<sdk::ResourceRecordSet>, CallError> {
    let mut found = Vec::new();
    let mut next = (Some(format!("{name}.")), None, None);
    loop {
        let (name, kind, identifier) = next;
        let call = aws.route53.list_resource_record_sets().hosted_zone_id(zone).set_start_record_name(name);
        let call = call.set_start_record_type(kind).set_start_record_identifier(identifier);
        let answer = call.send().await.map_err(failed(RECORDS))?;
        for record in answer.resource_record_sets {
            if !wanted(&bare_name(record.name())) {
                return Ok(found);
            }
            found.push(record);
        }
        if !answer.is_truncated {
            return Ok(found);
        }
        next = (answer.next_record_name, answer.next_record_type, answer.next_record_identifier);
    }
}

/// Changes records of one zone, all or none of them. Says by which id the change can be followed.
pub(crate) async fn change(
    aws: &Aws,
    zone: &str,
    changes: Vec<(sdk::ChangeAction, sdk::ResourceRecordSet)>,
) -> Result<String, CallError> {
    let change = |(action, record)| {
        let change = sdk::Change::builder().action(action).resource_record_set(record).build();
        change.map_err(|_| incomplete(CHANGE, "Action"))
    };
    let changes = changes.into_iter().map(change).collect::<Result<Vec<_>, _>>()?;
    let batch = sdk::ChangeBatch::builder().set_changes(Some(changes)).build();
    let batch = batch.map_err(|_| incomplete(CHANGE, "Changes"))?;
    let call = aws.route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch);
    let answer = call.send().await.map_err(failed(CHANGE))?;
    let change = answer.change_info().ok_or_else(|| incomplete(CHANGE, "ChangeInfo"))?;
    Ok(bare_id(change.id()).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: &str, name: &str, private: bool) -> HostedZone {
        HostedZone { id: id.to_owned(), name: name.to_owned(), private, linked: false }
    }

    fn zones() -> Vec<HostedZone> {
        vec![
            zone("Z1", "example.com", false),
            zone("Z2", "dev.example.com", false),
            zone("Z3", "app.dev.example.com", true),
            zone("Z4", "twice.com", false),
            zone("Z5", "twice.com", false),
        ]
    }

    #[track_caller]
    fn check(wanted: &Zone, expected: Option<&str>) {
        assert_eq!(find(&zones(), wanted).expect("not two"), expected, "{wanted}");
    }

    #[test]
    fn the_longest_public_zone_answers_for_a_domain() {
        let of = |domain: &str| Zone::For(domain.to_owned());
        check(&of("example.com"), Some("Z1"));
        check(&of("app.example.com"), Some("Z1"));
        check(&of("a.app.dev.example.com"), Some("Z2"));
        check(&of("myexample.com"), None);
        check(&of("com"), None);
    }

    #[test]
    fn a_zone_is_named_by_its_name_or_id() {
        let named = |text: &str| Zone::Of(text.to_owned());
        check(&named("dev.example.com"), Some("Z2"));
        check(&named("app.example.com"), None);
        check(&named("Z3"), Some("Z3"));
        check(&named("Z9"), None);
        check(&named("Z5"), Some("Z5"));
    }

    #[test]
    fn of_two_zones_with_one_name_none_is_meant() {
        let error = find(&zones(), &Zone::For("a.twice.com".into())).expect_err("two");
        assert!(error.message.contains("Z4, Z5"), "{}", error.message);
    }

    #[test]
    fn names_and_ids_are_compared_without_their_trimmings() {
        assert_eq!(bare_name("\\052.Example.com."), "*.example.com");
        assert_eq!(bare_id("/hostedzone/Z1"), "Z1");
        assert_eq!(bare_id("Z1"), "Z1");
    }
}
