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
            Verb::Create | Verb::Update | Verb::Widen | Verb::Narrow | Verb::Wait => Self::to_settle(kind),
            Verb::Delete => Self::to_go(kind),
        }
    }

    /// The time to the next look, `waited` after the first one: a tenth of it, so that looking late costs at
    /// most a tenth of any wait, and never past the deadline. None once that has come.
    pub fn next_look(&self, waited: Duration) -> Option<Duration> {
        let left = self.deadline.checked_sub(waited).filter(|left| !left.is_zero())?;
        Some((waited / 10).clamp(self.least, self.most).min(left))
    }

    /// The same where AWS is asked to draw the change out so much.
    #[must_use]
    pub fn drawn_out(self, by: Duration) -> Self {
        let longer = Self { deadline: self.deadline + by, ..self };
        // What is repeated as long as the whole is waited for still is.
        if self.visible == self.deadline { longer.patient() } else { longer }
    }

    const fn new(kind: Kind, least: u64, most: u64, deadline_minutes: u64) -> Self {
        Self {
            least: Duration::from_secs(least),
            most: Duration::from_secs(most),
            deadline: Duration::from_secs(deadline_minutes * 60),
            visible: Duration::from_secs(visible(kind)),
        }
    }

    /// Repeats calls that fail because something is not there yet as long as it waits for the whole.
    const fn patient(self) -> Self {
        Self { visible: self.deadline, ..self }
    }

    const fn to_settle(kind: Kind) -> Self {
        match kind {
            // Typically 2 to 3 minutes (3.4).
            Kind::Alb => Self::new(kind, 5, 10, 10),
            // Typically 2 to 5 minutes (3.4).
            Kind::Nlb => Self::new(kind, 5, 10, 15),
            // Typically 1 to 5 minutes; a deployment that nothing breaks off never ends by itself (3.17).
            Kind::Service => Self::new(kind, 3, 10, 20),
            // Typically 3 to 10 minutes, at times much longer (3.22).
            Kind::Cloudfront => Self::new(kind, 10, 20, 90),
            // Typically seconds; attaching capacity can take minutes, and is refused while another change of the
            // cluster is under way (3.15).
            Kind::Cluster | Kind::ClusterCapacity => Self::new(kind, 1, 5, 10).patient(),
            Kind::CapacityProvider => Self::new(kind, 1, 5, 10).patient(),
            // Instances run after a minute or two; replacing all of them takes minutes for each (3.13).
            Kind::AutoScalingGroup => Self::new(kind, 5, 20, 60),
            // Usable everywhere 10 to 15 seconds after its creation (3.10).
            Kind::Role | Kind::InstanceProfile => Self::new(kind, 5, 5, 2),
            // Visible to everybody after the time that AWS's own tools allow (1.7).
            Kind::SecurityGroup | Kind::TargetGroup | Kind::Clb | Kind::Listener | Kind::Rule => {
                Self::new(kind, 1, 5, 5)
            }
            // Available after seconds (3.2).
            Kind::Vpc | Kind::InternetGateway | Kind::RouteTable | Kind::Subnet => Self::new(kind, 1, 5, 5),
            Kind::ElasticIp => Self::new(kind, 1, 5, 5),
            // Available after a minute or two; AWS's own tools wait this long (3.2).
            Kind::NatGateway => Self::new(kind, 3, 10, 10),
            // So is an endpoint, once for each subnet that comes or goes where others take their places.
            Kind::VpcEndpoint => Self::new(kind, 3, 10, 20),
            // The names of new buckets take up to two minutes to be known everywhere (3.19).
            Kind::Bucket | Kind::BucketPolicy | Kind::BucketFiles => Self::new(kind, 1, 5, 2),
            // Known to all of Route 53's servers within a minute, at times half an hour (3.25).
            Kind::Domain => Self::new(kind, 5, 20, 30),
            // Made by an operation of some seconds, with a hosted zone of up to a minute.
            Kind::Namespace => Self::new(kind, 1, 5, 10),
            // Issued 1 to 10 minutes after its records are there, at times much later (3.24).
            Kind::Certificate => Self::new(kind, 5, 20, 75),
            Kind::LogGroup
            | Kind::Ecr
            | Kind::Task
            | Kind::ScalableTarget
            | Kind::LaunchTemplate
            | Kind::OriginAccessControl
            | Kind::DiscoveryService
            | Kind::Function => Self::new(kind, 1, 5, 2),
        }
    }

    const fn to_go(kind: Kind) -> Self {
        match kind {
            // Network interfaces of load balancers linger for 1 to 5 minutes, those of tasks up to 2, at
            // times 10 (3.3).
            Kind::SecurityGroup => Self::new(kind, 2, 10, 15),
            // A subnet goes after its last network interface, and a gateway is detached after the last public address (3.2).
            Kind::Subnet | Kind::InternetGateway => Self::new(kind, 2, 10, 20),
            Kind::Vpc | Kind::RouteTable => Self::new(kind, 1, 5, 5),
            // A NAT gateway keeps its address, and an endpoint its interfaces, until it is gone: minutes, at times half an hour
            // (3.2).
            Kind::NatGateway | Kind::VpcEndpoint => Self::new(kind, 3, 10, 30),
            Kind::ElasticIp => Self::new(kind, 2, 10, 10),
            // Draining takes the deregistration delay (300 s unless set) and the containers' stop time-out. A deployment
            // that is under way refuses the deletion as long (3.17).
            Kind::Service => Self::new(kind, 3, 10, 20).patient(),
            // Gone at once as a rule; releasing its network interfaces has taken half an hour (3.4).
            Kind::Alb | Kind::Nlb | Kind::Clb => Self::new(kind, 2, 10, 35),
            // Disabling must be deployed before the distribution can go: typically 5 to 20 minutes in all (3.22).
            Kind::Cloudfront => Self::new(kind, 10, 20, 90),
            // Refused while the last tasks and services leave, and while another change is under way (3.15).
            Kind::Cluster | Kind::ClusterCapacity => Self::new(kind, 2, 10, 10).patient(),
            // Refused while it is associated; then ECS takes its alarms away (3.16).
            Kind::CapacityProvider => Self::new(kind, 2, 10, 20).patient(),
            // Terminating its instances takes 1 to 5 minutes (3.13).
            Kind::AutoScalingGroup => Self::new(kind, 5, 10, 20).patient(),
            // With its images, which may be many (3.8).
            Kind::Ecr => Self::new(kind, 1, 5, 20),
            // With its objects, which may be many (3.19).
            Kind::Bucket => Self::new(kind, 1, 5, 30),
            // Gone at once as a rule; AWS's own tools wait this long (3.18).
            Kind::ScalableTarget => Self::new(kind, 1, 5, 5),
            Kind::Domain => Self::new(kind, 1, 5, 2),
            // In use until ECS has taken the last task out of it, and what it made for Service Connect.
            Kind::Namespace | Kind::DiscoveryService => Self::new(kind, 2, 10, 15),
            // Listeners and distributions let go of it after a lag (3.24).
            Kind::Certificate => Self::new(kind, 2, 10, 20),
            // In use until its distribution is gone everywhere (3.20, 3.21).
            Kind::OriginAccessControl | Kind::Function => Self::new(kind, 2, 10, 5),
            // A listener frees its target groups, and the services that assume a role let go of it, after a
            // short lag (3.5, 3.10).
            Kind::TargetGroup
            | Kind::LogGroup
            | Kind::Role
            | Kind::InstanceProfile
            | Kind::LaunchTemplate
            | Kind::Listener
            | Kind::Rule
            | Kind::Task
            | Kind::BucketPolicy
            | Kind::BucketFiles => Self::new(kind, 1, 5, 2),
        }
    }
}

/// For how many seconds a call may fail because what it needs is not visible or usable yet.
const fn visible(kind: Kind) -> u64 {
    match kind {
        // A certificate that was issued a moment ago; a version that has moved (1.7, 3.22).
        Kind::Cloudfront | Kind::OriginAccessControl | Kind::Function => 60,
        // A certificate that was requested a moment ago; another change of the same zone (3.24, 3.25).
        Kind::Certificate | Kind::Domain => 60,
        // A name that was free a moment ago (`OperationAborted`) can take ten minutes and more; news take two (3.19).
        Kind::Bucket => 600,
        // Objects may be put as soon as the bucket is known; as many invalidations as may be under way end within minutes (3.23).
        Kind::BucketFiles => 600,
        Kind::BucketPolicy => 120,
        // Roles and service-linked roles reach every service within two minutes; so does a repository (1.6, 1.7). Another
        // operation on a log group takes one (3.9), and news of it are no faster than others.
        Kind::Role | Kind::InstanceProfile | Kind::Ecr | Kind::Cluster | Kind::LogGroup => 120,
        // A profile that was made a moment ago, and its role (3.11, 3.13).
        Kind::AutoScalingGroup | Kind::CapacityProvider | Kind::ClusterCapacity => 120,
        // Another registration of the same family (3.14).
        Kind::Task => 120,
        // Its service, and the service-linked role that scales it (1.7, 3.18).
        Kind::ScalableTarget => 120,
        // The operation that makes or changes one ends within a minute, as a rule; the namespace of a service is shown with a delay.
        Kind::Namespace | Kind::DiscoveryService => 300,
        // Its target group may take minutes to count as bound to a load balancer (3.17).
        Kind::Service => 240,
        // EC2 and load balancing (1.7).
        Kind::Vpc
        | Kind::InternetGateway
        | Kind::ElasticIp
        | Kind::NatGateway
        | Kind::RouteTable
        | Kind::Subnet
        | Kind::VpcEndpoint
        | Kind::SecurityGroup
        | Kind::LaunchTemplate
        | Kind::TargetGroup
        | Kind::Alb
        | Kind::Clb
        | Kind::Listener
        | Kind::Rule => 300,
        // Two of its subnets may leave one after the other, each in up to three minutes (3.4).
        Kind::Nlb => 420,
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
                assert!(patience.visible >= SECOND * 60, "{verb:?} {kind}");
            }
        }
    }

    /// Reference sections 1.7 and 3, kind by kind: for how long a call is repeated that fails because something is not
    /// there yet, and how long a deletion may be refused, both in seconds.
    #[test]
    fn each_kind_has_the_windows_of_the_reference() {
        for (kind, section, created, changed, deletion_refused) in [
            (Kind::LogGroup, "3.9", 120, 120, 120),
            (Kind::Role, "3.10", 120, 120, 120),
            (Kind::Ecr, "3.8", 120, 120, 1200),
            (Kind::Cluster, "3.15", 600, 600, 600),
            (Kind::Vpc, "3.2", 300, 300, 300),
            (Kind::InternetGateway, "3.2", 300, 300, 1200),
            (Kind::ElasticIp, "3.2", 300, 300, 600),
            (Kind::NatGateway, "3.2", 300, 300, 1800),
            (Kind::VpcEndpoint, "3.2", 300, 300, 1800),
            (Kind::RouteTable, "3.2", 300, 300, 300),
            (Kind::Subnet, "3.2", 300, 300, 1200),
            (Kind::SecurityGroup, "3.3", 300, 300, 900),
            (Kind::TargetGroup, "3.5", 300, 300, 120),
            (Kind::Alb, "3.4", 300, 300, 2100),
            (Kind::Nlb, "3.4", 420, 420, 2100),
            (Kind::Listener, "3.6", 300, 300, 120),
            (Kind::Rule, "3.7", 300, 300, 120),
            (Kind::Task, "3.14", 120, 120, 120),
            (Kind::Service, "3.17", 240, 240, 1200),
            (Kind::Cloudfront, "3.22", 60, 60, 5400),
            (Kind::Certificate, "3.24", 60, 60, 1200),
        ] {
            let visible = |verb| Patience::of(verb, kind).visible.as_secs();
            let found = (
                visible(Verb::Create),
                visible(Verb::Update),
                Patience::of(Verb::Delete, kind).deadline.as_secs(),
            );
            assert_eq!(found, (created, changed, deletion_refused), "{kind}, section {section}");
        }
    }

    #[test]
    fn a_service_whose_deployment_is_under_way_is_deleted_as_long_as_it_may_take() {
        assert_eq!(Patience::of(Verb::Delete, Kind::Service).visible, SECOND * 1200);
    }

    #[test]
    fn what_the_stack_draws_out_is_waited_for_as_much_longer() {
        let by = SECOND * 600;
        let made = Patience::of(Verb::Update, Kind::Service);
        assert_eq!(made.drawn_out(by), Patience { deadline: made.deadline + by, ..made });
        let gone = Patience::of(Verb::Delete, Kind::Service).drawn_out(by);
        assert_eq!((gone.deadline, gone.visible), (SECOND * 1800, SECOND * 1800));
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
