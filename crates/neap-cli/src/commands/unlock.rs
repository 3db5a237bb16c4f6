//! `neap unlock`: shows who holds the stack's lock and, after a question, removes it.

use neap_core::desired::LockPlace;
use neap_engine::lock::Store;
use neap_engine::lock::protocol::Entry;

use crate::account;
use crate::args::UnlockArguments;
use crate::connect::Connect;
use crate::error::CommandError;
use crate::execute::confirm;
use crate::exit::Exit;
use crate::locked;
use crate::render::json::{self, UnlockView};
use crate::render::lock as text;
use crate::session::Session;
use crate::signals::unless_interrupted;

/// Shows the lock and removes it.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &UnlockArguments,
) -> Result<Exit, CommandError> {
    let desired = session.load_without_files()?.desired;
    if desired.lock == LockPlace::None {
        let stack = &desired.stack;
        let text = format!("Stack {stack} has no lock: its file says `lock = \"none\"`\n");
        tell(session, &text, &UnlockView::of(stack, None, None, false));
        return Ok(Exit::Done);
    }
    session.runtime()?.block_on(async {
        let store = unless_interrupted(session.store(&desired, desired.region.as_deref())).await??;
        unless_interrupted(account::guard_lock(&desired, &store)).await??;
        let place = store.place();
        let lock = locked::new(session, store, &desired.stack, "neap unlock")?;
        let failed = |error| text::failed(&error);
        let Some(seen) = unless_interrupted(lock.look()).await?.map_err(|error| failed(error.into()))? else {
            let text = format!("Nobody holds the lock of stack {}\n", desired.stack);
            tell(session, &text, &UnlockView::of(&desired.stack, Some(&place), None, false));
            return Ok(Exit::Done);
        };
        if !session.global.json {
            session.ui.out(&shown(&seen, &place));
        }
        let question = confirm(&mut session.ui, arguments.yes, "Remove the lock?");
        let answer = unless_interrupted(question).await?;
        let is_wanted = matches!(answer, Ok(true));
        if is_wanted {
            lock.remove(&seen).await.map_err(failed)?;
        }
        let text = if is_wanted { "The lock is removed\n" } else { "" };
        tell(session, text, &UnlockView::of(&desired.stack, Some(&place), Some(&seen), is_wanted));
        Ok(if answer? { Exit::Done } else { Exit::Failed })
    })
}

fn tell<C: Connect>(session: &mut Session<C>, text: &str, view: &UnlockView) {
    let shown = if session.global.json { json::pretty(view) } else { text.to_owned() };
    session.ui.out(&shown);
}

fn shown(seen: &Entry, place: &str) -> String {
    match &seen.record {
        Ok(record) => {
            let [since, expires] = text::details(record);
            format!("{}\n  {since}\n  {expires}\n  in {place}\n", text::holder(record))
        }
        Err(reason) => format!("What lies in {place} is no lock of this neap\n  {reason}\n"),
    }
}
