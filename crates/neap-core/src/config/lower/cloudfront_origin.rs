//! Origins of a distribution: a load balancer or a bucket of the stack, or any URL.
//!
//! Decides protocol, ports and path of an origin. Must not know which paths lead there.

use std::collections::BTreeMap;

use super::context::Lowering;
use super::place::Place;
use super::{certificate, clb, routes};
use crate::address::{Address, Kind};
use crate::config::shape::{
    AlbTable, CertificateTable, ClbProtocol, ClbTable, DomainTable, HttpProtocol, ListenerTable, RouteTable,
    Scheme, StackFile,
};
use crate::kinds::Origin;
use crate::reference::{self, Reference};

/// An origin that a route names.
pub(super) struct Found {
    /// The address of a load balancer or bucket, or the host of a URL.
    pub(super) id: String,
    /// The id where another origin has that one.
    pub(super) full_id: String,
    /// The origin without headers.
    pub(super) origin: Origin,
    /// Whether it is a load balancer of the stack.
    pub(super) is_balancer: bool,
}

/// What a load balancer gets of a request where the route does not say it.
pub(super) const OF_BALANCERS: &str = "AllViewer";
/// The origin-request policies that hand the viewer's host on ("Use managed origin request policies").
const WITH_HOST: [&str; 3] = [OF_BALANCERS, "AllViewerAndCloudFrontHeaders-2022-06", "HostHeaderOnly"];
/// The cache policies that do, since it is in their keys ("Use managed cache policies").
const CACHED_BY_HOST: [&str; 3] =
    ["Amplify", "UseOriginCacheControlHeaders", "UseOriginCacheControlHeaders-QueryStrings"];
/// What can be an origin.
const ORIGINS: &str = "origins are load balancers (`alb.public`, `clb.old`), buckets (`bucket.web`) and URLs (`https://example.com`)";

/// The origin of the distribution `site` that a route names at `place`: `alb.public`, `clb.old`, `bucket.web` or a URL.
pub(super) fn find(
    lowering: &mut Lowering<'_>,
    place: &Place,
    site: &Address,
    route: &RouteTable,
) -> Option<Found> {
    let text = route.origin.as_str();
    if text.contains("://") {
        return url(lowering, place, text);
    }
    let file = lowering.file;
    let balancers = file.alb.keys().map(|name| format!("alb.{name}"));
    let classic = file.clb.keys().map(|name| format!("clb.{name}"));
    let buckets = file.bucket.keys().map(|name| format!("bucket.{name}"));
    let known: Vec<String> = balancers.chain(classic).chain(buckets).collect();
    let short = |known: &str| known.split_once('.').is_some_and(|(_, name)| name == text);
    let address = match text.parse::<Address>() {
        Ok(address) if matches!(address.kind(), Kind::Alb | Kind::Clb | Kind::Bucket) => address,
        Ok(address) => {
            let message = format!("`{address}` is a `{}`, which cannot be an origin", address.kind());
            lowering.report(place, message).help(ORIGINS);
            return None;
        }
        Err(_) => {
            let report = lowering.report(place, format!("`{text}` is no origin"));
            let report = match known.iter().find(|known| short(known)) {
                Some(known) => report.help(format!("did you mean `{known}`?")),
                None => report.nearest(text, known.iter().map(String::as_str)),
            };
            report.help(ORIGINS);
            return None;
        }
    };
    let name = address.name();
    let (scheme, door) = match address.kind() {
        Kind::Alb if file.alb.contains_key(name) => (file.alb[name].scheme, entrance(&file.alb[name])),
        Kind::Clb if file.clb.contains_key(name) => {
            (file.clb[name].scheme, classic_entrance(&file.clb[name]))
        }
        Kind::Bucket if file.bucket.contains_key(name) => return Some(bucket(site, &address)),
        _ => {
            lowering
                .report(place, format!("there is no `{text}` in this stack"))
                .nearest(text, known.iter().map(String::as_str));
            return None;
        }
    };
    if let Some(door) = door.as_ref().filter(|door| door.is_https) {
        check_certificate(lowering, place, site, route, door);
    }
    load_balancer(lowering, place, &address, scheme, door.as_ref())
}

/// Checks that the certificate which a load balancer shows CloudFront is for the name that CloudFront asks it by: that of the load
/// balancer, which has none, or the viewer's host where that is handed on. Otherwise viewers get a 502 ("HTTP 502 status code (Bad
/// Gateway)" of the CloudFront guide).
fn check_certificate(
    lowering: &mut Lowering<'_>,
    place: &Place,
    site: &Address,
    route: &RouteTable,
    door: &Door<'_>,
) {
    let (file, balancer) = (lowering.file, &route.origin);
    let Some(table) = file.cloudfront.get(site.name()) else { return };
    let hands_host_on = WITH_HOST.contains(&route.origin_request.as_deref().unwrap_or(OF_BALANCERS))
        || route.cache.as_deref().is_some_and(|cache| CACHED_BY_HOST.contains(&cache));
    if table.aliases.is_empty() || !hands_host_on {
        let message =
            format!("CloudFront would ask `{balancer}` by HTTPS, by a name that no certificate is for");
        let report = lowering.report(place, message);
        report.help(if hands_host_on {
            "give the load balancer a listener with HTTP as well, or the distribution an alias that the listener's certificate covers: \
             CloudFront hands the viewer's host on"
        } else {
            "give the load balancer a listener with HTTP as well, or leave `origin_request` out: CloudFront then hands the viewer's host on"
        });
        return;
    }
    // What somebody else's certificate is for is not known here.
    let shown: Option<Vec<(&str, &CertificateTable)>> = door
        .certificates
        .iter()
        .map(|text| certificate::table_of(text).and_then(|name| Some((name, file.certificate.get(name)?))))
        .collect();
    let Some(shown) = shown else { return };
    let Some((first, _)) = shown.first() else { return };
    let hosts = table.aliases.iter().map(|alias| alias.trim_end_matches('.').to_ascii_lowercase());
    for host in hosts.filter(|host| !shown.iter().any(|(_, table)| certificate::is_for(table, host))) {
        let message = format!(
            "CloudFront would ask `{balancer}` by HTTPS for `{host}`, and its certificate is not for that"
        );
        lowering
            .report(place, message)
            .help(format!("add `{host}` to the `alternative_names` of `[certificate.{first}]`: CloudFront hands the viewer's host on"))
            .help("or give the load balancer a listener with HTTP as well");
    }
}

/// A bucket, which CloudFront asks with the origin access control of the distribution `site`.
fn bucket(site: &Address, address: &Address) -> Found {
    let control = reference::output(&access_control(site), "id");
    let origin = Origin::bucket(reference::output(address, "domain_name"), control);
    let id = address.to_string();
    Found { full_id: id.clone(), id, origin, is_balancer: false }
}

/// The address of the origin access control of the distribution `site`.
pub(super) fn access_control(site: &Address) -> Address {
    Address::new(Kind::OriginAccessControl, site.name())
}

fn load_balancer(
    lowering: &mut Lowering<'_>,
    place: &Place,
    address: &Address,
    scheme: Scheme,
    door: Option<&Door<'_>>,
) -> Option<Found> {
    if scheme == Scheme::Internal {
        lowering
            .report(place, format!("`{address}` is internal, so CloudFront cannot reach it"))
            .help("make it `scheme = \"internet-facing\"`");
    }
    let Some(&Door { port, is_https, .. }) = door else {
        lowering.report(place, format!("`{address}` has no listener that CloudFront could ask"));
        return None;
    };
    check_port(lowering, place, port);
    let origin = Origin {
        domain: reference::output(address, "dns_name"),
        path: String::new(),
        access_control: None,
        protocol_policy: if is_https { "https-only" } else { "http-only" }.to_owned(),
        http_port: if is_https { 80 } else { port },
        https_port: if is_https { port } else { 443 },
        headers: BTreeMap::new(),
    };
    let id = address.to_string();
    Some(Found { full_id: id.clone(), id, origin, is_balancer: true })
}

/// A listener that CloudFront asks.
struct Door<'file> {
    port: u16,
    is_https: bool,
    /// The certificates that it shows, as the stack names them.
    certificates: Vec<&'file str>,
}

/// The listener of a classic load balancer that CloudFront asks: one with HTTP, or else one with HTTPS.
fn classic_entrance(table: &ClbTable) -> Option<Door<'_>> {
    let doors = table.listener.values().filter_map(|listener| {
        let is_https = match clb::protocol(listener) {
            ClbProtocol::Http => false,
            ClbProtocol::Https => true,
            ClbProtocol::Tcp | ClbProtocol::Ssl => return None,
        };
        let certificates = listener.certificate.as_deref().into_iter().collect();
        Some(Door { port: listener.port, is_https, certificates })
    });
    doors.min_by_key(|door| (door.is_https, door.port))
}

/// The listener that CloudFront asks: one with HTTP, since the certificate of one with HTTPS is for another name than
/// the load balancer's own; but not one that only sends clients to HTTPS, which would never end.
fn entrance(table: &AlbTable) -> Option<Door<'_>> {
    let sends_away = |listener: &ListenerTable| {
        let redirect = listener.default.redirect.as_ref();
        redirect.is_some_and(|redirect| redirect.protocol == Some(HttpProtocol::Https))
    };
    let of = |protocol: HttpProtocol| {
        table.listener.values().filter(move |listener| routes::protocol(listener) == protocol)
    };
    let http = || of(HttpProtocol::Http);
    let plain = http().filter(|listener| !sends_away(listener)).min_by_key(|listener| listener.port);
    let secured = || of(HttpProtocol::Https).min_by_key(|listener| listener.port);
    let listener = plain.or_else(secured).or_else(|| http().next())?;
    let certificates = listener.certificate.iter().chain(&listener.extra_certificates).map(String::as_str);
    Some(Door {
        port: listener.port,
        is_https: routes::protocol(listener) == HttpProtocol::Https,
        certificates: certificates.collect(),
    })
}

fn url(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> Option<Found> {
    let full = lowering.text(place, text);
    let Some((host, port, origin)) = parse(&full) else {
        lowering
            .report(place, format!("`{text}` is not a URL that can be an origin"))
            .help("write `https://example.com`, with a port or a path if need be, and nothing after it; CloudFront asks names, not addresses");
        return None;
    };
    check_port(lowering, place, port);
    Some(Found { id: host, full_id: full, origin, is_balancer: false })
}

/// Whether CloudFront asks `balancer` where a route has this origin: the load balancer itself, or a URL whose host is its own or a name
/// in DNS that leads to it.
pub(super) fn asks(file: &StackFile, origin: &str, balancer: &Address) -> bool {
    let target = balancer.to_string();
    let Some((host, ..)) = parse(origin) else { return origin == target };
    let referred = host.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let referred = referred.and_then(|inner| match Reference::parse(inner) {
        Some(Reference::Output(address, _)) => Some(address),
        _ => inner.parse::<Address>().ok(),
    });
    if referred.as_ref() == Some(balancer) {
        return true;
    }
    let host = host.to_ascii_lowercase();
    let is_meant = |(name, table): (&String, &DomainTable)| match &referred {
        Some(address) => address.kind() == Kind::Domain && address.name() == name,
        None => certificate::covers(&table.name.trim_end_matches('.').to_ascii_lowercase(), &host),
    };
    file.domain.iter().filter(|(_, table)| table.target == target).any(is_meant)
}

/// Host, port and origin of a URL with HTTP or HTTPS, a host, and maybe a port and a path.
fn parse(url: &str) -> Option<(String, u16, Origin)> {
    let (scheme, rest) = url.split_once("://")?;
    let own_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)?),
        None => (authority, own_port),
    };
    let in_host = |c: char| c.is_ascii_alphanumeric() || "-._${}".contains(c);
    let in_path = |c: char| c.is_ascii_graphic() && !"?#".contains(c);
    // What a reference stands for is known later.
    let is_host = host.contains("${") || Origin::is_host(host);
    if !host.contains('.') || !host.chars().all(in_host) || !is_host || !path.chars().all(in_path) {
        return None;
    }
    let origin = Origin {
        domain: host.to_owned(),
        path: path.trim_end_matches('/').to_owned(),
        protocol_policy: format!("{scheme}-only"),
        access_control: None,
        http_port: if scheme == "http" { port } else { 80 },
        https_port: if scheme == "https" { port } else { 443 },
        headers: BTreeMap::new(),
    };
    Some((host.to_owned(), port, origin))
}

fn check_port(lowering: &mut Lowering<'_>, place: &Place, port: u16) {
    if port < 1024 && port != 80 && port != 443 {
        lowering
            .report(place, format!("CloudFront does not ask origins on port {port}"))
            .help("it takes 80, 443 and 1024 to 65535");
    }
}

/// The headers that an origin gets.
pub(super) fn headers(
    lowering: &mut Lowering<'_>,
    place: &Place,
    headers: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    for (name, value) in headers {
        let place = place.at(name);
        if Origin::sets(name) {
            lowering.report(&place, format!("CloudFront sets `{name}` itself")).on_key();
        } else if !Origin::is_header(name) {
            lowering
                .report(&place, format!("`{name}` cannot be the name of a header"))
                .on_key()
                .help("names of headers are letters, digits and hyphens");
        }
        if !Origin::is_header_value(value) {
            lowering
                .report(&place, format!("what `{name}` is set to cannot be the value of a header"))
                .help("a value is not empty, is on one line, and has no blanks at its ends");
        }
    }
    lowering.texts(place, headers)
}
