//! An apply that did not do all that was planned: what is done, what failed and why, what was left out, what to run next.
//!
//! Must not know what is behind a failure: that is `explain`'s.

use neap_core::plan::{Mode, Plan};
use neap_engine::apply::Summary;
use neap_engine::cloud::ErrorKind;
use neap_engine::event::{Failure, Outcome};

use super::explain::{Explanation, explain};
use super::progress;
use super::style::{self, paint};
use crate::error::CommandError;
use crate::exit::Exit;

/// So many steps that are done are named; the rest is counted, unless all are asked for.
const NAMED: usize = 6;

/// Why an apply did not do all that was planned. With `details`, every step that is done is named.
pub(crate) fn failure(plan: &Plan, summary: &Summary, details: bool) -> CommandError {
    let counts = summary.counts();
    let parts = [
        (counts.done, "done"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.cancelled, "may be half done"),
        (counts.not_started, "not started"),
    ];
    let told = parts.iter().filter(|(number, _)| *number > 0);
    let told: Vec<String> = told.map(|(number, word)| format!("{number} {word}")).collect();
    let is_told_to_stop = counts.cancelled + counts.not_started > 0 && !is_locked_out(summary);
    let exit = if is_told_to_stop { Exit::Interrupted } else { Exit::Failed };
    let total = style::count(plan.steps.len(), "step");
    let mut error = CommandError::new(exit, format!("of {total}, {}", told.join(", ")));
    let named = if details { usize::MAX } else { NAMED };
    error.details.extend(done(plan, summary, named));
    for (step, result) in summary.steps.iter().enumerate() {
        error.details.extend(unfinished(plan, step, &result.outcome));
        if let Outcome::Failed(failure) = &result.outcome {
            let Explanation { cause, fixes, .. } = explain(failure, &plan.steps[step].address.to_string());
            error.details.extend(cause.map(|cause| format!("  because {cause}")));
            let new: Vec<String> = fixes.into_iter().filter(|fix| !error.hints.contains(fix)).collect();
            error.hints.extend(new);
        }
    }
    error.hint(next(plan, counts.failed > 0))
}

/// What to run next, as a sentence.
fn next(plan: &Plan, has_failed: bool) -> String {
    let first = if has_failed { "mend the cause, then run" } else { "run" };
    format!("{first} `{}` again: it goes on from what is live", command(plan))
}

/// The command that goes on where this one ended.
pub(crate) const fn command(plan: &Plan) -> &'static str {
    match plan.mode {
        Mode::Apply => "neap apply",
        Mode::Destroy => "neap destroy",
    }
}

/// Whether the credentials ended on the way, so that the rest was not even tried.
fn is_locked_out(summary: &Summary) -> bool {
    summary.steps.iter().any(|step| {
        matches!(&step.outcome, Outcome::Failed(Failure::Call(error)) if error.kind == ErrorKind::Credentials)
    })
}

/// What is done; so many steps are named.
fn done(plan: &Plan, summary: &Summary, named: usize) -> Option<String> {
    let is_done = |step: &usize| summary.steps[*step].outcome == Outcome::Done;
    let names: Vec<String> =
        (0..summary.steps.len()).filter(is_done).map(|step| progress::name(plan, step)).collect();
    let more = names.len().saturating_sub(named);
    let told = names.iter().take(named).cloned().collect::<Vec<_>>().join(", ");
    let rest = if more > 0 { format!(" and {more} more (`-v` names them)") } else { String::new() };
    (!names.is_empty()).then(|| format!("{}: {told}{rest}", paint(style::GOOD, "done")))
}

fn unfinished(plan: &Plan, step: usize, outcome: &Outcome) -> Option<String> {
    let what = format!("{} {}", progress::to_do(plan, step), progress::name(plan, step));
    match outcome {
        Outcome::Done => None,
        Outcome::Failed(failure) => Some(format!("{}: {what}: {failure}", paint(style::GONE, "failed"))),
        Outcome::Skipped { because } => {
            Some(format!("{}: {what}, which needs {because}", paint(style::CHANGE, "skipped")))
        }
        Outcome::Cancelled => Some(format!("{}: {what}", paint(style::CHANGE, "may be half done"))),
        Outcome::NotStarted => Some(format!("{}: {what}", paint(style::CHANGE, "not started"))),
    }
}

#[cfg(test)]
mod tests {
    use neap_engine::cloud::CallError;

    use super::*;
    use crate::fixture::{self, plain, summary};

    #[test]
    fn a_failure_names_its_cause_what_it_held_up_and_what_to_run() {
        let plan = fixture::course();
        let mut outcomes = vec![Outcome::Done; plan.steps.len()];
        outcomes[3] = Outcome::Failed(Failure::GaveUp { detail: "no such image".into() });
        outcomes[5] = Outcome::Skipped { because: plan.steps[3].address.clone() };
        let error = failure(&plan, &summary(outcomes), false);
        assert_eq!(error.exit, Exit::Failed);
        insta::assert_snapshot!(plain(&style::error(&error)), @r"
        error: of 7 steps, 5 done, 1 failed, 1 skipped
          done: ecr.api, target_group.api, target_group.api, log_group.task-api, alb.old
          failed: update task.api: no such image
          skipped: update service.api, which needs task.api

        hint: mend the cause, then run `neap apply` again: it goes on from what is live
        ");
    }

    #[test]
    fn a_denied_call_names_the_permission_once() {
        let plan = fixture::course();
        let error = CallError {
            kind: ErrorKind::Denied,
            operation: "ecs:RegisterTaskDefinition".into(),
            code: None,
            message: "no".into(),
            request_id: None,
        };
        let outcomes = vec![Outcome::Failed(Failure::Call(error)); plan.steps.len()];
        let hints = failure(&plan, &summary(outcomes), false).hints;
        assert_eq!(hints.len(), 2, "{hints:?}");
        assert!(hints[0].starts_with("allow `ecs:RegisterTaskDefinition`"), "{hints:?}");
    }

    #[test]
    fn what_was_stopped_ends_as_interrupted() {
        let plan = fixture::course();
        let mut outcomes = vec![Outcome::NotStarted; plan.steps.len()];
        outcomes[0] = Outcome::Cancelled;
        let error = failure(&plan, &summary(outcomes), false);
        assert_eq!(error.exit, Exit::Interrupted);
        insta::assert_snapshot!(plain(&style::error(&error)), @r"
        error: of 7 steps, 1 may be half done, 6 not started
          may be half done: create ecr.api
          not started: create the new target_group.api
          not started: delete the old target_group.api
          not started: update task.api
          not started: create log_group.task-api
          not started: update service.api
          not started: delete alb.old

        hint: run `neap apply` again: it goes on from what is live
        ");
    }

    #[test]
    fn credentials_that_end_are_a_failure_and_no_interruption() {
        let plan = fixture::course();
        let expired = CallError {
            kind: ErrorKind::Credentials,
            operation: "ecs:RegisterTaskDefinition".into(),
            code: Some("ExpiredTokenException".into()),
            message: "the security token has expired".into(),
            request_id: None,
        };
        let mut outcomes = vec![Outcome::NotStarted; plan.steps.len()];
        outcomes[0] = Outcome::Done;
        outcomes[3] = Outcome::Failed(Failure::Call(expired));
        let error = failure(&plan, &summary(outcomes), false);
        assert_eq!(error.exit, Exit::Failed);
        assert_eq!(error.message, "of 7 steps, 1 done, 1 failed, 5 not started");
        assert!(error.hints[0].starts_with("renew them"), "{:?}", error.hints);
    }

    #[test]
    fn what_is_done_is_shortened_unless_all_is_asked_for() {
        let plan = fixture::course();
        let summary = summary(vec![Outcome::Done; plan.steps.len()]);
        let told = |details| plain(&failure(&plan, &summary, details).details.join("\n"));
        assert!(told(false).ends_with("service.api and 1 more (`-v` names them)"), "{}", told(false));
        assert!(told(true).ends_with("service.api, alb.old"), "{}", told(true));
    }
}
