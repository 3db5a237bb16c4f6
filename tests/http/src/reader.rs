//! The independent reader as a child process: boto3, which shares no code with neap.
//!
//! Decides how it is asked. Must not know what an answer means.

use std::cell::RefCell;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::REGION;

/// A running `reader.py`; it ends when the value is dropped.
#[derive(Debug)]
pub(crate) struct Reader {
    child: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Reader {
    /// Starts one that looks into the emulator at `endpoint`.
    pub(crate) fn start(endpoint: &str) -> Self {
        let python =
            env::var("NEAP_PYTHON").expect("NEAP_PYTHON names the emulator's Python: run `cargo xtask http`");
        let mut command = Command::new(python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("reader.py")).args([endpoint, REGION]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the reader starts");
        let stdin = child.stdin.take().expect("its input");
        let stdout = child.stdout.take().expect("its output");
        Self { child, pipes: RefCell::new((stdin, BufReader::new(stdout))) }
    }

    /// The answer to one command, which must succeed.
    pub(crate) fn ask(&self, command: &Value) -> Value {
        let (stdin, stdout) = &mut *self.pipes.borrow_mut();
        writeln!(stdin, "{command}").expect("the reader listens");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("the reader answers");
        let answer = serde_json::from_str(&line).expect("the reader prints JSON");
        if let Value::Object(answer) = &answer
            && let Some(why) = answer.get("failed")
        {
            panic!("the reader failed at {command}: {why}");
        }
        answer
    }

    /// Everything that a stack can leave behind, by kind.
    pub(crate) fn listing(&self) -> Value {
        self.ask(&json!(["list"]))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // One that has ended by itself is what we want anyway.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
