//! CloudFront: distributions (reference section 3.22).

use std::collections::BTreeSet;

use neap_core::address::Kind;
use neap_core::kinds::{
    Behavior, Cloudfront, MANAGED_CACHE_POLICIES, MANAGED_ORIGIN_REQUEST_POLICIES,
    MANAGED_RESPONSE_HEADERS_POLICIES, Origin, OriginAccessControl,
};
use neap_engine::cloud::CallError;

use super::acm;
use super::request::{TagCalls, gone_is_done};
use super::{Request, function, invalidation};
use crate::arn;
use crate::clock::DISTRIBUTION_DEPLOYS;
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidArgument";
const NOT_FOUND: &str = "NoSuchDistribution";
const TAGS: TagCalls =
    TagCalls { add: "cloudfront:TagResource", remove: "cloudfront:UntagResource", invalid: "InvalidTagging" };
/// How many behaviours a distribution can have beside the default one.
const BEHAVIORS: usize = 75;
/// AWS's word for a distribution that is not deployed everywhere.
const IN_PROGRESS: &str = "deploying";

fn find(world: &World, caller_reference: &str) -> Option<String> {
    let mut distributions = world.all::<Cloudfront>();
    let found = distributions.find(|(_, distribution)| distribution.caller_reference == caller_reference);
    found.map(|(record, _)| record.arn.clone())
}

pub(crate) async fn create(request: &Request<'_>, desired: &Cloudfront) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.caller_reference);
    let create = |world: &mut World| create_distribution(world, request, desired);
    let arn = request.create("cloudfront:CreateDistributionWithTags", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Cloudfront) -> Result<(), CallError> {
    let current = request.current::<Cloudfront>(arn)?;
    // AWS keeps the caller reference of the create.
    let desired = Cloudfront { caller_reference: current.caller_reference.clone(), ..desired.clone() };
    if current.is_stale_as(&desired) {
        invalidation::note(request, arn).await?;
    }
    if current != desired {
        let update = |world: &mut World| update_distribution(world, arn, desired);
        request.call("cloudfront:UpdateDistribution", update).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Does the next part: disables the distribution, or deletes it once that is deployed.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let Some(current) = request.described::<Cloudfront>(arn) else { return Ok(()) };
    if current.enabled {
        let disabled = Cloudfront { enabled: false, ..current };
        let update = |world: &mut World| update_distribution(world, arn, disabled);
        return gone_is_done(request.call("cloudfront:UpdateDistribution", update).await);
    }
    let deployed = request.sim.look_as_shown(|world| is_deployed(world, arn));
    if deployed {
        let delete = |world: &mut World| delete_distribution(world, arn);
        return gone_is_done(request.call("cloudfront:DeleteDistribution", delete).await);
    }
    Ok(())
}

fn is_deployed(world: &World, arn: &str) -> bool {
    world.record(arn).is_some_and(|record| record.state == State::Ready)
}

fn create_distribution(world: &mut World, request: &Request<'_>, desired: &Cloudfront) -> Answer<String> {
    check(world, desired)?;
    check_viewers(world, desired, None)?;
    rules::tags("InvalidTagging", &request.tags)?;
    if find(world, &desired.caller_reference).is_some() {
        let message = "The caller reference that you are using to create a distribution is associated with another \
                       distribution.";
        return Err(Rejection::conflict("DistributionAlreadyExists", message));
    }
    let seed = world.seed(&desired.caller_reference);
    let id = format!("E{}", arn::letters(&seed, 13, arn::CAPITALS));
    let domain_name = format!("d{}.cloudfront.net", arn::letters(&format!("{seed}/domain"), 13, arn::SMALL));
    let arn = world.place().global_arn("cloudfront", &format!("distribution/{id}"));
    let outputs = [("domain_name", domain_name.as_str()), ("id", &id), ("arn", &arn)];
    let record = Record::new(arn.clone(), desired.clone(), &request.tags, &outputs)
        .called(id.as_str())
        .settling(IN_PROGRESS, world.now + DISTRIBUTION_DEPLOYS);
    world.insert(record);
    Ok(arn)
}

fn update_distribution(world: &mut World, arn: &str, desired: Cloudfront) -> Answer<()> {
    check(world, &desired)?;
    check_viewers(world, &desired, Some(arn))?;
    let until = world.now + DISTRIBUTION_DEPLOYS;
    *world.change::<Cloudfront>(arn, NOT_FOUND)? = desired;
    if let Some(record) = world.record_mut(arn) {
        record.state = State::Settling { word: IN_PROGRESS.to_owned(), until };
    }
    Ok(())
}

fn check(world: &World, desired: &Cloudfront) -> Answer<()> {
    rules::require(desired.comment.chars().count() <= 128, INVALID, || {
        "The parameter Comment is too long: 128 characters are allowed.".to_owned()
    })?;
    rules::require(!desired.origins.is_empty(), "MissingBody", || "a distribution needs an origin".into())?;
    let classes = ["PriceClass_100", "PriceClass_200", "PriceClass_All"];
    rules::one_of(INVALID, "PriceClass", &desired.price_class, &classes)?;
    let versions = ["http1.1", "http2", "http3", "http2and3"];
    rules::one_of(INVALID, "HttpVersion", &desired.http_version, &versions)?;
    rules::require(!desired.default_root_object.starts_with('/'), "InvalidDefaultRootObject", || {
        "The default root object cannot begin with a slash.".to_owned()
    })?;
    for (id, origin) in &desired.origins {
        check_origin(id, origin)?;
        check_access_control(world, origin)?;
    }
    if desired.behaviors.len() > BEHAVIORS {
        let message = "Your request contains more CacheBehaviors than are allowed per distribution.";
        return Err(Rejection::quota("TooManyCacheBehaviors", message));
    }
    let mut paths = BTreeSet::new();
    for behavior in &desired.behaviors {
        rules::require(paths.insert(&behavior.path), INVALID, || {
            format!("The parameter PathPattern contains {} more than once.", behavior.path)
        })?;
        check_behavior(desired, behavior)?;
        function::check_behavior(world, behavior)?;
    }
    check_behavior(desired, &desired.default_behavior)?;
    function::check_behavior(world, &desired.default_behavior)
}

/// Refuses names and certificates: a name leads to one distribution alone, of all accounts', and needs a certificate.
fn check_viewers(world: &World, desired: &Cloudfront, own: Option<&str>) -> Answer<()> {
    let Some(certificate) = &desired.certificate else {
        return rules::require(desired.aliases.is_empty(), "InvalidViewerCertificate", || {
            "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted certificate \
             that validates your authorization to use the domain name."
                .to_owned()
        });
    };
    let versions = ["TLSv1.2_2018", "TLSv1.2_2019", "TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025"];
    rules::one_of(INVALID, "MinimumProtocolVersion", &certificate.minimum_protocol, &versions)?;
    rules::one_of(INVALID, "SSLSupportMethod", &certificate.support, &["sni-only", "vip", "static-ip"])?;
    acm::showable(world, &certificate.arn, &desired.aliases)?;
    let others = world.all::<Cloudfront>().filter(|(record, _)| Some(record.arn.as_str()) != own);
    let mut taken = others.flat_map(|(_, other)| &other.aliases).chain(&world.others_aliases);
    match taken.find(|alias| desired.aliases.contains(*alias)) {
        Some(alias) => {
            let message = format!(
                "One or more of the CNAMEs you provided are already associated with a different resource: {alias}"
            );
            Err(Rejection::conflict("CNAMEAlreadyExists", message))
        }
        None => Ok(()),
    }
}

fn check_origin(id: &str, origin: &Origin) -> Answer<()> {
    let domain = &origin.domain;
    rules::require(Origin::is_host(domain), INVALID, || {
        format!("The parameter Origin DomainName of {id} does not refer to a valid host: {domain}")
    })?;
    let path = &origin.path;
    let fits = path.is_empty() || (path.starts_with('/') && !path.ends_with('/'));
    rules::require(fits, INVALID, || {
        format!("The parameter OriginPath `{path}` must begin with a slash and not end with one.")
    })?;
    let mut names = BTreeSet::new();
    for (name, value) in &origin.headers {
        let fits = Origin::is_header(name) && !Origin::sets(name) && Origin::is_header_value(value);
        rules::require(fits, INVALID, || {
            format!("The parameter HeaderName or HeaderValue of {id} is not allowed: {name}")
        })?;
        rules::require(names.insert(name.to_ascii_lowercase()), INVALID, || {
            format!("The parameter CustomHeaders of {id} contains {name} more than once.")
        })?;
    }
    if origin.protocol_policy == "s3" {
        return Ok(());
    }
    rules::require(origin.access_control.is_none(), INVALID, || {
        format!("The origin {id} has an origin access control and is no bucket.")
    })?;
    let policies = ["http-only", "https-only", "match-viewer"];
    rules::one_of(INVALID, "OriginProtocolPolicy", &origin.protocol_policy, &policies)?;
    for port in [origin.http_port, origin.https_port] {
        rules::require(matches!(port, 80 | 443 | 1024..), INVALID, || {
            format!("an origin's port is 80, 443 or at least 1024, not {port}")
        })?;
    }
    Ok(())
}

fn check_access_control(world: &World, origin: &Origin) -> Answer<()> {
    let Some(id) = &origin.access_control else { return Ok(()) };
    let control =
        world.by_id(Kind::OriginAccessControl, id).map(|record| record.arn.clone()).unwrap_or_default();
    let message = format!("The specified origin access control does not exist: {id}");
    world.referred::<OriginAccessControl>(&control, "NoSuchOriginAccessControl", &message).map(drop)
}

fn check_behavior(desired: &Cloudfront, behavior: &Behavior) -> Answer<()> {
    let path = &behavior.path;
    rules::require(Behavior::is_path(path), INVALID, || {
        format!("The parameter PathPattern contains characters that are not allowed: {path}")
    })?;
    let known = desired.origins.contains_key(&behavior.origin);
    rules::require(known, "NoSuchOrigin", || {
        format!("One or more of your origins do not exist: {} of {path}", behavior.origin)
    })?;
    let protocols = ["allow-all", "https-only", "redirect-to-https"];
    rules::one_of(INVALID, "ViewerProtocolPolicy", &behavior.viewer_protocol, &protocols)?;
    let policies = [
        (MANAGED_CACHE_POLICIES, Some(&behavior.cache_policy), "NoSuchCachePolicy"),
        (
            MANAGED_ORIGIN_REQUEST_POLICIES,
            behavior.origin_request_policy.as_ref(),
            "NoSuchOriginRequestPolicy",
        ),
        (
            MANAGED_RESPONSE_HEADERS_POLICIES,
            behavior.response_headers_policy.as_ref(),
            "NoSuchResponseHeadersPolicy",
        ),
    ];
    for (policies, id, code) in policies {
        if let Some(id) = id.filter(|id| !policies.has(id)) {
            let sort = policies.sort.replace('-', " ");
            let message = format!("The specified {sort} policy does not exist: {id}");
            return Err(Rejection::not_found(code, message));
        }
    }
    let methods: Vec<&str> = behavior.methods.iter().map(String::as_str).collect();
    let groups: [&[&str]; 3] = [
        &["GET", "HEAD"],
        &["GET", "HEAD", "OPTIONS"],
        &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
    ];
    rules::require(groups.contains(&methods.as_slice()), INVALID, || {
        format!("The parameter AllowedMethods of {path} is none of the sets that CloudFront knows.")
    })?;
    let cached: Vec<&str> = behavior.cached_methods.iter().map(String::as_str).collect();
    let fits =
        groups[..2].contains(&cached.as_slice()) && behavior.cached_methods.is_subset(&behavior.methods);
    rules::require(fits, INVALID, || {
        format!("The parameter CachedMethods of {path} must be GET and HEAD, with or without OPTIONS.")
    })
}

fn delete_distribution(world: &mut World, arn: &str) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, "The specified distribution does not exist.");
    let (_, distribution) = world.get::<Cloudfront>(arn).ok_or_else(missing)?;
    if distribution.enabled || !is_deployed(world, arn) {
        let message = "The distribution you are trying to delete has not been disabled.";
        return Err(Rejection::in_use("DistributionNotDisabled", message));
    }
    world.remove(arn);
    Ok(())
}
