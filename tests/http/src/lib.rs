//! What the HTTP suite stands on: an emulator, neap as a child process, and an independent reader.
//!
//! Decides how a test runs neap and looks into an emulator. Must not know any stack.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

/// The region of every test.
pub const REGION: &str = "us-east-1";

/// An emulator of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    emulator: Emulator,
    endpoint: String,
    folder: TempDir,
    /// Arguments for every run, such as `--var`.
    arguments: Vec<String>,
}

impl World {
    /// Empties the emulator and copies the stack file at `path`, from the root of the repository.
    ///
    /// # Panics
    ///
    /// Panics if the suite was not started by `cargo xtask test`, which starts the emulators.
    pub fn new(emulator: Emulator, path: &str) -> Self {
        let variable = emulator.variable();
        let endpoint = env::var(variable).unwrap_or_else(|_| {
            panic!("{variable} is not set: run `cargo xtask http`, which starts the emulators")
        });
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        fs::copy(root.join(path), folder.path().join("stack.toml")).expect("the stack file");
        let world = Self { emulator, endpoint, folder, arguments: Vec::new() };
        world.reader(&["reset", emulator.name()]);
        world
    }

    /// The emulator.
    pub fn emulator(&self) -> Emulator {
        self.emulator
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
        let program = env::var("NEAP_BIN").expect("NEAP_BIN names the binary: run `cargo xtask http`");
        let mut command = Command::new(program);
        command.args(arguments).args(&self.arguments);
        command.args(["--endpoint-url", &self.endpoint, "--region", REGION]);
        command.current_dir(self.folder.path()).env_clear();
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION);
        command.env("HOME", self.folder.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        let Output { status, stdout, stderr } = command.output().expect("neap runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("neap prints UTF-8");
        Run { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }

    /// What the emulator holds, by kind, as the independent reader sees it.
    ///
    /// # Panics
    ///
    /// Panics if the reader cannot be run.
    pub fn listing(&self) -> Value {
        serde_json::from_str(&self.reader(&["list"])).expect("the reader prints JSON")
    }

    /// Every field and tag of everything that the emulator holds, by ARN or id: `[fields, tags]`.
    ///
    /// # Panics
    ///
    /// Panics if the reader cannot be run.
    pub fn snapshot(&self) -> Value {
        serde_json::from_str(&self.reader(&["snapshot"])).expect("the reader prints JSON")
    }

    /// Takes neap's tags from everything.
    ///
    /// # Panics
    ///
    /// Panics if the reader cannot be run.
    pub fn untag(&self) {
        self.reader(&["untag"]);
    }

    /// The answer to one call of boto3's client `service`.
    ///
    /// # Panics
    ///
    /// Panics if the call fails.
    pub fn call(&self, service: &str, operation: &str, arguments: &Value) -> Value {
        let answer = self.reader(&["call", service, operation, &arguments.to_string()]);
        serde_json::from_str(&answer).expect("the reader prints JSON")
    }

    fn reader(&self, arguments: &[&str]) -> String {
        let python =
            env::var("NEAP_PYTHON").expect("NEAP_PYTHON names the emulator's Python: run `cargo xtask http`");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("reader.py");
        let output = Command::new(python)
            .arg(script)
            .args([self.endpoint.as_str(), REGION])
            .args(arguments)
            .output()
            .expect("the reader runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the reader failed at {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).expect("the reader prints UTF-8")
    }
}
