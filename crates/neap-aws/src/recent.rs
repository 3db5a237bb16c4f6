//! What this process has changed a moment ago and a later look cannot tell by itself.
//!
//! Decides nothing: it remembers, so that looks can be held against it. Must not know what follows from it. It ends with
//! the process: the next run starts from what is live.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_types::DateTime;

/// The changes of one process. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent(Arc<Mutex<Changes>>);

#[derive(Debug, Default)]
struct Changes {
    /// When the trust policy of the role of this name was changed.
    trust: HashMap<String, Instant>,
    /// When, by ECS's clock, the newest deployment of the service with this ARN began as its last update was answered.
    deployments: HashMap<String, DateTime>,
    /// The ARNs of certificates whose records were put.
    validated: HashSet<String>,
    /// The id of the last change of the records of this name.
    records: HashMap<String, String>,
    /// The attempts of the group of this name to launch instances that were there before its last change, or the first look.
    launches: HashMap<String, HashSet<String>>,
    /// The id of the replacement of instances that was last started for the group of this name.
    refreshes: HashMap<String, String>,
    /// The id of the operation of Cloud Map, or of the replacement of a group's instances, by which this is being done.
    operations: HashMap<String, String>,
}

impl Recent {
    /// The trust policy of this role has just been changed.
    pub(crate) fn trust_changed(&self, role: &str) {
        self.with(|changes| changes.trust.insert(role.to_owned(), Instant::now()));
    }

    /// How long ago the trust policy of this role was changed, if it was.
    pub(crate) fn since_trust_changed(&self, role: &str) -> Option<Duration> {
        self.with(|changes| changes.trust.get(role).map(Instant::elapsed))
    }

    /// An update of this service was answered, with a newest deployment that began at `begun`.
    pub(crate) fn deployed(&self, service: &str, begun: DateTime) {
        self.with(|changes| changes.deployments.insert(service.to_owned(), begun));
    }

    /// When the deployment began that the last update of this service brought or left.
    pub(crate) fn deployment(&self, service: &str) -> Option<DateTime> {
        self.with(|changes| changes.deployments.get(service).copied())
    }

    /// The records that validate this certificate have just been put.
    pub(crate) fn validated(&self, certificate: &str) {
        self.with(|changes| changes.validated.insert(certificate.to_owned()));
    }

    /// Whether the records that validate this certificate were put.
    pub(crate) fn is_validated(&self, certificate: &str) -> bool {
        self.with(|changes| changes.validated.contains(certificate))
    }

    /// The records of this name are being changed, by a change with this id.
    pub(crate) fn changed(&self, name: &str, change: &str) {
        self.with(|changes| changes.records.insert(name.to_owned(), change.to_owned()));
    }

    /// The id of the last change of the records of this name.
    pub(crate) fn change(&self, name: &str) -> Option<String> {
        self.with(|changes| changes.records.get(name).cloned())
    }

    /// The group of this name is about to be made or changed: `earlier` are its attempts so far.
    pub(crate) fn launches_from(&self, group: &str, earlier: HashSet<String>) {
        self.with(|changes| changes.launches.insert(group.to_owned(), earlier));
    }

    /// Whether this attempt of a group is from after its last change. Where this process has not changed it, the first look decides:
    /// whoever looks has perhaps mended what made the attempts `so_far` fail.
    pub(crate) fn is_new_launch(
        &self,
        group: &str,
        attempt: &str,
        so_far: impl FnOnce() -> HashSet<String>,
    ) -> bool {
        self.with(|changes| {
            !changes.launches.entry(group.to_owned()).or_insert_with(so_far).contains(attempt)
        })
    }

    /// A replacement of the instances of this group has been started.
    pub(crate) fn refreshed(&self, group: &str, refresh: &str) {
        self.with(|changes| changes.refreshes.insert(group.to_owned(), refresh.to_owned()));
    }

    /// The id of the replacement of instances that was last started for this group.
    pub(crate) fn refresh(&self, group: &str) -> Option<String> {
        self.with(|changes| changes.refreshes.get(group).cloned())
    }

    /// AWS does this by an operation with this id.
    pub(crate) fn operating(&self, what: &str, operation: &str) {
        self.with(|changes| changes.operations.insert(what.to_owned(), operation.to_owned()));
    }

    /// The id of the operation by which this is being done.
    pub(crate) fn operation(&self, what: &str) -> Option<String> {
        self.with(|changes| changes.operations.get(what).cloned())
    }

    /// The operation by which this was to be done is over.
    pub(crate) fn over(&self, what: &str) {
        self.with(|changes| changes.operations.remove(what));
    }

    fn with<T>(&self, look: impl FnOnce(&mut Changes) -> T) -> T {
        // No change of the maps can be left half-done.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_and_service_has_its_own_last_change() {
        let recent = Recent::default();
        let same = recent.clone();
        recent.trust_changed("api");
        recent.deployed("arn:api", DateTime::from_secs(1));
        recent.deployed("arn:api", DateTime::from_secs(2));
        assert!(same.since_trust_changed("api").is_some());
        assert_eq!(same.since_trust_changed("worker"), None);
        assert_eq!(same.deployment("arn:api"), Some(DateTime::from_secs(2)));
        assert_eq!(same.deployment("arn:worker"), None);
        recent.changed("app.example.com", "C1");
        assert_eq!(same.change("app.example.com"), Some("C1".to_owned()));
        assert_eq!(same.change("example.com"), None);
        recent.refreshed("web", "r-1");
        assert_eq!((same.refresh("web"), same.refresh("db")), (Some("r-1".to_owned()), None));
        recent.operating("ns-1", "op-1");
        assert_eq!(same.operation("ns-1"), Some("op-1".to_owned()));
        recent.over("ns-1");
        assert_eq!(same.operation("ns-1"), None);
        recent.validated("arn:site");
        assert!(same.is_validated("arn:site") && !same.is_validated("arn:other"));
    }

    #[test]
    fn attempts_to_launch_from_before_a_change_are_old() {
        let recent = Recent::default();
        let ids = |ids: &[&str]| -> HashSet<String> { ids.iter().map(ToString::to_string).collect() };
        recent.launches_from("new", ids(&[]));
        assert!(recent.is_new_launch("new", "1", || ids(&["1"])), "nothing failed before it was made");
        recent.launches_from("changed", ids(&["1"]));
        assert!(!recent.is_new_launch("changed", "1", || ids(&[])));
        assert!(recent.is_new_launch("changed", "2", || ids(&[])));
        assert!(!recent.is_new_launch("watched", "1", || ids(&["1"])), "the first look");
        assert!(recent.is_new_launch("watched", "2", || ids(&["2", "1"])), "it failed again");
    }
}
