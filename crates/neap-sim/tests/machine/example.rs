//! The stacks that users are shown, and those of the crash sweep, as stacks that sequences play with.
//!
//! All are discovered, and so are their edits in `tests/sweep`. Decides what of an example's text is another for the machine: the
//! name of the stack, and what its other environment must not share. Must not know what happens to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use neap_core::config::{self, Loaded, Options, Source};
use neap_core::files::{Folder, Local, sha256};
use serde::Deserialize;

/// Every example.
pub(crate) static ALL: LazyLock<Vec<Example>> = LazyLock::new(all);

/// The variables that hold domains.
const DOMAINS: [&str; 2] = ["domain", "namespace"];

/// A stack with its edits.
pub(crate) struct Example {
    /// The name of its folder.
    pub(crate) name: String,
    /// Its stack file, as it is and after each of its edits.
    texts: Vec<String>,
    folder: PathBuf,
}

#[derive(Deserialize)]
struct Edits {
    edit: Vec<Edit>,
}

#[derive(Deserialize)]
struct Edit {
    name: String,
    replace: Vec<(String, String)>,
}

fn all() -> Vec<Example> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let within = |folder: &str| fs::read_dir(root.join(folder)).expect("a folder");
    let entries = ["examples", "tests/sweep"].into_iter().flat_map(within);
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.into_iter().map(|folder| example(&root, folder)).collect()
}

fn example(root: &Path, folder: PathBuf) -> Example {
    let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
    let text =
        |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let stack = ours(&text(&folder.join("stack.toml")));
    let edits = text(&root.join(format!("tests/sweep/{name}.toml")));
    let Edits { edit } = toml::from_str(&edits).unwrap_or_else(|error| panic!("{name}.toml: {error}"));
    let edited = edit.iter().map(|edit| edit.of(&stack)).collect::<Vec<_>>();
    Example { name, texts: [vec![stack], edited].concat(), folder }
}

impl Edit {
    fn of(&self, text: &str) -> String {
        self.replace.iter().fold(text.to_owned(), |text, (old, new)| {
            assert!(text.contains(old), "the edit `{}` replaces {old:?}, which is not there", self.name);
            text.replace(old, new)
        })
    }
}

/// The text of the stack `course`, which has another environment and protects nothing.
fn ours(text: &str) -> String {
    let mut is_head = false;
    let line = |line: &str| {
        if line.starts_with('[') {
            is_head = line.starts_with("[stack]");
        }
        let line = if is_head && line.starts_with("name =") { "name = \"course\"" } else { line };
        line.replace("protect = true", "protect = false") + "\n"
    };
    text.lines().map(line).collect::<String>() + "\n[env.prod]\n"
}

impl Example {
    /// How many edits it has.
    pub(crate) fn edits(&self) -> u8 {
        u8::try_from(self.texts.len() - 1).expect("few edits")
    }

    /// What its stack file asks for after the edit with this number, or as it is where that is 0, in an environment. The other
    /// environment has domains of its own.
    pub(crate) fn load(&self, edit: u8, environment: Option<&str>) -> Loaded {
        let text = &self.texts[usize::from(edit)];
        let source = Source { name: &self.name, bytes: text.as_bytes() };
        let others = environment.into_iter().flat_map(|name| DOMAINS.map(|variable| (name, variable)));
        let others = others.filter(|(_, variable)| text.contains(&format!("[var.{variable}]")));
        let others = others.map(|(name, variable)| (variable.to_owned(), format!("{name}.example.com")));
        let mut options = Options {
            environment: environment.map(str::to_owned),
            variables: others.collect(),
            region: Some("eu-west-1".to_owned()),
            ..Options::default()
        };
        let folder = |name: String| (name.clone(), Ok(files(&self.folder.join(name), "")) as Folder);
        options.folders = Some(config::folders(&source, &options).into_iter().map(folder).collect());
        let file = |name: String| {
            let content = fs::read(self.folder.join(&name)).map_err(|error| error.to_string());
            (name, content)
        };
        options.files = Some(config::local_files(&source, &options).into_iter().map(file).collect());
        config::load(&source, &options).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
    }
}

/// The files in a folder and below, their names begun so.
fn files(folder: &Path, begin: &str) -> BTreeMap<String, Local> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = format!("{begin}{}", path.file_name().expect("a name").to_string_lossy());
        if path.is_dir() {
            found.append(&mut files(&path, &format!("{name}/")));
        } else {
            let content = fs::read(&path).expect("a file");
            found.insert(name, Local { size: content.len() as u64, sha256: sha256(&content) });
        }
    }
    found
}
