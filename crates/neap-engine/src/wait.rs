//! How long to wait for what: intervals and deadlines, by verb and kind.
//!
//! Decides patience. Must not know how a look is made, nor what to do when the time is over.

use std::time::Duration;

use neap_core::address::Kind;
use neap_core::plan::Verb;

/// The patience for one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The least time between two looks.
    pub least: Duration,
    /// The most time between two looks.
    pub most: Duration,
    /// The time after which a wait has failed, from the moment its call returned.
    pub deadline: Duration,
    /// How long a call is repeated that fails because what it needs is not visible or usable yet.
    pub visible: Duration,
}

impl Patience {
    /// The patience for a step that does `verb` to a resource of `kind`.
    pub const fn of(verb: Verb, kind: Kind) -> Self {
        match verb {
            Verb::Create | Verb::Update | Verb::Wait => Self::to_settle(kind),
            Verb::Delete => Self::to_go(kind),
        }
    }

    /// The time to the next look, `waited` after the first one: a tenth of it, so that looking late costs at
    /// most a tenth of any wait, and never past the deadline. None once that has come.
    pub fn next_look(&self, waited: Duration) -> Option<Duration> {
        let left = self.deadline.checked_sub(waited).filter(|left| !left.is_zero())?;
        Some((waited / 10).clamp(self.least, self.most).min(left))
    }

    const fn new(least: u64, most: u64, deadline_minutes: u64) -> Self {
        Self {
            least: Duration::from_secs(least),
            most: Duration::from_secs(most),
            deadline: Duration::from_secs(deadline_minutes * 60),
            // Roles, service-linked roles and most other news reach every service within two minutes.
            visible: Duration::from_secs(120),
        }
    }

    const fn to_settle(kind: Kind) -> Self {
        match kind {
            // Typically 2 to 3 minutes.
            Kind::Alb => Self::new(5, 10, 10),
            // Typically 1 to 5 minutes; a deployment that nothing breaks off never ends by itself. Its target
            // group may take minutes to count as bound to a load balancer.
            Kind::Service => Self { visible: Duration::from_secs(240), ..Self::new(3, 10, 20) },
            // Typically 3 to 10 minutes, at times much longer.
            Kind::Cloudfront => Self::new(10, 20, 90),
            // Typically seconds; attaching capacity can take minutes.
            Kind::Cluster => Self::new(1, 5, 10),
            // Usable everywhere 10 to 15 seconds after its creation.
            Kind::Role => Self::new(5, 5, 2),
            Kind::LogGroup
            | Kind::Ecr
            | Kind::SecurityGroup
            | Kind::TargetGroup
            | Kind::Listener
            | Kind::Rule
            | Kind::Task => Self::new(1, 5, 2),
        }
    }

    const fn to_go(kind: Kind) -> Self {
        match kind {
            // Network interfaces of load balancers linger for 1 to 5 minutes, those of tasks up to 2, at
            // times 10.
            Kind::SecurityGroup => Self::new(2, 10, 15),
            // Draining takes the deregistration delay (300 s unless set) and the containers' stop time-out.
            Kind::Service => Self::new(3, 10, 20),
            // Gone at once as a rule; releasing its network interfaces has taken half an hour.
            Kind::Alb => Self::new(2, 10, 35),
            // Disabling must be deployed before the distribution can go: typically 5 to 20 minutes in all.
            Kind::Cloudfront => Self::new(10, 20, 90),
            // Refused while the last tasks and services leave.
            Kind::Cluster => Self::new(2, 10, 10),
            // A listener frees its target groups, and the services that assume a role let go of it, after a
            // short lag.
            Kind::TargetGroup
            | Kind::LogGroup
            | Kind::Role
            | Kind::Ecr
            | Kind::Listener
            | Kind::Rule
            | Kind::Task => Self::new(1, 5, 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn looks_grow_apart_up_to_the_most() {
        let patience = Patience::of(Verb::Create, Kind::Alb);
        let next = |seconds| patience.next_look(SECOND * seconds).map(|next| next.as_secs());
        assert_eq!(next(0), Some(5));
        assert_eq!(next(80), Some(8));
        assert_eq!(next(300), Some(10));
    }

    #[test]
    fn the_last_look_is_at_the_deadline() {
        let patience = Patience::of(Verb::Create, Kind::Alb);
        assert_eq!(patience.next_look(SECOND * 597), Some(SECOND * 3));
        assert_eq!(patience.next_look(SECOND * 600), None);
        assert_eq!(patience.next_look(SECOND * 700), None);
    }

    #[test]
    fn every_kind_is_looked_at_more_than_once_and_has_time_for_its_calls() {
        for kind in Kind::ALL {
            for verb in [Verb::Create, Verb::Update, Verb::Wait, Verb::Delete] {
                let patience = Patience::of(verb, kind);
                assert!(patience.least >= SECOND, "{verb:?} {kind}: hammers");
                assert!(patience.least <= patience.most, "{verb:?} {kind}");
                assert!(patience.most * 10 <= patience.deadline, "{verb:?} {kind}: too few looks");
                assert!(patience.visible >= SECOND * 120, "{verb:?} {kind}");
            }
        }
    }

    #[test]
    fn deletes_that_aws_draws_out_have_the_time_for_it() {
        for (kind, minutes) in
            [(Kind::SecurityGroup, 15), (Kind::Service, 20), (Kind::Alb, 35), (Kind::Cloudfront, 90)]
        {
            assert_eq!(Patience::of(Verb::Delete, kind).deadline, SECOND * 60 * minutes, "{kind}");
        }
    }
}
