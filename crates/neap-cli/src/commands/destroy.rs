//! `neap destroy`: everything that belongs to the stack goes, and a reader of its own proves it.

use neap_core::config::Loaded;
use neap_core::plan::{Mode, Plan, Refusal};
use neap_core::zero::{Blocker, Depth, StackScope, Verdict, blockers};
use neap_engine::apply::ApplyOptions;
use neap_engine::cloud::Cloud;
use neap_engine::news::{News, deleted};
use neap_engine::zero::{Since, look, prove};
use tokio::time::Instant;

use crate::account;
use crate::args::{DestroyArguments, Global};
use crate::connect::Connect;
use crate::console::Ui;
use crate::error::CommandError;
use crate::execute::{confirm, execute, show};
use crate::exit::Exit;
use crate::locked::{Hold, Wish, locked};
use crate::render::json::{self, CheckView, Line};
use crate::render::{refusal, style, summary as text, zero};
use crate::session::Session;
use crate::signals::unless_interrupted;

/// Plans the end of the stack, asks, carries it out, and looks again; or only looks.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &DestroyArguments,
) -> Result<Exit, CommandError> {
    let loaded = session.load_to_destroy()?;
    let runtime = session.runtime()?;
    if arguments.check {
        return runtime.block_on(check(session, &loaded));
    }
    runtime.block_on(destroy(session, &loaded, arguments))
}

/// Looks whether anything of the stack is left. Nothing is changed, and nobody is kept from changing anything.
async fn check<C: Connect>(session: &mut Session<C>, loaded: &Loaded) -> Result<Exit, CommandError> {
    let desired = &loaded.desired;
    let cloud = session.cloud(desired.region.as_deref()).await?;
    let scope = StackScope::of(desired, Depth::Everything);
    let Session { ui, global, .. } = session;
    let verdict = proof(ui, &cloud, &scope, &Since::nothing()).await?;
    // In another account there is nothing of the stack, which proves nothing.
    account::guard(desired, &verdict.account)?;
    if let Some(expected) = verdict.elsewhere.clone() {
        let refusal = Refusal::OtherRegion { expected, actual: verdict.region.clone() };
        return Err(refusal::refused(&desired.stack, &[refusal]));
    }
    if global.json {
        ui.out(&json::pretty(&CheckView::of(&desired.stack, &verdict)));
    }
    told(ui, global, &desired.stack, &verdict, zero::FIRST)
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
            let mut scope = StackScope::of(desired, Depth::Blockers);
            let Session { ui, global, .. } = &mut *session;
            let in_the_way =
                if plan.is_empty() { Vec::new() } else { obstacles(ui, &cloud, &mut scope).await? };
            show(ui, global, &plan);
            show_obstacles(ui, global, &in_the_way);
            if let Some(refusal) = zero::refusal(&desired.stack, &in_the_way) {
                return Err(refusal);
            }
            let question = format!("Destroy everything of stack {}?", desired.stack);
            let agreed = plan.is_empty() || confirm(ui, arguments.yes, &question).await?;
            Ok::<_, CommandError>(agreed.then_some(Agreed { cloud, begun, plan, scope }))
        };
        match unless_interrupted(planned).await?? {
            Some(agreed) => carry_out(session, agreed, loaded, &hold.options).await,
            None => Ok(Exit::Failed),
        }
    };
    locked(session, wish, work).await
}

/// The end of a stack that somebody has agreed to.
struct Agreed<C> {
    cloud: C,
    begun: Instant,
    plan: Plan,
    /// With the names of what was the stack's when it began.
    scope: StackScope,
}

async fn carry_out<C: Connect>(
    session: &mut Session<C>,
    agreed: Agreed<C::Cloud>,
    loaded: &Loaded,
    options: &ApplyOptions,
) -> Result<Exit, CommandError> {
    let Loaded { desired, secrets, .. } = loaded;
    let Agreed { cloud, begun, plan, scope } = agreed;
    let Session { ui, global, .. } = session;
    let summary = execute(ui, global, &cloud, &plan, secrets, options).await;
    let counts = summary.counts();
    if counts.cancelled + counts.not_started > 0 {
        if global.json {
            ui.out(&json::line(&Line::of_summary(&plan, &summary, None)));
        }
        return Err(text::failure(&plan, &summary, global.verbose > 0));
    }
    // An emulator shows at once what it has done.
    let news = if global.endpoint_url.is_some() { News::AT_ONCE } else { News::default() };
    if let Some(wait) = news.late.checked_sub(begun.elapsed()).filter(|wait| !wait.is_zero() && !global.json)
    {
        let seconds = wait.as_secs() + 1;
        ui.err(&format!("Looking again in {seconds} s, when AWS shows whatever was made just before\n"));
    }
    // The lock is held until all of this is over, and whoever holds it takes it away.
    let scope = StackScope { depth: Depth::Everything, holds_lock: true, ..scope };
    let since = Since { news, begun, deleted: deleted(&plan, &summary) };
    let verdict = unless_interrupted(proof(ui, &cloud, &scope, &since)).await;
    let verdict = verdict.map_err(|_| {
        CommandError::new(Exit::Interrupted, "interrupted before it was sure that nothing is left")
            .hint("`neap destroy --check` looks again")
    })??;
    if global.json {
        ui.out(&json::line(&Line::of_summary(&plan, &summary, Some(&verdict))));
    } else if !plan.is_empty() {
        ui.out(&format!("\n{}", text::done(&plan, &summary)));
    }
    told(ui, global, &desired.stack, &verdict, zero::AGAIN).map_err(|error| {
        // What failed may be gone all the same, so it is told only beside what is left.
        if summary.is_success() {
            error
        } else {
            because(error, text::failure(&plan, &summary, global.verbose > 0))
        }
    })
}

/// What stands in the way of the plan. The names of what is the stack's now are kept for the proof at the end.
async fn obstacles<C: Cloud>(
    ui: &mut Ui,
    cloud: &C,
    scope: &mut StackScope,
) -> Result<Vec<Blocker>, CommandError> {
    let remains = look(cloud, scope).await?;
    for warning in zero::unseen(&remains.unread) {
        ui.err(&style::warning(&warning));
    }
    scope.learn(&remains);
    Ok(blockers(scope, &remains))
}

/// Shows what is in the way, as text or as a line of JSON.
fn show_obstacles(ui: &mut Ui, global: &Global, in_the_way: &[Blocker]) {
    if global.json {
        ui.out(&json::line(&Line::of_blockers(in_the_way)));
    } else {
        ui.out(&zero::blockers(in_the_way));
    }
}

/// Looks at everything until nothing is left that will go by itself.
async fn proof<C: Cloud>(
    ui: &mut Ui,
    cloud: &C,
    scope: &StackScope,
    since: &Since<'_>,
) -> Result<Verdict, CommandError> {
    let mut last = String::new();
    let mut waiting = |verdict: &Verdict| {
        let line = zero::waiting(verdict);
        if line != last {
            ui.err(&line);
            last = line;
        }
    };
    Ok(prove(cloud, scope, since, &mut waiting).await?)
}

/// Tells what the proof came to, and what is `next` where something is left.
fn told(
    ui: &mut Ui,
    global: &Global,
    stack: &str,
    verdict: &Verdict,
    next: &str,
) -> Result<Exit, CommandError> {
    ui.err(&zero::notes(verdict, global.verbose > 0));
    let nothing = zero::verdict(stack, verdict, next)?;
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
