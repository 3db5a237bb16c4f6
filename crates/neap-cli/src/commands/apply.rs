//! `neap apply`: what is live becomes as the stack says, or as a saved plan says.

use std::path::Path;

use neap_core::config::{Loaded, Secrets};
use neap_core::plan::{Mode, Plan};

use crate::args::ApplyArguments;
use crate::connect::Connect;
use crate::error::CommandError;
use crate::execute::{confirm, execute, show};
use crate::exit::Exit;
use crate::render::json::{self, Line};
use crate::render::summary as text;
use crate::saved_plan::SavedPlan;
use crate::session::Session;

/// Plans or takes a saved plan, asks, and carries it out.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &ApplyArguments,
) -> Result<Exit, CommandError> {
    let runtime = session.runtime()?;
    match &arguments.plan {
        None => {
            let loaded = session.load()?;
            runtime.block_on(fresh(session, &loaded, arguments.yes))
        }
        Some(file) => runtime.block_on(saved(session, file, arguments.yes)),
    }
}

async fn fresh<C: Connect>(
    session: &mut Session<C>,
    loaded: &Loaded,
    yes: bool,
) -> Result<Exit, CommandError> {
    let Loaded { desired, secrets, .. } = loaded;
    let cloud = session.cloud(desired.region.as_deref()).await?;
    let (plan, _) = session.plan(&cloud, desired, secrets, Mode::Apply).await?;
    carry_out(session, &cloud, &plan, secrets, yes).await
}

async fn saved<C: Connect>(session: &mut Session<C>, file: &Path, yes: bool) -> Result<Exit, CommandError> {
    let saved = SavedPlan::read(&session.path(file), file)?;
    let secrets = saved.secrets(session)?;
    let cloud = session.cloud(Some(saved.region())).await?;
    let live = session.live(&cloud, saved.desired()).await?;
    let plan = saved.into_plan(live, &secrets)?;
    carry_out(session, &cloud, &plan, &secrets, yes).await
}

async fn carry_out<C: Connect>(
    session: &mut Session<C>,
    cloud: &C::Cloud,
    plan: &Plan,
    secrets: &Secrets,
    yes: bool,
) -> Result<Exit, CommandError> {
    let Session { ui, global, .. } = session;
    show(ui, global, plan);
    if !plan.is_empty() && !confirm(ui, yes, "Apply these changes?")? {
        return Ok(Exit::Failed);
    }
    // A plan without changes can still hold waits for what AWS has not settled.
    let summary = execute(ui, global, cloud, plan, secrets).await;
    if global.json {
        ui.out(&json::line(&Line::of_summary(plan, &summary, None)));
    } else if !plan.steps.is_empty() {
        ui.out(&format!("\n{}", text::done(plan, &summary)));
    }
    if !summary.is_success() {
        return Err(text::failure(plan, &summary));
    }
    if !global.json {
        let outputs = text::outputs(&summary.outputs, text::url(&summary.resources).as_deref());
        if !outputs.is_empty() {
            ui.out(&format!("\n{outputs}"));
        }
    }
    Ok(Exit::Done)
}
