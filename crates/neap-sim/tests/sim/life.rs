//! The whole life of a system: created, found as it was asked for, deleted without a trace.

use neap_core::live::{Phase, Reading};
use neap_engine::cloud::Cloud;
use neap_sim::Sim;

use crate::stack::{System, live, until_gone};

#[tokio::test(start_paused = true)]
async fn a_system_is_read_as_it_was_created() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let desired = system.desired();
    let reading = sim.read(&desired).await.expect("a reading");
    assert_eq!((reading.orphans.len(), reading.failures.len()), (0, 0));
    for (address, wanted) in &desired.resources {
        let Reading::Present(found) = &reading.readings[address] else {
            panic!("{address}: {:?}", reading.readings[address]);
        };
        assert_eq!(found.phase, Phase::Ready, "{address}");
        assert_eq!(found.spec(), Some(wanted.spec().as_str()), "{address}");
        let mut fields = found.resource.fields();
        if address.to_string() == "cluster.main" {
            // The account's own setting, which the stack leaves alone.
            assert_eq!(fields["container_insights"], "disabled");
            fields.as_object_mut().expect("fields").remove("container_insights");
        }
        assert_eq!(fields, wanted.resource.fields(), "{address}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_system_is_deleted_without_a_trace() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    system.delete(&sim).await;
    assert_eq!(sim.resources(), []);
    let reading = sim.read(&system.desired()).await.expect("a reading");
    assert!(reading.readings.values().all(|reading| *reading == Reading::Absent));
    assert_eq!(reading.orphans, []);
}

#[tokio::test(start_paused = true)]
async fn creating_and_deleting_may_be_repeated() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let before = sim.resources();
    for (desired, outputs) in &system.parts {
        let again = sim.create(desired, &desired.spec()).await.expect("the first one");
        assert_eq!(again, *outputs);
    }
    assert_eq!(sim.resources(), before);
    for (desired, outputs) in system.parts.iter().rev() {
        let live = live(desired, outputs);
        until_gone(&sim, &live).await;
        sim.delete(&live).await.expect("gone is done");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_to_what_is_live_already_makes_no_call() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    sim.forget_calls();
    for (desired, outputs) in &system.parts {
        sim.update(&live(desired, outputs), desired, &desired.spec()).await.expect("nothing to do");
    }
    assert_eq!(sim.calls(), []);
}
