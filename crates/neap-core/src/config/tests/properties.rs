//! Whatever a file holds, loading it ends with an answer that points into the file.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Loads the bytes and checks that every answer is one that can be shown.
fn holds(bytes: &[u8], options: &Options) -> Result<(), TestCaseError> {
    let Err(mistakes) = load(&Source { name: "stack.toml", bytes }, options) else { return Ok(()) };
    prop_assert!(!mistakes.is_empty());
    prop_assert!(mistakes.len() <= 51);
    for mistake in &mistakes {
        prop_assert!(!mistake.message.is_empty());
        prop_assert!(
            !mistake.message.contains("shape of a stack"),
            "the check let through what serde refuses: {mistake:?}"
        );
        let Some(span) = &mistake.span else { continue };
        let text = std::str::from_utf8(bytes).expect("only text has places");
        prop_assert!(text.get(span.clone()).is_some(), "{span:?} is no place in {text:?}");
        let lines_before = text[..span.start].matches('\n').count();
        prop_assert_eq!(mistake.line, lines_before + 1);
        prop_assert!(mistake.column >= 1);
    }
    let places: Vec<usize> =
        mistakes.iter().filter_map(|mistake| mistake.span.as_ref().map(|span| span.start)).collect();
    prop_assert!(places.is_sorted());
    Ok(())
}

/// Words that stack files are made of, so that random documents reach every check.
fn key() -> impl Strategy<Value = String> {
    let words: Vec<String> = "stack var env prod network ecr cluster task target_group alb service cloudfront function code single_page \
        security_group role log_group output listener rule container volume name region account tags default sensitive \
        description capacity keep_images port ports health_check retention count target group cpu memory image command \
        secrets logs mount efs file_system route path origin ingress egress peer statement actions resources condition \
        priority when forward weights redirect fixed_response status body protocol api web main fargate weight base"
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    prop_oneof![9 => prop::sample::select(words), 1 => "[a-zA-Z_-]{1,6}", 1 => Just("\"a b\"".to_owned())]
}

fn scalar() -> impl Strategy<Value = String> {
    let texts = [
        "fargate",
        "${var.api}",
        "${ecr.api}",
        "$${var.api}",
        "${var.",
        "80-90",
        "never-expire",
        "*",
        "é",
        "123456789012",
        "api",
    ];
    prop_oneof![
        prop::sample::select(texts.to_vec()).prop_map(|text| format!("\"{text}\"")),
        any::<i64>().prop_map(|number| number.to_string()),
        (0..100_i64).prop_map(|number| number.to_string()),
        any::<bool>().prop_map(|boolean| boolean.to_string()),
        Just("1.5".to_owned()),
        Just("nan".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("99999999999999999999".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::btree_map(key(), inner, 0..4).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                format!("{{ {} }}", members.join(", "))
            }),
        ]
    })
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => vec(key(), 1..5).prop_map(|keys| format!("[{}]", keys.join("."))),
        1 => vec(key(), 1..5).prop_map(|keys| format!("[[{}]]", keys.join("."))),
        6 => (key(), value()).prop_map(|(key, value)| format!("{key} = {value}")),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    let variables = || prop::collection::btree_map("api|web|x", "[a-z0-9$\\{\\}.]{0,6}|true|80", 0..2);
    let environment = prop::option::of(prop::sample::select(vec!["prod".to_owned(), "api".to_owned()]));
    (environment, variables(), variables()).prop_map(|(environment, variables, environment_variables)| {
        Options { environment, variables, environment_variables, ..Options::default() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_bytes_are_answered(bytes in vec(any::<u8>(), 0..200)) {
        holds(&bytes, &Options::default())?;
    }

    #[test]
    fn any_text_is_answered(text in "[\\PC\\n]{0,100}") {
        holds(text.as_bytes(), &Options::default())?;
    }

    #[test]
    fn anything_that_looks_like_toml_is_answered(text in "[a-b.=\\[\\]{}\"'#, \\n\\\\$0-1é-]{0,120}") {
        holds(text.as_bytes(), &Options::default())?;
    }

    #[test]
    fn any_document_of_known_words_is_answered(lines in vec(line(), 0..12), options in options()) {
        let text = stack(&lines.join("\n"));
        holds(text.as_bytes(), &options)?;
    }

    #[test]
    fn any_single_table_of_known_words_is_answered(
        kind in key(),
        members in prop::collection::btree_map(key(), value(), 0..6),
        options in options(),
    ) {
        let members: String = members.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let text = stack(&format!("[{kind}.api]\n{members}"));
        holds(text.as_bytes(), &options)?;
    }

    #[test]
    fn a_broken_file_is_answered(cut in 0..2000_usize, insert in "[\\PC]{0,3}") {
        let text = stack(SAMPLE);
        let cut = text.floor_char_boundary(cut.min(text.len()));
        let broken = format!("{}{insert}{}", &text[..cut], &text[cut..]);
        holds(broken.as_bytes(), &Options::default())?;
        holds(&text.as_bytes()[..cut], &Options::default())?;
    }
}

/// A file with a bit of everything, to be broken.
const SAMPLE: &str = r#"
tags = { team = "infra", "a b" = 'x' }
[var.tag]
default = "v1"
[ecr.api]
keep_images = 5
[cluster.main]
capacity = { fargate = { base = 1, weight = 1 }, fargate_spot = 3 }
[task.api.container.app]
image = "${ecr.api}:${var.tag}"
port = 3000
command = [
  "sh", # a comment
  '-c',
  """
  exec "$0" é
  """,
]
[target_group.api]
port = 3000
[alb.public.listener.http]
port = 80
default = { fixed_response = { status = 404 } }
[[alb.public.listener.http.rule]]
priority = 10
when = { path = ["/api/*"] }
forward = "api"
[service.api]
cluster = "main"
task = "api"
target = { group = "api" }
[output]
url = "http://${alb.public.dns_name}"
"#;

#[test]
fn the_sample_has_no_mistake() {
    let none: Vec<String> = Vec::new();
    assert_eq!(told(&stack(SAMPLE), &Options::default()), none);
}
