//! The files of a bucket: what is uploaded of a folder, under which key, with which headers, and whose caches must forget
//! what.
//!
//! Decides types, headers, order and paths as plain functions of names and hashes. Must not know where files lie, nor how
//! they are read or sent.

pub mod live;
mod media;
mod paths;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::desired::short_hash;
use crate::kinds::{Cloudfront, Site};

pub use media::content_type;
pub use paths::{ALL, MOST_PATHS, invalidation};

/// The metadata of an object that says that neap has uploaded it, and holds the SHA-256 of its content in hex. ETags tell
/// nothing of a content that was sent in parts or is encrypted with a key of KMS (reference section 3.19).
pub const MARK: &str = "neap-sha256";

/// The most bytes that are sent in one request; a larger file goes in parts.
pub const WHOLE: u64 = 16 * 1024 * 1024;

/// The size of a part, in bytes: S3 takes at least 5 MiB ("Multipart upload limits").
pub const PART: u64 = 8 * 1024 * 1024;

/// The most parts of one upload.
const MOST_PARTS: u64 = 10_000;

/// The longest key, in bytes of UTF-8 ("Naming Amazon S3 objects").
pub const LONGEST_KEY: usize = 1024;

/// What is in an object and how it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Bytes.
    pub size: u64,
    /// The SHA-256 of the content, in hex; empty where an object was not uploaded by neap, so that nobody knows.
    pub sha256: String,
    /// The media type.
    pub content_type: String,
    /// For how long caches may keep it, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
}

impl File {
    /// Whether neap has uploaded it.
    pub const fn is_marked(&self) -> bool {
        !self.sha256.is_empty()
    }
}

/// Files by key.
pub type Files = BTreeMap<String, File>;

/// A file of a folder, as whoever reads folders has found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Bytes.
    pub size: u64,
    /// The SHA-256 of the content, in hex.
    pub sha256: String,
}

/// What is wrong with a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderMistake {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What stands in a folder: its files by their paths with slashes, or everything that is wrong with it.
pub type Folder = Result<BTreeMap<String, Local>, Vec<FolderMistake>>;

/// What one set of files becomes on the way to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys of which there was no object.
    pub new: BTreeSet<String>,
    /// Keys whose object has another content or other headers.
    pub changed: BTreeSet<String>,
    /// Keys of objects that neap has uploaded and that are no longer wanted. Others are left alone.
    pub removed: BTreeSet<String>,
}

impl Changes {
    /// What turns `before` into `after`.
    pub fn between(before: &Files, after: &Files) -> Self {
        let mut changes = Self::default();
        for (key, file) in after {
            match before.get(key) {
                None => drop(changes.new.insert(key.clone())),
                Some(live) if live != file => drop(changes.changed.insert(key.clone())),
                Some(_) => {}
            }
        }
        let gone = before.iter().filter(|(key, file)| file.is_marked() && !after.contains_key(*key));
        changes.removed = gone.map(|(key, _)| key.clone()).collect();
        changes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// The keys to upload in two waves, each of which must be through before the next: pages name the rest, so they come
    /// last.
    pub fn waves(&self) -> [Vec<&str>; 2] {
        let all = self.new.iter().chain(&self.changed).map(String::as_str);
        let (pages, rest) = all.partition(|key| is_page(key));
        [rest, pages]
    }
}

fn is_page(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.ends_with(".html")
        || key.ends_with(".htm")
        || !key.rsplit('/').next().unwrap_or_default().contains('.')
}

/// The size of the parts in which so many bytes are sent.
pub const fn part_size(size: u64) -> u64 {
    let least = size.div_ceil(MOST_PARTS);
    if least > PART { least } else { PART }
}

/// The hash of everything that can be seen of these files, eight bytes in hex: what a distribution is compared by. What neap
/// has not uploaded does not count.
pub fn hash(files: &Files) -> String {
    let mut text = String::new();
    for (key, file) in files.iter().filter(|(_, file)| file.is_marked()) {
        let File { size: _, sha256, content_type, cache_control } = file;
        let cache_control = cache_control.as_deref().unwrap_or_default();
        text.extend([key.as_str(), "\0", sha256, "\0", content_type, "\0", cache_control, "\0"]);
    }
    short_hash(&text)
}

/// The SHA-256 of `bytes`, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The SHA-256 of a content that comes piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all pieces, in hex.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _always = write!(text, "{byte:02x}");
        text
    })
}

/// Whether `glob` means all of `key`: `*` stands for anything, slashes too, and `?` for one character.
pub fn matches(glob: &str, key: &str) -> bool {
    let (glob, key): (Vec<char>, Vec<char>) = (glob.chars().collect(), key.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last star stands, and how far it reaches.
    let mut star: Option<(usize, usize)> = None;
    while read < key.len() {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == key[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((stood, reached)) = star else { return false };
                star = Some((stood, reached + 1));
                (at, read) = (stood + 1, reached + 1);
            }
        }
    }
    glob[at..].iter().all(|left| *left == '*')
}

/// What the tags of a distribution are called in which it is noted which files its caches hold at most.
const TAG: &str = "neap:files/";

/// The tag of a distribution whose caches must forget everything once it is deployed, since other origins answer then. It is put before
/// the change, so that a run which ends in between is made up for; its value is another for each change.
pub const TAG_FORGET: &str = "neap:forget";

/// Whether `key` is a tag that is noted on a distribution when files behind it change: no field of the distribution's own.
pub fn is_note(key: &str) -> bool {
    key == TAG_FORGET || key.starts_with(TAG)
}

/// The tag of a distribution in which is noted what its caches know of the files called `name`.
pub fn note_key(name: &str) -> String {
    format!("{TAG}{name}")
}

/// The value of that tag once caches know nothing older than the files of this [`hash`]; `last` is the id of the invalidation
/// that saw to it, if one was needed. Ids are never used twice, so neither is the value.
pub fn note(hash: &str, last: Option<&str>) -> String {
    last.map_or_else(|| hash.to_owned(), |last| format!("{hash}/{last}"))
}

/// What a live distribution with these tags knows of the files called `name`, if anything is noted.
pub fn site(
    name: &str,
    arn: &str,
    distribution: &Cloudfront,
    tags: &BTreeMap<String, String>,
) -> Option<Site> {
    let note = tags.get(&note_key(name))?;
    let hash = note.split('/').next().unwrap_or_default();
    Some(Site {
        arn: arn.to_owned(),
        known: hash.to_owned(),
        root: distribution.default_root_object.clone(),
        rewritten: distribution.rewrites(&format!("bucket.{name}")),
        note: note.clone(),
    })
}

/// What makes a repeated invalidation find the first one: the distribution, what was noted before, what is to be noted and the
/// paths. A way from one content to another that was gone before has another note at its start.
pub fn caller_reference(arn: &str, before: &str, hash: &str, paths: &[String]) -> String {
    format!("neap/{}", short_hash(&format!("{arn}\n{before}\n{hash}\n{}", paths.join("\n"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> File {
        let size = content.len() as u64;
        File {
            size,
            sha256: sha256(content.as_bytes()),
            content_type: "text/plain".into(),
            cache_control: None,
        }
    }

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(key, content)| ((*key).to_owned(), file(content))).collect()
    }

    #[test]
    fn what_is_new_changed_and_removed_is_told_apart() {
        let mut before = files(&[("a", "1"), ("b", "1"), ("c", "1")]);
        before.insert("theirs".into(), File { sha256: String::new(), ..file("x") });
        let after = files(&[("a", "1"), ("b", "2"), ("d", "1")]);
        let changes = Changes::between(&before, &after);
        let set = |key: &str| BTreeSet::from([key.to_owned()]);
        assert_eq!(changes, Changes { new: set("d"), changed: set("b"), removed: set("c") });
        assert!(Changes::between(&after, &after).is_empty());
    }

    #[test]
    fn other_headers_are_a_change_too() {
        let before = files(&[("a", "1")]);
        let mut after = before.clone();
        after.get_mut("a").expect("it is there").cache_control = Some("no-cache".into());
        assert_eq!(Changes::between(&before, &after).changed.len(), 1);
        assert_ne!(hash(&before), hash(&after));
    }

    #[test]
    fn pages_come_after_what_they_name() {
        let after = files(&[("index.html", ""), ("assets/app.js", ""), ("about", ""), ("a.HTM", "")]);
        let changes = Changes::between(&Files::new(), &after);
        assert_eq!(changes.waves(), [vec!["assets/app.js"], vec!["a.HTM", "about", "index.html"]]);
    }

    #[test]
    fn a_star_means_slashes_too() {
        for (glob, key, expected) in [
            ("*.html", "a/b/index.html", true),
            ("*.html", "a.htm", false),
            ("assets/*", "assets/js/app.js", true),
            ("assets/*", "other/assets/app.js", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(glob, key), expected, "{glob} {key}");
        }
    }

    #[test]
    fn parts_are_large_enough_for_ten_thousand_of_them() {
        assert_eq!(part_size(WHOLE + 1), PART);
        let large = 200 * 1024 * 1024 * 1024;
        assert!(large / part_size(large) <= MOST_PARTS);
    }

    #[test]
    fn going_back_and_forth_is_another_invalidation_each_time() {
        let paths = ["/index.html".to_owned()];
        let first = caller_reference("arn", &note("a", Some("I1")), "b", &paths);
        let second = caller_reference("arn", &note("a", Some("I3")), "b", &paths);
        assert_ne!(first, second);
        assert_eq!(first, caller_reference("arn", "a/I1", "b", &paths));
    }
}
