//! `neap adopt`: something live that is not the stack's own becomes so, by its tags alone.

use neap_core::address::Address;
use neap_core::adopt::{Adoption, Identity, Verdict, Wish, sought};
use neap_core::config::Loaded;
use neap_core::desired::Desired;
use neap_engine::adopt::adopt;
use neap_engine::lock::Lease;

use crate::args::AdoptArguments;
use crate::connect::Connect;
use crate::error::CommandError;
use crate::execute::confirm;
use crate::exit::Exit;
use crate::locked;
use crate::nearest::nearest;
use crate::render::adopt as text;
use crate::render::json::{self, AdoptionView};
use crate::session::Session;
use crate::signals::unless_interrupted;

/// Shows what is adopted and what the next apply does to it, asks, and tags it.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &AdoptArguments,
) -> Result<Exit, CommandError> {
    let loaded = session.load()?;
    let address = declared(&loaded.desired, &arguments.address)?;
    let identity = arguments.id.as_deref().map(|id| named(&address, id)).transpose()?;
    let Loaded { desired, .. } = &loaded;
    let region = desired.region.as_deref();
    let wish = locked::Wish { desired, region, command: "neap adopt", timeout: arguments.lock_timeout };
    let work = async |session: &mut Session<C>, hold: &locked::Hold<C::Store>| {
        carry_out(session, &loaded, &address, identity.as_ref(), arguments, &hold.options.lease).await
    };
    session.runtime()?.block_on(locked::locked(session, wish, work))
}

async fn carry_out<C: Connect>(
    session: &mut Session<C>,
    loaded: &Loaded,
    address: &Address,
    identity: Option<&Identity>,
    arguments: &AdoptArguments,
    lease: &Lease,
) -> Result<Exit, CommandError> {
    let Loaded { desired, secrets, .. } = loaded;
    let cloud = unless_interrupted(session.cloud(desired.region.as_deref())).await??;
    let live = unless_interrupted(session.live(&cloud, desired)).await??;
    let wish = Wish { desired, live: &live, address, secrets };
    let verdict = match identity {
        None => wish.judge(),
        Some(identity) => {
            let elsewhere = session.live(&cloud, &sought(desired, address, identity)).await?;
            wish.judge_identified(identity, &elsewhere)
        }
    };
    let verdict = verdict
        .map_err(|refusal| text::refused(&desired.stack, address, arguments.id.as_deref(), &refusal))?;
    let Session { ui, global, .. } = session;
    let adoption: Box<Adoption> = match verdict {
        Verdict::Already(found) => {
            let shown = if global.json {
                json::pretty(&AdoptionView::already(&desired.stack, &found))
            } else {
                text::already(&desired.stack, &found)
            };
            ui.out(&shown);
            return Ok(Exit::Done);
        }
        Verdict::Adopt(adoption) => adoption,
    };
    if !global.json {
        ui.out(&text::adoption(&desired.stack, &live.environment, &adoption));
    }
    let question = text::question(&desired.stack, &adoption);
    let is_wanted = unless_interrupted(confirm(ui, arguments.yes, &question)).await??;
    if is_wanted {
        lease.assured().await?;
        adopt(&cloud, &adoption).await?;
    }
    if global.json {
        ui.out(&json::pretty(&AdoptionView::of(&desired.stack, &adoption, is_wanted)));
    } else if is_wanted {
        ui.out(&text::done(&adoption));
    }
    Ok(if is_wanted { Exit::Done } else { Exit::Failed })
}

/// The address that someone typed, if the stack declares or implies it.
fn declared(desired: &Desired, text: &str) -> Result<Address, CommandError> {
    let address = text.parse::<Address>().ok().filter(|address| desired.resources.contains_key(address));
    address.ok_or_else(|| {
        let known: Vec<String> = desired.resources.keys().map(ToString::to_string).collect();
        let error = CommandError::invalid(format!("stack {} has no `{text}`", desired.stack));
        match nearest(text, known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("declare it in the stack file first; `neap graph` shows what there is"),
        }
    })
}

fn named(address: &Address, id: &str) -> Result<Identity, CommandError> {
    Identity::parse(address.kind(), id).map_err(|reason| {
        CommandError::invalid(format!("`{id}` {reason}"))
            .hint(format!("`{address}` is known by {}", text::known_by(address.kind())))
    })
}
