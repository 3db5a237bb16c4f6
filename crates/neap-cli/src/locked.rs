//! Work on a stack that nobody else works on meanwhile: its lock is taken first, renewed all the while, and released at
//! the end, however that comes.
//!
//! Decides how long a lock is waited for, and what is said about it. Must not know what the work is.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use neap_core::address::Address;
use neap_core::desired::{Desired, LockPlace};
use neap_engine::apply::ApplyOptions;
use neap_engine::cancel::{Cancel, Level};
use neap_engine::cloud::Cloud;
use neap_engine::intent::settle;
use neap_engine::lock::{Attempt, Lock, LockError, Presence, RENEW_EVERY, Record, Store, Worker};

use crate::account;
use crate::connect::Connect;
use crate::console::{ErrorStream, Ui};
use crate::error::CommandError;
use crate::render::json::{self, Line};
use crate::render::{lock as text, style};
use crate::session::Session;
use crate::signals;
use crate::wall::{self, Ticker};

/// How long after one look at a lock that is held comes the next.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who wants a lock.
pub(crate) struct Wish<'a> {
    /// The stack that is to be changed.
    pub(crate) desired: &'a Desired,
    /// The region that it is in, unless the SDK's own chain decides.
    pub(crate) region: Option<&'a str>,
    /// The command, as it is typed: `neap apply`.
    pub(crate) command: &'static str,
    /// How long to wait for it.
    pub(crate) timeout: Duration,
}

/// What goes with a lock that is held.
pub(crate) struct Hold<S> {
    /// The options that keep an apply within the lock.
    pub(crate) options: ApplyOptions,
    /// The lock, if the stack has one.
    lock: Option<Rc<Lock<S>>>,
}

impl<S: Store> Hold<S> {
    /// Finds out what became of creates that an earlier run has not seen the end of, so that a plan knows them.
    pub(crate) async fn settle<C: Cloud>(
        &self,
        ui: &Ui,
        cloud: &C,
        desired: &Desired,
    ) -> Result<(), CommandError> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let intents = lock.left_open().await;
        if intents.is_empty() {
            return Ok(());
        }
        let mut tell = |addresses: &[&Address], window: Duration| ui.err(&text::settling(addresses, window));
        settle(cloud, desired, &intents, &mut tell).await?;
        for intent in &intents {
            lock.close_intent(&intent.address).await.map_err(|error| text::failed(&error))?;
        }
        Ok(())
    }
}

/// Holds the lock while `work` runs.
pub(crate) async fn locked<C: Connect, T>(
    session: &mut Session<C>,
    wish: Wish<'_>,
    work: impl AsyncFnOnce(&mut Session<C>, &Hold<C::Store>) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let mut hold = Hold { options: ApplyOptions::default(), lock: None };
    if wish.desired.lock == LockPlace::None {
        return work(session, &hold).await;
    }
    let lock = Rc::new(signals::unless_interrupted(open(session, &wish)).await??);
    // Whoever is interrupted while a request is under way may have got the lock.
    let taken = signals::unless_interrupted(take(session, &lock, &wish)).await;
    let result = match taken {
        Ok(Ok(())) => {
            hold.options.lease = lock.lease();
            hold.options.journal = Rc::<Lock<C::Store>>::clone(&lock);
            hold.lock = Some(Rc::clone(&lock));
            let stderr = session.ui.error_stream();
            let renewing = pin!(renew(&lock, &hold.options.cancel, &stderr));
            let working = pin!(work(session, &hold));
            tokio::select! {
                biased;
                result = working => result,
                never = renewing => match never {},
            }
        }
        Ok(Err(error)) | Err(error) => Err(error),
    };
    let loss = hold.options.lease.loss();
    if let Err(error) = lock.release().await
        && loss.is_none()
    {
        session.ui.err(&style::warning(&text::not_released(
            &error,
            &lock.store().place(),
            lock.expires_by(),
        )));
    }
    match loss {
        Some(reason) => Err(text::lost(&reason, result.err())),
        None => result,
    }
}

/// The lock of the stack, not taken yet; only in the account that the stack names.
async fn open<C: Connect>(session: &Session<C>, wish: &Wish<'_>) -> Result<Lock<C::Store>, CommandError> {
    let store = session.store(wish.desired, wish.region).await?;
    account::guard_lock(wish.desired, &store).await?;
    new(session, store, &wish.desired.stack, wish.command)
}

/// The lock in `store`, for this process.
pub(crate) fn new<C: Connect, S: Store>(
    session: &Session<C>,
    store: S,
    stack: &str,
    command: &str,
) -> Result<Lock<S>, CommandError> {
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| session.environment.get(*name));
    let user = user.map_or("somebody", String::as_str);
    let worker = Worker::this_process(stack, format!("{user}@{}", session.host), command)?;
    let presence = Presence::show(&session.temporary, &worker.owner);
    Ok(Lock::new(store, worker, presence, Arc::new(Timestamp::now)))
}

/// Takes the lock, waiting as long as the wish says.
async fn take<C: Connect>(
    session: &mut Session<C>,
    lock: &Lock<C::Store>,
    wish: &Wish<'_>,
) -> Result<(), CommandError> {
    let begun = Instant::now();
    let mut has_told = false;
    loop {
        let attempt = lock.take().await.map_err(|error| text::failed(&error))?;
        let record = match attempt {
            Attempt::Held(record) => record,
            Attempt::Taken(takeover) => {
                if let Some(line) = takeover.as_ref().and_then(text::takeover) {
                    session.ui.err(&style::warning(&line));
                }
                return Ok(());
            }
        };
        let left = wish.timeout.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(refuse(session, &record, has_told.then_some(wish.timeout)));
        }
        if !std::mem::replace(&mut has_told, true) {
            session.ui.err(&text::waiting(&record, wish.timeout));
        }
        wall::sleep(left.min(LOOK_EVERY)).await;
    }
}

fn refuse<C: Connect>(session: &mut Session<C>, record: &Record, waited: Option<Duration>) -> CommandError {
    if session.global.json {
        session.ui.out(&json::line(&Line::of_lock(record)));
    }
    text::held(record, waited)
}

/// Renews the lock for ever. If it is lost, nothing new is started.
async fn renew<S: Store>(lock: &Lock<S>, cancel: &Cancel, stderr: &ErrorStream) -> std::convert::Infallible {
    let mut ticker = Ticker::every(RENEW_EVERY);
    loop {
        ticker.next().await;
        match lock.renew().await {
            Ok(()) => tracing::debug!("the lock is renewed"),
            Err(LockError::Lost(reason)) => {
                if cancel.level() == Level::None {
                    cancel.stop();
                }
                stderr.write_text(&style::warning(&text::losing(&reason)));
                std::future::pending::<()>().await;
            }
            Err(error) => {
                // Until its record expires the lock holds; then every change waits for a renewal.
                stderr.write_text(&style::warning(&format!("the stack's lock was not renewed: {error}")));
            }
        }
    }
}
