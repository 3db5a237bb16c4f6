//! AWS Certificate Manager (reference section 3.24).

use std::collections::BTreeMap;

use neap_core::kinds::{Certificate, Clb, Cloudfront, Listener};
use neap_core::live::Outputs;
use neap_core::naming::CLOUDFRONT_REGION;
use neap_engine::cloud::CallError;

use super::request::{TagCalls, gone_is_done};
use super::{Request, route53};
use crate::arn::{self, Place};
use crate::clock::{RECORDS_KNOWN, VALIDATION_TIMES_OUT};
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::world::{ACCOUNT, World};

const INVALID: &str = "InvalidParameterException";
const NOT_FOUND: &str = "ResourceNotFoundException";
const TAGS: TagCalls = TagCalls {
    add: "acm:AddTagsToCertificate",
    remove: "acm:RemoveTagsFromCertificate",
    invalid: "InvalidTagException",
};
/// How many names a certificate has, unless AWS raised the quota.
const MOST_NAMES: usize = 10;

/// The record that validates a name: its name with its type, and its value. All certificates of the account for this name
/// share it, and so does one for a wildcard on it.
pub(super) fn validation(name: &str) -> route53::Entry {
    let bare = name.strip_prefix("*.").unwrap_or(name);
    let seed = format!("{ACCOUNT}/validation/{bare}");
    let key = format!("_{}.{bare} CNAME", arn::hex(&seed, 32));
    let value = format!("_{}.acm-validations.aws", arn::hex(&format!("{seed}/value"), 32));
    (key, value)
}

/// AWS's word for a certificate that is not issued yet, with the records that it waits for.
pub(super) fn word(certificate: &Certificate) -> String {
    let missing = certificate.names().filter(|name| !certificate.validated_in.contains_key(*name));
    let missing = missing.map(validation);
    let bare = |(key, value): route53::Entry| (key.trim_end_matches(" CNAME").to_owned(), value);
    Certificate::pending(missing.map(bare))
}

pub(crate) async fn create(request: &Request<'_>, desired: &Certificate) -> Result<String, CallError> {
    let create = |world: &mut World| request_certificate(world, request, desired);
    // Nothing is ever in its way.
    request.create("acm:RequestCertificate", create, |_| None).await
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Certificate) -> Result<(), CallError> {
    put_records(request, arn, desired).await?;
    request.retag(arn, &TAGS).await
}

pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| delete_certificate(world, arn);
    gone_is_done(request.call("acm:DeleteCertificate", delete).await)
}

/// Puts the records of a certificate that waits for them where they shall be.
pub(crate) async fn validate(
    request: &Request<'_>,
    desired: &Certificate,
    outputs: &Outputs,
) -> Result<(), CallError> {
    let arn = outputs.get("arn").map_or("", String::as_str);
    let is_pending = |world: &World| {
        world.record(arn).is_some_and(|record| matches!(record.state, State::Settling { .. }))
    };
    if request.sim.look_as_shown(is_pending) { put_records(request, arn, desired).await } else { Ok(()) }
}

/// Puts the records that are not there, zone by zone. They are known some seconds after the request.
async fn put_records(request: &Request<'_>, arn: &str, desired: &Certificate) -> Result<(), CallError> {
    let missing = request.sim.look(|world| {
        let (record, live) = world.get::<Certificate>(arn)?;
        let known = world.requested.get(&record.arn).is_none_or(|at| at + RECORDS_KNOWN <= world.now);
        let missing = |(name, zone): &(&String, &String)| live.validated_in.get(*name) != Some(*zone);
        let missing = desired.validated_in.iter().filter(missing);
        let missing = missing.map(|(name, zone)| (zone.clone(), validation(name)));
        known.then(|| missing.collect::<Vec<_>>())
    });
    let mut by_zone: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (zone, (key, value)) in missing.into_iter().flatten() {
        by_zone.entry(zone).or_default().insert(key, value);
    }
    for (zone, records) in by_zone {
        let records: Vec<route53::Entry> = records.into_iter().collect();
        let upsert = |world: &mut World| route53::upsert(world, &zone, &records);
        request.call("route53:ChangeResourceRecordSets", upsert).await?;
    }
    Ok(())
}

/// What an earlier request for exactly this has made, by all of its tags.
pub(crate) fn requested(world: &World, request: &Request<'_>) -> Option<String> {
    let mut made = world.all::<Certificate>().filter(|(record, _)| record.tags == request.tags);
    made.next().map(|(record, _)| record.arn.clone())
}

/// Refuses a certificate that the listener of a load balancer cannot use.
pub(crate) fn usable(world: &World, arn: &str) -> Answer<()> {
    let missing = || format!("Certificate ARN '{arn}' is not valid");
    let unsupported = |state: &str| {
        let message = format!(
            "The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported key size; it is {state}."
        );
        Rejection::invalid("UnsupportedCertificate", message)
    };
    if !arn.contains(":certificate/") && !arn.contains(":server-certificate/") {
        return Err(Rejection::not_found("CertificateNotFound", missing()));
    }
    match world.bad_certificates.get(arn).map(String::as_str) {
        Some("missing") => return Err(Rejection::not_found("CertificateNotFound", missing())),
        Some(state) => return Err(unsupported(state)),
        None => {}
    }
    if world.gone_certificates.contains(arn) {
        return Err(Rejection::not_found("CertificateNotFound", missing()));
    }
    // One that nobody asked for here is somebody else's, and can be used unless a script says otherwise.
    if world.record(arn).is_none() {
        return Ok(());
    }
    let (record, _) = world.referred::<Certificate>(arn, "CertificateNotFound", &missing())?;
    if record.state == State::Ready { Ok(()) } else { Err(unsupported("not issued")) }
}

fn request_certificate(world: &mut World, request: &Request<'_>, desired: &Certificate) -> Answer<String> {
    for name in desired.names() {
        let bare = name.strip_prefix("*.").unwrap_or(name);
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = bare.contains('.') && bare.len() <= 253 && bare.chars().all(fits);
        rules::require(is_name, INVALID, || format!("The domain name {name} is not valid"))?;
    }
    rules::require(desired.domain.len() <= 64, INVALID, || {
        "The first domain name can be no longer than 64 characters.".to_owned()
    })?;
    if desired.names().count() > MOST_NAMES {
        let message = format!(
            "Error: the maximum number of {MOST_NAMES} domain names per certificate has been reached."
        );
        return Err(Rejection::quota("LimitExceededException", message));
    }
    let algorithms = ["RSA_2048", "EC_prime256v1", "EC_secp384r1"];
    rules::one_of(INVALID, "KeyAlgorithm", &desired.key_algorithm, &algorithms)?;
    rules::tags("InvalidTagException", &request.tags)?;
    let digits = arn::hex(&world.seed(&desired.domain), 32);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    let place = Place { region: desired.region.clone(), ..world.place() };
    let arn = place.arn("acm", &format!("certificate/{}", parts.join("-")));
    // Nothing is known of its records yet, even where another certificate has put them there.
    let fields = Certificate { validated_in: BTreeMap::new(), ..desired.clone() };
    let until = world.now + VALIDATION_TIMES_OUT;
    let record = Record::new(arn.clone(), fields.clone(), &request.tags, &[("arn", &arn)]);
    let record = record.settling(&word(&fields), until);
    world.requested.insert(arn.clone(), world.now);
    // Every region's stacks look at those of CloudFront, too.
    let is_everywhere = desired.region == CLOUDFRONT_REGION;
    world.insert(if is_everywhere { record } else { record.within(&desired.region) });
    route53::settle(world);
    Ok(arn)
}

fn delete_certificate(world: &mut World, arn: &str) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, format!("Could not find certificate {arn}."));
    world.get::<Certificate>(arn).ok_or_else(missing)?;
    let listener = world.everything().any(|record| match &record.resource {
        neap_core::kinds::Resource::Listener(Listener { certificate, extra_certificates, .. }) => {
            certificate.as_deref() == Some(arn) || extra_certificates.contains(arn)
        }
        _ => false,
    });
    let of_clb = |clb: &Clb| clb.listeners.values().any(|it| it.certificate.as_deref() == Some(arn));
    let classic = world.all::<Clb>().any(|(_, clb)| of_clb(clb));
    if listener || classic || world.all::<Cloudfront>().any(|(_, site)| uses(site, arn)) {
        return Err(Rejection::in_use("ResourceInUseException", format!("Certificate {arn} is in use.")));
    }
    world.requested.remove(arn);
    world.gone_certificates.insert(arn.to_owned());
    world.remove(arn);
    Ok(())
}

/// Whether a distribution shows this certificate to viewers.
fn uses(site: &Cloudfront, arn: &str) -> bool {
    site.certificate.as_ref().is_some_and(|certificate| certificate.arn == arn)
}

/// Whether a certificate for `name` is one for `alias`.
fn covers(name: &str, alias: &str) -> bool {
    let wildcard = name.strip_prefix("*.").zip(alias.split_once('.'));
    name == alias || wildcard.is_some_and(|(rest, (_, of_alias))| rest == of_alias)
}

/// Refuses a certificate that CloudFront cannot show viewers who ask for these names.
pub(super) fn showable<'a>(
    world: &World,
    arn: &str,
    aliases: impl IntoIterator<Item = &'a String>,
) -> Answer<()> {
    const CODE: &str = "InvalidViewerCertificate";
    let invalid = |why: &str| Rejection::invalid(CODE, format!("The certificate {arn} {why}"));
    if !arn.contains(&format!(":acm:{CLOUDFRONT_REGION}:")) {
        return Err(invalid("must be in us-east-1."));
    }
    if usable(world, arn).is_err() {
        return Err(Rejection::not_yet(
            CODE,
            format!(
                "The certificate {arn} doesn't exist, isn't in us-east-1, isn't valid, or is not issued."
            ),
        ));
    }
    let Some((_, certificate)) = world.get::<Certificate>(arn) else { return Ok(()) };
    let mut aliases = aliases.into_iter();
    match aliases.find(|alias| !certificate.names().any(|name| covers(name, alias))) {
        Some(alias) => Err(invalid(&format!("does not cover the alternate domain name {alias}."))),
        None => Ok(()),
    }
}
