//! Ctrl-C and its kin: the first signal asks to finish what is in flight, the second to stop now, the third ends the
//! process.
//!
//! Decides what each in turn means. They are heard from the start of a command, whatever it does, by a thread of their
//! own: none is lost between two waits, and the third works although a terminal, a pipe or the network holds up
//! everything else.

use std::pin::pin;
use std::sync::{LazyLock, Once};

use neap_engine::cancel::{Cancel, Level};
use tokio::sync::watch;

use crate::console::ErrorStream;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::render::style;

/// So many signals end the process at once.
const LAST: u32 = 3;

/// How many signals have come.
static HEARD: LazyLock<watch::Sender<u32>> = LazyLock::new(|| watch::Sender::new(0));

/// Hears signals from now on.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Without handlers a signal ends the process, as it does by default.
        if let Err(error) = platform::listen(hear) {
            tracing::warn!(%error, "no handlers for signals");
        }
    });
}

fn hear() {
    let mut number = 0;
    HEARD.send_modify(|heard| {
        *heard += 1;
        number = *heard;
    });
    if number >= LAST {
        #[expect(clippy::exit, reason = "whatever should end the process is held up")]
        std::process::exit(Exit::Interrupted.code().into());
    }
}

/// Returns how many signals have come, once that is more than `known`.
async fn more_than(known: u32) -> u32 {
    let mut heard = HEARD.subscribe();
    // The sender is never dropped, so the channel cannot close.
    let number = heard.wait_for(|heard| *heard > known).await.map(|heard| *heard);
    number.unwrap_or(known)
}

/// Awaits `work`, which changes nothing that would have to be finished, unless a signal comes first.
pub(crate) async fn unless_interrupted<F: Future>(work: F) -> Result<F::Output, CommandError> {
    tokio::select! {
        biased;
        _number = more_than(0) => {
            Err(CommandError::new(Exit::Interrupted, "interrupted, and nothing was changed"))
        }
        output = work => Ok(output),
    }
}

/// Awaits `work` and turns signals into requests on `cancel`.
pub(crate) async fn stoppable<F: Future>(work: F, cancel: &Cancel, stderr: &ErrorStream) -> F::Output {
    let mut work = pin!(work);
    let mut told = 0;
    loop {
        tokio::select! {
            biased;
            output = &mut work => return output,
            heard = more_than(told) => {
                // Asked for before it is said: nobody may be there to read it.
                let levels = (told..heard.min(LAST - 1)).map(|_| cancel.stop());
                levels.collect::<Vec<Level>>().into_iter().for_each(|level| tell(level, stderr));
                told = heard;
            }
        }
    }
}

fn tell(level: Level, stderr: &ErrorStream) {
    let message = match level {
        Level::None => return,
        Level::Finish => {
            "stopping: nothing new is started, and what is in flight is finished, for two minutes at most; \
             once more to stop waiting"
        }
        Level::Now => "stopping now: what is in flight may be half done",
    };
    stderr.write_text(&style::warning(message));
}

#[cfg(unix)]
mod platform {
    //! Ctrl-C, the end of a job, and the end of a terminal.

    use std::io;

    use tokio::runtime::Builder;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Calls `hear` for each signal, on a thread of its own.
    pub(super) fn listen(hear: fn()) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        // CI runners send SIGINT first and SIGTERM some seconds later; a terminal that is closed sends SIGHUP.
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let ignored = ignored();
        let signals: Vec<Signal> = {
            let _inside = runtime.enter();
            let wanted = kinds.into_iter().filter(|kind| !is_in(ignored, *kind));
            wanted.map(signal).collect::<io::Result<_>>()?
        };
        for mut kind in signals {
            runtime.spawn(async move {
                while kind.recv().await.is_some() {
                    hear();
                }
            });
        }
        let thread = std::thread::Builder::new().name("signals".to_owned());
        thread.spawn(move || runtime.block_on(std::future::pending::<()>()))?;
        Ok(())
    }

    /// The signals that whoever started this process wants it to ignore, as `nohup` does: the lowest bit is signal 1.
    fn ignored() -> u64 {
        // There is no other way without unsafe code; where this file is missing, none is taken to be ignored.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        mask(&status)
    }

    fn mask(status: &str) -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
    }

    fn is_in(mask: u64, kind: SignalKind) -> bool {
        let number = u32::try_from(kind.as_raw_value()).unwrap_or_default();
        number.checked_sub(1).and_then(|bit| mask.checked_shr(bit)).is_some_and(|rest| rest & 1 == 1)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_nohup_ignores_stays_ignored() {
            let ignored = mask("Name:\tneap\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n");
            assert!(is_in(ignored, SignalKind::hangup()));
            assert!(!is_in(ignored, SignalKind::interrupt()) && !is_in(ignored, SignalKind::terminate()));
            assert_eq!(mask(""), 0);
        }
    }
}

#[cfg(not(unix))]
mod platform {
    //! Ctrl-C.

    use std::io;

    use tokio::runtime::Builder;

    /// Calls `hear` for each Ctrl-C, on a thread of its own.
    pub(super) fn listen(hear: fn()) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let hearing = async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                hear();
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(hearing))?;
        Ok(())
    }
}
