//! Reading, and proving that nothing is left.

use std::time::Duration;

use neap_core::address::Kind;
use neap_core::desired::{Desired, TAG_STACK};
use neap_core::live::{Live, ReadFailure};
use neap_core::zero::{Depth, Remains, Seen, StackScope, Thing, Verdict};
use neap_engine::cloud::ErrorKind;
use neap_engine::news::News;
use neap_engine::read::read;
use neap_engine::zero::{Since, prove};

use crate::plans::environment;
use crate::scripted::{Scripted, error};

fn failure(operation: &str) -> ReadFailure {
    ReadFailure {
        operation: operation.to_owned(),
        code: None,
        message: "not authorized".to_owned(),
        denied: true,
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_read_is_repeated_and_a_denied_one_is_not() {
    let nothing = Live::empty(environment());
    let cloud = Scripted::new()
        .fails("read everything", &[ErrorKind::Throttled, ErrorKind::Unavailable])
        .reads(Ok(nothing.clone()));
    assert_eq!(read(&cloud, &Desired::default()).await, Ok(nothing));
    assert_eq!(cloud.times("read everything").len(), 3);

    for kind in [ErrorKind::Denied, ErrorKind::Credentials, ErrorKind::NotYet, ErrorKind::NotFound] {
        let refused = error(kind, "read everything");
        let cloud = Scripted::new().reads(Err(refused.clone()));
        assert_eq!(read(&cloud, &Desired::default()).await, Err(refused));
        assert_eq!(cloud.times("read everything").len(), 1);
    }
}

fn scope() -> StackScope {
    StackScope::of(&Desired { stack: "course".into(), ..Desired::default() }, Depth::Everything)
}

/// A look that shows something of the stack's, which AWS is deleting if `going` says so.
fn shows(thing: Thing, going: Option<&str>) -> Remains {
    let tags = [(TAG_STACK.to_owned(), "course".to_owned())].into();
    let seen = Seen { tags, going: going.map(str::to_owned), ..Seen::new(thing, "id", "name") };
    Remains { seen: vec![seen], ..Remains::default() }
}

/// The same under another id.
fn shown_as(mut remains: Remains, id: &str) -> Remains {
    id.clone_into(&mut remains.seen[0].id);
    remains
}

/// What `cloud` proves, and how often it was waited for what is going.
async fn proof(cloud: &Scripted) -> (Verdict, usize) {
    let mut waits = 0;
    let verdict = prove(cloud, &scope(), &Since::nothing(), &mut |_| waits += 1).await.expect("a look");
    (verdict, waits)
}

#[tokio::test(start_paused = true)]
async fn what_was_just_deleted_and_is_still_listed_is_looked_at_again_for_a_minute() {
    let listed = || shown_as(shows(Thing::TaskDefinition, None), "arn:task-definition/course-api:1");
    let since = |id| Since {
        news: News { late: Duration::ZERO, ..News::default() },
        deleted: [(Kind::Task, id)].into(),
        ..Since::nothing()
    };
    let prove = async |cloud: &Scripted, id: &'static str| {
        let begun = tokio::time::Instant::now();
        let verdict = prove(cloud, &scope(), &since(id), &mut |_| {}).await.expect("a look");
        (verdict.left.len(), begun.elapsed().as_secs())
    };
    let cloud = Scripted::new().leaves(listed()).leaves(listed()).leaves(Remains::default());
    assert_eq!(prove(&cloud, "arn:task-definition/course-api:2").await, (0, 13));
    // Nobody has deleted it.
    let cloud = Scripted::new().leaves(listed());
    assert_eq!(prove(&cloud, "arn:task-definition/course-apis:1").await, (1, 1));
    // It stays.
    let mut cloud = Scripted::new();
    for _ in 0..100 {
        cloud = cloud.leaves(listed());
    }
    let (left, seconds) = prove(&cloud, "arn:task-definition/course-api:1").await;
    assert!(left == 1 && (60..70).contains(&seconds), "{left} left after {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn what_is_being_deleted_is_waited_for_until_it_is_gone() {
    let draining = || shows(Thing::Service, Some("draining"));
    let cloud = Scripted::new().leaves(draining()).leaves(draining()).leaves(Remains::default());
    let (verdict, waits) = proof(&cloud).await;
    assert!(verdict.is_zero());
    assert_eq!(waits, 2);
}

#[tokio::test(start_paused = true)]
async fn what_will_not_go_by_itself_is_not_waited_for() {
    let cloud = Scripted::new().leaves(shows(Thing::Repository, None));
    let (verdict, waits) = proof(&cloud).await;
    assert_eq!((verdict.left.len(), waits), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_what_does_not_go_has_an_end() {
    let mut cloud = Scripted::new();
    for _ in 0..1000 {
        cloud = cloud.leaves(shows(Thing::NetworkInterface, Some("in use")));
    }
    let begun = tokio::time::Instant::now();
    let (verdict, waits) = proof(&cloud).await;
    assert_eq!(verdict.left[0].going.as_deref(), Some("in use"));
    let minutes = begun.elapsed().as_secs() / 60;
    assert!(waits > 10 && (15..=16).contains(&minutes), "{waits} waits in {minutes} minutes");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_look_is_repeated_and_a_listing_that_failed_is_no_proof() {
    let unread = Remains { unread: vec![failure("ecs:ListClusters")], ..Remains::default() };
    let cloud = Scripted::new().fails("remains everything", &[ErrorKind::Throttled]).leaves(unread);
    let (verdict, _) = proof(&cloud).await;
    assert!(!verdict.is_zero());
    assert_eq!(cloud.times("remains everything").len(), 2);
}
