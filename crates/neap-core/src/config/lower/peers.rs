//! Who is on the other side of a security group's rule.
//!
//! Decides which groups or addresses the words of a rule mean. Must not know what the rule lets through.

use std::collections::BTreeSet;

use super::context::Lowering;
use super::network::{self, Cidr};
use super::place::{Place, quoted};
use super::stack::is_id;
use super::{ground, instances};
use crate::address::{Address, Kind};
use crate::config::shape::{NetworkMode, StackFile};
use crate::reference;

/// The other side of a rule of the group `group`, as AWS knows it: several where tasks may land on several blocks of instances.
pub(super) fn peers(lowering: &mut Lowering<'_>, place: &Place, group: &str, text: &str) -> BTreeSet<String> {
    match text.parse::<Address>() {
        Ok(address) if matches!(address.kind(), Kind::Alb | Kind::Nlb | Kind::Clb | Kind::Service) => {
            implied(lowering, place, &address)
        }
        _ => [peer(lowering, place, group, text)].into(),
    }
}

fn peer(lowering: &mut Lowering<'_>, place: &Place, group: &str, text: &str) -> String {
    let own = Address::new(Kind::SecurityGroup, group);
    if text == "self" || text == group {
        return "self".to_owned();
    }
    if is_id(text, "sg-") || is_id(text, "pl-") {
        return text.to_owned();
    }
    if text.starts_with("${") {
        let full = lowering.text(place, text);
        let is_own = full == reference::output(&own, "id");
        return if is_own { "self".to_owned() } else { full };
    }
    if text.contains('/') || text.parse::<std::net::IpAddr>().is_ok() {
        return peer_cidr(lowering, place, text);
    }
    lowering.named(place, Kind::SecurityGroup, text)
}

fn peer_cidr(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> String {
    match network::cidr(text) {
        Cidr::Valid(cidr) => return cidr,
        Cidr::Unmasked(cidr) => {
            let message = format!("`{text}` has bits outside its mask");
            lowering.report(place, message).help(format!("write `{cidr}`"));
        }
        Cidr::Invalid => {
            let report = lowering.report(place, format!("`{text}` is not a CIDR"));
            if text.contains('/') {
                report.help("CIDRs read like `10.0.0.0/8`, `203.0.113.7/32` or `2001:db8::/32`");
            } else {
                let length = if text.contains(':') { 128 } else { 32 };
                report.help(format!("for this one address write `{text}/{length}`"));
            }
        }
    }
    text.to_owned()
}

/// Whether `text` means a service whose tasks share the network of their instances: two of those may well be one group.
pub(super) fn shares(file: &StackFile, text: &str) -> bool {
    let service = text.strip_prefix("service.").and_then(|name| file.service.get(name));
    service.is_some_and(|service| ground::mode_of(file, service) != NetworkMode::Awsvpc)
}

/// The implied group of a load balancer or service. Tasks that share the network of their instance are known by the groups of the
/// blocks that they may land on.
fn implied(lowering: &mut Lowering<'_>, place: &Place, address: &Address) -> BTreeSet<String> {
    let (file, name) = (lowering.file, address.name());
    let groups = match address.kind() {
        Kind::Alb => file.alb.get(name).map(|alb| &alb.security_groups),
        Kind::Nlb => file.nlb.get(name).map(|nlb| &nlb.security_groups),
        Kind::Clb => file.clb.get(name).map(|clb| &clb.security_groups),
        _ => file.service.get(name).map(|service| &service.security_groups),
    };
    match groups {
        None => {
            let albs = file.alb.keys().map(|name| format!("alb.{name}"));
            let nlbs = file.nlb.keys().map(|name| format!("nlb.{name}"));
            let clbs = file.clb.keys().map(|name| format!("clb.{name}"));
            let services = file.service.keys().map(|name| format!("service.{name}"));
            let known: Vec<String> = albs.chain(nlbs).chain(clbs).chain(services).collect();
            let text = address.to_string();
            lowering
                .report(place, format!("there is no `{text}` in this stack"))
                .nearest(&text, known.iter().map(String::as_str));
        }
        Some(groups) if !groups.is_empty() => {
            lowering
                .report(place, format!("`{address}` has no group of its own: it names other groups"))
                .help(format!("name one of those: {}", quoted(groups)));
        }
        Some(_) => {}
    }
    let id = |name: &str| reference::output(&Address::new(Kind::SecurityGroup, name), "id");
    match file.service.get(name) {
        Some(service) if shares(file, &address.to_string()) => {
            let blocks = ground::instances(file, service).into_iter();
            blocks.map(|block| id(&instances::implied_name(&service.cluster, block.name))).collect()
        }
        _ => [id(&format!("{}-{name}", address.kind()))].into(),
    }
}
