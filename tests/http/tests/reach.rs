//! A load balancer that only CloudFront reaches, over HTTP: AWS's prefix list stands in its group, and goes again.
//!
//! On moto alone: ministack loses rules whose other side is a prefix list.

use neap_http_tests::{Emulator, World};
use serde_json::{Value, json};

const CLOSED: &str = "[alb.public]\nreachable_from = \"cloudfront\"\n\n[alb.public.listener.http]";
const OPEN: &str = "[alb.public.listener.http]";

/// What the load balancer's group lets in.
fn let_in(world: &World) -> Value {
    let groups =
        json!({ "Filters": [{ "Name": "tag:neap:address", "Values": ["security_group.alb-public"] }] });
    let groups = world.call("ec2", "describe_security_groups", &groups);
    groups["SecurityGroups"][0]["IpPermissions"].clone()
}

#[test]
fn a_load_balancer_that_only_cloudfront_reaches_opens_and_closes_in_place_on_moto() {
    let world = World::new(Emulator::Moto, "examples/course-fargate/stack.toml");
    let name = "com.amazonaws.global.cloudfront.origin-facing";
    let lists = json!({ "Filters": [{ "Name": "prefix-list-name", "Values": [name] }] });
    let lists = world.call("ec2", "describe_managed_prefix_lists", &lists);
    let list = &lists["PrefixLists"][0]["PrefixListId"];
    world.edit(OPEN, CLOSED);
    world.neap(&["apply", "--yes"]).expect(0);
    let closed = let_in(&world);
    assert_eq!(closed[0]["PrefixListIds"][0]["PrefixListId"], *list);
    assert_eq!(
        (closed[0]["FromPort"].as_u64(), closed[0]["IpRanges"].as_array().map(Vec::len)),
        (Some(80), Some(0))
    );
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    world.edit(CLOSED, OPEN);
    world.neap(&["apply", "--yes"]).expect(0);
    let open = let_in(&world);
    assert_eq!(open[0]["IpRanges"][0]["CidrIp"], "0.0.0.0/0");
    assert_eq!(open[0]["PrefixListIds"].as_array().map(Vec::len), Some(0));
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    world.neap(&["destroy", "--yes"]).expect(0);
    world.neap(&["destroy", "--check"]).expect(0);
}
