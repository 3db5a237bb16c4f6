//! Which steps of a plan may start now, given what has happened to the others.
//!
//! Decides order alone: a state machine over the plan's edges, without clock or calls. Must not know how
//! steps are carried out. Among steps that may start, the one with the longest chain behind it comes first.

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};

use crate::address::Kind;
use crate::plan::{Need, Plan, Step, StepId, Verb};

/// A step that will not be started, because another that it needs failed or was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skip {
    /// The step.
    pub step: StepId,
    /// The step that it needs.
    pub because: StepId,
}

/// How far one step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has not been handed out.
    Waiting,
    /// It has been handed out; after a call has returned its resource may settle for a while.
    Started,
    /// It is over: done, failed or skipped.
    Over,
}

/// An edge as the step before it sees it.
#[derive(Debug, Clone, Copy)]
struct Dependent {
    step: StepId,
    need: Need,
    met: bool,
}

/// The state of carrying out one plan.
///
/// A plan that `check` accepts always finishes: as long as every step that was handed out ends in [`ready`],
/// [`gone`] or [`failed`], each step is handed out or skipped.
///
/// [`ready`]: Self::ready
/// [`gone`]: Self::gone
/// [`failed`]: Self::failed
#[derive(Debug, Clone)]
pub struct Schedule {
    states: Vec<State>,
    dependents: Vec<Vec<Dependent>>,
    /// How many edges into each step are not met yet.
    unmet: Vec<usize>,
    /// For each step, the expected seconds to the end of the longest chain that begins with it.
    chains: Vec<u32>,
    /// The steps that may start, the longest chain first, then in the plan's order.
    startable: BTreeSet<(Reverse<u32>, StepId)>,
    /// How many steps are not over.
    open: usize,
}

impl Schedule {
    /// The schedule of `plan`, before anything has happened.
    ///
    /// # Panics
    ///
    /// Panics when an edge names a step that the plan does not have; `check` refuses such a plan.
    pub fn new(plan: &Plan) -> Self {
        let count = plan.steps.len();
        let mut dependents = vec![Vec::new(); count];
        let mut unmet = vec![0; count];
        for edge in &plan.edges {
            // What a step waits for exists already: nothing has to happen first.
            let met = edge.need == Need::Exists && plan.steps[edge.before].verb == Verb::Wait;
            dependents[edge.before].push(Dependent { step: edge.after, need: edge.need, met });
            unmet[edge.after] += usize::from(!met);
        }
        let chains = chains(&plan.steps, &dependents);
        let free = (0..count).filter(|&step| unmet[step] == 0);
        let startable = free.map(|step| (Reverse(chains[step]), step)).collect();
        Self { states: vec![State::Waiting; count], dependents, unmet, chains, startable, open: count }
    }

    /// Hands out at most `limit` steps that may start now; they count as started.
    pub fn start(&mut self, limit: usize) -> Vec<StepId> {
        let mut started = Vec::new();
        while started.len() < limit
            && let Some((_, step)) = self.startable.pop_first()
        {
            self.states[step] = State::Started;
            started.push(step);
        }
        started
    }

    /// The call of `step` has returned: what it creates exists, what it deletes is going.
    pub fn exists(&mut self, step: StepId) {
        self.meet(step, |need| need == Need::Exists);
    }

    /// What `step` created, changed or waited for has settled.
    pub fn ready(&mut self, step: StepId) {
        self.end(step);
        self.meet(step, |_| true);
    }

    /// What `step` deleted is no longer there.
    pub fn gone(&mut self, step: StepId) {
        self.end(step);
        self.meet(step, |_| true);
    }

    /// `step` failed. Returns the steps that are skipped because of it, each after the one that it needs.
    ///
    /// What was met before stays met: a step that only needed this one to exist goes on.
    pub fn failed(&mut self, step: StepId) -> Vec<Skip> {
        self.end(step);
        let mut skipped = Vec::new();
        let mut causes = VecDeque::from([step]);
        while let Some(because) = causes.pop_front() {
            for index in 0..self.dependents[because].len() {
                let Dependent { step, met, .. } = self.dependents[because][index];
                if !met && self.states[step] == State::Waiting {
                    self.end(step);
                    skipped.push(Skip { step, because });
                    causes.push_back(step);
                }
            }
        }
        skipped
    }

    /// Whether every step is over.
    pub const fn is_finished(&self) -> bool {
        self.open == 0
    }

    fn end(&mut self, step: StepId) {
        debug_assert_ne!(self.states[step], State::Over, "a step ends once");
        self.states[step] = State::Over;
        self.open -= 1;
    }

    fn meet(&mut self, step: StepId, is_met: impl Fn(Need) -> bool) {
        for dependent in &mut self.dependents[step] {
            if dependent.met || !is_met(dependent.need) {
                continue;
            }
            dependent.met = true;
            self.unmet[dependent.step] -= 1;
            if self.unmet[dependent.step] == 0 && self.states[dependent.step] == State::Waiting {
                self.startable.insert((Reverse(self.chains[dependent.step]), dependent.step));
            }
        }
    }
}

/// How many seconds a call takes, give or take.
const CALL: u32 = 1;

/// For each step, the expected seconds to the end of the longest chain that begins with it.
fn chains(steps: &[Step], dependents: &[Vec<Dependent>]) -> Vec<u32> {
    let mut chains: Vec<u32> = steps.iter().map(typical).collect();
    let mut befores = vec![Vec::new(); steps.len()];
    let mut n_afters: Vec<usize> = dependents.iter().map(Vec::len).collect();
    for (before, dependents) in dependents.iter().enumerate() {
        for dependent in dependents {
            befores[dependent.step].push((before, dependent.need));
        }
    }
    // From the ends backwards; steps on a cycle are never reached and keep their own duration.
    let mut known: Vec<StepId> = (0..steps.len()).filter(|&step| n_afters[step] == 0).collect();
    while let Some(after) = known.pop() {
        for &(before, need) in &befores[after] {
            let lead = if need == Need::Exists { CALL } else { typical(&steps[before]) };
            chains[before] = chains[before].max(lead.saturating_add(chains[after]));
            n_afters[before] -= 1;
            if n_afters[before] == 0 {
                known.push(before);
            }
        }
    }
    chains
}

/// How many seconds a step typically takes until it has settled. Only the order among steps hangs on it.
const fn typical(step: &Step) -> u32 {
    let (settling, deleting) = match step.address.kind() {
        // A distribution is deployed in 3 to 10 minutes; before it is deleted it is disabled and deployed.
        Kind::Cloudfront => (300, 600),
        // Typically 1 to 10 minutes after its record is there (reference section 3.24).
        Kind::Certificate => (180, CALL),
        // All of Route 53's servers know it within a minute (reference section 3.25).
        Kind::Domain => (30, CALL),
        // Made and deleted by operations of some seconds; with a hosted zone up to a minute.
        Kind::Namespace => (40, 40),
        // Draining takes the target group's deregistration delay, 300 s unless set.
        Kind::Service => (180, 330),
        Kind::Alb => (150, 30),
        // Provisioned in 2 to 5 minutes (reference section 3.4).
        Kind::Nlb => (180, 30),
        // Network interfaces of what used it linger for a minute or more.
        Kind::SecurityGroup => (CALL, 60),
        // Network interfaces and public addresses linger, too.
        Kind::Subnet | Kind::InternetGateway => (CALL, 60),
        // Available, and gone, after a minute or two.
        Kind::NatGateway => (90, 60),
        Kind::VpcEndpoint => (60, 60),
        // Its instances start, or are terminated (reference section 3.13).
        Kind::AutoScalingGroup => (60, 120),
        Kind::Cluster | Kind::ClusterCapacity => (15, 5),
        // A fresh role is usable everywhere only after some seconds.
        Kind::Role | Kind::InstanceProfile => (15, CALL),
        Kind::CapacityProvider => (CALL, 10),
        Kind::LogGroup
        | Kind::Ecr
        | Kind::Vpc
        | Kind::ElasticIp
        | Kind::RouteTable
        | Kind::LaunchTemplate
        | Kind::TargetGroup
        | Kind::Clb
        | Kind::Listener
        | Kind::Rule
        | Kind::Task
        | Kind::ScalableTarget
        | Kind::Bucket
        | Kind::BucketPolicy
        | Kind::BucketFiles
        | Kind::OriginAccessControl
        | Kind::DiscoveryService
        | Kind::Function => (CALL, CALL),
    };
    match step.verb {
        Verb::Create | Verb::Update | Verb::Widen | Verb::Narrow | Verb::Wait => settling,
        Verb::Delete => deleting,
    }
}

#[cfg(test)]
mod tests;
