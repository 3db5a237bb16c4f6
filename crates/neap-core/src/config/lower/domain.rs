//! Names in DNS: what each leads to, and in which hosted zone it stands.
//!
//! Decides what a record needs to know of its target. Must not know how that answers.

use std::collections::BTreeMap;

use super::certificate::{domain_name, named_zone, zone_for};
use super::context::{Common, Lowering};
use super::place::Place;
use crate::address::{Address, Kind};
use crate::config::shape::{DomainTable, IpAddressType};
use crate::kinds::{CLOUDFRONT_ZONE, Domain};
use crate::reference;

/// What a name can lead to.
const TARGETS: &str =
    "targets are distributions (`cloudfront.site`) and load balancers (`alb.public`, `nlb.mqtt`, `clb.old`)";

/// Lowers every name.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.domain {
        domain(lowering, name, table);
    }
}

fn domain(lowering: &mut Lowering<'_>, name: &str, table: &DomainTable) {
    let (place, address) = lowering.begin(Kind::Domain, name);
    let tags = BTreeMap::new();
    let common = Common { tags: &tags, protect: table.protect, name: None };
    let own = domain_name(lowering, &place.at("name"), &table.name);
    let zone = table.zone.as_deref();
    let zone = zone.and_then(|zone| named_zone(lowering, &place.at("zone"), zone, &[&own]));
    let zone = zone.unwrap_or_else(|| zone_for(&own));
    let target = target(lowering, &place.at("target"), &table.target, &own).unwrap_or_default();
    let fields = Domain {
        name: own,
        zone: format!("${{{zone}}}"),
        target: target.host,
        target_zone: target.zone,
        ipv6: target.ipv6,
    };
    lowering.declare(address, &place, &common, fields);
}

/// What a name leads to.
#[derive(Default)]
struct Target {
    host: String,
    zone: String,
    ipv6: bool,
}

fn target(lowering: &mut Lowering<'_>, place: &Place, text: &str, name: &str) -> Option<Target> {
    let file = lowering.file;
    let address = text.parse::<Address>().ok();
    match address.as_ref().map(|address| (address.kind(), address.name())) {
        Some((Kind::Cloudfront, site)) if file.cloudfront.contains_key(site) => {
            let table = &file.cloudfront[site];
            let is_it = |alias: &String| alias.trim_end_matches('.').eq_ignore_ascii_case(name);
            if !table.aliases.iter().any(|alias| is_it(alias) || is_wildcard_for(alias, name)) {
                lowering
                    .report(place, format!("`{text}` does not answer for `{name}`"))
                    .help(format!("add it to the `aliases` of `[{text}]`, with a certificate for it"));
            }
            let host = reference::output(&Address::new(Kind::Cloudfront, site), "domain_name");
            Some(Target { host, zone: CLOUDFRONT_ZONE.to_owned(), ipv6: table.ipv6 })
        }
        Some((Kind::Alb, balancer)) if file.alb.contains_key(balancer) => {
            let address = Address::new(Kind::Alb, balancer);
            let ipv6 = matches!(file.alb[balancer].ip_address_type, IpAddressType::Dualstack);
            let host = reference::output(&address, "dns_name");
            Some(Target { host, zone: reference::output(&address, "zone_id"), ipv6 })
        }
        Some((Kind::Nlb, balancer)) if file.nlb.contains_key(balancer) => {
            let address = Address::new(Kind::Nlb, balancer);
            let ipv6 = matches!(file.nlb[balancer].ip_address_type, IpAddressType::Dualstack);
            let host = reference::output(&address, "dns_name");
            Some(Target { host, zone: reference::output(&address, "zone_id"), ipv6 })
        }
        Some((Kind::Clb, balancer)) if file.clb.contains_key(balancer) => {
            let address = Address::new(Kind::Clb, balancer);
            let host = reference::output(&address, "dns_name");
            Some(Target { host, zone: reference::output(&address, "zone_id"), ipv6: false })
        }
        Some((kind, _)) if !matches!(kind, Kind::Cloudfront | Kind::Alb | Kind::Nlb | Kind::Clb) => {
            lowering
                .report(place, format!("`{text}` is a `{kind}`, which no name can lead to"))
                .help(TARGETS);
            None
        }
        found => {
            let sites = file.cloudfront.keys().map(|name| format!("cloudfront.{name}"));
            let albs = file.alb.keys().map(|name| format!("alb.{name}"));
            let nlbs = file.nlb.keys().map(|name| format!("nlb.{name}"));
            let clbs = file.clb.keys().map(|name| format!("clb.{name}"));
            let known: Vec<String> = sites.chain(albs).chain(nlbs).chain(clbs).collect();
            let message = if found.is_some() {
                format!("there is no `{text}` in this stack")
            } else {
                format!("`{text}` is no target")
            };
            lowering.report(place, message).nearest(text, known.iter().map(String::as_str)).help(TARGETS);
            None
        }
    }
}

/// Whether an alias with a `*` for its first label is one for this name.
fn is_wildcard_for(alias: &str, name: &str) -> bool {
    let rest = alias.strip_prefix("*.").map(|rest| rest.trim_end_matches('.').to_ascii_lowercase());
    rest.zip(name.split_once('.')).is_some_and(|(rest, (_, of_name))| rest == of_name)
}
