//! Namespaces, and which of them a service means.
//!
//! Decides what a namespace needs, and the only one that can be meant where none is named. Must not know how services are
//! found in it.

use std::collections::BTreeMap;

use super::context::{Common, Lowering};
use super::place::{Place, quoted};
use crate::address::{Address, Kind};
use crate::config::shape::{NamespaceTable, NamespaceType, StackFile};
use crate::kinds::{Namespace, Resource, Service};
use crate::reference::{self, Reference};

/// The VPC that the stack lives in.
const VPC: &str = "${network.vpc}";
/// The most characters of a description ("CreatePrivateDnsNamespace" of Cloud Map's API reference).
const LONGEST_DESCRIPTION: usize = 1024;

/// Lowers every namespace.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.namespace {
        namespace(lowering, name, table);
    }
}

fn namespace(lowering: &mut Lowering<'_>, name: &str, table: &NamespaceTable) {
    let (place, address) = lowering.begin(Kind::Namespace, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    let has_dns = table.sort == NamespaceType::PrivateDns;
    let description = table.description.clone().unwrap_or_default();
    let at = place.at("description");
    if lowering.plain(&at, &description) && description.chars().count() > LONGEST_DESCRIPTION {
        lowering.report(&at, format!("it has more than {LONGEST_DESCRIPTION} characters"));
    }
    if table.soa_ttl.is_some() && !has_dns {
        lowering
            .report(&place.at("soa_ttl"), "`soa_ttl` without `type = \"private_dns\"`")
            .help("only DNS remembers what it does not find: leave it out");
    }
    if has_dns {
        check_domain(lowering, &place, table.name.as_deref());
    }
    let fields = Namespace {
        name: lowering.plain_name(Kind::Namespace, &place, name, common.name),
        sort: if has_dns { Namespace::PRIVATE_DNS } else { Namespace::HTTP }.to_owned(),
        vpc: has_dns.then(|| VPC.to_owned()),
        description,
        soa_ttl: table.soa_ttl.filter(|_| has_dns),
    };
    lowering.declare(address, &place, &common, fields);
}

/// The name of a namespace with DNS is that of a zone.
fn check_domain(lowering: &mut Lowering<'_>, place: &Place, name: Option<&str>) {
    let Some(name) = name else {
        lowering
            .report(place, "a namespace with DNS needs a `name`")
            .on_key()
            .help("it is the domain that its names end in: `name = \"shop.internal\"`");
        return;
    };
    let is_label =
        |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    if !name.contains("${") && (!name.split('.').all(is_label) || name != name.to_ascii_lowercase()) {
        lowering
            .report(&place.at("name"), format!("`{name}` is not the name of a zone"))
            .help("write lower-case labels with dots between them, such as `shop.internal`");
    } else if name == "local" || name.ends_with(".local") {
        lowering
            .report(&place.at("name"), "names in `local` are looked for by multicast on many systems")
            .help("take another domain, such as `shop.internal`");
    }
}

/// The namespace that a service means at `place`: the one that it names, or else the only one that there is `with_dns`, or of
/// any sort. None where that is a mistake.
pub(super) fn meant(
    lowering: &mut Lowering<'_>,
    place: &Place,
    named: Option<&str>,
    with_dns: bool,
) -> Option<String> {
    let file = lowering.file;
    if let Some(name) = named {
        let at = place.at("namespace");
        // Whether it is there is asked of every reference.
        lowering.named(&at, Kind::Namespace, name);
        let table = file.namespace.get(name)?;
        if with_dns && table.sort != NamespaceType::PrivateDns {
            lowering
                .report(&at, format!("nobody finds a name of `namespace.{name}` by DNS"))
                .help(format!("set `type = \"private_dns\"` in `[namespace.{name}]`, or use `connect`"));
            return None;
        }
        return Some(name.to_owned());
    }
    let fit: Vec<&str> = fitting(file, with_dns).collect();
    match fit.as_slice() {
        [only] => Some((*only).to_owned()),
        [] => {
            let what = if with_dns { "namespace with DNS" } else { "namespace" };
            let example = if with_dns {
                "add `[namespace.main]` with `type = \"private_dns\"` and `name = \"shop.internal\"`"
            } else {
                "add `[namespace.main]`"
            };
            lowering.report(place, format!("the stack has no {what}")).on_key().help(example);
            None
        }
        several => {
            lowering
                .report(place, "it does not say which namespace it means")
                .on_key()
                .help(format!("set `namespace` to one of {}", quoted(several)));
            None
        }
    }
}

fn fitting(file: &StackFile, with_dns: bool) -> impl Iterator<Item = &str> {
    let fits = move |table: &NamespaceTable| !with_dns || table.sort == NamespaceType::PrivateDns;
    file.namespace.iter().filter(move |(_, table)| fits(table)).map(|(name, _)| name.as_str())
}

/// Reports names that two services, or one in two ways, would have in a namespace: ECS makes those of Service Connect beside
/// those that are found by DNS.
pub(super) fn check_names(lowering: &mut Lowering<'_>) {
    let mut twice: Vec<(Place, String, String, Address)> = Vec::new();
    let mut seen: BTreeMap<(Address, String), Address> = BTreeMap::new();
    for (address, wanted) in &lowering.resources {
        if let Resource::DiscoveryService(service) = &wanted.resource
            && let Some(namespace) = referred(&service.namespace)
        {
            let owner = wanted.implied.as_ref().map_or(address, |implied| &implied.by);
            seen.insert((namespace, service.name.clone()), owner.clone());
        }
    }
    for (address, wanted) in &lowering.resources {
        let Resource::Service(Service { connect: Some(connect), .. }) = &wanted.resource else { continue };
        let Some(namespace) = referred(&connect.namespace) else { continue };
        for name in connect.serves.keys() {
            let other = seen.entry((namespace.clone(), name.clone())).or_insert_with(|| address.clone());
            if other != address || is_discovered(lowering, address, name) {
                let place = Place::of(Kind::Service.as_str(), address.name()).at("connect");
                twice.push((place, name.clone(), namespace.to_string(), other.clone()));
            }
        }
    }
    for (place, name, namespace, other) in twice {
        lowering
            .report(&place, format!("`{name}` is a name in `{namespace}` already, of `{other}`"))
            .on_key()
            .help("each is a service of Cloud Map: give one of them another name, or a namespace of its own");
    }
}

/// Whether the service at `address` is found by DNS under this name, too.
fn is_discovered(lowering: &Lowering<'_>, address: &Address, name: &str) -> bool {
    let at = Address::new(Kind::DiscoveryService, address.name());
    let registered = lowering.resources.get(&at).map(|wanted| &wanted.resource);
    matches!(registered, Some(Resource::DiscoveryService(service)) if service.name == name)
}

/// The address that a text refers to.
fn referred(text: &str) -> Option<Address> {
    reference::in_text(text).into_iter().find_map(|reference| match reference {
        Reference::Output(address, _) => Some(address),
        _ => None,
    })
}

/// The address of the namespace `name`.
pub(super) fn address(name: &str) -> Address {
    Address::new(Kind::Namespace, name)
}
