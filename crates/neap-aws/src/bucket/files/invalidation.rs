//! Making the caches of distributions forget files that have changed (reference section 3.23).
//!
//! Decides when a distribution is asked, and what is noted about it. An invalidation is no resource that could be read back, so
//! what caches know is noted in a tag of the distribution once it has been asked: until then every run asks again.

use neap_core::files::{self, Changes, Files};
use neap_core::kinds::{BucketFiles, Site};
use neap_engine::cloud::CallError;

use crate::client::Aws;
use crate::cloudfront::{invalidate, set_tags};
use crate::tags::{TagChanges, Tags};

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
            let set = Tags::from([(files::note_key(name), noted)]);
            set_tags(aws, &site.arn, &TagChanges { set, remove: Vec::new() }).await?;
        }
    }
    Ok(())
}

/// The paths that a distribution must forget. Only one that is known to know nothing but `before` need not forget everything.
fn paths(before: Option<&Files>, known: Option<&Site>, site: &Site, after: &Files) -> Vec<String> {
    let Some(before) = before else { return Vec::new() };
    let is_exact = known.is_some_and(|known| known.known == files::hash(before));
    let changes = is_exact.then(|| Changes::between(before, after));
    files::invalidation(changes.as_ref(), site)
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
