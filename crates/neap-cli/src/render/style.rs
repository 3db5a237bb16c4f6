//! The few styles of all output, and words that every renderer needs.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use neap_core::plan::Action;

use crate::error::CommandError;

/// Something that comes into being, or went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Something that changes, or a warning.
pub(crate) const CHANGE: Style = AnsiColor::Yellow.on_default();
/// Something that goes away.
pub(crate) const GONE: Style = AnsiColor::Red.on_default();
/// Something that is replaced.
pub(crate) const REPLACE: Style = AnsiColor::Magenta.on_default();
/// A name, a path or a hint.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
/// Something that matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// Something that matters more.
pub(crate) const STRONG: Style = Style::new().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// `text` in `style`.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// The style of what happens to a resource.
pub(crate) const fn of_action(action: Action) -> Style {
    match action {
        Action::NoOp => FAINT,
        Action::Create => GOOD,
        Action::Update => CHANGE,
        Action::CreateThenDelete | Action::DeleteThenCreate => REPLACE,
        Action::Delete => GONE,
    }
}

/// An error with its details, and its hints after a blank line.
pub(crate) fn error(error: &CommandError) -> String {
    let mut text = format!("{}: {}\n", paint(ERROR, "error"), error.message);
    text.extend(error.details.iter().map(|detail| format!("  {}\n", detail.replace('\n', "\n  "))));
    if !error.hints.is_empty() {
        text.push('\n');
    }
    text.extend(error.hints.iter().map(|hint| format!("{}: {hint}\n", paint(HINT, "hint"))));
    text
}

/// A warning of one line.
pub(crate) fn warning(message: &str) -> String {
    format!("{}: {message}\n", paint(WARNING, "warning"))
}

/// A time as people say it: `0.4s`, `31s`, `2m 31s`, `1h 5m`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{}.{}s", seconds, duration.subsec_millis() / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `1 mistake`, `2 mistakes`: the noun takes an `s`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Things in backticks, joined by commas.
pub(crate) fn names(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let check =
            |millis: u64, expected: &str| assert_eq!(duration(Duration::from_millis(millis)), expected);
        check(0, "0.0s");
        check(449, "0.4s");
        check(9_999, "9.9s");
        check(31_000, "31s");
        check(151_900, "2m 31s");
        check(3_900_000, "1h 5m");
    }

    #[test]
    fn an_error_shows_its_hints_after_a_blank_line() {
        let failed = CommandError::failed("it broke").detail("one\ntwo").hint("mend it");
        let text = anstream::adapter::strip_str(&error(&failed)).to_string();
        assert_eq!(text, "error: it broke\n  one\n  two\n\nhint: mend it\n");
    }
}
