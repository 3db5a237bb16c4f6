//! Network load balancers and their listeners.
//!
//! Decides their defaults and which combinations AWS would refuse. Must not know what targets do with the traffic.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::json;

use super::context::{Common, Lowering};
use super::place::Place;
use super::stack::is_id;
use super::{alb, alb_action, groups, routes, subnets, tls};
use crate::address::{Address, Kind};
use crate::cidr::Block;
use crate::config::shape::{AlpnPolicy, Forward, IpAddressType, NlbListenerTable, NlbTable, Scheme};
use crate::kinds::{Listener, Nlb, Resource};
use crate::network::{PRIVATE, is_subnet_of};
use crate::reference::{self, Reference};

/// Lowers every network load balancer.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.nlb {
        nlb(lowering, name, table);
    }
}

fn nlb(lowering: &mut Lowering<'_>, name: &str, table: &NlbTable) {
    let (place, address) = lowering.begin(Kind::Nlb, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    let scheme = alb::scheme(table.scheme);
    let addresses = addresses(lowering, &place.at("addresses"), table);
    let subnets = if table.addresses.is_empty() {
        subnets::of_balancer(lowering, &place.at("subnets"), &table.subnets, table.scheme)
    } else {
        addresses.values().cloned().collect()
    };
    alb::check_addresses(lowering, &place, table.ip_address_type, &subnets);
    // One with static addresses and one without can stand side by side, and neither becomes the other.
    let fixed = if addresses.is_empty() { json!({}) } else { json!("static") };
    let immutable = json!([scheme, lowering.network(), fixed, "network"]);
    let fields = Nlb {
        name: lowering.replaceable_name(Kind::Nlb, &place, &common, &immutable),
        scheme: scheme.to_owned(),
        ip_address_type: alb::ip_address_type(table.ip_address_type).to_owned(),
        subnets,
        addresses,
        security_groups: groups::of_nlb(lowering, &address, &place, table),
        cross_zone: table.cross_zone,
        deletion_protection: table.deletion_protection,
    };
    lowering.declare(address.clone(), &place, &common, fields);
    let place = place.at("listener");
    let ports = table.listener.iter().map(|(name, listener)| (name.as_str(), listener.port));
    alb::check_ports(lowering, &place, &address, ports);
    for (listener_name, table) in &table.listener {
        listener(lowering, &place.at(listener_name), name, listener_name, table);
    }
}

/// The static addresses, each with its subnet: what AWS takes for the scheme ("SubnetMapping").
fn addresses(lowering: &mut Lowering<'_>, place: &Place, table: &NlbTable) -> BTreeMap<String, String> {
    if !table.addresses.is_empty() && !table.subnets.is_open() {
        lowering
            .report(place, "`subnets` are named too, and so would be twice")
            .help("leave `subnets` out: each address stands by its subnet");
    }
    let mut addresses = BTreeMap::new();
    for (subnet, static_address) in &table.addresses {
        let place = place.at(subnet);
        lowering.plain(&place, static_address);
        let id = lowering.text(&place, subnet);
        let own = match reference::in_text(&id).as_slice() {
            [Reference::Output(own, _)] if own.kind() == Kind::Subnet => Some(own.clone()),
            _ => None,
        };
        if !is_id(subnet, "subnet-") && own.is_none() {
            lowering.report(&place, format!("`{subnet}` is not the id of a subnet")).on_key().help(
                "ids read like `subnet-0abc123`; of the stack's own VPC write `\"${subnet.public-1}\"`",
            );
        }
        let (fits, expected) = match table.scheme {
            Scheme::InternetFacing => (
                is_id(static_address, "eipalloc-"),
                "the internet reaches it by elastic IP addresses: write an allocation id, `eipalloc-…`"
                    .to_owned(),
            ),
            Scheme::Internal => private_address(lowering, own.as_ref(), static_address),
        };
        if !fits {
            lowering.report(&place, format!("`{static_address}` cannot be its address")).help(expected);
        }
        if table.scheme == Scheme::InternetFacing && own.is_some_and(|own| is_subnet_of(&own, PRIVATE)) {
            lowering.report(&place, "the internet reaches nothing in private subnets").on_key();
        }
        if addresses.insert(static_address.clone(), id).is_some() {
            lowering.report(&place, format!("`{static_address}` stands by two subnets"));
        }
    }
    addresses
}

/// Whether a text is an address that an internal load balancer can have in a subnet, and what would be one. AWS keeps the first
/// four and the last of each subnet ("Subnet CIDR blocks").
fn private_address(lowering: &Lowering<'_>, own: Option<&Address>, text: &str) -> (bool, String) {
    let address = text.parse::<Ipv4Addr>().ok();
    let resource = own.and_then(|own| lowering.resources.get(own)).map(|subnet| &subnet.resource);
    if let Some(Resource::Subnet(subnet)) = resource
        && let Ok(block) = subnet.cidr.parse::<Block>()
    {
        let fits = address.is_some_and(|address| block.gives(address));
        let rest = "the first four and the last are AWS's own";
        return (fits, format!("it is internal: write an address of its subnet, {block}; {rest}"));
    }
    let fits = address.is_some_and(|address| address.is_private());
    (fits, "it is internal: write a private IPv4 address of the subnet".to_owned())
}

fn listener(lowering: &mut Lowering<'_>, place: &Place, nlb: &str, name: &str, table: &NlbListenerTable) {
    lowering.check_key(place, name);
    let address = Address::nlb_listener(nlb, name);
    let common = Common { tags: &table.tags, protect: false, name: None };
    let protocol = routes::transport(lowering.file, table);
    check_tls(lowering, place, table, protocol);
    check_datagrams(lowering, place, nlb, protocol);
    if table.idle_timeout.is_some() && protocol != "TCP" {
        lowering
            .report(&place.at("idle_timeout"), format!("a listener of {protocol} has no `idle_timeout`"))
            .help("AWS lets it be chosen for TCP alone: leave it out");
    }
    if let Forward::Weighted(weighted) = &table.forward
        && weighted.stickiness.is_some()
    {
        lowering
            .report(
                &place.at("forward").at("stickiness"),
                "a network load balancer has no stickiness among groups",
            )
            .help("set `stickiness = \"source_ip\"` on the target group");
    }
    let default_action = alb_action::forward(lowering, &place.at("forward"), &table.forward);
    let certificate =
        table.certificate.as_deref().map(|arn| tls::certificate(lowering, &place.at("certificate"), arn));
    let extra_certificates =
        tls::extra_certificates(lowering, place, certificate.as_deref(), &table.extra_certificates);
    let ssl_policy = table
        .ssl_policy
        .as_deref()
        .map(|policy| tls::policy(lowering, &place.at("ssl_policy"), policy, tls::EXAMPLE));
    let alpn_policy = table.alpn_policy.map(|policy| match policy {
        AlpnPolicy::Http1Only => "HTTP1Only",
        AlpnPolicy::Http2Only => "HTTP2Only",
        AlpnPolicy::Http2Optional => "HTTP2Optional",
        AlpnPolicy::Http2Preferred => "HTTP2Preferred",
    });
    let fields = Listener {
        load_balancer: reference::output(&Address::new(Kind::Nlb, nlb), "arn"),
        port: table.port,
        protocol: protocol.to_owned(),
        certificate,
        extra_certificates,
        ssl_policy,
        alpn_policy: alpn_policy.map(ToOwned::to_owned),
        idle_timeout_seconds: (protocol == "TCP")
            .then(|| table.idle_timeout.unwrap_or(Listener::IDLE_TIMEOUT)),
        default_action,
    };
    lowering.declare(address, place, &common, fields);
}

/// Checks that what a listener at `place` of the load balancer `nlb` takes needs nothing that neap does not ask AWS for: datagrams
/// over IPv6 have other source addresses behind a load balancer, for which it takes a prefix from each subnet when it is told to
/// (`EnablePrefixForIpv6SourceNat` of CreateLoadBalancer; aws/aws-cdk#32184: without it there is no listener of UDP).
fn check_datagrams(lowering: &mut Lowering<'_>, place: &Place, nlb: &str, protocol: &str) {
    let dual = lowering.file.nlb[nlb].ip_address_type == IpAddressType::Dualstack;
    if dual && matches!(protocol, "UDP" | "TCP_UDP") {
        lowering
            .report(place, format!("a listener of {protocol} on a load balancer that takes IPv6"))
            .help(
                "AWS wants prefixes for source NAT there, which neap does not ask for: leave `ip_address_type` of the load balancer \
                 out",
            );
    }
}

/// Checks that TLS has a certificate, and that nothing else has what is TLS's.
fn check_tls(lowering: &mut Lowering<'_>, place: &Place, table: &NlbListenerTable, protocol: &str) {
    if protocol == "TLS" {
        if table.certificate.is_none() {
            lowering.report(&place.at("protocol"), "TLS without a certificate").help(
                "set `certificate` to the name of a `[certificate.NAME]`, or to the ARN of one in the stack's region; \
                 or let the targets end TLS, with `protocol = \"TCP\"`",
            );
        }
        return;
    }
    let given = [
        ("certificate", table.certificate.is_some()),
        ("extra_certificates", !table.extra_certificates.is_empty()),
        ("ssl_policy", table.ssl_policy.is_some()),
        ("alpn_policy", table.alpn_policy.is_some()),
    ];
    for (key, _) in given.into_iter().filter(|(_, given)| *given) {
        lowering
            .report(&place.at(key), format!("a listener of {protocol} has no `{key}`"))
            .help("it is for TLS: set `protocol = \"TLS\"`, or leave it out");
    }
}
