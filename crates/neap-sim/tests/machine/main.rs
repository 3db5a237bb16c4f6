//! The state machine: random sequences of edits, runs, kills, faults, slow news and meddling, on the sandbox.
//!
//! A sequence that breaks a rule is shrunk and printed as a script. To play one again, write it into a file and name the
//! file in `NEAP_MACHINE_SCRIPT`; put it into `regressions/` to have it played by every `cargo test`.
//! `NEAP_MACHINE_SEQUENCES` says how many sequences are tried, `NEAP_MACHINE_SEED` which.

mod act;
mod example;
mod machine;
mod stack;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io, thread};

use neap_engine::news::News;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use act::Act;
use machine::{Counts, Machine, Violation};

/// How many sequences are tried unless the environment says so.
const SEQUENCES: u32 = 500;
/// In how many shares. Each has a seed of its own, so that the sequences are the same however many cores there are.
const SHARES: u32 = 16;

/// Plays a sequence on a clock that waits for nobody.
fn play(acts: &[Act]) -> Result<Counts, Violation> {
    play_with(News::default(), acts)
}

fn play_with(news: News, acts: &[Act]) -> Result<Counts, Violation> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let mut machine = Machine::new(news);
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
    let next = Arc::new(AtomicU32::new(0));
    let work = move |next: Arc<AtomicU32>| {
        let shares = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let shares = shares.take_while(|share| *share < SHARES);
        let search = |share| {
            let size = sequences / SHARES + u32::from(share < sequences % SHARES);
            search(size, seed.wrapping_mul(1000) + u64::from(share))
        };
        shares.map(search).collect::<Vec<_>>()
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let searches: Vec<_> = (0..threads)
        .map(|_| {
            let next = Arc::clone(&next);
            thread::spawn(move || work(next))
        })
        .collect();
    let mut total = Counts::default();
    let mut scripts = Vec::new();
    for found in searches.into_iter().flat_map(|search| search.join().expect("a search ends")) {
        match found {
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

/// The acts in a script.
fn read(file: &Path) -> Vec<Act> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    act::script(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn regressions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machine/regressions")
}

/// Plays a script in worlds of different pace. As neap is, it breaks no rule; answers with what a neap breaks that believes
/// every look.
fn broken_by_haste(script: &str) -> Vec<Violation> {
    let worlds = (0..16).map(|pace| script.replace("PACE", &pace.to_string()));
    let acts = worlds.map(|script| act::script(&script).expect("a script"));
    acts.filter_map(|acts| {
        play(&acts).unwrap_or_else(|violation| panic!("{violation}\n{}", act::written(&acts)));
        play_with(News::AT_ONCE, &acts).err()
    })
    .collect()
}

#[test]
fn a_destroy_right_after_a_late_create_does_not_say_that_nothing_is_left() {
    let broken = broken_by_haste("late PACE\nkill-after ecs:Create* 1\napply\ndestroy");
    let wrong = "destroy says that nothing is left, and there is cluster.main";
    assert!(broken.iter().any(|violation| violation.contains(wrong)), "a hasty look is caught: {broken:?}");
}

#[test]
fn a_destroy_does_not_list_what_is_gone_and_still_shown() {
    let broken = broken_by_haste("edit repository 1\napply\nflicker PACE\ndestroy");
    let wrong = "destroy says that this is left, and it is gone";
    assert!(broken.iter().any(|violation| violation.contains(wrong)), "a single look is caught: {broken:?}");
}

#[test]
fn sequences_that_once_broke_a_rule_keep_it_now() {
    let files = fs::read_dir(regressions()).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "script")).collect();
    files.sort();
    files.extend(env::var_os("NEAP_MACHINE_SCRIPT").map(Into::into));
    assert!(!files.is_empty(), "there are no scripts");
    for file in files {
        play(&read(&file)).unwrap_or_else(|violation| panic!("{}: {violation}", file.display()));
    }
}

#[test]
fn each_edit_of_each_example_is_applied_to_the_one_before() {
    assert!(!example::ALL.is_empty(), "there are no examples");
    for (which, example) in example::ALL.iter().enumerate() {
        let applied = |edit| [Act::Example(Some((which, edit))), Act::Apply(false)];
        let mut acts: Vec<Act> = (0..=example.edits()).flat_map(applied).collect();
        acts.push(Act::Apply(true));
        play(&acts).unwrap_or_else(|violation| panic!("{violation}\n{}", act::written(&acts)));
    }
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
