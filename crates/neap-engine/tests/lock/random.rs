//! Whatever processes do at the same time, and whatever becomes of their requests: never two of them hold the lock.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use neap_engine::lock::{Attempt, Lease, LockError};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::shelf::{Fate, Semantics, Shelf, lock, runtime};

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// This process goes on until its next request, or the answer to the last.
    Turn(usize),
    /// So many seconds pass.
    Pass(i64),
    /// This process is killed.
    Kill(usize),
    /// A request that was given up arrives.
    Arrive,
}

const PROCESSES: usize = 4;

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        40 => (0..PROCESSES).prop_map(Event::Turn),
        4 => prop::sample::select(vec![1, 10, 20, 45, 120]).prop_map(Event::Pass),
        1 => (0..PROCESSES).prop_map(Event::Kill),
        2 => Just(Event::Arrive),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        5 => Just(Fate::Fine),
        1 => Just(Fate::AnswerLost),
        1 => Just(Fate::NeverSent),
        1 => Just(Fate::Late),
    ]
}

type Process = Pin<Box<dyn Future<Output = ()>>>;

/// A process that takes the lock over and over, works under it, renews it and lets go of it. The leases that it has
/// believed in stay in `leases`.
fn process(shelf: &Rc<Shelf>, number: usize, leases: &Rc<RefCell<Vec<Lease>>>) -> Process {
    let (shelf, leases) = (Rc::clone(shelf), Rc::clone(leases));
    Box::pin(async move {
        for life in 0..20 {
            let lock = lock(&shelf, u32::try_from(number * 100 + life).expect("small"));
            leases.borrow_mut()[number] = lock.lease();
            if !matches!(lock.take().await, Ok(Attempt::Taken(_))) {
                continue;
            }
            for _ in 0..life % 4 {
                if let Err(LockError::Lost(_)) = lock.renew().await {
                    break;
                }
            }
            // Whoever cannot let go leaves the lock to expire.
            let _left = lock.release().await.is_err();
        }
    })
}

/// Plays the events and returns how often the lock was seen held.
fn play(semantics: Semantics, events: &[Event], fates: Vec<Fate>) -> Result<usize, TestCaseError> {
    let runtime = runtime();
    let _inside = runtime.enter();
    let shelf = Shelf::new(semantics);
    shelf.decide(fates);
    let leases = Rc::new(RefCell::new(vec![lock(&shelf, 0).lease(); PROCESSES]));
    let mut processes: Vec<Option<Process>> =
        (0..PROCESSES).map(|number| Some(process(&shelf, number, &leases))).collect();
    let mut context = Context::from_waker(Waker::noop());
    let mut seen_held = 0;
    for (index, event) in events.iter().enumerate() {
        match *event {
            Event::Turn(number) => {
                if let Some(process) = &mut processes[number]
                    && process.as_mut().poll(&mut context).is_ready()
                {
                    processes[number] = None;
                }
            }
            Event::Pass(seconds) => shelf.pass(seconds),
            Event::Kill(number) => {
                processes[number] = None;
                leases.borrow_mut()[number] = lock(&shelf, 0).lease();
                shelf.forget_deletions();
            }
            Event::Arrive => shelf.arrive(),
        }
        let holders: Vec<usize> =
            leases.borrow().iter().enumerate().filter(|(_, lease)| lease.holds()).map(|(n, _)| n).collect();
        prop_assert!(holders.len() <= 1, "{holders:?} hold the lock after event {index}: {shelf:#?}");
        seen_held += holders.len();
    }
    drop(processes);
    afterwards(&shelf)?;
    Ok(seen_held)
}

/// When all of them are dead and their records have expired, whoever comes gets the lock and leaves nothing.
fn afterwards(shelf: &Rc<Shelf>) -> Result<(), TestCaseError> {
    shelf.forget_deletions();
    shelf.decide(std::iter::empty());
    for _ in 0..100 {
        shelf.arrive();
    }
    shelf.pass(200);
    let last = lock(shelf, 9999);
    let mut context = Context::from_waker(Waker::noop());
    let mut life = Box::pin(async {
        let attempt = last.take().await;
        (attempt, last.release().await)
    });
    for _ in 0..10_000 {
        if let std::task::Poll::Ready((attempt, released)) = life.as_mut().poll(&mut context) {
            prop_assert!(matches!(attempt, Ok(Attempt::Taken(_))), "{attempt:?}");
            prop_assert_eq!(released, Ok(()));
            prop_assert_eq!(shelf.newest(), None);
            return Ok(());
        }
    }
    Err(TestCaseError::fail("the last process never ends"))
}

proptest! {
    #[test]
    fn never_do_two_hold_a_lock_whose_store_only_counts(
        events in vec(event(), 1..400), fates in vec(fate(), 0..60)
    ) {
        play(Semantics::Counts, &events, fates)?;
    }

    #[test]
    fn never_do_two_hold_a_lock_whose_store_compares(
        events in vec(event(), 1..400), fates in vec(fate(), 0..60)
    ) {
        play(Semantics::Compares, &events, fates)?;
    }
}

#[test]
fn one_after_the_other_they_do_hold_it() {
    let turns: Vec<Event> = (0..2000).map(|index| Event::Turn(index / 500)).collect();
    for semantics in [Semantics::Counts, Semantics::Compares] {
        let seen_held = play(semantics, &turns, Vec::new()).expect("no violation");
        assert!(seen_held > 200, "{seen_held}");
    }
}
