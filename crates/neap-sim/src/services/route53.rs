//! Route 53: hosted zones, which nobody here makes, and the records in them (reference section 3.25).
//!
//! Every domain has a public zone in the account, as every secret exists: those that do not are told by a script. Records
//! are news at once.

use std::collections::BTreeSet;

use neap_core::kinds::Certificate;
use neap_core::reference::Zone;

use super::acm;
use crate::arn;
use crate::clock::{CERTIFICATE_ISSUED, Millis};
use crate::error::{Answer, Rejection, SimError};
use crate::record::{Record, State};
use crate::world::World;

/// The id of the zone with this name.
fn id(name: &str) -> String {
    format!("Z0{}", arn::letters(&format!("hosted zone {name}"), 18, arn::CAPITALS))
}

/// The id of the private zone with this name.
fn private_id(name: &str) -> String {
    id(&format!("{name}, private"))
}

/// The name of the zone that answers for a domain: one of those that a script made, or that of its last two labels.
fn name_for(world: &World, domain: &str) -> Option<String> {
    let within = |zone: &&String| domain == *zone || domain.ends_with(&format!(".{zone}"));
    let more = world.more_zones.iter().filter(within).max_by_key(|zone| zone.len());
    let mut labels = domain.rsplitn(3, '.');
    let (last, first) = (labels.next()?, labels.next()?);
    let own = Some(format!("{first}.{last}")).filter(|name| !world.missing_zones.contains(name));
    more.cloned().or(own)
}

impl World {
    /// The id of a hosted zone, if it exists.
    pub(crate) fn zone(&self, zone: &Zone) -> Option<String> {
        match zone {
            Zone::For(domain) => name_for(self, domain).map(|name| id(&name)),
            Zone::Of(text) if text.contains('.') => {
                name_for(self, text).filter(|name| name == text).map(|name| id(&name))
            }
            // Only those that were made have an id that anybody could know.
            Zone::Of(text) => {
                let public = self.more_zones.iter().map(|name| id(name));
                let private = self.private_zones.iter().map(|name| private_id(name));
                public.chain(private).find(|id| id == text)
            }
        }
    }

    /// Whether the zone of this id is a private one.
    pub(crate) fn is_private(&self, zone: &str) -> bool {
        self.private_zones.iter().any(|name| private_id(name) == zone)
    }
}

/// A record: its name and type, as in `_0123.example.com CNAME`, and its value.
pub(super) type Entry = (String, String);

/// Puts records into a zone, over those that are there.
pub(super) fn upsert(world: &mut World, zone: &str, records: &[Entry]) -> Answer<()> {
    if !zone.starts_with('Z') {
        let message = format!("No hosted zone found with ID: {zone}");
        return Err(Rejection::not_found("NoSuchHostedZone", message));
    }
    let found = world.dns.entry(zone.to_owned()).or_default();
    found.extend(records.iter().cloned());
    settle(world);
    Ok(())
}

/// Takes the record that validates a name away behind everybody's back.
pub(crate) fn invalidate(world: &mut World, name: &str) -> Result<(), SimError> {
    let (key, _) = acm::validation(name);
    let removed = world.dns.values_mut().find_map(|records| records.remove(&key));
    removed.ok_or_else(|| SimError::Script(format!("no zone has a record that validates `{name}`")))?;
    settle(world);
    Ok(())
}

/// Lets certificates know which of their records are there, and has those issued that have all of them.
pub(super) fn settle(world: &mut World) {
    // ACM asks public DNS, where nobody sees what stands in private zones.
    let mut dns = world.dns.clone();
    dns.retain(|zone, _| !world.is_private(zone));
    let (refused, now) = (world.refused_domains.clone(), world.now);
    let requested: BTreeSet<String> = world.requested.keys().cloned().collect();
    for record in world.everything_mut().filter(|record| requested.contains(&record.arn)) {
        let neap_core::kinds::Resource::Certificate(certificate) = &mut record.resource else { continue };
        let zone_of = |name: &str| {
            let (key, _) = acm::validation(name);
            let zone = dns.iter().find(|(_, records)| records.contains_key(&key));
            zone.map(|(zone, _)| (name.to_owned(), zone.clone()))
        };
        certificate.validated_in = certificate.names().filter_map(zone_of).collect();
        let certificate = certificate.clone();
        proceed(record, &certificate, &refused, now);
    }
}

/// What becomes of a certificate that waits for its records.
fn proceed(record: &mut Record, certificate: &Certificate, refused: &BTreeSet<String>, now: Millis) {
    let State::Settling { word, until } = &mut record.state else { return };
    *word = acm::word(certificate);
    if certificate.validated_in.len() < certificate.names().count() {
        return;
    }
    if certificate.names().any(|name| refused.contains(name)) {
        record.state = State::Failed { reason: Certificate::failure("FAILED: CAA_ERROR") };
    } else {
        *until = (*until).min(now + CERTIFICATE_ISSUED);
    }
}
