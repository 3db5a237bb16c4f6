//! CloudFront: what makes a distribution's caches forget, and what is noted about that in its tags (reference section 3.23).

use std::collections::BTreeMap;

use neap_core::files::{self, Changes, Files, TAG_FORGET};
use neap_core::kinds::{BucketFiles, Cloudfront, Site};
use neap_core::live::Outputs;
use neap_engine::cloud::{CallError, Progress};
use serde::{Deserialize, Serialize};

use super::Request;
use super::request::change_tags;
use crate::arn;
use crate::clock::Millis;
use crate::error::{Answer, Rejection};
use crate::rules;
use crate::world::World;

/// How long an invalidation takes (3.23: typically less than two minutes).
const COMPLETES: Millis = 60_000;
/// How many paths can be under way for a distribution at one time, and how many of them with a wildcard ("Quotas").
const PATHS: usize = 3000;
const WILDCARDS: usize = 15;

/// An invalidation, under way or completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invalidation {
    id: String,
    distribution: String,
    paths: Vec<String>,
    until: Millis,
}

/// Makes the caches of every distribution in front of the files forget what has changed since `before`; nothing is known of that
/// where there were no files.
pub(super) async fn sites(
    request: &Request<'_>,
    before: Option<&BucketFiles>,
    after: &BucketFiles,
) -> Result<(), CallError> {
    for (at, site) in &after.sites {
        let known = before.and_then(|before| before.sites.get(at)).filter(|known| known.arn == site.arn);
        if known.is_some_and(|known| known.known == site.known)
            && before.is_some_and(|it| it.files == after.files)
        {
            continue;
        }
        self::site(request, before.map(|before| &before.files), known, site, &after.files).await?;
    }
    Ok(())
}

async fn site(
    request: &Request<'_>,
    before: Option<&Files>,
    known: Option<&Site>,
    site: &Site,
    after: &Files,
) -> Result<(), CallError> {
    let paths = match before {
        None => Vec::new(),
        Some(before) => {
            let is_exact = known.is_some_and(|known| known.known == files::hash(before));
            let changes = is_exact.then(|| Changes::between(before, after));
            files::invalidation(changes.as_ref(), site)
        }
    };
    let note = known.map_or("", |known| known.note.as_str());
    let last = match paths.is_empty() {
        true => note.split_once('/').map(|(_, last)| last.to_owned()),
        false => {
            let reference = files::caller_reference(&site.arn, note, &site.known, &paths);
            let create = |world: &mut World| create(world, &site.arn, &reference, paths);
            Some(request.call("cloudfront:CreateInvalidation", create).await?)
        }
    };
    let noted = files::note(&site.known, last.as_deref());
    if noted == note {
        return Ok(());
    }
    let added = BTreeMap::from([(files::note_key(request.address.name()), noted)]);
    let tag = |world: &mut World| {
        rules::tags("InvalidTagging", &added)?;
        change_tags(world, &site.arn, |tags| tags.extend(added))
    };
    request.call("cloudfront:TagResource", tag).await
}

/// Notes that the caches of a distribution must forget everything once it is deployed.
pub(super) async fn note(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let note = |world: &mut World| {
        let version = world.now.to_string();
        change_tags(world, arn, |tags| drop(tags.insert(TAG_FORGET.to_owned(), version)))
    };
    request.call("cloudfront:TagResource", note).await
}

/// Makes the caches of a deployed distribution forget everything if that was noted, and takes the note away.
pub(crate) async fn make_up(request: &Request<'_>, outputs: &Outputs) -> Result<Progress, CallError> {
    request.sim.poll("cloudfront:ListTagsForResource", &request.address).await?;
    let Some(arn) = outputs.get("arn") else { return Ok(Progress::Done) };
    let noted = |world: &World| world.record(arn).and_then(|record| record.tags.get(TAG_FORGET).cloned());
    let Some(version) = request.sim.look_as_shown(noted) else { return Ok(Progress::Done) };
    let paths = vec![files::ALL.to_owned()];
    let reference = files::caller_reference(arn, &version, "", &paths);
    let create = |world: &mut World| create(world, arn, &reference, paths);
    request.call("cloudfront:CreateInvalidation", create).await?;
    let done = |world: &mut World| change_tags(world, arn, |tags| drop(tags.remove(TAG_FORGET)));
    request.call("cloudfront:UntagResource", done).await?;
    Ok(Progress::Pending("its caches forget".to_owned()))
}

fn create(world: &mut World, distribution: &str, reference: &str, paths: Vec<String>) -> Answer<String> {
    let missing = || Rejection::not_found("NoSuchDistribution", "The specified distribution does not exist.");
    world.get::<Cloudfront>(distribution).ok_or_else(missing)?;
    for path in &paths {
        let fits = path.starts_with('/') && path.is_ascii() && !path.contains(' ');
        rules::require(fits, "InvalidArgument", || {
            format!("Your request contains one or more invalid invalidation paths: {path}")
        })?;
        let star = path.find('*');
        rules::require(star.is_none_or(|at| at + 1 == path.len()), "InvalidArgument", || {
            format!("a wildcard may only stand at the end of {path}")
        })?;
    }
    let key = format!("{distribution} {reference}");
    if let Some(first) = world.invalidations.get(&key) {
        if first.paths == paths {
            return Ok(first.id.clone());
        }
        let message = "An invalidation batch with this caller reference and other paths exists already.";
        return Err(Rejection::invalid("InvalidationBatchAlreadyExists", message));
    }
    let now = world.now;
    let under_way =
        world.invalidations.values().filter(|it| it.distribution == distribution && it.until > now);
    let all: Vec<&String> = under_way.flat_map(|it| &it.paths).chain(&paths).collect();
    let wildcards = all.iter().filter(|path| path.ends_with('*')).count();
    if wildcards > WILDCARDS || all.len() > PATHS {
        let message = "You have exceeded the maximum number of allowable InProgress invalidation paths.";
        return Err(Rejection::not_yet("TooManyInvalidationsInProgress", message));
    }
    let id = format!("I{}", arn::letters(&world.seed(&key), 13, arn::CAPITALS));
    let until = now + COMPLETES;
    let made = Invalidation { id: id.clone(), distribution: distribution.to_owned(), paths, until };
    world.invalidations.insert(key, made);
    Ok(id)
}
