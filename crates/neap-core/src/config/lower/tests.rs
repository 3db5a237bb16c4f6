//! Lowering from the outside.

use super::*;

/// Lowers a stack file whose variables have been replaced by their defaults.
fn lower_text(text: &str) -> Result<Desired, Vec<Mistake>> {
    let file: StackFile = toml::from_str(text).expect("the shape of a stack file");
    let stack = file.stack.name.clone();
    lower(&file, &stack, None)
}

#[test]
fn the_root_stack_and_the_examples_are_without_mistakes() {
    for (name, text) in [
        ("root", include_str!("../../../../../stack.toml")),
        ("course-fargate", include_str!("../../../../../examples/course-fargate/stack.toml")),
        ("two-services", include_str!("../../../../../examples/two-services/stack.toml")),
        ("sidecar", include_str!("../../../../../examples/sidecar/stack.toml")),
    ] {
        let text = text.replace("\"${var.site}\"", "\"https://example.com\"");
        assert_eq!(lower_text(&text).err(), None, "{name}");
    }
}
