//! Chores that need logic: the demo, the whole test run, the benchmark, and recorded files.
//!
//! Decides what `cargo xtask …` does. Must not hold anything that neap itself needs.

mod bench;
mod emulators;
mod fuzz;
mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo               build neap without AWS and show plan, apply, plan, destroy on the sandbox
  test               run every test: the pure crates, the AWS crates, and the HTTP suite on both emulators, as `http` does
                     with --proxy where NEAP_JUDGES names a folder
  http [--proxy DIR] run the HTTP suite alone; with --proxy, moto is behind DIR/awsproxy.py and DIR/aws_rules.py
  bench [--dev] [EXAMPLE]
                     count requests and waves of a plan, apply and destroy over HTTP, with times and memory;
                     --dev takes the debug build, since a release build of the SDK takes over twenty minutes;
                     `files` in place of an example is a bucket of 10,000 small files
  fuzz [--seconds N] run the fuzz targets for a minute, or N seconds, on the kept corpus and what grows from it
  fuzz --keep        add what was found to the kept corpus, as few and small inputs as cover the same
  bless              record the outputs of scenarios and examples anew
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["demo"] => run::demo(),
        ["test"] => run::test(),
        ["http"] => run::http(None),
        ["http", "--proxy", folder] => run::http(Some(Path::new(folder))),
        ["bench"] => bench::bench("course-fargate", true),
        ["bench", "--dev"] => bench::bench("course-fargate", false),
        ["bench", "--dev", example] => bench::bench(example, false),
        ["bench", example] => bench::bench(example, true),
        ["fuzz"] => fuzz::fuzz(60),
        ["fuzz", "--keep"] => fuzz::keep(),
        ["fuzz", "--seconds", seconds] => match seconds.parse() {
            Ok(seconds) => fuzz::fuzz(seconds),
            Err(_) => Err(USAGE.to_owned()),
        },
        ["bless"] => run::bless(),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&message);
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where cargo puts what it builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Prints a line for whoever runs the chore.
#[expect(clippy::print_stderr, reason = "a chore speaks to its terminal")]
fn say(line: &str) {
    eprintln!("{}", line.trim_end());
}
