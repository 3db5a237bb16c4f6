//! The files of a bucket in a plan: how many, how much, and each of them for those who ask.
//!
//! Must not know how a plan is laid out around them.

use neap_core::files::{Changes, File, Files, MOST_PATHS, hash, invalidation};
use neap_core::kinds::{BucketFiles, Resource};
use neap_core::plan::{Action, Change};

use super::style::{self, paint};

/// What a change of files comes to, each line after `indent` spaces; nothing if it is of another kind. With `all`, every file is
/// listed.
pub(crate) fn fields(change: &Change, indent: usize, all: bool) -> Option<String> {
    let nothing = Files::new();
    let of = |resource: Option<&'_ Resource>| match resource {
        Some(Resource::BucketFiles(_)) => true,
        Some(_) | None => false,
    };
    let desired = change.desired.as_ref().map(|desired| &desired.resource);
    let live = change.live.as_ref().map(|live| &live.resource);
    if !of(desired) && !of(live) {
        return None;
    }
    let after = desired.and_then(files_of).filter(|_| change.action != Action::Delete);
    let before = live.and_then(files_of);
    let (old, new) = (before.map_or(&nothing, |it| &it.files), after.map_or(&nothing, |it| &it.files));
    let changes = Changes::between(old, new);
    let mut lines = Vec::new();
    if !changes.is_empty() {
        lines.push(counts(&changes, new));
    }
    if let (Some(before), Some(after)) = (before, after) {
        lines.extend(caches(before, after, &changes));
    }
    if all {
        lines.extend(listed(&changes, old, new));
    }
    Some(lines.iter().map(|line| format!("{:indent$}{line}\n", "")).collect())
}

fn files_of(resource: &Resource) -> Option<&BucketFiles> {
    match resource {
        Resource::BucketFiles(files) => Some(files),
        _ => None,
    }
}

/// `files: 2 new, 1 changed, 1 removed, 3.2 KB to upload`.
fn counts(changes: &Changes, after: &Files) -> String {
    let part = |count: usize, word: &str| (count > 0).then(|| format!("{count} {word}"));
    let parts = [
        part(changes.new.len(), "new"),
        part(changes.changed.len(), "changed"),
        part(changes.removed.len(), "removed"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let sent = changes.new.iter().chain(&changes.changed).filter_map(|key| after.get(key));
    let sent: u64 = sent.map(|file| file.size).sum();
    let upload = if changes.new.is_empty() && changes.changed.is_empty() {
        String::new()
    } else {
        format!(", {} to upload", bytes(sent))
    };
    format!("files: {}{upload}", parts.join(", "))
}

/// What each distribution is made to forget.
fn caches(before: &BucketFiles, after: &BucketFiles, changes: &Changes) -> Vec<String> {
    let site = |(at, site): (&String, &neap_core::kinds::Site)| {
        let known = before.sites.get(at).filter(|known| known.arn == site.arn);
        let is_exact = known.is_some_and(|known| known.known == hash(&before.files));
        if is_exact && changes.is_empty() {
            return None;
        }
        let paths = invalidation(is_exact.then_some(changes), site);
        let told = match paths.as_slice() {
            [] => return None,
            [all] if all == "/*" && is_exact && site.rewritten => {
                "/*, since a function may ask for other paths than viewers do".to_owned()
            }
            [all] if all == "/*" && is_exact => format!("/*, since more than {MOST_PATHS} paths changed"),
            [all] if all == "/*" => "/*, since nobody knows what it holds".to_owned(),
            [one] => one.clone(),
            paths => format!("{} paths", paths.len()),
        };
        Some(format!("caches of {}: {told}", paint(style::NAME, at)))
    };
    after.sites.iter().filter_map(site).collect()
}

fn listed(changes: &Changes, before: &Files, after: &Files) -> Vec<String> {
    let about = |file: &File| {
        let File { size, content_type, cache_control, .. } = file;
        let cache_control = cache_control.as_ref().map(|it| format!(", {it}")).unwrap_or_default();
        format!("{}, {content_type}{cache_control}", bytes(*size))
    };
    let line = |sign: &str, of: anstyle::Style, key: &String, about: String| {
        format!("{} {}", paint(of, &format!("{sign} {key}")), paint(style::FAINT, &format!("({about})")))
    };
    let new = changes.new.iter().map(|key| line("+", style::GOOD, key, about(&after[key])));
    let changed = changes.changed.iter().map(|key| {
        let theirs = if before[key].is_marked() { "" } else { "; not uploaded by neap" };
        line("~", style::CHANGE, key, about(&after[key]) + theirs)
    });
    let removed = changes.removed.iter().map(|key| line("-", style::GONE, key, bytes(before[key].size)));
    new.chain(changed).chain(removed).collect()
}

/// A number of bytes in a unit in which it is short: `1.2 KB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "KB")];
    let unit = UNITS.into_iter().find(|(size, _)| bytes >= *size);
    unit.map_or_else(
        || format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" }),
        |(size, unit)| format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size),
    )
}

#[cfg(test)]
mod tests {
    use neap_core::address::{Address, Kind};
    use neap_core::kinds::KindOf;
    use neap_core::plan::Reason;

    use super::*;
    use crate::fixture;

    fn change(edit: impl FnOnce(&mut BucketFiles)) -> Change {
        let address = Address::new(Kind::BucketFiles, "web");
        let mut change = fixture::change(&address, Action::Update, Reason::Differs);
        let mut after = BucketFiles::example();
        edit(&mut after);
        for site in after.sites.values_mut() {
            site.known = hash(&after.files);
        }
        change.desired = Some(fixture::desired(after));
        change
    }

    fn told(change: &Change, all: bool) -> String {
        anstream::adapter::strip_str(&fields(change, 2, all).expect("files")).to_string()
    }

    fn put(files: &mut BucketFiles, key: &str, size: u64) {
        let file =
            File { size, sha256: "other".into(), ..BucketFiles::example().files["index.html"].clone() };
        files.files.insert(key.to_owned(), file);
    }

    #[test]
    fn files_are_counted_and_listed_for_those_who_ask() {
        let change = change(|files| {
            put(files, "index.html", 2345);
            put(files, "new.html", 1);
        });
        let counted = "  files: 1 new, 1 changed, 2.3 KB to upload\n  caches of cloudfront.site: 2 paths\n";
        assert_eq!(told(&change, false), counted);
        let listed = "  + new.html (1 byte, text/html; charset=utf-8, no-cache)\n  ~ index.html (2.3 KB, text/html; charset=utf-8, no-cache)\n";
        assert_eq!(told(&change, true), format!("{counted}{listed}"));
    }

    #[test]
    fn a_distribution_of_which_nothing_is_noted_forgets_everything() {
        let mut change = change(|_| {});
        if let Some(Resource::BucketFiles(files)) = change.live.as_mut().map(|live| &mut live.resource) {
            files.sites.clear();
        }
        assert_eq!(
            told(&change, false),
            "  caches of cloudfront.site: /*, since nobody knows what it holds\n"
        );
    }

    #[test]
    fn bytes_have_a_unit_in_which_they_are_short() {
        for (number, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.0 KB"),
            (16_777_216, "16.7 MB"),
            (2_000_000_000, "2.0 GB"),
        ] {
            assert_eq!(bytes(number), expected);
        }
    }
}
