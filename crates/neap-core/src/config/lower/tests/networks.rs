//! A VPC of the stack's own.

use serde_json::json;

use super::*;
use crate::desired::Network;

const OWN: &str = "[network]\ncidr = \"10.0.0.0/16\"\n";

/// The addresses of the parts of the network.
fn parts(desired: &Desired) -> Vec<String> {
    let is_part = |address: &&Address| crate::network::is_part(address.kind());
    desired.resources.keys().filter(is_part).map(ToString::to_string).collect()
}

/// The zones and blocks of the public subnets.
fn subnets(desired: &Desired) -> Vec<(String, String)> {
    let text = |address: &Address, path: &str| {
        field(desired, &address.to_string(), path).as_str().expect("a string").to_owned()
    };
    let subnets = desired.resources.keys().filter(|address| address.kind() == crate::address::Kind::Subnet);
    subnets.map(|address| (text(address, "zone"), text(address, "cidr"))).collect()
}

#[test]
fn one_line_is_a_whole_network() {
    let desired = with(OWN);
    let expected =
        ["vpc.main", "internet_gateway.main", "route_table.public", "subnet.public-1", "subnet.public-2"];
    assert_eq!(parts(&desired), expected);
    assert_eq!(desired.network, Network::Own("10.0.0.0/16".into()));
    assert_eq!(field(&desired, "vpc.main", "dns_hostnames"), json!(true));
    assert_eq!(
        field(&desired, "route_table.public", "routes"),
        json!({ "0.0.0.0/0": "${internet_gateway.main.id}" })
    );
    assert_eq!(field(&desired, "subnet.public-1", "route_table"), json!("${route_table.public.id}"));
    assert_eq!(resource(&desired, "subnet.public-2").tags["Name"], "course-public-2");
    let zone = |number: usize| format!("${{network.zone.{number}}}");
    let expected = [(zone(1), "10.0.0.0/20".to_owned()), (zone(2), "10.0.16.0/20".to_owned())];
    assert_eq!(subnets(&desired), expected);
}

#[test]
fn everything_that_lives_in_a_network_lives_in_the_stacks_own() {
    let text = edited(
        "image = \"${ecr.api}:v1\"",
        "image = \"${ecr.api}:v1\"\nenv = { A = \"$${network.vpc}\", B = \"${network.vpc}\", C = \"${network.subnets}\" }",
    );
    let desired =
        lower_text(&format!("{text}{OWN}[output]\nvpc = \"${{network.vpc}}\"\n")).expect("no mistakes");
    let public = json!(["${subnet.public-1.id}", "${subnet.public-2.id}"]);
    assert_eq!(field(&desired, "alb.public", "subnets"), public);
    assert_eq!(field(&desired, "service.api", "subnets"), public);
    for address in ["target_group.api", "security_group.alb-public", "security_group.service-api"] {
        assert_eq!(field(&desired, address, "vpc"), json!("${vpc.main.id}"), "{address}");
    }
    let env = json!({
        "A": "$${network.vpc}", "B": "${vpc.main.id}", "C": "${subnet.public-1.id},${subnet.public-2.id}",
    });
    assert_eq!(field(&desired, "task.api", "containers.app.env"), env);
    assert_eq!(desired.outputs["vpc"], "${vpc.main.id}");
    assert!(!desired.refers_to(crate::reference::Fact::Vpc));
}

#[test]
fn another_block_is_another_name_for_what_cannot_move() {
    let name = |more: &str, address: &str| field(&with(more), address, "name");
    for address in ["alb.public", "target_group.api"] {
        assert_ne!(name(OWN, address), name("", address), "{address}");
        assert_ne!(name(OWN, address), name("[network]\ncidr = \"10.1.0.0/16\"\n", address), "{address}");
    }
}

#[test]
fn zones_and_blocks_are_explicit_or_computed() {
    let named = |keys: &str| subnets(&with(&format!("{OWN}{keys}")));
    let pair = |zone: &str, block: &str| (zone.to_owned(), block.to_owned());
    assert_eq!(
        named("zones = [\"eu-west-1a\", \"eu-west-1c\"]\npublic = [\"10.0.7.0/24\", \"10.0.8.0/24\"]"),
        [pair("eu-west-1a", "10.0.7.0/24"), pair("eu-west-1c", "10.0.8.0/24")]
    );
    assert_eq!(named("zones = 3").last(), Some(&pair("${network.zone.3}", "10.0.32.0/20")));
    assert_eq!(named("public = [\"10.0.0.0/24\", \"10.0.1.0/24\", \"10.0.2.0/24\"]").len(), 3);
    let small = subnets(&with("[network]\ncidr = \"10.0.0.0/25\"\n"));
    assert_eq!(small.last(), Some(&pair("${network.zone.2}", "10.0.0.32/27")));
}

#[test]
fn blocks_that_do_not_fit_are_told_before_anything_is_made() {
    let check = |keys: &str, expected: &[&str]| {
        check_mistakes(&format!("{STACK}[network]\n{keys}"), expected);
    };
    let own = |keys: &str| format!("cidr = \"10.0.0.0/16\"\n{keys}");
    check("cidr = \"10.0.0.0/8\"", &["network.cidr: `10.0.0.0/8` is too large or too small"]);
    check("cidr = \"10.0.1.0/16\"", &["network.cidr: `10.0.1.0/16` has bits outside its mask"]);
    check("cidr = \"fd00::/56\"", &["network.cidr: `fd00::/56` is not a block of IPv4 addresses"]);
    check("cidr = \"10.0.0.0/28\"", &["network.cidr: `10.0.0.0/28` has no room for 2 subnets of `/28`"]);
    check(
        &own("public = [\"10.0.0.0/20\", \"10.0.8.0/24\"]"),
        &["network.public.1: `10.0.8.0/24` overlaps with `10.0.0.0/20`"],
    );
    check(
        &own("public = [\"10.0.0.0/20\", \"10.1.0.0/20\"]"),
        &["network.public.1: `10.1.0.0/20` is outside of the VPC, `10.0.0.0/16`"],
    );
    check(
        &own("zones = 3\npublic = [\"10.0.0.0/20\", \"10.0.16.0/20\"]"),
        &["network.public: 2 subnets in 3 availability zones; there is one in each"],
    );
    check(
        &own("public = [\"10.0.0.0/28\", \"10.0.16.0/20\"]"),
        &["network.public.0: too small for `alb.public`: AWS wants a `/27` at least"],
    );
}

#[test]
fn a_load_balancer_needs_two_zones() {
    let one = "network.zones: one availability zone, and `alb.public` needs two at least";
    check_more(&format!("{OWN}zones = 1\n"), one);
    check_more(&format!("{OWN}zones = [\"eu-west-1a\"]\n"), one);
    let by_block = "network.public: one availability zone, and `alb.public` needs two at least";
    check_more(&format!("{OWN}public = [\"10.0.0.0/20\"]\n"), by_block);
}

#[test]
fn zones_are_those_of_the_region() {
    check_more(
        &format!("{OWN}zones = [\"eu-west-1a\", \"x\"]\n"),
        "network.zones.1: `x` is not an availability zone",
    );
    check_more(
        &format!("{OWN}zones = [\"eu-west-1a\", \"eu-west-1a\"]\n"),
        "network.zones.1: `eu-west-1a` is there twice",
    );
    let text = edited("name = \"course\"", "name = \"course\"\nregion = \"eu-west-1\"");
    check_mistakes(
        &format!("{text}{OWN}zones = [\"eu-west-1a\", \"us-east-1b\"]\n"),
        &["network.zones.1: `us-east-1b` is not an availability zone of eu-west-1"],
    );
}

#[test]
fn a_network_is_either_made_or_looked_up() {
    check_more(
        &format!("{OWN}vpc = \"vpc-0ab\"\n"),
        "network.vpc: `cidr` makes a VPC of the stack's own, so none is looked up",
    );
    check_mistakes(
        &format!("{STACK}[network]\nzones = 2\npublic = [\"10.0.0.0/20\"]\nprotect = true\n"),
        &[
            "network.protect: `protect` without a VPC of the stack's own",
            "network.public: `public` without a VPC of the stack's own",
            "network.zones: `zones` without a VPC of the stack's own",
        ],
    );
}
