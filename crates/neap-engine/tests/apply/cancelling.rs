//! Being told to stop, once and twice.

use std::time::Duration;

use neap_core::config::Secrets;
use neap_core::plan::Need;
use neap_engine::apply::{ApplyOptions, apply};
use neap_engine::cancel::Level;
use neap_engine::event::Outcome;

use crate::plans::{plan, words};
use crate::scripted::Scripted;

/// Applies a load balancer that takes 100 s and a service after it, and stops at these seconds.
async fn check(stops: &[u64], expected: &[&str], elapsed: std::ops::RangeInclusive<u64>) {
    check_taking(100, stops, expected, elapsed).await;
}

/// The same with a load balancer that takes so many seconds.
async fn check_taking(
    seconds: u64,
    stops: &[u64],
    expected: &[&str],
    elapsed: std::ops::RangeInclusive<u64>,
) {
    let cloud = Scripted::new().takes("alb.public", seconds);
    let plan = plan(&["create alb.public", "create service.api"], &[(0, 1, Need::Ready)]);
    let options = ApplyOptions::default();
    let secrets = Secrets::default();
    let mut ignore = |_| {};
    let applying = apply(&cloud, &plan, &secrets, &options, &mut ignore);
    let stopping = async {
        let mut before = 0;
        for &at in stops {
            if at > before {
                tokio::time::sleep(Duration::from_secs(at - before)).await;
                before = at;
            }
            options.cancel.stop();
        }
    };
    let ((), summary) = tokio::join!(biased; stopping, applying);
    assert_eq!(words(&summary), expected);
    assert!(elapsed.contains(&summary.elapsed.as_secs()), "{:?}", summary.elapsed);
}

#[tokio::test(start_paused = true)]
async fn told_once_it_finishes_what_is_in_flight_and_starts_nothing_new() {
    check(&[5], &["done", "not started"], 101..=115).await;
}

#[tokio::test(start_paused = true)]
async fn told_once_and_left_alone_it_does_not_wait_for_ever() {
    check_taking(500, &[5], &["cancelled", "not started"], 125..=125).await;
}

#[tokio::test(start_paused = true)]
async fn told_twice_it_stops_waiting_at_once() {
    check(&[5, 20], &["cancelled", "not started"], 20..=20).await;
}

#[tokio::test(start_paused = true)]
async fn told_before_it_begins_it_starts_nothing() {
    check(&[0], &["not started", "not started"], 0..=0).await;
}

#[tokio::test(start_paused = true)]
async fn a_step_cancelled_in_flight_keeps_what_is_known_of_it() {
    let cloud = Scripted::new().takes("alb.public", 100).gives("alb.public", "dns_name", "x.elb.example");
    let plan = plan(&["create alb.public"], &[]);
    let options = ApplyOptions::default();
    let secrets = Secrets::default();
    let mut ignore = |_| {};
    let applying = apply(&cloud, &plan, &secrets, &options, &mut ignore);
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(options.cancel.stop(), Level::Finish);
        assert_eq!(options.cancel.stop(), Level::Now);
    };
    let (summary, ()) = tokio::join!(applying, stopping);
    assert_eq!(summary.steps[0].outcome, Outcome::Cancelled);
    assert_eq!(summary.steps[0].elapsed, Duration::from_secs(10));
    assert_eq!(summary.resources[&"alb.public".parse().expect("an address")]["dns_name"], "x.elb.example");
}

#[tokio::test(start_paused = true)]
async fn clones_are_the_same_request_and_asking_a_third_time_changes_nothing() {
    let options = ApplyOptions::default();
    let cancel = options.cancel.clone();
    assert_eq!(cancel.level(), Level::None);
    cancel.stop();
    options.cancel.stop();
    assert_eq!(cancel.stop(), Level::Now);
    cancel.reached(Level::Finish).await;
    assert_eq!(options.cancel.level(), Level::Now);
}
