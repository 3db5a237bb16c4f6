//! Which listeners and rules forward to which target group.
//!
//! Decides nothing but where to look; others need the answer before load balancers are lowered.

use std::collections::BTreeMap;

use super::place::Place;
use super::target_group::{protocol_name, target_protocol_name};
use crate::address::{Address, Kind};
use crate::config::shape::{
    Forward, HttpProtocol, ListenerTable, NlbListenerTable, StackFile, TransportProtocol,
};

/// The routes by the name of the target group.
pub(super) type Routes<'file> = BTreeMap<&'file str, Vec<Route>>;

/// A listener or rule that forwards to a target group.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// The load balancer.
    pub(super) balancer: Address,
    /// The address of the listener or rule.
    pub(super) address: Address,
    /// Where `forward` stands.
    pub(super) place: Place,
    /// The listener's protocol, as AWS calls it.
    pub(super) protocol: &'static str,
}

/// The protocol of a listener: HTTPS where there is a certificate, unless it says otherwise.
pub(super) fn protocol(listener: &ListenerTable) -> HttpProtocol {
    let secured = listener.certificate.is_some();
    listener.protocol.unwrap_or(if secured { HttpProtocol::Https } else { HttpProtocol::Http })
}

/// The protocol of a listener of a network load balancer: TLS where there is a certificate, else that of the first group it
/// forwards to, unless it says otherwise.
pub(super) fn transport(file: &StackFile, listener: &NlbListenerTable) -> &'static str {
    match listener.protocol {
        Some(TransportProtocol::Tcp) => "TCP",
        Some(TransportProtocol::Tls) => "TLS",
        Some(TransportProtocol::Udp) => "UDP",
        Some(TransportProtocol::TcpUdp) => "TCP_UDP",
        None if listener.certificate.is_some() => "TLS",
        None => {
            let group =
                groups(Some(&listener.forward)).first().and_then(|group| file.target_group.get(*group));
            match group.map(|group| target_protocol_name(group.protocol)) {
                Some(udp @ ("UDP" | "TCP_UDP")) => udp,
                _ => "TCP",
            }
        }
    }
}

/// Every route of the file.
pub(super) fn of<'file>(file: &'file StackFile) -> Routes<'file> {
    let mut routes = Routes::new();
    for (nlb, table) in &file.nlb {
        for (name, listener) in &table.listener {
            for group in groups(Some(&listener.forward)) {
                let route = Route {
                    balancer: Address::new(Kind::Nlb, nlb),
                    address: Address::nlb_listener(nlb, name),
                    place: Place::of("nlb", nlb).at("listener").at(name).at("forward"),
                    protocol: transport(file, listener),
                };
                routes.entry(group).or_default().push(route);
            }
        }
    }
    for (alb, table) in &file.alb {
        for (name, listener) in &table.listener {
            let place = Place::of("alb", alb).at("listener").at(name);
            let protocol = protocol_name(protocol(listener));
            let balancer = Address::new(Kind::Alb, alb);
            let mut add = |forward: Option<&'file Forward>, address: Address, place: Place| {
                for group in groups(forward) {
                    let (balancer, address, place) = (balancer.clone(), address.clone(), place.clone());
                    let route = Route { balancer, address, place, protocol };
                    routes.entry(group).or_default().push(route);
                }
            };
            let default = place.at("default").at("forward");
            add(listener.default.forward.as_ref(), Address::listener(alb, name), default);
            for (index, rule) in listener.rule.iter().enumerate() {
                let address = Address::rule(alb, name, rule.priority);
                add(rule.forward.as_ref(), address, place.at("rule").item(index).at("forward"));
            }
        }
    }
    routes
}

/// Where the listener or rule at `address` forwards to, if it does.
pub(super) fn forward<'file>(file: &'file StackFile, address: &Address) -> Option<&'file Forward> {
    let (balancer, listener) = (address.names().first()?, address.names().get(1)?);
    if address.table() == Kind::Nlb {
        return Some(&file.nlb.get(balancer)?.listener.get(listener)?.forward);
    }
    let listener = file.alb.get(balancer)?.listener.get(listener)?;
    match address.kind() {
        Kind::Rule => {
            let priority: u32 = address.name().parse().ok()?;
            listener.rule.iter().find(|rule| rule.priority == priority)?.forward.as_ref()
        }
        _ => listener.default.forward.as_ref(),
    }
}

/// The names of the target groups of an action.
fn groups(forward: Option<&Forward>) -> Vec<&str> {
    match forward {
        None => Vec::new(),
        Some(Forward::One(group)) => vec![group],
        Some(Forward::Weighted(weighted)) => weighted.weights.keys().map(String::as_str).collect(),
    }
}
