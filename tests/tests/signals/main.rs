//! Signals, closed terminals and broken pipes, each sent to a real process.
//!
//! The sandbox runs on the real clock here, so that there is a time in which an apply waits. What stories are about takes
//! its time, such as the seconds between the signals of a CI runner; everything else waits for lines.
#![cfg(unix)]

mod process;

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use process::{ALB, Running, SERVICE, folder, neap, neap_hearing, read_until, recovers, run, slow_neap};

/// What neap says while the load balancer provisions, with `-v`.
const WAITS: &str = "alb.public provisioning";

/// An apply that waits for its load balancer.
fn waiting(folder: &std::path::Path) -> Running {
    let mut apply = Running::start(slow_neap(folder, &["apply", "--yes", "-v"]));
    apply.says(WAITS);
    apply
}

#[test]
fn a_job_that_is_cancelled_ends_by_itself_before_it_is_killed() {
    let folder = folder(ALB);
    let mut apply = waiting(folder.path());
    // As GitHub Actions does: SIGINT, SIGTERM after 7.5 seconds, SIGKILL after another 2.5.
    apply.send(Signal::INT);
    apply.says("stopping: nothing new is started");
    thread::sleep(Duration::from_millis(7500));
    assert!(apply.is_running(), "what is in flight is finished");
    apply.send(Signal::TERM);
    let in_time = apply.ends_within(Duration::from_millis(2500)).is_some();
    let (code, told) = apply.end();
    assert!(in_time, "it would have been killed");
    assert_eq!(code, Some(130), "{told}");
    for text in ["may be half done: create alb.public", "not started: ", "run `neap apply` again"] {
        assert!(told.contains(text), "{text}: {told}");
    }
    recovers(folder.path());
}

#[test]
fn a_job_that_is_killed_goes_on_with_the_next_run() {
    let folder = folder(ALB);
    let apply = waiting(folder.path());
    apply.send(Signal::KILL);
    assert_eq!(apply.end().0, None);
    recovers(folder.path());
}

#[test]
fn a_signal_that_follows_at_once_is_not_lost() {
    let folder = folder(ALB);
    let apply = waiting(folder.path());
    apply.send(Signal::INT);
    apply.send(Signal::TERM);
    let (code, told) = apply.end();
    assert_eq!(code, Some(130));
    assert!(told.contains("stopping: nothing new") && told.contains("stopping now"), "{told}");
    recovers(folder.path());
}

#[test]
#[cfg(target_os = "linux")]
fn the_third_signal_ends_what_hangs() {
    let folder = folder(ALB);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let full = rustix::pipe::fcntl_setpipe_size(&writer, 4096).expect("a small pipe");
    let mut command = slow_neap(folder.path(), &["apply", "--yes", "-vvv"]);
    command.stdout(Stdio::null()).stderr(writer);
    let mut apply = Running::start(command);
    // Nobody reads, so that it hangs once it has said too much.
    let is_full = || rustix::io::ioctl_fionread(&reader).expect("a pipe") + 512 > full as u64;
    while !is_full() && apply.is_running() {
        thread::yield_now();
    }
    apply.send(Signal::INT);
    apply.send(Signal::TERM);
    assert!(apply.ends_within(Duration::from_secs(1)).is_none(), "it hangs");
    apply.send(Signal::HUP);
    assert_eq!(apply.end().0, Some(130));
    recovers(folder.path());
}

#[test]
fn a_run_that_reads_in_vain_is_interrupted_promptly() {
    let folder = folder(ALB);
    let script = "[[fault]]\noperation = \"sts:GetCallerIdentity\"\nkind = \"throttle\"\nnth = 0\n";
    fs::write(folder.path().join("faults.toml"), script).expect("written");
    for arguments in [&["plan", "-vv"][..], &["apply", "--yes", "-vv"], &["destroy", "--yes", "-vv"]] {
        let mut command = slow_neap(folder.path(), arguments);
        command.env("NEAP_SANDBOX_FAULTS", "faults.toml");
        let mut run = Running::start(command);
        run.says("Throttled");
        run.send(Signal::INT);
        let (code, told) = run.end();
        assert_eq!(code, Some(130), "{told}");
        assert!(told.contains("interrupted, and nothing was changed"), "{told}");
    }
}

#[test]
fn what_is_started_with_nohup_survives_its_terminal() {
    let folder = folder(ALB);
    let neap = neap_hearing("INT,TERM", folder.path(), &["apply", "--yes", "-v"]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(neap.get_program()).args(neap.get_args());
    command.current_dir(folder.path()).env("NEAP_SANDBOX_CLOCK", "real").env("TMPDIR", folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut apply = Running::start(command);
    apply.says(WAITS);
    apply.send(Signal::HUP);
    apply.send(Signal::INT);
    apply.says("stopping: nothing new is started");
    apply.send(Signal::TERM);
    apply.says("stopping now");
    assert_eq!(apply.end().0, Some(130));
}

/// A terminal: the side that is looked at, and the side that a process gets.
fn terminal() -> (File, OwnedFd) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    rustix::io::fcntl_setfd(&screen, rustix::io::FdFlags::CLOEXEC).expect("a side of ours alone");
    grantpt(&screen).and_then(|()| unlockpt(&screen)).expect("a terminal of ours");
    let name = ptsname(&screen, Vec::new()).expect("its name").into_string().expect("a path");
    let desk = File::options().read(true).write(true).open(name).expect("its other side");
    (File::from(screen), OwnedFd::from(desk))
}

#[test]
fn ctrl_c_at_the_question_changes_nothing() {
    let folder = folder(SERVICE);
    for command in ["apply", "destroy"] {
        let (_screen, desk) = terminal();
        let mut command = neap(folder.path(), &[command]);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        command.stdin(desk).stderr(writer);
        if command.get_args().any(|argument| argument == "destroy") {
            run(folder.path(), &["apply", "--yes"], 0);
        }
        let asked = Running::start(command);
        read_until(&reader, "[y/N]");
        asked.send(Signal::INT);
        assert_eq!(asked.end().0, Some(130));
        read_until(&reader, "interrupted, and nothing was changed");
    }
    run(folder.path(), &["plan", "--detailed-exitcode"], 0);
    run(folder.path(), &["destroy", "--yes"], 0);
}

#[test]
fn a_terminal_that_is_closed_ends_an_apply_in_order() {
    let folder = folder(SERVICE);
    let (screen, desk) = terminal();
    let mut command = slow_neap(folder.path(), &["apply", "--yes"]);
    command.env("NO_COLOR", "1");
    let again = || desk.try_clone().expect("another handle");
    command.stdin(again()).stdout(again()).stderr(again());
    drop(desk);
    let apply = Running::start(command);
    read_until(&screen, "created cluster.main");
    drop(screen);
    // What the kernel does for the terminal's own session.
    apply.send(Signal::HUP);
    // The role is waited for, the service is not started, and nobody is there to read that.
    assert_eq!(apply.end().0, Some(130));
    recovers(folder.path());
}

#[test]
fn a_reader_who_leaves_ends_nothing() {
    let folder = folder(SERVICE);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = neap(folder.path(), &["apply", "--yes", "-v"]);
    command.stdout(writer.try_clone().expect("another handle")).stderr(writer);
    // As `neap apply --yes -v 2>&1 | head -1` does.
    let apply = Running::start(command);
    read_until(&reader, "\n");
    drop(reader);
    assert_eq!(apply.end().0, Some(0));
    run(folder.path(), &["plan", "--detailed-exitcode"], 0);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = neap(folder.path(), &["plan"]);
    command.stdout(writer);
    assert_eq!(Running::start(command).end().0, Some(0));
}
