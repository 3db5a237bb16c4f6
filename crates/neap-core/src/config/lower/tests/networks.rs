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
    for block in ["0.0.0.0/16", "127.0.0.0/16", "169.254.0.0/16", "224.0.0.0/16"] {
        let mistake = format!("network.cidr: no host can have the addresses of `{block}`");
        check(&format!("cidr = \"{block}\""), &[&mistake]);
    }
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

const PRIVATE: &str = "[network]\ncidr = \"10.0.0.0/16\"\nprivate = true\n";

/// The kind and name of each part that is not of the public network.
fn ways(desired: &Desired) -> Vec<String> {
    let public = parts(&with(OWN));
    parts(desired).into_iter().filter(|part| !public.contains(part)).collect()
}

#[test]
fn private_subnets_have_blocks_of_their_own_that_more_zones_do_not_move() {
    let blocks = |keys: &str| {
        let all = subnets(&with(&format!("{PRIVATE}{keys}")));
        all.into_iter().map(|(_, block)| block).collect::<Vec<_>>()
    };
    assert_eq!(blocks(""), ["10.0.128.0/20", "10.0.144.0/20", "10.0.0.0/20", "10.0.16.0/20"]);
    assert_eq!(
        blocks("zones = 3\n"),
        ["10.0.128.0/20", "10.0.144.0/20", "10.0.160.0/20", "10.0.0.0/20", "10.0.16.0/20", "10.0.32.0/20"]
    );
    let desired = with(PRIVATE);
    assert_eq!(field(&desired, "subnet.private-2", "zone"), json!("${network.zone.2}"));
    assert_eq!(field(&desired, "subnet.private-2", "public_ip"), json!(false));
    assert_eq!(field(&desired, "route_table.private", "routes"), json!({}));
    let named = with(&format!(
        "{OWN}private = [\"10.0.7.0/24\", \"10.0.8.0/24\", \"10.0.9.0/24\"]\nzones = 3\npublic = [\"10.0.1.0/24\", \"10.0.2.0/24\", \"10.0.3.0/24\"]"
    ));
    assert_eq!(field(&named, "subnet.private-3", "cidr"), json!("10.0.9.0/24"));
    let by_number = subnets(&with(&format!(
        "{OWN}private = [\"10.0.128.0/24\", \"10.0.129.0/24\", \"10.0.130.0/24\"]\n"
    )));
    assert_eq!(by_number.len(), 6);
    let small = subnets(&with("[network]\ncidr = \"10.0.0.0/25\"\nprivate = true\n"));
    assert_eq!(small.first().map(|(_, block)| block.as_str()), Some("10.0.0.64/27"));
}

#[test]
fn private_blocks_that_do_not_fit_are_told_before_anything_is_made() {
    let check = |keys: &str, expected: &str| check_more(&format!("{OWN}{keys}\n"), expected);
    check(
        "private = [\"10.0.0.0/24\", \"10.0.40.0/24\"]",
        "network.private.0: `10.0.0.0/24` overlaps with the public subnet `10.0.0.0/20`",
    );
    check(
        "private = [\"10.0.40.0/24\", \"10.0.40.128/25\"]",
        "network.private.1: `10.0.40.128/25` overlaps with `10.0.40.0/24`",
    );
    check(
        "private = [\"10.0.40.0/24\", \"10.1.0.0/24\"]",
        "network.private.1: `10.1.0.0/24` is outside of the VPC, `10.0.0.0/16`",
    );
    check(
        "zones = 3\nprivate = [\"10.0.140.0/24\", \"10.0.141.0/24\"]",
        "network.private: 2 subnets in 3 availability zones; there is one in each",
    );
    check(
        "private = true\npublic = [\"10.0.0.0/24\", \"10.0.128.0/17\"]",
        "network.private: a private subnet would have `10.0.128.0/20`, which overlaps with `10.0.128.0/17`",
    );
    check_more(
        "[network]\ncidr = \"10.0.0.0/26\"\nprivate = true\n",
        "network.cidr: `10.0.0.0/26` has no room for 2 subnets of each sort of `/27`",
    );
}

#[test]
fn a_nat_gateway_is_there_only_when_asked_for() {
    let one = with(&format!("{PRIVATE}nat = \"one\"\n"));
    let expected = [
        "elastic_ip.nat-1",
        "nat_gateway.nat-1",
        "route_table.private",
        "subnet.private-1",
        "subnet.private-2",
    ];
    assert_eq!(ways(&one), expected);
    assert_eq!(field(&one, "nat_gateway.nat-1", "subnet"), json!("${subnet.public-1.id}"));
    assert_eq!(field(&one, "nat_gateway.nat-1", "address"), json!("${elastic_ip.nat-1.id}"));
    let route = |desired: &Desired, table: &str| field(desired, table, "routes")["0.0.0.0/0"].clone();
    assert_eq!(route(&one, "route_table.private"), json!("${nat_gateway.nat-1.id}"));
    let each = with(&format!("{PRIVATE}nat = \"per_zone\"\n"));
    assert_eq!(route(&each, "route_table.private-2"), json!("${nat_gateway.nat-2.id}"));
    assert_eq!(field(&each, "subnet.private-2", "route_table"), json!("${route_table.private-2.id}"));
    assert_eq!(field(&each, "nat_gateway.nat-2", "subnet"), json!("${subnet.public-2.id}"));
    check_more(&format!("{OWN}nat = \"one\"\n"), "network.nat: a NAT gateway without private subnets");
}

#[test]
fn tasks_are_in_private_subnets_where_those_have_a_way_out_and_load_balancers_where_their_clients_are() {
    let private = json!(["${subnet.private-1.id}", "${subnet.private-2.id}"]);
    let public = json!(["${subnet.public-1.id}", "${subnet.public-2.id}"]);
    let natted = format!("{PRIVATE}nat = \"one\"\n");
    let desired = with(&natted);
    assert_eq!(field(&desired, "service.api", "subnets"), private);
    assert_eq!(field(&desired, "service.api", "public_ip"), json!(false));
    assert_eq!(field(&desired, "alb.public", "subnets"), public);
    assert!(resource(&desired, "service.api").after.contains(&"nat_gateway.nat-1".parse().expect("one")));
    let without = with(PRIVATE);
    assert_eq!(field(&without, "service.api", "subnets"), public);
    assert_eq!(field(&without, "service.api", "public_ip"), json!(true));
    let changed = |from: &str, to: &str| lower_text(&format!("{}{natted}", edited(from, to)));
    let asked =
        changed("cluster = \"main\"", "cluster = \"main\"\nsubnets = \"public\"").expect("no mistakes");
    assert_eq!(field(&asked, "service.api", "subnets"), public);
    assert_eq!(field(&asked, "service.api", "public_ip"), json!(true));
    let internal =
        edited("[alb.public.listener", "[alb.public]\nscheme = \"internal\"\n[alb.public.listener");
    let internal = lower_text(&format!("{internal}{PRIVATE}")).expect("no mistakes");
    assert_eq!(field(&internal, "alb.public", "subnets"), private);
}

#[test]
fn what_could_not_work_where_it_is_put_is_a_mistake() {
    let check = |from: &str, to: &str, network: &str, expected: &str| {
        check_mistakes(&format!("{}{network}", edited(from, to)), &[expected]);
    };
    let service = "cluster = \"main\"";
    let in_private = "cluster = \"main\"\nsubnets = \"private\"";
    check(
        service,
        in_private,
        PRIVATE,
        "service.api.subnets: its tasks would not reach `ecr.api`, `ecr.dkr`, `logs`, `s3`: private subnets without a NAT gateway",
    );
    let endpoints = format!("{PRIVATE}endpoints = [\"s3\", \"ecr.api\", \"ecr.dkr\", \"logs\"]\n");
    lower_text(&format!("{}{endpoints}", edited(service, in_private))).expect("no mistakes");
    let foreign = edited(service, in_private).replace("${ecr.api}:v1", "public.ecr.aws/nginx/nginx:1");
    check_mistakes(
        &format!("{foreign}{endpoints}"),
        &[
            "service.api.subnets: its tasks could not pull `public.ecr.aws/nginx/nginx:1`: private subnets without a NAT gateway",
        ],
    );
    check(service, in_private, "", "service.api.subnets: `private` without a VPC of the stack's own");
    check(service, in_private, OWN, "service.api.subnets: the VPC has no private subnets");
    let natted = format!("{PRIVATE}nat = \"one\"\n");
    check(
        service,
        "cluster = \"main\"\npublic_ip = true",
        &natted,
        "service.api.public_ip: a public address leads nowhere in private subnets",
    );
    check(
        "[alb.public.listener",
        "[alb.public]\nsubnets = \"private\"\n[alb.public.listener",
        &natted,
        "alb.public.subnets: the internet reaches nothing in private subnets",
    );
}

#[test]
fn without_a_public_address_public_subnets_are_no_way_to_the_internet() {
    let text = edited("cluster = \"main\"", "cluster = \"main\"\npublic_ip = false");
    let lack = "public subnets without a public address";
    let unmet = format!(
        "service.api.public_ip: its tasks would not reach `ecr.api`, `ecr.dkr`, `logs`, `s3`: {lack}"
    );
    check_mistakes(&format!("{text}{OWN}"), &[&unmet]);
    let leave_out = "leave `public_ip` out: from public subnets a public address is the way to the internet";
    assert_eq!(help(&format!("{text}{OWN}"))[0], leave_out);
    let foreign = text.replace("${ecr.api}:v1", "nginx:1");
    let unmet = format!("service.api.public_ip: its tasks could not pull `nginx:1`: {lack}");
    check_mistakes(&format!("{foreign}{OWN}"), &[&unmet]);
    let endpoints = "endpoints = [\"s3\", \"ecr.api\", \"ecr.dkr\", \"logs\"]\n";
    lower_text(&format!("{text}{OWN}{endpoints}")).expect("no mistakes");
    lower_text(&format!("{text}{PRIVATE}nat = \"one\"\n")).expect("no mistakes");
    lower_text(&text).expect("nobody knows the routes of a VPC that is not the stack's");
    let instances = on_instances(", public_ip = false");
    let unmet = format!(
        "cluster.main.capacity.public_ip: its instances and their tasks would not reach `ecs`, `ecs-agent`, `ecs-telemetry`: {lack}"
    );
    check_mistakes(&format!("{instances}{OWN}{endpoints}"), &[&unmet]);
    lower_text(&instances).expect("nobody knows the routes of a VPC that is not the stack's");
}

#[test]
fn tasks_on_instances_get_no_public_address() {
    let text = on_instances("").replace("task = \"api\"", "task = \"api\"\npublic_ip = true");
    check_mistakes(&text, &["service.api.public_ip: a public address for tasks on instances"]);
}

#[test]
fn instances_in_private_subnets_need_what_their_agent_asks() {
    let text = |network: &str| format!("{}{network}", on_instances(", subnets = \"private\""));
    check_mistakes(
        &text(&format!("{PRIVATE}endpoints = [\"s3\", \"ecr.api\", \"ecr.dkr\", \"logs\", \"ecs\"]\n")),
        &[
            "cluster.main.capacity.subnets: its instances and their tasks would not reach `ecs-agent`, `ecs-telemetry`: private \
           subnets without a NAT gateway",
        ],
    );
    let desired = lower_text(&text(&format!("{PRIVATE}nat = \"one\"\n"))).expect("no mistakes");
    assert_eq!(field(&desired, "launch_template.cluster-main", "public_ip"), json!(false));
    let private = json!(["${subnet.private-1.id}", "${subnet.private-2.id}"]);
    assert_eq!(field(&desired, "auto_scaling_group.cluster-main", "subnets"), private);
    let after = &resource(&desired, "auto_scaling_group.cluster-main").after;
    assert!(after.contains(&"nat_gateway.nat-1".parse().expect("an address")));
}

#[test]
fn endpoints_are_routes_or_addresses_as_the_service_has_them() {
    let keys = "nat = \"one\"\nendpoints = [\"s3\", \"ecr.api\"]\n";
    let desired = with(&format!("{PRIVATE}{keys}"));
    let tables = json!(["${route_table.private.id}", "${route_table.public.id}"]);
    assert_eq!(field(&desired, "vpc_endpoint.s3", "endpoint_type"), json!("Gateway"));
    assert_eq!(field(&desired, "vpc_endpoint.s3", "route_tables"), tables);
    assert_eq!(field(&desired, "vpc_endpoint.s3", "subnets"), json!([]));
    let api = "vpc_endpoint.ecr-api";
    assert_eq!(field(&desired, api, "service"), json!("com.amazonaws.${aws.region}.ecr.api"));
    assert_eq!(field(&desired, api, "private_dns"), json!(true));
    assert_eq!(field(&desired, api, "subnets"), json!(["${subnet.private-1.id}", "${subnet.private-2.id}"]));
    assert_eq!(field(&desired, api, "security_groups"), json!(["${security_group.endpoints.id}"]));
    let rule = field(&desired, "security_group.endpoints", "ingress.0");
    assert_eq!((&rule["from_port"], &rule["peer"]), (&json!(443), &json!("10.0.0.0/16")));
    let public = with(&format!("{OWN}endpoints = [\"logs\"]\n"));
    let subnets = json!(["${subnet.public-1.id}", "${subnet.public-2.id}"]);
    assert_eq!(field(&public, "vpc_endpoint.logs", "subnets"), subnets);
    let own = format!("{PRIVATE}endpoints = [\"logs\"]\n[security_group.endpoints]\n");
    assert_eq!(field(&with(&own), "security_group.endpoints", "ingress"), json!([]));
    let wrong =
        format!("{OWN}endpoints = [\"ecr\", \"S3\", \"logs\", \"logs\", \"com.amazonaws.eu-west-1.s3\"]\n");
    check_mistakes(
        &format!("{STACK}{wrong}"),
        &[
            "network.endpoints.0: ECR has two endpoints",
            "network.endpoints.1: `S3` is not the short name of a service",
            "network.endpoints.3: `logs` is there twice",
            "network.endpoints.4: `com.amazonaws.eu-west-1.s3` is not the short name of a service",
        ],
    );
}
