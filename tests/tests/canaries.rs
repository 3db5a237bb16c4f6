//! Secrets are nowhere: canaries planted as sensitive values, looked for in all that is printed and all that is written.
//!
//! Real processes, since environment variables, panics and the settings of other people's loggers are theirs. Exempt are
//! the stack file, which says a default itself, and the sandbox's world, which stands for AWS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Given on the command line.
const TOKEN: &str = "canary-of-the-flag-7f3a";
/// Given in the environment.
const KEY: &str = "canary-of-the-environment-91bc";
/// The default in the stack file.
const KEPT: &str = "canary-of-the-file-55de";
/// What the first two were before.
const OLD: [&str; 2] = ["canary-of-the-old-flag-0c11", "canary-of-the-old-environment-4e8d"];

const STACK: &str = r#"
[stack]
name = "shop"
region = "eu-west-1"

[var.token]
sensitive = true

[var.key]
sensitive = true

[var.kept]
sensitive = true
default = "canary-of-the-file-55de"

[cluster.main]

[target_group.api]
port = 3000

[alb.public.listener.http]
port = 80
default = { fixed_response = { status = 200, body = "it is ${var.token}" } }

[[alb.public.listener.http.rule]]
priority = 1
when = { header = { X-Key = ["${var.key}"] } }
forward = "api"

[task.api.container.app]
image = "nginx"
port = 3000
command = ["serve", "--key", "${var.kept}"]
env = { TOKEN = "${var.token}", KEY = "a ${var.key} b", KEPT = "${var.kept}" }

[service.api]
cluster = "main"
task = "api"
target = { group = "api" }

[[cloudfront.site.route]]
path = "/*"
origin = "alb.public"
origin_headers = { X-Token = "${var.token}" }

[output]
token = "${var.token}"
"#;

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().expect("a folder") };
        fs::write(desk.path("stack.toml"), STACK).expect("a stack file");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `line` with the values of now or of before, and looks at what it leaves.
    fn run_with(&self, line: &str, token: &str, key: &str, faults: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_neap-sandbox"));
        command.args(line.split_whitespace()).current_dir(self.folder.path());
        // Sensitive variables may be given whether or not the command needs them.
        command.args(["--var", &format!("token={token}")]).env("NEAP_VAR_key", key);
        for logger in ["RUST_LOG", "NEAP_LOG", "AWS_LOG"] {
            command.env(logger, "trace");
        }
        command.env("RUST_BACKTRACE", "full");
        if let Some(faults) = faults {
            fs::write(self.path("faults.toml"), faults).expect("a script");
            command.env("NEAP_SANDBOX_FAULTS", self.path("faults.toml"));
        }
        let output = command.output().expect("the sandbox's neap");
        let _ = fs::remove_file(self.path("faults.toml"));
        self.look(line, &output);
        output
    }

    fn run(&self, line: &str) -> Output {
        self.run_with(line, TOKEN, KEY, None)
    }

    #[track_caller]
    fn must(&self, line: &str, code: i32) -> Output {
        let output = self.run(line);
        let text = || String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{line}\n{}", text());
        output
    }

    /// No canary is in what was printed, nor in any file that is there now.
    #[track_caller]
    fn look(&self, line: &str, output: &Output) {
        has_none(&format!("stdout of {line}"), &output.stdout);
        has_none(&format!("stderr of {line}"), &output.stderr);
        let mut files = Vec::new();
        files_in(self.folder.path(), &mut files);
        for file in files {
            let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
            if !["stack.toml", "broken.toml", "sandbox.json"].contains(&name) {
                has_none(&format!("{} after {line}", file.display()), &fs::read(&file).expect("a file"));
            }
        }
    }
}

fn files_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_in(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[track_caller]
fn has_none(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for canary in [TOKEN, KEY, KEPT].into_iter().chain(OLD) {
        assert!(!text.contains(canary), "{canary} is in the {what}:\n{text}");
    }
}

#[test]
fn no_command_prints_or_writes_a_sensitive_value() {
    let desk = Desk::new();
    for line in ["validate -vvv", "graph", "policy", "schema", "plan --sandbox -vvv", "plan --sandbox --json"]
    {
        desk.must(line, 0);
    }
    desk.must("plan --sandbox --out shop.plan -vvv", 0);
    let applied = desk.must("apply shop.plan --sandbox --yes -vvv --json", 0);
    assert!(String::from_utf8_lossy(&applied.stdout).contains("task.api"));
    for line in ["status", "output", "plan", "apply --yes"] {
        desk.must(&format!("{line} --sandbox -vvv"), 0);
        desk.must(&format!("{line} --sandbox -vvv --json"), 0);
    }
    let output = desk.must("output token --sandbox", 1);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("holds a sensitive variable, so it is not printed")
    );
    desk.must("destroy --sandbox --yes -vvv --json", 0);
}

#[test]
fn values_that_were_changed_show_neither_then_nor_now() {
    let desk = Desk::new();
    let before = desk.run_with("apply --sandbox --yes -vvv", OLD[0], OLD[1], None);
    assert_eq!(before.status.code(), Some(0), "{}", String::from_utf8_lossy(&before.stderr));
    let planned = desk.must("plan --sandbox -vvv", 0);
    assert!(String::from_utf8_lossy(&planned.stdout).contains("(sensitive)"));
    desk.must("plan --sandbox --json", 0);
    desk.must("status --sandbox -vvv", 0);
    desk.must("apply --sandbox --yes -vvv", 0);
    desk.must("destroy --sandbox --yes -vvv", 0);
}

#[test]
fn a_secret_header_that_others_changed_is_seen_and_set_again() {
    let desk = Desk::new();
    desk.must("apply --sandbox --yes", 0);
    let world = desk.path(".neap/sandbox.json");
    let text = fs::read_to_string(&world).expect("a world");
    let header = |value: &str| format!("\"X-Token\": \"{value}\"");
    assert_eq!(text.matches(&header(TOKEN)).count(), 1, "{text}");
    fs::write(&world, text.replace(&header(TOKEN), &header(OLD[0]))).expect("a world");
    let planned = desk.must("plan --sandbox --detailed-exitcode -vvv", 2);
    let text = String::from_utf8_lossy(&planned.stdout).into_owned();
    assert!(text.contains("~ update cloudfront.site (not as the stack says)"), "{text}");
    assert!(text.contains("X-Token: (sensitive)"), "{text}");
    desk.must("plan --sandbox --json", 0);
    desk.must("apply --sandbox --yes -vvv", 0);
    desk.must("plan --sandbox --detailed-exitcode", 0);
}

#[test]
fn errors_that_quote_a_value_are_told_without_it() {
    let echo = |operation: &str| {
        let message = format!("1 validation error: '{TOKEN}', '{KEY}' and '{KEPT}' are not allowed");
        format!(
            "[[fault]]\noperation = \"{operation}\"\nkind = \"fail\"\ncode = \"InvalidParameter\"\nmessage = \"{message}\"\ntimes = 9\n"
        )
    };
    for operation in [
        "ecs:RegisterTaskDefinition",
        "elasticloadbalancing:CreateListener",
        "cloudfront:CreateDistributionWithTags",
        "logs:DescribeLogGroups",
        "sts:GetCallerIdentity",
        "elasticloadbalancing:DescribeLoadBalancers",
    ] {
        let desk = Desk::new();
        for line in [
            "apply --sandbox --yes -vvv",
            "apply --sandbox --yes --json",
            "status --sandbox",
            "destroy --sandbox --yes -vvv",
        ] {
            let failed = desk.run_with(line, TOKEN, KEY, Some(&echo(operation)));
            let text = String::from_utf8_lossy(&failed.stderr).into_owned();
            let told = text.contains("are not allowed");
            assert!(
                told || failed.status.success() || text.contains("could not"),
                "{operation}: {line}\n{text}"
            );
            if line.starts_with("apply --sandbox --yes -vvv") {
                assert!(told && text.contains("(sensitive)"), "{operation}: {line}\n{text}");
            }
        }
    }
}

#[test]
fn a_panic_tells_its_place_and_no_value() {
    let desk = Desk::new();
    let faults = format!(
        "[[fault]]\noperation = \"ecs:RegisterTaskDefinition\"\nkind = \"panic\"\nmessage = \"no {TOKEN} here\"\n"
    );
    let panicked = desk.run_with("apply --sandbox --yes -vvv", TOKEN, KEY, Some(&faults));
    let text = String::from_utf8_lossy(&panicked.stderr).into_owned();
    assert_eq!(panicked.status.code(), Some(101), "{text}");
    assert!(text.contains("internal error at ") && text.contains("sim.rs:"), "{text}");
    desk.must("apply --sandbox --yes", 0);
}

#[test]
fn a_mistake_beside_a_secret_does_not_show_it() {
    let desk = Desk::new();
    for (from, to) in [
        ("sensitive = true\ndefault", "sensitive = true\ndefualt"),
        ("default = \"canary", "default = [\"canary"),
        ("default = \"canary-of-the-file-55de\"", "default = \"canary-of-the-file-55de"),
        ("image = \"nginx\"", "imagee = \"nginx\""),
    ] {
        assert!(STACK.contains(from), "{from}");
        fs::write(desk.path("broken.toml"), STACK.replace(from, to)).expect("a stack file");
        let validated = desk.run("validate --file broken.toml");
        assert_eq!(validated.status.code(), Some(3), "{to}");
        desk.run("validate --json --file broken.toml");
    }
}

#[cfg(unix)]
#[test]
fn what_holds_secrets_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::new();
    desk.must("plan --sandbox --out shop.plan", 0);
    desk.must("apply --sandbox --yes", 0);
    for name in ["shop.plan", ".neap/sandbox.json"] {
        let mode = fs::metadata(desk.path(name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
