//! The state machine: random sequences of edits, runs, kills, faults, slow news and meddling, on the sandbox.
//!
//! A sequence that breaks a rule is shrunk and printed as a script. To play one again, write it into a file and name the
//! file in `NEAP_MACHINE_SCRIPT`; put it into `regressions/` to have it played by every `cargo test`.
//! `NEAP_MACHINE_SEQUENCES` says how many sequences are tried, `NEAP_MACHINE_SEED` which.

mod act;
mod machine;
mod stack;

use std::io::Write as _;
use std::path::Path;
use std::{env, fs, io, thread};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use act::Act;
use machine::{Counts, Machine, Violation};

/// How many sequences are tried unless the environment says so.
const SEQUENCES: u32 = 500;

/// Plays a sequence on a clock that waits for nobody.
fn play(acts: &[Act]) -> Result<Counts, Violation> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let mut machine = Machine::new();
        machine.play(acts).await.map(|()| machine.counts)
    })
}

/// Whether a sequence breaks a rule. A panic of neap's is one too.
fn attempt(acts: &[Act]) -> Result<Counts, Violation> {
    let played = std::panic::catch_unwind(|| play(acts));
    played.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        Err(format!("panicked: {}", text.or_else(|| payload.downcast_ref().copied()).unwrap_or_default()))
    })
}

fn number<T: std::str::FromStr>(variable: &str, otherwise: T) -> T {
    let value = env::var(variable).ok();
    value.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// Tries sequences and answers how much that was, or with the shortest one that breaks a rule.
fn search(sequences: u32, seed: u64) -> Result<Counts, String> {
    let config =
        Config { failure_persistence: None, max_shrink_iters: 4000, ..Config::with_cases(sequences) };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let counts = std::cell::Cell::new(Counts::default());
    let found = runner.run(&act::sequences(), |acts| match attempt(&acts) {
        Ok(more) => {
            let Counts { acts, faults } = counts.get();
            counts.set(Counts { acts: acts + more.acts, faults: faults + more.faults });
            Ok(())
        }
        Err(violation) => Err(TestCaseError::fail(violation)),
    });
    match found {
        Ok(()) => Ok(counts.get()),
        Err(TestError::Fail(reason, acts)) => Err(format!("{}# {reason}\n", act::written(&acts))),
        Err(TestError::Abort(reason)) => Err(format!("# gave up: {reason}\n")),
    }
}

#[test]
fn whatever_happens_nothing_is_lost_doubled_or_left() {
    let sequences = number("NEAP_MACHINE_SEQUENCES", SEQUENCES);
    let seed = number("NEAP_MACHINE_SEED", 1_u64);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let threads = u32::try_from(threads).expect("a few");
    let searches: Vec<_> = (0..threads)
        .map(|index| {
            let share = sequences / threads + u32::from(index < sequences % threads);
            thread::spawn(move || search(share, seed.wrapping_mul(1000) + u64::from(index)))
        })
        .collect();
    let mut total = Counts::default();
    let mut scripts = Vec::new();
    for found in searches {
        match found.join().expect("a search ends") {
            Ok(Counts { acts, faults }) => {
                total = Counts { acts: total.acts + acts, faults: total.faults + faults };
            }
            Err(script) => scripts.push(script),
        }
    }
    assert!(scripts.is_empty(), "a sequence breaks a rule; the shortest found:\n\n{}", scripts.join("\n"));
    let Counts { acts, faults } = total;
    writeln!(io::stderr(), "state machine: {sequences} sequences, {acts} acts, {faults} faults")
        .expect("written");
}

fn replay(file: &Path) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let acts = act::script(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    play(&acts).unwrap_or_else(|violation| panic!("{}: {violation}", file.display()));
}

#[test]
fn sequences_that_once_broke_a_rule_keep_it_now() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machine/regressions");
    let files = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "script")).collect();
    files.sort();
    files.extend(env::var_os("NEAP_MACHINE_SCRIPT").map(Into::into));
    assert!(!files.is_empty(), "there are no scripts");
    files.iter().for_each(|file| replay(file));
}

#[test]
fn a_sequence_reads_as_it_is_written() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(50) });
    let same = |acts: Vec<Act>| {
        assert_eq!(act::script(&act::written(&acts)), Ok(acts));
        Ok(())
    };
    runner.run(&act::sequences(), same).expect("every sequence");
    assert_eq!(act::script("edit nothing 3"), Err("`edit nothing 3` is no act".to_owned()));
}
