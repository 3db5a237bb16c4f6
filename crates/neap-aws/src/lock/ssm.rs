//! The lock as an SSM parameter: created atomically, counted with each write, overwritten whatever is there.

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterTier, ParameterType, Tag};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use neap_core::desired::TAG_STACK;
use neap_engine::cloud::{CallError, ErrorKind};
use neap_engine::lock::{Stored, Version, WriteError};

use super::clients;
use crate::error::{call_error, incomplete};

const READ: &str = "ssm:GetParameter";
const HISTORY: &str = "ssm:GetParameterHistory";
const WRITE: &str = "ssm:PutParameter";
const DELETE: &str = "ssm:DeleteParameter";

/// How many versions one page of a history shows at most.
const PAGE: i32 = 50;

/// A stack's parameter.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    patient: Client,
    once: Client,
    stack: String,
    name: String,
}

impl Parameter {
    pub(super) fn new(patient: &SdkConfig, once: &SdkConfig, stack: &str) -> Self {
        let (patient, once) = clients(patient, once, Client::new);
        Self { patient, once, stack: stack.to_owned(), name: name(stack) }
    }

    pub(super) fn place(&self) -> String {
        format!("the SSM parameter `{}`", self.name)
    }

    pub(super) async fn read(&self) -> Result<Option<Stored>, CallError> {
        let answer = match self.patient.get_parameter().name(&self.name).send().await {
            Ok(answer) => answer,
            Err(error) => return absent(READ, &error).map(|()| None),
        };
        let parameter = answer.parameter.ok_or_else(|| incomplete(READ, "Parameter"))?;
        let text = parameter.value.ok_or_else(|| incomplete(READ, "Value"))?;
        Ok(Some(Stored { text, version: version(READ, parameter.version)? }))
    }

    pub(super) async fn history(&self) -> Result<Vec<Stored>, CallError> {
        let request = self.patient.get_parameter_history().name(&self.name).max_results(PAGE);
        let mut pages = request.into_paginator().send();
        let mut versions: Vec<(i64, Stored)> = Vec::new();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => return absent(HISTORY, &error).map(|()| Vec::new()),
            };
            for entry in page.parameters.unwrap_or_default() {
                let text = entry.value.ok_or_else(|| incomplete(HISTORY, "Value"))?;
                versions.push((entry.version, Stored { text, version: version(HISTORY, entry.version)? }));
            }
        }
        versions.sort_by_key(|(number, _)| *number);
        Ok(versions.into_iter().map(|(_, stored)| stored).collect())
    }

    pub(super) async fn create(&self, text: &str) -> Result<Version, WriteError> {
        let tag = Tag::builder().key(TAG_STACK).value(&self.stack).build();
        let tag = tag.map_err(|_| incomplete(WRITE, "Tags"))?;
        // Tags can be given only when nothing is overwritten.
        self.put(text, false, Some(tag)).await
    }

    pub(super) async fn replace(&self, text: &str, _: &Version) -> Result<Version, WriteError> {
        self.put(text, true, None).await
    }

    async fn put(&self, text: &str, overwrite: bool, tag: Option<Tag>) -> Result<Version, WriteError> {
        let request = self
            .once
            .put_parameter()
            .name(&self.name)
            .value(text)
            .r#type(ParameterType::String)
            .tier(ParameterTier::Standard)
            .overwrite(overwrite)
            .set_tags(tag.map(|tag| vec![tag]));
        match request.send().await {
            Ok(answer) => Ok(version(WRITE, answer.version)?),
            Err(error) => Err(match error.code() {
                Some("ParameterAlreadyExists") => WriteError::Refused,
                // Somebody else is writing it at the same moment.
                Some("TooManyUpdates") => {
                    let error = call_error(WRITE, &error);
                    CallError { kind: ErrorKind::Throttled, ..error }.into()
                }
                _ => call_error(WRITE, &error).into(),
            }),
        }
    }

    pub(super) async fn delete(&self, _: &Version) -> Result<(), WriteError> {
        match self.once.delete_parameter().name(&self.name).send().await {
            Ok(_) => Ok(()),
            Err(error) => Ok(absent(DELETE, &error)?),
        }
    }
}

/// The name of a stack's parameter. Names must not begin with `aws` or `ssm`.
fn name(stack: &str) -> String {
    format!("/neap/{stack}/lock")
}

/// Nothing, if that is what AWS says is there.
fn absent<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Result<(), CallError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if error.code() == Some("ParameterNotFound") { Ok(()) } else { Err(call_error(operation, error)) }
}

fn version(operation: &str, number: i64) -> Result<Version, CallError> {
    u64::try_from(number).map(Version::Number).map_err(|_| incomplete(operation, "Version"))
}
