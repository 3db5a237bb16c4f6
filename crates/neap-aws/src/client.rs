//! The connection to AWS: one client for each service, all on one HTTP client and one set of credentials.
//!
//! Decides how clients are configured. Must not know what they are used for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use neap_core::live::Environment;
use neap_core::naming::CLOUDFRONT_REGION;
use neap_engine::cloud::{CallError, ErrorKind};
use neap_engine::files::Folders;
use neap_engine::throttle::Throttle;
use neap_engine::transfers::Transfers;
use tokio::sync::OnceCell;

use crate::error::{failed, incomplete};
use crate::pace::{Paced, Refusals};
use crate::recent::Recent;

/// A client of one service that tells the buckets when AWS refuses a request as one too many.
macro_rules! client {
    ($sdk:ident, $config:expr, $throttle:expr $(, $setting:ident($value:expr))*) => {{
        let refusals = Refusals::new(Arc::clone(&$throttle));
        let builder = $sdk::config::Builder::from(&$config).interceptor(refusals);
        $sdk::Client::from_conf(builder$(.$setting($value))*.build())
    }};
}

/// Where to connect, as far as the user says; the rest is the SDK's default chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The region.
    pub region: Option<String>,
    /// The profile of the AWS configuration files.
    pub profile: Option<String>,
    /// A URL that takes the place of every service's own, such as an emulator's.
    pub endpoint_url: Option<String>,
    /// The folder that the stack file lies in, beside which the folders are whose files are uploaded.
    pub folder: Option<PathBuf>,
}

/// Whose account it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The twelve digits of the account.
    pub(crate) account: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub(crate) partition: String,
}

/// An AWS account in one region.
#[derive(Clone)]
pub struct Aws {
    pub(crate) region: String,
    pub(crate) alarms: aws_sdk_cloudwatch::Client,
    pub(crate) certificates: aws_sdk_acm::Client,
    /// In the region from which CloudFront takes certificates.
    pub(crate) certificates_of_cloudfront: aws_sdk_acm::Client,
    /// Elastic Load Balancing's older API.
    pub(crate) clb: aws_sdk_elasticloadbalancing::Client,
    pub(crate) cloudfront: aws_sdk_cloudfront::Client,
    pub(crate) ec2: aws_sdk_ec2::Client,
    /// For calls that must not be repeated blindly: it never retries.
    pub(crate) ec2_once: aws_sdk_ec2::Client,
    pub(crate) ecr: aws_sdk_ecr::Client,
    pub(crate) ecs: aws_sdk_ecs::Client,
    /// For calls that must not be repeated blindly: it never retries.
    pub(crate) ecs_once: aws_sdk_ecs::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) names: aws_sdk_servicediscovery::Client,
    pub(crate) route53: aws_sdk_route53::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) scaling: aws_sdk_autoscaling::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) services_scaling: aws_sdk_applicationautoscaling::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) tagging: aws_sdk_resourcegroupstagging::Client,
    /// Where files lie that are uploaded, and how far that has come.
    pub(crate) folders: Folders,
    pub(crate) transfers: Arc<Transfers>,
    /// What it has changed.
    pub(crate) recent: Recent,
    /// Whose account it is, once that is known.
    pub(crate) identity: OnceCell<Identity>,
}

impl fmt::Debug for Aws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Aws").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Aws {
    /// Prepares the clients. Nothing is sent yet, except to find credentials and region where the SDK's default
    /// chain asks a service for them.
    ///
    /// # Errors
    ///
    /// Fails when no region is configured.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, CallError> {
        let config = load(options).await;
        let region = region_of(&config)?;
        let throttle = Arc::new(Throttle::default());
        let config = paced(&config, &throttle);
        Ok(Self {
            region,
            alarms: client!(aws_sdk_cloudwatch, config, throttle),
            certificates: client!(aws_sdk_acm, config, throttle),
            certificates_of_cloudfront: client!(
                aws_sdk_acm,
                config,
                throttle,
                region(Region::from_static(CLOUDFRONT_REGION))
            ),
            clb: client!(aws_sdk_elasticloadbalancing, config, throttle),
            cloudfront: client!(aws_sdk_cloudfront, config, throttle),
            ec2: client!(aws_sdk_ec2, config, throttle),
            ec2_once: client!(
                aws_sdk_ec2,
                config.to_builder().retry_config(RetryConfig::disabled()).build(),
                throttle
            ),
            ecr: client!(aws_sdk_ecr, config, throttle),
            ecs: client!(aws_sdk_ecs, config, throttle),
            ecs_once: client!(
                aws_sdk_ecs,
                config.to_builder().retry_config(RetryConfig::disabled()).build(),
                throttle
            ),
            elb: client!(aws_sdk_elasticloadbalancingv2, config, throttle),
            iam: client!(aws_sdk_iam, config, throttle),
            logs: client!(aws_sdk_cloudwatchlogs, config, throttle),
            names: client!(aws_sdk_servicediscovery, config, throttle),
            route53: client!(aws_sdk_route53, config, throttle),
            // Emulators have no name for each bucket.
            s3: client!(
                aws_sdk_s3,
                config,
                throttle,
                force_path_style(options.endpoint_url.is_some()),
                request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            ),
            scaling: client!(aws_sdk_autoscaling, config, throttle),
            services_scaling: client!(aws_sdk_applicationautoscaling, config, throttle),
            secrets: client!(aws_sdk_secretsmanager, config, throttle),
            ssm: client!(aws_sdk_ssm, config, throttle),
            sts: client!(aws_sdk_sts, config, throttle),
            tagging: client!(aws_sdk_resourcegroupstagging, config, throttle),
            folders: options.folder.clone().map(Folders::beside).unwrap_or_default(),
            transfers: Arc::default(),
            recent: Recent::default(),
            identity: OnceCell::new(),
        })
    }

    /// Whose account it is; asked once, however many want to know.
    pub(crate) async fn identity(&self) -> Result<&Identity, CallError> {
        self.identity.get_or_try_init(|| self.ask_identity()).await
    }

    async fn ask_identity(&self) -> Result<Identity, CallError> {
        const OPERATION: &str = "sts:GetCallerIdentity";
        let answer = self.sts.get_caller_identity().send().await.map_err(failed(OPERATION))?;
        let account = answer.account().ok_or_else(|| incomplete(OPERATION, "Account"))?.to_owned();
        let partition = answer.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws").to_owned();
        Ok(Identity { account, partition })
    }

    /// Account, region and partition, as far as they are known by now.
    pub(crate) fn place(&self) -> Environment {
        let identity = self.identity.get();
        Environment {
            account: identity.map(|identity| identity.account.clone()).unwrap_or_default(),
            region: self.region.clone(),
            partition: identity.map_or("aws", |identity| &identity.partition).to_owned(),
            vpc: None,
            subnets: Vec::new(),
            subnets_private: false,
            secrets: BTreeMap::new(),
            images: BTreeMap::new(),
            named: [].into(),
            cloudfront_origins: None,
            zones: BTreeMap::new(),
            private_zones: [].into(),
            certificates: BTreeMap::new(),
            availability_zones: Vec::new(),
            taken_buckets: [].into(),
        }
    }
}

/// The region that is configured.
pub(crate) fn region_of(config: &SdkConfig) -> Result<String, CallError> {
    config.region().map(ToString::to_string).ok_or_else(no_region)
}

pub(crate) async fn load(options: &ConnectOptions) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts());
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = &options.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https()
}

/// The time for a request on its way. None for the whole attempt, which includes the wait for AWS's rates; an answer
/// that stops half-way is caught by the SDK's protection against stalled streams.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(60))
        .build()
}

/// The configuration for clients that keep to AWS's rates, all together. Those that find credentials do not.
fn paced(config: &SdkConfig, throttle: &Arc<Throttle>) -> SdkConfig {
    let credentials = config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
    config.to_builder().identity_cache(Paced::new(Arc::clone(throttle), credentials)).build()
}

fn no_region() -> CallError {
    CallError {
        kind: ErrorKind::Invalid,
        operation: "connect".to_owned(),
        code: None,
        message: "no region is set; name one in `[stack] region`, with `--region`, in `AWS_REGION` or in the profile"
            .to_owned(),
        request_id: None,
    }
}
