//! Endpoints of the stack's own VPC: ways to services of AWS that do not lead over the internet.
//!
//! Decides which of the two sorts each is, where it is, and who reaches it. Must not know who needs one.

use std::collections::BTreeSet;

use super::context::Lowering;
use super::groups;
use super::place::quoted;
use super::vpc::{at, id};
use crate::address::{Address, Kind};
use crate::cidr::Block;
use crate::kinds::{SecurityGroupRule, VpcEndpoint};
use crate::network::{PRIVATE, PUBLIC, is_subnet_of};

/// The services that are reached by routes, which cost nothing ("Gateway endpoints" of the PrivateLink guide).
const BY_ROUTES: [&str; 2] = ["s3", "dynamodb"];
/// The port of every service of AWS.
const HTTPS: u16 = 443;

/// The services of the stack's endpoints, by their short names.
pub(super) fn is_there(lowering: &Lowering<'_>, service: &str) -> bool {
    lowering.file.network.endpoints.iter().any(|name| name == service)
}

/// Reports names that no service has.
pub(super) fn check(lowering: &mut Lowering<'_>) {
    let names = &lowering.file.network.endpoints;
    for (index, name) in names.iter().enumerate() {
        let place = at("endpoints").item(index);
        let fits = |part: &str| {
            let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !part.is_empty() && part.chars().all(is_word)
        };
        if name == "ecr" {
            lowering
                .report(&place, "ECR has two endpoints")
                .help("write `\"ecr.api\", \"ecr.dkr\"`; images themselves come from `s3`");
        } else if !name.split('.').all(fits) || name.starts_with("com.") {
            lowering
                .report(&place, format!("`{name}` is not the short name of a service"))
                .help("names read like `s3`, `logs` or `ecr.api`, without `com.amazonaws` and the region");
        } else if names[..index].contains(name) {
            lowering.report(&place, format!("`{name}` is there twice"));
        }
    }
}

/// The address of the endpoint for `service`.
fn address(service: &str) -> Address {
    Address::new(Kind::VpcEndpoint, &service.replace('.', "-"))
}

/// Lowers the endpoints of the VPC at `vpc`, which has the block `whole`.
pub(super) fn lower(lowering: &mut Lowering<'_>, vpc: &Address, whole: Block) {
    let names: BTreeSet<&String> = lowering.file.network.endpoints.iter().collect();
    let (routes, interfaces): (Vec<&str>, Vec<&str>) =
        names.into_iter().map(String::as_str).partition(|name| BY_ROUTES.contains(name));
    let tables = lowering.resources.keys().filter(|address| address.kind() == Kind::RouteTable);
    let tables: BTreeSet<String> = tables.map(id).collect();
    for name in routes {
        let fields = VpcEndpoint { route_tables: tables.clone(), ..bare(vpc, name, VpcEndpoint::GATEWAY) };
        let reason = format!("leads to {} without the internet", quoted([name]));
        lowering.imply(address(name), vpc, reason, fields);
    }
    if interfaces.is_empty() {
        return;
    }
    let group = if lowering.file.network.private.is_wanted() { PRIVATE } else { PUBLIC };
    let subnets = lowering.resources.keys().filter(|address| is_subnet_of(address, group));
    let subnets: BTreeSet<String> = subnets.map(id).collect();
    let rule = SecurityGroupRule::tcp(HTTPS, whole.to_string(), "from the VPC".to_owned());
    let reason = "lets the VPC reach its endpoints on port 443".to_owned();
    let groups = groups::implied(lowering, vpc, "endpoints", [rule].into(), reason);
    for name in interfaces {
        let fields = VpcEndpoint {
            subnets: subnets.clone(),
            security_groups: groups.clone(),
            private_dns: true,
            ..bare(vpc, name, VpcEndpoint::INTERFACE)
        };
        let reason =
            format!("leads to {} without the internet, billed by the hour in each zone", quoted([name]));
        lowering.imply(address(name), vpc, reason, fields);
    }
}

/// An endpoint that is nowhere yet.
fn bare(vpc: &Address, name: &str, endpoint_type: &str) -> VpcEndpoint {
    VpcEndpoint {
        vpc: id(vpc),
        service: format!("com.amazonaws.${{aws.region}}.{name}"),
        endpoint_type: endpoint_type.to_owned(),
        route_tables: BTreeSet::new(),
        subnets: BTreeSet::new(),
        security_groups: BTreeSet::new(),
        private_dns: false,
        policy: VpcEndpoint::full_access(),
    }
}
