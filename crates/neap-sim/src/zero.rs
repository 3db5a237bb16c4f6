//! What is left of a stack, as the records of the world say it.
//!
//! Decides which calls that takes and what each shows. Goes through the world's records itself: what finds resources for
//! plans, by address and by name, is not asked.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use neap_core::desired::TAG_STACK;
use neap_core::live::ReadFailure;
use neap_core::zero::{Depth, Hint, Remains, Seen, StackScope, Thing};
use neap_engine::cloud::{CallError, ErrorKind};

use crate::sim::Sim;
use crate::world::{ACCOUNT, REGION};

mod seen;

/// How often a call that is throttled is made, as the SDK would.
const ATTEMPTS: usize = 3;
/// The index of tags.
const INDEX: &str = "tag:GetResources";

/// A call that lists, with what stays unseen when it fails.
struct Listing(&'static str, &'static [Thing]);

const BALANCING: &[Thing] =
    &[Thing::LoadBalancer, Thing::ClassicLoadBalancer, Thing::Listener, Thing::ListenerRule];

/// The calls that show what can stand in the way.
const NEAR: &[Listing] = &[
    Listing("elasticloadbalancing:DescribeLoadBalancers", BALANCING),
    Listing("elasticloadbalancing:DescribeLoadBalancerAttributes", &[Thing::LoadBalancer]),
    Listing("elasticloadbalancing:DescribeListeners", &[Thing::Listener, Thing::ListenerRule]),
    Listing("elasticloadbalancing:DescribeRules", &[Thing::ListenerRule]),
    Listing("elasticloadbalancing:DescribeTargetGroups", &[Thing::TargetGroup]),
    Listing("elasticloadbalancing:DescribeTags", BALANCING),
    Listing("ecs:ListClusters", &[Thing::Cluster, Thing::Service, Thing::Task]),
    Listing("ecs:DescribeClusters", &[Thing::Cluster]),
    Listing("ecs:ListServices", &[Thing::Service]),
    Listing("ecs:DescribeServices", &[Thing::Service]),
    Listing("ecs:ListTasks", &[Thing::Task]),
    Listing("ecs:DescribeTasks", &[Thing::Task]),
    Listing("autoscaling:DescribeAutoScalingGroups", &[Thing::AutoScalingGroup]),
    Listing("ecr:DescribeRepositories", &[Thing::Repository]),
    Listing("ecr:DescribeImages", &[Thing::Repository]),
    Listing("ecr:ListTagsForResource", &[Thing::Repository]),
    Listing("ec2:DescribeSecurityGroups", &[Thing::SecurityGroup]),
    Listing("ec2:DescribeNetworkInterfaces", &[Thing::NetworkInterface]),
    Listing("ec2:DescribeVpcs", &[Thing::Vpc]),
    Listing("ec2:DescribeInternetGateways", &[Thing::InternetGateway]),
    Listing("ec2:DescribeAddresses", &[Thing::ElasticIp]),
    Listing("ec2:DescribeNatGateways", &[Thing::NatGateway]),
    Listing("ec2:DescribeVpcEndpoints", &[Thing::VpcEndpoint]),
    Listing("ec2:DescribeRouteTables", &[Thing::RouteTable]),
    Listing("ec2:DescribeSubnets", &[Thing::Subnet]),
];

/// The calls that show the rest.
const FAR: &[Listing] = &[
    Listing("ec2:DescribeSecurityGroupRules", &[Thing::SecurityGroupRule]),
    Listing("ecs:ListTaskDefinitions", &[Thing::TaskDefinition]),
    Listing("ecs:DescribeTaskDefinition", &[Thing::TaskDefinition]),
    Listing("ecs:DescribeCapacityProviders", &[Thing::CapacityProvider]),
    Listing("logs:DescribeLogGroups", &[Thing::LogGroup]),
    Listing("logs:ListTagsForResource", &[Thing::LogGroup]),
    Listing("ec2:DescribeLaunchTemplates", &[Thing::LaunchTemplate]),
    Listing("ec2:DescribeInstances", &[Thing::Instance]),
    Listing("iam:ListInstanceProfiles", &[Thing::InstanceProfile]),
    Listing("iam:ListInstanceProfileTags", &[Thing::InstanceProfile]),
    Listing("iam:ListRoles", &[Thing::Role]),
    Listing("iam:ListRoleTags", &[Thing::Role]),
    Listing("cloudwatch:DescribeAlarms", &[Thing::Alarm]),
    Listing("application-autoscaling:DescribeScalableTargets", &[Thing::ScalableTarget]),
    Listing("application-autoscaling:ListTagsForResource", &[Thing::ScalableTarget]),
    Listing("cloudfront:ListDistributions", &[Thing::Distribution]),
    Listing("cloudfront:ListTagsForResource", &[Thing::Distribution, Thing::Function]),
    Listing("s3:ListAllMyBuckets", &[Thing::Bucket]),
    Listing("s3:GetBucketTagging", &[Thing::Bucket]),
    Listing("cloudfront:ListOriginAccessControls", &[Thing::OriginAccessControl]),
    Listing("acm:ListCertificates", &[Thing::Certificate]),
    Listing("acm:ListTagsForCertificate", &[Thing::Certificate]),
    Listing("cloudfront:ListFunctions", &[Thing::Function]),
    Listing("route53:ListHostedZones", &[Thing::Record]),
    Listing("route53:ListResourceRecordSets", &[Thing::Record]),
    Listing("servicediscovery:ListNamespaces", &[Thing::Namespace, Thing::DiscoveryService]),
    Listing("servicediscovery:ListServices", &[Thing::DiscoveryService]),
    Listing("servicediscovery:ListTagsForResource", &[Thing::Namespace, Thing::DiscoveryService]),
    Listing("ssm:DescribeParameters", &[Thing::Parameter]),
    Listing(INDEX, &[]),
];

/// The call that shows a lock in a bucket. The sandbox keeps no such record: its locks are files.
const BUCKET: &[Listing] = &[Listing("s3:ListBucket", &[Thing::Object])];

/// Lists what may be left of the stack of `scope`.
pub(crate) async fn remains(sim: &Sim, scope: &StackScope) -> Result<Remains, CallError> {
    let scope = &scope.in_account(ACCOUNT);
    sim.enter(scope.region.as_deref().unwrap_or(REGION));
    // Whoever is not let in at all cannot read anything.
    attempt(sim, "sts:GetCallerIdentity").await?;
    let everything = scope.depth == Depth::Everything;
    let far = if everything { FAR } else { &[] };
    let bucket = if everything && scope.lock_object.is_some() { BUCKET } else { &[] };
    let mut unseen: BTreeSet<Thing> = BTreeSet::new();
    if scope.depth == Depth::Blockers {
        unseen.extend(FAR.iter().flat_map(|Listing(_, things)| *things));
    }
    let mut unread = Vec::new();
    let listings: Vec<&Listing> = NEAR.iter().chain(far).chain(bucket).collect();
    let answers = join_all(listings.iter().map(|Listing(operation, _)| attempt(sim, operation))).await;
    for (Listing(_, things), answer) in listings.into_iter().zip(answers) {
        if let Err(error) = answer {
            unseen.extend(*things);
            unread.push(failure(error));
        }
    }
    sim.wave().await;
    sim.wave().await;
    Ok(sim.look_as_shown(|world| {
        let asked =
            scope.depth == Depth::Everything && unread.iter().all(|failure| failure.operation != INDEX);
        let index = if asked { world.tagged(TAG_STACK, &scope.stack) } else { Vec::new() };
        let mut seen = seen::everything(world);
        seen.retain(|seen| !unseen.contains(&seen.thing) && concerns(scope, seen, &index));
        let is_seen = |arn: &str| seen.iter().any(|seen| is_under(seen, arn));
        let ghosts = index.iter().filter(|arn| !is_seen(arn));
        let hints = ghosts.map(|arn| Hint { arn: arn.clone(), is_ghost: true }).collect();
        Remains { account: ACCOUNT.to_owned(), region: world.place.clone(), seen, hints, unread }
    }))
}

/// Whether an ARN is that of what was seen, under whatever id.
fn is_under(seen: &Seen, arn: &str) -> bool {
    arn == seen.id || arn.strip_suffix(&seen.id).is_some_and(|start| start.ends_with(['/', ':']))
}

/// Whether a reader lists it at all. Log groups and task definitions are too many to look at each: of these it asks for
/// names, and for what the index of tags names.
fn concerns(scope: &StackScope, seen: &Seen, index: &[String]) -> bool {
    let named = seen.name.starts_with(&scope.prefix()) || scope.has_name(seen.thing, &seen.name);
    let indexed = || index.iter().any(|arn| is_under(seen, arn));
    match seen.thing {
        Thing::LogGroup => {
            let of_cluster = seen.name.starts_with("/aws/ecs/containerinsights/");
            of_cluster || seen.name.starts_with(&scope.path()) || named || indexed()
        }
        Thing::TaskDefinition => named || indexed(),
        _ => true,
    }
}

/// Makes one call, again if it is throttled.
async fn attempt(sim: &Sim, operation: &str) -> Result<(), CallError> {
    let mut answer = sim.read_call(operation, None).await;
    for _ in 1..ATTEMPTS {
        match &answer {
            Err(error) if error.kind == ErrorKind::Throttled => {
                answer = sim.read_call(operation, None).await;
            }
            _ => break,
        }
    }
    answer
}

fn failure(error: CallError) -> ReadFailure {
    let denied = error.kind == ErrorKind::Denied;
    ReadFailure { operation: error.operation, code: error.code, message: error.message, denied }
}
