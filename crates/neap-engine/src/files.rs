//! Files on their way to a bucket: read from their folder as they were planned, and remembered once they have arrived.
//!
//! Decides whether a file is still the one that was planned, and whether an object is one that was looked at before. Must not know
//! how objects are listed or sent.

mod seen;

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use neap_core::files::{File, Hasher, part_size, sha256};

use crate::cloud::{CallError, ErrorKind};
pub use seen::{Listed, Seen};

/// The call that a file is read for.
const OPERATION: &str = "s3:PutObject";

/// Where the folders lie that a stack file names.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    base: Option<PathBuf>,
}

impl Folders {
    /// The folders of a stack file that lies in the folder `base`.
    pub const fn beside(base: PathBuf) -> Self {
        Self { base: Some(base) }
    }

    /// The folder that the stack file lies in, if there is one.
    pub fn base(&self) -> Option<&Path> {
        self.base.as_deref()
    }

    /// The content of the file at `key` in `folder`.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be read, or is not the `wanted` one any more.
    pub fn whole(&self, folder: &str, key: &str, wanted: &File) -> Result<Vec<u8>, CallError> {
        let content = fs::read(self.path(folder, key)?).map_err(|error| unreadable(folder, key, &error))?;
        if content.len() as u64 != wanted.size || sha256(&content) != wanted.sha256 {
            return Err(changed(folder, key));
        }
        Ok(content)
    }

    /// Whether the file at `key` in `folder` still is the `wanted` one.
    pub fn has(&self, folder: &str, key: &str, wanted: &File) -> bool {
        let read = || {
            let mut parts = self.parts(folder, key, wanted)?;
            while parts.next_part()?.is_some() {}
            Ok::<_, CallError>(parts.file.metadata().is_ok_and(|found| found.len() == wanted.size))
        };
        read().unwrap_or(false)
    }

    /// The content of the file at `key` in `folder`, piece by piece.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be opened.
    pub fn parts(&self, folder: &str, key: &str, wanted: &File) -> Result<Parts, CallError> {
        let file =
            fs::File::open(self.path(folder, key)?).map_err(|error| unreadable(folder, key, &error))?;
        Ok(Parts {
            file,
            folder: folder.to_owned(),
            key: key.to_owned(),
            wanted: wanted.clone(),
            read: 0,
            hasher: Hasher::default(),
        })
    }

    /// Where the file at `key` in `folder` lies. A key comes from a plan, which may come from anywhere, so it may not lead out of the
    /// folder.
    fn path(&self, folder: &str, key: &str) -> Result<PathBuf, CallError> {
        let base =
            self.base.as_ref().ok_or_else(|| refused(format!("nobody knows where `{folder}` lies")))?;
        let is_inside = Path::new(key).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_inside {
            return Err(refused(format!("`{key}` is not inside `{folder}`")));
        }
        Ok(base.join(folder).join(key))
    }
}

/// The pieces of a file.
#[derive(Debug)]
pub struct Parts {
    file: fs::File,
    folder: String,
    key: String,
    wanted: File,
    read: u64,
    hasher: Hasher,
}

impl Parts {
    /// The next piece, or nothing once all have been read.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be read, and when what was read is not the wanted file: then nothing of it may be used.
    pub fn next_part(&mut self) -> Result<Option<Vec<u8>>, CallError> {
        let left = self.wanted.size.saturating_sub(self.read);
        if left == 0 {
            let is_same = std::mem::take(&mut self.hasher).finish() == self.wanted.sha256;
            return if is_same { Ok(None) } else { Err(changed(&self.folder, &self.key)) };
        }
        let size = left.min(part_size(self.wanted.size));
        let mut part = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        let read = self.file.by_ref().take(size).read_to_end(&mut part);
        let read = read.map_err(|error| unreadable(&self.folder, &self.key, &error))?;
        if read as u64 != size {
            return Err(changed(&self.folder, &self.key));
        }
        self.read += size;
        self.hasher.update(&part);
        Ok(Some(part))
    }
}

fn refused(message: String) -> CallError {
    CallError {
        kind: ErrorKind::Invalid,
        operation: OPERATION.to_owned(),
        code: None,
        message,
        request_id: None,
    }
}

fn unreadable(folder: &str, key: &str, error: &io::Error) -> CallError {
    if error.kind() == io::ErrorKind::NotFound {
        return changed(folder, key);
    }
    refused(format!("`{folder}/{key}` cannot be read: {error}"))
}

fn changed(folder: &str, key: &str) -> CallError {
    refused(format!("`{folder}/{key}` changed while neap ran; plan again once nothing writes to `{folder}`"))
}

#[cfg(test)]
mod tests {
    use neap_core::files::PART;

    use super::*;

    fn wanted(content: &[u8]) -> File {
        let content_type = "text/plain".to_owned();
        File { size: content.len() as u64, sha256: sha256(content), content_type, cache_control: None }
    }

    fn folder() -> (tempfile::TempDir, Folders) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("web")).expect("made");
        let folders = Folders::beside(folder.path().to_owned());
        (folder, folders)
    }

    #[test]
    fn a_file_is_read_as_it_was_planned_or_not_at_all() {
        let (folder, folders) = folder();
        let file = folder.path().join("web/a.txt");
        fs::write(&file, "one").expect("written");
        assert_eq!(folders.whole("web", "a.txt", &wanted(b"one")).expect("as planned"), b"one");
        fs::write(&file, "two").expect("written");
        let message = "`web/a.txt` changed while neap ran; plan again once nothing writes to `web`";
        let failed = |wanted: &File| folders.whole("web", "a.txt", wanted).expect_err("it changed");
        assert_eq!(
            (failed(&wanted(b"one")).kind, failed(&wanted(b"one")).message),
            (ErrorKind::Invalid, message.into())
        );
        assert!(folders.has("web", "a.txt", &wanted(b"two")));
        assert!(!folders.has("web", "a.txt", &wanted(b"one")), "another content");
        assert!(!folders.has("web", "a.txt", &wanted(b"tw")), "it has grown");
        fs::remove_file(&file).expect("removed");
        assert!(!folders.has("web", "a.txt", &wanted(b"two")), "it is gone");
        assert_eq!(failed(&wanted(b"two")).message, message);
    }

    #[test]
    fn no_key_leads_out_of_its_folder() {
        let (folder, folders) = folder();
        fs::write(folder.path().join("secret"), "one").expect("written");
        for key in ["../secret", "/etc/hostname", "a/../../secret"] {
            let error = folders.whole("web", key, &wanted(b"one")).expect_err("refused");
            assert_eq!(error.message, format!("`{key}` is not inside `web`"));
        }
    }

    #[test]
    fn a_large_file_comes_in_parts_and_its_end_says_whether_it_is_the_one() {
        let (folder, folders) = folder();
        let mut content = vec![7; usize::try_from(PART).expect("a size") + 5];
        let file = folder.path().join("web/large");
        fs::write(&file, &content).expect("written");
        let sizes = |wanted: &File| {
            let mut parts = folders.parts("web", "large", wanted)?;
            let mut sizes = Vec::new();
            while let Some(part) = parts.next_part()? {
                sizes.push(part.len() as u64);
            }
            Ok::<_, CallError>(sizes)
        };
        let planned = wanted(&content);
        assert_eq!(sizes(&planned).expect("as planned"), [PART, 5]);
        content[0] = 8;
        fs::write(&file, &content).expect("written");
        assert!(sizes(&planned).is_err(), "another content of the same size");
        fs::write(&file, &content[..9]).expect("written");
        assert!(sizes(&planned).is_err(), "a shorter one");
    }
}
