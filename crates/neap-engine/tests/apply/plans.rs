//! Plans written by hand, step by step, and the whole of one apply.

use std::collections::BTreeMap;

use neap_core::address::Address;
use neap_core::config::Secrets;
use neap_core::desired::{DesiredResource, TAG_ADDRESS, TAG_STACK};
use neap_core::kinds::Resource;
use neap_core::live::{Environment, LiveResource, Outputs, Phase};
use neap_core::plan::{Action, Change, Edge, Mode, Need, PLAN_VERSION, Plan, Reason, Step, StepId, Verb};
use neap_engine::apply::{ApplyOptions, Summary, apply};
use neap_engine::event::{Event, Outcome};

use crate::scripted::Scripted;

/// The environment of every plan here.
pub(crate) fn environment() -> Environment {
    Environment {
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        partition: "aws".to_owned(),
        vpc: Some("vpc-1".to_owned()),
        subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
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
    }
}

/// A plan in which nothing is to be done yet.
pub(crate) fn empty() -> Plan {
    Plan {
        version: PLAN_VERSION,
        stack: "course".to_owned(),
        mode: Mode::Apply,
        environment: environment(),
        changes: Vec::new(),
        steps: Vec::new(),
        edges: Vec::new(),
        live_hash: String::new(),
        outputs: BTreeMap::new(),
        warnings: Vec::new(),
    }
}

/// A plan with these steps, written `create alb.public`, and these edges.
pub(crate) fn plan(steps: &[&str], edges: &[(StepId, StepId, Need)]) -> Plan {
    let mut plan = empty();
    for step in steps {
        let (verb, address) = step.split_once(' ').expect("a verb and an address");
        let address: Address = address.parse().expect("an address");
        let (verb, action) = match verb {
            "create" => (Verb::Create, Action::Create),
            "update" => (Verb::Update, Action::Update),
            "wait" => (Verb::Wait, Action::NoOp),
            "delete" => (Verb::Delete, Action::Delete),
            other => panic!("no verb `{other}`"),
        };
        let desired = (verb != Verb::Delete).then(|| desired(&address));
        let live = (verb != Verb::Create).then(|| live(&address));
        plan.steps.push(Step { verb, address: address.clone(), change: plan.changes.len() });
        plan.changes.push(change(address, action, desired, live));
    }
    plan.edges = edges.iter().map(|&(before, after, need)| Edge { before, after, need }).collect();
    plan
}

pub(crate) fn change(
    address: Address,
    action: Action,
    desired: Option<DesiredResource>,
    live: Option<LiveResource>,
) -> Change {
    let spec = desired.as_ref().map(|_| "spec-of-the-stack".to_owned());
    let reason = Reason::Missing;
    Change { address, action, reason, fields: Vec::new(), implied: None, desired, spec, live }
}

fn tags(address: &Address) -> BTreeMap<String, String> {
    let pairs = [(TAG_STACK, "course".to_owned()), (TAG_ADDRESS, address.to_string())];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The example of its kind as the desired resource at `address`.
pub(crate) fn desired(address: &Address) -> DesiredResource {
    DesiredResource {
        resource: Resource::example(address.kind()),
        tags: tags(address),
        implied: None,
        protect: false,
        delete_first: false,
        owned_elsewhere: [].into(),
        after: std::collections::BTreeSet::new(),
    }
}

/// The example of its kind as the live resource at `address`.
pub(crate) fn live(address: &Address) -> LiveResource {
    LiveResource {
        address: address.clone(),
        id: format!("id-of-{address}"),
        resource: Resource::example(address.kind()),
        tags: tags(address),
        outputs: Outputs::from([("arn".to_owned(), format!("arn:live:{address}"))]),
        phase: Phase::Ready,
    }
}

/// Carries out `plan` with default options and no secrets.
pub(crate) async fn run(cloud: &Scripted, plan: &Plan) -> (Summary, Vec<Event>) {
    run_with(cloud, plan, &Secrets::default(), &ApplyOptions::default()).await
}

/// Carries out `plan` and checks what holds of every apply: each step ends once, and the events say the
/// same as the summary.
pub(crate) async fn run_with(
    cloud: &Scripted,
    plan: &Plan,
    secrets: &Secrets,
    options: &ApplyOptions,
) -> (Summary, Vec<Event>) {
    let mut events = Vec::new();
    let summary = apply(cloud, plan, secrets, options, &mut |event| events.push(event)).await;
    for (step, result) in summary.steps.iter().enumerate() {
        let ends = events.iter().filter_map(|event| match event {
            Event::StepFinished { step: ended, outcome, elapsed } if *ended == step => {
                Some((outcome, elapsed))
            }
            _ => None,
        });
        assert_eq!(ends.collect::<Vec<_>>(), [(&result.outcome, &result.elapsed)], "step {step}");
    }
    (summary, events)
}

/// The outcomes as one word each: `done`, `failed`, `skipped`, `cancelled`, `not started`.
pub(crate) fn words(summary: &Summary) -> Vec<&'static str> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Done => "done",
        Outcome::Failed(_) => "failed",
        Outcome::Skipped { .. } => "skipped",
        Outcome::Cancelled => "cancelled",
        Outcome::NotStarted => "not started",
    };
    summary.steps.iter().map(|step| word(&step.outcome)).collect()
}
