//! Ctrl-C and its kin while work is going on: the first asks to finish what is in flight, the second to stop now.

use std::pin::pin;

use neap_engine::cancel::{Cancel, Level};

use crate::console::ErrorStream;
use crate::render::style;

/// Awaits `work` and turns signals into requests on `cancel`.
pub(crate) async fn stoppable<F: Future>(work: F, cancel: &Cancel, stderr: &ErrorStream) -> F::Output {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            output = &mut work => return output,
            () = signal() => tell(cancel.stop(), stderr),
        }
    }
}

fn tell(level: Level, stderr: &ErrorStream) {
    let message = match level {
        Level::None => return,
        Level::Finish => {
            "stopping: nothing new is started, and what is in flight is finished; \
                          once more to stop waiting"
        }
        Level::Now => "stopping now: what is in flight may be half done",
    };
    stderr.write_text(&style::warning(message));
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};

    let one = async |kind| match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        // Without a handler the signal ends the process, as it does by default.
        Err(error) => {
            tracing::warn!(%error, "no handler for a signal");
            std::future::pending::<()>().await;
        }
    };
    // CI runners send SIGINT first and SIGTERM some seconds later.
    tokio::select! {
        () = one(SignalKind::interrupt()) => {}
        () = one(SignalKind::terminate()) => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::warn!(%error, "no handler for Ctrl-C");
        std::future::pending().await
    }
}
