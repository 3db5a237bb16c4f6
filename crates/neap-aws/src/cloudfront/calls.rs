//! Creating, changing and deleting distributions.
//!
//! Decides which calls a difference takes. Must not know how long a deployment takes.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_cloudfront::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use neap_core::kinds::Cloudfront;
use neap_core::live::{LiveResource, Outputs};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::from_aws::from_aws;
use super::invalidation::{make_up, note};
use super::read::{Versioned, get, list, live, marked_address, tags_of};
use super::to_aws::{change, new_config};
use crate::adopt::{adopt, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::tags::{TagChanges, to_cloudfront};

const CREATE: &str = "cloudfront:CreateDistributionWithTags";
const UPDATE: &str = "cloudfront:UpdateDistribution";
const DELETE: &str = "cloudfront:DeleteDistribution";

fn unfinished(operation: &'static str) -> impl Fn(BuildError) -> CallError {
    move |error| refused(ErrorKind::Invalid, operation, error.to_string())
}

async fn create_as(
    aws: &Aws,
    wanted: &Wanted<'_, Cloudfront>,
    caller_reference: &str,
) -> Result<Outputs, CallError> {
    let mut config = new_config(wanted.fields).map_err(unfinished(CREATE))?;
    caller_reference.clone_into(&mut config.caller_reference);
    let tags = sdk::Tags::builder().set_items(Some(to_cloudfront(&wanted.all_tags())?)).build();
    let config = sdk::DistributionConfigWithTags::builder().distribution_config(config).tags(tags).build();
    let call = aws.cloudfront.create_distribution_with_tags().distribution_config_with_tags(config);
    let answer = call.send().await.map_err(failed(CREATE))?;
    let distribution = answer.distribution().ok_or_else(|| incomplete(CREATE, "Distribution"))?;
    Ok(outputs_of(distribution))
}

fn outputs_of(distribution: &sdk::Distribution) -> Outputs {
    let domain_name = distribution.domain_name();
    outputs([("domain_name", domain_name), ("id", distribution.id()), ("arn", distribution.arn())])
}

/// Looks for the distribution that an earlier attempt created: by its tags, those with the wanted mark in their
/// comment first. Without one, something that has only the mark.
async fn find(aws: &Aws, wanted: &Wanted<'_, Cloudfront>) -> Result<Option<LiveResource>, CallError> {
    let address = wanted_address(wanted)?;
    let is_marked = |summary: &sdk::DistributionSummary| {
        marked_address(summary.comment(), wanted.stack()).as_ref() == Some(&address)
    };
    let mut listed = list(aws).await?;
    listed.sort_by_key(|summary| !is_marked(summary));
    let mut foreign = None;
    for summary in &listed {
        let tags = tags_of(aws, summary.arn()).await?;
        let is_own = wanted.is_marked(&tags);
        if !is_own && !is_marked(summary) {
            continue;
        }
        let found = get(aws, summary.id()).await?;
        let found = found.and_then(|versioned| live(&address, &versioned.distribution, tags));
        if is_own && found.is_some() {
            return Ok(found);
        }
        foreign = foreign.or(found);
    }
    Ok(foreign)
}

/// Whether a configuration is already as wanted. What made its create repeatable stays as it is for ever.
fn is_as_wanted(config: &sdk::DistributionConfig, wanted: &Cloudfront) -> bool {
    let mut live = from_aws(config);
    live.caller_reference.clone_from(&wanted.caller_reference);
    live == *wanted
}

/// How far a create or update has come. A configuration from before it comes with the status of that time, which says
/// nothing about the one that is wanted.
fn progress(shown: &sdk::Distribution, wanted: &Cloudfront) -> Progress {
    if !shown.distribution_config().is_some_and(|config| is_as_wanted(config, wanted)) {
        return Progress::Pending("the change is not visible yet".to_owned());
    }
    match shown.status() {
        "Deployed" => Progress::Done,
        status => Progress::Pending(status.to_owned()),
    }
}

async fn put(aws: &Aws, etag: &str, id: &str, config: sdk::DistributionConfig) -> Result<(), CallError> {
    let call = aws.cloudfront.update_distribution().id(id).if_match(etag).distribution_config(config);
    call.send().await.map(|_| ()).map_err(failed(UPDATE)).map_err(moved)
}

/// A version that is no longer the newest: the same once more, from a fresh look.
pub(super) fn moved(error: CallError) -> CallError {
    match error.code.as_deref() {
        Some("PreconditionFailed" | "InvalidIfMatchVersion") => {
            CallError { kind: ErrorKind::NotYet, ..error }
        }
        _ => error,
    }
}

/// Brings the tags of the distribution or function `arn` in line.
pub(crate) async fn set_tags(aws: &Aws, arn: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let tags = sdk::Tags::builder().set_items(Some(to_cloudfront(&changes.set)?)).build();
        let call = aws.cloudfront.tag_resource().resource(arn).tags(tags);
        call.send().await.map_err(failed("cloudfront:TagResource"))?;
    }
    if !changes.remove.is_empty() {
        let keys = sdk::TagKeys::builder().set_items(Some(changes.remove.clone())).build();
        let call = aws.cloudfront.untag_resource().resource(arn).tag_keys(keys);
        call.send().await.map_err(failed("cloudfront:UntagResource"))?;
    }
    Ok(())
}

/// Stops a distribution from answering, which AWS asks for before it deletes one.
async fn disable(aws: &Aws, versioned: Versioned) -> Result<(), CallError> {
    let Versioned { distribution, etag } = versioned;
    let Some(mut config) = distribution.distribution_config else { return Ok(()) };
    if !config.enabled {
        return Ok(());
    }
    config.enabled = false;
    put(aws, &etag, &distribution.id, config).await
}

impl Remote for Cloudfront {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let reference = wanted.fields.caller_reference.as_str();
        let error = match create_as(aws, wanted, reference).await {
            // Which of the two comes when an answer was lost, and the names are its own already, AWS does not say.
            Err(error)
                if matches!(
                    error.code.as_deref(),
                    Some("DistributionAlreadyExists" | "CNAMEAlreadyExists")
                ) =>
            {
                error
            }
            outcome => return outcome,
        };
        match find(aws, wanted).await? {
            Some(found) => adopt(aws, wanted, Some(found), error).await,
            None if error.code.as_deref() == Some("CNAMEAlreadyExists") => Err(error),
            // AWS remembers the reference of one that was deleted, and nothing of ours is left: only another
            // reference makes a new one.
            None => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
                create_as(aws, wanted, &format!("{reference}/{now}")).await
            }
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let id = held.live.id.as_str();
        let missing = || refused(ErrorKind::NotFound, UPDATE, format!("`{id}` is gone"));
        let Versioned { distribution, etag } = get(aws, id).await?.ok_or_else(missing)?;
        let outputs = outputs_of(&distribution);
        let config = distribution.distribution_config;
        let mut config =
            config.ok_or_else(|| incomplete("cloudfront:GetDistribution", "DistributionConfig"))?;
        if !is_as_wanted(&config, wanted.fields) {
            if from_aws(&config).is_stale_as(wanted.fields) {
                note(aws, &distribution.arn, &etag).await?;
            }
            change(&mut config, wanted.fields).map_err(unfinished(UPDATE))?;
            put(aws, &etag, id, config).await?;
        }
        set_tags(aws, &distribution.arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(outputs)
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        match get(aws, &held.live.id).await? {
            Some(versioned) => disable(aws, versioned).await,
            None => Ok(()),
        }
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let id = outputs.get("id").ok_or_else(|| incomplete(CREATE, "Id"))?;
        let Some(Versioned { distribution, .. }) = get(aws, id).await? else {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        };
        match progress(&distribution, wanted.fields) {
            Progress::Done => make_up(aws, &distribution.arn).await,
            progress => Ok(progress),
        }
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let id = held.live.id.as_str();
        let Some(versioned) = get(aws, id).await? else { return Ok(Progress::Done) };
        let is_enabled = versioned.distribution.distribution_config().is_some_and(|config| config.enabled());
        if is_enabled {
            // Somebody enabled it again.
            disable(aws, versioned).await?;
            return Ok(Progress::Pending("disabling".to_owned()));
        }
        if versioned.distribution.status() != "Deployed" {
            return Ok(Progress::Pending("disabling".to_owned()));
        }
        let answer = aws.cloudfront.delete_distribution().id(id).if_match(&versioned.etag).send().await;
        match answer.map_err(failed(DELETE)).map_err(moved) {
            Ok(_) => Ok(Progress::Done),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Progress::Done),
            Err(error) if matches!(error.kind, ErrorKind::InUse | ErrorKind::NotYet) => {
                Ok(Progress::Pending("disabled".to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    #[test]
    fn another_caller_reference_is_no_difference() {
        let mut config = new_config(&Cloudfront::example()).expect("it is complete");
        config.caller_reference = "neap/course/cloudfront.site/1".into();
        assert!(is_as_wanted(&config, &Cloudfront::example()));
        config.comment = "edited".into();
        assert!(!is_as_wanted(&config, &Cloudfront::example()));
    }

    fn check_progress(status: &str, edit: impl FnOnce(&mut sdk::DistributionConfig), expected: &Progress) {
        let mut config = new_config(&Cloudfront::example()).expect("it is complete");
        edit(&mut config);
        let shown = sdk::Distribution::builder()
            .id("E1")
            .arn("arn:E1")
            .status(status)
            .domain_name("d1.cloudfront.net")
            .last_modified_time(aws_smithy_types::DateTime::from_secs(0))
            .in_progress_invalidation_batches(0)
            .distribution_config(config)
            .build()
            .expect("it is complete");
        assert_eq!(&progress(&shown, &Cloudfront::example()), expected);
    }

    #[test]
    fn a_distribution_is_ready_once_the_wanted_configuration_is_deployed() {
        check_progress("Deployed", |_| {}, &Progress::Done);
        check_progress("InProgress", |_| {}, &Progress::Pending("InProgress".into()));
        let by_another_reference =
            |config: &mut sdk::DistributionConfig| config.caller_reference.push_str("/1");
        check_progress("Deployed", by_another_reference, &Progress::Done);
    }

    #[test]
    fn a_configuration_from_before_the_change_is_not_ready_although_it_is_deployed() {
        let before = |config: &mut sdk::DistributionConfig| config.enabled = !config.enabled;
        check_progress("Deployed", before, &Progress::Pending("the change is not visible yet".into()));
    }

    #[test]
    fn a_stale_version_is_tried_again() {
        let error = |code: &str| CallError {
            code: Some(code.to_owned()),
            ..refused(ErrorKind::Conflict, UPDATE, "it moved")
        };
        assert_eq!(moved(error("PreconditionFailed")).kind, ErrorKind::NotYet);
        assert_eq!(moved(error("InvalidIfMatchVersion")).kind, ErrorKind::NotYet);
        assert_eq!(moved(error("CNAMEAlreadyExists")).kind, ErrorKind::Conflict);
    }
}
