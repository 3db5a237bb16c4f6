//! Route tables with the routes that somebody made.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::RouteTable;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::{TABLES, being_set_up, id_outputs, set_tags, tagged};
use crate::adopt::{live_resource, not_visible_yet};
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted};
use crate::tags::from_ec2;

const CREATE: &str = "ec2:CreateRouteTable";

/// The destination of a route and the id of where it leads, unless AWS made it: within the VPC, learned from a virtual private
/// gateway, or to a gateway endpoint.
fn route(route: &sdk::Route) -> Option<(String, String)> {
    let destination = route
        .destination_cidr_block()
        .or(route.destination_ipv6_cidr_block())
        .or(route.destination_prefix_list_id())?;
    let target = route
        .nat_gateway_id()
        .or(route.gateway_id())
        .or(route.network_interface_id())
        .or(route.instance_id())
        .or(route.vpc_peering_connection_id())
        .or(route.transit_gateway_id())
        .or(route.egress_only_internet_gateway_id())
        .or(route.local_gateway_id())
        .or(route.carrier_gateway_id())
        .or(route.core_network_arn())
        .unwrap_or_default();
    let is_aws_own = matches!(
        route.origin(),
        Some(sdk::RouteOrigin::CreateRouteTable | sdk::RouteOrigin::EnableVgwRoutePropagation)
    );
    let is_made = !is_aws_own && target != "local" && !target.starts_with("vpce-");
    is_made.then(|| (destination.to_owned(), target.to_owned()))
}

fn from_aws(table: &sdk::RouteTable) -> RouteTable {
    RouteTable {
        vpc: table.vpc_id().unwrap_or_default().to_owned(),
        routes: table.routes().iter().filter_map(route).collect(),
    }
}

/// A live route table, at the address in its tags or else at `address`.
pub(super) fn live(address: &Address, table: &sdk::RouteTable) -> LiveResource {
    let id = table.route_table_id().unwrap_or_default();
    live_resource(address, id, from_aws(table), from_ec2(table.tags()), id_outputs(id), Phase::Ready)
}

/// Where a route leads, as calls name it: an internet gateway or a NAT gateway.
fn target_ids(target: &str) -> (Option<String>, Option<String>) {
    let id = Some(target.to_owned());
    if target.starts_with("nat-") { (None, id) } else { (id, None) }
}

async fn create_route(aws: &Aws, id: &str, destination: &str, target: &str) -> Result<(), CallError> {
    let (gateway, nat) = target_ids(target);
    let call = aws
        .ec2
        .create_route()
        .route_table_id(id)
        .destination_cidr_block(destination)
        .set_gateway_id(gateway)
        .set_nat_gateway_id(nat);
    match call.send().await.map_err(failed("ec2:CreateRoute")) {
        // Somebody was faster, or an earlier attempt whose answer was lost.
        Err(error) if error.kind == ErrorKind::Conflict => replace_route(aws, id, destination, target).await,
        answer => answer.map(|_| ()),
    }
}

async fn replace_route(aws: &Aws, id: &str, destination: &str, target: &str) -> Result<(), CallError> {
    let (gateway, nat) = target_ids(target);
    let call = aws
        .ec2
        .replace_route()
        .route_table_id(id)
        .destination_cidr_block(destination)
        .set_gateway_id(gateway)
        .set_nat_gateway_id(nat);
    call.send().await.map(|_| ()).map_err(failed("ec2:ReplaceRoute"))
}

async fn delete_route(aws: &Aws, id: &str, destination: &str) -> Result<(), CallError> {
    let call = aws.ec2.delete_route().route_table_id(id);
    let call = if destination.starts_with("pl-") {
        call.destination_prefix_list_id(destination)
    } else if destination.contains(':') {
        call.destination_ipv6_cidr_block(destination)
    } else {
        call.destination_cidr_block(destination)
    };
    if_gone(call.send().await.map_err(failed("ec2:DeleteRoute")))
}

type Routes = BTreeMap<String, String>;

/// Sets what is missing or leads elsewhere before it takes away what is too much.
async fn bring(aws: &Aws, id: &str, live: &Routes, wanted: &Routes) -> Result<(), CallError> {
    for (destination, target) in wanted {
        match live.get(destination) {
            None => create_route(aws, id, destination, target).await?,
            Some(found) if found != target => replace_route(aws, id, destination, target).await?,
            Some(_) => {}
        }
    }
    for destination in live.keys().filter(|destination| !wanted.contains_key(*destination)) {
        delete_route(aws, id, destination).await?;
    }
    Ok(())
}

impl Remote for RouteTable {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let tags = tagged(sdk::ResourceType::RouteTable, &wanted.all_tags());
        let call = aws.ec2_once.create_route_table().vpc_id(&wanted.fields.vpc).tag_specifications(tags);
        let answer = call.send().await.map_err(failed(CREATE)).map_err(not_visible_yet)?;
        let id = answer.route_table().and_then(sdk::RouteTable::route_table_id);
        Ok(id_outputs(id.ok_or_else(|| incomplete(CREATE, "RouteTableId"))?))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let id = held.live.id.as_str();
        bring(aws, id, &held.fields.routes, &wanted.fields.routes).await.map_err(not_visible_yet)?;
        set_tags(aws, id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let call = aws.ec2.delete_route_table().route_table_id(&held.live.id);
        if_gone(call.send().await.map_err(failed("ec2:DeleteRouteTable")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let id = outputs.get("id").ok_or_else(|| incomplete(CREATE, "RouteTableId"))?;
        let answer =
            aws.ec2.describe_route_tables().route_table_ids(id).send().await.map_err(failed(TABLES))?;
        let table = answer.route_tables().first().ok_or_else(|| incomplete(TABLES, "RouteTables"))?;
        let live = from_aws(table);
        if live.routes == wanted.fields.routes {
            return Ok(Progress::Done);
        }
        bring(aws, id, &live.routes, &wanted.fields.routes).await?;
        Ok(being_set_up())
    }

    async fn gone(_: &Aws, _: &Held<'_, Self>) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_routes_that_somebody_made_are_read() {
        let to = |destination: &str, gateway: &str| {
            sdk::Route::builder().destination_cidr_block(destination).gateway_id(gateway)
        };
        let table = sdk::RouteTable::builder()
            .vpc_id("vpc-1")
            .routes(to("10.0.0.0/16", "local").origin(sdk::RouteOrigin::CreateRouteTable).build())
            .routes(to("192.168.0.0/16", "vgw-1").origin(sdk::RouteOrigin::EnableVgwRoutePropagation).build())
            .routes(sdk::Route::builder().destination_prefix_list_id("pl-1").gateway_id("vpce-1").build())
            .routes(to("0.0.0.0/0", "igw-1").origin(sdk::RouteOrigin::CreateRoute).build())
            .routes(
                sdk::Route::builder()
                    .destination_ipv6_cidr_block("::/0")
                    .egress_only_internet_gateway_id("eigw-1")
                    .build(),
            )
            .build();
        let pairs = [("0.0.0.0/0", "igw-1"), ("::/0", "eigw-1")];
        let routes = pairs.map(|(destination, target)| (destination.to_owned(), target.to_owned())).into();
        assert_eq!(from_aws(&table), RouteTable { vpc: "vpc-1".into(), routes });
    }
}
