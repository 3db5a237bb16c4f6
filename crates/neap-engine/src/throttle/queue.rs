//! Who waits for which buckets, and whose turn it is.
//!
//! Decides the order: first come, first served, except that those who wait for a slow bucket let others pass. Must
//! not know a clock, nor how anyone waits.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bucket::Bucket;
use super::rates::Limit;

/// A place in the queue.
pub(super) type Ticket = u64;

/// The answer to whoever asks for their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is; the tokens are taken.
    Now,
    /// Not before this moment; then it is to be asked again.
    At(Duration),
}

/// The buckets, and those who wait for them, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    buckets: BTreeMap<String, Bucket>,
    waiting: Vec<(Ticket, Vec<Limit>)>,
    last: Ticket,
}

impl Queue {
    /// Joins the queue for all the buckets of one request, the narrowest first.
    pub(super) fn join(&mut self, limits: Vec<Limit>) -> Ticket {
        for limit in &limits {
            self.bucket(limit);
        }
        self.last += 1;
        self.waiting.push((self.last, limits));
        self.last
    }

    /// Leaves the queue; does nothing for those who have had their turn.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }

    /// Whether it is this one's turn. If so, takes a token of each of its buckets, and leaves the queue.
    pub(super) fn ask(&mut self, ticket: Ticket, now: Duration) -> Turn {
        let Some(place) = self.waiting.iter().position(|(waiting, _)| *waiting == ticket) else {
            return Turn::Now;
        };
        let turn = self.turn(place, now);
        if turn > now {
            return Turn::At(turn);
        }
        let (_, limits) = self.waiting.remove(place);
        for limit in &limits {
            self.bucket(limit).take(now);
        }
        Turn::Now
    }

    /// Empties buckets.
    pub(super) fn drain(&mut self, limits: &[Limit], now: Duration) {
        for limit in limits {
            self.bucket(limit).drain(now);
        }
    }

    /// The first moment at which every bucket may have a token for whoever is at this place.
    fn turn(&self, place: usize, now: Duration) -> Duration {
        let ahead = self.ahead(place, now);
        let ready = |limit: &Limit| {
            let before = ahead.get(limit.bucket.as_ref()).copied().unwrap_or_default();
            self.buckets.get(limit.bucket.as_ref()).map_or(now, |bucket| bucket.ready_at(before + 1, now))
        };
        self.waiting[place].1.iter().map(ready).max().unwrap_or(now)
    }

    /// How many of those who came earlier take from each bucket first. Those who must wait for their narrowest
    /// bucket anyway are before others in that one alone.
    fn ahead(&self, place: usize, now: Duration) -> BTreeMap<&str, u32> {
        let mut ahead: BTreeMap<&str, u32> = BTreeMap::new();
        for (_, limits) in &self.waiting[..place] {
            let mut is_held_up = false;
            for limit in limits {
                if is_held_up {
                    break;
                }
                let before = ahead.entry(limit.bucket.as_ref()).or_default();
                *before += 1;
                let bucket = self.buckets.get(limit.bucket.as_ref());
                is_held_up = bucket.is_some_and(|bucket| bucket.ready_at(*before, now) > now);
            }
        }
        ahead
    }

    fn bucket(&mut self, limit: &Limit) -> &mut Bucket {
        self.buckets.entry(limit.bucket.to_string()).or_insert_with(|| Bucket::new(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit(bucket: &'static str, burst: u32, seconds: u32) -> Limit {
        // One more than is asked for, since one is left alone.
        Limit { bucket: bucket.into(), burst: burst + 1, interval: SECOND * seconds }
    }

    fn slow() -> Vec<Limit> {
        vec![limit("slow", 1, 100), limit("all", 2, 1)]
    }

    fn fast() -> Vec<Limit> {
        vec![limit("fast", 10, 1), limit("all", 2, 1)]
    }

    #[test]
    fn those_who_wait_for_a_slow_bucket_let_others_pass() {
        let mut queue = Queue::default();
        let [first, second, third, fourth] =
            [slow(), slow(), fast(), fast()].map(|limits| queue.join(limits));
        assert_eq!(queue.ask(first, SECOND), Turn::Now);
        assert_eq!(queue.ask(second, SECOND), Turn::At(SECOND * 101));
        assert_eq!(queue.ask(third, SECOND), Turn::Now);
        assert_eq!(queue.ask(fourth, SECOND), Turn::At(SECOND * 2));
        assert_eq!(queue.ask(fourth, SECOND * 2), Turn::Now);
    }

    #[test]
    fn nobody_overtakes_in_a_bucket_that_both_wait_for() {
        let mut queue = Queue::default();
        for _ in 0..2 {
            let ticket = queue.join(fast());
            assert_eq!(queue.ask(ticket, SECOND), Turn::Now);
        }
        let [first, second] = [fast(), slow()].map(|limits| queue.join(limits));
        // Both could go but for the bucket of all, where the first one's turn is first.
        assert_eq!(queue.ask(second, SECOND), Turn::At(SECOND * 3));
        assert_eq!(queue.ask(first, SECOND), Turn::At(SECOND * 2));
        assert_eq!(queue.ask(second, SECOND * 2), Turn::At(SECOND * 3));
        assert_eq!(queue.ask(first, SECOND * 2), Turn::Now);
        assert_eq!(queue.ask(second, SECOND * 3), Turn::Now);
    }

    #[test]
    fn whoever_leaves_makes_room() {
        let mut queue = Queue::default();
        let [first, second] = [slow(), slow()].map(|limits| queue.join(limits));
        assert_eq!(queue.ask(second, SECOND), Turn::At(SECOND * 101));
        queue.leave(first);
        assert_eq!(queue.ask(second, SECOND), Turn::Now);
    }

    #[test]
    fn no_bucket_ever_gives_more_than_its_burst_and_rate() {
        let mut queue = Queue::default();
        let mut taken: Vec<Duration> = Vec::new();
        let tickets: Vec<Ticket> =
            (0..200).map(|index| queue.join(if index % 7 == 0 { slow() } else { fast() })).collect();
        let mut left = tickets;
        let mut now = Duration::ZERO;
        while !left.is_empty() && now < SECOND * 4000 {
            left.retain(|ticket| {
                let goes = queue.ask(*ticket, now) == Turn::Now;
                if goes {
                    taken.push(now);
                }
                !goes
            });
            now += Duration::from_millis(250);
        }
        assert_eq!(taken.len(), 200, "some never had their turn");
        for (first, start) in taken.iter().enumerate() {
            for (last, end) in taken.iter().enumerate().skip(first) {
                let (calls, time) = (last - first + 1, *end - *start);
                assert!(calls as u64 <= 2 + time.as_secs(), "{calls} calls in {time:?}");
            }
        }
    }
}
