//! What holds for every plan: random stacks against random live worlds.

mod sky;

use std::collections::BTreeSet;

use neap_core::desired::Desired;
use neap_core::kinds::Resource;
use neap_core::live::{LiveResource, Phase};
use neap_core::plan::check::check;
use neap_core::plan::planner::plan;
use neap_core::plan::{Mode, Plan, Refusal};
use proptest::prelude::*;
use sky::stacks::{Picks, random};
use sky::{Luck, Sky, secrets};

/// A stack was applied, time passed, and another is asked for.
struct Story {
    sky: Sky,
    desired: Desired,
}

impl std::fmt::Debug for Story {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let live = self
            .sky
            .resources
            .iter()
            .map(|found| format!("{} {} {:?}", found.address, found.id, found.phase));
        formatter.debug_list().entries(live).entries(self.desired.resources.keys()).finish()
    }
}

fn planned(desired: &Desired, sky: &Sky, mode: Mode) -> Plan {
    let live = sky.read(desired);
    let plan =
        plan(desired, &live, mode, &secrets()).unwrap_or_else(|refusals| panic!("refused: {refusals:#?}"));
    let faults = check(&plan);
    assert!(faults.is_empty(), "{faults:#?}\n{}", describe(&plan));
    plan
}

/// The plan as lines that a failure can show.
fn describe(plan: &Plan) -> String {
    let change = |change: &neap_core::plan::Change| {
        let fields: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
        format!("{} {} {:?} {fields:?}", change.action.sign(), change.address, change.reason)
    };
    let step = |(number, step): (usize, &neap_core::plan::Step)| {
        let edges = plan.edges.iter().filter(|edge| edge.after == number);
        let edges: Vec<String> = edges.map(|edge| format!("{}:{:?}", edge.before, edge.need)).collect();
        format!("{number} {:?} {} after {edges:?}", step.verb, step.address)
    };
    let changes = plan.changes.iter().map(change);
    changes.chain(plan.steps.iter().enumerate().map(step)).collect::<Vec<_>>().join("\n")
}

fn apply(sky: &mut Sky, plan: &Plan, order: &[u8], luck: &[Luck]) {
    if let Err(error) = sky.apply(plan, order, luck) {
        panic!("{error}\n{}", describe(plan));
    }
}

/// Changes what is live behind neap's back.
fn drift(sky: &mut Sky, picks: &mut Picks<'_>) {
    let mut index = 0;
    while index < sky.resources.len() {
        let id = sky.resources[index].id.clone();
        match picks.below(24) {
            // Deleted by hand, where AWS lets them.
            1 | 2 => drop(sky.delete(&id)),
            3 if sky.resources[index].kind().takes_tags() => {
                drop(sky.resources[index].tags.insert("team".into(), "other".into()));
            }
            4 => fail(&mut sky.resources[index], Phase::Failed("broken".into())),
            5 => fail(&mut sky.resources[index], Phase::Deleting("deleting".into())),
            6 => fail(&mut sky.resources[index], Phase::Settling("provisioning".into())),
            7 => change(&mut sky.resources[index]),
            _ => {}
        }
        index += 1;
    }
}

fn fail(live: &mut LiveResource, phase: Phase) {
    let able = match &phase {
        Phase::Deleting(_) => {
            matches!(
                live.resource,
                Resource::Alb(_) | Resource::Service(_) | Resource::Cloudfront(_) | Resource::NatGateway(_)
            )
        }
        Phase::Ready | Phase::Settling(_) | Phase::Failed(_) => {
            matches!(live.resource, Resource::Alb(_) | Resource::Service(_) | Resource::NatGateway(_))
        }
    };
    if able {
        live.phase = phase;
    }
}

fn change(live: &mut LiveResource) {
    match &mut live.resource {
        Resource::Alb(alb) => alb.idle_timeout_seconds = 61,
        Resource::Service(service) => service.count = Some(7),
        Resource::Role(role) => role.max_session_seconds = 7200,
        Resource::TargetGroup(group) => group.health_check.matcher = Some("418".into()),
        Resource::Listener(listener) => listener.default_action = sky::stacks::fixed(418),
        Resource::Ecr(ecr) => ecr.encryption = "KMS".into(),
        Resource::Bucket(bucket) => bucket.cors.clear(),
        Resource::BucketPolicy(policy) => policy.policy = serde_json::json!({ "Version": "2012-10-17" }),
        Resource::BucketFiles(files) => files.files.clear(),
        Resource::OriginAccessControl(control) => control.signing = "never".into(),
        Resource::Function(function) => function.published = false,
        Resource::Certificate(certificate) => certificate.validated_in.clear(),
        Resource::Domain(domain) => domain.ipv6 = !domain.ipv6,
        Resource::InstanceProfile(profile) => profile.role = None,
        Resource::LaunchTemplate(template) => template.disk_gib = Some(99),
        Resource::AutoScalingGroup(group) => group.max = 9,
        Resource::CapacityProvider(provider) => provider.target_capacity = 50,
        Resource::ClusterCapacity(capacity) => capacity.default_strategy.clear(),
        Resource::Nlb(nlb) => nlb.cross_zone = !nlb.cross_zone,
        Resource::InternetGateway(gateway) => (gateway.vpc, gateway.attached) = (String::new(), false),
        Resource::RouteTable(table) => table.routes.clear(),
        Resource::Subnet(subnet) => subnet.route_table = None,
        Resource::Vpc(vpc) => vpc.dns_hostnames = false,
        Resource::ScalableTarget(target) => target.suspended.clear(),
        Resource::VpcEndpoint(endpoint) => endpoint.policy = serde_json::json!({ "Version": "2012-10-17" }),
        Resource::Clb(clb) => clb.idle_timeout_seconds = 61,
        Resource::Namespace(namespace) => namespace.description = "changed".into(),
        Resource::DiscoveryService(service) => service.records.values_mut().for_each(|ttl| *ttl = 99),
        _ => {}
    }
}

fn story() -> impl Strategy<Value = Story> {
    let bytes = |length| prop::collection::vec(any::<u8>(), length);
    (bytes(128), bytes(128), bytes(128), bytes(32)).prop_map(|(first, second, drifts, order)| {
        let mut sky = Sky::new();
        let old = random(&mut Picks(first.iter()));
        let plan = planned(&old, &sky, Mode::Apply);
        apply(&mut sky, &plan, &order, &[]);
        drift(&mut sky, &mut Picks(drifts.iter()));
        Story { sky, desired: random(&mut Picks(second.iter())) }
    })
}

fn lucks() -> impl Strategy<Value = Vec<Luck>> {
    let luck = prop_oneof![3 => Just(Luck::Done), 1 => Just(Luck::Fails), 1 => Just(Luck::Lost)];
    prop::collection::vec(luck, 128)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn planning_after_applying_is_empty(mut story in story(), order in prop::collection::vec(any::<u8>(), 32)) {
        let plan = planned(&story.desired, &story.sky, Mode::Apply);
        apply(&mut story.sky, &plan, &order, &[]);
        let again = planned(&story.desired, &story.sky, Mode::Apply);
        prop_assert!(again.is_empty(), "{}\nafter\n{}", describe(&again), describe(&plan));
        prop_assert!(again.steps.is_empty());
    }

    #[test]
    fn whatever_fails_the_next_run_converges(mut story in story(), order in prop::collection::vec(any::<u8>(), 32), luck in lucks()) {
        let plan = planned(&story.desired, &story.sky, Mode::Apply);
        apply(&mut story.sky, &plan, &order, &luck);
        let second = planned(&story.desired, &story.sky, Mode::Apply);
        apply(&mut story.sky, &second, &order, &[]);
        let third = planned(&story.desired, &story.sky, Mode::Apply);
        prop_assert!(third.is_empty(), "{}\nafter\n{}\nafter\n{}", describe(&third), describe(&second), describe(&plan));
    }

    #[test]
    fn destroying_leaves_nothing_whatever_failed_before(mut story in story(), order in prop::collection::vec(any::<u8>(), 32), luck in lucks()) {
        let plan = planned(&story.desired, &story.sky, Mode::Apply);
        apply(&mut story.sky, &plan, &order, &luck);
        let first = planned(&story.desired, &story.sky, Mode::Destroy);
        apply(&mut story.sky, &first, &order, &luck);
        let second = planned(&story.desired, &story.sky, Mode::Destroy);
        apply(&mut story.sky, &second, &order, &[]);
        prop_assert!(story.sky.resources.is_empty(), "{:#?}", story.sky.resources);
        prop_assert!(planned(&story.desired, &story.sky, Mode::Destroy).changes.is_empty());
    }

    #[test]
    fn every_resource_is_counted_once_and_no_secret_is_shown(story in story()) {
        let plan = planned(&story.desired, &story.sky, Mode::Apply);
        let counts = plan.counts();
        let all = counts.create + counts.update + counts.replace + counts.delete + counts.no_op;
        prop_assert_eq!(all, plan.changes.len());
        let declared: Vec<_> = plan.changes.iter().filter(|change| change.desired.is_some()).collect();
        prop_assert_eq!(declared.len(), story.desired.resources.len());
        let ids: BTreeSet<&str> = plan.changes.iter().filter_map(|change| Some(change.live.as_ref()?.id.as_str())).collect();
        prop_assert_eq!(ids.len(), story.sky.resources.len());
        prop_assert_eq!(&plan, &planned(&story.desired, &story.sky, Mode::Apply));
        prop_assert!(!serde_json::to_string(&plan).expect("a plan serialises").contains(sky::PASS));
    }

    #[test]
    fn what_is_not_ours_stops_the_plan_and_is_never_destroyed(mut story in story(), at in any::<prop::sample::Index>()) {
        prop_assume!(!story.sky.resources.is_empty());
        let index = at.index(story.sky.resources.len());
        let foreign = &mut story.sky.resources[index];
        prop_assume!(!matches!(foreign.resource, Resource::Cloudfront(_)));
        foreign.tags.clear();
        let (id, live) = (foreign.id.clone(), story.sky.read(&story.desired));
        let taken = live.readings.values().any(|reading| matches!(reading, neap_core::live::Reading::Foreign(_)));
        let result = plan(&story.desired, &live, Mode::Apply, &secrets());
        let refused = result.is_err_and(|refusals| {
            refusals.iter().any(|refusal| matches!(refusal, Refusal::NameTaken { live, .. } if live.id == id))
        });
        prop_assert_eq!(refused, taken);
        let destroy = planned(&story.desired, &story.sky, Mode::Destroy);
        let touched = destroy.changes.iter().any(|change| change.live.as_ref().is_some_and(|found| found.id == id));
        prop_assert!(!touched);
    }
}
