//! A neap that runs while a test looks on.
//!
//! Decides how it is started and watched. Lines are waited for, never times; whatever never comes fails the test after
//! a minute.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A load balancer that takes 150 seconds, and a service that waits twelve for its role.
pub(crate) const ALB: &str = include_str!("../../../stack.toml");
/// A service that waits twelve seconds for its role, and nothing slower.
pub(crate) const SERVICE: &str = r#"
[stack]
name = "quick"
region = "eu-west-1"
[cluster.main]
[task.web.container.nginx]
image = "public.ecr.aws/nginx/nginx:1.27"
[service.web]
cluster = "main"
task = "web"
"#;

/// A folder with `stack`.
pub(crate) fn folder(stack: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("stack.toml"), stack).expect("written");
    folder
}

/// neap on the sandbox in `folder`, not started yet.
pub(crate) fn neap(folder: &Path, arguments: &[&str]) -> Command {
    neap_hearing("HUP,INT,TERM", folder, arguments)
}

/// The same, with nothing but these signals as they are by default: a shell starts what is in the background with
/// some of them ignored, and neap leaves that so.
pub(crate) fn neap_hearing(signals: &str, folder: &Path, arguments: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_neap-sandbox");
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("/usr/bin/env");
        command.arg(format!("--default-signal={signals}")).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).arg("--sandbox").current_dir(folder).env_clear().stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).env("TMPDIR", folder);
    command
}

/// The same on a clock that takes its time.
pub(crate) fn slow_neap(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = neap(folder, arguments);
    command.env("NEAP_SANDBOX_CLOCK", "real");
    command
}

/// Runs neap undisturbed to the end that is expected.
pub(crate) fn run(folder: &Path, arguments: &[&str], code: i32) {
    let output = neap(folder, arguments).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
}

/// After whatever has happened, the stack can be applied, is complete then, and can be destroyed.
pub(crate) fn recovers(folder: &Path) {
    run(folder, &["apply", "--yes"], 0);
    run(folder, &["plan", "--detailed-exitcode"], 0);
    run(folder, &["destroy", "--yes"], 0);
}

/// A neap that runs.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    told: String,
}

impl Running {
    /// Starts `command` and listens to its stderr, if that is piped.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("it starts");
        let lines = child.stderr.take().map_or_else(|| channel().1, lines);
        Self { child, lines, told: String::new() }
    }

    /// Waits until it says `text`.
    pub(crate) fn says(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.told.push_str(&line);
                    if line.contains(text) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("it does not say {text:?}, but\n{}", self.told),
                Err(RecvTimeoutError::Disconnected) => panic!("it ends without {text:?}:\n{}", self.told),
            }
        }
    }

    /// Sends it a signal.
    pub(crate) fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is there");
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_none()
    }

    /// How it ends within `time`; none if it does not.
    pub(crate) fn ends_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// The exit code that it ends with, and everything that it has said.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let Some(status) = self.ends_within(PATIENCE) else {
            self.child.kill().expect("it can be killed");
            panic!("it does not end:\n{}", self.told);
        };
        self.told.extend(self.lines.iter());
        (status.code(), self.told)
    }
}

/// Reads what is said until that is `text`.
pub(crate) fn read_until(mut output: impl Read, text: &str) {
    let mut read = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&read).contains(text) {
        let length = output.read(&mut byte).unwrap_or_default();
        assert!(length == 1, "it ends without {text:?}:\n{}", String::from_utf8_lossy(&read));
        read.extend(byte);
    }
}

/// The lines of `output`, until nobody listens any more.
fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
            if tell.send(text).is_err() {
                break;
            }
        }
    });
    told
}
