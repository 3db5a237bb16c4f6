//! Reading distributions: one listing, then each of the stack's own.
//!
//! Decides which distribution stands at which address. A listing shows comments and no tags, so the mark at a
//! comment's end tells which ones to look at, and the tags then tell whose they are.

use std::collections::BTreeSet;

use aws_sdk_cloudfront::types as sdk;
use futures_util::future::join_all;
use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, TAG_STACK};
use neap_core::kinds::Cloudfront;
use neap_core::live::{LiveResource, Phase};
use neap_engine::cloud::CallError;
use tokio::try_join;

use super::from_aws::from_aws;
use crate::adopt::live_resource;
use crate::client::Aws;
use crate::error::failed;
use crate::found::{Found, address_of, if_there};
use crate::remote::{declared, outputs};
use crate::tags::{Tags, from_cloudfront};

/// A distribution with its version, which a change must name.
#[derive(Debug)]
pub(super) struct Versioned {
    pub(super) distribution: sdk::Distribution,
    pub(super) etag: String,
}

/// Every distribution.
pub(super) async fn list(aws: &Aws) -> Result<Vec<sdk::DistributionSummary>, CallError> {
    let pages = aws.cloudfront.list_distributions().into_paginator().items().send();
    pages.try_collect().await.map_err(failed("cloudfront:ListDistributions"))
}

/// The distribution `id`.
pub(super) async fn get(aws: &Aws, id: &str) -> Result<Option<Versioned>, CallError> {
    let answer = aws.cloudfront.get_distribution().id(id).send().await;
    let answer = if_there(answer.map_err(failed("cloudfront:GetDistribution")))?;
    Ok(answer.and_then(|answer| {
        let etag = answer.e_tag.unwrap_or_default();
        answer.distribution.map(|distribution| Versioned { distribution, etag })
    }))
}

/// The tags of the distribution or function `arn`.
pub(super) async fn tags_of(aws: &Aws, arn: &str) -> Result<Tags, CallError> {
    let answer = aws.cloudfront.list_tags_for_resource().resource(arn).send().await;
    let answer = answer.map_err(failed("cloudfront:ListTagsForResource"))?;
    Ok(answer.tags().map(|tags| from_cloudfront(tags.items())).unwrap_or_default())
}

/// A live distribution, at the address in its tags or else at `address`.
pub(super) fn live(address: &Address, distribution: &sdk::Distribution, tags: Tags) -> Option<LiveResource> {
    let config = distribution.distribution_config()?;
    let phase = match distribution.status() {
        "Deployed" => Phase::Ready,
        status => Phase::Settling(status.to_owned()),
    };
    let outputs = outputs([
        ("domain_name", distribution.domain_name()),
        ("id", distribution.id()),
        ("arn", distribution.arn()),
    ]);
    Some(live_resource(address, distribution.id(), from_aws(config), tags, outputs, phase))
}

/// The address that the end of a comment names, if it is one of `stack`'s distributions.
pub(super) fn marked_address(comment: &str, stack: &str) -> Option<Address> {
    let inside = comment.strip_suffix(')')?;
    let (_, address) = inside.rsplit_once(&format!(" ({stack}/"))?;
    address.parse::<Address>().ok().filter(|address| address.kind() == Kind::Cloudfront)
}

/// One distribution that may be the stack's.
struct Candidate {
    address: Address,
    outcome: Result<Option<LiveResource>, CallError>,
}

/// Reads the stack's distributions.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let wanted: Vec<&Address> = declared::<Cloudfront>(desired).map(|(address, _)| address).collect();
    match list(aws).await {
        Ok(listed) => {
            let (known, listed) = known(listed, desired);
            let sought = join_all(known.iter().map(|(address, summary)| look(aws, summary, address.clone())));
            let mut sought = sought.await;
            let is_known = |address: &&Address| desired.known_as.contains_key(*address);
            let others: Vec<&Address> = wanted.iter().copied().filter(|address| !is_known(address)).collect();
            let others = candidates(aws, &listed, &others, &desired.stack).await;
            let others = others.into_iter().filter(|candidate| !is_known(&&candidate.address));
            sought.extend(others);
            claim(sought, &wanted, &desired.stack)
        }
        Err(error) => {
            let mut found = Found::new(&desired.stack);
            found.unlistable::<Cloudfront>(desired, &error);
            found
        }
    }
}

/// Parts the distributions that are looked for by their id from the rest.
fn known(
    listed: Vec<sdk::DistributionSummary>,
    desired: &Desired,
) -> (Vec<(Address, sdk::DistributionSummary)>, Vec<sdk::DistributionSummary>) {
    let (mut known, mut others) = (Vec::new(), Vec::new());
    for summary in listed {
        let address = desired.known_as.iter().find(|(_, id)| *id == summary.id());
        match address.map(|(address, _)| address.clone()).filter(|address| address.kind() == Kind::Cloudfront)
        {
            Some(address) => known.push((address, summary)),
            None => others.push(summary),
        }
    }
    (known, others)
}

/// Looks at those whose comment names the stack; and where a desired one is not among them, since a comment can be
/// edited, at the tags of all others.
async fn candidates(
    aws: &Aws,
    listed: &[sdk::DistributionSummary],
    wanted: &[&Address],
    stack: &str,
) -> Vec<Candidate> {
    let marked =
        listed.iter().filter_map(|summary| Some((summary, marked_address(summary.comment(), stack)?)));
    let mut candidates = join_all(marked.map(|(summary, address)| look(aws, summary, address))).await;
    let is_marked = |address: &&Address| candidates.iter().any(|candidate| candidate.address == **address);
    if wanted.iter().all(is_marked) {
        return candidates;
    }
    let others = listed.iter().filter(|summary| marked_address(summary.comment(), stack).is_none());
    let others = join_all(others.map(|summary| look_by_tags(aws, summary, stack))).await;
    candidates.extend(others.into_iter().flatten());
    candidates
}

async fn look(aws: &Aws, summary: &sdk::DistributionSummary, address: Address) -> Candidate {
    let both = try_join!(get(aws, summary.id()), if_tagged(aws, summary.arn()));
    let outcome = both.map(|(versioned, tags)| live(&address, &versioned?.distribution, tags?));
    Candidate { address, outcome }
}

async fn if_tagged(aws: &Aws, arn: &str) -> Result<Option<Tags>, CallError> {
    if_there(tags_of(aws, arn).await)
}

async fn look_by_tags(aws: &Aws, summary: &sdk::DistributionSummary, stack: &str) -> Option<Candidate> {
    // Somebody else's distribution that cannot be read is no reason to stop.
    let tags = if_tagged(aws, summary.arn()).await.ok()??;
    let is_ours = tags.get(TAG_STACK).is_some_and(|owner| owner == stack);
    let address = address_of(&tags, None).filter(|_| is_ours)?;
    let outcome = get(aws, summary.id()).await;
    let outcome = outcome.map(|versioned| live(&address, &versioned?.distribution, tags));
    Some(Candidate { address, outcome })
}

/// What stands at each desired address, and what else is the stack's own.
fn claim(candidates: Vec<Candidate>, wanted: &[&Address], stack: &str) -> Found {
    let mut found = Found::new(stack);
    let mut claimed = BTreeSet::new();
    let (ours, others): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| matches!(&candidate.outcome, Ok(Some(live)) if live.is_of(stack)));
    for Candidate { address, outcome } in ours.into_iter().chain(others) {
        let is_wanted = wanted.contains(&&address);
        match outcome {
            outcome if is_wanted && !claimed.contains(&address) => {
                let is_there = !matches!(outcome, Ok(None));
                found.record(&address, outcome);
                if is_there {
                    claimed.insert(address);
                }
            }
            Ok(Some(live)) => found.stray(live),
            Ok(None) => {}
            Err(error) => found.failed(&error),
        }
    }
    wanted.iter().filter(|address| !claimed.contains(**address)).for_each(|address| found.absent(address));
    found
}

#[cfg(test)]
mod tests {
    use neap_core::desired::TAG_ADDRESS;
    use neap_core::kinds::KindOf;
    use neap_core::live::Reading;
    use neap_engine::cloud::ErrorKind;

    use super::super::to_aws::new_config;
    use super::*;
    use crate::error::refused;

    fn site() -> Address {
        "cloudfront.site".parse().expect("an address")
    }

    fn shown(id: &str, status: &str) -> sdk::Distribution {
        sdk::Distribution::builder()
            .id(id)
            .arn(format!("arn:{id}"))
            .status(status)
            .domain_name("d1.cloudfront.net")
            .last_modified_time(aws_smithy_types::DateTime::from_secs(0))
            .in_progress_invalidation_batches(0)
            .distribution_config(new_config(&Cloudfront::example()).expect("it is complete"))
            .build()
            .expect("it is complete")
    }

    fn candidate(id: &str, owner: Option<&str>) -> Candidate {
        let tags = owner.map(|address| [(TAG_STACK, "course"), (TAG_ADDRESS, address)]).unwrap_or_default();
        let tags = tags.into_iter().filter(|(key, _)| !key.is_empty());
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let address = owner.map_or_else(site, |address| address.parse().expect("an address"));
        let outcome = Ok(live(&address, &shown(id, "Deployed"), tags));
        Candidate { address, outcome }
    }

    /// Claims `candidates` for `cloudfront.site`: the reading, and the ids of the orphans.
    fn check(candidates: Vec<Candidate>, reading: &str, orphans: &[&str]) {
        let found = claim(candidates, &[&site()], "course");
        let shown = match &found.readings[&site()] {
            Reading::Absent => "absent".to_owned(),
            Reading::Present(live) => format!("present {}", live.id),
            Reading::Foreign(live) => format!("foreign {}", live.id),
            Reading::Unreadable(failure) => failure.operation.clone(),
        };
        assert_eq!(shown, reading);
        assert_eq!(found.orphans.iter().map(|live| live.id.as_str()).collect::<Vec<_>>(), orphans);
    }

    fn check_mark(comment: &str, expected: Option<&str>) {
        let address = marked_address(comment, "course").map(|address| address.to_string());
        assert_eq!(address.as_deref(), expected, "{comment}");
    }

    #[test]
    fn the_end_of_a_comment_names_stack_and_address() {
        check_mark("the site (course/cloudfront.site)", Some("cloudfront.site"));
        check_mark(" (course/cloudfront.a-b)", Some("cloudfront.a-b"));
        check_mark("(course/x) (course/cloudfront.site)", Some("cloudfront.site"));
        check_mark("the site (course-prod/cloudfront.site)", None);
        check_mark("the site (course/cloudfront.site) edited", None);
        check_mark("the site (course/ecr.site)", None);
        check_mark("", None);
    }

    #[test]
    fn the_mark_that_lowering_writes_is_the_one_that_is_read() {
        let mark = neap_core::naming::comment_mark("course", &site());
        check_mark(&format!("the site{mark}"), Some("cloudfront.site"));
    }

    #[test]
    fn a_distribution_is_read_with_status_and_outputs() {
        let read = live(&site(), &shown("E1", "InProgress"), Tags::new()).expect("it has a configuration");
        assert_eq!(read.phase, Phase::Settling("InProgress".into()));
        assert_eq!(read.resource, Cloudfront::example().into());
        let expected = [("domain_name", "d1.cloudfront.net"), ("id", "E1"), ("arn", "arn:E1")];
        assert_eq!(read.outputs, outputs(expected));
    }

    #[test]
    fn tags_tell_whose_a_distribution_is() {
        check(vec![], "absent", &[]);
        check(vec![candidate("E1", Some("cloudfront.site"))], "present E1", &[]);
        check(vec![candidate("E1", None)], "foreign E1", &[]);
        check(vec![candidate("E2", Some("cloudfront.old"))], "absent", &["E2"]);
        check(vec![candidate("E1", None), candidate("E2", Some("cloudfront.site"))], "present E2", &[]);
        let twice = vec![candidate("E1", Some("cloudfront.site")), candidate("E2", Some("cloudfront.site"))];
        check(twice, "present E1", &["E2"]);
    }

    #[test]
    fn one_that_cannot_be_read_is_not_absent() {
        let error = refused(ErrorKind::Denied, "cloudfront:GetDistribution", "no");
        check(vec![Candidate { address: site(), outcome: Err(error) }], "cloudfront:GetDistribution", &[]);
    }
}
