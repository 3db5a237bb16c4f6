//! Certificates: where each is requested, and which hosted zones validate its names.
//!
//! Decides the region by who uses a certificate, and which names AWS would refuse. Must not know how a listener or a
//! distribution uses it.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Common, Lowering};
use super::place::Place;
use super::references;
use crate::address::{Address, Kind};
use crate::config::shape::{
    CertificateTable, KeyAlgorithm, ListenerTable, NlbListenerTable, StackFile, Validation,
};
use crate::kinds::Certificate;
use crate::naming::CLOUDFRONT_REGION;
use crate::reference::{Reference, Zone};

/// The most names of one certificate, once AWS has raised the quota of ten ("Quotas" of the ACM guide).
const MOST_NAMES: usize = 100;
/// The most characters of the first name (RFC 5280's common name); the others are domain names like any.
const LONGEST_FIRST: usize = 64;
const LONGEST: usize = 253;

/// Lowers every certificate.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.certificate {
        certificate(lowering, name, table);
    }
}

fn certificate(lowering: &mut Lowering<'_>, name: &str, table: &CertificateTable) {
    let (place, address) = lowering.begin(Kind::Certificate, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: None };
    let domain = domain_name(lowering, &place.at("domain"), &table.domain);
    if domain.len() > LONGEST_FIRST {
        lowering
            .report(&place.at("domain"), format!("`{domain}` has {} characters", domain.len()))
            .help(format!("the first name has at most {LONGEST_FIRST}: begin with a shorter one, and put this one among `alternative_names`"));
    }
    let names = &place.at("alternative_names");
    let mut alternative_names = BTreeSet::new();
    for (index, name) in table.alternative_names.iter().enumerate() {
        let name = domain_name(lowering, &names.item(index), name);
        if name != domain {
            alternative_names.insert(name);
        }
    }
    if alternative_names.len() >= MOST_NAMES {
        let message = format!("{} names; AWS takes at most {MOST_NAMES}", alternative_names.len() + 1);
        lowering.report(names, message);
    }
    let used = Users::of(lowering.file, name);
    let mut fields = Certificate {
        region: region(lowering, &place, &used).to_owned(),
        domain,
        alternative_names,
        key_algorithm: match table.key_algorithm {
            KeyAlgorithm::Rsa2048 => "RSA_2048",
            KeyAlgorithm::P256 => "EC_prime256v1",
            KeyAlgorithm::P384 => "EC_secp384r1",
        }
        .to_owned(),
        validated_in: BTreeMap::new(),
    };
    if table.key_algorithm == KeyAlgorithm::P384
        && let Some(site) = &used.site
    {
        lowering
            .report(&place.at("key_algorithm"), format!("`{site}` cannot use a key on this curve"))
            .help("CloudFront takes `EC_prime256v1` and `RSA_2048`");
    }
    fields.validated_in = zones(lowering, &place, table, &fields);
    lowering.declare(address, &place, &common, fields);
}

/// The hosted zone of each name, as a reference to what a reading finds.
fn zones(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &CertificateTable,
    fields: &Certificate,
) -> BTreeMap<String, String> {
    if table.validation == Validation::Outside {
        if table.zone.is_some() {
            lowering
                .report(&place.at("zone"), "a hosted zone, and `validation = \"outside\"`")
                .help("leave one of the two out: neap puts the records in the zone, or somebody else does somewhere");
        }
        return BTreeMap::new();
    }
    let names: Vec<&str> = fields.names().collect();
    let zone = table.zone.as_deref().and_then(|zone| named_zone(lowering, &place.at("zone"), zone, &names));
    let of = |name: &&str| {
        let zone = zone.clone().unwrap_or_else(|| zone_for(name));
        ((*name).to_owned(), format!("${{{zone}}}"))
    };
    names.iter().map(of).collect()
}

/// The reference to the zone that answers for a name.
pub(super) fn zone_for(name: &str) -> Reference {
    Reference::Zone(Zone::For(name.strip_prefix("*.").unwrap_or(name).to_owned()))
}

/// The reference to the zone that the user names at `place`, for these names: by its own name, in which all of them must
/// end, or by its id.
pub(super) fn named_zone(
    lowering: &mut Lowering<'_>,
    place: &Place,
    zone: &str,
    names: &[&str],
) -> Option<Reference> {
    if !lowering.plain(place, zone) {
        return None;
    }
    let bare = zone.strip_prefix("/hostedzone/").unwrap_or(zone).trim_end_matches('.');
    if is_zone_id(bare) {
        return Some(Reference::Zone(Zone::Of(bare.to_owned())));
    }
    let bare = domain_name(lowering, place, bare);
    let within = |name: &&&str| **name == bare || name.ends_with(&format!(".{bare}"));
    if let Some(outside) = names.iter().find(|name| !within(name)) {
        lowering
            .report(place, format!("`{outside}` is not in the zone `{bare}`"))
            .help("a zone holds names that end in its own")
            .help("without `zone`, each name's own zone is looked for");
    }
    Some(Reference::Zone(Zone::Of(bare)))
}

/// Ids of hosted zones are capital letters and digits, beginning with a Z.
fn is_zone_id(text: &str) -> bool {
    text.starts_with('Z') && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// A name of the domain name system, checked and without its trailing dot.
pub(super) fn domain_name(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> String {
    let bare = text.trim_end_matches('.');
    if !lowering.plain(place, text) {
        return bare.to_owned();
    }
    let lower = bare.to_ascii_lowercase();
    if let Some(refusal) = domain_refusal(&lower) {
        lowering
            .report(place, format!("`{text}` is not a domain name: it {refusal}"))
            .help("names read like `example.com`, `app.example.com` or `*.example.com`");
    } else if lower != bare {
        lowering
            .report(place, format!("`{text}` has capital letters"))
            .help(format!("write `{lower}`: names are the same in either case, and AWS shows them so"));
    }
    lower
}

/// Why ACM and Route 53 would refuse a name in lower case, if they would: a fragment that follows the name.
fn domain_refusal(name: &str) -> Option<String> {
    let rest = name.strip_prefix("*.").unwrap_or(name);
    if name.len() > LONGEST {
        return Some(format!("has {} characters, and {LONGEST} are allowed", name.len()));
    }
    if rest.contains('*') {
        return Some("has a `*` that is not the whole first label".to_owned());
    }
    let labels: Vec<&str> = rest.split('.').collect();
    if labels.len() < 2 {
        return Some("has no dot".to_owned());
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    for label in labels {
        if label.is_empty() || label.len() > 63 {
            return Some("has a label that is empty or longer than 63 characters".to_owned());
        }
        if let Some(c) = label.chars().find(|c| !fits(*c)) {
            return Some(format!("holds `{c}`; write names of other scripts in their `xn--` form"));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Some("has a label with a hyphen at an end".to_owned());
        }
    }
    None
}

/// The name of the certificate's table in what a listener or a distribution says of its certificate: `site`,
/// `${certificate.site}` or `${certificate.site.arn}`.
pub(super) fn table_of(text: &str) -> Option<&str> {
    references::table_of(Kind::Certificate, text)
}

/// Whether a certificate of the stack is one for `host`, which is in lower case and without a trailing dot.
pub(super) fn is_for(table: &CertificateTable, host: &str) -> bool {
    let mut names = std::iter::once(&table.domain).chain(&table.alternative_names);
    names.any(|name| covers(&name.trim_end_matches('.').to_ascii_lowercase(), host))
}

/// Whether what is for `name` is for `host`, too: a `*` stands for exactly one label.
pub(super) fn covers(name: &str, host: &str) -> bool {
    let wildcard = name.strip_prefix("*.").zip(host.split_once('.'));
    name == host || wildcard.is_some_and(|(rest, (label, of_host))| rest == of_host && label != "*")
}

/// Who uses a certificate of the stack: one of each sort.
struct Users {
    listener: Option<Address>,
    site: Option<Address>,
}

impl Users {
    fn of<'file>(file: &'file StackFile, name: &str) -> Self {
        let is_it = |text: &String| table_of(text) == Some(name);
        let of_albs = file.alb.iter().flat_map(|(alb, table)| {
            let address = move |name: &String| Address::listener(alb, name);
            let named =
                |table: &'file ListenerTable| table.certificate.iter().chain(&table.extra_certificates);
            table.listener.iter().map(move |(name, table)| (address(name), named(table).any(is_it)))
        });
        let of_nlbs = file.nlb.iter().flat_map(|(nlb, table)| {
            let address = move |name: &String| Address::nlb_listener(nlb, name);
            let named =
                |table: &'file NlbListenerTable| table.certificate.iter().chain(&table.extra_certificates);
            table.listener.iter().map(move |(name, table)| (address(name), named(table).any(is_it)))
        });
        let of_clbs = file.clb.iter().map(|(clb, table)| {
            let uses = table.listener.values().any(|listener| listener.certificate.iter().any(is_it));
            (Address::new(Kind::Clb, clb), uses)
        });
        let mut listeners = of_albs.chain(of_nlbs).chain(of_clbs).filter(|(_, uses)| *uses);
        let mut sites = file.cloudfront.iter().filter(|(_, table)| table.certificate.iter().any(is_it));
        Self {
            listener: listeners.next().map(|(address, _)| address),
            site: sites.next().map(|(name, _)| Address::new(Kind::Cloudfront, name)),
        }
    }
}

/// Where it is requested.
fn region(lowering: &mut Lowering<'_>, place: &Place, used: &Users) -> &'static str {
    const OWN: &str = "${aws.region}";
    let Some(site) = &used.site else { return OWN };
    if let Some(listener) = &used.listener
        && lowering.region != Some(CLOUDFRONT_REGION)
    {
        let region = lowering.region.unwrap_or("the stack's region");
        lowering
            .report(place, format!("`{site}` and `{listener}` cannot share a certificate"))
            .on_key()
            .help(format!(
                "CloudFront takes those of {CLOUDFRONT_REGION}, and a load balancer those of {region}"
            ))
            .help("add a second table for the same names, and let one of the two use that");
    }
    CLOUDFRONT_REGION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_name_has_labels_and_a_wildcard_only_in_front() {
        for name in ["example.com", "*.example.com", "a-b.xn--bcher-kva.example", "_x.example.com"] {
            assert_eq!(domain_refusal(name), None, "{name}");
        }
        let long = format!("{}.com", "a".repeat(64));
        for name in ["", "com", "*", "*.com", "a.*.com", "a..com", "a b.com", "-a.com", "a-.com", &long] {
            assert!(domain_refusal(name).is_some(), "{name}");
        }
        assert!(domain_refusal(&format!("{}.com", "a.".repeat(130))).is_some());
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        for (name, host, expected) in [
            ("example.com", "example.com", true),
            ("*.example.com", "app.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "*.example.com", true),
            ("example.com", "app.example.com", false),
        ] {
            assert_eq!(covers(name, host), expected, "{name} {host}");
        }
    }

    #[test]
    fn a_certificates_table_is_named_alone_or_by_reference() {
        for (text, expected) in [
            ("site", Some("site")),
            ("${certificate.site}", Some("site")),
            ("${certificate.site.arn}", Some("site")),
            ("arn:aws:acm:eu-west-1:1:certificate/x", None),
            ("${var.certificate}", None),
        ] {
            assert_eq!(table_of(text), expected, "{text}");
        }
    }
}
