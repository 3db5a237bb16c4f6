//! References that are nearly written.

use super::*;

#[test]
fn a_reference_without_its_end_is_told_at_its_place() {
    let text = "[var.tag]\ndefault = 'v1'\n[output]\nx = '${var.tag}'\ny = 'nginx:${var.tag'";
    check(text, &["7:12 `${var.tag` has no `}`"]);
    let help = ["write `${var.tag}`", "for the text itself write `$${`"];
    check_help(text, "${var.tag", "a reference without an end", &help);
    check("[output]\nx = '${ $'", &["4:6 `${ $` has no `}`"]);
    check("[ecr.a]\ntags = { a = 'b${' }", &["4:16 `${` has no `}`"]);
}

#[test]
fn a_reference_with_spaces_is_told_at_its_place() {
    let text = "[ecr.a]\n[output]\nx = 'http://${ ecr.a.uri }'";
    check(text, &["5:13 `${ ecr.a.uri }` is no reference"]);
    let help = ["write `${ecr.a.uri}`", "for the text itself write `$${ ecr.a.uri }`"];
    check_help(text, "${ ecr.a.uri }", "there are spaces in it", &help);
    check("[ecr.a]\n[output]\nx = '${ecr.a }'", &["5:6 `${ecr.a }` is no reference"]);
    check(
        "[var.n]\ndefault = 'a'\n[output]\nx = '${ var.n }${var.n}'",
        &["6:6 `${ var.n }` is no reference"],
    );
}

#[test]
fn a_variable_without_its_prefix_is_told_at_its_place() {
    let text = "[var.tag]\ndefault = 'v1'\n[output]\nx = '${var.tag} ${tag}'";
    check(text, &["6:17 `${tag}` is no reference"]);
    let help = ["write `${var.tag}`", "for the text itself write `$${tag}`"];
    check_help(text, "${tag}", "a variable is meant by `var.`", &help);
}

#[test]
fn what_a_shell_or_a_policy_means_stays_text() {
    let text = "[output]\nx = '${HOME} ${tag} ${A:-${B}} ${aws:username} $${ $${tag} $${ var.n } ${ x }'";
    let loaded = load_with(&stack(text), &Options::default()).expect("a stack");
    assert!(loaded.desired.outputs["x"].starts_with("${HOME} ${tag} ${A:-${B}} ${aws:username} $${ "));
}
