//! Calls that fail, and what becomes of them.

use neap_core::plan::Need;
use neap_engine::cloud::ErrorKind;
use neap_engine::event::{Event, Failure, Outcome};

use crate::plans::{plan, run, words};
use crate::scripted::Scripted;

/// Runs one step whose call fails as `kinds` say, and returns its outcome and how often the call was made.
async fn check(step: &str, kinds: &[ErrorKind]) -> (&'static str, usize) {
    let cloud = Scripted::new().fails(step, kinds);
    let (summary, events) = run(&cloud, &plan(&[step], &[])).await;
    let n_calls = cloud.times(step).len();
    let n_retries = events.iter().filter(|event| matches!(event, Event::StepRetried { .. })).count();
    assert_eq!(n_retries, n_calls - 1, "each repeat is told");
    (words(&summary)[0], n_calls)
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_backs_off_and_then_succeeds() {
    assert_eq!(check("create ecr.api", &[ErrorKind::Throttled; 6]).await, ("done", 7));
    let cloud = Scripted::new().fails("create ecr.api", &[ErrorKind::Throttled; 6]);
    run(&cloud, &plan(&["create ecr.api"], &[])).await;
    let times = cloud.times("create ecr.api");
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.last() > gaps.first(), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_always_throttled_fails_at_last() {
    assert_eq!(check("create ecr.api", &[ErrorKind::Throttled; 100]).await, ("failed", 14));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_visible_yet_is_tried_again() {
    assert_eq!(check("create service.api", &[ErrorKind::NotYet; 8]).await, ("done", 9));
    let (word, n_calls) = check("create task.api", &[ErrorKind::NotYet; 100]).await;
    assert_eq!(word, "failed");
    assert!(n_calls > 10, "{n_calls} calls");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_whatever_the_verb() {
    for step in ["create ecr.api", "update ecr.api", "delete ecr.api"] {
        assert_eq!(check(step, &[ErrorKind::Timeout, ErrorKind::Unavailable]).await, ("done", 3), "{step}");
        assert_eq!(check(step, &[ErrorKind::Timeout; 10]).await, ("failed", 5), "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_repeat_can_help_is_not_repeated() {
    use ErrorKind::{Conflict, Credentials, Denied, Invalid, Quota, Unknown};
    for kind in [Denied, Conflict, Invalid, Quota, Credentials, Unknown] {
        assert_eq!(check("create ecr.api", &[kind]).await, ("failed", 1), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn once_the_credentials_have_ended_nothing_more_is_started_and_what_is_under_way_ends() {
    let steps = ["create cluster.main", "create ecr.api", "create service.api", "create task.api"];
    let cloud = Scripted::new().takes("cluster.main", 30).fails("create ecr.api", &[ErrorKind::Credentials]);
    let (summary, _) = run(&cloud, &plan(&steps, &[(0, 2, Need::Ready), (1, 3, Need::Exists)])).await;
    assert_eq!(words(&summary), ["done", "failed", "not started", "skipped"]);
    assert_eq!(cloud.times("create service.api"), [] as [u64; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_security_group_in_use_is_deleted_again_until_it_goes() {
    assert_eq!(check("delete security_group.web", &[ErrorKind::InUse; 30]).await, ("done", 31));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_after_many_refusals_is_the_first_that_is_lost() {
    let mut kinds = vec![ErrorKind::InUse; 12];
    kinds.extend([ErrorKind::Timeout, ErrorKind::InUse, ErrorKind::Unavailable, ErrorKind::Throttled]);
    assert_eq!(check("delete security_group.web", &kinds).await, ("done", 17));
}

#[tokio::test(start_paused = true)]
async fn a_security_group_that_stays_in_use_fails_at_its_deadline() {
    let cloud = Scripted::new().fails("delete security_group.web", &[ErrorKind::InUse; 1000]);
    let (summary, _) = run(&cloud, &plan(&["delete security_group.web"], &[])).await;
    let Outcome::Failed(Failure::Call(error)) = &summary.steps[0].outcome else { panic!("{summary:?}") };
    assert_eq!(error.kind, ErrorKind::InUse);
    assert_eq!(summary.steps[0].elapsed.as_secs() / 60, 15);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_deleted() {
    assert_eq!(check("delete ecr.api", &[ErrorKind::NotFound]).await, ("done", 1));
    let cloud = Scripted::new().fails("gone ecr.api", &[ErrorKind::NotFound]);
    let (summary, _) = run(&cloud, &plan(&["delete ecr.api"], &[])).await;
    assert_eq!(words(&summary), ["done"]);
}

#[tokio::test(start_paused = true)]
async fn looks_that_fail_are_repeated_and_one_that_is_denied_ends_the_wait() {
    use ErrorKind::{Denied, NotFound, Throttled, Timeout};
    let cloud = Scripted::new().fails("ready alb.public", &[NotFound, Throttled, Timeout]);
    let (summary, _) = run(&cloud, &plan(&["create alb.public"], &[])).await;
    assert_eq!(words(&summary), ["done"]);
    assert_eq!(cloud.times("ready alb.public").len(), 4);

    let cloud = Scripted::new().fails("ready alb.public", &[Denied]);
    let (summary, _) = run(&cloud, &plan(&["create alb.public"], &[])).await;
    assert_eq!(words(&summary), ["failed"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_rests_leaves_its_place_to_others() {
    let cloud = Scripted::new().fails("delete security_group.web", &[ErrorKind::InUse; 20]);
    let options = neap_engine::apply::ApplyOptions { limit: 1, ..Default::default() };
    let plan = plan(&["delete security_group.web", "create ecr.a", "create ecr.b"], &[(1, 2, Need::Ready)]);
    let secrets = neap_core::config::Secrets::default();
    let (summary, _) = crate::plans::run_with(&cloud, &plan, &secrets, &options).await;
    assert_eq!(words(&summary), ["done"; 3]);
    assert!(cloud.times("create ecr.b")[0] < 10, "{:?}", cloud.changes());
}
