//! Eight processes race for one lock, over a store that has SSM's semantics and loses answers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const PROCESSES: usize = 8;
const RACES: i64 = 200;
/// After so long a lock that nobody renews is anybody's.
const EXPIRY: i64 = 200;

struct Racer {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Racer {
    fn start(folder: &Path, number: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_neap-racer"))
            .arg(folder)
            .arg(number.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a racer starts");
        let stdin = child.stdin.take().expect("stdin");
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        Self { child, stdin, stdout }
    }

    fn tell(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").expect("the racer listens");
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the racer answers");
        line.trim_end().to_owned()
    }

    fn ask(&mut self, command: &str) -> String {
        self.tell(command);
        self.hear()
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the README quotes the count")]
fn of_eight_processes_one_has_the_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut racers: Vec<Racer> = (0..PROCESSES).map(|number| Racer::start(folder.path(), number)).collect();
    let (mut now, mut attempts) = (1_000, 0);
    for race in 0..RACES {
        let take = format!("take {now}");
        racers.iter_mut().for_each(|racer| racer.tell(&take));
        let answers: Vec<String> = racers.iter_mut().map(Racer::hear).collect();
        attempts += answers.len();
        let winners: Vec<usize> = (0..PROCESSES).filter(|number| answers[*number] == "won").collect();
        let [winner] = *winners else { panic!("race {race}: {answers:?}") };
        let others = answers.iter().filter(|answer| **answer == format!("held by racer-{winner}@track"));
        assert_eq!(others.count(), PROCESSES - 1, "race {race}: {answers:?}");
        assert_eq!(racers[winner].ask(&format!("renew {now}")), "renewed", "race {race}");
        // Every other lock is left to expire, so that the next race is for a takeover.
        if race % 2 == 0 {
            assert_eq!(racers[winner].ask(&format!("release {now}")), "released", "race {race}");
        }
        now += EXPIRY;
    }
    for racer in racers {
        drop(racer.stdin);
        let ended = { racer.child }.wait().expect("the racer ends");
        assert!(ended.success());
    }
    println!("{attempts} attempts in {RACES} races, one winner each");
}
