//! Plans for the tiny AWS, and what is asked of them.
//!
//! Every plan made here has passed the judge. Must not know what a test expects.

use neap_core::desired::Desired;
use neap_core::plan::planner::plan;
use neap_core::plan::{Mode, Need, Plan, Step, Verb, check};

use super::stacks::address;
use super::{Sky, secrets};

/// The plan for `stack`, in whose way nothing stands.
pub(crate) fn planned(stack: &Desired, sky: &Sky, mode: Mode) -> Plan {
    let plan = plan(stack, &sky.read(stack), mode, &secrets()).expect("nothing stands in the way");
    assert_eq!(check::check(&plan), Vec::<String>::new());
    plan
}

/// What is live once `stack` has been applied.
pub(crate) fn applied(stack: &Desired) -> Sky {
    let mut sky = Sky::new();
    let plan = planned(stack, &sky, Mode::Apply);
    sky.apply(&plan, &[], &[]).expect("the steps are in order");
    sky
}

/// Carries `plan` out and sees that nothing is left to do.
pub(crate) fn finish(mut sky: Sky, plan: &Plan, stack: &Desired) {
    sky.apply(plan, &[], &[]).expect("the steps are in order");
    let again = planned(stack, &sky, Mode::Apply);
    assert!(again.is_empty(), "{:?}", again.steps);
}

/// The number of a step in the order in which steps are listed.
pub(crate) fn step(plan: &Plan, (verb, text): (Verb, &str)) -> usize {
    let is_it = |step: &Step| step.verb == verb && step.address == address(text);
    plan.steps.iter().position(is_it).unwrap_or_else(|| panic!("no step {verb:?} {text}"))
}

/// What one step needs of another that it waits for itself.
pub(crate) fn need(plan: &Plan, after: (Verb, &str), before: (Verb, &str)) -> Option<Need> {
    let (after, before) = (step(plan, after), step(plan, before));
    plan.edges.iter().find(|edge| (edge.before, edge.after) == (before, after)).map(|edge| edge.need)
}

/// Whether one step waits for another, directly or through others.
pub(crate) fn waits(plan: &Plan, after: (Verb, &str), before: (Verb, &str)) -> bool {
    let (after, before) = (step(plan, after), step(plan, before));
    let mut reached = vec![before];
    let mut next = 0;
    while let Some(step) = reached.get(next).copied() {
        let edges = plan.edges.iter().filter(|edge| edge.before == step && !reached.contains(&edge.after));
        let found: Vec<usize> = edges.map(|edge| edge.after).collect();
        reached.extend(found);
        next += 1;
    }
    reached.contains(&after)
}
