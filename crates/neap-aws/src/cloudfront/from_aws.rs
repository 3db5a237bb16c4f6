//! What a distribution's configuration says, in neap's words.
//!
//! Decides how settings that a stack file cannot ask for, made in the console, look beside those that it can.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudfront::types as sdk;
use neap_core::kinds::{Behavior, Cloudfront, Origin, ViewerCertificate};

/// The settings that a behaviour without a cache policy has instead.
const LEGACY: &str = "forwarded-values";

/// The methods that a behaviour lets through and keeps unless it says otherwise.
const DEFAULT_METHODS: [&str; 2] = ["GET", "HEAD"];

/// What `config` says.
pub(super) fn from_aws(config: &sdk::DistributionConfig) -> Cloudfront {
    let origins = config.origins().map_or(&[][..], sdk::Origins::items);
    let behaviors = config.cache_behaviors().map_or(&[][..], sdk::CacheBehaviors::items);
    let aliases = config.aliases().map_or(&[][..], sdk::Aliases::items);
    let price_class = config.price_class().map_or("PriceClass_All", sdk::PriceClass::as_str);
    let http_version = config.http_version().map_or("http2", sdk::HttpVersion::as_str);
    Cloudfront {
        caller_reference: config.caller_reference().to_owned(),
        comment: config.comment().to_owned(),
        enabled: config.enabled(),
        origins: origins.iter().map(|origin| (origin.id().to_owned(), read_origin(origin))).collect(),
        behaviors: behaviors.iter().map(read_behavior).collect(),
        default_behavior: config.default_cache_behavior().map_or_else(no_behavior, read_default_behavior),
        default_root_object: config.default_root_object().unwrap_or_default().to_owned(),
        price_class: price_class.to_owned(),
        // Answers have been seen in capitals.
        http_version: http_version.to_ascii_lowercase(),
        ipv6: config.is_ipv6_enabled().unwrap_or(false),
        aliases: aliases.iter().map(|alias| alias.to_ascii_lowercase()).collect(),
        certificate: config.viewer_certificate().and_then(read_certificate),
    }
}

/// The certificate of the user's own; none where CloudFront shows its own.
fn read_certificate(shown: &sdk::ViewerCertificate) -> Option<ViewerCertificate> {
    let id = shown.acm_certificate_arn().or(shown.iam_certificate_id()).filter(|id| !id.is_empty())?;
    let version = shown.minimum_protocol_version().map_or("TLSv1", sdk::MinimumProtocolVersion::as_str);
    let support = shown.ssl_support_method().map_or("vip", sdk::SslSupportMethod::as_str);
    Some(ViewerCertificate {
        arn: id.to_owned(),
        minimum_protocol: version.to_owned(),
        support: support.to_owned(),
    })
}

/// An origin. One that is a bucket or lies in a VPC has no ports; its protocol policy then says what it is.
fn read_origin(origin: &sdk::Origin) -> Origin {
    let custom = origin.custom_origin_config();
    let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let protocol_policy = match (custom, origin.s3_origin_config()) {
        (Some(custom), _) => custom.origin_protocol_policy().as_str(),
        (None, Some(_)) => "s3",
        (None, None) => "vpc",
    };
    let control = origin.origin_access_control_id().filter(|id| !id.is_empty());
    let headers = origin.custom_headers().map_or(&[][..], sdk::CustomHeaders::items);
    let header = |header: &sdk::OriginCustomHeader| {
        (header.header_name().to_owned(), header.header_value().to_owned())
    };
    Origin {
        domain: origin.domain_name().to_owned(),
        path: origin.origin_path().unwrap_or_default().to_owned(),
        protocol_policy: protocol_policy.to_owned(),
        access_control: control.map(ToOwned::to_owned),
        http_port: port(custom.map(sdk::CustomOriginConfig::http_port)),
        https_port: port(custom.map(sdk::CustomOriginConfig::https_port)),
        headers: headers.iter().map(header).collect::<BTreeMap<_, _>>(),
    }
}

/// Reads a behaviour of either of the API's two types for it, which differ in the path alone.
macro_rules! behavior {
    ($path:expr, $behavior:expr) => {{
        let allowed = $behavior.allowed_methods();
        let cached = allowed.and_then(sdk::AllowedMethods::cached_methods);
        let request_policy = $behavior.origin_request_policy_id().filter(|policy| !policy.is_empty());
        let response_policy = $behavior.response_headers_policy_id().filter(|policy| !policy.is_empty());
        Behavior {
            path: $path.to_owned(),
            origin: $behavior.target_origin_id().to_owned(),
            viewer_protocol: $behavior.viewer_protocol_policy().as_str().to_owned(),
            methods: methods(allowed.map(sdk::AllowedMethods::items)),
            cached_methods: methods(cached.map(sdk::CachedMethods::items)),
            cache_policy: $behavior.cache_policy_id().unwrap_or(LEGACY).to_owned(),
            origin_request_policy: request_policy.map(ToOwned::to_owned),
            response_headers_policy: response_policy.map(ToOwned::to_owned),
            functions: functions($behavior.function_associations()),
            compress: $behavior.compress().unwrap_or(false),
        }
    }};
}

fn read_behavior(behavior: &sdk::CacheBehavior) -> Behavior {
    behavior!(behavior.path_pattern(), behavior)
}

fn read_default_behavior(behavior: &sdk::DefaultCacheBehavior) -> Behavior {
    behavior!("*", behavior)
}

fn functions(told: Option<&sdk::FunctionAssociations>) -> BTreeMap<String, String> {
    let functions = told.map_or(&[][..], sdk::FunctionAssociations::items);
    let function = |function: &sdk::FunctionAssociation| {
        (function.event_type().as_str().to_owned(), function.function_arn().to_owned())
    };
    functions.iter().map(function).collect()
}

fn methods(told: Option<&[sdk::Method]>) -> BTreeSet<String> {
    match told {
        Some(methods) => methods.iter().map(|method| method.as_str().to_owned()).collect(),
        None => DEFAULT_METHODS.map(String::from).into(),
    }
}

/// What stands for a default behaviour that AWS did not tell, which it always does.
fn no_behavior() -> Behavior {
    Behavior {
        path: "*".to_owned(),
        origin: String::new(),
        viewer_protocol: String::new(),
        methods: methods(None),
        cached_methods: methods(None),
        cache_policy: LEGACY.to_owned(),
        origin_request_policy: None,
        response_headers_policy: None,
        functions: BTreeMap::new(),
        compress: false,
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::super::to_aws::new_config;
    use super::*;

    fn config() -> sdk::DistributionConfig {
        new_config(&Cloudfront::example()).expect("the example is complete")
    }

    #[test]
    fn a_bucket_and_an_origin_in_a_vpc_are_told_apart() {
        let mut config = config();
        let origin =
            config.origins.as_mut().and_then(|origins| origins.items.first_mut()).expect("an origin");
        origin.custom_origin_config = None;
        assert_eq!(read_origin(origin).protocol_policy, "vpc");
        origin.s3_origin_config = Some(sdk::S3OriginConfig::builder().build());
        let read = read_origin(origin);
        assert_eq!((read.protocol_policy.as_str(), read.http_port, read.https_port), ("s3", 0, 0));
    }

    #[test]
    fn what_is_not_told_is_awss_default() {
        let mut config = config();
        let behavior = config.default_cache_behavior.as_mut().expect("a default behaviour");
        behavior.allowed_methods = None;
        behavior.cache_policy_id = None;
        behavior.compress = None;
        behavior.origin_request_policy_id = Some(String::new());
        behavior.response_headers_policy_id = Some(String::new());
        behavior.function_associations = None;
        (config.default_root_object, config.price_class, config.http_version) = (None, None, None);
        (config.is_ipv6_enabled, config.cache_behaviors) = (None, None);
        let read = from_aws(&config);
        assert_eq!(read.default_behavior.methods, ["GET", "HEAD"].map(String::from).into());
        assert_eq!(read.default_behavior.cached_methods, read.default_behavior.methods);
        assert_eq!(read.default_behavior.cache_policy, "forwarded-values");
        assert_eq!(read.default_behavior.origin_request_policy, None);
        assert_eq!(read.default_behavior.response_headers_policy, None);
        assert!(read.default_behavior.functions.is_empty());
        assert!(!read.default_behavior.compress && !read.ipv6 && read.behaviors.is_empty());
        assert_eq!(
            (read.default_root_object.as_str(), read.price_class.as_str(), read.http_version.as_str()),
            ("", "PriceClass_All", "http2")
        );
    }

    #[test]
    fn the_http_version_is_told_in_small_letters() {
        let mut config = config();
        config.http_version = Some("HTTP2and3".into());
        assert_eq!(from_aws(&config).http_version, "http2and3");
    }
}
