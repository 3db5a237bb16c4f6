//! The lock as an object in a bucket: written and deleted only over the ETag that it is known by.

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use neap_engine::cloud::{CallError, ErrorKind};
use neap_engine::lock::{Stored, Version, WriteError};

use super::clients;
use crate::error::{call_error, incomplete, refused};

const READ: &str = "s3:GetObject";
const WRITE: &str = "s3:PutObject";
const DELETE: &str = "s3:DeleteObject";

/// A stack's object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    patient: Client,
    once: Client,
    bucket: String,
    key: String,
}

impl Object {
    pub(super) fn new(
        patient: &SdkConfig,
        once: &SdkConfig,
        by_path: bool,
        bucket: &str,
        key: String,
    ) -> Self {
        let client = |config: &SdkConfig| {
            let config = Builder::from(config)
                .force_path_style(by_path)
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
            Client::from_conf(config.build())
        };
        let (patient, once) = clients(patient, once, client);
        Self { patient, once, bucket: bucket.to_owned(), key }
    }

    pub(super) fn place(&self) -> String {
        format!("`s3://{}/{}`", self.bucket, self.key)
    }

    pub(super) async fn read(&self) -> Result<Option<Stored>, CallError> {
        let request = self.patient.get_object().bucket(&self.bucket).key(&self.key);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(call_error(READ, &error)),
        };
        let version = Version::Tag(answer.e_tag.ok_or_else(|| incomplete(READ, "ETag"))?);
        let body = answer.body.collect().await;
        let body = body.map_err(|error| refused(ErrorKind::Unavailable, READ, error.to_string()))?;
        Ok(Some(Stored { text: String::from_utf8_lossy(&body.to_vec()).into_owned(), version }))
    }

    pub(super) async fn create(&self, text: &str) -> Result<Version, WriteError> {
        put(self.request(text).if_none_match("*")).await
    }

    pub(super) async fn replace(&self, text: &str, over: &Version) -> Result<Version, WriteError> {
        put(self.request(text).if_match(tag(over)?)).await
    }

    fn request(&self, text: &str) -> PutObjectFluentBuilder {
        self.once
            .put_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .content_type("application/json")
            .body(ByteStream::from(text.as_bytes().to_vec()))
    }

    pub(super) async fn delete(&self, over: &Version) -> Result<(), WriteError> {
        let request = self.once.delete_object().bucket(&self.bucket).key(&self.key);
        match request.clone().if_match(tag(over)?).send().await {
            Ok(_) => return Ok(()),
            Err(error) => match error.code() {
                Some("PreconditionFailed") => return Err(WriteError::Refused),
                Some("NoSuchKey") => return Ok(()),
                // Not every bucket deletes on a condition; the lock holds for much longer than this look is old.
                Some("NotImplemented") => {}
                _ => return Err(call_error(DELETE, &error).into()),
            },
        }
        match self.read().await? {
            None => Ok(()),
            Some(stored) if stored.version != *over => Err(WriteError::Refused),
            Some(_) => match request.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(call_error(DELETE, &error).into()),
            },
        }
    }
}

async fn put(request: PutObjectFluentBuilder) -> Result<Version, WriteError> {
    match request.send().await {
        Ok(answer) => Ok(Version::Tag(answer.e_tag.ok_or_else(|| incomplete(WRITE, "ETag"))?)),
        // Without an object there is no ETag to be written over.
        Err(error) if matches!(error.code(), Some("PreconditionFailed" | "NoSuchKey")) => {
            Err(WriteError::Refused)
        }
        Err(error) => Err(call_error(WRITE, &error).into()),
    }
}

fn tag(version: &Version) -> Result<&str, CallError> {
    match version {
        Version::Tag(tag) => Ok(tag),
        Version::Number(_) => Err(refused(ErrorKind::Invalid, WRITE, "the lock was kept elsewhere before")),
    }
}
