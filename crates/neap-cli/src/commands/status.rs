//! `neap status`: what is live, resource by resource.

use neap_core::live::Reading;

use crate::account;
use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::render::json::{self, StatusView};
use crate::render::{refusal, status};
use crate::session::Session;
use crate::signals::unless_interrupted;

/// Prints what is live. What cannot be read makes it fail.
pub(crate) fn run<C: Connect>(session: &mut Session<C>) -> Result<Exit, CommandError> {
    let desired = session.load_without_files()?.desired;
    let reading = async {
        let cloud = session.cloud(desired.region.as_deref()).await?;
        session.live(&cloud, &desired).await
    };
    let live = session.runtime()?.block_on(unless_interrupted(reading))??;
    account::guard(&desired, &live.environment.account)?;
    let shown = if session.global.json {
        json::pretty(&StatusView::of(&desired, &live))
    } else {
        status::status(&desired, &live)
    };
    session.ui.out(&shown);
    let failed = live.readings.iter().find_map(|(address, reading)| match reading {
        Reading::Unreadable(failure) => Some((Some(address.to_string()), failure)),
        Reading::Absent | Reading::Present(_) | Reading::Foreign(_) => None,
    });
    match failed.or_else(|| live.failures.first().map(|failure| (None, failure))) {
        Some((address, failure)) => Err(refusal::unreadable(address, failure)),
        None => Ok(Exit::Done),
    }
}
