//! Repositories, and the images in those of the stack.

use aws_sdk_ecr::types as sdk;
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Seen, StackScope, Stored, Thing};
use neap_engine::cloud::CallError;

use super::{Part, bytes, each, tags};
use crate::client::Aws;
use crate::error::failed;

/// The most entries that a page holds.
const PAGE: i32 = 1000;

/// Looks at every repository's tags: nothing lists repositories by them.
pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let pages = aws.ecr.describe_repositories().max_results(PAGE).into_paginator().items().send();
    let listed: Result<Vec<sdk::Repository>, CallError> =
        pages.collect::<Result<_, _>>().await.map_err(failed("ecr:DescribeRepositories"));
    let repositories = part.take(listed);
    for (repository, answer) in
        repositories.iter().zip(each(&repositories, async |it| tags_of(aws, it).await).await)
    {
        let name = repository.repository_name().unwrap_or_default();
        let tags = part.take(answer);
        part.seen.push(Seen { tags, ..Seen::new(Thing::Repository, name, name) });
    }
    let own = part.candidates(scope, Thing::Repository);
    for (name, answer) in own.iter().zip(each(&own, async |name| images(aws, name).await).await) {
        let stored = part.take(answer);
        if let Some(seen) = part.find(name) {
            seen.stored = stored;
            seen.usage = vec![Usage::bytes(Charge::Images, stored.bytes)];
        }
    }
    part
}

async fn tags_of(
    aws: &Aws,
    repository: &sdk::Repository,
) -> Result<std::collections::BTreeMap<String, String>, CallError> {
    let call = aws.ecr.list_tags_for_resource().set_resource_arn(repository.repository_arn.clone());
    let answer = call.send().await.map_err(failed("ecr:ListTagsForResource"))?;
    Ok(tags(answer.tags().iter().map(|tag| (tag.key(), tag.value()))))
}

async fn images(aws: &Aws, name: &str) -> Result<Stored, CallError> {
    let call = aws.ecr.describe_images().repository_name(name).max_results(PAGE);
    let pages = call.into_paginator().items().send();
    let images: Vec<sdk::ImageDetail> =
        pages.collect::<Result<_, _>>().await.map_err(failed("ecr:DescribeImages"))?;
    let size = images.iter().map(|image| bytes(image.image_size_in_bytes())).sum();
    Ok(Stored { items: u64::try_from(images.len()).unwrap_or(u64::MAX), bytes: size })
}
