//! Certificates of AWS Certificate Manager, in the stack's region and in the one that CloudFront takes them from.
//!
//! Decides which live certificate is whose, and when the records are put that validate it. Must not know who uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_acm::types as sdk;
use aws_sdk_route53::types::{ChangeAction, RrType};
use futures_util::future::join_all;
use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, TAG_ADDRESS, TAG_SPEC, TAG_STACK, short_hash};
use neap_core::kinds::Certificate;
use neap_core::live::{LiveResource, Outputs, Phase, is_marked};
use neap_core::naming::CLOUDFRONT_REGION;
use neap_core::reference::{Reference, Resolved, substitute_text};
use neap_engine::cloud::{CallError, Progress};

use crate::adopt::live_resource;
use crate::client::Aws;
use crate::error::{failed, if_made, incomplete};
use crate::found::{Found, address_of, if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::route53::{self, Zones};
use crate::tags::{Tags, from_acm, to_acm};

const LIST: &str = "acm:ListCertificates";
const DESCRIBE: &str = "acm:DescribeCertificate";
const REQUEST: &str = "acm:RequestCertificate";

/// Reads the stack's certificates: all of the account's are listed, since they have no names, and those with the stack's tag
/// are looked at.
pub(crate) async fn read(aws: &Aws, desired: &Desired, zones: &Zones) -> Found {
    let mut found = Found::new(&desired.stack);
    let (listed, zones) = tokio::join!(list_everywhere(aws), zones.needed(aws, desired));
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => {
            found.unlistable::<Certificate>(desired, &error);
            return found;
        }
    };
    let known: BTreeSet<&str> = desired.known_as.values().map(String::as_str).collect();
    let look = async |arn: &String| whole(aws, arn, &desired.stack, known.contains(arn.as_str())).await;
    let mut live = Vec::new();
    for outcome in join_all(listed.iter().map(look)).await {
        match outcome {
            Ok(certificate) => live.extend(certificate),
            Err(error) => {
                // It may be any of them.
                found.unlistable::<Certificate>(desired, &error);
                return found;
            }
        }
    }
    // That zones could not be listed is told with the facts of the account, where the plan is refused for it.
    let zones = zones.unwrap_or_default();
    for (address, wanted) in declared::<Certificate>(desired) {
        let wanted = desired.sought(address, wanted, &aws.region);
        let known = desired.known_as.get(address).map(String::as_str);
        let Some(at) = choose(&live, address, &wanted, known, &aws.region) else { continue };
        let seen = live.swap_remove(at);
        let outcome = seen.finish(aws, address, &wanted, &zones).await;
        found.record(address, outcome.map(Some));
    }
    for seen in live {
        if let Some(address) = address_of(&seen.tags, None) {
            found.stray(seen.shown(&address, BTreeMap::new()));
        }
    }
    found.rest_absent::<Certificate>(desired);
    found
}

/// Which of the live certificates is the one wanted at `address`: that of this ARN where one is given, otherwise one that is
/// tagged with the address and for the same names. One that can never be used is none. Of several the one that came
/// farthest is meant, so that whoever uses it can go on, and of those one in the stack's `region`.
fn choose(
    live: &[Seen],
    address: &Address,
    wanted: &Certificate,
    known: Option<&str>,
    region: &str,
) -> Option<usize> {
    let fits = |(_, seen): &(usize, &Seen)| match known {
        Some(arn) => seen.arn() == arn,
        None => {
            let is_tagged = address_of(&seen.tags, None).as_ref() == Some(address);
            is_tagged && seen.fields.is_same(wanted) && !matches!(phase(&seen.detail, &[]), Phase::Failed(_))
        }
    };
    let order = |(_, seen): &(usize, &Seen)| {
        let is_pending = phase(&seen.detail, &[]) != Phase::Ready;
        (is_pending, seen.fields.region != region, seen.arn().to_owned())
    };
    live.iter().enumerate().filter(fits).min_by_key(order).map(|(at, _)| at)
}

/// A certificate with its tags.
#[derive(Debug)]
struct Seen {
    detail: sdk::CertificateDetail,
    tags: Tags,
    /// Its fields, but for where its records are.
    fields: Certificate,
}

impl Seen {
    fn arn(&self) -> &str {
        self.detail.certificate_arn().unwrap_or_default()
    }

    /// The live resource, whose records are in these zones.
    fn shown(&self, address: &Address, validated_in: BTreeMap<String, String>) -> LiveResource {
        let missing = pending_records(&self.detail, |name| validated_in.contains_key(name));
        let phase = phase(&self.detail, &missing);
        let fields = Certificate { validated_in, ..self.fields.clone() };
        let arn = self.arn();
        live_resource(address, arn, fields, self.tags.clone(), outputs([("arn", arn)]), phase)
    }

    /// The live resource, once it is known which of its records are where they are wanted.
    async fn finish(
        &self,
        aws: &Aws,
        address: &Address,
        wanted: &Certificate,
        zones: &BTreeMap<String, String>,
    ) -> Result<LiveResource, CallError> {
        let resolve = |reference: &Reference| match reference {
            Reference::Zone(zone) => {
                zones.get(&zone.to_string()).cloned().map_or(Resolved::Unknown, Resolved::One)
            }
            _ => Resolved::Unknown,
        };
        let mut by_record: BTreeMap<(String, String), Vec<&String>> = BTreeMap::new();
        for (name, zone) in &wanted.validated_in {
            let zone = substitute_text(zone, &resolve);
            if let Some((record, _)) = validation(&self.detail, name).filter(|_| !zone.contains("${")) {
                by_record.entry((zone, record)).or_default().push(name);
            }
        }
        // A wildcard and the name under it share a record.
        let looks = by_record.iter().map(|((zone, record), names)| async move {
            let there = route53::record(aws, zone, record, RrType::Cname).await?;
            let value = there.as_ref().and_then(|record| record.resource_records().first());
            let wanted = names.first().and_then(|name| validation(&self.detail, name));
            let is_it = value.zip(wanted).is_some_and(|(value, (_, wanted))| {
                route53::bare_name(value.value()) == route53::bare_name(&wanted)
            });
            Ok::<_, CallError>(if is_it { Some((zone, names)) } else { None })
        });
        let mut validated_in = BTreeMap::new();
        for found in join_all(looks).await {
            if let Some((zone, names)) = found? {
                validated_in.extend(names.iter().map(|name| ((*name).clone(), zone.clone())));
            }
        }
        Ok(self.shown(address, validated_in))
    }
}

/// The ARNs of the certificates that ACM issues or has issued, in both regions.
async fn list_everywhere(aws: &Aws) -> Result<Vec<String>, CallError> {
    let regions: BTreeSet<&str> = aws.certificate_regions().collect();
    let mut arns = Vec::new();
    for listed in join_all(regions.into_iter().map(|region| list(aws, region))).await {
        arns.extend(listed?);
    }
    Ok(arns)
}

async fn list(aws: &Aws, region: &str) -> Result<Vec<String>, CallError> {
    // Without this only those with RSA keys of 2048 bits are listed.
    let kinds =
        ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"];
    let kinds = kinds.map(sdk::KeyAlgorithm::from).into_iter().collect();
    let filters = sdk::Filters::builder().set_key_types(Some(kinds)).build();
    let pages = aws.acm(region).list_certificates().includes(filters).into_paginator().items().send();
    let listed: Vec<sdk::CertificateSummary> = pages.collect::<Result<_, _>>().await.map_err(failed(LIST))?;
    let is_issued = |summary: &sdk::CertificateSummary| {
        summary.r#type().is_none_or(|kind| *kind == sdk::CertificateType::AmazonIssued)
    };
    Ok(listed.into_iter().filter(is_issued).filter_map(|summary| summary.certificate_arn).collect())
}

async fn tags_of(aws: &Aws, arn: &str) -> Result<Tags, CallError> {
    let call = aws.acm(region_in(arn)).list_tags_for_certificate().certificate_arn(arn);
    let answer = if_there(call.send().await.map_err(failed("acm:ListTagsForCertificate")))?;
    Ok(answer.map(|answer| from_acm(answer.tags())).unwrap_or_default())
}

async fn describe(aws: &Aws, arn: &str) -> Result<Option<sdk::CertificateDetail>, CallError> {
    let call = aws.acm(region_in(arn)).describe_certificate().certificate_arn(arn);
    let answer = if_there(call.send().await.map_err(failed(DESCRIBE)))?;
    Ok(answer.and_then(|answer| answer.certificate))
}

/// The certificate, if it is the stack's or is asked for by its ARN.
async fn whole(aws: &Aws, arn: &str, stack: &str, is_asked_for: bool) -> Result<Option<Seen>, CallError> {
    let tags = tags_of(aws, arn).await?;
    if !is_asked_for && !is_marked(Kind::Certificate, &tags, stack) {
        return Ok(None);
    }
    let Some(detail) = describe(aws, arn).await? else { return Ok(None) };
    Ok(Some(Seen { fields: from_aws(&detail), detail, tags }))
}

/// The region in an ARN.
fn region_in(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

fn from_aws(detail: &sdk::CertificateDetail) -> Certificate {
    let domain = route53::bare_name(detail.domain_name().unwrap_or_default());
    let names = detail.subject_alternative_names().iter().map(|name| route53::bare_name(name));
    // The list of all names holds the first one, too.
    let alternative_names = names.filter(|name| *name != domain).collect();
    let algorithm = detail.key_algorithm().map_or("", sdk::KeyAlgorithm::as_str);
    Certificate {
        region: region_in(detail.certificate_arn().unwrap_or_default()).to_owned(),
        domain,
        alternative_names,
        // It is asked for with an underscore, and shown with a hyphen.
        key_algorithm: algorithm.replace('-', "_"),
        validated_in: BTreeMap::new(),
    }
}

/// The record that validates a name: its name and its value. ACM knows it only some seconds after the request.
fn validation(detail: &sdk::CertificateDetail, name: &str) -> Option<(String, String)> {
    let options = detail.domain_validation_options();
    let option = options.iter().find(|option| route53::bare_name(option.domain_name()) == name)?;
    let record = option.resource_record()?;
    Some((route53::bare_name(record.name()), record.value().to_owned()))
}

/// The records that ACM has not found yet, but for those of names that `is_there` knows to be put.
fn pending_records(
    detail: &sdk::CertificateDetail,
    is_there: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let is_open = |option: &&sdk::DomainValidation| {
        option.validation_status() != Some(&sdk::DomainStatus::Success)
            && !is_there(&route53::bare_name(option.domain_name()))
    };
    let open = detail.domain_validation_options().iter().filter(is_open);
    let records = open.filter_map(|option| option.resource_record());
    records.map(|record| (route53::bare_name(record.name()), route53::bare_name(record.value()))).collect()
}

/// How far it has come; `missing` are the records that it waits for.
fn phase(detail: &sdk::CertificateDetail, missing: &[(String, String)]) -> Phase {
    match detail.status() {
        Some(sdk::CertificateStatus::Issued) => Phase::Ready,
        Some(sdk::CertificateStatus::PendingValidation) | None => {
            Phase::Settling(Certificate::pending(missing.iter().cloned()))
        }
        Some(status) => {
            let reason = detail.failure_reason().map(|reason| format!(": {reason}")).unwrap_or_default();
            Phase::Failed(Certificate::failure(&format!("{status}{reason}")))
        }
    }
}

/// What is wrong with the certificates of ACM that the stack names by ARN, by ARN.
pub(crate) async fn unusable(aws: &Aws, desired: &Desired) -> Result<BTreeMap<String, String>, CallError> {
    let named = desired.named_certificates();
    let here = named.into_iter().filter(|arn| aws.certificate_regions().any(|it| it == region_in(arn)));
    let look = async |arn: String| {
        let state = match describe(aws, &arn).await? {
            None => Some("missing".to_owned()),
            Some(detail) => detail.status().map(ToString::to_string).filter(|state| state != "ISSUED"),
        };
        Ok::<_, CallError>(state.map(|state| (arn, state)))
    };
    let states = join_all(here.map(look)).await;
    states.into_iter().filter_map(Result::transpose).collect()
}

/// Puts the records that validate a certificate where they are wanted. Says whether ACM knows all of them by now.
async fn put_records(
    aws: &Aws,
    detail: &sdk::CertificateDetail,
    wanted: &BTreeMap<String, String>,
) -> Result<bool, CallError> {
    let mut by_zone: BTreeMap<&String, BTreeMap<String, String>> = BTreeMap::new();
    for (name, zone) in wanted {
        let Some((record, value)) = validation(detail, name) else { return Ok(false) };
        by_zone.entry(zone).or_default().insert(record, value);
    }
    for (zone, records) in by_zone {
        let upsert =
            |(name, value): (String, String)| Ok((ChangeAction::Upsert, route53::cname(&name, &value)?));
        let changes = records.into_iter().map(upsert).collect::<Result<_, CallError>>()?;
        route53::change(aws, zone, changes).await?;
    }
    Ok(true)
}

/// A token that no other request has: a repeated attempt to send this one makes no second certificate. It is not the same
/// for the next create of the same certificate, since ACM would answer that with one that was deleted meanwhile.
fn token(wanted: &Wanted<'_, Certificate>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    short_hash(&format!("{} {} {} {now}", wanted.stack(), wanted.address(), wanted.spec))
}

/// What an earlier request for exactly this has made.
pub(crate) async fn requested(
    aws: &Aws,
    wanted: &Wanted<'_, Certificate>,
) -> Result<Option<Outputs>, CallError> {
    let arns = list(aws, &wanted.fields.region).await?;
    let all = wanted.all_tags();
    for (arn, tags) in arns.iter().zip(join_all(arns.iter().map(|arn| tags_of(aws, arn))).await) {
        let tags = tags?;
        if [TAG_STACK, TAG_ADDRESS, TAG_SPEC].iter().all(|key| tags.get(*key) == all.get(*key)) {
            return Ok(Some(outputs([("arn", arn)])));
        }
    }
    Ok(None)
}

impl Remote for Certificate {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let more: Vec<String> = fields.alternative_names.iter().cloned().collect();
        let call = aws
            .acm(&fields.region)
            .request_certificate()
            .domain_name(&fields.domain)
            .set_subject_alternative_names((!more.is_empty()).then_some(more))
            .validation_method(sdk::ValidationMethod::Dns)
            .key_algorithm(fields.key_algorithm.as_str().into())
            .idempotency_token(token(wanted))
            .set_tags(Some(to_acm(&wanted.all_tags())?));
        let answer = call.send().await.map_err(failed(REQUEST))?;
        let arn = answer.certificate_arn().ok_or_else(|| incomplete(REQUEST, "CertificateArn"))?;
        Ok(outputs([("arn", arn)]))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let arn = held.live.id.as_str();
        let zones = &wanted.fields.validated_in;
        if *zones == held.fields.validated_in {
            aws.recent.validated(arn);
        } else if !zones.is_empty() {
            let detail = describe(aws, arn).await?.ok_or_else(|| incomplete(DESCRIBE, "Certificate"))?;
            if put_records(aws, &detail, zones).await? {
                aws.recent.validated(arn);
            }
        }
        let changes = wanted.tag_changes(&held.live.tags);
        let acm = aws.acm(region_in(arn));
        if !changes.set.is_empty() {
            let call =
                acm.add_tags_to_certificate().certificate_arn(arn).set_tags(Some(to_acm(&changes.set)?));
            call.send().await.map_err(failed("acm:AddTagsToCertificate"))?;
        }
        if !changes.remove.is_empty() {
            let keys: Tags = changes.remove.iter().map(|key| (key.clone(), String::new())).collect();
            // A value beside a key would have to be the tag's own.
            let keys = to_acm(&keys)?.into_iter().map(|mut tag| {
                tag.value = None;
                tag
            });
            let call = acm.remove_tags_from_certificate().certificate_arn(arn).set_tags(Some(keys.collect()));
            call.send().await.map_err(failed("acm:RemoveTagsFromCertificate"))?;
        }
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let arn = held.live.id.as_str();
        let call = aws.acm(region_in(arn)).delete_certificate().certificate_arn(arn);
        if_gone(call.send().await.map_err(failed("acm:DeleteCertificate")))
    }

    /// Also puts the records that validate it, once ACM knows them.
    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let arn = outputs.get("arn").ok_or_else(|| incomplete(REQUEST, "CertificateArn"))?;
        let Some(detail) = describe(aws, arn).await? else {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        };
        let zones = &wanted.fields.validated_in;
        // One that is issued at once, since its names were validated before, is renewed by its records all the same.
        let is_of_use = !matches!(phase(&detail, &[]), Phase::Failed(_));
        if is_of_use
            && !zones.is_empty()
            && !aws.recent.is_validated(arn)
            && put_records(aws, &detail, zones).await.map_err(if_made)?
        {
            aws.recent.validated(arn);
        }
        let missing = pending_records(&detail, |name| zones.contains_key(name));
        Ok(match phase(&detail, &missing) {
            Phase::Ready => Progress::Done,
            Phase::Settling(detail) | Phase::Deleting(detail) => Progress::Pending(detail),
            Phase::Failed(reason) => Progress::Failed(reason),
        })
    }

    async fn gone(_aws: &Aws, _held: &Held<'_, Self>) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}

impl Aws {
    /// The regions in which a stack's certificates are.
    pub(crate) fn certificate_regions(&self) -> impl Iterator<Item = &str> {
        // The other partitions have regions of their own, and no CloudFront that takes certificates from one of these.
        let has_cloudfront = !self.region.starts_with("cn-") && !self.region.starts_with("us-gov-");
        let other = has_cloudfront.then_some(CLOUDFRONT_REGION).filter(|region| *region != self.region);
        std::iter::once(self.region.as_str()).chain(other)
    }

    /// The client for certificates of a region.
    pub(crate) fn acm(&self, region: &str) -> &aws_sdk_acm::Client {
        if region == CLOUDFRONT_REGION && region != self.region {
            &self.certificates_of_cloudfront
        } else {
            &self.certificates
        }
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    const ARN: &str = "arn:aws:acm:eu-west-1:123456789012:certificate/1";

    fn option(name: &str, status: sdk::DomainStatus, record: Option<&str>) -> sdk::DomainValidation {
        let record = record.map(|name| {
            let record =
                sdk::ResourceRecord::builder().name(format!("{name}.")).value(format!("{name}.aws."));
            record.r#type(sdk::RecordType::Cname).build().expect("a record")
        });
        let option = sdk::DomainValidation::builder().domain_name(name).validation_status(status);
        option.set_resource_record(record).build().expect("an option")
    }

    /// What ACM shows of a request for these fields.
    fn shown(fields: &Certificate, status: sdk::CertificateStatus) -> sdk::CertificateDetail {
        sdk::CertificateDetail::builder()
            .certificate_arn(ARN)
            .domain_name(&fields.domain)
            .set_subject_alternative_names(Some(fields.names().map(str::to_owned).collect()))
            .key_algorithm(fields.key_algorithm.replace('_', "-").as_str().into())
            .status(status)
            .domain_validation_options(option("example.com", sdk::DomainStatus::Success, Some("_a")))
            .domain_validation_options(option(
                "*.example.com",
                sdk::DomainStatus::PendingValidation,
                Some("_b"),
            ))
            .build()
    }

    fn example() -> Certificate {
        Certificate { validated_in: BTreeMap::new(), ..Certificate::example() }
    }

    fn seen(status: sdk::CertificateStatus, arn: &str) -> Seen {
        let mut detail = shown(&example(), status);
        detail.certificate_arn = Some(arn.to_owned());
        let fields = from_aws(&detail);
        let tags = [(TAG_ADDRESS.to_owned(), "certificate.site".to_owned())].into();
        Seen { detail, tags, fields }
    }

    #[test]
    fn a_certificate_reads_back_as_it_was_asked_for() {
        assert_eq!(from_aws(&shown(&example(), sdk::CertificateStatus::Issued)), example());
        let curve = Certificate { key_algorithm: "EC_prime256v1".into(), ..example() };
        assert_eq!(from_aws(&shown(&curve, sdk::CertificateStatus::Issued)), curve);
    }

    #[test]
    fn what_waits_for_a_record_says_for_which() {
        let detail = shown(&example(), sdk::CertificateStatus::PendingValidation);
        let missing = pending_records(&detail, |_| false);
        assert_eq!(missing, [("_b".to_owned(), "_b.aws".to_owned())]);
        let expected = "pending validation, which looks for _b CNAME _b.aws";
        assert_eq!(phase(&detail, &missing), Phase::Settling(expected.into()));
        assert_eq!(pending_records(&detail, |name| name == "*.example.com"), []);
        assert_eq!(phase(&detail, &[]), Phase::Settling("pending validation".into()));
        assert_eq!(validation(&detail, "example.com"), Some(("_a".into(), "_a.aws.".into())));
        assert_eq!(validation(&detail, "example.org"), None);
    }

    #[test]
    fn a_certificate_that_was_refused_says_why() {
        let mut detail = shown(&example(), sdk::CertificateStatus::Failed);
        detail.failure_reason = Some(sdk::FailureReason::CaaError);
        assert_eq!(phase(&detail, &[]), Phase::Failed(Certificate::failure("FAILED: CAA_ERROR")));
        let timed_out = shown(&example(), sdk::CertificateStatus::ValidationTimedOut);
        assert_eq!(phase(&timed_out, &[]), Phase::Failed("VALIDATION_TIMED_OUT".into()));
    }

    #[test]
    fn of_several_the_one_is_meant_that_came_farthest_and_a_dead_one_never() {
        use sdk::CertificateStatus::{Expired, Issued, PendingValidation};
        let address: Address = "certificate.site".parse().expect("an address");
        let choose =
            |live: &[Seen], wanted: &Certificate, known| choose(live, &address, wanted, known, "eu-west-1");
        let live =
            [seen(PendingValidation, "arn:a:acm:eu-west-1:1:c/1"), seen(Issued, "arn:a:acm:eu-west-1:1:c/2")];
        assert_eq!(choose(&live, &example(), None), Some(1));
        assert_eq!(choose(&live, &Certificate { domain: "example.org".into(), ..example() }, None), None);
        assert_eq!(choose(&live, &example(), Some("arn:a:acm:eu-west-1:1:c/1")), Some(0));
        assert_eq!(choose(&[seen(Expired, "arn:a:acm:eu-west-1:1:c/3")], &example(), None), None);
        // One that nobody uses is sought in every region, at home first.
        let anywhere = Certificate { region: "${aws.region}".into(), ..example() };
        let away = || seen(Issued, "arn:a:acm:us-east-1:1:c/0");
        assert_eq!(choose(&[away()], &anywhere, None), Some(0));
        assert_eq!(choose(&[away()], &example(), None), None);
        assert_eq!(choose(&[away(), seen(Issued, "arn:a:acm:eu-west-1:1:c/2")], &anywhere, None), Some(1));
    }
}
