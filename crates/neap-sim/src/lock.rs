//! The sandbox's lock: a record beside its world, which stores like S3 would keep it, written only over what is named.
//!
//! Decides how several processes share the folder: the operating system's lock on it makes each request one. The world
//! is one for all stacks in the folder, and so is the lock. Must not know what the record says.

use std::fs::{self, File};
use std::io::{self, ErrorKind as Io};
use std::path::{Path, PathBuf};

use neap_engine::cloud::{CallError, ErrorKind};
use neap_engine::lock::{Store, Stored, Version, WriteError};

use crate::arn;
use crate::world::ACCOUNT;

/// The record's file in the sandbox's folder.
const FILE: &str = "lock.json";

/// Where the lock of a sandbox lies.
#[derive(Debug, Clone)]
pub struct FolderStore {
    folder: PathBuf,
}

impl FolderStore {
    /// The lock of the sandbox in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Carries out one request while no other process does.
    fn alone<T>(
        &self,
        operation: &str,
        request: impl FnOnce(&Path) -> io::Result<T>,
    ) -> Result<T, CallError> {
        let carried_out = || {
            fs::create_dir_all(&self.folder)?;
            let guard = guard(&self.folder)?;
            guard.lock()?;
            request(&self.folder.join(FILE))
        };
        carried_out().map_err(|error: io::Error| CallError {
            kind: if error.kind() == Io::PermissionDenied { ErrorKind::Denied } else { ErrorKind::Invalid },
            operation: operation.to_owned(),
            code: None,
            message: format!("`{}`: {error}", self.folder.join(FILE).display()),
            request_id: None,
        })
    }
}

/// What is locked during each request: the folder itself, so that nothing is left beside the world.
#[cfg(unix)]
fn guard(folder: &Path) -> io::Result<File> {
    File::open(folder)
}

/// What is locked during each request. It is never removed: who waits for it would wait for another.
#[cfg(not(unix))]
fn guard(folder: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(false).open(folder.join("lock.guard"))
}

fn there(file: &Path) -> io::Result<Option<Stored>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(Stored { version: version(&text), text })),
        Err(error) if error.kind() == Io::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn put(file: &Path, text: &str) -> io::Result<Version> {
    // A process that is killed meanwhile must not leave half a record.
    let fresh = file.with_extension("json.new");
    fs::write(&fresh, text)?;
    fs::rename(&fresh, file)?;
    Ok(version(text))
}

/// No two records are the same, so their content tells versions apart.
fn version(text: &str) -> Version {
    Version::Tag(arn::hex(text, 32))
}

impl Store for FolderStore {
    async fn read(&self) -> Result<Option<Stored>, CallError> {
        self.alone("sandbox:ReadLock", there)
    }

    async fn history(&self) -> Result<Vec<Stored>, CallError> {
        Ok(self.read().await?.into_iter().collect())
    }

    async fn create(&self, text: &str) -> Result<Version, WriteError> {
        let created = self.alone("sandbox:CreateLock", |file| {
            if there(file)?.is_some() { Ok(None) } else { put(file, text).map(Some) }
        })?;
        created.ok_or(WriteError::Refused)
    }

    async fn replace(&self, text: &str, over: &Version) -> Result<Version, WriteError> {
        let replaced = self.alone("sandbox:ReplaceLock", |file| match there(file)? {
            Some(stored) if stored.version == *over => put(file, text).map(Some),
            _ => Ok(None),
        })?;
        replaced.ok_or(WriteError::Refused)
    }

    async fn delete(&self, over: &Version) -> Result<(), WriteError> {
        let deleted = self.alone("sandbox:DeleteLock", |file| match there(file)? {
            Some(stored) if stored.version == *over => fs::remove_file(file).map(Some),
            _ => Ok(None),
        })?;
        deleted.ok_or(WriteError::Refused)
    }

    async fn account(&self) -> Result<Option<String>, CallError> {
        Ok(Some(ACCOUNT.to_owned()))
    }

    fn place(&self) -> String {
        format!("`{}`", self.folder.join(FILE).display())
    }
}
