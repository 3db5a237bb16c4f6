//! The sandbox's clock, and how long AWS takes for things.
//!
//! Decides durations. They are typical ones, from the sections of the semantics reference that are named beside
//! them; each is what users see on most days, not a limit. The clock follows tokio's, so on a paused
//! runtime it runs as fast as it is waited for.

use std::time::Duration;

use tokio::time::Instant;

/// Milliseconds since the world was made.
pub(crate) type Millis = u64;

const SECOND: Millis = 1000;

/// From the request to the answer of one call.
pub(crate) const LATENCY: Duration = Duration::from_millis(100);
/// Until a new load balancer is active (3.4: typically two to three minutes).
pub(crate) const ALB_PROVISIONS: Millis = 150 * SECOND;
/// Until a new network load balancer is active (3.4: typically two to five minutes).
pub(crate) const NLB_PROVISIONS: Millis = 180 * SECOND;
/// Until the network interfaces of a deleted load balancer are gone (3.3: one to five minutes).
pub(crate) const ALB_INTERFACES_LINGER: Millis = 60 * SECOND;
/// Until a subnet has left a network load balancer (3.4: at most three minutes).
pub(crate) const NLB_LEAVES: Millis = 90 * SECOND;
/// Until the network interfaces of stopped tasks are gone (3.3: at most two minutes).
pub(crate) const TASK_INTERFACES_LINGER: Millis = 20 * SECOND;
/// Until a VPC is available (3.2: less than five seconds).
pub(crate) const VPC_SETTLES: Millis = 2 * SECOND;
/// Until a NAT gateway is available (3.2: one to two minutes).
pub(crate) const NAT_STARTS: Millis = 90 * SECOND;
/// Until a NAT gateway that is deleted is gone, with its interface and its hold on its address (3.2: about a minute).
pub(crate) const NAT_GOES: Millis = 60 * SECOND;
/// Until an interface endpoint is available, or gone with its interfaces (3.2: a minute or so); one by routes takes seconds.
pub(crate) const ENDPOINT_SETTLES: Millis = 60 * SECOND;
/// The same for an endpoint by routes.
pub(crate) const ROUTES_SETTLE: Millis = 3 * SECOND;
/// Until a cluster and its capacity providers are settled (3.15: seconds).
pub(crate) const CLUSTER_SETTLES: Millis = 5 * SECOND;
/// Until a cluster that is deleted is inactive.
pub(crate) const CLUSTER_DEPROVISIONS: Millis = 5 * SECOND;
/// How long a cluster or service that is gone is shown as inactive (3.15, 3.17: it lingers; this long as users see it).
pub(crate) const TOMBSTONES_STAY: Millis = 3600 * SECOND;
/// How long the index of tags lists what is gone (1.3: minutes to hours).
pub(crate) const GHOSTS_STAY: Millis = 3 * 3600 * SECOND;
/// Until other services can assume a new role (3.10: five to fifteen seconds).
pub(crate) const ROLE_SETTLES: Millis = 12 * SECOND;
/// Until a new instance runs and has joined its cluster (3.13: one to two minutes).
pub(crate) const INSTANCES_START: Millis = 75 * SECOND;
/// How long an instance refresh takes for each instance.
pub(crate) const INSTANCE_REPLACED: Millis = 120 * SECOND;
/// Until an instance refresh that is cancelled is over.
pub(crate) const REFRESH_CANCELS: Millis = 10 * SECOND;
/// Until the instances of a group that is deleted are terminated (3.13: one to five minutes).
pub(crate) const INSTANCES_TERMINATE: Millis = 90 * SECOND;
/// Until a capacity provider that is deleted is gone, with its alarms (3.16).
pub(crate) const CAPACITY_PROVIDER_GOES: Millis = 10 * SECOND;
/// Until the first task of a deployment runs.
pub(crate) const TASK_STARTS: Millis = 40 * SECOND;
/// Between one task and the next.
pub(crate) const NEXT_TASK_STARTS: Millis = 10 * SECOND;
/// From the last task's start until the deployment is complete: health checks, then draining the old tasks.
pub(crate) const DEPLOYMENT_COMPLETES: Millis = 50 * SECOND;
/// Until the targets of new tasks pass their health checks, and until all traffic has shifted to them (3.17).
pub(crate) const TARGETS_ARE_WELL: Millis = 20 * SECOND;
pub(crate) const TRAFFIC_SHIFTS: Millis = 10 * SECOND;
/// Until the circuit breaker has seen enough tasks fail.
pub(crate) const CIRCUIT_BREAKS: Millis = 180 * SECOND;
/// How long a container has to stop (3.17: the default stop timeout).
pub(crate) const CONTAINER_STOPS: Millis = 30 * SECOND;
/// Until CloudFront has deployed a change (3.22: three to ten minutes).
pub(crate) const DISTRIBUTION_DEPLOYS: Millis = 300 * SECOND;

/// Until the records that validate a new certificate are known (3.24: a few seconds).
pub(crate) const RECORDS_KNOWN: Millis = 4 * SECOND;
/// Until all of Route 53's servers know a change (3.25: within a minute).
pub(crate) const RECORDS_SPREAD: Millis = 30 * SECOND;
/// Until a new namespace can be used: seconds, and longer with a hosted zone.
pub(crate) const NAMESPACE_SETTLES: Millis = 5 * SECOND;
pub(crate) const ZONED_NAMESPACE_SETTLES: Millis = 30 * SECOND;
/// Until a namespace that is deleted is gone.
pub(crate) const NAMESPACE_GOES: Millis = 10 * SECOND;
/// Until ECS has taken the tasks of a service that is gone out of the place where they are found, and what it made for
/// Service Connect.
pub(crate) const NAMES_LINGER: Millis = 15 * SECOND;
/// Until a certificate whose records are there is issued (3.24: one to ten minutes).
pub(crate) const CERTIFICATE_ISSUED: Millis = 120 * SECOND;
/// How long a certificate waits for its records (3.24).
pub(crate) const VALIDATION_TIMES_OUT: Millis = 72 * 3600 * SECOND;

/// A clock that goes on from where the last process left it.
#[derive(Debug)]
pub(crate) struct Clock {
    opened: Instant,
    base: Millis,
}

impl Clock {
    /// A clock that shows `base` now.
    pub(crate) fn starting_at(base: Millis) -> Self {
        Self { opened: Instant::now(), base }
    }

    /// What the clock shows.
    pub(crate) fn now(&self) -> Millis {
        let elapsed = Instant::now().duration_since(self.opened).as_millis();
        self.base.saturating_add(Millis::try_from(elapsed).unwrap_or(Millis::MAX))
    }
}
