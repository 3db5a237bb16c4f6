//! What is swept: the stacks that users are shown, those that hold what no example has, and how each is changed.
//!
//! Examples are discovered, and so are the folders of `tests/sweep`. Each must have its edits in `tests/sweep/NAME.toml`; what an edit
//! shall bring about stands beside it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Error;

/// A stack that is swept.
pub(crate) struct Example {
    /// The name of its folder; `root` for the one at the root.
    pub(crate) name: String,
    /// Its stack file, from the root.
    pub(crate) path: PathBuf,
    /// What lies beside it; nothing of interest beside the root's.
    pub(crate) beside: Option<PathBuf>,
    /// What the stack file says.
    pub(crate) text: String,
    /// How it is changed.
    pub(crate) edits: Vec<Edit>,
}

/// A change of a stack file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    /// What it is called.
    pub(crate) name: String,
    /// The actions that the plan must hold, so that no edit quietly becomes something else.
    pub(crate) actions: Vec<String>,
    /// Texts that must be there, each with what stands in its place everywhere.
    replace: Vec<(String, String)>,
}

impl Edit {
    /// `text` with this change.
    pub(crate) fn of(&self, text: &str) -> Result<String, Error> {
        let mut text = text.to_owned();
        for (old, new) in &self.replace {
            if !text.contains(old) {
                return Err(format!("the edit `{}` replaces {old:?}, which is not there", self.name).into());
            }
            text = text.replace(old, new);
        }
        Ok(text)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edits {
    edit: Vec<Edit>,
}

/// Every stack, the root's first.
pub(crate) fn all() -> Result<Vec<Example>, Error> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = tests.join("..");
    let mut stacks = vec![("root".to_owned(), PathBuf::from("stack.toml"))];
    for folder in ["examples", "tests/sweep"].map(Path::new) {
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = folder.join(&name).join("stack.toml");
            if entry.file_type()?.is_dir() {
                stacks.push((name, path));
            }
        }
    }
    stacks[1..].sort();
    let example = |(name, path): (String, PathBuf)| {
        let text = fs::read_to_string(root.join(&path))?;
        let edits = tests.join("sweep").join(format!("{name}.toml"));
        let read = fs::read_to_string(&edits);
        let read = read.map_err(|error| format!("the edits of the example `{name}`: {error}"))?;
        let Edits { edit: edits } = toml::from_str(&read).map_err(|error| format!("{name}.toml: {error}"))?;
        let beside = root.join(&path).parent().filter(|_| name != "root").map(Path::to_owned);
        Ok(Example { name, path, beside, text, edits })
    };
    stacks.into_iter().map(example).collect()
}
