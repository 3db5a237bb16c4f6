//! The crash sweep: neap is killed at every call that changes something, and run again.
//!
//! For every example and every stack of `tests/sweep`, for apply, for the edits in `tests/sweep/*.toml` and for destroy, a real process is killed by SIGKILL
//! right before each changing call is sent, and right after it was carried out but before its answer arrives; in a long
//! story on one side of every second one, in turn. Then it is run again undisturbed, once, and must end where an undisturbed run ends. At
//! some calls the second run is killed too.
//! And an answer is lost, a call is throttled, AWS fails, or a permission is missing, in turn, or each of them at each call
//! where `NEAP_SWEEP` is `all`: what another try helps against must be overcome within the run, and the rest be
//! named and mended by the next.
//!
//! One test is one story with one kind of strike; it goes on after a failure, so that the message names every call.

mod example;
mod folder;
mod story;
mod world;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};

use story::{Story, Strike};

type Error = Box<dyn std::error::Error>;

/// Says that everything is tried at each call.
const SWEEP: &str = "NEAP_SWEEP";

/// What was swept, for the lines that the README quotes.
#[derive(Default)]
struct Counts {
    /// Kills of a first run, and of the run after it.
    kills: AtomicUsize,
    again: AtomicUsize,
    faults: AtomicUsize,
    /// Each call with the story that it is part of.
    calls: Mutex<BTreeSet<(String, usize)>>,
    examples: Mutex<BTreeSet<String>>,
}

impl Counts {
    fn note(&self, story: &Story, number: usize, strike: Strike, kills: usize) -> Result<(), Error> {
        match strike {
            Strike::KillTwice(_) => self.again.fetch_add(kills.saturating_sub(1), Ordering::Relaxed),
            strike if strike.kills() => self.kills.fetch_add(kills, Ordering::Relaxed),
            _ => self.faults.fetch_add(1, Ordering::Relaxed),
        };
        self.calls.lock().map_err(|_| "a test panicked")?.insert((story.name(), number));
        self.examples.lock().map_err(|_| "a test panicked")?.insert(story.example.name.clone());
        Ok(())
    }

    fn lines(&self) -> Result<String, Error> {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let calls = self.calls.lock().map_err(|_| "a test panicked")?.len();
        let examples = self.examples.lock().map_err(|_| "a test panicked")?.len();
        let (kills, again, faults) = (of(&self.kills), of(&self.again), of(&self.faults));
        Ok(format!(
            "crash sweep: {kills} kills at {calls} calls of {examples} examples, and {again} of the run after; \
             {faults} faults"
        ))
    }
}

/// Strikes each call of `story` in turn. All failures are told, since their pattern is half of the diagnosis.
fn sweep(story: &Story, strike: Strike, counts: &Counts) -> Result<(), Error> {
    let all = std::env::var_os(SWEEP).is_some_and(|sweep| sweep == "all");
    let mut failures = Vec::new();
    let calls = story.undisturbed()?.calls.len();
    for number in 1..=calls {
        if !strike.is_tried_at(number, calls, all) {
            continue;
        }
        match story.strike_and_recover(number, strike) {
            Ok(kills) => counts.note(story, number, strike, kills)?,
            Err(error) => failures.push(format!("{}{error}", story.heading(number, strike))),
        }
    }
    let Some((first, others)) = failures.split_first() else { return Ok(()) };
    let others: Vec<&str> = others.iter().filter_map(|text| text.lines().next()).collect();
    Err(format!("{first}\nand likewise at {} more calls: {others:#?}", others.len()).into())
}

fn main() -> Result<ExitCode, Error> {
    let counts = Arc::new(Counts::default());
    let mut trials = Vec::new();
    for story in story::all()? {
        let story = Arc::new(story);
        for strike in story.strikes() {
            let (story, counts) = (Arc::clone(&story), Arc::clone(&counts));
            let name = format!("{}::{strike:?}", story.name());
            let test =
                move || sweep(&story, strike, &counts).map_err(|error| Failed::from(error.to_string()));
            trials.push(Trial::test(name, test));
        }
    }
    let arguments = Arguments::from_args();
    let is_list = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !is_list {
        let verdict = if conclusion.has_failed() { "not all recovered" } else { "all recovered" };
        writeln!(std::io::stdout(), "{}, {verdict}", counts.lines()?)?;
    }
    Ok(conclusion.exit_code())
}
