//! Creates that AWS cannot tell from their repetition: written down, looked for, and made once.

use std::rc::Rc;

use neap_core::address::Address;
use neap_core::config::Secrets;
use neap_engine::apply::{ApplyOptions, Summary};
use neap_engine::cancel::Cancel;
use neap_engine::cloud::ErrorKind;
use neap_engine::event::{Event, Failure, Outcome};
use neap_engine::intent::{Journal, JournalError, MOST_OPEN, MemoryJournal};

use crate::plans::{plan, run_with, words};
use crate::scripted::Scripted;

/// Runs these steps, and returns what the journal has open at the end.
async fn run(cloud: &Scripted, steps: &[&str]) -> (Summary, Vec<Event>, Rc<MemoryJournal>) {
    let journal = Rc::new(MemoryJournal::default());
    let options = ApplyOptions { journal: Rc::clone(&journal) as Rc<dyn Journal>, ..Default::default() };
    let (summary, events) = run_with(cloud, &plan(steps, &[]), &Secrets::default(), &options).await;
    (summary, events, journal)
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_answer_made_is_found_and_not_made_again() {
    for kind in [ErrorKind::Timeout, ErrorKind::Unavailable, ErrorKind::Unknown] {
        for step in ["create task.api", "update task.api"] {
            let cloud =
                Scripted::new().fails(step, &[kind]).gives("task.api", "arn", "arn:7").shows("task.api", 40);
            let (summary, events, journal) = run(&cloud, &[step]).await;
            assert_eq!(words(&summary), ["done"], "{kind:?} {step}");
            assert_eq!(cloud.times(step), [0], "{kind:?} {step}");
            assert_eq!(summary.resources[&"task.api".parse().expect("an address")]["arn"], "arn:7");
            let told = |event: &Event| matches!(event, Event::StepProgress { detail, .. } if detail.contains("looking for what it may"));
            assert_eq!(events.iter().filter(|event| told(event)).count(), 1);
            assert_eq!(journal.open_intents(), []);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_never_made_is_made_once_more_after_a_minute() {
    let cloud = Scripted::new().fails("create task.api", &[ErrorKind::Timeout]);
    let (summary, _, journal) = run(&cloud, &["create task.api"]).await;
    assert_eq!(words(&summary), ["done"]);
    let [first, second] = *cloud.times("create task.api") else { panic!("{:?}", cloud.changes()) };
    assert!(second - first >= 60, "made again after {} s", second - first);
    assert!(cloud.times("created task.api").len() >= 8, "{:?}", cloud.times("created task.api"));
    assert_eq!(journal.open_intents(), []);
}

#[tokio::test(start_paused = true)]
async fn what_aws_refused_for_sure_is_repeated_without_a_look() {
    let cloud = Scripted::new().fails("create task.api", &[ErrorKind::Throttled, ErrorKind::NotYet]);
    let (summary, _, journal) = run(&cloud, &["create task.api"]).await;
    assert_eq!(words(&summary), ["done"]);
    assert_eq!(cloud.times("created task.api"), Vec::<u64>::new());
    assert_eq!(journal.open_intents(), []);
}

#[tokio::test(start_paused = true)]
async fn when_nobody_can_look_nothing_is_made_again_and_the_note_stays() {
    let cloud = Scripted::new()
        .fails("create task.api", &[ErrorKind::Timeout])
        .fails("created task.api", &[ErrorKind::Denied; 100]);
    let (summary, _, journal) = run(&cloud, &["create task.api"]).await;
    let Outcome::Failed(Failure::Call(error)) = &summary.steps[0].outcome else { panic!("{summary:?}") };
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(cloud.times("create task.api").len(), 1);
    assert_eq!(journal.open_intents().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_what_aws_cannot_tell_from_its_repetition_is_written_down() {
    let cloud = Scripted::new().fails("create ecr.api", &[ErrorKind::Timeout]);
    let (summary, _, journal) = run(&cloud, &["create ecr.api", "create alb.public"]).await;
    assert_eq!(words(&summary), ["done"; 2]);
    assert_eq!((cloud.times("create ecr.api").len(), journal.most_open()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn few_are_open_at_a_time_and_others_pass() {
    let names: Vec<String> = (0..30).map(|index| format!("create task.t{index:02}")).collect();
    let mut steps: Vec<&str> = names.iter().map(String::as_str).collect();
    steps.push("create ecr.last");
    let cloud = Scripted::new();
    let (summary, _, journal) = run(&cloud, &steps).await;
    assert_eq!(words(&summary), ["done"; 31]);
    assert_eq!(journal.most_open(), MOST_OPEN);
    assert_eq!(cloud.times("create ecr.last"), [0]);
    assert!(cloud.times("create task.t29")[0] <= 8, "{:?}", cloud.times("create task.t29"));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_told_to_stop_starts_none_of_those_that_wait() {
    let names: Vec<String> = (0..30).map(|index| format!("create task.t{index:02}")).collect();
    let steps: Vec<&str> = names.iter().map(String::as_str).collect();
    let (cloud, journal) = (Scripted::new(), Rc::new(MemoryJournal::default()));
    let cancel = Cancel::default();
    let options = ApplyOptions {
        journal: Rc::clone(&journal) as Rc<dyn Journal>,
        cancel: cancel.clone(),
        ..Default::default()
    };
    let (plan, secrets) = (plan(&steps, &[]), Secrets::default());
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        cancel.stop()
    };
    let ((summary, _), _) =
        futures_util::future::join(run_with(&cloud, &plan, &secrets, &options), stop).await;
    let (counts, changes) = (summary.counts(), cloud.changes().len());
    assert_eq!((counts.done, counts.not_started, changes), (MOST_OPEN, 30 - MOST_OPEN, MOST_OPEN));
    assert_eq!(journal.open_intents(), []);
}

/// A journal that is full.
#[derive(Debug)]
struct Full;

impl Journal for Full {
    fn open<'a>(
        &'a self,
        _: &'a Address,
        _: &'a str,
    ) -> futures_util::future::LocalBoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async { Err(JournalError("the disk is full".to_owned())) })
    }

    fn close<'a>(
        &'a self,
        _: &'a Address,
    ) -> futures_util::future::LocalBoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_down_is_not_started() {
    let cloud = Scripted::new();
    let options = ApplyOptions { journal: Rc::new(Full), ..Default::default() };
    let steps = plan(&["create task.api", "create ecr.api"], &[]);
    let (summary, _) = run_with(&cloud, &steps, &Secrets::default(), &options).await;
    assert_eq!(words(&summary), ["failed", "done"]);
    assert_eq!(cloud.times("create task.api"), Vec::<u64>::new());
    let Outcome::Failed(failure) = &summary.steps[0].outcome else { panic!("{summary:?}") };
    let expected = "not started, since it must be written down first and cannot be: the disk is full";
    assert_eq!(failure.to_string(), expected);
}
