//! The benchmark: what a plan, an apply and a destroy cost in requests, waves, time and memory over HTTP.
//!
//! Decides what is measured and how it is printed. It judges nothing: figures belong in notes, not in tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use neap_fault_proxy::{Counts, FaultProxy};

use crate::emulators::Emulator;
use crate::run::cargo;
use crate::{root, say, target};

/// How long each request takes on its way, as between a desk and a region.
const LATENCY: Duration = Duration::from_millis(50);

/// Runs neap under a Python that reports the child's peak memory, which std cannot.
const MEASURE: &str = "\
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
open(sys.argv[1], 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
";

/// The stack that is no example: a bucket with a folder of many small files.
const FILES: &str = "files";
const FILE_COUNT: u32 = 10_000;
const FILE_BYTES: usize = 1024;

/// Measures the example called `example` on moto, or a bucket of [`FILES`], with the release build or with the debug build.
pub(crate) fn bench(example: &str, release: bool) -> Result<(), String> {
    let stack = if example == FILES {
        bucket_of_files().map_err(|error| format!("cannot write {FILE_COUNT} files: {error}"))?
    } else {
        root().join("examples").join(example).join("stack.toml")
    };
    if !stack.is_file() {
        return Err(format!("there is no example `{example}`"));
    }
    let (profile, program) = if release { ("release", "release/neap") } else { ("dev", "debug/neap") };
    cargo(&["build", "--profile", profile, "--package", "neap"])?;
    let program = target().join(program);
    let moto = Emulator::moto()?;
    let proxy = FaultProxy::start(&moto.endpoint(), LATENCY)
        .map_err(|error| format!("cannot start the proxy: {error}"))?;
    say(&format!("{example} on moto, {} ms for each request", LATENCY.as_millis()));
    say("command                     wall    requests  waves  most in flight  first to last  peak memory");
    let commands: [(&str, &[&str]); 5] = [
        ("plan, nothing there", &["plan"]),
        ("apply, everything to create", &["apply", "--yes"]),
        ("plan, nothing to change", &["plan"]),
        ("destroy", &["destroy", "--yes"]),
        ("plan, nothing there again", &["plan"]),
    ];
    let mut last_plan = None;
    for (title, arguments) in commands {
        let (wall, memory) = measure(&moto, &proxy.endpoint(), &program, &stack, arguments)?;
        proxy.settle();
        let counts = proxy.take_counts();
        let row = [
            format!("{title:<27}"),
            format!("{:>6.2} s", wall.as_secs_f64()),
            format!("{:>8}", counts.requests),
            format!("{:>5}", counts.waves),
            format!("{:>14}", counts.most_in_flight),
            format!("{:>11.2} s", counts.span.as_secs_f64()),
            format!("{:>8.1} MB", memory as f64 / 1024.0),
        ];
        say(&row.join("  "));
        if title == "plan, nothing to change" {
            last_plan = Some(counts);
        }
    }
    last_plan.as_ref().map_or(Ok(()), show_operations)
}

/// Writes a stack whose bucket has [`FILE_COUNT`] files of [`FILE_BYTES`] each, no two alike, in folders of a hundred.
fn bucket_of_files() -> std::io::Result<PathBuf> {
    let folder = target().join("bench-files");
    for number in 0..FILE_COUNT {
        let path = folder.join(format!("site/{}/{number}.html", number / 100));
        if number % 100 == 0 {
            std::fs::create_dir_all(folder.join(format!("site/{}", number / 100)))?;
        }
        std::fs::write(path, format!("{number:FILE_BYTES$}"))?;
    }
    let stack = folder.join("stack.toml");
    let text = "[stack]\nname = \"files\"\nregion = \"us-east-1\"\n\n[bucket.site]\nfiles = \"site\"\n";
    std::fs::write(&stack, text)?;
    Ok(stack)
}

fn show_operations(counts: &Counts) -> Result<(), String> {
    say("\nthe plan's requests:");
    for (operation, times) in &counts.operations {
        say(&format!("  {times:>3}  {operation}"));
    }
    Ok(())
}

/// Runs neap once: the wall time, and the peak memory in KiB.
fn measure(
    moto: &Emulator,
    endpoint: &str,
    program: &Path,
    stack: &Path,
    arguments: &[&str],
) -> Result<(Duration, u64), String> {
    let report = target().join("bench-memory");
    let started = Instant::now();
    let mut command = Command::new(moto.python());
    command.args(["-c", MEASURE]).arg(&report).arg(program).args(arguments);
    command.arg("--file").arg(stack).args(["--endpoint-url", endpoint, "--region", "us-east-1"]);
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1");
    let output = command.output().map_err(|error| format!("cannot run neap: {error}"))?;
    if !output.status.success() {
        return Err(format!("neap {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)));
    }
    let wall = started.elapsed();
    let memory = std::fs::read_to_string(&report).map_err(|error| format!("no memory figure: {error}"))?;
    let memory = memory.trim().parse().map_err(|error| format!("no memory figure: {error}"))?;
    Ok((wall, memory))
}
