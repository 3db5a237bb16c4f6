//! A cloud that does what a test tells it to, and remembers what was asked of it and when.
//!
//! Every call takes one second of the paused clock. Resources settle and go after scripted times.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use neap_core::desired::{Desired, DesiredResource, TAG_ADDRESS};
use neap_core::live::{Live, LiveResource, Outputs};
use neap_core::zero::{Remains, StackScope};
use neap_engine::cloud::{CallError, Cloud, ErrorKind, Progress};
use tokio::time::Instant;

/// How long every call takes.
const CALL: Duration = Duration::from_secs(1);

/// One call that was made: when it began, in seconds, and what it was for: `create alb.public`.
pub(crate) type Call = (u64, String);

pub(crate) struct Scripted {
    begun: Instant,
    /// Seconds from the return of the call until a look says that it is done.
    durations: BTreeMap<String, u64>,
    /// Answers other than success, by call: `create alb.public`.
    faults: RefCell<BTreeMap<String, VecDeque<ErrorKind>>>,
    /// What looks say that never end well, by call.
    verdicts: BTreeMap<String, Progress>,
    /// What AWS assigns, by address.
    outputs: BTreeMap<String, Outputs>,
    /// From when on, in seconds, a look shows what a create made whose answer was lost, by address.
    shows: BTreeMap<String, u64>,
    returned: RefCell<BTreeMap<String, Instant>>,
    n_changing: Cell<usize>,
    most_changing: Cell<usize>,
    calls: RefCell<Vec<Call>>,
    received: RefCell<Vec<(DesiredResource, String)>>,
    /// What each update was told to be live.
    held: RefCell<Vec<LiveResource>>,
    live: RefCell<VecDeque<Result<Live, CallError>>>,
    remains: RefCell<VecDeque<Remains>>,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            durations: BTreeMap::new(),
            faults: RefCell::default(),
            verdicts: BTreeMap::new(),
            outputs: BTreeMap::new(),
            shows: BTreeMap::new(),
            returned: RefCell::default(),
            n_changing: Cell::new(0),
            most_changing: Cell::new(0),
            calls: RefCell::default(),
            received: RefCell::default(),
            held: RefCell::default(),
            live: RefCell::default(),
            remains: RefCell::default(),
        }
    }

    /// What is at `address` settles, or goes, so many seconds after its call has returned.
    pub(crate) fn takes(mut self, address: &str, seconds: u64) -> Self {
        self.durations.insert(address.to_owned(), seconds);
        self
    }

    /// The next calls fail like this, one after the other.
    pub(crate) fn fails(self, call: &str, kinds: &[ErrorKind]) -> Self {
        self.faults.borrow_mut().insert(call.to_owned(), kinds.iter().copied().collect());
        self
    }

    /// Every look says this.
    pub(crate) fn says(mut self, call: &str, progress: Progress) -> Self {
        self.verdicts.insert(call.to_owned(), progress);
        self
    }

    /// The call returns this output, besides others.
    pub(crate) fn gives(mut self, address: &str, name: &str, value: &str) -> Self {
        self.outputs.entry(address.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
        self
    }

    /// Whoever looks for what a create of this made finds it from this second on.
    pub(crate) fn shows(mut self, address: &str, second: u64) -> Self {
        self.shows.insert(address.to_owned(), second);
        self
    }

    /// The next read answers like this.
    pub(crate) fn reads(self, answer: Result<Live, CallError>) -> Self {
        self.live.borrow_mut().push_back(answer);
        self
    }

    /// The next look at what is left shows this.
    pub(crate) fn leaves(self, remains: Remains) -> Self {
        self.remains.borrow_mut().push_back(remains);
        self
    }

    /// The calls in order, looks left out.
    pub(crate) fn changes(&self) -> Vec<Call> {
        let is_change = |(_, call): &&Call| !call.starts_with("ready") && !call.starts_with("gone");
        self.calls.borrow().iter().filter(is_change).cloned().collect()
    }

    /// When `call` was made, in seconds.
    pub(crate) fn times(&self, call: &str) -> Vec<u64> {
        self.calls.borrow().iter().filter(|(_, made)| made == call).map(|(at, _)| *at).collect()
    }

    /// What `create` and `update` were given, with the hash.
    pub(crate) fn held(&self) -> Vec<LiveResource> {
        self.held.borrow().clone()
    }

    pub(crate) fn received(&self) -> Vec<(DesiredResource, String)> {
        self.received.borrow().clone()
    }

    /// The most calls that changed something at one moment.
    pub(crate) fn most_changing(&self) -> usize {
        self.most_changing.get()
    }

    async fn call(&self, verb: &str, address: &str) -> Result<(), CallError> {
        let call = format!("{verb} {address}");
        self.calls.borrow_mut().push((self.begun.elapsed().as_secs(), call.clone()));
        tokio::time::sleep(CALL).await;
        let fault = self.faults.borrow_mut().get_mut(&call).and_then(VecDeque::pop_front);
        fault.map_or(Ok(()), |kind| Err(error(kind, &call)))
    }

    async fn change(&self, verb: &str, address: &str) -> Result<Outputs, CallError> {
        self.n_changing.set(self.n_changing.get() + 1);
        self.most_changing.set(self.most_changing.get().max(self.n_changing.get()));
        let result = self.call(verb, address).await;
        self.n_changing.set(self.n_changing.get() - 1);
        result?;
        self.returned.borrow_mut().insert(address.to_owned(), Instant::now());
        Ok(self.outputs.get(address).cloned().unwrap_or_default())
    }

    async fn look(&self, verb: &str, address: &str) -> Result<Progress, CallError> {
        self.call(verb, address).await?;
        if let Some(progress) = self.verdicts.get(&format!("{verb} {address}")) {
            return Ok(progress.clone());
        }
        let since = self.returned.borrow().get(address).copied().unwrap_or(self.begun);
        let duration = Duration::from_secs(self.durations.get(address).copied().unwrap_or_default());
        let is_done = since.elapsed() >= duration;
        Ok(if is_done { Progress::Done } else { Progress::Pending("provisioning".to_owned()) })
    }
}

/// A failure of this kind.
pub(crate) fn error(kind: ErrorKind, call: &str) -> CallError {
    CallError {
        kind,
        operation: format!("test:{call}"),
        code: None,
        message: format!("refused as {kind:?}, with hunter2"),
        request_id: None,
    }
}

fn address(desired: &DesiredResource) -> &str {
    &desired.tags[TAG_ADDRESS]
}

impl Cloud for Scripted {
    async fn read(&self, _desired: &Desired) -> Result<Live, CallError> {
        self.call("read", "everything").await?;
        self.live.borrow_mut().pop_front().expect("an answer for each read")
    }

    async fn create(&self, desired: &DesiredResource, spec: &str) -> Result<Outputs, CallError> {
        self.received.borrow_mut().push((desired.clone(), spec.to_owned()));
        self.change("create", address(desired)).await
    }

    async fn update(
        &self,
        live: &LiveResource,
        desired: &DesiredResource,
        spec: &str,
    ) -> Result<Outputs, CallError> {
        assert_eq!(live.address.to_string(), address(desired));
        self.held.borrow_mut().push(live.clone());
        self.received.borrow_mut().push((desired.clone(), spec.to_owned()));
        self.change("update", address(desired)).await
    }

    async fn delete(&self, live: &LiveResource) -> Result<(), CallError> {
        self.change("delete", &live.address.to_string()).await.map(|_| ())
    }

    async fn ready(&self, desired: &DesiredResource, _outputs: &Outputs) -> Result<Progress, CallError> {
        self.look("ready", address(desired)).await
    }

    async fn gone(&self, live: &LiveResource) -> Result<Progress, CallError> {
        self.look("gone", &live.address.to_string()).await
    }

    async fn created(&self, desired: &DesiredResource, _spec: &str) -> Result<Option<Outputs>, CallError> {
        let address = address(desired);
        self.call("created", address).await?;
        let is_shown = self.shows.get(address).is_some_and(|at| self.begun.elapsed().as_secs() >= *at);
        Ok(is_shown.then(|| self.outputs.get(address).cloned().unwrap_or_default()))
    }

    async fn remains(&self, _scope: &StackScope) -> Result<Remains, CallError> {
        self.call("remains", "everything").await?;
        Ok(self.remains.borrow_mut().pop_front().expect("an answer for each look"))
    }
}
