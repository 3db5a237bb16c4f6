//! The schedule by example, and over random plans whose steps end in any order and in any way.

use std::collections::BTreeMap;

use super::*;
use crate::address::Address;
use crate::live::Environment;
use crate::plan::{Edge, Mode, PLAN_VERSION};

fn plan(steps: &[(Verb, Kind)], edges: &[(StepId, StepId, Need)]) -> Plan {
    let step = |(change, &(verb, kind)): (usize, &(Verb, Kind))| {
        let address = Address::new(kind, &format!("n{change}"));
        Step { verb, address, change }
    };
    let edge = |&(before, after, need): &(StepId, StepId, Need)| Edge { before, after, need };
    Plan {
        version: PLAN_VERSION,
        stack: "course".to_owned(),
        mode: Mode::Apply,
        environment: Environment {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            partition: "aws".to_owned(),
            vpc: None,
            subnets: Vec::new(),
            subnets_private: false,
            secrets: BTreeMap::new(),
            images: BTreeMap::new(),
            named: [].into(),
            cloudfront_origins: None,
            zones: BTreeMap::new(),
            private_zones: [].into(),
            certificates: BTreeMap::new(),
            availability_zones: Vec::new(),
            taken_buckets: [].into(),
        },
        changes: Vec::new(),
        steps: steps.iter().enumerate().map(step).collect(),
        edges: edges.iter().map(edge).collect(),
        live_hash: String::new(),
        outputs: BTreeMap::new(),
        warnings: Vec::new(),
    }
}

fn creates(count: usize, edges: &[(StepId, StepId, Need)]) -> Schedule {
    Schedule::new(&plan(&vec![(Verb::Create, Kind::Ecr); count], edges))
}

const ALL: usize = usize::MAX;

#[test]
fn steps_without_edges_start_at_once_and_within_the_limit() {
    let mut schedule = creates(3, &[]);
    assert_eq!(schedule.start(2), [0, 1]);
    assert_eq!(schedule.start(2), [2]);
    assert!(schedule.start(2).is_empty());
    assert!(!schedule.is_finished());
}

#[test]
fn a_step_that_needs_another_to_exist_starts_while_that_settles() {
    let mut schedule = creates(2, &[(0, 1, Need::Exists)]);
    assert_eq!(schedule.start(ALL), [0]);
    assert!(schedule.start(ALL).is_empty());
    schedule.exists(0);
    assert_eq!(schedule.start(ALL), [1]);
    schedule.ready(1);
    assert!(!schedule.is_finished(), "the first still settles");
    schedule.ready(0);
    assert!(schedule.is_finished());
}

#[test]
fn a_step_that_needs_another_to_be_ready_waits_until_it_is() {
    let mut schedule = creates(2, &[(0, 1, Need::Ready)]);
    assert_eq!(schedule.start(ALL), [0]);
    schedule.exists(0);
    assert!(schedule.start(ALL).is_empty());
    schedule.ready(0);
    assert_eq!(schedule.start(ALL), [1]);
}

#[test]
fn a_step_that_needs_another_to_be_gone_waits_until_it_is() {
    let steps = [(Verb::Delete, Kind::Service), (Verb::Delete, Kind::Cluster)];
    let mut schedule = Schedule::new(&plan(&steps, &[(0, 1, Need::Gone)]));
    assert_eq!(schedule.start(ALL), [0]);
    schedule.exists(0);
    assert!(schedule.start(ALL).is_empty());
    schedule.gone(0);
    assert_eq!(schedule.start(ALL), [1]);
}

#[test]
fn what_a_step_waits_for_exists_already() {
    let steps = [(Verb::Wait, Kind::Alb), (Verb::Create, Kind::Listener), (Verb::Create, Kind::Service)];
    let mut schedule = Schedule::new(&plan(&steps, &[(0, 1, Need::Exists), (0, 2, Need::Ready)]));
    assert_eq!(schedule.start(ALL), [0, 1]);
}

#[test]
fn every_edge_into_a_step_must_be_met_even_between_the_same_two() {
    let mut schedule = creates(2, &[(0, 1, Need::Exists), (0, 1, Need::Ready)]);
    schedule.start(ALL);
    schedule.exists(0);
    assert!(schedule.start(ALL).is_empty());
    schedule.ready(0);
    assert_eq!(schedule.start(ALL), [1]);
}

#[test]
fn the_longest_chain_starts_first() {
    let steps = [
        (Verb::Create, Kind::Ecr),
        (Verb::Create, Kind::Service),
        (Verb::Create, Kind::TargetGroup),
        (Verb::Create, Kind::Cloudfront),
        (Verb::Create, Kind::SecurityGroup),
        (Verb::Create, Kind::Alb),
    ];
    // The security group holds up a load balancer, and that a distribution, which needs it only to exist.
    let edges = [(4, 5, Need::Exists), (5, 3, Need::Exists)];
    let mut schedule = Schedule::new(&plan(&steps, &edges));
    assert_eq!(schedule.start(ALL), [4, 1, 0, 2]);
}

#[test]
fn a_failure_skips_what_depends_on_it_and_names_the_direct_cause() {
    let edges = [(0, 1, Need::Exists), (1, 2, Need::Ready), (3, 4, Need::Ready)];
    let mut schedule = creates(5, &edges);
    assert_eq!(schedule.start(ALL), [0, 3]);
    let skipped = schedule.failed(0);
    assert_eq!(skipped, [Skip { step: 1, because: 0 }, Skip { step: 2, because: 1 }]);
    schedule.ready(3);
    assert_eq!(schedule.start(ALL), [4]);
    schedule.ready(4);
    assert!(schedule.is_finished());
}

#[test]
fn a_step_that_fails_while_it_settles_does_not_skip_what_only_needed_it_to_exist() {
    let edges = [(0, 2, Need::Exists), (1, 2, Need::Ready), (0, 3, Need::Ready)];
    let mut schedule = creates(4, &edges);
    schedule.start(ALL);
    schedule.exists(0);
    assert_eq!(schedule.failed(0), [Skip { step: 3, because: 0 }]);
    schedule.ready(1);
    assert_eq!(schedule.start(ALL), [2]);
}

#[test]
fn a_step_with_two_failed_dependencies_is_skipped_once() {
    let mut schedule = creates(3, &[(0, 2, Need::Ready), (1, 2, Need::Ready)]);
    schedule.start(ALL);
    assert_eq!(schedule.failed(0), [Skip { step: 2, because: 0 }]);
    assert!(schedule.failed(1).is_empty());
    assert!(schedule.is_finished());
}

#[test]
fn steps_on_a_cycle_never_start_and_nothing_loops() {
    let mut schedule = creates(3, &[(0, 1, Need::Ready), (1, 0, Need::Ready)]);
    assert_eq!(schedule.start(ALL), [2]);
    schedule.ready(2);
    assert!(schedule.start(ALL).is_empty());
    assert!(!schedule.is_finished());
}

/// A small generator of numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % limit
    }
}

fn random_plan(numbers: &mut Numbers) -> Plan {
    let count = 1 + numbers.below(30);
    let verbs = [Verb::Create, Verb::Update, Verb::Wait, Verb::Delete];
    let steps: Vec<_> =
        (0..count).map(|_| (verbs[numbers.below(4)], Kind::ALL[numbers.below(Kind::ALL.len())])).collect();
    let mut edges = Vec::new();
    for after in 1..count {
        for _ in 0..numbers.below(4) {
            let before = numbers.below(after);
            let gone = steps[before].0 == Verb::Delete;
            let need = if gone { Need::Gone } else { [Need::Exists, Need::Ready][numbers.below(2)] };
            edges.push((before, after, need));
        }
    }
    plan(&steps, &edges)
}

/// What a run over a random plan has seen so far.
#[derive(Default)]
struct Seen {
    started: BTreeSet<StepId>,
    existing: BTreeSet<StepId>,
    ended: BTreeSet<StepId>,
    failed: BTreeSet<StepId>,
    skipped: BTreeMap<StepId, StepId>,
}

impl Seen {
    fn allows(&self, plan: &Plan, step: StepId) -> bool {
        plan.edges.iter().filter(|edge| edge.after == step).all(|edge| match edge.need {
            Need::Exists => {
                self.existing.contains(&edge.before) || plan.steps[edge.before].verb == Verb::Wait
            }
            Need::Ready | Need::Gone => self.ended.contains(&edge.before),
        })
    }
}

#[test]
fn whatever_ends_in_whatever_order_each_step_is_started_or_skipped() {
    for seed in 0..500 {
        let numbers = &mut Numbers(seed);
        let plan = random_plan(numbers);
        let failures = numbers.below(3);
        let mut schedule = Schedule::new(&plan);
        let mut seen = Seen::default();
        let mut in_flight = Vec::new();
        loop {
            for step in schedule.start(1 + numbers.below(4)) {
                assert!(seen.allows(&plan, step), "seed {seed}: step {step} started too early");
                assert!(seen.started.insert(step), "seed {seed}: step {step} started twice");
                in_flight.push(step);
            }
            if in_flight.is_empty() {
                break;
            }
            let index = numbers.below(in_flight.len());
            let step = in_flight[index];
            if failures > 0 && numbers.below(6) < failures {
                in_flight.swap_remove(index);
                seen.failed.insert(step);
                seen.skipped.extend(schedule.failed(step).iter().map(|skip| (skip.step, skip.because)));
            } else if seen.existing.insert(step) {
                schedule.exists(step);
            } else {
                in_flight.swap_remove(index);
                seen.ended.insert(step);
                let deletes = plan.steps[step].verb == Verb::Delete;
                if deletes { schedule.gone(step) } else { schedule.ready(step) }
            }
        }
        assert!(schedule.is_finished(), "seed {seed}");
        assert_eq!(seen.started.len() + seen.skipped.len(), plan.steps.len(), "seed {seed}");
        for (step, because) in &seen.skipped {
            assert!(!seen.started.contains(step), "seed {seed}: step {step} started and skipped");
            let is_cause = seen.failed.contains(because) || seen.skipped.contains_key(because);
            let depends = plan.edges.iter().any(|edge| edge.before == *because && edge.after == *step);
            assert!(is_cause && depends, "seed {seed}: step {step} is not skipped because of {because}");
        }
    }
}

#[test]
fn the_same_plan_starts_in_the_same_order() {
    for seed in 0..50 {
        let plan = random_plan(&mut Numbers(seed));
        let order = || {
            let mut schedule = Schedule::new(&plan);
            let mut order = Vec::new();
            while let [step] = *schedule.start(1) {
                order.push(step);
                schedule.exists(step);
                schedule.ready(step);
            }
            order
        };
        assert_eq!(order(), order(), "seed {seed}");
        assert_eq!(order().len(), plan.steps.len(), "seed {seed}");
    }
}
