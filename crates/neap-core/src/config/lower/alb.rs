//! Load balancers and their listeners.
//!
//! Decides their defaults and which combinations AWS would refuse. Must not know where requests go.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::alb_action::{self, Actions};
use super::context::{Common, Lowering};
use super::place::Place;
use super::stack::is_id;
use super::target_group::protocol_name;
use super::{alb_rule, groups, routes, subnets, tls};
use crate::address::{Address, Kind};
use crate::config::shape::{AlbTable, IpAddressType, ListenerTable, Scheme};
use crate::kinds::{Alb, Listener};
use crate::reference;

/// Lowers every load balancer.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.alb {
        alb(lowering, name, table);
    }
}

fn alb(lowering: &mut Lowering<'_>, name: &str, table: &AlbTable) {
    let (place, address) = lowering.begin(Kind::Alb, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    let scheme = scheme(table.scheme);
    let places = place.at("subnets");
    if table.subnets.ids().len() == 1 {
        lowering
            .report(&places, "one subnet; a load balancer needs two at least")
            .help("in different availability zones, or leave `subnets` out");
    }
    let immutable = json!([scheme, lowering.network()]);
    let subnets = subnets::of_balancer(lowering, &places, &table.subnets, table.scheme);
    check_addresses(lowering, &place, table.ip_address_type, &subnets);
    let fields = Alb {
        name: lowering.replaceable_name(Kind::Alb, &place, &common, &immutable),
        scheme: scheme.to_owned(),
        ip_address_type: ip_address_type(table.ip_address_type).to_owned(),
        subnets,
        security_groups: groups::of_alb(lowering, &address, &place, table),
        idle_timeout_seconds: table.idle_timeout,
        deletion_protection: table.deletion_protection,
        http2: table.http2,
        drop_invalid_header_fields: table.drop_invalid_header_fields,
    };
    lowering.declare(address.clone(), &place, &common, fields);
    let ports = table.listener.iter().map(|(name, listener)| (name.as_str(), listener.port));
    check_ports(lowering, &place.at("listener"), &address, ports);
    for (listener_name, table) in &table.listener {
        listener(lowering, &place.at("listener").at(listener_name), name, listener_name, table);
    }
}

/// The name that AWS gives a scheme.
pub(super) const fn scheme(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::InternetFacing => "internet-facing",
        Scheme::Internal => "internal",
    }
}

/// The name that AWS gives a type of addresses.
pub(super) const fn ip_address_type(ip_address_type: IpAddressType) -> &'static str {
    match ip_address_type {
        IpAddressType::Ipv4 => "ipv4",
        IpAddressType::Dualstack => "dualstack",
    }
}

/// Checks that the subnets of a load balancer at `place` have addresses of its type: AWS wants a block of IPv6 in each of those of
/// a dual stack ("IP address type" of ELB's guides; `You must specify subnets with an associated IPv6 CIDR block`), and subnets of
/// the stack's own have none.
pub(super) fn check_addresses(
    lowering: &mut Lowering<'_>,
    place: &Place,
    ip_address_type: IpAddressType,
    subnets: &BTreeSet<String>,
) {
    let has_own = lowering.file.network.cidr.is_some() && !subnets.iter().all(|id| is_id(id, "subnet-"));
    if ip_address_type == IpAddressType::Dualstack && has_own {
        lowering
            .report(&place.at("ip_address_type"), "subnets of the stack's own VPC have no IPv6 addresses")
            .help("leave `ip_address_type` out, or look up a VPC whose subnets have blocks of IPv6: `[network] vpc = \"vpc-…\"`");
    }
}

/// Checks that no two listeners of the load balancer `balancer` have one port.
pub(super) fn check_ports<'file>(
    lowering: &mut Lowering<'_>,
    place: &Place,
    balancer: &Address,
    listeners: impl Iterator<Item = (&'file str, u16)>,
) {
    let mut seen = BTreeMap::new();
    for (name, port) in listeners {
        if let Some(first) = seen.insert(port, name) {
            lowering
                .report(
                    &place.at(name).at("port"),
                    format!("port {port} is taken by `{balancer}.listener.{first}`"),
                )
                .help("each listener of a load balancer has a port of its own");
        }
    }
}

fn listener(lowering: &mut Lowering<'_>, place: &Place, alb: &str, name: &str, table: &ListenerTable) {
    lowering.check_key(place, name);
    let address = Address::listener(alb, name);
    let common = Common { tags: &table.tags, protect: false, name: None };
    let protocol = routes::protocol(table);
    tls::check(lowering, place, table, protocol);
    let certificate =
        table.certificate.as_deref().map(|arn| tls::certificate(lowering, &place.at("certificate"), arn));
    let extra_certificates =
        tls::extra_certificates(lowering, place, certificate.as_deref(), &table.extra_certificates);
    let default = Actions {
        forward: table.default.forward.as_ref(),
        redirect: table.default.redirect.as_ref(),
        fixed_response: table.default.fixed_response.as_ref(),
    };
    let fields = Listener {
        load_balancer: reference::output(&Address::new(Kind::Alb, alb), "arn"),
        port: table.port,
        protocol: protocol_name(protocol).to_owned(),
        certificate,
        extra_certificates,
        ssl_policy: table
            .ssl_policy
            .as_deref()
            .map(|policy| tls::policy(lowering, &place.at("ssl_policy"), policy, tls::EXAMPLE)),
        alpn_policy: None,
        idle_timeout_seconds: None,
        default_action: alb_action::lower(lowering, &place.at("default"), &default, table),
    };
    lowering.declare(address.clone(), place, &common, fields);
    alb_rule::lower(lowering, place, &address, table);
}
