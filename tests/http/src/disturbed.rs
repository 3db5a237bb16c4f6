//! A world whose neap speaks through the fault proxy.
//!
//! Decides how a run is disturbed and watched. Must not know what should come of it.

use std::io::Read;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use neap_fault_proxy::{FaultProxy, Seen, Strike};

use crate::{Run, World};

/// A world with a fault proxy before its emulator.
#[derive(Debug)]
pub struct Disturbed {
    /// The world, which the tests look into past the proxy.
    pub world: World,
    proxy: FaultProxy,
}

/// A run through the proxy.
#[derive(Debug)]
pub struct Ended {
    /// How it ended and what it printed; the code of one that was killed is -1.
    pub run: Run,
    /// What it asked for, in order, and what struck it.
    pub seen: Vec<Seen>,
}

impl Ended {
    /// What it asked for that may change something.
    pub fn mutations(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter(|seen| seen.operation.is_mutating())
    }

    /// What was struck.
    pub fn struck(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter(|seen| seen.fault.is_some())
    }
}

impl Disturbed {
    /// Puts a proxy before the emulator of `world`.
    ///
    /// # Panics
    ///
    /// Panics if there is no port for it.
    pub fn new(world: World) -> Self {
        let proxy = FaultProxy::start(world.server.endpoint(), Duration::ZERO).expect("a proxy");
        Self { world, proxy }
    }

    /// Runs neap through the proxy, which strikes by this script, and waits until all that it sent has come to its end.
    ///
    /// # Panics
    ///
    /// Panics if neap cannot be run.
    pub fn neap(&self, arguments: &[&str], script: Vec<Strike>) -> Ended {
        self.proxy.script(script);
        let mut command = self.world.command(&self.proxy.endpoint(), arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("neap runs");
        let stdout = read_all(child.stdout.take().expect("its output"));
        let stderr = read_all(child.stderr.take().expect("its messages"));
        let victim = Arc::new(Mutex::new(child));
        self.proxy.aim_at(&victim);
        // Its output ends with it, so nobody holds the lock while it can still be killed.
        let (stdout, stderr) = (stdout.join().expect("its output"), stderr.join().expect("its messages"));
        let status = victim.lock().unwrap_or_else(PoisonError::into_inner).wait().expect("its end");
        self.proxy.settle();
        Ended { run: Run { code: status.code().unwrap_or(-1), stdout, stderr }, seen: self.proxy.take() }
    }
}

fn read_all(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("neap prints UTF-8");
        text
    })
}
