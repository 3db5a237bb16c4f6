//! Names in Route 53 that lead to distributions and load balancers.
//!
//! Decides whose a record is, by the marker beside it, and which records a change puts. Must not know what it leads to.

use std::collections::BTreeMap;

use aws_sdk_route53::types as sdk;
use aws_sdk_route53::types::{ChangeAction, RrType};
use futures_util::future::join_all;
use neap_core::address::Address;
use neap_core::desired::{Desired, TAG_ADDRESS, TAG_STACK, short_hash};
use neap_core::kinds::Domain;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_core::reference::{Reference, Resolved, substitute_text};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use crate::adopt::{adopt, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::found::{Found, if_gone};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::route53::{self, HostedZone, Zones, bare_name};
use crate::tags::Tags;

const CHANGE: &str = "route53:ChangeResourceRecordSets";
/// Seconds for which resolvers keep a marker.
const TTL: i64 = 300;

/// Reads the stack's names: the desired ones, and those whose markers are in any zone of the account.
pub(crate) async fn read(aws: &Aws, desired: &Desired, zones: &Zones) -> Found {
    let mut found = Found::new(&desired.stack);
    let (needed, all) = match (zones.needed(aws, desired).await, zones.all(aws).await) {
        (Ok(needed), Ok(all)) => (needed, all),
        (Err(error), _) | (_, Err(error)) => {
            found.unlistable::<Domain>(desired, &error);
            return found;
        }
    };
    let open = open(&all);
    let marked = join_all(open.iter().map(|zone| markers(aws, zone, &desired.stack))).await;
    let mut owned = BTreeMap::new();
    for (zone, markers) in open.iter().zip(marked) {
        match markers {
            Ok(markers) => {
                owned.extend(
                    markers.into_iter().map(|marker| ((zone.id.clone(), marker.name.clone()), marker)),
                );
            }
            Err(error) => {
                // Any of the stack's names may be in this zone.
                found.unlistable::<Domain>(desired, &error);
                return found;
            }
        }
    }
    let resolve = |reference: &Reference| match reference {
        Reference::Zone(zone) => {
            needed.get(&zone.to_string()).cloned().map_or(Resolved::Unknown, Resolved::One)
        }
        _ => Resolved::Unknown,
    };
    let wanted: Vec<(&Address, String, &str)> = declared::<Domain>(desired)
        .map(|(address, domain)| (address, substitute_text(&domain.zone, &resolve), domain.name.as_str()))
        .filter(|(_, zone, _)| !zone.contains("${"))
        .collect();
    let looks = wanted.iter().map(|(_, zone, name)| records(aws, zone, name));
    for ((address, zone, name), records) in wanted.iter().zip(join_all(looks).await) {
        let marker = owned.remove(&(zone.clone(), (*name).to_owned()));
        let live = records.map(|records| live(address, zone, name, &records, marker.as_ref()));
        found.record(address, live);
    }
    let strays = owned.iter().map(|((zone, name), marker)| async move {
        let records = records(aws, zone, name).await?;
        Ok(live(&marker.address, zone, name, &records, Some(marker)))
    });
    found.collect(join_all(strays).await.into_iter().map(|stray| (None, stray)));
    found.rest_absent::<Domain>(desired);
    found
}

/// The zones in which markers may be, public and private.
fn open(zones: &[HostedZone]) -> Vec<&HostedZone> {
    zones.iter().filter(|zone| !zone.linked).collect()
}

/// Says whose a record is: Route 53's records take no tags.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Marker {
    stack: String,
    address: Address,
    /// The name of the record.
    name: String,
}

impl Marker {
    /// The value of the marker: two strings, of which the second is the record's name.
    fn value(&self) -> String {
        format!("\"neap/{}/{}\" \"{}\"", self.stack, self.address, self.name)
    }

    /// The marker that a value is.
    fn read(value: &str) -> Option<Self> {
        let strings: Vec<&str> = value.split('"').skip(1).step_by(2).collect();
        let [owner, name] = strings.as_slice() else { return None };
        let (stack, address) = owner.strip_prefix("neap/")?.split_once('/')?;
        Some(Self { stack: stack.to_owned(), address: address.parse().ok()?, name: bare_name(name) })
    }

    fn tags(&self) -> Tags {
        let pairs = [(TAG_STACK, self.stack.clone()), (TAG_ADDRESS, self.address.to_string())];
        pairs.map(|(key, value)| (key.to_owned(), value)).into()
    }
}

/// What the names of all markers of a stack in a zone end in. They stand together: Route 53 lists names by their last
/// labels first.
fn place(stack: &str, zone: &HostedZone) -> String {
    format!("{stack}._neap.{}", zone.name)
}

/// The name of the marker of a record.
fn marker_name(stack: &str, zone: &HostedZone, name: &str) -> String {
    format!("{}.{}", short_hash(name), place(stack, zone))
}

/// The markers of a stack in a zone.
async fn markers(aws: &Aws, zone: &HostedZone, stack: &str) -> Result<Vec<Marker>, CallError> {
    let place = place(stack, zone);
    let records = route53::records_from(aws, &zone.id, &place, |name| {
        name == place || name.ends_with(&format!(".{place}"))
    })
    .await?;
    let values = records.iter().filter(|record| *record.r#type() == RrType::Txt);
    let values = values.flat_map(|record| record.resource_records()).map(sdk::ResourceRecord::value);
    Ok(values.filter_map(Marker::read).filter(|marker| marker.stack == stack).collect())
}

/// The records of a name.
async fn records(aws: &Aws, zone: &str, name: &str) -> Result<Vec<sdk::ResourceRecordSet>, CallError> {
    route53::records_from(aws, zone, name, |found| found == name).await
}

/// Whether a record is one that leads somewhere.
fn leads(record: &sdk::ResourceRecordSet) -> bool {
    matches!(record.r#type(), RrType::A | RrType::Aaaa | RrType::Cname)
}

/// Where a record leads: the host and its zone. One that is no alias has no zone, and leads to its first value.
fn end(record: &sdk::ResourceRecordSet) -> (String, String) {
    let alias = record.alias_target();
    let value = || record.resource_records().first().map(|record| bare_name(record.value()));
    let host = alias.map(|alias| bare_name(alias.dns_name())).or_else(value).unwrap_or_default();
    // The console writes it so for whoever asks for both sorts of addresses.
    let host = host.strip_prefix("dualstack.").unwrap_or(&host).to_owned();
    (host, alias.map(|alias| alias.hosted_zone_id().to_owned()).unwrap_or_default())
}

/// What the records of a name for IPv4 and for IPv6 say. No stack asks for one that differs from the other, nor for the second alone.
fn both(four: Option<&String>, six: Option<&String>) -> String {
    match (four, six) {
        (Some(four), None) => four.clone(),
        (Some(four), Some(six)) if four == six => four.clone(),
        (Some(four), Some(six)) => format!("{four} (A), {six} (AAAA)"),
        (None, six) => six.map(|six| format!("{six} (AAAA)")).unwrap_or_default(),
    }
}

/// The name as it is; nothing where it leads nowhere. A record without a marker is somebody else's. A pair of which each leads
/// elsewhere does not look like any that a stack asks for, nor does a record that is no alias.
fn live(
    address: &Address,
    zone: &str,
    name: &str,
    records: &[sdk::ResourceRecordSet],
    marker: Option<&Marker>,
) -> Option<LiveResource> {
    let of = |kind: &RrType| records.iter().find(|record| record.r#type() == kind).map(end);
    let (four, six) = (of(&RrType::A).or_else(|| of(&RrType::Cname)), of(&RrType::Aaaa));
    four.as_ref().or(six.as_ref())?;
    let said =
        |which: fn(&(String, String)) -> &String| both(four.as_ref().map(which), six.as_ref().map(which));
    let fields = Domain {
        name: name.to_owned(),
        zone: zone.to_owned(),
        target: said(|(host, _)| host),
        target_zone: said(|(_, zone)| zone),
        ipv6: six.is_some(),
    };
    Some(LiveResource {
        address: marker.map_or(address, |marker| &marker.address).clone(),
        id: format!("{zone}/{name}"),
        outputs: domain_outputs(&fields),
        resource: fields.into(),
        tags: marker.map(Marker::tags).unwrap_or_default(),
        phase: Phase::Ready,
    })
}

fn domain_outputs(fields: &Domain) -> Outputs {
    outputs([("name", &fields.name), ("zone_id", &fields.zone)])
}

/// The alias records that a name shall have.
fn wanted_records(fields: &Domain) -> Result<Vec<sdk::ResourceRecordSet>, CallError> {
    let kinds: &[RrType] = if fields.ipv6 { &[RrType::A, RrType::Aaaa] } else { &[RrType::A] };
    let record = |kind: &RrType| {
        // A distribution is never asked how it is; with one target there is nobody else to answer, either.
        let alias = sdk::AliasTarget::builder()
            .hosted_zone_id(&fields.target_zone)
            .dns_name(&fields.target)
            .evaluate_target_health(false);
        let alias = alias.build().map_err(|_| incomplete(CHANGE, "AliasTarget"))?;
        let record =
            sdk::ResourceRecordSet::builder().name(&fields.name).r#type(kind.clone()).alias_target(alias);
        record.build().map_err(|_| incomplete(CHANGE, "Name"))
    };
    kinds.iter().map(record).collect()
}

fn marker_record(zone: &HostedZone, marker: &Marker) -> Result<sdk::ResourceRecordSet, CallError> {
    let value = sdk::ResourceRecord::builder().value(marker.value()).build();
    let record = sdk::ResourceRecordSet::builder().name(marker_name(&marker.stack, zone, &marker.name));
    let record = record.r#type(RrType::Txt).ttl(TTL);
    let record = record.resource_records(value.map_err(|_| incomplete(CHANGE, "Value"))?).build();
    record.map_err(|_| incomplete(CHANGE, "Name"))
}

/// The zone with this id, whose name markers end in.
async fn zone_of(aws: &Aws, id: &str) -> Result<HostedZone, CallError> {
    let zone = route53::zones(aws).await?.into_iter().find(|zone| zone.id == id);
    zone.ok_or_else(|| {
        refused(
            ErrorKind::NotFound,
            "route53:ListHostedZones",
            format!("the account has no hosted zone {id}"),
        )
    })
}

fn marker_of<T: Remote>(wanted: &Wanted<'_, T>, name: &str) -> Result<Marker, CallError> {
    let address = wanted_address(wanted)?;
    Ok(Marker { stack: wanted.stack().to_owned(), address, name: name.to_owned() })
}

impl Remote for Domain {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let zone = zone_of(aws, &fields.zone).await?;
        let marker = marker_of(wanted, &fields.name)?;
        // What is there already fails the whole of it, and nothing of somebody else's is lost.
        let mut changes: Vec<_> =
            wanted_records(fields)?.into_iter().map(|record| (ChangeAction::Create, record)).collect();
        changes.push((ChangeAction::Upsert, marker_record(&zone, &marker)?));
        match route53::change(aws, &fields.zone, changes).await {
            Err(error) if error.kind == ErrorKind::Conflict => {
                let (records, markers) = tokio::try_join!(
                    records(aws, &fields.zone, &fields.name),
                    markers(aws, &zone, wanted.stack())
                )?;
                let own = markers.iter().find(|marker| marker.name == fields.name);
                let address = wanted_address(wanted)?;
                adopt(aws, wanted, live(&address, &fields.zone, &fields.name, &records, own), error).await
            }
            answer => {
                aws.recent.changed(&fields.name, &answer?);
                Ok(domain_outputs(fields))
            }
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let (zone, records) =
            tokio::try_join!(zone_of(aws, &fields.zone), records(aws, &fields.zone, &fields.name))?;
        let marker = marker_of(wanted, &fields.name)?;
        let wanted_records = wanted_records(fields)?;
        let is_wanted = |kind: &RrType| wanted_records.iter().any(|record| record.r#type() == kind);
        // A record can be taken away only with all that it says.
        let stale = records.into_iter().filter(|record| leads(record) && !is_wanted(record.r#type()));
        let mut changes: Vec<_> = stale.map(|record| (ChangeAction::Delete, record)).collect();
        changes.extend(wanted_records.iter().map(|record| (ChangeAction::Upsert, record.clone())));
        changes.push((ChangeAction::Upsert, marker_record(&zone, &marker)?));
        let change = route53::change(aws, &fields.zone, changes).await?;
        aws.recent.changed(&fields.name, &change);
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let Self { name, zone: id, .. } = held.fields;
        let stack = held.live.tags.get(TAG_STACK).map_or("", String::as_str);
        let zone = match zone_of(aws, id).await {
            // Its records went with it.
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
            zone => zone?,
        };
        let (records, markers) =
            tokio::try_join!(records(aws, id, name), marker_records(aws, &zone, stack, name))?;
        if markers.is_empty() {
            return Ok(());
        }
        let gone = records.into_iter().filter(leads).chain(markers);
        let changes: Vec<_> = gone.map(|record| (ChangeAction::Delete, record)).collect();
        if_gone(route53::change(aws, id, changes).await)
    }

    /// A name is ready once all of Route 53's servers answer with it.
    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _outputs: &Outputs) -> Result<Progress, CallError> {
        let Some(change) = aws.recent.change(&wanted.fields.name) else { return Ok(Progress::Done) };
        let answer = aws.route53.get_change().id(change).send().await.map_err(failed("route53:GetChange"))?;
        let status = answer.change_info().map(sdk::ChangeInfo::status);
        Ok(match status {
            Some(sdk::ChangeStatus::Insync) | None => Progress::Done,
            Some(status) => Progress::Pending(status.as_str().to_owned()),
        })
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let left = records(aws, &held.fields.zone, &held.fields.name).await?;
        Ok(if left.iter().any(leads) { Progress::Pending("deleting".to_owned()) } else { Progress::Done })
    }
}

/// The marker of a record as it stands, to be taken away with all that it says.
async fn marker_records(
    aws: &Aws,
    zone: &HostedZone,
    stack: &str,
    name: &str,
) -> Result<Vec<sdk::ResourceRecordSet>, CallError> {
    let marker = marker_name(stack, zone, name);
    let found = route53::records_from(aws, &zone.id, &marker, |found| found == marker).await?;
    Ok(found.into_iter().filter(|record| *record.r#type() == RrType::Txt).collect())
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    fn marker() -> Marker {
        let address = "domain.app".parse().expect("an address");
        Marker { stack: "course".into(), address, name: "app.example.com".into() }
    }

    fn zone() -> HostedZone {
        HostedZone { id: "Z0123456789".into(), name: "example.com".into(), private: false, linked: false }
    }

    #[test]
    fn markers_are_looked_for_in_private_zones_too_but_not_in_those_of_other_services() {
        let private = HostedZone { id: "Z1".into(), private: true, ..zone() };
        let linked = HostedZone { id: "Z2".into(), linked: true, ..private.clone() };
        let zones = [zone(), private, linked];
        assert_eq!(open(&zones), [&zones[0], &zones[1]]);
    }

    #[track_caller]
    fn read(fields: &Domain, marker: Option<&Marker>) -> Option<LiveResource> {
        let address = "domain.other".parse().expect("an address");
        let mut records = wanted_records(fields).expect("records");
        for record in &mut records {
            record.name = format!("{}.", record.name);
        }
        live(&address, &fields.zone, &fields.name, &records, marker)
    }

    #[test]
    fn a_name_reads_back_as_it_was_asked_for() {
        for fields in [Domain::example(), Domain { ipv6: false, ..Domain::example() }] {
            let live = read(&fields, Some(&marker())).expect("it leads somewhere");
            assert_eq!(live.resource, fields.clone().into());
            assert_eq!((live.address.to_string().as_str(), live.is_of("course")), ("domain.app", true));
        }
        let console = Domain { target: "dualstack.a.elb.amazonaws.com".into(), ..Domain::example() };
        let live = read(&console, None).expect("it leads somewhere");
        assert_eq!(live.resource.fields()["target"], "a.elb.amazonaws.com");
        assert!(!live.is_of("course"), "nothing says whose it is");
    }

    #[test]
    fn a_name_whose_two_records_lead_elsewhere_shows_both() {
        let moved = Domain { target: "d2.cloudfront.net".into(), ..Domain::example() };
        let mut records = wanted_records(&Domain::example()).expect("records");
        let other = wanted_records(&moved).expect("records").pop().expect("two records");
        records[1] = other;
        let read = |records: &[sdk::ResourceRecordSet]| {
            let found = live(&marker().address, "Z1", "app.example.com", records, Some(&marker()));
            found.expect("it leads somewhere").resource.fields()
        };
        let fields = read(&records);
        assert_eq!(fields["target"], "d1.cloudfront.net (A), d2.cloudfront.net (AAAA)");
        assert_eq!(fields["target_zone"], Domain::example().target_zone.as_str());
        let fields = read(&records[1..]);
        assert_eq!((&fields["target"], &fields["ipv6"]), (&"d2.cloudfront.net (AAAA)".into(), &true.into()));
    }

    #[test]
    fn a_marker_says_whose_a_record_is() {
        assert_eq!(Marker::read(&marker().value()), Some(marker()));
        let wild = Marker { name: "*.example.com".into(), ..marker() };
        assert_eq!(Marker::read(&wild.value()), Some(wild));
        for value in ["\"v=spf1 -all\"", "\"neap/course/domain.app\"", "\"neap/course/nothing\" \"a\"", ""] {
            assert_eq!(Marker::read(value), None, "{value}");
        }
        let record = marker_record(&zone(), &marker()).expect("a record");
        assert!(record.name().ends_with(".course._neap.example.com"), "{}", record.name());
    }

    #[test]
    fn a_name_that_leads_nowhere_is_absent() {
        let address = "domain.app".parse().expect("an address");
        let text = marker_record(&zone(), &marker()).expect("a record");
        assert_eq!(live(&address, "Z1", "example.com", &[text], None), None);
    }
}
