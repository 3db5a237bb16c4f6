//! The sandbox: a world, its clock, its file, and the one way in which calls reach it.
//!
//! Decides what one call is: sent, struck by a fault or carried out, saved, answered. Must not know what calls do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use neap_core::address::Address;
use neap_core::live::LiveResource;
use neap_engine::cloud::{CallError, ErrorKind};
use neap_engine::files::Folders;
use neap_engine::throttle::Throttle;
use neap_engine::transfers::Transfers;

use crate::arn;
use crate::clock::{Clock, LATENCY, Millis};
use crate::error::{Answer, Rejection, SimError};
use crate::fault::{self, Fault, FaultKind, Faults};
use crate::journal::Journal;
use crate::limits;
use crate::record::State;
use crate::seed;
use crate::trace::{Call, Trace};
use crate::world::{Consistency, Delay, Memory, World};

/// The name of the world's file in its folder.
const FILE: &str = "sandbox.json";
/// How much time may be lost between two processes if nothing came of it.
const CLOCK_IS_KEPT: Millis = 30_000;

/// A strict AWS inside the process.
pub struct Sim {
    inner: RefCell<Inner>,
    clock: Clock,
    file: Option<PathBuf>,
    latency: Duration,
    /// What the clock showed when the world was last saved, and how much time had done by then.
    saved: Cell<(Millis, u64)>,
    on_kill: Option<fn()>,
    /// Where calls wait until AWS takes them; none for a client that does not care.
    throttle: Option<Throttle>,
    /// Where the files lie that are uploaded; a world without such a place takes every file for what it was planned to be.
    pub(crate) folders: Folders,
    pub(crate) transfers: Transfers,
    /// How many uploads are not saved.
    unsaved: Cell<usize>,
}

struct Inner {
    world: World,
    faults: Faults,
    trace: Trace,
    journal: Option<Journal>,
}

impl fmt::Debug for Sim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sim").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Sim {
    /// The world kept in `folder`; a new one where there is none.
    ///
    /// # Errors
    ///
    /// Fails when the world's file cannot be read, or is not one that the sandbox has written.
    pub fn open(folder: &Path) -> Result<Self, SimError> {
        let file = folder.join(FILE);
        let world = World::load(&file)?;
        Ok(Self::with(world, Some(file)))
    }

    /// A new world that is kept nowhere.
    pub fn in_memory() -> Self {
        Self::with(World::default(), None)
    }

    fn with(world: World, file: Option<PathBuf>) -> Self {
        let clock = Clock::starting_at(world.now);
        let saved = Cell::new((world.now, world.matured));
        let inner = Inner { world, faults: Faults::default(), trace: Trace::default(), journal: None };
        Self {
            inner: RefCell::new(inner),
            clock,
            file,
            latency: LATENCY,
            saved,
            on_kill: None,
            throttle: Some(Throttle::default()),
            folders: Folders::default(),
            transfers: Transfers::default(),
            unsaved: Cell::new(0),
        }
    }

    /// Answers each call after this time instead of the usual one.
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Uploads files from the folders beside a stack file that lies in `base`.
    #[must_use]
    pub fn with_folders(mut self, base: PathBuf) -> Self {
        self.folders = Folders::beside(base);
        self
    }

    /// Makes calls as fast as they come, as a client does that does not know AWS's limits.
    #[must_use]
    pub fn without_pacing(mut self) -> Self {
        self.throttle = None;
        self
    }

    /// Calls `hook` where a fault script says that the process ends.
    #[must_use]
    pub fn on_kill(mut self, hook: fn()) -> Self {
        self.on_kill = Some(hook);
        self
    }

    /// Notes every call in `file`, one line of JSON each, after what stands there.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be written.
    pub fn note_calls(self, file: &Path) -> Result<Self, SimError> {
        self.inner.borrow_mut().journal = Some(Journal::open(file)?);
        Ok(self)
    }

    /// Lets something go wrong from now on.
    pub fn fault(&self, fault: Fault) {
        self.inner.borrow_mut().faults.add(fault);
    }

    /// Lets news travel slowly from now on, in this world and whoever opens it again.
    pub fn consistency(&self, consistency: Consistency) {
        self.inner.borrow_mut().world.shades.mode = Some(consistency);
    }

    /// Lets everything in a script go wrong: TOML with one `[[fault]]` for each and perhaps `[consistency]`, or JSON of
    /// the same shape.
    ///
    /// # Errors
    ///
    /// Fails when the script makes no sense.
    pub fn fault_script(&self, text: &str) -> Result<(), SimError> {
        let script = fault::parse(text)?;
        script.faults.into_iter().for_each(|fault| self.fault(fault));
        if let Some(consistency) = script.consistency {
            self.consistency(consistency);
        }
        Ok(())
    }

    /// Lets nothing go wrong any more. News that are on their way arrive in their time.
    pub fn heal(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.faults.clear();
        inner.world.shades.mode = None;
    }

    /// Changes the world behind the stack's back, as a script says: see the `seed` module for its shape.
    ///
    /// # Errors
    ///
    /// Fails when the script makes no sense, or the world cannot be saved.
    pub fn seed(&self, text: &str) -> Result<(), SimError> {
        let script = seed::parse(text)?;
        self.meddle(|world| seed::apply(world, script))
    }

    /// Changes the world without a call.
    pub(crate) fn meddle<T>(
        &self,
        change: impl FnOnce(&mut World) -> Result<T, SimError>,
    ) -> Result<T, SimError> {
        let mut inner = self.inner.borrow_mut();
        inner.world.advance(self.clock.now());
        let delay = inner.world.delay();
        let before = delay.map(|_| inner.world.remember());
        let value = change(&mut inner.world)?;
        tell_late(&mut inner.world, before, delay);
        self.save(&inner.world)?;
        Ok(value)
    }

    /// Everything that exists in every region, whoever made it. Task definitions that are deregistered do not.
    pub fn resources(&self) -> Vec<LiveResource> {
        self.look(|world| {
            let nobody = |kind| Address::new(kind, "");
            let there = world.everything().filter(|record| record.state != State::Inactive);
            there.map(|record| record.to_live(&nobody(record.kind()), world.now)).collect()
        })
    }

    /// Every task definition that is deregistered and not deleted, in every region.
    pub fn inactive(&self) -> Vec<LiveResource> {
        self.look(|world| {
            let inactive = world.everything().filter(|record| record.state == State::Inactive);
            inactive.map(|record| record.to_live(&Address::new(record.kind(), ""), world.now)).collect()
        })
    }

    /// The ARNs that the index of tags lists for a stack, in the region of the last read: some are long gone.
    pub fn tagged(&self, stack: &str) -> Vec<String> {
        self.look(|world| world.tagged(neap_core::desired::TAG_STACK, stack))
    }

    /// The ARNs of clusters and services that are gone and that AWS goes on showing as inactive.
    pub fn tombstones(&self) -> Vec<String> {
        self.look(|world| world.tombstones().map(str::to_owned).collect())
    }

    /// How many calls were struck by a fault, and how many changes were told late, since the world was opened.
    pub fn struck(&self) -> usize {
        let inner = self.inner.borrow();
        inner.faults.n_struck + inner.world.shades.n_late
    }

    /// Every call that was made, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.inner.borrow().trace.calls.clone()
    }

    /// How many calls were made.
    pub(crate) fn n_calls(&self) -> usize {
        self.inner.borrow().trace.calls.len()
    }

    /// How often each operation was called.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.inner.borrow().trace.counts()
    }

    /// How many waves of concurrent calls reads have taken.
    pub fn waves(&self) -> usize {
        self.inner.borrow().trace.waves
    }

    /// The largest number of changing calls that were under way at one time.
    pub fn peak_concurrency(&self) -> usize {
        self.inner.borrow().trace.peak
    }

    /// Forgets the calls that were made.
    pub fn forget_calls(&self) {
        self.inner.borrow_mut().trace = Trace::default();
    }

    /// What the sandbox's clock shows: the time since the world was made.
    pub fn now(&self) -> Duration {
        Duration::from_millis(self.clock.now())
    }

    /// Looks at the world as it is now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        let mut inner = self.inner.borrow_mut();
        inner.world.advance(self.clock.now());
        look(&inner.world)
    }

    /// Looks at the world as a reader is shown it now.
    pub(crate) fn look_as_shown<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        let mut inner = self.inner.borrow_mut();
        inner.world.advance(self.clock.now());
        look(&inner.world.shown())
    }

    /// Makes calls in `region` from now on.
    pub(crate) fn enter(&self, region: &str) {
        self.inner.borrow_mut().world.enter(region);
    }

    /// One call that changes something: one change of the world, saved before it is answered.
    pub(crate) async fn call<T>(
        &self,
        operation: &str,
        address: &Address,
        change: impl FnOnce(&mut World) -> Answer<T>,
    ) -> Result<T, CallError> {
        self.turn(operation).await;
        let under_way = UnderWay::new(self);
        tokio::time::sleep(self.latency / 2).await;
        let answer = self.carry_out(operation, address, change);
        tokio::time::sleep(self.latency / 2).await;
        drop(under_way);
        answer
    }

    /// Waits until AWS takes a call of this operation.
    async fn turn(&self, operation: &str) {
        if let Some(throttle) = &self.throttle {
            throttle.take(operation).await;
        }
    }

    fn carry_out<T>(
        &self,
        operation: &str,
        address: &Address,
        change: impl FnOnce(&mut World) -> Answer<T>,
    ) -> Result<T, CallError> {
        let mut inner = self.inner.borrow_mut();
        inner.world.advance(self.clock.now());
        let fault = inner.faults.strike(operation, true, Some(address));
        if fault == Some(FaultKind::KillBefore) && self.unsaved.get() > 0 {
            self.save(&inner.world)?;
        }
        let refusal = self.refusal(operation, fault.as_ref());
        let answer = match refusal.or_else(|| limits::refusal(&mut inner.world, operation)) {
            Some(rejection) => self.finish(&inner.world, fault.as_ref(), Err(rejection)),
            None => {
                inner.world.deployment_fails = match &fault {
                    Some(FaultKind::DeploymentFails { reason }) => Some(reason.clone()),
                    _ => None,
                };
                let delay = delay_of(fault.as_ref()).or_else(|| inner.world.delay());
                let before = delay.map(|_| inner.world.remember());
                inner.world.was_upload = false;
                let answer = change(&mut inner.world);
                tell_late(&mut inner.world, before, delay);
                self.finish(&inner.world, fault.as_ref(), answer)
            }
        };
        self.log(&mut inner, operation, Some(address), true, answer)
    }

    /// What AWS answers instead of doing what it is asked for.
    fn refusal(&self, operation: &str, fault: Option<&FaultKind>) -> Option<Rejection> {
        match fault? {
            FaultKind::Throttle => Some(fault::throttled(operation)),
            FaultKind::Deny => Some(fault::denied(operation)),
            FaultKind::Fail { code, message } => Some(fault::failed(code, message)),
            FaultKind::Panic { message } => panic!("{message}"),
            FaultKind::KillBefore => {
                self.kill();
                Some(Rejection::new(ErrorKind::Timeout, "RequestTimeout", "the request was never sent"))
            }
            FaultKind::LostAnswer
            | FaultKind::LateVisibility { .. }
            | FaultKind::StaleRead { .. }
            | FaultKind::DeploymentFails { .. }
            | FaultKind::KillAfter => None,
        }
    }

    /// Saves what a call has done, and lets what goes wrong afterwards go wrong. A refusal can be lost too.
    fn finish<T>(&self, world: &World, fault: Option<&FaultKind>, answer: Answer<T>) -> Answer<T> {
        if answer.is_ok() && (fault.is_some() || !self.waits(world)) {
            let unsaved = |error: SimError| {
                Rejection::new(ErrorKind::Unavailable, "ServiceUnavailable", error.to_string())
            };
            self.save(world).map_err(unsaved)?;
        }
        if fault == Some(&FaultKind::KillAfter) {
            self.kill();
        }
        if matches!(fault, Some(FaultKind::LostAnswer | FaultKind::KillAfter)) {
            let message = "the request was carried out, and its answer was lost";
            return Err(Rejection::new(ErrorKind::Timeout, "RequestTimeout", message));
        }
        answer
    }
    fn kill(&self) {
        if let Some(hook) = self.on_kill {
            hook();
        }
    }

    /// One call that only reads, without the time that it takes.
    pub(crate) async fn read_call(
        &self,
        operation: &str,
        address: Option<&Address>,
    ) -> Result<(), CallError> {
        self.turn(operation).await;
        let mut inner = self.inner.borrow_mut();
        inner.world.advance(self.clock.now());
        let fault = inner.faults.strike(operation, false, address);
        let lost = || Rejection::new(ErrorKind::Timeout, "RequestTimeout", "no answer in time");
        let rejection = match &fault {
            Some(FaultKind::LostAnswer | FaultKind::KillAfter) => Some(lost()),
            fault => self
                .refusal(operation, fault.as_ref())
                .or_else(|| limits::refusal(&mut inner.world, operation)),
        };
        self.log(&mut inner, operation, address, false, rejection.map_or(Ok(()), Err))
    }

    /// One call that only reads. What the time that was waited for it has done is kept, so that the next process goes on
    /// from there.
    pub(crate) async fn poll(&self, operation: &str, address: &Address) -> Result<(), CallError> {
        tokio::time::sleep(self.latency).await;
        let answer = self.read_call(operation, Some(address)).await;
        let world = &self.inner.borrow().world;
        let (saved, matured) = self.saved.get();
        // Saving is most of what the sandbox's work costs.
        if world.matured > matured || world.now >= saved + CLOCK_IS_KEPT {
            self.save(world)?;
        }
        answer
    }

    /// Several calls that only read, all at once.
    pub(crate) async fn wave(&self) {
        self.inner.borrow_mut().trace.waves += 1;
        tokio::time::sleep(self.latency).await;
    }

    fn log<T>(
        &self,
        inner: &mut Inner,
        operation: &str,
        address: Option<&Address>,
        mutating: bool,
        answer: Answer<T>,
    ) -> Result<T, CallError> {
        let number = inner.trace.calls.len();
        let call = Call {
            operation: operation.to_owned(),
            address: address.cloned(),
            at: self.now(),
            mutating,
            error: answer.as_ref().err().map(|rejection| rejection.code.clone()),
        };
        let is_throttled = matches!(&answer, Err(rejection) if rejection.kind == ErrorKind::Throttled);
        if let Some(throttle) = self.throttle.as_ref().filter(|_| is_throttled) {
            throttle.refused(operation);
        }
        if let Some(Err(source)) = inner.journal.as_mut().map(|journal| journal.note(&call)) {
            let message = format!("the log of calls cannot be written: {source}");
            return Err(
                Rejection::new(ErrorKind::Unknown, "SandboxLog", message).of(operation, String::new())
            );
        }
        inner.trace.calls.push(call);
        let request = || arn::hex(&format!("{operation}/{number}"), 32);
        answer.map_err(|rejection| rejection.of(operation, request()))
    }

    /// Whether what a call has done is saved together with what comes next. Saving is as much work as there are objects, so of many
    /// uploads in a row some wait: whoever ends the process meanwhile ends it as if that had been a moment earlier.
    fn waits(&self, world: &World) -> bool {
        let waits = world.was_upload && self.unsaved.get() < world.n_objects() / 32;
        self.unsaved.set(if waits { self.unsaved.get() + 1 } else { 0 });
        waits
    }

    fn save(&self, world: &World) -> Result<(), SimError> {
        self.unsaved.set(0);
        self.saved.set((world.now, world.matured));
        self.file.as_deref().map_or(Ok(()), |file| world.save(file))
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        if self.unsaved.get() > 0 {
            // Nobody is left to be told.
            let _unkept = self.save(&self.inner.borrow().world).is_err();
        }
    }
}

/// How late the news of a call are that is struck by this fault.
fn delay_of(fault: Option<&FaultKind>) -> Option<Delay> {
    match fault? {
        FaultKind::LateVisibility { seconds } => Some(Delay { late: *seconds, ..Delay::default() }),
        FaultKind::StaleRead { seconds } => Some(Delay { stale: *seconds, ..Delay::default() }),
        _ => None,
    }
}

/// Lets readers learn only after a while of what has changed since `before`.
fn tell_late(world: &mut World, before: Option<Memory>, delay: Option<Delay>) {
    if let (Some(before), Some(delay)) = (before, delay) {
        world.keep_showing(&before, delay);
    }
}

/// A call that was sent and not answered yet. Whoever stops waiting for it ends it too.
struct UnderWay<'sim>(&'sim Sim);

impl<'sim> UnderWay<'sim> {
    fn new(sim: &'sim Sim) -> Self {
        sim.inner.borrow_mut().trace.sent();
        Self(sim)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.inner.borrow_mut().trace.answered();
    }
}
