//! Who can reach what, derived once more from the whole stack and by another way than lowering took.

use std::collections::BTreeSet;
use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::address::Kind;
use crate::config::{Options, Source, load};
use crate::kinds::{Resource, SecurityGroup, SecurityGroupRule, Service, TargetGroup};
use crate::reference;

/// A protocol, a port, and who may use it.
type Opening = (String, Option<i32>, String);

fn of_kind(desired: &Desired, kind: Kind) -> impl Iterator<Item = (&Address, &Resource)> {
    desired
        .resources
        .iter()
        .filter(move |(address, _)| address.kind() == kind)
        .map(|(address, wanted)| (address, &wanted.resource))
}

fn typed<T: serde::de::DeserializeOwned>(resource: &Resource) -> T {
    serde_json::from_value(resource.fields()).expect("the kind's fields")
}

fn strings<'a>(value: &'a Value, path: &str) -> Vec<&'a str> {
    let list = value[path].as_array().expect("a list");
    list.iter().map(|item| item.as_str().expect("a string")).collect()
}

/// What a listener of `alb` opens to the world outside.
fn of_balancer(desired: &Desired, alb: &Address) -> BTreeSet<Opening> {
    let fields = resource(desired, &alb.to_string()).resource.fields();
    let peers: &[&str] = match (fields["scheme"].as_str(), fields["ip_address_type"].as_str()) {
        (Some("internal"), _) => &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
        (_, Some("dualstack")) => &["0.0.0.0/0", "::/0"],
        _ => &["0.0.0.0/0"],
    };
    let listeners = of_kind(desired, Kind::Listener).map(|(_, listener)| listener.fields());
    let ours = listeners.filter(|listener| listener["load_balancer"] == reference::output(alb, "arn"));
    let ports =
        ours.map(|listener| i32::try_from(listener["port"].as_i64().expect("a port")).expect("small"));
    let ports: Vec<i32> = ports.collect();
    let opening =
        |port: i32| peers.iter().map(move |peer| ("tcp".to_owned(), Some(port), (*peer).to_owned()));
    ports.into_iter().flat_map(opening).collect()
}

/// The load balancers that hand requests to `group`.
fn balancers(desired: &Desired, group: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, listener) in of_kind(desired, Kind::Listener) {
        let fields = listener.fields();
        if fields["default_action"].to_string().contains(group) {
            found.insert(fields["load_balancer"].to_string());
        }
    }
    for (_, rule) in of_kind(desired, Kind::Rule) {
        let fields = rule.fields();
        if fields["action"].to_string().contains(group) {
            let of = |(address, _): &(&Address, &Resource)| {
                fields["listener"] == reference::output(address, "arn")
            };
            let (_, listener) = of_kind(desired, Kind::Listener).find(of).expect("its listener");
            found.insert(listener.fields()["load_balancer"].to_string());
        }
    }
    found
}

/// What the load balancers of a service need of its tasks.
fn of_tasks(desired: &Desired, service: &Service) -> BTreeSet<Opening> {
    let mut openings = BTreeSet::new();
    for target in &service.targets {
        let of =
            |(address, _): &(&Address, &Resource)| target.target_group == reference::output(address, "arn");
        let (_, group) = of_kind(desired, Kind::TargetGroup).find(of).expect("its group");
        let group: TargetGroup = typed(group);
        let ports = [Some(i32::from(target.port)), group.health_check.port.parse().ok()];
        for (address, alb) in of_kind(desired, Kind::Alb) {
            if !balancers(desired, &target.target_group)
                .contains(&format!("{:?}", reference::output(address, "arn")))
            {
                continue;
            }
            for peer in strings(&alb.fields(), "security_groups") {
                openings.extend(
                    ports.into_iter().flatten().map(|port| ("tcp".to_owned(), Some(port), peer.to_owned())),
                );
            }
        }
    }
    openings
}

/// Every group that nobody declared lets in what the path to it needs, and nothing else.
#[track_caller]
fn check_reach(desired: &Desired) -> usize {
    let mut checked = 0;
    for (address, group) in of_kind(desired, Kind::SecurityGroup) {
        let Some(implied) = &resource(desired, &address.to_string()).implied else { continue };
        let group: SecurityGroup = typed(group);
        let opening = |rule: &SecurityGroupRule| {
            assert_eq!(rule.from_port, rule.to_port, "{address} opens a range");
            (rule.protocol.clone(), rule.from_port, rule.peer.clone())
        };
        let open: BTreeSet<Opening> = group.ingress.iter().map(opening).collect();
        let needed = match implied.by.kind() {
            Kind::Alb => of_balancer(desired, &implied.by),
            Kind::Service => {
                let service = &resource(desired, &implied.by.to_string()).resource;
                of_tasks(desired, &typed::<Service>(service))
            }
            other => panic!("{address} is implied by a {other}"),
        };
        assert_eq!(open, needed, "{address}");
        assert_eq!(group.egress, [SecurityGroupRule::everything()].into(), "{address}");
        checked += 1;
    }
    checked
}

/// A stack of up to three load balancers, four groups and three services.
fn random_stack(picks: &[u8]) -> String {
    let mut picks = picks.iter().copied();
    let mut pick = |below: u8| picks.next().unwrap_or(0) % below;
    let mut text = String::from("[stack]\nname = \"course\"\n[cluster.main]\n");
    let groups = 1 + pick(4);
    for group in 0..groups {
        writeln!(text, "[target_group.g{group}]\nport = {}", 3000 + u16::from(pick(3))).expect("text");
        if pick(3) == 0 {
            writeln!(text, "health_check = {{ port = {} }}", 9000 + u16::from(pick(2))).expect("text");
        }
    }
    for alb in 0..=pick(3) {
        writeln!(text, "[alb.a{alb}]").expect("text");
        match pick(4) {
            0 => text += "scheme = \"internal\"\n",
            1 => text += "ip_address_type = \"dualstack\"\n",
            2 => text += "security_groups = [\"sg-0123456789abcdef0\"]\n",
            _ => {}
        }
        for listener in 0..=pick(2) {
            writeln!(text, "[alb.a{alb}.listener.l{listener}]\nport = {}", 80 + 10 * u16::from(listener))
                .expect("text");
            match pick(2) {
                0 => writeln!(text, "default = {{ forward = \"g{}\" }}", pick(groups)),
                _ => writeln!(text, "default = {{ fixed_response = {{ status = 404 }} }}"),
            }
            .expect("text");
            if pick(2) == 1 {
                let rule = "priority = 1\nwhen = { path = [\"/x\"] }";
                writeln!(text, "[[alb.a{alb}.listener.l{listener}.rule]]\n{rule}").expect("text");
                writeln!(text, "forward = \"g{}\"", pick(groups)).expect("text");
            }
        }
    }
    for service in 0..=pick(3) {
        write!(
            text,
            "[task.t{service}.container.app]\nimage = \"nginx\"\nport = {}\n",
            3000 + u16::from(pick(3))
        )
        .expect("text");
        writeln!(text, "[service.s{service}]\ncluster = \"main\"\ntask = \"t{service}\"").expect("text");
        if pick(4) > 0 {
            writeln!(text, "target = {{ group = \"g{}\" }}", pick(groups)).expect("text");
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn no_group_is_open_wider_than_its_path(picks in prop::collection::vec(any::<u8>(), 0..48)) {
        // A group without a load balancer, and the like, is a mistake: then there is nothing to judge.
        if let Ok(desired) = lower_text(&random_stack(&picks)) {
            check_reach(&desired);
        }
    }
}

#[test]
fn most_of_the_random_stacks_are_stacks() {
    let picks = |seed: u8| {
        (0..48).map(|at| seed.wrapping_mul(31).wrapping_add(u8::wrapping_mul(at, 17))).collect::<Vec<u8>>()
    };
    let stacks = (0..=255).filter_map(|seed| lower_text(&random_stack(&picks(seed))).ok());
    let checked: Vec<usize> = stacks.map(|desired| check_reach(&desired)).collect();
    assert!(checked.len() > 20, "{}", checked.len());
    assert!(checked.iter().sum::<usize>() > 60, "{checked:?}");
}

#[test]
fn no_group_of_an_example_is_open_wider_than_its_path() {
    for text in [
        include_str!("../../../../../../stack.toml"),
        include_str!("../../../../../../examples/course-fargate/stack.toml"),
        include_str!("../../../../../../examples/sidecar/stack.toml"),
        include_str!("../../../../../../examples/two-services/stack.toml"),
    ] {
        let source = Source { name: "stack.toml", bytes: text.as_bytes() };
        let desired = load(&source, &Options::default()).expect("no mistakes").desired;
        assert!(check_reach(&desired) >= 2);
    }
}
