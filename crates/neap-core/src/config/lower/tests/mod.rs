//! Lowering from the outside: what a stack file becomes, and which mistakes are told where.

mod balancing;
mod blocks;
mod blue_green;
mod buckets;
mod certificates;
mod classic;
mod containers;
mod distributions;
mod domains;
mod examples;
mod functions;
mod groups;
mod identity;
mod instances;
mod locks;
mod long_names;
mod names;
mod network_balancing;
mod networks;
mod random;
mod reach;
mod references;
mod routers;
mod scaling;
mod services;
mod tasks;

use serde_json::Value;

use super::*;
use crate::address::Address;
use crate::desired::DesiredResource;

/// A stack without mistakes that has one of nearly everything.
const STACK: &str = r#"
[stack]
name = "course"

[ecr.api]

[cluster.main]

[task.api.container.app]
image = "${ecr.api}:v1"
port = 3000

[target_group.api]
port = 3000

[alb.public.listener.http]
port = 80
default = { forward = "api" }

[service.api]
cluster = "main"
task = "api"
target = { group = "api" }
"#;

/// Lowers a stack file whose variables have been replaced.
fn lower_text(text: &str) -> Result<Desired, Vec<Mistake>> {
    let file: StackFile = toml::from_str(text).expect("the shape of a stack file");
    let code = |text: &str| Ok(text.as_bytes().to_vec());
    let files = [
        ("edge.js".to_owned(), code("function handler(event) { return event.request; }")),
        ("empty.js".to_owned(), code("// nothing")),
        ("large.js".to_owned(), code(&"function handler(event) {}\n".repeat(400))),
        ("denied.js".to_owned(), Err("permission denied".to_owned())),
    ];
    lower(&file, &file.stack.name, None, None, Some(&files.into()))
}

/// Lowers [`STACK`] with `more` after it.
#[track_caller]
fn with(more: &str) -> Desired {
    lower_text(&format!("{STACK}{more}")).expect("no mistakes")
}

/// [`STACK`] with one place changed.
#[track_caller]
fn edited(from: &str, to: &str) -> String {
    assert!(STACK.contains(from), "`{from}` is not in the stack");
    STACK.replace(from, to)
}

/// [`STACK`] on instances, with more keys of them.
fn on_instances(keys: &str) -> String {
    let capacity = format!("[cluster.main]\ncapacity = {{ instance_type = \"t3.micro\", max = 2{keys} }}\n");
    let sized = "[task.api]\nmemory = 400\n[task.api.container.app]";
    edited("[cluster.main]\n", &capacity).replace("[task.api.container.app]", sized)
}

#[track_caller]
fn resource<'desired>(desired: &'desired Desired, address: &str) -> &'desired DesiredResource {
    let parsed: Address = address.parse().expect("an address");
    desired.resources.get(&parsed).unwrap_or_else(|| panic!("no `{address}`"))
}

/// The field of a resource at a path such as `health_check.path`.
#[track_caller]
fn field(desired: &Desired, address: &str, path: &str) -> Value {
    let fields = resource(desired, address).resource.fields();
    let pointer = format!("/{}", path.replace('.', "/"));
    fields.pointer(&pointer).unwrap_or_else(|| panic!("no `{path}` in `{address}`")).clone()
}

/// Lowers `text` and expects exactly these mistakes, as `path: message`.
#[track_caller]
fn check_mistakes(text: &str, expected: &[&str]) {
    let mistakes = lower_text(text).expect_err("mistakes");
    let told = |mistake: &Mistake| format!("{}: {}", mistake.path.join("."), mistake.message);
    let mut told: Vec<String> = mistakes.iter().map(told).collect();
    told.sort();
    let mut expected: Vec<&str> = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(told, expected);
}

/// Lowers [`STACK`] with `more` and expects exactly one mistake.
#[track_caller]
fn check_more(more: &str, expected: &str) {
    check_mistakes(&format!("{STACK}{more}"), &[expected]);
}

/// Lowers [`STACK`] with one place changed and expects exactly one mistake.
#[track_caller]
fn check_edited(from: &str, to: &str, expected: &str) {
    check_mistakes(&edited(from, to), &[expected]);
}

/// The help of the only mistake in `text`.
#[track_caller]
fn help(text: &str) -> Vec<String> {
    let mistakes = lower_text(text).expect_err("a mistake");
    let [mistake] = mistakes.as_slice() else { panic!("{mistakes:#?}") };
    mistake.help.clone()
}
