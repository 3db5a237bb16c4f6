//! A world whose neap speaks through the fault proxy.
//!
//! Decides how a run is disturbed and watched. Must not know what should come of it.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use neap_fault_proxy::{FaultProxy, Seen, Strike};

use crate::{Run, World};

/// How long anything is waited for that should be said.
const PATIENCE: Duration = Duration::from_secs(300);

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
        self.neap_while(arguments, script, |_, _| ())
    }

    /// The same, with something done while neap runs.
    ///
    /// # Panics
    ///
    /// Panics if neap cannot be run, or where `meanwhile` does.
    pub fn neap_while(
        &self,
        arguments: &[&str],
        script: Vec<Strike>,
        meanwhile: impl FnOnce(&FaultProxy, &Words),
    ) -> Ended {
        self.proxy.script(script);
        let mut command = self.world.command(&self.proxy.endpoint(), arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("neap runs");
        let (said, words) = (Words::default(), Words::default());
        let stdout = said.hear(child.stdout.take().expect("its output"));
        let stderr = words.hear(child.stderr.take().expect("its messages"));
        let victim = Arc::new(Mutex::new(child));
        self.proxy.aim_at(&victim);
        meanwhile(&self.proxy, &words);
        // Its output ends with it, so nobody holds the lock while it can still be killed.
        stdout.join().expect("its output");
        stderr.join().expect("its messages");
        let status = victim.lock().unwrap_or_else(PoisonError::into_inner).wait().expect("its end");
        self.proxy.settle();
        Ended {
            run: Run { code: status.code().unwrap_or(-1), stdout: said.text(), stderr: words.text() },
            seen: self.proxy.take(),
        }
    }
}

/// What neap has printed so far on one of its streams.
#[derive(Debug, Default, Clone)]
pub struct Words(Arc<(Mutex<String>, Condvar)>);

impl Words {
    fn hear(&self, stream: impl Read + Send + 'static) -> thread::JoinHandle<()> {
        let words = self.clone();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).expect("neap prints UTF-8") > 0 {
                words.lock().push_str(&std::mem::take(&mut line));
                words.0.1.notify_all();
            }
        })
    }

    /// Waits until this has been said.
    ///
    /// # Panics
    ///
    /// Panics if it is not for minutes.
    pub fn wait_for(&self, text: &str) {
        let waited = self.0.1.wait_timeout_while(self.lock(), PATIENCE, |said| !said.contains(text));
        let (said, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "neap has not said {text:?}:\n{said}");
    }

    fn text(&self) -> String {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
