//! Fuzzing: the targets in `fuzz/`, built with counters for libFuzzer and run for a while.
//!
//! Decides the compiler's flags: those of cargo-fuzz without its sanitizers, which only nightly has and code without `unsafe`
//! needs least. Must not know what a target checks.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::run;
use crate::{root, say, target};

const TARGETS: [&str; 2] = ["stack_file", "saved_plan"];

/// Counts edges and shows comparisons to libFuzzer.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Clink-dead-code --cfg fuzzing";

/// Runs every target on the kept corpus and what grows from it, for `seconds` in all.
pub(crate) fn fuzz(seconds: u64) -> Result<(), String> {
    let binaries = build()?;
    for name in TARGETS {
        let found = found(name)?;
        say(&format!("\n=== {name}: {} s", seconds / TARGETS.len() as u64));
        let mut command = Command::new(binaries.join(name));
        command.args([&found, &kept(name)]).args(limits());
        command.arg(format!("-max_total_time={}", seconds / TARGETS.len() as u64));
        run(command.args(["-print_final_stats=1", "-verbosity=0"])).map_err(|error| {
            format!(
                "{error}: the input is in {}; add it to {} with a test for what it showed",
                target().join("fuzz").display(),
                kept(name).display()
            )
        })?;
    }
    Ok(())
}

/// Adds to the kept corpus what was found and covers more: few inputs, and small ones.
pub(crate) fn keep() -> Result<(), String> {
    let binaries = build()?;
    for name in TARGETS {
        let mut command = Command::new(binaries.join(name));
        run(command.args(["-merge=1", "-verbosity=0"]).args([kept(name), found(name)?]).args(limits()))?;
    }
    Ok(())
}

fn limits() -> [String; 4] {
    let artifacts = target().join("fuzz");
    let dictionary = root().join("fuzz/words.dict");
    [
        "-timeout=20".to_owned(),
        "-max_len=32768".to_owned(),
        format!("-artifact_prefix={}/", artifacts.display()),
        format!("-dict={}", dictionary.display()),
    ]
}

/// The inputs in the repository.
fn kept(name: &str) -> PathBuf {
    root().join("fuzz/corpus").join(name)
}

/// The inputs that earlier runs here have found.
fn found(name: &str) -> Result<PathBuf, String> {
    let folder = target().join("fuzz/corpus").join(name);
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}

/// Builds the targets. With `--target` build scripts and macros get none of the flags.
fn build() -> Result<PathBuf, String> {
    let host = host()?;
    let folder = target().join("fuzz");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--release", "--target", &host]).arg("--target-dir").arg(&folder);
    command.arg("--manifest-path").arg(root().join("fuzz/Cargo.toml"));
    // What compiles the tests may be a linter, which is not made for optimised code.
    run(command.env("RUSTFLAGS", FLAGS).env_remove("RUSTC_WORKSPACE_WRAPPER"))?;
    Ok(folder.join(host).join("release"))
}

fn host() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| Path::new("rustc").into());
    let output =
        Command::new(rustc).arg("-vV").output().map_err(|error| format!("cannot run rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say what it runs on".to_owned())
}
