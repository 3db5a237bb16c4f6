//! Where requests wait for AWS's rates: after the operation is known, before the request is signed.
//!
//! Decides the seam. The SDK asks for credentials before each attempt, repeated ones too, and awaits the answer; no other
//! step of an attempt can wait. A wait in the HTTP client would come after the signature, which AWS takes for five minutes
//! only. Must not know the rates, which are the engine's.

use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use neap_engine::throttle::Throttle;

use crate::error::THROTTLED;

/// A cache of credentials that gives them out at the pace of AWS's rates.
#[derive(Debug)]
pub(crate) struct Paced {
    throttle: Arc<Throttle>,
    inner: SharedIdentityCache,
}

impl Paced {
    /// Gives out what is in `inner`.
    pub(crate) fn new(throttle: Arc<Throttle>, inner: SharedIdentityCache) -> Self {
        Self { throttle, inner }
    }
}

impl ResolveCachedIdentity for Paced {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        runtime_components: &'a RuntimeComponents,
        config_bag: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async move {
            if let Some(operation) = operation(config_bag) {
                self.throttle.take(&operation).await;
            }
            self.inner.resolve_cached_identity(resolver, runtime_components, config_bag).await
        })
    }
}

/// Tells the buckets when AWS refused a request as one too many.
#[derive(Debug)]
pub(crate) struct Refusals(Arc<Throttle>);

impl Refusals {
    /// Tells `throttle`.
    pub(crate) fn new(throttle: Arc<Throttle>) -> Self {
        Self(throttle)
    }
}

impl Intercept for Refusals {
    fn name(&self) -> &'static str {
        "Refusals"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _runtime_components: &RuntimeComponents,
        config_bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let refused = context.response().is_some_and(|response| {
            let body = response.body().bytes().unwrap_or_default();
            is_refusal(response.status().as_u16(), &String::from_utf8_lossy(body))
        });
        if let Some(operation) = operation(config_bag).filter(|_| refused) {
            self.0.refused(&operation);
        }
        Ok(())
    }
}

/// Whether an answer says that there were too many requests. Its code stands in a header or in the body, as JSON or
/// XML.
fn is_refusal(status: u16, body: &str) -> bool {
    let has =
        |code: &&str| body.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == *code);
    status == 429 || (status >= 400 && THROTTLED.iter().any(has))
}

/// The operation of a request as permissions name it: `ecs:CreateService`.
fn operation(config_bag: &ConfigBag) -> Option<String> {
    let metadata = config_bag.load::<Metadata>()?;
    Some(format!("{}:{}", prefix(metadata.service()), metadata.name()))
}

/// The prefix of a service's permissions, from the SDK's name for it.
fn prefix(service: &str) -> String {
    match service {
        "Elastic Load Balancing v2" => "elasticloadbalancing".to_owned(),
        "CloudWatch Logs" => "logs".to_owned(),
        "Resource Groups Tagging API" => "tag".to_owned(),
        "Application Auto Scaling" => "application-autoscaling".to_owned(),
        // The others are called like their permissions, apart from spaces and capitals.
        other => other.to_ascii_lowercase().replace(' ', ""),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Mutex, PoisonError};

    use aws_config::identity::IdentityCache;
    use aws_sdk_ecs::config::{
        BehaviorVersion, Builder, Credentials, Region, SharedCredentialsProvider, retry::RetryConfig,
    };
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;

    /// Answers with what it was given, then with an empty object, and remembers when it was asked, in seconds.
    #[derive(Debug, Clone)]
    struct Recorder {
        begun: Instant,
        sent: Arc<Mutex<Vec<u64>>>,
        answers: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
    }

    impl HttpConnector for Recorder {
        fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
            let lock = PoisonError::into_inner;
            self.sent.lock().unwrap_or_else(lock).push(self.begun.elapsed().as_secs());
            let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let (status, body) = answer.unwrap_or((200, "{}"));
            let status = StatusCode::try_from(status).expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
        }
    }

    impl Recorder {
        fn new(answers: &[(u16, &'static str)]) -> Self {
            let answers = answers.iter().copied().collect();
            Self { begun: Instant::now(), sent: Arc::default(), answers: Arc::new(Mutex::new(answers)) }
        }

        fn sent(&self) -> Vec<u64> {
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }

        /// A client that is paced and sends to this.
        fn client(&self) -> aws_sdk_ecs::Client {
            let throttle = Arc::new(Throttle::default());
            let connector = SharedHttpConnector::new(self.clone());
            let credentials = Credentials::new("id", "secret", None, None, "test");
            let config = Builder::new()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("eu-west-1"))
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .retry_config(RetryConfig::standard())
                .http_client(http_client_fn(move |_, _| connector.clone()))
                .identity_cache(Paced::new(Arc::clone(&throttle), IdentityCache::lazy().build()))
                .interceptor(Refusals::new(throttle));
            aws_sdk_ecs::Client::from_conf(config.build())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_beyond_the_burst_are_sent_at_the_rate() {
        let recorder = Recorder::new(&[]);
        let client = recorder.client();
        let answers = join_all((0..22).map(|_| client.create_cluster().send())).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        let sent = recorder.sent();
        assert_eq!(sent[..19], [0; 19]);
        assert_eq!(sent[19..], [1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_slows_the_sdks_own_repetition_and_all_that_follows() {
        let recorder =
            Recorder::new(&[(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#)]);
        let client = recorder.client();
        for _ in 0..3 {
            client.create_cluster().send().await.expect("an answer");
        }
        assert_eq!(recorder.sent(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_services_name_becomes_that_of_its_permissions() {
        for (service, expected) in [
            ("ECS", "ecs"),
            ("Elastic Load Balancing v2", "elasticloadbalancing"),
            ("CloudWatch Logs", "logs"),
            ("Resource Groups Tagging API", "tag"),
            ("Secrets Manager", "secretsmanager"),
            ("CloudFront", "cloudfront"),
            ("CloudWatch", "cloudwatch"),
            ("SSM", "ssm"),
            ("Application Auto Scaling", "application-autoscaling"),
        ] {
            assert_eq!(prefix(service), expected);
        }
    }

    #[test]
    fn refusals_are_told_in_every_protocol() {
        for (status, body, expected) in [
            (400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, true),
            (400, r#"{"__type":"com.amazonaws.ecs#ThrottlingException"}"#, true),
            (400, "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>", true),
            (
                503,
                "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>",
                true,
            ),
            (429, "", true),
            (400, r#"{"__type":"ClientException","message":"NotThrottlingAtAll"}"#, false),
            (200, "<Description>Throttling</Description>", false),
        ] {
            assert_eq!(is_refusal(status, body), expected, "{body}");
        }
    }
}
