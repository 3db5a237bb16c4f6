//! The running servers of each emulator, and who has which.
//!
//! Decides that a world has a server for itself, and that whoever finds none free waits for one: most of a life is waiting, so tests
//! run side by side. Must not know what is done on a server.

use std::collections::BTreeMap;
use std::env;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::Emulator;

/// The servers that nobody has, of each emulator that was asked for.
static FREE: Mutex<BTreeMap<Emulator, Vec<String>>> = Mutex::new(BTreeMap::new());
static GIVEN_BACK: Condvar = Condvar::new();

/// A server that nobody else has as long as one of these is there.
#[derive(Debug, Clone)]
pub struct Server(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    emulator: Emulator,
    endpoint: String,
}

impl Server {
    /// Takes a server of `emulator`, as soon as one is free.
    ///
    /// # Panics
    ///
    /// Panics if the suite was not started by `cargo xtask test`, which starts the emulators.
    pub fn take(emulator: Emulator) -> Self {
        let running = Self::running(emulator);
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(endpoint) = free.entry(emulator).or_insert_with(|| running.clone()).pop() {
                return Self(Arc::new(Taken { emulator, endpoint }));
            }
            free = GIVEN_BACK.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How many servers of `emulator` there are.
    ///
    /// # Panics
    ///
    /// As [`Server::take`].
    pub fn count(emulator: Emulator) -> usize {
        Self::running(emulator).len()
    }

    fn running(emulator: Emulator) -> Vec<String> {
        let variable = emulator.variable();
        let endpoints = env::var(variable).unwrap_or_else(|_| {
            panic!("{variable} is not set: run `cargo xtask http`, which starts the emulators")
        });
        endpoints.split_whitespace().map(str::to_owned).collect()
    }

    /// Which emulator it is.
    pub fn emulator(&self) -> Emulator {
        self.0.emulator
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.entry(self.emulator).or_default().push(std::mem::take(&mut self.endpoint));
        GIVEN_BACK.notify_all();
    }
}
