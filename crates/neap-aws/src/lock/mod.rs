//! Where the lock's record lies in AWS: an SSM parameter, or an object in a bucket.
//!
//! Decides how the requests are sent: reads with the SDK's retries, writes and deletes once, with a timeout, so that
//! their outcome is known or known to be unknown. Must not know what the record says.

mod s3;
mod ssm;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use neap_core::desired::LockPlace;
use neap_engine::cloud::CallError;
use neap_engine::lock::{Store, Stored, Version, WriteError};

use crate::client::{ConnectOptions, load, region_of};
use crate::error::{failed, incomplete};

/// How long a request may take: much less than a record holds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The place of a stack's lock.
#[derive(Debug, Clone)]
pub struct LockStore {
    sts: aws_sdk_sts::Client,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Ssm(ssm::Parameter),
    S3(s3::Object),
}

impl LockStore {
    /// Prepares the requests for the lock of `stack`. Nothing is sent yet, as in [`Aws::connect`](crate::Aws::connect).
    ///
    /// # Errors
    ///
    /// Fails when no region is configured.
    pub async fn connect(
        options: &ConnectOptions,
        place: &LockPlace,
        stack: &str,
    ) -> Result<Self, CallError> {
        let config = load(options).await;
        region_of(&config)?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_timeout(TIMEOUT)
            .build();
        let patient = config.to_builder().timeout_config(timeouts).build();
        let once = patient.to_builder().retry_config(RetryConfig::disabled()).build();
        let place = match place {
            LockPlace::S3 { bucket, prefix } => {
                // Emulators have no name for each bucket.
                let by_path = options.endpoint_url.is_some();
                Place::S3(s3::Object::new(&patient, &once, by_path, bucket, format!("{prefix}{stack}.lock")))
            }
            // A stack without a lock has no use for a place either.
            LockPlace::Ssm | LockPlace::None => Place::Ssm(ssm::Parameter::new(&patient, &once, stack)),
        };
        Ok(Self { sts: aws_sdk_sts::Client::new(&config), place })
    }
}

/// The same request wherever the lock lies. Boxed, since the futures of SDK calls are large.
macro_rules! on {
    ($store:expr, $place:ident => $request:expr) => {
        match &$store.place {
            Place::Ssm($place) => Box::pin($request).await,
            Place::S3($place) => Box::pin($request).await,
        }
    };
}

impl Store for LockStore {
    async fn read(&self) -> Result<Option<Stored>, CallError> {
        on!(self, place => place.read())
    }

    async fn history(&self) -> Result<Vec<Stored>, CallError> {
        match &self.place {
            Place::Ssm(parameter) => Box::pin(parameter.history()).await,
            Place::S3(object) => Ok(Box::pin(object.read()).await?.into_iter().collect()),
        }
    }

    async fn create(&self, text: &str) -> Result<Version, WriteError> {
        on!(self, place => place.create(text))
    }

    async fn replace(&self, text: &str, over: &Version) -> Result<Version, WriteError> {
        on!(self, place => place.replace(text, over))
    }

    async fn delete(&self, over: &Version) -> Result<(), WriteError> {
        on!(self, place => place.delete(over))
    }

    async fn account(&self) -> Result<Option<String>, CallError> {
        const OPERATION: &str = "sts:GetCallerIdentity";
        let answer = self.sts.get_caller_identity().send().await.map_err(failed(OPERATION))?;
        let account = answer.account().ok_or_else(|| incomplete(OPERATION, "Account"))?;
        Ok(Some(account.to_owned()))
    }

    fn place(&self) -> String {
        match &self.place {
            Place::Ssm(parameter) => parameter.place(),
            Place::S3(object) => object.place(),
        }
    }
}

/// The clients for the requests that may be repeated, and for those that may not.
fn clients<C>(patient: &SdkConfig, once: &SdkConfig, client: impl Fn(&SdkConfig) -> C) -> (C, C) {
    (client(patient), client(once))
}
