//! Runs cargo and neap for the demo, the tests and the recordings.
//!
//! Decides which commands make up a chore. Must not know how emulators are installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::emulators::{Emulator, Proxy};
use crate::{root, say, target};

/// Builds neap without AWS and runs the main job on the sandbox with the root stack.
pub(crate) fn demo() -> Result<(), String> {
    cargo(&["build", "--package", "neap", "--no-default-features"])?;
    let neap = target().join("debug/neap");
    let folder = target().join("demo");
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let stack = folder.join("stack.toml");
    std::fs::copy(root().join("stack.toml"), &stack)
        .map_err(|error| format!("cannot copy stack.toml: {error}"))?;
    let arguments: [&[&str]; 4] =
        [&["plan"], &["apply", "--yes"], &["plan", "--detailed-exitcode"], &["destroy", "--yes"]];
    for arguments in arguments {
        say(&format!("\n$ neap {} --sandbox", arguments.join(" ")));
        run(Command::new(&neap).args(arguments).arg("--sandbox").current_dir(&folder))?;
    }
    Ok(())
}

/// How many sequences the state machine tries: as many as two cores do in three minutes.
const SEQUENCES: &str = "2000";

/// Says of how many kills of the sweep over HTTP one is tried in a life of its own. All of them, and every fault at every operation of every
/// stack, take an hour, so that the suite tries one in [`SAMPLE`] unless this says otherwise, and the lives in which every operation is
/// killed; the sweep on the sandbox tries all of its own.
const SWEEP_STRIDE: &str = "NEAP_SWEEP_STRIDE";
const SAMPLE: &str = "144";

/// How many servers of each emulator run, and so how many lives are lived side by side. A life mostly waits: for what AWS shows late
/// before destroy says that nothing is left, and for what an earlier process may have registered.
const MOTOS: usize = 6;
const MINISTACKS: usize = 2;

/// Names the folder of the judging proxy.
const JUDGES: &str = "NEAP_JUDGES";

/// Runs every test there is, the HTTP suite as [`http`] does.
pub(crate) fn test() -> Result<(), String> {
    say("$ cargo test --no-fail-fast");
    let mut pure = Command::new(env!("CARGO"));
    pure.args(["test", "--no-fail-fast"]).current_dir(root());
    run(pure.env("NEAP_MACHINE_SEQUENCES", SEQUENCES))?;
    cargo(&["test", "--test", "crash_sweep"])?;
    cargo(&["test", "--no-fail-fast", "--package", "neap-fault-proxy", "--package", "xtask"])?;
    cargo(&["test", "--no-fail-fast", "--package", "neap-aws", "--package", "neap"])?;
    http(std::env::var_os(JUDGES).as_deref().map(Path::new))
}

/// Runs the HTTP suite on both emulators; where `tools` are given, moto is behind the proxy in that folder.
pub(crate) fn http(tools: Option<&Path>) -> Result<(), String> {
    cargo(&["build", "--package", "neap"])?;
    let motos: Vec<Emulator> = (0..MOTOS).map(|_| Emulator::moto()).collect::<Result<_, _>>()?;
    let ministacks: Vec<Emulator> =
        (0..MINISTACKS).map(|_| Emulator::ministack()).collect::<Result<_, _>>()?;
    let proxies: Vec<Proxy> = match tools {
        Some(tools) => motos.iter().map(|moto| Proxy::start(moto, tools)).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let [motos_listen, ministacks_listen] =
        [&motos, &ministacks].map(|servers| servers.iter().map(Emulator::endpoint).collect::<Vec<_>>());
    let proxies_listen: Vec<String> = proxies.iter().map(Proxy::endpoint).collect();
    let moto = if proxies.is_empty() { motos_listen } else { proxies_listen };
    let mut suite = Command::new(env!("CARGO"));
    suite.args(["test", "--no-fail-fast", "--package", "neap-http-tests", "--"]);
    suite.args(["--nocapture", "--test-threads", &(MOTOS + MINISTACKS).to_string()]);
    suite.current_dir(root()).env("NEAP_BIN", target().join("debug/neap"));
    suite.env("NEAP_PYTHON", motos[0].python());
    suite.env("NEAP_MOTO", moto.join(" ")).env("NEAP_MINISTACK", ministacks_listen.join(" "));
    if std::env::var_os(SWEEP_STRIDE).is_none() {
        suite.env(SWEEP_STRIDE, SAMPLE);
    }
    let result = run(&mut suite);
    judge(&proxies)?;
    result
}

/// Fails if a request did not fit AWS's own models.
fn judge(proxies: &[Proxy]) -> Result<(), String> {
    let mut violations = Vec::new();
    let mut requests = 0;
    for proxy in proxies {
        violations.extend(proxy.violations()?);
        requests += proxy.requests()?;
    }
    if !proxies.is_empty() {
        say(&format!("the proxies saw {requests} requests"));
    }
    if violations.is_empty() {
        return Ok(());
    }
    Err(format!("requests that AWS's own models refuse:\n{}", violations.join("\n")))
}

/// Records the outputs of scenarios and examples anew.
pub(crate) fn bless() -> Result<(), String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--package", "neap-tests"]).current_dir(root()).env("NEAP_BLESS", "1");
    run(&mut command)
}

/// Runs cargo at the root.
pub(crate) fn cargo(arguments: &[&str]) -> Result<(), String> {
    say(&format!("$ cargo {}", arguments.join(" ")));
    run(Command::new(env!("CARGO")).args(arguments).current_dir(root()))
}

/// Runs a command to its end; what it prints goes to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let program = PathBuf::from(command.get_program());
    let status = command.status().map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", program.display())) }
}
