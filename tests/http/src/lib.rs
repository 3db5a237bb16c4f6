//! What the HTTP suite stands on: an emulator, neap as a child process, and an independent reader.
//!
//! Decides how a test runs neap and looks into an emulator. Must not know any stack.

mod disturbed;
mod permitted;
mod reader;
mod servers;
mod stacks;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::{env, fs};

use serde_json::{Value, json};
use tempfile::TempDir;

pub use disturbed::{Disturbed, Ended, Words};
pub use permitted::Permitted;
pub use servers::Server;
pub use stacks::Stack;

use crate::reader::Reader;

/// The region of every test.
pub const REGION: &str = "us-east-1";

/// An emulator of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Emulator {
    /// moto's server.
    Moto,
    /// ministack.
    Ministack,
}

impl Emulator {
    fn variable(self) -> &'static str {
        match self {
            Self::Moto => "NEAP_MOTO",
            Self::Ministack => "NEAP_MINISTACK",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Moto => "moto",
            Self::Ministack => "ministack",
        }
    }
}

/// What one run of neap printed, and how it ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// What it printed as its result.
    pub stdout: String,
    /// Everything else that it said.
    pub stderr: String,
}

impl Run {
    fn of(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("neap prints UTF-8");
        Self { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }

    /// The run itself, if it ended with `code`.
    ///
    /// # Panics
    ///
    /// Panics with all that was printed if it ended otherwise.
    pub fn expect(self, code: i32) -> Self {
        let Self { code: actual, stdout, stderr } = &self;
        assert_eq!(*actual, code, "neap ended with {actual}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self
    }
}

/// An empty emulator, a folder with a stack file, and neap.
#[derive(Debug)]
pub struct World {
    server: Server,
    folder: TempDir,
    reader: Reader,
    /// Arguments for every run, such as `--var`.
    arguments: Vec<String>,
}

impl World {
    /// Takes a server of the emulator, empties it, and copies the stack file at `path`, from the root of the repository, with what lies beside
    /// that of an example.
    ///
    /// # Panics
    ///
    /// Panics if the suite was not started by `cargo xtask test`, which starts the emulators.
    pub fn new(emulator: Emulator, path: &str) -> Self {
        Self::on(Server::take(emulator), path)
    }

    /// The same on this server.
    ///
    /// # Panics
    ///
    /// Panics if there is no such stack file.
    pub fn on(server: Server, path: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        match Path::new(path).parent().filter(|beside| !beside.as_os_str().is_empty()) {
            Some(example) => copy(&root.join(example), folder.path()),
            // Nothing of interest lies beside the root's.
            None => drop(fs::copy(root.join(path), folder.path().join(path)).expect("the stack file")),
        }
        let reader = Reader::start(server.endpoint());
        let world = Self { server, folder, reader, arguments: Vec::new() };
        world.empty();
        world
    }

    /// A world in which `stack` can live: on a server of the emulator, with what the stack expects to be there.
    ///
    /// # Panics
    ///
    /// As [`World::new`].
    pub fn of(emulator: Emulator, stack: Stack) -> Self {
        let world = Self::new(emulator, stack.path());
        stack.adapt(&world);
        stack.provide(&world);
        world
    }

    /// Makes the emulator forget everything.
    ///
    /// # Panics
    ///
    /// Panics if it does not answer.
    pub fn empty(&self) {
        self.reader.ask(&json!(["reset", self.server.emulator().name()]));
    }

    /// The emulator.
    pub fn emulator(&self) -> Emulator {
        self.server.emulator()
    }

    /// Gives every run these arguments too.
    #[must_use]
    pub fn with_arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        self
    }

    /// The path of the stack file.
    pub fn stack_file(&self) -> PathBuf {
        self.folder.path().join("stack.toml")
    }

    /// Replaces `old`, which must be there, by `new` in the stack file.
    ///
    /// # Panics
    ///
    /// Panics if the stack file does not hold `old`.
    pub fn edit(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.stack_file()).expect("the stack file");
        assert!(text.contains(old), "the stack file does not hold {old:?}:\n{text}");
        fs::write(self.stack_file(), text.replace(old, new)).expect("the stack file");
    }

    /// Runs neap.
    ///
    /// # Panics
    ///
    /// Panics if neap cannot be run.
    pub fn neap(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(self.server.endpoint(), arguments).output().expect("neap runs"))
    }

    /// Runs so many of neap at once.
    ///
    /// # Panics
    ///
    /// Panics if neap cannot be run.
    pub fn neaps(&self, number: usize, arguments: &[&str]) -> Vec<Run> {
        let start = || {
            let mut command = self.command(self.server.endpoint(), arguments);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("neap runs")
        };
        let started: Vec<Child> = (0..number).map(|_| start()).collect();
        started.into_iter().map(|child| Run::of(child.wait_with_output().expect("neap ends"))).collect()
    }

    /// neap with these arguments, in the world's folder and with nothing from outside in its environment.
    fn command(&self, endpoint: &str, arguments: &[&str]) -> Command {
        let program = env::var("NEAP_BIN").expect("NEAP_BIN names the binary: run `cargo xtask http`");
        let mut command = Command::new(program);
        command.args(arguments).args(&self.arguments);
        command.args(["--endpoint-url", endpoint, "--region", REGION]);
        command.current_dir(self.folder.path()).env_clear();
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION);
        command.env("HOME", self.folder.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// What the emulator holds, by kind, as the independent reader sees it.
    ///
    /// # Panics
    ///
    /// Panics if the reader cannot read.
    pub fn listing(&self) -> Value {
        self.reader.listing()
    }

    /// Every field and tag of everything that the emulator holds, by ARN or id: `[fields, tags]`.
    ///
    /// # Panics
    ///
    /// Panics if the reader cannot be run.
    pub fn snapshot(&self) -> Value {
        self.reader.ask(&json!(["snapshot"]))
    }

    /// Takes neap's tags from everything.
    ///
    /// # Panics
    ///
    /// Panics if the reader cannot be run.
    pub fn untag(&self) {
        self.reader.ask(&json!(["untag"]));
    }

    /// The answer to one call of boto3's client `service`.
    ///
    /// # Panics
    ///
    /// Panics if the call fails.
    pub fn call(&self, service: &str, operation: &str, arguments: &Value) -> Value {
        self.reader.ask(&json!(["call", service, operation, arguments]))
    }
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a copy");
        }
    }
}
