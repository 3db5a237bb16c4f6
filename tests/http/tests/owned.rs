//! What others own, over HTTP: a pipeline's revision runs on, and its image is carried forward.

use neap_http_tests::{Emulator, World};
use serde_json::{Value, json};

const STACK: &str = "examples/course-fargate/stack.toml";

/// The ARN of the revision that the service runs, and the image of its container.
fn running(world: &World) -> (String, Value) {
    let services = json!({ "cluster": "course-main", "services": ["course-api"] });
    let services = world.call("ecs", "describe_services", &services);
    let arn = services["services"][0]["taskDefinition"].as_str().expect("an ARN").to_owned();
    let revision = world.call("ecs", "describe_task_definition", &json!({ "taskDefinition": arn }));
    (arn, revision["taskDefinition"].clone())
}

/// Registers what runs with another image and without tags, and deploys it, as a pipeline does.
fn deploy(world: &World, image: &str) {
    let (_, definition) = running(world);
    let mut input = json!({ "family": definition["family"] });
    for key in [
        "containerDefinitions",
        "cpu",
        "memory",
        "networkMode",
        "requiresCompatibilities",
        "executionRoleArn",
        "runtimePlatform",
    ] {
        input[key] = definition[key].clone();
    }
    input["containerDefinitions"][0]["image"] = image.into();
    let made = world.call("ecs", "register_task_definition", &input);
    let arn = &made["taskDefinition"]["taskDefinitionArn"];
    let update = json!({ "cluster": "course-main", "service": "course-api", "taskDefinition": arn, "desiredCount": 2 });
    world.call("ecs", "update_service", &update);
}

#[test]
fn the_image_of_a_pipeline_and_the_count_of_an_autoscaler_are_carried_forward_on_moto() {
    let world = World::new(Emulator::Moto, STACK);
    world.edit("count = 1\n", "count = 1\nowned_elsewhere = [\"image\", \"count\"]\n");
    world.neap(&["apply", "--yes"]).expect(0);
    deploy(&world, "ghcr.io/course/api:2");
    let (theirs, _) = running(&world);
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    world.edit("memory = 512", "memory = 1024");
    world.neap(&["apply", "--yes"]).expect(0);
    let (ours, definition) = running(&world);
    assert_ne!(ours, theirs);
    assert_eq!(definition["memory"], "1024");
    assert_eq!(definition["containerDefinitions"][0]["image"], "ghcr.io/course/api:2");
    let services = json!({ "cluster": "course-main", "services": ["course-api"] });
    assert_eq!(world.call("ecs", "describe_services", &services)["services"][0]["desiredCount"], 2);
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    world.neap(&["destroy", "--yes"]).expect(0);
    world.neap(&["destroy", "--check"]).expect(0);
}
