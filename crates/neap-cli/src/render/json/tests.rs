use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use neap_core::adopt::{Adoption, Renamed};
use neap_core::desired::Desired;
use neap_core::live::{Live, ReadFailure};
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Blocker, Depth, Hint, Remains, Seen, StackScope, Thing, Verdict, Way, judge};
use neap_engine::apply::{StepResult, Summary};
use neap_engine::cloud::{CallError, ErrorKind};
use neap_engine::event::{Event, Failure, Outcome};
use neap_engine::lock::protocol::Entry;
use neap_engine::lock::{Record, Version};

use super::*;
use crate::args::SchemaOf;
use crate::commands::schema::schema;
use crate::fixture;

/// Fails unless `value` is as the schema of `of` says.
fn check(of: SchemaOf, value: &impl Serialize) {
    let validator = jsonschema::validator_for(&schema(of)).expect("a schema");
    let value = serde_json::to_value(value).expect("a value");
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value:#}");
}

#[test]
fn a_plan_is_as_its_schema_says() {
    check(SchemaOf::Plan, &PlanView::of(&fixture::course()));
}

#[test]
fn the_schema_of_a_plan_refuses_what_is_none() {
    let validator = jsonschema::validator_for(&schema(SchemaOf::Plan)).expect("a schema");
    let mut plan = serde_json::to_value(PlanView::of(&fixture::course())).expect("a value");
    plan["changes"][0]["action"] = "explode".into();
    assert!(!validator.is_valid(&plan));
}

#[test]
fn a_summary_tells_of_each_failure_what_the_text_does() {
    let plan = fixture::course();
    let denied = CallError {
        kind: ErrorKind::Denied,
        operation: "ecs:RegisterTaskDefinition".into(),
        code: Some("AccessDeniedException".into()),
        message: "User: u is not authorized to perform: iam:PassRole on resource: arn:r".into(),
        request_id: Some("r-1".into()),
    };
    let elapsed = Duration::from_secs(1);
    let mut outcomes = vec![Outcome::Done; plan.steps.len()];
    outcomes[3] = Outcome::Failed(Failure::Call(denied));
    outcomes[5] = Outcome::Skipped { because: plan.steps[3].address.clone() };
    let steps = outcomes.into_iter().map(|outcome| StepResult { outcome, elapsed }).collect();
    let summary = Summary { steps, resources: BTreeMap::new(), outputs: BTreeMap::new(), elapsed };
    let line = Line::of_summary(&plan, &summary, None);
    check(SchemaOf::Events, &line);
    let line = serde_json::to_value(&line).expect("a value");
    let failure = &line["failures"][0];
    assert_eq!((&failure["address"], &failure["step"]), (&"task.api".into(), &3.into()));
    assert_eq!(failure["permission"], serde_json::json!({ "action": "iam:PassRole", "resource": "arn:r" }));
    assert_eq!(
        (&failure["operation"], &failure["request_id"]),
        (&"ecs:RegisterTaskDefinition".into(), &"r-1".into())
    );
    assert!(failure["fixes"][0].as_str().is_some_and(|fix| fix.starts_with("allow `iam:PassRole`")));
    assert_eq!(
        (&line["left_out"][0]["address"], &line["left_out"][0]["outcome"]),
        (&"service.api".into(), &"skipped".into())
    );
    assert_eq!(line["next"], "neap apply");
}

#[test]
fn an_adoption_is_as_its_schema_says() {
    let next = fixture::course().changes.remove(3);
    let live = fixture::live(&next.address, next.live.clone().expect("it is live").resource);
    let adoption = Adoption {
        address: next.address.clone(),
        tagged: fixture::desired(live.resource.clone()),
        live,
        spec: "adopted".into(),
        next: Some(next.clone()),
        renamed: Some(Renamed { name: "old".into(), next }),
    };
    check(SchemaOf::Adoption, &AdoptionView::of("course", &adoption, true));
    check(SchemaOf::Adoption, &AdoptionView::already("course", &adoption.live));
}

#[test]
fn every_line_of_an_apply_is_as_its_schema_says() {
    let plan = fixture::course();
    let elapsed = Duration::from_millis(1500);
    let error = CallError {
        kind: ErrorKind::Throttled,
        operation: "ecs:CreateService".into(),
        code: None,
        message: "slow down".into(),
        request_id: None,
    };
    let because = plan.steps[0].address.clone();
    let finished = |outcome| Event::StepFinished { step: 1, outcome, elapsed };
    let events = [
        Event::StepStarted { step: 0 },
        Event::StepProgress { step: 0, detail: "provisioning".into(), elapsed },
        Event::StepRetried { step: 0, attempt: 1, after: elapsed, error: error.clone() },
        finished(Outcome::Done),
        finished(Outcome::Failed(Failure::Call(error))),
        finished(Outcome::Skipped { because }),
        finished(Outcome::Cancelled),
        finished(Outcome::NotStarted),
    ];
    for event in events {
        check(SchemaOf::Events, &Line::of_event(&plan, &event));
    }
    let steps = vec![StepResult { outcome: Outcome::Done, elapsed }; plan.steps.len()];
    let outputs = plan.outputs.clone();
    let summary = Summary { steps, resources: BTreeMap::new(), outputs, elapsed };
    check(SchemaOf::Events, &Line::of_summary(&plan, &summary, Some(&verdict())));
    check(SchemaOf::Events, &Line::Plan { plan: PlanView::of(&plan) });
}

/// What is left after a destroy, one of each sort.
fn verdict() -> Verdict {
    let tags = |stack: &str| [(neap_core::desired::TAG_STACK.to_owned(), stack.to_owned())].into();
    let seen = vec![
        Seen {
            tags: tags("course"),
            usage: vec![Usage::of(Charge::Alb, 1.0)],
            protected: true,
            ..Seen::new(Thing::LoadBalancer, "arn:lb", "course-public")
        },
        Seen::new(Thing::LogGroup, "/neap/course/api", "/neap/course/api"),
        Seen::new(Thing::Repository, "course-two", "course-two"),
        Seen {
            tags: tags("course"),
            going: Some("delete in progress".into()),
            ..Seen::new(Thing::TaskDefinition, "arn:task", "course-api")
        },
    ];
    let failure = ReadFailure {
        operation: "ecr:DescribeRepositories".into(),
        code: None,
        message: "no".into(),
        denied: true,
    };
    let hints = vec![Hint { arn: "arn:aws:s3:::bucket".into(), is_ghost: false }];
    let remains = Remains {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        seen,
        hints,
        unread: vec![failure],
    };
    let desired = Desired { stack: "course".into(), ..Desired::default() };
    judge(&StackScope::of(&desired, Depth::Everything), &remains)
}

#[test]
fn what_is_left_is_as_its_schema_says() {
    let view = CheckView::of("course", &verdict());
    check(SchemaOf::Check, &view);
    let value = serde_json::to_value(view).expect("a value");
    assert_eq!(value["zero"], false);
    let lengths = ["left", "vanishing", "namesakes", "unknown", "unread"]
        .map(|list| value[list].as_array().expect("a list").len());
    assert_eq!(lengths, [2, 1, 1, 1, 1]);
    assert_eq!(value["cost"]["usd_per_hour"], value["left"][0]["cost"]["usd_per_hour"]);
    assert_eq!(value["left"][0]["blocked_by"][0], "deletion protection is on");
    check(SchemaOf::Check, &CheckView::of("course", &Verdict::default()));
}

#[test]
fn what_is_in_the_way_is_as_its_schema_says() {
    let blocker = |way| Blocker {
        address: Some(neap_core::address::Address::new(neap_core::address::Kind::Ecr, "api")),
        id: "course-api".into(),
        what: "holds 3 images".into(),
        way,
        plan: "they go".into(),
    };
    let unnamed = Blocker { address: None, ..blocker(Way::Goes) };
    let blockers = [blocker(Way::Goes), blocker(Way::Waits), blocker(Way::Refuses), unnamed];
    check(SchemaOf::Events, &Line::of_blockers(&blockers));
}

#[test]
fn a_status_is_as_its_schema_says() {
    let desired = Desired { stack: "course".into(), ..Desired::default() };
    check(SchemaOf::Status, &StatusView::of(&desired, &Live::empty(fixture::environment())));
}

#[test]
fn a_plan_tells_what_is_known_after_apply_and_hides_what_is_sensitive() {
    let plan = serde_json::to_value(PlanView::of(&fixture::course())).expect("a value");
    let field = |address: &str, path: &str| {
        let changes = plan["changes"].as_array().expect("changes");
        let change = changes.iter().find(|change| change["address"] == address).expect("a change");
        let fields = change["fields"].as_array().expect("fields");
        fields.iter().find(|field| field["path"] == path).expect("a field").clone()
    };
    assert_eq!(field("service.api", "task")["known_after_apply"], serde_json::json!(["task.api.arn"]));
    assert_eq!(field("task.api", "containers")["after"]["app"]["env"]["PASSWORD"], "(sensitive)");
    assert!(!plan.to_string().contains("var.password"));
}

#[test]
fn a_lock_is_as_its_schema_says_whatever_lay_in_its_place() {
    let record = Record::new("course", "1", "ada@laptop", 7, "neap apply", Timestamp::UNIX_EPOCH);
    let seen = |record| Entry { record, version: Version::Number(1) };
    for (seen, removed) in [
        (Some(seen(Ok(record.clone()))), true),
        (Some(seen(Err("it was written by another neap".to_owned()))), false),
        (None, false),
    ] {
        check(SchemaOf::Unlock, &UnlockView::of("course", Some("`here`"), seen.as_ref(), removed));
    }
    check(SchemaOf::Unlock, &UnlockView::of("course", None, None, false));
    check(SchemaOf::Events, &Line::of_lock(&record));
}
