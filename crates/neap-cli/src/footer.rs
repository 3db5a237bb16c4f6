//! The last lines of a terminal during an apply: what is in flight.
//!
//! Without a terminal there is no footer, and whatever is printed is only printed.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
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
        let target = if is_watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
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

fn message(plan: &Plan, step: StepId, detail: Option<&str>) -> String {
    let detail = detail.map(|detail| format!(", {detail}")).unwrap_or_default();
    format!("{} {}{detail}", progress::doing(plan, step), plan.steps[step].address)
}

fn style() -> ProgressStyle {
    let plain = ProgressStyle::default_spinner();
    plain.clone().template("{spinner} {wide_msg} {elapsed}").unwrap_or(plain)
}
