//! Plans as stories: what a change to a stack or to what is live leads to.

mod sky;

use neap_core::plan::Mode;
use neap_core::plan::check::check;
use neap_core::plan::planner::plan;
use sky::stacks::course;
use sky::{Sky, secrets};

#[test]
fn a_new_stack_is_created_and_then_complete() {
    let mut sky = Sky::new();
    let stack = course();
    let first = plan(&stack, &sky.read(&stack), Mode::Apply, &secrets()).expect("a plan");
    assert_eq!(check(&first), Vec::<String>::new());
    assert_eq!(first.counts().create, stack.resources.len());
    sky.apply(&first, &[], &[]).expect("in order");
    let second = plan(&stack, &sky.read(&stack), Mode::Apply, &secrets()).expect("a plan");
    assert!(second.is_empty());
}
