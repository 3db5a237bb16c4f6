//! The rules of VPCs and of what is in them, one by one; and that a network is made once, whatever is lost on the way.

use std::collections::BTreeMap;
use std::rc::Rc;

use neap_core::address::Kind;
use neap_core::config::Secrets;
use neap_core::desired::{Desired, DesiredResource};
use neap_core::kinds::{InternetGateway, KindOf, Resource, RouteTable, Subnet, Vpc};
use neap_core::live::LiveResource;
use neap_core::plan::Mode;
use neap_core::plan::planner::plan;
use neap_engine::apply::{ApplyOptions, Summary, apply};
use neap_engine::cloud::{Cloud, ErrorKind};
use neap_engine::intent::{Journal, MemoryJournal, settle};
use neap_engine::read::read;
use neap_sim::{Consistency, Fault, FaultKind, Sim};

use crate::large::parse;
use crate::stack::{create, live, must_create, refused, resource, security_group, until_gone, until_ready};

/// A part of a network, made and ready.
pub(crate) struct Made {
    pub(crate) desired: DesiredResource,
    pub(crate) live: LiveResource,
    pub(crate) id: String,
}

pub(crate) async fn made(sim: &Sim, at: &str, fields: impl Into<Resource>) -> Made {
    let desired = resource(at, fields);
    let outputs = must_create(sim, &desired).await;
    until_ready(sim, &desired, &outputs).await.expect("ready");
    Made { live: live(&desired, &outputs), id: outputs["id"].clone(), desired }
}

pub(crate) fn subnet(vpc: &str, cidr: &str, table: &str) -> Subnet {
    Subnet {
        vpc: vpc.into(),
        cidr: cidr.into(),
        zone: "us-east-1a".into(),
        public_ip: true,
        route_table: Some(table.into()),
    }
}

fn routed(vpc: &str, gateway: &str) -> RouteTable {
    RouteTable { vpc: vpc.into(), routes: [("0.0.0.0/0".to_owned(), gateway.to_owned())].into() }
}

/// A whole network with one subnet.
pub(crate) struct Network {
    pub(crate) vpc: Made,
    pub(crate) gateway: Made,
    pub(crate) table: Made,
    pub(crate) subnet: Made,
}

pub(crate) async fn network(sim: &Sim) -> Network {
    let vpc = made(sim, "vpc.main", Vpc::example()).await;
    let gateway = InternetGateway { vpc: vpc.id.clone(), attached: true };
    let gateway = made(sim, "internet_gateway.main", gateway).await;
    let table = made(sim, "route_table.public", routed(&vpc.id, &gateway.id)).await;
    let subnet = made(sim, "subnet.public-1", subnet(&vpc.id, "10.0.0.0/20", &table.id)).await;
    Network { vpc, gateway, table, subnet }
}

#[tokio::test(start_paused = true)]
async fn what_a_create_cannot_give_comes_while_it_is_waited_for() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let resources = sim.resources();
    for made in [&network.vpc, &network.gateway, &network.table, &network.subnet] {
        let shown = resources.iter().find(|found| found.id == made.id).expect("it is there");
        assert_eq!(shown.resource, made.desired.resource);
    }
    let counts = sim.counts();
    for operation in ["ModifyVpcAttribute", "AttachInternetGateway", "CreateRoute", "AssociateRouteTable"] {
        assert_eq!(counts.get(&format!("ec2:{operation}")), Some(&1), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn blocks_are_of_a_size_and_in_their_vpc_and_do_not_overlap() {
    let sim = Sim::in_memory();
    let too_large = resource("vpc.main", Vpc { cidr: "10.0.0.0/8".into(), ..Vpc::example() });
    refused(create(&sim, &too_large).await, ErrorKind::Invalid, "InvalidVpc.Range");
    let loopback = resource("vpc.main", Vpc { cidr: "127.0.0.0/16".into(), ..Vpc::example() });
    refused(create(&sim, &loopback).await, ErrorKind::Invalid, "InvalidVpc.Range");
    let network = network(&sim).await;
    let refuse = async |cidr: &str, kind: ErrorKind, code: &str| {
        let other = resource("subnet.public-2", subnet(&network.vpc.id, cidr, &network.table.id));
        refused(create(&sim, &other).await, kind, code);
    };
    refuse("10.1.0.0/20", ErrorKind::Invalid, "InvalidSubnet.Range").await;
    refuse("10.0.0.0/29", ErrorKind::Invalid, "InvalidSubnet.Range").await;
    // Nothing of this address has the block, so what has it may only not be visible yet.
    refuse("10.0.8.0/24", ErrorKind::NotYet, "InvalidSubnet.Conflict").await;
    let nowhere = subnet("vpc-0123", "10.0.16.0/20", &network.table.id);
    let nowhere = create(&sim, &resource("subnet.public-2", nowhere)).await;
    refused(nowhere, ErrorKind::NotFound, "InvalidVpcID.NotFound");
    let zone =
        Subnet { zone: "us-east-1z".into(), ..subnet(&network.vpc.id, "10.0.16.0/20", &network.table.id) };
    refused(
        create(&sim, &resource("subnet.public-2", zone)).await,
        ErrorKind::Invalid,
        "InvalidParameterValue",
    );
}

#[tokio::test(start_paused = true)]
async fn a_repeated_create_of_a_subnet_finds_the_first_one() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let again = must_create(&sim, &network.subnet.desired).await;
    assert_eq!(again["id"], network.subnet.id);
}

#[tokio::test(start_paused = true)]
async fn a_route_leads_to_a_gateway_of_its_own_vpc() {
    let sim = Sim::in_memory();
    let network = network(&sim).await;
    let other = made(&sim, "vpc.other", Vpc { cidr: "10.9.0.0/16".into(), ..Vpc::example() }).await;
    let astray = resource("route_table.other", routed(&other.id, &network.gateway.id));
    let outputs = must_create(&sim, &astray).await;
    refused(sim.ready(&astray, &outputs).await, ErrorKind::Invalid, "InvalidParameterValue");
    let second =
        resource("internet_gateway.second", InternetGateway { vpc: network.vpc.id.clone(), attached: true });
    let outputs = must_create(&sim, &second).await;
    refused(sim.ready(&second, &outputs).await, ErrorKind::Invalid, "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn a_network_goes_from_the_inside_out() {
    let sim = Sim::in_memory();
    let Network { vpc, gateway, table, subnet } = network(&sim).await;
    let group = resource("security_group.web", security_group("web", &vpc.id));
    let group = live(&group, &must_create(&sim, &group).await);
    let in_use =
        async |live: &LiveResource| refused(sim.delete(live).await, ErrorKind::InUse, "DependencyViolation");
    in_use(&vpc.live).await;
    in_use(&table.live).await;
    for live in [&subnet.live, &table.live, &gateway.live] {
        until_gone(&sim, live).await;
    }
    assert!(in_use(&vpc.live).await.contains(&group.id));
    until_gone(&sim, &group).await;
    until_gone(&sim, &vpc.live).await;
    // What shall be gone is gone.
    sim.delete(&vpc.live).await.expect("nothing to do");
}

fn stack() -> Desired {
    parse(
        "[stack]\nname = \"once\"\nregion = \"eu-west-1\"\n\n[network]\ncidr = \"10.0.0.0/16\"\n\n[alb.public.listener.http]\n\
         port = 80\ndefault = { fixed_response = { status = 404 } }\n",
    )
}

pub(crate) async fn run(sim: &Sim, desired: &Desired, mode: Mode, journal: Rc<MemoryJournal>) -> Summary {
    let live = read(sim, desired).await.expect("a reading");
    let plan = plan(desired, &live, mode, &Secrets::default()).expect("a plan");
    let options = ApplyOptions { journal: journal as Rc<dyn Journal>, ..ApplyOptions::default() };
    apply(sim, &plan, &Secrets::default(), &options, &mut |_| {}).await
}

/// How many there are of each kind.
fn kinds(sim: &Sim) -> BTreeMap<Kind, usize> {
    let mut kinds = BTreeMap::new();
    for found in sim.resources() {
        *kinds.entry(found.kind()).or_default() += 1;
    }
    kinds
}

/// What [`stack`] is when it is whole.
fn whole() -> BTreeMap<Kind, usize> {
    [
        (Kind::Vpc, 1),
        (Kind::InternetGateway, 1),
        (Kind::RouteTable, 1),
        (Kind::Subnet, 2),
        (Kind::SecurityGroup, 1),
        (Kind::Alb, 1),
        (Kind::Listener, 1),
    ]
    .into()
}

const PARTS: [&str; 8] = [
    "ec2:CreateVpc",
    "ec2:ModifyVpcAttribute",
    "ec2:CreateInternetGateway",
    "ec2:AttachInternetGateway",
    "ec2:CreateRouteTable",
    "ec2:CreateRoute",
    "ec2:CreateSubnet",
    "ec2:AssociateRouteTable",
];

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_one_network_however_slowly_news_travel() {
    for operation in PARTS {
        for seed in 0..4 {
            let sim = Sim::in_memory();
            sim.consistency(Consistency { seed, late: 50, ..Consistency::default() });
            sim.fault(Fault::once(operation, FaultKind::LostAnswer));
            let journal = Rc::new(MemoryJournal::default());
            let summary = run(&sim, &stack(), Mode::Apply, Rc::clone(&journal)).await;
            assert!(summary.is_success(), "{operation} {seed}: {:?}", summary.steps);
            assert_eq!(kinds(&sim), whole(), "{operation} {seed}");
            assert_eq!(journal.open_intents(), []);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_off_at_any_call_is_finished_by_the_next_one() {
    for operation in PARTS {
        for reason in ["ServiceUnavailable", "UnauthorizedOperation"] {
            let sim = Sim::in_memory();
            let fail = || FaultKind::Fail { code: reason.into(), message: "no".into() };
            sim.fault(Fault::always(operation, fail()));
            let journal = Rc::new(MemoryJournal::default());
            assert!(!run(&sim, &stack(), Mode::Apply, Rc::clone(&journal)).await.is_success(), "{operation}");
            sim.heal();
            settle(&sim, &stack(), &journal.open_intents(), &mut |_, _| {}).await.expect("a reading");
            let summary = run(&sim, &stack(), Mode::Apply, Rc::default()).await;
            assert!(summary.is_success(), "{operation}: {:?}", summary.steps);
            assert_eq!(kinds(&sim), whole(), "{operation} {reason}");
            let live = read(&sim, &stack()).await.expect("a reading");
            let again = plan(&stack(), &live, Mode::Apply, &Secrets::default()).expect("a plan");
            assert!(again.steps.is_empty(), "{operation}: {:?}", again.steps);
            assert!(run(&sim, &stack(), Mode::Destroy, Rc::default()).await.is_success(), "{operation}");
            assert_eq!(kinds(&sim), [].into(), "{operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn subnets_keep_their_zones_whatever_else_is_chosen() {
    let sim = Sim::in_memory();
    let zones = async |text: &str| {
        let desired = parse(text);
        run(&sim, &desired, Mode::Apply, Rc::default()).await;
        let live = read(&sim, &desired).await.expect("a reading");
        assert!(plan(&desired, &live, Mode::Apply, &Secrets::default()).expect("a plan").steps.is_empty());
        let zone = |found: &LiveResource| match &found.resource {
            Resource::Subnet(subnet) => Some(format!("{} {}", found.address.name(), subnet.zone)),
            _ => None,
        };
        sim.resources().iter().filter_map(zone).collect::<std::collections::BTreeSet<_>>()
    };
    let with = |zones: &str| {
        format!(
            "[stack]\nname = \"zoned\"\nregion = \"eu-west-1\"\n[network]\ncidr = \"10.0.0.0/16\"\n{zones}"
        )
    };
    let named = zones(&with("zones = [\"eu-west-1c\", \"eu-west-1a\"]\n")).await;
    assert_eq!(named, ["public-1 eu-west-1c", "public-2 eu-west-1a"].map(str::to_owned).into());
    assert_eq!(zones(&with("")).await, named);
    assert!(zones(&with("zones = 3\n")).await.contains("public-3 eu-west-1b"));
}
