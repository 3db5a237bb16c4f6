//! The command line: what can be typed, and nothing about what it does.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Plans, applies and destroys a small web system on AWS from one `stack.toml`.
#[derive(Debug, Parser)]
#[command(name = "neap", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// The options that every command takes.
    #[command(flatten)]
    pub global: Global,
}

const EXIT_CODES: &str = "Exit codes: 0 done or nothing to do, 1 failed, 2 changes pending (with \
--detailed-exitcode), 3 bad usage or stack file, 4 something is left after destroy, 5 locked or the live state \
moved, 130 interrupted.

A first try without an AWS account: neap init && neap apply --sandbox";

/// The options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The stack file; `stack.toml` by default.
    #[arg(short, long, global = true, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The environment, whose `[env.NAME]` tables overlay the rest.
    #[arg(long, global = true, value_name = "NAME")]
    pub env: Option<String>,
    /// The value of a variable; may be repeated. `NEAP_VAR_name` in the environment does the same.
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = variable)]
    pub var: Vec<(String, String)>,
    /// The AWS region, instead of the stack file's or the profile's.
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile of the AWS configuration.
    #[arg(long, global = true, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// The endpoint of an AWS emulator.
    #[arg(long, global = true, value_name = "URL", conflicts_with = "sandbox")]
    pub endpoint_url: Option<String>,
    /// Use the built-in sandbox instead of AWS; it lives in `.neap` beside the stack file.
    #[arg(long, global = true)]
    pub sandbox: bool,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colour; `NO_COLOR` is respected.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Show more: unchanged resources and progress; twice or three times for what neap does inside.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented stack.toml for this folder.
    Init,
    /// Check the stack file without any call to AWS.
    Validate,
    /// Show what would change, and why.
    Plan(PlanArguments),
    /// Make what is live as the stack says.
    Apply(ApplyArguments),
    /// Remove everything that belongs to the stack, and prove it.
    Destroy(DestroyArguments),
    /// Make something live the stack's own, by its tags alone.
    Adopt(AdoptArguments),
    /// Show what is live, resource by resource.
    Status,
    /// Show who holds the stack's lock, and remove it.
    Unlock(UnlockArguments),
    /// Print the stack's outputs, or one of them.
    Output(OutputArguments),
    /// Print the IAM permissions that the stack needs, without any call to AWS.
    Policy(PolicyArguments),
    /// Print the resources and what refers to what.
    Graph(GraphArguments),
    /// Print the JSON Schema of the stack file, or of what `--json` prints.
    Schema(SchemaArguments),
    /// Print a completion script for a shell.
    Completions(CompletionsArguments),
}

/// The options of `neap plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// End with 2 when there are changes, 0 when there are none.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Save the plan, for `neap apply FILE`.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The options of `neap apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// A plan saved by `neap plan --out`: exactly that one is carried out.
    #[arg(value_name = "PLANFILE")]
    pub plan: Option<PathBuf>,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// Wait so long for the lock while somebody else holds it, such as `30s` or `10m`.
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = duration)]
    pub lock_timeout: Duration,
}

/// The options of `neap destroy`.
#[derive(Debug, Args)]
pub struct DestroyArguments {
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// Change nothing; only look whether anything of the stack is left.
    #[arg(long, conflicts_with = "yes")]
    pub check: bool,
    /// Wait so long for the lock while somebody else holds it, such as `30s` or `10m`.
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = duration)]
    pub lock_timeout: Duration,
}

/// The options of `neap unlock`.
#[derive(Debug, Args)]
pub struct UnlockArguments {
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// The options of `neap adopt`.
#[derive(Debug, Args)]
pub struct AdoptArguments {
    /// The resource that it becomes, such as `ecr.api`; the stack file must declare or imply it.
    pub address: String,
    /// Its name, id or ARN, where that is not what the stack would call it.
    pub id: Option<String>,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// Wait so long for the lock while somebody else holds it, such as `30s` or `10m`.
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = duration)]
    pub lock_timeout: Duration,
}

/// The options of `neap output`.
#[derive(Debug, Args)]
pub struct OutputArguments {
    /// An output of the stack, `url`, or a resource's own such as `alb.public.dns_name`.
    pub name: Option<String>,
}

/// The options of `neap policy`.
#[derive(Debug, Args)]
pub struct PolicyArguments {
    /// What is to be allowed.
    #[arg(value_name = "FOR", default_value = "all")]
    pub purpose: PolicyFor,
    /// The account, where the stack file names none.
    #[arg(long, value_name = "ID", value_parser = account)]
    pub account: Option<String>,
    /// Print a list of documents, each short enough for one IAM policy.
    #[arg(long)]
    pub split: bool,
}

/// What `neap policy` allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyFor {
    /// To plan, and to look at what is live.
    Plan,
    /// To apply.
    Apply,
    /// To destroy.
    Destroy,
    /// All of it.
    All,
}

/// The options of `neap graph`.
#[derive(Debug, Args)]
pub struct GraphArguments {
    /// The language of the graph.
    #[arg(long, value_name = "FORMAT", default_value = "dot")]
    pub format: GraphFormat,
}

/// The language of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Graphviz: `neap graph | dot -Tsvg`.
    Dot,
    /// Mermaid, which Markdown files on code hosts show as a picture.
    Mermaid,
}

/// The options of `neap schema`.
#[derive(Debug, Args)]
pub struct SchemaArguments {
    /// What to describe.
    #[arg(value_name = "OF", default_value = "stack")]
    pub of: SchemaOf,
}

/// What `neap schema` describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The stack file.
    Stack,
    /// What `neap plan --json` prints.
    Plan,
    /// Each line that `neap apply --json` and `neap destroy --json` print.
    Events,
    /// What `neap status --json` prints.
    Status,
    /// What `neap adopt --json` prints.
    Adoption,
    /// What `neap unlock --json` prints.
    Unlock,
    /// What `neap destroy --check --json` prints.
    Check,
}

/// The options of `neap completions`.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell.
    pub shell: Shell,
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account has twelve digits".to_owned())
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        // clap repeats the text in its message, so a value without a name must not be there to repeat.
        _ => Err("expected `name=value`".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    parsed
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "expected a time such as `30s`, `10m` or `1h 30m`".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed_and_all_of_it_is_documented() {
        let mut command = Arguments::command();
        command.build();
        command.clone().debug_assert();
        for command in std::iter::once(&command).chain(command.get_subcommands()) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
        }
    }

    #[test]
    fn options_may_stand_before_and_after_the_command() {
        for line in [["neap", "--sandbox", "plan"], ["neap", "plan", "--sandbox"]] {
            assert!(Arguments::try_parse_from(line).expect("valid").global.sandbox);
        }
    }

    #[test]
    fn a_time_is_given_in_words() {
        for (text, expected) in [
            ("0s", Some(0)),
            ("90s", Some(90)),
            ("2m", Some(120)),
            ("1h 5m", Some(3900)),
            ("5", None),
            ("-5s", None),
        ] {
            assert_eq!(duration(text).ok(), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_variable_is_split_at_its_first_equals_sign() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(variable(text).ok(), expected, "{text}");
        };
        check("a=b=c", Some(("a", "b=c")));
        check("a=", Some(("a", "")));
        check("=b", None);
        check("a", None);
    }
}
