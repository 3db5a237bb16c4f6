use neap_core::address::Address;

use super::*;
use crate::fixture::{self, plain};

#[test]
fn a_plan_tells_what_happens_to_each_resource_and_why() {
    insta::assert_snapshot!(plain(&plan(&fixture::course(), false)), @r#"
    Stack course in account 123456789012, region eu-west-1

    + create ecr.api (does not exist)
        name: "course-api", tag_mutability: "MUTABLE", scan_on_push: false
        lifecycle_policy:
          rules:
            - rulePriority: 1, description: "keep the last 5 images"
              selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 5 }
              action: { type: "expire" }
        encryption: "AES256"
        tags: { team: "infra" }

    +/- replace target_group.api (AWS cannot change `port` in place; the new one is created before the old one goes)
        port: 3000 → 8080 (forces replacement)
        health_check.path: "/" → "/api/health"

    ~ update task.api (the stack file changed)
        containers:
          @@ -1,5 +1,5 @@
           app:
          -  image: "course-api:v1"
          +  image: "course-api:v2"
             essential: true
             ports:
               - container_port: 3000
        cpu: 256 → 512
        tags.team: (none) → "infra"
        + create log_group.task-api (does not exist; implied: keeps what the containers write)
            name: "/neap/course/task-api", retention_days: 14, class: "STANDARD"
            tags: { team: "infra" }

    ~ update service.api (changed outside of the stack file; deployed blue/green, the old tasks stay 5 minutes)
        task: "arn:aws:ecs:eu-west-1:1:task-definition/course-api:1" → (known after apply: task.api.arn)
        count: 1 → 3
        security_groups:
          - ["sg-before-0123456789abcdef0", "sg-0a1b2c3d4e5f60718"]
          + ["sg-after-the-change-0123456789abcdef0", "sg-0a1b2c3d4e5f60718"]

    - delete alb.old (no longer in the stack file)
        arn:aws:example:eu-west-1:123456789012:alb.old

    Plan: 2 to create, 2 to update, 1 to replace, 1 to delete, 1 unchanged
    "#);
}

#[test]
fn unchanged_resources_are_listed_when_all_are_asked_for() {
    let text = plain(&plan(&fixture::course(), true));
    assert!(text.contains("= no change cluster.main (as the stack says)"), "{text}");
    assert!(!plain(&plan(&fixture::course(), false)).contains("cluster.main"));
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    assert_eq!(plan(&fixture::course(), true), plan(&fixture::course(), true));
}

#[test]
fn a_plan_without_changes_counts_what_is_as_it_should_be() {
    let up_to_date = |name| fixture::change(&Address::new(Kind::Ecr, name), Action::NoOp, Reason::UpToDate);
    let text = |names: &[&'static str]| {
        plain(&last_line(&fixture::plan(names.iter().copied().map(up_to_date).collect())))
    };
    assert_eq!(text(&["a"]), "No changes: 1 resource is as the stack says\n");
    assert_eq!(text(&["a", "b"]), "No changes: 2 resources are as the stack says\n");
    let destroy = Plan { mode: Mode::Destroy, ..fixture::plan(Vec::new()) };
    assert_eq!(plain(&last_line(&destroy)), "No changes: nothing of stack course is live\n");
}

#[test]
fn what_settles_is_listed_although_nothing_changes() {
    let reason = Reason::Settling { detail: "deploying".into() };
    let settling = fixture::change(&Address::new(Kind::Cloudfront, "site"), Action::NoOp, reason);
    let text = plain(&plan(&fixture::plan(vec![settling]), false));
    assert!(text.contains("cloudfront.site (as the stack says, AWS still works on it: deploying)"), "{text}");
}

#[test]
fn what_is_implied_stands_under_an_unchanged_resource_too() {
    let task = Address::new(Kind::Task, "api");
    let mut logs =
        fixture::change(&Address::new(Kind::LogGroup, "task-api"), Action::Delete, Reason::Destroyed);
    logs.implied = Some(neap_core::desired::Implied { by: task.clone(), reason: "x".into() });
    let unchanged = fixture::change(&task, Action::NoOp, Reason::UpToDate);
    let text = plain(&plan(&fixture::plan(vec![logs, unchanged]), false));
    assert!(
        text.contains("= no change task.api (as the stack says)\n    - delete log_group.task-api"),
        "{text}"
    );
}

#[test]
fn a_field_that_only_helps_to_find_the_resource_does_not_show() {
    let site = Address::new(Kind::Cloudfront, "site");
    let text =
        plain(&plan(&fixture::plan(vec![fixture::change(&site, Action::Create, Reason::Missing)]), false));
    assert!(text.contains("price_class: \"PriceClass_100\""), "{text}");
    assert!(!text.contains("caller_reference"), "{text}");
}

#[test]
fn a_replacement_that_must_delete_first_says_why() {
    let group = Address::new(Kind::TargetGroup, "api");
    let reason = Reason::Immutable { fields: vec!["port".into(), "vpc".into()] };
    let text = because(&fixture::change(&group, Action::DeleteThenCreate, reason));
    let expected = "AWS cannot change `port`, `vpc` in place; the old one is deleted first, since both cannot stand side by side";
    assert_eq!(text, expected);
}

#[test]
fn documents_that_differ_only_in_what_says_nothing_still_show_their_difference() {
    let text = document(&serde_json::json!({ "a": 1 }), &serde_json::json!({ "a": 1, "b": "" }), 0);
    assert!(plain(&text).contains("+b: \"\""), "{text}");
}
