//! Scripts of what is live behind the stack's back.

use neap_core::address::Kind;
use neap_core::live::Reading;
use neap_core::outputs;
use neap_sim::Sim;

use crate::stack::{System, present, read_one, repository, resource};

#[tokio::test(start_paused = true)]
async fn something_foreign_of_every_kind_can_be_there() {
    for kind in Kind::ALL {
        let sim = Sim::in_memory();
        sim.seed(&format!("[[foreign]]\nkind = \"{kind}\"\ntags = {{ owner = \"somebody\" }}"))
            .expect("a script");
        let there = sim.resources();
        assert_eq!((there.len(), there[0].kind()), (1, kind));
        assert_eq!(there[0].tags["owner"], "somebody");
        for name in outputs::names(kind) {
            assert!(!there[0].outputs[*name].is_empty(), "{kind}: {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn foreign_things_have_the_fields_of_the_script() {
    let sim = Sim::in_memory();
    let script = "[[foreign]]\nkind = \"ecr\"\nname = \"course-api\"\nfields = { scan_on_push = false }";
    sim.seed(script).expect("a script");
    let reading = read_one(&sim, "ecr.api", &resource("ecr.api", repository("course-api"))).await;
    let Reading::Foreign(foreign) = reading else { panic!("{reading:?}") };
    assert_eq!(foreign.resource.fields()["scan_on_push"], false);
    assert_eq!(foreign.outputs["uri"], "123456789012.dkr.ecr.us-east-1.amazonaws.com/course-api");
}

#[tokio::test(start_paused = true)]
async fn live_fields_and_tags_change_and_resources_vanish() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let script = r#"
        [[set]]
        address = "service.api"
        path = "count"
        value = 3

        [[set]]
        address = "task.api"
        path = "containers.app.env"
        value = { NODE_ENV = "test" }

        [[tag]]
        address = "service.api"
        key = "team"
        value = "web"

        [[tag]]
        address = "service.api"
        key = "neap:spec"

        [[remove]]
        address = "cloudfront.site"
    "#;
    sim.seed(script).expect("a script");
    let (service, _) = system.part("service.api");
    let found = present(&sim, "service.api", &service).await;
    assert_eq!(found.resource.fields()["count"], 3);
    assert_eq!((found.tags["team"].as_str(), found.spec()), ("web", None));
    let (task, _) = system.part("task.api");
    let found = present(&sim, "task.api", &task).await;
    assert_eq!(found.resource.fields()["containers"]["app"]["env"]["NODE_ENV"], "test");
    let (site, _) = system.part("cloudfront.site");
    assert_eq!(read_one(&sim, "cloudfront.site", &site).await, Reading::Absent);
}

#[test]
fn scripts_that_make_no_sense_are_refused() {
    let sim = Sim::in_memory();
    for (script, expected) in [
        ("[[remove]]\naddress = \"ecr.none\"", "nothing live is tagged as `ecr.none`"),
        ("[[foreign]]\nkind = \"ecr\"\nfields = { scan_on_push = 3 }", "these are no fields of a ecr"),
        ("[[foreign]]\nkind = \"castle\"", "unknown variant `castle`"),
        ("[[delete]]\naddress = \"ecr.x\"", "unknown field `delete`"),
        ("[[missing]]\nthing = \"x\"", "unknown variant `thing`"),
    ] {
        let error = sim.seed(script).expect_err(script).to_string();
        assert!(error.contains(expected), "{script}: {error}");
    }
}
