//! EC2: endpoints of VPCs (reference section 3.2).
//!
//! AWS tells no repeated create from the first one, and refuses a second endpoint only where its routes or its host name would
//! be another's.

use std::collections::BTreeSet;

use neap_core::kinds::{RouteTable, SecurityGroup, VpcEndpoint};
use neap_engine::cloud::CallError;

use super::Request;
use super::network::{id_of, made, put};
use super::request::gone_is_done;
use crate::clock::{ENDPOINT_SETTLES, Millis, ROUTES_SETTLE};
use crate::error::{Answer, Rejection};
use crate::record::State;
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidParameter";
const NOT_FOUND: &str = "InvalidVpcEndpointId.NotFound";
const SAME_ZONE: &str = "DuplicateSubnetsInSameZone";
/// The services of AWS that endpoints lead to, by their short names ("AWS services that integrate with AWS PrivateLink"); not all of
/// them, so the region of the sandbox has fewer than others.
#[rustfmt::skip]
pub(crate) const SERVICES: [&str; 156] = [
    "access-analyzer", "account", "acm", "acm-pca", "airflow.api", "airflow.env", "airflow.ops", "amplify",
    "app-integrations", "appconfig", "appconfigdata", "application-autoscaling", "appmesh",
    "appmesh-envoy-management", "apprunner", "apprunner.requests", "appstream.api", "appstream.streaming",
    "appsync", "athena", "auditmanager", "autoscaling", "autoscaling-plans", "backup", "backup-gateway",
    "batch", "bedrock", "bedrock-agent", "bedrock-agent-runtime", "bedrock-runtime", "billingconductor",
    "cassandra", "cleanrooms", "cloudcontrolapi", "cloudformation", "cloudhsmv2", "cloudtrail",
    "codeartifact.api", "codeartifact.repositories", "codebuild", "codecommit", "codedeploy",
    "codedeploy-commands-secure", "codepipeline", "comprehend", "config", "datasync", "dms", "dynamodb", "ebs",
    "ec2", "ec2messages", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "eks", "eks-auth",
    "elasticache", "elasticbeanstalk", "elasticbeanstalk-health", "elasticfilesystem", "elasticloadbalancing",
    "elasticmapreduce", "email-smtp", "emr-containers", "emr-serverless", "events", "evidently", "execute-api",
    "firehose", "fis", "fsx", "git-codecommit", "glue", "grafana", "grafana-workspace", "guardduty",
    "guardduty-data", "imagebuilder", "inspector2", "iot.credentials", "iot.data", "iotsitewise.api", "kafka",
    "kendra", "kinesis-firehose", "kinesis-streams", "kms", "lakeformation", "lambda", "license-manager",
    "lightsail", "logs", "macie2", "mediaconnect", "memory-db", "mgn", "monitoring", "mq", "network-firewall",
    "organizations", "pipes", "polly", "private-networks", "profile", "qldb.session", "rds", "rds-data",
    "redshift", "redshift-data", "rekognition", "resource-groups", "rolesanywhere", "route53resolver", "rum",
    "rum-dataplane", "s3", "s3-outposts", "s3tables", "sagemaker.api", "sagemaker.featurestore-runtime",
    "sagemaker.runtime", "scheduler", "secretsmanager", "securityhub", "servicecatalog", "servicediscovery",
    "signin", "snow-device-management", "sns", "sqs", "ssm", "ssm-contacts", "ssm-incidents", "ssmmessages",
    "states", "storagegateway", "sts", "swf", "sync-states", "synthetics", "tagging", "textract",
    "timestream.ingest-cell1", "timestream.query-cell1", "transcribe", "transcribestreaming", "transfer",
    "transfer.server", "translate", "verifiedpermissions", "vpc-lattice", "workspaces", "xray",
];
/// The services that are reached by routes.
const BY_ROUTES: [&str; 2] = ["s3", "dynamodb"];

pub(crate) async fn create(request: &Request<'_>, desired: &VpcEndpoint) -> Result<String, CallError> {
    request.call("ec2:CreateVpcEndpoint", |world| make(world, request, desired)).await
}

/// Changes whatever differs: by one call, unless a subnet takes another's place. Then what there is room for comes first, and one
/// subnet makes room for the next, a round for each.
pub(super) async fn bring(request: &Request<'_>, arn: &str, desired: &VpcEndpoint) -> Result<(), CallError> {
    let current = request.current::<VpcEndpoint>(arn)?;
    if current == *desired {
        return Ok(());
    }
    let more: BTreeSet<String> = desired.subnets.difference(&current.subnets).cloned().collect();
    let less: BTreeSet<String> = current.subnets.difference(&desired.subnets).cloned().collect();
    if more.is_empty() || less.is_empty() {
        return modify(request, arn, desired, &more, &less).await;
    }
    for subnet in more {
        match modify(request, arn, desired, &[subnet].into(), &BTreeSet::new()).await {
            Err(error) if error.code.as_deref() == Some(SAME_ZONE) => {}
            answer => return answer,
        }
    }
    modify(request, arn, desired, &BTreeSet::new(), &less.into_iter().take(1).collect()).await
}

/// The call that makes it as it shall be, but for the subnets: those in `more` come and those in `less` go.
async fn modify(
    request: &Request<'_>,
    arn: &str,
    desired: &VpcEndpoint,
    more: &BTreeSet<String>,
    less: &BTreeSet<String>,
) -> Result<(), CallError> {
    let modify = |world: &mut World| {
        let current = world.change::<VpcEndpoint>(arn, NOT_FOUND)?.subnets.clone();
        // AWS takes no second subnet of a zone, not even where the call lets the first one go: the operator of OpenShift's
        // endpoints (openshift/aws-vpce-operator) removes those first for that reason.
        let mut wanted = VpcEndpoint { subnets: &current | more, ..desired.clone() };
        check(world, &wanted, Some(arn))?;
        wanted.subnets = &wanted.subnets - less;
        let until = world.now + settles(desired);
        *world.change::<VpcEndpoint>(arn, NOT_FOUND)? = wanted;
        if let Some(record) = world.record_mut(arn) {
            record.state = State::Settling { word: "pending".to_owned(), until };
        }
        Ok(())
    };
    request.call("ec2:ModifyVpcEndpoint", modify).await
}

pub(super) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| {
        let (_, endpoint) = id_of::<VpcEndpoint>(world, arn, NOT_FOUND)?;
        let until = world.now + settles(&endpoint);
        if let Some(record) = world.record_mut(arn).filter(|record| !record.is_deleting()) {
            record.state = State::Deleting { word: "deleting".to_owned(), until };
        }
        Ok(())
    };
    gone_is_done(request.call("ec2:DeleteVpcEndpoints", delete).await)
}

fn is_interface(endpoint: &VpcEndpoint) -> bool {
    endpoint.endpoint_type == VpcEndpoint::INTERFACE
}

/// Interfaces take their time, to come and to go.
fn settles(endpoint: &VpcEndpoint) -> Millis {
    if is_interface(endpoint) { ENDPOINT_SETTLES } else { ROUTES_SETTLE }
}

fn make(world: &mut World, request: &Request<'_>, desired: &VpcEndpoint) -> Answer<String> {
    rules::tags(INVALID, &request.tags)?;
    world.refer_vpc(&desired.vpc)?;
    let name = desired.service.strip_prefix(&format!("com.amazonaws.{}.", world.place));
    let name = name.filter(|name| SERVICES.contains(name)).ok_or_else(|| {
        let message = format!("The Vpc Endpoint Service '{}' does not exist", desired.service);
        Rejection::invalid("InvalidServiceName", message)
    })?;
    rules::require(is_interface(desired) != BY_ROUTES.contains(&name), INVALID, || {
        format!("Endpoint type ({}) does not match available service types", desired.endpoint_type)
    })?;
    check(world, desired, None)?;
    let until = world.now + settles(desired);
    let record = made(world, request, "vpce", "vpc-endpoint", desired.clone().into());
    Ok(put(world, record.settling("pending", until)))
}

/// Refuses an endpoint that names what does not fit, or whose place another has.
fn check(world: &World, desired: &VpcEndpoint, own: Option<&str>) -> Answer<()> {
    if is_interface(desired) {
        check_interfaces(world, desired)?;
    } else {
        check_tables(world, desired)?;
    }
    for (record, other) in world.all::<VpcEndpoint>() {
        let same =
            own != Some(record.arn.as_str()) && other.vpc == desired.vpc && other.service == desired.service;
        if !same {
            continue;
        }
        if let Some(table) = other.route_tables.intersection(&desired.route_tables).next() {
            let message = format!("route table {table} already has a route with destination-prefix-list-id");
            return Err(Rejection::conflict("RouteAlreadyExists", message));
        }
        rules::require(!(other.private_dns && desired.private_dns), INVALID, || {
            format!(
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {} in the VPC {}",
                desired.service, desired.vpc
            )
        })?;
    }
    Ok(())
}

fn check_interfaces(world: &World, desired: &VpcEndpoint) -> Answer<()> {
    let mut zones = BTreeSet::new();
    for id in &desired.subnets {
        let message = format!("The subnet ID '{id}' does not exist");
        let missing = || {
            let made = world.made_subnet(id);
            let reject = if made { Rejection::not_yet } else { Rejection::not_found };
            reject("InvalidSubnetID.NotFound", message)
        };
        let (vpc, zone) = world.subnet(id).ok_or_else(missing)?;
        rules::require(vpc == desired.vpc, INVALID, || format!("Subnet {id} is not in VPC {}", desired.vpc))?;
        rules::require(zones.insert(zone), SAME_ZONE, || {
            format!("Found another VPC endpoint subnet in the availability zone of {id}")
        })?;
    }
    for id in &desired.security_groups {
        let arn = world.place().arn("ec2", &format!("security-group/{id}"));
        let message = format!("The security group '{id}' does not exist");
        let (_, group) = world.referred::<SecurityGroup>(&arn, "InvalidGroup.NotFound", &message)?;
        rules::require(group.vpc == desired.vpc, INVALID, || {
            format!("Security group {id} is not in VPC {}", desired.vpc)
        })?;
    }
    let vpc = world.all::<neap_core::kinds::Vpc>().find(|(record, _)| record.id == desired.vpc);
    let named = vpc.is_none_or(|(_, vpc)| vpc.dns_support && vpc.dns_hostnames);
    rules::require(named || !desired.private_dns, INVALID, || {
        format!(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {}",
            desired.vpc
        )
    })
}

fn check_tables(world: &World, desired: &VpcEndpoint) -> Answer<()> {
    for id in &desired.route_tables {
        let arn = world.place().arn("ec2", &format!("route-table/{id}"));
        let message = format!("The routeTable ID '{id}' does not exist");
        let (_, table) = world.referred::<RouteTable>(&arn, "InvalidRouteTableId.NotFound", &message)?;
        rules::require(table.vpc == desired.vpc, INVALID, || {
            format!("Route table {id} is not in VPC {}", desired.vpc)
        })?;
    }
    Ok(())
}

/// The endpoint that has a network interface in one of these subnets.
pub(super) fn in_subnets(world: &World, subnets: &BTreeSet<String>) -> Option<String> {
    let mut endpoints = world.all::<VpcEndpoint>();
    endpoints
        .find(|(_, endpoint)| !endpoint.subnets.is_disjoint(subnets))
        .map(|(record, _)| record.id.clone())
}

/// The endpoint that is in a VPC, or whose routes are in a table.
pub(super) fn user_of(world: &World, vpc: &str, table: Option<&str>) -> Option<String> {
    let uses = |endpoint: &VpcEndpoint| {
        endpoint.vpc == vpc && table.is_none_or(|table| endpoint.route_tables.contains(table))
    };
    world.all::<VpcEndpoint>().find(|(_, endpoint)| uses(endpoint)).map(|(record, _)| record.id.clone())
}
