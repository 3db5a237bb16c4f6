//! One of several processes that race for a lock: what `tests/race.rs` starts.
//!
//! Usage: `neap-racer FOLDER NUMBER`. Each line on stdin is a command, each line on stdout its answer: `take SECONDS` tries
//! to take the lock at that time and answers `won` or `held by …`; `release` lets go of it; `renew SECONDS` renews it. The
//! lock's store is a folder with the semantics of SSM: it creates only where nothing is, otherwise writes whatever is
//! there, and counts. Every fifth answer to a write is lost.

use std::cell::Cell;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use neap_engine::cloud::{CallError, ErrorKind};
use neap_engine::lock::{Attempt, Clock, Lock, Presence, Store, Stored, Version, Worker, WriteError};

/// A folder with the semantics of SSM.
struct Counting {
    folder: PathBuf,
    writes: Cell<u64>,
}

impl Counting {
    /// Carries out one request on the versions while no other process does.
    fn alone<T>(&self, request: impl FnOnce(&mut Vec<(u64, String)>) -> T) -> Result<T, CallError> {
        let carried_out = || -> io::Result<T> {
            let guard =
                File::options().write(true).create(true).truncate(false).open(self.folder.join("guard"))?;
            guard.lock()?;
            let file = self.folder.join("versions.json");
            let mut versions = match fs::read(&file) {
                Ok(text) => serde_json::from_slice(&text)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error),
            };
            let value = request(&mut versions);
            fs::write(&file, serde_json::to_vec(&versions)?)?;
            Ok(value)
        };
        carried_out().map_err(|error| failed(ErrorKind::Invalid, error.to_string()))
    }

    /// The answer to a write, unless it gets lost.
    fn answer<T>(&self, answer: T) -> Result<T, WriteError> {
        self.writes.set(self.writes.get() + 1);
        if self.writes.get().is_multiple_of(5) {
            return Err(WriteError::Failed(failed(ErrorKind::Timeout, "the answer was lost".to_owned())));
        }
        Ok(answer)
    }
}

fn failed(kind: ErrorKind, message: String) -> CallError {
    CallError { kind, operation: "folder:Request".to_owned(), code: None, message, request_id: None }
}

fn stored((number, text): (u64, String)) -> Stored {
    Stored { text, version: Version::Number(number) }
}

impl Store for Counting {
    async fn read(&self) -> Result<Option<Stored>, CallError> {
        self.alone(|versions| versions.last().cloned().map(stored))
    }

    async fn history(&self) -> Result<Vec<Stored>, CallError> {
        self.alone(|versions| versions.iter().cloned().map(stored).collect())
    }

    async fn create(&self, text: &str) -> Result<Version, WriteError> {
        let created = self.alone(|versions| {
            let is_free = versions.is_empty();
            if is_free {
                versions.push((1, text.to_owned()));
            }
            is_free
        })?;
        if created { self.answer(Version::Number(1)) } else { Err(WriteError::Refused) }
    }

    async fn replace(&self, text: &str, _: &Version) -> Result<Version, WriteError> {
        let number = self.alone(|versions| {
            let number = versions.last().map_or(1, |(number, _)| number + 1);
            versions.push((number, text.to_owned()));
            number
        })?;
        self.answer(Version::Number(number))
    }

    async fn delete(&self, _: &Version) -> Result<(), WriteError> {
        self.alone(Vec::clear)?;
        self.answer(())
    }

    async fn account(&self) -> Result<Option<String>, CallError> {
        Ok(None)
    }

    fn place(&self) -> String {
        self.folder.display().to_string()
    }
}

/// The lock as this process has it in one race.
fn lock(folder: &Path, number: &str, now: &Arc<AtomicI64>) -> Result<Lock<Counting>, CallError> {
    let worker = Worker::this_process("course", format!("racer-{number}@track"), "neap apply")?;
    // Nobody dies here, and nobody is to be thought dead.
    let presence = Presence::show(Path::new("/nowhere"), &worker.owner);
    let now = Arc::clone(now);
    let clock: Clock =
        Arc::new(move || Timestamp::from_second(now.load(Ordering::Relaxed)).unwrap_or_default());
    let writes = Cell::new(number.parse().unwrap_or_default());
    Ok(Lock::new(Counting { folder: folder.to_owned(), writes }, worker, presence, clock))
}

async fn race(folder: &Path, number: &str) -> Result<(), Box<dyn Error>> {
    let now = Arc::new(AtomicI64::new(0));
    let mut held = lock(folder, number, &now)?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (command, seconds) = line.split_once(' ').unwrap_or((&line, "0"));
        now.store(seconds.parse()?, Ordering::Relaxed);
        let answer = match command {
            "take" => {
                held = lock(folder, number, &now)?;
                match held.take().await? {
                    Attempt::Taken(_) => "won".to_owned(),
                    Attempt::Held(record) => format!("held by {}", record.who),
                }
            }
            "renew" => held.renew().await.map(|()| "renewed".to_owned())?,
            "release" => held.release().await.map(|()| "released".to_owned())?,
            other => return Err(format!("no such command: {other}").into()),
        };
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, number] = arguments.as_slice() else {
        return Err("usage: neap-racer FOLDER NUMBER".into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(race(Path::new(folder), number))
}
