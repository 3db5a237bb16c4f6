//! Distributions, all of them: nothing lists them by tag, and comments can be edited.

use aws_sdk_cloudfront::types as sdk;
use neap_core::zero::{Seen, Thing};
use neap_engine::cloud::CallError;

use super::{Part, each, tags};
use crate::client::Aws;
use crate::error::failed;

pub(super) async fn look(aws: &Aws) -> Part {
    let mut part = Part::default();
    let distributions = part.take(list(aws).await);
    for (distribution, answer) in
        distributions.iter().zip(each(&distributions, async |it| tags_of(aws, it.arn()).await).await)
    {
        let tags = part.take(answer);
        part.seen
            .push(Seen { tags, ..Seen::new(Thing::Distribution, distribution.id(), distribution.comment()) });
    }
    part
}

async fn list(aws: &Aws) -> Result<Vec<sdk::DistributionSummary>, CallError> {
    let pages = aws.cloudfront.list_distributions().into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("cloudfront:ListDistributions"))
}

async fn tags_of(aws: &Aws, arn: &str) -> Result<std::collections::BTreeMap<String, String>, CallError> {
    let answer = aws.cloudfront.list_tags_for_resource().resource(arn).send().await;
    let answer = answer.map_err(failed("cloudfront:ListTagsForResource"))?;
    let listed = answer.tags().map(sdk::Tags::items).unwrap_or_default();
    Ok(tags(listed.iter().map(|tag| (tag.key(), tag.value().unwrap_or_default()))))
}
