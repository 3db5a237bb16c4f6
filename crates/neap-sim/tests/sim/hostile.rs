//! A world full of look-alikes: whatever a stack does, what is not its own stays as it is, to the last tag.

use std::collections::BTreeMap;

use neap_core::address::{Address, Kind};
use neap_core::config::{Options, Secrets, Source, load};
use neap_core::desired::{Desired, TAG_ADDRESS, TAG_STACK};
use neap_core::live::LiveResource;
use neap_core::plan::{Action, Mode, Plan, Refusal, planner};
use neap_engine::apply::{ApplyOptions, Summary, apply};
use neap_engine::cloud::{Cloud, ErrorKind};
use neap_engine::event::{Failure, Outcome};
use neap_sim::Sim;
use serde_json::{Value, json};

use crate::stack::address;

/// A stack with something of every kind.
const STACK: &str = r#"
[stack]
name = "course"
region = "us-east-1"

[certificate.site]
domain = "example.com"

[network]
cidr = "10.0.0.0/16"
private = true
nat = "one"
endpoints = ["s3"]

[namespace.main]
type = "private_dns"
name = "shop.internal"

[domain.api]
name = "api.example.com"
target = "alb.public"

[ecr.api]
[cluster.main]
capacity = { instance_type = "t3.micro", max = 2 }
[target_group.api]
port = 3000

[task.api]
memory = 400
network_mode = "awsvpc"
[task.api.container.app]
image = "${ecr.api}:v1"
port = 3000

[alb.public.listener.http]
port = 80
default = { fixed_response = { status = 404 } }

[[alb.public.listener.http.rule]]
priority = 10
when = { path = ["/api/*"] }
forward = "api"

[nlb.mqtt]

[clb.old.listener.http]
port = 80
instance_port = 3000

[service.api]
cluster = "main"
task = "api"
target = { group = "api" }
discovery = {}
scaling = { min = 1, max = 2, cpu = 60, requests_per_target = 1000 }

[bucket.web]
files = "web"

[cloudfront.site]
single_page = true

[[cloudfront.site.route]]
path = "/api/*"
origin = "alb.public"

[[cloudfront.site.route]]
path = "/*"
origin = "bucket.web"
"#;

fn lowered(text: &str) -> Desired {
    let source = Source { name: "stack.toml", bytes: text.as_bytes() };
    load(&source, &Options::default()).unwrap_or_else(|mistakes| panic!("{mistakes:?}")).desired
}

fn stack() -> Desired {
    let stack = lowered(STACK);
    for kind in Kind::ALL {
        assert!(stack.resources.keys().any(|address| address.kind() == kind), "the stack has no {kind}");
    }
    stack
}

/// The name of the resource at `at`, with the account in it.
fn name(stack: &Desired, at: &Address) -> String {
    stack.name_in(&stack.resources[at].resource, "123456789012")
}

/// One address of each kind, but for what is a part of a cluster or a bucket and so whose that is.
fn one_of_each(stack: &Desired) -> BTreeMap<Kind, Address> {
    let apart = stack
        .resources
        .keys()
        .filter(|address| !matches!(address.kind(), Kind::ClusterCapacity | Kind::BucketFiles));
    apart.map(|address| (address.kind(), address.clone())).collect()
}

/// Tags that look like the stack's own for `at`, and are not.
fn almost_ours(at: &Address) -> Vec<(&'static str, Value)> {
    let at = at.to_string();
    let other = if at.starts_with("ecr.") { "service.api" } else { "ecr.api" };
    vec![
        ("untagged", json!({ "owner": "somebody" })),
        (
            "another stack's",
            json!({ TAG_STACK: "course-two", TAG_ADDRESS: at, "neap:spec": "0123456789abcdef" }),
        ),
        ("a stack in another case", json!({ TAG_STACK: "Course", TAG_ADDRESS: at })),
        ("a key in another case", json!({ "Neap:Stack": "course", TAG_ADDRESS: at })),
        ("no stack", json!({ TAG_ADDRESS: at })),
        ("no address", json!({ TAG_STACK: "course" })),
        ("the address of another kind", json!({ TAG_STACK: "course", TAG_ADDRESS: other })),
        ("an address that is none", json!({ TAG_STACK: "course", TAG_ADDRESS: "everything" })),
    ]
}

fn seed(sim: &Sim, foreign: &[Value]) {
    sim.seed(&json!({ "region": "us-east-1", "foreign": foreign }).to_string()).expect("a script");
}

/// Something foreign of `kind`, with what its tables need to be where the stack's own would be.
fn foreign(kind: Kind, name: &str, fields: &Value, tags: &Value) -> Value {
    let mut foreign = json!({ "kind": kind, "fields": fields, "tags": tags });
    if !name.is_empty() {
        foreign["name"] = name.into();
    }
    foreign
}

/// Look-alikes of every kind and sort, with names that begin as the stack's own do.
fn look_alikes(stack: &Desired) -> Vec<Value> {
    let mut all = Vec::new();
    for (kind, at) in one_of_each(stack) {
        for (number, (_, tags)) in almost_ours(&at).iter().enumerate() {
            let own = name(stack, &at);
            let name = if own.is_empty() { String::new() } else { format!("{own}-{number}") };
            let fields = match kind {
                Kind::Role => {
                    json!({ "path": if number % 2 == 0 { "/neap/course/" } else { "/neap/course-two/" } })
                }
                // One that holds our role would keep it.
                Kind::InstanceProfile => json!({ "path": "/neap/course/", "role": null }),
                Kind::Cloudfront => {
                    json!({ "comment": format!("a site (course-two/{at})"), "caller_reference": format!("theirs-{number}") })
                }
                Kind::Service => json!({ "cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/theirs" }),
                Kind::ScalableTarget => {
                    let service = format!("service/theirs/course-api-{number}");
                    json!({ "service": format!("arn:aws:ecs:us-east-1:123456789012:{service}") })
                }
                _ => json!({}),
            };
            all.push(foreign(kind, &name, &fields, tags));
        }
    }
    all
}

/// Everything in the world whose id is among those of `before`.
fn again(sim: &Sim, before: &[LiveResource]) -> Vec<LiveResource> {
    let is_known = |found: &LiveResource| {
        before.iter().any(|known| (known.kind(), &known.id) == (found.kind(), &found.id))
    };
    sim.resources().into_iter().filter(is_known).collect()
}

#[track_caller]
fn assert_untouched(sim: &Sim, before: &[LiveResource], when: &str) {
    let after = again(sim, before);
    for known in before {
        let found = after.iter().find(|found| (found.kind(), &found.id) == (known.kind(), &known.id));
        assert_eq!(found, Some(known), "after {when}");
    }
}

async fn planned(sim: &Sim, stack: &Desired, mode: Mode) -> Result<Plan, Vec<Refusal>> {
    let live = sim.read(stack).await.expect("a reading");
    planner::plan(stack, &live, mode, &Secrets::default())
}

async fn carried_out(sim: &Sim, plan: &Plan) -> Summary {
    apply(sim, plan, &Secrets::default(), &ApplyOptions::default(), &mut |_| {}).await
}

async fn done(sim: &Sim, stack: &Desired, mode: Mode) -> Plan {
    let plan = planned(sim, stack, mode).await.unwrap_or_else(|refusals| panic!("{refusals:?}"));
    let summary = carried_out(sim, &plan).await;
    assert!(summary.is_success(), "{:?}", failures(&plan, &summary));
    plan
}

fn failures(plan: &Plan, summary: &Summary) -> Vec<(String, Failure)> {
    let steps = plan.steps.iter().zip(&summary.steps);
    let failed = steps.filter_map(|(step, result)| match &result.outcome {
        Outcome::Failed(failure) => Some((step.address.to_string(), failure.clone())),
        _ => None,
    });
    failed.collect()
}

/// The stack with another tag on everything that takes one: something to update of every kind.
fn tagged(stack: &Desired) -> Desired {
    let mut stack = stack.clone();
    for (_, wanted) in stack.resources.iter_mut().filter(|(at, _)| at.kind().takes_tags()) {
        wanted.tags.insert("team".to_owned(), "web".to_owned());
    }
    stack
}

#[tokio::test(start_paused = true)]
async fn the_whole_life_of_a_stack_touches_nothing_that_only_looks_like_its_own() {
    let (sim, stack) = (Sim::in_memory(), stack());
    seed(&sim, &look_alikes(&stack));
    let before = sim.resources();
    assert_eq!(before.len(), one_of_each(&stack).len() * 8);

    let plan = planned(&sim, &stack, Mode::Apply).await.expect("nothing is in the way");
    assert_eq!(plan.counts().create, stack.resources.len());
    assert_untouched(&sim, &before, "a plan");
    done(&sim, &stack, Mode::Apply).await;
    assert_untouched(&sim, &before, "an apply");
    assert!(planned(&sim, &stack, Mode::Apply).await.expect("a plan").is_empty());
    let plan = done(&sim, &tagged(&stack), Mode::Apply).await;
    let taggable = Kind::ALL.into_iter().filter(|kind| kind.takes_tags()).count();
    assert!(plan.counts().update >= taggable, "{:?}", plan.counts());
    assert_untouched(&sim, &before, "an update of every kind");
    // Nothing is declared any more: everything is an orphan.
    let empty = lowered("[stack]\nname = \"course\"\nregion = \"us-east-1\"\n");
    let plan = done(&sim, &empty, Mode::Apply).await;
    // Files go with a bucket that nobody declares.
    assert_eq!(plan.counts().delete, stack.resources.len() - 1);
    assert_untouched(&sim, &before, "the removal of orphans");
    assert_eq!(sim.resources().len(), before.len(), "nothing else is left");
    done(&sim, &stack, Mode::Apply).await;
    let plan = done(&sim, &stack, Mode::Destroy).await;
    assert_eq!(plan.counts().delete, stack.resources.len());
    assert_untouched(&sim, &before, "a destroy");
    assert_eq!(sim.resources().len(), before.len(), "nothing else is left");
}

/// The id of the stack's own VPC.
fn own_vpc(sim: &Sim) -> String {
    let found = sim.resources().into_iter().find(|found| found.kind() == Kind::Vpc && found.is_of("course"));
    found.expect("it is live").id
}

/// Whether nothing can be where the stack wants a resource of `kind`: AWS tells them by nothing.
fn is_nowhere(kind: Kind) -> bool {
    matches!(kind, Kind::Vpc | Kind::ElasticIp | Kind::NatGateway | Kind::RouteTable | Kind::VpcEndpoint)
}

/// What stands exactly where the stack wants its resource at `at`, whose parent is live.
fn in_the_way(sim: &Sim, stack: &Desired, at: &Address, tags: &Value) -> Value {
    let wanted = &stack.resources[at].resource;
    let parent = |output: &str| {
        let parent = at.parent().expect("a parent").to_string();
        let found = sim.resources().into_iter().find(|found| found.tags.get(TAG_ADDRESS) == Some(&parent));
        found.expect("it is live").outputs[output].clone()
    };
    let fields = match at.kind() {
        Kind::Listener => json!({ "load_balancer": parent("arn"), "port": 80 }),
        Kind::Rule => json!({ "listener": parent("arn"), "priority": 10 }),
        Kind::Role => json!({ "path": "/neap/course/" }),
        Kind::Domain => {
            let mut live = sim.resources().into_iter();
            let certificate = live.find(|found| found.kind() == Kind::Certificate).expect("a certificate");
            json!({ "zone": certificate.resource.fields()["validated_in"]["example.com"] })
        }
        Kind::InstanceProfile => json!({ "path": "/neap/course/", "role": null }),
        Kind::Service => json!({ "cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/course-main" }),
        Kind::ScalableTarget => {
            json!({ "service": "arn:aws:ecs:us-east-1:123456789012:service/course-main/course-api" })
        }
        Kind::SecurityGroup | Kind::InternetGateway | Kind::Namespace => json!({ "vpc": own_vpc(sim) }),
        Kind::DiscoveryService => {
            let mut live = sim.resources().into_iter();
            let namespace = live.find(|found| found.kind() == Kind::Namespace).expect("a namespace");
            json!({ "namespace": namespace.id })
        }
        Kind::Subnet => json!({ "vpc": own_vpc(sim), "cidr": wanted.fields()["cidr"] }),
        Kind::Cloudfront => {
            json!({ "comment": wanted.fields()["comment"], "caller_reference": wanted.fields()["caller_reference"] })
        }
        _ => json!({}),
    };
    foreign(at.kind(), &name(stack, at), &fields, tags)
}

/// A world in which the stack is applied but for what stands at `at` and all that needs it.
async fn without(stack: &Desired, at: &Address) -> Sim {
    let sim = Sim::in_memory();
    done(&sim, stack, Mode::Apply).await;
    let inside = |other: &&Address| *other == at || other.to_string().starts_with(&format!("{at}."));
    for address in stack.resources.keys().rev().filter(inside) {
        sim.seed(&format!("[[remove]]\naddress = \"{address}\"")).expect("a script");
    }
    sim
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_the_way_refuses_the_plan_and_outlives_the_destroy() {
    let stack = stack();
    for (kind, at) in one_of_each(&stack).into_iter().filter(|(kind, _)| !is_nowhere(*kind)) {
        // Certificates have no names: nothing is ever in the way of one.
        if kind == Kind::Certificate {
            continue;
        }
        for (sort, tags) in almost_ours(&at) {
            let sim = without(&stack, &at).await;
            seed(&sim, &[in_the_way(&sim, &stack, &at, &tags)]);
            let last = sim.resources();
            let before: Vec<LiveResource> = last.into_iter().filter(|found| !found.is_of("course")).collect();
            assert_eq!(before.len(), 1, "{at} {sort}");
            let refusals = planned(&sim, &stack, Mode::Apply).await.expect_err("it is in the way");
            assert!(
                refusals
                    .iter()
                    .any(|refusal| matches!(refusal, Refusal::NameTaken { address, .. } if *address == at)),
                "{at} {sort}: {refusals:?}"
            );
            assert_untouched(&sim, &before, "a refused plan");
            // What is inside the stack's own load balancer or bucket goes with it.
            if matches!(at.kind(), Kind::Listener | Kind::Rule | Kind::BucketPolicy) {
                continue;
            }
            let plan = planned(&sim, &stack, Mode::Destroy).await.expect("a plan");
            assert!(
                plan.changes
                    .iter()
                    .all(|change| change.live.as_ref().is_none_or(|live| live.is_of("course")))
            );
            carried_out(&sim, &plan).await;
            assert_untouched(&sim, &before, "a destroy");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_the_way_after_the_plan_makes_its_step_fail_and_stays_as_it_is() {
    let stack = stack();
    for (kind, at) in one_of_each(&stack) {
        // Whoever registers a revision cannot take over the family, only add to it; certificates have no names; and a gateway is in
        // the way only when another is attached.
        if matches!(kind, Kind::Task | Kind::Certificate | Kind::InternetGateway) || is_nowhere(kind) {
            continue;
        }
        let sorts = ["untagged", "another stack's", "no address"];
        for (sort, tags) in almost_ours(&at).into_iter().filter(|(sort, _)| sorts.contains(sort)) {
            let sim = without(&stack, &at).await;
            let plan = planned(&sim, &stack, Mode::Apply).await.expect("nothing is in the way yet");
            seed(&sim, &[in_the_way(&sim, &stack, &at, &tags)]);
            let before: Vec<LiveResource> =
                sim.resources().into_iter().filter(|found| !found.is_of("course")).collect();
            let summary = carried_out(&sim, &plan).await;
            let failures = failures(&plan, &summary);
            let is_conflict = |(address, failure): &(String, Failure)| {
                *address == at.to_string()
                    && matches!(failure, Failure::Call(error) if error.kind == ErrorKind::Conflict)
            };
            assert!(failures.iter().any(is_conflict), "{at} {sort}: {failures:?}");
            assert_untouched(&sim, &before, "a create that failed");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_put_inside_the_stacks_own_is_left_alone_as_long_as_that_lives() {
    let (sim, stack) = (Sim::in_memory(), stack());
    done(&sim, &stack, Mode::Apply).await;
    let arn = |at: &str| {
        let found =
            sim.resources().into_iter().find(|found| found.tags.get(TAG_ADDRESS).is_some_and(|it| it == at));
        found.expect(at).outputs["arn"].clone()
    };
    let (balancer, listener, cluster) =
        (arn("alb.public"), arn("alb.public.listener.http"), arn("cluster.main"));
    let mut inside = Vec::new();
    for (kind, at, fields) in [
        (Kind::Listener, "alb.public.listener.http", json!({ "alb": balancer, "port": 8443 })),
        (Kind::Rule, "alb.public.listener.http.rule.10", json!({ "listener": listener, "priority": 99 })),
        (Kind::Service, "service.api", json!({ "cluster": cluster })),
    ] {
        for (number, (_, tags)) in almost_ours(&address(at)).iter().enumerate() {
            let mut fields = fields.clone();
            let number = u64::try_from(number).expect("a few");
            for position in ["port", "priority"] {
                if let Some(first) = fields[position].as_u64() {
                    fields[position] = (first + number).into();
                }
            }
            let name = if kind == Kind::Service { format!("course-api-{number}") } else { String::new() };
            inside.push(foreign(kind, &name, &fields, tags));
        }
    }
    let own = sim.resources();
    seed(&sim, &inside);
    let before: Vec<LiveResource> =
        sim.resources().into_iter().filter(|found| !own.contains(found)).collect();
    assert_eq!(before.len(), 24);
    assert!(planned(&sim, &stack, Mode::Apply).await.expect("a plan").is_empty());
    done(&sim, &tagged(&stack), Mode::Apply).await;
    assert_untouched(&sim, &before, "an update of every kind");
    let mut fewer = stack.clone();
    let gone = [Kind::Rule, Kind::Service, Kind::ScalableTarget];
    fewer.resources.retain(|at, _| !gone.contains(&at.kind()));
    done(&sim, &fewer, Mode::Apply).await;
    assert_untouched(&sim, &before, "the removal of the rule and the service beside them");

    let plan = planned(&sim, &stack, Mode::Destroy).await.expect("a plan");
    let summary = carried_out(&sim, &plan).await;
    let failed: Vec<String> = failures(&plan, &summary).into_iter().map(|(address, _)| address).collect();
    assert_eq!(failed, ["cluster.main"], "a cluster with somebody's services cannot go");
    let services: Vec<LiveResource> =
        before.into_iter().filter(|found| found.kind() == Kind::Service).collect();
    assert_untouched(&sim, &services, "a destroy");
}

#[tokio::test(start_paused = true)]
async fn a_rule_in_our_group_is_ours_to_take_away_and_a_group_that_names_ours_is_not() {
    let (sim, stack) = (Sim::in_memory(), stack());
    done(&sim, &stack, Mode::Apply).await;
    let at = "security_group.service-api";
    let group = |sim: &Sim| {
        let found =
            sim.resources().into_iter().find(|found| found.tags.get(TAG_ADDRESS).is_some_and(|it| it == at));
        found.expect(at)
    };
    let own = group(&sim);
    let peer = |peer: &str| json!([{ "protocol": "tcp", "from_port": 1, "to_port": 2, "peer": peer, "description": "theirs" }]);
    let fields = json!({ "ingress": peer(&own.id), "egress": [] });
    seed(&sim, &[foreign(Kind::SecurityGroup, "theirs", &fields, &json!({}))]);
    let before: Vec<LiveResource> =
        sim.resources().into_iter().filter(|found| !found.is_of("course")).collect();

    let mut rules = own.resource.fields()["ingress"].clone();
    rules.as_array_mut().expect("rules").push(peer("10.0.0.0/8")[0].clone());
    let script =
        json!({ "region": "us-east-1", "set": [{ "address": at, "path": "ingress", "value": rules }] });
    sim.seed(&script.to_string()).expect("a script");
    let plan = done(&sim, &stack, Mode::Apply).await;
    let changed: Vec<(String, Action)> = plan
        .changes
        .iter()
        .filter(|change| change.action != Action::NoOp)
        .map(|change| (change.address.to_string(), change.action))
        .collect();
    assert_eq!(changed, [(at.to_owned(), Action::Update)], "a rule that nobody declared is drift");
    assert_eq!(group(&sim).resource, own.resource);
    let plan = planned(&sim, &stack, Mode::Destroy).await.expect("a plan");
    let summary = carried_out(&sim, &plan).await;
    let failed: Vec<String> = failures(&plan, &summary).into_iter().map(|(address, _)| address).collect();
    assert_eq!(failed, [at], "a group that another names cannot go");
    assert_untouched(&sim, &before, "a destroy");
}
