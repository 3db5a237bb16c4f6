//! Which parts are whose, and which zones a network is in.

use super::*;
use crate::desired::{TAG_ADDRESS, TAG_STACK};
use crate::kinds::{ElasticIp, InternetGateway, KindOf, NatGateway, RouteTable, Subnet, Vpc};
use crate::live::Outputs;

fn live(id: &str, address: &str, stack: &str, resource: impl Into<Resource>) -> LiveResource {
    let tags = [(TAG_STACK, stack), (TAG_ADDRESS, address)];
    LiveResource {
        address: address.parse().expect("an address"),
        id: id.to_owned(),
        resource: resource.into(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        outputs: Outputs::new(),
        phase: Phase::Ready,
    }
}

fn vpc(cidr: &str) -> Vpc {
    Vpc { cidr: cidr.into(), ..Vpc::example() }
}

fn in_vpc(vpc: &str, cidr: &str) -> Subnet {
    Subnet { vpc: vpc.into(), cidr: cidr.into(), ..Subnet::example() }
}

fn gateway(vpc: &str) -> InternetGateway {
    InternetGateway { vpc: vpc.into(), attached: !vpc.is_empty() }
}

fn desired() -> Desired {
    let main = "${vpc.main.id}";
    let resources = [
        ("vpc.main", DesiredResource::plain(vpc("10.0.0.0/16"))),
        ("internet_gateway.main", DesiredResource::plain(gateway(main))),
        ("subnet.public-1", DesiredResource::plain(in_vpc(main, "10.0.0.0/20"))),
        ("elastic_ip.nat-1", DesiredResource::plain(ElasticIp::example())),
    ];
    let resources = resources.map(|(address, it)| (address.parse().expect("an address"), it));
    Desired { stack: "shop".into(), resources: resources.into(), ..Desired::default() }
}

/// What stands at each address: its id.
#[track_caller]
fn check(mut found: Vec<LiveResource>, expected: &[(&str, &str)]) {
    let claimed = claim(&desired(), &mut found);
    let shown: Vec<(String, &str)> =
        claimed.iter().map(|(address, index)| (address.to_string(), found[*index].id.as_str())).collect();
    let shown: Vec<(&str, &str)> = shown.iter().map(|(address, id)| (address.as_str(), *id)).collect();
    assert_eq!(shown, expected);
}

#[test]
fn tags_tell_whose_the_parts_of_a_network_are() {
    let others = live("vpc-9", "vpc.main", "blog", vpc("10.0.0.0/16"));
    check(vec![others.clone()], &[]);
    let own = live("vpc-1", "vpc.main", "shop", vpc("10.9.0.0/16"));
    check(vec![others, own], &[("vpc.main", "vpc-1")]);
}

/// What stands at each address, where the network is live with a public subnet of each of these blocks, and `wanted` has
/// subnets with these.
#[track_caller]
fn check_blocks(live_with: &[&str], wanted: &[(&str, &str)], expected: &[(&str, &str)]) {
    let mut desired = desired();
    let main = desired.resources[&"subnet.public-1".parse().expect("an address")].clone();
    desired.resources.retain(|address, _| address.kind() == Kind::Vpc);
    for (address, cidr) in wanted {
        let resource = in_vpc("${vpc.main.id}", cidr).into();
        let wanted = DesiredResource { resource, ..main.clone() };
        desired.resources.insert(address.parse().expect("an address"), wanted);
    }
    let mut found = vec![live("vpc-1", "vpc.main", "shop", vpc("10.0.0.0/16"))];
    for (number, cidr) in (1..).zip(live_with) {
        let at = format!("subnet.public-{number}");
        found.push(live(&format!("subnet-{number}"), &at, "shop", in_vpc("vpc-1", cidr)));
    }
    let claimed = claim(&desired, &mut found);
    let shown: BTreeMap<String, &str> =
        claimed.iter().map(|(address, index)| (address.to_string(), found[*index].id.as_str())).collect();
    let expected: BTreeMap<String, &str> =
        [("vpc.main", "vpc-1")].iter().chain(expected).map(|(at, id)| ((*at).to_owned(), *id)).collect();
    assert_eq!(shown, expected);
}

#[test]
fn a_subnet_stands_at_one_address_alone() {
    let moved = [
        ("subnet.private-1", "10.0.0.0/24"),
        ("subnet.private-2", "10.0.1.0/24"),
        ("subnet.public-1", "10.0.8.0/24"),
        ("subnet.public-2", "10.0.9.0/24"),
    ];
    let expected = [("subnet.public-1", "subnet-1"), ("subnet.public-2", "subnet-2")];
    check_blocks(&["10.0.0.0/24", "10.0.1.0/24"], &moved, &expected);
    // One that is at no desired address any more may become another sort.
    check_blocks(&["10.0.0.0/24"], &moved[..1], &[("subnet.private-1", "subnet-1")]);
}

#[test]
fn subnets_of_a_sort_keep_their_blocks_whichever_number_they_get() {
    let [zero, one, two] = ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"];
    let [first, second, third] = ["subnet.public-1", "subnet.public-2", "subnet.public-3"];
    let swapped = [(first, one), (second, zero)];
    check_blocks(&[zero, one], &swapped, &[(first, "subnet-2"), (second, "subnet-1")]);
    let fewer = [(first, one), (second, two)];
    check_blocks(&[zero, one, two], &fewer, &[(first, "subnet-2"), (second, "subnet-3")]);
    let more = [(first, zero), (second, one), (third, two)];
    check_blocks(&[one, two], &more, &[(second, "subnet-1"), (third, "subnet-2")]);
    let other = [(first, one), (second, two)];
    check_blocks(&[zero, one], &other, &[(first, "subnet-2")]);
}

#[test]
fn a_gateway_its_address_and_the_private_table_stay_with_their_subnets() {
    let mut desired = desired();
    let any = desired.resources[&"vpc.main".parse().expect("an address")].clone();
    let mut add = |address: &str, resource: Resource| {
        desired
            .resources
            .insert(address.parse().expect("an address"), DesiredResource { resource, ..any.clone() });
    };
    let main = "${vpc.main.id}";
    let table = |vpc: &str| RouteTable { vpc: vpc.into(), ..RouteTable::example() };
    let gateway = |number: usize, vpc: &str| NatGateway {
        vpc: vpc.into(),
        subnet: format!("subnet-{number}"),
        address: Some(format!("eip-{number}")),
    };
    let private = |number: usize| Subnet {
        route_table: Some(format!("rtb-{number}")),
        ..in_vpc("vpc-1", &format!("10.0.10{number}.0/24"))
    };
    let mut found = vec![live("vpc-1", "vpc.main", "shop", vpc("10.0.0.0/16"))];
    for number in 1..=3 {
        let mut add = |id: &str, address: &str, resource: Resource| {
            found.push(live(&format!("{id}-{number}"), &format!("{address}-{number}"), "shop", resource));
        };
        add("eip", "elastic_ip.nat", ElasticIp::example().into());
        add("nat", "nat_gateway.nat", gateway(number, "vpc-1").into());
        add("rtb", "route_table.private", table("vpc-1").into());
        add("subnet", "subnet.public", in_vpc("vpc-1", &format!("10.0.{number}.0/24")).into());
        add("private", "subnet.private", private(number).into());
    }
    // The first is named no longer, and one comes last.
    for number in 1..=3 {
        add(&format!("elastic_ip.nat-{number}"), ElasticIp::example().into());
        add(&format!("nat_gateway.nat-{number}"), gateway(number, main).into());
        add(&format!("route_table.private-{number}"), table(main).into());
        let block = |third: usize| format!("10.0.{third}.0/24");
        add(&format!("subnet.public-{number}"), in_vpc(main, &block(number + 1)).into());
        add(&format!("subnet.private-{number}"), in_vpc(main, &block(number + 101)).into());
    }
    let claimed = claim(&desired, &mut found);
    let at = |address: &str| {
        claimed.get(&address.parse().expect("an address")).map(|index| found[*index].id.clone())
    };
    for (address, id) in [
        ("elastic_ip.nat", "eip"),
        ("nat_gateway.nat", "nat"),
        ("route_table.private", "rtb"),
        ("subnet.private", "private"),
    ] {
        assert_eq!(at(&format!("{address}-1")), Some(format!("{id}-2")));
        assert_eq!(at(&format!("{address}-2")), Some(format!("{id}-3")));
        assert_eq!(at(&format!("{address}-3")), None, "what is of the first goes with it");
    }
}

#[test]
fn of_two_addresses_the_one_that_a_gateway_has_is_meant() {
    let used = NatGateway { vpc: "vpc-1".into(), address: Some("eip-2".into()), ..NatGateway::example() };
    let found = vec![
        live("eip-1", "elastic_ip.nat-1", "shop", ElasticIp::example()),
        live("eip-2", "elastic_ip.nat-1", "shop", ElasticIp::example()),
        live("nat-1", "nat_gateway.nat-1", "shop", used),
    ];
    check(found, &[("elastic_ip.nat-1", "eip-2")]);
}

#[test]
fn of_two_networks_the_one_with_the_desired_block_is_meant_with_all_that_is_in_it() {
    let found = vec![
        live("igw-1", "internet_gateway.main", "shop", gateway("vpc-1")),
        live("igw-2", "internet_gateway.main", "shop", gateway("vpc-2")),
        live("subnet-1", "subnet.public-1", "shop", in_vpc("vpc-1", "10.9.0.0/20")),
        live("subnet-2", "subnet.public-1", "shop", in_vpc("vpc-2", "10.0.0.0/20")),
        live("vpc-1", "vpc.main", "shop", vpc("10.9.0.0/16")),
        live("vpc-2", "vpc.main", "shop", vpc("10.0.0.0/16")),
    ];
    check(
        found,
        &[("vpc.main", "vpc-2"), ("internet_gateway.main", "igw-2"), ("subnet.public-1", "subnet-2")],
    );
}

#[test]
fn a_gateway_that_is_attached_to_nothing_is_the_vpcs_own_unless_another_is_attached() {
    let vpc = live("vpc-1", "vpc.main", "shop", vpc("10.0.0.0/16"));
    let attached = live("igw-2", "internet_gateway.main", "shop", gateway("vpc-1"));
    let mut found = vec![live("igw-1", "internet_gateway.main", "shop", gateway("")), vpc];
    let claimed = claim(&desired(), &mut found);
    let address = "internet_gateway.main".parse().expect("an address");
    let expected = InternetGateway { vpc: "vpc-1".into(), attached: false };
    assert_eq!(found[claimed[&address]].resource, expected.into());
    found.push(attached);
    check(found, &[("vpc.main", "vpc-1"), ("internet_gateway.main", "igw-2")]);
}

#[test]
fn somebody_elses_subnet_with_the_same_block_is_in_the_way_and_so_is_a_gateway() {
    let own = live("vpc-1", "vpc.main", "shop", vpc("10.0.0.0/16"));
    let other = live("subnet-9", "subnet.public-1", "blog", in_vpc("vpc-1", "10.0.0.0/20"));
    check(vec![own.clone(), other], &[("vpc.main", "vpc-1"), ("subnet.public-1", "subnet-9")]);
    let other = live("igw-9", "internet_gateway.main", "blog", gateway("vpc-1"));
    check(vec![own, other], &[("vpc.main", "vpc-1"), ("internet_gateway.main", "igw-9")]);
}

/// The zones by number, where `live` subnets are in these.
#[track_caller]
fn check_zones(available: &[&str], live_in: &[(&str, &str)], expected: &[&str]) {
    let available: Vec<String> = available.iter().map(|zone| (*zone).to_owned()).collect();
    let reading = |(address, zone): &(&str, &str)| {
        let subnet = Subnet { zone: (*zone).to_owned(), ..Subnet::example() };
        let live = live("subnet-1", address, "shop", subnet);
        (live.address.clone(), Reading::Present(Box::new(live)))
    };
    let readings = live_in.iter().map(reading).collect();
    assert_eq!(zones(&available, &readings), expected);
}

#[test]
fn new_subnets_get_the_first_zones_and_live_ones_keep_theirs() {
    check_zones(&["a", "b", "c"], &[], &["a", "b", "c"]);
    check_zones(&["a", "b", "c"], &[("subnet.public-1", "b")], &["b", "a", "c"]);
    check_zones(&["a", "b", "c"], &[("subnet.public-2", "a")], &["b", "a", "c"]);
    check_zones(&["a", "b"], &[("subnet.public-1", "z"), ("subnet.private-2", "a")], &["z", "a"]);
    check_zones(&["a"], &[], &["a"]);
    check_zones(&[], &[], &[]);
}
