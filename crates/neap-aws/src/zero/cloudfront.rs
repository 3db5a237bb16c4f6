//! Distributions and functions, all of them: nothing lists them by tag, and comments can be edited. And origin access controls,
//! which have no tags at all.

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
        let origins = distribution.origins().map_or(&[][..], sdk::Origins::items);
        let controls = origins.iter().filter_map(|origin| origin.origin_access_control_id.clone());
        let uses = controls.filter(|id| !id.is_empty()).chain(functions_of(distribution)).collect();
        let seen = Seen::new(Thing::Distribution, distribution.id(), distribution.comment());
        part.seen.push(Seen { tags, uses, ..seen });
    }
    for control in part.take(controls(aws).await) {
        part.seen.push(Seen::new(Thing::OriginAccessControl, control.id(), control.description()));
    }
    let functions = part.take(functions(aws).await);
    let tags = each(&functions, async |(_, arn)| tags_of(aws, arn).await).await;
    for ((name, arn), answer) in functions.iter().zip(tags) {
        let tags = part.take(answer);
        part.seen.push(Seen { tags, ..Seen::new(Thing::Function, arn, name) });
    }
    part
}

/// The ARNs of the functions that the behaviours of a distribution name.
fn functions_of(distribution: &sdk::DistributionSummary) -> Vec<String> {
    let default = distribution.default_cache_behavior().and_then(|behavior| behavior.function_associations());
    let others = distribution.cache_behaviors().map_or(&[][..], |behaviors| behaviors.items());
    let others = others.iter().filter_map(|behavior| behavior.function_associations());
    let named = default.into_iter().chain(others).flat_map(|functions| functions.items());
    named.map(|function| function.function_arn().to_owned()).collect()
}

/// The names and ARNs of all functions.
async fn functions(aws: &Aws) -> Result<Vec<(String, String)>, CallError> {
    let (mut functions, mut marker) = (Vec::new(), None);
    loop {
        let call = aws.cloudfront.list_functions().stage(sdk::FunctionStage::Development);
        let answer = call.set_marker(marker).send().await.map_err(failed("cloudfront:ListFunctions"))?;
        let Some(list) = answer.function_list else { return Ok(functions) };
        marker = list.next_marker.filter(|marker| !marker.is_empty());
        let named = list
            .items
            .unwrap_or_default()
            .into_iter()
            .filter_map(|function| Some((function.name, function.function_metadata?.function_arn)));
        functions.extend(named);
        if marker.is_none() {
            return Ok(functions);
        }
    }
}

async fn list(aws: &Aws) -> Result<Vec<sdk::DistributionSummary>, CallError> {
    let pages = aws.cloudfront.list_distributions().into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("cloudfront:ListDistributions"))
}

async fn controls(aws: &Aws) -> Result<Vec<sdk::OriginAccessControlSummary>, CallError> {
    let (mut controls, mut marker) = (Vec::new(), None);
    loop {
        let answer = aws.cloudfront.list_origin_access_controls().set_marker(marker).send().await;
        let answer = answer.map_err(failed("cloudfront:ListOriginAccessControls"))?;
        let Some(list) = answer.origin_access_control_list else { return Ok(controls) };
        controls.extend(list.items.unwrap_or_default());
        marker = list.next_marker.filter(|_| list.is_truncated);
        if marker.is_none() {
            return Ok(controls);
        }
    }
}

async fn tags_of(aws: &Aws, arn: &str) -> Result<std::collections::BTreeMap<String, String>, CallError> {
    let answer = aws.cloudfront.list_tags_for_resource().resource(arn).send().await;
    let answer = answer.map_err(failed("cloudfront:ListTagsForResource"))?;
    let listed = answer.tags().map(sdk::Tags::items).unwrap_or_default();
    Ok(tags(listed.iter().map(|tag| (tag.key(), tag.value().unwrap_or_default()))))
}
