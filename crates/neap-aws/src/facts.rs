//! Facts about the account: who we are, the network that the stack lives in, and secrets that it names.
//!
//! Decides which subnets a stack gets. Must not know what uses them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, RouteTable, Subnet, Vpc};
use futures_util::future::join_all;
use neap_core::desired::{Desired, Network};
use neap_core::kinds::Resource;
use neap_core::live::{Environment, ReadFailure};
use neap_core::reference::{Fact, Processor, Reference};
use neap_core::subnets::{self as candidates, Candidate};
use neap_engine::cloud::{CallError, ErrorKind};
use tokio::{join, try_join};

use crate::certificate;
use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::found::{if_there, read_failure};
use crate::named;
use crate::route53::Zones;

/// What is known about the account, and what could not be read.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The facts; of the availability zones all that the account can use.
    pub(crate) environment: Environment,
    /// Reads that failed.
    pub(crate) failures: Vec<ReadFailure>,
    /// Things worth a warning.
    pub(crate) warnings: Vec<String>,
}

/// Reads the facts that the stack needs; only without an account is there no answer.
pub(crate) async fn read(aws: &Aws, desired: &Desired, zones: &Zones) -> Result<Facts, CallError> {
    let others = async {
        Ok(join!(
            network(aws, desired),
            secrets(aws, desired),
            parameters(aws, desired),
            images(aws, desired),
            named::read(aws, desired),
            cloudfront_origins(aws, desired),
            zones.needed_and_private(aws, desired),
            certificate::unusable(aws, desired)
        ))
    };
    let (identity, (network, secrets, parameters, images, named, origins, zones, certificates)) =
        try_join!(aws.identity(), others)?;
    let mut failures = Vec::new();
    let network = network.unwrap_or_else(|error| {
        failures.push(read_failure(&error));
        Chosen::default()
    });
    let secrets = secrets.unwrap_or_else(|error| {
        failures.push(read_failure(&error));
        BTreeMap::new()
    });
    let images = images.unwrap_or_else(|error| {
        failures.push(read_failure(&error));
        BTreeMap::new()
    });
    failures.extend(named.errors.iter().map(read_failure));
    let cloudfront_origins = origins.unwrap_or_else(|error| {
        failures.push(read_failure(&error));
        None
    });
    let (zones, private_zones) = zones.unwrap_or_else(|error| {
        failures.push(read_failure(&error));
        (BTreeMap::new(), BTreeSet::new())
    });
    let certificates = certificates.unwrap_or_else(|error| {
        failures.push(read_failure(&error));
        BTreeMap::new()
    });
    let environment = Environment {
        account: identity.account.clone(),
        region: aws.region.clone(),
        partition: identity.partition.clone(),
        vpc: network.vpc,
        subnets: network.subnets,
        subnets_private: network.private,
        secrets,
        images,
        named: named.named,
        cloudfront_origins,
        zones,
        private_zones,
        certificates,
        availability_zones: named.zones,
        taken_buckets: [].into(),
    };
    Ok(Facts { environment, failures, warnings: parameters })
}

/// The VPC and the subnets that a stack gets.
#[derive(Debug, Default, PartialEq, Eq)]
struct Chosen {
    vpc: Option<String>,
    subnets: Vec<String>,
    private: bool,
}

/// Whether anything in the stack refers to the network.
fn needs_network(desired: &Desired) -> bool {
    let is_network = |(_, reference): &(String, Reference)| {
        matches!(reference, Reference::Fact(Fact::Vpc | Fact::Subnets))
    };
    desired.resources.values().any(|resource| resource.references().iter().any(is_network))
}

async fn network(aws: &Aws, desired: &Desired) -> Result<Chosen, CallError> {
    if !needs_network(desired) {
        return Ok(Chosen::default());
    }
    match &desired.network {
        Network::Default => {
            let vpcs = vpcs(aws, filter("is-default", "true"));
            let (vpcs, subnets) = try_join!(vpcs, subnets(aws, filter("default-for-az", "true")))?;
            // Its subnets are public, unless somebody has turned them round.
            Ok(choose(vpcs.first(), &subnets, |_| true))
        }
        Network::Id(id) => {
            let by_id = || filter("vpc-id", id);
            let (vpcs, subnets, tables) =
                try_join!(vpcs(aws, by_id()), subnets(aws, by_id()), route_tables(aws, by_id()))?;
            Ok(choose(vpcs.first(), &subnets, |id| is_public(id, &tables)))
        }
        // It is no fact but a part of the stack.
        Network::Own(_) => Ok(Chosen::default()),
        Network::Name(name) => {
            let vpcs = vpcs(aws, filter("tag:Name", name)).await?;
            let [vpc] = vpcs.as_slice() else { return none_or_ambiguous(name, &vpcs) };
            let by_id = || filter("vpc-id", vpc.vpc_id().unwrap_or_default());
            let (subnets, tables) = try_join!(subnets(aws, by_id()), route_tables(aws, by_id()))?;
            Ok(choose(Some(vpc), &subnets, |id| is_public(id, &tables)))
        }
    }
}

fn none_or_ambiguous(name: &str, vpcs: &[Vpc]) -> Result<Chosen, CallError> {
    if vpcs.is_empty() {
        return Ok(Chosen::default());
    }
    let ids: Vec<&str> = vpcs.iter().filter_map(Vpc::vpc_id).collect();
    let message = format!("{} VPCs have the name `{name}`: {}", ids.len(), ids.join(", "));
    Err(refused(ErrorKind::Invalid, "ec2:DescribeVpcs", message))
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

async fn vpcs(aws: &Aws, filter: Filter) -> Result<Vec<Vpc>, CallError> {
    let pages = aws.ec2.describe_vpcs().filters(filter).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("ec2:DescribeVpcs"))
}

async fn subnets(aws: &Aws, filter_by: Filter) -> Result<Vec<Subnet>, CallError> {
    let request = aws.ec2.describe_subnets().filters(filter_by).filters(filter("state", "available"));
    let pages = request.into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("ec2:DescribeSubnets"))
}

async fn route_tables(aws: &Aws, filter: Filter) -> Result<Vec<RouteTable>, CallError> {
    let pages = aws.ec2.describe_route_tables().filters(filter).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("ec2:DescribeRouteTables"))
}

/// The subnets of the VPC that the stack gets.
fn choose(vpc: Option<&Vpc>, subnets: &[Subnet], is_public: impl Fn(&str) -> bool) -> Chosen {
    let Some(vpc_id) = vpc.and_then(Vpc::vpc_id) else { return Chosen::default() };
    let found = subnets.iter().filter_map(|subnet| {
        let (id, zone) = (subnet.subnet_id()?, subnet.availability_zone_id().or(subnet.availability_zone())?);
        let is_local = subnet.availability_zone_id().is_some_and(is_local_zone);
        let usable = subnet.vpc_id() == Some(vpc_id) && !is_local;
        usable.then(|| Candidate { zone, id, public: is_public(id) })
    });
    let chosen = candidates::choose(&found.collect::<Vec<_>>());
    Chosen {
        vpc: Some(vpc_id.to_owned()),
        subnets: chosen.iter().map(|subnet| subnet.id.to_owned()).collect(),
        private: chosen.iter().any(|subnet| !subnet.public),
    }
}

/// Local and Wavelength zones have a third part in their ids: `use1-bos1-az1` beside `use1-az1`.
fn is_local_zone(zone_id: &str) -> bool {
    zone_id.split('-').count() > 2
}

/// Whether a subnet's route table, its own or else the main one, leads to an internet gateway.
fn is_public(subnet: &str, tables: &[RouteTable]) -> bool {
    let own = |table: &&RouteTable| {
        table.associations().iter().any(|association| association.subnet_id() == Some(subnet))
    };
    let main = |table: &&RouteTable| {
        table.associations().iter().any(|association| association.main().unwrap_or(false))
    };
    let table = tables.iter().find(own).or_else(|| tables.iter().find(main));
    table.is_some_and(|table| {
        let mut gateways = table.routes().iter().filter_map(|route| route.gateway_id());
        gateways.any(|gateway| gateway.starts_with("igw-"))
    })
}

/// ARNs of the secrets that the stack names. `ListSecrets` lags behind by minutes, so each is asked for by name.
async fn secrets(aws: &Aws, desired: &Desired) -> Result<BTreeMap<String, String>, CallError> {
    let found = join_all(desired.secrets().into_iter().map(|name| secret(aws, name))).await;
    found.into_iter().filter_map(Result::transpose).collect()
}

async fn secret(aws: &Aws, name: String) -> Result<Option<(String, String)>, CallError> {
    let answer = aws.secrets.describe_secret().secret_id(&name).send().await;
    let Some(answer) = if_there(answer.map_err(failed("secretsmanager:DescribeSecret")))? else {
        return Ok(None);
    };
    // A secret with a deletion date can no longer be read by anyone.
    let usable = answer.deleted_date().is_none();
    Ok(answer.arn().filter(|_| usable).map(|arn| (name, arn.to_owned())))
}

/// Where AWS names the image that it recommends for instances of ECS ("Retrieving Amazon ECS-optimized Linux AMI metadata").
const fn image_parameter(processor: Processor) -> &'static str {
    match processor {
        Processor::X86 => "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
        Processor::Arm => "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id",
    }
}

/// The images that AWS recommends for the processors of the stack's instances.
async fn images(aws: &Aws, desired: &Desired) -> Result<BTreeMap<String, String>, CallError> {
    let processor = |(_, reference): (String, Reference)| match reference {
        Reference::Fact(Fact::EcsImage(processor) | Fact::NewestEcsImage(processor)) => Some(processor),
        _ => None,
    };
    let references = desired.resources.values().flat_map(|resource| resource.references());
    let needed: BTreeSet<Processor> = references.filter_map(processor).collect();
    if needed.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names = needed.iter().map(|processor| image_parameter(*processor).to_owned()).collect();
    // Names that do not exist are told apart, not refused.
    let answer = aws.ssm.get_parameters().set_names(Some(names)).send().await;
    let answer = answer.map_err(failed("ssm:GetParameters"))?;
    let image = |processor: &Processor| {
        let name = image_parameter(*processor);
        let found = answer.parameters().iter().find(|parameter| parameter.name() == Some(name))?;
        Some((processor.as_str().to_owned(), found.value()?.to_owned()))
    };
    Ok(needed.iter().filter_map(image).collect())
}

/// The prefix list of the addresses from which CloudFront asks origins, by its name ("Use the CloudFront managed prefix
/// list"). Its id is another one in each region.
async fn cloudfront_origins(aws: &Aws, desired: &Desired) -> Result<Option<String>, CallError> {
    const NAME: &str = "com.amazonaws.global.cloudfront.origin-facing";
    if !desired.refers_to(Fact::CloudfrontOrigins) {
        return Ok(None);
    }
    let request = aws.ec2.describe_managed_prefix_lists().filters(filter("prefix-list-name", NAME));
    let pages = request.into_paginator().items().send();
    let lists: Vec<_> =
        pages.collect::<Result<_, _>>().await.map_err(failed("ec2:DescribeManagedPrefixLists"))?;
    // Anybody may give a list of theirs the same name.
    let of_aws = lists.into_iter().find(|list| list.owner_id() == Some("AWS"));
    Ok(of_aws.and_then(|list| list.prefix_list_id))
}

/// Warnings about SSM parameters that tasks name and that do not exist.
async fn parameters(aws: &Aws, desired: &Desired) -> Vec<String> {
    let named = named_parameters(desired, &aws.region);
    let names: Vec<String> = named.iter().flatten().cloned().collect();
    let pages = join_all(names.chunks(50).map(|names| existing_parameters(aws, names))).await;
    let existing: BTreeSet<String> = match pages.into_iter().collect::<Result<Vec<_>, _>>() {
        Ok(pages) => pages.into_iter().flatten().collect(),
        Err(error) => return vec![format!("whether the tasks' SSM parameters exist is not known: {error}")],
    };
    let missing = named.iter().filter(|names| !names.iter().any(|name| existing.contains(name)));
    missing.map(|names| format!("the SSM parameter `{}` does not exist", names[0])).collect()
}

async fn existing_parameters(aws: &Aws, names: &[String]) -> Result<Vec<String>, CallError> {
    use aws_sdk_ssm::types::ParameterStringFilter;
    const OPERATION: &str = "ssm:DescribeParameters";
    let filter = ParameterStringFilter::builder().key("Name").option("Equals");
    let filter = filter.set_values(Some(names.to_vec())).build().map_err(|_| incomplete(OPERATION, "Key"))?;
    let pages = aws.ssm.describe_parameters().parameter_filters(filter).into_paginator().send();
    let pages: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(failed(OPERATION))?;
    let parameters = pages.into_iter().flat_map(|page| page.parameters.unwrap_or_default());
    Ok(parameters.filter_map(|parameter| parameter.name).collect())
}

/// For each SSM parameter of this account and region that a task names, the names that it may have: an ARN does not
/// tell `x` from `/x`.
fn named_parameters(desired: &Desired, region: &str) -> BTreeSet<Vec<String>> {
    let tasks = desired.resources.values().filter_map(|resource| match &resource.resource {
        Resource::Task(task) => Some(task),
        _ => None,
    });
    let containers = tasks.flat_map(|task| task.containers.values());
    let arns = containers.flat_map(|container| {
        let options = container.logs.iter().flat_map(|logs| logs.secret_options.values());
        container.secrets.values().chain(options)
    });
    arns.filter_map(|arn| parameter_names(arn, region, desired.account.as_deref())).collect()
}

fn parameter_names(arn: &str, region: &str, account: Option<&str>) -> Option<Vec<String>> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "ssm", arn_region, arn_account, resource] = parts.as_slice() else { return None };
    let here = (*arn_region == "${aws.region}" || *arn_region == region)
        && (*arn_account == "${aws.account}" || Some(*arn_account) == account);
    let name = resource.strip_prefix("parameter/").filter(|name| here && !name.contains("${"))?;
    Some(if name.contains('/') {
        vec![format!("/{name}")]
    } else {
        vec![name.to_owned(), format!("/{name}")]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::{Route, RouteTableAssociation};

    fn subnet(id: &str, zone: &str) -> Subnet {
        Subnet::builder().vpc_id("vpc-1").subnet_id(id).availability_zone_id(zone).build()
    }

    fn table(subnet: Option<&str>, gateway: &str) -> RouteTable {
        let association = RouteTableAssociation::builder().set_subnet_id(subnet.map(Into::into));
        let association = association.main(subnet.is_none()).build();
        RouteTable::builder()
            .associations(association)
            .routes(Route::builder().gateway_id(gateway).build())
            .build()
    }

    #[track_caller]
    fn check(subnets: &[Subnet], tables: &[RouteTable], expected: &[&str], private: bool) {
        let vpc = Vpc::builder().vpc_id("vpc-1").build();
        let chosen = choose(Some(&vpc), subnets, |id| is_public(id, tables));
        assert_eq!(chosen.subnets, expected);
        assert_eq!(chosen.private, private);
    }

    #[test]
    fn local_zones_and_other_vpcs_are_left_out() {
        let other = Subnet::builder().vpc_id("vpc-2").subnet_id("subnet-9").build();
        let subnets = [subnet("subnet-1", "use1-az1"), subnet("subnet-2", "use1-bos1-az1"), other];
        check(&subnets, &[table(None, "igw-1")], &["subnet-1"], false);
    }

    #[test]
    fn a_subnet_is_public_if_its_own_table_or_else_the_main_one_leads_to_an_internet_gateway() {
        let subnets = [subnet("subnet-1", "use1-az1"), subnet("subnet-2", "use1-az2")];
        let own = |gateway| table(Some("subnet-2"), gateway);
        check(&subnets, &[table(None, "local"), own("igw-1")], &["subnet-2"], false);
        check(&subnets, &[table(None, "igw-1"), own("nat-1")], &["subnet-1"], false);
        check(&subnets, &[table(None, "igw-1")], &["subnet-1", "subnet-2"], false);
        check(&subnets, &[table(None, "local")], &["subnet-1", "subnet-2"], true);
    }

    #[test]
    fn two_vpcs_of_one_name_are_an_error_and_none_is_none() {
        let vpc = |id: &str| Vpc::builder().vpc_id(id).build();
        let error = none_or_ambiguous("main", &[vpc("vpc-1"), vpc("vpc-2")]).expect_err("ambiguous");
        assert_eq!(error.message, "2 VPCs have the name `main`: vpc-1, vpc-2");
        assert_eq!(none_or_ambiguous("main", &[]), Ok(Chosen::default()));
    }

    #[test]
    fn parameters_are_named_as_their_arns_allow() {
        let check = |arn: &str, expected: Option<&[&str]>| {
            let names = parameter_names(arn, "eu-west-1", Some("123456789012"));
            let expected = expected.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(names, expected, "{arn}");
        };
        check("arn:aws:ssm:${aws.region}:${aws.account}:parameter/a/b", Some(&["/a/b"]));
        check("arn:aws:ssm:eu-west-1:123456789012:parameter/a", Some(&["a", "/a"]));
        check("arn:aws:ssm:us-east-1:123456789012:parameter/a", None);
        check("arn:aws:ssm:eu-west-1:999999999999:parameter/a", None);
        check("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a", None);
        check("${secret.a}", None);
    }
}
