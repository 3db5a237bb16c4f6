//! How many requests went through, of which operation, in how many waves.
//!
//! Decides what a wave is: a link of the longest chain of requests that did not overlap. Must not know how they were sent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::proxy::Seen;

/// What some requests add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// All requests.
    pub requests: usize,
    /// Those that may change something.
    pub mutations: usize,
    /// The longest chain of requests that did not overlap.
    pub waves: usize,
    /// The most at one time.
    pub most_in_flight: usize,
    /// From the first request's start to the last one's end.
    pub span: Duration,
    /// Requests by operation.
    pub operations: BTreeMap<String, usize>,
}

impl Counts {
    /// Counts `seen`, which is ordered by when the requests came.
    pub fn of(seen: &[Seen]) -> Self {
        let mut operations = BTreeMap::new();
        for request in seen {
            *operations.entry(request.operation.to_string()).or_insert(0) += 1;
        }
        let mut waves = 0;
        let mut wave_end: Option<Instant> = None;
        for request in seen {
            wave_end = match wave_end {
                Some(end) if request.started < end => Some(end.min(request.ended)),
                _ => {
                    waves += 1;
                    Some(request.ended)
                }
            };
        }
        let overlapping =
            |at: Instant| seen.iter().filter(|other| other.started <= at && at < other.ended).count();
        let most_in_flight = seen.iter().map(|request| overlapping(request.started)).max().unwrap_or(0);
        let first = seen.first().map(|request| request.started);
        let last = seen.iter().map(|request| request.ended).max();
        let span = first.zip(last).map_or(Duration::ZERO, |(first, last)| last - first);
        let mutations = seen.iter().filter(|request| request.operation.is_mutating()).count();
        Self { requests: seen.len(), mutations, waves, most_in_flight, span, operations }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Operation, Protocol};

    fn seen(spans: &[(u64, u64)]) -> Vec<Seen> {
        let zero = Instant::now();
        let at = |milliseconds: u64| zero + Duration::from_millis(milliseconds);
        let operation = Operation { service: "x".into(), name: "GetX".into(), protocol: Protocol::Json };
        let one = |&(started, ended)| Seen {
            operation: operation.clone(),
            started: at(started),
            ended: at(ended),
            fault: None,
            status: Some(200),
        };
        spans.iter().map(one).collect()
    }

    #[test]
    fn requests_that_overlap_are_one_wave() {
        let counts = Counts::of(&seen(&[(0, 10), (1, 12), (5, 9)]));
        assert_eq!((counts.waves, counts.most_in_flight, counts.requests), (1, 3, 3));
    }

    #[test]
    fn requests_after_each_other_are_waves_of_their_own() {
        let counts = Counts::of(&seen(&[(0, 10), (10, 20), (11, 19), (30, 40)]));
        assert_eq!((counts.waves, counts.most_in_flight, counts.mutations), (3, 2, 0));
        assert_eq!(counts.span, Duration::from_millis(40));
    }

    #[test]
    fn nothing_is_no_wave() {
        let counts = Counts::of(&[]);
        assert_eq!((counts.waves, counts.requests, counts.span), (0, 0, Duration::ZERO));
    }
}
