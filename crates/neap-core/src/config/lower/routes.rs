//! Which listeners and rules forward to which target group.
//!
//! Decides nothing but where to look; others need the answer before load balancers are lowered.

use std::collections::BTreeMap;

use super::place::Place;
use crate::address::Address;
use crate::config::shape::{Forward, HttpProtocol, ListenerTable, StackFile};

/// The routes by the name of the target group.
pub(super) type Routes<'file> = BTreeMap<&'file str, Vec<Route<'file>>>;

/// A listener or rule that forwards to a target group.
#[derive(Debug, Clone)]
pub(super) struct Route<'file> {
    /// The load balancer's name.
    pub(super) alb: &'file str,
    /// The address of the listener or rule.
    pub(super) address: Address,
    /// Where `forward` stands.
    pub(super) place: Place,
    /// The listener's protocol.
    pub(super) protocol: HttpProtocol,
}

/// The protocol of a listener: HTTPS where there is a certificate, unless it says otherwise.
pub(super) fn protocol(listener: &ListenerTable) -> HttpProtocol {
    let secured = listener.certificate.is_some();
    listener.protocol.unwrap_or(if secured { HttpProtocol::Https } else { HttpProtocol::Http })
}

/// Every route of the file.
pub(super) fn of<'file>(file: &'file StackFile) -> Routes<'file> {
    let mut routes = Routes::new();
    for (alb, table) in &file.alb {
        for (name, listener) in &table.listener {
            let place = Place::of("alb", alb).at("listener").at(name);
            let protocol = protocol(listener);
            let mut add = |forward: Option<&'file Forward>, address: Address, place: Place| {
                for group in groups(forward) {
                    let route = Route { alb, address: address.clone(), place: place.clone(), protocol };
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

/// The names of the target groups of an action.
fn groups(forward: Option<&Forward>) -> Vec<&str> {
    match forward {
        None => Vec::new(),
        Some(Forward::One(group)) => vec![group],
        Some(Forward::Weighted(weighted)) => weighted.weights.keys().map(String::as_str).collect(),
    }
}
