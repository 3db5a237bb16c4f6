//! ECR repositories.
//!
//! Decides how a repository is read, created, changed and deleted. Must not know what is pushed to it.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability, Repository,
};
use futures_util::future::join_all;
use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::kinds::Ecr;
use neap_core::leaving;
use neap_core::live::{Holding, LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use serde_json::Value;
use tokio::try_join;

use crate::client::Aws;
use crate::error::{failed, if_made, incomplete, not_yet};
use crate::found::{Found, Outcome, address_of, if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::tags::{TagChanges, Tags, from_ecr, to_ecr};

/// What the names of the stack's repositories begin with, unless the user chose another.
pub(crate) fn prefix(stack: &str) -> String {
    format!("{stack}-")
}

/// Reads the stack's repositories: all are listed at once, then the facets of those that may be the stack's.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let pages = aws.ecr.describe_repositories().max_results(1000).into_paginator().items().send();
    let listed = pages.collect::<Result<Vec<_>, _>>().await.map_err(failed("ecr:DescribeRepositories"));
    let repositories = match listed {
        Ok(repositories) => repositories,
        Err(error) => {
            found.unlistable::<Ecr>(desired, &error);
            return found;
        }
    };
    let names: BTreeMap<&str, &Address> =
        declared::<Ecr>(desired).map(|(address, ecr)| (ecr.name.as_str(), address)).collect();
    let prefix = prefix(&desired.stack);
    let candidates = repositories.iter().filter_map(|repository| {
        let name = repository.repository_name()?;
        let address = names.get(name).copied();
        (address.is_some() || name.starts_with(&prefix)).then_some((repository, address))
    });
    found.collect(join_all(candidates.map(|(repository, address)| facets(aws, repository, address))).await);
    found.rest_absent::<Ecr>(desired);
    found
}

/// The repository of a name that no listing by prefix shows.
pub(crate) async fn named(aws: &Aws, name: &str) -> Result<Option<LiveResource>, CallError> {
    let Some(repository) = find(aws, name).await? else { return Ok(None) };
    facets(aws, &repository, None).await.1
}

/// Looks into the repositories that an apply would delete: the images on their first pages, by the repositories' names.
pub(crate) async fn leaving(aws: &Aws, desired: &Desired, found: &mut Found) -> BTreeMap<String, Holding> {
    let leaving = leaving::repositories(desired, &found.readings, &found.orphans).into_iter();
    let looks = leaving.map(|repository| async move {
        let name = repository.resource.aws_name();
        (name.to_owned(), holding(aws, name).await)
    });
    let mut images = BTreeMap::new();
    for (name, outcome) in join_all(looks).await {
        match if_there(outcome) {
            Ok(holding) => images.extend(holding.filter(|it| it.items > 0).map(|holding| (name, holding))),
            Err(error) => found.failed(&error),
        }
    }
    images
}

async fn holding(aws: &Aws, name: &str) -> Result<Holding, CallError> {
    let call = aws.ecr.describe_images().repository_name(name).max_results(1000);
    let page = call.send().await.map_err(failed("ecr:DescribeImages"))?;
    let items = u64::try_from(page.image_details().len()).unwrap_or(u64::MAX);
    Ok(Holding { items, more: page.next_token().is_some() })
}

async fn facets(aws: &Aws, repository: &Repository, address: Option<&Address>) -> Outcome {
    let outcome = async {
        let name = repository.repository_name().unwrap_or_default();
        let arn = repository
            .repository_arn()
            .ok_or_else(|| incomplete("ecr:DescribeRepositories", "repositoryArn"))?;
        let (tags, lifecycle) = try_join!(tags(aws, arn), lifecycle(aws, name))?;
        Ok(address_of(&tags, address).map(|address| live(address, repository, tags, lifecycle)))
    };
    (address.cloned(), outcome.await)
}

async fn tags(aws: &Aws, arn: &str) -> Result<Tags, CallError> {
    let answer = aws.ecr.list_tags_for_resource().resource_arn(arn).send().await;
    Ok(from_ecr(answer.map_err(failed("ecr:ListTagsForResource"))?.tags()))
}

/// The lifecycle policy; null where there is none.
async fn lifecycle(aws: &Aws, name: &str) -> Result<Value, CallError> {
    const OPERATION: &str = "ecr:GetLifecyclePolicy";
    let answer = aws.ecr.get_lifecycle_policy().repository_name(name).send().await.map_err(failed(OPERATION));
    let Some(answer) = if_there(answer)? else { return Ok(Value::Null) };
    let text = answer.lifecycle_policy_text().unwrap_or("null");
    serde_json::from_str(text).map_err(|_| incomplete(OPERATION, "lifecyclePolicyText"))
}

fn live(address: Address, repository: &Repository, tags: Tags, lifecycle: Value) -> LiveResource {
    let fields = from_aws(repository, lifecycle);
    LiveResource {
        address,
        id: fields.name.clone(),
        outputs: repository_outputs(repository),
        resource: fields.into(),
        tags,
        phase: Phase::Ready,
    }
}

fn from_aws(repository: &Repository, lifecycle: Value) -> Ecr {
    let encryption = repository.encryption_configuration();
    let mutability = repository.image_tag_mutability().unwrap_or(&ImageTagMutability::Mutable);
    let scanning = repository.image_scanning_configuration();
    Ecr {
        name: repository.repository_name().unwrap_or_default().to_owned(),
        tag_mutability: mutability.as_str().to_owned(),
        scan_on_push: scanning.is_some_and(|scanning| scanning.scan_on_push()),
        lifecycle_policy: lifecycle,
        encryption: encryption
            .map_or("AES256", |encryption| encryption.encryption_type().as_str())
            .to_owned(),
        kms_key: encryption.and_then(|encryption| encryption.kms_key()).map(ToOwned::to_owned),
    }
}

fn repository_outputs(repository: &Repository) -> Outputs {
    outputs([
        ("uri", repository.repository_uri().unwrap_or_default()),
        ("arn", repository.repository_arn().unwrap_or_default()),
        ("name", repository.repository_name().unwrap_or_default()),
    ])
}

fn scanning(ecr: &Ecr) -> ImageScanningConfiguration {
    ImageScanningConfiguration::builder().scan_on_push(ecr.scan_on_push).build()
}

fn encryption(ecr: &Ecr) -> Result<EncryptionConfiguration, CallError> {
    EncryptionConfiguration::builder()
        .encryption_type(EncryptionType::from(ecr.encryption.as_str()))
        .set_kms_key(ecr.kms_key.clone())
        .build()
        .map_err(|_| incomplete("ecr:CreateRepository", "encryptionType"))
}

async fn set_lifecycle(aws: &Aws, ecr: &Ecr) -> Result<(), CallError> {
    if ecr.lifecycle_policy.is_null() {
        let answer = aws.ecr.delete_lifecycle_policy().repository_name(&ecr.name).send().await;
        return if_gone(answer.map_err(failed("ecr:DeleteLifecyclePolicy")));
    }
    let text = ecr.lifecycle_policy.to_string();
    let request = aws.ecr.put_lifecycle_policy().repository_name(&ecr.name).lifecycle_policy_text(text);
    request.send().await.map_err(failed("ecr:PutLifecyclePolicy"))?;
    Ok(())
}

async fn retag(aws: &Aws, arn: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let request = aws.ecr.tag_resource().resource_arn(arn).set_tags(Some(to_ecr(&changes.set)?));
        request.send().await.map_err(failed("ecr:TagResource"))?;
    }
    if !changes.remove.is_empty() {
        let request = aws.ecr.untag_resource().resource_arn(arn).set_tag_keys(Some(changes.remove.clone()));
        request.send().await.map_err(failed("ecr:UntagResource"))?;
    }
    Ok(())
}

/// The repository of this name, if there is one.
async fn find(aws: &Aws, name: &str) -> Result<Option<Repository>, CallError> {
    let answer = aws.ecr.describe_repositories().repository_names(name).send().await;
    let answer = if_there(answer.map_err(failed("ecr:DescribeRepositories")))?;
    Ok(answer.and_then(|answer| answer.repositories.unwrap_or_default().into_iter().next()))
}

/// A create met something of its name: its own earlier creation is brought into shape, anything else is a conflict.
async fn resume(aws: &Aws, wanted: &Wanted<'_, Ecr>, conflict: CallError) -> Result<Outputs, CallError> {
    let Some(repository) = find(aws, &wanted.fields.name).await? else { return Err(not_yet(conflict)) };
    let (_, outcome) = facets(aws, &repository, None).await;
    match outcome? {
        Some(live) if wanted.is_marked(&live.tags) => Ecr::update(aws, &Held::of(&live)?, wanted).await,
        _ => Err(conflict),
    }
}

impl Remote for Ecr {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        const OPERATION: &str = "ecr:CreateRepository";
        let fields = wanted.fields;
        let request = aws
            .ecr
            .create_repository()
            .repository_name(&fields.name)
            .image_tag_mutability(ImageTagMutability::from(fields.tag_mutability.as_str()))
            .image_scanning_configuration(scanning(fields))
            .encryption_configuration(encryption(fields)?)
            .set_tags(Some(to_ecr(&wanted.all_tags())?));
        let answer = match request.send().await.map_err(failed(OPERATION)) {
            Err(error) if error.kind == ErrorKind::Conflict => return resume(aws, wanted, error).await,
            other => other?,
        };
        if !fields.lifecycle_policy.is_null() {
            set_lifecycle(aws, fields).await.map_err(if_made)?;
        }
        answer.repository().map(repository_outputs).ok_or_else(|| incomplete(OPERATION, "repository"))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let (before, after) = (held.fields, wanted.fields);
        if before.tag_mutability != after.tag_mutability {
            let mutability = ImageTagMutability::from(after.tag_mutability.as_str());
            let request = aws.ecr.put_image_tag_mutability().repository_name(&after.name);
            let answer = request.image_tag_mutability(mutability).send().await;
            answer.map_err(failed("ecr:PutImageTagMutability"))?;
        }
        if before.scan_on_push != after.scan_on_push {
            let request = aws.ecr.put_image_scanning_configuration().repository_name(&after.name);
            let answer = request.image_scanning_configuration(scanning(after)).send().await;
            answer.map_err(failed("ecr:PutImageScanningConfiguration"))?;
        }
        if before.lifecycle_policy != after.lifecycle_policy {
            set_lifecycle(aws, after).await?;
        }
        let arn = held.live.outputs.get("arn").map_or("", String::as_str);
        retag(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let request = aws.ecr.delete_repository().repository_name(&held.fields.name).force(true);
        if_gone(request.send().await.map_err(failed("ecr:DeleteRepository")))
    }

    async fn ready(_: &Aws, _: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let found = find(aws, &held.fields.name).await?;
        Ok(found.map_or(Progress::Done, |_| Progress::Pending("deleting images".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neap_core::kinds::KindOf;

    fn to_repository(ecr: &Ecr) -> Repository {
        Repository::builder()
            .repository_name(&ecr.name)
            .repository_arn("arn:aws:ecr:eu-west-1:123456789012:repository/course-api")
            .repository_uri("123456789012.dkr.ecr.eu-west-1.amazonaws.com/course-api")
            .image_tag_mutability(ImageTagMutability::from(ecr.tag_mutability.as_str()))
            .image_scanning_configuration(scanning(ecr))
            .encryption_configuration(encryption(ecr).expect("a type"))
            .build()
    }

    #[test]
    fn a_repository_reads_back_as_it_was_created() {
        let example = Ecr::example();
        let text = example.lifecycle_policy.to_string();
        let policy = serde_json::from_str(&text).expect("the policy's own text");
        assert_eq!(from_aws(&to_repository(&example), policy), example);
    }

    #[test]
    fn what_a_repository_leaves_out_is_awss_default() {
        let repository = Repository::builder().repository_name("course-api").build();
        let fields = from_aws(&repository, Value::Null);
        assert_eq!((fields.tag_mutability.as_str(), fields.encryption.as_str()), ("MUTABLE", "AES256"));
        assert!(!fields.scan_on_push);
    }

    #[test]
    fn a_repositorys_outputs_are_its_uri_arn_and_name() {
        let outputs = repository_outputs(&to_repository(&Ecr::example()));
        assert_eq!(outputs["uri"], "123456789012.dkr.ecr.eu-west-1.amazonaws.com/course-api");
        assert_eq!(outputs["name"], "course-api");
        assert_eq!(outputs["arn"], "arn:aws:ecr:eu-west-1:123456789012:repository/course-api");
    }
}
