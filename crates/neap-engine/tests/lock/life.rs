//! One lock from its taking to its release, with everything that can come between.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use neap_core::address::{Address, Kind};
use neap_engine::cloud::ErrorKind;
use neap_engine::lock::protocol::Why;
use neap_engine::lock::{
    Attempt, Intent, Lock, LockError, MAX_INTENTS, Presence, RELEASE_WITHIN, Record, TIME_TO_LIVE, Worker,
};
use tokio::time::Instant;

use crate::shelf::{Fate, Reach, Semantics, Shelf, lock, lock_on, runtime};

const BOTH: [Semantics; 2] = [Semantics::Counts, Semantics::Compares];

/// Lets one process go on alone to its end.
fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = runtime();
    let _inside = runtime.enter();
    let mut work = Box::pin(work);
    for _ in 0..10_000 {
        if let Poll::Ready(value) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
    panic!("the process never ends");
}

fn taken(lock: &Lock<Reach>) -> Option<Why> {
    match run(lock.take()) {
        Ok(Attempt::Taken(takeover)) => takeover.map(|takeover| takeover.why),
        other => panic!("not taken: {other:?}"),
    }
}

fn holder(lock: &Lock<Reach>) -> String {
    match run(lock.take()) {
        Ok(Attempt::Held(record)) => record.who,
        other => panic!("not held: {other:?}"),
    }
}

fn newest(shelf: &Shelf) -> Record {
    Record::parse(&shelf.newest().expect("something is there").text).expect("a record")
}

#[test]
fn a_lock_that_is_held_is_refused_and_says_by_whom() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let (first, second) = (lock(&shelf, 1), lock(&shelf, 2));
        assert_eq!(taken(&first), None);
        assert_eq!(holder(&second), "process 1");
        assert!(first.lease().holds() && !second.lease().holds());
        assert_eq!(run(first.release()), Ok(()));
        assert_eq!(shelf.newest(), None, "nothing is left");
        assert_eq!(taken(&second), None);
    }
}

#[test]
fn a_lock_that_expired_is_taken_over_and_its_owner_stops() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let (first, second) = (lock(&shelf, 1), lock(&shelf, 2));
        taken(&first);
        shelf.pass(104);
        assert!(!first.lease().holds(), "an owner stops earlier than others take over");
        assert_eq!(holder(&second), "process 1");
        shelf.pass(1);
        assert_eq!(taken(&second), Some(Why::Expired));
        let lost = run(first.renew());
        assert!(
            matches!(&lost, Err(LockError::Lost(reason)) if reason.starts_with("process 2 took it over"))
        );
        assert_eq!(run(first.lease().assured()).map_err(|error| error.kind), Err(ErrorKind::Conflict));
        assert!(matches!(run(first.release()), Err(LockError::Lost(_))));
        assert_eq!(newest(&shelf).who, "process 2", "what is not one's own is not removed");
    }
}

#[test]
fn a_lock_that_is_renewed_holds_for_longer() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let (first, second) = (lock(&shelf, 1), lock(&shelf, 2));
        taken(&first);
        for _ in 0..10 {
            shelf.pass(60);
            assert_eq!(run(first.renew()), Ok(()));
            assert!(first.lease().holds());
            assert_eq!(holder(&second), "process 1");
        }
    }
}

#[test]
fn an_owner_that_slept_too_long_goes_on_if_nobody_came() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let first = lock(&shelf, 1);
        taken(&first);
        shelf.pass(5000);
        assert!(!first.lease().holds());
        assert_eq!(run(first.renew()), Ok(()));
        assert!(first.lease().holds());
    }
}

#[test]
fn an_own_request_whose_answer_was_lost_is_known_as_ones_own() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let first = lock(&shelf, 1);
        shelf.decide([Fate::AnswerLost, Fate::AnswerLost]);
        assert_eq!(taken(&first), None);
        shelf.decide([Fate::AnswerLost]);
        assert_eq!(run(first.renew()), Ok(()));
        shelf.decide([Fate::AnswerLost]);
        assert_eq!(run(first.release()), Ok(()));
        assert_eq!(shelf.newest(), None);
    }
}

#[test]
fn an_own_request_that_comes_late_changes_nothing() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let (first, second) = (lock(&shelf, 1), lock(&shelf, 2));
        taken(&first);
        shelf.decide([Fate::Late]);
        assert_eq!(run(first.renew()), Ok(()));
        shelf.arrive();
        assert_eq!(run(first.renew()), Ok(()));
        assert_eq!(holder(&second), "process 1");
        assert_eq!(run(first.release()), Ok(()));
        assert_eq!(shelf.newest(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_hangs_is_given_up_and_the_lock_expires_by_itself() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let (first, second) = (lock(&shelf, 1), lock(&shelf, 2));
        assert_eq!(first.take().await, Ok(Attempt::Taken(None)));
        shelf.decide([Fate::Hangs]);
        let begun = Instant::now();
        assert_eq!(first.release().await, Err(LockError::Unreleased));
        assert_eq!(begun.elapsed(), RELEASE_WITHIN);
        let left = newest(&shelf);
        assert!(left.expires <= first.expires_by(), "{} is later than said", left.expires);
        assert!(!first.lease().holds(), "nothing is changed any more");
        assert!(matches!(second.take().await, Ok(Attempt::Held(record)) if record == left));
        shelf.pass(i64::try_from(TIME_TO_LIVE.as_secs()).expect("seconds") + 15);
        assert!(matches!(second.take().await, Ok(Attempt::Taken(Some(over))) if over.why == Why::Expired));
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_whose_request_is_lost_is_made_again_in_its_time() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let first = lock(&shelf, 1);
        assert_eq!(first.take().await, Ok(Attempt::Taken(None)));
        shelf.decide([Fate::NeverSent, Fate::AnswerLost]);
        assert_eq!(first.release().await, Ok(()));
        assert_eq!(shelf.newest(), None, "nothing is left");
    }
}

#[test]
fn a_lock_that_was_removed_is_lost_and_nothing_is_put_back() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let (first, other) = (lock(&shelf, 1), lock(&shelf, 2));
        taken(&first);
        let seen = run(other.look()).expect("a look").expect("the lock");
        assert_eq!(run(other.remove(&seen)), Ok(()));
        assert_eq!(run(first.renew()), Err(LockError::Lost("it was removed".into())));
        assert_eq!(shelf.newest(), None);
    }
}

#[test]
fn what_changed_since_it_was_shown_is_not_removed() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let (first, other) = (lock(&shelf, 1), lock(&shelf, 2));
        taken(&first);
        let seen = run(other.look()).expect("a look").expect("the lock");
        assert_eq!(run(first.renew()), Ok(()));
        assert!(matches!(run(other.remove(&seen)), Err(LockError::Lost(_))));
        assert!(shelf.newest().is_some());
    }
}

fn intent(name: &str) -> Intent {
    Intent { address: Address::new(Kind::Ecr, name), spec: "abc".into(), since: Timestamp::UNIX_EPOCH }
}

#[test]
fn open_intents_outlive_their_owner_until_somebody_closes_them() {
    for semantics in BOTH {
        let shelf = Shelf::new(semantics);
        let (first, second, third) = (lock(&shelf, 1), lock(&shelf, 2), lock(&shelf, 3));
        taken(&first);
        for name in ["a", "b"] {
            assert_eq!(run(first.open_intent(intent(name))), Ok(()));
        }
        assert_eq!(run(first.close_intent(&intent("a").address)), Ok(()));
        assert_eq!(run(first.release()), Ok(()));
        assert_eq!(newest(&shelf).intents, [intent("b")]);
        assert_eq!(taken(&second), Some(Why::Released), "at once");
        shelf.pass(200);
        assert_eq!(taken(&third), Some(Why::Expired));
        assert_eq!(run(third.intents()), [intent("b")]);
        assert_eq!(run(third.close_intent(&intent("b").address)), Ok(()));
        assert_eq!(run(third.release()), Ok(()));
        assert_eq!(shelf.newest(), None);
    }
}

#[test]
fn only_so_many_intents_are_open_at_once() {
    let shelf = Shelf::new(Semantics::Counts);
    let first = lock(&shelf, 1);
    assert!(matches!(run(first.open_intent(intent("early"))), Err(LockError::Lost(_))));
    taken(&first);
    for number in 0..MAX_INTENTS {
        assert_eq!(run(first.open_intent(intent(&format!("n{number}")))), Ok(()));
    }
    assert_eq!(run(first.open_intent(intent("more"))), Err(LockError::Full));
    assert_eq!(run(first.open_intent(intent("n0"))), Ok(()), "one that is open already");
}

#[test]
fn something_else_in_its_place_is_left_alone() {
    let shelf = Shelf::new(Semantics::Counts);
    let text = "my own parameter";
    run(neap_engine::lock::Store::create(&Reach(Rc::clone(&shelf)), text)).expect("created");
    assert!(matches!(run(lock(&shelf, 1).take()), Err(LockError::Damaged(_))));
    assert_eq!(shelf.newest().expect("it is there").text, text);
}

#[test]
fn an_owner_is_dead_once_its_process_is_and_not_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let worker = Worker::this_process("course", "ada@laptop".into(), "neap apply").expect("random numbers");
    let other = Presence::show(folder.path(), &"0".repeat(32));
    assert!(!other.is_dead(&worker.owner), "nobody knows that it ever lived");
    let presence = Presence::show(folder.path(), &worker.owner);
    assert!(!other.is_dead(&worker.owner));
    drop(presence);
    assert!(!other.is_dead(&worker.owner), "it went in peace");
    // What a process leaves that is killed: its file, which nobody locks any more.
    let left = folder.path().join(format!("neap-{}.alive", worker.owner));
    std::fs::write(&left, "").expect("written");
    assert!(other.is_dead(&worker.owner));
    other.bury(&worker.owner);
    assert!(!left.exists());
    assert!(!other.is_dead("../../etc/passwd"));
}

#[test]
fn who_could_not_release_a_lock_leaves_one_that_is_taken_over_at_once_on_the_same_host() {
    for semantics in BOTH {
        let (shelf, host) = (Shelf::new(semantics), tempfile::tempdir().expect("a folder"));
        let first = lock_on(host.path(), &shelf, 1);
        assert_eq!(taken(&first), None);
        shelf.decide([Fate::NeverSent; 10]);
        assert!(matches!(run(first.release()), Err(LockError::Call(_))));
        let second = lock_on(host.path(), &shelf, 2);
        assert_eq!(holder(&second), "process 1", "while it has not ended");
        drop(first);
        assert_eq!(holder(&lock(&shelf, 3)), "process 1", "on another host");
        assert_eq!(taken(&second), Some(Why::OwnerDead));
        assert_eq!(run(second.release()), Ok(()));
        drop(second);
        assert_eq!(host.path().read_dir().expect("the folder").count(), 0, "no file is left");
    }
}
