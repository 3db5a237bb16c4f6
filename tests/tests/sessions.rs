//! Runs every recorded session: what a user types, and what neap answers.
//!
//! A session stands in a `session.txt` beside the files that it needs, in `tests/cases/*` and `examples/*`. It is run in
//! a copy of its folder, and what is printed must be what is recorded. `NEAP_BLESS=1` records it anew.
//!
//! - `$ neap …` runs neap. `NAME=value` before it sets a variable, `echo yes |` answers its question.
//! - `$ quietly neap …` records the exit code alone, where another session shows the rest; `$ briefly neap …` what goes to
//!   stderr too.
//! - `$ cp FROM TO` copies a file, `$ rm FILE` removes one, `$ edit FILE OLD NEW` replaces text that must be there (`\n` is
//!   a new line).
//! - `$ cat FILE` shows a file.
//! - `$ world FILE` changes the sandbox's world behind neap's back, as `neap_sim::Sim::seed` describes.
//!
//! What goes to stderr stands under `[stderr]`, and the exit code under it all.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, io};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn session(path: &Path) -> Outcome {
    let recorded = fs::read_to_string(path)?;
    let case = path.parent().ok_or("a session stands in a folder")?;
    let folder = tempfile::tempdir()?;
    copy_folder(case, folder.path())?;
    let mut played = String::new();
    for line in recorded.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            writeln!(played, "$ {command}")?;
            played.push_str(&play(command, folder.path()).map_err(|error| format!("$ {command}: {error}"))?);
        } else if line.starts_with('#') {
            writeln!(played, "{line}")?;
        }
    }
    if env::var_os("NEAP_BLESS").is_some() {
        fs::write(path, played)?;
        return Ok(());
    }
    if played == recorded {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(&recorded, &played);
    let diff = diff.unified_diff().header("recorded", "played").to_string();
    Err(format!("the session plays otherwise than recorded:\n{diff}").into())
}

/// Carries out one command: what it printed, as it is recorded.
fn play(command: &str, folder: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let (answer, command) = match command.split_once(" | ") {
        Some((echo, rest)) => (echo.strip_prefix("echo ").map(str::to_owned), rest),
        None => (None, command),
    };
    let words = shlex::split(command).ok_or("unbalanced quotes")?;
    let variables = words.iter().take_while(|word| is_assignment(word)).count();
    let (variables, words) = words.split_at(variables);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["quietly", "neap", arguments @ ..] => {
            let played = run_neap(arguments, variables, answer.as_deref(), folder)?;
            Ok(played
                .lines()
                .rev()
                .find(|line| line.starts_with("[exit "))
                .map_or(played.clone(), |line| format!("{line}\n\n")))
        }
        ["briefly", "neap", arguments @ ..] => {
            let played = run_neap(arguments, variables, answer.as_deref(), folder)?;
            let start = played.find("[stderr]").or_else(|| played.rfind("[exit ")).unwrap_or_default();
            Ok(played[start..].to_owned())
        }
        ["neap", arguments @ ..] => run_neap(arguments, variables, answer.as_deref(), folder),
        ["cp", from, to] => Ok(fs::copy(folder.join(from), folder.join(to)).map(|_| String::new())?),
        ["rm", file] => Ok(fs::remove_file(folder.join(file)).map(|()| String::new())?),
        ["cat", file] => Ok(fs::read_to_string(folder.join(file))?),
        ["edit", file, old, new] => edit(&folder.join(file), old, new),
        ["world", file] => change_world(&folder.join(file), folder),
        _ => Err("no such command in a session".into()),
    }
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

fn run_neap(
    arguments: &[&str],
    variables: &[String],
    answer: Option<&str>,
    folder: &Path,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neap-sandbox"));
    command.args(arguments).current_dir(folder).env_clear();
    command.envs(variables.iter().filter_map(|variable| variable.split_once('=')));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().ok_or("the child has no stdin")?;
    if let Some(answer) = answer {
        io::Write::write_all(&mut stdin, format!("{answer}\n").as_bytes())?;
    }
    drop(stdin);
    let output = child.wait_with_output()?;
    let mut text = String::from_utf8(output.stdout)?;
    let stderr = String::from_utf8(output.stderr)?;
    if !stderr.is_empty() {
        write!(text, "[stderr]\n{stderr}")?;
    }
    let code = output.status.code().map_or_else(|| "signal".to_owned(), |code| code.to_string());
    writeln!(text, "[exit {code}]\n")?;
    // The folder is another one in each run.
    let place = fs::canonicalize(folder)?;
    Ok(text.replace(&*place.to_string_lossy(), "[folder]").replace(&*folder.to_string_lossy(), "[folder]"))
}

fn edit(file: &Path, old: &str, new: &str) -> Result<String, Box<dyn std::error::Error>> {
    let (old, new) = (old.replace("\\n", "\n"), new.replace("\\n", "\n"));
    let text = fs::read_to_string(file)?;
    if !text.contains(&old) {
        return Err(format!("{} does not hold {old:?}", file.display()).into());
    }
    fs::write(file, text.replace(&old, &new))?;
    Ok(String::new())
}

fn change_world(edits: &Path, folder: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let text = fs::read_to_string(edits)?;
    neap_sim::Sim::open(&folder.join(".neap"))?.seed(&text)?;
    Ok(String::new())
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy_folder(&entry.path(), &target)?;
        } else if entry.file_name() != "session.txt" {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

datatest_stable::harness! {
    { test = session, root = "cases", pattern = r"session\.txt$" },
    { test = session, root = "../examples", pattern = r"session\.txt$" },
}
