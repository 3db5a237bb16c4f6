//! Pacing: every request passes the buckets in which AWS counts it before it is sent.
//!
//! Decides when a request may go, so that AWS has no reason to refuse it: refused requests cost time, and a crowd of
//! them that comes back together is refused again. Must not know what a request does, nor who sends it.

mod bucket;
mod queue;
mod rates;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tracing::debug;

use self::queue::{Queue, Ticket, Turn};
pub use self::rates::{Limit, limits};

/// The buckets of one account in one region, as far as this process knows: others may empty them too.
#[derive(Debug)]
pub struct Throttle {
    origin: Instant,
    queue: Mutex<Queue>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { origin: Instant::now(), queue: Mutex::default() }
    }
}

impl Throttle {
    /// Waits until a request of `operation` (`ecs:CreateService`) may be sent, and counts it: first come, first
    /// served among those that wait for the same bucket, and nobody waits for a bucket that is not theirs.
    pub async fn take(&self, operation: &str) {
        let waiting = Waiting { throttle: self, ticket: self.queue().join(limits(operation)) };
        loop {
            let turn = self.queue().ask(waiting.ticket, self.origin.elapsed());
            match turn {
                Turn::Now => return,
                Turn::At(time) => {
                    debug!(operation, "waits for its turn");
                    tokio::time::sleep_until(self.origin + time).await;
                }
            }
        }
    }

    /// Notes that AWS refused a request of `operation` as one too many: the buckets are emptier than was known here,
    /// so they count as empty now.
    pub fn refused(&self, operation: &str) {
        self.queue().drain(&limits(operation), self.origin.elapsed());
    }

    /// The state. A thread that panicked with it left it whole: every change is one assignment.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, given up by whoever stops waiting.
struct Waiting<'throttle> {
    throttle: &'throttle Throttle,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.throttle.queue().leave(self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::{join, join_all};

    use super::*;

    /// When each of so many requests goes, in seconds.
    async fn times(throttle: &Throttle, operation: &str, count: usize) -> Vec<u64> {
        let begun = Instant::now();
        let requests = (0..count).map(|_| async {
            throttle.take(operation).await;
            begun.elapsed().as_secs()
        });
        join_all(requests).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        // Ten, of which one is left for requests that overtake each other; then one in five seconds.
        let times = times(&Throttle::default(), "elasticloadbalancing:CreateLoadBalancer", 12).await;
        assert_eq!(times, [0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 10, 15]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_family_that_waits_holds_up_no_other() {
        let throttle = Throttle::default();
        let balancers = times(&throttle, "elasticloadbalancing:CreateLoadBalancer", 40);
        let groups = times(&throttle, "elasticloadbalancing:CreateTargetGroup", 10);
        let (balancers, groups) = join(balancers, groups).await;
        assert_eq!(balancers.last(), Some(&155));
        assert_eq!(groups, [0; 10]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_given_up_takes_nothing() {
        let throttle = Throttle::default();
        times(&throttle, "elasticloadbalancing:CreateLoadBalancer", 9).await;
        let patience = Duration::from_secs(1);
        let given_up = throttle.take("elasticloadbalancing:CreateLoadBalancer");
        assert!(tokio::time::timeout(patience, given_up).await.is_err());
        assert_eq!(times(&throttle, "elasticloadbalancing:CreateLoadBalancer", 1).await, [4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_empties_the_buckets() {
        let throttle = Throttle::default();
        throttle.refused("ecs:RegisterTaskDefinition");
        assert_eq!(times(&throttle, "ecs:RegisterTaskDefinition", 3).await, [1, 2, 3]);
        assert_eq!(times(&throttle, "ecs:CreateService", 3).await, [0, 0, 0]);
    }
}
