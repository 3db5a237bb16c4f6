//! Making the caches of distributions forget files that have changed (reference section 3.23).
//!
//! Decides when a distribution is asked, and what is noted about it. An invalidation is no resource that could be read back, so
//! what caches know is noted in a tag of the distribution once it has been asked: until then every run asks again.

use aws_sdk_cloudfront::types as sdk;
use neap_core::files::{self, Changes, Files};
use neap_core::kinds::{BucketFiles, Site};
use neap_engine::cloud::{CallError, ErrorKind};

use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::tags::{Tags, to_cloudfront};

const CREATE: &str = "cloudfront:CreateInvalidation";

/// Asks every distribution in front of the files called `name` whose caches may know something older. Where there were no files
/// before, there is nothing to forget.
pub(super) async fn sites(
    aws: &Aws,
    name: &str,
    before: Option<&BucketFiles>,
    after: &BucketFiles,
) -> Result<(), CallError> {
    for (at, site) in &after.sites {
        let known = before.and_then(|before| before.sites.get(at)).filter(|known| known.arn == site.arn);
        let is_known = known.is_some_and(|known| known.known == site.known);
        if is_known && before.is_some_and(|before| before.files == after.files) {
            continue;
        }
        let paths = paths(before.map(|before| &before.files), known, site, &after.files);
        let note = known.map_or("", |known| known.note.as_str());
        let last = if paths.is_empty() {
            note.split_once('/').map(|(_, last)| last.to_owned())
        } else {
            let reference = files::caller_reference(&site.arn, note, &site.known, &paths);
            Some(invalidate(aws, &site.arn, &reference, paths).await?)
        };
        let noted = files::note(&site.known, last.as_deref());
        if noted != note {
            take_note(aws, name, &site.arn, noted).await?;
        }
    }
    Ok(())
}

/// The paths that a distribution must forget. Only one that is known to know nothing but `before` need not forget everything.
fn paths(before: Option<&Files>, known: Option<&Site>, site: &Site, after: &Files) -> Vec<String> {
    let Some(before) = before else { return Vec::new() };
    let is_exact = known.is_some_and(|known| known.known == files::hash(before));
    let changes = is_exact.then(|| Changes::between(before, after));
    files::invalidation(changes.as_ref(), &site.root)
}

async fn invalidate(aws: &Aws, arn: &str, reference: &str, paths: Vec<String>) -> Result<String, CallError> {
    let unfinished = |error: aws_smithy_types::error::operation::BuildError| {
        refused(ErrorKind::Invalid, CREATE, error.to_string())
    };
    let quantity = i32::try_from(paths.len()).unwrap_or(i32::MAX);
    let paths =
        sdk::Paths::builder().quantity(quantity).set_items(Some(paths)).build().map_err(unfinished)?;
    let batch = sdk::InvalidationBatch::builder().caller_reference(reference).paths(paths);
    let batch = batch.build().map_err(unfinished)?;
    let id = arn.rsplit('/').next().unwrap_or_default();
    let call = aws.cloudfront.create_invalidation().distribution_id(id).invalidation_batch(batch);
    let answer = call.send().await.map_err(failed(CREATE))?;
    answer.invalidation.map(|made| made.id).ok_or_else(|| incomplete(CREATE, "Invalidation"))
}

async fn take_note(aws: &Aws, name: &str, arn: &str, noted: String) -> Result<(), CallError> {
    let tags = to_cloudfront(&Tags::from([(files::note_key(name), noted)]))?;
    let call =
        aws.cloudfront.tag_resource().resource(arn).tags(sdk::Tags::builder().set_items(Some(tags)).build());
    call.send().await.map(|_| ()).map_err(failed("cloudfront:TagResource"))
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    #[test]
    fn what_is_not_noted_is_forgotten_as_a_whole_and_what_was_not_there_not_at_all() {
        let BucketFiles { files, sites, .. } = BucketFiles::example();
        let site = &sites["cloudfront.site"];
        assert!(paths(None, None, site, &files).is_empty());
        assert_eq!(paths(Some(&files), None, site, &files), ["/*"]);
        let mut before = files.clone();
        before.get_mut("index.html").expect("it is there").sha256 = "another".into();
        let known = Site { known: files::hash(&before), ..site.clone() };
        assert_eq!(paths(Some(&before), Some(&known), site, &files), ["/", "/index.html"]);
        assert_eq!(paths(Some(&before), Some(site), site, &files), ["/*"], "its note is about other files");
    }
}
