//! What loading a stack file says, in many small cases.

mod bytes;
mod environments;
mod meaning;
mod nearly;
mod properties;
mod shapes;
mod variables;
mod without_tables;

use super::{Diagnostic, Loaded, Options, Source, load};

/// A file with a valid head, so that a case shows only what it is about.
fn stack(rest: &str) -> String {
    format!("[stack]\nname = \"course\"\n{rest}")
}

fn load_with(text: &str, options: &Options) -> Result<Loaded, Vec<Diagnostic>> {
    load(&Source { name: "stack.toml", bytes: text.as_bytes() }, options)
}

/// Each mistake as `line:column message`, the place counted from the line after the head.
fn told(text: &str, options: &Options) -> Vec<String> {
    let show = |diagnostic: &Diagnostic| match diagnostic.line {
        0 => diagnostic.message.clone(),
        line => format!("{line}:{} {}", diagnostic.column, diagnostic.message),
    };
    load_with(text, options).err().unwrap_or_default().iter().map(show).collect()
}

/// The mistakes in `text`, which follows the head of two lines: the first line of `text` is line 3.
fn check(text: &str, expected: &[&str]) {
    check_with(text, &Options::default(), expected);
}

fn check_with(text: &str, options: &Options, expected: &[&str]) {
    assert_eq!(told(&stack(text), options), expected, "{text}");
}

/// The label and the help of the only mistake in `text`, and the text that it marks.
fn check_help(text: &str, marked: &str, label: &str, help: &[&str]) {
    let text = stack(text);
    let mistakes = load_with(&text, &Options::default()).expect_err("a mistake");
    let [mistake] = mistakes.as_slice() else { panic!("not one mistake: {mistakes:#?}") };
    let span = mistake.span.clone().map(|span| &text[span]);
    assert_eq!(span.unwrap_or_default(), marked, "{mistake:#?}");
    assert_eq!(mistake.label.as_deref().unwrap_or_default(), label, "{mistake:#?}");
    assert_eq!(mistake.help, help, "{mistake:#?}");
}
