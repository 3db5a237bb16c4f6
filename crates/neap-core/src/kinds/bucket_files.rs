//! The files that a stack keeps in a bucket: those of a folder.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;
use crate::files::{self, File, Files};

/// A distribution that answers with the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Its ARN.
    pub arn: String,
    /// The [hash](files::hash) of the files than which its caches know nothing older.
    pub known: String,
    /// The key that answers `/`; empty for none.
    pub root: String,
    /// Whether a function may ask for other paths than viewers do.
    #[serde(default)]
    pub rewritten: bool,
    /// What is noted about that in its tags.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// The files in a bucket that neap has uploaded. Nothing of it is tagged: each object is marked in its metadata, and the bucket's
/// tags say that there are such objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketFiles {
    /// The bucket's name.
    pub bucket: String,
    /// The folder that the files come from, as the stack file names it; empty where it is not known.
    pub folder: String,
    /// The files by key.
    pub files: Files,
    /// The distributions that answer with them, by address.
    pub sites: BTreeMap<String, Site>,
}

impl BucketFiles {
    /// How many files there are, and how many bytes they have together.
    pub fn total(&self) -> (usize, u64) {
        (self.files.len(), self.files.values().map(|file| file.size).sum())
    }
}

impl KindOf for BucketFiles {
    const KIND: Kind = Kind::BucketFiles;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["bucket"],
        ignore_unset: &[],
        unordered: &[],
        documents: &["files"],
        hidden: &["folder", "sites.root", "sites.rewritten", "sites.note"],
    };

    fn aws_name(&self) -> &str {
        &self.bucket
    }

    fn example() -> Self {
        let file = File {
            size: 12,
            sha256: files::sha256(b"<p>Hello</p>"),
            content_type: "text/html; charset=utf-8".into(),
            cache_control: Some("no-cache".into()),
        };
        let files = Files::from([("index.html".to_owned(), file)]);
        let known = files::hash(&files);
        let site = Site {
            arn: "arn:aws:cloudfront::123456789012:distribution/E1".into(),
            note: files::note(&known, Some("I1")),
            known,
            root: "index.html".into(),
            rewritten: false,
        };
        Self {
            bucket: "course-web-123456789012".into(),
            folder: "web".into(),
            files,
            sites: [("cloudfront.site".to_owned(), site)].into(),
        }
    }
}
