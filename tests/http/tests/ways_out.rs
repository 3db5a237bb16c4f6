//! Private subnets and their ways out over HTTP: NAT gateways that come and go, and endpoints that others change.
//!
//! On moto alone: ministack is asked by the life of `two-services`.

use neap_http_tests::{Emulator, World};
use serde_json::{Value, json};

fn no_change(world: &World) {
    let plan = world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    assert!(plan.stdout.contains("No changes"), "{}", plan.stdout);
}

/// How many NAT gateways, addresses and endpoints there are.
fn ways_out(world: &World) -> [usize; 3] {
    let listing = world.listing();
    ["nat gateways", "elastic ips", "vpc endpoints"].map(|kind| listing[kind].as_array().map_or(0, Vec::len))
}

/// The endpoint that is there for `service`.
fn endpoint(world: &World, service: &str) -> Value {
    let asked = json!({ "Filters": [{ "Name": "vpc-endpoint-state", "Values": ["available"] }] });
    let answer = world.call("ec2", "describe_vpc_endpoints", &asked);
    let mut all = answer["VpcEndpoints"].as_array().cloned().unwrap_or_default().into_iter();
    let found = all.find(|it| it["ServiceName"].as_str().is_some_and(|name| name.ends_with(service)));
    found.unwrap_or_else(|| panic!("no endpoint for {service}"))
}

#[test]
fn ways_out_come_and_go_and_are_put_back_on_moto() {
    let world = World::new(Emulator::Moto, "tests/cases/private-network/stack.toml");
    world.edit("region = \"eu-west-1\"\n", "");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(ways_out(&world), [1, 1, 1]);
    no_change(&world);
    world.edit("nat = \"one\"", "nat = \"per_zone\"");
    world.edit("endpoints = [\"s3\"]", "endpoints = [\"s3\", \"ecr.api\"]");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(ways_out(&world), [2, 2, 2]);
    assert_eq!(endpoint(&world, ".s3")["RouteTableIds"].as_array().map(Vec::len), Some(3));
    no_change(&world);

    // Somebody narrows one endpoint and takes a subnet from another.
    let (s3, api) = (endpoint(&world, ".s3"), endpoint(&world, ".ecr.api"));
    let policy =
        json!({ "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*" }] });
    let narrow = json!({ "VpcEndpointId": s3["VpcEndpointId"], "PolicyDocument": policy.to_string() });
    world.call("ec2", "modify_vpc_endpoint", &narrow);
    let fewer = json!({ "VpcEndpointId": api["VpcEndpointId"], "RemoveSubnetIds": [api["SubnetIds"][0]] });
    world.call("ec2", "modify_vpc_endpoint", &fewer);
    let plan = world.neap(&["plan"]).expect(0);
    assert!(plan.stdout.contains("2 to update"), "{}", plan.stdout);
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(endpoint(&world, ".ecr.api")["SubnetIds"].as_array().map(Vec::len), Some(2));
    no_change(&world);

    // And without a way to the internet.
    world.edit("nat = \"per_zone\"\n", "");
    world.edit("asks_from = \"${elastic_ip.nat-1.public_ip}\"", "");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(ways_out(&world), [0, 0, 2]);
    no_change(&world);
    world.neap(&["destroy", "--check"]).expect(4);
    world.neap(&["destroy", "--yes"]).expect(0);
    world.neap(&["destroy", "--check"]).expect(0);
    assert_eq!(ways_out(&world), [0, 0, 0]);
}
