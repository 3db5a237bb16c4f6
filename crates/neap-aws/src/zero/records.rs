//! Names in the account's hosted zones, public and private, that are marked as the stack's: records take no tags.

use aws_sdk_route53::types as sdk;
use neap_core::desired::{TAG_ADDRESS, TAG_STACK};
use neap_core::zero::{Seen, StackScope, Thing};
use neap_engine::cloud::CallError;

use super::{Part, each};
use crate::client::Aws;
use crate::error::failed;

pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let zones = part.take(zones(aws).await);
    // Those that another service made, such as Cloud Map, take no records from anybody else.
    let open: Vec<sdk::HostedZone> =
        zones.into_iter().filter(|zone| zone.linked_service().is_none()).collect();
    let answers = each(&open, async |zone| marks(aws, zone, &scope.stack).await).await;
    for (zone, answer) in open.iter().zip(answers) {
        for value in part.take(answer) {
            part.seen.extend(seen(zone.id(), &value));
        }
    }
    part
}

/// The name that the value of a mark is about: `"neap/shop/domain.app" "app.example.com"`.
fn seen(zone: &str, value: &str) -> Option<Seen> {
    let rest = value.strip_prefix("\"neap/")?;
    let (owner, name) = rest.split_once("\" \"")?;
    let (stack, address) = owner.split_once('/')?;
    let name = name.trim_end_matches('"');
    let zone = zone.trim_start_matches("/hostedzone/");
    let tags = [(TAG_STACK, stack), (TAG_ADDRESS, address)];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Some(Seen { tags, ..Seen::new(Thing::Record, format!("{zone}/{name}"), name) })
}

async fn zones(aws: &Aws) -> Result<Vec<sdk::HostedZone>, CallError> {
    let (mut zones, mut marker) = (Vec::new(), None);
    loop {
        let answer = aws.route53.list_hosted_zones().set_marker(marker).send().await;
        let answer = answer.map_err(failed("route53:ListHostedZones"))?;
        zones.extend(answer.hosted_zones);
        marker = answer.next_marker.filter(|_| answer.is_truncated);
        if marker.is_none() {
            return Ok(zones);
        }
    }
}

/// The values of the stack's marks in a zone, which stand one after the other.
async fn marks(aws: &Aws, zone: &sdk::HostedZone, stack: &str) -> Result<Vec<String>, CallError> {
    let end = format!("{stack}._neap.{}", zone.name());
    let mut values = Vec::new();
    let mut start = (Some(end.clone()), None);
    loop {
        let (name, kind) = start;
        let call = aws.route53.list_resource_record_sets().hosted_zone_id(zone.id());
        let answer = call.set_start_record_name(name).set_start_record_type(kind).send().await;
        let answer = answer.map_err(failed("route53:ListResourceRecordSets"))?;
        for record in &answer.resource_record_sets {
            if !record.name().ends_with(&end) {
                return Ok(values);
            }
            values.extend(record.resource_records().iter().map(|value| value.value().to_owned()));
        }
        if !answer.is_truncated {
            return Ok(values);
        }
        start = (answer.next_record_name, answer.next_record_type);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_whose_a_name_is() {
        let seen = seen("/hostedzone/Z1", "\"neap/shop/domain.app\" \"app.example.com\"").expect("a mark");
        assert_eq!((seen.id.as_str(), seen.name.as_str()), ("Z1/app.example.com", "app.example.com"));
        assert_eq!(seen.tags[TAG_ADDRESS], "domain.app");
        assert!(super::seen("Z1", "\"v=spf1 -all\"").is_none());
    }
}
