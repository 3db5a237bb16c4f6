//! Values of variables and where they are put.

use super::*;

fn options(arguments: &[(&str, &str)], environment: &[(&str, &str)]) -> Options {
    let map = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    Options { variables: map(arguments), environment_variables: map(environment), ..Options::default() }
}

/// The output `x` of a stack.
fn output(text: &str, options: &Options) -> String {
    let loaded = load_with(&stack(text), options).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    loaded.desired.outputs["x"].clone()
}

#[test]
fn an_argument_goes_before_the_environment_and_that_before_the_default() {
    let text = "[var.tag]\ndefault = 'v1'\n[output]\nx = 'image:${var.tag}'";
    assert_eq!(output(text, &options(&[], &[])), "image:v1");
    assert_eq!(output(text, &options(&[], &[("tag", "v2")])), "image:v2");
    assert_eq!(output(text, &options(&[("tag", "v3")], &[("tag", "v2")])), "image:v3");
}

#[test]
fn a_variable_has_the_type_of_its_default() {
    let text =
        "[var.keep]\ndefault = 3\n[ecr.a]\nkeep_images = '${var.keep}'\n[output]\nx = '${var.keep} images'";
    assert_eq!(output(text, &options(&[], &[])), "3 images");
    assert_eq!(output(text, &options(&[("keep", "4")], &[])), "4 images");
    check_with(
        text,
        &options(&[("keep", "many")], &[]),
        &["4:11 `--var keep` must be a whole number, not `many`"],
    );
    check_with(
        text,
        &options(&[], &[("keep", "")]),
        &["4:11 `NEAP_VAR_keep` must be a whole number, not ``"],
    );
    check_with(text, &options(&[("keep", "0")], &[]), &["6:15 `ecr.a.keep_images`: 0 is out of range"]);
    let boolean = "[var.scan]\ndefault = false\n[ecr.a]\nscan_on_push = '${var.scan}'";
    check_with(boolean, &options(&[("scan", "true")], &[]), &[]);
    check_with(
        boolean,
        &options(&[("scan", "1")], &[]),
        &["4:11 `--var scan` must be `true` or `false`, not `1`"],
    );
}

#[test]
fn a_variable_without_a_default_becomes_what_its_place_takes() {
    let text = "[var.n]\n[ecr.a]\nkeep_images = '${var.n}'\n[output]\nx = '${var.n}'";
    assert_eq!(output(text, &options(&[("n", "7")], &[])), "7");
    check_with(
        text,
        &options(&[("n", "x")], &[]),
        &["5:15 `ecr.a.keep_images`: expected a whole number, found a string"],
    );
    let scalar = "[var.n]\n[task.t.container.c]\nimage = 'x'\nenv = { ZIP = '${var.n}' }";
    let loaded = load_with(&stack(scalar), &options(&[("n", "00420")], &[])).expect("a stack");
    assert!(format!("{:?}", loaded.desired).contains("00420"), "a zip code is no number");
    let share = "[var.n]\n[cluster.a]\ncapacity = { fargate = '${var.n}' }";
    check_with(share, &options(&[("n", "5")], &[]), &[]);
    let port = "[var.n]\n[security_group.a]\ningress = [{ port = '${var.n}', peer = '0.0.0.0/0' }]";
    check_with(port, &options(&[("n", "80")], &[]), &[]);
    check_with(port, &options(&[("n", "80-90")], &[]), &[]);
}

#[test]
fn a_variable_without_a_value_is_told_once_and_not_where_it_is_used() {
    check(
        "[var.n]\n[ecr.a]\nkeep_images = '${var.n}'\nname = 'x${var.n}'",
        &["3:1 the variable `n` has no value"],
    );
    check_help(
        "[var.n]",
        "[var.n]",
        "no default, and no value is given",
        &["give it with `--var n=…` or `NEAP_VAR_n=…`, or write a `default`"],
    );
}

#[test]
fn an_unknown_variable_is_told_at_its_reference() {
    check_help(
        "[var.tag]\ndefault = 'v1'\n[output]\nx = 'image:${var.tga}'",
        "${var.tga}",
        "unknown variable",
        &["did you mean `${var.tag}`?"],
    );
    check_help(
        "[output]\nx = '${var.tag}'",
        "${var.tag}",
        "unknown variable",
        &["declare it with `[var.tag]`"],
    );
    check(
        "[output]\nx = \"\\u0024{var.tag}\"",
        &["4:5 `${var.tag}` refers to a variable that the file does not have"],
    );
}

#[test]
fn an_argument_for_no_variable_is_told() {
    check_with(
        "[var.tag]\ndefault = 'x'",
        &options(&[("tga", "1")], &[]),
        &["`--var tga` is given, but the file has no `[var.tga]`"],
    );
    check_with("", &options(&[], &[("other", "1")]), &[]);
}

#[test]
fn a_default_stands_for_itself() {
    check(
        "[var.a]\ndefault = 'x'\n[var.b]\ndefault = '${var.a}'",
        &["6:11 the default of `b` refers to a variable"],
    );
    check(
        "[var.a]\ndefault = [1]\n[ecr.a]\nname = '${var.a}'",
        &["4:11 `var.a.default`: expected a boolean, a whole number or a string, found a list"],
    );
}

#[test]
fn escapes_and_values_are_left_alone() {
    let text = "[var.a]\ndefault = 'v'\n[output]\nx = '$${var.a} ${var.a} $${var.b}'";
    assert_eq!(output(text, &options(&[], &[])), "$${var.a} v $${var.b}");
    assert_eq!(
        output("[var.a]\n[output]\nx = '${var.a}'", &options(&[("a", "${aws.region}")], &[])),
        "$${aws.region}"
    );
    assert_eq!(
        output("[var.a]\ndefault = '${aws.region}'\n[output]\nx = '${var.a}'", &options(&[], &[])),
        "${aws.region}"
    );
}

#[test]
fn a_sensitive_value_stays_out_of_the_stack() {
    let text = "[var.token]\nsensitive = true\n[output]\nx = 'Bearer ${var.token}'";
    let loaded = load_with(&stack(text), &options(&[("token", "hunter2")], &[])).expect("a stack");
    assert_eq!(loaded.desired.outputs["x"], "Bearer ${var.token}");
    assert_eq!(loaded.secrets.get("token"), Some("hunter2"));
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn a_sensitive_value_is_taken_as_it_is_given() {
    let text = "[var.token]\nsensitive = true\n[output]\nx = '${var.token}'";
    for value in ["$${x}", "${aws.region}", "a$b", "12"] {
        let loaded = load_with(&stack(text), &options(&[("token", value)], &[])).expect("a stack");
        assert_eq!(loaded.secrets.get("token"), Some(value));
    }
}

#[test]
fn a_sensitive_value_is_never_told() {
    let text = "[var.n]\ndefault = 1\nsensitive = true\n[ecr.a]\nkeep_images = '${var.n}'";
    check_with(text, &options(&[("n", "hunter2")], &[]), &["4:11 `--var n` must be a whole number"]);
    check_with(
        text,
        &options(&[("n", "2")], &[]),
        &["7:15 `ecr.a.keep_images`: expected a whole number, found a string"],
    );
}

#[test]
fn what_looks_wrong_about_variables_is_a_warning() {
    let text =
        stack("[var.a]\ndefault = 'x'\n[var.b]\ndefault = 'y'\nsensitive = true\n[output]\nx = '${var.b}'");
    let loaded = load_with(&text, &Options::default()).expect("a stack");
    let warnings: Vec<String> = loaded
        .warnings
        .iter()
        .map(|warning| format!("{}:{} {}", warning.line, warning.column, warning.message))
        .collect();
    assert_eq!(
        warnings,
        [
            "3:6 the variable `a` is never used",
            "6:11 the default of the sensitive variable `b` stands in the file"
        ]
    );
}
