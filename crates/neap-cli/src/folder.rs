//! The folders whose files a stack keeps in buckets, read from the disk.
//!
//! Decides which names in a folder count and which are mistakes. Must not know what becomes of the files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use neap_core::files::{Folder, FolderMistake, Hasher, Local};

/// The one name with a dot at its beginning that sites have files under (RFC 8615).
const WELL_KNOWN: &str = ".well-known";
/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// What stands in the folder `name` beside the stack file, which lies in `base`.
pub(crate) fn read(base: &Path, name: &str) -> Folder {
    // The folder of a stack file in the current one is named by nothing, which could not be looked up.
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let path = base.join(name);
    let alone = |message: String, help: &str| vec![FolderMistake { message, help: help.to_owned() }];
    let link = "name the folder itself: what a link leads to may be anything";
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let help =
                "make it, build the site first, or name another; it is looked for beside the stack file";
            return Err(alone(format!("there is no folder `{name}`"), help));
        }
        Err(error) => {
            return Err(alone(
                format!("`{name}` cannot be read: {error}"),
                "see to it that neap may read it",
            ));
        }
        Ok(found) if found.is_symlink() => return Err(alone(format!("`{name}` is a symbolic link"), link)),
        Ok(found) if !found.is_dir() => {
            return Err(alone(format!("`{name}` is a file"), "name the folder that it is in"));
        }
        Ok(_) => {}
    }
    if let (Ok(folder), Ok(base)) = (path.canonicalize(), base.canonicalize())
        && base.starts_with(&folder)
    {
        let help = "put what is to be uploaded into a folder of its own, such as `web`";
        return Err(alone(format!("`{name}` holds the stack file itself"), help));
    }
    let mut walk = Walk { name, files: BTreeMap::new(), mistakes: Vec::new(), buffer: vec![0; PIECE] };
    walk.folder(&path, "");
    if walk.mistakes.is_empty() { Ok(walk.files) } else { Err(walk.mistakes) }
}

struct Walk<'a> {
    name: &'a str,
    files: BTreeMap<String, Local>,
    mistakes: Vec<FolderMistake>,
    buffer: Vec<u8>,
}

impl Walk<'_> {
    fn mistake(&mut self, key: &str, what: &str, help: &str) {
        let message = format!("`{}/{key}` {what}", self.name);
        self.mistakes.push(FolderMistake { message, help: help.to_owned() });
    }

    fn folder(&mut self, path: &Path, key: &str) {
        const HELP: &str = "see to it that neap may read it, or move it out of the folder";
        let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.mistake(key, &format!("cannot be read: {error}"), HELP),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let shown = format!("{key}{}{}", slash(key), name.to_string_lossy());
                self.mistake(&shown, "has a name that is no UTF-8", "rename it: keys of objects are text");
                continue;
            };
            if name.starts_with('.') && name != WELL_KNOWN {
                continue;
            }
            let below = format!("{key}{}{name}", slash(key));
            match entry.file_type() {
                Ok(found) if found.is_dir() => self.folder(&entry.path(), &below),
                Ok(found) if found.is_file() => match self.file(&entry.path()) {
                    Ok(local) => drop(self.files.insert(below, local)),
                    Err(error) => self.mistake(&below, &format!("cannot be read: {error}"), HELP),
                },
                Ok(found) if found.is_symlink() => {
                    let help = "put the file itself there: what a link leads to may be outside of the folder";
                    self.mistake(&below, "is a symbolic link", help);
                }
                Ok(_) => self.mistake(&below, "is neither a file nor a folder", "move it out of the folder"),
                Err(error) => self.mistake(&below, &format!("cannot be read: {error}"), HELP),
            }
        }
    }

    fn file(&mut self, path: &Path) -> io::Result<Local> {
        let mut file = fs::File::open(path)?;
        let (mut size, mut hasher) = (0, Hasher::default());
        loop {
            match file.read(&mut self.buffer)? {
                0 => return Ok(Local { size, sha256: hasher.finish() }),
                read => {
                    size += read as u64;
                    hasher.update(&self.buffer[..read]);
                }
            }
        }
    }
}

const fn slash(key: &str) -> &'static str {
    if key.is_empty() { "" } else { "/" }
}

#[cfg(test)]
mod tests {
    use neap_core::files::sha256;

    use super::*;

    /// A folder with these files in `web`.
    fn with(files: &[&str]) -> tempfile::TempDir {
        let base = tempfile::tempdir().expect("a folder");
        fs::create_dir(base.path().join("web")).expect("made");
        for file in files {
            let path = base.path().join("web").join(file);
            fs::create_dir_all(path.parent().expect("it has one")).expect("made");
            fs::write(path, file).expect("written");
        }
        base
    }

    #[track_caller]
    fn check(base: &tempfile::TempDir, name: &str, expected: &[&str]) {
        let mistakes = read(base.path(), name).expect_err("a mistake");
        let messages: Vec<&str> = mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
        assert_eq!(messages, expected);
    }

    #[test]
    fn files_are_found_under_their_paths_and_names_with_a_dot_are_left_out() {
        let names = ["index.html", "a/b/c.js", ".git/config", "a/.hidden", ".well-known/security.txt"];
        let base = with(&names);
        let files = read(base.path(), "web").expect("a folder");
        assert_eq!(files.keys().collect::<Vec<_>>(), [".well-known/security.txt", "a/b/c.js", "index.html"]);
        let expected = Local { size: 8, sha256: sha256(b"a/b/c.js") };
        assert_eq!(files["a/b/c.js"], expected);
    }

    #[test]
    fn what_is_no_folder_of_its_own_is_a_mistake() {
        let base = with(&["index.html"]);
        check(&base, "site", &["there is no folder `site`"]);
        check(&base, "web/index.html", &["`web/index.html` is a file"]);
        check(&base, ".", &["`.` holds the stack file itself"]);
        let mistakes = read(Path::new(""), ".").expect_err("the stack file lies in the current folder");
        assert_eq!(mistakes[0].message, "`.` holds the stack file itself");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_names_that_are_no_text_are_all_told() {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;
        let base = with(&["a/index.html"]);
        let web = base.path().join("web");
        symlink("/etc/hostname", web.join("a/link")).expect("made");
        symlink("a", web.join("b")).expect("made");
        fs::write(web.join(std::ffi::OsStr::from_bytes(b"\xff")), "").expect("written");
        let expected = [
            "`web/a/link` is a symbolic link",
            "`web/b` is a symbolic link",
            "`web/\u{fffd}` has a name that is no UTF-8",
        ];
        check(&base, "web", &expected);
        symlink("web", base.path().join("site")).expect("made");
        check(&base, "site", &["`site` is a symbolic link"]);
    }
}
