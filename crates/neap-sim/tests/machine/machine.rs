//! Carries out acts on a sandbox, and watches what must always hold.
//!
//! Decides what is a violation. Each run is a fresh engine on the same world; one that is killed is dropped where it is.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use neap_core::address::{Address, Kind};
use neap_core::config::Loaded;
use neap_core::desired::{Desired, TAG_ADDRESS, TAG_STACK};
use neap_core::kinds::Resource;
use neap_core::live::{Live, LiveResource};
use neap_core::plan::planner::plan;
use neap_core::plan::{Mode, Plan, Refusal, check};
use neap_core::zero::{Depth, Finding, Found, StackScope, Verdict};
use neap_engine::apply::{ApplyOptions, Summary, apply};
use neap_engine::cloud::Cloud;
use neap_engine::event::{Failure, Outcome};
use neap_engine::news::{News, deleted};
use neap_engine::read::read;
use neap_engine::zero::{Since, prove};
use neap_sim::{Consistency, Fault, FaultKind, Sim};
use tokio::time::Instant;

use crate::act::{Act, OPERATIONS, Prod, Slowness, Trouble};
use crate::stack::Knobs;

/// What must hold, and does not.
pub(crate) type Violation = String;

/// How long the slowest news travel, in seconds.
const SLOWEST: u64 = 14;

thread_local! {
    static KILLED: Cell<bool> = const { Cell::new(false) };
}

/// How much was tried.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) acts: usize,
    pub(crate) faults: usize,
}

/// A world, and the stack file that is applied to it.
pub(crate) struct Machine {
    news: News,
    pub(crate) sim: Sim,
    pub(crate) knobs: Knobs,
    /// Whether something goes wrong in the next run.
    is_troubled: bool,
    /// Whether news travel slowly in the next run.
    is_slow: bool,
    /// When the last news arrive.
    quiet_from: Duration,
    /// Whether somebody has a name that a stack may want.
    is_squatted: bool,
    pub(crate) counts: Counts,
}

/// What a run meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// Readers see all there is, and nothing goes wrong.
    Fine,
    /// Nothing goes wrong, and readers see all that was there before; the news of this run travel slowly.
    Slow,
    /// Something goes wrong, or readers do not see yet what was done before.
    Foul,
}

/// How a run ended.
enum End {
    Killed,
    /// Nothing could be read at all.
    Unread,
    Refused(Vec<Refusal>),
    Ran(Box<Plan>, Box<Summary>, Option<Box<Verdict>>),
}

impl Machine {
    /// An empty world, and a neap that thinks that news travel so fast.
    pub(crate) fn new(news: News) -> Self {
        Self {
            news,
            sim: Sim::in_memory().on_kill(|| KILLED.set(true)),
            knobs: Knobs::default(),
            is_troubled: false,
            is_slow: false,
            quiet_from: Duration::ZERO,
            is_squatted: false,
            counts: Counts::default(),
        }
    }

    /// Carries out acts, then sees that everything comes to rest: one undisturbed apply does what is left to do, one
    /// destroy leaves nothing.
    pub(crate) async fn play(&mut self, acts: &[Act]) -> Result<(), Violation> {
        for act in acts {
            self.act(act).await.map_err(|violation| format!("at `{act}`: {violation}"))?;
        }
        self.calm_down();
        for act in [Act::Wait(60), Act::Apply(false), Act::Destroy(true), Act::Destroy(false)] {
            self.act(&act).await.map_err(|violation| format!("at rest, at `{act}`: {violation}"))?;
        }
        Ok(())
    }

    async fn act(&mut self, act: &Act) -> Result<(), Violation> {
        self.counts.acts += 1;
        match *act {
            Act::Edit(knob, position) => self.knobs.turn(knob, position),
            Act::Example(example) => self.knobs.show(example),
            Act::Wait(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
            Act::Apply(prod) => return self.run(Mode::Apply, prod).await,
            Act::Destroy(prod) => return self.run(Mode::Destroy, prod).await,
            Act::Trouble(trouble, operation, nth) => self.arm(trouble, OPERATIONS[operation], nth),
            Act::Slow(slowness, seed) => self.slow_down(slowness, seed),
            Act::Drift(which) => self.drift(which),
            Act::Tag(which) => self.retag(which),
            Act::Remove(which) => self.remove(which).await,
            Act::LookAlike(which, how) => self.look_alike(which, how),
        }
        Ok(())
    }

    fn arm(&mut self, trouble: Trouble, operation: &str, nth: u8) {
        self.is_troubled = true;
        let broken = || FaultKind::Fail { code: "InternalFailure".into(), message: "so it is".into() };
        let (kind, times) = match trouble {
            Trouble::Throttle => (FaultKind::Throttle, 7),
            Trouble::Lost => (FaultKind::LostAnswer, 1),
            Trouble::Broken => (broken(), 2),
            Trouble::Deny => (FaultKind::Deny, 1000),
            Trouble::KillBefore => (FaultKind::KillBefore, 1),
            Trouble::KillAfter => (FaultKind::KillAfter, 1),
        };
        // What strikes everything strikes changes: most calls are reads, and killing one of those changes little.
        let mutating = operation == "*" && trouble != Trouble::Deny;
        self.sim.fault(Fault { mutating, nth: nth.into(), times, ..Fault::once(operation, kind) });
    }

    fn slow_down(&mut self, slowness: Slowness, seed: u8) {
        self.is_slow = true;
        let (late, stale) = match slowness {
            Slowness::Late => (SLOWEST, 0),
            Slowness::Stale => (0, SLOWEST),
            Slowness::Flicker => (SLOWEST, SLOWEST),
        };
        let flicker = slowness == Slowness::Flicker;
        self.sim.consistency(Consistency { seed: seed.into(), late, unlisted: late, stale, flicker });
    }

    fn calm_down(&mut self) {
        self.sim.heal();
        (self.is_troubled, self.is_slow) = (false, false);
    }

    /// How much of the next run is as it should be.
    fn weather(&self) -> Weather {
        let is_clear = self.sim.now() >= self.quiet_from;
        match (is_clear && !self.is_troubled, self.is_slow) {
            (true, false) => Weather::Fine,
            (true, true) => Weather::Slow,
            (false, _) => Weather::Foul,
        }
    }

    /// One run of neap.
    async fn run(&mut self, mode: Mode, prod: Prod) -> Result<(), Violation> {
        let loaded = self.knobs.load(prod.then_some("prod"));
        let stack = loaded.desired.stack.clone();
        let weather = self.weather();
        let strangers = self.strangers(&stack);
        self.sim.forget_calls();
        let struck = self.sim.struck();
        KILLED.set(false);
        let end = tokio::select! {
            biased;
            () = poll_fn(|_| if KILLED.get() { Poll::Ready(()) } else { Poll::Pending }) => Ok(End::Killed),
            end = self.command(mode, &loaded, weather) => end,
        };
        self.counts.faults += self.sim.struck() - struck;
        if weather != Weather::Fine {
            self.quiet_from = self.sim.now() + Duration::from_secs(SLOWEST + 1);
        }
        self.calm_down();
        let end = end?;
        if self.strangers(&stack) != strangers {
            return Err(format!(
                "something foreign has changed: {strangers:#?} {:#?}",
                self.strangers(&stack)
            ));
        }
        self.judge(mode, &loaded, weather, end).await
    }

    /// Reads, plans and carries out, as the command does.
    async fn command(&self, mode: Mode, loaded: &Loaded, weather: Weather) -> Result<End, Violation> {
        let Loaded { desired, secrets, .. } = loaded;
        let begun = Instant::now();
        let Ok(live) = read(&self.sim, desired).await else { return Ok(End::Unread) };
        if weather != Weather::Foul {
            self.knows_everything(desired, &live)?;
        }
        let plan = match plan(desired, &live, mode, secrets) {
            Ok(plan) => plan,
            Err(refusals) => return Ok(End::Refused(refusals)),
        };
        let unsound = check::check(&plan);
        if !unsound.is_empty() {
            return Err(format!("the plan is not sound: {unsound:?}"));
        }
        let summary = apply(&self.sim, &plan, secrets, &ApplyOptions::default(), &mut |_| {}).await;
        let verdict = match mode {
            Mode::Apply => None,
            Mode::Destroy => {
                let since = Since { news: self.news, begun, deleted: deleted(&plan, &summary) };
                let scope = StackScope::of(desired, Depth::Everything);
                prove(&self.sim, &scope, &since, &mut |_| {}).await.ok().map(Box::new)
            }
        };
        Ok(End::Ran(Box::new(plan), Box::new(summary), verdict))
    }

    /// What is the stack's own is known to a plan. Of a task definition's revisions only the last one counts.
    fn knows_everything(&self, desired: &Desired, live: &Live) -> Result<(), Violation> {
        let known: BTreeSet<(Kind, &str)> =
            live.ours().map(|found| (found.kind(), found.id.as_str())).collect();
        let families: BTreeSet<&str> = live.ours().map(|found| found.resource.aws_name()).collect();
        for own in self.own(&desired.stack) {
            let is_known = match own.kind() {
                Kind::Task => families.contains(own.resource.aws_name()),
                kind => known.contains(&(kind, own.id.as_str())),
            };
            if !is_known {
                return Err(format!("{} is an orphan: the plan does not know `{}`", own.address, own.id));
            }
        }
        Ok(())
    }

    async fn judge(&self, mode: Mode, loaded: &Loaded, weather: Weather, end: End) -> Result<(), Violation> {
        let (plan, summary, verdict) = match end {
            End::Killed | End::Unread if weather == Weather::Foul => return Ok(()),
            End::Killed | End::Unread => return Err("an undisturbed run could not read".into()),
            End::Refused(refusals) => return self.may_refuse(weather, &refusals),
            End::Ran(plan, summary, verdict) => (plan, summary, verdict),
        };
        for (step, result) in plan.steps.iter().zip(&summary.steps) {
            if let Outcome::Failed(Failure::Internal { message }) = &result.outcome {
                return Err(format!("{:?} {}: internal error: {message}", step.verb, step.address));
            }
        }
        if weather != Weather::Foul && !summary.is_success() {
            return Err(format!("a run failed that nothing disturbed: {}", failures(&plan, &summary)));
        }
        match mode {
            Mode::Apply if weather == Weather::Fine => self.is_complete(loaded).await,
            Mode::Apply => Ok(()),
            Mode::Destroy => self.is_over(&loaded.desired.stack, weather, verdict),
        }
    }

    /// Only trouble, and names that others have, refuse a plan.
    fn may_refuse(&self, weather: Weather, refusals: &[Refusal]) -> Result<(), Violation> {
        let is_foul = weather == Weather::Foul;
        let is_taken = |refusal: &Refusal| matches!(refusal, Refusal::NameTaken { .. }) && self.is_squatted;
        let is_unreadable = |refusal: &Refusal| matches!(refusal, Refusal::Unreadable { .. }) && is_foul;
        if refusals.iter().all(|refusal| is_taken(refusal) || is_unreadable(refusal)) {
            return Ok(());
        }
        Err(format!("the plan is refused: {refusals:#?}"))
    }

    /// What is live is what the stack asks for, each once, and nothing else is the stack's own.
    async fn is_complete(&self, loaded: &Loaded) -> Result<(), Violation> {
        let Loaded { desired, secrets, .. } = loaded;
        let live = read(&self.sim, desired).await.map_err(|error| error.to_string())?;
        let again =
            plan(desired, &live, Mode::Apply, secrets).map_err(|refusals| format!("{refusals:#?}"))?;
        if !again.is_empty() {
            let acts =
                again.changes.iter().filter(|change| !change.fields.is_empty() || change.desired.is_none());
            let acts: Vec<_> = acts.map(|it| (&it.address, it.action, &it.reason, &it.fields)).collect();
            return Err(format!("the plan after an apply is not empty: {acts:#?}"));
        }
        let mut live: BTreeMap<Address, usize> = BTreeMap::new();
        for own in self.own(&desired.stack) {
            if !desired.resources.contains_key(&own.address) {
                return Err(format!("{} is left over: `{}`", own.address, own.id));
            }
            *live.entry(own.address).or_default() += 1;
        }
        let twice = live.iter().find(|(address, times)| **times > 1 && address.kind() != Kind::Task);
        // What is in a bucket is no resource that could carry a tag.
        let tagged = desired.resources.keys().filter(|address| address.kind() != Kind::BucketFiles);
        let missing = tagged.into_iter().find(|address| !live.contains_key(address));
        match (twice, missing) {
            (Some((address, times)), _) => Err(format!("{address} is there {times} times")),
            (_, Some(address)) => Err(format!("{address} is missing")),
            (None, None) => Ok(()),
        }
    }

    /// What a destroy says is so. One that nothing disturbs leaves nothing.
    fn is_over(&self, stack: &str, weather: Weather, verdict: Option<Box<Verdict>>) -> Result<(), Violation> {
        let left: Vec<LiveResource> = self.own(stack).into_iter().chain(self.inactive(stack)).collect();
        if !left.is_empty() && weather != Weather::Foul {
            return Err(format!("destroy leaves {}", names(&left)));
        }
        // What has the name alone, or half of the tags, counts for whoever proves, and for nobody else.
        let is_own = |it: &Finding| it.found == Some(Found::Tag) && it.address.is_some();
        match verdict {
            Some(verdict) if verdict.is_zero() && !left.is_empty() => {
                Err(format!("destroy says that nothing is left, and there is {}", names(&left)))
            }
            Some(verdict) if left.is_empty() && verdict.left.iter().any(is_own) => {
                Err(format!("destroy says that this is left, and it is gone: {:#?}", verdict.left))
            }
            Some(verdict) if !verdict.unread.is_empty() && weather != Weather::Foul => {
                Err(format!("destroy could not see: {:?}", verdict.unread))
            }
            None if weather != Weather::Foul => Err("an undisturbed destroy could not look".into()),
            _ => Ok(()),
        }
    }

    /// What carries the stack's tags.
    fn own(&self, stack: &str) -> Vec<LiveResource> {
        self.sim.resources().into_iter().filter(|found| found.is_of(stack)).collect()
    }

    fn inactive(&self, stack: &str) -> Vec<LiveResource> {
        self.sim.inactive().into_iter().filter(|found| found.is_of(stack)).collect()
    }

    /// What is not the stack's own, by id, as it is apart from what time does to it, and from what ECS makes of its names.
    fn strangers(&self, stack: &str) -> BTreeMap<(Kind, String), String> {
        // The names of Service Connect have no records; those of DNS do.
        let of_ecs =
            |it: &Resource| matches!(it, Resource::DiscoveryService(name) if name.records.is_empty());
        let is_own = |found: &LiveResource| found.is_of(stack) || of_ecs(&found.resource);
        let strangers = self.sim.resources().into_iter().filter(|found| !is_own(found));
        let settled = strangers.filter(|found| !matches!(found.phase, neap_core::live::Phase::Deleting(_)));
        let mut told = BTreeMap::new();
        for mut it in settled {
            // Certificates of all stacks for one name share its record.
            if let Resource::Certificate(certificate) = &mut it.resource {
                certificate.validated_in.clear();
            }
            told.insert((it.kind(), it.id), format!("{:?} {:?}", it.resource, it.tags));
        }
        told
    }

    /// One of the resources of either stack, if there is any.
    fn pick(&self, which: u8) -> Option<LiveResource> {
        let mut own = self.own("course");
        own.extend(self.own("course-prod"));
        let index = usize::from(which).checked_rem(own.len())?;
        Some(own.swap_remove(index))
    }

    fn meddle(&mut self, script: &str) {
        self.sim.seed(script).unwrap_or_else(|error| panic!("{error}: {script}"));
        self.counts.faults += 1;
    }

    fn drift(&mut self, which: u8) {
        let Some(found) = self.pick(which) else { return };
        let (path, value) = match found.kind() {
            Kind::Service => ("count", "2"),
            Kind::Ecr => ("scan_on_push", "false"),
            Kind::LogGroup => ("retention_days", "3"),
            Kind::Role => ("description", "\"somebody was here\""),
            Kind::TargetGroup => ("health_check.path", "\"/drifted\""),
            Kind::Alb => ("idle_timeout_seconds", "77"),
            Kind::Cluster => ("container_insights", "\"enhanced\""),
            Kind::Listener => ("port", "8443"),
            Kind::Cloudfront => ("price_class", "\"PriceClass_All\""),
            Kind::Bucket => ("versioning", "true"),
            Kind::Nlb => ("cross_zone", "true"),
            Kind::Clb => ("idle_timeout_seconds", "77"),
            Kind::Namespace | Kind::DiscoveryService => ("description", "\"somebody was here\""),
            Kind::AutoScalingGroup => ("max", "9"),
            Kind::CapacityProvider => ("target_capacity", "50"),
            Kind::ScalableTarget => ("max", "9"),
            Kind::Function => ("comment", "\"somebody was here\""),
            Kind::Vpc => ("dns_hostnames", "false"),
            Kind::Domain => ("target", "\"elsewhere.example.org\""),
            _ => return,
        };
        self.meddle(&format!(
            "[[set]]\naddress = \"{}\"\npath = \"{path}\"\nvalue = {value}\n",
            found.address
        ));
    }

    fn retag(&mut self, which: u8) {
        let Some(found) = self.pick(which).filter(|found| found.kind().takes_tags()) else { return };
        let (key, value) =
            [("team", "value = \"else\"\n"), ("neap:spec", ""), ("cost", "")][usize::from(which) % 3];
        self.meddle(&format!("[[tag]]\naddress = \"{}\"\nkey = \"{key}\"\n{value}", found.address));
    }

    /// Deletes something as far as AWS lets it: what is in use stays.
    async fn remove(&mut self, which: u8) {
        let Some(found) = self.pick(which) else { return };
        if self.sim.delete(&found).await.is_ok() {
            self.counts.faults += 1;
        }
    }

    /// Puts something into the world that is easily taken for the stack's own.
    fn look_alike(&mut self, which: u8, how: u8) {
        let desired = self.knobs.load(None).desired;
        let named = desired.resources.iter().filter(|(_, it)| !it.resource.aws_name().is_empty());
        let mut named: Vec<_> = named.filter(|(address, _)| address.kind() != Kind::Service).collect();
        let Some(index) = usize::from(which).checked_rem(named.len()) else { return };
        let (address, wanted) = named.swap_remove(index);
        let (kind, name) = (address.kind(), wanted.resource.aws_name());
        let tagged = |stack: &str| {
            format!("tags = {{ \"{TAG_STACK}\" = \"{stack}\", \"{TAG_ADDRESS}\" = \"{address}\" }}\n")
        };
        let (name, tags) = match how % 5 {
            // Our name, and nobody's.
            0 => (name.to_owned(), String::new()),
            // Our name as the beginning of another's.
            1 => (format!("{name}-x"), String::new()),
            // Our address, of a stack whose name begins with ours.
            2 => (format!("{name}-y"), tagged("course-x")),
            // Our name in capitals, with half of our tags.
            3 => (name.to_uppercase(), format!("tags = {{ \"{TAG_STACK}\" = \"course\" }}\n")),
            // Our very address, of a stack that our name begins with.
            _ => (format!("other-{}", which % 4), tagged("cours")),
        };
        let same = |found: &LiveResource| {
            found.kind() == kind && found.resource.aws_name().eq_ignore_ascii_case(&name)
        };
        if self.sim.resources().iter().chain(&self.sim.inactive()).any(same) {
            return;
        }
        self.is_squatted |= matches!(how % 5, 0 | 3);
        self.meddle(&format!(
            "region = \"eu-west-1\"\n[[foreign]]\nkind = \"{kind}\"\nname = \"{name}\"\n{tags}"
        ));
    }
}

fn names(resources: &[LiveResource]) -> String {
    let name = |it: &LiveResource| format!("{} `{}` {:?}", it.address, it.id, it.phase);
    resources.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn failures(plan: &Plan, summary: &Summary) -> String {
    let ended = plan.steps.iter().zip(&summary.steps);
    let failed = ended.filter_map(|(step, it)| match &it.outcome {
        Outcome::Failed(failure) => Some(format!("{:?} {}: {failure}", step.verb, step.address)),
        _ => None,
    });
    failed.collect::<Vec<_>>().join("; ")
}
