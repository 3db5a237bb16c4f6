//! Installs, starts and stops the emulators of AWS that the HTTP suite runs against.
//!
//! Decides their versions and settings; what they get wrong is said where a test works around it. Each runs on
//! a free loopback port and ends with the value that started it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::run::run;
use crate::{root, say, target};

const MOTO: &str = "moto[server]==5.2.5";
/// The beginning of paths by which CloudWatch is asked in CBOR, which the judging proxy cannot read.
const ASKED_IN_CBOR: &str = "/service/GraniteServiceVersion20100801/operation/";
/// With which ministack and `tests/http/moto_server.py` speak CloudWatch's protocol.
const CBOR: &str = "cbor2==6.3.0";
const MINISTACK: &str = "ministack==1.5.33";
/// What the proxy needs beside moto: its own server, and the clients that its rules look with.
const PROXY: [&str; 3] = ["moto[server,all]==5.2.5", "aiohttp", "boto3"];

/// A running emulator; it stops when the value is dropped.
pub(crate) struct Emulator {
    child: Child,
    port: u16,
    environment: PathBuf,
}

impl Emulator {
    /// Starts moto, installed if it is not yet there.
    pub(crate) fn moto() -> Result<Self, String> {
        let environment = install("moto", &[MOTO, CBOR])?;
        let port = free_port()?;
        let mut command = Command::new(environment.join("bin/python"));
        command.arg(root().join("tests/http/moto_server.py"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        // Without these AWS's managed policies are absent and services never run a task.
        command.env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true").env("MOTO_ECS_SERVICE_RUNNING", "1");
        Self::start(&mut command, port, environment)
    }

    /// Starts ministack, installed if it is not yet there.
    pub(crate) fn ministack() -> Result<Self, String> {
        let environment = install("ministack", &[MINISTACK, CBOR])?;
        let port = free_port()?;
        let mut command = Command::new(environment.join("bin/python"));
        command.arg(root().join("tests/http/ministack_server.py"));
        // Its default listens on every interface.
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        Self::start(&mut command, port, environment)
    }

    fn start(command: &mut Command, port: u16, environment: PathBuf) -> Result<Self, String> {
        let child = spawn(command)?;
        let emulator = Self { child, port, environment };
        wait_for(port)?;
        Ok(emulator)
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The Python that it runs on.
    pub(crate) fn python(&self) -> PathBuf {
        self.environment.join("bin/python")
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// The proxy that judges every request by AWS's own service models, before an emulator.
pub(crate) struct Proxy {
    child: Child,
    port: u16,
}

impl Proxy {
    /// Starts `awsproxy.py` of the folder `tools` before `upstream`, with `aws_rules.py` enforced.
    pub(crate) fn start(upstream: &Emulator, tools: &Path) -> Result<Self, String> {
        let environment = install("proxy", &PROXY)?;
        let port = free_port()?;
        let mut command = Command::new(environment.join("bin/python"));
        command.arg(tools.join("awsproxy.py")).arg("--rules").arg(tools.join("aws_rules.py"));
        command.args(["--listen", &port.to_string(), "--upstream", &upstream.endpoint()]);
        let child = spawn(&mut command)?;
        let proxy = Self { child, port };
        wait_for(port)?;
        Ok(proxy)
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests that did not fit AWS's models, but for those that it cannot read.
    pub(crate) fn violations(&self) -> Result<Vec<String>, String> {
        let value = self.ask("violations")?;
        let violations = value.as_array().ok_or("the proxy's violations are no list")?;
        let violations = violations.iter().map(ToString::to_string);
        Ok(violations.filter(|violation| !violation.contains(ASKED_IN_CBOR)).collect())
    }

    /// How many requests it has seen.
    pub(crate) fn requests(&self) -> Result<u64, String> {
        self.ask("stats")?["total"].as_u64().ok_or_else(|| "the proxy counts no requests".to_owned())
    }

    fn ask(&self, what: &str) -> Result<serde_json::Value, String> {
        let url = format!("{}/__proxy/{what}", self.endpoint());
        let mut answer =
            ureq::get(&url).call().map_err(|error| format!("the proxy does not answer: {error}"))?;
        let text =
            answer.body_mut().read_to_string().map_err(|error| format!("the proxy's answer: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("the proxy's answer: {error}"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// Makes a virtual environment with these packages under `target/`, once for each set of versions.
fn install(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let environment = target().join("emulators").join(name);
    let stamp = environment.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(environment);
    }
    say(&format!("installing {} into {}", packages.join(", "), environment.display()));
    let failed =
        |error| format!("{error}\npython3 with its venv module and pip are needed to install {name}");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment)).map_err(failed)?;
    run(Command::new(environment.join("bin/pip")).args(["install", "--quiet"]).args(packages))
        .map_err(failed)?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    Ok(environment)
}

fn spawn(command: &mut Command) -> Result<Child, String> {
    let program = PathBuf::from(command.get_program());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|error| format!("cannot start {}: {error}", program.display()))
}

fn stop(child: &mut Child) {
    // A child that has ended by itself is what we want anyway.
    drop(child.kill());
    drop(child.wait());
}

/// A loopback port that nobody listens on.
pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

fn wait_for(port: u16) -> Result<(), String> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(60) {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err(format!("nothing listens on port {port} after 60 s"))
}
