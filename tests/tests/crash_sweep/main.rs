//! The crash sweep: neap is killed at every call that changes something, and run again.
//!
//! For every example, for apply, for the edits in `tests/sweep/*.toml` and for destroy, a real process is killed by SIGKILL
//! right before each changing call is sent, and right after it was carried out but before its answer arrives. Then it
//! is run again undisturbed, once, and must end where an undisturbed run ends.
//!
//! One test is one story on one side of the calls; it goes on after a failure, so that the message names every call.

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

use story::{Side, Story};

type Error = Box<dyn std::error::Error>;

/// What was swept, for the line that the README quotes.
#[derive(Default)]
struct Counts {
    kills: AtomicUsize,
    /// Each call with the story that it is part of.
    calls: Mutex<BTreeSet<(String, usize)>>,
    examples: Mutex<BTreeSet<String>>,
}

impl Counts {
    fn line(&self) -> Result<String, Error> {
        let calls = self.calls.lock().map_err(|_| "a test panicked")?.len();
        let examples = self.examples.lock().map_err(|_| "a test panicked")?.len();
        let kills = self.kills.load(Ordering::Relaxed);
        Ok(format!("crash sweep: {kills} kills at {calls} calls of {examples} examples"))
    }
}

/// Kills at each call of `story` in turn. All failures are told, since their pattern is half of the diagnosis.
fn sweep(story: &Story, side: Side, counts: &Counts) -> Result<(), Failed> {
    let told = |error: Error| Failed::from(error.to_string());
    let calls = story.undisturbed().map_err(told)?.calls.len();
    let mut failures = Vec::new();
    for number in 1..=calls {
        let outcome = story.kill_and_recover(number, side);
        counts.kills.fetch_add(1, Ordering::Relaxed);
        let swept = counts.calls.lock();
        swept.map_err(|error| Failed::from(error.to_string()))?.insert((story.name(), number));
        if let Err(error) = outcome {
            failures.push(format!("{}{error}", story.heading(number, side)));
        }
    }
    let examples = counts.examples.lock();
    examples.map_err(|error| Failed::from(error.to_string()))?.insert(story.example.name.clone());
    match failures.as_slice() {
        [] => Ok(()),
        [first, others @ ..] => {
            let others = others.iter().filter_map(|text| text.lines().next());
            let others: Vec<&str> = others.collect();
            Err(format!("{first}\nand likewise at {} more calls: {others:#?}", others.len()).into())
        }
    }
}

fn main() -> Result<ExitCode, Error> {
    let counts = Arc::new(Counts::default());
    let mut trials = Vec::new();
    for story in story::all()? {
        let story = Arc::new(story);
        for side in [Side::Before, Side::After] {
            let (story, counts) = (Arc::clone(&story), Arc::clone(&counts));
            let name = format!("{}::{side}", story.name());
            trials.push(Trial::test(name, move || sweep(&story, side, &counts)));
        }
    }
    let arguments = Arguments::from_args();
    let is_list = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !is_list {
        let verdict = if conclusion.has_failed() { "not all recovered" } else { "all recovered" };
        writeln!(std::io::stdout(), "{}, {verdict}", counts.line()?)?;
    }
    Ok(conclusion.exit_code())
}
