//! What the README shows is what a user gets.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).expect(path)
}

/// The blocks between fences of the README's first screen.
fn blocks(readme: &str) -> Vec<&str> {
    readme
        .split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').map_or("", |(_, text)| text))
        .collect()
}

#[test]
fn the_first_screen_shows_the_root_stack() {
    let readme = read("README.md");
    assert_eq!(blocks(&readme)[0], read("stack.toml"));
}

#[test]
fn the_first_screen_shows_a_plan_as_it_is_printed() {
    let readme = read("README.md");
    let session = read("tests/cases/first-change/session.txt");
    let plan = session.split("$ neap plan --sandbox\n").nth(1).and_then(|rest| rest.split("[exit").next());
    assert_eq!(Some(blocks(&readme)[1]), plan);
}

#[test]
fn the_readme_names_the_commands_that_ci_runs() {
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    for command in ["cargo xtask demo", "cargo xtask test"] {
        assert!(readme.contains(&format!("\n{command}\n")), "{command} in the README");
        assert!(ci.contains(&format!("\n{command}\n")), "{command} in .ci/run");
    }
}
