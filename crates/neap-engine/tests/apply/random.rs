//! Random plans on a cloud that fails at random: nothing hangs, and no order is broken.

use neap_core::config::Secrets;
use neap_core::plan::{Need, Plan, StepId, Verb};
use neap_engine::apply::{ApplyOptions, Summary};
use neap_engine::cloud::ErrorKind;
use neap_engine::event::Outcome;

use crate::plans::{plan, run_with};
use crate::scripted::Scripted;

/// A small generator of numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % limit
    }
}

const KINDS: [&str; 6] = ["alb", "service", "cluster", "role", "cloudfront", "ecr"];
const FAULTS: [ErrorKind; 6] = [
    ErrorKind::Throttled,
    ErrorKind::NotYet,
    ErrorKind::Timeout,
    ErrorKind::InUse,
    ErrorKind::Denied,
    ErrorKind::Unavailable,
];

fn random(numbers: &mut Numbers) -> (Plan, Scripted) {
    let mut cloud = Scripted::new();
    let mut steps = Vec::new();
    let mut edges = Vec::new();
    for step in 0..=numbers.below(20) {
        let verb = ["create", "create", "update", "delete"][numbers.below(4)];
        let address = format!("{}.n{step}", KINDS[numbers.below(KINDS.len())]);
        let call = format!("{verb} {address}");
        cloud = cloud.takes(&address, numbers.below(100) as u64);
        let faults: Vec<ErrorKind> =
            (0..numbers.below(4).saturating_sub(1)).map(|_| FAULTS[numbers.below(FAULTS.len())]).collect();
        cloud = cloud.fails(&call, &faults);
        for _ in 0..numbers.below(3).min(step) {
            edges.push((numbers.below(step), step));
        }
        steps.push(call);
    }
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let edge = |(before, after): (StepId, StepId)| {
        let gone = steps[before].starts_with("delete");
        let need = if gone { Need::Gone } else { [Need::Exists, Need::Ready][numbers.below(2)] };
        (before, after, need)
    };
    let edges: Vec<(StepId, StepId, Need)> = edges.into_iter().map(edge).collect();
    (plan(&steps, &edges), cloud)
}

/// The call that a step makes.
fn call(plan: &Plan, step: StepId) -> String {
    let step = &plan.steps[step];
    let verb = match step.verb {
        Verb::Create => "create",
        Verb::Update | Verb::Widen | Verb::Narrow => "update",
        Verb::Delete => "delete",
        Verb::Wait => "wait",
    };
    format!("{verb} {}", step.address)
}

/// Each step that was started came after what it needs; each that was skipped has a cause.
fn check(plan: &Plan, cloud: &Scripted, summary: &Summary) {
    for edge in &plan.edges {
        let Some(&started) = cloud.times(&call(plan, edge.after)).first() else { continue };
        let before = &plan.steps[edge.before];
        // Every call takes a second, so the last call of the step before returned a second after it began.
        let returned = cloud.times(&call(plan, edge.before)).last().expect("it was called") + 1;
        let look = if edge.need == Need::Gone { "gone" } else { "ready" };
        let looked = cloud.times(&format!("{look} {}", before.address)).last().map(|at| at + 1);
        match edge.need {
            Need::Exists => assert!(started >= returned, "{plan:?}"),
            Need::Ready | Need::Gone => {
                assert!(started >= looked.expect("it was looked at"), "{plan:?}");
                assert_eq!(summary.steps[edge.before].outcome, Outcome::Done);
            }
        }
    }
    for (step, result) in summary.steps.iter().enumerate() {
        match &result.outcome {
            Outcome::Skipped { because } => {
                assert!(cloud.times(&call(plan, step)).is_empty());
                let is_cause = |&(index, _): &(usize, _)| plan.steps[index].address == *because;
                let (_, cause) = summary.steps.iter().enumerate().find(is_cause).expect("a step of the plan");
                assert!(!matches!(cause.outcome, Outcome::Done), "skipped because of what is done");
            }
            Outcome::Done | Outcome::Failed(_) => assert!(!cloud.times(&call(plan, step)).is_empty()),
            Outcome::Cancelled | Outcome::NotStarted => panic!("nobody told it to stop"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_every_step_ends_and_none_starts_too_early() {
    let mut n_outcomes = [0; 3];
    for seed in 0..200 {
        let numbers = &mut Numbers(seed);
        let (plan, cloud) = random(numbers);
        let options = ApplyOptions { limit: 1 + numbers.below(4), ..ApplyOptions::default() };
        let (summary, _) = run_with(&cloud, &plan, &Secrets::default(), &options).await;
        check(&plan, &cloud, &summary);
        assert!(cloud.most_changing() <= options.limit, "seed {seed}");
        let counts = summary.counts();
        n_outcomes[0] += counts.done;
        n_outcomes[1] += counts.failed;
        n_outcomes[2] += counts.skipped;
    }
    assert!(n_outcomes.iter().all(|&count| count > 100), "the plans are too tame: {n_outcomes:?}");
}
