//! Ctrl-C and its kin while work is going on: the first asks to finish what is in flight, the second to stop now.

use std::pin::pin;

use neap_engine::cancel::{Cancel, Level};

use crate::console::ErrorStream;
use crate::error::CommandError;
use crate::exit::Exit;
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

/// Awaits `work`, which changes nothing that would have to be finished, unless a signal comes first.
pub(crate) async fn unless_interrupted<F: Future>(work: F) -> Result<F::Output, CommandError> {
    tokio::select! {
        biased;
        output = work => Ok(output),
        () = signal() => {
            Err(CommandError::new(Exit::Interrupted, "interrupted, and nothing was changed"))
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

#[cfg(all(test, unix))]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;
    use crate::args::Color;
    use crate::console::{Console, Ui};

    /// Sends `signal` to this process, whose handlers are there by now.
    fn send(signal: &str) {
        let process = std::process::id().to_string();
        let status = Command::new("kill").args([signal, &process]).status().expect("kill runs");
        assert!(status.success());
    }

    #[test]
    fn the_first_signal_asks_to_finish_and_the_second_to_stop_now() {
        let (console, _, stderr) = Console::captured(PathBuf::new(), "");
        let ui = Ui::new(console, Color::Auto);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let cancel = Cancel::default();
        let work = async {
            // Handlers are set up once the work first waits.
            tokio::task::yield_now().await;
            send("-INT");
            cancel.reached(Level::Finish).await;
            tokio::task::yield_now().await;
            send("-TERM");
            cancel.reached(Level::Now).await;
            "ended"
        };
        let ended = runtime.block_on(stoppable(work, &cancel, &ui.error_stream()));
        assert_eq!(ended, "ended");
        let told = stderr.text();
        assert!(told.contains("stopping: nothing new is started") && told.contains("stopping now"), "{told}");
    }
}
