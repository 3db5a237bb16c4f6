//! Kills and faults at the requests of an apply and of a destroy of every example, over HTTP on moto: all of them, or a sample
//! (`NEAP_SWEEP_STRIDE`), in which one changing operation in four of every example is struck by a kill, and every operation by a fault.
//!
//! Whatever strikes, the next runs end where an undisturbed one ends: nothing missing, nothing twice, nothing left.

mod calm;
mod case;
mod chain;
mod crew;

use std::env;
use std::time::Duration;

use neap_fault_proxy::Fault;
use neap_http_tests::Stack;

use crate::calm::Calm;
use crate::case::{Case, Tally};
use crate::chain::Chain;
use crate::crew::{Crew, Site};

/// What befalls single requests without ending the run.
const FAULTS: [Fault; 9] = [
    Fault::Throttle,
    Fault::Broken(500),
    Fault::Broken(503),
    Fault::Page(500),
    Fault::Refuse,
    Fault::Drop,
    Fault::Cut,
    Fault::Hold(Duration::from_secs(1)),
    Fault::Trickle(Duration::from_secs(1)),
];

/// What ends a run, and must not count as an answer of AWS's that there is nothing: a page of something on the way.
const NOT_FOUND: [Fault; 1] = [Fault::Page(404)];

/// Those that no repetition helps against while they last, and what must be said of them.
const LASTING: [(Fault, &str); 3] = [
    (Fault::Broken(500), "InternalFailure"),
    (Fault::Page(500), "500"),
    (Fault::Refuse, "connection closed"),
];

/// One of so many kills is tried of each stack, where all are asked for.
const STRIDES: [(Stack, usize); 8] = [
    (Stack::Root, 1),
    (Stack::CourseFargate, 1),
    (Stack::SpaDomain, 1),
    (Stack::CourseEc2, 7),
    (Stack::InternalNlb, 7),
    (Stack::Sidecar, 7),
    (Stack::TwoServices, 9),
    (Stack::BlueGreen, 7),
];

/// One of so many changing operations is struck in a sample.
const CHAINED: usize = 4;

/// A life in which something strikes.
enum Life<'a> {
    Case(Case<'a>),
    Chain(Chain<'a>),
}

/// Everything that is tried: all of it, or where that is too much one of `sample` kills in a life of its own and each fault at some of the
/// operations.
fn lives(calm: &[Calm], sample: usize) -> Vec<Life<'_>> {
    let mut lives = Vec::new();
    // Long ones first, so that no worker is left with one in the end.
    for (place, calm) in calm.iter().enumerate() {
        if sample == 1 {
            lives.extend([true, false].map(|before| Life::Chain(Chain::of(calm, before))));
        } else {
            lives.push(Life::Chain(Chain::sample(calm, CHAINED, place)));
        }
    }
    let mut cases = Vec::new();
    for (place, ((_, stride), calm)) in STRIDES.iter().zip(calm).enumerate() {
        cases.extend(Case::kills(calm).into_iter().step_by(stride * sample));
        let firsts = if sample == 1 { 0..FAULTS.len() } else { place..place + 1 };
        cases.extend(firsts.map(|first| Case::faults(calm, &FAULTS, first)));
        if sample == 1 || place == 0 {
            cases.push(Case::faults(calm, &NOT_FOUND, 0));
        }
    }
    let [root, ..] = calm else { panic!("no stack") };
    for (fault, why) in LASTING {
        cases.push(Case::lasting(root, fault, ["ecs:CreateCluster", "ecs:DeleteCluster"], why));
    }
    lives.extend(cases.into_iter().map(Life::Case));
    lives
}

#[test]
fn every_kill_and_every_fault_is_recovered_from_on_moto() {
    let swept: Vec<Stack> = STRIDES.iter().map(|(stack, _)| *stack).collect();
    assert!(Stack::ALL.iter().all(|stack| swept.contains(stack)), "every stack is swept");
    let crew = Crew::hire();
    let sample = env::var("NEAP_SWEEP_STRIDE").map_or(1, |stride| stride.parse().expect("a number"));
    let calm: Vec<Calm> = crew.each(swept, Calm::watch);
    let mut sum = Tally::default();
    let mut failures = Vec::new();
    let live = |site: &Site, life: Life<'_>| {
        let lived = match life {
            Life::Case(case) => case.run(site),
            Life::Chain(chain) => chain.run(site),
        };
        lived.inspect_err(|failure| say(failure))
    };
    for result in crew.each(lives(&calm, sample), live) {
        match result {
            Ok(tally) => sum += tally,
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{} lives went wrong, as told above", failures.len());
    assert!(sum.kills > 0 && sum.faults > 0, "nothing was tried");
    let requests: usize = calm.iter().map(|calm| calm.apply.len() + calm.destroy.len()).sum();
    let Tally { kills, faults, operations } = sum;
    let stacks = calm.len();
    say(&format!(
        "HTTP sweep: {kills} kills and {faults} faults at {requests} requests of {stacks} stacks on moto, {operations} changing \
         operations killed, all recovered"
    ));
}

/// Prints a line even if the test's output is captured, since documents quote it.
#[expect(clippy::print_stderr, reason = "the line is for whoever runs the suite")]
fn say(line: &str) {
    eprintln!("{line}");
}
