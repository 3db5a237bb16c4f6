//! The last lines of a terminal during an apply: what is in flight.
//!
//! Without a terminal there is no footer, and whatever is printed is only printed.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use neap_core::plan::{Plan, StepId};
use neap_engine::event::Event;

use crate::render::progress;

const TICK: Duration = Duration::from_millis(120);

/// What is in flight, one line for each step.
pub(crate) struct Footer {
    lines: MultiProgress,
    shown: BTreeMap<StepId, ProgressBar>,
}

impl Footer {
    /// A footer, drawn only where someone watches.
    pub(crate) fn new(is_watched: bool) -> Self {
        let target = if is_watched { on_stderr() } else { ProgressDrawTarget::hidden() };
        Self { lines: MultiProgress::with_draw_target(target), shown: BTreeMap::new() }
    }

    /// Takes note of `event`.
    pub(crate) fn update(&mut self, plan: &Plan, event: &Event) {
        match event {
            Event::StepStarted { step } => {
                let line = self.lines.add(ProgressBar::new_spinner().with_style(style()));
                line.set_message(message(plan, *step, None));
                line.enable_steady_tick(TICK);
                self.shown.insert(*step, line);
            }
            Event::StepProgress { step, detail, .. } => self.say(plan, *step, detail),
            Event::StepMoved { step, bytes, total } => {
                if let Some(line) = self.shown.get(step) {
                    line.set_style(bar());
                    line.set_length(*total);
                    line.set_position(*bytes);
                }
            }
            Event::StepRetried { step, error, .. } => {
                self.say(plan, *step, &format!("again soon after {:?}", error.kind));
            }
            Event::StepFinished { step, .. } => {
                if let Some(line) = self.shown.remove(step) {
                    line.finish_and_clear();
                    self.lines.remove(&line);
                }
            }
        }
    }

    fn say(&self, plan: &Plan, step: StepId, detail: &str) {
        if let Some(line) = self.shown.get(&step) {
            line.set_message(message(plan, step, Some(detail)));
        }
    }

    /// Prints above the footer.
    pub(crate) fn above(&self, print: impl FnOnce()) {
        self.lines.suspend(print);
    }
}

fn on_stderr() -> ProgressDrawTarget {
    ProgressDrawTarget::term_like_with_hz(Box::new(Terminal(Term::buffered_stderr())), 20)
}

/// Stderr's terminal, which may be closed in the middle: what cannot be drawn is not, and the work goes on. (indicatif
/// panics where it cannot draw around a line.)
#[derive(Debug)]
struct Terminal(Term);

impl Terminal {
    fn try_to(&self, draw: impl FnOnce(&Term) -> io::Result<()>) -> io::Result<()> {
        if let Err(error) = draw(&self.0) {
            tracing::trace!(%error, "the footer cannot be drawn");
        }
        Ok(())
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        TermLike::width(&self.0)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.0)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.try_to(|term| term.move_cursor_up(lines))
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.try_to(|term| term.move_cursor_down(lines))
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.try_to(|term| term.move_cursor_right(columns))
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.try_to(|term| term.move_cursor_left(columns))
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.try_to(|term| term.write_line(text))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.try_to(|term| term.write_str(text))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.try_to(Term::clear_line)
    }

    fn flush(&self) -> io::Result<()> {
        self.try_to(Term::flush)
    }
}

fn message(plan: &Plan, step: StepId, detail: Option<&str>) -> String {
    let detail = detail.map(|detail| format!(", {detail}")).unwrap_or_default();
    format!("{} {}{detail}", progress::doing(plan, step), plan.steps[step].address)
}

/// The line of a step that uploads: how much of it has arrived.
fn bar() -> ProgressStyle {
    let template = "{spinner} {msg} [{bar:24}] {decimal_bytes} of {decimal_total_bytes} {elapsed}";
    ProgressStyle::default_bar().progress_chars("=> ").template(template).unwrap_or_else(|_| style())
}

fn style() -> ProgressStyle {
    let plain = ProgressStyle::default_spinner();
    plain.clone().template("{spinner} {wide_msg} {elapsed}").unwrap_or(plain)
}
