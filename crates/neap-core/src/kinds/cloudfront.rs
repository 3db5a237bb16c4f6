//! A CloudFront distribution: its origins, and which path goes to which of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// The policies of one sort that AWS keeps for everybody, by their names.
#[derive(Debug)]
pub struct ManagedPolicies {
    /// What they are for: `cache`, `origin-request` or `response-headers`.
    pub sort: &'static str,
    ids: &'static [(&'static str, &'static str)],
}

impl ManagedPolicies {
    /// The id of the one called `name`.
    pub fn id(&self, name: &str) -> Option<&'static str> {
        self.ids.iter().find(|(known, _)| *known == name).map(|(_, id)| *id)
    }

    /// Whether one has this id.
    pub fn has(&self, id: &str) -> bool {
        self.ids.iter().any(|(_, known)| *known == id)
    }

    /// What they are called.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.ids.iter().map(|(name, _)| *name)
    }
}

/// Names and ids of AWS's managed cache policies, from "Use managed cache policies" of the CloudFront guide.
pub const MANAGED_CACHE_POLICIES: ManagedPolicies = ManagedPolicies {
    sort: "cache",
    ids: &[
        ("Amplify", "2e54312d-136d-493c-8eb9-b001f22f67d2"),
        ("CachingDisabled", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"),
        ("CachingOptimized", "658327ea-f89d-4fab-a63d-7e88639e58f6"),
        ("CachingOptimizedForUncompressedObjects", "b2884449-e4de-46a7-ac36-70bc7f1ddd6d"),
        ("Elemental-MediaPackage", "08627262-05a9-4f76-9ded-b50ca2e3a84f"),
        ("UseOriginCacheControlHeaders", "83da9c7e-98b4-4e11-a168-04f0df8e2c65"),
        ("UseOriginCacheControlHeaders-QueryStrings", "4cc15a8a-d715-48a4-82b8-cc0b614638fe"),
    ],
};

/// Names and ids of AWS's managed origin-request policies, from "Use managed origin request policies".
pub const MANAGED_ORIGIN_REQUEST_POLICIES: ManagedPolicies = ManagedPolicies {
    sort: "origin-request",
    ids: &[
        ("AllViewer", "216adef6-5c7f-47e4-b989-5492eafa07d3"),
        ("AllViewerAndCloudFrontHeaders-2022-06", "33f36d7e-f396-46d9-90e0-52428a34d9dc"),
        ("AllViewerExceptHostHeader", "b689b0a8-53d0-40ab-baf2-68738e2966ac"),
        ("CORS-CustomOrigin", "59781a5b-3903-41f3-afcb-af62929ccde1"),
        ("CORS-S3Origin", "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf"),
        ("Elemental-MediaTailor-PersonalizedManifests", "775133bc-15f2-49f9-abea-afb2e0bf67d2"),
        ("HostHeaderOnly", "bf0718e1-ba1e-49d1-88b1-f726733018ae"),
        ("UserAgentRefererHeaders", "acba4595-bd28-49b8-b9fe-13317c0390fa"),
    ],
};

/// Names and ids of AWS's managed response-headers policies, from "Use managed response headers policies".
pub const MANAGED_RESPONSE_HEADERS_POLICIES: ManagedPolicies = ManagedPolicies {
    sort: "response-headers",
    ids: &[
        ("CORS-With-Preflight", "5cc3b908-e619-4b99-88e5-2cf7f45965bd"),
        ("CORS-and-SecurityHeadersPolicy", "e61eb60c-9c35-4d20-a928-2b84e02af89c"),
        ("CORS-with-preflight-and-SecurityHeadersPolicy", "eaab4381-ed33-4a86-88ca-d9558dc6cd63"),
        ("SecurityHeadersPolicy", "67f7725c-6f97-4210-82d7-5512b31e9d03"),
        ("SimpleCORS", "60669652-455b-4ae9-85a4-c4c02393f86c"),
    ],
};

/// Headers that CloudFront does not let be added ("Add custom headers to origin requests"), or sets and removes by itself (the last two: "Request and
/// response behavior for custom origins"), and their prefixes.
const OWN_HEADERS: [&str; 25] = [
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "request-range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-real-ip",
    "accept-encoding",
    "expect",
];
const OWN_PREFIXES: [&str; 2] = ["x-amz-", "x-edge-"];

/// Where a distribution gets its answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The origin's host name.
    pub domain: String,
    /// The path that is put before each request's; empty for none.
    pub path: String,
    /// `http-only`, `https-only` or `match-viewer`; `s3` where it is a bucket.
    pub protocol_policy: String,
    /// The id of the origin access control, by which a bucket knows CloudFront.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_control: Option<String>,
    /// The port for HTTP; 0 where it is a bucket.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub http_port: u16,
    /// The port for HTTPS; 0 where it is a bucket.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub https_port: u16,
    /// Headers that are sent with each request.
    pub headers: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(port: &u16) -> bool {
    *port == 0
}

impl Origin {
    /// The ports by which CloudFront asks it: none of a bucket.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> {
        let by = |port: u16, never: &str| (port > 0 && self.protocol_policy != never).then_some(port);
        by(self.http_port, "https-only").into_iter().chain(by(self.https_port, "http-only"))
    }

    /// Whether CloudFront sets or removes this header itself, so that nobody can add it.
    pub fn sets(header: &str) -> bool {
        let lower = header.to_ascii_lowercase();
        OWN_HEADERS.contains(&lower.as_str()) || OWN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
    }

    /// Whether HTTP takes it as a header's name: a token of RFC 9110, section 5.6.2.
    pub fn is_header(name: &str) -> bool {
        let in_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        !name.is_empty() && name.chars().all(in_token)
    }

    /// Whether HTTP takes it as a header's value (RFC 9110, section 5.5), and there is one.
    pub fn is_header_value(value: &str) -> bool {
        !value.is_empty() && value.trim() == value && !value.chars().any(|c| c.is_control() && c != '\t')
    }

    /// Whether it can be a host's name: labels of at most 63 characters, none with a hyphen at an end, of which the last is no number, since
    /// it would be an address then, which CloudFront does not take ("DomainName" of `Origin`).
    pub fn is_host(name: &str) -> bool {
        let fits = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        let is_number = |label: &str| label.chars().all(|c| c.is_ascii_digit());
        name.contains('.') && name.split('.').all(fits) && !name.rsplit('.').next().is_some_and(is_number)
    }

    /// A bucket, which CloudFront asks under this host name with this origin access control.
    pub fn bucket(domain: String, access_control: String) -> Self {
        Self {
            domain,
            path: String::new(),
            protocol_policy: "s3".to_owned(),
            access_control: Some(access_control),
            http_port: 0,
            https_port: 0,
            headers: BTreeMap::new(),
        }
    }
}

/// What happens to requests of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behavior {
    /// The path, with `*` and `?` as wildcards; `*` in the default behaviour.
    pub path: String,
    /// The id of the origin that answers.
    pub origin: String,
    /// `allow-all`, `https-only` or `redirect-to-https`.
    pub viewer_protocol: String,
    /// The methods that are let through.
    pub methods: BTreeSet<String>,
    /// The methods whose answers are kept.
    pub cached_methods: BTreeSet<String>,
    /// The id of the cache policy.
    pub cache_policy: String,
    /// The id of the origin-request policy; null sends the least.
    pub origin_request_policy: Option<String>,
    /// The id of the policy for the headers of answers; null leaves them as the origin sent them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_headers_policy: Option<String>,
    /// The ARNs of the functions that run, by when: on `viewer-request` or `viewer-response`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, String>,
    /// Whether answers are compressed.
    pub compress: bool,
}

impl Behavior {
    /// Whether CloudFront takes it as a path: at most 255 of its characters ("Path pattern" of "Cache behavior settings").
    pub fn is_path(path: &str) -> bool {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-.*?$/~\"'@:+&".contains(c);
        path.len() <= 255 && path.chars().all(fits)
    }

    /// When a function runs that may change what caches are asked for.
    pub const VIEWER_REQUEST: &str = "viewer-request";
}

/// The certificate that viewers are shown, and what they must speak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerCertificate {
    /// Its ARN: one of ACM in us-east-1. That of a live one of IAM's is its id.
    pub arn: String,
    /// The oldest protocol that viewers may speak, with the ciphers that go with it: `TLSv1.2_2021`.
    pub minimum_protocol: String,
    /// Whom it is shown to: `sni-only` for viewers that say which name they want; `vip` and `static-ip` are dearer.
    pub support: String,
}

/// A CloudFront distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cloudfront {
    /// What makes a repeated create find the first one.
    pub caller_reference: String,
    /// The comment, at most 128 characters. It ends in the stack and the address in brackets, by which the
    /// distribution is found: listings show comments but no tags.
    pub comment: String,
    /// Whether it answers at all.
    pub enabled: bool,
    /// Origins by id.
    pub origins: BTreeMap<String, Origin>,
    /// Paths with a behaviour of their own, in order: the first that fits is taken.
    pub behaviors: Vec<Behavior>,
    /// What happens to all other requests.
    pub default_behavior: Behavior,
    /// What `/` answers; empty for what the origin says.
    pub default_root_object: String,
    /// `PriceClass_100`, `PriceClass_200` or `PriceClass_All`.
    pub price_class: String,
    /// `http1.1`, `http2`, `http3` or `http2and3`.
    pub http_version: String,
    /// Whether it answers over IPv6.
    pub ipv6: bool,
    /// The names of one's own that it answers for, in lower case.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub aliases: BTreeSet<String>,
    /// The certificate for those names; null for CloudFront's own, which is for none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<ViewerCertificate>,
}

impl Cloudfront {
    /// Whether caches may hold what another origin would answer once this distribution is as `after`: of a path whose answers
    /// they keep, another origin is asked.
    pub fn is_stale_as(&self, after: &Self) -> bool {
        let paths = self.behaviors.iter().chain(&after.behaviors).chain([&self.default_behavior]);
        paths.map(|behavior| behavior.path.as_str()).any(|path| {
            let policy = self.behavior(path).cache_policy.as_str();
            let keeps = MANAGED_CACHE_POLICIES.id("CachingDisabled") != Some(policy);
            keeps && self.asks(path) != after.asks(path)
        })
    }

    /// Whether caches may be asked for other paths of the origin `id` than viewers ask for.
    pub fn rewrites(&self, id: &str) -> bool {
        let mut behaviors = self.behaviors.iter().chain([&self.default_behavior]);
        behaviors.any(|behavior| {
            behavior.origin == id && behavior.functions.contains_key(Behavior::VIEWER_REQUEST)
        })
    }

    /// What happens to requests of `path`.
    fn behavior(&self, path: &str) -> &Behavior {
        self.behaviors.iter().find(|behavior| behavior.path == path).unwrap_or(&self.default_behavior)
    }

    /// Who is asked about `path`, and how: host, port, protocol and the path there. Headers and access controls are how CloudFront proves
    /// itself.
    fn asks(&self, path: &str) -> Option<Origin> {
        let origin = self.origins.get(&self.behavior(path).origin)?;
        Some(Origin { headers: BTreeMap::new(), access_control: None, ..origin.clone() })
    }
}

impl KindOf for Cloudfront {
    const KIND: Kind = Kind::Cloudfront;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &[],
        ignore_unset: &[],
        unordered: &["behaviors.methods", "behaviors.cached_methods", "aliases"],
        documents: &[],
        hidden: &["caller_reference"],
    };

    fn aws_name(&self) -> &str {
        ""
    }

    fn example() -> Self {
        let behavior = |path: &str| Behavior {
            path: path.into(),
            origin: "alb.public".into(),
            viewer_protocol: "redirect-to-https".into(),
            methods: ["GET", "HEAD"].map(String::from).into(),
            cached_methods: ["GET", "HEAD"].map(String::from).into(),
            cache_policy: "4135ea2d-6df8-44a3-9df3-4b5a84be39ad".into(),
            origin_request_policy: Some("216adef6-5c7f-47e4-b989-5492eafa07d3".into()),
            response_headers_policy: Some("67f7725c-6f97-4210-82d7-5512b31e9d03".into()),
            functions: [(
                "viewer-request".into(),
                "arn:aws:cloudfront::123456789012:function/course-rewrite".into(),
            )]
            .into(),
            compress: true,
        };
        Self {
            caller_reference: "neap/course/cloudfront.site".into(),
            comment: "the course's site (course/cloudfront.site)".into(),
            enabled: true,
            origins: [
                (
                    "bucket.web".into(),
                    Origin::bucket("course-web.s3.eu-west-1.amazonaws.com".into(), "E1".into()),
                ),
                (
                    "alb.public".into(),
                    Origin {
                        domain: "course-public.elb.amazonaws.com".into(),
                        path: "/v1".into(),
                        protocol_policy: "http-only".into(),
                        access_control: None,
                        http_port: 80,
                        https_port: 443,
                        headers: [("x-from".into(), "cloudfront".into())].into(),
                    },
                ),
            ]
            .into(),
            behaviors: vec![behavior("/api/*")],
            default_behavior: behavior("*"),
            default_root_object: "index.html".into(),
            price_class: "PriceClass_100".into(),
            http_version: "http2".into(),
            ipv6: true,
            aliases: ["app.example.com".to_owned()].into(),
            certificate: Some(ViewerCertificate {
                arn: "arn:aws:acm:us-east-1:123456789012:certificate/1".into(),
                minimum_protocol: "TLSv1.2_2021".into(),
                support: "sni-only".into(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(site: &mut Cloudfront, origin: &str) {
        site.origins.get_mut(origin).expect("it is there").domain = "other.example.com".into();
    }

    #[test]
    fn caches_are_stale_once_another_origin_is_asked_about_what_they_keep() {
        let optimized = MANAGED_CACHE_POLICIES.id("CachingOptimized").expect("it is managed");
        let mut before = Cloudfront::example();
        before.default_behavior.origin = "bucket.web".into();
        before.default_behavior.cache_policy = optimized.into();
        let check = |change: fn(&mut Cloudfront), expected: bool| {
            let mut after = before.clone();
            change(&mut after);
            assert_eq!(before.is_stale_as(&after), expected, "{after:?}");
        };
        check(|_| {}, false);
        check(|site| site.comment.push('x'), false);
        check(|site| moved(site, "bucket.web"), true);
        check(|site| site.origins.get_mut("bucket.web").expect("it is there").path = "/new".into(), true);
        check(|site| site.origins.get_mut("bucket.web").expect("it is there").https_port = 9443, true);
        check(|site| site.origins.get_mut("bucket.web").expect("it is there").access_control = None, false);
        // Of what goes to the load balancer nothing is kept.
        check(|site| moved(site, "alb.public"), false);
        check(|site| site.behaviors.clear(), false);
        check(|site| site.behaviors[0].path = "/v2/*".into(), true);
    }
}
