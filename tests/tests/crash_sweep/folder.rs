//! A folder with a stack, and neap run there as a process of its own.
//!
//! Decides how neap is called and what counts as killed. Must not know why.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use tempfile::TempDir;

use crate::Error;
use crate::world::World;

/// The sandbox's file, from the folder.
const WORLD: &str = ".neap/sandbox.json";

/// What stays in its folder: the world, an empty file that guards the lock's file while that is changed, and notes about objects.
const KEPT: [&str; 3] = ["sandbox.json", "lock.guard", "files"];

/// A folder with a stack.
pub(crate) struct Folder(TempDir);

/// A call that changes something, as the sandbox notes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Call {
    pub(crate) operation: String,
    pub(crate) address: Option<String>,
    mutating: bool,
}

impl Folder {
    /// A folder with this stack, what lies beside the example's in `beside`, and this world; an empty one if there is none.
    pub(crate) fn new(beside: Option<&Path>, stack: &str, world: Option<&str>) -> Result<Self, Error> {
        let folder = Self(tempfile::tempdir()?);
        if let Some(beside) = beside {
            copy(beside, folder.path())?;
        }
        fs::write(folder.path().join("stack.toml"), stack)?;
        if let Some(world) = world {
            fs::create_dir(folder.path().join(".neap"))?;
            fs::write(folder.path().join(WORLD), world)?;
        }
        Ok(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn neap(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Output, Error> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_neap-sandbox"));
        command.args(arguments).arg("--sandbox").current_dir(self.path()).env_clear();
        // Where a process that is killed leaves what shows that it lived.
        command.env("TMPDIR", self.path());
        Ok(command.envs(variables.iter().copied()).stdin(Stdio::null()).output()?)
    }

    /// Runs neap, which must end with `code`, and answers what it printed on stdout.
    pub(crate) fn run(&self, arguments: &[&str], code: i32) -> Result<String, Error> {
        let output = self.neap(arguments, &[])?;
        if output.status.code() != Some(code) {
            return Err(format!("`neap {}`: {}", arguments.join(" "), shown(&output)).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs neap, which must succeed, and answers the changing calls that it made.
    pub(crate) fn calls(&self, arguments: &[&str]) -> Result<Vec<Call>, Error> {
        let output = self.neap(arguments, &[("NEAP_SANDBOX_CALLS", "calls.jsonl")])?;
        if !output.status.success() {
            return Err(format!("undisturbed, `neap {}`: {}", arguments.join(" "), shown(&output)).into());
        }
        self.noted()
    }

    /// Runs neap with a fault script, which must kill it, and answers the changing calls that were answered before.
    pub(crate) fn killed(&self, arguments: &[&str], script: &str) -> Result<Vec<Call>, Error> {
        fs::write(self.path().join("faults.toml"), script)?;
        let variables = [("NEAP_SANDBOX_FAULTS", "faults.toml"), ("NEAP_SANDBOX_CALLS", "calls.jsonl")];
        let output = self.neap(arguments, &variables)?;
        if output.status.signal() != Some(9) {
            return Err(format!("`neap {}` was not killed: {}", arguments.join(" "), shown(&output)).into());
        }
        self.noted()
    }

    /// Runs neap with a fault script, and answers whether that killed it before it succeeded.
    pub(crate) fn is_killed(&self, arguments: &[&str], script: &str) -> Result<bool, Error> {
        fs::write(self.path().join("faults.toml"), script)?;
        let output = self.neap(arguments, &[("NEAP_SANDBOX_FAULTS", "faults.toml")])?;
        let is_killed = output.status.signal() == Some(9);
        if is_killed || output.status.success() {
            return Ok(is_killed);
        }
        Err(format!("killed before, `neap {}`: {}", arguments.join(" "), shown(&output)).into())
    }

    /// Runs neap with a fault script that it must survive, ending with one of `codes`, and answers with which. If that is
    /// not 0, it names the cause.
    pub(crate) fn struck(&self, arguments: &[&str], script: &str, codes: &[i32]) -> Result<i32, Error> {
        fs::write(self.path().join("faults.toml"), script)?;
        let output = self.neap(arguments, &[("NEAP_SANDBOX_FAULTS", "faults.toml")])?;
        let names_cause = String::from_utf8_lossy(&output.stderr).contains("hint: allow `");
        match output.status.code() {
            Some(code) if codes.contains(&code) && names_cause == (code != 0) => Ok(code),
            _ => {
                Err(format!("`neap {}` shall end with {codes:?}: {}", arguments.join(" "), shown(&output))
                    .into())
            }
        }
    }

    /// The changing calls that were noted.
    fn noted(&self) -> Result<Vec<Call>, Error> {
        let file = self.path().join("calls.jsonl");
        let text = if file.exists() { fs::read_to_string(&file)? } else { String::new() };
        let calls: Vec<Call> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(calls.into_iter().filter(|call| call.mutating).collect())
    }

    /// The sandbox's file as it is.
    pub(crate) fn world_text(&self) -> Result<String, Error> {
        Ok(fs::read_to_string(self.path().join(WORLD))?)
    }

    /// Everything that exists.
    pub(crate) fn world(&self) -> Result<World, Error> {
        let file = self.path().join(WORLD);
        if file.exists() { World::of(&fs::read_to_string(file)?) } else { Ok(World::default()) }
    }

    /// What neap has left beside its world, such as a lock.
    pub(crate) fn strays(&self) -> Result<Vec<String>, Error> {
        let folder = self.path().join(".neap");
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let names = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<Vec<String>, Error>>()?;
        Ok(names.into_iter().filter(|name| !KEPT.contains(&name.as_str())).collect())
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(from)? {
        let (entry, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        if entry.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry, &target)?;
        } else {
            fs::copy(&entry, &target)?;
        }
    }
    Ok(())
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}
