//! Security groups: declared ones, and those along the path from the internet to a container.
//!
//! Decides who may reach what: the internet the listeners' ports, the load balancer the containers' ports, and
//! nobody anything else. Must not know how the path is used.

use std::collections::BTreeSet;

use super::context::{Common, Lowering};
use super::ground::{self, Block};
use super::place::{Place, on_ports};
use super::stack::is_id;
use super::{classic, cloudfront_origin, container, peers, reach, routes, target_group};
use crate::address::{Address, Kind};
use crate::config::shape::{
    AlbTable, IpAddressType, NetworkMode, NlbTable, PortRange, ReachableFrom, Scheme, SecurityGroupProtocol,
    SecurityGroupRuleTable, SecurityGroupTable, StackFile, TargetTable,
};
use crate::kinds::{Resource, SecurityGroup, SecurityGroupRule};
use crate::{naming, reference};

/// The VPC that groups live in.
const VPC: &str = "${network.vpc}";
/// Private addresses (RFC 1918). The range of the VPC is not known here, and nothing else has a route to an
/// internal load balancer.
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
/// The addresses from which CloudFront asks origins.
const CLOUDFRONT: &str = "${aws.cloudfront_origins}";
/// The ports from which ECS chooses one for a container ("PortMapping" of ECS's API reference).
const CHOSEN_PORTS: (u16, u16) = (32_768, 65_535);
/// The most groups that a load balancer or a service takes.
const MOST_GROUPS: usize = 5;
/// The most rules that a group has in one direction, unless AWS raised the quota.
const MOST_RULES: usize = 60;

/// Lowers every declared group.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.security_group {
        declared(lowering, name, table);
    }
}

fn declared(lowering: &mut Lowering<'_>, name: &str, table: &SecurityGroupTable) {
    let (place, address) = lowering.begin(Kind::SecurityGroup, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    let ingress = rules(lowering, &place.at("ingress"), name, &table.ingress);
    let egress = match &table.egress {
        None => [SecurityGroupRule::everything()].into(),
        Some(egress) => rules(lowering, &place.at("egress"), name, egress),
    };
    let group = SecurityGroup {
        name: lowering.plain_name(Kind::SecurityGroup, &place, name, common.name),
        description: description(lowering, &address),
        vpc: VPC.to_owned(),
        ingress,
        egress,
    };
    lowering.declare(address, &place, &common, group);
}

/// AWS cannot change a group's description, so it never changes.
fn description(lowering: &Lowering<'_>, address: &Address) -> String {
    format!("{}: {address}", lowering.stack)
}

/// The groups that a load balancer or service names, as ids or references.
pub(super) fn chosen(lowering: &mut Lowering<'_>, place: &Place, names: &[String]) -> BTreeSet<String> {
    if names.len() > MOST_GROUPS {
        let message = format!("{} security groups; AWS takes at most {MOST_GROUPS}", names.len());
        lowering.report(place, message);
    }
    let mut groups = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let place = place.item(index);
        let group = if is_id(name, "sg-") {
            name.clone()
        } else if name.starts_with("${") {
            lowering.text(&place, name)
        } else {
            lowering.named(&place, Kind::SecurityGroup, name)
        };
        groups.insert(group);
    }
    groups
}

/// The groups of a load balancer: those that it names, or one that lets its listeners be reached.
pub(super) fn of_alb(
    lowering: &mut Lowering<'_>,
    alb: &Address,
    place: &Place,
    table: &AlbTable,
) -> BTreeSet<String> {
    if table.reachable_from.is_some() {
        check_reachable(lowering, alb, &place.at("reachable_from"), table);
    }
    if !table.security_groups.is_empty() {
        return chosen(lowering, &place.at("security_groups"), &table.security_groups);
    }
    let (peers, from): (&[&str], _) = match table.reachable_from {
        Some(ReachableFrom::Cloudfront) => (&[CLOUDFRONT], "CloudFront"),
        None => reached_from(table.scheme, table.ip_address_type),
    };
    let ports: BTreeSet<u16> = table.listener.values().map(|listener| listener.port).collect();
    let rule = |port: u16, peer: &str| SecurityGroupRule::tcp(port, peer, format!("to {alb}"));
    let ingress = ports.iter().flat_map(|port| peers.iter().map(move |peer| rule(*port, peer))).collect();
    let reason = format!("lets {from} reach the load balancer{}", on_ports(&ports));
    implied(lowering, alb, &format!("alb-{}", alb.name()), ingress, reason)
}

/// The groups of a network load balancer: those that it names, or one that lets its listeners be reached.
pub(super) fn of_nlb(
    lowering: &mut Lowering<'_>,
    nlb: &Address,
    place: &Place,
    table: &NlbTable,
) -> BTreeSet<String> {
    if !table.security_groups.is_empty() {
        return chosen(lowering, &place.at("security_groups"), &table.security_groups);
    }
    let (peers, from) = reached_from(table.scheme, table.ip_address_type);
    let mut ingress = BTreeSet::new();
    for listener in table.listener.values() {
        let protocols: &[&str] = match routes::transport(lowering.file, listener) {
            "UDP" => &["udp"],
            "TCP_UDP" => &["tcp", "udp"],
            _ => &["tcp"],
        };
        for (protocol, peer) in
            protocols.iter().flat_map(|protocol| peers.iter().map(move |peer| (protocol, peer)))
        {
            ingress.insert(SecurityGroupRule {
                protocol: (*protocol).to_owned(),
                ..SecurityGroupRule::tcp(listener.port, *peer, format!("to {nlb}"))
            });
        }
    }
    let ports = table.listener.values().map(|listener| listener.port).collect();
    let reason = format!("lets {from} reach the load balancer{}", on_ports(&ports));
    implied(lowering, nlb, &format!("nlb-{}", nlb.name()), ingress, reason)
}

/// Who has a route to a load balancer, and the words for them.
pub(super) const fn reached_from(
    scheme: Scheme,
    addresses: IpAddressType,
) -> (&'static [&'static str], &'static str) {
    match (scheme, addresses) {
        (Scheme::Internal, _) => (&PRIVATE, "private addresses"),
        (Scheme::InternetFacing, IpAddressType::Ipv4) => (&["0.0.0.0/0"], "the internet"),
        (Scheme::InternetFacing, IpAddressType::Dualstack) => (&["0.0.0.0/0", "::/0"], "the internet"),
    }
}

/// Checks a load balancer that only CloudFront shall reach. The prefix list counts as 55 rules ("Use the CloudFront managed
/// prefix list"), so that a group has room for one port.
fn check_reachable(lowering: &mut Lowering<'_>, alb: &Address, place: &Place, table: &AlbTable) {
    if !table.security_groups.is_empty() {
        lowering
            .report(place, "`security_groups` are named too, and they say who reaches it")
            .help("leave one of the two out; a rule of your own group takes the list with `peer = \"${aws.cloudfront_origins}\"`");
    } else if table.listener.len() > 1 {
        lowering
            .report(
                place,
                format!(
                    "the load balancer has {} listeners, and there is room for one",
                    table.listener.len()
                ),
            )
            .help("CloudFront's addresses count as 55 rules for each port, and a group takes 60")
            .help("CloudFront asks one listener alone: leave the others out, or name groups of your own");
    }
    let mut routes = lowering.file.cloudfront.values().flat_map(|site| &site.route);
    if !routes.any(|route| cloudfront_origin::asks(lowering.file, &route.origin, alb)) {
        lowering
            .report(
                place,
                format!("no distribution of the stack has `{alb}` for an origin, so nobody would reach it"),
            )
            .help(format!("add a route with `origin = \"{alb}\"`, or leave `reachable_from` out"));
    }
}

/// Something of targets that load balancers ask: the name of a target group, a protocol, and a range of ports.
pub(super) type Asked<'file> = (&'file str, &'static str, (u16, u16));

/// The rules by which load balancers reach what they ask, and what those load balancers are called.
fn from_balancers(
    lowering: &Lowering<'_>,
    asked: &BTreeSet<Asked<'_>>,
) -> (BTreeSet<SecurityGroupRule>, BTreeSet<String>) {
    let mut ingress = BTreeSet::new();
    let mut balancers = BTreeSet::new();
    for (group, protocol, (from, to)) in asked {
        for route in lowering.routes.get(group).into_iter().flatten() {
            let balancer = &route.balancer;
            let groups = match lowering.resources.get(balancer).map(|found| &found.resource) {
                Some(Resource::Alb(alb)) => &alb.security_groups,
                Some(Resource::Nlb(nlb)) => &nlb.security_groups,
                _ => continue,
            };
            let rule = |peer: &String| SecurityGroupRule {
                protocol: (*protocol).to_owned(),
                to_port: Some(i32::from(*to)),
                ..SecurityGroupRule::tcp(*from, peer, format!("from {balancer}"))
            };
            ingress.extend(groups.iter().map(rule));
            balancers.insert(format!("`{balancer}`"));
        }
    }
    (ingress, balancers)
}

/// Load balancers and services that ask may share a group, and AWS takes a rule only once, whatever its description
/// ("AuthorizeSecurityGroupIngress": `InvalidPermission.Duplicate`).
fn once(mut ingress: BTreeSet<SecurityGroupRule>) -> BTreeSet<SecurityGroupRule> {
    let mut seen = BTreeSet::new();
    ingress
        .retain(|rule| seen.insert((rule.protocol.clone(), rule.from_port, rule.to_port, rule.peer.clone())));
    ingress
}

/// The group of a service: its load balancers reach what they ask, and nobody else does anything.
pub(super) fn of_service(
    lowering: &mut Lowering<'_>,
    service: &Address,
    asked: &BTreeSet<Asked<'_>>,
) -> BTreeSet<String> {
    let (mut ingress, balancers) = from_balancers(lowering, asked);
    let by_name = reach::to_service(lowering.file, service.name());
    let clients = reach::clients(lowering.file, service.name()).map(|(name, _)| format!("`service.{name}`"));
    let who: Vec<String> = balancers.into_iter().chain(clients.filter(|_| !by_name.is_empty())).collect();
    let reason = if who.is_empty() {
        "lets the tasks out and nobody in".to_owned()
    } else {
        let by_name_ports = by_name.iter().filter_map(|rule| u16::try_from(rule.from_port?).ok());
        let ports = asked.iter().map(|(_, _, (port, _))| *port).chain(by_name_ports).collect();
        format!("lets {} reach the tasks{}", who.join(" and "), on_ports(&ports))
    };
    ingress.extend(by_name);
    implied(lowering, service, &format!("service-{}", service.name()), once(ingress), reason)
}

/// The group of a block of instances of `cluster`: load balancers, and services that ask by name, reach the ports of the tasks
/// that may land on them, and nobody else does anything.
pub(super) fn of_instances(
    lowering: &mut Lowering<'_>,
    cluster: &Address,
    name: &str,
    block: Block<'_>,
) -> BTreeSet<String> {
    let (mut ingress, mut balancers) =
        from_balancers(lowering, &shared_ports(lowering.file, cluster.name(), block));
    for clb in classic::of_block(lowering.file, cluster.name(), block) {
        ingress.extend(classic::reaches(lowering, &clb));
        balancers.insert(format!("`{clb}`"));
    }
    let own = reference::output(&Address::new(Kind::SecurityGroup, name), "id");
    let by_name = reach::to_instances(lowering.file, cluster.name(), block, &own);
    let others = (!by_name.is_empty()).then(|| "services that ask by name".to_owned());
    let who: Vec<String> = balancers.into_iter().chain(others).collect();
    let reason = if who.is_empty() {
        "lets its instances out and nobody in".to_owned()
    } else {
        format!("lets {} reach the tasks on its instances", who.join(" and "))
    };
    ingress.extend(by_name);
    implied(lowering, cluster, name, once(ingress), reason)
}

/// The ports of a block of a cluster's instances behind which tasks answer, each with the target group that reaches it.
fn shared_ports<'file>(file: &'file StackFile, cluster: &str, block: Block<'_>) -> BTreeSet<Asked<'file>> {
    let mut ports = BTreeSet::new();
    for service in file.service.values().filter(|service| service.cluster == cluster) {
        let mode = ground::mode_of(file, service);
        let lands = ground::instances(file, service).iter().any(|other| other.name == block.name);
        if !lands || mode == NetworkMode::Awsvpc {
            continue;
        }
        let Some(task) = file.task.get(&service.task) else { continue };
        for (name, target) in service.targets().iter().flat_map(TargetTable::groups) {
            let Some(group) = file.target_group.get(name) else { continue };
            let opened = task
                .container
                .iter()
                .filter(|(name, _)| target.container.as_ref().is_none_or(|it| it == *name));
            let opened = opened.flat_map(|(_, container)| container::ports(container));
            for (_, port) in opened.filter(|(_, port)| target.port.is_none_or(|it| it == port.container_port))
            {
                let range = match (mode, port.host_port) {
                    (NetworkMode::Host, _) => (port.container_port, port.container_port),
                    (_, 0) => CHOSEN_PORTS,
                    (_, fixed) => (fixed, fixed),
                };
                let asked = target_group::asked(group, range).into_iter();
                ports.extend(asked.map(|(protocol, range)| (name, protocol, range)));
            }
        }
    }
    ports
}

/// The group that `by` implies, which lets everything out.
pub(super) fn implied(
    lowering: &mut Lowering<'_>,
    by: &Address,
    name: &str,
    ingress: BTreeSet<SecurityGroupRule>,
    reason: String,
) -> BTreeSet<String> {
    let address = Address::new(Kind::SecurityGroup, name);
    let id = reference::output(&address, "id");
    let group = SecurityGroup {
        name: naming::plain(Kind::SecurityGroup, lowering.stack, name),
        description: description(lowering, &address),
        vpc: VPC.to_owned(),
        ingress,
        egress: [SecurityGroupRule::everything()].into(),
    };
    lowering.imply(address, by, reason, group);
    [id].into()
}

fn rules(
    lowering: &mut Lowering<'_>,
    place: &Place,
    group: &str,
    tables: &[SecurityGroupRuleTable],
) -> BTreeSet<SecurityGroupRule> {
    let mut rules = BTreeSet::new();
    for (index, table) in tables.iter().enumerate() {
        let place = place.item(index);
        check_description(lowering, &place.at("description"), &table.description);
        let (from_port, to_port) = ports(lowering, &place, table);
        for (index, text) in table.peer.as_slice().iter().enumerate() {
            for peer in peers::peers(lowering, &place.at("peer"), group, text) {
                let protocol = match table.protocol {
                    SecurityGroupProtocol::Tcp => "tcp",
                    SecurityGroupProtocol::Udp => "udp",
                    SecurityGroupProtocol::Icmp if peer.contains(':') && peer.contains('/') => "icmpv6",
                    SecurityGroupProtocol::Icmp => "icmp",
                    SecurityGroupProtocol::All => "-1",
                };
                let (protocol, description) = (protocol.to_owned(), table.description.clone());
                let rule = SecurityGroupRule { protocol, from_port, to_port, peer, description };
                if !rules.iter().any(|other: &SecurityGroupRule| other.is_same_traffic(&rule)) {
                    rules.insert(rule);
                } else if !peers::shares(lowering.file, text) {
                    let message = format!("the same rule for `{text}` is there twice");
                    lowering
                        .report(&place.at("peer").item(index), message)
                        .help("AWS takes a rule once, whatever its description");
                }
            }
        }
    }
    if rules.len() > MOST_RULES {
        let message = format!("{} rules; AWS takes at most {MOST_RULES} in one direction", rules.len());
        lowering.report(place, message);
    }
    rules
}

fn check_description(lowering: &mut Lowering<'_>, place: &Place, text: &str) {
    lowering.plain(place, text);
    let fits = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if let Some(misfit) = text.chars().find(|c| !fits(*c)) {
        lowering
            .report(place, format!("the description holds `{misfit}`, which AWS does not take here"))
            .help("it takes letters, digits, spaces and `. _ - : / ( ) # , @ [ ] + = & ; { } ! $ *`");
    } else if text.len() > 255 {
        lowering.report(place, format!("{} characters; AWS takes at most 255", text.len()));
    }
}

fn ports(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &SecurityGroupRuleTable,
) -> (Option<i32>, Option<i32>) {
    let place = place.at("port");
    let has_ports = matches!(table.protocol, SecurityGroupProtocol::Tcp | SecurityGroupProtocol::Udp);
    if table.port.is_some() && !has_ports {
        lowering.report(&place, "a port without `tcp` or `udp`").help("leave `port` out, or set `protocol`");
    }
    match (&table.port, table.protocol) {
        (_, SecurityGroupProtocol::All) => (None, None),
        (_, SecurityGroupProtocol::Icmp) => (Some(-1), Some(-1)),
        (None, _) => (Some(0), Some(65_535)),
        (Some(PortRange::One(port)), _) => (Some(i32::from(*port)), Some(i32::from(*port))),
        (Some(PortRange::Range(text)), _) => {
            let ends = text.split_once('-').and_then(|(first, last)| {
                Some((first.parse::<u16>().ok()?, last.parse::<u16>().ok()?))
                    .filter(|(first, last)| first <= last)
            });
            if ends.is_none() {
                lowering
                    .report(&place, format!("`{text}` is not a range of ports"))
                    .help("ranges read like `8000-8080`, the lower port first, 65535 at most");
            }
            let (first, last) = ends.unwrap_or((0, 0));
            (Some(i32::from(first)), Some(i32::from(last)))
        }
    }
}
