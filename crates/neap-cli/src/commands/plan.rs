//! `neap plan`: what would change, and why. Nothing is changed.

use neap_core::plan::Mode;

use crate::args::PlanArguments;
use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::render::json::{self, PlanView};
use crate::render::{plan as text, style};
use crate::saved_plan::SavedPlan;
use crate::session::Session;
use crate::signals::unless_interrupted;

/// Prints the plan, and saves it if that is asked for.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &PlanArguments,
) -> Result<Exit, CommandError> {
    let loaded = session.load()?;
    let planning = async {
        let cloud = session.cloud(loaded.desired.region.as_deref()).await?;
        session.plan(&cloud, &loaded.desired, &loaded.secrets, Mode::Apply).await
    };
    let (plan, live) = session.runtime()?.block_on(unless_interrupted(planning))??;
    let shown = if session.global.json {
        json::pretty(&PlanView::of(&plan))
    } else {
        text::plan(&plan, session.global.verbose > 0)
    };
    session.ui.out(&shown);
    let is_empty = plan.is_empty();
    if let Some(out) = &arguments.out {
        let saved = SavedPlan::new(session, &loaded, plan, &live);
        saved.write(&session.path(out)).map_err(|error| {
            CommandError::failed(format!("the plan could not be saved to `{}`: {error}", out.display()))
        })?;
        let command = format!("neap apply {}", out.display());
        session.ui.err(&format!(
            "Saved; `{}` carries out exactly this plan\n",
            style::paint(style::NAME, &command)
        ));
    }
    Ok(if arguments.detailed_exitcode && !is_empty { Exit::Pending } else { Exit::Done })
}
