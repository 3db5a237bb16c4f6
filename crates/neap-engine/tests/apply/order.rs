//! When steps start, and how long the whole takes.

use std::time::Duration;

use neap_core::address::Address;
use neap_core::config::Secrets;
use neap_core::desired::TAG_SPEC;
use neap_core::kinds::{Resource, SecurityGroup, SecurityGroupRule};
use neap_core::plan::{Action, Edge, Need, Step, Verb};
use neap_engine::apply::ApplyOptions;
use neap_engine::cloud::{ErrorKind, Progress};
use neap_engine::event::{Event, Failure, Outcome};

use crate::plans::{change, desired, live, plan, run, run_with, words};
use crate::scripted::Scripted;

#[tokio::test(start_paused = true)]
async fn independent_steps_overlap() {
    let cloud = Scripted::new();
    let (summary, _) = run(&cloud, &plan(&["create ecr.a", "create ecr.b", "create ecr.c"], &[])).await;
    assert_eq!(words(&summary), ["done"; 3]);
    assert_eq!(cloud.changes().iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 0, 0]);
    // One second for the call and one for the look.
    assert_eq!(summary.elapsed, Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_in_flight_than_the_limit_allows() {
    let names: Vec<String> = (0..10).map(|index| format!("create alb.a{index}")).collect();
    let steps: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut cloud = Scripted::new();
    for index in 0..10 {
        cloud = cloud.takes(&format!("alb.a{index}"), 100);
    }
    let options = ApplyOptions { limit: 3, ..ApplyOptions::default() };
    let (summary, _) = run_with(&cloud, &plan(&steps, &[]), &Secrets::default(), &options).await;
    assert_eq!(words(&summary), ["done"; 10]);
    assert_eq!(cloud.most_changing(), 3);
    // Waiting takes no place: four rounds of calls, then everything settles together.
    assert_eq!(cloud.changes().last().map(|(at, _)| *at), Some(3));
    assert!(summary.elapsed < Duration::from_secs(125), "{:?}", summary.elapsed);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_nothing_still_lets_one_call_through() {
    let options = ApplyOptions { limit: 0, ..ApplyOptions::default() };
    let plan = plan(&["create ecr.a", "create ecr.b"], &[]);
    let (summary, _) = run_with(&Scripted::new(), &plan, &Secrets::default(), &options).await;
    assert_eq!(words(&summary), ["done"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_listener_is_created_while_its_load_balancer_still_provisions() {
    let cloud = Scripted::new().takes("alb.public", 120);
    let steps = ["create alb.public", "create alb.public.listener.http"];
    let (summary, _) = run(&cloud, &plan(&steps, &[(0, 1, Need::Exists)])).await;
    assert_eq!(words(&summary), ["done"; 2]);
    assert_eq!(cloud.times("create alb.public.listener.http"), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_service_waits_until_its_role_is_ready() {
    let cloud = Scripted::new().takes("role.task", 14);
    let steps = ["create role.task", "create service.api"];
    let (summary, _) = run(&cloud, &plan(&steps, &[(0, 1, Need::Ready)])).await;
    assert_eq!(words(&summary), ["done"; 2]);
    let [created] = *cloud.times("create service.api") else { panic!("one call") };
    assert!((15..=25).contains(&created), "created at {created}");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_deleted_only_when_its_service_is_gone() {
    let cloud = Scripted::new().takes("service.api", 330);
    let steps = ["delete cluster.main", "delete service.api"];
    let (summary, _) = run(&cloud, &plan(&steps, &[(1, 0, Need::Gone)])).await;
    assert_eq!(words(&summary), ["done"; 2]);
    let [deleted] = *cloud.times("delete cluster.main") else { panic!("one call") };
    assert!(deleted >= 331, "deleted at {deleted}");
}

#[tokio::test(start_paused = true)]
async fn an_apply_takes_as_long_as_its_longest_chain() {
    let cloud = Scripted::new()
        .takes("alb.public", 150)
        .takes("cloudfront.site", 300)
        .takes("service.api", 120)
        .takes("role.task", 15);
    let steps = ["create alb.public", "create cloudfront.site", "create role.task", "create service.api"];
    let edges = [(0, 1, Need::Exists), (2, 3, Need::Ready), (0, 3, Need::Exists)];
    let (summary, _) = run(&cloud, &plan(&steps, &edges)).await;
    assert_eq!(words(&summary), ["done"; 4]);
    // The load balancer's call and the distribution: 1 + 1 + 300 s, and at most a fifteenth for looking.
    let seconds = summary.elapsed.as_secs();
    assert!((302..=302 + 302 / 15).contains(&seconds), "{seconds} s");
}

#[tokio::test(start_paused = true)]
async fn what_settles_already_is_only_looked_at() {
    let cloud = Scripted::new().takes("alb.public", 60);
    let steps = ["wait alb.public", "create alb.public.listener.http", "create service.api"];
    let edges = [(0, 1, Need::Exists), (0, 2, Need::Ready)];
    let (summary, _) = run(&cloud, &plan(&steps, &edges)).await;
    assert_eq!(words(&summary), ["done"; 3]);
    assert_eq!(cloud.times("create alb.public.listener.http"), [0]);
    let [created] = *cloud.times("create service.api") else { panic!("one call") };
    assert!(created >= 60, "created at {created}");
    assert_eq!(cloud.changes().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_deletes_what_was_live_and_creates_what_is_desired() {
    let address = Address::new(neap_core::address::Kind::TargetGroup, "api");
    let mut replacing = plan(&[], &[]);
    replacing.changes.push(change(
        address.clone(),
        Action::CreateThenDelete,
        Some(desired(&address)),
        Some(live(&address)),
    ));
    let step = |verb| Step { verb, address: address.clone(), change: 0 };
    replacing.steps = vec![step(Verb::Create), step(Verb::Delete)];
    replacing.edges = vec![Edge { before: 0, after: 1, need: Need::Ready }];
    let cloud = Scripted::new().gives("target_group.api", "arn", "arn:new");
    let (summary, _) = run(&cloud, &replacing).await;
    assert_eq!(words(&summary), ["done"; 2]);
    let calls: Vec<String> = cloud.changes().into_iter().map(|(_, call)| call).collect();
    assert_eq!(calls, ["create target_group.api", "delete target_group.api"]);
    assert_eq!(summary.resources[&address]["arn"], "arn:new");
}

#[tokio::test(start_paused = true)]
async fn a_failure_skips_only_what_depends_on_it() {
    let cloud = Scripted::new().fails("create cluster.main", &[ErrorKind::Denied]);
    let steps = ["create cluster.main", "create service.api", "create ecr.api", "create cloudfront.site"];
    let edges = [(0, 1, Need::Ready), (1, 3, Need::Exists)];
    let (summary, _) = run(&cloud, &plan(&steps, &edges)).await;
    assert_eq!(words(&summary), ["failed", "skipped", "done", "skipped"]);
    let because = |address: &str| Outcome::Skipped { because: address.parse().expect("an address") };
    assert_eq!(summary.steps[1].outcome, because("cluster.main"));
    assert_eq!(summary.steps[3].outcome, because("service.api"));
    let counts = summary.counts();
    assert_eq!((counts.done, counts.failed, counts.skipped), (1, 1, 2));
    assert!(!summary.is_success());
}

#[tokio::test(start_paused = true)]
async fn what_aws_gives_up_on_fails_with_its_words_and_skips_what_needs_it_ready() {
    let words_of_aws = Progress::Failed("rolled back to course-api:4".to_owned());
    let cloud = Scripted::new().says("ready service.api", words_of_aws);
    let steps = ["create service.api", "delete target_group.old", "create cloudfront.site"];
    let edges = [(0, 1, Need::Ready), (0, 2, Need::Exists)];
    let (summary, _) = run(&cloud, &plan(&steps, &edges)).await;
    assert_eq!(words(&summary), ["failed", "skipped", "done"]);
    let detail = "rolled back to course-api:4".to_owned();
    assert_eq!(summary.steps[0].outcome, Outcome::Failed(Failure::GaveUp { detail }));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_takes_too_long_fails_and_says_how_long_it_was() {
    let cloud = Scripted::new().takes("alb.public", 1_000_000);
    let (summary, events) = run(&cloud, &plan(&["create alb.public"], &[])).await;
    let Outcome::Failed(failure) = &summary.steps[0].outcome else { panic!("{summary:?}") };
    assert_eq!(failure.to_string(), "not done after 10 minutes; last seen: provisioning");
    assert!(summary.elapsed < Duration::from_secs(605), "{:?}", summary.elapsed);
    let n_progress = events.iter().filter(|event| matches!(event, Event::StepProgress { .. })).count();
    assert_eq!(n_progress, 1, "what AWS repeats is told once");
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_steps_wait_for_each_other_fails_instead_of_hanging() {
    let steps = ["create ecr.a", "create ecr.b", "create ecr.c"];
    let (summary, _) =
        run(&Scripted::new(), &plan(&steps, &[(0, 1, Need::Ready), (1, 0, Need::Ready)])).await;
    assert_eq!(words(&summary), ["failed", "failed", "done"]);
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_steps_is_done_at_once() {
    let (summary, events) = run(&Scripted::new(), &plan(&[], &[])).await;
    assert!(summary.is_success());
    assert!(events.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_update_in_two_steps_sends_what_comes_and_then_the_rest() {
    let address = Address::new(neap_core::address::Kind::SecurityGroup, "api");
    let with = |port: u16| {
        let Resource::SecurityGroup(group) = Resource::example(address.kind()) else { panic!("a group") };
        SecurityGroup { ingress: [SecurityGroupRule::tcp(port, "0.0.0.0/0", "")].into(), ..group }
    };
    let (mut old, mut new) = (live(&address), desired(&address));
    (old.resource, new.resource) = (with(80).into(), with(81).into());
    old.tags.insert(TAG_SPEC.into(), "spec-of-old".into());
    let mut moving = plan(&[], &[]);
    moving.changes.push(change(address.clone(), Action::Update, Some(new.clone()), Some(old)));
    let step = |verb| Step { verb, address: address.clone(), change: 0 };
    moving.steps = vec![step(Verb::Widen), step(Verb::Narrow)];
    moving.edges = vec![Edge { before: 0, after: 1, need: Need::Ready }];
    let cloud = Scripted::new();
    let (summary, _) = run(&cloud, &moving).await;
    assert_eq!(words(&summary), ["done"; 2]);
    let [(first, old_spec), (last, new_spec)] = &cloud.received()[..] else { panic!("two calls") };
    let Resource::SecurityGroup(both) = &first.resource else { panic!("a group") };
    assert_eq!(both.ingress, with(80).ingress.union(&with(81).ingress).cloned().collect());
    assert_eq!((old_spec.as_str(), new_spec.as_str()), ("spec-of-old", "spec-of-the-stack"));
    assert_eq!(last.resource, new.resource);
}
