//! Distributions: which path goes to which origin, and how.
//!
//! Decides the defaults of routes and which sets of routes make a distribution. Must not know how an origin is reached.

use std::collections::{BTreeMap, BTreeSet};

use super::cloudfront_origin::{self, Found};
use super::context::{Common, Lowering};
use super::function::{self, VIEWER_REQUEST};
use super::place::Place;
use super::viewer;
use crate::address::{Address, Kind};
use crate::config::shape::{CloudfrontTable, HttpVersion, Methods, PriceClass, RouteTable, ViewerProtocol};
use crate::kinds::{
    Behavior, Cloudfront, MANAGED_CACHE_POLICIES, MANAGED_ORIGIN_REQUEST_POLICIES,
    MANAGED_RESPONSE_HEADERS_POLICIES, ManagedPolicies, Origin, OriginAccessControl,
};
use crate::naming;

/// The path that stands for the rest.
const REST: &str = "/*";
/// What a comment says that the user left empty: the mark after it must not stand alone.
const NO_COMMENT: &str = "neap";
/// The most characters of a comment.
const LONGEST_COMMENT: usize = 128;

/// Lowers every distribution.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.cloudfront {
        distribution(lowering, name, table);
    }
}

fn distribution(lowering: &mut Lowering<'_>, name: &str, table: &CloudfrontTable) {
    let (place, address) = lowering.begin(Kind::Cloudfront, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: None };
    let mut origins = BTreeMap::new();
    let mut behaviors = Vec::new();
    let mut default = None;
    check_paths(lowering, &place.at("route"), table);
    for (index, route) in table.route.iter().enumerate() {
        let behavior = behavior(lowering, &place.at("route").item(index), &address, route, &mut origins);
        if route.path == REST {
            default = Some(behavior);
        } else {
            behaviors.push(behavior);
        }
    }
    let root = &root_object(table);
    if table.single_page {
        single_page(lowering, &place, table, &address, root, default.as_mut());
    }
    lowering.plain(&place.at("default_root_object"), root);
    if let Some(bare) = root.strip_prefix('/') {
        lowering
            .report(&place.at("default_root_object"), format!("`{root}` begins with a slash"))
            .help(format!("write `{bare}`"));
    }
    let comment = comment(lowering, &place.at("comment"), &table.comment, &address);
    let aliases = viewer::aliases(lowering, &place, name, table);
    let certificate = viewer::certificate(lowering, &place, table, &aliases);
    let fields = Cloudfront {
        caller_reference: naming::caller_reference(lowering.stack, &address),
        comment,
        enabled: table.enabled,
        origins,
        // Without a route for the rest there is a mistake, and this is never seen.
        default_behavior: default.unwrap_or_else(nowhere),
        behaviors,
        default_root_object: root.clone(),
        price_class: match table.price_class {
            PriceClass::Cheapest => "PriceClass_100",
            PriceClass::Most => "PriceClass_200",
            PriceClass::All => "PriceClass_All",
        }
        .to_owned(),
        http_version: match table.http_version {
            HttpVersion::Http1 => "http1.1",
            HttpVersion::Http2 => "http2",
            HttpVersion::Http3 => "http3",
            HttpVersion::Http2and3 => "http2and3",
        }
        .to_owned(),
        ipv6: table.ipv6,
        aliases,
        certificate,
    };
    if fields.origins.values().any(|origin| origin.access_control.is_some()) {
        imply_access_control(lowering, &address);
    }
    lowering.declare(address, &place, &common, fields);
}

/// Lets the root object of the distribution at `place` answer whatever its `default` behaviour is asked for that is no file.
///
/// CloudFront's own way, an answer of another page in place of a 403 or 404, is the distribution's as a whole: it would also
/// take the place of what an API answers.
fn single_page(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &CloudfrontTable,
    address: &Address,
    root: &str,
    default: Option<&mut Behavior>,
) {
    let rest = table.route.iter().position(|route| route.path == REST);
    // Without a route for the rest there is another mistake.
    let (Some(index), Some(behavior)) = (rest, default) else { return };
    let route = &table.route[index];
    if !route.origin.starts_with("bucket.") {
        lowering
            .report(&place.at("single_page"), format!("`{}` answers `/*`, which is no bucket", route.origin))
            .help("a server answers the paths of its pages itself; leave `single_page` out");
        return;
    }
    if root.is_empty() {
        lowering
            .report(&place.at("default_root_object"), "a single-page application has a root object")
            .help("leave `default_root_object` out for `index.html`");
    }
    let arn = function::imply_single_page(lowering, address, root);
    if behavior.functions.insert(VIEWER_REQUEST.to_owned(), arn).is_some() {
        let place = place.at("route").item(index).at("function").at("viewer_request");
        lowering
            .report(&place, "`single_page` is a function for the same requests, and CloudFront runs one")
            .help(format!(
                "leave `single_page` out, and let your function set `request.uri = '/{root}'` where the path has no extension"
            ));
    }
}

/// What `/` answers: where a bucket answers the rest of the paths, its `index.html`, unless the stack says otherwise.
fn root_object(table: &CloudfrontTable) -> String {
    let rest = table.route.iter().find(|route| route.path == REST);
    let from_bucket = rest.is_some_and(|route| route.origin.starts_with("bucket."));
    let own = if from_bucket { "index.html" } else { "" };
    table.default_root_object.clone().unwrap_or_else(|| own.to_owned())
}

fn imply_access_control(lowering: &mut Lowering<'_>, site: &Address) {
    let address = cloudfront_origin::access_control(site);
    let control = OriginAccessControl {
        name: naming::access_control(lowering.stack, &address),
        description: format!("neap{}", naming::comment_mark(lowering.stack, &address)),
        origin_type: "s3".to_owned(),
        signing: "always".to_owned(),
    };
    lowering.imply(address, site, "proves to buckets that CloudFront asks", control);
}

fn comment(lowering: &mut Lowering<'_>, place: &Place, text: &str, address: &Address) -> String {
    lowering.plain(place, text);
    let mark = naming::comment_mark(lowering.stack, address);
    let text = if text.is_empty() { NO_COMMENT } else { text };
    let comment = format!("{text}{mark}");
    let length = comment.chars().count();
    if length > LONGEST_COMMENT {
        let room = LONGEST_COMMENT.saturating_sub(mark.chars().count());
        lowering
            .report(place, format!("the comment has {} characters", text.chars().count()))
            .label(format!("there is room for {room}"))
            .help(format!("CloudFront takes {LONGEST_COMMENT}, and neap adds `{}`", mark.trim_start()));
    }
    comment
}

fn check_paths(lowering: &mut Lowering<'_>, place: &Place, table: &CloudfrontTable) {
    let mut seen = BTreeMap::new();
    for (index, route) in table.route.iter().enumerate() {
        let place = place.item(index).at("path");
        let path = &route.path;
        lowering.plain(&place, path);
        if let Some(first) = seen.insert(path, index) {
            lowering
                .report(&place, format!("routes {} and {} both have the path `{path}`", first + 1, index + 1))
                .help("the first route that fits takes a request, so the second never would");
        }
        if !path.contains("${") && !Behavior::is_path(path) {
            lowering
                .report(&place, format!("CloudFront takes no path `{path}`"))
                .help("paths are letters, digits and `_-.$/~\"'@:+&`, with `*` and `?` as wildcards, and have 255 characters at most");
        }
        if path == "*" {
            lowering.report(&place, "the rest of the paths is written `/*`").help(format!("write `{REST}`"));
        } else if !path.starts_with(['/', '*']) {
            lowering
                .report(&place, format!("the path `{path}` does not begin with a slash"))
                .help(format!("write `/{path}`"));
        }
    }
    if !table.route.iter().any(|route| route.path == REST || route.path == "*") {
        lowering
            .report(place, "no route for the rest of the paths")
            .on_key()
            .help("add a route with `path = \"/*\"`: it answers what no other route takes");
    }
}

fn behavior(
    lowering: &mut Lowering<'_>,
    place: &Place,
    site: &Address,
    route: &RouteTable,
    origins: &mut BTreeMap<String, Origin>,
) -> Behavior {
    let found = cloudfront_origin::find(lowering, &place.at("origin"), site, route);
    let headers = cloudfront_origin::headers(lowering, &place.at("origin_headers"), &route.origin_headers);
    let is_balancer = found.as_ref().is_some_and(|found| found.is_balancer);
    let origin = found.map(|found| add(lowering, place, found, headers, origins)).unwrap_or_default();
    let methods = match route.methods {
        Some(methods) => methods,
        None if is_balancer => Methods::All,
        None => Methods::Read,
    };
    let cache =
        route.cache.as_deref().unwrap_or(if is_balancer { "CachingDisabled" } else { "CachingOptimized" });
    let request = route.origin_request.as_deref().or(is_balancer.then_some(cloudfront_origin::OF_BALANCERS));
    let request = request.filter(|name| *name != "none");
    Behavior {
        path: if route.path == REST { "*".to_owned() } else { route.path.clone() },
        origin,
        viewer_protocol: match route.viewer_protocol {
            ViewerProtocol::RedirectToHttps => "redirect-to-https",
            ViewerProtocol::HttpsOnly => "https-only",
            ViewerProtocol::AllowAll => "allow-all",
        }
        .to_owned(),
        methods: names(methods),
        cached_methods: names(Methods::Read),
        cache_policy: managed_policy(lowering, &place.at("cache"), &MANAGED_CACHE_POLICIES, cache, &[])
            .unwrap_or_default(),
        origin_request_policy: request.and_then(|name| {
            let place = place.at("origin_request");
            managed_policy(lowering, &place, &MANAGED_ORIGIN_REQUEST_POLICIES, name, &["none"])
        }),
        functions: function::of_route(lowering, &place.at("function"), &route.function),
        response_headers_policy: route.response_headers.as_deref().and_then(|name| {
            let place = place.at("response_headers");
            managed_policy(lowering, &place, &MANAGED_RESPONSE_HEADERS_POLICIES, name, &[])
        }),
        compress: route.compress,
    }
}

/// Adds an origin and says by which id behaviours name it. Routes of one origin share it and its headers.
fn add(
    lowering: &mut Lowering<'_>,
    place: &Place,
    found: Found,
    headers: BTreeMap<String, String>,
    origins: &mut BTreeMap<String, Origin>,
) -> String {
    let same = |present: &Origin| {
        Origin { headers: BTreeMap::new(), ..present.clone() }
            == Origin { headers: BTreeMap::new(), ..found.origin.clone() }
    };
    // Two URLs of one host may differ in port, path or protocol; the second is then known by all of it.
    let id =
        if origins.get(&found.id).is_some_and(|present| !same(present)) { found.full_id } else { found.id };
    let origin = origins.entry(id.clone()).or_insert(found.origin);
    for (name, value) in headers {
        // Names of headers are the same in either case.
        let present = origin.headers.iter().find(|(present, _)| present.eq_ignore_ascii_case(&name));
        match present {
            None => drop(origin.headers.insert(name, value)),
            Some((_, present)) if *present == value => {}
            Some((present, _)) => {
                let message = format!("`{id}` gets another `{present}` already");
                lowering
                    .report(&place.at("origin_headers").at(&name), message)
                    .help("routes of one origin share its headers, whose names are the same in either case");
            }
        }
    }
    id
}

fn names(methods: Methods) -> BTreeSet<String> {
    let names: &[&str] = match methods {
        Methods::Read => &["GET", "HEAD"],
        Methods::Options => &["GET", "HEAD", "OPTIONS"],
        Methods::All => &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The id of the managed policy that a route names at `place`. Beside the managed ones, `others` may stand there too.
fn managed_policy(
    lowering: &mut Lowering<'_>,
    place: &Place,
    policies: &ManagedPolicies,
    name: &str,
    others: &'static [&'static str],
) -> Option<String> {
    let id = policies.id(name);
    if id.is_none() {
        let known = policies.names().chain(others.iter().copied());
        lowering
            .report(place, format!("CloudFront has no managed {} policy `{name}`", policies.sort))
            .nearest(name, known.clone())
            .help(format!("it has {}", super::place::quoted(known)));
    }
    id.map(str::to_owned)
}

/// A behaviour that leads nowhere, in place of one that is missing.
fn nowhere() -> Behavior {
    Behavior {
        path: "*".to_owned(),
        origin: String::new(),
        viewer_protocol: String::new(),
        methods: BTreeSet::new(),
        cached_methods: BTreeSet::new(),
        cache_policy: String::new(),
        origin_request_policy: None,
        response_headers_policy: None,
        functions: BTreeMap::new(),
        compress: false,
    }
}
