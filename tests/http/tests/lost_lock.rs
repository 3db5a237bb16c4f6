//! A lock that is lost while an apply works, and one that may not be taken, over HTTP.

use neap_fault_proxy::{Fault, Only, Strike};
use neap_http_tests::{Disturbed, Emulator, World};
use serde_json::{Value, json};

/// A load balancer and its listener, each of which waits for the one before.
const STACK: &str = "[stack]\nname = \"course\"\n[alb.public.listener.http]\nport = 80\n\
                     default = { fixed_response = { status = 404 } }\n";
const LOCK: &str = "/neap/course/lock";

fn disturbed() -> Disturbed {
    let world = World::new(Emulator::Moto, "stack.toml");
    std::fs::write(world.stack_file(), STACK).expect("the stack file");
    Disturbed::new(world)
}

fn strike(operation: &str, times: usize, fault: Fault) -> Vec<Strike> {
    vec![Strike { only: Only::Operation(operation.to_owned()), nth: 1, times, fault }]
}

/// Takes the lock from whoever has it, as somebody on another host can who removes it first.
fn take_from_them(world: &World) {
    world.neap(&["unlock", "--yes"]).expect(0);
    let record = json!({
        "format": 1, "stack": "course", "owner": "5f0c6a3f9be94d0e8a4f2f5d3f6f7a10", "who": "ada@build-7", "process": 4711,
        "command": "neap apply", "since": "2126-01-01T12:00:00Z", "expires": "2126-01-01T12:01:30Z",
    });
    let parameter = json!({ "Name": LOCK, "Value": record.to_string(), "Type": "String" });
    world.call("ssm", "put_parameter", &parameter);
}

#[test]
fn an_apply_whose_lock_was_taken_stops_before_its_next_change_on_moto() {
    let disturbed = disturbed();
    let script = strike("elasticloadbalancing:CreateLoadBalancer", 1, Fault::Gate);
    let ended = disturbed.neap_while(&["apply", "--yes"], script, |proxy, stderr| {
        proxy.await_gate();
        take_from_them(&disturbed.world);
        // It hears of that when it renews its own.
        stderr.wait_for("nothing new is started");
        proxy.open_gate();
    });
    let operations: Vec<String> = ended.mutations().map(|seen| seen.operation.to_string()).collect();
    let run = ended.run.expect(5);
    for said in [
        "warning: the stack's lock is lost: ada@build-7 took it over at 2126-01-01T12:00:00Z; nothing new is started",
        "error: the stack's lock was lost meanwhile: ada@build-7 took it over at 2126-01-01T12:00:00Z",
        "hint: once nobody else works on the stack, run it again: it goes on from what is live",
    ] {
        assert!(run.stderr.contains(said), "{said}\n{}", run.stderr);
    }
    let listing = disturbed.world.listing();
    let balancers = listing["load balancers"].as_array().map_or(0, Vec::len);
    assert_eq!(balancers, 1, "what was under way is finished: {listing}");
    assert_eq!(listing["listeners"], Value::Null, "and nothing else begun: {}", operations.join(", "));
    let lock = disturbed.world.call("ssm", "get_parameter", &json!({ "Name": LOCK }));
    assert!(lock.to_string().contains("ada@build-7"), "the other's lock is left alone: {lock}");

    disturbed.world.neap(&["apply", "--yes"]).expect(5);
    disturbed.world.neap(&["unlock", "--yes"]).expect(0);
    disturbed.world.neap(&["apply", "--yes"]).expect(0);
    disturbed.world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    disturbed.world.neap(&["destroy", "--yes"]).expect(0);
}

#[test]
fn who_may_not_take_the_lock_is_told_the_permission_and_changes_nothing_on_moto() {
    let disturbed = disturbed();
    for command in ["apply", "destroy"] {
        let script = strike("ssm:PutParameter", usize::MAX, Fault::Deny);
        let ended = disturbed.neap(&[command, "--yes"], script);
        let changes = ended.mutations().map(|seen| seen.operation.to_string());
        assert_eq!(changes.collect::<Vec<_>>(), ["ssm:PutParameter"], "asked once, and nothing else");
        let run = ended.run.expect(1);
        for said in [
            "the stack could not be locked, so nothing was changed",
            "ssm:PutParameter",
            "`lock = \"none\"` in `[stack]` does without a lock",
        ] {
            assert!(run.stderr.contains(said), "{said}\n{}", run.stderr);
        }
        assert_eq!(disturbed.world.listing(), json!({}));
    }
}
