//! The bytes of a saved plan: how they are written, and which are taken back.
//!
//! Decides the form of the file and its digest. There is one way to write a plan, and whatever is not written in it is
//! refused, so no byte can change unseen by accident or by hand. The digest is no signature: whoever writes
//! another plan with its digest has written a plan. Must not know what is live.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::SavedPlan;
use crate::error::CommandError;

/// What the file calls itself.
pub(super) const FORMAT: &str = "neap saved plan";
/// The version of the file's form.
pub(super) const VERSION: u32 = 2;

const AGAIN: &str = "make it again with `neap plan --out FILE`";

/// What must be right before anything else in the file can be.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
}

/// Why bytes are no saved plan.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// They never were one, or are only a part of one.
    Damaged(String),
    /// Another neap has written them.
    Version(u32),
    /// They are one that was changed after it was written.
    Edited,
}

impl SavedPlan {
    /// The plan with the digest of what it holds.
    pub(super) fn sealed(mut self) -> Self {
        self.digest = String::new();
        let digest = Sha256::digest(self.bytes());
        self.digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self
    }

    /// The file's content.
    pub(super) fn bytes(&self) -> Vec<u8> {
        // A structure of strings, numbers, lists and string-keyed maps always serialises.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The plan that these bytes are.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Unfit> {
        let damaged = |error: serde_json::Error| Unfit::Damaged(error.to_string());
        let header: Header = serde_json::from_slice(bytes).map_err(damaged)?;
        if header.format != FORMAT {
            return Err(Unfit::Damaged("it does not call itself one".to_owned()));
        }
        if header.version != VERSION {
            return Err(Unfit::Version(header.version));
        }
        let saved: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        if saved.bytes() == bytes && saved.clone().sealed().digest == saved.digest {
            Ok(saved)
        } else {
            Err(Unfit::Edited)
        }
    }

    /// Writes the plan to a file that only its owner may read, and that is never half-written.
    ///
    /// A new file takes the place of one that is there: neither its permissions nor who else has it open matter. A
    /// link or a device is left alone, since what it leads to may be somebody else's.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(there) if there.is_symlink() => {
                return Err(io::Error::other("it is a symbolic link; name the file itself"));
            }
            Ok(there) if !there.is_file() => return Err(io::Error::other("it is not a file")),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        // Made for its owner alone, and only if nothing of that name is there.
        let mut file = tempfile::Builder::new()
            .prefix(".neap-plan-")
            .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))?;
        file.write_all(&self.bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Reads the plan at `path`, which is shown as `shown`.
    pub(crate) fn read(path: &Path, shown: &Path) -> Result<Self, CommandError> {
        let shown = shown.display();
        let bytes = fs::read(path).map_err(|error| {
            CommandError::invalid(format!("the saved plan `{shown}` could not be read: {error}")).hint(AGAIN)
        })?;
        Self::parse(&bytes).map_err(|unfit| {
            let error = match unfit {
                Unfit::Damaged(detail) => {
                    CommandError::invalid(format!("`{shown}` is no saved plan, or a damaged one"))
                        .detail(detail)
                }
                Unfit::Version(version) => CommandError::invalid(format!(
                    "`{shown}` was saved by another neap: version {version}, not {VERSION}"
                )),
                Unfit::Edited => CommandError::invalid(format!(
                    "`{shown}` was changed after neap wrote it, so nothing was changed"
                ))
                .detail("its digest is not that of its content"),
            };
            error.hint(AGAIN)
        })
    }
}
