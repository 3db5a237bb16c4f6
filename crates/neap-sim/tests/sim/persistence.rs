//! The world between two processes: nothing is lost, whenever the first one stops.

use std::fs;
use std::path::Path;
use std::time::Duration;

use neap_core::live::Phase;
use neap_engine::cloud::Cloud;
use neap_sim::{Fault, FaultKind, Sim, SimError};

use crate::stack::{System, create, facts, must_create, present, repository, resource, until_ready};

fn open(folder: &Path) -> Sim {
    Sim::open(folder).expect("a world")
}

#[tokio::test(start_paused = true)]
async fn a_world_is_the_same_when_it_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = open(folder.path());
    let system = System::create(&first).await;
    let before = first.resources();
    drop(first);
    let second = open(folder.path());
    assert_eq!(second.resources(), before);
    system.delete(&second).await;
    assert_eq!(open(folder.path()).resources(), []);
}

#[tokio::test(start_paused = true)]
async fn the_clock_goes_on_from_where_the_last_process_left_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = open(folder.path());
    let system = System::create_unsettled(&first).await;
    let (alb, found) = system.part("alb.public");
    let waited = until_ready(&first, &alb, &found.outputs).await.expect("ready");
    let now = first.now();
    assert!(waited > Duration::from_secs(60), "{waited:?}");
    drop(first);
    let second = open(folder.path());
    assert!(second.now() <= now && now - second.now() < Duration::from_secs(2));
    assert_eq!(present(&second, "alb.public", &alb).await.phase, Phase::Ready);
}

#[tokio::test(start_paused = true)]
async fn each_call_is_saved_before_it_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let sim = open(folder.path());
    let desired = resource("ecr.api", repository("course-api"));
    sim.fault(Fault::once("ecr:PutLifecyclePolicy", FaultKind::Throttle));
    create(&sim, &desired).await.expect_err("the second call is throttled");
    let other = open(folder.path());
    let half = other.resources();
    assert_eq!(half.len(), 1);
    assert_eq!(half[0].resource.fields()["lifecycle_policy"], serde_json::Value::Null);
    must_create(&other, &desired).await;
    assert_eq!(open(folder.path()).resources()[0].resource, desired.resource);
}

#[tokio::test(start_paused = true)]
async fn reading_leaves_no_file_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    facts(&open(folder.path())).await;
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_waits_for_has_still_happened() {
    let sim = Sim::in_memory();
    let desired = resource("ecr.api", repository("course-api"));
    let spec = desired.spec();
    let call = sim.create(&desired, &spec);
    tokio::time::timeout(Duration::from_millis(60), call).await.expect_err("half-way");
    assert_eq!(sim.resources().len(), 1);
    assert_eq!(sim.counts()["ecr:CreateRepository"], 1);
}

#[test]
fn a_damaged_file_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    for text in ["", "{", "[]", "{\"version\": 1}", "\u{0}"] {
        fs::write(folder.path().join("sandbox.json"), text).expect("written");
        let error = Sim::open(folder.path()).expect_err(text);
        assert!(matches!(error, SimError::Damaged { .. }), "{error}");
        assert!(error.to_string().ends_with("delete it to start with an empty sandbox"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_of_another_version_is_not_guessed_at() {
    let folder = tempfile::tempdir().expect("a folder");
    create(&open(folder.path()), &resource("ecr.api", repository("xx"))).await.expect("created");
    let file = folder.path().join("sandbox.json");
    let text = fs::read_to_string(&file).expect("a file").replace("\"version\": 1", "\"version\": 2");
    fs::write(&file, text).expect("written");
    let error = Sim::open(folder.path()).expect_err("another version").to_string();
    assert!(error.contains("it has version 2, not 1"), "{error}");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn only_its_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    create(&open(folder.path()), &resource("ecr.api", repository("xx"))).await.expect("created");
    let file = fs::metadata(folder.path().join("sandbox.json")).expect("a file");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}
