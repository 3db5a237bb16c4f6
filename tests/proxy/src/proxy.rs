//! The proxy: connections, the record of what passed, and the client that it may kill.
//!
//! Decides in which order requests are counted: as they have arrived whole. Must not know what a fault does.

use std::io::{self, BufReader};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::counts::Counts;
use crate::exchange::{End, exchange};
use crate::fault::{Fault, Script, Strike};
use crate::operation::Operation;
use crate::wire::Request;

/// A client that a fault may kill. Whoever waits for it must not hold the lock before it is about to end, or nobody
/// can kill it: its output ends first.
pub type Victim = Arc<Mutex<Child>>;

/// How long anything is waited for that should come.
const PATIENCE: Duration = Duration::from_secs(300);

/// One request that has ended.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it was for.
    pub operation: Operation,
    /// When it had arrived whole.
    pub started: Instant,
    /// When its answer had been sent, or its connection given up.
    pub ended: Instant,
    /// What struck it.
    pub fault: Option<Fault>,
    /// The status of its answer, sent or lost; none if there was no answer.
    pub status: Option<u16>,
}

/// A running proxy on a port of its own; it takes no more connections once it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    latency: Duration,
    ends: AtomicBool,
    state: Mutex<State>,
    /// Told whenever a connection has ended, a client is aimed at, or somebody is at the gate.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of arrival; none while it is under way.
    seen: Vec<(Operation, Instant, Option<Seen>)>,
    script: Script,
    victim: Option<Victim>,
    gate: Gate,
    connections: usize,
}

/// How far requests that [`Fault::Gate`] strikes have come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// None has been carried out.
    #[default]
    Unreached,
    /// One has been, and waits.
    Reached,
    /// They may be answered.
    Open,
}

impl FaultProxy {
    /// Starts a proxy before `upstream` (`http://127.0.0.1:5000`) that holds each request for `latency`, as a network
    /// would.
    ///
    /// # Errors
    ///
    /// Fails if `upstream` is no plain HTTP address or there is no port to listen on.
    pub fn start(upstream: &str, latency: Duration) -> io::Result<Self> {
        let address = upstream.strip_prefix("http://").unwrap_or(upstream).trim_end_matches('/');
        let upstream = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Shared {
            upstream,
            latency,
            ends: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        let shared = Arc::new(shared);
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Ok(Self { port, shared })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sets the script; counting starts anew, and no client is aimed at. An empty one lets everything through.
    pub fn script(&self, strikes: Vec<Strike>) {
        let mut state = self.shared.lock();
        state.script = Script::new(strikes);
        state.victim = None;
        state.gate = Gate::Unreached;
    }

    /// Sets the client that [`Fault::KillBefore`] and [`Fault::KillAfter`] kill. A kill that comes first waits for it, so
    /// that a client can be started before it is aimed at.
    pub fn aim_at(&self, victim: &Victim) {
        self.shared.lock().victim = Some(Arc::clone(victim));
        self.shared.changed.notify_all();
    }

    /// Waits until a request that [`Fault::Gate`] strikes has been carried out.
    ///
    /// # Panics
    ///
    /// Panics if none is for minutes.
    pub fn await_gate(&self) {
        self.shared.wait_while("nothing came to the gate", |state| state.gate == Gate::Unreached);
    }

    /// Lets the requests that wait at the gate be answered.
    pub fn open_gate(&self) {
        self.shared.lock().gate = Gate::Open;
        self.shared.changed.notify_all();
    }

    /// Waits until all connections have ended, as they do soon after their client has. What it sent last has then been
    /// carried out or given up.
    ///
    /// # Panics
    ///
    /// Panics if one has not for minutes.
    pub fn settle(&self) {
        self.shared.wait_while("a connection stays", |state| state.connections > 0);
    }

    /// The requests that have ended since the last call, in the order in which they came.
    pub fn take(&self) -> Vec<Seen> {
        let mut state = self.shared.lock();
        let (ended, under_way) =
            std::mem::take(&mut state.seen).into_iter().partition(|(_, _, seen)| seen.is_some());
        state.seen = under_way;
        Vec::into_iter(ended).filter_map(|(_, _, seen)| seen).collect()
    }

    /// What the requests since the last call add up to.
    pub fn take_counts(&self) -> Counts {
        Counts::of(&self.take())
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        // A connection wakes the thread that accepts; if it fails, that thread has ended already.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, why_not: &str, mut condition: impl FnMut(&State) -> bool) {
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, |state| condition(state));
        let (_state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "after {} s {why_not}", PATIENCE.as_secs());
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.ends.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        shared.lock().connections += 1;
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // A client that has gone is no failure of the proxy's.
            drop(serve(&stream, &shared));
            drop(stream.shutdown(Shutdown::Both));
            shared.lock().connections -= 1;
            shared.changed.notify_all();
        });
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream);
    let mut output = stream;
    while let Some(request) = Request::read(&mut input, &mut output)? {
        let operation = Operation::of(&request);
        let (started, fault) = begin(shared, &operation);
        thread::sleep(shared.latency);
        let (kill, pass) = (|| kill(shared), || pass(shared));
        let end = exchange(&request, &operation, fault, shared.upstream, &mut output, kill, pass);
        let status = match end {
            Ok(End::Answered(status)) => Some(status),
            Ok(End::Broken(status)) => status,
            Err(_) => None,
        };
        finish(shared, Seen { operation, started, ended: Instant::now(), fault, status });
        if request.is_last || !matches!(end, Ok(End::Answered(_))) {
            break;
        }
    }
    Ok(())
}

fn begin(shared: &Shared, operation: &Operation) -> (Instant, Option<Fault>) {
    let mut state = shared.lock();
    let started = Instant::now();
    state.seen.push((operation.clone(), started, None));
    (started, state.script.next(operation))
}

fn finish(shared: &Shared, seen: Seen) {
    let mut state = shared.lock();
    let is_it = |(operation, started, ended): &&mut (Operation, Instant, Option<Seen>)| {
        ended.is_none() && *started == seen.started && *operation == seen.operation
    };
    if let Some(entry) = state.seen.iter_mut().find(is_it) {
        entry.2 = Some(seen);
    }
}

/// Waits at the gate.
fn pass(shared: &Shared) {
    let mut state = shared.lock();
    if state.gate == Gate::Unreached {
        state.gate = Gate::Reached;
    }
    drop(state);
    shared.changed.notify_all();
    shared.wait_while("nobody opened the gate", |state| state.gate != Gate::Open);
}

/// Kills the client and waits until it is dead, so that it cannot take the broken connection for an answer.
fn kill(shared: &Shared) {
    let mut state = shared.lock();
    let victim = loop {
        if let Some(victim) = &state.victim {
            break Arc::clone(victim);
        }
        state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    };
    drop(state);
    let mut child = victim.lock().unwrap_or_else(PoisonError::into_inner);
    // It may have ended by itself, which is just as dead.
    drop(child.kill());
    drop(child.wait());
}
