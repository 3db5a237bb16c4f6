//! The names and the certificate under which a distribution answers its viewers.
//!
//! Decides which of them CloudFront would refuse, as far as the stack tells. Must not know where requests go.

use std::collections::BTreeSet;

use super::certificate::{domain_name, is_for, table_of};
use super::context::Lowering;
use super::place::Place;
use super::tls;
use crate::address::Kind;
use crate::config::shape::{CloudfrontTable, MinimumProtocol};
use crate::kinds::ViewerCertificate;
use crate::naming::CLOUDFRONT_REGION;

/// The names of one's own that the distribution `name` answers for.
pub(super) fn aliases(
    lowering: &mut Lowering<'_>,
    place: &Place,
    name: &str,
    table: &CloudfrontTable,
) -> BTreeSet<String> {
    let place = place.at("aliases");
    let mut aliases = BTreeSet::new();
    for (index, alias) in table.aliases.iter().enumerate() {
        let place = place.item(index);
        let alias = domain_name(lowering, &place, alias);
        let file = lowering.file;
        let mut others = file.cloudfront.iter().take_while(|(other, _)| *other != name);
        let other = others.find(|(_, other)| other.aliases.iter().any(|it| it.eq_ignore_ascii_case(&alias)));
        if let Some((other, _)) = other {
            lowering
                .report(&place, format!("`cloudfront.{other}` answers for `{alias}` already"))
                .help("CloudFront lets a name lead to one distribution alone");
        }
        aliases.insert(alias);
    }
    if !aliases.is_empty() && table.certificate.is_none() {
        lowering
            .report(&place, "aliases without a certificate")
            .help("set `certificate` to the name of a `[certificate.NAME]` for these names")
            .help(format!("or to the ARN of one in {CLOUDFRONT_REGION}"));
    }
    aliases
}

/// The certificate that viewers are shown.
pub(super) fn certificate(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &CloudfrontTable,
    aliases: &BTreeSet<String>,
) -> Option<ViewerCertificate> {
    let Some(text) = &table.certificate else {
        if table.minimum_protocol_version.is_some() {
            lowering
                .report(&place.at("minimum_protocol_version"), "a protocol without a certificate")
                .help("CloudFront's own certificate goes with TLSv1; set `certificate` and `aliases`");
        }
        return None;
    };
    let minimum = match table.minimum_protocol_version.unwrap_or_default() {
        MinimumProtocol::Tls12Of2018 => "TLSv1.2_2018",
        MinimumProtocol::Tls12Of2019 => "TLSv1.2_2019",
        MinimumProtocol::Tls12Of2021 => "TLSv1.2_2021",
        MinimumProtocol::Tls12Of2025 => "TLSv1.2_2025",
        MinimumProtocol::Tls13Of2025 => "TLSv1.3_2025",
    };
    let at = place.at("certificate");
    let arn = match table_of(text) {
        Some(name) if text == name => lowering.named(&at, Kind::Certificate, name),
        _ => tls::certificate_of_cloudfront(lowering, &at, text),
    };
    check_names(lowering, place, text, aliases);
    Some(ViewerCertificate { arn, minimum_protocol: minimum.to_owned(), support: "sni-only".to_owned() })
}

/// Reports aliases that a certificate of the stack is not for. What one of somebody else's is for is not known here.
fn check_names(lowering: &mut Lowering<'_>, place: &Place, text: &str, aliases: &BTreeSet<String>) {
    let file = lowering.file;
    let Some((name, table)) = table_of(text).and_then(|name| file.certificate.get_key_value(name)) else {
        return;
    };
    for alias in aliases.iter().filter(|alias| !is_for(table, alias)) {
        lowering
            .report(&place.at("aliases"), format!("`certificate.{name}` is not for `{alias}`"))
            .help(format!("add it to the `alternative_names` of `[certificate.{name}]`"));
    }
}
