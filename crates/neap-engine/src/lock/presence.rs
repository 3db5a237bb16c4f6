//! How a process shows others on its host that it lives: a file that it keeps locked as long as it does.
//!
//! Decides when an owner is certainly dead. A process id would not tell: it can be used again, containers count their
//! own, and clocks that are set move the time at which a process began. The operating system lets go of the file when
//! the process ends, however it ends. Whatever cannot be told for sure counts as alive.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The file of a living process; it goes when this does.
#[derive(Debug)]
pub struct Presence {
    folder: PathBuf,
    own: Option<(PathBuf, File)>,
    stays: AtomicBool,
}

impl Presence {
    /// Shows in `folder`, which every process on this host must use, that `owner` lives. Where that is not possible,
    /// others will wait until its lock expires.
    pub fn show(folder: &Path, owner: &str) -> Self {
        let own = path(folder, owner).and_then(|path| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&path).ok()?;
            file.try_lock().ok()?;
            Some((path, file))
        });
        Self { folder: folder.to_owned(), own, stays: AtomicBool::new(false) }
    }

    /// Whether `owner` was a process on this host, and is none any more.
    pub fn is_dead(&self, owner: &str) -> bool {
        let file = path(&self.folder, owner).and_then(|path| File::open(path).ok());
        // Shared, so that two who look at the same time do not take each other for the owner; closing the file ends it.
        file.is_some_and(|file| file.try_lock_shared().is_ok())
    }

    /// Lets the file stay when this goes, since the lock does: a file that nobody holds tells others that its owner is dead.
    pub fn leave_behind(&self) {
        self.stays.store(true, Ordering::Relaxed);
    }

    /// Removes what the dead `owner` left.
    pub fn bury(&self, owner: &str) {
        if self.is_dead(owner)
            && let Some(path) = path(&self.folder, owner)
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::debug!(%error, "a dead owner's file stays");
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some((path, file)) = self.own.take() {
            drop(file);
            // Who panics has not given the lock back.
            if std::thread::panicking() || *self.stays.get_mut() {
                return;
            }
            if let Err(error) = std::fs::remove_file(path) {
                tracing::debug!(%error, "the owner's file stays");
            }
        }
    }
}

/// The file of `owner`. Owners come out of records that anybody may have written, so only their own form is a name.
fn path(folder: &Path, owner: &str) -> Option<PathBuf> {
    let is_owner = owner.len() == 32 && owner.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_owner.then(|| folder.join(format!("neap-{owner}.alive")))
}
