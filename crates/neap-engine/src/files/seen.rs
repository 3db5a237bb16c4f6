//! What objects were found to be when they were looked at: a listing shows no metadata, and a look at each of ten thousand objects
//! takes long.
//!
//! Decides whether a listed object is the one that was looked at. Without these notes every answer is the same, and late.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use neap_core::files::File;
use serde::{Deserialize, Serialize};
use tracing::debug;

/// The version of the file's form.
const VERSION: u32 = 1;

/// One object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its ETag, which changes with its content.
    pub etag: String,
    /// When it was put, in the words of the listing.
    pub modified: String,
    /// Its bytes.
    pub size: u64,
}

/// The objects of one bucket that were looked at.
#[derive(Debug, Default)]
pub struct Seen {
    file: Option<PathBuf>,
    notes: Notes,
    is_changed: bool,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Notes {
    version: u32,
    objects: BTreeMap<String, Note>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    etag: String,
    /// Not known of what was just put: only the next listing tells.
    modified: Option<String>,
    /// What it is.
    file: File,
}

impl Seen {
    /// The notes about `bucket` in the folder `.neap` inside `base`; none where there is no base, or nothing of use.
    pub fn load(base: Option<&Path>, bucket: &str) -> Self {
        let Some(base) = base else { return Self::default() };
        let file = base.join(".neap").join("files").join(format!("{bucket}.json"));
        let notes = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Notes>(&text).ok());
        let notes = notes.filter(|notes| notes.version == VERSION).unwrap_or_default();
        Self { file: Some(file), notes, is_changed: false }
    }

    /// The keys after which a listing can begin so that each of its parts, up to and with the next key, held `size` objects when they were
    /// last seen.
    pub fn marks(&self, size: usize) -> Vec<String> {
        let whole = self.notes.objects.len().saturating_sub(1) / size;
        let last_of_each = self.notes.objects.keys().skip(size - 1).step_by(size);
        last_of_each.take(whole).cloned().collect()
    }

    /// What the listed object is, if it is one that was looked at.
    pub fn known(&mut self, listed: &Listed) -> Option<&File> {
        let note = self.notes.objects.get_mut(&listed.key)?;
        let is_same = note.etag == listed.etag
            && note.file.size == listed.size
            && note.modified.as_ref().is_none_or(|modified| *modified == listed.modified);
        if !is_same {
            return None;
        }
        if note.modified.is_none() {
            note.modified = Some(listed.modified.clone());
            self.is_changed = true;
        }
        Some(&note.file)
    }

    /// Notes what a look at a listed object has shown.
    pub fn learn(&mut self, listed: Listed, file: File) {
        let note = Note { etag: listed.etag, modified: Some(listed.modified), file };
        self.notes.objects.insert(listed.key, note);
        self.is_changed = true;
    }

    /// Notes what was just put, under which S3 has answered with this ETag.
    pub fn put(&mut self, key: &str, etag: &str, file: File) {
        let note = Note { etag: etag.to_owned(), modified: None, file };
        self.notes.objects.insert(key.to_owned(), note);
        self.is_changed = true;
    }

    /// Forgets what is put or deleted now, whatever becomes of it.
    pub fn forget(&mut self, key: &str) {
        self.is_changed |= self.notes.objects.remove(key).is_some();
    }

    /// Forgets what a whole listing does not show.
    pub fn keep(&mut self, listed: &[Listed]) {
        let keys: std::collections::BTreeSet<&str> =
            listed.iter().map(|listed| listed.key.as_str()).collect();
        let before = self.notes.objects.len();
        self.notes.objects.retain(|key, _| keys.contains(key.as_str()));
        self.is_changed |= self.notes.objects.len() != before;
    }

    /// Writes the notes down if there are others than before. Where that fails they are missed later, and nothing else.
    pub fn save(&mut self) {
        let Some(file) = self.file.as_deref().filter(|_| self.is_changed) else { return };
        self.notes.version = VERSION;
        self.is_changed = false;
        if let Err(error) = write(file, &self.notes) {
            debug!(%error, "the notes about objects are not kept");
        }
    }
}

fn write(file: &Path, notes: &Notes) -> io::Result<()> {
    let text = serde_json::to_vec(notes)?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let fresh = file.with_extension(format!("json.{}", std::process::id()));
    fs::write(&fresh, text)?;
    fs::rename(&fresh, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(etag: &str, modified: &str) -> Listed {
        Listed { key: "a".into(), etag: etag.into(), modified: modified.into(), size: 3 }
    }

    fn file() -> File {
        File { size: 3, sha256: "hash".into(), content_type: "text/plain".into(), cache_control: None }
    }

    #[test]
    fn an_object_is_known_as_long_as_a_listing_shows_it_unchanged() {
        let mut seen = Seen::default();
        seen.learn(listed("e1", "monday"), file());
        assert_eq!(seen.known(&listed("e1", "monday")), Some(&file()));
        assert_eq!(seen.known(&listed("e1", "tuesday")), None, "it was put again");
        assert_eq!(seen.known(&listed("e2", "monday")), None, "it is another");
        assert_eq!(seen.known(&Listed { size: 4, ..listed("e1", "monday") }), None);
        seen.keep(&[]);
        assert_eq!(seen.known(&listed("e1", "monday")), None, "it was gone in between");
    }

    #[test]
    fn a_listing_is_parted_so_that_each_part_is_full_and_none_is_empty() {
        let mut seen = Seen::default();
        let marks = |seen: &mut Seen, keys: &[&str]| {
            keys.iter().for_each(|key| seen.put(key, "e", file()));
            seen.marks(2)
        };
        assert_eq!(marks(&mut seen, &[]), [""; 0]);
        assert_eq!(marks(&mut seen, &["a", "b"]), [""; 0]);
        assert_eq!(marks(&mut seen, &["c", "d"]), ["b"]);
        assert_eq!(marks(&mut seen, &["e"]), ["b", "d"]);
    }

    #[test]
    fn what_was_just_put_is_known_by_its_etag_and_from_then_on_by_its_time_too() {
        let mut seen = Seen::default();
        seen.put("a", "e1", file());
        assert!(seen.known(&listed("e2", "monday")).is_none(), "somebody else was later");
        assert!(seen.known(&listed("e1", "monday")).is_some());
        assert!(seen.known(&listed("e1", "tuesday")).is_none());
    }

    #[test]
    fn notes_outlive_the_process_and_are_not_missed_where_they_are_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let load = || Seen::load(Some(folder.path()), "bucket");
        let mut seen = load();
        seen.learn(listed("e1", "monday"), file());
        seen.save();
        assert!(load().known(&listed("e1", "monday")).is_some());
        fs::write(folder.path().join(".neap/files/bucket.json"), "{").expect("written");
        assert!(load().known(&listed("e1", "monday")).is_none());
    }
}
