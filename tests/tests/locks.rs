//! Several processes on one sandbox: they take turns, and whoever dies is no obstacle.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const STACK: &str = r#"
[stack]
name = "course"
region = "eu-west-1"

[ecr.api]

[log_group.web]
retention = 7
"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("stack.toml"), STACK).expect("the stack file");
    folder
}

fn neap(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neap-sandbox"));
    command.args(arguments).arg("--sandbox").current_dir(folder).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    stderr(output)
}

#[test]
fn of_applies_at_once_one_changes_and_the_others_see_what_it_has_made() {
    let folder = folder();
    let apply = ["apply", "--yes", "--lock-timeout", "2m"];
    let children: Vec<_> =
        (0..4).map(|_| neap(folder.path(), &apply).spawn().expect("neap starts")).collect();
    let ended: Vec<Output> =
        children.into_iter().map(|child| child.wait_with_output().expect("neap ends")).collect();
    let told: String = ended.iter().map(succeeded).collect();
    assert_eq!(told.matches("created ecr.api").count(), 1, "{told}");
    assert_eq!(told.matches("created log_group.web").count(), 1, "{told}");
    assert!(!folder.path().join(".neap/lock.json").exists(), "nothing of the lock is left");
}

#[test]
fn the_lock_of_a_process_that_was_killed_is_taken_over_at_once() {
    let folder = folder();
    fs::write(
        folder.path().join("faults.toml"),
        "[[fault]]\noperation = \"ecr:CreateRepository\"\nkind = \"kill_after\"\n",
    )
    .expect("the script");
    let mut apply = neap(folder.path(), &["apply", "--yes"]);
    let killed = apply.env("NEAP_SANDBOX_FAULTS", "faults.toml").output().expect("neap runs");
    assert_eq!(killed.status.code(), None, "killed: {}", stderr(&killed));
    assert!(folder.path().join(".neap/lock.json").exists(), "it had no time to let go");
    let next = neap(folder.path(), &["apply", "--yes"]).output().expect("neap runs");
    let told = succeeded(&next);
    assert!(told.contains("took over the lock of an earlier `neap apply` on this host"), "{told}");
    assert!(!folder.path().join(".neap/lock.json").exists());
    let last = neap(folder.path(), &["destroy", "--yes"]).output().expect("neap runs");
    assert!(!succeeded(&last).contains("took over"));
}
