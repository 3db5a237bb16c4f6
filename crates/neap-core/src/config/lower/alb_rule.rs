//! Rules of a listener: which requests they take.
//!
//! Decides which conditions AWS would refuse. Must not know what happens to the requests.

use std::collections::{BTreeMap, BTreeSet};

use super::alb_action::{self, Actions};
use super::context::{Common, Lowering};
use super::network::{self, Cidr};
use super::place::Place;
use crate::address::Address;
use crate::config::shape::{ListenerTable, When};
use crate::kinds::{Conditions, QueryMatch, Rule};
use crate::reference;

/// The most values of all conditions of a rule together, and the most characters of one.
const MOST_VALUES: usize = 5;
const LONGEST_VALUE: usize = 128;

/// Lowers the rules of the listener at `address`, whose table stands at `place`.
pub(super) fn lower(lowering: &mut Lowering<'_>, place: &Place, address: &Address, listener: &ListenerTable) {
    let mut seen = BTreeMap::new();
    for (index, table) in listener.rule.iter().enumerate() {
        let place = place.at("rule").item(index);
        if let Some(first) = seen.insert(table.priority, index) {
            let (first, second) = (first + 1, index + 1);
            let message =
                format!("rules {first} and {second} of `{address}` both have priority {}", table.priority);
            lowering
                .report(&place.at("priority"), message)
                .label(format!("taken by rule {first}"))
                .help("the rule with the lowest priority that fits takes a request, so each needs its own");
        }
        let conditions = conditions(lowering, &place.at("when"), &table.when);
        let actions = Actions {
            forward: table.forward.as_ref(),
            redirect: table.redirect.as_ref(),
            fixed_response: table.fixed_response.as_ref(),
        };
        let rule = Rule {
            listener: reference::output(address, "arn"),
            priority: table.priority,
            conditions,
            action: alb_action::lower(lowering, &place, &actions, listener),
        };
        let [alb, name] = address.names() else { continue };
        let common = Common { tags: &table.tags, protect: false, name: None };
        lowering.declare(Address::rule(alb, name, table.priority), &place, &common, rule);
    }
}

fn conditions(lowering: &mut Lowering<'_>, place: &Place, when: &When) -> Conditions {
    let mut headers = BTreeMap::new();
    for (name, values) in &when.header {
        if name.eq_ignore_ascii_case("host") {
            lowering.report(&place.at("header").at(name), "AWS matches hosts by `host`").on_key();
        }
        headers.insert(name.clone(), set(lowering, &place.at("header").at(name), values.as_slice()));
    }
    let mut query = BTreeSet::new();
    for (key, values) in &when.query {
        for value in set(lowering, &place.at("query").at(key), values.as_slice()) {
            query.insert(QueryMatch { key: Some(key.clone()), value });
        }
    }
    let hosts = set(lowering, &place.at("host"), &when.host);
    let conditions = Conditions {
        path: paths(lowering, &place.at("path"), &when.path),
        host: hosts.iter().map(|host| host.to_lowercase()).collect(),
        headers,
        methods: methods(lowering, &place.at("method"), &when.method),
        query,
        source_ips: source_ips(lowering, &place.at("source_ip"), &when.source_ip),
    };
    let count = conditions.path.len()
        + conditions.host.len()
        + conditions.headers.values().map(BTreeSet::len).sum::<usize>()
        + conditions.methods.len()
        + conditions.query.len()
        + conditions.source_ips.len();
    if count == 0 {
        lowering
            .report(place, "the rule takes no request")
            .help("add a condition, such as `path = [\"/api/*\"]`; `default` is for the rest");
    } else if count > MOST_VALUES {
        lowering
            .report(place, format!("{count} values; AWS takes at most {MOST_VALUES} in one rule"))
            .help("split it into rules of different priorities");
    }
    conditions
}

/// The values of a condition, each checked for its length.
fn set(lowering: &mut Lowering<'_>, place: &Place, values: &[String]) -> BTreeSet<String> {
    for (index, value) in values.iter().enumerate() {
        let length = value.chars().count();
        if length == 0 || length > LONGEST_VALUE {
            let message = format!("a value of {length} characters; AWS takes 1 to {LONGEST_VALUE}");
            lowering.report(&place.item(index), message);
        }
    }
    lowering.list(place, values).into_iter().collect()
}

fn paths(lowering: &mut Lowering<'_>, place: &Place, paths: &[String]) -> BTreeSet<String> {
    for (index, path) in paths.iter().enumerate() {
        if !path.starts_with(['/', '*', '?', '$']) {
            lowering
                .report(
                    &place.item(index),
                    format!("no request has the path `{path}`: paths begin with a slash"),
                )
                .help(format!("write `/{path}`"));
        }
    }
    set(lowering, place, paths)
}

fn methods(lowering: &mut Lowering<'_>, place: &Place, methods: &[String]) -> BTreeSet<String> {
    for (index, method) in methods.iter().enumerate() {
        let upper = method.to_ascii_uppercase();
        let fits = |c: char| c.is_ascii_uppercase() || c == '-' || c == '_';
        if *method != upper {
            lowering
                .report(
                    &place.item(index),
                    format!("methods are written in capitals: `{method}` fits nothing"),
                )
                .help(format!("write `{upper}`"));
        } else if !method.chars().all(fits) {
            lowering.report(&place.item(index), format!("`{method}` is not a method"));
        }
    }
    set(lowering, place, methods)
}

fn source_ips(lowering: &mut Lowering<'_>, place: &Place, cidrs: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (index, text) in cidrs.iter().enumerate() {
        match network::cidr(text) {
            Cidr::Valid(cidr) => {
                found.insert(cidr);
            }
            Cidr::Unmasked(cidr) => {
                let message = format!("`{text}` has bits outside its mask");
                lowering.report(&place.item(index), message).help(format!("write `{cidr}`"));
            }
            Cidr::Invalid => {
                lowering
                    .report(&place.item(index), format!("`{text}` is not a CIDR"))
                    .help("CIDRs read like `203.0.113.7/32` or `2001:db8::/32`");
            }
        }
    }
    found
}
