//! `neap apply`: what is live becomes as the stack says, or as a saved plan says.

use std::path::Path;

use neap_core::config::{Loaded, Secrets};
use neap_core::plan::{Mode, Plan};
use neap_engine::apply::ApplyOptions;
use neap_engine::files::Folders;

use crate::args::ApplyArguments;
use crate::connect::Connect;
use crate::error::CommandError;
use crate::execute::{confirm, execute, show};
use crate::exit::Exit;
use crate::locked::{Hold, Wish, locked};
use crate::render::json::{self, Line};
use crate::render::summary as text;
use crate::saved_plan::{SavedPlan, unchanged};
use crate::session::Session;
use crate::signals::unless_interrupted;

/// Plans or takes a saved plan, asks, and carries it out.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &ApplyArguments,
) -> Result<Exit, CommandError> {
    let runtime = session.runtime()?;
    match &arguments.plan {
        None => {
            let loaded = session.load()?;
            runtime.block_on(fresh(session, &loaded, arguments))
        }
        Some(file) => runtime.block_on(saved(session, file, arguments)),
    }
}

async fn fresh<C: Connect>(
    session: &mut Session<C>,
    loaded: &Loaded,
    arguments: &ApplyArguments,
) -> Result<Exit, CommandError> {
    let Loaded { desired, secrets, .. } = loaded;
    let region = desired.region.as_deref();
    let wish = Wish { desired, region, command: "neap apply", timeout: arguments.lock_timeout };
    let work = async |session: &mut Session<C>, hold: &Hold<C::Store>| {
        let planned = async {
            let cloud = session.cloud(region).await?;
            hold.settle(&session.ui, &cloud, desired).await?;
            let (plan, _) = session.plan(&cloud, desired, secrets, Mode::Apply).await?;
            let agreed = agree(session, &plan, arguments.yes).await?;
            Ok::<_, CommandError>((cloud, plan, agreed))
        };
        let (cloud, plan, agreed) = unless_interrupted(planned).await??;
        if !agreed {
            return Ok(Exit::Failed);
        }
        carry_out(session, &cloud, &plan, secrets, &hold.options).await
    };
    locked(session, wish, work).await
}

async fn saved<C: Connect>(
    session: &mut Session<C>,
    file: &Path,
    arguments: &ApplyArguments,
) -> Result<Exit, CommandError> {
    let saved = SavedPlan::read(&session.path(file), file)?;
    session.global.file.get_or_insert_with(|| saved.stack_file().to_owned());
    let secrets = saved.secrets(session)?;
    session.secrets = secrets.clone();
    let (desired, region) = (saved.desired().clone(), saved.region().to_owned());
    let region = Some(region.as_str());
    let wish = Wish { desired: &desired, region, command: "neap apply", timeout: arguments.lock_timeout };
    let work = async |session: &mut Session<C>, hold: &Hold<C::Store>| {
        let planned = async {
            let cloud = session.cloud(region).await?;
            hold.settle(&session.ui, &cloud, &desired).await?;
            let live = session.live(&cloud, &desired).await?;
            let plan = saved.into_plan(live, &secrets)?;
            unchanged(&plan, &Folders::beside(session.base())).await?;
            let agreed = agree(session, &plan, arguments.yes).await?;
            Ok::<_, CommandError>((cloud, plan, agreed))
        };
        let (cloud, plan, agreed) = unless_interrupted(planned).await??;
        if !agreed {
            return Ok(Exit::Failed);
        }
        carry_out(session, &cloud, &plan, &secrets, &hold.options).await
    };
    locked(session, wish, work).await
}

/// Shows the plan and asks, unless there is nothing to change.
async fn agree<C: Connect>(session: &mut Session<C>, plan: &Plan, yes: bool) -> Result<bool, CommandError> {
    let Session { ui, global, .. } = session;
    show(ui, global, plan);
    Ok(plan.is_empty() || confirm(ui, yes, "Apply these changes?").await?)
}

async fn carry_out<C: Connect>(
    session: &mut Session<C>,
    cloud: &C::Cloud,
    plan: &Plan,
    secrets: &Secrets,
    options: &ApplyOptions,
) -> Result<Exit, CommandError> {
    let Session { ui, global, .. } = session;
    // A plan without changes can still hold waits for what AWS has not settled.
    let summary = execute(ui, global, cloud, plan, secrets, options).await;
    if global.json {
        ui.out(&json::line(&Line::of_summary(plan, &summary, None)));
    } else if !plan.steps.is_empty() {
        ui.out(&format!("\n{}", text::done(plan, &summary)));
    }
    if !summary.is_success() {
        return Err(text::failure(plan, &summary, global.verbose > 0));
    }
    if !global.json {
        let outputs = text::outputs(&summary.outputs, text::url(&summary.resources).as_deref());
        if !outputs.is_empty() {
            ui.out(&format!("\n{outputs}"));
        }
    }
    Ok(Exit::Done)
}
