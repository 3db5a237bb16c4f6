//! Asking an apply to stop, in two levels.
//!
//! Decides what can be asked. Must not know signals: whoever receives them calls [`Cancel::stop`].

use std::sync::Arc;

use tokio::sync::watch;

/// How urgently an apply should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Go on.
    None,
    /// Start nothing new, finish what is in flight.
    Finish,
    /// Stop waiting now.
    Now,
}

/// A request to stop, shared between the apply and whoever may ask. Clones are the same request.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<watch::Sender<Level>>);

impl Default for Cancel {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Level::None)))
    }
}

impl Cancel {
    /// Asks once more: the first time to finish what is in flight, then to stop now. Returns what is asked
    /// now.
    pub fn stop(&self) -> Level {
        let mut reached = Level::None;
        self.0.send_modify(|level| {
            *level = if *level == Level::None { Level::Finish } else { Level::Now };
            reached = *level;
        });
        reached
    }

    /// What is asked now.
    pub fn level(&self) -> Level {
        *self.0.borrow()
    }

    /// Returns once at least `level` is asked.
    pub async fn reached(&self, level: Level) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`, so the channel cannot close meanwhile.
        let _closed = receiver.wait_for(|asked| *asked >= level).await.is_err();
    }
}
