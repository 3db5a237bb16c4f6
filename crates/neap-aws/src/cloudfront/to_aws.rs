//! A distribution's configuration as the API takes it.
//!
//! Decides what a new distribution has, and what changes in one that is live: only what a stack file can say, so that
//! what was added in the console stays. Lists carry their length beside them, and AWS refuses one that is wrong.

use aws_sdk_cloudfront::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use neap_core::kinds::{Behavior, Cloudfront, Origin};

/// What stands for a protocol where the origin is a bucket.
const BUCKET: &str = "s3";
/// Seconds that an origin has to answer, and that a connection to it is kept: AWS's defaults.
const READ_TIMEOUT: i32 = 30;
const KEEPALIVE_TIMEOUT: i32 = 5;

/// The configuration of a new distribution. An update must name every setting, so a create does as well.
pub(super) fn new_config(desired: &Cloudfront) -> Result<sdk::DistributionConfig, BuildError> {
    let no_logging =
        sdk::LoggingConfig::builder().enabled(false).include_cookies(false).bucket("").prefix("").build();
    let anywhere =
        sdk::GeoRestriction::builder().restriction_type(sdk::GeoRestrictionType::None).quantity(0).build()?;
    let mut config = sdk::DistributionConfig::builder()
        .caller_reference(&desired.caller_reference)
        .comment(&desired.comment)
        .enabled(desired.enabled)
        .aliases(sdk::Aliases::builder().quantity(0).build()?)
        .origin_groups(sdk::OriginGroups::builder().quantity(0).build()?)
        .custom_error_responses(sdk::CustomErrorResponses::builder().quantity(0).build()?)
        .logging(no_logging)
        .restrictions(sdk::Restrictions::builder().geo_restriction(anywhere).build())
        .viewer_certificate(sdk::ViewerCertificate::builder().cloud_front_default_certificate(true).build())
        .web_acl_id("")
        .build()?;
    change(&mut config, desired)?;
    Ok(config)
}

/// Makes `config` as desired.
pub(super) fn change(config: &mut sdk::DistributionConfig, desired: &Cloudfront) -> Result<(), BuildError> {
    config.comment.clone_from(&desired.comment);
    config.enabled = desired.enabled;
    config.default_root_object = Some(desired.default_root_object.clone());
    config.price_class = Some(desired.price_class.as_str().into());
    config.http_version = Some(desired.http_version.as_str().into());
    config.is_ipv6_enabled = Some(desired.ipv6);
    let aliases: Vec<String> = desired.aliases.iter().cloned().collect();
    let list = sdk::Aliases::builder().quantity(quantity(&aliases));
    config.aliases = Some(list.set_items((!aliases.is_empty()).then_some(aliases)).build()?);
    config.viewer_certificate = Some(viewer_certificate(desired));
    config.origins = Some(origins(config.origins.take(), desired)?);
    config.cache_behaviors = Some(behaviors(config.cache_behaviors.take(), desired)?);
    let default = match config.default_cache_behavior.take() {
        Some(live) => live,
        None => new_default_behavior(&desired.default_behavior)?,
    };
    config.default_cache_behavior = Some(changed_default_behavior(default, &desired.default_behavior)?);
    Ok(())
}

/// The certificate that viewers are shown: CloudFront's own where there is no other.
fn viewer_certificate(desired: &Cloudfront) -> sdk::ViewerCertificate {
    let builder = sdk::ViewerCertificate::builder();
    let Some(certificate) = &desired.certificate else {
        return builder.cloud_front_default_certificate(true).build();
    };
    let builder = builder
        .minimum_protocol_version(certificate.minimum_protocol.as_str().into())
        .ssl_support_method(certificate.support.as_str().into());
    builder.acm_certificate_arn(&certificate.arn).build()
}

fn quantity<T>(items: &[T]) -> i32 {
    i32::try_from(items.len()).unwrap_or(i32::MAX)
}

/// The desired origins, each made from the live one of its id if there is one.
fn origins(live: Option<sdk::Origins>, desired: &Cloudfront) -> Result<sdk::Origins, BuildError> {
    let live = live.map(|origins| origins.items).unwrap_or_default();
    let mut items = Vec::with_capacity(desired.origins.len());
    for (id, origin) in &desired.origins {
        let old = live.iter().find(|old| old.id() == id).cloned();
        let mut item = match old {
            Some(old) => old,
            None => sdk::Origin::builder().id(id).domain_name(&origin.domain).build()?,
        };
        change_origin(&mut item, origin)?;
        items.push(item);
    }
    sdk::Origins::builder().quantity(quantity(&items)).set_items(Some(items)).build()
}

fn change_origin(live: &mut sdk::Origin, desired: &Origin) -> Result<(), BuildError> {
    live.domain_name.clone_from(&desired.domain);
    live.origin_path = Some(desired.path.clone());
    let headers = desired.headers.iter().map(|(name, value)| {
        sdk::OriginCustomHeader::builder().header_name(name).header_value(value).build()
    });
    let headers: Vec<_> = headers.collect::<Result<_, _>>()?;
    let list = sdk::CustomHeaders::builder().quantity(quantity(&headers));
    live.custom_headers = Some(list.set_items((!headers.is_empty()).then_some(headers)).build()?);
    live.origin_access_control_id.clone_from(&desired.access_control);
    if desired.protocol_policy == BUCKET {
        (live.custom_origin_config, live.vpc_origin_config) = (None, None);
        // Without an identity of the older sort, which an access control takes the place of.
        let bucket = sdk::S3OriginConfig::builder().origin_access_identity("").build();
        live.s3_origin_config = Some(bucket);
        return Ok(());
    }
    let mut custom = match live.custom_origin_config.take() {
        Some(custom) => custom,
        None => {
            // What was a bucket or lay in a VPC becomes a host.
            (live.s3_origin_config, live.vpc_origin_config) = (None, None);
            new_custom_origin(desired)?
        }
    };
    custom.http_port = i32::from(desired.http_port);
    custom.https_port = i32::from(desired.https_port);
    custom.origin_protocol_policy = desired.protocol_policy.as_str().into();
    live.custom_origin_config = Some(custom);
    Ok(())
}

fn new_custom_origin(desired: &Origin) -> Result<sdk::CustomOriginConfig, BuildError> {
    let protocols = sdk::OriginSslProtocols::builder().quantity(1).items(sdk::SslProtocol::TlSv12).build()?;
    sdk::CustomOriginConfig::builder()
        .http_port(i32::from(desired.http_port))
        .https_port(i32::from(desired.https_port))
        .origin_protocol_policy(desired.protocol_policy.as_str().into())
        .origin_ssl_protocols(protocols)
        .origin_read_timeout(READ_TIMEOUT)
        .origin_keepalive_timeout(KEEPALIVE_TIMEOUT)
        .build()
}

/// The desired behaviours in their order, each made from the live one of its path if there is one.
fn behaviors(
    live: Option<sdk::CacheBehaviors>,
    desired: &Cloudfront,
) -> Result<sdk::CacheBehaviors, BuildError> {
    let live = live.and_then(|behaviors| behaviors.items).unwrap_or_default();
    let mut items = Vec::with_capacity(desired.behaviors.len());
    for behavior in &desired.behaviors {
        let old = live.iter().find(|old| old.path_pattern() == behavior.path).cloned();
        let item = match old {
            Some(old) => old,
            None => new_behavior(behavior)?,
        };
        items.push(changed_behavior(item, behavior)?);
    }
    let list = sdk::CacheBehaviors::builder().quantity(quantity(&items));
    list.set_items((!items.is_empty()).then_some(items)).build()
}

/// Fills in the builder of either of the API's two types of behaviour with what one has that does nothing special.
macro_rules! new_behavior {
    ($builder:expr, $desired:expr) => {
        $builder
            .target_origin_id(&$desired.origin)
            .viewer_protocol_policy($desired.viewer_protocol.as_str().into())
            .trusted_signers(sdk::TrustedSigners::builder().enabled(false).quantity(0).build()?)
            .trusted_key_groups(sdk::TrustedKeyGroups::builder().enabled(false).quantity(0).build()?)
            .smooth_streaming(false)
            .lambda_function_associations(sdk::LambdaFunctionAssociations::builder().quantity(0).build()?)
            .field_level_encryption_id("")
            .build()
    };
}

fn new_behavior(desired: &Behavior) -> Result<sdk::CacheBehavior, BuildError> {
    new_behavior!(sdk::CacheBehavior::builder().path_pattern(&desired.path), desired)
}

fn new_default_behavior(desired: &Behavior) -> Result<sdk::DefaultCacheBehavior, BuildError> {
    new_behavior!(sdk::DefaultCacheBehavior::builder(), desired)
}

/// Makes a behaviour of either type as desired.
macro_rules! changed_behavior {
    ($live:expr, $desired:expr) => {{
        $live.target_origin_id.clone_from(&$desired.origin);
        $live.viewer_protocol_policy = $desired.viewer_protocol.as_str().into();
        $live.allowed_methods = Some(methods($desired)?);
        $live.compress = Some($desired.compress);
        $live.cache_policy_id = Some($desired.cache_policy.clone());
        $live.origin_request_policy_id.clone_from(&$desired.origin_request_policy);
        $live.response_headers_policy_id.clone_from(&$desired.response_headers_policy);
        $live.function_associations = Some(functions($desired)?);
        // The settings from before there were cache policies, which AWS refuses beside one.
        $live.forwarded_values = None;
        ($live.min_ttl, $live.default_ttl, $live.max_ttl) = (None, None, None);
        Ok($live)
    }};
}

#[expect(deprecated, reason = "the older settings must go when a cache policy comes")]
fn changed_behavior(
    mut live: sdk::CacheBehavior,
    desired: &Behavior,
) -> Result<sdk::CacheBehavior, BuildError> {
    changed_behavior!(live, desired)
}

#[expect(deprecated, reason = "the older settings must go when a cache policy comes")]
fn changed_default_behavior(
    mut live: sdk::DefaultCacheBehavior,
    desired: &Behavior,
) -> Result<sdk::DefaultCacheBehavior, BuildError> {
    changed_behavior!(live, desired)
}

fn functions(behavior: &Behavior) -> Result<sdk::FunctionAssociations, BuildError> {
    let function = |(event, arn): (&String, &String)| {
        sdk::FunctionAssociation::builder().event_type(event.as_str().into()).function_arn(arn).build()
    };
    let functions: Vec<_> = behavior.functions.iter().map(function).collect::<Result<_, _>>()?;
    let list = sdk::FunctionAssociations::builder().quantity(quantity(&functions));
    list.set_items((!functions.is_empty()).then_some(functions)).build()
}

fn methods(behavior: &Behavior) -> Result<sdk::AllowedMethods, BuildError> {
    let list = |methods: &std::collections::BTreeSet<String>| -> Vec<sdk::Method> {
        methods.iter().map(|method| method.as_str().into()).collect()
    };
    let (allowed, cached) = (list(&behavior.methods), list(&behavior.cached_methods));
    let cached = sdk::CachedMethods::builder().quantity(quantity(&cached)).set_items(Some(cached)).build()?;
    let allowed = sdk::AllowedMethods::builder().quantity(quantity(&allowed)).set_items(Some(allowed));
    allowed.cached_methods(cached).build()
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::super::from_aws::from_aws;
    use super::*;

    fn second() -> Cloudfront {
        let mut desired = Cloudfront::example();
        let origin = Origin {
            domain: "example.com".into(),
            path: String::new(),
            protocol_policy: "https-only".into(),
            access_control: None,
            http_port: 8080,
            https_port: 8443,
            headers: Default::default(),
        };
        desired.origins.insert("other".into(), origin);
        let assets = Behavior {
            path: "/assets/*".into(),
            origin: "other".into(),
            methods: ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"].map(String::from).into(),
            origin_request_policy: None,
            response_headers_policy: None,
            functions: [
                ("viewer-request".into(), "arn:function/a".into()),
                ("viewer-response".into(), "arn:function/b".into()),
            ]
            .into(),
            compress: false,
            ..desired.default_behavior.clone()
        };
        desired.behaviors.insert(0, assets);
        desired.aliases.insert("www.example.com".into());
        desired.certificate = None;
        desired.enabled = false;
        desired.http_version = "http2and3".into();
        desired.price_class = "PriceClass_All".into();
        desired
    }

    fn check_round(desired: &Cloudfront) {
        assert_eq!(&from_aws(&new_config(desired).expect("it is complete")), desired);
    }

    #[test]
    fn a_distribution_reads_back_as_it_was_asked_for() {
        check_round(&Cloudfront::example());
        check_round(&second());
        check_round(&Cloudfront { behaviors: vec![], ..Cloudfront::example() });
        check_round(&Cloudfront { aliases: [].into(), certificate: None, ..Cloudfront::example() });
    }

    #[test]
    fn lists_tell_their_length() {
        let config = new_config(&second()).expect("it is complete");
        let origins = config.origins.expect("origins");
        assert_eq!((origins.quantity, origins.items.len()), (3, 3));
        let behaviors = config.cache_behaviors.expect("behaviours");
        assert_eq!((behaviors.quantity, behaviors.items().len()), (2, 2));
        let allowed = behaviors.items()[0].allowed_methods().expect("methods");
        assert_eq!((allowed.quantity, allowed.items.len()), (7, 7));
        let headers = |id: &str| {
            let origin = origins.items.iter().find(|origin| origin.id() == id).expect("an origin");
            origin.custom_headers().map(|headers| (headers.quantity, headers.items.is_some()))
        };
        assert_eq!((headers("alb.public"), headers("other")), (Some((1, true)), Some((0, false))));
    }

    #[test]
    fn a_change_makes_a_distribution_as_asked_for_in_every_field() {
        let mut config = new_config(&Cloudfront::example()).expect("it is complete");
        change(&mut config, &second()).expect("it is complete");
        assert_eq!(from_aws(&config), second());
        change(&mut config, &Cloudfront::example()).expect("it is complete");
        assert_eq!(from_aws(&config), Cloudfront::example());
    }

    #[test]
    fn what_the_console_added_survives_a_change() {
        let mut config = new_config(&Cloudfront::example()).expect("it is complete");
        config.web_acl_id = Some("acl".into());
        let function = sdk::LambdaFunctionAssociation::builder()
            .lambda_function_arn("arn:function")
            .event_type(sdk::EventType::OriginRequest)
            .build()
            .expect("it is complete");
        let functions = sdk::LambdaFunctionAssociations::builder().quantity(1).items(function).build();
        let behavior = config.default_cache_behavior.as_mut().expect("a default behaviour");
        behavior.lambda_function_associations = Some(functions.expect("it is complete"));
        let origin =
            config.origins.as_mut().and_then(|origins| origins.items.first_mut()).expect("an origin");
        origin.connection_attempts = Some(1);

        change(&mut config, &second()).expect("it is complete");
        assert_eq!(config.web_acl_id(), Some("acl"));
        let behavior = config.default_cache_behavior().expect("a default behaviour");
        assert_eq!(behavior.lambda_function_associations().map(|functions| functions.quantity), Some(1));
        let origins = config.origins.expect("origins");
        assert_eq!(origins.items.iter().find_map(|origin| origin.connection_attempts()), Some(1));
    }

    #[test]
    fn a_bucket_becomes_a_host() {
        let mut config = new_config(&Cloudfront::example()).expect("it is complete");
        let origin =
            config.origins.as_mut().and_then(|origins| origins.items.first_mut()).expect("an origin");
        origin.custom_origin_config = None;
        origin.s3_origin_config = Some(sdk::S3OriginConfig::builder().origin_access_identity("").build());
        origin.origin_access_control_id = Some("E1".into());
        change(&mut config, &Cloudfront::example()).expect("it is complete");
        assert_eq!(from_aws(&config), Cloudfront::example());
        let origins = config.origins.expect("origins");
        assert_eq!(origins.items[0].s3_origin_config, None);
        assert_eq!(origins.items[0].origin_access_control_id, None);
    }
}
