//! Certificates and security policies of listeners.
//!
//! Decides which of them a load balancer would refuse, as far as their names tell. Must not know what a listener does with
//! requests.

use std::collections::BTreeSet;

use super::certificate::table_of;
use super::context::Lowering;
use super::place::Place;
use crate::address::Kind;
use crate::config::shape::{HttpProtocol, ListenerTable};
use crate::naming::CLOUDFRONT_REGION;
use crate::reference;

/// What the names of all security policies begin with. Load balancers take no others ("Security policies for your
/// Application Load Balancer"); new ones come every year, so the rest of a name is AWS's to judge.
const POLICY_PREFIX: &str = "ELBSecurityPolicy-";
/// One of today's.
pub(super) const EXAMPLE: &str = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06";

/// Checks that a listener has a certificate and a policy where its protocol takes them, and nowhere else.
pub(super) fn check(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &ListenerTable,
    protocol: HttpProtocol,
) {
    if protocol == HttpProtocol::Http && !table.extra_certificates.is_empty() {
        lowering
            .report(&place.at("extra_certificates"), "certificates with HTTP")
            .help("they come beside `certificate`, with HTTPS: set that, or leave them out");
    }
    match (protocol, &table.certificate) {
        (HttpProtocol::Https, None) => {
            lowering.report(&place.at("protocol"), "HTTPS without a certificate").help(
                "set `certificate` to the name of a `[certificate.NAME]`, or to the ARN of one in the stack's region",
            );
        }
        (HttpProtocol::Http, Some(_)) => {
            lowering
                .report(&place.at("certificate"), "a certificate with HTTP")
                .help("set `protocol = \"HTTPS\"`, or leave the certificate out");
        }
        (HttpProtocol::Http, None) if table.ssl_policy.is_some() => {
            lowering.report(&place.at("ssl_policy"), "a security policy with HTTP").help("it is for HTTPS");
        }
        _ => {}
    }
}

/// The ARN of a certificate that a load balancer in the stack's region and account can use: one of the stack's own by its
/// name, one of ACM, or a server certificate of IAM.
pub(super) fn certificate(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> String {
    if let Some(name) = table_of(text).filter(|name| text == *name) {
        return lowering.named(place, Kind::Certificate, name);
    }
    let arn = lowering.text(place, text);
    if arn.starts_with("${") {
        return arn;
    }
    let Some((region, account)) = place_in(lowering, place, &arn) else { return arn };
    check_place(lowering, place, region.as_deref(), &account);
    arn
}

/// The ARNs of the certificates that the listener at `place` has beside its default one.
pub(super) fn extra_certificates(
    lowering: &mut Lowering<'_>,
    place: &Place,
    default: Option<&str>,
    texts: &[String],
) -> BTreeSet<String> {
    let place = place.at("extra_certificates");
    let mut arns = BTreeSet::new();
    for (index, text) in texts.iter().enumerate() {
        let place = place.item(index);
        let arn = certificate(lowering, &place, text);
        if default == Some(arn.as_str()) {
            lowering
                .report(&place, format!("`{text}` is the listener's `certificate` already"))
                .help("leave it out here: a listener shows that one, too, for its names");
        } else if !arns.insert(arn) {
            lowering.report(&place, format!("`{text}` is named twice")).help("leave one of them out");
        }
    }
    arns
}

/// The ARN of a certificate of ACM that CloudFront can show viewers. One of IAM it takes by an id that its ARN does not tell.
pub(super) fn certificate_of_cloudfront(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> String {
    let arn = lowering.text(place, text);
    if arn.starts_with("${") {
        return arn;
    }
    let Some((region, account)) = place_in(lowering, place, &arn) else { return arn };
    if region.is_none() {
        lowering
            .report(place, format!("`{arn}` is a certificate of IAM"))
            .help("import it into AWS Certificate Manager in us-east-1, and name it by its ARN there");
    }
    if let Some(found) =
        region.filter(|found| found != CLOUDFRONT_REGION && reference::in_text(found).is_empty())
    {
        lowering
            .report(
                place,
                format!("the certificate is in {found}, and CloudFront takes those of {CLOUDFRONT_REGION}"),
            )
            .help(format!("request one for the same names in {CLOUDFRONT_REGION}"));
    }
    check_place(lowering, place, None, &account);
    arn
}

/// The region and the account in the ARN of a certificate; those of IAM have no region. Anything else is reported.
fn place_in(lowering: &mut Lowering<'_>, place: &Place, arn: &str) -> Option<(Option<String>, String)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let found = match parts.as_slice() {
        ["arn", _, "acm", region, account, path] if path.starts_with("certificate/") => {
            Some((Some((*region).to_owned()), (*account).to_owned()))
        }
        ["arn", _, "iam", "", account, path] if path.starts_with("server-certificate/") => {
            Some((None, (*account).to_owned()))
        }
        _ => None,
    };
    if found.is_none() {
        lowering
            .report(place, format!("`{arn}` is not the ARN of a certificate"))
            .help("ARNs of certificates read like `arn:aws:acm:eu-west-1:123456789012:certificate/…`");
    }
    found
}

/// Reports a certificate of another region or account than the stack's, as far as the stack says which those are.
fn check_place(lowering: &mut Lowering<'_>, place: &Place, region: Option<&str>, account: &str) {
    // What is still a reference is filled in with the stack's own.
    let differs = |found: &str, own: &str| found != own && reference::in_text(found).is_empty();
    if let (Some(found), Some(own)) = (region, lowering.region)
        && differs(found, own)
    {
        lowering
            .report(place, format!("the certificate is in {found}, and the load balancer in {own}"))
            .help(format!(
                "request one for the same names in {own}: a load balancer takes only those of its region"
            ));
    }
    if let Some(own) = lowering.file.stack.account.as_deref().filter(|own| differs(account, own)) {
        lowering
            .report(place, format!("the certificate is account {account}'s, and the stack is for {own}"))
            .help(format!("request one for the same names in account {own}: certificates cannot be shared"));
    }
}

/// A security policy by its name, which may be like `example`.
pub(super) fn policy(lowering: &mut Lowering<'_>, place: &Place, text: &str, example: &str) -> String {
    let policy = lowering.text(place, text);
    if !policy.starts_with(POLICY_PREFIX) && !policy.starts_with("${") {
        lowering
            .report(place, format!("`{policy}` is not the name of a security policy"))
            .help(format!("names begin with `{POLICY_PREFIX}`, as in `{example}`"))
            .help("without one AWS chooses");
    }
    policy
}
