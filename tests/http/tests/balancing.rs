//! Load balancers in shapes that no example has, over HTTP: listeners with certificates for several names, and classic ones.
//!
//! The VPC of others is on both. The rest is on moto alone: ministack has neither certificates beside the default one of a listener nor classic load balancers.

use std::collections::BTreeSet;

use neap_http_tests::{Emulator, World};
use serde_json::{Value, json};

/// The first names of the certificates of the only listener, the default one first.
fn shown(world: &World) -> Vec<String> {
    let balancers = world.call("elbv2", "describe_load_balancers", &json!({}));
    let arn = &balancers["LoadBalancers"][0]["LoadBalancerArn"];
    let listeners = world.call("elbv2", "describe_listeners", &json!({ "LoadBalancerArn": arn }));
    let arn = &listeners["Listeners"][0]["ListenerArn"];
    let certificates = world.call("elbv2", "describe_listener_certificates", &json!({ "ListenerArn": arn }));
    let name = |certificate: &Value| {
        let asked = json!({ "CertificateArn": certificate["CertificateArn"] });
        let answer = world.call("acm", "describe_certificate", &asked);
        answer["Certificate"]["DomainName"].as_str().unwrap_or_default().to_owned()
    };
    let certificates = certificates["Certificates"].as_array().cloned().unwrap_or_default();
    let (default, others): (Vec<Value>, Vec<Value>) =
        certificates.into_iter().partition(|certificate| certificate["IsDefault"] == true);
    let others: BTreeSet<String> = others.iter().map(name).collect();
    default.iter().map(name).chain(others).collect()
}

fn no_change(world: &World) {
    let plan = world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    assert!(plan.stdout.contains("No changes"), "{}", plan.stdout);
}

#[test]
fn a_listener_has_certificates_for_several_names_on_moto() {
    let world = World::new(Emulator::Moto, "tests/cases/sni/stack.toml");
    for zone in ["example.com", "example.org"] {
        world.call("route53", "create_hosted_zone", &json!({ "Name": zone, "CallerReference": zone }));
    }
    world.edit("region = \"eu-west-1\"\n", "");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(shown(&world), ["example.com", "example.org", "shop.example.com"]);
    no_change(&world);
    // Another default certificate, one replaced, and one that nobody uses any more.
    world.edit(
        "certificate = \"site\"\nextra_certificates = [\"shop\", \"blog\"]",
        "certificate = \"shop\"\nextra_certificates = [\"site\"]",
    );
    world.edit(
        "domain = \"shop.example.com\"\n",
        "domain = \"shop.example.com\"\nalternative_names = [\"www.shop.example.com\"]\n",
    );
    world.edit("[certificate.blog]\ndomain = \"example.org\"\n", "");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(shown(&world), ["shop.example.com", "example.com"]);
    no_change(&world);
    // And without TLS.
    world.edit("port = 443\ncertificate = \"shop\"\nextra_certificates = [\"site\"]\n", "port = 80\n");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(shown(&world), [""; 0]);
    no_change(&world);
    world.neap(&["destroy", "--yes"]).expect(0);
    world.neap(&["destroy", "--check"]).expect(0);
}

/// Makes a VPC called `office` as companies have them, and answers with its public subnets: two, beside three private ones.
fn office(world: &World) -> BTreeSet<String> {
    let ec2 = |operation: &str, arguments: Value| world.call("ec2", operation, &arguments);
    let id = |value: &Value| value.as_str().expect("an id").to_owned();
    let vpc = id(&ec2("create_vpc", json!({ "CidrBlock": "10.9.0.0/16" }))["Vpc"]["VpcId"]);
    ec2("create_tags", json!({ "Resources": [vpc], "Tags": [{ "Key": "Name", "Value": "office" }] }));
    let gateway = id(&ec2("create_internet_gateway", json!({}))["InternetGateway"]["InternetGatewayId"]);
    ec2("attach_internet_gateway", json!({ "InternetGatewayId": gateway, "VpcId": vpc }));
    let table = id(&ec2("create_route_table", json!({ "VpcId": vpc }))["RouteTable"]["RouteTableId"]);
    let route = json!({ "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway });
    ec2("create_route", route);
    let mut public = BTreeSet::new();
    for (number, zone) in ["a", "b", "c", "a", "b"].into_iter().enumerate() {
        let block = format!("10.9.{number}.0/24");
        let subnet =
            json!({ "VpcId": vpc, "CidrBlock": block, "AvailabilityZone": format!("us-east-1{zone}") });
        let subnet = id(&ec2("create_subnet", subnet)["Subnet"]["SubnetId"]);
        if number > 2 {
            ec2("associate_route_table", json!({ "RouteTableId": table, "SubnetId": subnet }));
            public.insert(subnet);
        }
    }
    public
}

/// The subnets of the only load balancer.
fn subnets(world: &World) -> BTreeSet<String> {
    let answer = world.call("elbv2", "describe_load_balancers", &json!({}));
    let zones = answer["LoadBalancers"][0]["AvailabilityZones"].as_array().cloned().unwrap_or_default();
    zones.iter().filter_map(|zone| zone["SubnetId"].as_str()).map(str::to_owned).collect()
}

fn of_a_vpc_of_others_the_public_subnets_are_taken(emulator: Emulator) {
    let world = World::new(emulator, "tests/cases/looked-up-network/stack.toml");
    world.edit("region = \"eu-west-1\"\n", "");
    let public = office(&world);
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(subnets(&world), public);
    no_change(&world);
    world.neap(&["destroy", "--yes"]).expect(0);
}

#[test]
fn of_a_vpc_of_others_the_public_subnets_are_taken_on_moto() {
    of_a_vpc_of_others_the_public_subnets_are_taken(Emulator::Moto);
}

#[test]
fn of_a_vpc_of_others_the_public_subnets_are_taken_on_ministack() {
    of_a_vpc_of_others_the_public_subnets_are_taken(Emulator::Ministack);
}

fn a_network_load_balancer_leaves_a_zone_and_comes_back(emulator: Emulator) {
    let world = World::new(emulator, "examples/internal-nlb/stack.toml");
    world.edit("region = \"eu-west-1\"\n", "");
    world.edit("[cluster.main]\n", "[cluster.main]\n\n[network]\ncidr = \"10.0.0.0/16\"\nzones = 3\n");
    world.neap(&["apply", "--yes"]).expect(0);
    let all = subnets(&world);
    assert_eq!(all.len(), 3);
    world.edit("zones = 3", "zones = 2");
    let plan = world.neap(&["plan"]).expect(0);
    assert!(plan.stdout.contains("~ update nlb.cache"), "{}", plan.stdout);
    world.neap(&["apply", "--yes"]).expect(0);
    let fewer = subnets(&world);
    assert!(fewer.len() == 2 && fewer.is_subset(&all), "{fewer:?} of {all:?}");
    no_change(&world);
    world.edit("zones = 2", "zones = 3");
    world.neap(&["apply", "--yes"]).expect(0);
    assert!(subnets(&world).is_superset(&fewer));
    no_change(&world);
    world.neap(&["destroy", "--yes"]).expect(0);
}

#[test]
fn a_network_load_balancer_leaves_a_zone_and_comes_back_on_moto() {
    a_network_load_balancer_leaves_a_zone_and_comes_back(Emulator::Moto);
}

#[test]
fn a_network_load_balancer_leaves_a_zone_and_comes_back_on_ministack() {
    a_network_load_balancer_leaves_a_zone_and_comes_back(Emulator::Ministack);
}

/// The only classic load balancer: its listeners as `PORT PROTOCOL INSTANCE_PORT INSTANCE_PROTOCOL`, and what it checks.
fn classic(world: &World) -> (BTreeSet<String>, String) {
    let answer = world.call("elb", "describe_load_balancers", &json!({}));
    let balancers = answer["LoadBalancerDescriptions"].as_array().cloned().unwrap_or_default();
    assert_eq!(balancers.len(), 1, "{balancers:?}");
    let listener = |shown: &Value| {
        let word = |key: &str| shown["Listener"][key].to_string().replace('"', "");
        ["LoadBalancerPort", "Protocol", "InstancePort", "InstanceProtocol"].map(word).join(" ")
    };
    let listeners = balancers[0]["ListenerDescriptions"].as_array().cloned().unwrap_or_default();
    let target = balancers[0]["HealthCheck"]["Target"].as_str().unwrap_or_default().to_owned();
    (listeners.iter().map(listener).collect(), target)
}

#[test]
fn a_classic_load_balancer_lives_on_moto() {
    let world = World::new(Emulator::Moto, "tests/cases/classic/stack.toml");
    let zone = json!({ "Name": "example.com", "CallerReference": "example.com" });
    world.call("route53", "create_hosted_zone", &zone);
    world.edit("region = \"eu-west-1\"\n", "");
    world.neap(&["apply", "--yes"]).expect(0);
    let expected = (["80 HTTP 8080 HTTP".to_owned()].into(), "HTTP:8080/health".to_owned());
    assert_eq!(classic(&world), expected);
    let services = json!({ "cluster": "shop-main", "services": ["shop-api"] });
    let services = world.call("ecs", "describe_services", &services);
    let attached = services["services"][0]["loadBalancers"][0]["loadBalancerName"].to_string();
    assert!(attached.contains("shop-old-"), "{attached}");
    no_change(&world);
    // A cookie comes, and goes with the only policy of its listener.
    for (from, to) in [("port = 80\n", "port = 80\nstickiness = {}\n"), ("stickiness = {}\n", "")] {
        world.edit(from, to);
        world.neap(&["apply", "--yes"]).expect(0);
        no_change(&world);
    }
    // Listeners come, change and go; so do the check, attributes and tags.
    world.edit(
        "health_check = { path = \"/health\" }\n",
        "health_check = { path = \"/ready\", interval = 10 }\ncross_zone = true\nidle_timeout = 120\n\
         connection_draining = 30\ntags = { team = \"web\" }\n",
    );
    world.edit(
        "[clb.old.listener.http]\nport = 80\n",
        "[certificate.site]\ndomain = \"example.com\"\n\n[clb.old.listener.https]\nport = 443\n\
         certificate = \"site\"\nssl_policy = \"ELBSecurityPolicy-TLS-1-2-2017-01\"\ninstance_port = 8080\n\
         stickiness = { duration = 60 }\n\n\
         [clb.old.listener.http]\nport = 80\nprotocol = \"TCP\"\n",
    );
    world.neap(&["apply", "--yes"]).expect(0);
    let listeners = ["443 HTTPS 8080 HTTP", "80 TCP 8080 TCP"].map(str::to_owned);
    assert_eq!(classic(&world), (listeners.into(), "HTTP:8080/ready".to_owned()));
    no_change(&world);
    // Only another certificate, and a cookie of the application's.
    world.edit("stickiness = { duration = 60 }", "stickiness = { cookie = \"session_id\" }");
    world.edit(
        "domain = \"example.com\"\n",
        "domain = \"example.com\"\nalternative_names = [\"www.example.com\"]\n",
    );
    world.neap(&["apply", "--yes"]).expect(0);
    no_change(&world);
    // Another scheme is another load balancer.
    world.edit("[clb.old]\n", "[clb.old]\nscheme = \"internal\"\n");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(classic(&world).1, "HTTP:8080/ready");
    no_change(&world);
    world.neap(&["destroy", "--yes"]).expect(0);
    world.neap(&["destroy", "--check"]).expect(0);
    assert_eq!(world.listing()["classic load balancers"], Value::Null);
}
