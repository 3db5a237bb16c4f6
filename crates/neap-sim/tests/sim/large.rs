//! Stacks of hundreds of resources: within AWS's rates, and nearly as fast as these allow.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use neap_core::config::{Options, Secrets, Source, load};
use neap_core::desired::Desired;
use neap_core::plan::Mode;
use neap_core::plan::planner::plan;
use neap_engine::apply::{ApplyOptions, Summary, apply};
use neap_engine::read::read;
use neap_engine::throttle::{Limit, limits};
use neap_sim::{Call, Sim};
use tokio::time::Instant;

/// From the creation of a service until its tasks run.
const SERVICE_SETTLES: Duration = Duration::from_secs(90);
/// From the creation of a load balancer until it is active.
const BALANCER_SETTLES: Duration = Duration::from_secs(150);
/// From the deletion of a service until it is gone: a deregistration delay of 30 seconds, and 30 to stop.
const SERVICE_DRAINS: Duration = Duration::from_secs(60);
/// From then on until its security group is free.
const INTERFACES_LINGER: Duration = Duration::from_secs(20);

const BALANCERS: usize = 12;

/// A stack with so many services, spread over load balancers, each with a task, a repository, a target group, a rule
/// and what these imply.
fn services(count: usize) -> Desired {
    let mut text = "[stack]\nname = \"large\"\nregion = \"eu-west-1\"\n\n[cluster.main]\n".to_owned();
    for balancer in 0..BALANCERS {
        write!(
            text,
            "\n[alb.b{balancer}.listener.http]\nport = 80\ndefault = {{ fixed_response = {{ status = 404 }} }}\n"
        )
        .expect("text");
    }
    for number in 0..count {
        let (name, balancer) = (format!("s{number:02}"), number % BALANCERS);
        write!(
            text,
            r#"
[ecr.{name}]

[task.{name}]
cpu = 256
memory = 512

[task.{name}.container.app]
image = "${{ecr.{name}}}:v1"
port = 3000

[target_group.{name}]
port = 3000
deregistration_delay = 30

[[alb.b{balancer}.listener.http.rule]]
priority = {priority}
when = {{ path = ["/{name}/*"] }}
forward = "{name}"

[service.{name}]
cluster = "main"
task = "{name}"
target = {{ group = "{name}", container = "app" }}
"#,
            priority = number + 1,
        )
        .expect("text");
    }
    parse(&text)
}

/// A stack of so many task definitions, and little else.
fn revisions(count: usize) -> Desired {
    let mut text = "[stack]\nname = \"many\"\nregion = \"eu-west-1\"\n\n[role.shared]\n".to_owned();
    for number in 0..count {
        write!(
            text,
            "\n[task.t{number}]\ncpu = 256\nmemory = 512\nexecution_role = \"shared\"\nlog_group = \"all\"\n\n\
             [task.t{number}.container.app]\nimage = \"nginx:1.27\"\nport = 80\n",
        )
        .expect("text");
    }
    text.push_str("\n[log_group.all]\n");
    parse(&text)
}

pub(crate) fn parse(text: &str) -> Desired {
    let source = Source { name: "stack.toml", bytes: text.as_bytes() };
    load(&source, &Options::default()).unwrap_or_else(|mistakes| panic!("{mistakes:?}")).desired
}

/// What a whole command did: reading, planning and carrying out.
struct Run {
    summary: Summary,
    took: Duration,
    /// The least time that AWS's rates leave for the calls of the reading.
    reading: Duration,
    /// Every call, the reading's too.
    calls: Vec<Call>,
}

impl Run {
    async fn of(sim: &Sim, desired: &Desired, mode: Mode) -> Self {
        sim.forget_calls();
        let begun = Instant::now();
        let live = read(sim, desired).await.expect("a reading");
        assert_eq!(live.failures, []);
        let reading = least_times(&sim.calls()).into_values().max().unwrap_or_default();
        let secrets = Secrets::default();
        let plan = plan(desired, &live, mode, &secrets).unwrap_or_else(|refusals| panic!("{refusals:?}"));
        let summary = apply(sim, &plan, &secrets, &ApplyOptions::default(), &mut |_| {}).await;
        Self { summary, took: begun.elapsed(), reading, calls: sim.calls() }
    }

    /// How many answers said that there are too many calls.
    fn throttled(&self) -> usize {
        let codes = ["Throttling", "ThrottlingException", "RequestLimitExceeded"];
        let code = |call: &&Call| call.error.as_deref().is_some_and(|code| codes.contains(&code));
        self.calls.iter().filter(code).count()
    }

    /// Every step is done without an error that the rates cause, and in at most 1.2 times of the `bound`.
    #[expect(clippy::print_stdout, reason = "the figures are shown with --nocapture")]
    fn check(&self, what: &str, resources: usize, bound: Duration) {
        let (bound, took) = (bound.as_secs_f64(), self.took.as_secs_f64());
        let (calls, throttled, ratio) = (self.calls.len(), self.throttled(), took / bound);
        println!(
            "{what} {resources} resources: {calls} calls, bound {bound:.1} s, took {took:.1} s ({ratio:.2} times), \
             {throttled} throttled"
        );
        assert!(self.summary.is_success(), "{what}: {:?}", self.summary.counts());
        assert_eq!(throttled, 0, "{what}");
        assert!(ratio >= 0.99, "{what}: the bound is none, {took:.1} s are less than {bound:.1} s");
        assert!(ratio <= 1.2, "{what}: {took:.1} s where {bound:.1} s would do");
    }
}

/// The least time that AWS's rates leave for these calls, by bucket: those beyond the burst, at the rate.
fn least_times(calls: &[Call]) -> BTreeMap<String, Duration> {
    let mut counted: BTreeMap<String, (u32, Limit)> = BTreeMap::new();
    for limit in calls.iter().flat_map(|call| limits(&call.operation)) {
        let (count, _) = counted.entry(limit.bucket.to_string()).or_insert((0, limit));
        *count += 1;
    }
    counted.into_iter().map(|(bucket, (count, limit))| (bucket, limit.least_time(count))).collect()
}

/// The most time that any bucket needs, together with what cannot overlap: what AWS takes for that which begins only
/// after the bucket's last call, or ends before its first.
fn bound(calls: &[Call], besides: &[(&str, Duration)]) -> Duration {
    let besides = |bucket: &str| {
        let found = besides.iter().find(|(name, _)| *name == bucket);
        found.map_or(Duration::ZERO, |(_, time)| *time)
    };
    least_times(calls).into_iter().map(|(bucket, time)| time + besides(&bucket)).max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_stack_of_300_resources_comes_and_goes_nearly_as_fast_as_aws_allows() {
    let desired = services(33);
    let resources = desired.resources.len();
    assert!(resources >= 300, "{resources}");
    let sim = Sim::in_memory();
    let up = Run::of(&sim, &desired, Mode::Apply).await;
    // A service comes after its task definition, its rule and its role, and then settles.
    let after = [
        ("ecs task definition change", SERVICE_SETTLES),
        ("elasticloadbalancing change", SERVICE_SETTLES),
        ("elasticloadbalancing placement", BALANCER_SETTLES),
        ("ecs service change", SERVICE_SETTLES),
        ("iam change", SERVICE_SETTLES),
    ];
    up.check("apply", resources, up.reading + bound(&up.calls, &after));
    let again = Run::of(&sim, &desired, Mode::Apply).await;
    assert_eq!(again.summary.steps, [], "the second plan is empty");
    assert_eq!(again.throttled(), 0);
    // Meanwhile all buckets fill up.
    tokio::time::sleep(Duration::from_secs(600)).await;
    let down = Run::of(&sim, &desired, Mode::Destroy).await;
    // Task definitions go after their services. Security groups do too, but are asked for more than once.
    let before =
        [("ecs task definition deletion", SERVICE_DRAINS), ("ecs task definition change", SERVICE_DRAINS)];
    down.check(
        "destroy",
        resources,
        down.reading + bound(&down.calls, &before).max(SERVICE_DRAINS + INTERFACES_LINGER),
    );
    assert_eq!(sim.resources(), []);
}

#[tokio::test(start_paused = true)]
async fn three_hundred_task_definitions_take_the_time_that_their_rate_sets() {
    let desired = revisions(300);
    let sim = Sim::in_memory();
    let up = Run::of(&sim, &desired, Mode::Apply).await;
    up.check("apply", desired.resources.len(), up.reading + bound(&up.calls, &[]));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_knows_no_rates_is_throttled() {
    let desired = services(33);
    let hasty = Run::of(&Sim::in_memory().without_pacing(), &desired, Mode::Apply).await;
    assert!(hasty.throttled() > 50, "only {} answers were refusals", hasty.throttled());
}
