//! The rules of NAT gateways, their addresses and endpoints, one by one; and that what bills by the hour is made once and goes.

use std::collections::BTreeSet;
use std::rc::Rc;

use neap_core::config::Secrets;
use neap_core::desired::Desired;
use neap_core::kinds::{
    ElasticIp, InternetGateway, KindOf, NatGateway, Resource, RouteTable, SecurityGroup, SecurityGroupRule,
    Subnet, Vpc, VpcEndpoint,
};
use neap_core::live::{LiveResource, Phase};
use neap_core::plan::planner::plan;
use neap_core::plan::{Action, Mode, Plan};
use neap_core::zero::{Depth, StackScope, judge};
use neap_engine::cloud::{Cloud, ErrorKind, Progress};
use neap_engine::intent::{MemoryJournal, settle};
use neap_engine::read::read;
use neap_sim::{Consistency, Fault, FaultKind, Sim};

use crate::large::parse;
use crate::rules_network::{Made, Network, made, network, run, subnet};
use crate::stack::{create, live, must_create, refused, resource, until_gone, until_ready};

async fn address(sim: &Sim) -> Made {
    made(sim, "elastic_ip.nat-1", ElasticIp { pool: ElasticIp::AMAZON.into() }).await
}

fn gateway(network: &Network, address: &str) -> NatGateway {
    NatGateway {
        vpc: network.vpc.id.clone(),
        subnet: network.subnet.id.clone(),
        address: Some(address.to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_nat_gateway_keeps_its_address_and_its_subnet_until_it_is_gone() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let address = address(&sim).await;
    let nat = made(&sim, "nat_gateway.nat-1", gateway(&network, &address.id)).await;
    let release = sim.delete(&address.live).await;
    assert!(refused(release, ErrorKind::InUse, "AuthFailure").contains("permission"));
    refused(sim.delete(&network.subnet.live).await, ErrorKind::InUse, "DependencyViolation");
    refused(sim.delete(&network.gateway.live).await, ErrorKind::InUse, "DependencyViolation");
    sim.delete(&nat.live).await.expect("it begins to go");
    refused(sim.delete(&address.live).await, ErrorKind::InUse, "AuthFailure");
    until_gone(&sim, &nat.live).await;
    for part in [&address, &network.subnet, &network.table, &network.gateway, &network.vpc] {
        until_gone(&sim, &part.live).await;
    }
    assert_eq!(sim.resources(), []);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_cannot_work_is_made_and_fails_with_its_code() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let address = address(&sim).await;
    made(&sim, "nat_gateway.nat-1", gateway(&network, &address.id)).await;
    let second = resource("nat_gateway.nat-2", gateway(&network, &address.id));
    let outputs = must_create(&sim, &second).await;
    let Progress::Failed(reason) = sim.ready(&second, &outputs).await.expect("an answer") else {
        panic!("it cannot have the address")
    };
    assert!(reason.starts_with("Resource.AlreadyAssociated: "), "{reason}");
    let other = made(&sim, "vpc.other", Vpc { cidr: "10.9.0.0/16".into(), ..Vpc::example() }).await;
    let table = RouteTable { vpc: other.id.clone(), routes: [].into() };
    let table = made(&sim, "route_table.other", table).await;
    let inside = Subnet { cidr: "10.9.0.0/24".into(), ..subnet(&other.id, "10.9.0.0/24", &table.id) };
    let inside = made(&sim, "subnet.other-1", inside).await;
    let free = made(&sim, "elastic_ip.nat-3", ElasticIp { pool: ElasticIp::AMAZON.into() }).await;
    let lonely =
        NatGateway { vpc: other.id.clone(), subnet: inside.id.clone(), address: Some(free.id.clone()) };
    let lonely = resource("nat_gateway.nat-3", lonely);
    let outputs = must_create(&sim, &lonely).await;
    let Progress::Failed(reason) = sim.ready(&lonely, &outputs).await.expect("an answer") else {
        panic!("there is no gateway")
    };
    assert!(reason.starts_with("Gateway.NotAttached: "), "{reason}");
    // A failed one holds nothing.
    until_gone(&sim, &live(&lonely, &outputs)).await;
    until_gone(&sim, &free.live).await;
}

#[tokio::test(start_paused = true)]
async fn a_nat_gateway_names_what_there_is_and_a_route_to_it_stays_in_its_vpc() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let nowhere = NatGateway { subnet: "subnet-0123".into(), ..gateway(&network, "eipalloc-0123") };
    let nowhere = create(&sim, &resource("nat_gateway.nat-1", nowhere)).await;
    refused(nowhere, ErrorKind::NotFound, "InvalidSubnetID.NotFound");
    let nobody = create(&sim, &resource("nat_gateway.nat-1", gateway(&network, "eipalloc-0123"))).await;
    refused(nobody, ErrorKind::NotFound, "InvalidAllocationID.NotFound");
    let address = address(&sim).await;
    let nat = made(&sim, "nat_gateway.nat-1", gateway(&network, &address.id)).await;
    let routed = |vpc: &str| RouteTable {
        vpc: vpc.to_owned(),
        routes: [("0.0.0.0/0".to_owned(), nat.id.clone())].into(),
    };
    made(&sim, "route_table.private", routed(&network.vpc.id)).await;
    let other = made(&sim, "vpc.other", Vpc { cidr: "10.9.0.0/16".into(), ..Vpc::example() }).await;
    let astray = resource("route_table.other", routed(&other.id));
    let outputs = must_create(&sim, &astray).await;
    refused(sim.ready(&astray, &outputs).await, ErrorKind::Invalid, "InvalidParameterValue");
}

fn by_routes(network: &Network) -> VpcEndpoint {
    VpcEndpoint {
        vpc: network.vpc.id.clone(),
        service: "com.amazonaws.us-east-1.s3".into(),
        endpoint_type: VpcEndpoint::GATEWAY.into(),
        route_tables: [network.table.id.clone()].into(),
        subnets: BTreeSet::new(),
        security_groups: BTreeSet::new(),
        private_dns: false,
        policy: VpcEndpoint::full_access(),
    }
}

async fn group(sim: &Sim, vpc: &str) -> Made {
    let rule = SecurityGroupRule::tcp(443, "10.0.0.0/16", "from the VPC".to_owned());
    let group = SecurityGroup {
        name: "shop-endpoints".into(),
        description: "shop".into(),
        vpc: vpc.to_owned(),
        ingress: [rule].into(),
        egress: [SecurityGroupRule::everything()].into(),
    };
    made(sim, "security_group.endpoints", group).await
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_by_routes_has_a_table_for_itself_and_keeps_it() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let s3 = made(&sim, "vpc_endpoint.s3", by_routes(&network)).await;
    let again = create(&sim, &resource("vpc_endpoint.again", by_routes(&network))).await;
    refused(again, ErrorKind::Conflict, "RouteAlreadyExists");
    let unknown = VpcEndpoint { service: "com.amazonaws.eu-west-1.s3".into(), ..by_routes(&network) };
    let unknown = create(&sim, &resource("vpc_endpoint.far", unknown)).await;
    refused(unknown, ErrorKind::Invalid, "InvalidServiceName");
    let nobodys = VpcEndpoint { service: "com.amazonaws.us-east-1.foo".into(), ..by_routes(&network) };
    let nobodys = create(&sim, &resource("vpc_endpoint.foo", nobodys)).await;
    refused(nobodys, ErrorKind::Invalid, "InvalidServiceName");
    let wrong = VpcEndpoint { service: "com.amazonaws.us-east-1.logs".into(), ..by_routes(&network) };
    refused(
        create(&sim, &resource("vpc_endpoint.logs", wrong)).await,
        ErrorKind::Invalid,
        "InvalidParameter",
    );
    refused(sim.delete(&network.vpc.live).await, ErrorKind::InUse, "DependencyViolation");
    until_gone(&sim, &network.subnet.live).await;
    refused(sim.delete(&network.table.live).await, ErrorKind::InUse, "DependencyViolation");
    until_gone(&sim, &s3.live).await;
    until_gone(&sim, &network.table.live).await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_by_addresses_is_changed_by_one_call_and_keeps_its_subnets_and_groups() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let group = group(&sim, &network.vpc.id).await;
    let logs = VpcEndpoint {
        service: "com.amazonaws.us-east-1.logs".into(),
        endpoint_type: VpcEndpoint::INTERFACE.into(),
        route_tables: BTreeSet::new(),
        subnets: [network.subnet.id.clone()].into(),
        security_groups: [group.id.clone()].into(),
        private_dns: true,
        ..by_routes(&network)
    };
    let first = made(&sim, "vpc_endpoint.logs", logs.clone()).await;
    let second = create(&sim, &resource("vpc_endpoint.again", logs.clone())).await;
    assert!(refused(second, ErrorKind::Invalid, "InvalidParameter").contains("conflicting DNS domain"));
    let plain = resource("vpc_endpoint.logs", VpcEndpoint { private_dns: false, ..logs.clone() });
    sim.forget_calls();
    sim.update(&first.live, &plain, "spec").await.expect("it changes in place");
    assert_eq!(sim.counts().get("ec2:ModifyVpcEndpoint"), Some(&1));
    let outputs = [("id".to_owned(), first.id.clone())].into();
    until_ready(&sim, &plain, &outputs).await.expect("ready");
    refused(sim.delete(&network.subnet.live).await, ErrorKind::InUse, "DependencyViolation");
    refused(sim.delete(&group.live).await, ErrorKind::InUse, "DependencyViolation");
    until_gone(&sim, &first.live).await;
    until_gone(&sim, &group.live).await;
    until_gone(&sim, &network.subnet.live).await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_moves_within_its_zones_one_subnet_at_a_time() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let inside = async |at: &str, block: u8, zone: &str| {
        let subnet = subnet(&network.vpc.id, &format!("10.0.{block}.0/24"), &network.table.id);
        made(&sim, at, Subnet { zone: zone.to_owned(), ..subnet }).await.id
    };
    let old = [network.subnet.id.clone(), inside("subnet.public-2", 100, "us-east-1b").await];
    let new = [
        inside("subnet.public-3", 101, "us-east-1a").await,
        inside("subnet.public-4", 102, "us-east-1b").await,
    ];
    let logs = |subnets: &[String]| VpcEndpoint {
        service: "com.amazonaws.us-east-1.logs".into(),
        endpoint_type: VpcEndpoint::INTERFACE.into(),
        route_tables: BTreeSet::new(),
        subnets: subnets.iter().cloned().collect(),
        ..by_routes(&network)
    };
    let first = made(&sim, "vpc_endpoint.logs", logs(&old)).await;
    let moved = resource("vpc_endpoint.logs", logs(&new));
    sim.update(&first.live, &moved, "spec").await.expect("it moves");
    let there = || match &find(&sim, "vpc_endpoint.logs").resource {
        Resource::VpcEndpoint(endpoint) => endpoint.subnets.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(there(), 1, "there is no room for another one before");
    let outputs = [("id".to_owned(), first.id.clone())].into();
    until_ready(&sim, &moved, &outputs).await.expect("ready");
    assert_eq!(find(&sim, "vpc_endpoint.logs").resource, moved.resource);
}

const PRIVATE: &str =
    "[stack]\nname = \"once\"\nregion = \"us-east-1\"\n\n[network]\ncidr = \"10.0.0.0/16\"\nprivate = true\n";

fn stack() -> Desired {
    parse(&format!("{PRIVATE}nat = \"one\"\nendpoints = [\"s3\", \"logs\"]\n"))
}

/// The addresses of what is there, in order.
fn all(sim: &Sim) -> Vec<String> {
    let mut all: Vec<String> = sim.resources().iter().map(|found| found.address.to_string()).collect();
    all.sort();
    all
}

async fn whole() -> Vec<String> {
    let sim = Sim::in_memory();
    assert!(run(&sim, &stack(), Mode::Apply, Rc::default()).await.is_success());
    all(&sim)
}

const PARTS: [&str; 5] = [
    "ec2:AllocateAddress",
    "ec2:CreateNatGateway",
    "ec2:CreateVpcEndpoint",
    "ec2:CreateRoute",
    "ec2:AssociateRouteTable",
];

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_one_way_out_however_slowly_news_travel() {
    let whole = whole().await;
    for operation in PARTS {
        for seed in 0..3 {
            let sim = Sim::in_memory();
            sim.consistency(Consistency { seed, late: 50, ..Consistency::default() });
            sim.fault(Fault::once(operation, FaultKind::LostAnswer));
            let journal = Rc::new(MemoryJournal::default());
            let summary = run(&sim, &stack(), Mode::Apply, Rc::clone(&journal)).await;
            assert!(summary.is_success(), "{operation} {seed}: {:?}", summary.steps);
            assert_eq!(all(&sim), whole, "{operation} {seed}");
            assert_eq!(journal.open_intents(), []);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_off_is_finished_by_the_next_one_and_a_destroy_leaves_nothing_that_bills() {
    let whole = whole().await;
    for operation in
        PARTS.into_iter().chain(["ec2:DeleteNatGateway", "ec2:ReleaseAddress", "ec2:DeleteVpcEndpoints"])
    {
        let sim = Sim::in_memory();
        let fail = || FaultKind::Fail { code: "ServiceUnavailable".into(), message: "no".into() };
        sim.fault(Fault::always(operation, fail()));
        let journal = Rc::new(MemoryJournal::default());
        run(&sim, &stack(), Mode::Apply, Rc::clone(&journal)).await;
        run(&sim, &stack(), Mode::Destroy, Rc::clone(&journal)).await;
        sim.heal();
        settle(&sim, &stack(), &journal.open_intents(), &mut |_, _| {}).await.expect("a reading");
        assert!(run(&sim, &stack(), Mode::Apply, Rc::default()).await.is_success(), "{operation}");
        assert_eq!(all(&sim), whole, "{operation}");
        assert!(planned(&sim, &stack()).await.steps.is_empty(), "{operation}");
        assert!(run(&sim, &stack(), Mode::Destroy, Rc::default()).await.is_success(), "{operation}");
        assert_eq!(sim.resources(), [], "{operation}");
    }
}

async fn planned(sim: &Sim, desired: &Desired) -> Plan {
    let live = read(sim, desired).await.expect("a reading");
    plan(desired, &live, Mode::Apply, &Secrets::default()).expect("a plan")
}

/// What a plan does with each resource that it touches.
fn actions(plan: &Plan) -> Vec<(String, Action)> {
    let touched = plan.changes.iter().filter(|change| change.action != Action::NoOp);
    touched.map(|change| (change.address.to_string(), change.action)).collect()
}

fn find(sim: &Sim, address: &str) -> LiveResource {
    let found = sim.resources().into_iter().find(|found| found.address.to_string() == address);
    found.unwrap_or_else(|| panic!("no {address}"))
}

#[tokio::test(start_paused = true)]
async fn ways_out_come_and_go_in_place_and_a_network_that_moves_has_another_before_the_old_one_goes() {
    let sim = Sim::in_memory();
    let step = async |text: &str| {
        let desired = parse(text);
        let plan = planned(&sim, &desired).await;
        let summary = run(&sim, &desired, Mode::Apply, Rc::default()).await;
        assert!(summary.is_success(), "{text}: {:?}", summary.steps);
        assert!(planned(&sim, &desired).await.steps.is_empty(), "{text}");
        actions(&plan)
    };
    step(PRIVATE).await;
    let subnets = |sim: &Sim| find(sim, "subnet.private-2").id;
    let before = subnets(&sim);
    step(&format!("{PRIVATE}nat = \"one\"\n")).await;
    let one = find(&sim, "nat_gateway.nat-1").id;
    let address = find(&sim, "elastic_ip.nat-1").outputs["public_ip"].clone();
    step(&format!("{PRIVATE}nat = \"per_zone\"\n")).await;
    assert_eq!((subnets(&sim), find(&sim, "nat_gateway.nat-1").id), (before, one));
    assert!(find(&sim, "route_table.private-2").outputs.contains_key("id"));
    // Another block is another network, with a gateway of its own beside the old one, and so with another address.
    let moved = format!("{PRIVATE}nat = \"one\"\n").replace("10.0.0.0", "10.7.0.0");
    let changes = step(&moved).await;
    assert!(changes.contains(&("vpc.main".to_owned(), Action::CreateThenDelete)), "{changes:?}");
    for beside in ["nat_gateway.nat-1", "elastic_ip.nat-1"] {
        assert!(changes.contains(&(beside.to_owned(), Action::CreateThenDelete)), "{changes:?}");
    }
    assert_ne!(find(&sim, "elastic_ip.nat-1").outputs["public_ip"], address);
    step(PRIVATE).await;
    assert!(all(&sim).iter().all(|address| !address.contains("nat")), "{:?}", all(&sim));
}

#[tokio::test(start_paused = true)]
async fn a_failed_gateway_is_made_anew() {
    let sim = Sim::in_memory();
    let desired = parse(&format!("{PRIVATE}nat = \"one\"\n"));
    assert!(run(&sim, &desired, Mode::Apply, Rc::default()).await.is_success());
    let address = find(&sim, "elastic_ip.nat-1").id;
    // Somebody made another with the same tags, which has failed: it is not the one that is meant.
    sim.seed("[[remove]]\naddress = \"nat_gateway.nat-1\"").expect("a script");
    let gateway = find(&sim, "internet_gateway.main");
    let Resource::InternetGateway(InternetGateway { vpc, .. }) = &gateway.resource else {
        panic!("a gateway")
    };
    let made = desired.resources[&"nat_gateway.nat-1".parse().expect("an address")].clone();
    let subnet = find(&sim, "subnet.public-1").id;
    let filled = NatGateway { vpc: vpc.clone(), subnet, address: Some(address) };
    let wanted = neap_core::desired::DesiredResource { resource: filled.into(), ..made };
    let outputs = must_create(&sim, &wanted).await;
    assert!(outputs.contains_key("id"));
    until_ready(&sim, &wanted, &outputs).await.expect("ready");
    assert_eq!(find(&sim, "nat_gateway.nat-1").phase, Phase::Ready);
}

#[tokio::test(start_paused = true)]
async fn the_proof_finds_what_bills_and_names_what_holds_it() {
    let sim = Sim::in_memory();
    let desired = stack();
    assert!(run(&sim, &desired, Mode::Apply, Rc::default()).await.is_success());
    let scope = StackScope::of(&desired, Depth::Everything);
    let remains = sim.remains(&scope).await.expect("an answer");
    let verdict = judge(&scope, &remains);
    let left = |title: &str| {
        let found = verdict.left.iter().find(|left| left.title.starts_with(title));
        found.unwrap_or_else(|| panic!("no {title} in {:?}", verdict.left))
    };
    let cost = |title: &str| left(title).cost.map(|cost| (cost.per_hour * 1000.0).round());
    assert_eq!(cost("NAT gateway"), Some(45.0));
    assert_eq!(cost("elastic IP address"), Some(5.0));
    let endpoint = verdict.left.iter().filter(|left| left.title.starts_with("VPC endpoint"));
    let costs: Vec<Option<f64>> = endpoint.map(|left| left.cost.map(|cost| cost.per_hour)).collect();
    assert_eq!(costs.iter().filter(|cost| cost.is_none()).count(), 1, "routes are free: {costs:?}");
    assert_eq!(costs.iter().flatten().copied().collect::<Vec<_>>(), [0.02]);
    assert!(left("elastic IP address").blocked_by.iter().any(|it| it.contains("NAT gateway nat-")));
}
