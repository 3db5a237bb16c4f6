//! Mistakes and warnings of a stack file, each with its place marked in the text.
//!
//! Decides how much of the file is shown. Must not know what can be wrong.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use neap_core::config::{Diagnostic, Source};

use super::style;

/// So much of a line is shown on either side of the marked place: a line can be megabytes long.
const REACH: usize = 120;

/// One mistake.
pub(crate) fn mistake(diagnostic: &Diagnostic, source: &Source<'_>) -> String {
    render(diagnostic, source, Level::ERROR)
}

/// One warning.
pub(crate) fn warning(diagnostic: &Diagnostic, source: &Source<'_>) -> String {
    render(diagnostic, source, Level::WARNING)
}

/// How many mistakes there are, those included that the last one only counts.
pub(crate) fn count(mistakes: &[Diagnostic]) -> String {
    let more = mistakes.last().and_then(|last| {
        let number = last.message.strip_prefix("and ")?.strip_suffix(" more mistakes")?;
        number.parse::<usize>().ok()
    });
    style::count(more.map_or(mistakes.len(), |more| mistakes.len() - 1 + more), "mistake")
}

fn render(diagnostic: &Diagnostic, source: &Source<'_>, level: Level<'_>) -> String {
    let span = diagnostic.span.as_ref().filter(|_| !diagnostic.secret);
    let excerpt = span.and_then(|span| Excerpt::around(span, source.bytes));
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
    match &excerpt {
        Some(excerpt) => {
            let mark = AnnotationKind::Primary.span(excerpt.mark.clone());
            let mark = mark.label(diagnostic.label.as_deref());
            let snippet = Snippet::source(excerpt.text).line_start(diagnostic.line.max(1)).path(source.name);
            group = group.element(snippet.annotation(mark));
        }
        None if diagnostic.line > 0 => {
            let origin = Origin::path(source.name).line(diagnostic.line).char_column(diagnostic.column);
            group = group.element(origin);
        }
        None => group = group.element(Origin::path(source.name)),
    }
    let help = diagnostic.help.iter().map(|help| Level::HELP.message(help.as_str()));
    let report = [group.elements(help)];
    format!("{}\n\n", Renderer::styled().render(&report))
}

/// The marked lines of a file, and where the mark is in them.
struct Excerpt<'source> {
    text: &'source str,
    mark: Range<usize>,
}

impl<'source> Excerpt<'source> {
    /// The lines that `span` touches, cut where they are very long. None if the span is not within text.
    fn around(span: &Range<usize>, bytes: &'source [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        text.get(span.clone())?;
        // The rest of a span of several lines tells no more than its first line.
        let line_end = text[span.start..].find('\n').map_or(text.len(), |offset| span.start + offset);
        let line_start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let mark_end = span.end.min(line_end).min(text.ceil_char_boundary(span.start + REACH));
        let end = line_end.min(text.ceil_char_boundary(mark_end + REACH));
        Some(Self {
            text: text[line_start..end].trim_end_matches('\r'),
            mark: span.start - line_start..mark_end - line_start,
        })
        .filter(|_| span.start - line_start <= 10 * REACH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::plain;

    fn diagnostic(span: Option<Range<usize>>, line: usize) -> Diagnostic {
        Diagnostic {
            message: "unknown key `imgae`".into(),
            span,
            line,
            column: usize::from(line > 0),
            label: Some("did you mean `image`?".into()),
            help: vec!["keys here: `image`, `port`".into()],
            secret: false,
        }
    }

    #[test]
    fn a_mistake_shows_its_place_and_what_to_do() {
        let bytes = b"[task.api]\nimgae = \"x\"\nport = 1\n";
        let source = Source { name: "stack.toml", bytes };
        insta::assert_snapshot!(plain(&mistake(&diagnostic(Some(11..16), 2), &source)), @r#"
        error: unknown key `imgae`
         --> stack.toml:2:1
          |
        2 | imgae = "x"
          | ^^^^^ did you mean `image`?
          |
          = help: keys here: `image`, `port`
        "#);
    }

    #[test]
    fn a_mistake_of_the_whole_file_names_the_file() {
        let source = Source { name: "stack.toml", bytes: &[0xff, 0xfe] };
        insta::assert_snapshot!(plain(&mistake(&diagnostic(None, 0), &source)), @r"
        error: unknown key `imgae`
        --> stack.toml
         = help: keys here: `image`, `port`
        ");
    }

    #[test]
    fn a_place_where_a_secret_stands_is_named_and_not_shown() {
        let source = Source { name: "stack.toml", bytes: b"default = \"hunter2\"\n" };
        let secret = Diagnostic { secret: true, ..diagnostic(Some(10..19), 1) };
        let text = plain(&warning(&secret, &source));
        assert!(text.contains("stack.toml:1:1") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn mistakes_that_are_only_counted_count() {
        assert_eq!(count(&[diagnostic(None, 0)]), "1 mistake");
        let more = Diagnostic { message: "and 12 more mistakes".into(), ..diagnostic(None, 0) };
        assert_eq!(count(&[diagnostic(None, 0), diagnostic(None, 0), more]), "14 mistakes");
    }

    #[test]
    fn a_line_of_megabytes_is_not_printed() {
        let bytes = vec![b'x'; 10_000_000];
        let source = Source { name: "stack.toml", bytes: &bytes };
        for span in [0..10_000_000, 9_000_000..9_000_001, 5..9] {
            let text = mistake(&diagnostic(Some(span), 1), &source);
            assert!(text.len() < 2_000, "{}", text.len());
        }
    }
}
