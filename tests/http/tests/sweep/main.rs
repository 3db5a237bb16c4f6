//! Kills and faults at the requests of an apply and of a destroy, over HTTP on moto: all of them, or a sample (`NEAP_SWEEP_STRIDE`).
//!
//! Whatever strikes, the next runs end where an undisturbed one ends: nothing missing, nothing twice, nothing left.

mod calm;
mod case;
mod crew;

use std::env;
use std::time::Duration;

use neap_fault_proxy::Fault;
use neap_http_tests::Stack;

use crate::calm::Calm;
use crate::case::{Case, Tally};
use crate::crew::Crew;

/// What befalls single requests without ending the run.
const FAULTS: [Fault; 10] = [
    Fault::Throttle,
    Fault::Broken(500),
    Fault::Broken(503),
    Fault::Page(500),
    // A page of something on the way must not count as an answer of AWS's that there is nothing.
    Fault::Page(404),
    Fault::Refuse,
    Fault::Drop,
    Fault::Cut,
    Fault::Hold(Duration::from_secs(1)),
    Fault::Trickle(Duration::from_secs(1)),
];

/// Those that no repetition helps against while they last, and what must be said of them.
const LASTING: [(Fault, &str); 3] = [
    (Fault::Broken(500), "InternalFailure"),
    (Fault::Page(500), "500"),
    (Fault::Refuse, "connection closed"),
];

/// The stacks, and which of each so many kills are tried.
const STACKS: [(Stack, usize); 4] =
    [(Stack::Root, 1), (Stack::CourseFargate, 1), (Stack::TwoServices, 9), (Stack::Sidecar, 7)];

#[test]
fn every_kill_and_every_fault_is_recovered_from_on_moto() {
    let crew = Crew::hire();
    let sample = env::var("NEAP_SWEEP_STRIDE").map_or(1, |stride| stride.parse().expect("a number"));
    let calm: Vec<Calm> = crew.each(STACKS.iter().map(|(stack, _)| *stack).collect(), Calm::watch);
    let mut cases = Vec::new();
    for (place, ((_, stride), calm)) in STACKS.iter().zip(&calm).enumerate() {
        cases.extend(Case::kills(calm).into_iter().step_by(stride * sample));
        // A sample has every kind of fault too, but each on one stack alone.
        let is_chosen = |number| sample == 1 || number % STACKS.len() == place;
        let faults = FAULTS.iter().enumerate().filter(|(number, _)| is_chosen(*number));
        cases.extend(faults.map(|(_, fault)| Case::faults(calm, *fault)));
    }
    let [root, ..] = &calm[..] else { panic!("no stack") };
    for (fault, why) in LASTING {
        cases.push(Case::lasting(root, fault, ["ecs:CreateCluster", "ecs:DeleteCluster"], why));
    }
    let mut sum = Tally::default();
    let mut failures = Vec::new();
    for result in crew.each(cases, |site, case| case.run(site).inspect_err(|failure| say(failure))) {
        match result {
            Ok(tally) => sum += tally,
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{} lives went wrong, as told above", failures.len());
    assert!(sum.kills > 0 && sum.faults > 0, "nothing was tried");
    let requests: usize = calm.iter().map(|calm| calm.apply.len() + calm.destroy.len()).sum();
    let Tally { kills, faults } = sum;
    say(&format!(
        "HTTP sweep: {kills} kills and {faults} faults at {requests} requests on moto, all recovered"
    ));
}

/// Prints a line even if the test's output is captured, since documents quote it.
#[expect(clippy::print_stderr, reason = "the line is for whoever runs the suite")]
fn say(line: &str) {
    eprintln!("{line}");
}
