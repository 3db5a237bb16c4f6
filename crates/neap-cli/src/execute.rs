//! Carrying out a plan in front of people: the question, the lines of progress, the signals.
//!
//! Must not know which command it is for.

use neap_core::config::Secrets;
use neap_core::plan::Plan;
use neap_engine::apply::{ApplyOptions, Summary, apply};
use neap_engine::cloud::Cloud;

use crate::args::Global;
use crate::console::Ui;
use crate::error::CommandError;
use crate::footer::Footer;
use crate::render::json::{self, Line, PlanView};
use crate::render::{plan as text, progress};
use crate::signals;

/// Shows `plan`, as text or as the first line of JSON.
pub(crate) fn show(ui: &mut Ui, global: &Global, plan: &Plan) {
    if global.json {
        ui.out(&json::line(&Line::Plan { plan: PlanView::of(plan) }));
    } else {
        ui.out(&text::plan(plan, global.verbose > 0));
    }
}

/// Whether to go on: `yes` says so, or whoever is asked.
pub(crate) async fn confirm(ui: &mut Ui, yes: bool, question: &str) -> Result<bool, CommandError> {
    if yes {
        return Ok(true);
    }
    if !ui.can_ask {
        return Err(CommandError::invalid("there is no terminal to ask at, so nothing was changed")
            .hint("`--yes` goes on without a question"));
    }
    ui.err("\n");
    let answer = ui.ask(question).await;
    if !answer {
        ui.err("Nothing was changed\n");
    }
    Ok(answer)
}

/// Carries out `plan` and tells what happens.
pub(crate) async fn execute<C: Cloud>(
    ui: &mut Ui,
    global: &Global,
    cloud: &C,
    plan: &Plan,
    secrets: &Secrets,
    options: &ApplyOptions,
) -> Summary {
    let stderr = ui.error_stream();
    // What traces would write into the footer, so there is one or the other.
    let mut footer = Footer::new(ui.is_watched && global.verbose == 0);
    let mut tell = |event| {
        footer.update(plan, &event);
        if global.json {
            ui.out(&json::line(&Line::of_event(plan, &event)));
        } else if let Some(line) = progress::line(plan, &event, global.verbose > 0) {
            footer.above(|| ui.err(&line));
        }
    };
    let work = apply(cloud, plan, secrets, options, &mut tell);
    signals::stoppable(work, &options.cancel, &stderr).await
}
