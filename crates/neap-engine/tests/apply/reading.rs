//! Reading, and proving that nothing is left.

use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::live::{Live, ReadFailure, Reading};
use neap_engine::cloud::ErrorKind;
use neap_engine::read::read;
use neap_engine::residue::residue;

use crate::plans::{environment, live};
use crate::scripted::{Scripted, error};

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn failure(operation: &str) -> ReadFailure {
    ReadFailure {
        operation: operation.to_owned(),
        code: None,
        message: "not authorized".to_owned(),
        denied: true,
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_read_is_repeated_and_a_denied_one_is_not() {
    let nothing = Live::empty(environment());
    let cloud = Scripted::new()
        .fails("read everything", &[ErrorKind::Throttled, ErrorKind::Unavailable])
        .reads(Ok(nothing.clone()));
    assert_eq!(read(&cloud, &Desired::default()).await, Ok(nothing));
    assert_eq!(cloud.times("read everything").len(), 3);

    for kind in [ErrorKind::Denied, ErrorKind::Credentials, ErrorKind::NotYet, ErrorKind::NotFound] {
        let refused = error(kind, "read everything");
        let cloud = Scripted::new().reads(Err(refused.clone()));
        assert_eq!(read(&cloud, &Desired::default()).await, Err(refused));
        assert_eq!(cloud.times("read everything").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_present_or_an_orphan_is_left_and_what_is_foreign_is_not() {
    let mut after = Live::empty(environment());
    let present = live(&address("service.api"));
    let orphan = live(&address("alb.old"));
    let foreign = Reading::Foreign(Box::new(live(&address("ecr.api"))));
    after.readings.insert(address("service.api"), Reading::Present(Box::new(present.clone())));
    after.readings.insert(address("ecr.api"), foreign);
    after.readings.insert(address("cluster.main"), Reading::Absent);
    after.orphans.push(orphan.clone());
    let cloud = Scripted::new().reads(Ok(after));
    let found = residue(&cloud, &Desired::default()).await.expect("a reading");
    assert_eq!(found.left, [orphan, present]);
    assert!(found.unread.is_empty() && !found.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_no_proof_that_nothing_is_left() {
    let mut after = Live::empty(environment());
    after.readings.insert(address("role.task"), Reading::Unreadable(failure("iam:GetRole")));
    after.failures.push(failure("ecs:ListClusters"));
    let cloud = Scripted::new().reads(Ok(after)).reads(Ok(Live::empty(environment())));
    let found = residue(&cloud, &Desired::default()).await.expect("a reading");
    assert_eq!(found.unread, [failure("ecs:ListClusters"), failure("iam:GetRole")]);
    assert!(!found.is_none());
    assert!(residue(&cloud, &Desired::default()).await.expect("a reading").is_none());
}
