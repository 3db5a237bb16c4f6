//! Time as other processes know it. The sandbox's own clock runs as fast as it is waited for, so what other processes
//! depend on, such as a lock that expires, is timed by threads that really sleep.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A clock that ticks; it stops when this goes.
pub(crate) struct Ticker {
    ticks: UnboundedReceiver<()>,
    _stop: Sender<()>,
}

impl Ticker {
    /// A clock that ticks every `interval`.
    pub(crate) fn every(interval: Duration) -> Self {
        let (stop, stopped) = channel::<()>();
        let (tick, ticks) = unbounded_channel();
        std::thread::spawn(move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                if tick.send(()).is_err() {
                    break;
                }
            }
        });
        Self { ticks, _stop: stop }
    }

    /// Returns at the next tick.
    pub(crate) async fn next(&mut self) {
        // The thread ticks as long as this lives.
        let _ticked = self.ticks.recv().await.is_some();
    }
}

/// Returns after `pause`.
pub(crate) async fn sleep(pause: Duration) {
    Ticker::every(pause).next().await;
}
