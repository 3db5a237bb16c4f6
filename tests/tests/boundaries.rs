//! The walls between the rooms: which crate may depend on what.

use std::process::Command;

/// The names of every crate that `package` is built from.
fn dependencies(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--quiet",
            "--package",
            package,
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn check(package: &str, forbidden: fn(&str) -> bool) {
    let dependencies = dependencies(package);
    assert!(dependencies.iter().any(|name| name == package), "cargo tree names the crate itself");
    let found: Vec<&String> = dependencies.iter().filter(|name| forbidden(name)).collect();
    assert!(found.is_empty(), "{package} must not depend on {found:?}");
}

fn is_aws(name: &str) -> bool {
    name.starts_with("aws-")
}

fn does_io(name: &str) -> bool {
    is_aws(name) || ["tokio", "futures-util", "hyper", "clap", "tracing-subscriber"].contains(&name)
}

#[test]
fn the_core_decides_without_io() {
    check("neap-core", does_io);
}

#[test]
fn only_the_aws_crate_names_the_sdk() {
    for package in ["neap-engine", "neap-sim", "neap-cli", "neap-tests", "xtask"] {
        check(package, is_aws);
    }
}

#[test]
fn the_engine_knows_neither_terminal_nor_sandbox() {
    check("neap-engine", |name| ["clap", "indicatif", "anstream", "neap-sim", "neap-cli"].contains(&name));
}

#[test]
fn the_command_line_is_handed_its_cloud() {
    check("neap-cli", |name| ["neap-sim", "neap-aws"].contains(&name));
}
