//! `neap init`: a commented stack file for the folder that it stands in.
//!
//! Decides what can be told from a folder: its name, a Dockerfile, a package.json.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::session::Session;

/// The longest name that a stack may have.
const NAME_LENGTH: usize = 24;
/// The port of a Node application that says nothing else.
const NODE_PORT: u16 = 3000;

/// Writes the stack file, unless there is one.
pub(crate) fn run<C: Connect>(session: &mut Session<C>) -> Result<Exit, CommandError> {
    let file = session.file();
    let shown = file.display().to_string();
    let path = session.path(&file);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text = stack_file(&stack_name(folder), Application::in_folder(folder));
    write_new(&path, &text).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            CommandError::invalid(format!("`{shown}` is there already, and stays as it is"))
                .hint("`neap plan` shows what it would do; `--file` names another")
        }
        _ => CommandError::failed(format!("`{shown}` could not be written: {error}")),
    })?;
    session.ui.out(&format!("Wrote {shown}\n"));
    session.ui.err("\nTry it without an AWS account: `neap apply --sandbox`\n");
    Ok(Exit::Done)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// The folder's name as the name of a stack.
fn stack_name(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    sanitised(&name.unwrap_or_default())
}

/// `name` in lower-case letters, digits and single hyphens, beginning with a letter.
fn sanitised(name: &str) -> String {
    let mut stack = String::new();
    for letter in name.chars().map(|letter| letter.to_ascii_lowercase()) {
        let fits = letter.is_ascii_lowercase() || (letter.is_ascii_digit() && !stack.is_empty());
        if fits {
            stack.push(letter);
        } else if !stack.is_empty() && !stack.ends_with('-') {
            stack.push('-');
        }
    }
    stack.truncate(NAME_LENGTH);
    let stack = stack.trim_end_matches('-');
    if stack.len() < 2 { "my-stack".to_owned() } else { stack.to_owned() }
}

/// What runs in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Application {
    /// Something of the user's own, which listens on this port.
    Own(u16),
    /// Nothing that can be told from the folder.
    Unknown,
}

impl Application {
    fn in_folder(folder: &Path) -> Self {
        let dockerfile = fs::read_to_string(folder.join("Dockerfile")).ok();
        let exposed = dockerfile.as_deref().and_then(exposed_port);
        let has_package = folder.join("package.json").is_file();
        match (exposed, dockerfile.is_some(), has_package) {
            (Some(port), _, _) => Self::Own(port),
            (None, _, true) => Self::Own(NODE_PORT),
            (None, true, false) => Self::Own(80),
            (None, false, false) => Self::Unknown,
        }
    }
}

/// The first port that a Dockerfile's EXPOSE names.
fn exposed_port(dockerfile: &str) -> Option<u16> {
    let mut ports = dockerfile.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.next().filter(|word| word.eq_ignore_ascii_case("EXPOSE"))?;
        words.next()?.split('/').next()?.parse().ok()
    });
    ports.find(|port| *port != 0)
}

fn stack_file(name: &str, application: Application) -> String {
    let (repository, image, port, count) = match application {
        Application::Own(port) => (REPOSITORY, "${ecr.app}:${var.image_tag}", port, NO_IMAGE_YET),
        Application::Unknown => ("", "public.ecr.aws/nginx/nginx:stable", 80, "count   = 1"),
    };
    let values = [
        ("{{name}}", name),
        ("{{repository}}", repository),
        ("{{image}}", image),
        ("{{port}}", &port.to_string()),
        ("{{count}}", count),
    ];
    values.iter().fold(TEMPLATE.to_owned(), |text, (mark, value)| text.replace(mark, value))
}

const REPOSITORY: &str = r#"
# The tag of the image that runs: `neap apply --var image_tag=v2` rolls out another one.
[var.image_tag]
default = "v1"

# Where the image is pushed to. `neap output ecr.app.uri` prints the address once it exists.
[ecr.app]
keep_images = 10
"#;

const NO_IMAGE_YET: &str = "\
# There is no image yet. Apply this first, push an image with the tag above to the repository, then write 1 here and
# apply again: a service that cannot pull its image never becomes healthy.
count   = 0";

const TEMPLATE: &str = r#"# A web application on AWS: load balancer, containers on Fargate, and what they need.
#
#   neap plan --sandbox     shows what would be created, without an AWS account
#   neap apply              creates it, or changes what is there
#   neap destroy            removes all of it
#
# `neap schema` prints the JSON Schema of this file, for editors that complete and check TOML.

[stack]
name = "{{name}}"                # the names of all resources begin with it
# region = "eu-central-1"      # otherwise `--region`, or your AWS profile's region
# account = "123456789012"     # refuse to run in any other account
# tags = { team = "me" }       # on everything that takes tags
{{repository}}
# Where the containers run: Fargate, so there are no machines to look after.
[cluster.main]

# What runs: one container.
[task.app]
cpu    = 256                   # 1024 are one vCPU
memory = 512                   # MiB

[task.app.container.app]
image = "{{image}}"
port  = {{port}}
# env     = { LOG_LEVEL = "info" }
# secrets = { DB_URL = "ssm:/{{name}}/db-url" }

# Keeps that many copies of the task running, and replaces them one by one when the task changes.
[service.app]
cluster = "main"
task    = "app"
{{count}}
target  = { group = "app" }

# Which copies are healthy enough to get requests.
[target_group.app]
port = {{port}}
health_check = { path = "/", matcher = "200-399" }

# The way in from the internet.
[alb.public.listener.http]
port = 80
default = { forward = "app" }

[output]
url = "http://${alb.public.dns_name}"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_name_becomes_a_stack_name() {
        let check = |name: &str, expected: &str| assert_eq!(sanitised(name), expected, "{name}");
        check("My Course_2024", "my-course-2024");
        check("2024-course", "course");
        check("--a--b--", "a-b");
        check("x", "my-stack");
        check("", "my-stack");
        check("über", "ber");
        check("an-uncommonly-long-name-of-a-folder", "an-uncommonly-long-name");
    }

    #[test]
    fn the_first_exposed_port_counts() {
        let check = |text: &str, expected: Option<u16>| assert_eq!(exposed_port(text), expected, "{text}");
        check("FROM node\nEXPOSE 8080/tcp 9090\nEXPOSE 1", Some(8080));
        check("FROM node\n  expose 3000", Some(3000));
        check("FROM node\n# EXPOSE 80\nEXPOSE $PORT", None);
    }

    #[test]
    fn every_written_stack_file_is_valid() {
        for application in [Application::Own(3000), Application::Unknown] {
            let text = stack_file("my-course", application);
            let source = neap_core::config::Source { name: "stack.toml", bytes: text.as_bytes() };
            let loaded = neap_core::config::load(&source, &neap_core::config::Options::default());
            let loaded = loaded.unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:#?}"));
            assert_eq!(loaded.desired.stack, "my-course");
            assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
        }
    }
}
