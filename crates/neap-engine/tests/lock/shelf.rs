//! A store in memory with the semantics of SSM or of a store that compares, a clock that a test moves, and requests whose
//! fate a test decides.
//!
//! Each request takes two turns of its process: in the first it is sent and carried out, in the second its answer comes.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;

use jiff::Timestamp;
use neap_engine::cloud::{CallError, ErrorKind};
use neap_engine::lock::{Clock, Lock, Presence, Store, Stored, Version, Worker, WriteError};
use tokio::runtime::{Builder, Runtime};

/// What a store does when something is written over something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Semantics {
    /// SSM's: it writes, and counts.
    Counts,
    /// S3's: it writes only over what it is told to.
    Compares,
}

/// What becomes of a request that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is carried out and answered.
    Fine,
    /// It is carried out, and its answer is lost.
    AnswerLost,
    /// It never arrives.
    NeverSent,
    /// It is given up, and arrives later.
    Late,
    /// Nothing ever comes back, not even a failure.
    Hangs,
}

#[derive(Debug, Clone)]
enum Request {
    Create(String),
    Replace(String, Version),
    Delete(Version),
}

/// The store.
#[derive(Debug)]
pub(crate) struct Shelf {
    semantics: Semantics,
    /// Every version since the last deletion.
    versions: RefCell<Vec<Stored>>,
    n_tags: Cell<u64>,
    fates: RefCell<VecDeque<Fate>>,
    late: RefCell<Vec<Request>>,
    /// When deletions that are on their way were decided.
    deletions: RefCell<Vec<i64>>,
    now: Arc<AtomicI64>,
}

impl Shelf {
    pub(crate) fn new(semantics: Semantics) -> Rc<Self> {
        Rc::new(Self {
            semantics,
            versions: RefCell::default(),
            n_tags: Cell::new(0),
            fates: RefCell::default(),
            late: RefCell::default(),
            deletions: RefCell::default(),
            now: Arc::default(),
        })
    }

    /// Decides the fates of the next requests that write. Those that come after are fine.
    pub(crate) fn decide(&self, fates: impl IntoIterator<Item = Fate>) {
        self.fates.borrow_mut().extend(fates);
    }

    /// Lets time pass, unless a deletion is on its way for so long that its sender would have given it up.
    pub(crate) fn pass(&self, seconds: i64) {
        const TIMEOUT: i64 = 20;
        let then = self.now.load(Ordering::Relaxed) + seconds;
        if self.deletions.borrow().iter().all(|decided| then - decided <= TIMEOUT) {
            self.now.store(then, Ordering::Relaxed);
        }
    }

    /// A request that was given up arrives.
    pub(crate) fn arrive(&self) {
        let request = self.late.borrow_mut().pop();
        if let Some(request) = request {
            // Nobody hears the answer.
            let _unheard = self.carry_out(request).is_ok();
        }
    }

    /// What is there.
    pub(crate) fn newest(&self) -> Option<Stored> {
        self.versions.borrow().last().cloned()
    }

    /// A deletion whose sender has died is carried out no more.
    pub(crate) fn forget_deletions(&self) {
        self.deletions.borrow_mut().clear();
    }

    fn carry_out(&self, request: Request) -> Result<Version, WriteError> {
        let mut versions = self.versions.borrow_mut();
        let newest = versions.last().map(|stored| stored.version.clone());
        let compares = self.semantics == Semantics::Compares;
        match request {
            Request::Create(text) => {
                if newest.is_some() {
                    return Err(WriteError::Refused);
                }
                let version = self.next(None);
                versions.push(Stored { text, version: version.clone() });
                Ok(version)
            }
            Request::Replace(_, over) if compares && newest.as_ref() != Some(&over) => {
                Err(WriteError::Refused)
            }
            Request::Replace(text, _) => {
                let version = self.next(newest.as_ref());
                if compares {
                    versions.clear();
                }
                versions.push(Stored { text, version: version.clone() });
                Ok(version)
            }
            Request::Delete(over) if compares && newest.as_ref() != Some(&over) => Err(WriteError::Refused),
            Request::Delete(version) => {
                versions.clear();
                Ok(version)
            }
        }
    }

    fn next(&self, newest: Option<&Version>) -> Version {
        match (self.semantics, newest) {
            (Semantics::Compares, _) => {
                self.n_tags.set(self.n_tags.get() + 1);
                Version::Tag(self.n_tags.get().to_string())
            }
            (Semantics::Counts, Some(Version::Number(number))) => Version::Number(number + 1),
            (Semantics::Counts, _) => Version::Number(1),
        }
    }

    async fn write(&self, request: Request) -> Result<Version, WriteError> {
        let deletes = matches!(request, Request::Delete(_));
        if deletes {
            self.deletions.borrow_mut().push(self.now.load(Ordering::Relaxed));
        }
        turn().await;
        if deletes {
            self.deletions.borrow_mut().pop();
        }
        let fate = self.fates.borrow_mut().pop_front().unwrap_or(Fate::Fine);
        let answer = match fate {
            Fate::Hangs => std::future::pending().await,
            Fate::Fine => self.carry_out(request),
            Fate::AnswerLost => self.carry_out(request).and(Err(no_answer())),
            Fate::NeverSent => Err(no_answer()),
            // SSM deletes whatever is there, so a deletion must not come late: requests have a timeout.
            Fate::Late if deletes => Err(no_answer()),
            Fate::Late => {
                self.late.borrow_mut().push(request);
                Err(no_answer())
            }
        };
        turn().await;
        answer
    }
}

fn no_answer() -> WriteError {
    WriteError::Failed(CallError {
        kind: ErrorKind::Timeout,
        operation: "shelf:Write".into(),
        code: None,
        message: "no answer".into(),
        request_id: None,
    })
}

/// Waits until it is this process's turn again.
async fn turn() {
    let mut waited = false;
    std::future::poll_fn(move |context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// What timers need, which never go off where nobody lets the runtime run.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// One process's access to the store.
pub(crate) struct Reach(pub(crate) Rc<Shelf>);

impl Store for Reach {
    async fn read(&self) -> Result<Option<Stored>, CallError> {
        turn().await;
        let newest = self.0.newest();
        turn().await;
        Ok(newest)
    }

    async fn history(&self) -> Result<Vec<Stored>, CallError> {
        turn().await;
        let versions = self.0.versions.borrow().clone();
        turn().await;
        Ok(versions)
    }

    async fn create(&self, text: &str) -> Result<Version, WriteError> {
        self.0.write(Request::Create(text.to_owned())).await
    }

    async fn replace(&self, text: &str, over: &Version) -> Result<Version, WriteError> {
        self.0.write(Request::Replace(text.to_owned(), over.clone())).await
    }

    async fn delete(&self, over: &Version) -> Result<(), WriteError> {
        self.0.write(Request::Delete(over.clone())).await.map(|_| ())
    }

    async fn account(&self) -> Result<Option<String>, CallError> {
        Ok(None)
    }

    fn place(&self) -> String {
        "the shelf".into()
    }
}

/// The lock as process `number` has it, on a host where nobody is ever known to be dead.
pub(crate) fn lock(shelf: &Rc<Shelf>, number: u32) -> Lock<Reach> {
    lock_on(Path::new("/nowhere"), shelf, number)
}

/// The lock as process `number` has it, on the host that has this folder.
pub(crate) fn lock_on(host: &Path, shelf: &Rc<Shelf>, number: u32) -> Lock<Reach> {
    let now = Arc::clone(&shelf.now);
    let clock: Clock =
        Arc::new(move || Timestamp::from_second(now.load(Ordering::Relaxed)).expect("in range"));
    let worker = Worker {
        stack: "course".into(),
        owner: format!("{number:032x}"),
        who: format!("process {number}"),
        process: number,
        command: "neap apply".into(),
    };
    let presence = Presence::show(host, &worker.owner);
    Lock::new(Reach(Rc::clone(shelf)), worker, presence, clock)
}
