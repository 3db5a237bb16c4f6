//! One bucket: so many tokens at most, and one more in each interval.
//!
//! Decides arithmetic on moments. Must not know a clock: a moment is the time since some origin, the same for all.

use std::time::Duration;

use super::rates::Limit;

/// A bucket, remembered as the moment at which it is full again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bucket {
    burst: u32,
    interval: Duration,
    full_at: Duration,
}

impl Bucket {
    /// A full bucket that keeps within `limit` even if requests overtake each other on their way.
    pub(super) fn new(limit: &Limit) -> Self {
        Self {
            burst: limit.burst.saturating_sub(margin(limit)).max(1),
            interval: limit.interval,
            full_at: Duration::ZERO,
        }
    }

    /// When the bucket has, or will have had, `count` tokens from `now` on, if nobody else takes any.
    pub(super) fn ready_at(&self, count: u32, now: Duration) -> Duration {
        let full_at = self.full_at.max(now);
        let when = if count > self.burst {
            full_at + self.interval * (count - self.burst)
        } else {
            full_at.saturating_sub(self.interval * (self.burst - count))
        };
        when.max(now)
    }

    /// Takes a token. It must be there.
    pub(super) fn take(&mut self, now: Duration) {
        self.full_at = self.full_at.max(now) + self.interval;
    }

    /// Takes every token that is there.
    pub(super) fn drain(&mut self, now: Duration) {
        self.full_at = self.full_at.max(now + self.interval * self.burst);
    }
}

/// How many tokens are left alone: half a second's worth, and at least one. Requests that were sent at the right
/// distance arrive closer together when the first was slow.
fn margin(limit: &Limit) -> u32 {
    let half_a_second = Duration::from_millis(500).as_nanos().div_ceil(limit.interval.as_nanos().max(1));
    u32::try_from(half_a_second).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Four tokens, of which one is left alone, and one more a second.
    fn bucket() -> Bucket {
        Bucket::new(&Limit { bucket: "test".into(), burst: 4, interval: SECOND })
    }

    fn check(bucket: &Bucket, count: u32, now: u64, expected: u64) {
        let now = SECOND * u32::try_from(now).expect("a small number");
        assert_eq!(bucket.ready_at(count, now).as_secs(), expected, "{count} at {now:?}");
    }

    #[test]
    fn a_full_bucket_has_its_burst_at_once() {
        for (count, expected) in [(1, 7), (3, 7), (4, 8), (6, 10)] {
            check(&bucket(), count, 7, expected);
        }
    }

    #[test]
    fn tokens_come_back_one_by_one_and_never_beyond_the_burst() {
        let mut bucket = bucket();
        for _ in 0..3 {
            bucket.take(SECOND);
        }
        check(&bucket, 1, 1, 2);
        check(&bucket, 2, 2, 3);
        check(&bucket, 1, 3, 3);
        check(&bucket, 3, 100, 100);
        check(&bucket, 4, 100, 101);
    }

    #[test]
    fn a_drained_bucket_gives_the_next_token_after_an_interval() {
        let mut bucket = bucket();
        bucket.drain(SECOND * 5);
        check(&bucket, 1, 5, 6);
        bucket.drain(SECOND * 5);
        check(&bucket, 1, 5, 6);
    }

    #[test]
    fn half_a_second_of_the_rate_is_left_alone() {
        for (burst, per_second, expected) in [(100, 20, 90), (50, 5, 47), (20, 1, 19), (1, 1, 1)] {
            let bucket = Bucket::new(&Limit { bucket: "test".into(), burst, interval: SECOND / per_second });
            assert_eq!(bucket.burst, expected, "{burst} and {per_second} a second");
        }
    }
}
