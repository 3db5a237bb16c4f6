//! `neap destroy`: everything that belongs to the stack goes, and a second look proves it.

use neap_core::config::Loaded;
use neap_core::plan::{Mode, Plan};
use neap_engine::apply::ApplyOptions;
use neap_engine::news::{News, deleted};
use neap_engine::residue::trusted_residue;
use tokio::time::Instant;

use crate::args::DestroyArguments;
use crate::connect::Connect;
use crate::error::CommandError;
use crate::execute::{confirm, execute, show};
use crate::exit::Exit;
use crate::locked::{Hold, Wish, locked};
use crate::render::json::{self, Line};
use crate::render::summary as text;
use crate::session::Session;
use crate::signals::unless_interrupted;

/// Plans the end of the stack, asks, carries it out, and looks again.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &DestroyArguments,
) -> Result<Exit, CommandError> {
    let loaded = session.load()?;
    let runtime = session.runtime()?;
    runtime.block_on(destroy(session, &loaded, arguments))
}

async fn destroy<C: Connect>(
    session: &mut Session<C>,
    loaded: &Loaded,
    arguments: &DestroyArguments,
) -> Result<Exit, CommandError> {
    let Loaded { desired, secrets, .. } = loaded;
    let region = desired.region.as_deref();
    let wish = Wish { desired, region, command: "neap destroy", timeout: arguments.lock_timeout };
    let work = async |session: &mut Session<C>, hold: &Hold<C::Store>| {
        let planned = async {
            let cloud = session.cloud(region).await?;
            hold.settle(&session.ui, &cloud, desired).await?;
            let begun = Instant::now();
            let (plan, _) = session.plan(&cloud, desired, secrets, Mode::Destroy).await?;
            let Session { ui, global, .. } = &mut *session;
            show(ui, global, &plan);
            let question = format!("Destroy everything of stack {}?", desired.stack);
            let agreed = plan.is_empty() || confirm(ui, arguments.yes, &question).await?;
            Ok::<_, CommandError>((cloud, begun, plan, agreed))
        };
        let (cloud, begun, plan, agreed) = unless_interrupted(planned).await??;
        if !agreed {
            return Ok(Exit::Failed);
        }
        carry_out(session, &cloud, begun, &plan, loaded, &hold.options).await
    };
    locked(session, wish, work).await
}

async fn carry_out<C: Connect>(
    session: &mut Session<C>,
    cloud: &C::Cloud,
    begun: Instant,
    plan: &Plan,
    loaded: &Loaded,
    options: &ApplyOptions,
) -> Result<Exit, CommandError> {
    let Loaded { desired, secrets, .. } = loaded;
    let Session { ui, global, .. } = session;
    let summary = execute(ui, global, cloud, plan, secrets, options).await;
    let counts = summary.counts();
    if counts.cancelled + counts.not_started > 0 {
        if global.json {
            ui.out(&json::line(&Line::of_summary(plan, &summary, None)));
        }
        return Err(text::failure(plan, &summary));
    }
    // An emulator shows at once what it has done.
    let news = if global.endpoint_url.is_some() { News::AT_ONCE } else { News::default() };
    if let Some(wait) = news.late.checked_sub(begun.elapsed()).filter(|wait| !wait.is_zero() && !global.json)
    {
        let seconds = wait.as_secs() + 1;
        ui.err(&format!("Looking again in {seconds} s, when AWS shows whatever was made just before\n"));
    }
    let gone = deleted(plan, &summary);
    let left = unless_interrupted(trusted_residue(cloud, desired, news, begun, &gone)).await;
    let left = left.map_err(|_| {
        CommandError::new(Exit::Interrupted, "interrupted before it was sure that nothing is left")
            .hint("`neap destroy` looks again")
    })??;
    if global.json {
        ui.out(&json::line(&Line::of_summary(plan, &summary, Some(&left))));
    } else if !plan.is_empty() {
        ui.out(&format!("\n{}", text::done(plan, &summary)));
    }
    let nothing = text::residue(&desired.stack, &left).map_err(|error| {
        // What failed may be gone all the same, so it is told only beside what is left.
        if summary.is_success() { error } else { because(error, text::failure(plan, &summary)) }
    })?;
    if !global.json {
        ui.out(&nothing);
    }
    Ok(Exit::Done)
}

/// `left` with the failures that may be why.
fn because(mut left: CommandError, failure: CommandError) -> CommandError {
    left.details.extend(failure.details);
    // The last hint of a failure is the command to run next, which `left` has in its own words.
    let causes = failure.hints.len().saturating_sub(1);
    left.hints.splice(0..0, failure.hints.into_iter().take(causes));
    left
}
