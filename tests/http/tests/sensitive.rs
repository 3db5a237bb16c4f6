//! A value that a plan does not hold, over HTTP: what is live is compared by what it is, and not by what a plan may show of it.

use neap_http_tests::{Emulator, World};
use serde_json::json;

const STACK: &str = "examples/course-fargate/stack.toml";
const SECRET: [&str; 2] = ["--var", "password=correct-horse"];

/// How many revisions the stack's task has.
fn revisions(world: &World) -> usize {
    let listed = world.call("ecs", "list_task_definitions", &json!({ "familyPrefix": "course-api" }));
    listed["taskDefinitionArns"].as_array().map_or(0, Vec::len)
}

#[test]
fn tags_alone_make_no_revision_of_a_task_with_a_sensitive_value_on_moto() {
    let world = World::new(Emulator::Moto, STACK);
    let neap = |arguments: &[&str], code: i32| world.neap(&[arguments, &SECRET].concat()).expect(code);
    world.edit("[stack]\n", "[var.password]\nsensitive = true\n\n[stack]\ntags = { team = \"web\" }\n");
    world.edit("NODE_ENV = \"production\"", "NODE_ENV = \"production\", PASSWORD = \"${var.password}\"");
    neap(&["apply", "--yes"], 0);
    assert_eq!(revisions(&world), 1);
    world.edit("team = \"web\"", "team = \"shop\"");
    neap(&["apply", "--yes"], 0);
    assert_eq!(revisions(&world), 1, "its tags change in place");
    neap(&["plan", "--detailed-exitcode"], 0);
    // Another value is another revision.
    let other = ["--var", "password=battery-staple"];
    world.neap(&[&["apply", "--yes"][..], &other].concat()).expect(0);
    assert_eq!(revisions(&world), 2);
    world.neap(&[&["plan", "--detailed-exitcode"][..], &other].concat()).expect(0);
    world.neap(&[&["destroy", "--yes"][..], &other].concat()).expect(0);
    world.neap(&[&["destroy", "--check"][..], &other].concat()).expect(0);
}
