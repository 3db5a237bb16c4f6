//! The tables of a distribution.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::yes;

/// A CloudFront distribution.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudfrontTable {
    /// A comment, shown in the console.
    #[serde(default)]
    pub comment: String,
    /// Whether it answers at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which edge locations serve it: fewer are cheaper.
    #[serde(default)]
    pub price_class: PriceClass,
    /// What `/` answers; `index.html` where a bucket answers `/*`, otherwise what the origin says.
    pub default_root_object: Option<String>,
    /// Whether the bucket that answers `/*` holds a single-page application: every path without a file extension is
    /// answered with its root object, by a function that is implied. What other routes answer stays as it is.
    #[serde(default)]
    pub single_page: bool,
    /// The versions of HTTP that viewers may speak.
    #[serde(default)]
    pub http_version: HttpVersion,
    /// Whether it answers over IPv6.
    #[serde(default = "yes")]
    pub ipv6: bool,
    /// The names of your own that it answers for, such as `app.example.com`. They need a `certificate`, and records in DNS
    /// that lead here (`[domain.NAME]`).
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The certificate for those names: the name of a `[certificate.NAME]`, or the ARN of one in us-east-1.
    pub certificate: Option<String>,
    /// The oldest protocol that viewers may speak, with the ciphers that go with it; `TLSv1.2_2021` unless said otherwise.
    pub minimum_protocol_version: Option<MinimumProtocol>,
    /// Which path goes where, in order; `/*` is the rest and must be there.
    #[serde(default)]
    pub route: Vec<RouteTable>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// Which edge locations serve a distribution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PriceClass {
    /// North America and Europe.
    #[serde(rename = "100")]
    Cheapest,
    /// Most of the world: Asia, Africa and the Middle East too.
    #[default]
    #[serde(rename = "200")]
    Most,
    /// All of the world.
    All,
}

/// The versions of HTTP that viewers may speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HttpVersion {
    /// HTTP/1.1.
    #[serde(rename = "http1.1")]
    Http1,
    /// Up to HTTP/2.
    #[default]
    Http2,
    /// Up to HTTP/3, without HTTP/2.
    Http3,
    /// Up to HTTP/3.
    Http2and3,
}

/// The oldest protocol that viewers may speak, with the ciphers that go with it, as CloudFront groups them ("Supported
/// protocols and ciphers between viewers and CloudFront").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum MinimumProtocol {
    /// TLS 1.2 with the ciphers of 2018.
    #[serde(rename = "TLSv1.2_2018")]
    Tls12Of2018,
    /// TLS 1.2 with the ciphers of 2019.
    #[serde(rename = "TLSv1.2_2019")]
    Tls12Of2019,
    /// TLS 1.2 with the ciphers of 2021.
    #[default]
    #[serde(rename = "TLSv1.2_2021")]
    Tls12Of2021,
    /// TLS 1.2 with the ciphers of 2025.
    #[serde(rename = "TLSv1.2_2025")]
    Tls12Of2025,
    /// TLS 1.3 with the ciphers of 2025.
    #[serde(rename = "TLSv1.3_2025")]
    Tls13Of2025,
}

/// Which path goes where.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// The path, with `*` and `?` as wildcards; `/*` is the rest.
    pub path: String,
    /// The address of a load balancer (`alb.public`, `clb.old`) or a bucket (`bucket.web`), or a URL (`https://example.com`).
    pub origin: String,
    /// The name of a managed cache policy. Nothing is kept from a load balancer by default, much from elsewhere.
    pub cache: Option<String>,
    /// The name of a managed origin-request policy, or `none`. A load balancer sees everything by default.
    pub origin_request: Option<String>,
    /// The name of a managed response-headers policy, such as `SecurityHeadersPolicy`. Answers keep the origin's
    /// headers by default.
    pub response_headers: Option<String>,
    /// The methods that are let through: all for a load balancer by default, `read` for the rest.
    pub methods: Option<Methods>,
    /// What happens to viewers without TLS.
    #[serde(default)]
    pub viewer_protocol: ViewerProtocol,
    /// Functions that run at the edge, by the name of a `[function.x]` or by ARN.
    #[serde(default)]
    pub function: RouteFunctions,
    /// Whether answers are compressed.
    #[serde(default = "yes")]
    pub compress: bool,
    /// Headers that the origin gets with each request. Routes of one origin share them.
    #[serde(default)]
    pub origin_headers: BTreeMap<String, String>,
}

/// Functions that run for the requests of a route.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteFunctions {
    /// On each request, before CloudFront looks for an answer that it has kept.
    pub viewer_request: Option<String>,
    /// On each answer, before the viewer gets it.
    pub viewer_response: Option<String>,
}

/// The methods that a route lets through, as CloudFront groups them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Methods {
    /// GET and HEAD.
    Read,
    /// GET, HEAD and OPTIONS.
    Options,
    /// All seven.
    All,
}

/// What happens to viewers without TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ViewerProtocol {
    /// They are sent to HTTPS.
    #[default]
    RedirectToHttps,
    /// They are turned away.
    HttpsOnly,
    /// They are served.
    AllowAll,
}
