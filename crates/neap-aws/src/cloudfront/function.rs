//! CloudFront functions. What is being worked on (stage `DEVELOPMENT`) and what runs (`LIVE`) are two, each with its version;
//! tags and name are of both.
//!
//! Decides how a function comes to run as wanted, also where an earlier run was broken off between its two calls. Must not
//! know which routes name it.

use std::collections::BTreeMap;

use aws_sdk_cloudfront::types as sdk;
use aws_smithy_types::Blob;
use aws_smithy_types::error::operation::BuildError;
use futures_util::future::join_all;
use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::kinds::{Code, Function};
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use tokio::try_join;

use super::calls::{moved, set_tags};
use super::read::tags_of;
use crate::adopt::adopt;
use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::found::{Found, Outcome, address_of, if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::tags::{Tags, to_cloudfront};

const LIST: &str = "cloudfront:ListFunctions";
const CREATE: &str = "cloudfront:CreateFunction";
const DESCRIBE: &str = "cloudfront:DescribeFunction";
const UPDATE: &str = "cloudfront:UpdateFunction";

/// One stage of a function.
struct Stage {
    config: sdk::FunctionConfig,
    code: Vec<u8>,
    arn: String,
}

impl Stage {
    fn key_value_store(&self) -> Option<&str> {
        let stores = self.config.key_value_store_associations().map_or(&[][..], |stores| stores.items());
        stores.first().map(sdk::KeyValueStoreAssociation::key_value_store_arn)
    }

    /// Whether another stage is the same but for its version.
    fn is_as(&self, other: &Self) -> bool {
        self.code == other.code
            && self.config.comment() == other.config.comment()
            && self.config.runtime() == other.config.runtime()
            && self.key_value_store() == other.key_value_store()
    }
}

/// Every function of the account: at most a hundred, on one page or two.
async fn list(aws: &Aws) -> Result<Vec<sdk::FunctionSummary>, CallError> {
    let (mut functions, mut marker) = (Vec::new(), None);
    loop {
        let call = aws.cloudfront.list_functions().stage(sdk::FunctionStage::Development);
        let answer = call.set_marker(marker).send().await.map_err(failed(LIST))?;
        let Some(list) = answer.function_list else { return Ok(functions) };
        functions.extend(list.items.unwrap_or_default());
        marker = list.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            return Ok(functions);
        }
    }
}

/// One stage of the function `name`; none where there is no such function, or where it was never published.
async fn stage(aws: &Aws, name: &str, stage: sdk::FunctionStage) -> Result<Option<Stage>, CallError> {
    let described = async {
        let answer = aws.cloudfront.describe_function().name(name).stage(stage.clone()).send().await;
        if_there(answer.map_err(failed(DESCRIBE)))
    };
    let code = async {
        let answer = aws.cloudfront.get_function().name(name).stage(stage.clone()).send().await;
        if_there(answer.map_err(failed("cloudfront:GetFunction")))
    };
    let (Some(described), Some(code)) = try_join!(described, code)? else { return Ok(None) };
    let summary = described.function_summary.ok_or_else(|| incomplete(DESCRIBE, "FunctionSummary"))?;
    let arn = summary.function_metadata().map(|metadata| metadata.function_arn().to_owned());
    Ok(Some(Stage {
        arn: arn.ok_or_else(|| incomplete(DESCRIBE, "FunctionARN"))?,
        config: summary.function_config.ok_or_else(|| incomplete(DESCRIBE, "FunctionConfig"))?,
        code: code.function_code.map(Blob::into_inner).unwrap_or_default(),
    }))
}

/// The version of what is being worked on, which a change must name; none where there is no such function.
async fn version(aws: &Aws, name: &str) -> Result<Option<String>, CallError> {
    let call = aws.cloudfront.describe_function().name(name).stage(sdk::FunctionStage::Development);
    let Some(answer) = if_there(call.send().await.map_err(failed(DESCRIBE)))? else { return Ok(None) };
    answer.e_tag.map(Some).ok_or_else(|| incomplete(DESCRIBE, "ETag"))
}

/// Reads the stack's functions: those of its names, and of all others those that are tagged as its own.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let listed = match list(aws).await {
        Ok(listed) => listed,
        Err(error) => {
            found.unlistable::<Function>(desired, &error);
            return found;
        }
    };
    let wanted: BTreeMap<&str, &Address> =
        declared::<Function>(desired).map(|(address, function)| (function.name.as_str(), address)).collect();
    let outcomes = listed.iter().map(|summary| look(aws, summary, wanted.get(summary.name()).copied()));
    found.collect(join_all(outcomes).await);
    found.rest_absent::<Function>(desired);
    found
}

async fn look(aws: &Aws, summary: &sdk::FunctionSummary, address: Option<&Address>) -> Outcome {
    let outcome = async {
        let arn = summary.function_metadata().map(sdk::FunctionMetadata::function_arn);
        let tags = tags_of(aws, arn.ok_or_else(|| incomplete(LIST, "FunctionARN"))?).await?;
        match address_of(&tags, address) {
            Some(address) => live(aws, summary.name(), address, tags).await,
            None => Ok(None),
        }
    };
    (address.cloned(), outcome.await)
}

/// The live function `name` at `address`.
async fn live(
    aws: &Aws,
    name: &str,
    address: Address,
    tags: Tags,
) -> Result<Option<LiveResource>, CallError> {
    let stages = try_join!(
        stage(aws, name, sdk::FunctionStage::Development),
        stage(aws, name, sdk::FunctionStage::Live)
    );
    let (development, running) = stages?;
    Ok(development.map(|development| LiveResource {
        address,
        id: name.to_owned(),
        outputs: outputs([("arn", &development.arn), ("name", name)]),
        resource: from_aws(name, &development, running.as_ref()).into(),
        tags,
        phase: Phase::Ready,
    }))
}

fn from_aws(name: &str, development: &Stage, running: Option<&Stage>) -> Function {
    let code = Code(development.code.clone());
    Function {
        name: name.to_owned(),
        comment: development.config.comment().to_owned(),
        runtime: development.config.runtime().as_str().to_owned(),
        key_value_store: development.key_value_store().map(str::to_owned),
        code_sha256: code.sha256(),
        code,
        published: running.is_some_and(|running| running.is_as(development)),
    }
}

fn config(desired: &Function) -> Result<sdk::FunctionConfig, BuildError> {
    let store = |arn: &String| sdk::KeyValueStoreAssociation::builder().key_value_store_arn(arn).build();
    let stores = desired
        .key_value_store
        .as_ref()
        .map(store)
        .transpose()?
        .map(|store| sdk::KeyValueStoreAssociations::builder().quantity(1).items(store).build());
    sdk::FunctionConfig::builder()
        .comment(&desired.comment)
        .runtime(desired.runtime.as_str().into())
        .set_key_value_store_associations(stores.transpose()?)
        .build()
}

fn unfinished(operation: &'static str) -> impl Fn(BuildError) -> CallError {
    move |error| refused(ErrorKind::Invalid, operation, error.to_string())
}

/// Lets what is being worked on run, if it is still of this version.
async fn publish(aws: &Aws, name: &str, etag: &str) -> Result<(), CallError> {
    let answer = aws.cloudfront.publish_function().name(name).if_match(etag).send().await;
    answer.map(|_| ()).map_err(failed("cloudfront:PublishFunction")).map_err(moved)
}

impl Remote for Function {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let name = wanted.fields.name.as_str();
        let tags = sdk::Tags::builder().set_items(Some(to_cloudfront(&wanted.all_tags())?)).build();
        let call = aws.cloudfront.create_function().name(name).tags(tags);
        let call = call.function_config(config(wanted.fields).map_err(unfinished(CREATE))?);
        let answer = call.function_code(Blob::new(wanted.fields.code.0.clone())).send().await;
        match answer.map_err(failed(CREATE)) {
            Ok(answer) => {
                let etag = answer.e_tag.as_deref().ok_or_else(|| incomplete(CREATE, "ETag"))?;
                let metadata = answer.function_summary.as_ref().and_then(|it| it.function_metadata());
                let arn = metadata.ok_or_else(|| incomplete(CREATE, "FunctionARN"))?.function_arn();
                publish(aws, name, etag).await?;
                Ok(outputs([("arn", arn), ("name", name)]))
            }
            Err(error) if error.code.as_deref() == Some("FunctionAlreadyExists") => {
                let listed = list(aws).await?;
                let address = crate::adopt::wanted_address(wanted)?;
                let found = match listed.iter().find(|summary| summary.name() == name) {
                    Some(summary) => look(aws, summary, Some(&address)).await.1?,
                    None => None,
                };
                adopt(aws, wanted, found, error).await
            }
            Err(error) => Err(error),
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let name = held.fields.name.as_str();
        if held.fields != wanted.fields {
            let missing = || refused(ErrorKind::NotFound, UPDATE, format!("`{name}` is gone"));
            let mut etag = version(aws, name).await?.ok_or_else(missing)?;
            let is_written = Self { published: true, ..held.fields.clone() } == *wanted.fields;
            if !is_written {
                let call = aws.cloudfront.update_function().name(name).if_match(&etag);
                let call = call.function_config(config(wanted.fields).map_err(unfinished(UPDATE))?);
                let answer = call.function_code(Blob::new(wanted.fields.code.0.clone())).send().await;
                let answer = answer.map_err(failed(UPDATE)).map_err(moved)?;
                // AWS's model calls this header `ETtag`; where the answer has another, a look tells the version.
                etag = match answer.e_tag {
                    Some(etag) => etag,
                    None => version(aws, name).await?.ok_or_else(missing)?,
                };
            }
            publish(aws, name, &etag).await?;
        }
        if let Some(arn) = held.live.outputs.get("arn") {
            set_tags(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        }
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let name = held.fields.name.as_str();
        let Some(etag) = version(aws, name).await? else { return Ok(()) };
        let call = aws.cloudfront.delete_function().name(name).if_match(etag);
        if_gone(call.send().await.map_err(failed("cloudfront:DeleteFunction")).map_err(moved))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let name = wanted.fields.name.as_str();
        let running = stage(aws, name, sdk::FunctionStage::Live).await?;
        // What runs is compared with itself, since it is published.
        let is_wanted = |running: &Stage| from_aws(name, running, Some(running)) == *wanted.fields;
        let pending = || Progress::Pending("the change is not visible yet".to_owned());
        Ok(running.filter(is_wanted).map_or_else(pending, |_| Progress::Done))
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let found = version(aws, &held.fields.name).await?;
        Ok(found.map_or(Progress::Done, |_| Progress::Pending("deleting".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    fn shown(function: &Function) -> Stage {
        Stage {
            config: config(function).expect("it is complete"),
            code: function.code.0.clone(),
            arn: "arn:function".into(),
        }
    }

    #[test]
    fn a_function_reads_back_as_it_was_asked_for() {
        let example = Function::example();
        let stage = shown(&example);
        assert_eq!(from_aws(&example.name, &stage, Some(&stage)), example);
        let plain = Function { key_value_store: None, comment: String::new(), ..example };
        let stage = shown(&plain);
        assert_eq!(from_aws(&plain.name, &stage, Some(&stage)), plain);
    }

    #[test]
    fn a_function_whose_running_code_is_another_is_not_published() {
        let example = Function::example();
        let stage = shown(&example);
        let is_published =
            |running: Option<&Function>| from_aws("f", &stage, running.map(shown).as_ref()).published;
        assert!(is_published(Some(&example)));
        assert!(!is_published(None), "it never was");
        for other in [
            Function { code: Code(b"older".to_vec()), ..example.clone() },
            Function { comment: "older".into(), ..example.clone() },
            Function { runtime: "cloudfront-js-1.0".into(), ..example.clone() },
            Function { key_value_store: None, ..example.clone() },
        ] {
            assert!(!is_published(Some(&other)), "{other:?}");
        }
    }
}
