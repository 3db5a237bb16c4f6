//! The lock that lets one process at a time change a stack: a record in a shared place, with an owner and an expiry.
//!
//! [`protocol`] decides, on values, who holds it; [`Lock`] takes, renews and releases it through a [`Store`], one call
//! after the other. Must not know where the record lies, nor what is done while it is held.
//!
//! The weakest place is SSM: it can create atomically, and it counts versions, but it overwrites whatever is there. So
//! each record claims the version that its writer believed it wrote over, and who had written that. A record that
//! claims wrongly is void: whoever wrote it has lost, and nobody else has lost anything by it.

mod journal;
mod keeper;
mod lease;
mod leaving;
mod presence;
pub mod protocol;
mod record;
mod store;
mod worker;
mod writing;

pub use keeper::{Attempt, Lock, LockError, Takeover};
pub use lease::Lease;
pub use leaving::RELEASE_WITHIN;
pub use presence::Presence;
pub use record::{Claim, Intent, MAX_INTENTS, Record, Version};
pub use store::{Store, Stored, WriteError};
pub use worker::Worker;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// How long a record holds after it was written.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(90);
/// How often its owner writes it anew.
pub const RENEW_EVERY: Duration = Duration::from_secs(30);
/// How long after its expiry another host leaves a record alone: clocks of hosts differ.
pub const CLOCK_MARGIN: Duration = Duration::from_secs(15);

/// Tells the time of day, which is what processes on different hosts have in common.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// `moment` and a while.
fn later(moment: Timestamp, while_: Duration) -> Timestamp {
    // Only the end of time is beyond the range of timestamps.
    moment.checked_add(while_).unwrap_or(Timestamp::MAX)
}
