//! What happens during an apply, one line for each step that ends.
//!
//! Must not know where the lines go, nor what is in flight meanwhile.

use neap_core::address::Kind;
use neap_core::plan::{Action, Plan, StepId, Verb};
use neap_engine::event::{Event, Outcome};

use super::style::{self, paint};

/// The line that tells `event`, if it is told. With `details`, what AWS says in between is told too.
pub(crate) fn line(plan: &Plan, event: &Event, details: bool) -> Option<String> {
    let line = match event {
        Event::StepStarted { .. } => return None,
        Event::StepProgress { step, detail, elapsed } if details => {
            let text = format!("  {} {detail} after {}", name(plan, *step), style::duration(*elapsed));
            paint(style::FAINT, &text)
        }
        Event::StepRetried { step, attempt, after, error } if details => {
            let after = style::duration(*after);
            let text = format!("  {} attempt {attempt} failed, next in {after}: {error}", name(plan, *step));
            paint(style::FAINT, &text)
        }
        Event::StepProgress { .. } | Event::StepRetried { .. } | Event::StepMoved { .. } => return None,
        Event::StepFinished { step, outcome, elapsed } => {
            finished(plan, *step, outcome, &style::duration(*elapsed))
        }
    };
    Some(line + "\n")
}

fn finished(plan: &Plan, step: StepId, outcome: &Outcome, elapsed: &str) -> String {
    let name = name(plan, step);
    match outcome {
        Outcome::Done => {
            let verb = paint(verb_style(plan, step), &done(plan, step));
            format!("{verb} {name} in {elapsed}")
        }
        Outcome::Failed(failure) => {
            let failed = paint(style::GONE, &format!("failed to {}", to_do(plan, step)));
            format!("{failed} {name} after {elapsed}: {failure}")
        }
        Outcome::Skipped { because } => {
            let skipped = paint(style::CHANGE, "skipped");
            format!("{skipped} {name}: it needs {because}")
        }
        Outcome::Cancelled => {
            let left = paint(style::CHANGE, "stopped waiting for");
            format!("{left} {name} after {elapsed}: it may be half done")
        }
        Outcome::NotStarted => format!("{} {name}", paint(style::CHANGE, "did not start")),
    }
}

fn verb_style(plan: &Plan, step: StepId) -> anstyle::Style {
    match plan.steps[step].verb {
        Verb::Create => style::GOOD,
        Verb::Update | Verb::Widen | Verb::Narrow => style::CHANGE,
        Verb::Wait => style::FAINT,
        Verb::Delete => style::GONE,
    }
}

/// The address of a step's resource.
pub(crate) fn name(plan: &Plan, step: StepId) -> String {
    paint(style::NAME, &plan.steps[step].address.to_string())
}

/// What a step has done, in a word or two.
fn done(plan: &Plan, step: StepId) -> String {
    let replaces = is_replacement(plan, step);
    match plan.steps[step].verb {
        Verb::Create if replaces => "created the new",
        Verb::Create => "created",
        Verb::Update => "updated",
        Verb::Widen => "widened",
        Verb::Narrow => "narrowed",
        Verb::Wait => "settled",
        Verb::Delete if replaces => "deleted the old",
        Verb::Delete => "deleted",
    }
    .to_owned()
}

/// What a step is to do, in a word or two.
pub(crate) fn to_do(plan: &Plan, step: StepId) -> &'static str {
    let replaces = is_replacement(plan, step);
    match plan.steps[step].verb {
        Verb::Create if replaces => "create the new",
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Widen => "widen",
        Verb::Narrow => "narrow",
        Verb::Wait => "wait for",
        Verb::Delete if replaces => "delete the old",
        Verb::Delete => "delete",
    }
}

/// What a step is doing, in a word or two.
pub(crate) fn doing(plan: &Plan, step: StepId) -> &'static str {
    let uploads = plan.steps[step].address.kind() == Kind::BucketFiles;
    match plan.steps[step].verb {
        Verb::Create | Verb::Update if uploads => "uploading",
        Verb::Create => "creating",
        Verb::Update => "updating",
        Verb::Widen => "widening",
        Verb::Narrow => "narrowing",
        Verb::Wait => "waiting",
        Verb::Delete => "deleting",
    }
}

fn is_replacement(plan: &Plan, step: StepId) -> bool {
    let action = plan.changes[plan.steps[step].change].action;
    matches!(action, Action::CreateThenDelete | Action::DeleteThenCreate)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use neap_engine::cloud::{CallError, ErrorKind};
    use neap_engine::event::Failure;

    use super::*;
    use crate::fixture;

    fn told(event: &Event, details: bool) -> Option<String> {
        let line = line(&fixture::course(), event, details)?;
        Some(anstream::adapter::strip_str(&line).to_string())
    }

    fn finished(step: StepId, outcome: Outcome) -> String {
        let event = Event::StepFinished { step, outcome, elapsed: Duration::from_secs(151) };
        told(&event, false).expect("the end of a step is told")
    }

    #[test]
    fn the_end_of_a_step_is_one_line() {
        let error = CallError {
            kind: ErrorKind::Denied,
            operation: "ecr:CreateRepository".into(),
            code: Some("AccessDenied".into()),
            message: "no".into(),
            request_id: None,
        };
        let because = fixture::course().steps[0].address.clone();
        assert_eq!(finished(0, Outcome::Done), "created ecr.api in 2m 31s\n");
        assert_eq!(finished(1, Outcome::Done), "created the new target_group.api in 2m 31s\n");
        assert_eq!(finished(2, Outcome::Done), "deleted the old target_group.api in 2m 31s\n");
        assert_eq!(finished(3, Outcome::Done), "updated task.api in 2m 31s\n");
        let failed = finished(0, Outcome::Failed(Failure::Call(error)));
        assert_eq!(failed, "failed to create ecr.api after 2m 31s: ecr:CreateRepository: AccessDenied: no\n");
        assert_eq!(finished(3, Outcome::Skipped { because }), "skipped task.api: it needs ecr.api\n");
        assert_eq!(finished(3, Outcome::NotStarted), "did not start task.api\n");
        let cancelled = "stopped waiting for task.api after 2m 31s: it may be half done\n";
        assert_eq!(finished(3, Outcome::Cancelled), cancelled);
    }

    #[test]
    fn what_happens_in_between_is_told_only_to_those_who_ask() {
        let elapsed = Duration::from_secs(12);
        let event = Event::StepProgress { step: 0, detail: "provisioning".into(), elapsed };
        assert_eq!(told(&event, false), None);
        assert_eq!(told(&event, true).as_deref(), Some("  ecr.api provisioning after 12s\n"));
        assert_eq!(told(&Event::StepStarted { step: 0 }, true), None);
    }
}
