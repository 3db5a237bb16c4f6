//! Task definitions, which AWS makes again whenever it is asked: one revision, whatever is lost on the way.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use neap_core::address::{Address, Kind};
use neap_core::config::Secrets;
use neap_core::desired::Desired;
use neap_core::plan::Mode;
use neap_core::plan::planner::plan;
use neap_engine::apply::{ApplyOptions, Summary, apply};
use neap_engine::cloud::ErrorKind;
use neap_engine::intent::{Journal, MemoryJournal, settle};
use neap_engine::read::read;
use neap_sim::{Consistency, Fault, FaultKind, Sim};

use crate::large::parse;
use crate::stack::{create, resource, task};

const REGISTER: &str = "ecs:RegisterTaskDefinition";

/// News take up to 50 seconds.
fn slow_world(seed: u64) -> Sim {
    let sim = Sim::in_memory();
    sim.consistency(Consistency { seed, late: 50, ..Consistency::default() });
    sim
}

fn stack() -> Desired {
    parse(
        "[stack]\nname = \"once\"\nregion = \"eu-west-1\"\n\n[task.api]\ncpu = 256\nmemory = 512\n\n\
         [task.api.container.app]\nimage = \"nginx:1.27\"\nport = 80\n",
    )
}

fn revisions(sim: &Sim) -> usize {
    sim.resources().iter().filter(|found| found.kind() == Kind::Task).count()
}

/// Plans and carries out, with notes in this journal.
async fn run(sim: &Sim, desired: &Desired, journal: Rc<MemoryJournal>) -> Summary {
    let live = read(sim, desired).await.expect("a reading");
    let plan = plan(desired, &live, Mode::Apply, &Secrets::default()).expect("a plan");
    let options = ApplyOptions { journal: journal as Rc<dyn Journal>, ..ApplyOptions::default() };
    apply(sim, &plan, &Secrets::default(), &options, &mut |_| {}).await
}

#[tokio::test(start_paused = true)]
async fn a_blind_repetition_makes_a_second_revision() {
    let sim = slow_world(1);
    sim.fault(Fault::once(REGISTER, FaultKind::LostAnswer));
    let desired = resource("task.api", task("api", "arn:aws:iam::123456789012:role/a", "/neap/api"));
    let error = create(&sim, &desired).await.expect_err("the answer was lost");
    assert_eq!(error.kind, ErrorKind::Timeout);
    create(&sim, &desired).await.expect("another one");
    assert_eq!(revisions(&sim), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_one_revision() {
    for seed in 0..10 {
        let sim = slow_world(seed);
        sim.fault(Fault::once(REGISTER, FaultKind::LostAnswer));
        let journal = Rc::new(MemoryJournal::default());
        let summary = run(&sim, &stack(), Rc::clone(&journal)).await;
        assert!(summary.is_success(), "seed {seed}: {:?}", summary.steps);
        assert_eq!(revisions(&sim), 1, "seed {seed}");
        assert_eq!(journal.open_intents(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_never_sent_is_made_once_more() {
    let sim = slow_world(1);
    sim.fault(Fault::once(REGISTER, FaultKind::KillBefore));
    assert!(run(&sim, &stack(), Rc::default()).await.is_success());
    assert_eq!(revisions(&sim), 1);
}

/// When an undisturbed run registers, in milliseconds.
async fn registers_at(seed: u64) -> u64 {
    let sim = slow_world(seed);
    let begun = sim.now();
    run(&sim, &stack(), Rc::default()).await;
    let calls = sim.calls();
    let registered = calls.iter().find(|call| call.operation == REGISTER).expect("a registration");
    u64::try_from((registered.at - begun).as_millis()).expect("a short time")
}

/// Kills an apply after so many milliseconds and runs again. Returns how many revisions there are then, and how many
/// addresses the second run has waited for.
async fn killed_after(seed: u64, milliseconds: u64, honours_notes: bool) -> (usize, usize) {
    let (sim, desired, journal) = (slow_world(seed), stack(), Rc::new(MemoryJournal::default()));
    let killed = run(&sim, &desired, Rc::clone(&journal));
    let _dead = tokio::time::timeout(Duration::from_millis(milliseconds), killed).await.is_err();
    let mut waited = 0;
    if honours_notes {
        let intents = journal.open_intents();
        let mut tell = |addresses: &[&Address], left: Duration| {
            assert!(left <= Duration::from_secs(60), "{left:?}");
            waited += addresses.len();
        };
        settle(&sim, &desired, &intents, &mut tell).await.expect("a reading");
        for intent in intents {
            journal.close(&intent.address).await.expect("forgotten");
        }
    }
    let summary = run(&sim, &desired, journal).await;
    assert!(summary.is_success(), "seed {seed}, killed after {milliseconds} ms: {:?}", summary.steps);
    (revisions(&sim), waited)
}

/// What becomes of kills before, while and after the registration is under way.
async fn sweep(honours_notes: bool) -> (BTreeSet<usize>, usize) {
    let (mut revisions, mut waits) = (BTreeSet::new(), 0);
    for seed in 0..5 {
        let at = registers_at(seed).await;
        for milliseconds in (at.saturating_sub(150)..at + 300).step_by(30) {
            let (found, waited) = killed_after(seed, milliseconds, honours_notes).await;
            revisions.insert(found);
            waits += waited;
        }
    }
    (revisions, waits)
}

#[tokio::test(start_paused = true)]
async fn a_run_after_a_kill_waits_for_what_the_killed_one_may_have_made() {
    let (revisions, waits) = sweep(true).await;
    assert_eq!(revisions, [1].into());
    assert!(waits > 0, "no kill met an open note");
}

#[tokio::test(start_paused = true)]
async fn without_notes_some_kills_leave_a_second_revision() {
    let (revisions, _) = sweep(false).await;
    assert_eq!(revisions, [1, 2].into());
}
