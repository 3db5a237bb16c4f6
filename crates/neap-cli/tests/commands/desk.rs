//! A folder with a stack file and a sandbox, in which commands are run and their outputs kept.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use neap_cli::{Connect, Console, Target};
use neap_core::desired::LockPlace;
use neap_engine::cloud::CallError;
use neap_sim::{FolderStore, Sim};
use tempfile::TempDir;

/// The sandbox of a folder.
struct Sandbox {
    reaches_aws: bool,
}

impl Connect for Sandbox {
    type Cloud = Sim;
    type Store = FolderStore;

    fn reaches_aws(&self) -> bool {
        self.reaches_aws
    }

    async fn connect(&self, target: &Target) -> Result<Sim, CallError> {
        match target {
            Target::Sandbox { folder } => Ok(Sim::open(folder)?),
            Target::Aws { .. } => panic!("a test must not reach AWS"),
        }
    }

    async fn store(&self, target: &Target, _: &LockPlace, _: &str) -> Result<FolderStore, CallError> {
        match target {
            Target::Sandbox { folder } => Ok(FolderStore::new(folder)),
            Target::Aws { .. } => panic!("a test must not reach AWS"),
        }
    }
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A folder with a stack file.
pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    pub(crate) fn with(stack: &str) -> Self {
        let desk = Self { folder: TempDir::new().expect("a folder") };
        desk.write(stack);
        desk
    }

    pub(crate) fn empty() -> Self {
        Self { folder: TempDir::new().expect("a folder") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, stack: &str) {
        fs::write(self.path().join("stack.toml"), stack).expect("a stack file");
    }

    pub(crate) fn run(&self, line: &str) -> Ended {
        self.run_with(line, |_| {})
    }

    /// Runs `line` as someone at a terminal who answers `answer`.
    pub(crate) fn answer(&self, line: &str, answer: &str) -> Ended {
        let answer = answer.as_bytes().to_vec();
        self.run_with(line, |console| {
            console.stdin = Box::new(std::io::Cursor::new(answer));
            console.stdin_is_terminal = true;
        })
    }

    pub(crate) fn run_with(&self, line: &str, prepare: impl FnOnce(&mut Console)) -> Ended {
        let (mut console, stdout, stderr) = Console::captured(self.path().to_path_buf(), "");
        prepare(&mut console);
        let arguments = std::iter::once("neap").chain(line.split_whitespace()).map(OsString::from);
        let code = neap_cli::run(arguments, console, Sandbox { reaches_aws: false });
        Ended { code, stdout: stdout.text(), stderr: stderr.text() }
    }

    /// Everything in the folder, the sandbox's world excepted.
    pub(crate) fn saved(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("a file")
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn code(self, expected: u8) -> Self {
        assert_eq!(self.code, expected, "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no `{text}` in\n{}", self.stdout);
        self
    }
}
