//! Subnets, what they give to instances, and which route table they use.

use aws_sdk_ec2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::Subnet;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use tokio::try_join;

use super::{SUBNETS, TABLES, being_set_up, filter, id_outputs, set_tags, tagged};
use crate::adopt::{adopt, live_resource, not_visible_yet, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted};
use crate::tags::from_ec2;

const CREATE: &str = "ec2:CreateSubnet";

/// What a subnet's description and the route tables around it say.
fn from_aws(subnet: &sdk::Subnet, tables: &[sdk::RouteTable]) -> Subnet {
    let id = subnet.subnet_id();
    let uses = |table: &&sdk::RouteTable| table.associations().iter().any(|it| it.subnet_id() == id);
    let table = tables.iter().find(uses).and_then(sdk::RouteTable::route_table_id);
    Subnet {
        vpc: subnet.vpc_id().unwrap_or_default().to_owned(),
        cidr: subnet.cidr_block().unwrap_or_default().to_owned(),
        zone: subnet.availability_zone().unwrap_or_default().to_owned(),
        public_ip: subnet.map_public_ip_on_launch().unwrap_or(false),
        route_table: table.map(ToOwned::to_owned),
    }
}

/// A live subnet, at the address in its tags or else at `address`.
pub(super) fn live(address: &Address, subnet: &sdk::Subnet, tables: &[sdk::RouteTable]) -> LiveResource {
    let id = subnet.subnet_id().unwrap_or_default();
    let tags = from_ec2(subnet.tags());
    live_resource(address, id, from_aws(subnet, tables), tags, id_outputs(id), Phase::Ready)
}

/// The route tables that the subnet uses: one, or none where it uses the main one.
async fn tables_of(aws: &Aws, id: &str) -> Result<Vec<sdk::RouteTable>, CallError> {
    let call = aws.ec2.describe_route_tables().filters(filter("association.subnet-id", &[id]));
    Ok(call.send().await.map_err(failed(TABLES))?.route_tables.unwrap_or_default())
}

/// The subnet that has the wanted block in the wanted VPC.
async fn find(aws: &Aws, wanted: &Wanted<'_, Subnet>) -> Result<Option<LiveResource>, CallError> {
    let call = aws
        .ec2
        .describe_subnets()
        .filters(filter("vpc-id", &[&wanted.fields.vpc]))
        .filters(filter("cidr-block", &[&wanted.fields.cidr]));
    let answer = call.send().await.map_err(failed(SUBNETS))?;
    let Some(subnet) = answer.subnets().first() else { return Ok(None) };
    let tables = tables_of(aws, subnet.subnet_id().unwrap_or_default()).await?;
    Ok(Some(live(&wanted_address(wanted)?, subnet, &tables)))
}

/// Gives the subnet what it shall have and cannot be created with.
async fn bring(aws: &Aws, id: &str, live: &Subnet, wanted: &Subnet) -> Result<(), CallError> {
    if live.public_ip != wanted.public_ip {
        let value = sdk::AttributeBooleanValue::builder().value(wanted.public_ip).build();
        let call = aws.ec2.modify_subnet_attribute().subnet_id(id).map_public_ip_on_launch(value);
        call.send().await.map_err(failed("ec2:ModifySubnetAttribute"))?;
    }
    match &wanted.route_table {
        Some(table) if live.route_table.is_none() => associate(aws, id, table).await,
        Some(table) if live.route_table.as_ref() != Some(table) => reassociate(aws, id, table).await,
        _ => Ok(()),
    }
}

/// Lets the subnet use a route table instead of the main one, or of one that somebody gave it meanwhile.
async fn associate(aws: &Aws, id: &str, table: &str) -> Result<(), CallError> {
    let call = aws.ec2.associate_route_table().subnet_id(id).route_table_id(table);
    match call.send().await.map_err(failed("ec2:AssociateRouteTable")) {
        Err(error) if error.kind == ErrorKind::Conflict => reassociate(aws, id, table).await,
        answer => answer.map(|_| ()),
    }
}

/// Lets the subnet use a route table in the place of the one that it uses now.
async fn reassociate(aws: &Aws, id: &str, table: &str) -> Result<(), CallError> {
    let tables = tables_of(aws, id).await?;
    let mut associations = tables.iter().flat_map(sdk::RouteTable::associations);
    let association = associations.find(|it| it.subnet_id() == Some(id));
    let association = association.and_then(sdk::RouteTableAssociation::route_table_association_id);
    let association = association.ok_or_else(|| incomplete(TABLES, "RouteTableAssociationId"))?;
    let call = aws.ec2.replace_route_table_association().association_id(association).route_table_id(table);
    call.send().await.map(|_| ()).map_err(failed("ec2:ReplaceRouteTableAssociation"))
}

impl Remote for Subnet {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let call = aws
            .ec2
            .create_subnet()
            .vpc_id(&fields.vpc)
            .cidr_block(&fields.cidr)
            .availability_zone(&fields.zone)
            .tag_specifications(tagged(sdk::ResourceType::Subnet, &wanted.all_tags()));
        match call.send().await.map_err(failed(CREATE)) {
            Err(error) if error.kind == ErrorKind::Conflict => {
                adopt(aws, wanted, find(aws, wanted).await?, error).await
            }
            answer => {
                let answer = answer.map_err(not_visible_yet)?;
                let id = answer.subnet().and_then(sdk::Subnet::subnet_id);
                Ok(id_outputs(id.ok_or_else(|| incomplete(CREATE, "SubnetId"))?))
            }
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let id = held.live.id.as_str();
        bring(aws, id, held.fields, wanted.fields).await.map_err(not_visible_yet)?;
        set_tags(aws, id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let answer = aws.ec2.delete_subnet().subnet_id(&held.live.id).send().await;
        if_gone(answer.map_err(failed("ec2:DeleteSubnet")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, outputs: &Outputs) -> Result<Progress, CallError> {
        let id = outputs.get("id").ok_or_else(|| incomplete(CREATE, "SubnetId"))?;
        let subnets = async {
            let answer = aws.ec2.describe_subnets().subnet_ids(id).send().await;
            answer.map_err(failed(SUBNETS))
        };
        let (answer, tables) = try_join!(subnets, tables_of(aws, id))?;
        let subnet = answer.subnets().first().ok_or_else(|| incomplete(SUBNETS, "Subnets"))?;
        if let Some(sdk::SubnetState::Pending) = subnet.state() {
            return Ok(Progress::Pending("pending".to_owned()));
        }
        let live = from_aws(subnet, &tables);
        if live == *wanted.fields {
            return Ok(Progress::Done);
        }
        bring(aws, id, &live, wanted.fields).await?;
        Ok(being_set_up())
    }

    async fn gone(_: &Aws, _: &Held<'_, Self>) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    #[test]
    fn a_subnet_is_read_with_the_table_that_it_uses_itself() {
        let example = Subnet::example();
        let shown = sdk::Subnet::builder()
            .subnet_id("subnet-1")
            .vpc_id(&example.vpc)
            .cidr_block(&example.cidr)
            .availability_zone(&example.zone)
            .map_public_ip_on_launch(true)
            .build();
        let table = |id: &str, association: sdk::RouteTableAssociation| {
            sdk::RouteTable::builder().route_table_id(id).associations(association).build()
        };
        let main = table("rtb-main", sdk::RouteTableAssociation::builder().main(true).build());
        let own = sdk::RouteTableAssociation::builder().subnet_id("subnet-1").build();
        let own = table(example.route_table.as_deref().expect("a table"), own);
        assert_eq!(from_aws(&shown, &[main.clone(), own]), example);
        assert_eq!(from_aws(&shown, &[main]).route_table, None);
    }
}
