//! What a listener or rule does with a request: forward, redirect or answer.
//!
//! Decides which actions AWS would refuse or which would lead nowhere. Must not know which requests come.

use super::context::Lowering;
use super::place::{Place, quoted};
use super::routes;
use super::target_group::{protocol_name, target_protocol_name, version_name};
use crate::address::{Address, Kind};
use crate::config::shape::{
    ContentType, FixedResponse, Forward, HttpProtocol, ListenerTable, ProtocolVersion, Redirect,
    WeightedForward,
};
use crate::kinds::{Action, WeightedGroup};

/// The keys of which exactly one must be there.
pub(super) struct Actions<'file> {
    pub(super) forward: Option<&'file Forward>,
    pub(super) redirect: Option<&'file Redirect>,
    pub(super) fixed_response: Option<&'file FixedResponse>,
}

/// The most target groups of one action, and the largest share of one.
const MOST_GROUPS: usize = 5;
const LARGEST_WEIGHT: u32 = 999;

/// The action that the keys at `place` ask for.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    place: &Place,
    actions: &Actions<'_>,
    listener: &ListenerTable,
) -> Action {
    let given = [
        ("forward", actions.forward.is_some()),
        ("redirect", actions.redirect.is_some()),
        ("fixed_response", actions.fixed_response.is_some()),
    ];
    let given: Vec<&str> = given.into_iter().filter_map(|(key, is_given)| is_given.then_some(key)).collect();
    match given.as_slice() {
        [_] => {}
        [] => {
            lowering.report(place, "no action").help("add one of `forward`, `redirect` and `fixed_response`");
        }
        several => {
            let message = format!("{} exclude each other", quoted(several));
            lowering.report(place, message).help("keep one of them");
        }
    }
    match (actions.forward, actions.redirect, actions.fixed_response) {
        (Some(forward), ..) => self::forward(lowering, &place.at("forward"), forward),
        (None, Some(redirect), _) => self::redirect(lowering, &place.at("redirect"), redirect, listener),
        (None, None, Some(response)) => fixed_response(lowering, &place.at("fixed_response"), response),
        (None, None, None) => Action::FixedResponse {
            status: 404,
            content_type: content_type(ContentType::Plain).to_owned(),
            body: String::new(),
        },
    }
}

/// The groups that `forward` names.
pub(super) fn forward(lowering: &mut Lowering<'_>, place: &Place, forward: &Forward) -> Action {
    match forward {
        Forward::One(name) => {
            let target_group = lowering.named(place, Kind::TargetGroup, name);
            Action::Forward {
                target_groups: vec![WeightedGroup { target_group, weight: 1 }],
                stickiness_seconds: None,
            }
        }
        Forward::Weighted(weighted) => self::weighted(lowering, &place.at("weights"), weighted),
    }
}

fn weighted(lowering: &mut Lowering<'_>, place: &Place, forward: &WeightedForward) -> Action {
    if forward.weights.is_empty() || forward.weights.len() > MOST_GROUPS {
        let message = format!("{} target groups; AWS takes 1 to {MOST_GROUPS}", forward.weights.len());
        lowering.report(place, message);
    } else if forward.weights.values().all(|weight| *weight == 0) {
        lowering.report(place, "no target group has a weight above 0");
    }
    let mut target_groups = Vec::new();
    for (name, weight) in &forward.weights {
        let place = place.at(name);
        if *weight > LARGEST_WEIGHT {
            lowering.report(&place, format!("the weight {weight} is above {LARGEST_WEIGHT}"));
        }
        let target_group = lowering.named(&place, Kind::TargetGroup, name);
        target_groups.push(WeightedGroup { target_group, weight: *weight });
    }
    Action::Forward { target_groups, stickiness_seconds: forward.stickiness }
}

fn redirect(
    lowering: &mut Lowering<'_>,
    place: &Place,
    redirect: &Redirect,
    listener: &ListenerTable,
) -> Action {
    let from = routes::protocol(listener);
    if (from, redirect.protocol) == (HttpProtocol::Https, Some(HttpProtocol::Http)) {
        lowering
            .report(&place.at("protocol"), "AWS does not redirect from HTTPS to HTTP")
            .help("leave `protocol` out");
    }
    let mut text = |key: &str, text: &Option<String>, kept: &str| {
        text.as_ref().map_or_else(|| kept.to_owned(), |text| lowering.text(&place.at(key), text))
    };
    let host = text("host", &redirect.host, "#{host}");
    let path = text("path", &redirect.path, "/#{path}");
    let query = text("query", &redirect.query, "#{query}");
    if !path.starts_with('/') {
        lowering
            .report(&place.at("path"), format!("the path `{path}` does not begin with a slash"))
            .help(format!("write `/{path}`"));
    }
    // Another protocol on the same port would find nobody there, so a protocol brings its own port.
    let own_port = redirect.protocol.map(|protocol| if protocol == HttpProtocol::Https { 443 } else { 80 });
    let port = redirect.port.or(own_port);
    let stays = redirect.protocol.is_none_or(|protocol| protocol == from)
        && port.is_none_or(|port| port == listener.port)
        && host == "#{host}"
        && path == "/#{path}";
    if stays {
        lowering
            .report(place, "the redirect leads back to where it comes from")
            .help("change at least one of `protocol`, `host`, `port` and `path`");
    }
    Action::Redirect {
        protocol: redirect.protocol.map_or("#{protocol}", protocol_name).to_owned(),
        host,
        port: port.map_or_else(|| "#{port}".to_owned(), |port| port.to_string()),
        path,
        query,
        status: redirect.status,
    }
}

fn fixed_response(lowering: &mut Lowering<'_>, place: &Place, response: &FixedResponse) -> Action {
    if (300..400).contains(&response.status) {
        lowering
            .report(&place.at("status"), format!("a fixed response cannot have status {}", response.status))
            .help("AWS takes 2xx, 4xx and 5xx; use `redirect` to send clients elsewhere");
    }
    Action::FixedResponse {
        status: response.status,
        content_type: content_type(response.content_type).to_owned(),
        body: lowering.text(&place.at("body"), &response.body),
    }
}

const fn content_type(content_type: ContentType) -> &'static str {
    match content_type {
        ContentType::Plain => "text/plain",
        ContentType::Html => "text/html",
        ContentType::Css => "text/css",
        ContentType::JavaScript => "application/javascript",
        ContentType::Json => "application/json",
    }
}

/// Checks every route against the target group that it leads to.
pub(super) fn check_groups(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (group, routes) in lowering.routes.clone() {
        let Some(table) = file.target_group.get(group) else { continue };
        let version = table.protocol_version.unwrap_or_default();
        for route in &routes {
            if version != ProtocolVersion::Http1 && route.protocol == "HTTP" {
                let address = Address::new(Kind::TargetGroup, group);
                let message =
                    format!("`{address}` speaks {}, which needs an HTTPS listener", version_name(version));
                lowering.report(&route.place, message);
            }
            check_protocols(lowering, route, group, target_protocol_name(table.protocol));
            if route.balancer != routes[0].balancer {
                let message = format!("`target_group.{group}` already belongs to `{}`", routes[0].balancer);
                lowering.report(&route.place, message).help("a target group belongs to one load balancer");
            }
        }
    }
}

/// Which protocols of targets a listener takes ("Listeners for your Network Load Balancers").
fn check_protocols(lowering: &mut Lowering<'_>, route: &routes::Route, group: &str, protocol: &str) {
    let taken: &[&str] = match route.protocol {
        "TCP" => &["TCP", "TCP_UDP"],
        "TLS" => &["TCP", "TLS"],
        "UDP" => &["UDP", "TCP_UDP"],
        "TCP_UDP" => &["TCP_UDP"],
        _ => &["HTTP", "HTTPS"],
    };
    if !taken.contains(&protocol) {
        let message =
            format!("`target_group.{group}` speaks {protocol}, and the listener {}", route.protocol);
        let words = taken.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        lowering
            .report(&route.place, message)
            .help(format!("such a listener takes groups with `protocol` {words}"))
            .help("`[alb.x]` is for HTTP and HTTPS, `[nlb.x]` for TCP, TLS and UDP");
    }
}
